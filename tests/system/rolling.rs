//! Work on a fleet while it calls: a worker that is drained, and every process replaced by another, one after the other.

use std::time::Duration;

use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};

use crate::{
    database::Database,
    operator::{Campaign, Operator, PATIENCE, numbers},
    support::{
        SOON,
        api::Api,
        eventually,
        pair::Pair,
        process::Process,
        receiver::{Receiver, ids},
    },
    witness::{WitnessFile, count},
};

/// The worker that this process is, by the line of its log.
async fn id_of(pair: &Pair, known: &[String]) -> String {
    let listed = eventually(SOON, "a worker that is new is listed", async || {
        let listed = pair.run(&["worker", "list"]).await;
        let ids = listed.lines().filter_map(|line| line.split('\t').next()).map(str::to_owned);
        ids.into_iter().find(|id| !known.contains(id))
    });
    listed.await
}

/// How many calls each worker has on the line, those with none left out.
const LIVE: &str = "SELECT worker_id || ' ' || count(*) FROM calls WHERE open AND state IN ('TRIGGERED', 'ONGOING') GROUP BY worker_id";

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_drained_takes_no_calls_until_it_is_told_to() {
    let (pair, witness) = (Pair::fleet().await, WitnessFile::new());
    let env = [("RINGFLEET_WORKER__WITNESS", witness.path()), ("RINGFLEET_WORKER__MAX_LIVE", "8")];
    let system = pair.start(&env).await;
    let first = id_of(&pair, &[]).await;
    let operator = Operator::new(&system.api);
    let trunk = operator.simulated_trunk(50, 800, json!({})).await;
    let campaign = operator.campaign(&trunk, json!({})).await;
    let people = numbers(400, 1);
    campaign.add(&people).await;
    campaign.act("start").await;
    campaign.until("the worker is full", |stats| stats["calls"]["talking"] == 8).await;

    let said = pair.run(&["worker", "drain", &first, "--wait"]).await;
    assert!(said.contains("the worker has no calls"), "{said}");
    let database = Database::of(&pair).await;
    assert_eq!(database.column(LIVE).await, Vec::<String>::new(), "its last call is over");
    let shown = system.api.get("/api/v1/fleet").await.1["data"]["workers"][0].clone();
    assert_eq!((&shown["id"], &shown["draining"], &shown["live"]), (&json!(first), &json!(true), &json!(0)));

    // Another one goes on where it has stopped, and it keeps out.
    let second = pair.spawn(&["worker"], &env);
    second.wait_line("ready", SOON).await;
    let other = id_of(&pair, std::slice::from_ref(&first)).await;
    campaign.until("the other worker is full", |stats| stats["calls"]["talking"] == 8).await;
    let live = database.column(LIVE).await;
    assert_eq!(live.len(), 1, "one of them works: {live:?}");

    // Told to, it takes calls again.
    pair.run(&["worker", "resume", &first]).await;
    campaign.until("both are full", |stats| stats["calls"]["talking"] == 16).await;
    let refused = pair.spawn(&["worker", "drain", "wrk_01m8dzhzj3fkdazzxpz30c65dq"], &[]);
    assert!(!refused.wait_exit(SOON).await.success(), "no such worker");
    assert!(refused.stderr().contains("worker list"), "{}", refused.stderr());
    assert_ne!(first, other);
    campaign.finished().await;
    assert_eq!(witness.calls(), count(people), "everybody was called once");
}

/// A process that is told to end, and its successor, which is ready before.
async fn replace(pair: &Pair, process: Process, args: &[&str], line: &str, env: &[(&str, &str)]) -> Process {
    let successor = pair.spawn(args, env);
    successor.wait_line(line, SOON).await;
    process.terminate();
    let status = process.wait_exit(PATIENCE).await;
    assert!(status.success(), "ringfleet {args:?} ends with {status}: {}", process.stderr());
    successor
}

/// Sends single calls with an Idempotency-Key all the time, as a back end does whose server is being replaced: again to the next one where
/// there is no answer. Gives the calls that were made.
async fn back_end(
    servers: tokio::sync::watch::Receiver<Api>,
    agent: String,
    trunk: String,
    until: Duration,
) -> Vec<Value> {
    let mut made = Vec::new();
    let ends = tokio::time::Instant::now() + until;
    for n in 0.. {
        if tokio::time::Instant::now() > ends {
            break;
        }
        let body = json!({"agentId": agent, "trunkId": trunk, "toNumber": format!("+1415555{:04}", 1_000 + n * 10 + 1)});
        let session = eventually(PATIENCE, "a server takes the call", async || {
            let server = servers.borrow().clone();
            let request = server.request(reqwest::Method::POST, "/api/v1/sessions");
            let answer =
                request.header("idempotency-key", format!("call-{n}")).json(&body).send().await.ok()?;
            let status = answer.status().as_u16();
            let body: Value = answer.json().await.ok()?;
            (status == 202).then(|| body["data"].clone())
        });
        made.push(session.await);
        tokio::time::sleep(Duration::from_millis(150)).await; // the pace of a back end
    }
    made
}

#[tokio::test(flavor = "multi_thread")]
async fn every_process_is_replaced_while_it_calls_and_nothing_is_lost_or_repeated() {
    let (pair, witness, receiver) = (Pair::fleet().await, WitnessFile::new(), Receiver::start().await);
    let env = [("RINGFLEET_WORKER__WITNESS", witness.path())];
    let system = pair.start(&env).await;
    let operator = Operator::new(&system.api);
    operator.webhook(&receiver.url("/hook"), &["session.ended"]).await;
    let trunk = operator.simulated_trunk(50, 400, json!({"limits": {"callsPerSecond": 50}})).await;
    let campaign = operator.campaign(&trunk, json!({})).await;
    let people = numbers(1_200, 1);
    campaign.add(&people).await;
    campaign.act("start").await;
    campaign.until("it calls", |stats| stats["calls"]["talking"].as_u64() > Some(5)).await;

    let agent = operator.agent(json!({})).await;
    let (server, servers) = tokio::sync::watch::channel(system.api.clone());
    let calling = tokio::spawn(back_end(servers, agent, trunk, Duration::from_secs(15)));
    let mut processes =
        (system.server, system.scheduler.expect("a scheduler"), system.worker.expect("a worker"));
    for _ in 0..2 {
        let worker = replace(&pair, processes.2, &["worker"], "ready", &env).await;
        let scheduler = replace(&pair, processes.1, &["scheduler"], "ready", &env).await;
        let next = pair.spawn(&["api", "--listen", "127.0.0.1:0"], &env);
        let base = next.wait_line("listening on ", SOON).await;
        server.send(Api::new(&base, system.api.key())).expect("the back end listens");
        processes.0.terminate();
        assert!(processes.0.wait_exit(PATIENCE).await.success(), "{}", processes.0.stderr());
        processes = (next, scheduler, worker);
    }
    let single = calling.await.expect("the back end ends");
    assert!(single.len() > 20, "only {} single calls were made", single.len());

    let operator = Operator::new(&server.borrow().clone());
    let campaign = Campaign { operator: operator.clone(), id: campaign.id };
    let stats = campaign.finished().await;
    assert_eq!(stats["recipients"]["byDisposition"]["REACHED"], people.len(), "{stats}");
    for call in &single {
        operator.ended(call).await;
    }
    let numbers = single.iter().map(|call| call["toNumber"].as_str().expect("a number").to_owned());
    let everybody: Vec<String> = people.iter().cloned().chain(numbers).collect();
    let calls = everybody.len();
    assert_eq!(
        witness.calls(),
        count(everybody),
        "everybody was called once, whoever was replaced meanwhile"
    );
    let told = receiver.wait_for(|told| ids(told).len() >= calls, PATIENCE).await;
    assert_eq!(ids(&told).len(), calls, "every ending was told");
}

/// A migration may wait for hours behind a dump; whoever ends its process does not wait with it.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_waits_to_migrate_ends_when_it_is_told() {
    let pair = Pair::fleet().await;
    pair.run(&["migrate"]).await;
    let Pair::Fleet { database_url, .. } = &pair else { unreachable!("it is a fleet") };
    let mut dump = PgConnection::connect(database_url).await.expect("it runs");
    for sql in [
        "DELETE FROM _sqlx_migrations WHERE version = 28;
         ALTER TABLE calls DROP COLUMN traceparent; ALTER TABLE events DROP COLUMN traceparent",
        "BEGIN; SELECT count(*) FROM calls",
    ] {
        sqlx::raw_sql(sql).execute(&mut dump).await.expect("it can be done");
    }
    let up = pair.spawn(&["up", "--listen", "127.0.0.1:0"], &[]);
    let waits = async || up.stderr().contains("a migration waits").then_some(());
    eventually(SOON, "it says that it waits", waits).await;
    up.terminate();
    assert!(up.wait_exit(SOON).await.success());
}
