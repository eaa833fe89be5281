//! The queue's commands over Redis Streams: one stream per lane, one consumer group for all workers.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock},
    time::Duration,
};

use redis::{
    AsyncCommands, ErrorKind, RedisError, RedisResult, Script,
    aio::ConnectionManager,
    streams::{
        StreamAutoClaimOptions, StreamAutoClaimReply, StreamId, StreamPendingCountReply, StreamReadOptions,
        StreamReadReply,
    },
};
use uuid::Uuid;

use super::shelf::Entry;
use crate::{
    Backlog, FleetError, FleetSettings, Job, Lane,
    link::{BLOCK, Link},
};

const GROUP: &str = "workers";
/// The one field of an entry: the bytes of the id.
const FIELD: &str = "j";
/// Entries per pipeline or command: enough to hide the round trip, short enough not to hold up others.
const CHUNK: usize = 500;
/// How many entries set aside are kept per lane.
const SET_ASIDE: isize = 1_000;

/// Removes consumers that hold nothing and are either silent for too long or the one named. In one script, because a
/// consumer removed while it holds an entry takes that entry with it.
static FORGET: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "for _, row in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
           local consumer = {}
           for i = 1, #row, 2 do consumer[row[i]] = row[i + 1] end
           local due = consumer.idle > tonumber(ARGV[2]) or consumer.name == ARGV[3]
           if due and consumer.pending == 0 then
             redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], consumer.name)
           end
         end",
    )
});

/// How many entries there are, how many of them the group has handed out, and for how many milliseconds the first of the
/// others has waited (−1 where there is none). Behind the last one that was handed out, for entries before it are deleted
/// singly, and none is handed out before an earlier one. An entry's id begins with the moment it was added.
static BACKLOG: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local length, pending, last = redis.call('XLEN', KEYS[1]), 0, '0-0'
         if length == 0 then return {0, 0, -1} end
         for _, row in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
           local group = {}
           for i = 1, #row, 2 do group[row[i]] = row[i + 1] end
           if group.name == ARGV[1] then pending, last = group.pending, group['last-delivered-id'] end
         end
         local first = redis.call('XRANGE', KEYS[1], '(' .. last, '+', 'COUNT', 1)[1]
         if not first then return {length, pending, -1} end
         local t = redis.call('TIME')
         local now = t[1] * 1000 + math.floor(t[2] / 1000)
         return {length, pending, math.max(0, now - tonumber(string.match(first[1], '^%d+')))}",
    )
});

/// What one page of reclaiming found.
pub(crate) struct Reclaimed {
    /// Entries that are now ours.
    pub(crate) entries: Vec<Entry>,
    /// Where to go on, or `None` after the last page.
    pub(crate) next: Option<String>,
}

/// The lanes in Redis.
pub(crate) struct StreamQueue {
    link: Arc<Link>,
    pub(crate) lease: Duration,
    pub(crate) forget_after: Duration,
    max_deliveries: u32,
}

impl StreamQueue {
    pub(crate) fn new(link: Arc<Link>, settings: &FleetSettings) -> Self {
        Self {
            link,
            lease: settings.job_lease,
            forget_after: settings.forget_consumers_after,
            max_deliveries: settings.max_deliveries,
        }
    }

    fn stream(&self, lane: Lane) -> String {
        self.link.key(lane.as_str(), "jobs")
    }

    fn poison(&self, lane: Lane) -> String {
        self.link.key(lane.as_str(), "poison")
    }

    /// A connection that may block.
    pub(crate) fn reading_connection(&self) -> Result<ConnectionManager, FleetError> {
        self.link.own()
    }

    pub(crate) async fn push(&self, lane: Lane, ids: &[Uuid]) -> Result<(), FleetError> {
        let (stream, mut connection) = (self.stream(lane), self.link.shared());
        for chunk in ids.chunks(CHUNK) {
            let mut pipe = redis::pipe();
            for id in chunk {
                pipe.xadd(&stream, "*", &[(FIELD, Job { lane, id: *id }.encode())]).ignore();
            }
            pipe.query_async::<()>(&mut connection).await.map_err(FleetError::redis("take jobs"))?;
        }
        Ok(())
    }

    pub(crate) async fn depth(&self, lane: Lane) -> Result<u64, FleetError> {
        // Entries are deleted when they are acknowledged, so the length is what waits or is in hand.
        self.link.shared().xlen(self.stream(lane)).await.map_err(FleetError::redis("count jobs"))
    }

    pub(crate) async fn backlog(&self, lane: Lane) -> Result<Backlog, FleetError> {
        let (length, in_hand, oldest): (u64, u64, i64) = BACKLOG
            .key(self.stream(lane))
            .arg(GROUP)
            .invoke_async(&mut self.link.shared())
            .await
            .map_err(FleetError::redis("count the jobs that wait"))?;
        let oldest = u64::try_from(oldest).ok().map(Duration::from_millis);
        Ok(Backlog { lane, waiting: length.saturating_sub(in_hand), in_hand, oldest })
    }

    pub(crate) async fn set_aside(&self, lane: Lane) -> Result<Vec<Uuid>, FleetError> {
        let rows: Vec<Vec<u8>> = self
            .link
            .shared()
            .lrange(self.poison(lane), 0, SET_ASIDE - 1)
            .await
            .map_err(FleetError::redis("list jobs set aside"))?;
        Ok(rows.iter().filter_map(|bytes| Job::decode(lane, bytes)).map(|job| job.id).collect())
    }

    /// Makes the stream and its group if they are missing: at the first start, and after Redis lost its memory.
    pub(crate) async fn ensure_group(&self, lane: Lane) -> RedisResult<()> {
        let made: RedisResult<()> =
            self.link.shared().xgroup_create_mkstream(self.stream(lane), GROUP, "0").await;
        match made {
            Err(error) if error.code() == Some("BUSYGROUP") => Ok(()),
            other => other,
        }
    }

    /// Waits up to [`BLOCK`] for new entries, at most `count`.
    pub(crate) async fn read(
        &self,
        connection: &mut ConnectionManager,
        lane: Lane,
        consumer: &str,
        count: usize,
    ) -> RedisResult<Vec<Entry>> {
        let options = StreamReadOptions::default()
            .group(GROUP, consumer)
            .count(count)
            .block(BLOCK.as_millis() as usize);
        let reply: Option<StreamReadReply> =
            connection.xread_options(&[self.stream(lane)], &[">"], &options).await?;
        let found = reply.into_iter().flat_map(|reply| reply.keys).flat_map(|key| key.ids).collect();
        self.decode(lane, found).await
    }

    /// Keeps entries in hand ours for another lease.
    pub(crate) async fn renew(&self, lane: Lane, consumer: &str, ids: &[String]) -> RedisResult<()> {
        let (stream, mut connection) = (self.stream(lane), self.link.shared());
        for chunk in ids.chunks(CHUNK) {
            redis::cmd("XCLAIM")
                .arg(&stream)
                .arg(GROUP)
                .arg(consumer)
                .arg(0)
                .arg(chunk)
                .arg("JUSTID")
                .query_async::<redis::Value>(&mut connection)
                .await?;
        }
        Ok(())
    }

    /// One page of entries whose holder has been silent for a lease. Those handed out too often already are set aside.
    pub(crate) async fn reclaim(
        &self,
        lane: Lane,
        consumer: &str,
        from: &str,
        count: usize,
    ) -> RedisResult<Reclaimed> {
        let (stream, mut connection) = (self.stream(lane), self.link.shared());
        let lease = self.lease.as_millis() as usize;
        let options = StreamAutoClaimOptions::default().count(count);
        let page: StreamAutoClaimReply =
            connection.xautoclaim_options(&stream, GROUP, consumer, lease, from, options).await?;
        let next = (page.next_stream_id != "0-0").then_some(page.next_stream_id);
        let deliveries = self.deliveries(&stream, &page.claimed).await?;
        let mut entries = self.decode(lane, page.claimed).await?;
        let spent =
            |entry: &Entry| deliveries.get(&entry.id).is_some_and(|n| *n > self.max_deliveries as usize);
        let poison: Vec<_> = entries.extract_if(.., |entry| spent(entry)).collect();
        for entry in &poison {
            tracing::error!(%lane, id = %entry.job.id, "a job was handed out too often and is set aside");
            self.put_aside(lane, &entry.id, entry.job.encode()).await?;
        }
        Ok(Reclaimed { entries, next })
    }

    async fn deliveries(&self, stream: &str, claimed: &[StreamId]) -> RedisResult<HashMap<String, usize>> {
        let mut pipe = redis::pipe();
        for entry in claimed {
            pipe.xpending_count(stream, GROUP, &entry.id, &entry.id, 1);
        }
        if claimed.is_empty() {
            return Ok(HashMap::new());
        }
        let replies: Vec<StreamPendingCountReply> = pipe.query_async(&mut self.link.shared()).await?;
        Ok(replies.into_iter().flat_map(|reply| reply.ids).map(|row| (row.id, row.times_delivered)).collect())
    }

    /// Turns raw entries into jobs. What is no job of ours is set aside, or it would come back for ever.
    async fn decode(&self, lane: Lane, found: Vec<StreamId>) -> RedisResult<Vec<Entry>> {
        let mut entries = Vec::with_capacity(found.len());
        for raw in found {
            let bytes: Vec<u8> = raw.get(FIELD).unwrap_or_default();
            if let Some(job) = Job::decode(lane, &bytes) {
                entries.push(Entry { id: raw.id, job });
            } else {
                tracing::error!(%lane, entry = raw.id, "an entry of the queue is not a job and is set aside");
                self.put_aside(lane, &raw.id, &bytes).await?;
            }
        }
        Ok(entries)
    }

    async fn put_aside(&self, lane: Lane, id: &str, bytes: &[u8]) -> RedisResult<()> {
        let (stream, poison) = (self.stream(lane), self.poison(lane));
        redis::pipe()
            .atomic()
            .lpush(&poison, bytes)
            .ignore()
            .ltrim(&poison, 0, SET_ASIDE - 1)
            .ignore()
            .xack(&stream, GROUP, &[id])
            .ignore()
            .xdel(&stream, &[id])
            .ignore()
            .query_async(&mut self.link.shared())
            .await
    }

    /// Ends entries for good.
    pub(crate) async fn finish(&self, lane: Lane, ids: &[&str]) -> RedisResult<()> {
        let stream = self.stream(lane);
        redis::pipe()
            .atomic()
            .xack(&stream, GROUP, ids)
            .ignore()
            .xdel(&stream, ids)
            .ignore()
            .query_async(&mut self.link.shared())
            .await
    }

    /// Gives entries back that were fetched and not started: as new entries, which wake a waiting worker at once.
    pub(crate) async fn hand_back(&self, lane: Lane, entries: &[Entry]) -> RedisResult<()> {
        let stream = self.stream(lane);
        for chunk in entries.chunks(CHUNK) {
            let mut pipe = redis::pipe();
            pipe.atomic();
            for entry in chunk {
                pipe.xadd(&stream, "*", &[(FIELD, entry.job.encode())]).ignore();
            }
            let ids: Vec<&str> = chunk.iter().map(|entry| entry.id.as_str()).collect();
            pipe.xack(&stream, GROUP, &ids).ignore().xdel(&stream, &ids).ignore();
            pipe.query_async::<()>(&mut self.link.shared()).await?;
        }
        Ok(())
    }

    /// Forgets consumers that hold nothing: those silent for longer than the setting, and `leaving`.
    pub(crate) async fn forget(&self, lane: Lane, leaving: Option<&str>) -> RedisResult<()> {
        FORGET
            .key(self.stream(lane))
            .arg(GROUP)
            .arg(self.forget_after.as_millis() as u64)
            .arg(leaving.unwrap_or_default())
            .invoke_async(&mut self.link.shared())
            .await
    }
}

/// Whether Redis says that the stream or its group is gone.
pub(crate) fn group_is_gone(error: &RedisError) -> bool {
    // UNBLOCKED: the stream was deleted under a read that waited for it.
    matches!(error.code(), Some("NOGROUP" | "UNBLOCKED"))
        || (error.kind() == ErrorKind::Extension && error.to_string().contains("NOGROUP"))
}
