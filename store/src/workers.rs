use std::time::Duration;

use chrono::{DateTime, Utc};
use ringfleet_core::WorkerId;

use crate::{
    Result, Tx,
    record::record,
    tx::{all, exec, on, one, scalar},
};

record! {
    /// A process that places calls.
    pub struct Worker {
        /// Its id, fresh with each start.
        pub id: WorkerId,
        /// When it started, by the database's clock.
        pub started_at: DateTime<Utc>,
        /// Somebody has asked it to take no calls.
        pub drains: bool,
    }
}

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

    /// Proves that a worker lives, and gives whether it is asked to take no calls; nothing when it has been declared dead and its calls are
    /// no longer its own.
    pub async fn heartbeat(&mut self, id: WorkerId) -> Result<Option<bool>> {
        scalar!(
            self,
            bool,
            "UPDATE workers SET heartbeat_at = DB_NOW WHERE id = $1 AND dead_at IS NULL RETURNING drains",
            id.uuid()
        )
    }

    /// Asks a worker to take no calls, or to take calls again; nothing when none with this id lives.
    pub async fn drain_worker(&mut self, id: WorkerId, drains: bool) -> Result<Option<Worker>> {
        one!(
            self,
            Worker,
            "UPDATE workers SET drains = $2 WHERE id = $1 AND dead_at IS NULL RETURNING id, started_at, drains",
            id.uuid(),
            drains
        )
    }

    /// The workers that have not been declared dead.
    pub async fn living_workers(&mut self) -> Result<Vec<Worker>> {
        all!(self, Worker, "SELECT id, started_at, drains FROM workers WHERE dead_at IS NULL")
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
