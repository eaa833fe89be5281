//! Probing a trunk by OPTIONS: against sipp, against our own trial peer, and against nobody.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod sip_support;

use std::{sync::Arc, time::Duration};

use ringfleet_carriers::{
    Carrier, SipCarrier, SipSettings,
    peer::{Peer, PeerSettings},
};
use ringfleet_core::{
    SystemClock,
    trunk::{SipTransport, SipTrunk},
};
use sip_support::{Deaf, Sipp, carrier, free_port};
use tokio::sync::mpsc::unbounded_channel;

#[tokio::test]
async fn the_answer_decides() {
    for (status, expected) in [
        ("200 OK", Ok(())),
        ("405 Method Not Allowed", Ok(())),
        ("403 Forbidden", Err("forbidden")),
        ("503 Service Unavailable", Err("network")),
    ] {
        let sipp = Sipp::with("options", "udp", &[("status", status)]).await;
        assert_eq!(carrier(sipp.trunk()).probe().await, expected, "{status}");
        let received = sipp.finish().await;
        assert_eq!((received.count("OPTIONS"), received.invites()), (1, 0));
        let request = &received.0[0];
        assert!(
            request.contains("Max-Forwards: 70") && request.contains("Accept: application/sdp"),
            "{request}"
        );
    }
}

#[tokio::test]
async fn a_challenge_is_answered_with_the_trunks_password() {
    let sipp = Sipp::start("options_auth").await;
    assert_eq!(carrier(sipp.trunk()).probe().await, Ok(()));
    assert_eq!(sipp.finish().await.count("OPTIONS"), 2);

    let sipp = Sipp::start("options_auth").await;
    let wrong = SipTrunk { password: Some("wrong".into()), ..sipp.trunk() };
    assert_eq!(carrier(wrong).probe().await, Err("forbidden"));

    let sipp = Sipp::with("options", "udp", &[("status", "401 Unauthorized")]).await;
    let nobody = SipTrunk { password: None, username: None, ..sipp.trunk() };
    assert_eq!(carrier(nobody).probe().await, Err("auth"));
}

#[tokio::test]
async fn our_own_peer_is_there_by_udp_and_sipp_by_tcp() {
    let (sink, _records) = unbounded_channel();
    let settings = PeerSettings {
        listen: "127.0.0.1:0".parse().unwrap(),
        ring: Duration::ZERO,
        talk: Duration::ZERO,
        auth: Some(("joe".into(), "secret".into())),
        press: String::new(),
        rtp_ports: 40_000..=49_998,
    };
    let peer = Peer::start(settings, Arc::new(SystemClock), sink).await.unwrap();
    let trunk = serde_json::json!({"host": "127.0.0.1", "port": peer.local_addr().port()});
    let probing = carrier(serde_json::from_value(trunk).unwrap());
    assert_eq!(probing.probe().await, Ok(()));
    assert_eq!(probing.probe().await, Ok(()), "one probe is not taken for another");

    let sipp = Sipp::with("options", "tcp", &[("status", "200 OK")]).await;
    assert_eq!(carrier(sipp.trunk()).probe().await, Ok(()));
}

#[tokio::test]
async fn nobody_there() {
    let settings = SipSettings { transaction_timeout: Duration::from_millis(500), ..SipSettings::default() };
    let trunk = |port: u16, transport| -> SipTrunk {
        let trunk = serde_json::json!({"host": "127.0.0.1", "port": port});
        SipTrunk { transport, ..serde_json::from_value(trunk).unwrap() }
    };
    let probe = async |trunk| SipCarrier::open(trunk, settings.clone()).unwrap().probe().await;
    assert_eq!(probe(trunk(free_port("udp"), SipTransport::Udp)).await, Err("trunk_silent"));
    assert_eq!(probe(trunk(free_port("tcp"), SipTransport::Tcp)).await, Err("network"));
    let (_deaf, port) = Deaf::at(0).unwrap();
    assert_eq!(probe(trunk(port, SipTransport::Tcp)).await, Err("network"));
    let nowhere = SipTrunk { host: "no-such-host.invalid".into(), ..trunk(5060, SipTransport::Udp) };
    assert_eq!(probe(nowhere).await, Err("network"));
}
