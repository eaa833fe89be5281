//! Many callers, one transaction.
//!
//! A [`Batcher`] hands whatever is waiting to its work function as one batch. An idle one starts at once with a batch of
//! one; while a batch is being committed the next one gathers, so batches grow just as large as the load makes them and
//! nobody waits on a timer, but for what is not urgent.

use std::{
    future::Future,
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures::FutureExt;
use ringfleet_core::CallId;
use tokio::sync::{mpsc, oneshot};

use crate::{EngineError, Result};

struct Item<I, O> {
    item: I,
    reply: oneshot::Sender<Result<O>>,
    /// Set once, by the batch that begins it or by the caller who withdraws it.
    taken: Arc<AtomicBool>,
}

/// Gathers `I`s of many callers and gives each its `O`.
pub(crate) struct Batcher<I, O> {
    queue: mpsc::Sender<Item<I, O>>,
}

/// Most items one transaction carries: beyond this, latency grows and throughput hardly does.
const MOST: usize = 500;

impl<I, O> Batcher<I, O>
where
    I: Clone + Send + 'static,
    O: Send + 'static,
{
    /// `work` answers in the order of its input. One batch is under way at a time: two would each be half as large, and get into
    /// each other's way in the database.
    pub(crate) fn new<F, Fut>(work: F) -> Self
    where
        F: Fn(Vec<I>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Vec<O>>> + Send + 'static,
    {
        Self::resting(Duration::ZERO, work)
    }

    /// The same, and after a batch it rests for so long, for what is not urgent.
    pub(crate) fn resting<F, Fut>(rest: Duration, work: F) -> Self
    where
        F: Fn(Vec<I>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Vec<O>>> + Send + 'static,
    {
        let (queue, waiting) = mpsc::channel(MOST * 4);
        tokio::spawn(gather(waiting, rest, work));
        Self { queue }
    }

    /// Joins the next batch and waits until it is committed.
    pub(crate) async fn run(&self, item: I) -> Result<O> {
        let (answer, _) = self.send(item).await?;
        answer.await.map_err(|_| gone())?
    }

    /// The same, but withdraws the item when `over` resolves before it was begun, and then gives nothing. What was begun is
    /// waited for.
    pub(crate) async fn run_unless(&self, item: I, over: impl Future<Output = ()>) -> Result<Option<O>> {
        let (mut answer, taken) = self.send(item).await?;
        let early = tokio::select! {
            biased;
            answer = &mut answer => Some(answer),
            () = over => None,
        };
        let answer = match early {
            Some(answer) => answer,
            None if !taken.swap(true, Ordering::Relaxed) => return Ok(None),
            None => answer.await,
        };
        answer.map_err(|_| gone())?.map(Some)
    }

    async fn send(&self, item: I) -> Result<(oneshot::Receiver<Result<O>>, Arc<AtomicBool>)> {
        let (reply, answer) = oneshot::channel();
        let taken = Arc::default();
        let sent = self.queue.send(Item { item, reply, taken: Arc::clone(&taken) }).await;
        sent.map_err(|_| gone()).map(|()| (answer, taken))
    }
}

fn gone() -> EngineError {
    EngineError::Conflict { code: "SHUTTING_DOWN", message: "the process is shutting down".into() }
}

async fn gather<I, O, F, Fut>(mut waiting: mpsc::Receiver<Item<I, O>>, rest: Duration, work: F)
where
    I: Clone,
    F: Fn(Vec<I>) -> Fut,
    Fut: Future<Output = Result<Vec<O>>>,
{
    let mut batch = Vec::with_capacity(MOST);
    loop {
        if waiting.recv_many(&mut batch, MOST).await == 0 {
            return; // every Engine is gone
        }
        let begun = batch.drain(..).filter(|one| !one.taken.swap(true, Ordering::Relaxed));
        let (items, replies): (Vec<I>, Vec<_>) = begun.map(|one| (one.item, one.reply)).unzip();
        if items.is_empty() {
            continue;
        }
        match guarded(work(items.clone())).await {
            Ok(answers) if answers.len() != replies.len() => {
                let broken = EngineError::Broken("a batch with a wrong number of answers".into());
                replies.into_iter().for_each(|reply| drop(reply.send(Err(broken.clone()))));
            }
            Ok(answers) => {
                replies.into_iter().zip(answers).for_each(|(reply, answer)| drop(reply.send(Ok(answer))))
            }
            // One poisonous item must not fail the others: all but passing trouble is found again, one by one.
            Err(error) if !error.is_passing() && items.len() > 1 => {
                for (item, reply) in items.into_iter().zip(replies) {
                    let answer = guarded(work(vec![item])).await.and_then(|mut answers| {
                        answers.pop().ok_or_else(|| EngineError::Broken("a batch without an answer".into()))
                    });
                    drop(reply.send(answer));
                }
            }
            Err(error) => replies.into_iter().for_each(|reply| drop(reply.send(Err(error.clone())))),
        }
        if !rest.is_zero() {
            tokio::time::sleep(rest).await;
        }
    }
}

/// A transaction that takes longer has lost its database. Nothing else bounds the wait: a host that vanished answers nothing.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Bounds the work in time, and keeps a bug in it from ending the batcher for all that come after.
async fn guarded<O>(work: impl Future<Output = Result<O>>) -> Result<O> {
    match tokio::time::timeout(PATIENCE, AssertUnwindSafe(work).catch_unwind()).await {
        Ok(Ok(done)) => done,
        Ok(Err(_)) => Err(EngineError::Broken("a batch panicked; see the log".into())),
        Err(_) => Err(EngineError::TimedOut),
    }
}

/// Tries again, with growing waits, while the trouble is of the kind that passes: what has been seen on the network must
/// not be lost because the database is away. `what` and `call` are for the log.
pub(crate) async fn until_it_passes<T, Fut>(what: &str, call: CallId, work: impl Fn() -> Fut) -> Result<T>
where
    Fut: Future<Output = Result<T>>,
{
    let mut wait = Duration::from_millis(100);
    loop {
        match work().await {
            Err(error) if error.is_passing() => {
                tracing::warn!(%error, %call, "{what}; trying again");
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(Duration::from_secs(5));
            }
            done => return done,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_withdrawn_before_it_was_begun_is_not_done() {
        let (begun, mut seen) = mpsc::unbounded_channel();
        let go = Arc::new(tokio::sync::Semaphore::new(0));
        let batcher = {
            let go = go.clone();
            Batcher::new(move |items: Vec<u32>| {
                let (begun, go) = (begun.clone(), go.clone());
                async move {
                    begun.send(items.clone()).ok();
                    go.acquire().await.map_err(|_| gone())?.forget();
                    Ok(items)
                }
            })
        };
        let over = tokio_util::sync::CancellationToken::new();
        let mut begun = Box::pin(batcher.run_unless(1, over.cancelled()));
        assert!(futures::poll!(&mut begun).is_pending());
        assert_eq!(seen.recv().await, Some(vec![1]));
        let (mut waiting, mut other) =
            (Box::pin(batcher.run_unless(2, over.cancelled())), Box::pin(batcher.run(3)));
        assert!(futures::poll!(&mut waiting).is_pending() && futures::poll!(&mut other).is_pending());
        over.cancel();
        assert!(matches!(waiting.await, Ok(None)));
        assert!(futures::poll!(&mut begun).is_pending(), "it may be done, so its answer counts");
        go.add_permits(2);
        assert!(matches!((begun.await, other.await), (Ok(Some(1)), Ok(3))));
        assert_eq!(seen.recv().await, Some(vec![3]));
    }

    #[tokio::test]
    async fn one_poisonous_item_fails_alone_and_answers_reach_their_callers() {
        let work = |items: Vec<u32>| async move {
            if items.contains(&13) {
                Err(EngineError::NotFound("thirteen"))
            } else {
                Ok(items.iter().map(|i| i * 2).collect())
            }
        };
        let batcher = Arc::new(Batcher::new(work));
        let calls = (0..1000u32).map(|i| {
            let batcher = batcher.clone();
            async move { (i, batcher.run(i).await) }
        });
        for (i, answer) in futures::future::join_all(calls).await {
            match answer {
                Ok(answer) => assert_eq!(answer, i * 2),
                Err(error) => assert!(i == 13 && matches!(error, EngineError::NotFound(_))),
            }
        }
    }
}
