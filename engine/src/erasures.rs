//! Erasing a person by number, from every table and every blob of a workspace, with a receipt.
//!
//! An erasure is a row: whom, what is being looked through, and how far that has come. Schedulers lease it and work in portions, each with its
//! note in one transaction, so that who dies is followed by another one. When everything has been looked through and something was found, it
//! is looked through once more: only a pass that finds nothing ends it, and that leaves no recipient and no call. So it does not matter in which
//! order things are written meanwhile. Until then the number is kept out in any case. Whoever says stop meanwhile is kept out for good.

use chrono::TimeDelta;
use ringfleet_core::{Clock, ErasureId, ErasureStep, WorkspaceId, clock::Stopwatch};
use ringfleet_store::{Erasure, NewErasure, Page, Tx};
use uuid::Uuid;

use crate::{Engine, EngineError, Receipt, Result, erasing, wind_up::A_WHILE};

/// Whoever works on an erasure and writes nothing for so long is taken to be dead.
const LEASE: TimeDelta = TimeDelta::seconds(60);
/// How soon it is looked again where a call has to end first, or something was found.
const AGAIN: TimeDelta = TimeDelta::seconds(1);

impl Engine {
    /// Orders the erasure of a person, and keeps their number out from now on: until it is over, or for good if it is to be. What is there is
    /// erased in portions afterwards.
    ///
    /// # Errors
    /// `Conflict` `SUPPRESSED` when the number stands on a suppression list and is not to be kept out: whoever said stop would be forgotten.
    pub async fn erase(
        &self,
        workspace: WorkspaceId,
        new: &NewErasure,
        receipt: Receipt<Erasure>,
    ) -> Result<Erasure> {
        let now = Clock::now(self.clock());
        let mut tx = self.store().write().await?;
        if !new.bars && !tx.suppressions(workspace, Some(new.number), Page::first(1)).await?.is_empty() {
            let message = "the number stands on a suppression list, which would be forgotten with it; take it off the list, or let it be kept out";
            return Err(EngineError::conflict("SUPPRESSED", message));
        }
        let id = tx.insert_erasure(workspace, new, now).await?;
        let erasure = find(&mut tx, workspace, id).await?;
        receipt.write(&mut tx, &erasure, self.clock()).await?;
        tx.commit().await?;
        Ok(erasure)
    }

    /// One erasure of the workspace.
    pub async fn erasure(&self, workspace: WorkspaceId, id: ErasureId) -> Result<Erasure> {
        let mut tx = self.store().read().await?;
        let erasure = find(&mut tx, workspace, id).await?;
        tx.commit().await?;
        Ok(erasure)
    }

    /// Works for a while on the erasure that has waited the longest; false when there is none. Any number of schedulers may do this at once.
    pub async fn erase_next(&self) -> Result<bool> {
        let now = Clock::now(self.clock());
        let mut tx = self.store().write().await?;
        let leased = tx.lease_erasure(now, now + LEASE).await?;
        tx.commit().await?;
        let Some(mut erasure) = leased else { return Ok(false) };
        let watch = Stopwatch::start();
        loop {
            match self.erase_portion(&erasure, watch.elapsed() >= A_WHILE).await? {
                Some(further) => erasure = further,
                None => return Ok(true),
            }
        }
    }

    /// One portion. None when there is no more to do now: it waits, it is over, it is another's, or `is_last` gives it back.
    async fn erase_portion(&self, known: &Erasure, is_last: bool) -> Result<Option<Erasure>> {
        let Some(who) = erasing::who(known) else { return Ok(None) };
        let seen = self.look_for(known, who).await?;
        let now = Clock::now(self.clock());
        let mut tx = self.store().write().await?;
        let held = tx.hold_erasure(known.id).await?;
        let Some(mut erasure) = held.filter(|held| (held.step, held.after) == (known.step, known.after))
        else {
            return Ok(None); // its lease ran out, and somebody else has gone on with it
        };
        if erasure.step == ErasureStep::Number {
            tx.take_back_calls(who).await?;
            if tx.is_being_called(who).await? {
                erasure.waits = true;
                tx.set_erasure(&erasure, now + AGAIN).await?;
                tx.commit().await?;
                return Ok(None);
            }
        }
        erasure.waits = false;
        let before = erasure.erased;
        let (after, deliveries) = erasing::forget(&mut tx, &mut erasure, who, seen, now).await?;
        erasure.found |= erasure.erased != before;
        let advanced = match advance(&mut erasure, after) {
            Advanced::Over if tx.is_known(who).await? => Advanced::Anew,
            advanced => advanced,
        };
        let due = match advanced {
            Advanced::Further if is_last => now,
            Advanced::Further => now + LEASE,
            Advanced::Anew => now + AGAIN,
            Advanced::Over => {
                erasure.finished_at = Some(now);
                erasure.needles.clear();
                if !erasure.bars {
                    tx.unbar(&erasure).await?;
                }
                now
            }
        };
        tx.set_erasure(&erasure, due).await?;
        tx.commit().await?;
        self.hint_deliveries(&deliveries);
        if erasure.finished_at.is_some() {
            tracing::info!(erasure = %erasure.id, "everything that was kept of a person is erased");
        }
        Ok((due > now + AGAIN).then_some(erasure))
    }
}

enum Advanced {
    Further,
    /// Once more from the beginning: something was found.
    Anew,
    /// Nothing was.
    Over,
}

/// `after`: where its step goes on; none when it has been gone through.
fn advance(erasure: &mut Erasure, after: Option<Uuid>) -> Advanced {
    erasure.after = after;
    if after.is_some() {
        return Advanced::Further;
    }
    if let Some(next) = erasure.step.next() {
        erasure.step = next;
        return Advanced::Further;
    }
    erasure.step = ErasureStep::Number;
    match std::mem::take(&mut erasure.found) {
        true => Advanced::Anew,
        false => Advanced::Over,
    }
}

async fn find(tx: &mut Tx, workspace: WorkspaceId, id: ErasureId) -> Result<Erasure> {
    tx.erasure(workspace, id).await?.ok_or(EngineError::NotFound("erasure"))
}
