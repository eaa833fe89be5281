//! Who tells how a call ends, and who is believed.

use super::*;

/// Nothing is asked as long as it lasts: the signed word of the provider is enough. One that is overtaken by the end is looked up then.
#[tokio::test]
async fn webhooks_alone_tell_everything() {
    use Outcome::{Answered, Failed, Rejected, Voicemail};
    for webhooks in [Webhooks::InOrder, Webhooks::Twice, Webhooks::OutOfOrder] {
        let lists = webhooks == Webhooks::OutOfOrder;
        let fake = FakeTelnyx::start(Manners { webhooks, lists, ..QUICK }).await;
        let here = reached(&fake, NEVER, json!({})).await;
        for (end, outcome, reason) in [
            ("01", Answered, "completed"),
            ("07", Rejected, "busy"),
            ("08", Voicemail, "machine"),
            ("09", Failed, "bad_number"),
        ] {
            let (ending, steps) = place(&*here.carrier, order(end)).await;
            assert_eq!((short(&ending).0, short(&ending).1), (Some(outcome), reason), "{end} {webhooks:?}");
            let is_in_order = webhooks != Webhooks::OutOfOrder;
            assert!(!is_in_order || steps.contains(&Progress::Ringing), "{end} {webhooks:?} {steps:?}");
        }
        assert_eq!(fake.asked("GET /v2/calls/"), 0);
    }
}

#[tokio::test]
async fn a_forged_webhook_is_not_believed() {
    let fake = FakeTelnyx::start(Manners { webhooks: Webhooks::Forged, lists: false, ..QUICK }).await;
    let quick = settings().pace;
    let here = reached(&fake, quick, json!({})).await;
    let (ending, _) = place(&*here.carrier, order("07")).await;
    // It is over, says the provider; how, only somebody else.
    assert_eq!(short(&ending), (Some(Outcome::Uncertain), "provider_silent", None));
    assert_eq!(here.refused.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn of_whom_nobody_tells_how_it_ended_is_uncertain_and_nobody_waits_for_ever() {
    let fake = FakeTelnyx::start(Manners { lists: false, ..QUICK }).await;
    let (ending, steps) = place(&carrier(&fake), order("01")).await;
    assert_eq!(short(&ending), (Some(Outcome::Uncertain), "provider_silent", None));
    assert!(steps.contains(&Progress::Ringing), "{steps:?}");
}
