//! The Twilio carrier against a provider that keeps its calls, and misbehaves.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../../tests/support/twilio.rs"]
#[allow(dead_code, reason = "each test program uses its own part of it")]
mod fake;
mod rest_support;

use std::{sync::Arc, time::Duration};

use fake::{ACCOUNT, Callbacks, FakeTwilio, Manners, TOKEN};
use rest_support::{SOON, order, place, settings, short};
use ringfleet_carriers::{
    AgentAt, Carrier, Connector, Handover, Hints, Order, Pace, Progress, RestSettings, Say, Script,
    TwilioCarrier,
};
use ringfleet_core::{EndedBy, Ending, Outcome, net::Guard, trunk::TwilioTrunk};
use serde_json::{Value, json};
use tokio::sync::mpsc::unbounded_channel;
use tokio_util::sync::CancellationToken;

const QUICK: Manners = Manners {
    queue: Duration::from_millis(20),
    ring: Duration::from_millis(60),
    talk: Duration::from_millis(80),
    callbacks: Callbacks::Lost,
};
/// Rings and talks for longer than any test lasts.
const SLOW: Manners = Manners { ring: Duration::from_secs(60), talk: Duration::from_secs(60), ..QUICK };

fn trunk(url: &str, more: Value) -> TwilioTrunk {
    let mut trunk =
        json!({"accountSid": ACCOUNT, "authToken": TOKEN, "baseUrl": url, "machineDetection": true});
    trunk.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    serde_json::from_value(trunk).unwrap()
}

fn carrier(fake: &FakeTwilio) -> TwilioCarrier {
    TwilioCarrier::open(trunk(&fake.url(), json!({})), settings(), Hints::default()).unwrap()
}

#[tokio::test]
async fn the_end_of_the_number_decides() {
    use Outcome::{Answered, Failed, Rejected, Unanswered, Voicemail};
    let fake = FakeTwilio::start(QUICK).await;
    let carrier = carrier(&fake);
    for (end, expected) in [
        ("01", (Some(Answered), "completed", None)),
        ("06", (Some(Unanswered), "no_answer", None)),
        ("07", (Some(Rejected), "busy", None)),
        ("08", (Some(Voicemail), "machine", None)),
        ("09", (Some(Failed), "bad_number", Some(13224))),
        ("10", (Some(Failed), "bad_number", Some(21211))),
        ("50", (Some(Failed), "forbidden", Some(21215))),
        ("00", (None, "throttled", Some(20429))),
        ("00", (Some(Answered), "completed", None)),
    ] {
        let (ending, steps) = place(&carrier, order(end)).await;
        assert_eq!(short(&ending), expected, "{end}");
        let was_told = |step| steps.iter().filter(|told| **told == step).count();
        let answered = matches!(expected.0, Some(Answered | Voicemail));
        assert_eq!(was_told(Progress::Answered), usize::from(answered), "{end}: {steps:?}");
        assert!(was_told(Progress::Ringing) <= 1, "{end}: {steps:?}");
    }
}

#[tokio::test]
async fn what_is_asked_for_is_what_was_ordered() {
    let fake = FakeTwilio::start(QUICK).await;
    let stream = json!({"stream": {"url": "wss://agent.example.com/a", "parameters": {"lang": "de & fr"}}});
    let callbacks = Some("http://127.0.0.1:9/".parse().unwrap());
    let settings = RestSettings { callbacks, ..settings() };
    let carrier = TwilioCarrier::open(trunk(&fake.url(), stream), settings, Hints::default()).unwrap();
    let order = Order { record: Some("recording".into()), ..order("01") };
    let call = order.call;
    place(&carrier, order).await;
    let taken = fake.calls().remove(0);
    let callback = format!("http://127.0.0.1:9/callbacks/twilio/{call}");
    for (name, value) in [
        ("To", "+12025550101"),
        ("From", "+12025550199"),
        ("Timeout", "1"),
        ("TimeLimit", "60"),
        ("StatusCallback", &callback),
        ("MachineDetection", "Enable"),
        ("AsyncAmd", "true"),
        ("Record", "true"),
    ] {
        assert_eq!(taken.field(name), value, "{name}");
    }
    let events: Vec<_> = taken.form.iter().filter(|(name, _)| name == "StatusCallbackEvent").collect();
    assert_eq!(events.len(), 4);
    assert!(taken.field("Twiml").contains(r#"<Parameter name="lang" value="de &amp; fr"/>"#));
}

#[tokio::test]
async fn an_unclear_answer_is_looked_into_and_never_repeated() {
    let fake = FakeTwilio::start(QUICK).await;
    let carrier = carrier(&fake);
    for end in ["20", "30", "60"] {
        place(&carrier, order("01")).await; // a clear answer between them
        let (ending, steps) = place(&carrier, order(end)).await;
        assert_eq!(short(&ending).0, Some(Outcome::Answered), "{end}: {ending:?}");
        assert!(matches!(&steps[0], Progress::Resume(kept) if kept["sid"].is_string()), "{steps:?}");
    }
    let (ending, _) = place(&carrier, order("40")).await;
    assert_eq!(short(&ending), (Some(Outcome::Uncertain), "placement_unknown", None), "nothing proves it");
    let unclear = |(number, times): (String, usize)| (!number.ends_with("01")).then_some(times);
    assert_eq!(fake.by_number().into_iter().filter_map(unclear).collect::<Vec<_>>(), [1, 1, 1]);
    assert_eq!(fake.asked(&format!("POST /2010-04-01/Accounts/{ACCOUNT}/Calls.json")), 7);
}

#[tokio::test]
async fn only_what_cannot_have_been_sent_is_a_plain_failure() {
    let _ = settings();
    let nobody = {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", socket.local_addr().unwrap())
    };
    for url in [nobody.as_str(), "http://no-such-host.invalid", "http://10.0.0.1", "https://127.0.0.1:1"] {
        let carrier = TwilioCarrier::open(trunk(url, json!({})), settings(), Hints::default()).unwrap();
        assert_eq!(
            short(&place(&carrier, order("01")).await.0),
            (Some(Outcome::Failed), "network", None),
            "{url}"
        );
        assert_eq!(carrier.probe().await, Err("network"), "{url}");
    }
}

#[tokio::test]
async fn credentials_are_probed() {
    let fake = FakeTwilio::start(QUICK).await;
    assert_eq!(carrier(&fake).probe().await, Ok(()));
    let wrong = trunk(&fake.url(), json!({"authToken": "wrong"}));
    let wrong = TwilioCarrier::open(wrong, settings(), Hints::default()).unwrap();
    assert_eq!(wrong.probe().await, Err("auth"));
    let (ending, _) = place(&wrong, order("01")).await;
    assert_eq!(short(&ending), (Some(Outcome::Failed), "auth", Some(20003)));
    let key = trunk(&fake.url(), json!({"apiKeySid": ACCOUNT, "apiKeySecret": TOKEN, "authToken": "other"}));
    assert_eq!(
        TwilioCarrier::open(key, settings(), Hints::default()).unwrap().probe().await,
        Ok(()),
        "the key is used"
    );
}

#[tokio::test]
async fn hanging_up_ends_it_wherever_it_is() {
    let fake = FakeTwilio::start(SLOW).await;
    let carrier = carrier(&fake);
    let answering = FakeTwilio::start(Manners { talk: SLOW.talk, ..QUICK }).await;
    let answers = self::carrier(&answering);
    for (carrier, until, expected) in [
        (&carrier, Progress::Ringing, (Some(Outcome::Unanswered), "cancelled", None)),
        (&answers, Progress::Answered, (Some(Outcome::Answered), "completed", None)),
    ] {
        let (progress, mut seen) = unbounded_channel();
        let hangup = CancellationToken::new();
        let attempt = carrier.prepare(order("01")).await.unwrap();
        let placed = tokio::spawn(attempt.place(progress, hangup.clone()));
        while seen.recv().await.expect("it goes on") != until {}
        hangup.cancel();
        let ending = tokio::time::timeout(SOON, placed).await.expect("it is ended").unwrap();
        assert_eq!(short(&ending), expected);
        assert!(matches!(ending, Ending::Over { by: EndedBy::Caller, .. }));
    }
    assert!(fake.calls()[0].is_over() && answering.calls()[0].is_over());
}

#[tokio::test]
async fn a_hint_is_followed_by_a_question() {
    let fake = FakeTwilio::start(QUICK).await;
    // Without hints the first question would come after a minute.
    let pace = Pace { first: Duration::from_secs(60), longest: Duration::from_secs(60) };
    let registry = ringfleet_carriers::Registry::new(ringfleet_carriers::SipSettings::default())
        .with_rest(RestSettings { pace, ..settings() });
    let id = "trk_01h455vb4pex5vsknk084sn02q".parse().unwrap();
    let config = ringfleet_core::trunk::TrunkConfig::Twilio(trunk(&fake.url(), json!({})));
    let carrier = registry.carrier(id, &config).unwrap();
    let order = order("01");
    let call = order.call;
    let attempt = carrier.prepare(order).await.unwrap();
    let placed = tokio::spawn(attempt.place(unbounded_channel().0, CancellationToken::new()));
    let hinting = async {
        loop {
            tokio::time::sleep(Duration::from_millis(20)).await; // as often as a provider tells
            registry.hint(call, "CA1".into());
        }
    };
    tokio::select! {
        ending = placed => assert_eq!(short(&ending.unwrap()).0, Some(Outcome::Answered)),
        _ = tokio::time::timeout(SOON, hinting) => panic!("nobody asks"),
    }
}

#[tokio::test]
async fn a_dead_workers_call_is_found_and_ended() {
    let fake = FakeTwilio::start(SLOW).await;
    let carrier = carrier(&fake);
    for (end, knows_sid) in [("01", true), ("02", false), ("30", false)] {
        let attempt = carrier.prepare(order(end)).await.unwrap();
        let mut kept = attempt.resume();
        let (progress, mut seen) = unbounded_channel();
        let dead = FakeTwilio::calls(&fake).len();
        // Whoever placed it knows nothing of the resolver: a carrier of its own, as another process has.
        let hangup = CancellationToken::new();
        let placing = tokio::spawn(attempt.place(progress, hangup));
        while fake.calls().get(dead).is_none_or(|call| call.status != "ringing") {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        if knows_sid && let Some(Progress::Resume(with_sid)) = seen.recv().await {
            kept = with_sid;
        }
        let resolver = self::carrier(&fake);
        let ending = resolver.resolve(&kept, None).await;
        assert_eq!(short(&ending), (Some(Outcome::Unanswered), "worker_lost", None), "{end}");
        assert!(fake.calls()[dead].is_over());
        placing.abort();
    }
    assert_eq!(fake.calls().len(), 3, "nobody was called again");
}

#[tokio::test]
async fn what_cannot_be_found_is_uncertain() {
    let fake = FakeTwilio::start(QUICK).await;
    let carrier = carrier(&fake);
    let kept = carrier.prepare(order("01")).await.unwrap().resume();
    let uncertain = (Some(Outcome::Uncertain), "worker_lost", None);
    assert_eq!(short(&carrier.resolve(&kept, None).await), uncertain, "never placed, for all we know");
    assert_eq!(short(&carrier.resolve(&json!({"sip": 1}), None).await), uncertain);
    // Two calls at the same time to the same number: either may be it.
    place(&carrier, order("01")).await;
    place(&carrier, order("01")).await;
    let carrier = self::carrier(&fake); // to which both are strange
    assert_eq!(short(&carrier.resolve(&kept, None).await), uncertain);
    let shown = carrier.resolve(&kept, Some("+12025550777")).await;
    assert_eq!(short(&shown), uncertain, "nor by a number that was not shown");
    assert_eq!(fake.calls().len(), 2);
}

#[tokio::test]
async fn an_earlier_call_to_the_same_number_is_not_taken_for_the_one_that_is_looked_for() {
    let fake = FakeTwilio::start(QUICK).await;
    let carrier = carrier(&fake);
    let (busy, _) = place(&carrier, order("07")).await;
    assert_eq!(short(&busy).0, Some(Outcome::Rejected));
    let kept = carrier.prepare(order("07")).await.unwrap().resume();
    assert_eq!(short(&carrier.resolve(&kept, None).await).0, Some(Outcome::Uncertain));
}

#[tokio::test]
async fn no_callbacks_are_asked_for_where_nobody_could_send_them() {
    let fake = FakeTwilio::start(QUICK).await;
    for base in ["http://localhost:8080", "http://10.0.0.1", "http://192.168.1.2:8080"] {
        let settings = RestSettings { callbacks: Some(base.parse().unwrap()), ..settings() };
        let carrier = TwilioCarrier::open(trunk(&fake.url(), json!({})), settings, Hints::default()).unwrap();
        place(&carrier, order("01")).await;
    }
    let none = |call: &fake::Taken| call.field("StatusCallback").is_empty();
    assert_eq!(fake.calls().iter().filter(|call| none(call)).count(), 3);
}

/// Else all of a list would be used up while a provider answers every request with an error.
#[tokio::test]
async fn a_provider_that_answers_nothing_clear_is_left_alone_for_a_while() {
    let fake = FakeTwilio::start(QUICK).await;
    let carrier = carrier(&fake);
    for _ in 0..3 {
        assert_eq!(short(&place(&carrier, order("40")).await.0).1, "placement_unknown");
    }
    for _ in 0..5 {
        let (ending, _) = place(&carrier, order("40")).await;
        assert_eq!(short(&ending), (Some(Outcome::Failed), "network", None), "nobody is charged for it");
    }
    assert_eq!(fake.asked("POST "), 3);
    assert_eq!(short(&place(&carrier, order("01")).await.0).0, Some(Outcome::Answered), "it is tried again");
}

/// Where a pool chooses, that comes after everything else is ready.
#[tokio::test]
async fn what_it_shows_may_be_chosen_last_and_has_to_be_chosen() {
    let fake = FakeTwilio::start(QUICK).await;
    let carrier = carrier(&fake);
    let undecided = Order { from: None, ..order("01") };
    let (ending, _) = place(&carrier, undecided.clone()).await;
    assert_eq!(short(&ending), (Some(Outcome::Failed), "no_caller_id", None));
    let mut attempt = carrier.prepare(undecided).await.unwrap();
    let kept = attempt.resume();
    attempt.show("+12025550123".into());
    attempt.place(unbounded_channel().0, CancellationToken::new()).await;
    assert_eq!(fake.calls()[0].field("From"), "+12025550123");
    let resolver = self::carrier(&fake);
    for (shown, found) in
        [(Some("+12025550123"), Outcome::Answered), (Some("+12025550124"), Outcome::Uncertain)]
    {
        assert_eq!(short(&resolver.resolve(&kept, shown).await).0, Some(found), "{shown:?}");
    }
}

#[tokio::test]
async fn what_waits_in_the_queue_of_its_provider_is_taken_back_and_costs_nothing() {
    let fake = FakeTwilio::start(Manners { queue: SLOW.ring, ..QUICK }).await;
    let settings = RestSettings { queue: Duration::from_millis(50), ..settings() };
    let carrier = TwilioCarrier::open(trunk(&fake.url(), json!({})), settings, Hints::default()).unwrap();
    let (ending, steps) = place(&carrier, order("01")).await;
    assert_eq!(short(&ending), (None, "provider_queue", None));
    assert!(matches!(ending, Ending::NoRoom { retry_after, .. } if retry_after.as_secs() == 30));
    assert!(!steps.contains(&Progress::Ringing), "{steps:?}");

    let (progress, mut seen) = unbounded_channel();
    let hangup = CancellationToken::new();
    let attempt = carrier.prepare(order("02")).await.unwrap();
    let placed = tokio::spawn(attempt.place(progress, hangup.clone()));
    seen.recv().await.expect("the provider has it");
    hangup.cancel();
    assert_eq!(placed.await.unwrap(), Ending::GivenUp { reason: "cancelled".into() });
    assert!(fake.calls().iter().all(|call| call.status == "canceled"));
}

/// It rings for longer than it may: the provider does not keep to its word.
#[tokio::test]
async fn what_rings_too_long_is_cancelled_and_was_an_attempt() {
    let fake = FakeTwilio::start(SLOW).await;
    let settings = RestSettings { queue: Duration::ZERO, ..settings() };
    let carrier = TwilioCarrier::open(trunk(&fake.url(), json!({})), settings, Hints::default()).unwrap();
    let (ending, steps) = place(&carrier, order("01")).await;
    assert_eq!(short(&ending), (Some(Outcome::Unanswered), "ring_timeout", None));
    assert!(steps.contains(&Progress::Ringing), "{steps:?}");
}

#[tokio::test]
async fn a_call_goes_to_its_agent_with_what_fits() {
    let fake = FakeTwilio::start(QUICK).await;
    let carrier = TwilioCarrier::open(
        trunk(&fake.url(), json!({"stream": {"url": "wss://trunk.example.com/"}})),
        settings(),
        Hints::default(),
    )
    .unwrap();
    let told = async |more: &str| {
        let parameters =
            [("callId".into(), "ses_1".into()), ("to".into(), "+1".into()), ("name".into(), more.to_owned())];
        let handover = Handover {
            at: AgentAt::WebSocket("wss://agent.example.com/a".parse().unwrap()),
            parameters: parameters.into(),
            call: "ses_1".into(),
            account: "org_1".into(),
            connector: Arc::new(Connector::new(Guard::default())),
        };
        let script = Arc::new(Script { handover: Some(handover), ..Script::default() });
        place(&carrier, Order { script, ..order("01") }).await;
        fake.calls().last().unwrap().field("Twiml").to_owned()
    };
    let all = told("Söhne & Co").await;
    assert!(all.contains(r#"<Stream url="wss://agent.example.com/a">"#), "not the trunk's: {all}");
    assert!(all.contains(r#"<Parameter name="name" value="Söhne &amp; Co"/>"#), "{all}");
    let long = told(&"x".repeat(4_000)).await;
    let unusable = async |at: AgentAt| {
        let handover = Handover {
            at,
            parameters: [].into(),
            call: "ses_1".into(),
            account: "org_1".into(),
            connector: Arc::new(Connector::new(Guard::default())),
        };
        let script = Arc::new(Script { handover: Some(handover), ..Script::default() });
        carrier.prepare(Order { script, ..order("01") }).await.err()
    };
    let behind = |url: &str| AgentAt::WebSocket(url.parse().unwrap());
    let telephone = AgentAt::Telephone("sip:desk@pbx.example.com".parse().unwrap());
    for at in [behind("wss://agent.example.com/a?token=1"), behind("ws://agent.example.com/a"), telephone] {
        let refused = unusable(at).await.expect("Twilio connects to none of these");
        assert_eq!(refused, Ending::over(Outcome::Failed, "agent_unreachable", None, EndedBy::Caller));
    }
    assert!(!long.contains("xxx") && long.contains(r#"<Parameter name="callId" value="ses_1"/>"#), "{long}");
}

#[tokio::test]
async fn a_text_is_said_before_anything_else_and_has_to_fit() {
    let fake = FakeTwilio::start(QUICK).await;
    let carrier = carrier(&fake);
    let say = |text: &str| Some(Say { text: text.into(), voice: Some("Polly.Vitoria".into()) });
    place(&carrier, Order { say: say("Olá & bye"), ..order("01") }).await;
    assert_eq!(
        fake.calls().last().unwrap().field("Twiml"),
        r#"<Response><Say voice="Polly.Vitoria">Olá &amp; bye</Say><Hangup/></Response>"#
    );
    let long = carrier.prepare(Order { say: say(&"x".repeat(4_000)), ..order("01") }).await;
    assert!(matches!(long, Err(Ending::Over { ref reason, .. }) if reason == "twiml_too_long"));
}
