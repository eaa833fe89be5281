//! Campaigns over Telnyx's API: every ending, told by signed webhooks, and nobody called twice by whoever dies.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};

use crate::{
    on_both_pairs,
    operator::{Campaign, Operator, text},
    support::{
        SOON, eventually, free_port,
        pair::Pair,
        telnyx::{CONNECTION, FakeTelnyx, KEY, Manners, Webhooks, public_key},
    },
};

/// A provider whose calls ring and talk for so many milliseconds.
fn manners(ring: u64, talk: u64, webhooks: Webhooks) -> Manners {
    let [queue, ring, talk] = [20, ring, talk].map(Duration::from_millis);
    Manners { queue, ring, talk, webhooks, lists: true }
}

/// A campaign for these ends of a number, over this provider.
async fn campaign(operator: &Operator, provider: &FakeTelnyx, ends: &[&str]) -> Campaign {
    let trunk = json!({
        "name": "Provider", "kind": "telnyx", "apiKey": KEY, "connectionId": CONNECTION, "publicKey": public_key(),
        "baseUrl": provider.url(), "callerId": "+12025550199", "machineDetection": true,
    });
    let trunk = operator.post("/trunks", trunk).await;
    assert!(!operator.get("/trunks").await.to_string().contains(KEY), "a key is never shown");
    let campaign = operator.campaign(text(&trunk["id"]), json!({"ringTimeoutSeconds": 5})).await;
    let numbers: Vec<String> = ends.iter().map(|end| format!("+120255501{end}")).collect();
    campaign.add(&numbers).await;
    campaign
}

/// Outcome and reason of each number.
async fn came_to(campaign: &Campaign) -> BTreeMap<String, (String, String)> {
    let field = |session: &Value, name: &str| session[name].as_str().unwrap_or_default().to_owned();
    let sessions = campaign.sessions().await;
    sessions.iter().map(|s| (field(s, "toNumber"), (field(s, "outcome"), field(s, "reason")))).collect()
}

on_both_pairs!(every_ending, endings);

async fn endings(pair: Pair) {
    let webhooks = match &pair {
        Pair::Embedded(_) => Webhooks::Twice,
        Pair::Fleet { .. } => Webhooks::OutOfOrder,
    };
    let provider = FakeTelnyx::start(manners(200, 300, webhooks)).await;
    let listen = format!("127.0.0.1:{}", free_port());
    let base = format!("http://{listen}");
    let system = pair.start_at(&listen, &[("RINGFLEET_API__BASE_URL", &base)]).await;
    let operator = Operator::new(&system.api);
    let expected = [
        ("01", "ANSWERED", "completed"),
        ("06", "UNANSWERED", "no_answer"),
        ("07", "REJECTED", "busy"),
        ("08", "VOICEMAIL", "machine"),
        ("09", "FAILED", "bad_number"),
        ("00", "ANSWERED", "completed"),
        ("10", "FAILED", "bad_number"),
        ("20", "ANSWERED", "completed"),
        ("30", "ANSWERED", "completed"),
        ("40", "UNCERTAIN", "placement_unknown"),
        ("60", "ANSWERED", "completed"),
        ("70", "ANSWERED", "completed"),
    ];
    let campaign = campaign(&operator, &provider, &expected.map(|(end, ..)| end)).await;
    campaign.act("start").await;
    campaign.finished().await;
    let named = |(end, outcome, reason): (&str, &str, &str)| {
        (format!("+120255501{end}"), (outcome.to_owned(), reason.to_owned()))
    };
    assert_eq!(came_to(&campaign).await, expected.map(named).into());
    let mut once: BTreeMap<String, usize> = expected.map(|one| (named(one).0, 1)).into();
    once.retain(|number, _| !number.ends_with("10") && !number.ends_with("40")); // they were never taken
    assert_eq!(provider.by_number(), once);
    assert!(provider.calls().iter().all(|call| call.field("webhook_url").starts_with(&base)));
}

on_both_pairs!(a_webhook_reaches_whoever_follows_its_call, told);

/// In-process and over Redis: the list of events is empty, so that nobody but a signed webhook says how a call ended.
async fn told(pair: Pair) {
    let listen = format!("127.0.0.1:{}", free_port());
    let system = pair.start_at(&listen, &[("RINGFLEET_API__BASE_URL", &format!("http://{listen}"))]).await;
    let operator = Operator::new(&system.api);
    let provider = FakeTelnyx::start(Manners { lists: false, ..manners(50, 50, Webhooks::InOrder) }).await;
    let campaign = campaign(&operator, &provider, &["01", "07"]).await;
    campaign.act("start").await;
    campaign.finished().await;
    let expected = [("01", "ANSWERED", "completed"), ("07", "REJECTED", "busy")];
    let named = |(end, outcome, reason): (&str, &str, &str)| {
        (format!("+120255501{end}"), (outcome.to_owned(), reason.to_owned()))
    };
    assert_eq!(came_to(&campaign).await, expected.map(named).into());
}

/// The worker dies while phones ring, and while a request to place a call hangs: another one finds the calls with the provider and ends them.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_worker_leaves_no_call_behind_and_nobody_is_called_twice() {
    let pair = Pair::fleet().await;
    let system = pair.start(&[]).await;
    let provider = FakeTelnyx::start(manners(120_000, 120_000, Webhooks::Lost)).await;
    let operator = Operator::new(&system.api);
    let ends = ["01", "02", "03", "30"];
    let campaign = campaign(&operator, &provider, &ends).await;
    campaign.act("start").await;
    eventually(SOON, "every phone rings", async || {
        let ringing = provider.calls().iter().filter(|call| call.is_alive()).count();
        (ringing == ends.len()).then_some(())
    })
    .await;
    system.worker.as_ref().expect("a worker of its own").kill9();
    let second = pair.spawn(&["worker"], &[]);
    second.wait_line("ready", SOON).await;

    campaign.finished().await;
    let lost = ("UNANSWERED".to_owned(), "worker_lost".to_owned());
    let all: BTreeMap<_, _> = ends.map(|end| (format!("+120255501{end}"), lost.clone())).into();
    assert_eq!(came_to(&campaign).await, all);
    assert!(provider.calls().iter().all(|call| call.is_over()), "nobody is left on the line");
    assert_eq!(provider.by_number(), ends.map(|end| (format!("+120255501{end}"), 1)).into());
}
