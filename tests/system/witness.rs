//! Who was called: what the far end of the trunk saw, whatever the database says.

use std::{collections::BTreeMap, fs, net::SocketAddr, path::PathBuf};

use serde_json::Value;

use crate::{
    operator::text,
    support::{SOON, guard, process::Process},
};

/// The file in which the simulated carrier notes what became of every attempt, of all processes that share it.
pub struct WitnessFile {
    path: PathBuf,
    _folder: tempfile::TempDir,
}

impl WitnessFile {
    pub fn new() -> Self {
        let folder = guard::folder();
        Self { path: folder.path().join("witness.jsonl"), _folder: folder }
    }

    /// The value of `RINGFLEET_WORKER__WITNESS`.
    pub fn path(&self) -> &str {
        self.path.to_str().expect("a plain path")
    }

    /// What was noted so far, in order.
    pub fn events(&self) -> Vec<Value> {
        json_lines(&fs::read_to_string(&self.path).unwrap_or_default())
    }

    /// How often each number was called.
    pub fn calls(&self) -> BTreeMap<String, usize> {
        self.placed("to")
    }

    /// How often each caller ID was shown.
    pub fn shown(&self) -> BTreeMap<String, usize> {
        self.placed("from")
    }

    fn placed(&self, field: &str) -> BTreeMap<String, usize> {
        let events = self.events();
        count(
            events
                .iter()
                .filter(|event| event["event"] == "placed")
                .map(|event| text(&event[field]).to_owned()),
        )
    }
}

/// `ringfleet carrier` as a process of its own.
pub struct Carrier {
    pub addr: SocketAddr,
    process: Process,
}

impl Carrier {
    pub async fn start(args: &[&str]) -> Self {
        let args = [&["carrier", "--listen", "127.0.0.1:0"], args].concat();
        let process = Process::spawn(&args, &[]);
        let rest = process.wait_line("{\"listening\":\"sip:", SOON).await;
        let addr = rest.trim_end_matches("\"}").parse().expect("the first line has its address");
        Self { addr, process }
    }

    /// Ends it, and gives its records of all calls, in the order in which they ended.
    pub async fn records(&self) -> Vec<Value> {
        self.process.terminate();
        let status = self.process.wait_exit(SOON).await;
        assert!(status.success(), "the carrier ended with {status}");
        json_lines(&self.process.stdout()).split_off(1)
    }
}

/// How often each of them came.
pub fn count(items: impl IntoIterator<Item = String>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for item in items {
        *counts.entry(item).or_default() += 1;
    }
    counts
}

fn json_lines(lines: &str) -> Vec<Value> {
    lines.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect()
}
