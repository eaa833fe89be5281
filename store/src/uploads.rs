//! Files that come in parts, and what a look through them has found.

use chrono::{DateTime, Utc};
use ringfleet_core::{AgentId, ColumnMapping, UploadId, WorkspaceId, import::UploadState};
use sqlx::types::Json;
use uuid::Uuid;

use crate::{
    Page, Reject, Result, Timestamp, Tx,
    imports::reject_rows,
    record::record,
    tx::{all, exec, on, one, page, scalar},
};

record! {
    /// A file that has been uploaded, or is being.
    pub struct Upload {
        /// Its id.
        pub id: UploadId,
        /// Its workspace.
        pub workspace_id: WorkspaceId,
        /// How the client calls it.
        pub filename: Option<String>,
        /// How many bytes there will be, where that has been said.
        pub bytes: Option<i64>,
        /// How many bytes are there.
        pub received: i64,
        /// The SHA-256 of all bytes in hex, where the client has said it.
        pub sha256: Option<String>,
        /// Whose opening line a preview shows.
        pub agent_id: Option<AgentId>,
        /// Which column is what, as far as somebody has said it.
        pub mapping: ColumnMapping,
        /// Where it stands.
        pub state: UploadState,
        /// Why it FAILED.
        pub error: Option<String>,
        /// The columns of the header.
        pub columns: Vec<String>,
        /// Which column is what, as it was made out.
        pub mapped: Option<ColumnMapping>,
        /// How many bytes have been looked through.
        pub bytes_read: i64,
        /// How many rows were found in them, the header and blank lines not counted.
        pub rows_read: i64,
        /// Those that no campaign would take.
        pub rejected: i64,
        /// How many events it has told of itself.
        pub told: i64,
        /// When it was begun.
        pub created_at: DateTime<Utc>,
        /// When it was found READY or FAILED.
        pub validated_at: Option<DateTime<Utc>>,
        /// When it is forgotten.
        pub expires_at: DateTime<Utc>,
    }
}

/// An upload to begin.
#[derive(Debug, Clone, Default)]
pub struct NewUpload {
    /// How the client calls it.
    pub filename: Option<String>,
    /// How many bytes there will be, if that is known.
    pub bytes: Option<u64>,
    /// The SHA-256 of all bytes in hex, if that is known.
    pub sha256: Option<String>,
    /// Whose opening line a preview shows.
    pub agent_id: Option<AgentId>,
    /// Which column is what.
    pub mapping: ColumnMapping,
}

record! {
    /// Uploads of a workspace, all counted.
    #[derive(Copy)]
    pub struct KeptUploads {
        /// How many.
        pub uploads: u32,
        /// Their bytes.
        pub bytes: i64,
    }
}

/// What a look through an upload has found more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Validated {
    /// Bytes looked through so far, all counted.
    pub bytes: u64,
    /// Rows since the last time.
    pub rows: u64,
    /// Rejected ones since the last time.
    pub rejected: u64,
}

impl Tx {
    /// Begins an upload, RECEIVING.
    pub async fn insert_upload(
        &mut self,
        workspace: WorkspaceId,
        new: &NewUpload,
        now: DateTime<Utc>,
        expires: DateTime<Utc>,
    ) -> Result<UploadId> {
        let id = UploadId::new(now);
        exec!(
            self,
            "INSERT INTO uploads (id, workspace_id, filename, bytes, received, sha256, agent_id, mapping, state, columns, bytes_read,
                                  rows_read, rejected, created_at, expires_at)
             VALUES ($1, $2, $3, $4, 0, $5, $6, $7, 'RECEIVING', '[]', 0, 0, 0, $8, $9)",
            id.uuid(),
            workspace.uuid(),
            &new.filename,
            new.bytes.map(|bytes| bytes as i64),
            &new.sha256,
            new.agent_id.map(AgentId::uuid),
            Json(&new.mapping),
            Timestamp(now),
            Timestamp(expires)
        )?;
        Ok(id)
    }

    /// One upload of the workspace.
    pub async fn upload(&mut self, workspace: WorkspaceId, id: UploadId) -> Result<Option<Upload>> {
        one!(
            self,
            Upload,
            "SELECT * FROM uploads WHERE workspace_id = $1 AND id = $2",
            workspace.uuid(),
            id.uuid()
        )
    }

    /// The same, held until this transaction ends.
    pub async fn hold_upload(&mut self, workspace: WorkspaceId, id: UploadId) -> Result<Option<Upload>> {
        one!(
            self,
            Upload,
            "SELECT * FROM uploads WHERE workspace_id = $1 AND id = $2 FOR UPDATE",
            workspace.uuid(),
            id.uuid()
        )
    }

    /// How much the workspace keeps: of an upload that is still coming, what was announced.
    pub async fn kept_uploads(&mut self, workspace: WorkspaceId) -> Result<KeptUploads> {
        let kept = one!(
            self,
            KeptUploads,
            "SELECT CAST(count(*) AS int) AS uploads, CAST(coalesce(sum(CASE WHEN bytes > received THEN bytes ELSE received END), 0) AS bigint) AS bytes
             FROM uploads WHERE workspace_id = $1",
            workspace.uuid()
        )?;
        Ok(kept.unwrap_or(KeptUploads { uploads: 0, bytes: 0 }))
    }

    /// A page of the workspace's uploads.
    pub async fn uploads(&mut self, workspace: WorkspaceId, page: Page) -> Result<Vec<Upload>> {
        page!(
            self,
            Upload,
            page,
            "SELECT * FROM uploads WHERE workspace_id = $1 AND id > $2 AND id < $3",
            "id",
            (workspace.uuid())
        )
    }

    /// Has an upload looked through, from its beginning and by whoever leases it; what an earlier look has found is forgotten. Hold it first.
    pub async fn validate_upload(&mut self, id: UploadId, mapping: &ColumnMapping) -> Result<()> {
        exec!(self, "DELETE FROM upload_rejects WHERE upload_id = $1", id.uuid())?;
        exec!(
            self,
            "UPDATE uploads SET state = 'VALIDATING', bytes = received, mapping = $2, error = NULL, mapped = NULL, bytes_read = 0,
                    rows_read = 0, rejected = 0, leased_by = NULL, leased_until = NULL, validated_at = NULL WHERE id = $1",
            id.uuid(),
            Json(mapping)
        )?;
        Ok(())
    }

    /// Leases the oldest upload to be looked through that nobody holds at `now`, until `until`. What somebody before has found is forgotten.
    pub async fn lease_validation(
        &mut self,
        lease: Uuid,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Option<Upload>> {
        let upload = one!(
            self,
            Upload,
            "UPDATE uploads SET leased_by = $1, leased_until = $3, bytes_read = 0, rows_read = 0, rejected = 0 WHERE id = (
                 SELECT id FROM uploads WHERE state = 'VALIDATING' AND (leased_until IS NULL OR leased_until <= $2)
                 ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)
             RETURNING *",
            lease,
            Timestamp(now),
            Timestamp(until)
        )?;
        if let Some(upload) = &upload {
            exec!(self, "DELETE FROM upload_rejects WHERE upload_id = $1", upload.id.uuid())?;
        }
        Ok(upload)
    }

    /// Notes how far the look has come and renews the lease; false when it is somebody else's.
    pub async fn note_validation(
        &mut self,
        id: UploadId,
        lease: Uuid,
        found: Validated,
        until: DateTime<Utc>,
    ) -> Result<bool> {
        let noted = exec!(
            self,
            "UPDATE uploads SET bytes_read = $3, rows_read = rows_read + $4, rejected = rejected + $5, leased_until = $6
             WHERE id = $1 AND leased_by = $2 AND state = 'VALIDATING'",
            id.uuid(),
            lease,
            found.bytes as i64,
            found.rows as i64,
            found.rejected as i64,
            Timestamp(until)
        )?;
        Ok(noted == 1)
    }

    /// Keeps what the first row says; none of it is known of a file whose first row cannot be read.
    pub async fn set_columns(
        &mut self,
        id: UploadId,
        lease: Uuid,
        columns: &[String],
        mapped: Option<&ColumnMapping>,
    ) -> Result<()> {
        exec!(
            self,
            "UPDATE uploads SET columns = $3, mapped = $4 WHERE id = $1 AND leased_by = $2 AND state = 'VALIDATING'",
            id.uuid(),
            lease,
            Json(columns),
            mapped.map(Json)
        )?;
        Ok(())
    }

    /// Ends the look: READY, or FAILED with a reason. False when the lease is somebody else's.
    pub async fn end_validation(
        &mut self,
        id: UploadId,
        lease: Uuid,
        error: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<bool> {
        let ended = exec!(
            self,
            "UPDATE uploads SET state = $3, error = $4, validated_at = $5, leased_by = NULL, leased_until = NULL
             WHERE id = $1 AND leased_by = $2 AND state = 'VALIDATING'",
            id.uuid(),
            lease,
            if error.is_none() { UploadState::Ready } else { UploadState::Failed }.as_str(),
            error,
            Timestamp(now)
        )?;
        Ok(ended == 1)
    }

    /// Counts one event more that an upload tells of itself; gives the upload as it stands then, none when it is gone.
    pub async fn count_upload_told(&mut self, id: UploadId) -> Result<Option<Upload>> {
        one!(self, Upload, "UPDATE uploads SET told = told + 1 WHERE id = $1 RETURNING *", id.uuid())
    }

    /// Keeps rejected rows of an upload.
    pub async fn insert_upload_rejects(&mut self, upload: UploadId, rejects: &[Reject]) -> Result<()> {
        exec!(
            self,
            "INSERT INTO upload_rejects (upload_id, line, field, value, reason)
             SELECT $2, r.line, r.field, r.value, r.reason FROM ROWS($1, line int, field text, value text, reason text) AS r WHERE true
             ON CONFLICT (upload_id, line) DO NOTHING",
            reject_rows(rejects)?,
            upload.uuid()
        )?;
        Ok(())
    }

    /// Up to `limit` rejected rows of an upload beyond line `after`, in the order of the file.
    pub async fn upload_rejects(&mut self, upload: UploadId, after: i64, limit: u32) -> Result<Vec<Reject>> {
        all!(
            self,
            Reject,
            "SELECT line, field, value, reason FROM upload_rejects WHERE upload_id = $1 AND line > $2 ORDER BY line LIMIT $3",
            upload.uuid(),
            after,
            i64::from(limit)
        )
    }

    /// Whether a running import reads the upload.
    pub async fn is_upload_in_use(&mut self, upload: UploadId) -> Result<bool> {
        let found = scalar!(
            self,
            i32,
            "SELECT 1 FROM imports WHERE upload_id = $1 AND state = 'RUNNING' LIMIT 1",
            upload.uuid()
        )?;
        Ok(found.is_some())
    }

    /// Says when an upload is forgotten.
    pub async fn set_upload_expiry(&mut self, upload: UploadId, expires: DateTime<Utc>) -> Result<()> {
        exec!(self, "UPDATE uploads SET expires_at = $2 WHERE id = $1", upload.uuid(), Timestamp(expires))?;
        Ok(())
    }

    /// Forgets an upload with all of its bytes. Hold it first.
    pub async fn delete_upload(&mut self, upload: UploadId) -> Result<()> {
        exec!(self, "DELETE FROM uploads WHERE id = $1", upload.uuid())?;
        Ok(())
    }

    /// Forgets one upload that expired before `now`, that no import reads and that nobody holds to order one; false when there is none.
    pub async fn expire_upload(&mut self, now: DateTime<Utc>) -> Result<bool> {
        let gone = exec!(
            self,
            "DELETE FROM uploads WHERE id = (
                 SELECT id FROM uploads WHERE expires_at <= $1
                    AND NOT EXISTS (SELECT 1 FROM imports i WHERE i.upload_id = uploads.id AND i.state = 'RUNNING')
                 ORDER BY expires_at LIMIT 1 FOR UPDATE SKIP LOCKED)",
            Timestamp(now)
        )?;
        Ok(gone > 0)
    }
}
