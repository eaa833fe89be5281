//! The handle a process has on its fleet.

use std::{sync::Arc, time::Duration};

use futures::future::try_join_all;
use uuid::Uuid;

use crate::{
    Backlog, FleetError, Lane,
    hints::Hints,
    limits::Limits,
    link::Link,
    presence::Presence,
    queue::{LocalQueue, Queue, StreamQueue},
    quotas::Quotas,
};

/// How a fleet over Redis behaves. The defaults suit production; tests shorten the times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FleetSettings {
    /// What all keys begin with, so that several installations may share a Redis.
    pub prefix: String,
    /// How long a worker may be silent before another takes over the jobs in its hands. Default 30 s.
    pub job_lease: Duration,
    /// How often a job may be handed out before it is set aside as poison. Default 10.
    pub max_deliveries: u32,
    /// After what silence a consumer that holds nothing is forgotten. Default 10 min.
    pub forget_consumers_after: Duration,
    /// How long a worker may be silent before its live calls stop counting against limits. Default 40 s: longer than it
    /// takes to declare it dead and to end its calls.
    pub live_lease: Duration,
    /// How long a member stays listed after it was last announced. Default 10 s.
    pub presence_ttl: Duration,
}

impl Default for FleetSettings {
    fn default() -> Self {
        Self {
            prefix: "ringfleet".to_owned(),
            job_lease: Duration::from_secs(30),
            max_deliveries: 10,
            forget_consumers_after: Duration::from_secs(600),
            live_lease: Duration::from_secs(40),
            presence_ttl: Duration::from_secs(10),
        }
    }
}

/// What processes share. Cheap to clone.
#[derive(Clone)]
pub struct Fleet {
    pub(crate) queue: Queue,
    limits: Limits,
    quotas: Quotas,
    presence: Presence,
    hints: Hints,
    link: Option<Arc<Link>>,
}

impl Fleet {
    /// Joins the fleet that meets at this Redis (`redis://[user:password@]host:port/db`).
    ///
    /// # Errors
    /// When the address cannot be used or nobody answers there. Later outages are ridden out.
    pub async fn connect(url: &str, settings: FleetSettings) -> Result<Self, FleetError> {
        let link = Arc::new(Link::connect(url, &settings.prefix).await?);
        Ok(Self {
            queue: Queue::Redis(Arc::new(StreamQueue::new(link.clone(), &settings))),
            limits: Limits::over_redis(link.clone(), settings.live_lease),
            quotas: Quotas::over_redis(link.clone()),
            presence: Presence::over_redis(link.clone(), settings.presence_ttl),
            hints: Hints::over_redis(link.clone()),
            link: Some(link),
        })
    }

    /// A fleet of one process, in its memory.
    pub fn in_process() -> Self {
        let settings = FleetSettings::default();
        Self {
            queue: Queue::Local(Arc::new(LocalQueue::new(settings.max_deliveries))),
            limits: Limits::in_process(),
            quotas: Quotas::in_process(),
            presence: Presence::in_process(settings.presence_ttl),
            hints: Hints::in_process(),
            link: None,
        }
    }

    /// Adds jobs at the end of a lane. A job may already be there: that makes it run twice, which must be harmless.
    ///
    /// # Errors
    /// When Redis fails (some of the jobs may have been added), or when the in-process lane is full.
    pub async fn push(&self, lane: Lane, ids: &[Uuid]) -> Result<(), FleetError> {
        self.queue.push(lane, ids).await
    }

    /// How many jobs of a lane wait or are being handled.
    ///
    /// # Errors
    /// When Redis fails.
    pub async fn depth(&self, lane: Lane) -> Result<u64, FleetError> {
        self.queue.depth(lane).await
    }

    /// How full every lane is. Over Redis by its clock, each lane at a moment of its own.
    ///
    /// # Errors
    /// When Redis fails.
    pub async fn lanes(&self) -> Result<Vec<Backlog>, FleetError> {
        try_join_all(Lane::ALL.map(|lane| self.queue.backlog(lane))).await
    }

    /// The jobs of a lane that were set aside as poison, latest first, the last thousand at most.
    ///
    /// # Errors
    /// When Redis fails.
    pub async fn set_aside(&self, lane: Lane) -> Result<Vec<Uuid>, FleetError> {
        self.queue.set_aside(lane).await
    }

    /// Whether other processes may be in it. In-process it remembers nothing of an earlier run.
    pub fn is_shared(&self) -> bool {
        self.link.is_some()
    }

    /// Calls per second and live calls, shared by all workers.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// How many requests each caller of the API may still make.
    pub fn quotas(&self) -> &Quotas {
        &self.quotas
    }

    /// Who works right now.
    pub fn presence(&self) -> &Presence {
        &self.presence
    }

    /// What is heard of calls that some process follows.
    pub fn hints(&self) -> &Hints {
        &self.hints
    }

    /// Whether the fleet can be reached. In-process it always can.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub async fn ping(&self) -> Result<(), FleetError> {
        match &self.link {
            Some(link) => redis::cmd("PING")
                .query_async(&mut link.shared())
                .await
                .map_err(FleetError::redis("answer a ping")),
            None => Ok(()),
        }
    }

    /// How many bytes Redis holds by its own account, for everybody who uses it; none in-process, where there is no Redis.
    ///
    /// # Errors
    /// When Redis does not answer, or not as Redis does.
    pub async fn redis_memory(&self) -> Result<Option<u64>, FleetError> {
        let Some(link) = &self.link else { return Ok(None) };
        let told = FleetError::redis("tell how much memory it has taken");
        let info: redis::RedisResult<redis::InfoDict> =
            redis::cmd("INFO").arg("memory").query_async(&mut link.shared()).await;
        let used = info.and_then(|info| {
            let missing = || (redis::ErrorKind::UnexpectedReturnType, "its INFO has no used_memory").into();
            info.get("used_memory").ok_or_else(missing)
        });
        used.map(Some).map_err(told)
    }
}
