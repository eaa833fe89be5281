use chrono::{DateTime, Utc};
use ringfleet_core::{
    AgentVersion, CallId, CallState, CampaignId, Channel, Conversation, E164, RecipientId, TrunkId,
    WorkspaceId, WorkspaceRules,
    brake::BrakeState,
    seats::{Answers, Seats},
    trunk::{Limits, TrunkConfig},
};
use serde::{Serialize, Serializer};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    CLOCK_SKEW, Call, Result, Timestamp, Tx,
    record::{Field, record},
    rows::{self, hex, version},
    tx::{all, exec, on, one},
};

record! {
    /// Everything a worker needs to dial a call or to resolve an orphan.
    pub struct Dial {
        /// The call.
        pub id: CallId,
        /// Its campaign.
        pub campaign_id: Option<CampaignId>,
        /// Its recipient.
        pub recipient_id: Option<RecipientId>,
        /// How the person is reached.
        pub channel: Channel,
        /// Where it stands.
        pub state: CallState,
        /// Why, where that is known before it ends: what kept it from being placed, or that no seat was free for who picked up.
        pub reason: Option<String>,
        /// Its worker died; nobody has taken it over yet.
        pub orphaned_at: Option<DateTime<Utc>>,
        /// Not before this moment.
        pub due_at: DateTime<Utc>,
        /// Whom to call.
        pub number: E164,
        /// The caller ID given with a triggered call, or the one shown since the call has begun.
        pub caller_id: Option<String>,
        /// The trunk's.
        pub trunk_caller_id: Option<String>,
        /// Its trunk has caller IDs for campaigns that have none of their own.
        pub trunk_has_pool: bool,
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
        /// Its workspace.
        pub workspace_id: WorkspaceId,
        /// What its workspace sets for all calls.
        pub floor: WorkspaceRules,
        /// Whether calls may begin on it; none as long as it never had trouble.
        pub brake: Option<BrakeState>,
        /// The campaign's limits.
        pub campaign_limits: Option<Limits>,
        /// The campaign's seats.
        pub seats: Option<Seats>,
        /// What became of those who picked up; none without seats, and before the first.
        pub answers: Option<Answers>,
        /// The version of the agent it is made with: the one asked for with a triggered call, else the live one.
        pub agent_version: AgentVersion,
        /// Its voice, as given.
        pub voice: Value,
        /// The agent's greeting file.
        pub greeting: Option<String>,
        /// Whether to record.
        pub recording: bool,
        /// What happens after the answer beside the greeting.
        pub conversation: Conversation,
        /// What continues the trace of the request that asked for it.
        pub traceparent: Option<String>,
    }
}

impl Dial {
    /// The caller ID to show where no pool chooses one. What a campaign's call has shown before does not count: it comes back
    /// from a carrier that had no room.
    pub fn shows(&self) -> Option<&str> {
        let own = self.caller_id.as_deref().filter(|_| self.campaign_id.is_none());
        own.or(self.trunk_caller_id.as_deref())
    }
}

record! {
    /// What an agent is told of a call that is handed over to it.
    pub struct Background {
        /// The recipient's variables, or those of a triggered call.
        pub variables: Option<Value>,
        /// Which attempt it is.
        pub attempt: u32,
    }
}

/// A call that may begin, and what the rules look at.
#[derive(Debug, Clone, PartialEq)]
pub struct Beginning {
    /// The call, as it is before it begins.
    pub call: Call,
    /// The recipient's own time zone (IANA), if the list names one.
    pub timezone: Option<String>,
    /// When the recipient was added.
    pub added_at: DateTime<Utc>,
    /// Attempts its recipient has had before.
    pub attempts_made: u32,
}

impl<'r, R> sqlx::FromRow<'r, R> for Beginning
where
    R: sqlx::Row,
    Call: sqlx::FromRow<'r, R>,
    Option<String>: Field<R>,
    DateTime<Utc>: Field<R>,
    u32: Field<R>,
{
    fn from_row(row: &'r R) -> sqlx::Result<Self> {
        Ok(Self {
            call: Call::from_row(row)?,
            timezone: Field::field(row, "timezone")?,
            added_at: Field::field(row, "added_at")?,
            attempts_made: Field::field(row, "attempts_made")?,
        })
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
    /// Its trunk, which must not be resting, and must still be the one it is to go by.
    #[serde(serialize_with = "hex_id")]
    pub trunk: TrunkId,
    /// The caller ID it shows if no pool chooses one.
    #[serde(skip)]
    pub caller_id: Option<String>,
    /// Its trunk has caller IDs for campaigns that have none of their own.
    #[serde(skip)]
    pub trunk_has_pool: bool,
    /// The version of its agent that it was prepared with.
    #[serde(serialize_with = "version")]
    pub agent_version: AgentVersion,
    /// Who begins it.
    #[serde(serialize_with = "hex")]
    pub worker: Uuid,
    /// What the carrier needs to find it again, made durable before anything is sent.
    pub resume: Value,
    /// What continues the trace in which it begins, for a call that belongs to none yet.
    pub traceparent: Option<String>,
}

fn hex_id<S: Serializer>(id: &TrunkId, s: S) -> std::result::Result<S::Ok, S::Error> {
    hex(&id.uuid(), s)
}

/// A call that begins, and what it shows.
#[derive(Debug, Clone, Serialize)]
pub struct Placement<'a> {
    /// Which call, by whom.
    #[serde(flatten)]
    pub wish: &'a Begin,
    /// The caller ID it shows.
    pub caller_id: Option<&'a str>,
    /// The day, since 1970-01-01, under which it is counted for that number.
    pub caller_day: Option<i32>,
}

impl Tx {
    /// What workers need to dial these calls. Calls that do not exist (any more) are missing in the answer.
    pub async fn dials(&mut self, ids: &[Uuid]) -> Result<Vec<Dial>> {
        let mut dials = all!(
            self,
            Dial,
            "SELECT c.id, c.campaign_id, c.recipient_id, c.channel, c.state, c.reason, c.orphaned_at, c.due_at, c.number, c.caller_id, t.caller_id AS trunk_caller_id, t.caller_ids IS NOT NULL AS trunk_has_pool,
                    c.ring_seconds, c.max_call_seconds, c.resume, c.trunk_id, t.config, t.limits AS trunk_limits, h.state AS brake,
                    p.limits AS campaign_limits, v.n AS agent_version, v.voice, v.greeting, v.recording, v.conversation, c.workspace_id, c.traceparent, w.rules AS floor, p.seats,
                    CASE WHEN p.seats IS NOT NULL THEN (SELECT s.answers FROM campaign_seats s WHERE s.campaign_id = p.id) END AS answers
             FROM calls c JOIN trunks t ON t.id = c.trunk_id JOIN agents a ON a.id = c.agent_id
                  JOIN agent_versions v ON v.agent_id = a.id AND v.n = CASE WHEN c.campaign_id IS NULL OR c.state <> 'PENDING' THEN coalesce(c.agent_version, a.live) ELSE a.live END
                  JOIN workspaces w ON w.id = c.workspace_id
                  LEFT JOIN trunk_health h ON h.trunk_id = c.trunk_id LEFT JOIN campaigns p ON p.id = c.campaign_id
             WHERE c.id IN (SELECT id FROM ROWS($1, id uuid) AS r)",
            rows::ids(ids.iter().copied())?
        )?;
        for dial in &mut dials {
            self.open_config(&mut dial.config, dial.trunk_id)?;
        }
        Ok(dials)
    }

    /// What an agent is told of a call; none when it is gone.
    pub async fn background(&mut self, id: CallId) -> Result<Option<Background>> {
        one!(
            self,
            Background,
            "SELECT CASE WHEN c.recipient_id IS NULL THEN c.variables ELSE r.variables END AS variables, c.attempt
             FROM calls c LEFT JOIN recipients r ON r.id = c.recipient_id WHERE c.id = $1",
            id.uuid()
        )
    }

    /// Those of `wishes` that may begin as far as their state goes: due, still waiting, to go by that trunk, their campaign
    /// calling, their worker not declared dead. Held until this transaction ends. Hold the campaigns first ([`Tx::hold_campaigns`]).
    pub async fn calls_to_begin(&mut self, wishes: &[Begin], now: DateTime<Utc>) -> Result<Vec<Beginning>> {
        let mut wishes: Vec<&Begin> = wishes.iter().collect();
        wishes.sort_by_key(|wish| wish.id);
        wishes.dedup_by_key(|wish| wish.id); // a job may come twice
        // In one order for everybody, so that two workers given the same jobs never wait for each other in a circle.
        all!(
            self,
            Beginning,
            "SELECT c.*, p.timezone, coalesce(p.created_at, c.created_at) AS added_at, coalesce(p.total_attempts, 0) AS attempts_made
             FROM calls c JOIN ROWS($1, id uuid, trunk uuid, worker uuid) AS r ON r.id = c.id AND r.trunk = c.trunk_id
                  LEFT JOIN recipients p ON p.id = c.recipient_id
             WHERE c.state = 'PENDING' AND c.due_at <= $2
               AND (c.campaign_id IS NULL OR c.campaign_id IN (SELECT id FROM campaigns WHERE state = 'IN_PROGRESS'))
               AND NOT EXISTS (SELECT 1 FROM workers WHERE workers.id = r.worker AND workers.dead_at IS NOT NULL)
             ORDER BY c.id FOR UPDATE OF c",
            rows::rows(wishes)?,
            Timestamp(now + CLOCK_SKEW)
        )
    }

    /// Begins calls: PENDING → TRIGGERED. Hold them first ([`Tx::calls_to_begin`]).
    pub async fn begin_calls(&mut self, placements: &[Placement<'_>], now: DateTime<Utc>) -> Result<()> {
        exec!(
            self,
            "UPDATE calls SET state = 'TRIGGERED', worker_id = r.worker, resume = r.resume, hold = NULL,
                    placements = placements + 1, triggered_at = coalesce(triggered_at, $2),
                    caller_id = r.caller_id, caller_day = r.caller_day, agent_version = r.agent_version,
                    traceparent = coalesce(calls.traceparent, r.traceparent)
             FROM ROWS($1, id uuid, worker uuid, resume json, caller_id text, caller_day int, agent_version int, traceparent text) AS r WHERE calls.id = r.id",
            rows::rows(placements)?,
            Timestamp(now)
        )?;
        Ok(())
    }
}
