//! Looking for a person in what was told of them: events and what endpoints said, the audit log, rejected rows, kept answers.

use chrono::{DateTime, Utc};
use ringfleet_core::WorkspaceId;
use serde::Serialize;
use serde_json::Value;
use sqlx::types::Json;
use uuid::Uuid;

use crate::{
    Address, LOOKED_AT, Result, Timestamp, Tx,
    delivery_log::around,
    erasing::end_of_portion,
    record::record,
    rows,
    text::holds,
    tx::{all, exec, on, scalar},
};

/// What the detail of an entry of the audit log becomes.
fn blank() -> Value {
    serde_json::json!({ "erased": true })
}

record! {
    /// What an event tells.
    pub struct EventBody {
        /// Its id.
        pub id: Uuid,
        /// All of it.
        pub body: String,
    }
}

record! {
    /// An answer that was kept for an Idempotency-Key.
    pub struct KeptBody {
        /// The key.
        pub key: String,
        /// The body, as it is kept.
        pub answer: Vec<u8>,
    }
}

/// From what rows were rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RejectsOf {
    /// Imports.
    Imports,
    /// Uploads, when they were looked at.
    Uploads,
}

record! {
    /// What was wrong in a row that was rejected.
    pub struct RejectedCell {
        /// The import or upload.
        pub owner: Uuid,
        /// The line in the file.
        pub line: i64,
        /// The cell.
        pub value: String,
    }
}

impl Tx {
    /// The workspace's of the next portion of events behind `after`; and where the portion ends.
    pub async fn events_behind(
        &mut self,
        workspace: WorkspaceId,
        after: Uuid,
    ) -> Result<(Vec<EventBody>, Option<Uuid>)> {
        let end = end_of_portion!(self, "SELECT id FROM events WHERE id > $2", (after));
        let found = all!(
            self,
            EventBody,
            "SELECT id, body FROM events WHERE id > $1 AND id <= $2 AND workspace_id = $3",
            after,
            end.unwrap_or(Uuid::max()),
            workspace.uuid()
        )?;
        Ok((found, end))
    }

    /// Deletes an event with its deliveries and the requests made for them; gives how many deliveries. None while one of them is on its way.
    pub async fn delete_event(&mut self, event: Uuid, now: DateTime<Utc>) -> Result<Option<u64>> {
        record! {
            pub struct OnItsWay {
                pub id: Uuid,
                pub is_leased: bool,
            }
        }
        let (from, until) = around(event, event);
        let deliveries = all!(
            self,
            OnItsWay,
            "SELECT id, coalesce(state = 'PENDING' AND leased_until > $4, false) AS is_leased FROM deliveries
             WHERE id >= $2 AND id < $3 AND event_id = $1 ORDER BY id FOR UPDATE",
            event,
            from,
            until,
            Timestamp(now)
        )?;
        if deliveries.iter().any(|one| one.is_leased) {
            return Ok(None);
        }
        let ids = rows::ids(deliveries.iter().map(|one| one.id))?;
        exec!(
            self,
            "DELETE FROM delivery_attempts WHERE delivery_id IN (SELECT id FROM ROWS($1, id uuid) AS r)",
            ids.clone()
        )?;
        let deleted =
            exec!(self, "DELETE FROM deliveries WHERE id IN (SELECT id FROM ROWS($1, id uuid) AS r)", ids)?;
        exec!(self, "DELETE FROM events WHERE id = $1", event)?;
        Ok(Some(deleted))
    }

    /// When the oldest request was made that is still known.
    pub async fn oldest_attempt(&mut self) -> Result<Option<DateTime<Utc>>> {
        let oldest: Option<Option<Timestamp>> =
            scalar!(self, Option<Timestamp>, "SELECT min(at) FROM delivery_attempts")?;
        Ok(oldest.flatten().map(|at| at.0))
    }

    /// Empties what endpoints of the workspace said from `from` on, before `until`, where it names the number. Gives how many answers.
    pub async fn forget_said(
        &mut self,
        who: Address,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<u64> {
        exec!(
            self,
            "UPDATE delivery_attempts SET answer = NULL, error = NULL WHERE at >= $1 AND at < $2 AND (answer LIKE $3 OR error LIKE $3)
                AND EXISTS (SELECT 1 FROM deliveries d WHERE d.id = delivery_attempts.delivery_id AND d.workspace_id = $4)",
            Timestamp(from),
            Timestamp(until),
            holds(&who.number.to_string()).as_str(),
            who.workspace
        )
    }

    /// Empties the details of changes to these things, ids as the API shows them. Gives how many.
    pub async fn forget_details_of(&mut self, workspace: WorkspaceId, targets: &[String]) -> Result<u64> {
        #[derive(Serialize)]
        struct Row<'a> {
            id: &'a str,
        }
        exec!(
            self,
            "UPDATE audit_log SET detail = $3 WHERE workspace_id = $2 AND target_id IN (SELECT id FROM ROWS($1, id text) AS r)
                AND CAST(detail AS text) <> '{}' AND CAST(detail AS text) NOT LIKE '{\"erased\":%'",
            rows::rows(targets.iter().map(|id| Row { id }))?,
            workspace.uuid(),
            Json(blank())
        )
    }

    /// Empties the details that name the number, of the next portion of the workspace's changes behind `after`. Gives how many, and where the
    /// portion ends.
    pub async fn forget_details(&mut self, who: Address, after: Uuid) -> Result<(u64, Option<Uuid>)> {
        let end = end_of_portion!(
            self,
            "SELECT id FROM audit_log WHERE workspace_id = $2 AND id > $3",
            (who.workspace, after)
        );
        let changed = exec!(
            self,
            "UPDATE audit_log SET detail = $5 WHERE workspace_id = $1 AND id > $2 AND id <= $3 AND CAST(detail AS text) LIKE $4",
            who.workspace,
            after,
            end.unwrap_or(Uuid::max()),
            holds(&who.number.to_string()).as_str(),
            Json(blank())
        )?;
        Ok((changed, end))
    }

    /// The next `limit` rejected cells of the workspace behind one, by what they were rejected from and their lines.
    pub async fn rejects_behind(
        &mut self,
        of: RejectsOf,
        workspace: WorkspaceId,
        (owner, line): (Uuid, i64),
        limit: u32,
    ) -> Result<Vec<RejectedCell>> {
        let sql = match of {
            RejectsOf::Imports => {
                "SELECT r.import_id AS owner, r.line, r.value FROM import_rejects r JOIN imports i ON i.id = r.import_id
                 WHERE i.workspace_id = $1 AND (r.import_id, r.line) > ($2, $3) ORDER BY r.import_id, r.line LIMIT $4"
            }
            RejectsOf::Uploads => {
                "SELECT r.upload_id AS owner, r.line, r.value FROM upload_rejects r JOIN uploads u ON u.id = r.upload_id
                 WHERE u.workspace_id = $1 AND (r.upload_id, r.line) > ($2, $3) ORDER BY r.upload_id, r.line LIMIT $4"
            }
        };
        all!(self, RejectedCell, sql, workspace.uuid(), owner, line, i64::from(limit))
    }

    /// Empties these cells. Gives how many.
    pub async fn empty_rejects(&mut self, of: RejectsOf, cells: &[RejectedCell]) -> Result<u64> {
        #[derive(Serialize)]
        struct Row {
            #[serde(serialize_with = "rows::hex")]
            owner: Uuid,
            line: i64,
        }
        let sql = match of {
            RejectsOf::Imports => {
                "UPDATE import_rejects SET value = '' FROM ROWS($1, owner uuid, line int) AS r
                 WHERE import_rejects.import_id = r.owner AND import_rejects.line = r.line"
            }
            RejectsOf::Uploads => {
                "UPDATE upload_rejects SET value = '' FROM ROWS($1, owner uuid, line int) AS r
                 WHERE upload_rejects.upload_id = r.owner AND upload_rejects.line = r.line"
            }
        };
        exec!(self, sql, rows::rows(cells.iter().map(|cell| Row { owner: cell.owner, line: cell.line }))?)
    }

    /// The ids of the workspace's uploads.
    pub async fn upload_ids(&mut self, workspace: WorkspaceId) -> Result<Vec<Uuid>> {
        on!(
            self,
            query_scalar::<Uuid>,
            "SELECT id FROM uploads WHERE workspace_id = $1 ORDER BY id",
            (workspace.uuid()),
            fetch_all
        )
    }

    /// A page of the answers that are kept for requests of the workspace, by their keys.
    pub async fn kept_bodies(
        &mut self,
        workspace: WorkspaceId,
        after: &str,
        limit: u32,
    ) -> Result<Vec<KeptBody>> {
        all!(
            self,
            KeptBody,
            "SELECT key, answer FROM request_keys WHERE workspace_id = $1 AND key > $2 AND answer IS NOT NULL ORDER BY key LIMIT $3",
            workspace.uuid(),
            after,
            i64::from(limit)
        )
    }

    /// Empties the answer that is kept for a key: it is not given again, and the request not carried out again.
    pub async fn forget_kept_body(&mut self, workspace: WorkspaceId, key: &str) -> Result<u64> {
        let nothing: &[u8] = &[];
        exec!(
            self,
            "UPDATE request_keys SET answer = $3 WHERE workspace_id = $1 AND key = $2 AND answer IS NOT NULL",
            workspace.uuid(),
            key,
            nothing
        )
    }
}
