//! Finds a call of which it is not known whether the provider has it. Asks, and never places one.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::{Kept, Known, TwilioCarrier, api::Shown};
use crate::hints::Ear;

/// How far the clocks of a provider and of this machine may be apart.
const SKEW: TimeDelta = TimeDelta::seconds(30);
/// How long after what is kept was written a call may have been placed: a few seconds to begin it, and as long as a request may take.
const PLACED_WITHIN: TimeDelta = TimeDelta::seconds(30);

/// The call that `kept` speaks of. None when nobody can tell which it is, or whether there is one: that it is not listed proves nothing, for
/// lists lag.
///
/// A signed callback that names it decides. Otherwise it is the one call between these numbers that was made at that time.
pub(super) async fn find(carrier: &TwilioCarrier, kept: &Kept, ear: &mut Ear) -> Option<Shown> {
    let deadline = Instant::now() + carrier.settings.search;
    let mut pause = carrier.settings.pace.first;
    loop {
        if let Ok(calls) = carrier.api.calls(kept.to, kept.from.as_deref()).await {
            let found = candidates(calls, kept, &carrier.known.lock());
            match found.as_slice() {
                [] => {}
                [only] => return Some(only.clone()),
                _ => tracing::debug!(call = %kept.call, "several calls may be the one that is looked for"),
            }
        }
        let next = (Instant::now() + pause).min(deadline);
        if let Ok(sid) = timeout_at(next, ear.next()).await
            && let Some(named) = named(carrier, kept, &sid).await
        {
            return Some(named);
        }
        sleep_until(next).await;
        if next >= deadline {
            return None;
        }
        pause = (pause * 2).min(Duration::from_secs(5));
    }
}

/// The call of this id, if it can be this one.
async fn named(carrier: &TwilioCarrier, kept: &Kept, sid: &str) -> Option<Shown> {
    if !is_sid(sid) {
        return None;
    }
    let shown = carrier.api.call(sid).await.ok()?;
    shown.to.as_deref().is_none_or(|to| to == kept.to.to_string()).then_some(shown)
}

/// What may stand in a path; ids are letters and digits with Twilio, UUIDs with others.
pub(super) fn is_sid(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}

fn candidates(calls: Vec<Shown>, kept: &Kept, known: &Known) -> Vec<Shown> {
    let window = kept.at - SKEW..=kept.at + PLACED_WITHIN + SKEW;
    let fits = |shown: &Shown| {
        let is_ours = shown.direction.as_deref().is_none_or(|direction| direction.starts_with("outbound"));
        let is_then = shown.date_created.is_some_and(|at: DateTime<Utc>| window.contains(&at));
        is_ours && is_then && is_sid(&shown.sid) && !known.has(&shown.sid)
    };
    calls.into_iter().filter(fits).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_was_made_then_and_is_nobody_elses_can_be_it() {
        let at: DateTime<Utc> = "2026-03-01T12:00:00Z".parse().unwrap();
        let kept = Kept {
            call: "ses_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
            to: "+12025550101".parse().unwrap(),
            from: Some("+12025550199".into()),
            at,
            sid: None,
        };
        let call = |sid: &str, created: &str, direction: &str| -> Shown {
            let call =
                json!({"sid": sid, "status": "queued", "date_created": created, "direction": direction});
            serde_json::from_value(call).unwrap()
        };
        let calls = vec![
            call("CA1", "Sun, 01 Mar 2026 12:00:02 +0000", "outbound-api"),
            call("CA2", "2026-03-01T12:00:03Z", "outbound-api"),
            call("CA3", "Sun, 01 Mar 2026 12:00:02 +0000", "inbound"),
            call("CA4", "Sun, 01 Mar 2026 11:58:00 +0000", "outbound-api"),
            call("CA5", "Sun, 01 Mar 2026 12:05:00 +0000", "outbound-api"),
            call("CA6", "", "outbound-api"),
            call("../CA7", "2026-03-01T12:00:03Z", "outbound-api"),
        ];
        let mut known = Known::default();
        known.add("CA2");
        let found: Vec<_> = candidates(calls, &kept, &known).into_iter().map(|call| call.sid).collect();
        assert_eq!(found, ["CA1"]);
    }
}
