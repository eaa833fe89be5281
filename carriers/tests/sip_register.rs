//! Trunks that want to know where we are before they take calls.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod sip_support;

use std::{sync::Arc, time::Duration};

use ringfleet_carriers::{Carrier, SipCarrier, SipSettings};
use ringfleet_core::{Ending, trunk::SipTrunk};
use sip_support::{
    carrier, order, place,
    script::{Heard, Script, header},
    settings,
    tls::TlsPeer,
};
use tokio::time::timeout;

async fn registrar(more: serde_json::Value) -> (Script, SipTrunk) {
    let (script, trunk) = Script::new().await;
    let mut trunk = serde_json::to_value(trunk).unwrap();
    trunk["register"] = true.into();
    trunk.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    (script, serde_json::from_value(trunk).unwrap())
}

const CHALLENGE: &str = "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n";

/// Challenges a REGISTER and gives back the one that answers.
async fn challenged(script: &mut Script) -> Heard {
    let bare = script.expect("REGISTER").await;
    script.say_with(&bare, "401 Unauthorized", "r", CHALLENGE, "").await;
    let proved = script.expect("REGISTER").await;
    assert!(header(&proved.0, "Authorization").contains("username=\"joe\""), "{}", proved.0);
    proved
}

/// Grants `seconds` to it, in the way of registrars that list every binding they know.
async fn grant(script: &Script, register: &Heard, seconds: u32) {
    let ours = header(&register.0, "Contact").split('>').next().unwrap();
    let contacts = format!(
        "Contact: <sip:other@192.0.2.1>;expires=3000, {ours}>;expires={seconds}\r\nExpires: 3000\r\n"
    );
    script.say_with(register, "200 OK", "r", &contacts, "").await;
}

fn cseq(register: &Heard) -> u32 {
    header(&register.0, "CSeq").split(' ').next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn it_registers_refreshes_and_takes_its_leave() {
    let (mut script, trunk) =
        registrar(serde_json::json!({"registerExpires": 60, "domain": "pbx.test"})).await;
    let sharded = SipSettings { endpoints: 8, ..settings() };
    let carrier = Arc::new(SipCarrier::open(trunk, sharded).unwrap());
    let first = challenged(&mut script).await;
    assert!(first.0.starts_with("REGISTER sip:pbx.test SIP/2.0\r\n"), "{}", first.0);
    assert_eq!(header(&first.0, "Expires"), "60");
    assert_eq!(header(&first.0, "To"), "<sip:joe@pbx.test>");
    assert!(header(&first.0, "Contact").ends_with(">;expires=60"), "{}", first.0);
    grant(&script, &first, 2).await;

    for _ in 0..8 {
        let kept = carrier.prepare(order()).await.ok().unwrap().resume();
        assert_eq!(kept["local"], first.1.to_string(), "calls come from where the registration points to");
    }
    let calling = carrier.clone();
    let call = tokio::spawn(async move { place(&calling, order()).await });
    let invite = script.expect("INVITE").await;
    assert_eq!(invite.1, first.1);
    script.say(&invite, "486 Busy Here", "one", "").await;
    assert_eq!(call.await.unwrap().over(), ("REJECTED", "busy", Some(486), "callee"));

    let refresh =
        timeout(Duration::from_secs(2), challenged(&mut script)).await.expect("before it has run out");
    assert_eq!(header(&refresh.0, "Call-ID"), header(&first.0, "Call-ID"));
    assert!(cseq(&refresh) > cseq(&first));
    grant(&script, &refresh, 60).await;
    carrier.probe_after(&mut script).await;

    let closing = tokio::spawn(async move { carrier.close().await });
    let goodbye = challenged(&mut script).await;
    assert_eq!(header(&goodbye.0, "Expires"), "0");
    assert!(header(&goodbye.0, "Contact").ends_with(">;expires=0"), "{}", goodbye.0);
    script.say(&goodbye, "200 OK", "r", "").await;
    closing.await.unwrap();
}

/// A registration that holds does not stand in for the probe's own question.
trait ProbeAfter {
    async fn probe_after(&self, script: &mut Script);
}

impl ProbeAfter for Arc<SipCarrier> {
    async fn probe_after(&self, script: &mut Script) {
        let probing = self.clone();
        let probe = tokio::spawn(async move { probing.probe().await });
        let options = script.expect("OPTIONS").await;
        script.say(&options, "200 OK", "r", "").await;
        assert_eq!(probe.await.unwrap(), Ok(()));
    }
}

async fn refused(carrier: &SipCarrier) -> Ending {
    carrier.prepare(order()).await.err().expect("no call goes out")
}

#[tokio::test]
async fn without_a_registration_no_call_goes_out() {
    for (status, reason) in
        [("403 Forbidden", "auth"), ("404 Not Found", "auth"), ("500 Server Internal Error", "network")]
    {
        let (mut script, trunk) = registrar(serde_json::json!({})).await;
        let carrier = carrier(trunk);
        let register = script.expect("REGISTER").await;
        script.say(&register, status, "r", "").await;
        let ending = refused(&carrier).await;
        assert!(
            matches!(ending, Ending::Over { reason: ref why, .. } if why == reason),
            "{status}: {ending:?}"
        );
        // The probe asks again, at once, and what it hears counts.
        let carrier = Arc::new(carrier);
        let probing = carrier.clone();
        let probe = tokio::spawn(async move { probing.probe().await });
        let again = script.expect("REGISTER").await;
        script.say(&again, status, "r", "").await;
        assert_eq!(probe.await.unwrap(), Err(reason), "{status}");
        // And it goes on trying by itself.
        let later = script.expect("REGISTER").await;
        grant(&script, &later, 60).await;
        carrier.probe_after(&mut script).await;
        assert!(carrier.prepare(order()).await.is_ok(), "{status}");
    }
}

#[tokio::test]
async fn a_wrong_password_is_found_out() {
    let (mut script, trunk) = registrar(serde_json::json!({})).await;
    let carrier = carrier(trunk);
    let proved = challenged(&mut script).await;
    script.say_with(&proved, "401 Unauthorized", "r", CHALLENGE, "").await;
    let ending = refused(&carrier).await;
    assert!(matches!(ending, Ending::Over { ref reason, .. } if reason == "auth"), "{ending:?}");
}

/// While nobody knows yet, a call is not lost: it comes back.
#[tokio::test]
async fn a_call_waits_for_a_registration_on_its_way() {
    let (mut script, trunk) = registrar(serde_json::json!({})).await;
    let carrier =
        SipCarrier::open(trunk, SipSettings { transaction_timeout: Duration::from_secs(4), ..settings() })
            .unwrap();
    script.expect("REGISTER").await;
    let ending = refused(&carrier).await;
    assert!(matches!(ending, Ending::NoRoom { ref reason, .. } if reason == "registering"), "{ending:?}");
    let ending = loop {
        match refused(&carrier).await {
            Ending::NoRoom { .. } => {}
            other => break other,
        }
    };
    assert!(matches!(ending, Ending::Over { ref reason, .. } if reason == "trunk_silent"), "{ending:?}");
}

/// 423: the registrar wants to hear of us less often (RFC 3261 §10.2.8).
#[tokio::test]
async fn a_time_that_is_too_short_is_made_longer() {
    let (mut script, trunk) = registrar(serde_json::json!({"registerExpires": 60})).await;
    let carrier = carrier(trunk);
    let brief = script.expect("REGISTER").await;
    script.say_with(&brief, "423 Interval Too Brief", "r", "Min-Expires: 600\r\n", "").await;
    let longer = script.expect("REGISTER").await;
    assert_eq!(header(&longer.0, "Expires"), "600");
    grant(&script, &longer, 600).await;
    assert!(carrier.prepare(order()).await.is_ok());
}

/// A refresh that fails does not undo what was granted.
#[tokio::test]
async fn a_registration_holds_as_long_as_it_was_granted() {
    let (mut script, trunk) = registrar(serde_json::json!({})).await;
    let carrier = carrier(trunk);
    let first = script.expect("REGISTER").await;
    grant(&script, &first, 8).await;
    let refresh = script.expect("REGISTER").await;
    script.say(&refresh, "503 Service Unavailable", "r", "").await;
    let again = script.expect("REGISTER").await;
    assert!(carrier.prepare(order()).await.is_ok());
    grant(&script, &again, 60).await;
}

/// A carrier whose trunk was changed, or that nobody uses any more, is dropped, not closed.
#[tokio::test]
async fn who_is_forgotten_takes_its_leave_as_well() {
    let (mut script, trunk) = registrar(serde_json::json!({})).await;
    let carrier = carrier(trunk);
    let register = script.expect("REGISTER").await;
    grant(&script, &register, 60).await;
    assert!(carrier.prepare(order()).await.is_ok());
    drop(carrier);
    let goodbye = script.expect("REGISTER").await;
    assert_eq!(header(&goodbye.0, "Expires"), "0");
    script.say(&goodbye, "200 OK", "r", "").await;
}

/// Over a stream the registrar's way back is the connection: a new one is registered again.
#[tokio::test]
async fn a_connection_that_broke_is_registered_again() {
    let tls = TlsPeer::new().await;
    let carrier = carrier(SipTrunk { register: true, ..tls.trunk() });
    for _ in 0..2 {
        let mut talk = tls.accept().await.unwrap();
        let register = talk.expect("REGISTER").await;
        assert!(header(&register.0, "Contact").contains(&talk.from.to_string()), "{}", register.0);
        talk.say(&register, "200 OK", "").await;
        assert!(carrier.prepare(order()).await.is_ok());
    }
}
