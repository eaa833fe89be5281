//! Trunks that stand in for each other: calls go by priority and weight, and by another trunk where one is in trouble.

use serde_json::{Value, json};

use crate::{
    on_both_pairs,
    operator::{Campaign, Operator, PATIENCE, numbers, text},
    relay::{Mode, Relay},
    support::{eventually, pair::Pair},
    witness::{Carrier, count},
};

on_both_pairs!(groups, run);

const PEOPLE: u32 = 40;

async fn run(pair: Pair) {
    let system = pair.start(&[]).await;
    let operator = &Operator::new(&system.api);
    tokio::join!(
        the_next_one_steps_in(operator),
        weights_are_shares(operator),
        a_full_one_is_in_nobodys_way(operator)
    );
}

async fn campaign(operator: &Operator, members: Value, people: u32) -> Campaign {
    let group = operator.post("/trunk-groups", json!({"name": "Both", "members": members})).await;
    let agent = operator.agent(json!({})).await;
    operator.call_as_often_as_asked().await;
    let body = json!({"name": "Reminders", "agentId": agent, "trunkGroupId": group["id"], "schedule": {"window": "always"}});
    let made = operator.post("/campaigns", body).await;
    assert_eq!((&made["trunkId"], &made["trunkGroupId"]), (&Value::Null, &group["id"]));
    let campaign = Campaign { operator: operator.clone(), id: text(&made["id"]).to_owned() };
    campaign.add(&numbers(people, 1)).await;
    campaign.act("start").await;
    campaign
}

/// The first trunk refuses the password from the start: everybody is reached by the second one, at once and for nothing.
async fn the_next_one_steps_in(operator: &Operator) {
    let carriers = [
        Carrier::start(&["--ring-ms", "20", "--talk-ms", "100"]).await,
        Carrier::start(&["--ring-ms", "20", "--talk-ms", "100"]).await,
    ];
    let relay = Relay::start(carriers[0].addr).await;
    relay.turn(Mode::Unauthorized);
    let first = operator.sip_trunk(relay.addr, json!({})).await;
    let second = operator.sip_trunk(carriers[1].addr, json!({"limits": {"callsPerSecond": 20}})).await;
    let members = json!([{"trunkId": first, "priority": 1}, {"trunkId": second, "priority": 2, "weight": 5}]);
    let stood_in = campaign(operator, members.clone(), PEOPLE).await;
    let stats = stood_in.finished().await;
    assert_eq!(stats["calls"]["byOutcome"]["ANSWERED"], PEOPLE, "{stats}");
    let sessions = stood_in.sessions().await;
    assert!(sessions.iter().all(|session| session["trunkId"] == *second && session["attempt"] == 1));
    let recipients = stood_in.recipients().await;
    assert!(recipients.iter().all(|recipient| recipient["attempts"] == 1));

    // Back again, it goes first again.
    relay.turn(Mode::Pass);
    let back = campaign(operator, members, PEOPLE).await;
    assert_eq!(back.finished().await["calls"]["byOutcome"]["ANSWERED"], PEOPLE);
    let path = format!("/trunks/{first}");
    let open = async || (operator.get(&path).await["health"]["status"] == "OPEN").then_some(());
    let mut lists = vec![back];
    while open().await.is_none() {
        // Only a call on trial opens it, and it takes its rest before: somebody has to be called.
        let more = campaign(operator, json!([{"trunkId": first}]), 1).await;
        more.finished().await;
        lists.push(more);
    }
    eventually(PATIENCE, "the first trunk works", open).await;
    let mut seen = Vec::new();
    for carrier in &carriers {
        seen.extend(carrier.records().await.iter().map(|record| text(&record["to"]).to_owned()));
    }
    let calls: usize = count(seen).into_values().sum();
    let people = 2 * PEOPLE as usize + lists.len() - 1;
    assert_eq!(calls, people, "each of them once");
}

/// One call at a time of half a second goes through the first trunk; the next one has all the room: nobody waits for the first.
async fn a_full_one_is_in_nobodys_way(operator: &Operator) {
    let narrow = operator.simulated_trunk(5, 500, json!({"limits": {"maxLiveCalls": 1}})).await;
    let wide = operator.simulated_trunk(5, 5, json!({})).await;
    let members = json!([{"trunkId": narrow, "priority": 1}, {"trunkId": wide, "priority": 2}]);
    let campaign = campaign(operator, members, 200).await;
    campaign.finished().await;
    let by_trunk =
        count(campaign.sessions().await.iter().map(|session| text(&session["trunkId"]).to_owned()));
    assert!((1..20).contains(&by_trunk[&narrow]), "all of them on the narrow one take 100 s: {by_trunk:?}");
}

async fn weights_are_shares(operator: &Operator) {
    let mut trunks = Vec::new();
    for _ in 0..3 {
        trunks.push(operator.simulated_trunk(5, 5, json!({})).await);
    }
    let members = json!([
        {"trunkId": trunks[0], "priority": 3, "weight": 1},
        {"trunkId": trunks[1], "priority": 3, "weight": 3},
        {"trunkId": trunks[2], "priority": 4, "weight": 100},
    ]);
    let campaign = campaign(operator, members, 400).await;
    campaign.finished().await;
    let by_trunk =
        count(campaign.sessions().await.iter().map(|session| text(&session["trunkId"]).to_owned()));
    let of = |trunk: &String| by_trunk.get(trunk).copied().unwrap_or(0);
    assert!(
        (60..=140).contains(&of(&trunks[0])),
        "a quarter of 400, give or take what batches come to: {by_trunk:?}"
    );
    assert_eq!((of(&trunks[0]) + of(&trunks[1]), of(&trunks[2])), (400, 0));
}
