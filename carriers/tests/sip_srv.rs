//! Trunks that name only their domain: found by SRV records, with a name server of our own.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod sip_support;

use std::net::{Ipv4Addr, SocketAddr};

use ringfleet_carriers::{Carrier, Progress, SipCarrier, SipSettings};
use ringfleet_core::{Ending, trunk::SipTrunk};
use sip_support::{
    Sipp,
    dns::{NameServer, Names},
    free_port, order, place,
    script::Script,
    settings,
    tls::{Authority, TlsPeer},
};

const HERE: Ipv4Addr = Ipv4Addr::LOCALHOST;

fn carrier(names: &NameServer, more: serde_json::Value) -> SipCarrier {
    let mut trunk = serde_json::json!({"host": "carrier.test", "username": "joe", "password": "secret"});
    trunk.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let trunk: SipTrunk = serde_json::from_value(trunk).unwrap();
    SipCarrier::open(trunk, SipSettings { nameservers: vec![names.address], ..settings() }).unwrap()
}

/// Where the next call would go.
async fn target(carrier: &SipCarrier) -> SocketAddr {
    let attempt = carrier.prepare(order()).await.map_err(|ending| format!("{ending:?}")).unwrap();
    attempt.resume()["peer"].as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_domain_leads_to_its_server_and_stands_in_the_addresses() {
    let sipp = Sipp::with("refuse", "udp", &[("status", "486 Busy Here"), ("header", "X-Nothing: 1")]).await;
    let names = Names::default()
        .srv("_sip._udp.carrier.test", (20, 0, 9, "spare.carrier.test"))
        .srv("_sip._udp.carrier.test", (10, 0, sipp.port, "edge.carrier.test"))
        .host("spare.carrier.test", HERE)
        .host("edge.carrier.test", HERE)
        .serve()
        .await;
    let told = place(&carrier(&names, serde_json::json!({})), order()).await;
    assert_eq!(told.over(), ("REJECTED", "busy", Some(486), "callee"));
    let invite = &sipp.finish().await.0[0];
    assert!(invite.starts_with("INVITE sip:+919876543210@carrier.test SIP/2.0"), "{invite}");
}

/// Refused before anything was sent, so nobody can have been called: the next server stands in, and is the first to be tried then.
#[tokio::test]
async fn a_server_that_takes_no_connection_is_passed_over() {
    let sipp = Sipp::with("refuse", "tcp", &[("status", "486 Busy Here"), ("header", "X-Nothing: 1")]).await;
    let names = Names::default()
        .srv("_sip._tcp.carrier.test", (1, 0, free_port("tcp"), "a.carrier.test"))
        .srv("_sip._tcp.carrier.test", (2, 0, sipp.port, "b.carrier.test"))
        .host("a.carrier.test", HERE)
        .host("b.carrier.test", HERE)
        .serve()
        .await;
    let carrier = carrier(&names, serde_json::json!({"transport": "tcp"}));
    let good: SocketAddr = (HERE, sipp.port).into();
    assert_ne!(target(&carrier).await, good, "priority decides first");
    let told = place(&carrier, order()).await;
    assert_eq!(told.over(), ("REJECTED", "busy", Some(486), "callee"));
    let moved = |news: &Progress| matches!(news, Progress::Resume(kept) if kept["peer"] == good.to_string());
    assert!(told.progress.iter().any(moved), "after a crash the right one is asked: {:?}", told.progress);
    assert_eq!(sipp.finish().await.invites(), 1);
    assert_eq!(target(&carrier).await, good, "what did not answer is tried last for a while");
}

/// No server at all: the probe says so, and the call ends.
#[tokio::test]
async fn all_servers_of_a_domain_may_be_gone() {
    let names = Names::default()
        .srv("_sip._tcp.carrier.test", (1, 0, free_port("tcp"), "a.carrier.test"))
        .srv("_sip._tcp.carrier.test", (1, 5, free_port("tcp"), "a.carrier.test"))
        .host("a.carrier.test", HERE)
        .serve()
        .await;
    let carrier = carrier(&names, serde_json::json!({"transport": "tcp"}));
    assert_eq!(place(&carrier, order()).await.over(), ("FAILED", "network", None, "carrier"));
    assert_eq!(carrier.probe().await, Err("network"));
}

/// Over UDP a server that says nothing may have taken the INVITE: that call is not sent to another one, the next one is.
#[tokio::test]
async fn a_silent_server_keeps_its_call_and_loses_the_next() {
    let (mut silent, _) = Script::new().await;
    let sipp = Sipp::with("refuse", "udp", &[("status", "486 Busy Here"), ("header", "X-Nothing: 1")]).await;
    let names = Names::default()
        .srv("_sip._udp.carrier.test", (1, 0, silent.socket.local_addr().unwrap().port(), "a.carrier.test"))
        .srv("_sip._udp.carrier.test", (2, 0, sipp.port, "a.carrier.test"))
        .host("a.carrier.test", HERE)
        .serve()
        .await;
    let carrier = carrier(&names, serde_json::json!({}));
    assert_eq!(place(&carrier, order()).await.over(), ("FAILED", "trunk_silent", None, "carrier"));
    silent.expect("INVITE").await;
    assert_eq!(sipp.received().invites(), 0);
    assert_eq!(place(&carrier, order()).await.over(), ("REJECTED", "busy", Some(486), "callee"));
}

#[tokio::test]
async fn without_srv_records_the_usual_port_is_meant() {
    let names = Names::default().host("carrier.test", HERE).serve().await;
    for (transport, port) in [("udp", 5060), ("tcp", 5060), ("tls", 5061)] {
        let carrier = carrier(&names, serde_json::json!({"transport": transport}));
        assert_eq!(target(&carrier).await, (HERE, port).into(), "{transport}");
    }
    let mut asked = names.asked.lock().unwrap().clone();
    asked.retain(|name| name.starts_with('_'));
    assert_eq!(asked, ["_sip._udp.carrier.test", "_sip._tcp.carrier.test", "_sips._tcp.carrier.test"]);
}

#[tokio::test]
async fn a_port_is_taken_at_its_word() {
    let names = Names::default()
        .srv("_sip._udp.carrier.test", (1, 0, 9, "a.carrier.test"))
        .host("carrier.test", HERE)
        .serve()
        .await;
    let carrier = carrier(&names, serde_json::json!({"port": 5060}));
    assert_eq!(target(&carrier).await, (HERE, 5060).into());
    assert!(!names.asked.lock().unwrap().iter().any(|name| name.starts_with('_')));
}

/// A target of "." says that the service is decidedly not there (RFC 2782): then nothing is tried.
#[tokio::test]
async fn a_domain_without_the_service_is_no_way_to_the_trunk() {
    let names = Names::default()
        .srv("_sip._udp.carrier.test", (0, 0, 0, "."))
        .host("carrier.test", HERE)
        .serve()
        .await;
    let Err(ending) = carrier(&names, serde_json::json!({})).prepare(order()).await else {
        panic!("prepared")
    };
    assert!(matches!(ending, Ending::Over { ref reason, .. } if reason == "network"), "{ending:?}");
}

/// The certificate must have the name of the domain, not of the server that the DNS made of it: the DNS can lie (RFC 3263 §4.1).
#[tokio::test]
async fn a_certificate_names_the_domain() {
    let authority = Authority::new();
    for (name, expected) in [("carrier.test", Ok(())), ("edge.carrier.test", Err("network"))] {
        let tls = TlsPeer::with(authority.sign(&[name], |_| {}), authority.pem.clone()).await;
        let names = Names::default()
            .srv("_sips._tcp.carrier.test", (1, 0, tls.port(), "edge.carrier.test"))
            .host("edge.carrier.test", HERE)
            .serve()
            .await;
        let carrier =
            carrier(&names, serde_json::json!({"transport": "tls", "caCertificate": authority.pem}));
        let probe = tokio::spawn(async move { carrier.probe().await });
        if let Ok(mut talk) = tls.accept().await {
            let options = talk.expect("OPTIONS").await;
            talk.say(&options, "200 OK", "").await;
        }
        assert_eq!(probe.await.unwrap(), expected, "{name}");
    }
}
