//! What goes over the wire, against peers played here: things sipp cannot do.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod sip_support;

use std::{net::SocketAddr, time::Duration};

use ringfleet_carriers::{Carrier, Order, SipCarrier, SipSettings};
use sip_support::{
    Deaf, Sipp, carrier, order, place,
    script::{SDP, Script, header},
    settings,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UdpSocket},
    time::timeout,
};

/// Of two forks that answer the first is the call; the other one is acknowledged and hung up (RFC 3261 §13.2.2.4).
#[tokio::test]
async fn a_second_fork_that_answers_is_hung_up() {
    let (mut script, trunk) = Script::new().await;
    let call = tokio::spawn(async move {
        place(&carrier(trunk), Order { hang_up_after_greeting: false, ..order() }).await
    });
    let invite = script.expect("INVITE").await;
    script.say(&invite, "180 Ringing", "one", "").await;
    script.say(&invite, "200 OK", "one", SDP).await;
    assert!(header(&script.expect("ACK").await.0, "To").ends_with(";tag=one"));
    script.say(&invite, "200 OK", "two", SDP).await;
    assert!(header(&script.expect("ACK").await.0, "To").ends_with(";tag=two"));
    let bye = script.expect("BYE").await;
    assert!(header(&bye.0, "To").ends_with(";tag=two") && bye.0.starts_with("BYE sip:two@"), "{}", bye.0);
    script.say(&bye, "200 OK", "two", "").await;
    // A repeated answer is acknowledged again and is no third call; the first call is still on, and hears its BYE.
    script.say(&invite, "200 OK", "one", SDP).await;
    assert!(header(&script.expect("ACK").await.0, "To").ends_with(";tag=one"));
    let call_id = header(&invite.0, "Call-ID");
    let bye = format!(
        "BYE sip:x SIP/2.0\r\nVia: SIP/2.0/UDP {};branch=z9hG4bKbye;rport\r\nFrom: {};tag=one\r\nTo: {}\r\n\
         Call-ID: {call_id}\r\nCSeq: 1 BYE\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
        script.socket.local_addr().unwrap(),
        header(&invite.0, "To"),
        header(&invite.0, "From"),
    );
    script.socket.send_to(bye.as_bytes(), invite.1).await.unwrap();
    assert_eq!(call.await.unwrap().over(), ("ANSWERED", "hangup", Some(200), "callee"));
    assert_eq!(script.heard.iter().filter(|request| request.starts_with("BYE ")).count(), 1);
}

/// A Contact may name TCP although the trunk speaks UDP. Everything goes by UDP; nobody waits for a connection.
#[tokio::test]
async fn a_trunk_has_one_transport_whatever_its_contact_says() {
    let (mut script, trunk, _deaf) = loop {
        let (script, trunk) = Script::new().await;
        if let Some((deaf, _)) = Deaf::at(script.socket.local_addr().unwrap().port()) {
            break (script, trunk, deaf);
        }
    };
    let call = tokio::spawn(async move { place(&carrier(trunk), order()).await });
    let invite = script.expect("INVITE").await;
    let here = script.socket.local_addr().unwrap();
    let contact = format!("Contact: <sip:far@{here};transport=tcp>\r\n");
    script.say_with(&invite, "200 OK", "far", &contact, SDP).await;
    script.expect("ACK").await;
    let bye = script.expect("BYE").await;
    script.say(&bye, "200 OK", "far", "").await;
    assert_eq!(call.await.unwrap().over(), ("ANSWERED", "completed", Some(200), "caller"));
}

/// A lost INVITE is sent again, as the same one.
#[tokio::test]
async fn a_lost_invite_is_repeated() {
    let (mut script, trunk) = Script::new().await;
    let call = tokio::spawn(async move { place(&carrier(trunk), order()).await });
    let (first, _) = script.expect("INVITE").await;
    let again = script.expect("INVITE").await;
    assert_eq!(first, again.0);
    script.say(&again, "486 Busy Here", "one", "").await;
    assert_eq!(call.await.unwrap().over(), ("REJECTED", "busy", Some(486), "callee"));
}

/// The domain stands in the URIs; every message goes to the peer, the CANCEL too.
#[tokio::test]
async fn a_domain_is_no_address() {
    let sipp = Sipp::start("ring").await;
    let mut trunk = sipp.trunk();
    trunk.host = "localhost".into();
    trunk.domain = Some("carrier.invalid".into());
    let told = place(&carrier(trunk), Order { ring_timeout: Duration::from_millis(200), ..order() }).await;
    assert_eq!(told.over(), ("UNANSWERED", "ring_timeout", Some(487), "caller"));
    let received = sipp.finish().await;
    let invite = &received.0[0];
    assert!(invite.starts_with("INVITE sip:+919876543210@carrier.invalid SIP/2.0"), "{invite}");
    assert!(header(invite, "From").starts_with("<sip:+15550001111@carrier.invalid>"), "{invite}");
}

#[tokio::test]
async fn addresses_on_the_wire_are_those_peers_can_reach() {
    let any = "0.0.0.0".parse().unwrap();
    for (advertise, expected) in [(None, "127.0.0.1"), (Some("192.0.2.44".parse().unwrap()), "192.0.2.44")] {
        let sipp =
            Sipp::with("refuse", "udp", &[("status", "486 Busy Here"), ("header", "X-Nothing: 1")]).await;
        let settings = SipSettings { bind: any, advertise, ..settings() };
        let carrier = SipCarrier::open(sipp.trunk(), settings).unwrap();
        place(&carrier, Order { from: None, ..order() }).await;
        let received = sipp.finish().await;
        let invite = &received.0[0];
        assert!(header(invite, "Via").starts_with(&format!("SIP/2.0/UDP {expected}:")), "{invite}");
        assert!(header(invite, "Contact").starts_with(&format!("<sip:ringfleet@{expected}:")), "{invite}");
        assert!(invite.contains(&format!("c=IN IP4 {expected}")), "{invite}");
        assert!(
            header(invite, "From").starts_with("<sip:joe@"),
            "without a caller ID the trunk's user calls"
        );
    }
}

/// Who speaks to us out of the blue gets an answer, over TCP on the port that our Via names.
#[tokio::test]
async fn strangers_are_answered() {
    let (_script, mut trunk) = Script::new().await;
    trunk.transport = ringfleet_core::trunk::SipTransport::Tcp;
    let carrier = carrier(trunk);
    let kept = carrier.prepare(order()).await.ok().unwrap().resume();
    let local: SocketAddr = kept["local"].as_str().unwrap().parse().unwrap();
    let request = |method: &str, transport: &str| {
        format!(
            "{method} sip:ringfleet@{local} SIP/2.0\r\nVia: SIP/2.0/{transport} 127.0.0.1:9;branch=z9hG4bK{method};rport\r\n\
             From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: {method}\r\nCSeq: 1 {method}\r\nMax-Forwards: 70\r\n\
             Content-Length: 0\r\n\r\n"
        )
    };
    for (method, status) in [("OPTIONS", "200"), ("INVITE", "403"), ("BYE", "481"), ("NOTIFY", "481")] {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.send_to(request(method, "UDP").as_bytes(), local).await.unwrap();
        let mut bytes = [0; 2000];
        let count = timeout(sip_support::PATIENCE, socket.recv(&mut bytes)).await.expect(method).unwrap();
        let answer = std::str::from_utf8(&bytes[..count]).unwrap();
        assert!(answer.starts_with(&format!("SIP/2.0 {status} ")), "{method}: {answer}");
    }
    let mut stream = TcpStream::connect(local).await.unwrap();
    stream.write_all(request("OPTIONS", "TCP").as_bytes()).await.unwrap();
    let mut bytes = [0; 2000];
    let count = timeout(sip_support::PATIENCE, stream.read(&mut bytes)).await.unwrap().unwrap();
    let answer = std::str::from_utf8(&bytes[..count]).unwrap();
    assert!(answer.starts_with("SIP/2.0 200 ") && answer.contains("Allow: INVITE"), "{answer}");
}
