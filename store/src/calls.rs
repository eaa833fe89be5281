use chrono::{DateTime, Utc};
use ringfleet_core::{
    AgentId, CallId, CallState, CampaignId, CampaignState, Channel, E164, EndedBy, Hold, Outcome,
    RecipientId, TrunkId, WorkerId, WorkspaceId,
    trunk::{Limits, TrunkConfig},
};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::{
    Page, Result, Timestamp, Tx,
    record::record,
    rows::{self, hex, hex_opt, millis, millis_opt},
    tx::{all, exec, on, one, scalar},
};

record! {
    /// One attempt on one channel.
    pub struct Call {
        /// Its id.
        pub id: CallId,
        /// The tenant it belongs to.
        pub workspace_id: WorkspaceId,
        /// Its campaign; none for a single triggered call.
        pub campaign_id: Option<CampaignId>,
        /// Its recipient; none for a single triggered call.
        pub recipient_id: Option<RecipientId>,
        /// Who talks.
        pub agent_id: AgentId,
        /// What places it.
        pub trunk_id: TrunkId,
        /// The channel.
        pub channel: Channel,
        /// Whom to call.
        pub number: E164,
        /// Given with a triggered call; comes back in events.
        pub metadata: Value,
        /// Which attempt of its recipient this is, 1 for the first.
        pub attempt: u32,
        /// How often it went to the carrier; above 1 only after the carrier had no room.
        pub placements: u32,
        /// Where it stands.
        pub state: CallState,
        /// Why it waits.
        pub hold: Option<Hold>,
        /// How it ended.
        pub outcome: Option<Outcome>,
        /// Finer than the outcome.
        pub reason: Option<String>,
        /// SIP status or the provider's code.
        pub code: Option<i32>,
        /// Who ended it.
        pub ended_by: Option<EndedBy>,
        /// When it was made.
        pub created_at: DateTime<Utc>,
        /// When a worker first began it.
        pub triggered_at: Option<DateTime<Utc>>,
        /// When it was answered.
        pub answered_at: Option<DateTime<Utc>>,
        /// When it ended.
        pub ended_at: Option<DateTime<Utc>>,
    }
}

/// A call to be made, PENDING.
#[derive(Debug, Clone, Serialize)]
pub struct NewCall {
    /// Its id.
    #[serde(serialize_with = "hex")]
    pub id: Uuid,
    /// The tenant.
    #[serde(serialize_with = "hex")]
    pub workspace_id: Uuid,
    /// Its campaign.
    #[serde(serialize_with = "hex_opt")]
    pub campaign_id: Option<Uuid>,
    /// Its recipient.
    #[serde(serialize_with = "hex_opt")]
    pub recipient_id: Option<Uuid>,
    /// Who talks.
    #[serde(serialize_with = "hex")]
    pub agent_id: Uuid,
    /// What places it.
    #[serde(serialize_with = "hex")]
    pub trunk_id: Uuid,
    /// The channel.
    pub channel: Channel,
    /// Digits of the number.
    pub number: u64,
    /// Variables of a triggered call; those of a campaign's call stay with its recipient.
    pub variables: Value,
    /// Comes back in events.
    pub metadata: Value,
    /// The caller ID to show instead of the trunk's.
    pub caller_id: Option<String>,
    /// How long it may ring.
    pub ring_seconds: u32,
    /// How long an answered call may last.
    pub max_call_seconds: u32,
    /// The step of the plan.
    pub step: u32,
    /// Which attempt of its recipient this is.
    pub attempt: u32,
    /// Not before this moment.
    #[serde(serialize_with = "millis")]
    pub due_at: DateTime<Utc>,
    /// When its job is pushed.
    #[serde(serialize_with = "millis")]
    pub pushed_at: DateTime<Utc>,
}

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
        /// The campaign's limits.
        pub campaign_limits: Option<Limits>,
        /// The campaign's state.
        pub campaign_state: Option<CampaignState>,
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
    /// Who begins it.
    #[serde(serialize_with = "hex")]
    pub worker: Uuid,
    /// What the carrier needs to find it again, made durable before anything is sent.
    pub resume: Value,
}

/// What is to be written of a call that has ended or goes back to waiting.
#[derive(Debug, Clone, Serialize)]
pub struct CallUpdate {
    /// Which.
    #[serde(serialize_with = "hex")]
    pub id: Uuid,
    /// Its new state.
    pub state: CallState,
    /// Why it waits.
    pub hold: Option<Hold>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// Finer than the outcome.
    pub reason: String,
    /// SIP status or the provider's code.
    pub code: Option<u16>,
    /// Who ended it.
    pub ended_by: Option<EndedBy>,
    /// When it may be tried again.
    #[serde(serialize_with = "millis_opt")]
    pub due_at: Option<DateTime<Utc>>,
    /// When it ended.
    #[serde(serialize_with = "millis_opt")]
    pub ended_at: Option<DateTime<Utc>>,
}

/// Which calls to list.
#[derive(Debug, Clone, Copy, Default)]
pub struct CallFilter {
    /// Only of this campaign.
    pub campaign: Option<CampaignId>,
    /// Only of this recipient.
    pub recipient: Option<RecipientId>,
    /// Only in this state.
    pub state: Option<CallState>,
}

record! {
    /// A waiting call whose job is to be pushed.
    pub struct Waiting {
        /// Which.
        pub id: CallId,
        /// Its campaign; without one it goes to the trigger lane.
        pub campaign_id: Option<CampaignId>,
    }
}

impl Tx {
    /// Makes calls, PENDING.
    pub async fn insert_calls(&mut self, new: &[NewCall], now: DateTime<Utc>) -> Result<()> {
        exec!(
            self,
            "INSERT INTO calls (id, workspace_id, campaign_id, recipient_id, agent_id, trunk_id, channel, number, variables, metadata,
                                caller_id, ring_seconds, max_call_seconds, step, attempt, placements, state, due_at, pushed_at, created_at)
             SELECT r.id, r.workspace_id, r.campaign_id, r.recipient_id, r.agent_id, r.trunk_id, r.channel, r.number, r.variables,
                    r.metadata, r.caller_id, r.ring_seconds, r.max_call_seconds, r.step, r.attempt, 0, 'PENDING', r.due_at, r.pushed_at, $2
             FROM ROWS($1, id uuid, workspace_id uuid, campaign_id uuid, recipient_id uuid, agent_id uuid, trunk_id uuid, channel text,
                       number int, variables json, metadata json, caller_id text, ring_seconds int, max_call_seconds int, step int,
                       attempt int, due_at time, pushed_at time) AS r WHERE true",
            rows::rows(new),
            Timestamp(now)
        )?;
        Ok(())
    }

    /// One call of the workspace.
    pub async fn call(&mut self, workspace: WorkspaceId, id: CallId) -> Result<Option<Call>> {
        one!(
            self,
            Call,
            "SELECT * FROM calls WHERE workspace_id = $1 AND id = $2",
            workspace.uuid(),
            id.uuid()
        )
    }

    /// A page of the workspace's calls, newest first.
    pub async fn calls(
        &mut self,
        workspace: WorkspaceId,
        filter: CallFilter,
        page: Page,
    ) -> Result<Vec<Call>> {
        all!(
            self,
            Call,
            "SELECT * FROM calls WHERE workspace_id = $1 AND id < $2 AND ($3 IS NULL OR campaign_id = $3)
                AND ($4 IS NULL OR recipient_id = $4) AND ($5 IS NULL OR state = $5) ORDER BY id DESC LIMIT $6",
            workspace.uuid(),
            page.below(),
            filter.campaign.map(CampaignId::uuid),
            filter.recipient.map(RecipientId::uuid),
            filter.state.map(CallState::as_str),
            i64::from(page.limit)
        )
    }

    /// What workers need to dial these calls. Calls that do not exist (any more) are missing in the answer.
    pub async fn dials(&mut self, ids: &[Uuid]) -> Result<Vec<Dial>> {
        all!(
            self,
            Dial,
            "SELECT c.id, c.campaign_id, c.state, c.orphaned_at, c.due_at, c.number, coalesce(c.caller_id, t.caller_id) AS caller_id,
                    c.ring_seconds, c.max_call_seconds, c.resume, c.trunk_id, t.config, t.limits AS trunk_limits,
                    p.limits AS campaign_limits, p.state AS campaign_state, a.greeting, a.recording
             FROM calls c JOIN trunks t ON t.id = c.trunk_id JOIN agents a ON a.id = c.agent_id
                  LEFT JOIN campaigns p ON p.id = c.campaign_id
             WHERE c.id IN (SELECT id FROM ROWS($1, id uuid) AS r)",
            rows::ids(ids.iter().copied())
        )
    }

    /// Begins calls: PENDING → TRIGGERED, for those that are due, still waiting and whose campaign is calling. Gives their ids.
    /// Hold the campaigns first ([`Tx::hold_campaigns`]).
    pub async fn begin_calls(&mut self, wishes: &[Begin], now: DateTime<Utc>) -> Result<Vec<Uuid>> {
        on!(
            self,
            query_scalar::<Uuid>,
            "UPDATE calls SET state = 'TRIGGERED', worker_id = r.worker, resume = r.resume, hold = NULL,
                    placements = placements + 1, triggered_at = coalesce(triggered_at, $2)
             FROM ROWS($1, id uuid, worker uuid, resume json) AS r
             WHERE calls.id = r.id AND calls.state = 'PENDING' AND calls.due_at <= $2
               AND (calls.campaign_id IS NULL OR calls.campaign_id IN (SELECT id FROM campaigns WHERE state = 'IN_PROGRESS'))
             RETURNING calls.id",
            (rows::rows(wishes), Timestamp(now)),
            fetch_all
        )
    }

    /// Calls by id, unlocked.
    pub async fn calls_by_id(&mut self, ids: &[Uuid]) -> Result<Vec<Call>> {
        all!(
            self,
            Call,
            "SELECT * FROM calls WHERE id IN (SELECT id FROM ROWS($1, id uuid) AS r)",
            rows::ids(ids.iter().copied())
        )
    }

    /// Those of these calls that have begun, are not over and belong to the given worker; held until this transaction ends.
    pub async fn open_calls(&mut self, owned: &[(Uuid, WorkerId)]) -> Result<Vec<Call>> {
        #[derive(Serialize)]
        struct Row {
            #[serde(serialize_with = "hex")]
            id: Uuid,
            #[serde(serialize_with = "hex")]
            worker: Uuid,
        }
        all!(
            self,
            Call,
            "SELECT c.* FROM calls c JOIN ROWS($1, id uuid, worker uuid) AS r ON r.id = c.id AND r.worker = c.worker_id
             WHERE c.state IN ('TRIGGERED', 'ONGOING') ORDER BY c.id FOR UPDATE OF c",
            rows::rows(owned.iter().map(|&(id, worker)| Row { id, worker: worker.uuid() }))
        )
    }

    /// Marks an answered call; false when it is not this worker's any more.
    pub async fn answer_call(&mut self, id: CallId, worker: WorkerId, now: DateTime<Utc>) -> Result<bool> {
        let changed = exec!(
            self,
            "UPDATE calls SET state = 'ONGOING', answered_at = $3 WHERE id = $1 AND worker_id = $2 AND state = 'TRIGGERED'",
            id.uuid(),
            worker.uuid(),
            Timestamp(now)
        )?;
        Ok(changed == 1)
    }

    /// Keeps what the carrier now needs to find the call again.
    pub async fn set_resume(&mut self, id: CallId, worker: WorkerId, resume: &Value) -> Result<()> {
        exec!(
            self,
            "UPDATE calls SET resume = $3 WHERE id = $1 AND worker_id = $2 AND state IN ('TRIGGERED', 'ONGOING')",
            id.uuid(),
            worker.uuid(),
            sqlx::types::Json(resume)
        )?;
        Ok(())
    }

    /// Writes what became of calls.
    pub async fn update_calls(&mut self, updates: &[CallUpdate]) -> Result<()> {
        exec!(
            self,
            "UPDATE calls SET state = r.state, hold = r.hold, outcome = r.outcome, reason = r.reason, code = r.code,
                    ended_by = r.ended_by, due_at = coalesce(r.due_at, calls.due_at), ended_at = r.ended_at,
                    pushed_at = NULL, orphaned_at = NULL, resume = NULL
             FROM ROWS($1, id uuid, state text, hold text, outcome text, reason text, code int, ended_by text, due_at time,
                       ended_at time) AS r
             WHERE calls.id = r.id",
            rows::rows(updates)
        )?;
        Ok(())
    }

    /// Sends a waiting call back: not before `at`. Gives its recipient if it was still waiting.
    pub async fn postpone_call(&mut self, id: CallId, at: DateTime<Utc>, hold: Hold) -> Result<Option<Uuid>> {
        let found = scalar!(
            self,
            Option<Uuid>,
            "UPDATE calls SET due_at = $2, pushed_at = NULL, hold = $3 WHERE id = $1 AND state = 'PENDING' RETURNING recipient_id",
            id.uuid(),
            Timestamp(at),
            hold.as_str()
        )?;
        Ok(found.flatten())
    }

    /// Takes over a call whose worker died; false when somebody else did.
    pub async fn adopt_call(&mut self, id: CallId, worker: WorkerId) -> Result<bool> {
        let changed = exec!(
            self,
            "UPDATE calls SET worker_id = $2, orphaned_at = NULL
             WHERE id = $1 AND orphaned_at IS NOT NULL AND state IN ('TRIGGERED', 'ONGOING')",
            id.uuid(),
            worker.uuid()
        )?;
        Ok(changed == 1)
    }

    /// How many calls of the campaign wait for a worker.
    pub async fn count_waiting_calls(&mut self, campaign: CampaignId) -> Result<u32> {
        let n = scalar!(
            self,
            i64,
            "SELECT count(*) FROM calls WHERE campaign_id = $1 AND state = 'PENDING'",
            campaign.uuid()
        )?;
        Ok(n.unwrap_or(0) as u32)
    }

    /// How many calls, of all campaigns, wait with a job that has been pushed.
    pub async fn count_pushed_calls(&mut self) -> Result<u64> {
        let n = scalar!(
            self,
            i64,
            "SELECT count(*) FROM calls WHERE state = 'PENDING' AND pushed_at IS NOT NULL"
        )?;
        Ok(n.unwrap_or(0) as u64)
    }

    /// Waiting calls that are due and have no job, or whose job was pushed before `lost_before`; marks them pushed now.
    pub async fn calls_to_push(
        &mut self,
        lost_before: Option<DateTime<Utc>>,
        limit: u32,
        now: DateTime<Utc>,
    ) -> Result<Vec<Waiting>> {
        all!(
            self,
            Waiting,
            "UPDATE calls SET pushed_at = $1 WHERE id IN (
                 SELECT id FROM calls WHERE state = 'PENDING' AND due_at <= $1 AND (pushed_at IS NULL OR pushed_at < $2)
                    AND (campaign_id IS NULL OR campaign_id IN (SELECT id FROM campaigns WHERE state = 'IN_PROGRESS'))
                 ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED)
             RETURNING id, campaign_id",
            Timestamp(now),
            lost_before.map(Timestamp),
            i64::from(limit)
        )
    }

    /// Calls that have begun and whose worker is dead, and orphans nobody has taken since `lost_before`; marks them pushed now.
    pub async fn orphans_to_push(
        &mut self,
        lost_before: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Vec<CallId>> {
        let ids: Vec<Uuid> = on!(
            self,
            query_scalar::<Uuid>,
            "UPDATE calls SET orphaned_at = coalesce(orphaned_at, $1), pushed_at = $1, worker_id = NULL
             WHERE state IN ('TRIGGERED', 'ONGOING') AND (worker_id IN (SELECT id FROM workers WHERE dead_at IS NOT NULL)
                   OR (orphaned_at IS NOT NULL AND pushed_at < $2))
             RETURNING id",
            (Timestamp(now), Timestamp(lost_before)),
            fetch_all
        )?;
        Ok(ids.into_iter().map(CallId::from).collect())
    }

    /// A pause: waiting calls that never went to a carrier vanish, their recipients are PENDING again.
    pub async fn withdraw_waiting_calls(&mut self, campaign: CampaignId) -> Result<()> {
        let recipients: Vec<Uuid> = on!(
            self,
            query_scalar::<Uuid>,
            "DELETE FROM calls WHERE campaign_id = $1 AND state = 'PENDING' AND placements = 0 RETURNING recipient_id",
            (campaign.uuid()),
            fetch_all
        )?;
        exec!(
            self,
            "UPDATE recipients SET state = 'PENDING', hold = NULL WHERE state = 'QUEUED' AND id IN (SELECT id FROM ROWS($1, id uuid) AS r)",
            rows::ids(recipients)
        )?;
        Ok(())
    }

    /// A resumed campaign: its waiting calls are pushed again at once.
    pub async fn forget_pushes(&mut self, campaign: CampaignId) -> Result<()> {
        exec!(
            self,
            "UPDATE calls SET pushed_at = NULL WHERE campaign_id = $1 AND state = 'PENDING'",
            campaign.uuid()
        )?;
        Ok(())
    }

    /// A cancel: waiting calls that had gone to a carrier before end as CANCELLED; gives them.
    pub async fn cancel_held_calls(
        &mut self,
        campaign: CampaignId,
        reason: &str,
        now: DateTime<Utc>,
    ) -> Result<Vec<Call>> {
        all!(
            self,
            Call,
            "UPDATE calls SET state = 'CANCELLED', reason = $2, ended_at = $3, hold = NULL, pushed_at = NULL, resume = NULL
             WHERE campaign_id = $1 AND state = 'PENDING' AND placements > 0 RETURNING *",
            campaign.uuid(),
            reason,
            Timestamp(now)
        )
    }

    /// How many calls of the campaign are live: TRIGGERED, ONGOING.
    pub async fn live_calls(&mut self, campaign: CampaignId) -> Result<(u64, u64)> {
        record! {
            /// Live calls by state.
            pub struct Count {
                pub state: CallState,
                pub n: i64,
            }
        }
        let counts = all!(
            self,
            Count,
            "SELECT state, count(*) AS n FROM calls WHERE campaign_id = $1 AND state IN ('TRIGGERED', 'ONGOING') GROUP BY state",
            campaign.uuid()
        )?;
        let of = |state| counts.iter().filter(|c| c.state == state).map(|c| c.n as u64).sum();
        Ok((of(CallState::Triggered), of(CallState::Ongoing)))
    }
}
