//! What becomes of deliveries in the end: closed where their endpoint is off or gone, and forgotten after their time; in portions.

use std::time::Duration;

use ringfleet_store::GivenUp;
use uuid::Uuid;

use crate::{Engine, Result};

/// Deliveries of endpoints that were switched off or deleted that are closed in one transaction, and in one round of all of them.
const GIVEN_UP_AT_ONCE: u32 = 2_000;
const GIVEN_UP_IN_A_ROUND: u64 = 50_000;
/// Deliveries, or events, that are forgotten in one transaction.
const FORGOTTEN_AT_ONCE: u32 = 2_000;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl Engine {
    /// Closes what was on its way to endpoints when they were switched off or deleted, in portions; a large backlog in several rounds. Any number
    /// of schedulers may do this at once. Gives how many.
    pub async fn give_up_deliveries(&self) -> Result<u64> {
        let mut tx = self.0.store.read().await?;
        let given_up = tx.given_up_webhooks().await?;
        tx.commit().await?;
        let mut closed = 0;
        for webhook in given_up {
            closed += self.close_given_up(&webhook, GIVEN_UP_IN_A_ROUND - closed).await?;
            if closed >= GIVEN_UP_IN_A_ROUND {
                break;
            }
        }
        Ok(closed)
    }

    /// Closes what was on its way to one of them, in portions, until `most` are closed or none is left.
    pub(crate) async fn close_given_up(&self, webhook: &GivenUp, most: u64) -> Result<u64> {
        let mut closed = 0;
        while closed < most {
            let mut tx = self.0.store.write().await?;
            let portion = tx.give_up_deliveries(webhook, GIVEN_UP_AT_ONCE, self.0.clock.now()).await?;
            tx.commit().await?;
            closed += portion;
            if portion == 0 {
                // In a transaction of its own: endpoints are held before deliveries.
                let mut tx = self.0.store.write().await?;
                tx.note_given_up(webhook).await?;
                tx.commit().await?;
                break;
            }
        }
        Ok(closed)
    }

    /// Forgets what was said to requests more than `days` days ago. Gives how many.
    pub async fn forget_attempts(&self, days: u32) -> Result<u64> {
        let now = self.0.clock.now();
        let mut tx = self.0.store.write().await?;
        let forgotten = tx.forget_attempts(now - DAY * days).await?;
        tx.commit().await?;
        Ok(forgotten)
    }

    /// Forgets deliveries that ended more than `days` days ago, and events that have none any more; in portions. Until then, and while they are
    /// on their way again, they can be replayed.
    pub async fn forget_deliveries(&self, days: u32) -> Result<()> {
        let before = self.0.clock.now() - DAY * days;
        for events in [false, true] {
            let mut after = Some(Uuid::nil());
            while let Some(from) = after {
                let mut tx = self.0.store.write().await?;
                after = match events {
                    false => tx.forget_deliveries(before, from, FORGOTTEN_AT_ONCE).await?,
                    true => tx.forget_events(before, from, FORGOTTEN_AT_ONCE).await?,
                };
                tx.commit().await?;
            }
        }
        Ok(())
    }
}
