//! A worker dies with a call in its hands; another one finds out what became of it, and calls nobody twice.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod sip_support;

use std::{net::UdpSocket, time::Duration};

use ringfleet_carriers::{Carrier, Order, Progress, SipCarrier, SipSettings};
use ringfleet_core::{EndedBy, Ending, Outcome, trunk::SipTrunk};
use serde_json::Value;
use sip_support::{Sipp, carrier, is_taken, order, settings, until};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_util::sync::CancellationToken;

/// Until when the worker lives.
#[derive(Clone, Copy, PartialEq)]
enum Dies {
    BeforePlacing,
    Ringing,
    Answered,
}

/// What the dead worker had kept: first, and last.
struct Kept {
    first: Value,
    last: Value,
}

/// Runs a worker in a runtime of its own and drops that with everything in it. To the peer this is a `kill -9`: on one
/// thread no task runs again once `block_on` has returned, so nothing more is said, and the sockets are closed.
async fn worker_dies(trunk: SipTrunk, dies: Dies) -> Kept {
    let worker = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let carrier = SipCarrier::open(trunk, settings()).unwrap();
            let attempt =
                carrier.prepare(Order { hang_up_after_greeting: false, ..order() }).await.ok().unwrap();
            let first = attempt.resume();
            let mut last = first.clone();
            if dies == Dies::BeforePlacing {
                return Kept { first, last };
            }
            let (sender, mut heard) = tokio::sync::mpsc::unbounded_channel();
            tokio::spawn(attempt.place(sender, CancellationToken::new()));
            loop {
                let news = tokio::time::timeout(sip_support::PATIENCE, heard.recv()).await.unwrap();
                match news.expect("the call still lives") {
                    Progress::Resume(kept) => last = kept,
                    Progress::Ringing if dies == Dies::Ringing => break,
                    Progress::Answered => break,
                    Progress::Ringing
                    | Progress::OptedOut
                    | Progress::Transferred(_)
                    | Progress::Heard(_) => {}
                }
            }
            Kept { first, last }
        })
    };
    let kept = tokio::task::spawn_blocking(worker).await.unwrap();
    // Whoever resolves the call wants that port. It outlives the worker by a moment in any process that another test was
    // just starting, for until it becomes sipp that holds a copy of all sockets.
    let port = port_of(&kept.first);
    until("the dead worker's port is free", || !is_taken("udp", port)).await;
    kept
}

fn port_of(kept: &Value) -> u16 {
    kept["local"].as_str().unwrap().rsplit(':').next().unwrap().parse().unwrap()
}

fn over(ending: &Ending) -> (Outcome, &str, Option<u16>, EndedBy) {
    match ending {
        Ending::Over { outcome, reason, code, by } => (*outcome, reason.as_ref(), *code, *by),
        other => panic!("{other:?}"),
    }
}

const UNCERTAIN: (Outcome, &str, Option<u16>, EndedBy) =
    (Outcome::Uncertain, "worker_lost", None, EndedBy::Carrier);

#[tokio::test]
async fn ringing_is_cancelled() {
    let sipp = Sipp::start("ring").await;
    let kept = worker_dies(sipp.trunk(), Dies::Ringing).await;
    let ending = carrier(sipp.trunk()).resolve(&kept.last, None).await;
    assert_eq!(over(&ending), (Outcome::Unanswered, "worker_lost", Some(487), EndedBy::Caller));
    let received = sipp.finish().await;
    assert_eq!((received.invites(), received.count("CANCEL"), received.count("ACK")), (1, 1, 1));
}

#[tokio::test]
async fn a_live_call_is_hung_up() {
    let sipp = Sipp::start("answer").await;
    let kept = worker_dies(sipp.trunk(), Dies::Answered).await;
    let ending = carrier(sipp.trunk()).resolve(&kept.last, None).await;
    assert_eq!(over(&ending), (Outcome::Answered, "worker_lost", Some(200), EndedBy::Caller));
    let received = sipp.finish().await;
    assert_eq!((received.invites(), received.count("BYE")), (1, 1));
}

/// A 200 to a request, as a peer sends it that answers whoever asks (RFC 3261 §18.2.2, RFC 3581). sipp answers where the
/// call came from, which for these tests is gone.
fn ok_to(request: &str) -> String {
    let copied = ["Via:", "From:", "To:", "Call-ID:", "CSeq:"];
    let headers = request.lines().filter(|line| copied.iter().any(|name| line.starts_with(name)));
    let headers: String = headers.map(|line| format!("{line}\r\n")).collect();
    format!("SIP/2.0 200 OK\r\n{headers}Content-Length: 0\r\n\r\n")
}

fn trunk_at(port: u16, transport: &str) -> SipTrunk {
    serde_json::from_value(serde_json::json!({"host": "127.0.0.1", "port": port, "transport": transport}))
        .unwrap()
}

#[tokio::test]
async fn over_tcp_a_new_connection_hangs_up() {
    let peer = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let trunk = trunk_at(peer.local_addr().unwrap().port(), "tcp");
    let answering = tokio::spawn(async move {
        let (mut stream, _) = peer.accept().await.unwrap();
        let mut heard = String::new();
        while !heard.ends_with("\r\n\r\n") {
            let mut bytes = [0; 2000];
            let count = stream.read(&mut bytes).await.unwrap();
            assert!(count > 0, "{heard}");
            heard.push_str(std::str::from_utf8(&bytes[..count]).unwrap());
        }
        stream.write_all(ok_to(&heard).as_bytes()).await.unwrap();
        heard
    });
    let mut kept = worker_dies(trunk.clone(), Dies::BeforePlacing).await.first;
    kept["dialog"] = serde_json::json!({"to_tag": "far", "target": "sip:far@192.0.2.77:5060", "routes": ["<sip:192.0.2.78;lr>"]});
    let ending = carrier(trunk).resolve(&kept, None).await;
    assert_eq!(over(&ending), (Outcome::Answered, "worker_lost", Some(200), EndedBy::Caller));
    let bye = answering.await.unwrap();
    assert!(bye.starts_with("BYE sip:far@192.0.2.77:5060 SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:"), "{bye}");
    assert!(bye.contains("Route: <sip:192.0.2.78;lr>") && bye.contains(";tag=far"), "{bye}");
    // Its worker may have asked something within the call, with numbers that nobody knows any more.
    assert!(bye.contains("CSeq: 10002 BYE"), "{bye}");
}

#[tokio::test]
async fn the_port_of_the_dead_may_be_taken() {
    let peer = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = peer.local_addr().unwrap();
    let trunk = trunk_at(address.port(), "udp");
    let mut kept = worker_dies(trunk.clone(), Dies::BeforePlacing).await.first;
    kept["dialog"] = serde_json::json!({"to_tag": "far", "target": format!("sip:far@{address}")});
    let _squatter = UdpSocket::bind(kept["local"].as_str().unwrap()).unwrap();
    let answering = tokio::spawn(async move {
        let mut bytes = [0; 2000];
        let (count, from) = peer.recv_from(&mut bytes).await.unwrap();
        let heard = std::str::from_utf8(&bytes[..count]).unwrap();
        peer.send_to(ok_to(heard).as_bytes(), from).await.unwrap();
    });
    let ending = carrier(trunk).resolve(&kept, None).await;
    assert_eq!(over(&ending), (Outcome::Answered, "worker_lost", Some(200), EndedBy::Caller));
    answering.await.unwrap();
}

#[tokio::test]
async fn an_answer_that_crosses_the_cancel_is_hung_up() {
    let sipp = Sipp::start("glare").await;
    let kept = worker_dies(sipp.trunk(), Dies::Ringing).await;
    let ending = carrier(sipp.trunk()).resolve(&kept.last, None).await;
    assert_eq!(over(&ending), (Outcome::Unanswered, "answered_after_cancel", Some(200), EndedBy::Caller));
    let received = sipp.finish().await;
    assert_eq!((received.invites(), received.count("BYE")), (1, 1));
}

/// The peer of a call that was answered after its worker had died: it knows the INVITE no more, and repeats its answer.
async fn repeats_its_answer(peer: tokio::net::UdpSocket) -> Vec<String> {
    let mut heard = Vec::new();
    loop {
        let mut bytes = [0; 4000];
        let (count, from) = peer.recv_from(&mut bytes).await.unwrap();
        let request = std::str::from_utf8(&bytes[..count]).unwrap().to_owned();
        let method = request.split(' ').next().unwrap().to_owned();
        if heard.contains(&method) {
            continue; // sent again
        }
        match method.as_str() {
            "CANCEL" => {
                let unknown = ok_to(&request).replace("200 OK", "481 Call/Transaction Does Not Exist");
                peer.send_to(unknown.as_bytes(), from).await.unwrap();
                tokio::time::sleep(Duration::from_secs(1)).await; // somewhere in T2
                let contact = format!("Contact: <sip:far@{}>\r\nContent-Length", peer.local_addr().unwrap());
                let answer = ok_to(&request).replace("CANCEL", "INVITE").replace("Content-Length", &contact);
                let answer = answer.replace("\r\nCall-ID", ";tag=far\r\nCall-ID");
                peer.send_to(answer.as_bytes(), from).await.unwrap();
            }
            "BYE" => drop(peer.send_to(ok_to(&request).as_bytes(), from).await.unwrap()),
            _ => {}
        }
        heard.push(method);
        if heard.last().is_some_and(|method| method == "BYE") {
            return heard;
        }
    }
}

#[tokio::test]
async fn an_answer_that_nobody_was_there_to_hear_is_hung_up() {
    let peer = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let trunk = trunk_at(peer.local_addr().unwrap().port(), "udp");
    let kept = worker_dies(trunk.clone(), Dies::BeforePlacing).await.first;
    let answering = tokio::spawn(repeats_its_answer(peer));
    let ending = carrier(trunk).resolve(&kept, None).await;
    assert_eq!(over(&ending), (Outcome::Unanswered, "answered_after_cancel", Some(200), EndedBy::Caller));
    assert_eq!(answering.await.unwrap(), ["CANCEL", "ACK", "BYE"]);
}

#[tokio::test]
async fn an_invite_that_was_sent_but_not_kept_is_found_too() {
    // The challenge made a second INVITE; what was kept is the first, as if the worker had died in between.
    let sipp = Sipp::start("auth_ring").await;
    let kept = worker_dies(sipp.trunk(), Dies::Ringing).await;
    assert_ne!(kept.first, kept.last);
    let ending = carrier(sipp.trunk()).resolve(&kept.first, None).await;
    assert_eq!(over(&ending), (Outcome::Unanswered, "worker_lost", Some(487), EndedBy::Caller));
    assert_eq!(sipp.received().invites(), 2);
}

#[tokio::test]
async fn what_nobody_can_tell_is_uncertain() {
    // Never placed, and the peer knows nothing (it says 481 or nothing): the same answer, and in bounded time.
    let sipp = Sipp::start("silent").await;
    let kept = worker_dies(sipp.trunk(), Dies::BeforePlacing).await;
    let carrier = carrier(sipp.trunk());
    let answer =
        tokio::time::timeout(sip_support::PATIENCE, carrier.resolve(&kept.last, None)).await.unwrap();
    assert_eq!(over(&answer), UNCERTAIN);
    assert_eq!(sipp.received().invites(), 0, "to resolve is not to call");
    // A value of another age.
    assert_eq!(over(&carrier.resolve(&serde_json::json!({"some": "thing"}), None).await), UNCERTAIN);
}

#[tokio::test]
async fn a_call_that_is_over_is_uncertain_unless_it_was_answered() {
    // A peer that knows no such call: our own endpoint, which answers 481 as every user agent does.
    let stranger = carrier(Sipp::start("silent").await.trunk());
    let probe = stranger.prepare(order()).await.ok().unwrap().resume();
    let trunk = trunk_at(port_of(&probe), "udp");
    let mut kept = carrier(trunk.clone()).prepare(order()).await.ok().unwrap().resume();
    let patient = || SipCarrier::open(trunk.clone(), SipSettings::default()).unwrap();
    let started = tokio::time::Instant::now();
    assert_eq!(over(&patient().resolve(&kept, None).await), UNCERTAIN);
    // Only an answer leaves a dialog behind, so that it has been forgotten since does not undo it.
    kept["dialog"] = serde_json::json!({"to_tag": "x", "target": format!("sip:127.0.0.1:{}", trunk.port())});
    let answered = (Outcome::Answered, "worker_lost", None, EndedBy::Carrier);
    assert_eq!(over(&patient().resolve(&kept, None).await), answered);
    // An answer that nobody was there to hear would have come again within 4.5 s.
    assert!(started.elapsed() < Duration::from_secs(9), "481 is an answer; silence takes 5 s each time");
}
