//! Which of the messages that the provider lists is the one that is looked for.

use super::{Kept, TwilioSmsCarrier, fingerprint, messages::Shown};
use crate::{
    find::Sought,
    rest::is_sid,
    twilio::{
        find::{was_made_then, went_out},
        known::Known,
    },
};

/// The message that `kept` speaks of: the same text to the same number, made at that time.
pub(super) struct Text<'a> {
    pub(super) carrier: &'a TwilioSmsCarrier,
    pub(super) kept: &'a Kept,
}

impl Sought for Text<'_> {
    type Shown = Shown;

    async fn listed(&self) -> Vec<Shown> {
        let Self { carrier, kept } = self;
        let messages = carrier.desk.api.messages(kept.to, kept.from.as_deref()).await;
        candidates(messages.unwrap_or_default(), kept, &carrier.desk.api.known.lock())
    }

    async fn named(&self, sid: &str) -> Option<Shown> {
        if !is_sid(sid) {
            return None;
        }
        let shown = self.carrier.desk.api.message(sid).await.ok()?;
        shown.to.as_deref().is_none_or(|to| to == self.kept.to.to_string()).then_some(shown)
    }
}

fn candidates(messages: Vec<Shown>, kept: &Kept, known: &Known) -> Vec<Shown> {
    let fits = |shown: &Shown| {
        let is_ours = went_out(shown.direction.as_deref()) && was_made_then(kept.at, shown.date_created);
        let says_it = shown.body.as_deref().is_some_and(|text| fingerprint(text) == kept.text);
        is_ours && says_it && is_sid(&shown.sid) && !known.has(&shown.sid)
    };
    messages.into_iter().filter(fits).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_the_same_text_of_that_time_that_is_nobody_elses_can_be_it() {
        let kept = Kept {
            call: "ses_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
            to: "+12025550101".parse().unwrap(),
            from: None,
            text: fingerprint("Hi Asha"),
            at: "2026-03-01T12:00:00Z".parse().unwrap(),
            sid: None,
        };
        let message = |sid: &str, created: &str, direction: &str, body: &str| -> Shown {
            let shown = json!({"sid": sid, "date_created": created, "direction": direction, "body": body});
            serde_json::from_value(shown).unwrap()
        };
        let then = "Sun, 01 Mar 2026 12:00:02 +0000";
        let messages = vec![
            message("SM1", then, "outbound-api", "Hi Asha"),
            message("SM2", then, "outbound-api", "Hi Asha"),
            message("SM3", then, "inbound", "Hi Asha"),
            message("SM4", then, "outbound-api", "Hi Bela"),
            message("SM5", "Sun, 01 Mar 2026 12:05:00 +0000", "outbound-api", "Hi Asha"),
            message("SM6", "", "outbound-api", "Hi Asha"),
            message("../SM7", then, "outbound-api", "Hi Asha"),
        ];
        let mut known = Known::default();
        known.add("SM2");
        let found: Vec<_> = candidates(messages, &kept, &known).into_iter().map(|it| it.sid).collect();
        assert_eq!(found, ["SM1"]);
    }
}
