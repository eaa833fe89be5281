//! How far a file has come into a campaign, and who is bringing it there.

use std::ops::RangeInclusive;

use chrono::{DateTime, Utc};
use ringfleet_core::{CampaignId, ImportId, UploadId, WorkspaceId};
use uuid::Uuid;

use crate::{
    Result, Timestamp, Tx,
    record::record,
    tx::{all, exec, on, one},
};

record! {
    /// Rows of a file that are in the campaign, or were rejected.
    pub struct Portion {
        /// The first of them, 1 for the first below the header.
        pub first_row: i64,
        /// The last of them.
        pub last_row: i64,
    }
}

impl Portion {
    /// Both ends included.
    pub fn rows(&self) -> RangeInclusive<u64> {
        self.first_row as u64..=self.last_row as u64
    }
}

record! {
    /// A running import that reads an upload.
    pub struct Filling {
        /// Its id.
        pub id: ImportId,
        /// Its workspace.
        pub workspace_id: WorkspaceId,
        /// The campaign it fills.
        pub campaign_id: CampaignId,
        /// What it reads.
        pub upload_id: UploadId,
    }
}

impl Tx {
    /// Notes a portion of an import, in the transaction that adds its recipients; false when it has been noted before, and then they are in.
    pub async fn note_portion(&mut self, import: ImportId, first_row: u64, last_row: u64) -> Result<bool> {
        let noted = exec!(
            self,
            "INSERT INTO import_portions (import_id, first_row, last_row) VALUES ($1, $2, $3) ON CONFLICT (import_id, first_row) DO NOTHING",
            import.uuid(),
            first_row as i64,
            last_row as i64
        )?;
        Ok(noted == 1)
    }

    /// The portions of an import that are in, in the order of the file.
    pub async fn portions(&mut self, import: ImportId) -> Result<Vec<Portion>> {
        all!(
            self,
            Portion,
            "SELECT first_row, last_row FROM import_portions WHERE import_id = $1 ORDER BY first_row",
            import.uuid()
        )
    }

    /// Forgets the portions of an import that has ended.
    pub async fn forget_portions(&mut self, import: ImportId) -> Result<()> {
        exec!(self, "DELETE FROM import_portions WHERE import_id = $1", import.uuid())?;
        Ok(())
    }

    /// Leases a running import from an upload that nobody holds at `now`, until `until`; not while the upload is being looked through. Workspaces
    /// take turns: first those of which none is carried on now, then the one whose last one ended first; of one workspace the oldest.
    pub async fn lease_filling(
        &mut self,
        lease: Uuid,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Option<Filling>> {
        one!(
            self,
            Filling,
            "UPDATE imports SET leased_by = $1, leased_until = $3 WHERE id = (
                 SELECT c.id FROM imports c WHERE c.state = 'RUNNING' AND c.upload_id IS NOT NULL
                    AND (c.leased_until IS NULL OR c.leased_until <= $2)
                    AND NOT EXISTS (SELECT 1 FROM uploads u WHERE u.id = c.upload_id AND u.state IN ('RECEIVING', 'VALIDATING'))
                 ORDER BY (SELECT count(*) FROM imports o
                           WHERE o.workspace_id = c.workspace_id AND o.state = 'RUNNING' AND o.leased_until > $2),
                          (SELECT max(o.finished_at) FROM imports o WHERE o.workspace_id = c.workspace_id) NULLS FIRST, c.id
                 LIMIT 1 FOR UPDATE OF c SKIP LOCKED)
             RETURNING id, workspace_id, campaign_id, upload_id",
            lease,
            Timestamp(now),
            Timestamp(until)
        )
    }

    /// Renews the lease of an import; false when it is somebody else's, or the import has ended.
    pub async fn renew_filling(
        &mut self,
        import: ImportId,
        lease: Uuid,
        until: DateTime<Utc>,
    ) -> Result<bool> {
        let renewed = exec!(
            self,
            "UPDATE imports SET leased_until = $3 WHERE id = $1 AND leased_by = $2 AND state = 'RUNNING'",
            import.uuid(),
            lease,
            Timestamp(until)
        )?;
        Ok(renewed == 1)
    }
}
