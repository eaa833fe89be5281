//! Nobody is left on a line, and nobody is charged for a call that reached nobody: endings that are easy to miss.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod sip_support;

use std::time::Duration;

use ringfleet_carriers::{Carrier, Order, Progress, SipCarrier, SipSettings};
use ringfleet_core::{EndedBy, Ending, Outcome};
use sip_support::{
    Told, carrier, order, place, place_until,
    script::{SDP, Script, header},
    settings,
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

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
    let resolving = tokio::spawn(async move { carrier.resolve(&kept, None).await });
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

/// Somebody picks up after we have long given up: acknowledged and hung up at once.
#[tokio::test]
async fn an_answer_nobody_waits_for_is_hung_up_with_the_password() {
    let (mut script, trunk) = Script::new().await;
    // For as long as this an answer is still heard after the call has ended.
    let patient = SipSettings { transaction_timeout: Duration::from_secs(6), ..settings() };
    let patient = SipCarrier::open(trunk, patient).unwrap();
    let call = calling(patient, Order { ring_timeout: Duration::from_millis(200), ..order() });
    let invite = script.expect("INVITE").await;
    script.say(&invite, "180 Ringing", "one", "").await;
    let cancel = script.expect("CANCEL").await;
    script.say(&cancel, "200 OK", "one", "").await;
    let (told, _carrier) = call.await.unwrap();
    assert_eq!(told.over(), ("UNANSWERED", "ring_timeout", None, "caller"));
    script.say(&invite, "200 OK", "one", SDP).await;
    script.expect("ACK").await;
    challenge_the_bye(&mut script, "one").await;
}

/// Lets a call meet a challenge after it was given up; what it came to.
async fn challenged_late(first: &str, by_timeout: bool) -> Ending {
    let (mut script, trunk) = Script::new().await;
    let hangup = CancellationToken::new();
    let cancelled = hangup.clone();
    let ring_timeout = Duration::from_millis(if by_timeout { 200 } else { 10_000 });
    let rings = first.starts_with("180");
    let call = tokio::spawn(async move {
        let order = Order { ring_timeout, ..order() };
        let on = |news: &Progress| assert!(rings || *news != Progress::Ringing);
        place_until(&carrier(trunk), order, cancelled, on).await
    });
    let invite = script.expect("INVITE").await;
    script.say(&invite, first, "one", "").await;
    if !by_timeout {
        hangup.cancel();
    }
    let cancel = script.expect("CANCEL").await;
    script.say(&cancel, "200 OK", "one", "").await;
    script.say_with(&invite, "401 Unauthorized", "one", CHALLENGE, "").await;
    let told = call.await.unwrap();
    assert_eq!(script.heard.iter().filter(|request| request.contains("CSeq: 2 INVITE")).count(), 0);
    told.ending
}

/// The trunk's password is not wrong because we no longer answer its challenge.
#[tokio::test]
async fn a_challenge_after_we_gave_up_is_no_wrong_password() {
    let rang = |reason| Ending::over(Outcome::Unanswered, reason, Some(401), EndedBy::Caller);
    assert_eq!(challenged_late("180 Ringing", false).await, rang("cancelled"));
    assert_eq!(challenged_late("180 Ringing", true).await, rang("ring_timeout"));
    let nobody = Ending::GivenUp { reason: "cancelled".into() };
    assert_eq!(challenged_late("100 Trying", false).await, nobody);
    // Longer than a phone may ring, and then no more than a question: the trunk's trouble.
    let slow = Ending::over(Outcome::Failed, "network", Some(401), EndedBy::Carrier);
    assert_eq!(challenged_late("100 Trying", true).await, slow);
}
