//! Session timers (RFC 4028): a call whose far end is gone ends, and a far end that wants to see that we are not gone sees it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod sip_support;

use std::time::Duration;

use ringfleet_carriers::Order;
use sip_support::{
    Told, carrier, order, place,
    script::{Heard, SDP, Script, header},
};
use tokio::task::JoinHandle;

fn stay() -> Order {
    Order { hang_up_after_greeting: false, ..order() }
}

/// Begins a call that stays.
async fn call(expires: Option<u32>) -> (Script, JoinHandle<Told>) {
    let (script, mut trunk) = Script::new().await;
    trunk.session_expires = expires;
    (script, tokio::spawn(async move { place(&carrier(trunk), stay()).await }))
}

/// Answers the INVITE as `far`, with these headers beside Contact.
async fn answer(script: &mut Script, headers: &str) -> Heard {
    let invite = script.expect("INVITE").await;
    ok(script, &invite, headers, SDP).await;
    script.expect("ACK").await;
    invite
}

async fn ok(script: &Script, request: &Heard, headers: &str, body: &str) {
    let contact = format!("Contact: <sip:far@{}>\r\n{headers}", script.socket.local_addr().unwrap());
    script.say_with(request, "200 OK", "far", &contact, body).await;
}

/// The far end is hung up on; the number of the BYE.
async fn hung_up(script: &mut Script) -> u32 {
    let bye = script.expect("BYE").await;
    script.say(&bye, "200 OK", "far", "").await;
    cseq(&bye)
}

fn cseq(request: &Heard) -> u32 {
    header(&request.0, "CSeq").split(' ').next().unwrap().parse().unwrap()
}

const EXPIRED: (&str, &str, Option<u16>, &str) = ("ANSWERED", "session_expired", Some(200), "caller");

#[tokio::test]
async fn a_longer_interval_is_agreed_to_once() {
    let (mut script, call) = call(Some(90)).await;
    let first = script.expect("INVITE").await;
    assert_eq!((header(&first.0, "Supported"), header(&first.0, "Session-Expires")), ("timer", "90"));
    script.say_with(&first, "422 Session Interval Too Small", "a", "Min-SE: 600\r\n", "").await;
    let second = script.expect("INVITE").await;
    assert_eq!((header(&second.0, "Session-Expires"), header(&second.0, "Min-SE")), ("600", "600"));
    assert_eq!(header(&second.0, "Call-ID"), header(&first.0, "Call-ID"));
    assert_eq!(cseq(&second), 2);
    script.say_with(&second, "422 Session Interval Too Small", "b", "Min-SE: 700\r\n", "").await;
    assert_eq!(call.await.unwrap().over(), ("FAILED", "sip_error", Some(422), "carrier"));
    assert!(!script.heard[2..].iter().any(|message| message.contains("CSeq: 3 INVITE")), "no third try");
}

/// We show that the call goes on, twice, until the far end says nothing any more.
#[tokio::test]
async fn it_is_shown_by_update_until_the_far_end_is_gone() {
    let (mut script, call) = call(None).await;
    let invite = answer(&mut script, "Session-Expires: 6;refresher=uac\r\nAllow: INVITE, UPDATE\r\n").await;
    assert_eq!((header(&invite.0, "Supported"), header(&invite.0, "Session-Expires")), ("timer", ""));
    for round in 1..3 {
        let update = script.expect("UPDATE").await;
        assert_eq!(cseq(&update), cseq(&invite) + round);
        assert_eq!(header(&update.0, "Session-Expires"), "6;refresher=uac");
        assert!(header(&update.0, "To").ends_with(";tag=far"), "{}", update.0);
        ok(&script, &update, "Session-Expires: 6;refresher=uac\r\n", "").await;
    }
    let unheard = script.expect("UPDATE").await;
    assert!(hung_up(&mut script).await > cseq(&unheard));
    assert_eq!(call.await.unwrap().over(), EXPIRED);
}

/// Who does not know UPDATE, or does not want it, gets a re-INVITE with the same audio, which is acknowledged.
#[tokio::test]
async fn without_update_it_is_a_reinvite() {
    for (allow, tries_update) in [("", false), ("Allow: UPDATE\r\n", true)] {
        let (mut script, call) = call(None).await;
        let invite = answer(&mut script, &format!("Session-Expires: 4\r\n{allow}")).await;
        if tries_update {
            let update = script.expect("UPDATE").await;
            script.say(&update, "405 Method Not Allowed", "far", "").await;
        }
        let again = script.expect("INVITE").await;
        let description = |message: &str| message.split("\r\n\r\n").nth(1).unwrap().to_owned();
        assert_eq!(description(&again.0), description(&invite.0), "nothing about the audio has changed");
        ok(&script, &again, "Session-Expires: 4;refresher=uac\r\n", SDP).await;
        let ack = script.expect("ACK").await;
        assert_eq!(cseq(&ack), cseq(&again));
        script.ask(&invite, "BYE", 1, "far", "").await;
        assert_eq!(call.await.unwrap().over(), ("ANSWERED", "hangup", Some(200), "callee"));
    }
}

#[tokio::test]
async fn a_far_end_that_does_not_know_the_call_any_more_ends_it() {
    let (mut script, call) = call(None).await;
    answer(&mut script, "Session-Expires: 4\r\nAllow: UPDATE\r\n").await;
    let update = script.expect("UPDATE").await;
    script.say(&update, "481 Call Does Not Exist", "far", "").await;
    hung_up(&mut script).await;
    assert_eq!(call.await.unwrap().over(), EXPIRED);
}

/// Trouble that passes is tried again; challenges are answered.
#[tokio::test]
async fn a_refresh_that_is_refused_for_now_is_tried_again() {
    let (mut script, call) = call(None).await;
    let invite = answer(&mut script, "Session-Expires: 6\r\nAllow: UPDATE\r\n").await;
    let update = script.expect("UPDATE").await;
    script.say(&update, "491 Request Pending", "far", "").await;
    let update = script.expect("UPDATE").await;
    let challenge = "Proxy-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n";
    script.say_with(&update, "407 Proxy Authentication Required", "far", challenge, "").await;
    let proved = script.expect("UPDATE").await;
    assert!(header(&proved.0, "Proxy-Authorization").contains("joe"), "{}", proved.0);
    ok(&script, &proved, "Session-Expires: 1800;refresher=uac\r\n", "").await;
    tokio::time::sleep(Duration::from_secs(4)).await; // past the end of the first interval
    assert!(!call.is_finished());
    script.ask(&invite, "BYE", 1, "far", "").await;
    assert_eq!(call.await.unwrap().over(), ("ANSWERED", "hangup", Some(200), "callee"));
}

/// The far end's turn: what it shows counts, and when it stops we hang up.
#[tokio::test]
async fn a_far_end_that_stops_showing_it_is_hung_up() {
    let (mut script, call) = call(Some(1800)).await;
    let invite = answer(&mut script, "Session-Expires: 6;refresher=uas\r\nRequire: timer\r\n").await;
    let answered = tokio::time::Instant::now();
    let timer = "Session-Expires: 9;refresher=uac\r\nSupported: timer\r\n";
    script.ask_with(&invite, "UPDATE", 1, "far", timer, "").await;
    let shown = script.expect("SIP/2.0").await;
    assert!(shown.0.starts_with("SIP/2.0 200 "), "{}", shown.0);
    assert_eq!(
        (header(&shown.0, "Session-Expires"), header(&shown.0, "Require")),
        ("9;refresher=uac", "timer")
    );
    hung_up(&mut script).await;
    assert!(
        answered.elapsed() > Duration::from_secs(6),
        "what it showed moved the end: {:?}",
        answered.elapsed()
    );
    assert_eq!(call.await.unwrap().over(), EXPIRED);
}
