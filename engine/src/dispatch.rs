//! From due recipients to calls on the queue.

use chrono::{DateTime, Utc};
use ringfleet_core::{CallId, CampaignState, Channel, WorkspaceId};
use ringfleet_fleet::Lane;
use ringfleet_store::{Campaign, NewCall, Running, Standing};
use serde_json::json;
use uuid::Uuid;

use crate::{Engine, Result, brake};

impl Engine {
    /// Claims due recipients of a campaign until `room` calls of it wait for workers, and pushes their jobs. Gives how many.
    ///
    /// One scheduler at a time does this for a campaign; another one's turn comes with its next round.
    pub async fn dispatch(&self, running: &Running, room: u32) -> Result<usize> {
        let now = self.0.clock.now();
        let mut tx = self.0.store.write().await?;
        if !tx.try_dispatching(running.id).await? {
            return Ok(0);
        }
        let Some(campaign) = tx.hold_campaigns(&[running.id.uuid()]).await?.pop() else { return Ok(0) };
        if campaign.state != CampaignState::InProgress {
            return Ok(0);
        }
        let room = brake::room(&mut tx, campaign.trunk_id, room).await?;
        let free = room.saturating_sub(tx.count_waiting_calls(running.id).await?);
        if free == 0 {
            return Ok(0);
        }
        let claimed = tx.claim_recipients(running.id, free, now).await?;
        if claimed.is_empty() {
            return Ok(0);
        }
        let calls: Vec<NewCall> = claimed.iter().map(|r| call_for(&campaign, r, now)).collect();
        tx.insert_calls(&calls, now).await?;
        tx.commit().await?;
        let ids: Vec<Uuid> = calls.iter().map(|call| call.id).collect();
        self.hint(Lane::Campaign, &ids).await;
        Ok(ids.len())
    }

    /// Every campaign that is calling, or is scheduled and due.
    pub async fn running(&self) -> Result<Vec<Running>> {
        let mut tx = self.0.store.read().await?;
        let running = tx.running_campaigns(self.0.clock.now()).await?;
        tx.commit().await?;
        Ok(running)
    }

    /// Whether the campaign has nobody left to call.
    pub async fn is_done(&self, running: &Running) -> Result<bool> {
        let mut tx = self.0.store.read().await?;
        let open = tx.has_open_recipients(running.id).await?;
        tx.commit().await?;
        Ok(!open)
    }
}

fn call_for(campaign: &Campaign, recipient: &Standing, now: DateTime<Utc>) -> NewCall {
    let workspace: WorkspaceId = campaign.workspace_id;
    NewCall {
        id: CallId::new(now).uuid(),
        workspace_id: workspace.uuid(),
        campaign_id: Some(campaign.id.uuid()),
        recipient_id: Some(recipient.id.uuid()),
        agent_id: campaign.agent_id.uuid(),
        trunk_id: campaign.trunk_id.uuid(),
        channel: campaign.plan.steps.get(recipient.step as usize).map_or(Channel::Voice, |step| step.channel),
        number: recipient.number.digits(),
        variables: json!({}),
        metadata: json!({}),
        caller_id: None,
        ring_seconds: campaign.ring_seconds,
        max_call_seconds: campaign.max_call_seconds,
        step: recipient.step,
        attempt: recipient.total_attempts + 1,
        due_at: now,
        pushed_at: now,
    }
}
