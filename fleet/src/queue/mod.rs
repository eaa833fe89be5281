//! The job queue: one text for two backends.
//!
//! - `streams`: the commands, over Redis Streams consumer groups.
//! - `shelf`: what one consumer has fetched and holds.
//! - `feed`: the tasks that keep a consumer's shelf filled, its leases fresh and its acknowledgements flowing.
//! - `local`: the twin for a single process.
//! - `source`: both as an apalis `Backend`; `consumer`: the apalis worker around it.

mod consumer;
mod feed;
mod local;
mod shelf;
mod source;
mod streams;

use std::sync::Arc;

use uuid::Uuid;

pub use consumer::{ConsumerSettings, consume};
pub(crate) use local::LocalQueue;
pub use source::JobSource;
pub(crate) use streams::StreamQueue;

use crate::{Backlog, FleetError, Lane};

/// Where jobs wait.
#[derive(Clone)]
pub(crate) enum Queue {
    Redis(Arc<StreamQueue>),
    Local(Arc<LocalQueue>),
}

impl Queue {
    pub(crate) async fn push(&self, lane: Lane, ids: &[Uuid]) -> Result<(), FleetError> {
        match self {
            Self::Redis(queue) => queue.push(lane, ids).await,
            Self::Local(queue) => queue.push(lane, ids),
        }
    }

    pub(crate) async fn depth(&self, lane: Lane) -> Result<u64, FleetError> {
        match self {
            Self::Redis(queue) => queue.depth(lane).await,
            Self::Local(queue) => Ok(queue.depth(lane)),
        }
    }

    pub(crate) async fn backlog(&self, lane: Lane) -> Result<Backlog, FleetError> {
        match self {
            Self::Redis(queue) => queue.backlog(lane).await,
            Self::Local(queue) => Ok(queue.backlog(lane)),
        }
    }

    pub(crate) async fn set_aside(&self, lane: Lane) -> Result<Vec<Uuid>, FleetError> {
        match self {
            Self::Redis(queue) => queue.set_aside(lane).await,
            Self::Local(queue) => Ok(queue.set_aside(lane)),
        }
    }
}
