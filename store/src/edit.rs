//! What may be changed of a campaign, and of its recipients with it.

use chrono::{DateTime, Utc};
use ringfleet_core::{
    BrakeRule, CallerIds, CampaignId, Caps, Disposition, E164, Hold, Outcome, Plan, RecipientId,
    RecipientState, Recurrence, Schedule, Seats, WorkspaceId, replan::Place, terms::Due, trunk::Limits,
};
use serde::Serialize;
use sqlx::types::Json;
use uuid::Uuid;

use crate::{
    Campaign, NewCampaign, Result, Timestamp, Tx,
    record::record,
    rows::{self, hex, millis, millis_opt},
    tx::{all, exec, on, one},
};

/// What may be changed of a campaign, as it is to be.
#[derive(Debug, Clone, PartialEq)]
pub struct CampaignSettings {
    /// How people call it.
    pub name: String,
    /// What it does for each recipient.
    pub plan: Plan,
    /// Its own limits.
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
    /// Not before this moment.
    pub start_at: Option<DateTime<Utc>>,
    /// No call begins from this moment on.
    pub end_at: Option<DateTime<Utc>>,
    /// When fresh runs of its list are made.
    pub recurrence: Option<Recurrence>,
    /// When it stops by itself.
    pub brake: BrakeRule,
    /// How much it gets of what room there is, beside the others of its workspace.
    pub weight: f64,
    /// The numbers it shows; without any, those of its trunk.
    pub caller_ids: Option<CallerIds>,
}

impl CampaignSettings {
    /// No limits of its own, at any hour, at once; a phone may ring for half a minute, a call last an hour.
    pub fn new(name: impl Into<String>, plan: Plan) -> Self {
        Self {
            name: name.into(),
            plan,
            limits: Limits::default(),
            seats: None,
            ring_seconds: 30,
            max_call_seconds: 3_600,
            schedule: Schedule::default(),
            caps: Caps::default(),
            dupe_days: None,
            expire_days: None,
            start_at: None,
            end_at: None,
            recurrence: None,
            brake: BrakeRule::default(),
            weight: 1.0,
            caller_ids: None,
        }
    }
}

impl Campaign {
    /// What may be changed of it, as it is.
    pub fn settings(&self) -> CampaignSettings {
        CampaignSettings {
            name: self.name.clone(),
            plan: self.plan.clone(),
            limits: self.limits,
            seats: self.seats,
            ring_seconds: self.ring_seconds,
            max_call_seconds: self.max_call_seconds,
            schedule: self.schedule.clone(),
            caps: self.caps,
            dupe_days: self.dupe_days,
            expire_days: self.expire_days,
            start_at: self.start_at,
            end_at: self.end_at,
            recurrence: self.recurrence.clone(),
            brake: self.brake,
            weight: self.weight,
            caller_ids: self.caller_ids.clone(),
        }
    }

    /// A new campaign with all its settings under another name.
    pub fn like(&self, name: String) -> NewCampaign {
        let settings = CampaignSettings { name, ..self.settings() };
        NewCampaign {
            agent_id: self.agent_id,
            trunk_id: self.trunk_id,
            trunk_group_id: self.trunk_group_id,
            settings,
        }
    }
}

record! {
    /// A recipient as far as its place in the plan goes.
    pub struct Placed {
        /// Which.
        pub id: RecipientId,
        /// Where it stands.
        pub state: RecipientState,
        /// Index of the present step of the plan.
        pub step: u32,
        /// Attempts made on this step.
        pub attempts: u32,
        /// Attempts made on all steps.
        pub total_attempts: u32,
        /// Outcome of the latest attempt.
        pub last_outcome: Option<Outcome>,
        /// Whom to call.
        pub number: E164,
        /// Its own time zone (IANA), if the list names one.
        pub timezone: Option<String>,
        /// Not called before this moment.
        pub due_at: DateTime<Utc>,
        /// Why it is put off until then.
        pub hold: Option<Hold>,
        /// The moment the plan asked for, where the hours made it later.
        pub ready_at: Option<DateTime<Utc>>,
    }
}

record! {
    /// What waiting recipients waited for.
    pub struct Waited {
        /// Which.
        pub id: RecipientId,
        /// Until when.
        pub due_at: DateTime<Utc>,
        /// For what.
        pub hold: Option<Hold>,
    }
}

impl Tx {
    /// Writes the settings of a campaign. Hold it alone ([`Tx::campaign_for_update`]).
    pub async fn update_campaign(&mut self, id: CampaignId, to: &CampaignSettings) -> Result<()> {
        exec!(
            self,
            "UPDATE campaigns SET name = $2, plan = $3, limits = $4, ring_seconds = $5, max_call_seconds = $6, schedule = $7,
                    caps = $8, dupe_days = $9, expire_days = $10, start_at = $11, end_at = $12, recurrence = $13, brake = $14, weight = $15,
                    seats = $16, caller_ids = $17
             WHERE id = $1",
            id.uuid(),
            &to.name,
            Json(&to.plan),
            Json(&to.limits),
            to.ring_seconds as i32,
            to.max_call_seconds as i32,
            Json(&to.schedule),
            Json(&to.caps),
            to.dupe_days.map(|days| days as i32),
            to.expire_days.map(|days| days as i32),
            to.start_at.map(Timestamp),
            to.end_at.map(Timestamp),
            to.recurrence.as_ref().map(Json),
            Json(&to.brake),
            to.weight,
            to.seats.map(Json),
            to.caller_ids.as_ref().map(Json)
        )?;
        Ok(())
    }

    /// Notes up to which recipient those of a campaign have found their place in its changed plan; none when all have.
    pub async fn replanned_to(&mut self, id: CampaignId, last: Option<Uuid>) -> Result<()> {
        exec!(self, "UPDATE campaigns SET replanned_to = $2 WHERE id = $1", id.uuid(), last)?;
        Ok(())
    }

    /// Up to `limit` recipients of a campaign after this one, done or not. Hold the campaign alone.
    pub async fn next_to_place(&mut self, id: CampaignId, after: Uuid, limit: u32) -> Result<Vec<Placed>> {
        self.in_order(true).await?;
        let found = all!(
            self,
            Placed,
            "SELECT id, state, step, attempts, total_attempts, last_outcome, number, timezone, due_at, hold, ready_at FROM recipients
             WHERE campaign_id = $1 AND id > $2 ORDER BY id LIMIT $3",
            id.uuid(),
            after,
            i64::from(limit)
        )?;
        self.in_order(false).await?;
        Ok(found)
    }

    /// Sets when waiting recipients are due. Gives those that still wait.
    pub async fn retime_recipients(&mut self, due: &[(RecipientId, Due)]) -> Result<Vec<Uuid>> {
        #[derive(Serialize)]
        struct Row {
            #[serde(serialize_with = "hex")]
            id: Uuid,
            #[serde(serialize_with = "millis")]
            due_at: DateTime<Utc>,
            hold: Option<Hold>,
            #[serde(serialize_with = "millis_opt")]
            ready_at: Option<DateTime<Utc>>,
        }
        let rows = due.iter().map(|(id, due)| Row {
            id: id.uuid(),
            due_at: due.at,
            hold: due.hold,
            ready_at: due.ready_at,
        });
        on!(
            self,
            query_scalar::<Uuid>,
            "UPDATE recipients SET due_at = r.due_at, hold = r.hold, ready_at = r.ready_at
             FROM ROWS($1, id uuid, due_at time, hold text, ready_at time) AS r
             WHERE recipients.id = r.id AND recipients.state = 'PENDING' RETURNING recipients.id",
            (rows::rows(rows)?),
            fetch_all
        )
    }

    /// The hours of a whole workspace have changed: the recipients of its campaigns are to be fitted into them.
    pub async fn retime_campaigns(&mut self, workspace: WorkspaceId) -> Result<()> {
        exec!(
            self,
            "UPDATE campaigns SET replanned_to = $2 WHERE workspace_id = $1 AND state IN ('DRAFT', 'SCHEDULED', 'IN_PROGRESS', 'PAUSED')",
            workspace.uuid(),
            Uuid::nil()
        )?;
        Ok(())
    }

    /// Puts recipients to their places in the plan.
    pub async fn place_recipients(&mut self, places: &[(RecipientId, Place)]) -> Result<()> {
        #[derive(Serialize)]
        struct Row {
            #[serde(serialize_with = "hex")]
            id: Uuid,
            step: usize,
            attempts: u32,
        }
        let rows = places.iter().map(|(id, to)| Row { id: id.uuid(), step: to.step, attempts: to.attempts });
        exec!(
            self,
            "UPDATE recipients SET step = r.step, attempts = r.attempts FROM ROWS($1, id uuid, step int, attempts int) AS r
             WHERE recipients.id = r.id",
            rows::rows(rows)?
        )?;
        Ok(())
    }

    /// Up to `limit` waiting recipients of a campaign, step by step the longest due first, held until this transaction ends.
    pub async fn waiting_recipients(&mut self, campaign: CampaignId, limit: u32) -> Result<Vec<Waited>> {
        self.in_order(true).await?;
        let waiting = all!(
            self,
            Waited,
            "SELECT id, due_at, hold FROM recipients WHERE campaign_id = $1 AND waiting ORDER BY step, due_at, id LIMIT $2 FOR UPDATE",
            campaign.uuid(),
            i64::from(limit)
        )?;
        self.in_order(false).await?;
        Ok(waiting)
    }

    /// Ends those of these recipients that wait. Hold them first.
    pub async fn end_recipients(
        &mut self,
        ids: impl Iterator<Item = RecipientId>,
        disposition: Disposition,
        reason: &str,
        now: DateTime<Utc>,
    ) -> Result<u64> {
        exec!(
            self,
            "UPDATE recipients SET state = 'DONE', disposition = $2, hold = NULL, done_at = $3,
                    last_reason = coalesce(last_reason, $4)
             WHERE state = 'PENDING' AND id IN (SELECT id FROM ROWS($1, id uuid) AS r)",
            rows::ids(ids.map(RecipientId::uuid))?,
            disposition.as_str(),
            Timestamp(now),
            reason
        )
    }

    /// One recipient of a campaign, held until this transaction ends.
    pub async fn recipient_for_update(
        &mut self,
        campaign: CampaignId,
        id: RecipientId,
    ) -> Result<Option<crate::Recipient>> {
        one!(
            self,
            crate::Recipient,
            "SELECT * FROM recipients WHERE campaign_id = $1 AND id = $2 FOR UPDATE",
            campaign.uuid(),
            id.uuid()
        )
    }

    /// Lets a recipient wait until it is to be called back; one that is done is open again. Hold it first.
    pub async fn call_back(&mut self, id: RecipientId, due: Due) -> Result<()> {
        exec!(
            self,
            "UPDATE recipients SET state = 'PENDING', due_at = $2, hold = $3, ready_at = $4, disposition = NULL, done_at = NULL WHERE id = $1",
            id.uuid(),
            Timestamp(due.at),
            due.hold.map(Hold::as_str),
            due.ready_at.map(Timestamp)
        )?;
        Ok(())
    }
}
