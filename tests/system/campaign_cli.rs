//! `ringfleet campaign …` against a real server, from a list to its results, whatever is wrong with what it is given and whatever dies.

use std::{collections::HashSet, fs, path::PathBuf};

use axum::http::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    command_line::{failure, last_line},
    database::Database,
    on_both_pairs,
    operator::{Campaign, Operator, PATIENCE, number, numbers, text},
    support::{
        SOON, eventually, free_port, guard,
        pair::{Pair, System},
        process::Process,
    },
};

/// Somebody at a terminal, with a key and a folder.
struct Terminal {
    base: String,
    key: String,
    folder: TempDir,
}

impl Terminal {
    async fn of(pair: &Pair, base: &str) -> Self {
        Self { base: base.to_owned(), key: pair.key("test", "admin").await, folder: guard::folder() }
    }

    fn spawn(&self, args: &[&str]) -> Process {
        let env = [
            ("RINGFLEET_URL".to_owned(), self.base.clone()),
            ("RINGFLEET_API_KEY".to_owned(), self.key.clone()),
        ];
        Process::spawn(&[&["campaign"], args].concat(), &env)
    }

    /// What a command that has to succeed prints.
    async fn run(&self, args: &[&str]) -> String {
        let process = self.spawn(args);
        let status = process.wait_exit(PATIENCE).await;
        assert!(status.success(), "campaign {args:?}: {status}\n{}", process.stderr());
        process.stdout()
    }

    /// What an import prints that adds nobody. It fails, and says so as JSON.
    async fn fruitless(&self, args: &[&str]) -> String {
        let process = self.spawn(args);
        let status = process.wait_exit(PATIENCE).await;
        let said = json_of(&process.stderr());
        assert_eq!((status.code(), text(&said["error"])), (Some(1), "no row of the list was accepted"));
        process.stdout()
    }

    /// What a command that has to fail says.
    async fn refused(&self, args: &[&str]) -> String {
        failure(self.spawn(args)).await
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path: PathBuf = self.folder.path().join(name);
        fs::write(&path, text).expect("the folder can be written");
        path.to_str().expect("a plain path").to_owned()
    }
}

fn json_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

on_both_pairs!(a_list_goes_from_a_file_to_its_results, whole_way);

async fn whole_way(pair: Pair) {
    let system = pair.start(&[]).await;
    let terminal = Terminal::of(&pair, &system.base).await;
    let operator = Operator::new(&system.api);
    let trunk = operator.simulated_trunk(5, 5, json!({})).await;
    let agent = operator.agent(json!({})).await;

    let made = ["--json", "create", "--name", "Reminders", "--agent", &agent, "--trunk", &trunk];
    let made = json_of(
        &terminal
            .run(
                &[&made[..], &["--window", "always", "--max-live", "7", "--calls-per-second", "50"]].concat(),
            )
            .await,
    );
    assert_eq!((text(&made["status"]), &made["limits"]["maxLiveCalls"]), ("DRAFT", &json!(7)), "{made}");
    let id = text(&made["id"]);

    let list = terminal
        .file("list.csv", "Telefon;Vorname;Notiz\n+12025550101;Ann;x\n0170 1;Bob;y\n+12025550103;=1+1;z\n");
    let columns = ["--column", "Telefon", "--rename", "Vorname=name", "--ignore", "Notiz"];
    let import = json_of(&terminal.run(&[&["--json", "import", id, &list], &columns[..]].concat()).await);
    let figures = ["rows", "accepted", "rejected"].map(|name| number(&import[name]));
    assert_eq!((text(&import["status"]), figures), ("FINISHED", [3, 2, 1]), "{import}");
    // The same list once more: an upload of its own, and nobody comes twice.
    let again =
        json_of(&terminal.fruitless(&[&["--json", "import", id, &list], &columns[..]].concat()).await);
    assert_eq!((number(&again["accepted"]), number(&again["rejected"])), (0, 3), "{again}");
    // The same upload once more: its import is found, and not ordered again.
    let upload = text(&again["uploadId"]);
    let resumed = json_of(&terminal.fruitless(&["--json", "import", id, &list, "--resume", upload]).await);
    assert_eq!(resumed["id"], again["id"]);

    let dry = json_of(&terminal.run(&["--json", "start", id, "--dry-run"]).await);
    assert_eq!((&dry["preflight"]["waiting"], &dry["campaign"]), (&json!(2), &Value::Null), "{dry}");
    let started = json_of(&terminal.run(&["--json", "start", id]).await);
    assert_eq!(started["campaign"]["status"], "IN_PROGRESS", "{started}");
    let watched = terminal.run(&["--json", "watch", id, "--every", "1"]).await;
    let last = json_of(watched.lines().last().expect("it has looked at least once"));
    assert_eq!((text(&last["status"]), number(&last["recipients"]["done"])), ("FINISHED", 2), "{last}");
    check_results(&terminal, id).await;
}

async fn check_results(terminal: &Terminal, campaign: &str) {
    let lines = terminal.run(&["--json", "results", campaign]).await;
    let rows: Vec<Value> = lines.lines().map(json_of).collect();
    let to: HashSet<&str> = rows.iter().map(|row| text(&row["to"])).collect();
    assert_eq!((rows.len(), to), (2, HashSet::from(["+12025550101", "+12025550103"])), "{lines}");
    assert!(rows.iter().all(|row| row["state"] == "DONE" && row["disposition"] == "REACHED"), "{lines}");
    assert!(rows.iter().any(|row| row["variables"] == json!({"name": "Ann"})), "{lines}");

    let file = terminal.folder.path().join("results.csv");
    let printed = terminal.run(&["results", campaign, "-o", file.to_str().expect("a plain path")]).await;
    assert_eq!(printed, "", "they are in the file");
    let mut csv = csv::Reader::from_path(&file).expect("it has been written");
    let header = csv.headers().expect("the first row").clone();
    let column = header.iter().position(|name| name == "to").expect("whom it called");
    let to: HashSet<String> = csv.records().map(|row| row.expect("a row")[column].to_owned()).collect();
    assert_eq!(to, HashSet::from(["+12025550101".to_owned(), "+12025550103".to_owned()]));
    let reached = terminal.run(&["--json", "results", campaign, "--disposition", "EXHAUSTED"]).await;
    assert_eq!(reached, "", "nobody ended so");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_named() {
    let pair = Pair::embedded();
    let system = pair.start(&[]).await;
    let mut terminal = Terminal::of(&pair, &system.base).await;
    let operator = Operator::new(&system.api);
    let trunk = operator.simulated_trunk(5, 5, json!({})).await;
    let campaign = operator.campaign(&trunk, json!({})).await.id;
    let list = terminal.file("list.csv", "phone,name\n+12025550101,Ann\n");
    let without = terminal.file("without.csv", "name,city\nAnn,Springfield\n");
    let empty = terminal.file("empty.csv", "");
    let nobody = "cmp_01kb00000000000000000000aa";
    for (args, expected) in [
        (&["import", &campaign, "/nowhere/list.csv"][..], "/nowhere/list.csv"),
        (&["import", &campaign, "/"], "not a file"),
        (&["import", &campaign, &empty], "empty"),
        (&["import", &campaign, &without], "phone"),
        (&["import", &campaign, &list, "--column", "Telefon"], "Telefon"),
        (&["import", nobody, &list], "campaign"),
        (&["import", &campaign, &list, "--resume", "upl_01kb00000000000000000000aa"], "upload"),
        (&["create", "--name", "A", "--agent", "agt_01kb00000000000000000000aa"], "agent"),
        (&["create", "--name", "", "--agent", "agt_01kb00000000000000000000aa"], "name"),
        (&["create", "--name", "A"], "--agent"),
        (&["create", "--from", "/nowhere.json"], "/nowhere.json"),
        (&["start", nobody], "campaign"),
        (&["start", &campaign], "recipients"),
        (&["watch", nobody], "campaign"),
        (&["results", nobody], "campaign"),
        (&["results", &campaign, "-o", "/nowhere/results.csv"], "/nowhere/results.csv"),
    ] {
        let said = terminal.refused(args).await;
        assert!(said.contains(expected), "{args:?} does not say {expected:?}: {said}");
    }
    let uploads = operator.get("/uploads").await;
    let upload = text(&uploads.as_array().expect("a list")[0]["id"]).to_owned();
    let head = system
        .api
        .request(Method::HEAD, &format!("/api/v1/uploads/{upload}"))
        .send()
        .await
        .expect("an answer");
    assert_eq!((head.status().as_u16(), &head.headers()["upload-offset"] == "28"), (200, true), "{head:?}");
    let said = terminal.refused(&["import", &campaign, &empty, "--resume", &upload]).await;
    assert!(said.contains("bytes, this one has 0"), "{said}");

    terminal.key = "rk_nobody".to_owned();
    assert!(terminal.refused(&["watch", &campaign]).await.contains("key"));
    terminal.key = "two\nlines".to_owned();
    assert!(terminal.refused(&["watch", &campaign]).await.contains("--key"));
    terminal.key = "k".to_owned();
    terminal.base = "example".to_owned();
    assert!(terminal.refused(&["watch", &campaign]).await.contains("--url"));
}

/// Ids and options that are none are refused before anybody is asked.
#[tokio::test]
async fn what_cannot_be_meant_is_a_usage_error() {
    for args in [
        &["campaign", "watch", "cmp_1/../x"][..],
        &["campaign", "import", "agt_01kb00000000000000000000aa", "list.csv"],
        &["campaign", "import", "cmp_01kb00000000000000000000aa", "list.csv", "--resume", "upl 1"],
        &["campaign", "import", "cmp_01kb00000000000000000000aa", "list.csv", "--rename", "name"],
        &["campaign", "watch", "cmp_01kb00000000000000000000aa", "--every", "0"],
    ] {
        let process = Process::spawn(args, &[("RINGFLEET_API_KEY".to_owned(), "k".to_owned())]);
        let status = process.wait_exit(SOON).await;
        assert_eq!(status.code(), Some(2), "{args:?}: {}", process.stderr());
        assert!(
            process.stderr().contains(args[args.len() - 1]) || args[1] != "watch",
            "{}",
            process.stderr()
        );
    }
}

on_both_pairs!(a_list_comes_in_whole_whoever_dies, whoever_dies);

/// So many rows of so many bytes that there is time to kill somebody at each stage.
const ROWS: u32 = 120_000;
const PADDING: usize = 150;

/// A system on a port of its own, whose processes can be killed and started again there.
struct Mortal<'a> {
    pair: &'a Pair,
    port: String,
    system: System,
}

impl<'a> Mortal<'a> {
    async fn start(pair: &'a Pair) -> Self {
        let system = pair.start(&[]).await;
        let port = system.base.strip_prefix("http://").expect("it serves HTTP").to_owned();
        Self { pair, port, system }
    }

    /// Kills the process that answers requests.
    fn kill_api(&self) {
        self.system.server.kill9();
    }

    async fn start_api(&mut self) {
        let role = if self.system.scheduler.is_some() { "api" } else { "up" };
        self.system.server = self.pair.spawn(&[role, "--listen", &self.port], &[]);
        self.system.server.wait_line("listening on ", SOON).await;
    }

    /// Kills the process that looks through uploads and fills campaigns.
    fn kill_scheduler(&self) {
        self.system.scheduler.as_ref().unwrap_or(&self.system.server).kill9();
    }

    async fn start_scheduler(&mut self) {
        if self.system.scheduler.is_none() {
            return self.start_api().await;
        }
        let scheduler = self.pair.spawn(&["scheduler"], &[]);
        scheduler.wait_line("ready", SOON).await;
        self.system.scheduler = Some(scheduler);
    }
}

async fn whoever_dies(pair: Pair) {
    let mut mortal = Mortal::start(&pair).await;
    let terminal = Terminal::of(&pair, &mortal.system.base).await;
    let operator = Operator::new(&mortal.system.api);
    let trunk = operator.simulated_trunk(5, 5, json!({})).await;
    let campaign: Campaign = operator.campaign(&trunk, json!({})).await;
    let numbers = numbers(ROWS, 1);
    let padding = "x".repeat(PADDING);
    let rows = numbers.iter().map(|number| format!("{number},{padding}\n"));
    let list = terminal
        .file("list.csv", &std::iter::once("phone,note\n".to_owned()).chain(rows).collect::<String>());
    let database = Database::of(&pair).await;
    let until = async |what: &str, query: &'static str| {
        eventually(PATIENCE, what, async || (!database.column(query).await.is_empty()).then_some(())).await;
    };
    let still = async |what: &str, query: &'static str| {
        assert_ne!(database.column(query).await, Vec::<String>::new(), "killed too late: {what}");
    };

    let import = terminal.spawn(&["--json", "import", &campaign.id, &list]);
    const COMING: &str =
        "SELECT state FROM uploads WHERE state = 'RECEIVING' AND received > 0 AND received < bytes";
    until("some bytes are there", COMING).await;
    mortal.kill_api();
    still("the upload", COMING).await;
    mortal.start_api().await;

    const LOOKED_AT: &str = "SELECT state FROM uploads WHERE state = 'VALIDATING' AND rows_read > 0";
    until("it is being looked through", LOOKED_AT).await;
    mortal.kill_scheduler();
    still("the look", LOOKED_AT).await;
    mortal.start_scheduler().await;

    const FILLING: &str = "SELECT state FROM imports WHERE state = 'RUNNING' AND accepted > 0";
    until("it fills the campaign", FILLING).await;
    mortal.kill_scheduler();
    still("the fill", FILLING).await;
    mortal.start_scheduler().await;

    let status = import.wait_exit(PATIENCE).await;
    assert!(status.success(), "{}", import.stderr());
    let import = last_line(&import);
    let figures = ["rows", "accepted", "rejected"].map(|name| number(&import[name]));
    assert_eq!(figures, [u64::from(ROWS), u64::from(ROWS), 0], "{import}");
    assert_eq!(campaign.stats().await["recipients"]["total"], ROWS);
    let kept =
        database.column("SELECT CAST(number AS text) FROM recipients ORDER BY recipients.number").await;
    let expected: Vec<&str> = numbers.iter().map(|number| &number[1..]).collect();
    assert!(kept == expected, "{} rows are there instead of {ROWS}, or others", kept.len());
    let upload = operator.get(&format!("/uploads/{}", text(&import["uploadId"]))).await;
    assert_eq!((number(&upload["rows"]), number(&upload["rejected"])), (u64::from(ROWS), 0), "{upload}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_at_home_is_told_while_it_is_tried_again() {
    let args = ["campaign", "watch", "cmp_01kb00000000000000000000aa", "--key", "k"];
    let url = format!("http://127.0.0.1:{}", free_port());
    let said = failure(Process::spawn(&[&args[..], &["--url", &url]].concat(), &[])).await;
    assert!(said.contains(&url) && said.contains("again"), "{said}");
}
