//! What is found again: placements that are unclear, and the calls of dead workers.

use ringfleet_core::CallState;

use super::*;

#[tokio::test]
async fn an_unclear_answer_is_looked_into_and_never_repeated() {
    let fake = FakeLivekit::start(quick()).await;
    let settings = RestSettings { queue: Duration::ZERO, ..settings() };
    let carrier = LivekitCarrier::open(trunk(&fake.url(), json!({})), settings, Hints::default()).unwrap();
    for end in ["20", "30", "60"] {
        place(&carrier, order("01")).await; // a clear answer between them
        let (ending, steps) = place(&carrier, order(end)).await;
        assert_eq!(short(&ending).0, Some(Outcome::Answered), "{end}: {ending:?}");
        assert!(steps.contains(&Progress::Answered), "{end}: {steps:?}");
    }
    let (ending, _) = place(&carrier, order("40")).await;
    assert_eq!(ending, Ending::uncertain("placement_unknown"), "nothing proves it");
    let unclear = |(number, times): (String, usize)| (!number.ends_with("01")).then_some(times);
    assert_eq!(fake.by_number().into_iter().filter_map(unclear).collect::<Vec<_>>(), [1, 1, 1]);
    assert_eq!(fake.asked("CreateSIPParticipant"), 7);
    assert_eq!(fake.rooms(), 0);
}

/// Whoever is in it would go on unseen.
#[tokio::test]
async fn a_room_that_is_not_closed_at_once_is_closed_again() {
    let fake = FakeLivekit::start(quick()).await;
    fake.upset("DeleteRoom", [Upset::Refuses(429), Upset::Refuses(503)]);
    let (ending, _) = place(&carrier(&fake), order("40")).await;
    assert_eq!(ending, Ending::uncertain("placement_unknown"));
    assert_eq!((fake.rooms(), fake.asked("DeleteRoom")), (0, 3));
}

/// The answer got lost and the callee was never seen: what a webhook tells is the only word there is.
#[tokio::test]
async fn a_hint_finds_a_call_whose_answer_was_lost() {
    use Outcome::{Answered, Rejected, Unanswered, Uncertain};
    for (word, expected) in [
        ("USER_REJECTED", (Some(Rejected), "busy", None, Some(EndedBy::Callee))),
        ("USER_UNAVAILABLE", (Some(Unanswered), "unavailable", None, Some(EndedBy::Callee))),
        ("CLIENT_INITIATED", (Some(Answered), "completed", None, Some(EndedBy::Callee))),
        ("ROOM_DELETED", (Some(Uncertain), "provider_silent", None, Some(EndedBy::Carrier))), // agents hang up so
        ("SIP_TRUNK_FAILURE", (Some(Uncertain), "provider_silent", None, Some(EndedBy::Carrier))),
    ] {
        let fake = FakeLivekit::start(quick()).await;
        let (carrier, registry) = hinted(&fake, settings());
        let order = order("40"); // 500, and no call in any list
        let call = order.call;
        let attempt = carrier.prepare(order).await.unwrap();
        let placed = tokio::spawn(attempt.place(unbounded_channel().0, CancellationToken::new()));
        let told = hinting(|| registry.hint(call, format!("PA_1 {word}")));
        tokio::select! {
            ending = placed => assert_eq!(short(&ending.unwrap()), expected, "{word}"),
            () = told => panic!("nobody looks"),
        }
    }
}

#[tokio::test]
async fn a_dead_workers_call_is_found_and_ended() {
    let ringing = FakeLivekit::start(slow()).await;
    let answered = FakeLivekit::start(manners(20, 60_000)).await;
    for (fake, status, expected) in
        [(&ringing, "ringing", Outcome::Unanswered), (&answered, "active", Outcome::Answered)]
    {
        let order = Order { ring_timeout: Duration::from_secs(30), ..order("01") };
        let attempt = carrier(fake).prepare(order).await.unwrap();
        let kept = attempt.resume();
        let placing = tokio::spawn(attempt.place(unbounded_channel().0, CancellationToken::new()));
        let rings = async {
            while fake.calls().first().is_none_or(|call| call.status != status) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(SOON, rings).await.expect("it comes so far");
        // Whoever placed it knows nothing of the resolver: a carrier of its own, as another process has.
        let ending = carrier(fake).resolve(&kept, None).await;
        assert_eq!(short(&ending), (Some(expected), "worker_lost", None, Some(EndedBy::Caller)), "{status}");
        assert_eq!(fake.calls()[0].left, Some("ROOM_DELETED"));
        assert_eq!((fake.calls().len(), fake.rooms()), (1, 0), "nobody was called again");
        placing.abort();
    }
}

/// The agent hangs up just before whoever takes the call over looks for the first time, or is told just then.
#[tokio::test]
async fn an_adopted_talk_that_its_agent_has_ended_does_not_look_unanswered() {
    let fake = FakeLivekit::start(manners(20, 60_000)).await;
    let (carrier, registry) = hinted(&fake, settings());
    let order = order("01");
    let call = order.call;
    let attempt = carrier.prepare(order).await.unwrap();
    let kept = attempt.resume();
    for refused in [0, 3] {
        fake.upset("ListParticipants", std::iter::repeat_n(Upset::Refuses(503), refused));
        let told = hinting(|| registry.hint(call, "PA_1 ROOM_DELETED".into()));
        let found = tokio::select! {
            found = carrier.resolve(&kept, None) => found,
            () = told => panic!("nobody looks"),
        };
        assert_eq!(found, Ending::uncertain("provider_silent"), "{refused} failed looks");
        let ending = Ending::of_orphan(CallState::Ongoing, None, found);
        assert_eq!(short(&ending).0, Some(Outcome::Answered), "{refused} failed looks");
    }
}

#[tokio::test]
async fn what_cannot_be_found_is_uncertain() {
    let fake = FakeLivekit::start(quick()).await;
    let carrier = carrier(&fake);
    let uncertain = Ending::uncertain("worker_lost");
    let attempt = carrier.prepare(order("01")).await.unwrap();
    let kept = attempt.resume();
    assert_eq!(carrier.resolve(&kept, None).await, uncertain, "never placed, for all we know");
    assert_eq!(carrier.resolve(&json!({"sip": 1}), None).await, uncertain);
    attempt.place(unbounded_channel().0, CancellationToken::new()).await;
    assert_eq!(carrier.resolve(&kept, None).await, uncertain, "over: what it came to is nowhere");
    assert_eq!(fake.calls().len(), 1);
}

/// Else all of a list would be used up while a server answers every request with an error.
#[tokio::test]
async fn a_server_that_answers_nothing_clear_is_left_alone_for_a_while() {
    let fake = FakeLivekit::start(quick()).await;
    let carrier = carrier(&fake);
    for _ in 0..4 {
        let (ending, _) = place(&carrier, order("20")).await;
        assert_eq!(short(&ending).0, Some(Outcome::Answered), "what was found is no longer unclear");
    }
    for _ in 0..3 {
        assert_eq!(short(&place(&carrier, order("40")).await.0).1, "placement_unknown");
    }
    for _ in 0..5 {
        let (ending, _) = place(&carrier, order("40")).await;
        let kept_back = (Some(Outcome::Failed), "network", None, Some(EndedBy::Carrier));
        assert_eq!(short(&ending), kept_back, "nobody is charged for it");
    }
    assert_eq!(fake.asked("CreateRoom"), 7);
    assert_eq!(short(&place(&carrier, order("01")).await.0).0, Some(Outcome::Answered), "it is tried again");
}
