//! Campaigns made from others: runs of recurring ones, clones, and the copying of their lists.

use chrono::{DateTime, Utc};
use ringfleet_core::{CampaignId, Disposition, E164, Hold, RecipientId, WorkspaceId, call::DECLINED};
use serde::Serialize;
use sqlx::types::Json;
use uuid::Uuid;

use crate::{
    Campaign, Page, Result, Timestamp, Tx,
    record::record,
    rows::{self, hex, millis, millis_opt},
    tx::{all, exec, on, one, page, scalar},
};

record! {
    /// A campaign that waits for work on its own list.
    pub struct Unready {
        /// Which.
        pub id: CampaignId,
        /// Its workspace.
        pub workspace_id: WorkspaceId,
        /// It is to start as soon as its list is whole.
        pub starts_itself: bool,
    }
}

record! {
    /// How far the copy of a list has come.
    pub struct Copying {
        /// Whose list.
        pub copies_from: CampaignId,
        /// The last recipient of that list that has been looked at.
        pub copied_to: Option<Uuid>,
        /// Only those that ended so.
        pub copies_only: Option<Vec<Disposition>>,
    }
}

record! {
    /// A recipient of a list that is copied, as far as its hours ask.
    pub struct Listed {
        /// Which.
        pub id: RecipientId,
        /// Whom to call.
        pub number: E164,
        /// Its own time zone (IANA), if the list names one.
        pub timezone: Option<String>,
        /// How it ended.
        pub disposition: Option<Disposition>,
        /// Reason of its latest attempt.
        pub last_reason: Option<String>,
    }
}

impl Copying {
    /// Whether this recipient is to be copied. Who said no is not tried again.
    pub fn wants(&self, listed: &Listed) -> bool {
        let Some(only) = &self.copies_only else { return true };
        let said_no = listed.last_reason.as_deref() == Some(DECLINED);
        !said_no && listed.disposition.is_some_and(|disposition| only.contains(&disposition))
    }
}

/// A recipient to be made after one of another campaign.
#[derive(Debug, Clone, Serialize)]
pub struct CopiedRecipient {
    /// Its id.
    #[serde(serialize_with = "hex")]
    pub id: Uuid,
    /// The one it is made after.
    #[serde(serialize_with = "hex")]
    pub after: Uuid,
    /// Not called before this moment.
    #[serde(serialize_with = "millis")]
    pub due_at: DateTime<Utc>,
    /// Why it is put off until then.
    pub hold: Option<Hold>,
    /// The moment asked for, where the hours made it later.
    #[serde(serialize_with = "millis_opt")]
    pub ready_at: Option<DateTime<Utc>>,
}

impl Tx {
    /// Says that the list of a campaign is to be copied from another one: all of it, or those that ended so.
    pub async fn order_copy(
        &mut self,
        id: CampaignId,
        from: CampaignId,
        only: Option<&[Disposition]>,
    ) -> Result<()> {
        exec!(
            self,
            "UPDATE campaigns SET copies_from = $2, copied_to = NULL, copies_only = $3 WHERE id = $1",
            id.uuid(),
            from.uuid(),
            only.map(Json)
        )?;
        Ok(())
    }

    /// Says that a campaign is the run of another one for one of its times, and starts by itself.
    ///
    /// # Errors
    ///
    /// [`crate::StoreError::Duplicate`] when there is a run for that time already.
    pub async fn make_run(
        &mut self,
        id: CampaignId,
        parent: CampaignId,
        fires_at: DateTime<Utc>,
    ) -> Result<()> {
        exec!(
            self,
            "UPDATE campaigns SET parent_id = $2, fires_at = $3, starts_itself = true WHERE id = $1",
            id.uuid(),
            parent.uuid(),
            Timestamp(fires_at)
        )?;
        Ok(())
    }

    /// When the next run of a recurring campaign is due.
    pub async fn set_next_run(&mut self, id: CampaignId, at: Option<DateTime<Utc>>) -> Result<()> {
        exec!(self, "UPDATE campaigns SET next_run_at = $2 WHERE id = $1", id.uuid(), at.map(Timestamp))?;
        Ok(())
    }

    /// Recurring campaigns whose next run is due.
    pub async fn campaigns_to_run(&mut self, now: DateTime<Utc>) -> Result<Vec<(WorkspaceId, CampaignId)>> {
        self.due(
            "SELECT workspace_id, id FROM campaigns WHERE next_run_at <= $1 AND state = 'SCHEDULED'
             AND (end_at IS NULL OR end_at > $1) ORDER BY next_run_at, id",
            now,
        )
        .await
    }

    /// Campaigns whose end has come and that have not ended: SCHEDULED, IN_PROGRESS or PAUSED.
    pub async fn campaigns_past_their_end(
        &mut self,
        now: DateTime<Utc>,
    ) -> Result<Vec<(WorkspaceId, CampaignId)>> {
        self.due(
            "SELECT workspace_id, id FROM campaigns WHERE end_at <= $1 AND end_at IS NOT NULL
             AND state IN ('SCHEDULED', 'IN_PROGRESS', 'PAUSED') ORDER BY end_at, id",
            now,
        )
        .await
    }

    async fn due(&mut self, sql: &'static str, now: DateTime<Utc>) -> Result<Vec<(WorkspaceId, CampaignId)>> {
        record! {
            /// A campaign and its workspace.
            pub struct Due {
                pub workspace_id: WorkspaceId,
                pub id: CampaignId,
            }
        }
        let due = all!(self, Due, sql, Timestamp(now))?;
        Ok(due.into_iter().map(|due| (due.workspace_id, due.id)).collect())
    }

    /// Whether this campaign has had its run for one of its times.
    pub async fn has_run_for(&mut self, parent: CampaignId, fires_at: DateTime<Utc>) -> Result<bool> {
        let found = scalar!(
            self,
            i32,
            "SELECT 1 FROM campaigns WHERE parent_id = $1 AND fires_at = $2",
            parent.uuid(),
            Timestamp(fires_at)
        )?;
        Ok(found.is_some())
    }

    /// Whether a run of this campaign is not over yet.
    pub async fn has_open_run(&mut self, parent: CampaignId) -> Result<bool> {
        let found = scalar!(
            self,
            i32,
            "SELECT 1 FROM campaigns WHERE parent_id = $1 AND state NOT IN ('FINISHED', 'FAILED', 'CANCELLED') LIMIT 1",
            parent.uuid()
        )?;
        Ok(found.is_some())
    }

    /// A page of a campaign's runs, newest first.
    pub async fn runs(
        &mut self,
        workspace: WorkspaceId,
        parent: CampaignId,
        page: Page,
    ) -> Result<Vec<Campaign>> {
        page!(
            self,
            Campaign,
            page,
            "SELECT c.*, w.rules AS floor FROM campaigns c JOIN workspaces w ON w.id = c.workspace_id
             WHERE c.parent_id = $5 AND c.workspace_id = $1 AND c.id > $2 AND c.id < $3",
            "c.id",
            (workspace.uuid(), parent.uuid())
        )
    }

    /// Campaigns whose list is being copied, or fitted into a changed plan or changed hours, or that are to start by themselves after that.
    pub async fn unready_campaigns(&mut self) -> Result<Vec<Unready>> {
        all!(
            self,
            Unready,
            "SELECT id, workspace_id, starts_itself FROM campaigns
             WHERE ((copies_from IS NOT NULL OR starts_itself) AND state IN ('DRAFT', 'PAUSED'))
                OR (replanned_to IS NOT NULL AND state IN ('DRAFT', 'SCHEDULED', 'IN_PROGRESS', 'PAUSED'))
             ORDER BY id"
        )
    }

    /// How far the copy of a campaign's list has come; none when it is whole.
    pub async fn copying(&mut self, id: CampaignId) -> Result<Option<Copying>> {
        one!(
            self,
            Copying,
            "SELECT copies_from, copied_to, copies_only FROM campaigns WHERE id = $1 AND copies_from IS NOT NULL",
            id.uuid()
        )
    }

    /// Up to `limit` recipients of the list that is copied, from where the copy stands, wanted or not.
    pub async fn next_to_copy(&mut self, copying: &Copying, limit: u32) -> Result<Vec<Listed>> {
        self.in_order(true).await?;
        let found = all!(
            self,
            Listed,
            "SELECT id, number, timezone, disposition, last_reason FROM recipients WHERE campaign_id = $1 AND id > $2 AND number > 0
             ORDER BY id LIMIT $3",
            copying.copies_from.uuid(),
            copying.copied_to.unwrap_or(Uuid::nil()),
            i64::from(limit)
        )?;
        self.in_order(false).await?;
        Ok(found)
    }

    /// Makes recipients after those of another campaign, PENDING on step `first_step`. Numbers the campaign has already are left
    /// alone; gives the ids of those made.
    pub async fn copy_recipients(
        &mut self,
        to: CampaignId,
        first_step: usize,
        copies: &[CopiedRecipient],
        now: DateTime<Utc>,
    ) -> Result<Vec<Uuid>> {
        // By number, as every insertion into a list.
        on!(
            self,
            query_scalar::<Uuid>,
            "INSERT INTO recipients (id, campaign_id, number, variables, timezone, state, step, attempts, total_attempts, due_at, hold,
                                     ready_at, created_at)
             SELECT r.id, $2, o.number, o.variables, o.timezone, 'PENDING', $3, 0, 0, r.due_at, r.hold, r.ready_at, $4
             FROM ROWS($1, id uuid, after uuid, due_at time, hold text, ready_at time) AS r JOIN recipients o ON o.id = r.after
             WHERE o.number > 0 ORDER BY o.number
             ON CONFLICT (campaign_id, number) DO NOTHING RETURNING id",
            (rows::rows(copies)?, to.uuid(), first_step as i32, Timestamp(now)),
            fetch_all
        )
    }

    /// Notes that a copy has come to this recipient of the other list.
    pub async fn copied_to(&mut self, id: CampaignId, last: RecipientId) -> Result<()> {
        exec!(self, "UPDATE campaigns SET copied_to = $2 WHERE id = $1", id.uuid(), last.uuid())?;
        Ok(())
    }

    /// The list is whole.
    pub async fn end_copy(&mut self, id: CampaignId) -> Result<()> {
        exec!(
            self,
            "UPDATE campaigns SET copies_from = NULL, copied_to = NULL, copies_only = NULL WHERE id = $1",
            id.uuid()
        )?;
        Ok(())
    }

    /// Nothing happens to a campaign by itself any more: somebody has started it, or ended it. One that is over needs no list.
    pub async fn forget_plans(&mut self, id: CampaignId, over: bool) -> Result<()> {
        exec!(
            self,
            "UPDATE campaigns SET starts_itself = false, copies_from = CASE WHEN $2 THEN NULL ELSE copies_from END,
                    replanned_to = CASE WHEN $2 THEN NULL ELSE replanned_to END WHERE id = $1",
            id.uuid(),
            over
        )?;
        Ok(())
    }
}
