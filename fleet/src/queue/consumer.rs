//! The apalis worker around a job source.

use std::{collections::HashSet, sync::Arc, time::Duration};

use apalis::{
    layers::{WorkerBuilderExt, tracing::TraceLayer},
    prelude::{BoxDynError, ParallelizeExt, Task, WorkerBuilder, WorkerContext, WorkerError},
};
use futures::{FutureExt, future::BoxFuture};
use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use tracing::Span;
use uuid::Uuid;

use super::JobSource;
use crate::{Fleet, FleetError, Job, Lane};

/// Who consumes, and what.
#[derive(Debug, Clone)]
pub struct ConsumerSettings {
    /// For logs and for Redis' list of consumers; made unique per boot here.
    pub name: String,
    /// The lanes it serves. A job of an earlier lane goes before all jobs of a later one that have not started, fetched
    /// or not.
    pub lanes: Vec<Lane>,
    /// How many handlers run at a time.
    pub concurrency: usize,
    /// What a job needs beyond a handler, and keeps when the handler has ended: places for live calls. No more jobs are
    /// fetched than places are free, so that a full process leaves them to the others.
    pub places: Option<Arc<Semaphore>>,
}

impl ConsumerSettings {
    pub(super) fn check(&self) -> Result<(), FleetError> {
        let different: HashSet<_> = self.lanes.iter().collect();
        let sound = !different.is_empty() && different.len() == self.lanes.len() && self.concurrency > 0;
        if sound { Ok(()) } else { Err(FleetError::Consumer) }
    }

    /// Entries of each lane to fetch ahead: enough that no hand waits for Redis, few enough that workers share fairly
    /// and little is handed back at the end.
    pub(super) fn prefetch(&self) -> usize {
        self.concurrency.clamp(2, 256)
    }
}

/// Takes jobs and handles them until `stop` is cancelled; returns when the last handler has ended.
///
/// At `stop` what was fetched and not started goes back at once, for others to take. A handler that panics is told in
/// the log, and its job counts as done. Outages of Redis are ridden out; they never reach a handler. Dropping the future
/// is dying: the handlers are aborted, and another consumer gets their jobs after the lease.
///
/// # Errors
/// When the settings make no sense.
pub async fn consume<F, Fut>(
    fleet: &Fleet,
    consumer: ConsumerSettings,
    handler: F,
    stop: CancellationToken,
) -> Result<(), FleetError>
where
    F: Fn(Lane, Uuid) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let source = JobSource::open(fleet, &consumer, &stop)?;
    let context = WorkerContext::new(&consumer.name);
    let mut running = run(source, &context, consumer.concurrency, handler);
    let ended = tokio::select! {
        biased;
        ended = &mut running => ended,
        () = stop.cancelled() => {
            // Fails only before the first poll of `running`, which `biased` puts first.
            let _ = context.stop();
            running.await
        }
    };
    ended.map_err(|error| FleetError::Worker(error.to_string()))
}

/// The worker: apalis' frame around the handler.
fn run<F, Fut>(
    source: JobSource,
    context: &WorkerContext,
    concurrency: usize,
    handler: F,
) -> BoxFuture<'static, Result<(), WorkerError>>
where
    F: Fn(Lane, Uuid) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    // Layers listed first are outermost: a handler occupies its place until its own task has ended. The handler is boxed, for each
    // layer copies what it wraps.
    WorkerBuilder::new(context)
        .backend(source)
        .concurrency(concurrency)
        .parallelize(|handling| AbortOnDropHandle::new(tokio::spawn(handling)))
        .layer(
            TraceLayer::new()
                .make_span_with(|task: &Task<Job>| {
                    tracing::error_span!("job", lane = %task.args.lane, id = %task.args.id)
                })
                .on_request(|_: &Task<Job>, _: &Span| {})
                .on_response(|_: &(), _: Duration, _: &Span| {})
                .on_failure(|error: &BoxDynError, _: Duration, span: &Span| {
                    tracing::error!(parent: span, error = %error, "the handler of a job failed; the job counts as done");
                }),
        )
        .catch_panic()
        .build(move |job: Job| handler(job.lane, job.id).boxed())
        .run()
        .boxed()
}
