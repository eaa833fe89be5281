//! A private Redis per test, and both kinds of fleet behind one face.
#![allow(dead_code)] // each test file uses its part

pub mod crew;
pub mod need;

use std::{
    future::Future,
    net::TcpListener,
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
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = tempfile::tempdir().unwrap();
        let child = spawn(port, &folder);
        let redis = Self { child, folder, port };
        redis.answers().await;
        redis
    }

    /// kill -9.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again, empty, on the same port.
    pub async fn restart(&mut self) {
        self.child = spawn(self.port, &self.folder);
        self.answers().await;
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    pub async fn connection(&self) -> redis::aio::MultiplexedConnection {
        let client = redis::Client::open(self.url()).unwrap();
        client.get_multiplexed_async_connection().await.unwrap()
    }

    pub async fn flush(&self) {
        redis::cmd("FLUSHALL").query_async::<()>(&mut self.connection().await).await.unwrap();
    }

    pub async fn fleet(&self, settings: &FleetSettings) -> Fleet {
        Fleet::connect(&self.url(), settings.clone()).await.unwrap()
    }

    async fn answers(&self) {
        let client = redis::Client::open(self.url()).unwrap();
        eventually("Redis answers", || async { client.get_multiplexed_async_connection().await.is_ok() })
            .await;
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
        live_lease: Duration::from_millis(3_000),
        presence_ttl: Duration::from_millis(1_000),
        ..FleetSettings::default()
    }
}

/// Waits for a condition, for up to 30 s.
pub async fn eventually<F: Future<Output = bool>>(what: &str, mut condition: impl FnMut() -> F) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !condition().await {
        assert!(Instant::now() < deadline, "in vain: {what}");
        sleep(Duration::from_millis(5)).await;
    }
}
