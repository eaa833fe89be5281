//! Calls that are handed on: by the trunk, asked by REFER, or by a second call of ours; and what is said when nobody is there.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod sip_support;

use std::{sync::Arc, time::Duration};

use ringfleet_carriers::{
    Hints, Order, Progress, Script, SipCarrier,
    media::Codec,
    peer::{CallRecord, Peer, PeerSettings},
    transfer_note,
};
use ringfleet_core::{E164, EndedBy, SystemClock, net::Guard, transfer::Transfer, trunk::SipTrunk};
use serde_json::{Value, json};
use sip_support::{
    PATIENCE, Told, carrier, order, place,
    script::{Heard, SDP, Script as Far, header},
};
use tokio::{
    net::UdpSocket,
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
    task::JoinHandle,
    time::{Instant, timeout},
};

/// A call whose callee may be handed on to `sales` by the key 1, and is told something when nobody is there.
fn handed_on(to: Value, change: impl FnOnce(Order) -> Order) -> Order {
    let transfer: Transfer = serde_json::from_value(to.clone()).unwrap();
    let sales: ringfleet_core::transfer::TransferName = "sales".parse().unwrap();
    let rules = json!({"transfers": {"sales": to}, "keypad": {"1": {"action": "transfer", "to": "sales"}}, "keypadSeconds": 30});
    let script = Script {
        rules: serde_json::from_value(rules).unwrap(),
        destinations: [(sales, transfer.destination().unwrap())].into(),
        ..Script::default()
    };
    change(Order { script: Arc::new(script), ..order() })
}

/// A call over a trunk that a test plays, answered.
struct Answered {
    trunk: Far,
    invite: Heard,
    placed: JoinHandle<Told>,
}

async fn answered(sdp: &str, order: Order) -> Answered {
    let (mut far, trunk) = Far::new().await;
    let placed = tokio::spawn(async move { place(&carrier(trunk), order).await });
    let invite = far.expect("INVITE").await;
    far.say(&invite, "200 OK", "far", sdp).await;
    far.expect("ACK").await;
    Answered { trunk: far, invite, placed }
}

impl Answered {
    /// The callee presses a key (RFC 4733: an event that has ended, thrice).
    async fn press(&self, key: u8) {
        self.press_at(&UdpSocket::bind("127.0.0.1:0").await.unwrap(), key).await;
    }

    /// The same from a socket that hears us from then on: audio goes to where the far end's comes from.
    async fn press_at(&self, socket: &UdpSocket, key: u8) {
        let port: u16 = {
            let line = self.invite.0.lines().find(|line| line.starts_with("m=audio ")).unwrap();
            line.split(' ').nth(1).unwrap().parse().unwrap()
        };
        for sequence in 0..3u8 {
            let mut packet = vec![0x80, 101, 0, sequence, 0, 0, 1, 0, 0, 0, 0, 9];
            packet.extend([key, 0x80, 3, 0x20]);
            socket.send_to(&packet, ("127.0.0.1", port)).await.unwrap();
        }
    }

    /// Tells how the REFER goes.
    async fn notify(&mut self, cseq: u32, state: &str, fragment: &str) {
        let headers = format!("Event: refer\r\nSubscription-State: {state}\r\n");
        self.trunk.ask_with(&self.invite, "NOTIFY", cseq, "far", &headers, fragment).await;
    }
}

fn with_keys() -> String {
    SDP.replace("RTP/AVP 0\r\n", "RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n")
}

/// What was told of handing on.
fn transferred<'a>(told: &'a Told) -> Vec<&'a str> {
    let to = |news: &'a Progress| match news {
        Progress::Transferred(to) => Some(to.as_str()),
        _ => None,
    };
    told.progress.iter().filter_map(to).collect()
}

const NUMBER: &str = "+14155550100";

#[tokio::test]
async fn the_trunk_hands_a_call_on_and_ours_ends() {
    let order = handed_on(json!({"kind": "refer", "to": NUMBER}), |order| order);
    let mut call = answered(&with_keys(), order).await;
    call.press(1).await;
    let refer = call.trunk.expect("REFER").await;
    let here = call.trunk.socket.local_addr().unwrap();
    assert_eq!(header(&refer.0, "Refer-To"), format!("<sip:{NUMBER}@{here}>"));
    assert!(header(&refer.0, "Referred-By").contains("+15550001111@"), "{}", refer.0);
    assert!(header(&refer.0, "To").ends_with(";tag=far"), "it belongs to the call: {}", refer.0);
    call.trunk.say(&refer, "202 Accepted", "far", "").await;
    for (cseq, state, fragment) in [
        (1, "active;expires=60", "SIP/2.0 100 Trying\r\n"),
        (2, "active;expires=60", "SIP/2.0 180 Ringing\r\n"),
        (3, "terminated;reason=noresource", "SIP/2.0 200 OK\r\n"),
    ] {
        call.notify(cseq, state, fragment).await;
        call.trunk.expect("SIP/2.0 200").await;
    }
    let bye = call.trunk.expect("BYE").await;
    let number = |message: &str| header(message, "CSeq").split(' ').next().unwrap().parse::<u32>().unwrap();
    assert!(number(&bye.0) > number(&refer.0), "requests are counted on");
    call.trunk.say(&bye, "200 OK", "far", "").await;
    let told = call.placed.await.unwrap();
    assert_eq!(told.over(), ("ANSWERED", "transferred", Some(200), "caller"));
    assert_eq!(transferred(&told), [NUMBER]);
}

/// Nobody is there to take the call: the callee is told so before we hang up, and was not reached.
#[tokio::test]
async fn a_trunk_that_does_not_hand_a_call_on_leaves_it_with_us() {
    let refusals: [(&str, Option<&str>); 3] = [
        ("603 Decline", None),
        ("202 Accepted", Some("SIP/2.0 486 Busy Here\r\n")),
        ("202 Accepted", Some("")),
    ];
    for (status, fragment) in refusals {
        let order = handed_on(json!({"kind": "refer", "to": "sip:desk@pbx.example"}), |order| {
            let script = Script { fallback: Some(Arc::new(vec![2_000; 8_000])), ..(*order.script).clone() };
            Order { script: Arc::new(script), ..order }
        });
        let mut call = answered(&with_keys(), order).await;
        call.press(1).await;
        let refer = call.trunk.expect("REFER").await;
        assert_eq!(header(&refer.0, "Refer-To"), "<sip:desk@pbx.example>");
        call.trunk.say(&refer, status, "far", "").await;
        if let Some(fragment) = fragment {
            call.notify(1, "terminated;reason=noresource", fragment).await;
        }
        let refused_at = Instant::now();
        let bye = call.trunk.expect("BYE").await;
        assert!(refused_at.elapsed() > Duration::from_millis(900), "a second is said first");
        call.trunk.say(&bye, "200 OK", "far", "").await;
        let told = call.placed.await.unwrap();
        assert_eq!(told.over(), ("FAILED", "agent_unreachable", Some(200), "caller"));
        assert_eq!(transferred(&told), [""; 0]);
    }
}

#[tokio::test]
async fn a_trunk_may_ask_who_hands_the_call_on() {
    let order = handed_on(json!({"kind": "refer", "to": NUMBER}), |order| order);
    let mut call = answered(&with_keys(), order).await;
    call.press(1).await;
    let refer = call.trunk.expect("REFER").await;
    let challenge = "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", algorithm=MD5\r\n";
    call.trunk.say_with(&refer, "401 Unauthorized", "far", challenge, "").await;
    let proved = loop {
        let refer = call.trunk.expect("REFER").await;
        if !header(&refer.0, "Authorization").is_empty() {
            break refer;
        } // else the first one came once more
    };
    assert!(header(&proved.0, "Authorization").contains("username=\"joe\""), "{}", proved.0);
    call.trunk.say(&proved, "202 Accepted", "far", "").await;
    call.notify(1, "terminated;reason=noresource", "SIP/2.0 200 OK\r\n").await;
    let bye = call.trunk.expect("BYE").await;
    call.trunk.say(&bye, "200 OK", "far", "").await;
    assert_eq!(call.placed.await.unwrap().over().1, "transferred");
}

/// As many do it: what has become of it and the end of the call, back to back.
#[tokio::test]
async fn a_trunk_that_hangs_up_right_behind_its_word_is_heard() {
    let order = handed_on(json!({"kind": "refer", "to": NUMBER}), |order| order);
    let mut call = answered(&with_keys(), order).await;
    call.press(1).await;
    let refer = call.trunk.expect("REFER").await;
    call.trunk.say(&refer, "202 Accepted", "far", "").await;
    call.notify(1, "terminated;reason=noresource", "SIP/2.0 200 OK\r\n").await;
    call.trunk.ask(&call.invite, "BYE", 2, "far", "").await;
    let told = call.placed.await.unwrap();
    let (outcome, reason, ..) = told.over(); // either side may be the first to hang up
    assert_eq!((outcome, reason), ("ANSWERED", "transferred"));
    assert_eq!(transferred(&told), [NUMBER]);
}

/// Who hangs up during the last words was not talked to either.
#[tokio::test]
async fn hanging_up_on_last_words_changes_nothing() {
    let order = handed_on(json!({"kind": "refer", "to": NUMBER}), |order| {
        let script = Script { fallback: Some(Arc::new(vec![2_000; 80_000])), ..(*order.script).clone() };
        Order { script: Arc::new(script), ..order }
    });
    let listener = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut call = answered(&with_keys(), order).await;
    call.press_at(&listener, 1).await;
    let refer = call.trunk.expect("REFER").await;
    call.trunk.say(&refer, "603 Decline", "far", "").await;
    let last_words = async {
        let mut packet = [0; 200];
        while packet[12] != Codec::Pcmu.encode(2_000) {
            listener.recv(&mut packet).await.unwrap();
        }
    };
    timeout(PATIENCE, last_words).await.expect("last words");
    call.trunk.ask(&call.invite, "BYE", 1, "far", "").await;
    assert_eq!(call.placed.await.unwrap().over(), ("FAILED", "agent_unreachable", Some(200), "callee"));
}

#[tokio::test]
async fn nobody_is_handed_on_unasked() {
    let order =
        handed_on(json!({"kind": "refer", "to": NUMBER}), |order| Order { max_duration: PATIENCE, ..order });
    let mut call = answered(&with_keys(), order).await;
    call.notify(1, "terminated;reason=noresource", "SIP/2.0 200 OK\r\n").await;
    call.trunk.expect("SIP/2.0 481").await;
    call.trunk.ask(&call.invite, "BYE", 2, "far", "").await;
    assert_eq!(call.placed.await.unwrap().over(), ("ANSWERED", "hangup", Some(200), "callee"));
}

#[tokio::test]
async fn a_silence_of_both_sides_ends_a_call() {
    let order = handed_on(json!({"kind": "refer", "to": NUMBER}), |order| {
        let mut script = (*order.script).clone();
        script.rules.silence_seconds = Some(5);
        Order { script: Arc::new(script), ..order }
    });
    let began = Instant::now();
    let mut call = answered(SDP, order).await;
    let bye = call.trunk.expect("BYE").await;
    assert!((5..10).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
    call.trunk.say(&bye, "200 OK", "far", "").await;
    assert_eq!(call.placed.await.unwrap().over(), ("ANSWERED", "silence", Some(200), "caller"));
}

/// A telephone that calls are handed on to, or a callee who presses keys.
async fn peer(press: &str) -> (Peer, UnboundedReceiver<CallRecord>, SipTrunk) {
    let (sink, records) = unbounded_channel();
    let settings = PeerSettings {
        listen: "127.0.0.1:0".parse().unwrap(),
        ring: Duration::from_millis(50),
        talk: Duration::from_secs(2),
        auth: None,
        press: press.into(),
        rtp_ports: 40_000..=49_998,
    };
    let peer = Peer::start(settings, Arc::new(SystemClock), sink).await.unwrap();
    let trunk = json!({"host": "127.0.0.1", "port": peer.local_addr().port()});
    (peer, records, serde_json::from_value(trunk).unwrap())
}

/// Stays on the line until we hang up.
fn to_who_stays(order: Order) -> Order {
    Order { to: E164::parse_loose("+919876543215").unwrap(), ..order }
}

fn inside(carrier: SipCarrier) -> SipCarrier {
    carrier.with_guard(Guard::allowing(vec!["127.0.0.0/8".parse().unwrap()]))
}

#[tokio::test]
async fn a_key_hands_a_call_on_to_a_telephone_that_we_call() {
    let ((_callee, mut callees, trunk), (sales, mut calls, _)) = (peer("1").await, peer("").await);
    let at = format!("sip:201@{}", sales.local_addr());
    let order = handed_on(json!({"kind": "sip", "to": at}), to_who_stays);
    let told = place(&inside(carrier(trunk)), order).await;
    assert_eq!(told.over(), ("ANSWERED", "completed", Some(200), "caller"), "sales hangs up");
    assert_eq!(transferred(&told), [at.as_str()]);
    let telephone = timeout(PATIENCE, calls.recv()).await.unwrap().unwrap();
    assert!(telephone.answered && telephone.rtp_in > 50, "{telephone:?}");
    let callee = timeout(PATIENCE, callees.recv()).await.unwrap().unwrap();
    assert_eq!((callee.ended_by, callee.digits.as_str()), (EndedBy::Caller, ""));
}

/// Whoever asks from outside asks by name; another name leads nowhere, and a busy telephone ends a call that nobody has.
#[tokio::test]
async fn a_wish_from_outside_leads_where_the_agent_says() {
    let ((_callee, _callees, trunk), (sales, mut calls, _)) = (peer("").await, peer("").await);
    let busy = format!("sip:207@{}", sales.local_addr());
    let order = handed_on(json!({"kind": "sip", "to": busy}), to_who_stays);
    let (call, hints) = (order.call, Hints::default());
    let carrier = inside(carrier(trunk)).with_hints(hints.clone());
    // Said until it is heard: nobody listens before the call is answered.
    let wishing = tokio::spawn(async move {
        let mut often = tokio::time::interval(Duration::from_millis(50));
        loop {
            often.tick().await;
            for name in ["elsewhere", "sales"] {
                hints.tell(call, transfer_note(&name.parse().unwrap()));
            }
        }
    });
    let told = place(&carrier, order).await;
    wishing.abort();
    assert_eq!(told.over(), ("FAILED", "agent_unreachable", Some(200), "caller"));
    assert_eq!(transferred(&told), [""; 0]);
    let telephone = timeout(PATIENCE, calls.recv()).await.unwrap().unwrap();
    assert_eq!((telephone.status, telephone.invites), (486, 1), "one call, to the name that is known");
}
