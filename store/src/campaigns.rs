use chrono::{DateTime, Utc};
use ringfleet_core::{
    AgentId, BrakeRule, CallerIds, CampaignId, CampaignState, Caps, Plan, Recurrence, Schedule, Seats, Terms,
    TrunkGroupId, TrunkId, WorkspaceId, WorkspaceRules, trunk::Limits,
};
use serde::Serialize;
use sqlx::types::Json;
use uuid::Uuid;

use crate::{
    CampaignSettings, Page, Result, Timestamp, Tx,
    record::record,
    rows,
    text::holds_in_any_case,
    tx::{all, exec, on, one, page, scalar},
};

record! {
    /// An agent, a plan of channel steps, limits and a list of recipients.
    pub struct Campaign {
        /// Its id.
        pub id: CampaignId,
        /// The tenant it belongs to.
        pub workspace_id: WorkspaceId,
        /// Who talks.
        pub agent_id: AgentId,
        /// What places the calls; of a group, its first trunk.
        pub trunk_id: TrunkId,
        /// The trunks that place the calls, if there are several.
        pub trunk_group_id: Option<TrunkGroupId>,
        /// How people call it.
        pub name: String,
        /// Where it stands.
        pub state: CampaignState,
        /// Why it FAILED, or why a rule paused it.
        pub reason: Option<String>,
        /// What it does for each recipient.
        pub plan: Plan,
        /// Its own limits, beside the trunk's.
        pub limits: Limits,
        /// How many can talk at once; none where that is no limit.
        pub seats: Option<Seats>,
        /// How long a phone may ring, in seconds.
        pub ring_seconds: u32,
        /// How long an answered call may last, in seconds.
        pub max_call_seconds: u32,
        /// When its recipients may be called, on their own clocks.
        pub schedule: Schedule,
        /// How often one number may be called, where it is stricter than the workspace.
        pub caps: Caps,
        /// Numbers that others in the workspace have called in the last so many days are not called.
        pub dupe_days: Option<u32>,
        /// Recipients are not called any more so many days after they were added.
        pub expire_days: Option<u32>,
        /// No call begins from this moment on.
        pub end_at: Option<DateTime<Utc>>,
        /// When it stops by itself.
        pub brake: BrakeRule,
        /// What its workspace sets for all campaigns.
        pub floor: WorkspaceRules,
        /// Not before this moment.
        pub start_at: Option<DateTime<Utc>>,
        /// When it first began to call.
        pub started_at: Option<DateTime<Utc>>,
        /// When it ended.
        pub finished_at: Option<DateTime<Utc>>,
        /// When it was made.
        pub created_at: DateTime<Utc>,
        /// When fresh runs of its list are made; it calls nobody itself then.
        pub recurrence: Option<Recurrence>,
        /// When the next run is due.
        pub next_run_at: Option<DateTime<Utc>>,
        /// The campaign this is a run of.
        pub parent_id: Option<CampaignId>,
        /// The campaign whose list is being copied into this one.
        pub copies_from: Option<CampaignId>,
        /// Up to which recipient they have found their place in its changed plan.
        pub replanned_to: Option<Uuid>,
        /// How much it gets of what room there is, beside the others of its workspace.
        pub weight: f64,
        /// The numbers it shows; without any, those of its trunk.
        pub caller_ids: Option<CallerIds>,
    }
}

/// A campaign to be made, in DRAFT.
#[derive(Debug, Clone)]
pub struct NewCampaign {
    /// Who talks.
    pub agent_id: AgentId,
    /// What places the calls; of a group, its first trunk.
    pub trunk_id: TrunkId,
    /// The trunks that place the calls, if there are several.
    pub trunk_group_id: Option<TrunkGroupId>,
    /// Everything that can be changed later.
    pub settings: CampaignSettings,
}

impl Campaign {
    /// The rules that bind its calls.
    pub fn terms(&self) -> Terms<'_> {
        Terms {
            schedule: &self.schedule,
            floor: &self.floor,
            caps: self.caps,
            dupe_days: self.dupe_days,
            expire_days: self.expire_days,
            end_at: self.end_at,
        }
    }
}

record! {
    /// A campaign the scheduler looks at.
    pub struct Running {
        /// Its id.
        pub id: CampaignId,
        /// Its workspace.
        pub workspace_id: WorkspaceId,
        /// SCHEDULED or IN_PROGRESS.
        pub state: CampaignState,
        /// Its own limits.
        pub limits: Limits,
        /// How many can talk at once.
        pub seats: Option<Seats>,
        /// Its trunk's limits; none of a group, see the engine.
        pub trunk_limits: Limits,
        /// What its workspace sets for all campaigns.
        pub floor: WorkspaceRules,
        /// What places its calls: a trunk, or a group of them.
        pub lines: Uuid,
        /// Whether that is a group.
        pub has_group: bool,
        /// Its trunk has caller IDs for those that have none of their own; those of a group's trunks are looked at when calls begin.
        pub trunk_has_pool: bool,
        /// How much it gets beside the others of its workspace.
        pub weight: f64,
        /// Its plan has steps that send messages.
        pub has_messages: bool,
        /// Somebody on its list is due.
        pub has_due: bool,
    }
}

/// Which campaigns are listed.
#[derive(Debug, Clone, Default)]
pub struct CampaignFilter {
    /// Only in this state.
    pub state: Option<CampaignState>,
    /// Only those whose name holds this, in upper or lower case.
    pub name: Option<String>,
    /// Only of this agent.
    pub agent: Option<AgentId>,
    /// Only runs of this one.
    pub parent: Option<CampaignId>,
}

impl Tx {
    /// Makes a campaign in DRAFT.
    pub async fn insert_campaign(
        &mut self,
        workspace: WorkspaceId,
        new: NewCampaign,
        now: DateTime<Utc>,
    ) -> Result<Campaign> {
        let id = CampaignId::new(now);
        let to = &new.settings;
        exec!(
            self,
            "INSERT INTO campaigns (id, workspace_id, agent_id, trunk_id, name, state, plan, limits, ring_seconds,
                                    max_call_seconds, start_at, created_at, schedule, caps, dupe_days, expire_days, end_at,
                                    recurrence, brake, weight, trunk_group_id, seats, caller_ids)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23)",
            id.uuid(),
            workspace.uuid(),
            new.agent_id.uuid(),
            new.trunk_id.uuid(),
            &to.name,
            CampaignState::Draft.as_str(),
            Json(&to.plan),
            Json(&to.limits),
            to.ring_seconds as i32,
            to.max_call_seconds as i32,
            to.start_at.map(Timestamp),
            Timestamp(now),
            Json(&to.schedule),
            Json(&to.caps),
            to.dupe_days.map(|days| days as i32),
            to.expire_days.map(|days| days as i32),
            to.end_at.map(Timestamp),
            to.recurrence.as_ref().map(Json),
            Json(&to.brake),
            to.weight,
            new.trunk_group_id.map(|group| group.uuid()),
            to.seats.map(Json),
            to.caller_ids.as_ref().map(Json)
        )?;
        let made = self.campaign(workspace, id).await?;
        made.ok_or_else(|| sqlx::Error::RowNotFound.into())
    }

    /// One campaign of the workspace.
    pub async fn campaign(&mut self, workspace: WorkspaceId, id: CampaignId) -> Result<Option<Campaign>> {
        one!(
            self,
            Campaign,
            "SELECT c.*, w.rules AS floor FROM campaigns c JOIN workspaces w ON w.id = c.workspace_id
             WHERE c.workspace_id = $1 AND c.id = $2",
            workspace.uuid(),
            id.uuid()
        )
    }

    /// One campaign of the workspace, to be changed: nobody else holds it until this transaction ends.
    pub async fn campaign_for_update(
        &mut self,
        workspace: WorkspaceId,
        id: CampaignId,
    ) -> Result<Option<Campaign>> {
        exec!(self, "SELECT PASS_ALONE($1)", hold_key(id.uuid()))?;
        self.campaign(workspace, id).await
    }

    /// These campaigns, held so that their state cannot change until this transaction ends. Others may hold them so, too.
    ///
    /// Not by `FOR SHARE`: PostgreSQL lets new sharers pass a waiting writer, so that a pause would wait for ever on a busy
    /// campaign. Advisory locks are granted first come, first served.
    pub async fn hold_campaigns(&mut self, ids: &[Uuid]) -> Result<Vec<Campaign>> {
        #[derive(Serialize)]
        struct Held {
            key: i64,
        }
        let mut keys: Vec<i64> = ids.iter().map(|&id| hold_key(id)).collect();
        keys.sort_unstable(); // one order for everybody
        keys.dedup();
        let keys = rows::rows(keys.into_iter().map(|key| Held { key }))?;
        exec!(self, "SELECT PASS_TOGETHER(r.key) FROM ROWS($1, key int) AS r", keys)?;
        all!(
            self,
            Campaign,
            "SELECT c.*, w.rules AS floor FROM campaigns c JOIN workspaces w ON w.id = c.workspace_id
             WHERE c.id IN (SELECT id FROM ROWS($1, id uuid) AS r) ORDER BY c.id",
            rows::ids(ids.iter().copied())?
        )
    }

    /// Makes this transaction the only one that dispatches the campaign until it ends; false when another does.
    pub async fn try_dispatching(&mut self, campaign: CampaignId) -> Result<bool> {
        let free = scalar!(self, bool, "SELECT TRY_LOCK($1)", lock_key(campaign.uuid()))?;
        Ok(free.unwrap_or(false))
    }

    /// A page of the workspace's campaigns.
    pub async fn campaigns(
        &mut self,
        workspace: WorkspaceId,
        filter: &CampaignFilter,
        page: Page,
    ) -> Result<Vec<Campaign>> {
        let (folded, exact) = holds_in_any_case(filter.name.as_deref());
        page!(
            self,
            Campaign,
            page,
            "SELECT c.*, w.rules AS floor FROM campaigns c JOIN workspaces w ON w.id = c.workspace_id
             WHERE c.workspace_id = $1 AND c.id > $2 AND c.id < $3 AND ($5 IS NULL OR c.state = $5)
                AND ($6 IS NULL OR c.agent_id = $6) AND ($7 IS NULL OR c.parent_id = $7)
                AND ($8 IS NULL OR lower(c.name) LIKE $8 ESCAPE '\\' OR c.name LIKE $9 ESCAPE '\\')",
            "c.id",
            (
                workspace.uuid(),
                filter.state.map(CampaignState::as_str),
                filter.agent.map(AgentId::uuid),
                filter.parent.map(CampaignId::uuid),
                &folded,
                &exact
            )
        )
    }

    /// The campaigns of an agent of the workspace, newest first: `limit` of them after the first `offset`.
    pub async fn campaigns_of_agent(
        &mut self,
        workspace: WorkspaceId,
        agent: AgentId,
        offset: u64,
        limit: u32,
    ) -> Result<Vec<Campaign>> {
        all!(
            self,
            Campaign,
            "SELECT c.*, w.rules AS floor FROM campaigns c JOIN workspaces w ON w.id = c.workspace_id
             WHERE c.workspace_id = $1 AND c.agent_id = $2 ORDER BY c.id DESC LIMIT $3 OFFSET $4",
            workspace.uuid(),
            agent.uuid(),
            i64::from(limit),
            offset as i64
        )
    }

    /// How many campaigns an agent of the workspace has.
    pub async fn count_campaigns_of_agent(&mut self, workspace: WorkspaceId, agent: AgentId) -> Result<u64> {
        let n = scalar!(
            self,
            i64,
            "SELECT count(*) FROM campaigns WHERE workspace_id = $1 AND agent_id = $2",
            workspace.uuid(),
            agent.uuid()
        )?;
        Ok(n.unwrap_or(0) as u64)
    }

    /// Writes a new state. `started_at` and `finished_at` are kept once set.
    pub async fn set_campaign_state(
        &mut self,
        id: CampaignId,
        state: CampaignState,
        reason: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let started = (state == CampaignState::InProgress).then_some(Timestamp(now));
        let finished = state.is_final().then_some(Timestamp(now));
        exec!(
            self,
            "UPDATE campaigns SET state = $2, reason = $3, started_at = coalesce(started_at, $4),
                    finished_at = coalesce(finished_at, $5) WHERE id = $1",
            id.uuid(),
            state.as_str(),
            reason,
            started,
            finished
        )?;
        Ok(())
    }

    /// Counts one event more that the campaign tells of itself; gives its number.
    pub async fn count_told(&mut self, id: CampaignId) -> Result<i64> {
        let told = scalar!(
            self,
            i32,
            "UPDATE campaigns SET told = told + 1 WHERE id = $1 RETURNING told",
            id.uuid()
        )?;
        Ok(told.unwrap_or_default().into())
    }

    /// The same for its progress: none where that has been told since `since`, or it stands where it stood then. `stands`: any figure that
    /// grows while it comes on.
    pub async fn count_progress(
        &mut self,
        id: CampaignId,
        stands: i64,
        since: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Option<i64>> {
        let told = scalar!(
            self,
            i32,
            "UPDATE campaigns SET told = told + 1, progress_at = $4, progress_of = $2
             WHERE id = $1 AND state = 'IN_PROGRESS' AND progress_of <> $2 AND (progress_at IS NULL OR progress_at <= $3)
             RETURNING told",
            id.uuid(),
            stands,
            Timestamp(since),
            Timestamp(now)
        )?;
        Ok(told.map(i64::from))
    }

    /// Marks a campaign that is over and whose recipients are ending in portions, or that this is done.
    pub async fn set_winding_up(&mut self, id: CampaignId, on: bool) -> Result<()> {
        exec!(self, "UPDATE campaigns SET winding_up = $2 WHERE id = $1", id.uuid(), on)?;
        Ok(())
    }

    /// Campaigns that are over and some of whose recipients may not be yet.
    pub async fn campaigns_winding_up(&mut self) -> Result<Vec<CampaignId>> {
        let ids: Vec<Uuid> = on!(
            self,
            query_scalar::<Uuid>,
            "SELECT id FROM campaigns WHERE winding_up ORDER BY id",
            (),
            fetch_all
        )?;
        Ok(ids.into_iter().map(CampaignId::from).collect())
    }

    /// Every campaign that is calling, or scheduled and due; not those whose end has come, nor those that only have runs.
    pub async fn running_campaigns(&mut self, now: DateTime<Utc>) -> Result<Vec<Running>> {
        // The due ones are in the order of the index that has nobody else; see `in_order`.
        self.in_order(true).await?;
        let mut running = all!(
            self,
            Running,
            "SELECT campaigns.id, campaigns.workspace_id, campaigns.state, campaigns.limits, campaigns.seats, workspaces.rules AS floor, campaigns.weight,
                    CASE WHEN campaigns.trunk_group_id IS NULL THEN trunks.limits ELSE '{}' END AS trunk_limits,
                    coalesce(campaigns.trunk_group_id, campaigns.trunk_id) AS lines,
                    campaigns.trunk_group_id IS NOT NULL AS has_group,
                    campaigns.trunk_group_id IS NULL AND trunks.caller_ids IS NOT NULL AS trunk_has_pool,
                    CAST(campaigns.plan AS text) LIKE '%\"message\":%' AS has_messages,
                    EXISTS (SELECT 1 FROM (VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)) AS steps
                            WHERE (SELECT 1 FROM recipients WHERE recipients.campaign_id = campaigns.id AND recipients.step = steps.column1
                                      AND recipients.waiting AND recipients.due_at <= $1
                                   ORDER BY recipients.due_at LIMIT 1) IS NOT NULL) AS has_due
             FROM campaigns JOIN trunks ON trunks.id = campaigns.trunk_id JOIN workspaces ON workspaces.id = campaigns.workspace_id
             WHERE (campaigns.state = 'IN_PROGRESS'
                    OR (campaigns.state = 'SCHEDULED' AND campaigns.start_at <= $1 AND campaigns.recurrence IS NULL))
               AND (campaigns.end_at IS NULL OR campaigns.end_at > $1)",
            Timestamp(now)
        )?;
        self.in_order(false).await?;
        running.sort_by_key(|campaign| campaign.id);
        Ok(running)
    }

    /// Whether any recipient of the campaign is not done yet: it waits, or has an open call.
    pub async fn has_open_recipients(&mut self, id: CampaignId) -> Result<bool> {
        // The order is that of the index that has nobody else; see `in_order`.
        self.in_order(true).await?;
        let waits = scalar!(
            self,
            i32,
            "SELECT 1 FROM recipients WHERE campaign_id = $1 AND waiting ORDER BY step, due_at LIMIT 1",
            id.uuid()
        )?;
        self.in_order(false).await?;
        if waits.is_some() {
            return Ok(true);
        }
        let called =
            scalar!(self, i32, "SELECT 1 FROM calls WHERE campaign_id = $1 AND open LIMIT 1", id.uuid())?;
        Ok(called.is_some())
    }
}

/// The random half of a campaign's id: the name of its locks.
fn lock_key(campaign: Uuid) -> i64 {
    campaign.as_u64_pair().1 as i64
}

/// The advisory lock a campaign is held under; apart from the one it is dispatched under.
fn hold_key(campaign: Uuid) -> i64 {
    !lock_key(campaign)
}
