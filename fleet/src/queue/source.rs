//! Both queues as one apalis backend.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use apalis::prelude::{Backend, Task, TaskBuilder, TaskId, WorkerContext};
use apalis_core::backend::{BackendConfig, finalize::Ephemeral};
use futures::{FutureExt, future::BoxFuture};
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;
use tower::{Layer, Service};

use super::{
    ConsumerSettings, Queue,
    feed::{Done, StreamFeed},
    local::{LocalFeed, LocalQueue},
};
use crate::{Fleet, FleetError, Job, Lane};

/// A source of [`Job`]s for an apalis worker, over Redis or in-process. It never fails: outages are ridden out inside.
///
/// A job is acknowledged when its handler ends, well or badly: retries are the database's business.
pub struct JobSource(Feed);

enum Feed {
    Redis(StreamFeed),
    Local(LocalFeed),
}

impl JobSource {
    /// Opens a source for a consumer. [`consume`](crate::consume) does it by itself; this is for a worker of one's own
    /// making. From here on jobs are fetched; when `stop` is cancelled those not started go back at once.
    ///
    /// # Errors
    /// When the settings make no sense.
    pub fn open(
        fleet: &Fleet,
        consumer: &ConsumerSettings,
        stop: &CancellationToken,
    ) -> Result<Self, FleetError> {
        consumer.check()?;
        Ok(Self(match &fleet.queue {
            // Its readers make the consumer group when they miss it.
            Queue::Redis(queue) => Feed::Redis(StreamFeed::open(queue.clone(), consumer, stop)?),
            Queue::Local(queue) => {
                Feed::Local(LocalFeed::open(queue.clone(), &consumer.lanes, consumer.places.clone()))
            }
        }))
    }
}

/// The error of a source that has none.
#[derive(Debug, thiserror::Error)]
pub enum NoError {}

impl Backend for JobSource {
    type Task = Task<Job>;
    type Error = NoError;

    fn poll_ready(&mut self, _: &mut Context<'_>, _: &WorkerContext) -> Poll<Result<(), NoError>> {
        Poll::Ready(Ok(()))
    }

    fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        _: &WorkerContext,
    ) -> Poll<Option<Result<Self::Task, NoError>>> {
        let taken = match &self.0 {
            Feed::Redis(feed) => feed.poll_take(cx).map(|entry| (TaskId::from_string(entry.id), entry.job)),
            Feed::Local(feed) => feed.poll_take(cx).map(|(serial, job)| (TaskId::from_int(serial), job)),
        };
        taken.map(|(id, job)| Some(Ok(TaskBuilder::new(job).task_id(id).build())))
    }

    fn poll_close(&mut self, cx: &mut Context<'_>, _: &WorkerContext) -> Poll<Result<(), NoError>> {
        match &mut self.0 {
            Feed::Redis(feed) => feed.poll_close(cx).map(Ok),
            Feed::Local(_) => Poll::Ready(Ok(())),
        }
    }
}

impl BackendConfig for JobSource {
    type Args = Job;
    type Id = TaskId;
    type Kind = Ephemeral;
    type Config = ();
    type Layer = AckLayer;

    fn config(&self) -> &() {
        &()
    }

    fn middleware(&mut self, _: &mut WorkerContext) -> AckLayer {
        AckLayer(match &self.0 {
            Feed::Redis(feed) => Ack::Redis(feed.done()),
            Feed::Local(feed) => Ack::Local(feed.queue()),
        })
    }
}

/// Where a finished job is reported.
#[derive(Clone)]
enum Ack {
    Redis(UnboundedSender<Done>),
    Local(Arc<LocalQueue>),
}

impl Ack {
    fn done(&self, lane: Lane, id: &TaskId) {
        match self {
            // The receiver is gone only when the consumer was dropped; then the lease brings the job back.
            Self::Redis(done) => {
                let _ = done.send((lane, id.to_string()));
            }
            Self::Local(queue) => {
                if let Some(serial) = id.as_int() {
                    queue.finish(serial);
                }
            }
        }
    }
}

/// Wraps the handler so that its end is reported to the queue.
#[derive(Clone)]
pub struct AckLayer(Ack);

impl<S> Layer<S> for AckLayer {
    type Service = AckService<S>;

    fn layer(&self, inner: S) -> AckService<S> {
        AckService { inner, ack: self.0.clone() }
    }
}

/// A handler whose end is reported to the queue.
#[derive(Clone)]
pub struct AckService<S> {
    inner: S,
    ack: Ack,
}

impl<S> Service<Task<Job>> for AckService<S>
where
    S: Service<Task<Job>>,
    S::Future: Send + 'static,
    S::Response: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, task: Task<Job>) -> Self::Future {
        let (ack, lane, id) = (self.ack.clone(), task.args.lane, task.task_id().cloned());
        let handling = self.inner.call(task);
        async move {
            let result = handling.await;
            if let Some(id) = id {
                ack.done(lane, &id);
            }
            result
        }
        .boxed()
    }
}
