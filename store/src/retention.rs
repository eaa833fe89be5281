//! Rows that are forgotten after their time, a portion at a time. Ids begin with the moment they were made, so what is old stands at the front
//! of its table and no index by time is needed. What is still open is passed over, however old it is.

use chrono::{DateTime, Utc};
use ringfleet_core::{CallId, WorkspaceId};
use uuid::Uuid;

use crate::{
    Address, Contact, Result, Timestamp, Tx,
    record::record,
    rows,
    tx::{all, exec, on, scalar},
};

record! {
    /// A row that may be looked at to be forgotten.
    pub struct Looked {
        /// Its id.
        pub id: Uuid,
        /// Whether it can be.
        pub may: bool,
    }
}

/// The first id that is not old enough.
fn until(before: DateTime<Utc>) -> Uuid {
    CallId::first_at(before).uuid()
}

impl Tx {
    /// The next `limit` calls behind `after` that were made before `before`, and which of them may be forgotten: they ended before, and so did
    /// their campaign.
    pub async fn old_calls(&mut self, before: DateTime<Utc>, after: Uuid, limit: u32) -> Result<Vec<Looked>> {
        self.in_order(true).await?;
        let found = all!(
            self,
            Looked,
            "SELECT c.id, coalesce(NOT c.open AND c.ended_at < $3
                    AND (c.campaign_id IS NULL OR (p.finished_at < $3 AND NOT p.winding_up)), false) AS may
             FROM calls c LEFT JOIN campaigns p ON p.id = c.campaign_id
             WHERE c.id > $1 AND c.id < $2 ORDER BY c.id LIMIT $4",
            after,
            until(before),
            Timestamp(before),
            i64::from(limit)
        )?;
        self.in_order(false).await?;
        Ok(found)
    }

    /// Forgets these calls, with all that stands under their ids. The files of their recordings have to be gone before.
    pub async fn delete_old_calls(&mut self, calls: &[Uuid]) -> Result<u64> {
        let ids = rows::ids(calls.iter().copied())?;
        for sql in [
            "DELETE FROM transcripts WHERE call_id IN (SELECT id FROM ROWS($1, id uuid) AS r)",
            "DELETE FROM recordings WHERE call_id IN (SELECT id FROM ROWS($1, id uuid) AS r)",
            "DELETE FROM messages WHERE call_id IN (SELECT id FROM ROWS($1, id uuid) AS r)",
        ] {
            exec!(self, sql, ids.clone())?;
        }
        exec!(self, "DELETE FROM calls WHERE id IN (SELECT id FROM ROWS($1, id uuid) AS r)", ids)
    }

    /// Of these calls, those that were recorded.
    pub async fn recorded_of(&mut self, calls: &[Uuid]) -> Result<Vec<Uuid>> {
        on!(
            self,
            query_scalar::<Uuid>,
            "SELECT call_id FROM recordings WHERE call_id IN (SELECT id FROM ROWS($1, id uuid) AS r)",
            (rows::ids(calls.iter().copied())?),
            fetch_all
        )
    }

    /// The same of recipients: their campaign ended before `before` and nobody copies its list, and none of their calls is known any more.
    pub async fn old_recipients(
        &mut self,
        before: DateTime<Utc>,
        after: Uuid,
        limit: u32,
    ) -> Result<Vec<Looked>> {
        self.in_order(true).await?;
        let found = all!(
            self,
            Looked,
            "SELECT r.id, coalesce(r.state = 'DONE' AND p.finished_at < $3 AND NOT p.winding_up
                    AND NOT EXISTS (SELECT 1 FROM campaigns o WHERE o.copies_from = p.id)
                    AND NOT EXISTS (SELECT 1 FROM calls c WHERE c.recipient_id = r.id), false) AS may
             FROM recipients r JOIN campaigns p ON p.id = r.campaign_id
             WHERE r.id > $1 AND r.id < $2 ORDER BY r.id LIMIT $4",
            after,
            until(before),
            Timestamp(before),
            i64::from(limit)
        )?;
        self.in_order(false).await?;
        Ok(found)
    }

    /// Forgets these recipients.
    pub async fn delete_old_recipients(&mut self, recipients: &[Uuid]) -> Result<u64> {
        exec!(
            self,
            "DELETE FROM recipients WHERE id IN (SELECT id FROM ROWS($1, id uuid) AS r)",
            rows::ids(recipients.iter().copied())?
        )
    }

    /// The longest `dupeDays` of any campaign: so far back somebody may ask when a number was called. 0 where none has any.
    pub async fn longest_gap_days(&mut self) -> Result<u32> {
        let longest: Option<Option<i64>> =
            scalar!(self, Option<i64>, "SELECT CAST(max(dupe_days) AS bigint) FROM campaigns")?;
        Ok(longest.flatten().and_then(|days| u32::try_from(days).ok()).unwrap_or_default())
    }

    /// The next `limit` notes of calls to a number behind this one.
    pub async fn contacts_behind(&mut self, after: Address, limit: u32) -> Result<Vec<Contact>> {
        all!(
            self,
            Contact,
            "SELECT * FROM contacts WHERE (workspace_id, number) > ($1, $2) ORDER BY workspace_id, number LIMIT $3",
            after.workspace,
            after.number as i64,
            i64::from(limit)
        )
    }

    /// Forgets the notes of calls to these numbers. Hold them first.
    pub async fn delete_contacts(&mut self, numbers: &[Address]) -> Result<u64> {
        exec!(
            self,
            "DELETE FROM contacts WHERE (workspace_id, number) IN (SELECT workspace, number FROM ROWS($1, workspace uuid, number int) AS r)",
            rows::rows(numbers)?
        )
    }

    /// Forgets up to `limit` transcripts of calls made before `before`. Gives how many.
    pub async fn forget_transcripts(&mut self, before: DateTime<Utc>, limit: u32) -> Result<u64> {
        exec!(
            self,
            "DELETE FROM transcripts WHERE call_id IN (SELECT call_id FROM transcripts WHERE call_id < $1 ORDER BY call_id LIMIT $2)",
            until(before),
            i64::from(limit)
        )
    }

    /// Forgets up to `limit` answers of people that came before `before`. Gives how many.
    pub async fn forget_replies(&mut self, before: DateTime<Utc>, limit: u32) -> Result<u64> {
        exec!(
            self,
            "DELETE FROM replies WHERE id IN (SELECT id FROM replies WHERE id < $1 ORDER BY id LIMIT $2)",
            until(before),
            i64::from(limit)
        )
    }

    /// Forgets up to `limit` changes in a workspace that were made before `before`. Gives how many.
    pub async fn forget_changes(
        &mut self,
        workspace: WorkspaceId,
        before: DateTime<Utc>,
        limit: u32,
    ) -> Result<u64> {
        exec!(
            self,
            "DELETE FROM audit_log WHERE workspace_id = $1 AND id IN
                (SELECT id FROM audit_log WHERE workspace_id = $1 AND id < $2 ORDER BY id LIMIT $3)",
            workspace.uuid(),
            until(before),
            i64::from(limit)
        )
    }

    /// The ids of all workspaces, deleted ones as well.
    pub async fn all_workspaces(&mut self) -> Result<Vec<Uuid>> {
        on!(self, query_scalar::<Uuid>, "SELECT id FROM workspaces ORDER BY id", (), fetch_all)
    }

    /// Forgets up to `limit` rejected rows of imports that ended and were made before `before`. Gives how many.
    pub async fn forget_old_rejects(&mut self, before: DateTime<Utc>, limit: u32) -> Result<u64> {
        let import = scalar!(
            self,
            Uuid,
            "SELECT i.id FROM imports i WHERE i.id < $1 AND i.state <> 'RUNNING' AND i.rejected > 0
                AND EXISTS (SELECT 1 FROM import_rejects r WHERE r.import_id = i.id) ORDER BY i.id LIMIT 1",
            until(before)
        )?;
        let Some(import) = import else { return Ok(0) };
        exec!(
            self,
            "DELETE FROM import_rejects WHERE import_id = $1 AND line IN
                (SELECT line FROM import_rejects WHERE import_id = $1 ORDER BY line LIMIT $2)",
            import,
            i64::from(limit)
        )
    }

    /// Lets uploads that were begun before `before` be forgotten with the next that expire. Gives how many.
    pub async fn end_old_uploads(&mut self, before: DateTime<Utc>, now: DateTime<Utc>) -> Result<u64> {
        exec!(
            self,
            "UPDATE uploads SET expires_at = $2 WHERE id < $1 AND expires_at > $2",
            until(before),
            Timestamp(now)
        )
    }
}
