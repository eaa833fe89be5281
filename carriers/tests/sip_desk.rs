//! Calls that are handed over to a telephone: a second call of ours, and audio and keys to and fro between the two.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod sip_support;

use std::{
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use ringfleet_carriers::{
    AgentAt, Carrier, Connector, Handover, Order, Progress, Script, SipCarrier, SipSettings,
    media::Meter,
    peer::{CallRecord, Peer, PeerSettings, Rule},
};
use ringfleet_core::{E164, EndedBy, Ending, Outcome, SystemClock, net::Guard, trunk::SipTrunk};
use serde_json::Value;
use sip_support::{
    PATIENCE, Told, carrier,
    dns::Names,
    is_taken, order, place,
    script::{Heard, SDP, Script as Telephone, header},
    settings, until,
};
use tokio::{
    net::UdpSocket,
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
    task::JoinHandle,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

/// One end of a conversation: callees and agents are peers of the same kind.
struct End {
    peer: Peer,
    records: UnboundedReceiver<CallRecord>,
}

impl End {
    async fn new(press: &str, meter: Option<Arc<Meter>>) -> Self {
        let (sink, records) = unbounded_channel();
        let settings = PeerSettings {
            listen: "127.0.0.1:0".parse().unwrap(),
            ring: Duration::from_millis(50),
            talk: Duration::from_secs(3),
            auth: None,
            press: press.into(),
            rtp_ports: 40_000..=49_998,
        };
        let clock = Arc::new(SystemClock);
        let peer = match meter {
            Some(meter) => Peer::measuring(settings, clock, sink, meter).await,
            None => Peer::start(settings, clock, sink).await,
        };
        Self { peer: peer.unwrap(), records }
    }

    fn port(&self) -> u16 {
        self.peer.local_addr().port()
    }

    fn trunk(&self) -> SipTrunk {
        serde_json::from_value(serde_json::json!({"host": "127.0.0.1", "port": self.port()})).unwrap()
    }

    async fn record(&mut self) -> CallRecord {
        timeout(PATIENCE, self.records.recv()).await.unwrap().unwrap()
    }
}

fn inside() -> Guard {
    Guard::allowing(vec!["127.0.0.0/8".parse().unwrap()])
}

/// A trunk whose calls may be handed over to this machine.
fn open(trunk: SipTrunk) -> SipCarrier {
    carrier(trunk).with_guard(inside())
}

/// A call to the callee of this number, handed over to `user` after a short greeting.
fn handed_over(number: &str, user: &str, port: u16) -> Order {
    handed_over_to(number, &format!("sip:{user}@127.0.0.1:{port}"))
}

fn handed_over_to(number: &str, url: &str) -> Order {
    let rules = serde_json::json!({
        "connect": {"kind": "sip", "url": url}, "keypad": {"9": {"action": "suppress"}},
    });
    let handover = Handover {
        at: AgentAt::Telephone(url.parse().unwrap()),
        parameters: [("campaignId".to_owned(), "cmp_1".to_owned())].into(),
        call: "ses_1".into(),
        account: "org_1".into(),
        connector: Arc::new(Connector::new(inside())),
    };
    let rules = serde_json::from_value(rules).unwrap();
    let script = Arc::new(Script { rules, handover: Some(handover), ..Script::default() });
    Order { to: E164::parse_loose(number).unwrap(), script, ..order() }
}

const STAYS: &str = "+919876543215";
const HANGS_UP: &str = "+919876543211";

#[tokio::test]
async fn who_hangs_up_ends_the_other_call_too_and_keys_travel() {
    let (mut callee, mut agent) = (End::new("12", None).await, End::new("34", None).await);
    let carrier = open(callee.trunk());
    // The callee goes after three seconds; then the agent does.
    for (number, user, ended) in [
        (HANGS_UP, "205", ("ANSWERED", "hangup", Some(200), "callee")),
        (STAYS, "201", ("ANSWERED", "completed", Some(200), "caller")),
    ] {
        let told = place(&carrier, handed_over(number, user, agent.port())).await;
        assert_eq!(told.over(), ended);
        let (of_callee, of_agent) = (callee.record().await, agent.record().await);
        assert!(of_callee.answered && of_agent.answered);
        let by_callee = ended.3 == "callee";
        assert_eq!(of_callee.ended_by == EndedBy::Callee, by_callee);
        assert_eq!(of_agent.ended_by == EndedBy::Callee, !by_callee);
        assert_eq!((of_agent.from.as_str(), of_agent.to.as_str()), (number, user));
        assert!(of_agent.rtp_in > 50 && of_agent.rtp_out > 50, "{of_agent:?}");
        assert!(of_callee.digits.ends_with('4'), "{:?}", of_callee.digits);
        assert!(of_agent.digits.ends_with('2'), "{:?}", of_agent.digits);
        assert!(
            told.progress.iter().any(|news| matches!(news, Progress::Heard(heard) if heard.digits == "12"))
        );
    }
}

/// A call that an agent's telephone, which a test plays, has not answered yet.
struct Ringing {
    telephone: Telephone,
    invite: Heard,
    placed: JoinHandle<Told>,
}

async fn ringing(trunk: SipTrunk, change: impl FnOnce(Order) -> Order) -> Ringing {
    let (mut telephone, at) = Telephone::new().await;
    let order = change(handed_over(STAYS, "desk", at.port()));
    let placed = tokio::spawn(async move { place(&open(trunk), order).await });
    let invite = telephone.expect("INVITE").await;
    Ringing { telephone, invite, placed }
}

/// Sends all audio back: where it takes it, and how many packets that were.
async fn echo() -> (String, Arc<AtomicU64>) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let sdp = SDP.replace("audio 9 ", &format!("audio {} ", socket.local_addr().unwrap().port()));
    let echoed = Arc::new(AtomicU64::new(0));
    let count = echoed.clone();
    tokio::spawn(async move {
        let mut packet = [0; 1500];
        loop {
            let (length, from) = socket.recv_from(&mut packet).await.unwrap();
            socket.send_to(&packet[..length], from).await.unwrap();
            count.fetch_add(1, Ordering::Relaxed);
        }
    });
    (sdp, echoed)
}

#[tokio::test]
async fn audio_comes_back_as_it_was_said_and_both_are_recorded() {
    let meter = Arc::new(Meter::default());
    meter.open(true);
    let mut callee = End::new("", Some(meter.clone())).await;
    let (folder, (sdp, echoed)) = (tempfile::tempdir().unwrap(), echo().await);
    let file = folder.path().join("call.wav");
    let record = Some(file.clone());
    let mut call = ringing(callee.trunk(), |order| Order { record, ..order }).await;
    let invite = &call.invite.0;
    assert!(invite.starts_with("INVITE sip:desk@127.0.0.1:"), "{invite}");
    assert!(header(invite, "From").starts_with("<sip:+919876543215@127.0.0.1:"), "{invite}");
    let told = ["Expires", "X-Ringfleet-Session", "X-Ringfleet-Campaign"].map(|name| header(invite, name));
    assert_eq!(told, ["30", "ses_1", "cmp_1"]);
    call.telephone.say(&call.invite, "200 OK", "far", &sdp).await;
    call.telephone.expect("ACK").await;
    until("the callee hears itself", || meter.talking() > 0).await;
    until("two seconds of audio have come back", || echoed.load(Ordering::Relaxed) > 110).await;
    call.telephone.ask(&call.invite, "BYE", 1, "far", "").await;
    assert_eq!(call.placed.await.unwrap().over(), ("ANSWERED", "completed", Some(200), "caller"));
    assert_eq!(callee.record().await.ended_by, EndedBy::Caller);
    let heard = meter.heard();
    let back: u64 = heard.delays.iter().sum();
    assert!(back >= 80 && heard.lost == 0, "{heard:?}");
    assert!(heard.skipped <= back / 20, "all but what a busy machine had no time for: {heard:?}");
    let recorded = std::fs::read(&file).unwrap();
    assert!(recorded.len() > 2 * 2 * 8_000, "stereo, two seconds at least: {}", recorded.len());
    let loud = |channel: usize| {
        recorded[44..].chunks_exact(4).filter(move |pair| {
            i16::from_le_bytes([pair[2 * channel], pair[2 * channel + 1]]).unsigned_abs() > 100
        })
    };
    assert!(loud(0).count() > 4_000 && loud(1).count() > 4_000, "callee left, agent right");
}

const UNREACHABLE: (&str, &str, Option<u16>, &str) = ("FAILED", "agent_unreachable", Some(200), "caller");

#[tokio::test]
async fn who_refuses_or_may_not_be_called_was_never_there() {
    let (mut callee, mut agent) = (End::new("", None).await, End::new("", None).await);
    let told = place(&open(callee.trunk()), handed_over(STAYS, "207", agent.port())).await;
    assert_eq!(told.over(), UNREACHABLE);
    let record = agent.record().await;
    assert_eq!((record.status, record.invites), (486, 1));
    assert_eq!(callee.record().await.ended_by, EndedBy::Caller);
    // Nobody has allowed this machine.
    let told = place(&carrier(callee.trunk()), handed_over(STAYS, "205", agent.port())).await;
    assert_eq!(told.over(), UNREACHABLE);
    agent.peer.stop().await;
    assert!(agent.records.recv().await.is_none(), "it was not called");
}

/// Without a port its host is a domain (RFC 3263 §4.2).
#[tokio::test]
async fn a_telephone_may_be_found_by_its_domain() {
    let (callee, mut agent) = (End::new("", None).await, End::new("", None).await);
    let names = Names::default()
        .srv("_sip._udp.pbx.test", (10, 0, agent.port(), "edge.pbx.test"))
        .host("edge.pbx.test", Ipv4Addr::LOCALHOST)
        .srv("_sip._udp.inside.test", (10, 0, agent.port(), "edge.inside.test"))
        .host("edge.inside.test", Ipv4Addr::new(10, 0, 0, 9))
        .serve()
        .await;
    let settings = SipSettings { nameservers: vec![names.address], ..settings() };
    let carrier = SipCarrier::open(callee.trunk(), settings).unwrap().with_guard(inside());
    let told = place(&carrier, handed_over_to(STAYS, "sip:201@pbx.test")).await;
    assert_eq!(told.over(), ("ANSWERED", "completed", Some(200), "caller"));
    assert_eq!(agent.record().await.to, "201");
    let told = place(&carrier, handed_over_to(STAYS, "sip:201@inside.test")).await;
    assert_eq!(told.over(), UNREACHABLE);
}

#[tokio::test]
async fn a_telephone_that_nobody_answers_rings_for_half_a_minute() {
    let (callee, mut agent) = (End::new("", None).await, End::new("", None).await);
    let order = Order { max_duration: PATIENCE, ..handed_over(STAYS, "206", agent.port()) };
    let began = tokio::time::Instant::now();
    assert_eq!(place(&open(callee.trunk()), order).await.over(), UNREACHABLE);
    assert!(began.elapsed() > Duration::from_secs(29), "{:?}", began.elapsed());
    let record = agent.record().await;
    assert_eq!((record.status, record.ended_by, record.rule), (487, EndedBy::Caller, Rule::Ring));
}

#[tokio::test]
async fn it_rings_no_more_when_the_callee_has_gone_or_wants_no_calls() {
    let mut agent = End::new("", None).await;
    for (number, keys, ended) in [
        (HANGS_UP, "", ("ANSWERED", "hangup", Some(200), "callee")),
        (STAYS, "9", ("ANSWERED", "opted_out", Some(200), "caller")),
    ] {
        let callee = End::new(keys, None).await;
        let told = place(&open(callee.trunk()), handed_over(number, "206", agent.port())).await;
        assert_eq!(told.over(), ended);
        assert_eq!(agent.record().await.status, 487);
    }
}

#[tokio::test]
async fn an_agent_who_is_there_no_more_is_lost() {
    let mut callee = End::new("", None).await;
    let mut call = ringing(callee.trunk(), |order| order).await;
    let contact = format!("Contact: <sip:far@{}>\r\n", call.telephone.socket.local_addr().unwrap());
    let timed = format!("{contact}Allow: UPDATE\r\nSession-Expires: 2;refresher=uac\r\n");
    call.telephone.say_with(&call.invite, "200 OK", "far", &timed, SDP).await;
    let update = call.telephone.expect("UPDATE").await;
    call.telephone.say(&update, "481 Call/Transaction Does Not Exist", "far", "").await;
    let bye = call.telephone.expect("BYE").await;
    call.telephone.say(&bye, "200 OK", "far", "").await;
    assert_eq!(call.placed.await.unwrap().over(), ("ANSWERED", "agent_lost", Some(200), "caller"));
    assert_eq!(callee.record().await.ended_by, EndedBy::Caller);
}

/// Neither what follows the Contact of a telephone nor audio goes where the guard lets nothing go.
#[tokio::test]
async fn a_telephone_sends_us_nowhere_inside() {
    let callee = End::new("", None).await;
    let sdp = echo().await.0.replace("IN IP4 127.0.0.1\r\nt=", "IN IP4 10.0.0.9\r\nt=");
    let mut call = ringing(callee.trunk(), |order| order).await;
    call.telephone.say_with(&call.invite, "200 OK", "far", "Contact: <sip:far@10.0.0.9:53>\r\n", &sdp).await;
    call.telephone.expect("ACK").await;
    call.telephone.ask(&call.invite, "BYE", 1, "far", "").await;
    assert_eq!(call.placed.await.unwrap().over(), ("ANSWERED", "completed", Some(200), "caller"));
}

/// Runs a worker in a runtime of its own until `dies` fires or its agent has answered, and drops that with everything in it; see
/// `sip_recovery`. Gives what was kept last.
async fn worker_dies(trunk: SipTrunk, order: Order, dies: CancellationToken) -> Value {
    let worker = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let carrier = open(trunk);
            let attempt = carrier.prepare(order).await.ok().unwrap();
            let mut last = attempt.resume();
            let (sender, mut heard) = unbounded_channel();
            tokio::spawn(attempt.place(sender, CancellationToken::new()));
            let alive = async {
                while last["desk"]["dialog"].is_null() {
                    if let Progress::Resume(kept) = heard.recv().await.expect("the call still lives") {
                        last = kept;
                    }
                }
            };
            dies.run_until_cancelled(timeout(PATIENCE, alive)).await;
            last
        })
    };
    let kept = tokio::task::spawn_blocking(worker).await.unwrap();
    for leg in [&kept, &kept["desk"]] {
        let port = leg["local"].as_str().unwrap().rsplit(':').next().unwrap().parse().unwrap();
        until("the dead worker's port is free", || !is_taken("udp", port)).await;
    }
    kept
}

const HUNG_UP: (Outcome, &str, Option<u16>, EndedBy) =
    (Outcome::Answered, "worker_lost", Some(200), EndedBy::Caller);

fn over(ending: &Ending) -> (Outcome, &str, Option<u16>, EndedBy) {
    match ending {
        Ending::Over { outcome, reason, code, by } => (*outcome, reason.as_ref(), *code, *by),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn both_calls_of_a_dead_worker_are_hung_up() {
    let (mut callee, mut agent) = (End::new("", None).await, End::new("", None).await);
    let order = handed_over(STAYS, "205", agent.port());
    let kept = worker_dies(callee.trunk(), order, CancellationToken::new()).await;
    assert_eq!(over(&open(callee.trunk()).resolve(&kept, None).await), HUNG_UP);
    for end in [&mut callee, &mut agent] {
        assert_eq!(end.record().await.ended_by, EndedBy::Caller);
    }
}

#[tokio::test]
async fn a_telephone_that_rings_for_a_dead_worker_falls_silent() {
    let mut callee = End::new("", None).await;
    let (mut telephone, at) = Telephone::new().await;
    let (order, dies) = (handed_over(STAYS, "desk", at.port()), CancellationToken::new());
    let dying = tokio::spawn(worker_dies(callee.trunk(), order, dies.clone()));
    let invite = telephone.expect("INVITE").await;
    telephone.say(&invite, "180 Ringing", "far", "").await;
    dies.cancel();
    let kept = dying.await.unwrap();
    let carrier = open(callee.trunk());
    let resolving = tokio::spawn(async move { carrier.resolve(&kept, None).await });
    let cancel = telephone.expect("CANCEL").await;
    assert_eq!(header(&cancel.0, "Via"), header(&invite.0, "Via"));
    telephone.say(&cancel, "200 OK", "far", "").await;
    telephone.say(&invite, "487 Request Terminated", "far", "").await;
    telephone.expect("ACK").await;
    assert_eq!(over(&resolving.await.unwrap()), HUNG_UP);
    assert_eq!(callee.record().await.ended_by, EndedBy::Caller);
}
