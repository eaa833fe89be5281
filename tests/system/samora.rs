//! The examples of docs/SAMORA.md, which are those of Samora's pages: run by a real curl against the running server.

use std::process::Command;

use serde_json::{Value, json};
use standardwebhooks::Webhook;

use crate::{
    on_both_pairs,
    operator::{Operator, PATIENCE, text},
    support::{
        eventually,
        pair::{Pair, System},
        receiver::{Received, Receiver},
    },
};

/// The page, so that what is printed there is what runs here.
const PAGE: &str = include_str!("../../docs/SAMORA.md");

/// The commands of the page's first example, in their order, without what sets the base URL.
fn examples() -> Vec<String> {
    let block = PAGE.split("```sh\n").nth(1).expect("the page has an example");
    let block = block.split("```").next().expect("which ends").replace("\\\n", " ");
    block.lines().filter(|line| line.starts_with("curl ")).map(str::to_owned).collect()
}

/// A shell with the variables that the page names.
struct Shell(Vec<(&'static str, String)>);

impl Shell {
    async fn new(pair: &Pair, system: &System) -> Self {
        let operator = Operator::new(&system.api);
        operator.simulated_trunk(10, 1_100, json!({})).await;
        operator.call_as_often_as_asked().await;
        let agent = operator.agent(json!({})).await;
        let agent = agent.parse::<ringfleet_core::AgentId>().expect("an id").uuid().to_string();
        Self(vec![("API", system.base.clone()), ("KEY", pair.key("test", "admin").await), ("AGENT", agent)])
    }

    fn set(&mut self, name: &'static str, value: &str) {
        self.0.push((name, value.to_owned()));
    }

    /// Runs a command as printed; gives the answer.
    async fn run(&self, command: &str) -> Value {
        let shell = format!("{command} --silent --show-error --fail-with-body --noproxy '*'");
        let mut run = Command::new("sh");
        run.arg("-c").arg(shell).envs(self.0.iter().map(|(name, value)| (*name, value.as_str())));
        let output =
            tokio::task::spawn_blocking(move || run.output()).await.expect("it runs").expect("curl is there");
        let said = [output.stderr, output.stdout.clone()].concat();
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&said));
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{command}: {error}"))
    }

    /// Triggers a call by this command, and waits until the other shows that it is over; gives its id and what is shown.
    async fn call(&mut self, trigger: &str, show: &str) -> (String, Value) {
        let made = self.run(trigger).await;
        assert_eq!(made["status"], "accepted", "{made}");
        let id = text(&made["call_id"]).to_owned();
        self.set("CALL", &id);
        let ended = eventually(PATIENCE, "the call is over", async || {
            Some(self.run(show).await).filter(|shown| shown["data"]["status"] == "CALL_FINISHED")
        });
        (id, ended.await)
    }
}

on_both_pairs!(the_printed_examples_work, examples_work);

async fn examples_work(pair: Pair) {
    let system = pair.start(&[]).await;
    let mut shell = Shell::new(&pair, &system).await;
    let examples = examples();
    let [trigger, call, create, add, start, list, webhooks @ ..] = &examples[..] else {
        panic!("{examples:?}")
    };
    let (_, ended) = shell.call(trigger, call).await;
    assert_eq!(ended["data"]["call_variables"], json!({"name": "Test One"}));

    let made = shell.run(create).await;
    let campaign = text(&made["data"]["campaign_id"]).to_owned();
    shell.set("CAMPAIGN", &campaign);
    let added = shell.run(add).await;
    assert_eq!(added["data"]["scheduled_call_ids"].as_array().map(Vec::len), Some(1), "{added}");
    let started = shell.run(start).await;
    assert_eq!(
        (&started["data"]["status"], &started["data"]["id"]),
        (&json!("IN_PROGRESS"), &json!(campaign))
    );
    // At night its call waits for the morning; by day it is made.
    let listed = shell.run(list).await;
    assert_eq!((&listed["data"]["total"], &listed["data"]["page_size"]), (&json!(1), &json!(10)));
    assert_eq!(listed["data"]["calls"][0]["id"], added["data"]["scheduled_call_ids"][0]);
    assert_eq!(listed["data"]["calls"][0]["to_number"], "+918000000001");
    webhooks_work(shell, webhooks, (trigger, call)).await;
}

async fn webhooks_work(mut shell: Shell, examples: &[String], (trigger, call): (&str, &str)) {
    let [events, create, list, edit, show, delete] = examples else { panic!("{examples:?}") };
    let receiver = Receiver::start().await;
    let known = shell.run(events).await;
    assert_eq!(known["data"]["events"].as_array().map(Vec::len), Some(3), "{known}");
    shell.set("URL", &receiver.url("/hook"));
    let made = shell.run(create).await;
    let webhook = text(&made["data"]["id"]).to_owned();
    shell.set("WEBHOOK", &webhook);
    let listed = shell.run(list).await;
    assert_eq!(
        (&listed["data"]["total_count"], &listed["data"]["webhooks"][0]["id"]),
        (&json!(1), &made["data"]["id"])
    );
    let edited = shell.run(edit).await;
    assert_eq!(edited["data"]["custom_headers"], json!({"X-Tenant": "a"}));
    assert_eq!(shell.run(show).await["data"], edited["data"]);

    let (id, ended) = shell.call(trigger, call).await;
    let of = |one: &Received| one.json()["data"]["call_id"] == id;
    let both = |heard: &[Received]| heard.iter().filter(|one| of(one)).count() >= 2;
    let heard = receiver.wait_for(both, PATIENCE).await;
    let verifier = Webhook::new(text(&made["data"]["secret"])).expect("the secret is of the public form");
    // By day the campaign's call is told as well, and may be before the endpoint has its header.
    for one in heard.iter().filter(|one| of(one)) {
        verifier.verify(&one.body, &one.headers).expect("it is signed");
        assert_eq!((one.header("x-tenant"), &one.json()["webhook_id"]), ("a", &made["data"]["id"]));
    }
    let told = |event: &str| {
        let found =
            heard.iter().filter(|one| of(one)).map(Received::json).find(|body| body["event"] == event);
        found.unwrap_or_else(|| panic!("no {event} of {id} in {heard:#?}"))["data"].take()
    };
    let (started, finished) = (told("CALL_STARTED"), told("CALL_FINISHED"));
    assert_eq!((&started["status"], &started["ended_at"]), (&json!("TRIGGERED"), &Value::Null));
    assert_eq!(started.get("transcript_url"), None, "it is no option of this event");
    assert_eq!(finished["transcript_url"], Value::Null);
    assert_eq!(finished.get("recording_url"), None, "nobody has asked for it");
    for name in ["status", "agent_id", "started_at", "ended_at", "call_variables"] {
        assert_eq!(finished[name], ended["data"][name], "{name}");
    }

    shell.run(delete).await;
    assert_eq!(shell.run(list).await["data"], json!({"webhooks": [], "total_count": 0}));
}
