//! What is asked for, how it ends, and what is refused.

use super::*;

#[tokio::test]
async fn the_end_of_the_number_decides() {
    use Outcome::{Answered, Failed, Rejected, Unanswered, Voicemail};
    let fake = FakeTelnyx::start(QUICK).await;
    let carrier = carrier(&fake);
    for (end, expected) in [
        ("01", (Some(Answered), "completed", None)),
        ("06", (Some(Unanswered), "no_answer", None)),
        ("07", (Some(Rejected), "busy", Some(486))),
        ("08", (Some(Voicemail), "machine", None)),
        ("09", (Some(Failed), "bad_number", Some(404))),
        ("91", (Some(Failed), "dropped", Some(503))),
        ("10", (Some(Failed), "bad_number", Some(11))),
        ("50", (Some(Failed), "forbidden", Some(12))),
        ("00", (None, "throttled", Some(429))),
        ("00", (Some(Answered), "completed", None)),
        ("70", (None, "trunk_busy", Some(1))),
        ("70", (Some(Answered), "completed", None)),
    ] {
        let (ending, steps) = place(&carrier, order(end)).await;
        assert_eq!(short(&ending), expected, "{end}");
        let was_told = |step| steps.iter().filter(|told| **told == step).count();
        let answered = matches!(expected.0, Some(Answered | Voicemail));
        assert_eq!(was_told(Progress::Answered), usize::from(answered), "{end}: {steps:?}");
        assert!(was_told(Progress::Ringing) <= 1, "{end}: {steps:?}");
    }
    let waits = |ending| matches!(ending, Ending::NoRoom { retry_after, .. } if retry_after.as_secs() == 1);
    assert!(waits(place(&super::carrier(&FakeTelnyx::start(QUICK).await), order("00")).await.0));
}

#[tokio::test]
async fn what_is_asked_for_is_what_was_ordered() {
    let fake = FakeTelnyx::start(QUICK).await;
    let callbacks = Some("http://127.0.0.1:9/".parse().unwrap());
    let settings = RestSettings { callbacks, ..settings() };
    let carrier =
        TelnyxCarrier::open(trunk(&fake.url(), json!({})), settings.clone(), Hints::default()).unwrap();
    let order =
        Order { record: Some("recording".into()), ring_timeout: Duration::from_secs(25), ..order("01") };
    let call = order.call;
    place(&carrier, order).await;
    let taken = fake.calls().remove(0);
    for (name, value) in [
        ("connection_id", CONNECTION),
        ("to", "+12025550101"),
        ("from", "+12025550199"),
        ("webhook_url", &format!("http://127.0.0.1:9/callbacks/telnyx/{call}")),
        ("answering_machine_detection", "detect"),
        ("record", "record-from-answer"),
        ("record_channels", "dual"),
    ] {
        assert_eq!(taken.field(name), value, "{name}");
    }
    assert_eq!((&taken.dial["timeout_secs"], &taken.dial["time_limit_secs"]), (&json!(25), &json!(60)));
    assert!(taken.field("command_id").starts_with(&format!("{call}-")), "{taken:?}");

    let local = RestSettings { callbacks: Some("http://localhost:8080".parse().unwrap()), ..settings };
    let plain = trunk(&fake.url(), json!({"machineDetection": false}));
    let carrier = TelnyxCarrier::open(plain, local, Hints::default()).unwrap();
    place(&carrier, super::order("08")).await;
    let dial = fake.calls().remove(1).dial;
    assert!(dial["webhook_url"].is_null() && dial["answering_machine_detection"].is_null(), "{dial}");
}

#[tokio::test]
async fn only_what_cannot_have_been_sent_is_a_plain_failure() {
    let _ = settings();
    let nobody = {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", socket.local_addr().unwrap())
    };
    for url in [nobody.as_str(), "http://no-such-host.invalid", "http://10.0.0.1", "https://127.0.0.1:1"] {
        let carrier = TelnyxCarrier::open(trunk(url, json!({})), settings(), Hints::default()).unwrap();
        let ending = place(&carrier, order("01")).await.0;
        assert_eq!(short(&ending), (Some(Outcome::Failed), "network", None), "{url}");
        assert_eq!(carrier.probe().await, Err("network"), "{url}");
    }
}

#[tokio::test]
async fn credentials_are_probed() {
    let fake = FakeTelnyx::start(QUICK).await;
    assert_eq!(carrier(&fake).probe().await, Ok(()));
    let wrong = trunk(&fake.url(), json!({"apiKey": "KEY_wrong"}));
    let wrong = TelnyxCarrier::open(wrong, settings(), Hints::default()).unwrap();
    assert_eq!(wrong.probe().await, Err("auth"));
    let (ending, _) = place(&wrong, order("01")).await;
    assert_eq!(short(&ending), (Some(Outcome::Failed), "auth", Some(10009)));
    let other = trunk(&fake.url(), json!({"connectionId": "1"}));
    let other = TelnyxCarrier::open(other, settings(), Hints::default()).unwrap();
    assert_eq!(other.probe().await, Err("auth"), "there is no such application");
}

#[tokio::test]
async fn hanging_up_ends_it_wherever_it_is() {
    let ringing = FakeTelnyx::start(SLOW).await;
    let talking = FakeTelnyx::start(Manners { talk: SLOW.talk, ..QUICK }).await;
    let stream = json!({"stream": {"url": "wss://agent.example.com/a"}});
    for (fake, until, expected) in [
        (&ringing, Progress::Ringing, (Some(Outcome::Unanswered), "cancelled", None)),
        (&talking, Progress::Answered, (Some(Outcome::Answered), "completed", None)),
    ] {
        let trunk = trunk(&fake.url(), stream.clone());
        let carrier = TelnyxCarrier::open(trunk, settings(), Hints::default()).unwrap();
        let (progress, mut seen) = unbounded_channel();
        let hangup = CancellationToken::new();
        let attempt = carrier.prepare(order("01")).await.unwrap();
        let placed = tokio::spawn(attempt.place(progress, hangup.clone()));
        while seen.recv().await.expect("it goes on") != until {}
        hangup.cancel();
        let ending = tokio::time::timeout(SOON, placed).await.expect("it is ended").unwrap();
        assert_eq!(short(&ending), expected);
        assert!(matches!(ending, Ending::Over { by: EndedBy::Caller, .. }));
        assert!(fake.calls()[0].is_over());
    }
}

/// The provider does not keep to its word.
#[tokio::test]
async fn what_rings_or_lasts_too_long_is_hung_up() {
    let fake = FakeTelnyx::start(SLOW).await;
    let settings = RestSettings { queue: Duration::ZERO, ..settings() };
    let carrier = TelnyxCarrier::open(trunk(&fake.url(), json!({})), settings, Hints::default()).unwrap();
    let short_ring = Order { ring_timeout: Duration::from_millis(200), ..order("01") };
    let (ending, steps) = place(&carrier, short_ring).await;
    assert_eq!(short(&ending), (Some(Outcome::Unanswered), "ring_timeout", None));
    assert!(steps.contains(&Progress::Ringing), "{steps:?}");

    let fake = FakeTelnyx::start(Manners { talk: SLOW.talk, ..QUICK }).await;
    let brief = Order { max_duration: Duration::from_millis(200), ..order("01") };
    let (ending, _) = place(&super::carrier(&fake), brief).await;
    assert_eq!(ending, Ending::over(Outcome::Answered, "completed", None, EndedBy::Caller));
}

/// Else all of a list would be used up while a provider answers every request with an error.
#[tokio::test]
async fn a_provider_that_answers_nothing_clear_is_left_alone_for_a_while() {
    let fake = FakeTelnyx::start(QUICK).await;
    let carrier = carrier(&fake);
    for _ in 0..3 {
        assert_eq!(short(&place(&carrier, order("40")).await.0).1, "placement_unknown");
    }
    for _ in 0..5 {
        let (ending, _) = place(&carrier, order("40")).await;
        assert_eq!(short(&ending), (Some(Outcome::Failed), "network", None), "nobody is charged for it");
    }
    assert_eq!(fake.asked("POST "), 3);
}

/// A call that came back keeps its id; what is told of its earlier attempt must not be taken for news of this one.
#[tokio::test]
async fn each_attempt_of_a_call_carries_a_name_of_its_own() {
    let fake = FakeTelnyx::start(QUICK).await;
    let carrier = carrier(&fake);
    let order = order("07");
    place(&carrier, order.clone()).await;
    place(&carrier, order).await;
    let [first, second] = [0, 1].map(|n| fake.calls()[n].dial.clone());
    for name in ["command_id", "client_state"] {
        assert_ne!(first[name], second[name], "{name}");
    }
}
