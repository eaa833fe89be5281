use chrono::{DateTime, Utc};
use ringfleet_core::{
    CallId, CallState, CampaignId, E164, TrunkId,
    brake::BrakeState,
    trunk::{Limits, TrunkConfig},
};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::{
    CLOCK_SKEW, Result, Timestamp, Tx,
    record::record,
    rows::{self, hex},
    tx::{all, on},
};

record! {
    /// Everything a worker needs to dial a call or to resolve an orphan.
    pub struct Dial {
        /// The call.
        pub id: CallId,
        /// Its campaign.
        pub campaign_id: Option<CampaignId>,
        /// Where it stands.
        pub state: CallState,
        /// Its worker died; nobody has taken it over yet.
        pub orphaned_at: Option<DateTime<Utc>>,
        /// Not before this moment.
        pub due_at: DateTime<Utc>,
        /// Whom to call.
        pub number: E164,
        /// The caller ID to show.
        pub caller_id: Option<String>,
        /// How long it may ring.
        pub ring_seconds: u32,
        /// How long an answered call may last.
        pub max_call_seconds: u32,
        /// What the carrier wants to find it again.
        pub resume: Option<Value>,
        /// The trunk.
        pub trunk_id: TrunkId,
        /// Its carrier and settings.
        pub config: TrunkConfig,
        /// Its limits.
        pub trunk_limits: Limits,
        /// Whether calls may begin on it; none as long as it never had trouble.
        pub brake: Option<BrakeState>,
        /// The campaign's limits.
        pub campaign_limits: Option<Limits>,
        /// The agent's greeting file.
        pub greeting: Option<String>,
        /// Whether to record.
        pub recording: bool,
    }
}

/// A worker's wish to begin a call.
#[derive(Debug, Clone, Serialize)]
pub struct Begin {
    /// Which call.
    #[serde(serialize_with = "hex")]
    pub id: Uuid,
    /// Its campaign, to be held while it begins.
    #[serde(skip)]
    pub campaign: Option<CampaignId>,
    /// Its trunk, which must not be resting.
    #[serde(skip)]
    pub trunk: TrunkId,
    /// Who begins it.
    #[serde(serialize_with = "hex")]
    pub worker: Uuid,
    /// What the carrier needs to find it again, made durable before anything is sent.
    pub resume: Value,
}

impl Tx {
    /// What workers need to dial these calls. Calls that do not exist (any more) are missing in the answer.
    pub async fn dials(&mut self, ids: &[Uuid]) -> Result<Vec<Dial>> {
        all!(
            self,
            Dial,
            "SELECT c.id, c.campaign_id, c.state, c.orphaned_at, c.due_at, c.number, coalesce(c.caller_id, t.caller_id) AS caller_id,
                    c.ring_seconds, c.max_call_seconds, c.resume, c.trunk_id, t.config, t.limits AS trunk_limits, h.state AS brake,
                    p.limits AS campaign_limits, a.greeting, a.recording
             FROM calls c JOIN trunks t ON t.id = c.trunk_id JOIN agents a ON a.id = c.agent_id
                  LEFT JOIN trunk_health h ON h.trunk_id = c.trunk_id LEFT JOIN campaigns p ON p.id = c.campaign_id
             WHERE c.id IN (SELECT id FROM ROWS($1, id uuid) AS r)",
            rows::ids(ids.iter().copied())?
        )
    }

    /// Begins calls: PENDING → TRIGGERED, for those that are due, still waiting and whose campaign is calling, unless their
    /// worker has been declared dead. Gives their ids.
    /// Hold the campaigns first ([`Tx::hold_campaigns`]).
    pub async fn begin_calls(&mut self, wishes: &[Begin], now: DateTime<Utc>) -> Result<Vec<Uuid>> {
        // One order for everybody, so that two workers given the same jobs never wait for each other in a circle.
        let mut wishes: Vec<&Begin> = wishes.iter().collect();
        wishes.sort_by_key(|wish| wish.id);
        on!(
            self,
            query_scalar::<Uuid>,
            "UPDATE calls SET state = 'TRIGGERED', worker_id = r.worker, resume = r.resume, hold = NULL,
                    placements = placements + 1, triggered_at = coalesce(triggered_at, $2)
             FROM ROWS($1, id uuid, worker uuid, resume json) AS r
             WHERE calls.id = r.id AND calls.state = 'PENDING' AND calls.due_at <= $3
               AND (calls.campaign_id IS NULL OR calls.campaign_id IN (SELECT id FROM campaigns WHERE state = 'IN_PROGRESS'))
               AND NOT EXISTS (SELECT 1 FROM workers WHERE workers.id = r.worker AND workers.dead_at IS NOT NULL)
             RETURNING calls.id",
            (rows::rows(wishes)?, Timestamp(now), Timestamp(now + CLOCK_SKEW)),
            fetch_all
        )
    }
}
