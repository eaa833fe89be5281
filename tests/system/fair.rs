//! Too much to do for the workers: who gets how much of them.

use std::collections::BTreeMap;

use serde_json::json;

use crate::{
    on_both_pairs,
    operator::{Campaign, Operator, PATIENCE},
    support::{eventually, pair::Pair},
    witness::WitnessFile,
};

/// On each list: more than are called while this looks.
const PEOPLE: u32 = 600;
/// Calls to look at.
const CALLS: usize = 600;
/// Calls of each list after which nobody pays for its start any more.
const SETTLED: usize = 12;

on_both_pairs!(workspaces_share_equally_and_campaigns_by_weight, share);

async fn share(pair: Pair) {
    let witness = WitnessFile::new();
    // Eight lines, a fifth of a second a call: forty calls a second.
    let env = [("RINGFLEET_WORKER__WITNESS", witness.path()), ("RINGFLEET_WORKER__MAX_LIVE", "8")];
    let system = pair.start(&env).await;
    let key = pair.key("other", "admin").await;
    let (many, one) = (Operator::new(&system.api), Operator::new(&system.api.with_key(&key)));
    let mut campaigns = Vec::new();
    let trunk = many.simulated_trunk(100, 100, json!({})).await;
    for weight in [1, 3, 1, 3] {
        campaigns.push(many.campaign(&trunk, json!({"weight": weight})).await);
    }
    let trunk = one.simulated_trunk(100, 100, json!({})).await;
    campaigns.push(one.campaign(&trunk, json!({})).await);
    for (nth, campaign) in (0..).zip(&campaigns) {
        campaign.add(&list(nth)).await;
    }
    start(&campaigns).await;

    // Who was started first had the lane to itself for a moment, and may have taken more than it was dealt there: it pays for that. The
    // lane is first in, first out: what was in it from then, and the debt, are gone once the one that has the least calls each lap has some.
    let before = eventually(PATIENCE, "all campaigns call", async || {
        let calls = per_list(&witness);
        (calls.len() == campaigns.len() && calls.values().all(|n| *n >= SETTLED)).then_some(calls)
    })
    .await;
    let calls = eventually(PATIENCE, "enough people were called", async || {
        let mut calls = per_list(&witness);
        calls.iter_mut().for_each(|(list, n)| *n -= before[list]);
        (calls.values().sum::<usize>() >= CALLS).then_some(calls)
    })
    .await;
    let of = |nth: u32| calls.get(&nth).copied().unwrap_or_default() as f64;
    let near = |a: f64, b: f64| (0.8..=1.25).contains(&(a / b));
    let (of_many, of_one) = ((0..4).map(of).sum::<f64>(), of(4));
    assert!(near(of_many, of_one), "both workspaces have work all the time: {calls:?}");
    for (light, heavy) in [(0, 1), (2, 3)] {
        assert!(near(3.0 * of(light), of(heavy)), "with weights 1 and 3: {calls:?}");
    }
    let all = per_list(&witness);
    assert!(all.values().all(|n| *n < PEOPLE as usize), "a list came to its end: {all:?}");
    for campaign in &campaigns {
        campaign.act("cancel").await;
    }
}

async fn start(campaigns: &[Campaign]) {
    for campaign in campaigns {
        campaign.act("start").await;
    }
}

/// Numbers that tell the list they are on, and are answered.
fn list(nth: u32) -> Vec<String> {
    (0..PEOPLE).map(|i| format!("+120255{nth}{:03}1", i)).collect()
}

/// How many calls were placed from each list.
fn per_list(witness: &WitnessFile) -> BTreeMap<u32, usize> {
    let mut calls = BTreeMap::new();
    for (number, n) in witness.calls() {
        let nth = number["+120255".len()..].chars().next().and_then(|digit| digit.to_digit(10));
        *calls.entry(nth.expect("a number of a list")).or_default() += n;
    }
    calls
}
