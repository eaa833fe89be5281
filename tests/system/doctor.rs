//! `ringfleet doctor`: broken things, one by one.

use serde_json::{Value, json};

use crate::{
    operator::{Operator, text},
    support::{SOON, free_port, pair::Pair, process::Process},
};

/// The exit status, and what was found.
async fn told(process: Process) -> (Option<i32>, Vec<Value>) {
    let status = process.wait_exit(SOON).await;
    let report: Value = serde_json::from_str(process.stdout().trim()).expect("one JSON object");
    (status.code(), report["findings"].as_array().expect("findings").clone())
}

/// What failed.
fn failed(findings: &[Value]) -> Vec<&str> {
    let failed = findings.iter().filter(|finding| finding["level"] == "fail");
    failed.map(|finding| text(&finding["what"])).collect()
}

async fn failing(pair: &Pair, env: &[(&str, &str)]) -> Vec<String> {
    let (status, findings) = told(pair.spawn(&["doctor", "--json"], env)).await;
    let failed: Vec<String> = failed(&findings).into_iter().map(str::to_owned).collect();
    assert_eq!(status, Some(i32::from(!failed.is_empty())), "{findings:#?}");
    for finding in &findings {
        let is_ok = finding["level"] == "ok";
        assert_eq!(finding["advice"].is_null(), is_ok, "what is wrong says what to do: {finding}");
    }
    failed
}

#[tokio::test(flavor = "multi_thread")]
async fn one_process_is_looked_at_while_it_runs_and_while_it_does_not() {
    let pair = Pair::embedded();
    let Pair::Embedded(folder) = &pair else { unreachable!("it is") };
    assert_eq!(failing(&pair, &[]).await, Vec::<String>::new(), "there is nothing yet");
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0, "nothing was made");

    let system = pair.start(&[]).await;
    let operator = Operator::new(&system.api);
    operator.simulated_trunk(1, 1, json!({})).await;
    assert_eq!(failing(&pair, &[]).await, Vec::<String>::new());
    operator.agent(json!({"greetingText": "Hello"})).await;
    let (_, findings) = told(pair.spawn(&["doctor", "--json"], &[])).await;
    let mut warned = findings.iter().filter(|finding| finding["level"] == "warn");
    assert!(warned.any(|finding| finding["what"] == "speech"), "nobody says it: {findings:#?}");
    let nobody = format!("127.0.0.1:{}", free_port()).parse().expect("an address");
    let trunk = operator.sip_trunk(nobody, json!({})).await;
    assert_eq!(failing(&pair, &[]).await, [format!("trunk {trunk} (Peer)")]);

    assert_eq!(failing(&pair, &[("RINGFLEET_NONSENSE", "1")]).await, ["configuration"]);
    assert_eq!(failing(&pair, &[("RINGFLEET_SIP__BIND", "192.0.2.1")]).await[0], "sip.bind");
    assert_eq!(failing(&pair, &[("RINGFLEET_MEDIA__RECORDINGS", "/dev/null")]).await[0], "media.recordings");
    system.server.kill9();
    std::fs::remove_file(folder.path().join("secrets.keys")).expect("it has one");
    let failed = failing(&pair, &[]).await;
    assert_eq!(failed[0], "secrets.keys", "{failed:?}");
    assert!(!folder.path().join("secrets.keys").exists(), "none was made");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_is_looked_at() {
    let pair = Pair::fleet().await;
    assert_eq!(failing(&pair, &[]).await, ["schema"], "nobody has migrated");
    pair.run(&["migrate"]).await;
    assert_eq!(failing(&pair, &[]).await, Vec::<String>::new());
    let nobody = format!("127.0.0.1:{}", free_port());
    let (database, redis) = (format!("postgres://ringfleet@{nobody}/ringfleet"), format!("redis://{nobody}"));
    let away = [("DATABASE_URL".to_owned(), database), ("REDIS_URL".to_owned(), redis)];
    let (status, findings) = told(Process::spawn(&["doctor", "--json"], &away)).await;
    assert_eq!((status, failed(&findings)), (Some(1), vec!["database", "redis"]), "{findings:#?}");
}
