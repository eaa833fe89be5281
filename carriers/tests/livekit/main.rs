//! The LiveKit carrier against a server that keeps its rooms, and misbehaves.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../../../tests/support/livekit.rs"]
#[allow(dead_code, reason = "each test program uses its own part of it")]
mod fake;
mod looks;
mod lost;
#[path = "../rest_support/mod.rs"]
mod rest_support;

use std::{sync::Arc, time::Duration};

use fake::{
    FakeLivekit, Manners, SIP_TRUNK, Upset,
    tokens::{KEY, SECRET},
};
use rest_support::{SOON, order, place};
use ringfleet_carriers::{
    AgentAt, Carrier, Connector, Handover, Hints, LivekitCarrier, Order, Pace, Progress, Registry,
    RestSettings, Say, Script, SipSettings,
};
use ringfleet_core::{EndedBy, Ending, Outcome, livekit_trunk::LivekitTrunk, net::Guard, trunk::TrunkConfig};
use serde_json::{Value, json};
use tokio::sync::mpsc::unbounded_channel;
use tokio_util::sync::CancellationToken;

fn manners(ring: u64, talk: u64) -> Manners {
    Manners { ring: Duration::from_millis(ring), talk: Duration::from_millis(talk), webhook: None }
}

/// Rings and talks for a moment.
fn quick() -> Manners {
    manners(60, 100)
}

/// Rings and talks for longer than any test lasts.
fn slow() -> Manners {
    manners(60_000, 60_000)
}

fn settings() -> RestSettings {
    RestSettings { queue: Duration::from_secs(2), ..rest_support::settings() }
}

fn trunk(url: &str, more: Value) -> LivekitTrunk {
    let mut trunk =
        json!({"url": url, "apiKey": KEY, "apiSecret": SECRET, "sipTrunkId": SIP_TRUNK, "agentName": "asha"});
    trunk.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    serde_json::from_value(trunk).unwrap()
}

fn carrier(fake: &FakeLivekit) -> LivekitCarrier {
    LivekitCarrier::open(trunk(&fake.url(), json!({})), settings(), Hints::default()).unwrap()
}

/// A carrier of its own, and the registry that it hears of its calls by.
fn hinted(fake: &FakeLivekit, settings: RestSettings) -> (Arc<dyn Carrier>, Registry) {
    let registry = Registry::new(SipSettings::default()).with_rest(settings);
    let id = "trk_01h455vb4pex5vsknk084sn02q".parse().unwrap();
    let carrier = registry.carrier(id, &TrunkConfig::Livekit(trunk(&fake.url(), json!({})))).unwrap();
    (carrier, registry)
}

/// Hints as often as a server tells, for as long as anything takes.
async fn hinting(hint: impl Fn()) {
    let hints = async {
        loop {
            tokio::time::sleep(Duration::from_millis(20)).await;
            hint();
        }
    };
    drop(tokio::time::timeout(SOON, hints).await);
}

/// Outcome, reason, code and who ended it; a hold has none of the first.
fn short(ending: &Ending) -> (Option<Outcome>, &str, Option<u16>, Option<EndedBy>) {
    match ending {
        Ending::Over { outcome, reason, code, by } => (Some(*outcome), reason, *code, Some(*by)),
        Ending::NoRoom { reason, code, .. } => (None, reason, *code, None),
        Ending::GivenUp { reason } => (None, reason, None, None),
    }
}

#[tokio::test]
async fn the_end_of_the_number_decides() {
    use EndedBy::{Callee, Caller, Carrier};
    use Outcome::{Answered, Failed, Rejected, Unanswered};
    let fake = FakeLivekit::start(manners(60, 500)).await;
    let carrier = carrier(&fake);
    for (end, expected) in [
        ("01", (Some(Answered), "completed", None, Some(Callee))),
        ("06", (Some(Unanswered), "ring_timeout", None, Some(Caller))),
        ("07", (Some(Rejected), "busy", Some(486), Some(Callee))),
        ("08", (Some(Rejected), "declined", Some(603), Some(Callee))),
        ("09", (Some(Failed), "bad_number", Some(404), Some(Carrier))),
        ("10", (Some(Failed), "forbidden", Some(400), Some(Carrier))),
        ("50", (Some(Failed), "auth", Some(404), Some(Carrier))),
        ("00", (None, "throttled", Some(429), None)),
        ("00", (Some(Answered), "completed", None, Some(Callee))),
        ("80", (Some(Answered), "completed", None, Some(Caller))),
        ("85", (Some(Failed), "not_connected", Some(429), Some(Carrier))),
        ("95", (Some(Answered), "completed", None, Some(Callee))),
    ] {
        let (ending, steps) = place(&carrier, order(end)).await;
        assert_eq!(short(&ending), expected, "{end}");
        let was_told = |step| steps.iter().filter(|told| **told == step).count();
        assert_eq!(
            was_told(Progress::Answered),
            usize::from(expected.0 == Some(Answered)),
            "{end}: {steps:?}"
        );
        let rung = was_told(Progress::Ringing);
        match end {
            // A phone that rings for a moment only, and is not answered, may ring unseen.
            "07" | "08" | "09" => assert!(rung <= 1, "{end}: {steps:?}"),
            // Nothing was dialed.
            "10" | "50" => assert_eq!(rung, 0, "{end}: {steps:?}"),
            _ => assert_eq!(rung, usize::from(expected.0.is_some()), "{end}: {steps:?}"),
        }
    }
    assert!(fake.calls().iter().all(fake::Taken::is_over));
    assert_eq!(fake.rooms(), 0, "no agent is left behind in a room");
}

#[tokio::test]
async fn what_is_asked_for_is_what_was_ordered() {
    let fake = FakeLivekit::start(quick()).await;
    let trunk = trunk(&fake.url(), json!({"krisp": true}));
    let carrier = LivekitCarrier::open(trunk, settings(), Hints::default()).unwrap();
    let told = [("callId".into(), "ses_1".into()), ("name".into(), "Söhne \"&\" Co".into())];
    let script = Arc::new(Script { told: told.into(), ..Script::default() });
    let say = Some(Say { text: "Hello Ana".into(), voice: None });
    let order = Order { record: Some("recording".into()), say, script, ..order("01") };
    let call = order.call;
    place(&carrier, order).await;
    let taken = fake.calls().remove(0);
    let asked = json!({
        "sip_trunk_id": SIP_TRUNK, "sip_call_to": "+12025550101", "sip_number": "+12025550199", "room_name": call.to_string(),
        "participant_identity": "callee", "ringing_timeout": "1s", "max_call_duration": "120s", "krisp_enabled": true,
        "wait_until_answered": true,
    });
    assert_eq!(taken.body, asked);
    let metadata = json!({"callId": "ses_1", "name": "Söhne \"&\" Co", "greetingText": "Hello Ana", "recording": "true"});
    assert_eq!(taken.metadata, metadata);
    let mut attempt = carrier.prepare(Order { from: None, ..self::order("01") }).await.unwrap();
    attempt.show("+12025550123".into());
    attempt.place(unbounded_channel().0, CancellationToken::new()).await;
    assert_eq!(fake.calls()[1].body["sip_number"], "+12025550123", "what a pool has chosen");
    place(&carrier, Order { from: None, ..self::order("01") }).await;
    assert_eq!(fake.calls()[2].body.get("sip_number"), None, "the trunk there knows its number");
}

#[tokio::test]
async fn only_what_cannot_have_been_sent_is_a_plain_failure() {
    let _ = settings();
    let nobody = {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", socket.local_addr().unwrap())
    };
    for url in [nobody.as_str(), "http://no-such-host.invalid", "http://10.0.0.1", "https://127.0.0.1:1"] {
        let carrier = LivekitCarrier::open(trunk(url, json!({})), settings(), Hints::default()).unwrap();
        let (ending, _) = place(&carrier, order("01")).await;
        assert_eq!(short(&ending), (Some(Outcome::Failed), "network", None, Some(EndedBy::Carrier)), "{url}");
        assert_eq!(carrier.probe().await, Err("network"), "{url}");
    }
}

#[tokio::test]
async fn credentials_are_probed() {
    let fake = FakeLivekit::start(quick()).await;
    assert_eq!(carrier(&fake).probe().await, Ok(()));
    for wrong in [json!({"apiSecret": "wrong"}), json!({"apiKey": "wrong"})] {
        let wrong = LivekitCarrier::open(trunk(&fake.url(), wrong), settings(), Hints::default()).unwrap();
        assert_eq!(wrong.probe().await, Err("auth"));
        let (ending, _) = place(&wrong, order("01")).await;
        assert_eq!(short(&ending), (Some(Outcome::Failed), "auth", Some(401), Some(EndedBy::Carrier)));
    }
    assert!(fake.calls().is_empty());
}

#[tokio::test]
async fn hanging_up_ends_it_wherever_it_is() {
    let fake = FakeLivekit::start(slow()).await;
    let answering = FakeLivekit::start(manners(20, 60_000)).await;
    for (fake, until, expected) in [
        (&fake, Progress::Ringing, (Some(Outcome::Unanswered), "cancelled", None, Some(EndedBy::Caller))),
        (&answering, Progress::Answered, (Some(Outcome::Answered), "completed", None, Some(EndedBy::Caller))),
    ] {
        let (progress, mut seen) = unbounded_channel();
        let hangup = CancellationToken::new();
        let order = Order { ring_timeout: Duration::from_secs(30), ..order("01") };
        let attempt = carrier(fake).prepare(order).await.unwrap();
        let placed = tokio::spawn(attempt.place(progress, hangup.clone()));
        while seen.recv().await.expect("it goes on") != until {}
        hangup.cancel();
        let ending = tokio::time::timeout(SOON, placed).await.expect("it is ended").unwrap();
        assert_eq!(short(&ending), expected);
        assert!(fake.calls()[0].is_over());
        assert_eq!(fake.rooms(), 0);
    }
    let hangup = CancellationToken::new();
    hangup.cancel();
    let attempt = carrier(&fake).prepare(order("01")).await.unwrap();
    let ending = attempt.place(unbounded_channel().0, hangup).await;
    assert_eq!(ending, Ending::GivenUp { reason: "cancelled".into() });
    assert_eq!(fake.calls().len(), 1);
}

#[tokio::test]
async fn an_agent_that_never_comes_has_reached_nobody() {
    let fake = FakeLivekit::start(manners(20, 60_000)).await;
    let (ending, steps) = place(&carrier(&fake), order("70")).await;
    let unreachable = (Some(Outcome::Failed), "agent_unreachable", None, Some(EndedBy::Caller));
    assert_eq!(short(&ending), unreachable);
    assert!(steps.contains(&Progress::Answered), "{steps:?}");
    assert_eq!(fake.calls()[0].left, Some("ROOM_DELETED"), "nobody is left in silence");
}

/// It rings for longer than it may, or is talked for longer: the server does not keep to its word.
#[tokio::test]
async fn what_lasts_too_long_is_ended() {
    let fake = FakeLivekit::start(slow()).await;
    let settings = RestSettings { queue: Duration::ZERO, ..settings() };
    let carrier = LivekitCarrier::open(trunk(&fake.url(), json!({})), settings, Hints::default()).unwrap();
    let (ending, steps) = place(&carrier, order("01")).await;
    assert_eq!(short(&ending), (Some(Outcome::Unanswered), "ring_timeout", None, Some(EndedBy::Caller)));
    assert!(steps.contains(&Progress::Ringing), "{steps:?}");

    let fake = FakeLivekit::start(manners(20, 60_000)).await;
    let short_call = Order { max_duration: Duration::from_millis(300), ..order("01") };
    let (ending, _) = place(&self::carrier(&fake), short_call).await;
    assert_eq!(short(&ending), (Some(Outcome::Answered), "max_duration", None, Some(EndedBy::Caller)));
    assert!(fake.calls()[0].is_over());
}

/// A webhook knows what a look into the room cannot show.
#[tokio::test]
async fn a_hint_says_when_to_look_and_who_hung_up() {
    for (end, note, by, outcome) in [
        ("90", "PA_1 ROOM_DELETED", EndedBy::Caller, Outcome::Answered),
        ("90", "", EndedBy::Callee, Outcome::Answered),
        ("90", "PA_2 ROOM_DELETED", EndedBy::Callee, Outcome::Answered), // another placement's callee
        ("01", "PA_1 MEDIA_FAILURE", EndedBy::Carrier, Outcome::Answered),
    ] {
        let fake = FakeLivekit::start(quick()).await;
        // Without hints the first look would come after a minute. One that says nothing of this callee makes nobody believe one look.
        let pause = Duration::from_secs(60);
        let pace = match note.starts_with("PA_1") {
            true => Pace { first: pause, longest: pause },
            false => settings().pace,
        };
        let (carrier, registry) = hinted(&fake, RestSettings { pace, ..settings() });
        let order = order(end);
        let call = order.call;
        let attempt = carrier.prepare(order).await.unwrap();
        let placed = tokio::spawn(attempt.place(unbounded_channel().0, CancellationToken::new()));
        let told = hinting(|| {
            let is_over = fake.calls().first().is_some_and(fake::Taken::is_over);
            registry.hint(call, if is_over { note.into() } else { String::new() });
        });
        tokio::select! {
            ending = placed => {
                let ending = ending.unwrap();
                let (got, _, _, who) = short(&ending);
                assert_eq!((got, who), (Some(outcome), Some(by)), "{note}");
            }
            () = told => panic!("nobody looks"),
        }
    }
}

#[tokio::test]
async fn an_agent_elsewhere_cannot_be_brought_into_the_room() {
    let fake = FakeLivekit::start(quick()).await;
    let handover = |at| Handover {
        at,
        parameters: [].into(),
        call: "ses_1".into(),
        account: "org_1".into(),
        connector: Arc::new(Connector::new(Guard::default())),
    };
    for at in [
        AgentAt::WebSocket("wss://agent.example.com/a".parse().unwrap()),
        AgentAt::Telephone("sip:desk@pbx.example.com".parse().unwrap()),
    ] {
        let script = Arc::new(Script { handover: Some(handover(at)), ..Script::default() });
        let refused = carrier(&fake).prepare(Order { script, ..order("01") }).await.err();
        let expected = Ending::over(Outcome::Failed, "agent_unreachable", None, EndedBy::Caller);
        assert_eq!(refused, Some(expected));
    }
    assert_eq!(fake.asked("CreateRoom"), 0);
}
