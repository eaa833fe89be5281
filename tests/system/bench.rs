//! `ringfleet bench`: what it prints, and what it leaves behind.

use serde_json::{Value, json};

use crate::{
    command_line::{failure, last_line},
    database::Database,
    on_both_pairs,
    operator::{PATIENCE, number},
    support::pair::Pair,
};

/// Runs a bench to its end and gives its last line.
async fn figures(pair: &Pair, args: &[&str]) -> Value {
    if let Pair::Fleet { .. } = pair {
        pair.run(&["migrate"]).await;
    }
    let bench = pair.spawn(&[&["bench"], args, &["--json"]].concat(), &[]);
    let status = bench.wait_exit(PATIENCE).await;
    assert!(status.success(), "the bench ended with {status}");
    last_line(&bench)
}

fn names(figures: &Value) -> Vec<&String> {
    figures.as_object().expect("figures by name").keys().collect()
}

fn real(value: &Value) -> f64 {
    value.as_f64().expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn it_measures_a_campaign() {
    let report = figures(&Pair::fleet().await, &["campaign", "--recipients", "300", "--call-ms", "5"]).await;
    assert_eq!(names(&report), ["callsPerSecond", "finished", "seconds"], "{report}");
    assert_eq!(report["finished"], 300);
    let (seconds, rate) = (real(&report["seconds"]), real(&report["callsPerSecond"]));
    // Each is rounded to two places.
    let calls = seconds * rate;
    assert!((calls - 300.0).abs() <= 0.005 * (seconds + rate + 1.0), "{report}");
}

on_both_pairs!(it_measures_single_calls, single_calls);

async fn single_calls(pair: Pair) {
    let report = figures(&pair, &["trigger", "--calls", "20", "--rate", "100"]).await;
    assert_eq!(names(&report), ["calls", "maxMs", "p50Ms", "p90Ms", "p99Ms", "waiting"], "{report}");
    assert_eq!((number(&report["calls"]), number(&report["waiting"])), (20, 0));
    let steps = ["p50Ms", "p90Ms", "p99Ms", "maxMs"].map(|name| real(&report[name]));
    assert!(steps[0] > 0.0 && steps.is_sorted(), "{report}");
    // The one before the others is not counted, and the peer has refused them all.
    let calls = Database::of(&pair).await.column("SELECT state FROM calls WHERE campaign_id IS NULL").await;
    assert_eq!(calls, vec!["REJECTED"; 21]);
}

on_both_pairs!(it_measures_single_calls_beside_a_campaign, beside_a_campaign);

async fn beside_a_campaign(pair: Pair) {
    // Calls as long as the test: the campaign is there to the end, however slow the machine.
    let crowd = ["--waiting", "2000", "--call-ms", "400", "--max-live", "20"];
    let report = figures(&pair, &[&["trigger", "--calls", "10", "--rate", "50"], &crowd[..]].concat()).await;
    assert_eq!((number(&report["calls"]), number(&report["waiting"])), (10, 2000), "{report}");
    assert!(real(&report["p50Ms"]) > 0.0, "{report}");
    let campaigns = Database::of(&pair).await.column("SELECT state FROM campaigns").await;
    assert_eq!(campaigns, ["CANCELLED"], "nobody calls it when the bench is over");
}

#[tokio::test(flavor = "multi_thread")]
async fn single_calls_beside_a_campaign_that_is_over_are_no_figures() {
    let args = ["bench", "trigger", "--calls", "40", "--rate", "10", "--waiting", "20", "--call-ms", "5"];
    let said = failure(Pair::embedded().spawn(&args, &[])).await;
    assert!(said.contains("the campaign was over before the calls were made"), "{said}");
}

on_both_pairs!(it_listens_to_both_ends_of_conversations, conversations);

async fn conversations(pair: Pair) {
    let report = figures(&pair, &["conversations", "--calls", "5", "--seconds", "2"]).await;
    let (callees, agents) = (&report["callees"], &report["agents"]);
    // Five calls for two seconds are 500 frames each way; how many were late, and were left out for that, is the machine's affair.
    for count in [&callees["sent"], &callees["received"], &agents["received"], &agents["sent"]] {
        assert!((300..=700).contains(&number(count)), "{report}");
    }
    for few in [&callees["lost"], &callees["skipped"], &agents["missed"]] {
        assert!(number(few) < 150, "{report}");
    }
    let delays = ["p50Ms", "p99Ms", "maxMs"].map(|name| real(&report[name]));
    // No frame comes back sooner than its agent's cushion lets it.
    assert!(delays[0] >= 60.0 && delays.is_sorted(), "{report}");
    for name in ["cores", "farEndCores", "cpuMsPerCallSecond", "memoryMiB"] {
        assert!(real(&report[name]) > 0.0, "{name}: {report}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_watches_memory_of_answered_calls() {
    let report = figures(&Pair::fleet().await, &["calls", "--minutes", "0.2", "--rate", "5"]).await;
    assert_eq!(names(&report["processes"]), ["bench", "farEnd", "scheduler", "worker"], "{report}");
    assert!(number(&report["calls"]) > 5, "{report}");
    judge(&report["processes"]["worker"], 3.0);
}

on_both_pairs!(it_asks_for_pages, pages);

async fn pages(pair: Pair) {
    let args = ["pages", "--recipients", "3000", "--rate", "40", "--rounds", "3", "--watchers", "2"];
    let report = figures(&pair, &args).await;
    let by_request = report["byRequest"].as_object().expect("figures by request");
    assert!(by_request.len() > 20, "{report}");
    for (name, took) in by_request.iter().chain([(&"all".to_owned(), &report["all"])]) {
        let times = ["p50Ms", "p99Ms", "maxMs"].map(|time| real(&took[time]));
        assert!(times[0] > 0.0 && times.is_sorted(), "{name}: {report}");
    }
    // Three rounds of each, the further pages of the list twice as often.
    assert_eq!(number(&report["requests"]), 3 * (by_request.len() as u64 + 1), "{report}");
}

on_both_pairs!(it_watches_memory, memory);

async fn memory(pair: Pair) {
    let report = figures(&pair, &["soak", "--minutes", "0.1", "--recipients", "500"]).await;
    assert_eq!(names(&report), ["calls", "minutes", "processes", "redis"], "{report}");
    assert_eq!(report["minutes"], json!(0.1));
    assert!(number(&report["calls"]) > 0, "{report}");
    let processes = match &pair {
        Pair::Embedded(_) => vec!["bench"],
        Pair::Fleet { .. } => vec!["bench", "scheduler", "worker"],
    };
    assert_eq!(names(&report["processes"]), processes, "{report}");
    for name in processes {
        // No program of this kind fits into less.
        judge(&report["processes"][name], 3.0);
    }
    match &pair {
        Pair::Embedded(_) => assert_eq!(report["redis"], Value::Null),
        Pair::Fleet { .. } => judge(&report["redis"], 0.1),
    }
    let campaigns = Database::of(&pair).await.column("SELECT state FROM campaigns").await;
    assert!(!campaigns.iter().any(|state| state == "IN_PROGRESS"), "{campaigns:?}");
}

/// At least so many MiB, and figures that fit together.
fn judge(trend: &Value, least: f64) {
    assert_eq!(names(trend), ["firstMiB", "lastMiB", "peakMiB", "slopeMiBPerMinute"], "{trend}");
    let [first, last, peak] = ["firstMiB", "lastMiB", "peakMiB"].map(|name| real(&trend[name]));
    assert!(first >= least && last >= least && peak >= first.max(last), "{trend}");
    assert!(real(&trend["slopeMiBPerMinute"]).is_finite());
}
