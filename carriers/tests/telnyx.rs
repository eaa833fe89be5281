//! The Telnyx carrier against a provider that keeps its calls, tells of them by signed webhooks, and misbehaves.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../../tests/support/telnyx.rs"]
#[allow(dead_code, reason = "each test program uses its own part of it")]
mod fake;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    routing::post,
};
use fake::{CONNECTION, FakeTelnyx, KEY, Manners, Webhooks};
use ringfleet_carriers::{
    AgentAt, Carrier, Connector, Handover, Hints, Order, Pace, Progress, Registry, RestSettings, Say, Script,
    SipSettings, TelnyxCarrier, telnyx,
};
use ringfleet_core::{
    CallId, Clock, EndedBy, Ending, Outcome, SystemClock, net::Guard, telnyx_trunk::TelnyxTrunk,
    trunk::TrunkConfig,
};
use serde_json::{Value, json};
use tokio::sync::mpsc::unbounded_channel;
use tokio_util::sync::CancellationToken;

const QUICK: Manners = Manners {
    queue: Duration::from_millis(20),
    ring: Duration::from_millis(60),
    talk: Duration::from_millis(120),
    webhooks: Webhooks::Lost,
    lists: true,
};
/// Longer than anything takes here, and shorter than what is slow on purpose.
const SOON: Duration = Duration::from_secs(20);
/// Rings and talks for longer than any test lasts.
const SLOW: Manners = Manners { ring: Duration::from_secs(60), talk: Duration::from_secs(60), ..QUICK };
/// Nothing is asked as long as a test lasts: what is known was told.
const NEVER: Pace = Pace { first: Duration::from_secs(60), longest: Duration::from_secs(60) };

fn settings() -> RestSettings {
    let _ = rustls::crypto::ring::default_provider().install_default();
    RestSettings {
        guard: Guard::allowing(vec!["127.0.0.0/8".parse().unwrap()]),
        pace: Pace { first: Duration::from_millis(10), longest: Duration::from_millis(40) },
        patience: Duration::from_millis(500),
        search: Duration::from_millis(400),
        ..RestSettings::default()
    }
}

fn trunk(url: &str, more: Value) -> TelnyxTrunk {
    let mut trunk = json!({
        "apiKey": KEY, "connectionId": CONNECTION, "publicKey": fake::public_key(), "baseUrl": url, "machineDetection": true,
    });
    trunk.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    serde_json::from_value(trunk).unwrap()
}

fn carrier(fake: &FakeTelnyx) -> TelnyxCarrier {
    TelnyxCarrier::open(trunk(&fake.url(), json!({})), settings(), Hints::default()).unwrap()
}

fn order(end: &str) -> Order {
    Order {
        call: CallId::new(SystemClock.now()),
        to: format!("+120255501{end}").parse().unwrap(),
        from: Some("+12025550199".into()),
        ring_timeout: Duration::from_secs(5),
        max_duration: Duration::from_secs(60),
        greeting: Arc::default(),
        say: None,
        hang_up_after_greeting: true,
        record: None,
        script: Arc::default(),
    }
}

async fn place(carrier: &dyn Carrier, order: Order) -> (Ending, Vec<Progress>) {
    let (progress, mut seen) = unbounded_channel();
    let attempt = carrier.prepare(order).await.unwrap();
    let placed = attempt.place(progress, CancellationToken::new());
    let ending = tokio::time::timeout(SOON, placed).await.expect("an ending");
    let mut steps = Vec::new();
    while let Some(step) = seen.recv().await {
        steps.push(step);
    }
    (ending, steps)
}

/// Outcome, reason and code; a hold has none of the first.
fn short(ending: &Ending) -> (Option<Outcome>, &str, Option<u16>) {
    match ending {
        Ending::Over { outcome, reason, code, .. } => (Some(*outcome), reason, *code),
        Ending::NoRoom { reason, code, .. } => (None, reason, *code),
        Ending::GivenUp { reason } => (None, reason, None),
    }
}

/// An installation that the provider reaches, as far as webhooks go.
struct Reached {
    carrier: Arc<dyn Carrier>,
    refused: Arc<AtomicUsize>,
    server: tokio::task::JoinHandle<()>,
}

impl Drop for Reached {
    fn drop(&mut self) {
        self.server.abort();
    }
}

#[derive(Clone)]
struct Door(Arc<Registry>, Arc<AtomicUsize>);

/// What the API does with a webhook.
async fn heard(
    State(Door(registry, refused)): State<Door>,
    Path(call): Path<CallId>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let header = |name: &str| headers.get(name).unwrap().to_str().unwrap();
    let (at, signature) = (header("telnyx-timestamp"), header("telnyx-signature-ed25519"));
    if !telnyx::is_signed(&fake::public_key(), at, &body, signature, SystemClock.now()) {
        refused.fetch_add(1, Ordering::Relaxed);
        return StatusCode::FORBIDDEN;
    }
    if let Some(note) = telnyx::note(&body) {
        registry.hint(call, note);
    }
    StatusCode::OK
}

async fn reached(fake: &FakeTelnyx, pace: Pace, more: Value) -> Reached {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let callbacks = Some(format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap());
    let settings = RestSettings { callbacks, pace, ..settings() };
    let registry = Arc::new(Registry::new(SipSettings::default()).with_rest(settings));
    let refused = Arc::new(AtomicUsize::new(0));
    let door = Door(registry.clone(), refused.clone());
    let routes = Router::new().route("/callbacks/telnyx/{call}", post(heard)).with_state(door);
    let server = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    let id = "trk_01h455vb4pex5vsknk084sn02q".parse().unwrap();
    let carrier = registry.carrier(id, &TrunkConfig::Telnyx(trunk(&fake.url(), more))).unwrap();
    Reached { carrier, refused, server }
}

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
        ("10", (Some(Failed), "bad_number", Some(10002))),
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
    assert!(waits(place(&self::carrier(&FakeTelnyx::start(QUICK).await), order("00")).await.0));
}

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
    place(&carrier, self::order("08")).await;
    let dial = fake.calls().remove(1).dial;
    assert!(dial["webhook_url"].is_null() && dial["answering_machine_detection"].is_null(), "{dial}");
}

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
    let (ending, _) = place(&self::carrier(&fake), brief).await;
    assert_eq!(ending, Ending::over(Outcome::Answered, "completed", None, EndedBy::Caller));
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
        let ending = self::carrier(&fake).resolve(&kept, None).await;
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
    let ending = self::carrier(&fake).resolve(&kept, None).await;
    assert_eq!(short(&ending), (Some(Outcome::Answered), "worker_lost", None));
    placing.abort();

    let fake = FakeTelnyx::start(QUICK).await;
    let attempt = self::carrier(&fake).prepare(order("07")).await.unwrap();
    let kept = attempt.resume();
    attempt.place(unbounded_channel().0, CancellationToken::new()).await;
    let ending = self::carrier(&fake).resolve(&kept, None).await;
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

fn agent(url: &str, parameters: &[(&str, &str)]) -> Arc<Script> {
    let parameters = parameters.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    handed_over(AgentAt::WebSocket(url.parse().unwrap()), parameters)
}

fn handed_over(at: AgentAt, parameters: std::collections::BTreeMap<String, String>) -> Arc<Script> {
    let (call, account) = ("ses_1".into(), "org_1".into());
    let connector = Arc::new(Connector::new(Guard::default()));
    Arc::new(Script {
        handover: Some(Handover { at, parameters, call, account, connector }),
        ..Script::default()
    })
}

fn say(text: &str, voice: Option<&str>) -> Option<Say> {
    Some(Say { text: text.into(), voice: voice.map(str::to_owned) })
}

/// By webhooks, and by asking.
#[tokio::test]
async fn an_answered_call_hears_its_text_and_goes_to_its_agent() {
    for (webhooks, pace) in [(Webhooks::InOrder, NEVER), (Webhooks::Lost, settings().pace)] {
        let fake = FakeTelnyx::start(Manners { webhooks, talk: SLOW.talk, ..QUICK }).await;
        let stream = json!({"stream": {"url": "wss://trunk.example.com/", "parameters": {"lang": "de"}}});
        let here = reached(&fake, pace, stream).await;
        let script = agent("wss://agent.example.com/a?b=c", &[("callId", "ses_1"), ("name", "Söhne & Co")]);
        let spoken = Order { say: say("Olá & bye", Some("AWS.Polly.Vitoria")), script, ..order("01") };
        let (ending, _) = place(&*here.carrier, spoken).await;
        // The agent has hung up.
        assert_eq!(ending, Ending::over(Outcome::Answered, "completed", None, EndedBy::Caller));
        let call = fake.calls().remove(0);
        let actions: Vec<_> = call.commands.iter().map(|(action, _)| action.as_str()).collect();
        assert_eq!(actions, ["speak", "streaming_start", "hangup"], "one after the other");
        let speak = call.command("speak").unwrap();
        assert_eq!((&speak["payload"], &speak["voice"]), (&json!("Olá & bye"), &json!("AWS.Polly.Vitoria")));
        let stream = call.command("streaming_start").unwrap();
        assert_eq!(stream["stream_url"], "wss://agent.example.com/a?b=c", "not the trunk's");
        assert_eq!(
            (&stream["stream_bidirectional_mode"], &stream["stream_bidirectional_codec"]),
            (&json!("rtp"), &json!("PCMU"))
        );
        let name = json!({"name": "name", "value": "Söhne & Co"});
        assert!(stream["custom_parameters"].as_array().unwrap().contains(&name), "{stream}");

        let without = order("02");
        let id = without.call.to_string();
        place(&*here.carrier, without).await;
        let stream = fake.calls().remove(1).command("streaming_start").unwrap().clone();
        assert_eq!(stream["stream_url"], "wss://trunk.example.com/");
        let told = [json!({"name": "lang", "value": "de"}), json!({"name": "session", "value": id})];
        assert_eq!(stream["custom_parameters"], json!(told));
    }
}

#[tokio::test]
async fn without_an_agent_it_is_hung_up_after_its_text() {
    let fake = FakeTelnyx::start(Manners { webhooks: Webhooks::InOrder, talk: SLOW.talk, ..QUICK }).await;
    let here = reached(&fake, NEVER, json!({})).await;
    for (say, actions) in [(say("Hello", None), vec!["speak", "hangup"]), (None, vec!["hangup"])] {
        let (ending, _) = place(&*here.carrier, Order { say, ..order("01") }).await;
        assert_eq!(ending, Ending::over(Outcome::Answered, "completed", None, EndedBy::Caller));
        let told: Vec<_> =
            fake.calls().pop().unwrap().commands.into_iter().map(|(action, _)| action).collect();
        assert_eq!(told, actions);
    }
}

/// Somebody has picked up, and nobody was reached by that.
#[tokio::test]
async fn what_cannot_be_said_or_who_cannot_be_reached_is_a_failure() {
    let fake = FakeTelnyx::start(Manners { webhooks: Webhooks::InOrder, talk: SLOW.talk, ..QUICK }).await;
    let here = reached(&fake, NEVER, json!({})).await;
    let mute = Order { say: say("Hello", Some("Nobody")), ..order("01") };
    assert_eq!(short(&place(&*here.carrier, mute).await.0), (Some(Outcome::Failed), "not_said", None));
    let alone = Order { script: agent("wss://nobody.example.com", &[]), ..order("01") };
    let unreachable = (Some(Outcome::Failed), "agent_unreachable", None);
    assert_eq!(short(&place(&*here.carrier, alone).await.0), unreachable);
    assert!(fake.calls().iter().all(fake::Taken::is_over), "nobody is left on the line");
}

#[tokio::test]
async fn what_could_never_be_said_or_connected_is_not_placed() {
    let fake = FakeTelnyx::start(QUICK).await;
    let carrier = carrier(&fake);
    let refused = async |order: Order| carrier.prepare(order).await.err().expect("it is not placed");
    let telephone = AgentAt::Telephone("sip:desk@pbx.example.com".parse().unwrap());
    for script in [agent("ws://agent.example.com/a", &[]), handed_over(telephone, [].into())] {
        let ending = refused(Order { script, ..order("01") }).await;
        assert_eq!(ending, Ending::over(Outcome::Failed, "agent_unreachable", None, EndedBy::Caller));
    }
    let long = refused(Order { say: say(&"x".repeat(3_001), None), ..order("01") }).await;
    assert_eq!(long, Ending::over(Outcome::Failed, "speech_too_long", None, EndedBy::Caller));
    let (ending, _) = place(&carrier, Order { from: None, ..order("01") }).await;
    assert_eq!(short(&ending), (Some(Outcome::Failed), "no_caller_id", None));
    assert_eq!(fake.asked("POST "), 0);
}
