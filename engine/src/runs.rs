//! Campaigns made from others: runs of recurring ones, clones, and a second try for those that were not reached.

use ringfleet_core::{
    CampaignAction, CampaignId, CampaignState, Clock, CounterKind, Disposition, WorkspaceId,
};
use ringfleet_store::{Campaign, NewCampaign, Tx};

use crate::{
    Engine, EngineError, Receipt, Result, campaigns::created, ready::copy_portion, wind_up::PORTION,
};

/// Longest name of a campaign, in characters.
pub const NAME_LIMIT: usize = 120;

impl Engine {
    /// Makes the runs that are due. Any number of schedulers may do this at once: there is one run for each time.
    pub async fn make_runs(&self) -> Result<()> {
        let mut tx = self.0.store.read().await?;
        let due = tx.campaigns_to_run(Clock::now(self.clock())).await?;
        tx.commit().await?;
        for (workspace, id) in due {
            match self.make_run(workspace, id).await {
                Err(error) if !error.is_passing() => {
                    tracing::error!(%error, campaign = %id, "a run cannot be made")
                }
                done => done?,
            }
        }
        Ok(())
    }

    /// Makes the run of a recurring campaign that is due: the last one, if several were missed. While its last run is not over, none
    /// is made, and this time is passed over.
    async fn make_run(&self, workspace: WorkspaceId, id: CampaignId) -> Result<()> {
        let now = Clock::now(self.clock());
        let mut tx = self.0.store.write().await?;
        let Some(parent) = tx.campaign_for_update(workspace, id).await? else { return Ok(()) };
        let due = parent.recurrence.as_ref().zip(parent.next_run_at.filter(|at| *at <= now));
        let (Some((recurrence, first)), CampaignState::Scheduled) = (due, parent.state) else {
            return Ok(());
        };
        let fires_at = recurrence.last_until(first, now);
        tx.set_next_run(id, recurrence.next_after(now.max(fires_at))).await?;
        if tx.has_run_for(id, fires_at).await? {
            // It was halted and started again, by a clock behind that of whoever made this run.
            return Ok(tx.commit().await?);
        }
        if tx.has_open_run(id).await? {
            tx.commit().await?;
            tracing::warn!(campaign = %id, %fires_at, "a run is passed over: the last one is not over yet");
            return Ok(());
        }
        let name = named(&parent.name, &format!(" {}", recurrence.on_the_wall(fires_at)));
        let mut new = parent.like(name);
        (new.settings.recurrence, new.settings.start_at) = (None, None);
        let run = tx.insert_campaign(workspace, new, now).await?;
        tx.make_run(run.id, id, fires_at).await?;
        tx.order_copy(run.id, id, None).await?;
        let deliveries = created(&mut tx, &Campaign { parent_id: Some(id), ..run.clone() }, now).await?;
        tx.commit().await?;
        self.hint_deliveries(&deliveries);
        tracing::info!(campaign = %run.id, of = %id, %fires_at, "a run is made");
        Ok(())
    }

    /// Makes a campaign in DRAFT with the settings of another one, and with its recipients if wanted. Its list may still be in the
    /// making when this answers.
    pub async fn clone_campaign(
        &self,
        workspace: WorkspaceId,
        id: CampaignId,
        name: Option<String>,
        with_recipients: bool,
        receipt: Receipt<Campaign>,
    ) -> Result<Campaign> {
        let mut tx = self.0.store.write().await?;
        let source = tx.campaign(workspace, id).await?.ok_or(EngineError::NotFound("campaign"))?;
        let name = name.unwrap_or_else(|| named(&source.name, " (copy)"));
        let now = Clock::now(self.clock());
        let clone = tx.insert_campaign(workspace, self.anew(&source, name), now).await?;
        if with_recipients {
            tx.order_copy(clone.id, id, None).await?;
        }
        self.begin_copy(tx, clone, receipt).await
    }

    /// Makes a campaign in DRAFT for those of a campaign that is over who ended so, but not for who said no.
    pub async fn retry_campaign(
        &self,
        workspace: WorkspaceId,
        id: CampaignId,
        name: Option<String>,
        dispositions: &[Disposition],
        receipt: Receipt<Campaign>,
    ) -> Result<Campaign> {
        let mut tx = self.0.store.write().await?;
        let source =
            tx.hold_campaigns(&[id.uuid()]).await?.pop().filter(|source| source.workspace_id == workspace);
        let source = source.ok_or(EngineError::NotFound("campaign"))?;
        source.state.after(CampaignAction::Retry, false)?;
        if tx.has_open_recipients(id).await? {
            let message = "some of its recipients have not ended yet; try again in a moment".into();
            return Err(EngineError::Conflict { code: "NOT_DONE", message });
        }
        let wanted = |name: &str| dispositions.iter().any(|disposition| disposition.as_str() == name);
        let counters = tx.counters(id).await?;
        let ended = |kind, name: &str| kind == CounterKind::Disposition && wanted(name);
        if !counters.iter().any(|counter| ended(counter.kind, &counter.name) && counter.n > 0) {
            let message = "no recipient of the campaign has ended so".into();
            return Err(EngineError::Conflict { code: "NO_RECIPIENTS", message });
        }
        let name = name.unwrap_or_else(|| named(&source.name, " (retry)"));
        // The first try would count as another campaign's calls.
        let mut new = self.anew(&source, name);
        (new.settings.recurrence, new.settings.dupe_days) = (None, None);
        let now = Clock::now(self.clock());
        let retry = tx.insert_campaign(workspace, new, now).await?;
        tx.order_copy(retry.id, id, Some(dispositions)).await?;
        self.begin_copy(tx, retry, receipt).await
    }

    /// The settings of a campaign for another one, without moments that have passed.
    fn anew(&self, source: &Campaign, name: String) -> NewCampaign {
        let now = Clock::now(self.clock());
        let mut new = source.like(name);
        for moment in [&mut new.settings.start_at, &mut new.settings.end_at] {
            *moment = moment.filter(|at| *at > now);
        }
        new
    }

    /// A short list is there when the campaign is; a long one follows.
    async fn begin_copy(&self, mut tx: Tx, made: Campaign, receipt: Receipt<Campaign>) -> Result<Campaign> {
        let Campaign { id, workspace_id: workspace, .. } = made;
        let now = Clock::now(self.clock());
        if copy_portion(&mut tx, workspace, id, now).await?.is_some_and(|copied| copied < PORTION as usize) {
            copy_portion(&mut tx, workspace, id, now).await?; // finds that nobody is left
        }
        let made = tx.campaign(workspace, id).await?.ok_or(EngineError::NotFound("campaign"))?;
        let deliveries = created(&mut tx, &made, now).await?;
        receipt.write(&mut tx, &made, self.clock()).await?;
        tx.commit().await?;
        self.hint_deliveries(&deliveries);
        if made.copies_from.is_some()
            && let Err(error) = self.make_ready_for_a_while(workspace, id).await
        {
            tracing::warn!(%error, campaign = %id, "a list could not be copied yet; it will be tried again");
        }
        Ok(made)
    }
}

/// A name that tells where it comes from, and is no longer than a name may be.
fn named(source: &str, more: &str) -> String {
    let room = NAME_LIMIT.saturating_sub(more.chars().count());
    source.chars().take(room).chain(more.chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_made_from_a_long_one_is_cut_in_the_middle() {
        assert_eq!(named("Herbst", " (copy)"), "Herbst (copy)");
        let long = named(&"ä".repeat(NAME_LIMIT), " (copy)");
        assert!(long.chars().count() == NAME_LIMIT && long.ends_with("ä (copy)"));
    }
}
