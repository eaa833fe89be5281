//! The tasks behind one consumer of the Redis queue: readers, a keeper of leases, and an acknowledger.
//!
//! None of them ever gives up: an error is told once and tried again, and a running handler never hears of it.

use std::{sync::Arc, task::Context, task::Poll, time::Duration};

use futures::{FutureExt, future::BoxFuture};
use redis::{RedisError, aio::ConnectionManager};
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    task::JoinSet,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    ConsumerSettings,
    shelf::{Entry, Shelf},
    streams::{StreamQueue, group_is_gone},
};
use crate::{
    FleetError, Lane,
    link::{BLOCK, Backoff, Outage},
};

/// Acknowledgements per transaction.
const ACK_BATCH: usize = 512;
/// Entries per page of reclaiming.
const RECLAIM_PAGE: usize = 64;
/// How long a consumer that ends tries to leave nothing behind. What it leaves, the lease brings back.
const FAREWELL: Duration = Duration::from_secs(5);

/// An entry that is done with.
pub(crate) type Done = (Lane, String);

/// A consumer of the Redis queue. Dropping it is dying: nothing is acknowledged or handed back any more, and others
/// take over after the lease.
pub(crate) struct StreamFeed {
    parts: Arc<Parts>,
    done: UnboundedSender<Done>,
    tasks: JoinSet<()>,
    farewell: Option<BoxFuture<'static, ()>>,
}

struct Parts {
    queue: Arc<StreamQueue>,
    shelf: Shelf,
    /// Unique per boot, so that nobody else's silence or death is mistaken for ours.
    name: String,
    lanes: Vec<Lane>,
    /// Take no more, hand back what was not started.
    stop: CancellationToken,
    /// The last handler has ended.
    idle: CancellationToken,
    keeping: Outage,
    acknowledging: Outage,
}

impl StreamFeed {
    /// Starts to fetch. `stop` ends the fetching and hands back at once what was fetched and not started.
    pub(crate) fn open(
        queue: Arc<StreamQueue>,
        consumer: &ConsumerSettings,
        stop: &CancellationToken,
    ) -> Result<Self, FleetError> {
        let lanes = &consumer.lanes;
        let parts = Arc::new(Parts {
            shelf: Shelf::new(lanes, consumer.prefetch(), consumer.places.clone()),
            name: format!("{}-{}", consumer.name, Uuid::now_v7().simple()),
            lanes: lanes.to_vec(),
            stop: stop.child_token(),
            idle: CancellationToken::new(),
            keeping: Outage::of("keep jobs"),
            acknowledging: Outage::of("acknowledge jobs"),
            queue,
        });
        let (done, finished) = unbounded_channel();
        let mut tasks = JoinSet::new();
        for lane in lanes {
            tasks.spawn(parts.clone().read(*lane, parts.queue.reading_connection()?));
        }
        tasks.spawn(parts.clone().keep());
        tasks.spawn(parts.clone().acknowledge(finished));
        Ok(Self { parts, done, tasks, farewell: None })
    }

    pub(crate) fn poll_take(&self, cx: &mut Context<'_>) -> Poll<Entry> {
        self.parts.shelf.poll_take(cx)
    }

    /// Where handlers report what is done.
    pub(crate) fn done(&self) -> UnboundedSender<Done> {
        self.done.clone()
    }

    /// Ends the tasks in order. To be called when no handler runs any more.
    pub(crate) fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let farewell = self.farewell.get_or_insert_with(|| {
            let (parts, mut tasks) = (self.parts.clone(), std::mem::take(&mut self.tasks));
            async move {
                parts.stop.cancel();
                parts.idle.cancel();
                let in_order = async {
                    while tasks.join_next().await.is_some() {}
                    parts.leave().await;
                };
                if timeout(FAREWELL, in_order).await.is_err() {
                    tracing::warn!("Redis did not answer in time; others take over our jobs after the lease");
                }
            }
            .boxed()
        });
        farewell.poll_unpin(cx)
    }
}

impl Parts {
    /// Fetches entries of one lane as the shelf has room for them.
    async fn read(self: Arc<Self>, lane: Lane, mut connection: ConnectionManager) {
        let (mut backoff, outage) = (Backoff::new(), Outage::of("read jobs"));
        while !self.stop.is_cancelled() {
            let room = tokio::select! {
                room = self.shelf.room(lane) => room,
                () = self.stop.cancelled() => break,
            };
            let read = self.queue.read(&mut connection, lane, &self.name, room);
            // A read that blocks is never dropped: Redis might be handing out entries to it. It is overtaken by `stop`
            // only in clearing the shelf.
            match self.clearing_at_stop(lane, read).await {
                Ok(entries) => {
                    outage.over();
                    backoff.reset();
                    let refused = self.shelf.put(lane, entries);
                    self.hand_back(lane, &refused).await;
                }
                Err(error) => self.recover(lane, &error, &outage, backoff.next()).await,
            }
        }
        self.hand_back(lane, &self.shelf.close(lane)).await;
    }

    async fn clearing_at_stop<T>(&self, lane: Lane, read: impl Future<Output = T>) -> T {
        tokio::pin!(read);
        tokio::select! {
            found = &mut read => return found,
            () = self.stop.cancelled() => self.hand_back(lane, &self.shelf.close(lane)).await,
        }
        read.await
    }

    async fn hand_back(&self, lane: Lane, entries: &[Entry]) {
        if entries.is_empty() {
            return;
        }
        if let Err(error) = self.queue.hand_back(lane, entries).await {
            tracing::warn!(%lane, count = entries.len(), error = %error,
                "jobs could not be handed back; others take them over after the lease");
        }
    }

    /// After a failed read: makes the group again if it is gone, else waits a while.
    async fn recover(&self, lane: Lane, error: &RedisError, outage: &Outage, pause: Duration) {
        if group_is_gone(error) && self.queue.ensure_group(lane).await.is_ok() {
            return;
        }
        outage.met(error);
        tokio::select! {
            () = sleep(pause) => {}
            () = self.stop.cancelled() => {}
        }
    }

    /// Renews the lease of what is ours and takes over what nobody renews.
    async fn keep(self: Arc<Self>) {
        let mut forgotten = Instant::now();
        loop {
            let mut more = false;
            for lane in &self.lanes {
                match self.keep_lane(*lane).await {
                    Ok(unfinished) => {
                        self.keeping.over();
                        more |= unfinished;
                    }
                    // The reader makes the group again, and tells an outage that lasts.
                    Err(error) if group_is_gone(&error) => {}
                    Err(error) => self.keeping.met(&error),
                }
            }
            if forgotten.elapsed() > self.queue.forget_after / 4 {
                forgotten = Instant::now();
                for lane in &self.lanes {
                    // Tidiness only: what fails now is done at the next turn.
                    let _ = self.queue.forget(*lane, None).await;
                }
            }
            let pause = if more { Duration::from_millis(50) } else { self.queue.lease / 3 };
            tokio::select! {
                () = sleep(pause) => {}
                () = self.idle.cancelled() => return,
            }
        }
    }

    /// Returns whether there is more to reclaim than the shelf has room for.
    async fn keep_lane(&self, lane: Lane) -> Result<bool, RedisError> {
        self.queue.renew(lane, &self.name, &self.shelf.held(lane)).await?;
        let mut from = Some("0-0".to_owned());
        while let Some(cursor) = from {
            if self.stop.is_cancelled() {
                return Ok(false);
            }
            // Reclaimed entries may stand on a full board, but only one page of them: the rest is for others to take.
            if self.shelf.waiting(lane) > RECLAIM_PAGE {
                return Ok(true);
            }
            let page = self.queue.reclaim(lane, &self.name, &cursor, RECLAIM_PAGE).await?;
            if !page.entries.is_empty() {
                tracing::info!(%lane, count = page.entries.len(), "took over jobs of a worker that fell silent");
            }
            let refused = self.shelf.put(lane, page.entries);
            self.hand_back(lane, &refused).await;
            from = page.next;
        }
        Ok(false)
    }

    /// Acknowledges what is done, many at a time.
    async fn acknowledge(self: Arc<Self>, mut finished: UnboundedReceiver<Done>) {
        let mut batch = Vec::with_capacity(ACK_BATCH);
        loop {
            tokio::select! {
                biased;
                taken = finished.recv_many(&mut batch, ACK_BATCH) => if taken == 0 { return },
                () = self.idle.cancelled() => return,
            }
            for lane in &self.lanes {
                let ids: Vec<&str> =
                    batch.iter().filter(|(of, _)| of == lane).map(|(_, id)| id.as_str()).collect();
                if !ids.is_empty() {
                    self.finish(*lane, &ids).await;
                }
            }
            batch.clear();
        }
    }

    async fn finish(&self, lane: Lane, ids: &[&str]) {
        let mut backoff = Backoff::new();
        while let Err(error) = self.queue.finish(lane, ids).await {
            self.acknowledging.met(&error);
            sleep(backoff.next()).await;
        }
        self.acknowledging.over();
        self.shelf.release(lane, ids.iter().copied());
    }

    async fn leave(&self) {
        for lane in &self.lanes {
            // If it fails the consumer is forgotten later, by its silence.
            let _ = self.queue.forget(*lane, Some(&self.name)).await;
        }
    }
}

/// A consumer leaves within its farewell even if a read has just begun.
const _: () = assert!(FAREWELL.as_millis() > 2 * BLOCK.as_millis());
