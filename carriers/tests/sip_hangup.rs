//! Nobody is left on a line, and nobody is charged for a call that reached nobody: endings that are easy to miss.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod sip_support;

use std::time::Duration;

use ringfleet_carriers::{Carrier, Order, SipCarrier};
use ringfleet_core::{EndedBy, Ending, Outcome};
use sip_support::{
    Told, carrier, order, place,
    script::{SDP, Script, header},
};
use tokio::task::JoinHandle;

const CHALLENGE: &str = "WWW-Authenticate: Digest realm=\"peer\",nonce=\"abc\",algorithm=MD5\r\n";

/// Places one call in the background; the carrier lives on after it.
fn calling(carrier: SipCarrier, order: Order) -> JoinHandle<(Told, SipCarrier)> {
    tokio::spawn(async move { (place(&carrier, order).await, carrier) })
}

/// A peer behind a border controller may name itself by a host that only its own network knows.
#[tokio::test]
async fn a_host_nobody_knows_is_hung_up_all_the_same() {
    for (nowhere, headers) in [
        ("target", "Contact: <sip:far@pbx.invalid>\r\n"),
        ("route", "Contact: <sip:far@127.0.0.1:9>\r\nRecord-Route: <sip:edge.invalid;lr>\r\n"),
        ("address", "Contact: <sip:far@0.0.0.0>\r\n"),
        ("family", "Contact: <sip:far@[2001:db8::7]>\r\n"),
    ] {
        let (mut script, trunk) = Script::new().await;
        let call = calling(carrier(trunk), order());
        let invite = script.expect("INVITE").await;
        script.say_with(&invite, "200 OK", "far", headers, SDP).await;
        let bye = script.expect("BYE").await;
        assert!(bye.0.starts_with("BYE sip:far@"), "the URI stays what the peer said: {}", bye.0);
        assert_eq!(bye.0.contains("Route: <sip:edge.invalid;lr>"), nowhere == "route");
        script.say(&bye, "200 OK", "far", "").await;
        let (told, _) = call.await.unwrap();
        assert_eq!(told.over(), ("ANSWERED", "completed", Some(200), "caller"), "{nowhere}");
    }
}

#[tokio::test]
async fn a_dead_workers_call_at_a_host_nobody_knows_is_hung_up() {
    let (mut script, trunk) = Script::new().await;
    let carrier = carrier(trunk);
    let mut kept = carrier.prepare(order()).await.ok().unwrap().resume();
    kept["dialog"] = serde_json::json!({"to_tag": "far", "target": "sip:far@pbx.invalid"});
    let resolving = tokio::spawn(async move { carrier.resolve(&kept).await });
    let bye = script.expect("BYE").await;
    script.say(&bye, "200 OK", "far", "").await;
    let expected = Ending::over(Outcome::Answered, "worker_lost", Some(200), EndedBy::Caller);
    assert_eq!(resolving.await.unwrap(), expected);
}

/// Answers the BYE for `tag` with a challenge, and takes the one with an answer to it.
async fn challenge_the_bye(script: &mut Script, tag: &str) {
    let first = script.expect("BYE").await;
    assert!(header(&first.0, "To").ends_with(&format!(";tag={tag}")), "{}", first.0);
    script.say_with(&first, "401 Unauthorized", tag, CHALLENGE, "").await;
    loop {
        let again = script.expect("BYE").await;
        if header(&again.0, "CSeq") == header(&first.0, "CSeq") {
            continue; // sent before the challenge had come
        }
        assert!(header(&again.0, "Authorization").contains("username=\"joe\""), "{}", again.0);
        return script.say(&again, "200 OK", tag, "").await;
    }
}

/// A trunk that asks for the password at every BYE asks also at those of calls nobody wants.
#[tokio::test]
async fn an_unwanted_fork_is_hung_up_with_the_password() {
    let (mut script, trunk) = Script::new().await;
    let call = calling(carrier(trunk), Order { hang_up_after_greeting: false, ..order() });
    let invite = script.expect("INVITE").await;
    script.say(&invite, "200 OK", "one", SDP).await;
    script.say(&invite, "200 OK", "two", SDP).await;
    challenge_the_bye(&mut script, "two").await;
    script.ask(&invite, "BYE", 1, "one", "").await;
    assert_eq!(call.await.unwrap().0.over(), ("ANSWERED", "hangup", Some(200), "callee"));
}

#[tokio::test]
async fn an_answer_nobody_waits_for_is_hung_up_with_the_password() {
    let (mut script, trunk) = Script::new().await;
    let call = calling(carrier(trunk), Order { ring_timeout: Duration::from_millis(200), ..order() });
    let invite = script.expect("INVITE").await;
    script.say(&invite, "180 Ringing", "one", "").await;
    let cancel = script.expect("CANCEL").await;
    script.say(&cancel, "200 OK", "one", "").await;
    let (told, _carrier) = call.await.unwrap();
    assert_eq!(told.over(), ("UNANSWERED", "ring_timeout", None, "caller"));
    script.say(&invite, "200 OK", "one", SDP).await;
    challenge_the_bye(&mut script, "one").await;
}
