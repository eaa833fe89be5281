//! The peer as a caller on the wire sees it.

use ringfleet_core::{EndedBy, SystemClock, clock::Stopwatch};
use tokio::{
    net::UdpSocket,
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
    time::timeout,
};

use super::*;

const DEADLINE: Duration = Duration::from_secs(10);

fn settings() -> PeerSettings {
    PeerSettings {
        listen: "127.0.0.1:0".parse().unwrap(),
        ring: Duration::from_millis(30),
        talk: Duration::from_millis(100),
        auth: None,
        press: String::new(),
        rtp_ports: 20_000..=32_000,
    }
}

/// A caller that speaks as the test tells it to.
struct Caller {
    socket: UdpSocket,
    peer: Peer,
    records: UnboundedReceiver<CallRecord>,
}

impl Caller {
    async fn new(settings: PeerSettings) -> Self {
        let (sink, records) = unbounded_channel();
        let peer = Peer::start(settings, Arc::new(SystemClock), sink).await.unwrap();
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.connect(peer.local_addr()).await.unwrap();
        Self { socket, peer, records }
    }

    /// `to` is the whole To value; `branch` names the transaction.
    async fn send(&self, method: &str, number: &str, to: &str, branch: &str, more: &str, body: &str) {
        let here = self.socket.local_addr().unwrap();
        let (sequence, of) = match method {
            "BYE" => (2, "BYE"),
            "ACK" | "CANCEL" | "INVITE" => (1, method),
            other => (7, other),
        };
        let text = format!(
            "{method} sip:{number}@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bK{branch}{number}\r\n\
             From: <sip:me@h>;tag=1\r\nTo: {to}\r\nCall-ID: c-{number}\r\nCSeq: {sequence} {of}\r\n\
             Contact: <sip:me@{here}>\r\n{more}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.socket.send(text.as_bytes()).await.unwrap();
    }

    async fn invite(&self, number: &str, body: &str) {
        self.send("INVITE", number, "<sip:x@h>", "inv", "", body).await;
    }

    async fn receive(&self) -> String {
        let mut buffer = [0; 4000];
        let length = timeout(DEADLINE, self.socket.recv(&mut buffer)).await.unwrap().unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    /// Receives up to a message that begins so; gives it and how many others came first.
    async fn until(&self, start: &str) -> (String, usize) {
        for others in 0.. {
            let message = self.receive().await;
            if message.starts_with(start) {
                return (message, others);
            }
        }
        unreachable!()
    }

    async fn record(&mut self) -> CallRecord {
        timeout(DEADLINE, self.records.recv()).await.unwrap().unwrap()
    }

    /// Waits until what the peer remembers satisfies `wanted`.
    async fn peer_settles(&self, wanted: impl Fn(&tables::Tables) -> bool) {
        let wait = async {
            while !wanted(&self.peer.server.tables.lock()) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(DEADLINE, wait).await.unwrap();
    }
}

fn header<'a>(message: &'a str, name: &str) -> &'a str {
    let line = message.lines().find(|line| line.starts_with(&format!("{name}:"))).unwrap();
    line[name.len() + 1..].trim()
}

fn offer(port: u16) -> String {
    String::from_utf8(crate::media::offer(1, format!("127.0.0.1:{port}").parse().unwrap())).unwrap()
}

#[tokio::test]
async fn it_answers_talks_and_hangs_up() {
    let mut caller = Caller::new(settings()).await;
    let audio = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let sent = Stopwatch::start();
    caller.invite("+4930123401", &offer(audio.local_addr().unwrap().port())).await;
    assert!(caller.receive().await.starts_with("SIP/2.0 180 Ringing"));
    let rang = Stopwatch::start();
    let ok = caller.receive().await;
    assert!(ok.starts_with("SIP/2.0 200 OK"), "{ok}");
    let remote = crate::media::parse_answer(ok.split_once("\r\n\r\n").unwrap().1.as_bytes()).unwrap();
    assert_eq!(remote.events, Some(101));
    let to = header(&ok, "To");
    caller.send("ACK", "+4930123401", to, "ack", "", "").await;
    let bye = caller.receive().await;
    assert!(bye.starts_with("BYE sip:me@127.0.0.1:"), "{bye}");
    assert_eq!(header(&bye, "From"), to);
    let response = format!("SIP/2.0 200 OK\r\nVia: {}\r\n\r\n", header(&bye, "Via"));
    caller.socket.send(response.as_bytes()).await.unwrap();
    let record = caller.record().await;
    assert!(record.answered && record.status == 200 && record.invites == 1, "{record:?}");
    assert_eq!((record.ended_by, record.rule), (EndedBy::Callee, Rule::Answer));
    assert!(record.rtp_out > 0, "{record:?}");
    assert_eq!((record.from.as_str(), record.to.as_str()), ("me", "+4930123401"));
    let (before, after) = (sent.until(&record.arrived), record.arrived.until(&rang));
    assert!(
        before > Duration::ZERO && after > Duration::ZERO,
        "the INVITE came in between: {before:?}, {after:?}"
    );
}

#[tokio::test]
async fn without_an_ack_the_answer_is_repeated_and_no_bye_is_sent() {
    let caller = Caller::new(settings()).await;
    // From here on, and not from when the answer is read: that may be late.
    let begun = tokio::time::Instant::now();
    let rang = settings().ring;
    caller.invite("+4930123402", &offer(9)).await;
    let (first, _) = caller.until("SIP/2.0 200").await;
    assert_eq!(caller.receive().await, first);
    assert!(begun.elapsed() >= rang + Duration::from_millis(500), "{:?}", begun.elapsed());
    assert_eq!(caller.receive().await, first);
    assert!(begun.elapsed() >= rang + Duration::from_millis(1500), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_repeated_invite_makes_no_second_call() {
    // Long enough for all three to come while it rings.
    let mut caller = Caller::new(PeerSettings { ring: Duration::from_secs(2), ..settings() }).await;
    for _ in 0..3 {
        caller.invite("+4930123407", &offer(9)).await;
    }
    let (busy, ringing) = caller.until("SIP/2.0 486").await;
    assert_eq!(ringing, 3, "each repetition meets the last response");
    assert_eq!(caller.receive().await, busy, "repeated until the ACK");
    caller.send("ACK", "+4930123407", header(&busy, "To"), "inv", "", "").await;
    assert_eq!(caller.record().await.invites, 1);
    // Once the call is over its transaction still answers.
    caller.peer_settles(|tables| tables.len() == 4).await;
    caller.invite("+4930123407", &offer(9)).await;
    assert_eq!(caller.receive().await, busy);
    assert!(caller.records.try_recv().is_err(), "a second call was made");
    // A new transaction with the same Call-ID is a second call, and counted.
    caller.send("INVITE", "+4930123407", "<sip:x@h>", "inv2", "", &offer(9)).await;
    assert_eq!(caller.record().await.invites, 2);
}

#[tokio::test]
async fn refusals_and_no_room_once() {
    let mut caller = Caller::new(settings()).await;
    for (number, status) in [("+4930123409", 603), ("+4930123400", 503), ("nobody", 404)] {
        caller.invite(number, &offer(9)).await;
        let (refusal, _) = caller.until(&format!("SIP/2.0 {status}")).await;
        assert_eq!(refusal.contains("Retry-After: 1\r\n"), status == 503);
        caller.send("ACK", number, header(&refusal, "To"), "inv", "", "").await;
        let record = caller.record().await;
        assert_eq!((record.status, record.answered, record.ended_by), (status, false, EndedBy::Callee));
    }
    caller.send("INVITE", "+4930123400", "<sip:x@h>", "second", "", &offer(9)).await;
    caller.until("SIP/2.0 200").await;
}

#[tokio::test]
async fn cancel_ends_the_ringing() {
    let mut caller = Caller::new(settings()).await;
    caller.invite("+4930123406", &offer(9)).await;
    assert!(caller.receive().await.starts_with("SIP/2.0 180"));
    caller.send("CANCEL", "+4930123406", "<sip:x@h>", "inv", "", "").await;
    let mut answers = [caller.receive().await, caller.receive().await];
    answers.sort();
    assert!(answers[0].starts_with("SIP/2.0 200") && header(&answers[0], "CSeq") == "1 CANCEL");
    assert!(answers[1].starts_with("SIP/2.0 487") && header(&answers[1], "CSeq") == "1 INVITE");
    let record = caller.record().await;
    assert_eq!((record.status, record.ended_by, record.rule), (487, EndedBy::Caller, Rule::Ring));
    // A CANCEL never makes a call.
    caller.send("CANCEL", "+4930123401", "<sip:x@h>", "other", "", "").await;
    caller.until("SIP/2.0 481").await;
}

#[tokio::test]
async fn the_caller_may_answer_in_its_ack_reinvite_and_hang_up() {
    let mut caller = Caller::new(settings()).await;
    caller.invite("+4930123405", "").await;
    let (ok, _) = caller.until("SIP/2.0 200").await;
    assert!(ok.contains("RTP/AVP 0 8 101"), "our offer: {ok}");
    let audio = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let to = header(&ok, "To");
    let answer = offer(audio.local_addr().unwrap().port()).replace("0 8 101", "8");
    caller.send("ACK", "+4930123405", to, "ack", "Content-Type: application/sdp\r\n", &answer).await;
    let mut packet = [0; 500];
    timeout(DEADLINE, audio.recv(&mut packet)).await.unwrap().unwrap();
    assert_eq!(packet[1] & 0x7f, 8);

    caller.send("INVITE", "+4930123405", to, "re", "", &offer(9)).await;
    let (again, _) = caller.until("SIP/2.0 200").await;
    assert!(again.contains("m=audio") && header(&again, "To") == to, "{again}");
    caller.send("INVITE", "+4930123405", to, "re", "", &offer(9)).await;
    assert_eq!(caller.until("SIP/2.0 200").await.0, again, "a repetition meets the same response");
    caller.send("ACK", "+4930123405", to, "ack2", "", "").await;

    for _ in 0..2 {
        caller.send("BYE", "+4930123405", to, "bye", "", "").await;
        let (gone, _) = caller.until("SIP/2.0 200").await;
        assert_eq!(header(&gone, "CSeq"), "2 BYE");
    }
    let record = caller.record().await;
    assert!(record.ended_by == EndedBy::Caller && record.rtp_out > 0 && record.invites == 1, "{record:?}");
    caller.send("BYE", "+4930123405", to, "bye2", "", "").await;
    caller.until("SIP/2.0 481").await;
}

#[tokio::test]
async fn other_requests_get_the_response_they_deserve() {
    let caller = Caller::new(settings()).await;
    for (method, to, status) in [
        ("OPTIONS", "<sip:x@h>", "200"),
        ("REGISTER", "<sip:x@h>", "405"),
        ("DANCE", "<sip:x@h>", "501"),
        ("BYE", "<sip:x@h>;tag=none", "481"),
        ("INVITE", "<sip:x@h>;tag=none", "481"),
    ] {
        caller.send(method, "+49301", to, method, "", "").await;
        let response = caller.receive().await;
        assert!(response.starts_with(&format!("SIP/2.0 {status} ")), "{method}: {response}");
        assert_eq!(response.contains("Allow: INVITE"), matches!(status, "200" | "405" | "501"));
    }
    caller.send("INVITE", "+49302", "<sip:x@h>", "req", "Require: 100rel\r\n", "").await;
    let response = caller.receive().await;
    assert!(response.starts_with("SIP/2.0 420") && header(&response, "Unsupported") == "100rel");
    caller.invite("+4930123401", "no session description").await;
    caller.until("SIP/2.0 488").await;
}

#[tokio::test]
async fn nonsense_on_the_wire_changes_nothing() {
    let caller = Caller::new(settings()).await;
    for junk in
        [&b""[..], b"\r\n\r\n", b"\0\xff", b"INVITE sip:1@h SIP/2.0\r\n\r\n", b"SIP/2.0 200 OK\r\n\r\n"]
    {
        caller.socket.send(junk).await.unwrap();
    }
    caller.send("OPTIONS", "1", "<sip:x@h>", "after", "", "").await;
    assert!(caller.receive().await.starts_with("SIP/2.0 200"));
}

#[tokio::test]
async fn stopping_hangs_up_and_tells_of_every_call() {
    let mut caller = Caller::new(settings()).await;
    caller.invite("+4930123406", &offer(9)).await;
    caller.until("SIP/2.0 180").await;
    caller.invite("+4930123405", &offer(9)).await;
    let (ok, _) = caller.until("SIP/2.0 200").await;
    caller.send("ACK", "+4930123405", header(&ok, "To"), "ack", "", "").await;
    timeout(DEADLINE, caller.peer.stop()).await.unwrap();
    let mut ends = Vec::new();
    while let Ok(record) = caller.records.try_recv() {
        ends.push((record.status, record.answered));
    }
    ends.sort_unstable();
    assert_eq!(ends, [(200, true), (480, false)]);
}

#[tokio::test]
async fn what_is_over_is_forgotten() {
    let mut caller = Caller::new(settings()).await;
    for number in ["+4930123407", "+4930123417"] {
        caller.invite(number, &offer(9)).await;
        let (busy, _) = caller.until("SIP/2.0 486").await;
        caller.send("ACK", number, header(&busy, "To"), "inv", "", "").await;
        caller.record().await;
    }
    caller.send("OPTIONS", "1", "<sip:x@h>", "o", "", "").await;
    caller.receive().await;
    // Two calls: transaction, count, and two notes to forget them; OPTIONS: transaction and note.
    caller.peer_settles(|tables| tables.len() == 2 * 4 + 2).await;
    caller.peer.server.tables.lock().expire(tokio::time::Instant::now() + tables::REMEMBER);
    assert_eq!(caller.peer.server.tables.lock().len(), 0);
}
