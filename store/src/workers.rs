use std::time::Duration;

use ringfleet_core::WorkerId;

use crate::{
    Result, Tx,
    tx::{exec, on},
};

impl Tx {
    /// Announces a worker, once per boot. Its heartbeat runs on the database's clock, so that no other clock matters.
    pub async fn insert_worker(&mut self, id: WorkerId) -> Result<()> {
        exec!(
            self,
            "INSERT INTO workers (id, started_at, heartbeat_at) VALUES ($1, DB_NOW, DB_NOW)",
            id.uuid()
        )?;
        Ok(())
    }

    /// Proves that a worker lives; false when it has been declared dead and its calls are no longer its own.
    pub async fn heartbeat(&mut self, id: WorkerId) -> Result<bool> {
        let changed = exec!(
            self,
            "UPDATE workers SET heartbeat_at = DB_NOW WHERE id = $1 AND dead_at IS NULL",
            id.uuid()
        )?;
        Ok(changed == 1)
    }

    /// Ends a worker that stops by itself; what it left open is an orphan at once.
    pub async fn retire_worker(&mut self, id: WorkerId) -> Result<()> {
        exec!(self, "UPDATE workers SET dead_at = DB_NOW WHERE id = $1 AND dead_at IS NULL", id.uuid())?;
        Ok(())
    }

    /// Declares workers dead that have been silent for longer than `silence`; gives how many.
    pub async fn bury_silent_workers(&mut self, silence: Duration) -> Result<u64> {
        exec!(
            self,
            "UPDATE workers SET dead_at = DB_NOW WHERE dead_at IS NULL AND heartbeat_at < DB_AGO($1)",
            silence.as_millis() as i64
        )
    }
}
