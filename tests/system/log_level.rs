//! What is logged can be changed while a process runs, and never shows a number.

use std::{fs, path::Path};

use serde_json::json;

use crate::{
    operator::{Operator, PATIENCE, numbers},
    support::{
        SOON,
        api::Api,
        eventually,
        guard::{self, Signal},
        pair::Pair,
        process::Process,
        receiver::Receiver,
    },
};

/// A process that takes what is logged from a file.
struct Logging {
    file: tempfile::TempDir,
    process: Process,
}

impl Logging {
    fn write(folder: &Path, filter: &str) {
        let text = format!("[log]\nfilter = \"{filter}\"\n");
        fs::write(folder.join("ringfleet.toml"), text).expect("the folder is writable");
    }

    async fn start(pair: &Pair, filter: &str) -> (Self, Api) {
        let file = guard::folder();
        Self::write(file.path(), filter);
        let path = file.path().join("ringfleet.toml");
        let path = path.to_str().expect("a plain path");
        let process = pair.spawn(&["up", "--config", path, "--listen", "127.0.0.1:0"], &[]);
        let base = process.wait_line("listening on ", SOON).await;
        let key = pair.key("test", "admin").await;
        (Self { file, process }, Api::new(&base, &key))
    }

    /// Changes the file and tells the process to read it, whose log then has this in it.
    async fn change(&self, filter: &str, says: &str) {
        let before = self.process.stderr().len();
        Self::write(self.file.path(), filter);
        self.process.signal(Signal::Hup);
        eventually(SOON, says, async || self.process.stderr()[before..].contains(says).then_some(())).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_read_anew_at_a_hangup() {
    let pair = Pair::embedded();
    let (logging, api) = Logging::start(&pair, "warn").await;
    let answers = || logging.process.stderr().matches("\"answered\"").count();
    assert_eq!(api.get("/api/v1/agents").await.0, 200);
    assert_eq!(answers(), 0, "at level debug");

    logging.change("debug", "what is logged was read anew").await;
    assert_eq!(api.get("/api/v1/agents").await.0, 200);
    eventually(SOON, "requests are logged", async || (answers() >= 1).then_some(())).await;

    logging.change("inf", "what is logged stays as it was").await;
    assert!(logging.process.stderr().contains("must be error, warn, info"), "it says why");
    let before = answers();
    assert_eq!(api.get("/api/v1/agents").await.0, 200);
    eventually(SOON, "requests are logged still", async || (answers() > before).then_some(())).await;

    logging.change("info", "what is logged was read anew").await;
    let before = answers();
    assert_eq!(api.get("/api/v1/agents").await.0, 200);
    logging.process.terminate();
    assert!(logging.process.wait_exit(SOON).await.success());
    assert_eq!(answers(), before, "not any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_are_masked_at_every_level_of_ours() {
    let (pair, receiver) = (Pair::embedded(), Receiver::start().await);
    let (logging, api) = Logging::start(&pair, "info,ringfleet=trace").await;
    let operator = Operator::new(&api);
    operator.webhook(&receiver.url("/hook"), &[]).await;
    let trunk = operator.simulated_trunk(10, 40, json!({"limits": {"callsPerSecond": 50}})).await;
    let campaign = operator.campaign(&trunk, json!({})).await;
    campaign.import("phone\n+12025550201\nnobody\n").await;
    for digit in [1, 6, 7, 8, 9] {
        campaign.add(&numbers(2, digit)).await;
    }
    let suppressed = json!({"number": "+12025550201"});
    operator.post("/suppressions", suppressed).await;
    campaign.act("start").await;
    campaign.finished().await;
    let single = operator.call("+12025550991", json!({"trunkId": trunk})).await;
    operator.ended(&single).await;
    receiver.wait_for(|heard| heard.len() >= 11, PATIENCE).await;
    logging.process.terminate();
    assert!(logging.process.wait_exit(SOON).await.success());
    let log = logging.process.stderr();
    assert!(log.contains("\"answered\""), "it is logged at a level below info");
    for called in ["12025550201", "12025550991", "1202000", "2025550"] {
        let line = log.lines().find(|line| line.contains(called));
        assert_eq!(line, None, "{called} is in the log");
    }
}
