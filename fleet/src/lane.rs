//! Lanes and jobs: the only two words a queue entry knows.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A stream of jobs of one kind. Lanes do not wait for one another, except where one consumer serves several of them:
/// then it serves the one it lists first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lane {
    /// Calls asked for one by one, which overtake campaigns.
    Trigger,
    /// Calls of campaigns.
    Campaign,
    /// Webhook deliveries.
    Deliver,
    /// Uploaded files.
    Import,
}

impl Lane {
    /// Every lane.
    pub const ALL: [Self; 4] = [Self::Trigger, Self::Campaign, Self::Deliver, Self::Import];

    /// The name in keys and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trigger => "trigger",
            Self::Campaign => "campaign",
            Self::Deliver => "deliver",
            Self::Import => "import",
        }
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How full a lane is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backlog {
    /// Which lane.
    pub lane: Lane,
    /// Jobs that no consumer has fetched yet.
    pub waiting: u64,
    /// Jobs that consumers have fetched and not ended.
    pub in_hand: u64,
    /// How long the first of those that wait has done so since it was pushed; none while none waits.
    pub oldest: Option<Duration>,
}

/// One job: a lane and the id of the row it is about. The row holds everything else, so a job may be lost (it is pushed
/// again) or run twice (the row says that it was done).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Job {
    /// Where it waits.
    pub lane: Lane,
    /// The row: a call, a delivery or an import.
    pub id: Uuid,
}

impl Job {
    /// What is written to the queue: the 16 bytes of the id. The lane is the stream's name.
    pub fn encode(&self) -> &[u8] {
        self.id.as_bytes()
    }

    /// Reads what [`Job::encode`] wrote, or `None` for anything else.
    pub fn decode(lane: Lane, bytes: &[u8]) -> Option<Self> {
        Uuid::from_slice(bytes).ok().map(|id| Self { lane, id })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_sixteen_bytes_and_reads_back() {
        let job = Job { lane: Lane::Trigger, id: Uuid::from_u128(7) };
        assert_eq!(job.encode().len(), 16);
        assert_eq!(Job::decode(Lane::Trigger, job.encode()), Some(job));
        assert_eq!(Job::decode(Lane::Trigger, b"not an id"), None);
    }
}
