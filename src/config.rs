//! The configuration: `ringfleet.toml`, overridden by `RINGFLEET_…` environment variables, overridden by flags.
//!
//! Every key is described in `docs/ringfleet.example.toml`. A wrong value is refused at start.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
    time::Duration,
};

use figment::{
    Figment,
    providers::{Env, Format, Serialized, Toml},
};
use ringfleet_carriers::{RestSettings, SipSettings};
use ringfleet_core::{
    delivery::RetrySchedule,
    net::{Block, Guard},
};
use ringfleet_scheduler::SchedulerSettings;
use ringfleet_worker::WorkerSettings;
use serde::{Deserialize, Serialize};

use crate::{
    config_api::{ApiConfig, AuthConfig, MailConfig},
    config_error::{ConfigError, Misread},
    config_keep::KeepConfig,
    config_media::MediaConfig,
    config_metrics::MetricsConfig,
    config_speech::SpeechConfig,
    config_traces::TracesConfig,
    logs,
};

/// Where the receivers of a demo, a bench and a torture are.
pub const LOOPBACK: &str = "127.0.0.0/8";

/// Everything that can be set.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where `api` and `up` listen.
    pub listen: SocketAddr,
    /// Folder of the embedded database, used when no URLs are given.
    pub data: PathBuf,
    /// `postgres://…`; also read from `DATABASE_URL`.
    pub database_url: Option<String>,
    /// `redis://…`; also read from `REDIS_URL`.
    pub redis_url: Option<String>,
    /// A file with the milliseconds that this process' clock is wrong by; for tests.
    pub clock_shift: Option<PathBuf>,
    pub database: DatabaseConfig,
    pub redis: RedisConfig,
    pub worker: WorkerConfig,
    pub scheduler: SchedulerConfig,
    pub webhooks: WebhookConfig,
    pub keep: KeepConfig,
    pub secrets: SecretsConfig,
    pub sip: SipSettings,
    pub media: MediaConfig,
    pub speech: Option<SpeechConfig>,
    pub api: ApiConfig,
    pub auth: AuthConfig,
    pub mail: Option<MailConfig>,
    pub metrics: MetricsConfig,
    pub traces: TracesConfig,
    pub log: LogConfig,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DatabaseConfig {
    /// Most connections of one process to PostgreSQL.
    pub connections: u32,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RedisConfig {
    /// Begins every key, so that installations can share a Redis.
    pub prefix: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WorkerConfig {
    /// Most calls live at once in one worker.
    pub max_live: u32,
    /// How long live calls may go on after SIGTERM.
    pub drain: Span,
    /// Most webhook requests under way at once in one worker.
    pub deliveries: u32,
    /// Where the simulated carrier writes what becomes of every attempt; for tests.
    pub witness: Option<PathBuf>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SchedulerConfig {
    /// How often due recipients are looked for.
    pub tick: Span,
    /// When house is kept: cron with seconds, UTC.
    pub housekeeping: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WebhookConfig {
    /// How long an endpoint may take to answer.
    pub timeout: Span,
    /// Waits after the first failure, the second, …
    pub retry_delays: Vec<Span>,
    /// No attempt later than this after the event.
    pub give_up_after: Span,
    /// Where webhooks may go besides public addresses.
    pub allow: Vec<Block>,
    /// How many days what endpoints said is kept, and deliveries that have ended, with their events.
    pub keep_days: u32,
}

#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SecretsConfig {
    /// Keys of 32 bytes in base64: the first seals, all open.
    pub keys: Vec<String>,
    /// A file with more of them, one a line.
    pub file: Option<PathBuf>,
}

impl std::fmt::Debug for SecretsConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} keys, {:?}", self.keys.len(), self.file)
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    /// What is logged: a level, or directives as in `info,ringfleet_worker=debug`.
    pub filter: String,
    /// `auto` (text on a terminal, JSON otherwise), `text` or `json`.
    pub format: LogFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Auto,
    Text,
    Json,
}

/// A length of time, written like `250ms`, `30s`, `5m`, `24h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(pub Duration);

impl Serialize for Span {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(&humantime::format_duration(self.0))
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        humantime::parse_duration(&text).map(Self).map_err(|_| {
            serde::de::Error::custom(format!(
                "{text:?} is no length of time; write it like 250ms, 30s, 5m or 24h"
            ))
        })
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            data: PathBuf::from("./ringfleet-data"),
            database_url: None,
            redis_url: None,
            clock_shift: None,
            database: DatabaseConfig::default(),
            redis: RedisConfig::default(),
            worker: WorkerConfig::default(),
            scheduler: SchedulerConfig::default(),
            webhooks: WebhookConfig::default(),
            keep: KeepConfig::default(),
            secrets: SecretsConfig::default(),
            sip: SipSettings::default(),
            media: MediaConfig::default(),
            speech: None,
            api: ApiConfig::default(),
            auth: AuthConfig::default(),
            mail: None,
            metrics: MetricsConfig::default(),
            traces: TracesConfig::default(),
            log: LogConfig::default(),
        }
    }
}

impl Default for DatabaseConfig {
    fn default() -> Self {
        Self { connections: 16 }
    }
}

impl Default for RedisConfig {
    fn default() -> Self {
        Self { prefix: "ringfleet".into() }
    }
}

impl Default for WorkerConfig {
    fn default() -> Self {
        let defaults = WorkerSettings::default();
        Self {
            max_live: defaults.max_live,
            drain: Span(defaults.drain),
            deliveries: defaults.deliveries as u32,
            witness: None,
        }
    }
}

impl Default for SchedulerConfig {
    fn default() -> Self {
        Self { tick: Span(Duration::from_millis(100)), housekeeping: "0 * * * * *".into() }
    }
}

impl Default for WebhookConfig {
    fn default() -> Self {
        let schedule = RetrySchedule::default();
        Self {
            timeout: Span(WorkerSettings::default().delivery_timeout),
            retry_delays: schedule.delays.into_iter().map(Span).collect(),
            give_up_after: Span(schedule.give_up_after),
            allow: Vec::new(),
            keep_days: 30,
        }
    }
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { filter: "info".into(), format: LogFormat::Auto }
    }
}

/// What the command line says; it overrides everything else.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Flags {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<SocketAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redis_url: Option<String>,
}

/// Variables of the commands that only speak with the API: no keys of a server's configuration, and no reason for it not to start.
const OF_CLIENTS: [&str; 2] = ["url", "api_key"];

/// A variable set to nothing counts as not set, as compose files and service managers leave it.
fn is_empty(variable: &str) -> bool {
    std::env::var_os(variable.to_ascii_uppercase()).is_none_or(|value| value.is_empty())
}

impl Config {
    /// Reads file, environment and flags. `file`: a file that must exist; else `ringfleet.toml` here, if there is one.
    pub fn read(file: Option<&Path>, flags: &Flags) -> Result<Self, ConfigError> {
        if let Some(file) = file
            && !file.is_file()
        {
            return Err(ConfigError::NoFile(file.to_owned()));
        }
        let toml = Toml::file(file.unwrap_or(Path::new("ringfleet.toml")));
        // A data folder and no URL on the command line means the embedded database, whatever URLs the environment holds.
        let embedded = flags.data.is_some() && flags.database_url.is_none() && flags.redis_url.is_none();
        let urls: &[&str] = if embedded { &[] } else { &["DATABASE_URL", "REDIS_URL"] };
        let figment = Figment::from(Serialized::defaults(Self::default()))
            .merge(toml)
            .merge(Env::raw().only(urls).filter(|name| !is_empty(name.as_str())))
            .merge(Env::prefixed("RINGFLEET_").ignore(&OF_CLIENTS).split("__"))
            .merge(Serialized::defaults(flags));
        let read = figment.extract::<Self>();
        let mut config = read.map_err(|error| ConfigError::Unreadable(Misread::new(&figment, error)))?;
        if embedded {
            (config.database_url, config.redis_url) = (None, None);
        }
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), ConfigError> {
        let wrong = |key, value: &dyn std::fmt::Debug, problem| {
            Err(ConfigError::Wrong { key, value: format!("{value:?}"), problem })
        };
        if !(2..=500).contains(&self.database.connections) {
            return wrong("database.connections", &self.database.connections, "must be 2 to 500");
        }
        if !(1..=100_000).contains(&self.worker.max_live) {
            return wrong("worker.max_live", &self.worker.max_live, "must be 1 to 100000");
        }
        if !(1..=10_000).contains(&self.worker.deliveries) {
            return wrong("worker.deliveries", &self.worker.deliveries, "must be 1 to 10000");
        }
        if !logs::names_levels(&self.log.filter) {
            let problem =
                "must be error, warn, info, debug, trace or off, or such as info,ringfleet_worker=debug";
            return wrong("log.filter", &self.log.filter, problem);
        }
        let second = Duration::from_secs(1);
        if !(Duration::from_millis(10)..=second * 60).contains(&self.scheduler.tick.0) {
            return wrong("scheduler.tick", &self.scheduler.tick.0, "must be 10ms to 60s");
        }
        // A sender has a delivery for itself for 60 s.
        if !(Duration::from_millis(100)..=second * 50).contains(&self.webhooks.timeout.0) {
            return wrong("webhooks.timeout", &self.webhooks.timeout.0, "must be 100ms to 50s");
        }
        let day = second * 24 * 60 * 60;
        if self.worker.drain.0 > day {
            return wrong("worker.drain", &self.worker.drain.0, "must be at most 24h");
        }
        if self.webhooks.give_up_after.0 > day * 7 {
            return wrong("webhooks.give_up_after", &self.webhooks.give_up_after.0, "must be at most 7d");
        }
        if self.webhooks.retry_delays.iter().any(|delay| delay.0 > day * 7) {
            return wrong("webhooks.retry_delays", &self.webhooks.retry_delays, "each must be at most 7d");
        }
        if !(1..=3650).contains(&self.webhooks.keep_days) {
            return wrong("webhooks.keep_days", &self.webhooks.keep_days, "must be 1 to 3650");
        }
        if self.redis.prefix.is_empty()
            || !self.redis.prefix.chars().all(|c| c.is_ascii_alphanumeric() || "-_:".contains(c))
        {
            return wrong("redis.prefix", &self.redis.prefix, "must be letters, digits, - _ or :");
        }
        if self.sip.rtp_ports.0 < 1024 || self.sip.rtp_ports.1.saturating_sub(self.sip.rtp_ports.0) < 2 {
            return wrong(
                "sip.rtp_ports",
                &self.sip.rtp_ports,
                "must be [first, last], from 1024 up, with room for calls between",
            );
        }
        if cron::Schedule::from_str(&self.scheduler.housekeeping).is_err() {
            let problem = "must be a cron expression with seconds, like \"0 * * * * *\" for every minute";
            return wrong("scheduler.housekeeping", &self.scheduler.housekeeping, problem);
        }
        if self
            .database_url
            .as_deref()
            .is_some_and(|url| !url.starts_with("postgres://") && !url.starts_with("postgresql://"))
        {
            return wrong("database_url", &"…", "must begin with postgres://");
        }
        if self
            .redis_url
            .as_deref()
            .is_some_and(|url| !url.starts_with("redis://") && !url.starts_with("unix://"))
        {
            return wrong("redis_url", &"…", "must begin with redis://");
        }
        self.media.check()?;
        self.check_metrics()?;
        self.keep.check()?;
        self.check_traces()?;
        self.speech()?;
        self.api_settings().map(drop)
    }

    /// The SQLite file of the embedded database.
    pub fn sqlite_file(&self) -> PathBuf {
        self.data.join("ringfleet.sqlite")
    }

    pub fn retries(&self) -> RetrySchedule {
        RetrySchedule {
            delays: self.webhooks.retry_delays.iter().map(|span| span.0).collect(),
            give_up_after: self.webhooks.give_up_after.0,
        }
    }

    /// Where webhooks may go.
    pub fn guard(&self) -> Guard {
        Guard::allowing(self.webhooks.allow.clone())
    }

    /// How providers with a REST API are spoken with. They find this installation where browsers do; nowhere, where that is not said.
    pub fn rest(&self) -> RestSettings {
        RestSettings { guard: self.guard(), callbacks: self.api.base_url.clone(), ..RestSettings::default() }
    }

    /// # Errors
    /// When a value is wrong; [`Config::read`] has checked it.
    pub fn worker(&self) -> Result<WorkerSettings, ConfigError> {
        Ok(WorkerSettings {
            max_live: self.worker.max_live,
            drain: self.worker.drain.0,
            deliveries: self.worker.deliveries as usize,
            delivery_timeout: self.webhooks.timeout.0,
            guard: self.guard(),
            greetings: Some(self.greetings()),
            recordings: Some(self.spool()),
            speech: self.speech()?,
        })
    }

    /// # Errors
    /// When the cron expression is wrong; [`Config::read`] has checked it.
    pub fn scheduler(&self) -> Result<SchedulerSettings, ConfigError> {
        let housekeeping =
            cron::Schedule::from_str(&self.scheduler.housekeeping).map_err(|_| ConfigError::Wrong {
                key: "scheduler.housekeeping",
                value: self.scheduler.housekeeping.clone(),
                problem: "must be a cron expression with seconds",
            })?;
        Ok(SchedulerSettings {
            tick: self.scheduler.tick.0,
            housekeeping: Arc::new(housekeeping),
            keep_deliveries_days: self.webhooks.keep_days,
            keep_recordings_days: self.media.keep_recordings_days,
            tells: self.metrics.listen.is_some(),
            keep: self.keep.settings(),
        })
    }
}
