//! Every metric there is. docs/OPERATIONS.md says what to do with them.

use metrics::{Counter, Gauge, Histogram};

use crate::metric::{Described, Metric, Series};

/// From a round trip on one machine to what a caller has long given up on.
const QUICK: &[f64] =
    &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
/// From what nobody notices to hours.
const SLOW: &[f64] = &[0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 14400.0];
/// How long a phone rings.
const RINGS: &[f64] = &[0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0, 45.0, 60.0, 120.0];
const NO_BOUNDS: &[f64] = &[];

macro_rules! list {
    ($($id:ident: $series:ident [$($label:literal),*] $bounds:ident = $name:literal, $help:literal;)*) => {
        $(
            #[doc = $help]
            pub static $id: Metric<$series, { const LABELS: &[&str] = &[$($label),*]; LABELS.len() }> =
                Metric::new($name, [$($label),*]);
        )*

        /// All of them, in the order of this file.
        pub static ALL: &[Described] = &[$(Described {
            name: $name,
            kind: <$series as Series>::KIND,
            help: $help,
            labels: &[$($label),*],
            bounds: $bounds,
        }),*];
    };
}

list! {
    // The process.
    BUILD: Gauge ["version", "roles"] NO_BOUNDS = "ringfleet_build_info",
        "Always 1; its labels say which version this is and which roles it runs.";
    CPU: Counter [] NO_BOUNDS = "process_cpu_seconds_total", "User and system time of this process, in whole seconds.";
    MEMORY: Gauge [] NO_BOUNDS = "process_resident_memory_bytes", "Memory of this process that is in RAM.";
    OPEN_FILES: Gauge [] NO_BOUNDS = "process_open_fds", "Files and sockets this process has open.";
    MOST_FILES: Gauge [] NO_BOUNDS = "process_max_fds", "Files and sockets this process may have open.";
    STARTED: Gauge [] NO_BOUNDS = "process_start_time_seconds", "When this process was started, in seconds since 1970.";
    CLOCK_OFFSET: Gauge [] NO_BOUNDS = "ringfleet_clock_offset_seconds",
        "How far the clock of this process is ahead of the database's; negative where it is behind.";

    // HTTP.
    HTTP_REQUESTS: Counter ["method", "route", "status"] NO_BOUNDS = "ringfleet_http_requests_total",
        "Requests the API has answered, by the pattern of their path.";
    HTTP_DURATION: Histogram ["method", "route"] QUICK = "ringfleet_http_request_duration_seconds",
        "Time from a request to the beginning of its answer.";
    HTTP_IN_FLIGHT: Gauge [] NO_BOUNDS = "ringfleet_http_requests_in_flight", "Requests that are being answered.";

    // Calls. A message is a call over another channel.
    CALLS_BEGUN: Counter ["channel"] NO_BOUNDS = "ringfleet_calls_begun_total",
        "Calls that this process has begun; one that comes back from its carrier begins again.";
    CALLS: Counter ["channel", "outcome"] NO_BOUNDS = "ringfleet_calls_total", "Calls that this process has seen the end of.";
    RECEIPTS: Counter ["channel", "receipt"] NO_BOUNDS = "ringfleet_message_receipts_total",
        "What providers have told of messages that were sent.";
    LIVE: Gauge [] NO_BOUNDS = "ringfleet_worker_live_calls", "Places for calls that are taken in this worker.";
    CAPACITY: Gauge [] NO_BOUNDS = "ringfleet_worker_capacity_calls", "Calls this worker can have live at once.";
    DRAINING: Gauge [] NO_BOUNDS = "ringfleet_worker_draining", "1 once this worker takes no more jobs.";
    ORPHANS_ADOPTED: Counter [] NO_BOUNDS = "ringfleet_orphans_adopted_total",
        "Calls of dead workers that this one has taken over to end them.";
    CARRIER_TROUBLE: Counter ["kind", "trouble"] NO_BOUNDS = "ringfleet_carrier_trouble_total",
        "Calls whose ending speaks against their trunk, by its kind.";
    SIP_ANSWER: Histogram [] RINGS = "ringfleet_sip_answer_seconds", "Time from the first INVITE to the answer of calls that were answered.";
    RTP_RECEIVED: Counter [] NO_BOUNDS = "ringfleet_rtp_packets_received_total", "Audio packets of callees that have arrived, counted when a call ends.";
    RTP_LOST: Counter [] NO_BOUNDS = "ringfleet_rtp_packets_lost_total", "Audio packets of callees that have not arrived, counted when a call ends.";
    SPEECH: Counter ["provider", "result"] NO_BOUNDS = "ringfleet_speech_renderings_total",
        "Texts that were given to the provider of speech; what is kept is not asked for again.";
    SPEECH_DURATION: Histogram ["provider"] QUICK = "ringfleet_speech_rendering_duration_seconds", "Time the provider of speech took for a text.";

    // The fleet, as a scheduler sees it: every scheduler tells the same.
    WORKERS: Gauge ["state"] NO_BOUNDS = "ringfleet_fleet_workers", "Workers that are present.";
    FLEET_LIVE: Gauge [] NO_BOUNDS = "ringfleet_fleet_live_calls", "Places for calls that are taken in all workers.";
    FLEET_CAPACITY: Gauge [] NO_BOUNDS = "ringfleet_fleet_capacity_calls", "Calls that all workers that are not draining can have live at once.";
    LANE_JOBS: Gauge ["lane", "state"] NO_BOUNDS = "ringfleet_lane_jobs", "Jobs of a lane that wait for a worker, and that are in a worker's hands.";
    LANE_AGE: Gauge ["lane"] NO_BOUNDS = "ringfleet_lane_oldest_age_seconds", "How long the first job of a lane has waited; 0 where none waits.";
    TRUNKS: Gauge ["state"] NO_BOUNDS = "ringfleet_trunks", "Trunks that have had trouble, by the state of their brake.";
    ORPHANS: Gauge [] NO_BOUNDS = "ringfleet_orphaned_calls", "Calls of dead workers that nobody has taken over yet.";
    WEBHOOKS_PENDING: Gauge [] NO_BOUNDS = "ringfleet_webhooks_pending",
        "Webhooks that are to be sent, now or later; counted up to 100000.";

    // Limits.
    LIMITER_WAIT: Histogram ["result"] QUICK = "ringfleet_limiter_wait_seconds",
        "Time a call waited for room under its limits, by what came of it: granted, or which limit was short.";

    // The scheduler.
    DISPATCH_LAG: Histogram [] SLOW = "ringfleet_dispatch_lag_seconds",
        "How long recipients had been due when they were claimed; the pace of their limits is in it.";
    CLAIMED: Counter ["channel"] NO_BOUNDS = "ringfleet_recipients_claimed_total", "Recipients for whom a call was made.";
    HOLDS: Counter ["hold"] NO_BOUNDS = "ringfleet_holds_total", "How often somebody was kept waiting, by the reason.";
    ROUND: Histogram ["round"] QUICK = "ringfleet_scheduler_round_duration_seconds", "Time the rounds of a scheduler took.";
    ROUND_FAILURES: Counter ["round"] NO_BOUNDS = "ringfleet_scheduler_round_failures_total", "Rounds of a scheduler that failed.";
    LAST_ROUND: Gauge ["round"] NO_BOUNDS = "ringfleet_scheduler_last_round_timestamp_seconds",
        "When a round of this scheduler last succeeded, in seconds since 1970.";
    PUSHED_AGAIN: Counter ["lane"] NO_BOUNDS = "ringfleet_jobs_pushed_again_total", "Jobs that may have been lost and were pushed again.";
    WORKERS_DEAD: Counter [] NO_BOUNDS = "ringfleet_workers_declared_dead_total", "Workers that fell silent and were declared dead.";
    ORPHANED: Counter [] NO_BOUNDS = "ringfleet_calls_orphaned_total", "Calls whose worker was declared dead.";

    // Webhooks.
    WEBHOOKS: Counter ["result"] NO_BOUNDS = "ringfleet_webhook_attempts_total", "Webhooks that were sent, by what came of it.";
    WEBHOOK_DURATION: Histogram [] QUICK = "ringfleet_webhook_attempt_duration_seconds", "Time endpoints took to answer a webhook, or not to.";
    WEBHOOKS_DEAD: Counter [] NO_BOUNDS = "ringfleet_webhooks_dead_total", "Webhooks that were given up.";

    // Lists.
    ROWS: Counter ["result"] NO_BOUNDS = "ringfleet_import_rows_total", "Rows of lists that became recipients, or were rejected.";
    IMPORTS: Counter ["state"] NO_BOUNDS = "ringfleet_imports_total", "Imports that have ended.";
    UPLOADS: Counter ["state"] NO_BOUNDS = "ringfleet_uploads_total", "Uploads that were looked through.";

    // What everything stands on.
    DB_UP: Gauge [] NO_BOUNDS = "ringfleet_database_up", "1 while the database answers this process.";
    DB_BEGIN: Histogram ["kind"] QUICK = "ringfleet_database_begin_duration_seconds",
        "Time until a transaction had a connection and had begun.";
    DB_BEGIN_FAILURES: Counter ["kind"] NO_BOUNDS = "ringfleet_database_begin_failures_total",
        "Transactions that got no connection, or could not begin.";
    DB_TRANSACTION: Histogram ["kind", "end"] QUICK = "ringfleet_database_transaction_duration_seconds",
        "Time from the beginning of a transaction to its end.";
    DB_CONNECTIONS: Gauge ["state"] NO_BOUNDS = "ringfleet_database_connections", "Connections of this process to the database.";
    DB_MOST: Gauge [] NO_BOUNDS = "ringfleet_database_max_connections", "Connections this process may have to the database.";
    REDIS_UP: Gauge [] NO_BOUNDS = "ringfleet_redis_up", "1 while Redis answers this process, and where it needs none.";
    REDIS_DURATION: Histogram [] QUICK = "ringfleet_redis_command_duration_seconds",
        "Time Redis took for a command, a script or a pipeline; reads that wait for jobs are left out.";
    REDIS_FAILURES: Counter [] NO_BOUNDS = "ringfleet_redis_command_failures_total", "Commands that Redis refused or did not answer.";
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::metric::Kind;

    /// <https://prometheus.io/docs/practices/naming/> and <https://prometheus.io/docs/instrumenting/writing_clientlibs/>
    #[test]
    fn names_are_by_the_conventions() {
        let mut seen = HashSet::new();
        for metric in ALL {
            let name = metric.name;
            assert!(seen.insert(name), "{name} is there twice");
            assert!(name.starts_with("ringfleet_") || name.starts_with("process_"), "{name}");
            assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{name}");
            assert_eq!(name.ends_with("_total"), metric.kind == Kind::Counter, "{name}");
            for reserved in ["_count", "_sum", "_bucket", "_created"] {
                assert!(!name.ends_with(reserved), "{name} looks like a part of a histogram");
            }
            for unit in ["_ms", "_millis", "_minutes", "_kb", "_mib", "_percent"] {
                assert!(!name.contains(unit), "{name} is not in a base unit");
            }
        }
    }

    #[test]
    fn each_says_what_it_means_and_what_it_is_counted_in() {
        for metric in ALL {
            assert!(metric.help.ends_with('.') && !metric.help.contains('\n'), "{}", metric.name);
            let is_histogram = metric.kind == Kind::Histogram;
            assert_eq!(!metric.bounds.is_empty(), is_histogram, "{}", metric.name);
            assert!(metric.bounds.is_sorted_by(|a, b| a < b), "{}", metric.name);
            // Everything that has a distribution here is a time.
            assert!(!is_histogram || metric.unit() == Some(metrics::Unit::Seconds), "{}", metric.name);
            for label in metric.labels {
                let told = ["id", "number", "workspace", "campaign", "recipient", "path", "url", "le"];
                assert!(!told.contains(label), "{} by {label}", metric.name);
            }
        }
    }
}
