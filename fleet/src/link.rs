//! The connections to Redis, key names, and how outages are told.

use std::{
    fmt::Display,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use futures::FutureExt;
use redis::{
    Client, Cmd, Pipeline, RedisFuture, Value,
    aio::{ConnectionLike, ConnectionManager, ConnectionManagerConfig},
};
use ringfleet_core::clock::Stopwatch;
use ringfleet_telemetry::{REDIS_DURATION, REDIS_FAILURES};

use crate::FleetError;

/// How long a blocking read waits in Redis before it comes back with nothing. Also the longest a consumer takes to
/// notice that it shall stop.
pub(crate) const BLOCK: Duration = Duration::from_millis(1_000);

/// Above [`BLOCK`], or every quiet read would count as an outage.
const RESPONSE_TIMEOUT: Duration = Duration::from_millis(5_000);
const CONNECT_TIMEOUT: Duration = Duration::from_millis(2_000);

/// One Redis server and the prefix of all our keys in it.
pub(crate) struct Link {
    client: Client,
    shared: ConnectionManager,
    prefix: String,
}

impl Link {
    /// Connects, and fails if nobody answers: a wrong address shall show at start, not in the middle of the night.
    pub(crate) async fn connect(url: &str, prefix: &str) -> Result<Self, FleetError> {
        let client = Client::open(url).map_err(FleetError::Address)?;
        let shared = ConnectionManager::new_with_config(client.clone(), config())
            .await
            .map_err(FleetError::redis("connect"))?;
        Ok(Self { client, shared, prefix: prefix.to_owned() })
    }

    /// The connection everybody shares. Nothing that blocks may be sent on it.
    pub(crate) fn shared(&self) -> Timed {
        Timed(self.shared.clone())
    }

    /// A connection of its own, for reads that block.
    pub(crate) fn own(&self) -> Result<ConnectionManager, FleetError> {
        ConnectionManager::new_lazy_with_config(self.client.clone(), config()).map_err(FleetError::Address)
    }

    /// A connection of its own that listens to channels.
    pub(crate) async fn subscription(&self) -> redis::RedisResult<redis::aio::PubSub> {
        self.client.get_async_pubsub().await
    }

    /// A key. All keys of one room carry the same hash tag and so live in the same slot of a Redis Cluster, where
    /// a transaction or a script may use them together.
    pub(crate) fn key(&self, room: &str, name: &str) -> String {
        format!("{}:{{{room}}}:{name}", self.prefix)
    }
}

/// A connection that tells how long Redis takes.
#[derive(Clone)]
pub(crate) struct Timed(ConnectionManager);

impl ConnectionLike for Timed {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        timed(self.0.req_packed_command(command))
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        timed(self.0.req_packed_commands(pipeline, offset, count))
    }

    fn get_db(&self) -> i64 {
        self.0.get_db()
    }
}

/// Whoever gives up waiting is not told of: that is no answer of Redis.
fn timed<'a, T: Send + 'a>(asked: RedisFuture<'a, T>) -> RedisFuture<'a, T> {
    let watch = Stopwatch::start();
    asked
        .inspect(move |answer| match answer {
            Ok(_) => REDIS_DURATION.one().record(watch.elapsed()),
            Err(_) => REDIS_FAILURES.one().increment(1),
        })
        .boxed()
}

fn config() -> ConnectionManagerConfig {
    ConnectionManagerConfig::new()
        .set_connection_timeout(Some(CONNECT_TIMEOUT))
        .set_response_timeout(Some(RESPONSE_TIMEOUT))
        .set_number_of_retries(2)
        .set_min_delay(Duration::from_millis(50))
        .set_max_delay(Duration::from_millis(500))
}

/// Tells an outage once when it begins and once when it is over, however often it is met in between.
pub(crate) struct Outage {
    what: &'static str,
    on: AtomicBool,
}

impl Outage {
    /// `what` completes the sentence "Redis does not let us …".
    pub(crate) const fn of(what: &'static str) -> Self {
        Self { what, on: AtomicBool::new(false) }
    }

    /// It failed.
    pub(crate) fn met(&self, error: &dyn Display) {
        if !self.on.swap(true, Ordering::Relaxed) {
            tracing::warn!(error = %error, "Redis does not let us {}; trying on", self.what);
        }
    }

    /// It worked.
    pub(crate) fn over(&self) {
        if self.on.load(Ordering::Relaxed) && self.on.swap(false, Ordering::Relaxed) {
            tracing::info!("Redis lets us {} again", self.what);
        }
    }
}

/// Delays between attempts: doubling, from 50 ms to 2 s.
pub(crate) struct Backoff(Duration);

impl Backoff {
    const FIRST: Duration = Duration::from_millis(50);
    const LAST: Duration = Duration::from_secs(2);

    pub(crate) const fn new() -> Self {
        Self(Self::FIRST)
    }

    pub(crate) fn reset(&mut self) {
        self.0 = Self::FIRST;
    }

    /// The delay before the next attempt.
    pub(crate) fn next(&mut self) -> Duration {
        let delay = self.0;
        self.0 = (delay * 2).min(Self::LAST);
        delay
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_doubles_up_to_a_bound_and_starts_over() {
        let mut backoff = Backoff::new();
        let delays: Vec<_> = (0..8).map(|_| backoff.next().as_millis()).collect();
        assert_eq!(delays, [50, 100, 200, 400, 800, 1600, 2000, 2000]);
        backoff.reset();
        assert_eq!(backoff.next(), Backoff::FIRST);
    }

    #[test]
    fn a_response_may_take_longer_than_a_blocking_read() {
        assert!(RESPONSE_TIMEOUT > BLOCK * 2);
    }
}
