//! Which of the calls that the provider lists is the one that is looked for.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Kept, TwilioCarrier, calls::Shown, known::Known};
use crate::{find::Sought, rest::is_sid};

/// How far the clocks of a provider and of this machine may be apart.
const SKEW: TimeDelta = TimeDelta::seconds(30);
/// How long after what is kept was written a call may have been placed: a few seconds to begin it, and as long as a request may take.
const PLACED_WITHIN: TimeDelta = TimeDelta::seconds(30);

/// Whether what was made at this moment may be what was kept at `at`, just before it was sent.
pub(crate) fn was_made_then(at: DateTime<Utc>, made: Option<DateTime<Utc>>) -> bool {
    let window = at - SKEW..=at + PLACED_WITHIN + SKEW;
    made.is_some_and(|made| window.contains(&made))
}

/// Whether the direction says that it went out; where it says nothing, it did.
pub(crate) fn went_out(direction: Option<&str>) -> bool {
    direction.is_none_or(|direction| direction.starts_with("outbound"))
}

/// The call that `kept` speaks of: between these numbers, made at that time.
pub(super) struct Call<'a> {
    pub(super) carrier: &'a TwilioCarrier,
    pub(super) kept: &'a Kept,
}

impl Sought for Call<'_> {
    type Shown = Shown;

    async fn listed(&self) -> Vec<Shown> {
        let Self { carrier, kept } = self;
        let calls = carrier.desk.api.calls(kept.to, kept.from.as_deref()).await.unwrap_or_default();
        candidates(calls, kept, &carrier.desk.api.known.lock())
    }

    async fn named(&self, sid: &str) -> Option<Shown> {
        if !is_sid(sid) {
            return None;
        }
        let shown = self.carrier.desk.api.call(sid).await.ok()?;
        shown.to.as_deref().is_none_or(|to| to == self.kept.to.to_string()).then_some(shown)
    }
}

fn candidates(calls: Vec<Shown>, kept: &Kept, known: &Known) -> Vec<Shown> {
    let fits = |shown: &Shown| {
        let is_ours = went_out(shown.direction.as_deref()) && was_made_then(kept.at, shown.date_created);
        is_ours && is_sid(&shown.sid) && !known.has(&shown.sid)
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
