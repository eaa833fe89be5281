//! Seats carried out: what became of the people who picked up is counted where answers are noted.
//!
//! Not where calls end: an abandoned call is over at once and any other one much later, so the share would be too high at first.

use std::collections::{BTreeSet, HashSet};

use chrono::{DateTime, Utc};
use ringfleet_core::{CallId, WorkerId};
use ringfleet_store::{Answered, SeatAnswer, Tx};
use uuid::Uuid;

use crate::{Engine, Result, batch::until_it_passes};

/// Counts those of `answers` that have just been `noted` and whose campaigns have seats. After calls, before counters.
pub(crate) async fn count(tx: &mut Tx, answers: &[Answered], noted: &HashSet<Uuid>) -> Result<()> {
    let new: Vec<SeatAnswer> =
        answers.iter().filter(|answer| noted.contains(&answer.id)).filter_map(|answer| answer.seat).collect();
    if new.is_empty() {
        return Ok(());
    }
    let campaigns: BTreeSet<Uuid> = new.iter().map(|answer| answer.campaign.uuid()).collect();
    let mut known = tx.lock_campaign_answers(&campaigns.into_iter().collect::<Vec<_>>()).await?;
    for of in &mut known {
        for answer in new.iter().filter(|answer| answer.campaign == of.campaign_id) {
            of.answers.add(answer.abandoned, answer.window);
        }
    }
    Ok(tx.set_campaign_answers(&known).await?)
}

impl Engine {
    /// Somebody picked up at `at`, in a campaign that has seats. False when the call is not this worker's any more.
    ///
    /// Written in any case, before the call's end: the next calls of the campaign depend on it.
    pub async fn answered_at_seats(
        &self,
        call: CallId,
        worker: WorkerId,
        at: DateTime<Utc>,
        seat: SeatAnswer,
    ) -> Result<bool> {
        let answer = Answered { id: call.uuid(), worker: worker.uuid(), at, seat: Some(seat) };
        until_it_passes("an answer cannot be noted yet", call, || self.0.answers.run(answer.clone())).await
    }
}
