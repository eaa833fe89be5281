//! Which calls were recorded, and whether their recording is in its place.

use chrono::{DateTime, Utc};
use ringfleet_core::CallId;
use serde::Serialize;
use uuid::Uuid;

use crate::{
    Result, Timestamp, Tx,
    record::record,
    rows,
    tx::{all, exec, on, one},
};

record! {
    /// The recording of a call.
    pub struct Recording {
        /// Which call.
        pub call_id: CallId,
        /// When it was in its place; none while it is on its way there.
        pub stored_at: Option<DateTime<Utc>>,
        /// How long it is, once it is there.
        pub bytes: Option<i64>,
    }
}

/// A recording that was made.
#[derive(Debug, Clone, Serialize)]
pub struct NewRecording {
    /// Which call's.
    #[serde(serialize_with = "rows::hex")]
    pub call_id: Uuid,
    /// Its tenant.
    #[serde(serialize_with = "rows::hex")]
    pub workspace_id: Uuid,
}

impl Tx {
    /// Notes that these calls were recorded.
    pub async fn insert_recordings(&mut self, new: &[NewRecording], now: DateTime<Utc>) -> Result<()> {
        exec!(
            self,
            "INSERT INTO recordings (call_id, workspace_id, created_at)
             SELECT r.call_id, r.workspace_id, $2 FROM ROWS($1, call_id uuid, workspace_id uuid) AS r WHERE true
             ON CONFLICT (call_id) DO NOTHING",
            rows::rows(new)?,
            Timestamp(now)
        )?;
        Ok(())
    }

    /// Notes that the recording of a call is in its place. False while the call is not over, when there is no such call, or when whoever was called has
    /// been erased: nothing is noted.
    pub async fn note_stored(&mut self, call: CallId, bytes: u64, now: DateTime<Utc>) -> Result<bool> {
        let noted = exec!(
            self,
            "INSERT INTO recordings (call_id, workspace_id, stored_at, bytes, created_at)
             SELECT id, workspace_id, $3, $2, $3 FROM calls WHERE id = $1 AND ended_at IS NOT NULL AND number > 0 FOR NO KEY UPDATE
             ON CONFLICT (call_id) DO UPDATE SET stored_at = excluded.stored_at, bytes = excluded.bytes",
            call.uuid(),
            bytes as i64,
            Timestamp(now)
        )?;
        Ok(noted == 1)
    }

    /// Of these calls, those that are over.
    pub async fn calls_over(&mut self, calls: &[Uuid]) -> Result<Vec<Uuid>> {
        on!(
            self,
            query_scalar::<Uuid>,
            "SELECT id FROM calls WHERE id IN (SELECT id FROM ROWS($1, id uuid) AS r) AND ended_at IS NOT NULL",
            (rows::ids(calls.iter().copied())?),
            fetch_all
        )
    }

    /// The recordings of these calls, those that there are.
    pub async fn recordings_of(&mut self, calls: &[Uuid]) -> Result<Vec<Recording>> {
        all!(
            self,
            Recording,
            "SELECT * FROM recordings WHERE call_id IN (SELECT id FROM ROWS($1, id uuid) AS r)",
            rows::ids(calls.iter().copied())?
        )
    }

    /// The recording of a call, whoever's it is: look whose the call is before.
    pub async fn recording(&mut self, call: CallId) -> Result<Option<Recording>> {
        one!(
            self,
            Recording,
            "SELECT call_id, stored_at, bytes FROM recordings WHERE call_id = $1",
            call.uuid()
        )
    }

    /// Up to `limit` recordings that were made before `before`, the oldest first.
    pub async fn old_recordings(&mut self, before: DateTime<Utc>, limit: u32) -> Result<Vec<Recording>> {
        all!(
            self,
            Recording,
            "SELECT call_id, stored_at, bytes FROM recordings WHERE created_at < $1 ORDER BY created_at LIMIT $2",
            Timestamp(before),
            i64::from(limit)
        )
    }

    /// Forgets that these calls were recorded.
    pub async fn forget_recordings(&mut self, calls: &[Uuid]) -> Result<()> {
        exec!(
            self,
            "DELETE FROM recordings WHERE call_id IN (SELECT id FROM ROWS($1, id uuid) AS r)",
            rows::ids(calls.iter().copied())?
        )?;
        Ok(())
    }
}
