//! The carrier against our own trial peer, every rule of it: the two were written apart, on different foundations.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod sip_support;

use std::{sync::Arc, time::Duration};

use ringfleet_carriers::{
    Carrier, Order, Progress, Registry, SipCarrier, SipSettings,
    peer::{CallRecord, Peer, PeerSettings},
};
use ringfleet_core::{
    E164, EndedBy, Ending, Outcome, SystemClock, TrunkId,
    trunk::{SipTrunk, TrunkConfig},
};
use sip_support::{carrier, order, place, settings};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_util::sync::CancellationToken;

async fn peer(talk: u64, auth: Option<(String, String)>) -> (Peer, SipTrunk, UnboundedReceiver<CallRecord>) {
    let (sink, records) = unbounded_channel();
    let settings = PeerSettings {
        listen: "127.0.0.1:0".parse().unwrap(),
        ring: Duration::from_millis(50),
        talk: Duration::from_millis(talk),
        auth,
        press: String::new(),
        rtp_ports: 40_000..=49_998,
    };
    let peer = Peer::start(settings, Arc::new(SystemClock), sink).await.unwrap();
    let trunk = serde_json::json!({
        "host": "127.0.0.1", "port": peer.local_addr().port(), "username": "joe", "password": "secret",
    });
    (peer, serde_json::from_value(trunk).unwrap(), records)
}

/// A call that waits for the far end to hang up, with a second of sound.
fn to(number: &str) -> Order {
    let (to, greeting) = (E164::parse_loose(number).unwrap(), Arc::new(vec![500; 8_000]));
    Order { to, greeting, hang_up_after_greeting: false, ..order() }
}

async fn record(records: &mut UnboundedReceiver<CallRecord>) -> CallRecord {
    tokio::time::timeout(sip_support::PATIENCE, records.recv()).await.unwrap().unwrap()
}

#[tokio::test]
async fn every_last_digit() {
    let (_peer, trunk, mut records) = peer(2_000, Some(("joe".into(), "secret".into()))).await;
    let carrier = carrier(trunk);
    for (number, short_ring, hang_up, expected) in [
        ("+919876543211", false, false, ("ANSWERED", "hangup", Some(200), "callee")),
        ("+919876543215", false, true, ("ANSWERED", "completed", Some(200), "caller")),
        ("+919876543216", true, false, ("UNANSWERED", "ring_timeout", Some(487), "caller")),
        ("+919876543217", false, false, ("REJECTED", "busy", Some(486), "callee")),
        ("+919876543219", false, false, ("REJECTED", "declined", Some(603), "callee")),
    ] {
        let mut order = Order { hang_up_after_greeting: hang_up, ..to(number) };
        if short_ring {
            order.ring_timeout = Duration::from_millis(300);
        }
        let told = place(&carrier, order).await;
        assert_eq!(told.over(), expected, "{number}");
        let record = record(&mut records).await;
        assert_eq!((record.to.as_str(), record.invites), (number, 2), "one is challenged, one is not");
        assert_eq!(record.answered, expected.0 == "ANSWERED");
        if record.answered {
            assert!(record.rtp_in > 5 && record.rtp_out > 5, "{number}: audio flows both ways");
        }
    }
}

#[tokio::test]
async fn a_beep_is_a_voicemail() {
    let (_peer, trunk, mut records) = peer(3000, None).await;
    let told = place(&carrier(trunk), to("+919876543218")).await;
    assert_eq!(told.over(), ("VOICEMAIL", "beep", Some(200), "caller"));
    assert!(told.progress.contains(&Progress::Answered));
    assert_eq!(record(&mut records).await.ended_by, EndedBy::Caller);
}

#[tokio::test]
async fn no_room_once_and_then_an_answer() {
    let (_peer, trunk, _records) = peer(200, None).await;
    let carrier = carrier(trunk);
    let order = to("+919876543200");
    let told = place(&carrier, order.clone()).await;
    assert!(matches!(told.ending, Ending::NoRoom { code: Some(503), .. }), "{:?}", told.ending);
    let told = place(&carrier, order).await; // the same call, at once
    assert_eq!(told.over(), ("ANSWERED", "hangup", Some(200), "callee"));
}

#[tokio::test]
async fn many_calls_at_once() {
    let (_peer, trunk, mut records) = peer(300, None).await;
    let carrier = Arc::new(carrier(trunk));
    let mut calls = tokio::task::JoinSet::new();
    for number in 0..100_u64 {
        let carrier = carrier.clone();
        let order = to(&format!("+9198765{number:04}1"));
        calls.spawn(async move { place(&carrier, order).await });
    }
    while let Some(told) = calls.join_next().await {
        assert_eq!(told.unwrap().over(), ("ANSWERED", "hangup", Some(200), "callee"));
    }
    let mut called = std::collections::BTreeSet::new();
    for _ in 0..100 {
        let record = record(&mut records).await;
        assert!(record.invites == 1 && called.insert(record.to), "nobody is called twice");
    }
}

#[tokio::test]
async fn the_registry_builds_a_carrier_once_for_each_setting() {
    let (_peer, mut trunk, _records) = peer(200, None).await;
    let registry = Registry::new(settings());
    let id: TrunkId = "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap();
    let config = |trunk: &SipTrunk| TrunkConfig::Sip(trunk.clone());
    let first = registry.carrier(id, &config(&trunk)).unwrap();
    assert!(Arc::ptr_eq(&first, &registry.carrier(id, &config(&trunk)).unwrap()));
    let port = |carrier: &Arc<dyn Carrier>| {
        let carrier = carrier.clone();
        async move {
            let kept = carrier.prepare(order()).await.ok().unwrap().resume();
            kept["local"].as_str().unwrap().rsplit(':').next().unwrap().parse::<u16>().unwrap()
        }
    };
    let old_port = port(&first).await;
    assert!(sip_support::is_taken("udp", old_port), "it is in use");

    trunk.password = Some("another".into());
    let second = registry.carrier(id, &config(&trunk)).unwrap();
    assert!(!Arc::ptr_eq(&first, &second));
    // The first still has a call; that one ends as it ends.
    let attempt = first.prepare(to("+919876543211")).await.ok().unwrap();
    drop(first);
    let (sender, _heard) = unbounded_channel();
    let ending = attempt.place(sender, Default::default()).await;
    assert!(matches!(ending, Ending::Over { ref reason, .. } if reason == "hangup"), "{ending:?}");
    sip_support::until("the replaced carrier has closed", || !sip_support::is_taken("udp", old_port)).await;

    let second_port = port(&second).await;
    registry.close().await;
    drop(second);
    sip_support::until("the closed carrier's socket is gone", || !sip_support::is_taken("udp", second_port))
        .await;
}

#[tokio::test]
async fn an_address_of_somebody_else_is_refused() {
    let bind = "192.0.2.1".parse().unwrap();
    let registry = Registry::new(ringfleet_carriers::SipSettings { bind, ..settings() });
    let (_peer, trunk, _records) = peer(200, None).await;
    let id: TrunkId = "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap();
    let Err(error) = registry.carrier(id, &TrunkConfig::Sip(trunk)) else { panic!("a carrier") };
    assert!(error.to_string().starts_with("cannot open a SIP socket on 192.0.2.1"), "{error}");
}

/// Calls are spread over the endpoints of a trunk, and each stays on its own: challenge, answer and goodbye find it.
#[tokio::test]
async fn several_endpoints_share_the_calls_of_a_trunk() {
    let (_peer, trunk, mut records) = peer(300, Some(("joe".into(), "secret".into()))).await;
    let sharded = SipSettings { endpoints: 4, ..settings() };
    let open = |trunk: &SipTrunk| SipCarrier::open(trunk.clone(), sharded.clone()).unwrap();
    let carrier = open(&trunk);
    let mut ports = std::collections::BTreeSet::new();
    let mut attempts = Vec::new();
    for _ in 0..40 {
        let attempt = carrier.prepare(to("+919876543211")).await.ok().unwrap();
        ports.insert(attempt.resume()["local"].to_string());
        attempts.push(attempt);
    }
    assert_eq!(ports.len(), 4, "{ports:?}");
    let placing =
        attempts.into_iter().map(|attempt| attempt.place(unbounded_channel().0, CancellationToken::new()));
    for ending in futures::future::join_all(placing).await {
        assert_eq!(ending, Ending::over(Outcome::Answered, "hangup", Some(200), EndedBy::Callee));
    }
    for _ in 0..40 {
        assert_eq!(record(&mut records).await.invites, 2);
    }
}
