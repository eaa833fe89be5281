//! Attempts are counted before they are made, so that many at once count as many.

use std::time::Duration;

use ringfleet_core::account::{Patience, subject};
use ringfleet_store::Throttle;

use crate::{Engine, EngineError, Result};

/// Under what attempts are counted, and how patient one is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) subject: String,
    patience: Patience,
}

impl Count {
    /// Attempts at `text` (an account, an address), of one kind.
    pub(crate) fn of(kind: &str, text: &str, patience: Patience) -> Self {
        Self { subject: subject(kind, text), patience }
    }
}

impl Engine {
    /// Counts an attempt under each of `counts`, unless one of them has to wait.
    ///
    /// # Errors
    /// [`EngineError::TooMany`]; then nothing was counted.
    pub(crate) async fn attempt(&self, mut counts: Vec<Count>) -> Result<()> {
        counts.sort_by(|a, b| a.subject.cmp(&b.subject)); // rows are held in one order
        let now = self.0.clock.now();
        let mut tx = self.0.store.write().await?;
        let mut wait = chrono::TimeDelta::zero();
        for Count { subject, patience } in &counts {
            let known = tx.hold_throttle(subject, now).await?;
            wait = wait.max(known.free_at - now);
            let tries = patience.counted(known.tries.max(0) as u32, known.last_at, now) + 1;
            let throttle =
                Throttle { tries: tries as i32, last_at: now, free_at: now + patience.wait(tries) };
            tx.set_throttle(subject, &throttle).await?;
        }
        if wait > chrono::TimeDelta::zero() {
            let seconds = (wait.num_milliseconds() as u64).div_ceil(1_000);
            return Err(EngineError::TooMany { retry_after: Duration::from_secs(seconds) });
        }
        Ok(tx.commit().await?)
    }
}
