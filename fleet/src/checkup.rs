//! What a Redis says of itself, for the doctor. Nothing is changed.

use chrono::{DateTime, Utc};

use crate::{FleetError, link::Link};

/// How a Redis is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedisCheckup {
    /// Its version.
    pub version: String,
    /// What it does when its memory is full, such as `noeviction`; none where it does not say.
    pub when_full: Option<String>,
    /// Bytes in use.
    pub used: u64,
    /// Bytes it may use; 0 is no limit.
    pub most: u64,
    /// What its clock shows.
    pub now: DateTime<Utc>,
}

impl RedisCheckup {
    /// Asks the Redis at this address.
    ///
    /// # Errors
    /// When the address cannot be used or nobody answers there.
    pub async fn of(url: &str) -> Result<Self, FleetError> {
        let mut redis = Link::connect(url, "").await?.shared();
        let info: String =
            redis::cmd("INFO").query_async(&mut redis).await.map_err(FleetError::redis("tell of itself"))?;
        let (seconds, micros): (i64, u32) =
            redis::cmd("TIME").query_async(&mut redis).await.map_err(FleetError::redis("tell the time"))?;
        let field = |name: &str| {
            info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::to_owned)
        };
        let bytes = |name: &str| field(name).and_then(|text| text.parse().ok()).unwrap_or(0);
        Ok(Self {
            version: field("redis_version").unwrap_or_default(),
            when_full: field("maxmemory_policy"),
            used: bytes("used_memory"),
            most: bytes("maxmemory"),
            now: DateTime::from_timestamp(seconds, micros * 1_000).unwrap_or_default(),
        })
    }

    /// Whether it is this version or a later one.
    pub fn is_at_least(&self, major: u32, minor: u32) -> bool {
        let mut parts = self.version.split('.').map(|part| part.parse().unwrap_or(0));
        (parts.next().unwrap_or(0), parts.next().unwrap_or(0)) >= (major, minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_their_numbers() {
        let of = |version: &str| RedisCheckup {
            version: version.to_owned(),
            when_full: None,
            used: 0,
            most: 0,
            now: DateTime::UNIX_EPOCH,
        };
        assert!(
            of("6.2.0").is_at_least(6, 2) && of("7.0.15").is_at_least(6, 2) && of("10.0").is_at_least(6, 2)
        );
        assert!(!of("6.0.16").is_at_least(6, 2) && !of("").is_at_least(6, 2));
    }
}
