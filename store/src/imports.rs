use chrono::{DateTime, Utc};
use ringfleet_core::{CampaignId, ImportId, WorkspaceId, import::ImportState};
use serde::Serialize;

use crate::{
    Page, Result, Timestamp, Tx,
    record::record,
    rows::rows,
    tx::{all, exec, on, one, scalar},
};

record! {
    /// One uploaded file on its way to becoming recipients.
    pub struct Import {
        /// Its id.
        pub id: ImportId,
        /// The campaign it fills.
        pub campaign_id: CampaignId,
        /// Where it stands.
        pub state: ImportState,
        /// Why it FAILED.
        pub error: Option<String>,
        /// Rows read so far, the header and blank lines not counted.
        pub rows_read: i64,
        /// Rows that became recipients.
        pub accepted: i64,
        /// Rows that did not.
        pub rejected: i64,
        /// When it began.
        pub created_at: DateTime<Utc>,
        /// When it ended.
        pub finished_at: Option<DateTime<Utc>>,
    }
}

record! {
    /// A row that did not become a recipient.
    pub struct Reject {
        /// The line of the file it begins on, 1 for the first.
        pub line: i64,
        /// The column at fault, by its name in the header.
        pub field: String,
        /// What stood there, shortened.
        pub value: String,
        /// Why it was refused.
        pub reason: String,
    }
}

impl Tx {
    /// Opens an import, RUNNING.
    pub async fn insert_import(
        &mut self,
        workspace: WorkspaceId,
        campaign: CampaignId,
        now: DateTime<Utc>,
    ) -> Result<ImportId> {
        let id = ImportId::new(now);
        exec!(
            self,
            "INSERT INTO imports (id, workspace_id, campaign_id, state, rows_read, accepted, rejected, created_at, progress_at)
             VALUES ($1, $2, $3, 'RUNNING', 0, 0, 0, $4, $4)",
            id.uuid(),
            workspace.uuid(),
            campaign.uuid(),
            Timestamp(now)
        )?;
        Ok(id)
    }

    /// Writes how far a running import has come; false when somebody has closed it meanwhile.
    pub async fn progress_import(
        &mut self,
        id: ImportId,
        read: u64,
        accepted: u64,
        rejected: u64,
        now: DateTime<Utc>,
    ) -> Result<bool> {
        let changed = exec!(
            self,
            "UPDATE imports SET rows_read = $2, accepted = $3, rejected = $4, progress_at = $5 WHERE id = $1 AND state = 'RUNNING'",
            id.uuid(),
            read as i64,
            accepted as i64,
            rejected as i64,
            Timestamp(now)
        )?;
        Ok(changed == 1)
    }

    /// Closes a running import.
    pub async fn close_import(
        &mut self,
        id: ImportId,
        state: ImportState,
        error: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<()> {
        exec!(
            self,
            "UPDATE imports SET state = $2, error = $3, finished_at = $4 WHERE id = $1 AND state = 'RUNNING'",
            id.uuid(),
            state.as_str(),
            error,
            Timestamp(now)
        )?;
        Ok(())
    }

    /// Closes imports that have not moved since `before`: their server died. Gives how many.
    pub async fn fail_stalled_imports(&mut self, before: DateTime<Utc>, now: DateTime<Utc>) -> Result<u64> {
        exec!(
            self,
            "UPDATE imports SET state = 'FAILED', error = 'the upload broke off; send the file again, rows already in are skipped as duplicates',
                    finished_at = $2 WHERE state = 'RUNNING' AND progress_at < $1",
            Timestamp(before),
            Timestamp(now)
        )
    }

    /// Whether an import of the campaign is running.
    pub async fn has_running_import(&mut self, campaign: CampaignId) -> Result<bool> {
        let found = scalar!(
            self,
            i32,
            "SELECT 1 FROM imports WHERE campaign_id = $1 AND state = 'RUNNING' LIMIT 1",
            campaign.uuid()
        )?;
        Ok(found.is_some())
    }

    /// One import of the workspace.
    pub async fn import(&mut self, workspace: WorkspaceId, id: ImportId) -> Result<Option<Import>> {
        one!(
            self,
            Import,
            "SELECT * FROM imports WHERE workspace_id = $1 AND id = $2",
            workspace.uuid(),
            id.uuid()
        )
    }

    /// A page of the workspace's imports, newest first; of one campaign if named.
    pub async fn imports(
        &mut self,
        workspace: WorkspaceId,
        campaign: Option<CampaignId>,
        page: Page,
    ) -> Result<Vec<Import>> {
        all!(
            self,
            Import,
            "SELECT * FROM imports WHERE workspace_id = $1 AND id < $2 AND ($3 IS NULL OR campaign_id = $3) ORDER BY id DESC LIMIT $4",
            workspace.uuid(),
            page.below(),
            campaign.map(CampaignId::uuid),
            i64::from(page.limit)
        )
    }

    /// Keeps rejected rows.
    pub async fn insert_rejects(&mut self, import: ImportId, rejects: &[Reject]) -> Result<()> {
        #[derive(Serialize)]
        struct Row<'a> {
            line: i64,
            field: &'a str,
            value: &'a str,
            reason: &'a str,
        }
        exec!(
            self,
            "INSERT INTO import_rejects (import_id, line, field, value, reason)
             SELECT $2, r.line, r.field, r.value, r.reason FROM ROWS($1, line int, field text, value text, reason text) AS r WHERE true
             ON CONFLICT (import_id, line) DO NOTHING",
            rows(rejects.iter().map(|r| Row { line: r.line, field: &r.field, value: &r.value, reason: &r.reason }))?,
            import.uuid()
        )?;
        Ok(())
    }

    /// Up to `limit` rejected rows beyond line `after`, in the order of the file.
    pub async fn rejects(&mut self, import: ImportId, after: i64, limit: u32) -> Result<Vec<Reject>> {
        all!(
            self,
            Reject,
            "SELECT line, field, value, reason FROM import_rejects WHERE import_id = $1 AND line > $2 ORDER BY line LIMIT $3",
            import.uuid(),
            after,
            i64::from(limit)
        )
    }
}
