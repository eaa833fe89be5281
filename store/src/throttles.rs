use chrono::{DateTime, Utc};

use crate::{
    Result, Timestamp, Tx,
    record::record,
    tx::{exec, on, one},
};

record! {
    /// How often somebody has tried of late, and how long they have to wait.
    pub struct Throttle {
        /// Attempts that did not succeed.
        pub tries: i32,
        /// When the last of them was.
        pub last_at: DateTime<Utc>,
        /// No attempt before this.
        pub free_at: DateTime<Utc>,
    }
}

impl Tx {
    /// What is known of `subject`; its row is held until the transaction ends, so that attempts are counted one after the other.
    pub async fn hold_throttle(&mut self, subject: &str, now: DateTime<Utc>) -> Result<Throttle> {
        // One statement: between two, whoever has succeeded deletes the row.
        let held = one!(
            self,
            Throttle,
            "INSERT INTO throttles (subject, tries, last_at, free_at) VALUES ($1, 0, $2, $2)
             ON CONFLICT (subject) DO UPDATE SET tries = throttles.tries RETURNING tries, last_at, free_at",
            subject,
            Timestamp(now)
        )?;
        held.ok_or_else(|| sqlx::Error::RowNotFound.into())
    }

    /// Writes down an attempt.
    pub async fn set_throttle(&mut self, subject: &str, throttle: &Throttle) -> Result<()> {
        exec!(
            self,
            "UPDATE throttles SET tries = $2, last_at = $3, free_at = $4 WHERE subject = $1",
            subject,
            throttle.tries,
            Timestamp(throttle.last_at),
            Timestamp(throttle.free_at)
        )?;
        Ok(())
    }

    /// Takes back one attempt: it has succeeded.
    pub async fn forgive(&mut self, subject: &str) -> Result<()> {
        exec!(self, "UPDATE throttles SET tries = tries - 1 WHERE subject = $1 AND tries > 0", subject)?;
        Ok(())
    }

    /// Forgets all attempts.
    pub async fn clear_throttle(&mut self, subject: &str) -> Result<()> {
        exec!(self, "DELETE FROM throttles WHERE subject = $1", subject)?;
        Ok(())
    }
}
