//! Who works right now: members announce themselves and fade when they fall silent.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock},
    time::Duration,
};

use parking_lot::Mutex;
use redis::Script;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::{FleetError, link::Link};

/// One process of the fleet, as it describes itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Unique per boot, e.g. the worker's id.
    pub id: String,
    /// What it does: `worker`, `scheduler`, `api`.
    pub role: String,
    /// Calls it has on the line.
    pub live: u32,
    /// Calls it can have on the line.
    pub capacity: u32,
    /// The program's version.
    pub version: String,
    /// Whether it takes no new work because it is about to end.
    pub draining: bool,
    /// Whether it has somebody who makes speech of texts; unknown of a version that does not tell.
    #[serde(default)]
    pub speaks: Option<bool>,
}

/// The list of members. Cheap to clone.
#[derive(Clone)]
pub struct Presence(Arc<Board>);

enum Board {
    Redis { link: Arc<Link>, ttl: Duration },
    Local { members: Mutex<HashMap<String, (Instant, Member)>>, ttl: Duration },
}

// Expiry is on Redis' own clock, so that members need not agree on the time.
static ANNOUNCE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local t = redis.call('TIME')
         redis.call('ZADD', KEYS[1], t[1] * 1000 + math.floor(t[2] / 1000) + ARGV[3], ARGV[1])
         redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])",
    )
});
static MEMBERS: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local t = redis.call('TIME')
         local now = t[1] * 1000 + math.floor(t[2] / 1000)
         for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now)) do
           redis.call('ZREM', KEYS[1], id)
           redis.call('HDEL', KEYS[2], id)
         end
         return redis.call('HVALS', KEYS[2])",
    )
});

impl Presence {
    pub(crate) fn over_redis(link: Arc<Link>, ttl: Duration) -> Self {
        Self(Arc::new(Board::Redis { link, ttl }))
    }

    pub(crate) fn in_process(ttl: Duration) -> Self {
        Self(Arc::new(Board::Local { members: Mutex::default(), ttl }))
    }

    /// Lists a member, or refreshes it. To be repeated every two seconds or so.
    ///
    /// # Errors
    /// When Redis fails; the next announcement repairs it.
    pub async fn announce(&self, member: Member) -> Result<(), FleetError> {
        match &*self.0 {
            Board::Redis { link, ttl } => ANNOUNCE
                .key(link.key("presence", "until"))
                .key(link.key("presence", "members"))
                .arg(&member.id)
                .arg(serde_json::json!(member).to_string())
                .arg(ttl.as_millis() as u64)
                .invoke_async(&mut link.shared())
                .await
                .map_err(FleetError::redis("announce a member")),
            Board::Local { members, ttl } => {
                members.lock().insert(member.id.clone(), (Instant::now() + *ttl, member));
                Ok(())
            }
        }
    }

    /// The members heard of lately, by id.
    ///
    /// # Errors
    /// When Redis fails.
    pub async fn members(&self) -> Result<Vec<Member>, FleetError> {
        let mut listed: Vec<Member> = match &*self.0 {
            Board::Redis { link, .. } => {
                let rows: Vec<String> = MEMBERS
                    .key(link.key("presence", "until"))
                    .key(link.key("presence", "members"))
                    .invoke_async(&mut link.shared())
                    .await
                    .map_err(FleetError::redis("list the members"))?;
                // A row of another version that cannot be read is no member we know how to show.
                rows.iter().filter_map(|row| serde_json::from_str(row).ok()).collect()
            }
            Board::Local { members, .. } => {
                let mut members = members.lock();
                let now = Instant::now();
                members.retain(|_, (until, _)| *until > now);
                members.values().map(|(_, member)| member.clone()).collect()
            }
        };
        listed.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(listed)
    }

    /// Takes a member off the list at once.
    ///
    /// # Errors
    /// When Redis fails; the member then fades by itself.
    pub async fn leave(&self, id: &str) -> Result<(), FleetError> {
        match &*self.0 {
            Board::Redis { link, .. } => redis::pipe()
                .atomic()
                .zrem(link.key("presence", "until"), id)
                .ignore()
                .hdel(link.key("presence", "members"), id)
                .ignore()
                .query_async(&mut link.shared())
                .await
                .map_err(FleetError::redis("take a member off the list")),
            Board::Local { members, .. } => {
                members.lock().remove(id);
                Ok(())
            }
        }
    }
}
