//! kill -9 of whoever has calls: nobody is called twice, and everybody ends done.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    database::Database,
    greeting::{self, Greeting},
    operator::{Campaign, Operator, attempts, number, numbers, text},
    support::{SOON, eventually, pair::Pair, scenarios::Scenario, sipp::SippPeer},
    witness::{WitnessFile, count},
};

/// So many are called by each of two workers, on each of two trunks.
const EACH: u32 = 6;
/// How long a call rings or talks when nothing happens to it.
const STAYS: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_worker_leaves_no_sip_call_behind() {
    let pair = Pair::fleet().await;
    // A dead worker ends nothing: its calls ring and talk until somebody notices, whatever limits it had set.
    // They last longer than it takes to bring all of the first half on the line and a second worker up.
    let greeting = Greeting::lasting(STAYS);
    let env = [("RINGFLEET_MEDIA__GREETINGS", greeting.folder())];
    let system = pair.start(&env).await;
    let operator = Operator::new(&system.api);
    let ringing = SippPeer::start(&Scenario::called().until_cancel().xml(), &[]).await;
    let talking = SippPeer::start(&Scenario::called().answer().until_bye().xml(), &[]).await;
    let unanswered = campaign(&operator, &ringing).await;
    let answered = campaign(&operator, &talking).await;

    // The first half goes to the worker that dies: it is the only one so far. The second one is there when it does.
    for campaign in [&unanswered, &answered] {
        campaign.add(&numbers(EACH, 1)).await;
        campaign.act("start").await;
    }
    let half = EACH as usize;
    eventually(SOON, "the first half rings", async || (ringing.invites().len() == half).then_some(())).await;
    answered.until("the first half talks", |stats| stats["calls"]["talking"] == EACH).await;
    let second = pair.spawn(&["worker"], &env);
    second.wait_line("ready", SOON).await;
    system.worker.as_ref().expect("a worker of its own").kill9();
    for campaign in [&unanswered, &answered] {
        campaign.act("pause").await;
        campaign.add(&numbers(EACH, 2)).await;
        campaign.act("start").await;
    }

    let stats = unanswered.finished().await;
    assert_eq!(stats["calls"]["byOutcome"]["UNANSWERED"], 2 * EACH, "{stats}");
    let stats = answered.finished().await;
    assert_eq!(stats["calls"]["byOutcome"]["ANSWERED"], 2 * EACH, "{stats}");
    assert_eq!(orphans(&unanswered, "UNANSWERED").await, half);
    assert_eq!(orphans(&answered, "ANSWERED").await, half);
    for (peer, goodbye) in [(&ringing, "CANCEL"), (&talking, "BYE")] {
        let everybody = [numbers(EACH, 1), numbers(EACH, 2)].concat();
        assert_eq!(peer.calls_by_user(), count(everybody), "one INVITE to each");
        assert_eq!(peer.calls_with(goodbye), 2 * half, "nobody was left on the line");
    }
}

/// A call that was handed over is two: the callee's, and that of the desk.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_worker_leaves_no_agent_on_the_line() {
    let (pair, greeting) = (Pair::fleet().await, Greeting::lasting(Duration::from_millis(100)));
    let env = [("RINGFLEET_MEDIA__GREETINGS", greeting.folder())];
    let system = pair.start(&env).await;
    let operator = Operator::new(&system.api);
    let stays = Scenario::called().answer().until_bye().xml();
    let (callee, desk) = (SippPeer::start(&stays, &[]).await, SippPeer::start(&stays, &[]).await);
    let connect = json!({"kind": "sip", "url": format!("sip:desk@{}", desk.addr)});
    let agent = operator.agent(json!({"greeting": greeting::NAME, "connect": connect})).await;
    let trunk = operator.sip_trunk(callee.addr, json!({})).await;
    let session = operator.call("+12025550105", json!({"agentId": agent, "trunkId": trunk})).await;
    let database = Database::of(&pair).await;
    eventually(SOON, "the two talk", async || {
        let kept = "SELECT resume::text FROM calls WHERE resume->'desk'->0->'dialog' IS NOT NULL";
        (!database.column(kept).await.is_empty()).then_some(())
    })
    .await;
    system.worker.as_ref().expect("a worker of its own").kill9();
    let second = pair.spawn(&["worker"], &env);
    second.wait_line("ready", SOON).await;

    let session = operator.ended(&session).await;
    assert_eq!((text(&session["outcome"]), text(&session["reason"])), ("ANSWERED", "worker_lost"));
    for peer in [&callee, &desk] {
        assert_eq!((peer.invites().len(), peer.calls_with("BYE")), (1, 1), "nobody was left on the line");
    }
}

/// One attempt for each, with the long greeting; cancelled when it rings as long.
async fn campaign(operator: &Operator, peer: &SippPeer) -> Campaign {
    let trunk = operator.sip_trunk(peer.addr, json!({})).await;
    let agent = operator.agent(json!({"greeting": greeting::NAME})).await;
    operator.campaign(&trunk, json!({"agentId": agent, "ringTimeoutSeconds": STAYS.as_secs()})).await
}

/// How many calls ended because their worker was lost; they have this outcome, on the word of the far end.
async fn orphans(campaign: &Campaign, outcome: &str) -> usize {
    let orphans = |call: &Value| call["reason"] == "worker_lost";
    let orphans: Vec<Value> = campaign.sessions().await.into_iter().filter(orphans).collect();
    for call in &orphans {
        assert_eq!((text(&call["outcome"]), text(&call["endedBy"])), (outcome, "caller"), "{call}");
        assert!(call["code"].is_u64(), "{call}");
    }
    orphans.len()
}

/// On the list of each of two campaigns: so many that calling them takes much longer than the way to the kill.
const LISTED: u32 = 400;

/// Where nobody can tell, the outcome is UNCERTAIN, and only the plan may call again.
#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_can_tell_is_uncertain_and_the_plan_decides() {
    let (pair, witness) = (Pair::fleet().await, WitnessFile::new());
    let env = [("RINGFLEET_WORKER__WITNESS", witness.path())];
    let system = pair.start(&env).await;
    let operator = Operator::new(&system.api);
    // Who has answered was reached, also when the worker dies; only of those who ring nobody can tell. At this pace fifty
    // ring at any time, so the kill meets some.
    let trunk = operator.simulated_trunk(2_000, 100, json!({})).await;
    let pace = json!({"callsPerSecond": 25});
    let plan = attempts(2, &["UNCERTAIN"]);
    let campaign = operator.campaign(&trunk, json!({"channels": plan, "limits": pace})).await;
    let once_only = operator.campaign(&trunk, json!({"limits": pace})).await;
    for (campaign, digit) in [(&campaign, 1), (&once_only, 2)] {
        campaign.add(&numbers(LISTED, digit)).await;
        campaign.act("start").await;
    }
    for campaign in [&campaign, &once_only] {
        campaign.until_ended(10).await;
    }
    system.worker.as_ref().expect("a worker of its own").kill9();
    let second = pair.spawn(&["worker"], &env);
    second.wait_line("ready", SOON).await;

    let again = campaign.finished().await;
    let lost = number(&again["calls"]["byOutcome"]["UNCERTAIN"]);
    assert!(lost > 0, "somebody was on the line: {again}");
    assert_eq!(
        again["recipients"]["byDisposition"]["REACHED"], LISTED,
        "the lost ones were called again: {again}"
    );
    let not_again = once_only.finished().await;
    let uncertain = &not_again["calls"]["byOutcome"]["UNCERTAIN"];
    assert_eq!(*uncertain, not_again["recipients"]["byDisposition"]["EXHAUSTED"], "{not_again}");

    let calls = witness.calls();
    for campaign in [&campaign, &once_only] {
        for recipient in campaign.recipients().await {
            // Killed between the promise to call and the call itself, an attempt may not have been made.
            let called = calls.get(text(&recipient["to"])).copied().unwrap_or(0) as u64;
            let attempts = number(&recipient["attempts"]);
            assert!((attempts - 1..=attempts).contains(&called), "{called} calls: {recipient}");
        }
    }
    let unplaced = u64::from(2 * LISTED) + lost - calls.values().sum::<usize>() as u64;
    let killed = lost + number(uncertain);
    assert!(unplaced <= killed, "{unplaced} calls are missing, {killed} were lost");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_embedded_server_goes_on_where_it_was_killed() {
    let (pair, witness) = (Pair::embedded(), WitnessFile::new());
    let env = [("RINGFLEET_WORKER__WITNESS", witness.path())];
    let system = pair.start(&env).await;
    let operator = Operator::new(&system.api);
    let trunk = operator.simulated_trunk(50, 150, json!({"limits": {"callsPerSecond": 100}})).await;
    let campaign = operator.campaign(&trunk, json!({"channels": attempts(2, &["UNCERTAIN"])})).await;
    campaign.add(&numbers(800, 1)).await;
    campaign.act("start").await;
    campaign.until_ended(50).await;
    system.server.kill9();

    let system = pair.start(&env).await;
    let campaign = Campaign { operator: Operator::new(&system.api), id: campaign.id };
    assert_eq!(campaign.stats().await["status"], "IN_PROGRESS", "it was killed too late to show anything");
    let stats = campaign.finished().await;
    assert_eq!(stats["recipients"]["byDisposition"]["REACHED"], 800, "{stats}");
    let lost = number(&stats["calls"]["byOutcome"]["UNCERTAIN"]);
    let twice: Vec<String> = witness.calls().into_iter().filter(|(_, n)| *n > 1).map(|(to, _)| to).collect();
    assert!(twice.len() as u64 <= lost, "{twice:?} were called twice, {lost} calls were lost");
    let recipients = campaign.recipients().await;
    for recipient in recipients.iter().filter(|recipient| twice.iter().any(|to| recipient["to"] == **to)) {
        assert_eq!(recipient["attempts"], 2, "{recipient}");
    }
    let live = "SELECT state FROM calls WHERE state IN ('PENDING', 'TRIGGERED', 'ONGOING')";
    assert_eq!(Database::of(&pair).await.column(live).await, [""; 0]);
}
