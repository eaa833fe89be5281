//! A private Redis per test, and both kinds of fleet behind one face.
#![allow(dead_code)] // each test file uses its part

pub mod crew;
pub mod need;
pub mod pace;
#[path = "../../../tests/support/ports.rs"]
mod ports;

use std::{
    future::Future,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use ringfleet_fleet::{Fleet, FleetSettings};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

/// A Redis server of our own on a free port; gone when dropped.
pub struct Redis {
    child: Child,
    folder: TempDir,
    pub port: u16,
}

impl Redis {
    pub async fn start() -> Self {
        for _ in 0..5 {
            let (port, folder) = (ports::free_port(), tempfile::tempdir().unwrap());
            let mut redis = Self { child: spawn(port, &folder), folder, port };
            if redis.answers().await {
                return redis;
            }
        }
        panic!("Redis does not start");
    }

    /// kill -9.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again, empty, on the same port.
    pub async fn restart(&mut self) {
        self.child = spawn(self.port, &self.folder);
        assert!(self.answers().await, "Redis does not start again on port {}", self.port);
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    pub async fn connection(&self) -> redis::aio::MultiplexedConnection {
        let client = redis::Client::open(self.url()).unwrap();
        let patient = redis::AsyncConnectionConfig::new()
            .set_connection_timeout(Some(DEADLINE))
            .set_response_timeout(Some(DEADLINE));
        client.get_multiplexed_async_connection_with_config(&patient).await.unwrap()
    }

    pub async fn flush(&self) {
        redis::cmd("FLUSHALL").query_async::<()>(&mut self.connection().await).await.unwrap();
    }

    pub async fn fleet(&self, settings: &FleetSettings) -> Fleet {
        Fleet::connect(&self.url(), settings.clone()).await.unwrap()
    }

    /// Whether it got as far as answering; false when it gave up, for instance because the port was taken. Its process id
    /// tells it from the one that took the port.
    async fn answers(&mut self) -> bool {
        let client = redis::Client::open(self.url()).unwrap();
        let me = format!("process_id:{}\r", self.child.id());
        let deadline = Instant::now() + DEADLINE;
        while self.child.try_wait().unwrap().is_none() {
            if about(&client).await.is_ok_and(|about| about.contains(&me)) {
                return true;
            }
            assert!(Instant::now() < deadline, "Redis does not answer");
            sleep(Duration::from_millis(5)).await;
        }
        false
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(port: u16, folder: &TempDir) -> Child {
    Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
        .arg("--dir")
        .arg(folder.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

async fn about(client: &redis::Client) -> redis::RedisResult<String> {
    let mut connection = client.get_multiplexed_async_connection().await?;
    redis::cmd("INFO").arg("server").query_async(&mut connection).await
}

/// A fleet of either kind. `worker` gives another process' handle on it.
pub struct Rig {
    pub redis: Option<Redis>,
    pub settings: FleetSettings,
    pub fleet: Fleet,
}

impl Rig {
    pub async fn redis(settings: FleetSettings) -> Self {
        let redis = Redis::start().await;
        let fleet = redis.fleet(&settings).await;
        Self { redis: Some(redis), settings, fleet }
    }

    pub fn local() -> Self {
        Self { redis: None, settings: FleetSettings::default(), fleet: Fleet::in_process() }
    }

    pub async fn worker(&self) -> Fleet {
        match &self.redis {
            Some(redis) => redis.fleet(&self.settings).await,
            None => self.fleet.clone(),
        }
    }

    /// The same scenario on both kinds. The rig is shared because an async block would take only the fields it names
    /// and drop the rest, the server among them.
    pub async fn on_both<F: Future<Output = ()>>(settings: FleetSettings, scenario: impl Fn(Arc<Self>) -> F) {
        scenario(Arc::new(Self::local())).await;
        scenario(Arc::new(Self::redis(settings).await)).await;
    }
}

/// Settings with times that tests can wait for.
pub fn brisk() -> FleetSettings {
    FleetSettings {
        job_lease: Duration::from_millis(1_500),
        // Tests count places, and none may be forgotten while the machine is busy with others.
        live_lease: Duration::from_secs(10),
        presence_ttl: Duration::from_millis(1_000),
        ..FleetSettings::default()
    }
}

/// How long a test waits for something that normally takes milliseconds.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// Waits for a condition.
pub async fn eventually<F: Future<Output = bool>>(what: &str, mut condition: impl FnMut() -> F) {
    let deadline = Instant::now() + DEADLINE;
    while !condition().await {
        assert!(Instant::now() < deadline, "in vain: {what}");
        sleep(Duration::from_millis(5)).await;
    }
}
