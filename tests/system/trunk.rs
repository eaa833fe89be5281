//! sipp as the trunk: what it does to a call decides how the call ends, and whether the number is called again.

use serde_json::{Value, json};

use crate::{
    on_both_pairs,
    operator::{Campaign, Operator, PATIENCE, attempts, numbers, text},
    support::{SOON, eventually, pair::Pair, scenarios::Scenario, sipp::SippPeer},
};

on_both_pairs!(sipp_as_the_trunk, run);

async fn run(pair: Pair) {
    // So long must a peer be silent to be given up. One of these is; the others share the machine with nine processes.
    let system = pair.start(&[("RINGFLEET_SIP__TRANSACTION_TIMEOUT", "6")]).await;
    let operator = &Operator::new(&system.api);
    tokio::join!(
        answers_who_proves_himself(operator),
        refuses_a_wrong_password(operator),
        speaks_tcp(operator),
        is_busy(operator),
        declines(operator),
        does_not_answer(operator),
        is_broken(operator),
        has_no_room(operator),
        refuses_us(operator),
        says_nothing(operator),
    );
}

/// What a session came to: its status, outcome, reason, SIP status, and who ended it.
fn came_to(session: &Value) -> (&str, &str, &str, Option<u64>, &str) {
    let field = |name: &str| text(&session[name]);
    (field("status"), field("outcome"), field("reason"), session["code"].as_u64(), field("endedBy"))
}

async fn call(operator: &Operator, peer: &SippPeer, trunk: Value, more: Value) -> Value {
    let mut session = more;
    session["trunkId"] = operator.sip_trunk(peer.addr, trunk).await.into();
    let session = operator.call("+12025550101", session).await;
    assert_eq!(session["status"], "PENDING");
    operator.ended(&session).await
}

/// A campaign for one number that is called up to twice, whatever refusal comes first.
async fn campaign(operator: &Operator, peer: &SippPeer) -> Campaign {
    let trunk = operator.sip_trunk(peer.addr, json!({})).await;
    let plan = attempts(2, &["REJECTED", "FAILED", "UNANSWERED"]);
    let campaign = operator.campaign(&trunk, json!({"channels": plan})).await;
    campaign.add(&numbers(1, 1)).await;
    campaign.act("start").await;
    campaign
}

async fn answers_who_proves_himself(operator: &Operator) {
    for status in [401, 407] {
        let scenario = Scenario::challenged(status, "alice", "wonderland").answer().until_bye();
        let peer = SippPeer::start(&scenario.xml(), &[]).await;
        let credentials = json!({"username": "alice", "password": "wonderland", "callerId": "+12025550199"});
        let session = call(operator, &peer, credentials, json!({})).await;
        assert_eq!(came_to(&session), ("CALL_FINISHED", "ANSWERED", "completed", Some(200), "caller"));
        let invites: Vec<_> = peer.invites().iter().map(|i| (i.user.clone(), i.authorized)).collect();
        assert_eq!(invites, [("+12025550101".into(), false), ("+12025550101".into(), true)]);
        assert_eq!(peer.calls_by_user(), [("+12025550101".into(), 1)].into());
        assert!(peer.received()[0].contains("+12025550199"), "the trunk's caller ID is shown");
    }
}

async fn refuses_a_wrong_password(operator: &Operator) {
    let scenario = Scenario::challenged(401, "alice", "wonderland").answer().until_bye();
    let peer = SippPeer::start(&scenario.xml(), &[]).await;
    let credentials = json!({"username": "alice", "password": "looking-glass"});
    let session = call(operator, &peer, credentials, json!({})).await;
    assert_eq!(came_to(&session), ("FAILED", "FAILED", "forbidden", Some(403), "carrier"));
    let trunks = operator.get("/trunks").await;
    assert!(!trunks.to_string().contains("looking-glass"), "a password is never shown");
}

async fn speaks_tcp(operator: &Operator) {
    let peer = SippPeer::start(&Scenario::called().answer().hang_up_after(300).xml(), &["-t", "t1"]).await;
    let session = call(operator, &peer, json!({"transport": "tcp"}), json!({"metadata": {"order": 7}})).await;
    assert_eq!(came_to(&session), ("CALL_FINISHED", "ANSWERED", "hangup", Some(200), "callee"));
    assert_eq!(session["metadata"], json!({"order": 7}));
    assert!(session["durationMs"].as_u64().is_some_and(|ms| ms > 0), "{session}");
}

async fn is_busy(operator: &Operator) {
    let peer = SippPeer::start(&Scenario::called().ring(50).refuse(486, "Busy Here").xml(), &[]).await;
    let campaign = campaign(operator, &peer).await;
    let stats = campaign.finished().await;
    assert_eq!((&stats["calls"]["byOutcome"]["REJECTED"], &stats["calls"]["ended"]), (&json!(2), &json!(2)));
    let recipient = campaign.recipients().await.remove(0);
    let ending = (text(&recipient["disposition"]), text(&recipient["lastReason"]), &recipient["attempts"]);
    assert_eq!(ending, ("EXHAUSTED", "busy", &json!(2)));
    let attempts: Vec<_> =
        campaign.sessions().await.iter().map(|session| session["attempt"].clone()).collect();
    assert_eq!(attempts, [2, 1]);
    assert_eq!(peer.calls_by_user().into_values().collect::<Vec<_>>(), [2]);
}

/// Somebody has said no: whatever the plan says, this number is not called again.
async fn declines(operator: &Operator) {
    let peer = SippPeer::start(&Scenario::called().ring(50).refuse(603, "Decline").xml(), &[]).await;
    let campaign = campaign(operator, &peer).await;
    campaign.finished().await;
    let recipient = campaign.recipients().await.remove(0);
    let ending = (text(&recipient["disposition"]), text(&recipient["lastReason"]), &recipient["attempts"]);
    assert_eq!(ending, ("EXHAUSTED", "declined", &json!(1)));
    assert_eq!(peer.invites().len(), 1);
}

async fn does_not_answer(operator: &Operator) {
    let peer = SippPeer::start(&Scenario::called().until_cancel().xml(), &[]).await;
    let session = call(operator, &peer, json!({}), json!({"ringTimeoutSeconds": 1})).await;
    assert_eq!(came_to(&session), ("UNANSWERED", "UNANSWERED", "ring_timeout", Some(487), "caller"));
    assert_eq!((peer.invites().len(), peer.calls_with("CANCEL")), (1, 1));
    eventually(SOON, "the ACK", async || (peer.calls_with("ACK") == 1).then_some(())).await;
}

async fn is_broken(operator: &Operator) {
    let peer = SippPeer::start(&Scenario::called().refuse(503, "Service Unavailable").xml(), &[]).await;
    let session = call(operator, &peer, json!({}), json!({})).await;
    assert_eq!(came_to(&session), ("FAILED", "FAILED", "network", Some(503), "carrier"));
}

/// A trunk without room consumes nothing, however often it says so; the call waits, and can be taken back.
async fn has_no_room(operator: &Operator) {
    let refusal = Scenario::called().refuse_with(503, "Service Unavailable", "Retry-After: 1");
    let peer = SippPeer::start(&refusal.xml(), &[]).await;
    let campaign = campaign(operator, &peer).await;
    eventually(PATIENCE, "three calls for one attempt", async || (peer.invites().len() >= 3).then_some(()))
        .await;
    let recipient = eventually(SOON, "the recipient is held", async || {
        Some(campaign.recipients().await.remove(0)).filter(|recipient| recipient["hold"] == "PACE")
    })
    .await;
    assert_eq!((text(&recipient["state"]), &recipient["attempts"]), ("QUEUED", &json!(0)));
    let stats = campaign.stats().await;
    assert_eq!((&stats["calls"]["ended"], &stats["recipients"]["done"]), (&json!(0), &json!(0)));
    let sessions = campaign.sessions().await;
    assert_eq!((sessions.len(), &sessions[0]["attempt"]), (1, &json!(1)));

    campaign.act("cancel").await;
    let over = campaign.until("the call is taken back", |stats| stats["recipients"]["done"] == 1).await;
    assert_eq!(over["recipients"]["byDisposition"]["CANCELLED"], 1);
    assert_eq!(campaign.sessions().await[0]["status"], "CANCELLED");
}

/// A trunk that does not take our credentials is nobody's fault on the list: they wait, and are charged nothing.
async fn refuses_us(operator: &Operator) {
    let challenge = "WWW-Authenticate: Digest realm=\"peer\", nonce=\"1\"";
    let scenario = Scenario::called().refuse_with(401, "Unauthorized", challenge);
    let peer = SippPeer::start(&scenario.xml(), &[]).await;
    let campaign = campaign(operator, &peer).await;
    let recipient = eventually(PATIENCE, "the recipient is held", async || {
        Some(campaign.recipients().await.remove(0)).filter(|recipient| recipient["hold"] == "TRUNK")
    })
    .await;
    assert_eq!((text(&recipient["state"]), &recipient["attempts"]), ("QUEUED", &json!(0)));
    let session = campaign.sessions().await.remove(0);
    assert_eq!((text(&session["status"]), text(&session["reason"])), ("PENDING", "auth"));
    assert_eq!((peer.invites().len(), &campaign.stats().await["calls"]["ended"]), (1, &json!(0)));
    campaign.act("cancel").await;
    campaign.until("the call is taken back", |stats| stats["recipients"]["done"] == 1).await;
}

async fn says_nothing(operator: &Operator) {
    let peer = SippPeer::start(&Scenario::called().pause(60_000).xml(), &[]).await;
    let session = call(operator, &peer, json!({}), json!({})).await;
    assert_eq!(came_to(&session), ("FAILED", "FAILED", "trunk_silent", None, "carrier"));
    assert_eq!(peer.invites().len(), 1, "the same INVITE, sent again and again");
}
