use chrono::{DateTime, Utc};
use ringfleet_core::{CampaignId, ImportId, UploadId, WorkspaceId, import::ImportState};
use serde::Serialize;
use uuid::Uuid;

use crate::{
    Page, Result, Timestamp, Tx,
    record::record,
    rows::rows,
    tx::{all, exec, on, one, page, scalar},
};

record! {
    /// One uploaded file on its way to becoming recipients.
    pub struct Import {
        /// Its id.
        pub id: ImportId,
        /// The campaign it fills.
        pub campaign_id: CampaignId,
        /// The upload it reads, where it does not read a request.
        pub upload_id: Option<UploadId>,
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

/// What an import has read more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Rows, the header and blank lines not counted.
    pub rows: u64,
    /// Those that became recipients.
    pub accepted: u64,
    /// Those that did not.
    pub rejected: u64,
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

/// Which imports are listed.
#[derive(Debug, Clone, Copy, Default)]
pub struct ImportFilter {
    /// Only into this campaign.
    pub campaign: Option<CampaignId>,
    /// Only in this state.
    pub state: Option<ImportState>,
}

/// Rejected rows as a statement reads them.
pub(crate) fn reject_rows(rejects: &[Reject]) -> Result<String> {
    #[derive(Serialize)]
    struct Row<'a> {
        line: i64,
        field: &'a str,
        value: &'a str,
        reason: &'a str,
    }
    rows(rejects.iter().map(|r| Row { line: r.line, field: &r.field, value: &r.value, reason: &r.reason }))
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

    /// Opens an import that reads an upload, RUNNING, for whoever leases it.
    pub async fn insert_filling(
        &mut self,
        workspace: WorkspaceId,
        campaign: CampaignId,
        upload: UploadId,
        now: DateTime<Utc>,
    ) -> Result<ImportId> {
        let id = self.insert_import(workspace, campaign, now).await?;
        exec!(self, "UPDATE imports SET upload_id = $2 WHERE id = $1", id.uuid(), upload.uuid())?;
        Ok(id)
    }

    /// Notes what a running import has read more; false when it has been closed meanwhile, or `lease` is no longer the one that holds it.
    pub async fn progress_import(
        &mut self,
        id: ImportId,
        lease: Option<Uuid>,
        read: Progress,
        now: DateTime<Utc>,
    ) -> Result<bool> {
        let changed = exec!(
            self,
            "UPDATE imports SET rows_read = rows_read + $2, accepted = accepted + $3, rejected = rejected + $4, progress_at = $5
             WHERE id = $1 AND state = 'RUNNING' AND ($6 IS NULL OR leased_by = $6)",
            id.uuid(),
            read.rows as i64,
            read.accepted as i64,
            read.rejected as i64,
            Timestamp(now),
            lease
        )?;
        Ok(changed == 1)
    }

    /// Closes a running import; with a `lease`, only while it holds. False when nothing was closed.
    pub async fn close_import(
        &mut self,
        id: ImportId,
        lease: Option<Uuid>,
        state: ImportState,
        error: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<bool> {
        let closed = exec!(
            self,
            "UPDATE imports SET state = $2, error = $3, finished_at = $4
             WHERE id = $1 AND state = 'RUNNING' AND ($5 IS NULL OR leased_by = $5)",
            id.uuid(),
            state.as_str(),
            error,
            Timestamp(now),
            lease
        )?;
        Ok(closed == 1)
    }

    /// Closes imports that have not moved since `before`: their server died. Gives how many.
    pub async fn fail_stalled_imports(&mut self, before: DateTime<Utc>, now: DateTime<Utc>) -> Result<u64> {
        exec!(
            self,
            "UPDATE imports SET state = 'FAILED', error = 'the upload broke off; send the file again, rows already in are skipped as duplicates',
                    finished_at = $2 WHERE state = 'RUNNING' AND progress_at < $1 AND upload_id IS NULL",
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
        filter: ImportFilter,
        page: Page,
    ) -> Result<Vec<Import>> {
        page!(
            self,
            Import,
            page,
            "SELECT * FROM imports WHERE workspace_id = $1 AND id > $2 AND id < $3 AND ($5 IS NULL OR campaign_id = $5)
                AND ($6 IS NULL OR state = $6)",
            "id",
            (workspace.uuid(), filter.campaign.map(CampaignId::uuid), filter.state.map(ImportState::as_str))
        )
    }

    /// Keeps rejected rows.
    pub async fn insert_rejects(&mut self, import: ImportId, rejects: &[Reject]) -> Result<()> {
        exec!(
            self,
            "INSERT INTO import_rejects (import_id, line, field, value, reason)
             SELECT $2, r.line, r.field, r.value, r.reason FROM ROWS($1, line int, field text, value text, reason text) AS r WHERE true
             ON CONFLICT (import_id, line) DO NOTHING",
            reject_rows(rejects)?,
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
