//! How many requests each caller of the API may still make, shared by all its processes.
//!
//! Redis is asked once per request. When it does not answer at once, each process counts by itself for a moment: callers then
//! have a quota per process, and nobody is locked out.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock},
    time::Duration,
};

use parking_lot::Mutex;
use redis::{RedisResult, Script};
use ringfleet_core::quota::{Quota, Taken};
use tokio::time::{Instant, timeout};

use crate::link::{Link, Outage};

static TAKE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("take.lua")));

/// How long a request waits for Redis.
const PATIENCE: Duration = Duration::from_millis(250);
/// After it did not answer, how long it is not asked.
const REST: Duration = Duration::from_secs(1);
/// Callers after whom those who are not busy are forgotten.
const CALLERS: usize = 10_000;

/// The quotas of all callers. Cheap to clone.
#[derive(Clone)]
pub struct Quotas(Arc<Inner>);

struct Inner {
    link: Option<Arc<Link>>,
    local: Local,
    rests_until: Mutex<Option<Instant>>,
    outage: Outage,
}

impl Quotas {
    pub(crate) fn over_redis(link: Arc<Link>) -> Self {
        Self::new(Some(link))
    }

    pub(crate) fn in_process() -> Self {
        Self::new(None)
    }

    fn new(link: Option<Arc<Link>>) -> Self {
        let outage = Outage::of("count requests together");
        Self(Arc::new(Inner { link, local: Local::new(), rests_until: Mutex::new(None), outage }))
    }

    /// Counts a request of `caller`.
    pub async fn take(&self, caller: &str, quota: Quota) -> Taken {
        let Some(link) = &self.0.link else { return self.0.local.take(caller, quota) };
        if self.0.rests_until.lock().is_some_and(|until| Instant::now() < until) {
            return self.0.local.take(caller, quota);
        }
        match timeout(PATIENCE, ask(link, caller, quota)).await {
            Ok(Ok((allowed, busy))) => {
                self.0.outage.over();
                quota.told(allowed == 1, Duration::from_micros(busy.max(0) as u64))
            }
            Ok(Err(error)) => self.without_redis(caller, quota, &error),
            Err(late) => self.without_redis(caller, quota, &late),
        }
    }

    fn without_redis(&self, caller: &str, quota: Quota, why: &dyn std::fmt::Display) -> Taken {
        self.0.outage.met(why);
        *self.0.rests_until.lock() = Some(Instant::now() + REST);
        self.0.local.take(caller, quota)
    }
}

async fn ask(link: &Link, caller: &str, quota: Quota) -> RedisResult<(u8, i64)> {
    let mut call = TAKE.prepare_invoke();
    // A hash tag for each caller: nothing is asked of two of them together, so a cluster may spread them.
    call.key(link.key(&format!("quota:{caller}"), "until"));
    call.arg(quota.interval().as_micros() as u64).arg(quota.window().as_micros() as u64);
    call.invoke_async(&mut link.shared()).await
}

/// The quotas of one process.
struct Local {
    began: Instant,
    until: Mutex<HashMap<String, Duration>>,
}

impl Local {
    fn new() -> Self {
        Self { began: Instant::now(), until: Mutex::default() }
    }

    fn take(&self, caller: &str, quota: Quota) -> Taken {
        let now = self.began.elapsed();
        let mut all = self.until.lock();
        let known = all.get(caller).copied().unwrap_or_default();
        let (until, taken) = quota.take(known, now);
        if all.len() >= CALLERS && !all.contains_key(caller) {
            all.retain(|_, until| *until > now);
        }
        all.insert(caller.to_owned(), until);
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn callers_do_not_share_and_idle_ones_are_forgotten() {
        let (quotas, quota) = (Quotas::in_process(), Quota::new(60, 2));
        let allowed = async |caller: &str| quotas.take(caller, quota).await.allowed;
        assert!(allowed("a").await && allowed("a").await && !allowed("a").await && allowed("b").await);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(allowed("a").await && !allowed("a").await);
        tokio::time::advance(Duration::from_secs(5)).await;
        for n in 0..CALLERS {
            quotas.take(&n.to_string(), quota).await;
        }
        assert!(quotas.0.local.until.lock().len() <= CALLERS);
    }
}
