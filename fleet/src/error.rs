//! What can go wrong between a process and its fleet.

use crate::Lane;

/// Why the fleet could not do what was asked. Nothing here is final: jobs are pushed again from the database.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FleetError {
    /// The address of Redis cannot be used: correct the setting.
    #[error("the Redis address cannot be used: {0}")]
    Address(#[source] redis::RedisError),
    /// Redis did not do it: try again later.
    #[error("Redis failed to {doing}: {source}")]
    Redis {
        /// What was attempted.
        doing: &'static str,
        /// What Redis or the network said.
        source: redis::RedisError,
    },
    /// The in-process lane holds as many jobs as it may: push those left out again when it has drained.
    #[error("the {lane} lane is full, {left_out} jobs were left out")]
    Full {
        /// The lane.
        lane: Lane,
        /// How many of the jobs, counted from the end of the list, were not taken.
        left_out: usize,
    },
    /// A consumer must serve at least one lane, each once, with a concurrency of at least one.
    #[error("a consumer needs one to four different lanes and a concurrency of at least one")]
    Consumer,
    /// The worker frame ended on its own.
    #[error("the worker stopped unexpectedly: {0}")]
    Worker(String),
}

impl FleetError {
    /// Wraps what Redis said with what was attempted.
    pub(crate) fn redis(doing: &'static str) -> impl FnOnce(redis::RedisError) -> Self {
        move |source| Self::Redis { doing, source }
    }
}
