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

/// They are called again only if it is certain that they had not picked up.
#[tokio::test]
async fn whether_somebody_had_picked_up_is_found_out_or_uncertain() {
    use Outcome::{Answered, Unanswered, Uncertain};
    let fake = FakeTelnyx::start(Manners { webhooks: Webhooks::InOrder, talk: SLOW.talk, ..QUICK }).await;
    let here = reached(&fake, settings().pace, json!({"machineDetection": false})).await;
    for (end, expected) in [("31", (Answered, "completed")), ("41", (Uncertain, "provider_silent"))] {
        let ending = hung_up_when(&fake, &here, order(end), |call| call.answered).await;
        assert_eq!((short(&ending).0, short(&ending).1), (Some(expected.0), expected.1), "{end}");
    }

    let fake = FakeTelnyx::start(Manners { webhooks: Webhooks::InOrder, lists: false, ..SLOW }).await;
    let here = reached(&fake, settings().pace, json!({})).await;
    let ending = hung_up_when(&fake, &here, order("01"), fake::Taken::is_alive).await;
    assert_eq!(short(&ending), (Some(Unanswered), "cancelled", None), "that is certain without a list");
}

/// Places a call and hangs up as soon as the provider has it so.
async fn hung_up_when(
    fake: &FakeTelnyx,
    here: &Reached,
    order: Order,
    is_so: impl Fn(&fake::Taken) -> bool,
) -> Ending {
    let (hangup, at) = (CancellationToken::new(), fake.calls().len());
    let attempt = here.carrier.prepare(order).await.unwrap();
    let placed = tokio::spawn(attempt.place(unbounded_channel().0, hangup.clone()));
    tokio::time::timeout(SOON, async {
        while !fake.calls().get(at).is_some_and(&is_so) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .expect("it comes so far");
    hangup.cancel();
    tokio::time::timeout(SOON, placed).await.expect("it is ended").unwrap()
}

/// As long as one of the two questions is answered, or webhooks come, nothing is missing.
#[tokio::test]
async fn one_source_is_enough() {
    use Outcome::{Answered, Rejected, Uncertain, Voicemail};
    for (webhooks, tens) in [(Webhooks::Lost, "1"), (Webhooks::InOrder, "1"), (Webhooks::InOrder, "2")] {
        let fake = FakeTelnyx::start(Manners { webhooks, ..QUICK }).await;
        let here = reached(&fake, settings().pace, json!({})).await;
        for (last, outcome) in [("1", Answered), ("7", Rejected), ("8", Voicemail)] {
            let (ending, _) = place(&*here.carrier, order(&format!("{tens}{last}"))).await;
            assert_eq!(short(&ending).0, Some(outcome), "{tens}{last} {webhooks:?}: {ending:?}");
        }
    }
    let fake = FakeTelnyx::start(QUICK).await;
    let (ending, _) = place(&carrier(&fake), order("27")).await;
    assert_eq!(short(&ending), (Some(Uncertain), "provider_silent", None), "it is over, and nobody says how");
}
