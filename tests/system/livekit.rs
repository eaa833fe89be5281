//! Campaigns over LiveKit: every ending, what its agents are told, and nobody called twice by whoever dies.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};

use crate::{
    on_both_pairs,
    operator::{Campaign, Operator, text},
    support::{
        SOON, eventually, free_port,
        livekit::{
            FakeLivekit, Manners, SIP_TRUNK,
            tokens::{KEY, SECRET},
        },
        pair::Pair,
    },
};

/// A server whose calls ring and talk for so many milliseconds.
fn manners(ring: u64, talk: u64, webhook: Option<String>) -> Manners {
    let [ring, talk] = [ring, talk].map(Duration::from_millis);
    Manners { ring, talk, webhook: webhook.map(|url| (url, SECRET.to_owned())) }
}

async fn trunk(operator: &Operator, server: &FakeLivekit) -> String {
    let trunk = json!({
        "name": "LiveKit", "kind": "livekit", "url": server.url(), "apiKey": KEY, "apiSecret": SECRET, "sipTrunkId": SIP_TRUNK,
        "agentName": "asha", "callerId": "+12025550199",
    });
    let trunk = operator.post("/trunks", trunk).await;
    assert!(!operator.get("/trunks").await.to_string().contains(SECRET), "a secret is never shown");
    text(&trunk["id"]).to_owned()
}

/// Outcome, reason and who ended it, of each number.
async fn came_to(campaign: &Campaign) -> BTreeMap<String, [String; 3]> {
    let field = |session: &Value, name: &str| session[name].as_str().unwrap_or_default().to_owned();
    let of = |s: &Value| ["outcome", "reason", "endedBy"].map(|name| field(s, name));
    campaign.sessions().await.iter().map(|s| (field(s, "toNumber"), of(s))).collect()
}

on_both_pairs!(every_ending, endings);

async fn endings(pair: Pair) {
    let listen = format!("127.0.0.1:{}", free_port());
    let base = format!("http://{listen}");
    let server = FakeLivekit::start(manners(200, 300, Some(format!("{base}/webhook/livekit")))).await;
    let system = pair.start_at(&listen, &[]).await;
    let operator = Operator::new(&system.api);
    let trunk = trunk(&operator, &server).await;
    let agent = operator.agent(json!({"greetingText": "Hello {{name|friend}}"})).await;
    let settings = json!({"ringTimeoutSeconds": 5, "agentId": agent});
    let campaign = operator.campaign(&trunk, settings).await;
    let expected = [
        ("01", ["ANSWERED", "completed", "callee"]),
        ("06", ["UNANSWERED", "ring_timeout", "caller"]),
        ("07", ["REJECTED", "busy", "callee"]),
        ("08", ["REJECTED", "declined", "callee"]),
        ("09", ["FAILED", "bad_number", "carrier"]),
        ("00", ["ANSWERED", "completed", "callee"]),
        ("20", ["ANSWERED", "completed", "callee"]),
        ("40", ["UNCERTAIN", "placement_unknown", "carrier"]),
        ("60", ["ANSWERED", "completed", "callee"]),
        ("70", ["FAILED", "agent_unreachable", "caller"]),
        ("80", ["ANSWERED", "completed", "caller"]),
        ("90", ["ANSWERED", "completed", "caller"]),
    ];
    let number = |end: &str| format!("+120255501{end}");
    let list = expected.map(|(end, _)| format!("{},{}", number(end), if end == "01" { "Ana" } else { "" }));
    campaign.import(&format!("to,name\n{}\n", list.join("\n"))).await;
    campaign.act("start").await;
    campaign.finished().await;
    let named = expected.map(|(end, how)| (number(end), how.map(str::to_owned)));
    assert_eq!(came_to(&campaign).await, named.into());
    let mut once: BTreeMap<String, usize> = expected.map(|(end, _)| (number(end), 1)).into();
    once.remove(&number("40")); // it was never taken
    assert_eq!(server.by_number(), once);
    assert_eq!(server.rooms(), 0, "no agent waits for nobody");

    let calls = server.calls();
    let told = calls.iter().find(|call| call.to() == number("01")).expect("it was called");
    let mut metadata = told.metadata.clone();
    assert_eq!(metadata["callId"], told.room());
    metadata.as_object_mut().expect("an object").remove("callId");
    let campaign_id = campaign.id.as_str();
    let all = json!({
        "name": "Ana", "to": number("01"), "attempt": "1", "campaignId": campaign_id, "greetingText": "Hello Ana",
    });
    assert_eq!(metadata, all);
}

/// An agent that talks elsewhere, or whose greeting is a file, cannot do so over LiveKit: its calls are held, and nobody is called.
#[tokio::test(flavor = "multi_thread")]
async fn what_livekit_cannot_do_is_held() {
    let pair = Pair::embedded();
    let system = pair.start(&[]).await;
    let server = FakeLivekit::start(manners(50, 50, None)).await;
    let operator = Operator::new(&system.api);
    let trunk = trunk(&operator, &server).await;
    let elsewhere = json!({"connect": {"kind": "ws", "url": "wss://1.1.1.1/agent"}});
    let agent = operator.agent(elsewhere).await;
    let campaign = operator.campaign(&trunk, json!({"agentId": agent})).await;
    campaign.add(&["+12025550101".into()]).await;
    campaign.act("start").await;
    let held = async || {
        let session = campaign.sessions().await.pop()?;
        (session["reason"] == "agent_unreachable" && session["hold"] == "PACE").then_some(())
    };
    eventually(SOON, "the call is held", held).await;
    assert!(server.calls().is_empty());
}

/// The worker dies while phones ring, and while an answer is lost: another one finds the rooms and closes them.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_worker_leaves_no_call_behind_and_nobody_is_called_twice() {
    let pair = Pair::fleet().await;
    let system = pair.start(&[]).await;
    let server = FakeLivekit::start(manners(120_000, 120_000, None)).await;
    let operator = Operator::new(&system.api);
    let trunk = trunk(&operator, &server).await;
    let ends = ["01", "02", "03", "30"];
    let campaign = operator.campaign(&trunk, json!({"ringTimeoutSeconds": 120})).await;
    let numbers = ends.map(|end| format!("+120255501{end}"));
    campaign.add(&numbers).await;
    campaign.act("start").await;
    eventually(SOON, "every phone rings", async || {
        let ringing = server.calls().iter().filter(|call| call.status == "ringing").count();
        (ringing == ends.len()).then_some(())
    })
    .await;
    system.worker.as_ref().expect("a worker of its own").kill9();
    let second = pair.spawn(&["worker"], &[]);
    second.wait_line("ready", SOON).await;

    campaign.finished().await;
    let lost = ["UNANSWERED", "worker_lost", "caller"].map(str::to_owned);
    assert_eq!(came_to(&campaign).await, numbers.clone().map(|number| (number, lost.clone())).into());
    assert!(
        server.calls().iter().all(|call| call.left == Some("ROOM_DELETED")),
        "nobody is left on the line"
    );
    assert_eq!(server.by_number(), numbers.map(|number| (number, 1)).into());
}
