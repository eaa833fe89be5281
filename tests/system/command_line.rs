//! The commands, and what they say where something is missing.

use serde_json::{Value, json};

use crate::{
    on_both_pairs,
    operator::{Operator, PATIENCE, number, text},
    support::{SOON, free_port, guard, pair::Pair, process::Process},
    witness::{Carrier, count},
};

/// The last line that a command has written, which is JSON.
pub fn last_line(process: &Process) -> Value {
    let line = process.stdout().lines().last().map(serde_json::from_str);
    line.expect("it prints").expect("the last line is JSON")
}

/// Runs a command that has to fail, and gives what it says.
pub async fn failure(process: Process) -> String {
    let status = process.wait_exit(SOON).await;
    assert_eq!(status.code(), Some(1), "{}", process.stderr());
    let said = process.stderr();
    assert!(said.lines().last().is_some_and(|line| line.starts_with("ringfleet: ")), "{said}");
    said
}

on_both_pairs!(keys_are_made_beside_a_running_server, keys);

async fn keys(pair: Pair) {
    let system = pair.start(&[]).await;
    let output = pair.run(&["key", "create", "--workspace", "Ann & Co", "--role", "developer"]).await;
    assert_eq!(output.lines().count(), 1, "the key alone is on standard output: {output}");
    let operator = Operator::new(&system.api.with_key(output.trim()));
    let agent = operator.agent(json!({})).await;
    // A second key of the same name opens the same workspace; another name opens another.
    let same = Operator::new(&system.api.with_key(&pair.key("Ann & Co", "member").await));
    assert_eq!(same.get("/agents").await[0]["id"], agent);
    let other = Operator::new(&system.api.with_key(&pair.key("Ann", "admin").await));
    assert_eq!(other.get("/agents").await, json!([]));
    let nameless = failure(pair.spawn(&["key", "create", "--workspace", " "], &[])).await;
    assert!(nameless.contains("1 to 120 characters"), "{nameless}");
}

on_both_pairs!(migrating_twice_is_no_mistake, migrate);

async fn migrate(pair: Pair) {
    for _ in 0..2 {
        assert_eq!(pair.run(&["migrate"]).await, "the database schema is up to date\n");
    }
}

#[tokio::test]
async fn a_single_role_explains_what_it_needs() {
    for role in ["api", "scheduler", "worker"] {
        let said = failure(Process::spawn(&[role], &[])).await;
        assert!(said.contains("DATABASE_URL and REDIS_URL") && said.contains("ringfleet up"), "{said}");
        for (given, missing) in [("DATABASE_URL", "REDIS_URL"), ("REDIS_URL", "DATABASE_URL")] {
            let url = format!("{}://127.0.0.1:1/x", if given == "REDIS_URL" { "redis" } else { "postgres" });
            let said = failure(Process::spawn(&[role], &[(given.to_owned(), url)])).await;
            assert!(said.contains(&format!("{missing} is not")), "{said}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unmigrated_database_is_told_from_a_good_one() {
    let pair = Pair::fleet().await;
    for role in [&["api", "--listen", "127.0.0.1:0"][..], &["scheduler"], &["worker"]] {
        let said = failure(pair.spawn(role, &[])).await;
        assert!(said.contains("ringfleet migrate"), "{said}");
    }
    // All roles in one process are one person's installation: they bring it up to date themselves.
    let all = pair.spawn(&["up", "--listen", "127.0.0.1:0"], &[]);
    all.wait_line("listening on http://127.0.0.1:", SOON).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_reached_is_named() {
    let nowhere = free_port();
    let env =
        |name: &str, scheme: &str| (name.to_owned(), format!("{scheme}://u:secret@127.0.0.1:{nowhere}/x"));
    let Pair::Fleet { database_url, redis } = Pair::fleet().await else { panic!("it is a fleet") };
    let no_redis = [("DATABASE_URL".to_owned(), database_url), env("REDIS_URL", "redis")];
    let no_postgres = [env("DATABASE_URL", "postgres"), ("REDIS_URL".to_owned(), redis.url())];
    for (env, name) in [(no_redis, "Redis"), (no_postgres, "PostgreSQL")] {
        let said = failure(Process::spawn(&["worker"], &env)).await;
        assert!(said.contains(name) && !said.contains("secret"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_and_a_folder_have_one_server() {
    let pair = Pair::embedded();
    let system = pair.start(&[]).await;
    let port = system.base.strip_prefix("http://").expect("it serves HTTP");
    let said = failure(Pair::embedded().spawn(&["up", "--listen", port], &[])).await;
    assert!(said.contains(port) && said.contains("--listen"), "{said}");
    let said = failure(pair.spawn(&["up", "--listen", "127.0.0.1:0"], &[])).await;
    assert!(said.contains("another ringfleet is running") && said.contains("--data"), "{said}");
    assert_eq!(system.api.get("/readyz").await.0, 200, "the first server is none the worse for it");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_calls_the_example_list() {
    let folder = guard::folder();
    let args = ["demo", "examples/recipients.csv", "--json", "--calls-per-second", "40", "--talk-ms", "200"];
    let temporary = folder.path().to_str().expect("a plain path").to_owned();
    let demo = Process::spawn(&args, &[("TMPDIR".to_owned(), temporary)]);
    let status = demo.wait_exit(PATIENCE).await;
    assert!(status.success(), "the demo ended with {status}");
    let report = last_line(&demo);
    assert_eq!((text(&report["campaign"]), number(&report["rows"])), ("FINISHED", 251), "{report}");
    assert_eq!(report["rejected"].as_array().map(Vec::len), Some(42));
    let sum =
        |counts: &Value| -> u64 { counts.as_object().expect("figures by name").values().map(number).sum() };
    assert_eq!(sum(&report["recipients"]), 209, "{report}");
    assert!(sum(&report["calls"]) >= 209, "{report}");
    assert_eq!(report["webhooks"]["delivered"], report["webhooks"]["verified"]);
    assert!(number(&report["webhooks"]["delivered"]) >= 2 * 209, "{report}");
    let left = std::fs::read_dir(folder.path()).expect("the folder is there").count();
    assert_eq!(left, 0, "the demo leaves nothing behind");
}

/// Calls, WhatsApp, texts and e-mails with peers of its own, in less than two minutes.
#[tokio::test(flavor = "multi_thread")]
async fn the_demo_of_a_cascade_shows_every_way() {
    let folder = guard::folder();
    let temporary = folder.path().to_str().expect("a plain path").to_owned();
    let demo = Process::spawn(&["demo", "--cascade", "--json"], &[("TMPDIR".to_owned(), temporary)]);
    let status = demo.wait_exit(PATIENCE).await;
    assert!(status.success(), "the demo ended with {status}");
    let report = last_line(&demo);
    assert_eq!((text(&report["campaign"]), number(&report["rows"])), ("FINISHED", 35), "{report}");
    assert_eq!(report["recipients"], serde_json::json!({"EXHAUSTED": 8, "MESSAGED": 12, "REACHED": 15}));
    assert_eq!(report["webhooks"]["delivered"], report["webhooks"]["verified"]);
    assert!(report["seconds"].as_f64().expect("how long it took") < 120.0, "{report}");
    let way = |number: &str| {
        demo.stdout().lines().find(|line| line.contains(number)).unwrap_or_default().to_owned()
    };
    assert!(way("+12025550156").contains("SENT"), "{}", way("+12025550156"));
    assert!(way("+12025550136").contains("READ"), "{}", way("+12025550136"));
    let left = std::fs::read_dir(folder.path()).expect("the folder is there").count();
    assert_eq!(left, 0, "the demo leaves nothing behind");
}

/// Somebody's own peer instead of the built-in carrier: it sees every call, and the figures are what it made of them.
#[tokio::test(flavor = "multi_thread")]
async fn the_demo_calls_through_a_trunk_that_is_there() {
    let carrier = Carrier::start(&["--ring-ms", "50", "--talk-ms", "200"]).await;
    let folder = guard::folder();
    let list = folder.path().join("list.csv");
    // Answered twice, busy (called again), declined (not called again).
    let numbers = ["+12025550101", "+12025550105", "+12025550107", "+12025550109"];
    std::fs::write(&list, format!("phone\n{}\n", numbers.join("\n"))).expect("the folder is writable");
    let (list, trunk) = (list.to_str().expect("a plain path"), format!("sip:{}", carrier.addr));
    let demo = Process::spawn(&["demo", list, "--trunk", &trunk, "--json", "--ring-timeout", "30"], &[]);
    let status = demo.wait_exit(PATIENCE).await;
    assert!(status.success(), "the demo ended with {status}");
    let report = last_line(&demo);
    assert_eq!((text(&report["campaign"]), number(&report["rows"])), ("FINISHED", 4), "{report}");
    assert_eq!(report["recipients"], json!({"REACHED": 2, "EXHAUSTED": 2}), "{report}");
    assert_eq!(report["calls"], json!({"ANSWERED": 2, "REJECTED": 3}), "{report}");
    // The beginning and the end of each call and of the campaign.
    let webhooks = &report["webhooks"];
    assert!(webhooks["delivered"] == webhooks["verified"] && number(&webhooks["verified"]) >= 12, "{report}");
    let called = carrier.records().await.into_iter().map(|record| text(&record["to"]).to_owned());
    assert_eq!(count(called), numbers.map(|to| (to.to_owned(), 1 + usize::from(to.ends_with('7')))).into());
}
