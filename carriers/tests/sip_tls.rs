//! SIP over TLS: against the trial peer behind a proxy, and against peers that do what they should not.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod sip_support;

use std::{sync::Arc, time::Duration};

use ringfleet_carriers::{
    Carrier, Order, Progress,
    peer::{Peer, PeerSettings},
};
use ringfleet_core::{E164, EndedBy, Ending, Outcome, SystemClock, trunk::SipTrunk};
use sip_support::{
    carrier, order, place, place_until,
    script::{SDP, header},
    tls::{Authority, TlsPeer, in_front_of},
};
use tokio::sync::mpsc::unbounded_channel;
use tokio_util::sync::CancellationToken;

/// Challenge, answer, audio, and the goodbye of either side, all over the one connection that the first INVITE opened.
#[tokio::test]
async fn whole_calls_share_one_connection() {
    let (sink, mut records) = unbounded_channel();
    let settings = PeerSettings {
        listen: "127.0.0.1:0".parse().unwrap(),
        ring: Duration::from_millis(50),
        talk: Duration::from_secs(2),
        auth: Some(("joe".into(), "secret".into())),
        press: String::new(),
        rtp_ports: 40_000..=49_998,
    };
    let peer = Peer::start(settings, Arc::new(SystemClock), sink).await.unwrap();
    let tls = TlsPeer::new().await;
    let carrier = carrier(tls.trunk());
    let calling = tokio::spawn(async move {
        for (number, hang_up, expected) in [
            ("+919876543211", false, ("ANSWERED", "hangup", Some(200), "callee")),
            ("+919876543215", true, ("ANSWERED", "completed", Some(200), "caller")),
            ("+919876543217", false, ("REJECTED", "busy", Some(486), "callee")),
        ] {
            let to = E164::parse_loose(number).unwrap();
            let order = Order { to, hang_up_after_greeting: hang_up, ..order() };
            assert_eq!(place(&carrier, order).await.over(), expected, "{number}");
            assert_eq!(records.recv().await.unwrap().invites, 2, "{number}: challenged once");
        }
        assert_eq!(carrier.probe().await, Ok(()));
    });
    let talk = tls.accept().await.unwrap();
    tokio::select! {
        called = calling => called.unwrap(),
        () = in_front_of(peer.local_addr(), talk) => panic!("the connection was closed"),
        another = tls.accept() => panic!("a second connection: {:?}", another.map(|talk| talk.from)),
    }
}

/// What others see of us: the port that the connection comes from, TLS in Via and Contact, `sips:` only where it is asked for.
#[tokio::test]
async fn addresses_lead_back_to_the_connection() {
    for (sips, scheme, uri_end) in [(false, "sip", ";transport=tls"), (true, "sips", "")] {
        let tls = TlsPeer::new().await;
        let domain = Some("carrier.example".to_owned());
        let carrier = carrier(SipTrunk { sips, domain, ..tls.trunk() });
        let call = tokio::spawn(async move { place(&carrier, order()).await });
        let mut talk = tls.accept().await.unwrap();
        let invite = talk.expect("INVITE").await;
        let (text, us) = (&invite.0, talk.from);
        let line = format!("INVITE {scheme}:+919876543210@carrier.example{uri_end} SIP/2.0\r\n");
        assert!(text.replace("=TLS", "=tls").starts_with(&line), "{text}");
        assert_eq!(header(text, "Contact"), format!("<{scheme}:ringfleet@{us}{uri_end}>"));
        assert!(header(text, "Via").starts_with(&format!("SIP/2.0/TLS {us};branch=")), "{text}");
        assert!(header(text, "Via").ends_with(";alias"), "{text}");
        assert!(
            header(text, "From").starts_with(&format!("<{scheme}:+15550001111@carrier.example>;")),
            "{text}"
        );
        talk.say(&invite, "486 Busy Here", "").await;
        talk.expect("ACK").await;
        assert_eq!(call.await.unwrap().over(), ("REJECTED", "busy", Some(486), "callee"));
    }
}

/// A certificate that is not the peer's, or nobody vouches for, or that is no longer good: not a byte of SIP goes there.
#[tokio::test]
async fn a_bad_certificate_is_a_fault_of_the_network() {
    let ours = Authority::new();
    let other = Authority::new();
    let long_ago =
        |params: &mut rcgen::CertificateParams| params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    for (what, certificate, name) in [
        ("signed by somebody else", other.sign(&["localhost"], |_| {}), None),
        ("another name", ours.sign(&["pbx.example"], |_| {}), None),
        ("expired", ours.sign(&["localhost"], long_ago), None),
        (
            "not the name that was asked for",
            ours.sign(&["localhost"], |_| {}),
            Some("pbx.example".to_owned()),
        ),
    ] {
        let tls = TlsPeer::with(certificate, ours.pem.clone()).await;
        let carrier = carrier(SipTrunk { tls_server_name: name, ..tls.trunk() });
        let (told, met) = tokio::join!(place(&carrier, order()), tls.accept());
        assert_eq!(told.over(), ("FAILED", "network", None, "carrier"), "{what}");
        assert!(met.is_err(), "{what}: the handshake must fail");
        let (probed, met) = tokio::join!(carrier.probe(), tls.accept());
        assert_eq!(probed, Err("network"), "{what}");
        assert!(met.is_err(), "{what}");
    }
    // The system's own authorities vouch for neither.
    let tls = TlsPeer::with(ours.sign(&["localhost"], |_| {}), ours.pem.clone()).await;
    let carrier = carrier(SipTrunk { ca_certificate: None, ..tls.trunk() });
    let (told, met) = tokio::join!(place(&carrier, order()), tls.accept());
    assert_eq!((told.over(), met.is_err()), (("FAILED", "network", None, "carrier"), true));
}

#[tokio::test]
async fn a_certificate_with_another_name_is_taken_when_the_trunk_names_it() {
    let alone = rcgen::generate_simple_self_signed(["pbx.example".to_owned()]).unwrap();
    let pem = alone.cert.pem();
    let tls = TlsPeer::with((alone.cert, alone.signing_key), pem).await;
    let trunk =
        SipTrunk { host: "127.0.0.1".into(), tls_server_name: Some("pbx.example".into()), ..tls.trunk() };
    let carrier = carrier(trunk);
    let probe = tokio::spawn(async move { carrier.probe().await });
    let mut talk = tls.accept().await.unwrap();
    let options = talk.expect("OPTIONS").await;
    talk.say(&options, "200 OK", "").await;
    assert_eq!(probe.await.unwrap(), Ok(()));
}

/// The far end can hang up only over a connection of ours: one that breaks under a call is opened again.
#[tokio::test]
async fn a_connection_that_breaks_under_a_call_comes_back() {
    let tls = TlsPeer::new().await;
    let carrier = carrier(tls.trunk());
    let call =
        tokio::spawn(
            async move { place(&carrier, Order { hang_up_after_greeting: false, ..order() }).await },
        );
    let mut talk = tls.accept().await.unwrap();
    let invite = talk.expect("INVITE").await;
    talk.say(&invite, "200 OK", SDP).await;
    talk.expect("ACK").await;
    drop(talk);
    let mut again = tls.accept().await.unwrap();
    let of = |name| header(&invite.0, name);
    let bye = format!(
        "BYE sip:ringfleet@{} SIP/2.0\r\nVia: SIP/2.0/TLS 198.51.100.1;branch=z9hG4bKbye\r\nFrom: {};tag=far\r\nTo: {}\r\n\
         Call-ID: {}\r\nCSeq: 1 BYE\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
        again.from,
        of("To"),
        of("From"),
        of("Call-ID"),
    );
    again.send(&bye).await;
    again.expect("SIP/2.0 200").await;
    assert_eq!(call.await.unwrap().over(), ("ANSWERED", "hangup", Some(200), "callee"));
}

/// An INVITE on a connection that broke before any answer may have been taken: it is not said that nobody was called.
#[tokio::test]
async fn an_invite_on_a_broken_connection_is_uncertain() {
    let tls = TlsPeer::new().await;
    let carrier = carrier(tls.trunk());
    let call = tokio::spawn(async move { place(&carrier, order()).await });
    let mut talk = tls.accept().await.unwrap();
    talk.expect("INVITE").await;
    drop(talk);
    assert_eq!(call.await.unwrap().ending, Ending::uncertain("connection_lost"));
}

/// The call of a worker that died is hung up over a new connection, whose certificate is verified likewise.
#[tokio::test]
async fn a_dead_workers_call_is_hung_up() {
    let tls = TlsPeer::new().await;
    let dead = carrier(tls.trunk());
    let mut kept = dead.prepare(order()).await.ok().unwrap().resume();
    kept["dialog"] =
        serde_json::json!({"to_tag": "far", "target": "sip:far@198.51.100.1:5061;transport=tls"});
    drop(dead);
    let living = carrier(tls.trunk());
    let resolving = tokio::spawn(async move { living.resolve(&kept, None).await });
    let mut talk = tls.accept().await.unwrap();
    let bye = talk.expect("BYE").await;
    talk.say(&bye, "200 OK", "").await;
    let ending = resolving.await.unwrap();
    assert_eq!(ending, Ending::over(Outcome::Answered, "worker_lost", Some(200), EndedBy::Caller));
}

/// While TLS is being set up nothing has been sent, so there is nothing to wait for.
#[tokio::test]
async fn who_gives_up_does_not_wait_for_tls() {
    let deaf = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = deaf.local_addr().unwrap().port();
    let trunk = serde_json::json!({"host": "127.0.0.1", "port": port, "transport": "tls"});
    let carrier = carrier(serde_json::from_value(trunk).unwrap());
    let hangup = CancellationToken::new();
    let (cancelled, deaf) = (hangup.clone(), tokio::spawn(async move { deaf.accept().await }));
    tokio::spawn(async move {
        let _connected = deaf.await.unwrap();
        cancelled.cancel();
        std::future::pending::<()>().await;
    });
    let told = place_until(&carrier, order(), hangup, |news| assert_ne!(news, &Progress::Ringing)).await;
    assert_eq!(told.ending, Ending::GivenUp { reason: "cancelled".into() });
}
