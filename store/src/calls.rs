use chrono::{DateTime, Utc};
use ringfleet_core::{
    AgentId, AgentVersion, CallId, CallState, CampaignId, Channel, E164, EndedBy, Hold, Outcome, RecipientId,
    TrunkId, WorkerId, WorkspaceId,
    call::{Heard, NO_FREE_SEAT},
    cursor::Cursor,
};
use serde::{Serialize, Serializer};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    LOOKED_AT, Order, Page, Result, Timestamp, Tx,
    record::record,
    rows::{self, hex, hex_opt, millis, millis_opt, version_opt},
    tx::{all, exec, last_looked_at, on, one, scalar},
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
        /// In which version; of a campaign's call, once it has begun.
        pub agent_version: Option<AgentVersion>,
        /// What places it.
        pub trunk_id: TrunkId,
        /// The channel.
        pub channel: Channel,
        /// Whom to call.
        pub number: E164,
        /// The caller ID it shows, once it has begun; before, the one given with a triggered call.
        pub caller_id: Option<String>,
        /// The day, since 1970-01-01, under which it is counted for that number.
        pub caller_day: Option<i32>,
        /// Given with a triggered call; comes back in events.
        pub metadata: Value,
        /// Its step in the plan of its campaign.
        pub step: u32,
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
        /// What was heard of the callee.
        pub heard: Option<Heard>,
        /// The number or address that it was handed on to.
        pub transferred_to: Option<String>,
        /// When it was.
        pub transferred_at: Option<DateTime<Utc>>,
        /// What continues the trace it belongs to, as W3C's `traceparent`; none where nobody traces it.
        pub traceparent: Option<String>,
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
    /// The version of the agent that a single call is made with; a campaign's takes the one that is live when it begins.
    #[serde(serialize_with = "version_opt")]
    pub agent_version: Option<AgentVersion>,
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
    /// What continues the trace it belongs to.
    pub traceparent: Option<String>,
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
    /// What was heard of the callee.
    pub heard: Option<Heard>,
    /// When it may be tried again.
    #[serde(serialize_with = "millis_opt")]
    pub due_at: Option<DateTime<Utc>>,
    /// It never went to a carrier: when it began is forgotten.
    pub unsent: bool,
    /// When it was answered, if that has not been written before.
    #[serde(serialize_with = "millis_opt")]
    pub answered_at: Option<DateTime<Utc>>,
    /// When it ended.
    #[serde(serialize_with = "millis_opt")]
    pub ended_at: Option<DateTime<Utc>>,
}

/// A call that was answered.
#[derive(Debug, Clone, Serialize)]
pub struct Answered {
    /// Which.
    #[serde(serialize_with = "hex")]
    pub id: Uuid,
    /// Whose it is.
    #[serde(serialize_with = "hex")]
    pub worker: Uuid,
    /// When.
    #[serde(serialize_with = "millis")]
    pub at: DateTime<Utc>,
    /// How it counts, where its campaign has seats.
    #[serde(rename = "reason", serialize_with = "reason")]
    pub seat: Option<SeatAnswer>,
}

/// An answer in a campaign that has seats.
#[derive(Debug, Clone, Copy)]
pub struct SeatAnswer {
    /// Which campaign.
    pub campaign: CampaignId,
    /// Whether a seat was free.
    pub abandoned: bool,
    /// So many of its last answers will be looked at.
    pub window: u32,
}

/// What is kept with an answered call that is about to end for it.
fn reason<S: Serializer>(seat: &Option<SeatAnswer>, s: S) -> std::result::Result<S::Ok, S::Error> {
    seat.filter(|seat| seat.abandoned).map(|_| NO_FREE_SEAT).serialize(s)
}

/// What a carrier now needs to find a call again.
#[derive(Debug, Clone, Serialize)]
pub struct Kept {
    /// Which call.
    #[serde(serialize_with = "hex")]
    pub id: Uuid,
    /// Whose it is.
    #[serde(serialize_with = "hex")]
    pub worker: Uuid,
    /// For the carrier.
    pub resume: Value,
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
    /// Only those that came to this.
    pub outcome: Option<Outcome>,
    /// Only with this agent.
    pub agent: Option<AgentId>,
    /// Only to this number.
    pub number: Option<E164>,
}

/// A page of calls. Of those that `$leads` finds in order, no more are looked at than may be ([`LOOKED_AT`]).
macro_rules! calls {
    ($tx:expr, $workspace:expr, $filter:expr, $page:expr, $leads:literal) => {
        match $page.order {
            Order::NewestFirst => calls!(@ $tx, $workspace, $filter, $page, $leads, "ORDER BY id DESC", "DESC"),
            Order::OldestFirst => calls!(@ $tx, $workspace, $filter, $page, $leads, "ORDER BY id ASC", "ASC"),
        }
    };
    (@ $tx:expr, $workspace:expr, $filter:expr, $page:expr, $leads:literal, $looks:literal, $order:literal) => {
        all!(
            $tx,
            Call,
            concat!(
                "SELECT * FROM (SELECT * FROM calls WHERE ", $leads, " AND id > $2 AND id < $3 ", $looks, " LIMIT $5) AS c
                 WHERE workspace_id = $1 AND ($6 IS NULL OR campaign_id = $6) AND ($7 IS NULL OR recipient_id = $7)
                    AND ($8 IS NULL OR state = $8) AND ($9 IS NULL OR outcome = $9) AND ($10 IS NULL OR agent_id = $10)
                    AND ($11 IS NULL OR number = $11)
                 ORDER BY id ", $order, " LIMIT $4"
            ),
            $workspace.uuid(),
            $page.above(),
            $page.below(),
            i64::from($page.limit),
            i64::from(LOOKED_AT),
            $filter.campaign.map(CampaignId::uuid),
            $filter.recipient.map(RecipientId::uuid),
            $filter.state.map(CallState::as_str),
            $filter.outcome.map(Outcome::as_str),
            $filter.agent.map(AgentId::uuid),
            $filter.number.map(|number| number.digits() as i64)
        )
    };
}

/// The same for the calls of one recipient, which are few: their index does not have them in order, so none is asked for.
macro_rules! calls_of_recipient {
    ($tx:expr, $workspace:expr, $filter:expr, $page:expr) => {
        match $page.order {
            Order::NewestFirst => calls!(@ $tx, $workspace, $filter, $page, "recipient_id = $7", "", "DESC"),
            Order::OldestFirst => calls!(@ $tx, $workspace, $filter, $page, "recipient_id = $7", "", "ASC"),
        }
    };
}

impl Call {
    /// From the answer to the end, in milliseconds: 0 when nobody answered, nothing while the call is not over. Never less than
    /// 0, although two hosts may have read their clocks.
    pub fn talked_ms(&self) -> Option<i64> {
        let talked = |end: DateTime<Utc>| {
            self.answered_at.map_or(0, |answer| (end - answer).num_milliseconds().max(0))
        };
        self.ended_at.map(talked)
    }
}

impl Tx {
    /// Makes calls, PENDING.
    pub async fn insert_calls(&mut self, new: &[NewCall], now: DateTime<Utc>) -> Result<()> {
        exec!(
            self,
            "INSERT INTO calls (id, workspace_id, campaign_id, recipient_id, agent_id, agent_version, trunk_id, channel, number, variables, metadata,
                                caller_id, ring_seconds, max_call_seconds, step, attempt, placements, state, due_at, pushed_at, traceparent, created_at)
             SELECT r.id, r.workspace_id, r.campaign_id, r.recipient_id, r.agent_id, r.agent_version, r.trunk_id, r.channel, r.number, r.variables,
                    r.metadata, r.caller_id, r.ring_seconds, r.max_call_seconds, r.step, r.attempt, 0, 'PENDING', r.due_at, r.pushed_at, r.traceparent, $2
             FROM ROWS($1, id uuid, workspace_id uuid, campaign_id uuid, recipient_id uuid, agent_id uuid, agent_version int, trunk_id uuid, channel text,
                       number int, variables json, metadata json, caller_id text, ring_seconds int, max_call_seconds int, step int,
                       attempt int, due_at time, pushed_at time, traceparent text) AS r WHERE true",
            rows::rows(new)?,
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
        if filter.recipient.is_some() {
            return calls_of_recipient!(self, workspace, filter, page);
        }
        self.in_order(true).await?;
        let found = match filter.campaign {
            Some(_) => calls!(self, workspace, filter, page, "campaign_id = $6"),
            None => calls!(self, workspace, filter, page, "workspace_id = $1"),
        }?;
        self.in_order(false).await?;
        Ok(found)
    }

    /// Where a page of calls ends that holds fewer than it could: the last of the rows that were looked at for it; none at the end
    /// of the list.
    pub async fn calls_looked_at(
        &mut self,
        workspace: WorkspaceId,
        filter: CallFilter,
        page: Page,
    ) -> Result<Option<Cursor>> {
        self.in_order(true).await?;
        let last = match filter {
            CallFilter { recipient: Some(_), .. } => None,
            CallFilter { campaign: Some(campaign), .. } => {
                last_looked_at!(self, "calls", "campaign_id", campaign.uuid(), page)?
            }
            _ => last_looked_at!(self, "calls", "workspace_id", workspace.uuid(), page)?,
        };
        self.in_order(false).await?;
        Ok(last)
    }

    /// Calls by id, unlocked.
    pub async fn calls_by_id(&mut self, ids: &[Uuid]) -> Result<Vec<Call>> {
        all!(
            self,
            Call,
            "SELECT * FROM calls WHERE id IN (SELECT id FROM ROWS($1, id uuid) AS r)",
            rows::ids(ids.iter().copied())?
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
            "SELECT c.* FROM calls c JOIN ROWS($1, id uuid, worker uuid) AS r ON r.id = c.id
             WHERE c.worker_id = r.worker AND c.state IN ('TRIGGERED', 'ONGOING')
             ORDER BY c.id FOR UPDATE OF c",
            rows::rows(owned.iter().map(|&(id, worker)| Row { id, worker: worker.uuid() }))?
        )
    }

    /// Marks calls that were answered, and those for whom no seat was free, for whoever may have to end them; gives those that still belonged to their worker and were not marked already.
    pub async fn answer_calls(&mut self, answers: &[Answered]) -> Result<Vec<Uuid>> {
        on!(
            self,
            query_scalar::<Uuid>,
            "UPDATE calls SET state = 'ONGOING', answered_at = r.at, reason = coalesce(r.reason, calls.reason)
             FROM ROWS($1, id uuid, worker uuid, at time, reason text) AS r
             WHERE calls.id = r.id AND calls.worker_id = r.worker AND calls.state = 'TRIGGERED'
             RETURNING calls.id",
            (rows::rows(answers)?),
            fetch_all
        )
    }

    /// Keeps what carriers now need to find their calls again. A call stands in `kept` once.
    pub async fn keep_resumes(&mut self, kept: &[Kept]) -> Result<()> {
        exec!(
            self,
            "UPDATE calls SET resume = r.resume FROM ROWS($1, id uuid, worker uuid, resume json) AS r
             WHERE calls.id = r.id AND calls.worker_id = r.worker AND calls.state IN ('TRIGGERED', 'ONGOING')",
            rows::rows(kept)?
        )?;
        Ok(())
    }

    /// Writes what became of calls. Those that wait again, or were given up, are counted for no number any more.
    pub async fn update_calls(&mut self, updates: &[CallUpdate]) -> Result<()> {
        exec!(
            self,
            "UPDATE calls SET state = r.state, hold = r.hold, outcome = r.outcome, reason = r.reason, code = r.code,
                    ended_by = r.ended_by, heard = nullif(r.heard, 'null'), due_at = coalesce(r.due_at, calls.due_at), ended_at = r.ended_at,
                    answered_at = coalesce(calls.answered_at, r.answered_at),
                    pushed_at = NULL, orphaned_at = NULL, resume = NULL,
                    triggered_at = CASE WHEN r.unsent THEN NULL ELSE calls.triggered_at END,
                    caller_day = CASE WHEN r.state IN ('PENDING', 'CANCELLED') THEN NULL ELSE calls.caller_day END
             FROM ROWS($1, id uuid, state text, hold text, outcome text, reason text, code int, ended_by text, heard json, due_at time,
                       unsent bool, answered_at time, ended_at time) AS r
             WHERE calls.id = r.id",
            rows::rows(updates)?
        )?;
        Ok(())
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
            "SELECT state, count(*) AS n FROM calls WHERE campaign_id = $1 AND open AND state IN ('TRIGGERED', 'ONGOING') GROUP BY state",
            campaign.uuid()
        )?;
        let of = |state| counts.iter().filter(|c| c.state == state).map(|c| c.n as u64).sum();
        Ok((of(CallState::Triggered), of(CallState::Ongoing)))
    }
}
