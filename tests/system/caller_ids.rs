//! Pools of caller IDs: what callees see, and a daily cap that holds however many workers place calls.

use std::collections::BTreeMap;

use chrono::Timelike;
use ringfleet_core::{Clock, SystemClock};
use serde_json::{Value, json};

use crate::{
    operator::{Campaign, Operator, number, numbers, text},
    support::{SOON, pair::Pair},
    witness::{Carrier, WitnessFile, count},
};

const CAP: u64 = 25;
const PEOPLE: u32 = 400;

#[tokio::test(flavor = "multi_thread")]
async fn a_cap_holds_in_one_process() {
    let (pair, witness) = (Pair::embedded(), WitnessFile::new());
    let system = pair.start(&[("RINGFLEET_WORKER__WITNESS", witness.path())]).await;
    measure(&Operator::new(&system.api), &witness).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cap_holds_across_two_workers_and_two_schedulers() {
    let (pair, witness) = (Pair::fleet().await, WitnessFile::new());
    let env = [("RINGFLEET_WORKER__WITNESS", witness.path())];
    let system = pair.start(&env).await;
    let more = [pair.spawn(&["worker"], &env), pair.spawn(&["scheduler"], &env)];
    for process in &more {
        process.wait_line("ready", SOON).await;
    }
    measure(&Operator::new(&system.api), &witness).await;
}

/// Numbers `from` to `to` of those that are shown.
fn shown(from: u32, to: u32) -> Vec<String> {
    (from..to).map(|n| format!("+1212555{n:04}")).collect()
}

/// Two campaigns share some numbers, and together have more people than all of them may be shown to.
async fn measure(operator: &Operator, witness: &WitnessFile) {
    let (caps, schedule) = (json!({"minGapMinutes": 0, "maxPer24h": 100}), json!({"timezone": noon()}));
    operator.rules(json!({"caps": caps, "schedule": schedule})).await;
    let agent = operator.agent(json!({})).await;
    let mut campaigns = Vec::new();
    for (pool, rotation) in [(shown(0, 6), "roundRobin"), (shown(3, 9), "leastUsed")] {
        let trunk = operator.simulated_trunk(2, 5, json!({})).await;
        let pool = json!({"numbers": pool, "rotation": rotation, "dailyCap": CAP});
        let body = json!({"name": "Capped", "agentId": agent, "trunkId": trunk, "callerIds": pool, "schedule": {"window": "always"}});
        let id = text(&operator.post("/campaigns", body).await["id"]).to_owned();
        campaigns.push(Campaign { operator: operator.clone(), id });
    }
    for (campaign, first) in campaigns.iter().zip([0, PEOPLE as usize]) {
        campaign.add(&numbers(2 * PEOPLE, 1)[first..first + PEOPLE as usize]).await;
    }
    for campaign in &campaigns {
        campaign.act("start").await;
    }
    let all_wait = |stats: &Value| {
        let people = &stats["recipients"];
        number(&stats["holds"]["CALLER_ID"]) + number(&people["done"]) == u64::from(PEOPLE)
    };
    let mut reached = 0;
    for campaign in &campaigns {
        let stats = campaign.until("nobody can be called any more today", all_wait).await;
        reached += number(&stats["calls"]["byOutcome"]["ANSWERED"]);
        assert_eq!(stats["calls"]["ended"], stats["recipients"]["done"], "{stats}");
        let recipients = campaign.recipients().await;
        let waiting = recipients.iter().filter(|one| one["hold"] == "CALLER_ID");
        assert!(waiting.clone().all(|one| one["attempts"] == 0 && one["state"] == "PENDING"));
        assert_eq!(waiting.count() as u64, number(&stats["holds"]["CALLER_ID"]));
        assert_eq!(today(campaign).await, vec![CAP; 6]);
    }
    let each: BTreeMap<String, usize> = shown(0, 9).into_iter().map(|n| (n, CAP as usize)).collect();
    assert_eq!(witness.shown(), each, "each number as often as it may be, and not once more");
    assert_eq!(reached, 9 * CAP);
    let sessions = [campaigns[0].sessions().await, campaigns[1].sessions().await].concat();
    let told = sessions.iter().map(|session| text(&session["fromNumber"]).to_owned());
    assert_eq!(count(told), each, "and so say the sessions");
}

async fn today(campaign: &Campaign) -> Vec<u64> {
    let told = campaign.operator.get(&format!("/campaigns/{}/caller-ids", campaign.id)).await;
    told["numbers"].as_array().expect("a list").iter().map(|n| number(&n["callsToday"])).collect()
}

/// A zone in which it is about noon, so that no day ends during a test.
fn noon() -> String {
    let ahead = 12 - SystemClock.now().hour() as i32;
    format!("Etc/GMT{:+}", -ahead) // in these names west of Greenwich is positive
}

/// What the phone of the callee shows stands in From, with its country and area code where the pool has them.
#[tokio::test(flavor = "multi_thread")]
async fn a_neighbours_number_is_what_the_invite_shows() {
    let pair = Pair::embedded();
    let system = pair.start(&[]).await;
    let operator = &Operator::new(&system.api);
    let carrier = Carrier::start(&["--ring-ms", "20", "--talk-ms", "20"]).await;
    let trunk = operator.sip_trunk(carrier.addr, json!({"callerId": "+18005550100"})).await;
    let pool = json!({"numbers": ["+442071234567", "+14155550100", "+12025550199"], "rotation": "match"});
    let matched = operator.campaign(&trunk, json!({"callerIds": pool})).await;
    let plain = operator.campaign(&trunk, json!({})).await;
    let people = ["+12025550101", "+16465550101", "+447700900101", "+919800000101"].map(str::to_owned);
    matched.add(&people).await;
    plain.add(&["+12025550111".to_owned()]).await;
    for campaign in [&matched, &plain] {
        campaign.act("start").await;
        campaign.finished().await;
    }
    let seen = carrier.records().await;
    let from = |to: &str| {
        let record = seen.iter().find(|record| text(&record["to"]) == to);
        text(&record.expect("it was called")["from"]).to_owned()
    };
    assert_eq!(from("+12025550101"), "+12025550199", "of its area");
    assert_eq!(from("+447700900101"), "+442071234567", "of its country");
    assert_ne!(from("+16465550101"), "+442071234567", "of its country");
    assert_eq!(from("+12025550111"), "+18005550100", "without a pool the trunk's");
}
