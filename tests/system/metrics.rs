//! What processes tell Prometheus, scraped while they work.

use ringfleet_telemetry::{ALL, Kind};
use serde_json::json;

use crate::{
    operator::{Operator, PATIENCE, number, numbers},
    support::{
        SOON, eventually,
        pair::{Pair, System},
        process::Process,
        receiver::Receiver,
        scrape::Scrape,
    },
};

const LISTEN: (&str, &str) = ("RINGFLEET_METRICS__LISTEN", "127.0.0.1:0");

/// What a process says where it tells of itself.
async fn metrics_of(process: &Process) -> String {
    process.wait_line("metrics on ", SOON).await
}

/// What needs more than a few simulated calls, a list and a webhook: a carrier with a network, a provider of speech, messages, and trouble.
const NOT_MET: [&str; 8] = [
    "ringfleet_message_receipts_total",
    "ringfleet_carrier_trouble_total",
    "ringfleet_sip_answer_seconds",
    "ringfleet_speech_renderings_total",
    "ringfleet_speech_rendering_duration_seconds",
    "ringfleet_scheduler_round_failures_total",
    "ringfleet_holds_total",
    "ringfleet_redis_command_duration_seconds",
];

#[tokio::test(flavor = "multi_thread")]
async fn every_metric_is_told_and_by_the_conventions() {
    let (pair, receiver) = (Pair::embedded(), Receiver::start().await);
    let system = pair.start(&[LISTEN]).await;
    let url = metrics_of(&system.server).await;
    let operator = Operator::new(&system.api);
    operator.webhook(&receiver.url("/hook"), &["session.ended"]).await;
    let trunk = operator.simulated_trunk(10, 40, json!({"limits": {"maxLiveCalls": 50}})).await;
    let campaign = operator.campaign(&trunk, json!({})).await;
    campaign.import("phone\n+12025550101\n+12025550111\nnobody\n").await;
    let (status, _) = system.api.post_csv("/api/v1/uploads?filename=list.csv", "phone\n+12025550121\n").await;
    assert_eq!(status, 201);
    campaign.act("start").await;
    campaign.finished().await;
    receiver.wait_for(|heard| heard.len() >= 2, PATIENCE).await;

    let met: Vec<&str> =
        ALL.iter().map(|metric| metric.name).filter(|name| !NOT_MET.contains(name)).collect();
    // What is looked up now and then comes within seconds.
    let what = format!("{met:?} are told; {NOT_MET:?} are not");
    let scrape = eventually(SOON, &what, async || {
        let scrape = Scrape::of(&url).await;
        let missing = met.iter().find(|name| !scrape.metrics().contains(*name));
        missing.map_or(Some(scrape), |_| None)
    })
    .await;
    let told = scrape.metrics();
    for name in &told {
        assert!(ALL.iter().any(|metric| metric.name == *name), "{name} is in no list");
    }
    for metric in ALL.iter().filter(|metric| told.contains(metric.name)) {
        assert_eq!(scrape.help.get(metric.name).map(String::as_str), Some(metric.help));
        let kind = match metric.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        assert_eq!(scrape.types.get(metric.name).map(String::as_str), Some(kind), "{}", metric.name);
        for sample in scrape.samples.iter().filter(|sample| scrape.metric_of(&sample.name) == metric.name) {
            let labels: Vec<&str> =
                sample.labels.keys().map(String::as_str).filter(|label| *label != "le").collect();
            let mut listed = metric.labels.to_vec();
            listed.sort_unstable();
            assert_eq!(labels, listed, "{}", metric.name);
            assert!(metric.kind == Kind::Gauge || sample.value >= 0.0, "{sample:?}");
        }
    }
    assert_eq!(scrape.sum("ringfleet_import_rows_total", &[("result", "accepted")]), 2.0);
    assert_eq!(scrape.sum("ringfleet_import_rows_total", &[("result", "rejected")]), 1.0);
    assert_eq!(scrape.sum("ringfleet_webhook_attempts_total", &[("result", "delivered")]), 2.0);
    assert_eq!(scrape.sum("ringfleet_limiter_wait_seconds_count", &[("result", "granted")]), 2.0);
    let started = [("method", "POST"), ("route", "/api/v1/campaigns/{cmp}/start"), ("status", "200")];
    assert_eq!(scrape.sum("ringfleet_http_requests_total", &started), 1.0, "by the pattern of the path");
    let rest = scrape.samples.iter().flat_map(|sample| sample.labels.values());
    let telling = rest.filter(|value| value.contains("cmp_") || value.contains("2025550"));
    assert_eq!(telling.collect::<Vec<_>>(), [""; 0], "nothing says who was called, or in which campaign");
}

/// The figures of all processes of a system together.
async fn all_of(urls: &[String], name: &str, labels: &[(&str, &str)]) -> f64 {
    let mut sum = 0.0;
    for url in urls {
        sum += Scrape::of(url).await.sum(name, labels);
    }
    sum
}

#[tokio::test(flavor = "multi_thread")]
async fn each_role_tells_its_part_and_together_they_say_what_the_api_says() {
    let pair = Pair::fleet().await;
    let system = pair.start(&[LISTEN]).await;
    let second = pair.spawn(&["worker"], &[LISTEN]);
    second.wait_line("ready", SOON).await;
    let System { server, scheduler, worker, .. } = &system;
    let [scheduler, worker] = [scheduler, worker].map(|role| role.as_ref().expect("a process of its own"));
    let mut urls = Vec::new();
    for process in [server, scheduler, worker, &second] {
        urls.push(metrics_of(process).await);
    }
    let operator = Operator::new(&system.api);
    let trunk = operator.simulated_trunk(10, 40, json!({})).await;
    let campaign = operator.campaign(&trunk, json!({})).await;
    for digit in 1..=6 {
        campaign.add(&numbers(20, digit)).await;
    }
    campaign.act("start").await;
    let stats = campaign.finished().await;
    let single = operator.call("+12025559991", json!({"trunkId": trunk})).await;
    assert_eq!(operator.ended(&single).await["outcome"], "ANSWERED");

    // A process counts what it has committed; what was committed may be read a moment before.
    let by_outcome = stats["calls"]["byOutcome"].as_object().expect("outcomes by name");
    assert!(by_outcome.len() > 1, "{stats}");
    for (outcome, n) in by_outcome {
        let n = number(n) + u64::from(outcome == "ANSWERED");
        let labels = [("channel", "voice"), ("outcome", outcome.as_str())];
        eventually(SOON, &format!("{n} calls came to {outcome}"), async || {
            (all_of(&urls, "ringfleet_calls_total", &labels).await == n as f64).then_some(())
        })
        .await;
    }
    let ended = number(&stats["calls"]["ended"]) + 1;
    assert_eq!(all_of(&urls, "ringfleet_calls_total", &[]).await, ended as f64);
    assert!(all_of(&urls, "ringfleet_calls_begun_total", &[]).await >= ended as f64);
    assert_eq!(all_of(&urls, "ringfleet_recipients_claimed_total", &[]).await, 120.0);

    let [api, scheduler, worker, _] = [0, 1, 2, 3].map(|role| urls[role].as_str());
    let info = |role| [("roles", role), ("version", env!("CARGO_PKG_VERSION"))];
    for (url, role) in [(api, "api"), (scheduler, "scheduler"), (worker, "worker")] {
        let told = Scrape::of(url).await;
        assert_eq!(told.sum("ringfleet_build_info", &info(role)), 1.0);
        for up in ["ringfleet_database_up", "ringfleet_redis_up"] {
            assert_eq!(told.sum(up, &[]), 1.0, "{role}: {up}");
        }
        assert!(told.sum("process_resident_memory_bytes", &[]) > 1e6, "{role}");
        assert!(told.sum("ringfleet_database_transaction_duration_seconds_count", &[]) > 0.0, "{role}");
        assert!(told.sum("ringfleet_redis_command_duration_seconds_count", &[]) > 0.0, "{role}");
        assert!(told.sum("ringfleet_clock_offset_seconds", &[]).abs() < 1.0, "{role}");
        assert_eq!(told.sum("ringfleet_http_requests_total", &[]) > 0.0, role == "api", "{role}");
        assert_eq!(told.sum("ringfleet_worker_capacity_calls", &[]) > 0.0, role == "worker", "{role}");
        let rounds = told.sum("ringfleet_scheduler_round_duration_seconds_count", &[("round", "dispatch")]);
        assert_eq!(rounds > 0.0, role == "scheduler", "{role}");
    }
    let both = eventually(SOON, "the scheduler has looked at the fleet", async || {
        let told = Scrape::of(scheduler).await;
        (told.sum("ringfleet_fleet_workers", &[("state", "ready")]) == 2.0).then_some(told)
    })
    .await;
    assert_eq!(both.sum("ringfleet_fleet_capacity_calls", &[]), 1000.0);
    for lane in ["trigger", "campaign", "deliver"] {
        assert_eq!(both.sum("ringfleet_lane_jobs", &[("lane", lane)]), 0.0, "nothing waits for {lane}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_workload_is_told_to_anybody_only_where_that_is_wanted() {
    let pair = Pair::embedded();
    let system = pair.start(&[LISTEN]).await;
    let report = format!("{}/reports/workload", system.base);
    let client = reqwest::Client::builder().no_proxy().build().expect("a client needs nothing");
    assert_eq!(client.get(&report).send().await.expect("an answer").status().as_u16(), 404);
    // Where the metrics are it is in any case.
    let beside = metrics_of(&system.server).await.replace("/metrics", "/reports/workload");
    assert_eq!(Scrape::of(&beside).await.sum("ringfleet_fleet_workers", &[("state", "ready")]), 1.0);
    drop(system);

    let open = pair.start(&[("RINGFLEET_METRICS__WORKLOAD", "true")]).await;
    let told = Scrape::of(&format!("{}/reports/workload", open.base)).await;
    let listed =
        ["lane_jobs", "lane_oldest_age_seconds", "fleet_workers", "fleet_live_calls", "fleet_capacity_calls"];
    let listed = listed.map(|name| format!("ringfleet_{name}"));
    assert_eq!(told.metrics(), listed.iter().map(String::as_str).collect());
    assert_eq!(told.sum("ringfleet_fleet_capacity_calls", &[]), 500.0);
    assert_eq!(told.sum("ringfleet_lane_oldest_age_seconds", &[("lane", "deliver")]), 0.0);
}
