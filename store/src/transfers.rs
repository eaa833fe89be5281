//! Calls that were handed on.

use chrono::{DateTime, Utc};
use ringfleet_core::{CallId, WorkerId};

use crate::{
    Call, Result, Timestamp, Tx,
    tx::{on, one},
};

impl Tx {
    /// Writes that a call was handed on, unless that is written already or the call is not this worker's any more; gives it where it was.
    pub async fn transfer_call(
        &mut self,
        id: CallId,
        worker: WorkerId,
        to: &str,
        at: DateTime<Utc>,
    ) -> Result<Option<Call>> {
        one!(
            self,
            Call,
            "UPDATE calls SET transferred_to = $3, transferred_at = $4
             WHERE id = $1 AND worker_id = $2 AND state IN ('TRIGGERED', 'ONGOING') AND transferred_at IS NULL RETURNING *",
            id.uuid(),
            worker.uuid(),
            to,
            Timestamp(at)
        )
    }
}
