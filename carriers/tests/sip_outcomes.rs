//! Every way a call can end before it is answered, against a real SIP peer.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod sip_support;

use std::time::Duration;

use ringfleet_carriers::{Carrier, Order, Progress, SipCarrier, SipSettings};
use ringfleet_core::{
    Ending,
    trunk::{OutcomeRule, SipTransport},
};
use sip_support::{Deaf, PATIENCE, Sipp, carrier, free_port, order, place, place_until, settings};
use tokio_util::sync::CancellationToken;

#[tokio::test]
async fn refusals_become_what_the_table_says() {
    for (scenario, status, expected) in [
        ("ring_refuse", "486 Busy Here", ("REJECTED", "busy", Some(486), "callee")),
        ("ring_refuse", "603 Decline", ("REJECTED", "declined", Some(603), "callee")),
        ("ring_refuse", "480 Temporarily Unavailable", ("UNANSWERED", "unavailable", Some(480), "callee")),
        ("ring_refuse", "408 Request Timeout", ("UNANSWERED", "no_answer", Some(408), "callee")),
        ("refuse", "408 Request Timeout", ("FAILED", "network", Some(408), "carrier")),
        ("refuse", "404 Not Found", ("FAILED", "bad_number", Some(404), "carrier")),
        ("refuse", "403 Forbidden", ("FAILED", "forbidden", Some(403), "carrier")),
        ("refuse", "503 Service Unavailable", ("FAILED", "network", Some(503), "carrier")),
    ] {
        let sipp = Sipp::with(scenario, "udp", &[("status", status), ("header", "X-Nothing: 1")]).await;
        let told = place(&carrier(sipp.trunk()), order()).await;
        assert_eq!(told.over(), expected, "{scenario} {status}");
        assert_eq!(
            told.progress.contains(&Progress::Ringing),
            scenario == "ring_refuse",
            "{scenario} {status}"
        );
        assert_eq!(sipp.finish().await.invites(), 1);
    }
}

#[tokio::test]
async fn no_room_consumes_nothing_and_the_same_call_may_come_back() {
    for (status, header, seconds) in [
        ("503 Service Unavailable", "Retry-After: 7", 7),
        ("503 Service Unavailable", "Retry-After: 18000 (in maintenance);duration=3600", 3600),
        ("429 Too Many Requests", "X-Nothing: 1", 5),
    ] {
        let sipp = Sipp::with("refuse", "udp", &[("status", status), ("header", header)]).await;
        let told = place(&carrier(sipp.trunk()), order()).await;
        let Ending::NoRoom { retry_after, code, .. } = told.ending else { panic!("{:?}", told.ending) };
        assert_eq!((retry_after, code), (Duration::from_secs(seconds), status[..3].parse().ok()));
        sipp.finish().await;
    }
    // Prepared twice, a call is not mistaken for its own retransmission.
    let sipp = Sipp::start("silent").await;
    let carrier = carrier(sipp.trunk());
    let order = order();
    let (first, again) = (carrier.prepare(order.clone()).await, carrier.prepare(order).await);
    assert_ne!(first.ok().unwrap().resume(), again.ok().unwrap().resume());
}

#[tokio::test]
async fn a_phone_that_rings_too_long_is_cancelled() {
    for scenario in ["ring", "trying"] {
        let sipp = Sipp::start(scenario).await;
        let mut order = order();
        order.ring_timeout = Duration::from_millis(600);
        let told = place(&carrier(sipp.trunk()), order).await;
        assert_eq!(told.over(), ("UNANSWERED", "ring_timeout", Some(487), "caller"), "{scenario}");
        let received = sipp.finish().await;
        assert_eq!((received.invites(), received.count("CANCEL")), (1, 1), "{scenario}");
    }
}

#[tokio::test]
async fn a_cancel_without_effect_ends_in_bounded_time() {
    let sipp = Sipp::start("ring_deaf").await;
    let mut order = order();
    order.ring_timeout = Duration::from_millis(300);
    let carrier = carrier(sipp.trunk());
    let told = tokio::time::timeout(PATIENCE, place(&carrier, order)).await.expect("a call without end");
    assert_eq!(told.over(), ("UNANSWERED", "ring_timeout", None, "caller"));
    assert_eq!(sipp.received().count("CANCEL"), 1);
}

#[tokio::test]
async fn a_silent_trunk_is_no_callee() {
    let sipp = Sipp::start("silent").await;
    let told = place(&carrier(sipp.trunk()), order()).await;
    assert_eq!(told.over(), ("FAILED", "trunk_silent", None, "carrier"));
    let received = sipp.received();
    assert_eq!(
        received.count("CANCEL"),
        0,
        "RFC 3261 §9.1: nothing may be cancelled before a provisional response"
    );
    // Whoever gives up on a silent trunk waits for Timer B, not longer; also when it rings out earlier than that.
    let mut order = order();
    order.ring_timeout = Duration::from_millis(200);
    let told = place(&carrier(sipp.trunk()), order).await;
    assert_eq!(told.over(), ("FAILED", "trunk_silent", None, "carrier"));
}

#[tokio::test]
async fn nobody_behind_the_address() {
    // TCP: refused before anything is sent. A name that does not exist: the same.
    let sipp = Sipp::start("silent").await;
    let mut trunk = sipp.trunk();
    trunk.transport = SipTransport::Tcp;
    let told = place(&carrier(trunk.clone()), order()).await;
    assert_eq!(told.over(), ("FAILED", "network", None, "carrier"));
    trunk.host = "no-such-host.invalid".into();
    let Err(ending) = carrier(trunk).prepare(order()).await else { panic!("prepared") };
    assert!(matches!(ending, Ending::Over { ref reason, .. } if reason == "network"), "{ending:?}");
}

/// While the connection to a TCP trunk is being opened nothing has been sent, so there is nothing to wait for.
#[tokio::test]
async fn who_gives_up_does_not_wait_for_a_connection() {
    let (_deaf, port) = Deaf::at(0).unwrap();
    let trunk = serde_json::json!({"host": "127.0.0.1", "port": port, "transport": "tcp"});
    let carrier = SipCarrier::open(serde_json::from_value(trunk).unwrap(), SipSettings::default()).unwrap();
    let hangup = CancellationToken::new();
    let (cancelled, soon) = (hangup.clone(), Duration::from_millis(200));
    tokio::spawn(async move {
        tokio::time::sleep(soon).await;
        cancelled.cancel();
    });
    let started = tokio::time::Instant::now();
    let told = place_until(&carrier, order(), hangup, |_| {}).await;
    assert_eq!(told.ending, Ending::GivenUp { reason: "cancelled".into() });
    let told = place(&carrier, Order { ring_timeout: soon, ..order() }).await;
    assert_eq!(told.over(), ("FAILED", "network", None, "carrier"));
    assert!(started.elapsed() < Duration::from_secs(8), "opening it may take 10 s: {:?}", started.elapsed());
}

#[tokio::test]
async fn an_answer_that_crosses_our_cancel_is_hung_up() {
    let sipp = Sipp::start("glare").await;
    let mut order = order();
    order.ring_timeout = Duration::from_millis(300);
    let told = place(&carrier(sipp.trunk()), order).await;
    assert_eq!(told.over(), ("UNANSWERED", "answered_after_cancel", Some(200), "caller"));
    assert!(!told.progress.contains(&Progress::Answered));
    let received = sipp.finish().await;
    assert_eq!((received.count("CANCEL"), received.count("BYE")), (1, 1));
    assert!(received.count("ACK") >= 1);
}

#[tokio::test]
async fn who_ordered_the_call_may_cancel_it() {
    let sipp = Sipp::start("ring").await;
    let hangup = CancellationToken::new();
    let told = place_until(&carrier(sipp.trunk()), order(), hangup.clone(), |news| {
        if *news == Progress::Ringing {
            hangup.cancel();
        }
    })
    .await;
    assert_eq!(told.over(), ("UNANSWERED", "cancelled", Some(487), "caller"));
    sipp.finish().await;
    // Before anything was sent there is nothing to cancel.
    let sipp = Sipp::start("ring").await;
    let told = place_until(&carrier(sipp.trunk()), order(), hangup, |_| {}).await;
    assert_eq!(told.ending, Ending::GivenUp { reason: "cancelled".into() });
    assert_eq!(sipp.received().invites(), 0);
}

#[tokio::test]
async fn who_drops_the_attempt_cancels_it() {
    let sipp = Sipp::start("ring").await;
    let carrier = carrier(sipp.trunk());
    let attempt = carrier.prepare(order()).await.ok().unwrap();
    let (sender, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let placing = tokio::spawn(attempt.place(sender, CancellationToken::new()));
    assert_eq!(
        tokio::time::timeout(sip_support::PATIENCE, heard.recv()).await.unwrap(),
        Some(Progress::Ringing)
    );
    placing.abort();
    let received = sipp.finish().await;
    assert_eq!((received.count("CANCEL"), received.invites()), (1, 1));
}

#[tokio::test]
async fn a_trunk_may_mean_something_else() {
    let sipp =
        Sipp::with("refuse", "udp", &[("status", "403 Forbidden"), ("header", "Warning: 399 x \"limit\"")])
            .await;
    let mut trunk = sipp.trunk();
    trunk.outcomes.insert(403, OutcomeRule::NoRoom { retry_after_seconds: 20 });
    let told = place(&carrier(trunk), order()).await;
    let Ending::NoRoom { retry_after, .. } = told.ending else { panic!("{:?}", told.ending) };
    assert_eq!(retry_after, Duration::from_secs(20));
    sipp.finish().await;
}

#[tokio::test]
async fn rtp_ports_that_have_run_out_are_no_room() {
    let sipp = Sipp::start("ring").await;
    let mut few = settings();
    let port = free_port("udp");
    few.rtp_ports = (port, port + 1);
    let carrier = ringfleet_carriers::SipCarrier::open(sipp.trunk(), few).unwrap();
    let first = carrier.prepare(order()).await.ok().unwrap();
    assert!(matches!(carrier.prepare(order()).await.err(), Some(Ending::NoRoom { .. })));
    drop(first);
    let freed = async { while carrier.prepare(order()).await.is_err() {} };
    tokio::time::timeout(PATIENCE, freed).await.expect("the port is free again");
}
