use chrono::{DateTime, Utc};
use ringfleet_core::{CallId, WorkspaceId};
use serde_json::Value;
use sqlx::types::Json;

use crate::{
    Call, Result, Timestamp, Tx,
    record::record,
    tx::{exec, on, one, scalar},
};

record! {
    /// What was said in a call.
    pub struct Transcript {
        /// Which call.
        pub call_id: CallId,
        /// An array of `{role, text, ts}`, in the order it was told.
        pub turns: Value,
        /// When it was last told.
        pub updated_at: DateTime<Utc>,
    }
}

impl Tx {
    /// A call of the workspace, held until this transaction ends: nobody erases meanwhile who was called.
    pub async fn hold_call(&mut self, workspace: WorkspaceId, id: CallId) -> Result<Option<Call>> {
        one!(
            self,
            Call,
            "SELECT * FROM calls WHERE workspace_id = $1 AND id = $2 FOR NO KEY UPDATE",
            workspace.uuid(),
            id.uuid()
        )
    }

    /// Keeps what was said in a call of the workspace, in place of what was told before.
    pub async fn set_transcript(
        &mut self,
        workspace: WorkspaceId,
        call: CallId,
        turns: &Value,
        now: DateTime<Utc>,
    ) -> Result<()> {
        exec!(
            self,
            "INSERT INTO transcripts (call_id, workspace_id, turns, updated_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (call_id) DO UPDATE SET turns = excluded.turns, updated_at = excluded.updated_at",
            call.uuid(),
            workspace.uuid(),
            Json(turns),
            Timestamp(now)
        )?;
        Ok(())
    }

    /// What was said in a call, whoever's it is: look whose the call is before.
    pub async fn transcript(&mut self, call: CallId) -> Result<Option<Transcript>> {
        one!(
            self,
            Transcript,
            "SELECT call_id, turns, updated_at FROM transcripts WHERE call_id = $1",
            call.uuid()
        )
    }

    /// Whether anybody has told what was said in a call.
    pub async fn has_transcript(&mut self, call: CallId) -> Result<bool> {
        Ok(scalar!(self, i32, "SELECT 1 FROM transcripts WHERE call_id = $1", call.uuid())?.is_some())
    }
}
