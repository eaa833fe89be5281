//! Trouble with a trunk in the middle of a campaign: the trunk rests, is probed, and opens again; nobody on the list pays for it.

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    on_both_pairs,
    operator::{Campaign, Operator, PATIENCE, number, numbers, text},
    relay::{Mode, Relay},
    support::{eventually, pair::Pair, receiver::Receiver, scenarios::Scenario, sipp::SippPeer},
    witness::{Carrier, count},
};

on_both_pairs!(trouble_with_a_trunk, run);

const PEOPLE: u32 = 60;

async fn run(pair: Pair) {
    // So long must a peer be silent to be given up.
    let system = pair.start(&[("RINGFLEET_SIP__TRANSACTION_TIMEOUT", "4")]).await;
    let operator = &Operator::new(&system.api);
    tokio::join!(
        comes_back(operator, Mode::Unauthorized, "auth", 1),
        // Until a probe has failed as well: then it rests for longer.
        comes_back(operator, Mode::Silent, "trunk_silent", 2),
        moves(operator),
    );
}

async fn comes_back(operator: &Operator, trouble: Mode, reason: &str, rests: u64) {
    let carrier = Carrier::start(&["--ring-ms", "50", "--talk-ms", "200"]).await;
    let relay = Relay::start(carrier.addr).await;
    let more = json!({"username": "joe", "password": "secret", "limits": {"callsPerSecond": 10}});
    let trunk = operator.sip_trunk(relay.addr, more).await;
    let campaign = operator.campaign(&trunk, json!({"schedule": {"window": "always"}})).await;
    campaign.add(&numbers(PEOPLE, 1)).await;
    campaign.act("start").await;
    campaign.until_ended(5).await;

    relay.turn(trouble);
    let resting = trunk_until(operator, &trunk, "the trunk rests", |health| {
        health["status"] == "PAUSED" && number(&health["restsInARow"]) >= rests
    })
    .await;
    assert_eq!(text(&resting["reason"]), reason);
    assert!(resting["nextProbeAt"].is_string() && resting["since"].is_string(), "{resting}");
    let waiting = campaign.recipients().await;
    let mut waiting = waiting.iter().filter(|recipient| recipient["state"] == "PENDING");
    assert!(waiting.all(|recipient| recipient["hold"] == "TRUNK"), "it is the trunk that all wait for");
    let held = eventually(PATIENCE, "a call waits for the trunk", async || {
        let mut queued = campaign.recipients().await.into_iter().filter(|r| r["state"] == "QUEUED");
        queued.find(|recipient| recipient["hold"] == "TRUNK")
    })
    .await;
    assert_eq!((text(&held["state"]), &held["attempts"]), ("QUEUED", &json!(0)));
    let ended = number(&campaign.stats().await["calls"]["ended"]);
    assert!(ended < u64::from(PEOPLE), "it rests in mid-campaign");

    relay.turn(Mode::Pass);
    let stats = campaign.finished().await;
    assert_eq!(stats["calls"]["byOutcome"]["ANSWERED"], PEOPLE, "{stats}");
    assert_eq!((&stats["calls"]["ended"], &stats["recipients"]["done"]), (&json!(PEOPLE), &json!(PEOPLE)));
    assert!(relay.came("OPTIONS") >= rests as usize, "it was probed");
    trunk_until(operator, &trunk, "the trunk works", |health| health["status"] == "OPEN").await;
    nobody_paid(&campaign).await;
    let called = count(carrier.records().await.iter().map(|record| text(&record["to"]).to_owned()));
    assert_eq!(called.len(), PEOPLE as usize);
    assert!(called.values().all(|&calls| calls == 1), "a phone rang twice: {called:?}");
}

/// The carrier has moved: the trunk is told where to, and the campaign goes on there.
async fn moves(operator: &Operator) {
    let carrier = Carrier::start(&["--ring-ms", "50", "--talk-ms", "200"]).await;
    let relay = Relay::start(carrier.addr).await;
    relay.turn(Mode::Unauthorized);
    let more = json!({"username": "joe", "password": "secret", "limits": {"callsPerSecond": 1}});
    let trunk = operator.sip_trunk(relay.addr, more).await;
    let campaign = operator.campaign(&trunk, json!({"schedule": {"window": "always"}})).await;
    campaign.add(&numbers(PEOPLE, 2)).await;
    campaign.act("start").await;
    trunk_until(operator, &trunk, "the trunk rests", |health| health["status"] == "PAUSED").await;

    let changes = json!({"port": carrier.addr.port(), "limits": {"callsPerSecond": 20}});
    let request = operator.api.request(Method::PATCH, &format!("/api/v1/trunks/{trunk}")).json(&changes);
    assert_eq!(request.send().await.expect("an answer").status(), 200);
    let stats = campaign.finished().await;
    assert_eq!(stats["calls"]["byOutcome"]["ANSWERED"], PEOPLE, "{stats}");
    nobody_paid(&campaign).await;
    assert_eq!(carrier.records().await.len(), PEOPLE as usize);
}

/// One attempt each, and all of them reached.
async fn nobody_paid(campaign: &Campaign) {
    for recipient in campaign.recipients().await {
        let ending = (text(&recipient["disposition"]), &recipient["attempts"]);
        assert_eq!(ending, ("REACHED", &json!(1)), "{recipient}");
    }
    assert!(campaign.sessions().await.iter().all(|session| session["attempt"] == 1));
}

async fn trunk_until(operator: &Operator, trunk: &str, what: &str, is: impl Fn(&Value) -> bool) -> Value {
    let path = format!("/trunks/{trunk}");
    eventually(PATIENCE, what, async || {
        Some(operator.get(&path).await["health"].clone()).filter(|health| is(health))
    })
    .await
}

on_both_pairs!(a_campaign_whose_calls_fail, stops);

async fn stops(pair: Pair) {
    let system = pair.start(&[]).await;
    let operator = &Operator::new(&system.api);
    let receiver = Receiver::start().await;
    operator.webhook(&receiver.url("/hook"), &["campaign.paused", "campaign.failed"]).await;
    let peer = SippPeer::start(&Scenario::called().refuse(404, "Not Found").xml(), &[]).await;
    let start = async |then: &str| {
        let trunk = operator.sip_trunk(peer.addr, json!({"limits": {"callsPerSecond": 10}})).await;
        let brake = json!({"share": 0.5, "calls": 10, "then": then});
        let more = json!({"brake": brake, "schedule": {"window": "always"}});
        let campaign = operator.campaign(&trunk, more).await;
        campaign.add(&numbers(PEOPLE, 1)).await;
        campaign.act("start").await;
        campaign.until("the brake has stopped it", |stats| stats["status"] == then).await;
        campaign
    };
    let (paused, failed) = tokio::join!(start("PAUSED"), start("FAILED"));
    for (campaign, event) in [(&paused, "campaign.paused"), (&failed, "campaign.failed")] {
        let shown = operator.get(&format!("/campaigns/{}", campaign.id)).await;
        assert_eq!(text(&shown["reason"]), "6 of the last 10 calls FAILED, the last one with bad_number");
        let told = eventually(PATIENCE, event, async || {
            receiver.received().into_iter().map(|request| request.json()).find(|told| told["type"] == event)
        })
        .await;
        assert_eq!(
            (&told["data"]["campaignId"], &told["data"]["reason"]),
            (&json!(campaign.id), &shown["reason"])
        );
    }
    let over = failed.until("everybody is done", |stats| stats["recipients"]["done"] == PEOPLE).await;
    let by = &over["recipients"]["byDisposition"];
    assert!(number(&by["INVALID"]) >= 6 && number(&by["CANCELLED"]) > 0, "{over}");

    // Started again it has another ten calls to be judged by.
    let before = number(&paused.stats().await["calls"]["ended"]);
    assert!((6..u64::from(PEOPLE) / 2).contains(&before), "{before} calls");
    let started = paused.act("start").await;
    assert_eq!((text(&started["status"]), &started["reason"]), ("IN_PROGRESS", &Value::Null));
    let again = paused.until("the brake has stopped it again", |stats| stats["status"] == "PAUSED").await;
    assert!(number(&again["calls"]["ended"]) >= before + 6, "{again}");
}
