//! What endpoints are told of campaigns that come on.

use std::collections::BTreeSet;

use ringfleet_core::{CampaignState, Clock, event::EventType};
use ringfleet_store::Running;

use crate::{
    Engine, Result, facts,
    publish::{is_wanted, publish},
    stats::kept_counts,
};

/// At most so often a campaign tells of its progress.
const PROGRESS: chrono::Duration = chrono::Duration::seconds(5);

impl Engine {
    /// Tells of the progress of campaigns that have come on, each at most every five seconds, where somebody wants to hear of it. Any
    /// number of schedulers may do this at once.
    pub async fn tell_progress(&self) -> Result<()> {
        let running = self.running().await?;
        let calling: Vec<&Running> =
            running.iter().filter(|one| one.state == CampaignState::InProgress).collect();
        let mut tx = self.0.store.read().await?;
        let workspaces: BTreeSet<_> = calling.iter().map(|one| one.workspace_id).collect();
        let mut wanted = BTreeSet::new();
        for workspace in workspaces {
            if is_wanted(&mut tx, workspace, EventType::CampaignProgress).await? {
                wanted.insert(workspace);
            }
        }
        tx.commit().await?;
        for one in calling.into_iter().filter(|one| wanted.contains(&one.workspace_id)) {
            self.tell_progress_of(one).await?;
        }
        Ok(())
    }

    async fn tell_progress_of(&self, one: &Running) -> Result<()> {
        let now = Clock::now(self.clock());
        let mut tx = self.0.store.write().await?;
        let counts = kept_counts(&mut tx, one.id).await?;
        let stands: i64 = counts
            .as_object()
            .into_iter()
            .flat_map(|kinds| kinds.values().filter_map(|kind| kind.as_object()))
            .flat_map(|counts| counts.values().filter_map(serde_json::Value::as_i64))
            .sum();
        let Some(sequence) = tx.count_progress(one.id, stands, now - PROGRESS, now).await? else {
            return Ok(());
        };
        let Some(campaign) = tx.campaign(one.workspace_id, one.id).await? else { return Ok(()) };
        let fact = facts::numbered(EventType::CampaignProgress, &campaign, sequence, counts);
        let deliveries = publish(&mut tx, vec![fact], now).await?;
        tx.commit().await?;
        self.0.hints.deliveries(&deliveries);
        Ok(())
    }
}
