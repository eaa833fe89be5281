//! A wrong value is refused at start, with the key, the value and what would be right.

use std::fs;

use ringfleet_core::{Clock, SystemClock};
use serde_json::json;

use crate::{
    operator::{Operator, time},
    support::{SOON, eventually, guard, pair::Pair, process::Process},
};

/// What `ringfleet up` says as it refuses to start.
async fn refusal(args: &[&str], env: &[(&str, &str)]) -> String {
    let data = guard::folder();
    let args = [&["up", "--data", data.path().to_str().expect("a plain path")], args].concat();
    let env: Vec<_> = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let process = Process::spawn(&args, &env);
    let status = process.wait_exit(SOON).await;
    assert!(!status.success(), "{args:?} {env:?} was taken");
    assert_eq!(process.stdout(), "", "nothing was begun");
    process.stderr()
}

/// # Panics
///
/// Unless the text has all of these, in whatever case.
fn says(text: &str, all: &[&str]) {
    let lower = text.to_lowercase();
    for wanted in all {
        assert!(lower.contains(wanted), "{wanted:?} is missing in: {text}");
    }
    assert!(!text.contains("panicked"), "{text}");
}

#[tokio::test]
async fn wrong_variables_are_refused() {
    for (name, value, all) in [
        ("RINGFLEET_WORKER__MAX_LIVE", "0", &["worker.max_live", "0", "must be 1 to 100000"][..]),
        ("RINGFLEET_WORKER__MAX_LIVE", "many", &["worker.max_live = \"many\"", "whole number"]),
        ("RINGFLEET_WORKER__MAX_LIFE", "5", &["there is no key worker.max_life", "max_live"]),
        ("RINGFLEET_SCHEDULER__TICK", "soon", &["scheduler.tick", "soon", "like 250ms"]),
        ("RINGFLEET_SCHEDULER__HOUSEKEEPING", "often", &["scheduler.housekeeping", "often", "0 * * * * *"]),
        ("RINGFLEET_WEBHOOKS__TIMEOUT", "2m", &["webhooks.timeout", "120s", "100ms to 50s"]),
        ("RINGFLEET_LOG__FORMAT", "xml", &["log.format", "xml", "json"]),
        ("RINGFLEET_LOG__FILTER", "a=b=c", &["log.filter", "a=b=c", "must be error, warn, info"]),
        ("RINGFLEET_LOG__FILTER", "inf", &["log.filter", "inf", "must be error, warn, info"]),
        ("RINGFLEET_SIP__BIND", "eth0", &["sip.bind", "eth0", "127.0.0.1"]),
        ("RINGFLEET_LISTEN", "nowhere", &["listen", "nowhere", "127.0.0.1:8080"]),
        ("RINGFLEET_SIP__TRANSACTION_TIMEOUT", "0", &["sip.transaction_timeout", "0.1 to 3600"]),
        ("RINGFLEET_METRICS__LISTEN", "9464", &["metrics.listen", "9464", "127.0.0.1:8080"]),
        ("RINGFLEET_METRICS__LISTEN", "127.0.0.1:8080", &["metrics.listen", "another address than listen"]),
        ("RINGFLEET_TRACES__ENDPOINT", "collector:4318", &["traces.endpoint", "like http://127.0.0.1:4318"]),
        ("RINGFLEET_TRACES__SAMPLE", "1.5", &["traces.sample", "1.5", "must be 0 to 1"]),
        ("RINGFLEET_METRICS__WORKLOAD", "perhaps", &["metrics.workload", "perhaps"]),
        ("RINGFLEET_SIP__RTP_PORTS", "[80,90]", &["sip.rtp_ports", "80", "from 1024 up"]),
    ] {
        says(&refusal(&[], &[(name, value)]).await, all);
    }
}

#[tokio::test]
async fn a_wrong_file_is_refused() {
    let folder = guard::folder();
    let file = folder.path().join("ringfleet.toml");
    let path = file.to_str().expect("a plain path");
    says(&refusal(&["--config", path], &[]).await, &["there is no configuration file", "ringfleet.toml"]);
    for (text, all) in [
        ("[worker\nmax_live = 3", &["line 1", "ringfleet.toml"][..]),
        ("[worker]\nmax_life = 3", &["there is no key worker.max_life", "max_live", "ringfleet.toml"]),
        ("[worker]\nmax_live = -3", &["worker.max_live = -3", "whole number", "ringfleet.toml"]),
        ("[webhooks]\nretry_delays = [\"5\"]", &["webhooks.retry_delays", "5", "like 250ms"]),
        ("[redis]\nprefix = \"a b\"", &["redis.prefix", "a b", "letters, digits"]),
    ] {
        fs::write(&file, text).expect("the folder is writable");
        says(&refusal(&["--config", path], &[]).await, all);
    }
}

#[tokio::test]
async fn wrong_flags_are_refused() {
    says(&refusal(&["--listen", "nowhere"], &[]).await, &["--listen", "nowhere", "address"]);
    says(&refusal(&["--lissten", "127.0.0.1:0"], &[]).await, &["--lissten", "--listen"]);
    let urls = ["--database-url", "mysql://root:secret@127.0.0.1/x", "--redis-url", "redis://127.0.0.1:1"];
    let text = refusal(&urls, &[]).await;
    says(&text, &["database_url", "postgres://"]);
    assert!(!text.contains("secret"), "a URL may hold a password: {text}");
}

#[tokio::test]
async fn the_documented_file_is_the_default() {
    let pair = Pair::embedded();
    let server =
        pair.spawn(&["up", "--config", "docs/ringfleet.example.toml", "--listen", "127.0.0.1:0"], &[]);
    server.wait_line("listening on http://127.0.0.1:", SOON).await;
    server.terminate();
    assert!(server.wait_exit(SOON).await.success());
}

/// Variables of the client are none of the server's.
#[tokio::test]
async fn a_server_starts_beside_the_variables_of_its_client() {
    let pair = Pair::embedded();
    let env = [("RINGFLEET_URL", "http://127.0.0.1:1"), ("RINGFLEET_API_KEY", "rf_none")];
    let server = pair.spawn(&["up", "--listen", "127.0.0.1:0"], &env);
    server.wait_line("listening on http://127.0.0.1:", SOON).await;
}

/// Flags override variables, and variables override the file.
#[tokio::test]
async fn the_nearest_word_counts() {
    let folder = guard::folder();
    let file = folder.path().join("ringfleet.toml");
    fs::write(&file, "listen = \"127.0.0.3:0\"\n").expect("the folder is writable");
    let with_file = ["up", "--config", file.to_str().expect("a plain path")];
    let with_flag = [&with_file[..], &["--listen", "127.0.0.1:0"]].concat();
    let variable = [("RINGFLEET_LISTEN", "127.0.0.2:0")];
    for (args, env, host) in [
        (&with_file[..], &[][..], "127.0.0.3"),
        (&with_file[..], &variable[..], "127.0.0.2"),
        (&with_flag[..], &variable[..], "127.0.0.1"),
    ] {
        let server = Pair::embedded();
        let server = (server.spawn(args, env), server);
        let address = server.0.wait_line("listening on http://", SOON).await;
        assert!(address.starts_with(host), "{address} is not {host}");
    }
}

/// A clock that a test sets wrong is wrong for everything the process does, and right again when the file says so.
#[tokio::test(flavor = "multi_thread")]
async fn a_clock_can_be_shifted_while_it_runs() {
    let folder = guard::folder();
    let file = folder.path().join("shift");
    let system =
        Pair::embedded().start(&[("RINGFLEET_CLOCK_SHIFT", file.to_str().expect("a plain path"))]).await;
    let operator = Operator::new(&system.api);
    for hours in [0, 5, -5, 0] {
        fs::write(&file, (hours * 3_600_000).to_string()).expect("the folder is writable");
        eventually(SOON, &format!("the clock is {hours} hours ahead"), async || {
            let id = operator.agent(json!({})).await;
            let made = time(&operator.get(&format!("/agents/{id}")).await["createdAt"]);
            let ahead = (made - SystemClock.now()).num_minutes();
            ((ahead - hours * 60).abs() <= 2).then_some(())
        })
        .await;
    }
}
