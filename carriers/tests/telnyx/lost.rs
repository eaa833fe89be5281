//! What is found again: placements that are unclear, and the calls of dead workers.

use super::*;

#[tokio::test]
async fn an_unclear_answer_is_looked_into_and_never_repeated() {
    for webhooks in [Webhooks::Lost, Webhooks::InOrder] {
        let fake = FakeTelnyx::start(Manners { webhooks, ..QUICK }).await;
        let here = reached(&fake, settings().pace, json!({})).await;
        for end in ["20", "30", "60"] {
            place(&*here.carrier, order("01")).await; // a clear answer between them
            let (ending, steps) = place(&*here.carrier, order(end)).await;
            assert_eq!(short(&ending).0, Some(Outcome::Answered), "{end}: {ending:?}");
            assert!(matches!(&steps[0], Progress::Resume(kept) if kept["leg"].is_object()), "{steps:?}");
        }
        let (ending, _) = place(&*here.carrier, order("40")).await;
        let unknown = (Some(Outcome::Uncertain), "placement_unknown", None);
        assert_eq!(short(&ending), unknown, "nothing proves it");
        let unclear = |(number, times): (String, usize)| (!number.ends_with("01")).then_some(times);
        assert_eq!(fake.by_number().into_iter().filter_map(unclear).collect::<Vec<_>>(), [1, 1, 1]);
        assert_eq!(fake.asked("POST /v2/calls") - fake.asked("POST /v2/calls/"), 7);
    }
}

/// It is over before it is looked for, and in no list of live calls.
#[tokio::test]
async fn a_call_that_was_soon_over_is_found_among_what_was_told() {
    let manners = Manners { queue: Duration::ZERO, ring: Duration::ZERO, talk: Duration::ZERO, ..QUICK };
    let fake = FakeTelnyx::start(manners).await;
    let (ending, _) = place(&carrier(&fake), order("30")).await;
    assert_eq!(short(&ending), (Some(Outcome::Answered), "completed", None));
}

#[tokio::test]
async fn a_dead_workers_call_is_found_and_ended() {
    let fake = FakeTelnyx::start(SLOW).await;
    let carrier = carrier(&fake);
    for (end, knows_leg) in [("01", true), ("02", false), ("30", false)] {
        let attempt = carrier.prepare(order(end)).await.unwrap();
        let mut kept = attempt.resume();
        let (progress, mut seen) = unbounded_channel();
        let dead = fake.calls().len();
        let placing = tokio::spawn(attempt.place(progress, CancellationToken::new()));
        while !fake.calls().get(dead).is_some_and(|call| call.is_alive()) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        if knows_leg && let Some(Progress::Resume(with_leg)) = seen.recv().await {
            kept = with_leg;
        }
        // Another process has a carrier of its own.
        let ending = super::carrier(&fake).resolve(&kept, None).await;
        assert_eq!(short(&ending), (Some(Outcome::Unanswered), "worker_lost", None), "{end}");
        assert!(fake.calls()[dead].is_over());
        placing.abort();
    }
    assert_eq!(fake.calls().len(), 3, "nobody was called again");
}

#[tokio::test]
async fn a_dead_workers_call_that_was_answered_or_is_over_says_so() {
    let fake = FakeTelnyx::start(Manners { talk: SLOW.talk, ..QUICK }).await;
    let stream = trunk(&fake.url(), json!({"stream": {"url": "wss://agent.example.com/a"}}));
    let carrier = TelnyxCarrier::open(stream, settings(), Hints::default()).unwrap();
    let attempt = carrier.prepare(order("01")).await.unwrap();
    let kept = attempt.resume();
    let (progress, mut seen) = unbounded_channel();
    let placing = tokio::spawn(attempt.place(progress, CancellationToken::new()));
    while seen.recv().await.expect("it goes on") != Progress::Answered {}
    let ending = super::carrier(&fake).resolve(&kept, None).await;
    assert_eq!(short(&ending), (Some(Outcome::Answered), "worker_lost", None));
    placing.abort();

    let fake = FakeTelnyx::start(QUICK).await;
    let attempt = super::carrier(&fake).prepare(order("07")).await.unwrap();
    let kept = attempt.resume();
    attempt.place(unbounded_channel().0, CancellationToken::new()).await;
    let ending = super::carrier(&fake).resolve(&kept, None).await;
    assert_eq!(short(&ending), (Some(Outcome::Rejected), "busy", Some(486)), "as it had ended");
}

#[tokio::test]
async fn what_cannot_be_found_is_uncertain() {
    let fake = FakeTelnyx::start(QUICK).await;
    let carrier = carrier(&fake);
    let kept = carrier.prepare(order("01")).await.unwrap().resume();
    place(&carrier, order("01")).await; // to the same number, at the same time
    let uncertain = (Some(Outcome::Uncertain), "worker_lost", None);
    assert_eq!(short(&carrier.resolve(&kept, None).await), uncertain, "never placed, for all we know");
    assert_eq!(short(&carrier.resolve(&json!({"sip": 1}), None).await), uncertain);
    assert_eq!(fake.calls().len(), 1);
}
