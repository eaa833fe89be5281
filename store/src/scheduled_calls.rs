//! Recipients as one call each, however many attempts they take: what Samora's API lists.

use chrono::{DateTime, Utc};
use ringfleet_core::{AgentId, CallId, CampaignId, E164, RecipientId, ScheduledCallState, WorkspaceId};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    Result, Tx,
    record::record,
    rows,
    tx::{all, on, scalar},
};

record! {
    /// A recipient with its last attempt. Times of attempts are there once it is not PENDING.
    pub struct ScheduledCall {
        /// The recipient's id.
        pub id: RecipientId,
        /// Its campaign.
        pub campaign_id: CampaignId,
        /// Who talks.
        pub agent_id: AgentId,
        /// Whom to call.
        pub number: E164,
        /// What the agent may say.
        pub variables: Value,
        /// Where it stands.
        pub status: ScheduledCallState,
        /// The last attempt.
        pub call_id: Option<CallId>,
        /// When it was added.
        pub created_at: DateTime<Utc>,
        /// When something last changed.
        pub updated_at: DateTime<Utc>,
        /// When the last attempt began.
        pub started_at: Option<DateTime<Utc>>,
        /// When the last attempt ended.
        pub ended_at: Option<DateTime<Utc>>,
        /// How long somebody talked, in milliseconds.
        pub talked_ms: i64,
    }
}

/// By what a list is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ScheduledCallSort {
    /// By when they were added; ids are in that order.
    #[default]
    Created,
    /// By what last changed.
    Updated,
    /// By status, in the order of the alphabet.
    Status,
    /// By when the last attempt began.
    Started,
    /// By when the last attempt ended.
    Ended,
    /// By how long somebody talked.
    Duration,
}

/// Which scheduled calls of a campaign to list, and in which order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScheduledCallFilter {
    /// Only numbers with these digits in them.
    pub digits: Option<String>,
    /// Only those that stand so.
    pub status: Option<ScheduledCallState>,
    /// Only those in which somebody talked at least so long, in milliseconds.
    pub least_ms: Option<i64>,
    /// Only those in which somebody talked at most so long, in milliseconds.
    pub most_ms: Option<i64>,
    /// The order.
    pub sort: ScheduledCallSort,
    /// The other way round.
    pub ascending: bool,
}

impl ScheduledCallFilter {
    /// Whether the whole list is asked for.
    pub fn is_all(&self) -> bool {
        let Self { digits, status, least_ms, most_ms, .. } = self;
        digits.is_none() && status.is_none() && least_ms.is_none() && most_ms.is_none()
    }

    /// Whether it can be answered without looking at each attempt of the campaign.
    pub fn is_quick(&self) -> bool {
        self.sort == ScheduledCallSort::Created && self.least_ms.is_none() && self.most_ms.is_none()
    }
}

/// `core::scheduled_call` in SQL, of a recipient `r` and its last attempt `c`.
macro_rules! status {
    () => {
        "CASE WHEN r.state IN ('PENDING', 'QUEUED') THEN 'PENDING'
              WHEN r.state = 'ACTIVE' THEN CASE WHEN c.state = 'ONGOING' THEN 'ONGOING' ELSE 'TRIGGERED' END
              WHEN r.disposition = 'REACHED' OR (r.disposition = 'EXHAUSTED' AND r.last_outcome = 'ABANDONED') THEN 'CALL_FINISHED'
              WHEN r.disposition = 'EXHAUSTED' AND r.last_outcome IN ('UNANSWERED', 'VOICEMAIL', 'UNCERTAIN') THEN 'UNANSWERED'
              ELSE 'REJECTED' END"
    };
}

/// Each recipient `r` with its last attempt `c`.
macro_rules! with_last_attempt {
    () => {
        "LEFT JOIN calls c ON r.state NOT IN ('PENDING', 'QUEUED')
            AND c.id = (SELECT l.id FROM calls l WHERE l.recipient_id = r.id ORDER BY l.created_at DESC, l.id DESC LIMIT 1)"
    };
}

/// When something last changed of `r` and `c`.
macro_rules! updated_at {
    () => {
        "coalesce(r.done_at, c.ended_at, c.answered_at, c.triggered_at, r.created_at)"
    };
}

/// The rows a filter lets through, bound from `$1` to `$5`.
macro_rules! filtered {
    () => {
        concat!(
            "FROM recipients r ",
            with_last_attempt!(),
            " WHERE r.campaign_id = $1 AND ($2 IS NULL OR CAST(r.number AS text) LIKE $2) AND ($3 IS NULL OR ",
            status!(),
            " = $3) AND ($4 IS NULL OR coalesce(TALKED_MS, 0) >= $4) AND ($5 IS NULL OR coalesce(TALKED_MS, 0) <= $5)"
        )
    };
}

macro_rules! sorted {
    ($tx:expr, $given:expr, $offset:expr, $limit:expr, $by:expr, $direction:literal) => {
        on!(
            $tx,
            query_scalar::<Uuid>,
            concat!(
                "SELECT r.id ",
                filtered!(),
                " ORDER BY ",
                $by,
                " ",
                $direction,
                " NULLS LAST, r.id ",
                $direction,
                " LIMIT $6 OFFSET $7"
            ),
            (
                $given.campaign,
                $given.digits.as_deref(),
                $given.status,
                $given.least_ms,
                $given.most_ms,
                $limit,
                $offset
            ),
            fetch_all
        )
    };
}

/// A filter as it is bound.
struct Given {
    campaign: Uuid,
    digits: Option<String>,
    status: Option<&'static str>,
    least_ms: Option<i64>,
    most_ms: Option<i64>,
}

impl Given {
    fn new(campaign: CampaignId, filter: &ScheduledCallFilter) -> Self {
        Self {
            campaign: campaign.uuid(),
            digits: filter.digits.as_ref().map(|digits| format!("%{digits}%")),
            status: filter.status.map(ScheduledCallState::as_str),
            least_ms: filter.least_ms,
            most_ms: filter.most_ms,
        }
    }
}

impl Tx {
    /// A page of a campaign's scheduled calls: `limit` of them after the first `offset`.
    pub async fn scheduled_calls(
        &mut self,
        campaign: CampaignId,
        filter: &ScheduledCallFilter,
        offset: u64,
        limit: u32,
    ) -> Result<Vec<ScheduledCall>> {
        let ids = match filter.is_all() && filter.sort == ScheduledCallSort::Created {
            true => self.scheduled_in_order(campaign, filter.ascending, offset, limit).await?,
            false => self.scheduled_sorted(campaign, filter, offset, limit).await?,
        };
        let mut found = self.scheduled_calls_by_id(&ids).await?;
        found.sort_by_key(|call| ids.iter().position(|id| *id == call.id.uuid()));
        Ok(found)
    }

    /// The whole list in the order of an index.
    async fn scheduled_in_order(
        &mut self,
        campaign: CampaignId,
        ascending: bool,
        offset: u64,
        limit: u32,
    ) -> Result<Vec<Uuid>> {
        let (offset, limit) = (offset as i64, i64::from(limit));
        self.in_order(true).await?;
        let ids: Vec<Uuid> = match ascending {
            true => on!(
                self,
                query_scalar::<Uuid>,
                "SELECT id FROM recipients WHERE campaign_id = $1 ORDER BY id LIMIT $2 OFFSET $3",
                (campaign.uuid(), limit, offset),
                fetch_all
            )?,
            false => on!(
                self,
                query_scalar::<Uuid>,
                "SELECT id FROM recipients WHERE campaign_id = $1 ORDER BY id DESC LIMIT $2 OFFSET $3",
                (campaign.uuid(), limit, offset),
                fetch_all
            )?,
        };
        self.in_order(false).await?;
        Ok(ids)
    }

    async fn scheduled_sorted(
        &mut self,
        campaign: CampaignId,
        filter: &ScheduledCallFilter,
        offset: u64,
        limit: u32,
    ) -> Result<Vec<Uuid>> {
        use ScheduledCallSort::{Created, Duration, Ended, Started, Status, Updated};
        let (given, offset, limit) = (Given::new(campaign, filter), offset as i64, i64::from(limit));
        match (filter.sort, filter.ascending) {
            (Created, true) => sorted!(self, given, offset, limit, "r.id", "ASC"),
            (Created, false) => sorted!(self, given, offset, limit, "r.id", "DESC"),
            (Updated, true) => sorted!(self, given, offset, limit, updated_at!(), "ASC"),
            (Updated, false) => sorted!(self, given, offset, limit, updated_at!(), "DESC"),
            (Status, true) => sorted!(self, given, offset, limit, status!(), "ASC"),
            (Status, false) => sorted!(self, given, offset, limit, status!(), "DESC"),
            (Started, true) => sorted!(self, given, offset, limit, "c.triggered_at", "ASC"),
            (Started, false) => sorted!(self, given, offset, limit, "c.triggered_at", "DESC"),
            (Ended, true) => sorted!(self, given, offset, limit, "c.ended_at", "ASC"),
            (Ended, false) => sorted!(self, given, offset, limit, "c.ended_at", "DESC"),
            (Duration, true) => sorted!(self, given, offset, limit, "coalesce(TALKED_MS, 0)", "ASC"),
            (Duration, false) => sorted!(self, given, offset, limit, "coalesce(TALKED_MS, 0)", "DESC"),
        }
    }

    /// How many scheduled calls the filter lets through; no more than `most` are counted.
    pub async fn count_scheduled_calls(
        &mut self,
        campaign: CampaignId,
        filter: &ScheduledCallFilter,
        most: u32,
    ) -> Result<u64> {
        let given = Given::new(campaign, filter);
        let n = scalar!(
            self,
            i64,
            concat!("SELECT count(*) FROM (SELECT r.id ", filtered!(), " LIMIT $6) AS counted"),
            given.campaign,
            given.digits.as_deref(),
            given.status,
            given.least_ms,
            given.most_ms,
            i64::from(most)
        )?;
        Ok(n.unwrap_or(0) as u64)
    }

    /// Scheduled calls by the ids of their recipients, in no order.
    async fn scheduled_calls_by_id(&mut self, ids: &[Uuid]) -> Result<Vec<ScheduledCall>> {
        all!(
            self,
            ScheduledCall,
            concat!(
                "SELECT r.id, r.campaign_id, p.agent_id, r.number, r.variables, r.created_at, c.id AS call_id,
                        c.triggered_at AS started_at, c.ended_at, CAST(coalesce(TALKED_MS, 0) AS bigint) AS talked_ms, ",
                status!(),
                " AS status, ",
                updated_at!(),
                " AS updated_at FROM ROWS($1, id uuid) AS w JOIN recipients r ON r.id = w.id JOIN campaigns p ON p.id = r.campaign_id ",
                with_last_attempt!()
            ),
            rows::ids(ids.iter().copied())?
        )
    }

    /// One scheduled call of the workspace, by the id of its recipient.
    pub async fn scheduled_call(
        &mut self,
        workspace: WorkspaceId,
        id: RecipientId,
    ) -> Result<Option<ScheduledCall>> {
        let Some(found) = self.scheduled_calls_by_id(&[id.uuid()]).await?.pop() else { return Ok(None) };
        let ours = self.campaign(workspace, found.campaign_id).await?.is_some();
        Ok(Some(found).filter(|_| ours))
    }
}
