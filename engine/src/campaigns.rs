//! The life of a campaign, and single triggered calls.

use ringfleet_core::{
    AgentId, CallId, CampaignAction, CampaignId, CampaignState, Channel, E164, TrunkId, WorkspaceId,
    event::EventType,
};
use ringfleet_fleet::Lane;
use ringfleet_store::{Call, Campaign, NewCall, NewCampaign, Page, Tx};
use serde_json::{Value, json};

use crate::{
    Engine, EngineError, Result,
    publish::{call_fact, campaign_fact, publish},
    stats::kept_counts,
    wind_up::withdraw,
};

/// A single call to be placed now.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// Who talks.
    pub agent_id: AgentId,
    /// What places it; none takes the workspace's only trunk.
    pub trunk_id: Option<TrunkId>,
    /// Whom to call.
    pub to: E164,
    /// The caller ID to show instead of the trunk's.
    pub from: Option<String>,
    /// An object of variables for the agent.
    pub variables: Value,
    /// Comes back in events.
    pub metadata: Value,
    /// How long it may ring, in seconds.
    pub ring_seconds: u32,
    /// How long an answered call may last, in seconds.
    pub max_call_seconds: u32,
}

impl Engine {
    /// Makes a campaign in DRAFT. Its agent and trunk must be of the same workspace.
    pub async fn create_campaign(&self, workspace: WorkspaceId, new: NewCampaign) -> Result<Campaign> {
        let mut tx = self.0.store.write().await?;
        check_owned(&mut tx, workspace, new.agent_id, new.trunk_id).await?;
        let campaign = tx.insert_campaign(workspace, new, self.0.clock.now()).await?;
        tx.commit().await?;
        Ok(campaign)
    }

    /// The trunk to take when none is named: the only one there is.
    pub async fn only_trunk(&self, workspace: WorkspaceId) -> Result<TrunkId> {
        let mut tx = self.0.store.read().await?;
        let trunks = tx.trunks(workspace, Page { after: None, limit: 2 }).await?;
        tx.commit().await?;
        match trunks.as_slice() {
            [one] => Ok(one.id),
            [] => Err(EngineError::invalid(
                "trunkId",
                "the workspace has no trunk yet; create one with POST /api/v1/trunks",
            )),
            _ => Err(EngineError::invalid("trunkId", "the workspace has several trunks; name one")),
        }
    }

    /// Starts, pauses, cancels, finishes or fails a campaign. After this has answered a pause or a cancel, no call of it begins.
    pub async fn act(
        &self,
        workspace: WorkspaceId,
        id: CampaignId,
        action: CampaignAction,
        reason: Option<&str>,
    ) -> Result<Campaign> {
        let now = self.0.clock.now();
        let mut tx = self.0.store.write().await?;
        let before = tx.campaign_for_update(workspace, id).await?.ok_or(EngineError::NotFound("campaign"))?;
        let starts_later = before.start_at.is_some_and(|at| at > now);
        let next = before.state.after(action, starts_later)?;
        if action == CampaignAction::Start {
            check_start(&mut tx, id).await?;
        }
        if action == CampaignAction::Finish && tx.has_open_recipients(id).await? {
            return Err(EngineError::Conflict {
                code: "NOT_DONE",
                message: "some recipients are not done yet".into(),
            });
        }
        tx.set_campaign_state(id, next, reason, now).await?;
        let withdrawn = withdraw(&mut tx, id, next, now).await?;
        let mut facts: Vec<_> = withdrawn.iter().map(|c| call_fact(EventType::SessionEnded, c)).collect();
        let after = tx.campaign(workspace, id).await?.ok_or(EngineError::NotFound("campaign"))?;
        match next {
            CampaignState::InProgress => {
                tx.release_campaign_brake(id).await?;
                facts.push(campaign_fact(EventType::CampaignStarted, &after, json!({})));
            }
            // What somebody has done need not be told to them; what a rule has done must.
            CampaignState::Paused | CampaignState::Failed if reason.is_some() => {
                let event = match next {
                    CampaignState::Failed => EventType::CampaignFailed,
                    _ => EventType::CampaignPaused,
                };
                facts.push(campaign_fact(event, &after, json!({"reason": reason})));
            }
            CampaignState::Finished => {
                let counts = kept_counts(&mut tx, id).await?;
                facts.push(campaign_fact(EventType::CampaignCompleted, &after, counts));
            }
            _ => {}
        }
        let deliveries = publish(&mut tx, facts, now).await?;
        tx.commit().await?;
        self.0.hints.deliveries(&deliveries);
        tracing::info!(campaign = %id, from = %before.state, to = %next, reason, "campaign {action}");
        if after.state.is_final() {
            self.wind_up_for_a_while(id).await;
        }
        Ok(after)
    }

    /// Places a single call now: it overtakes every campaign. Gives the PENDING call.
    pub async fn trigger(&self, workspace: WorkspaceId, new: NewSession) -> Result<Call> {
        let trunk = match new.trunk_id {
            Some(trunk) => trunk,
            None => self.only_trunk(workspace).await?,
        };
        let now = self.0.clock.now();
        let id = CallId::new(now);
        let mut tx = self.0.store.write().await?;
        check_owned(&mut tx, workspace, new.agent_id, trunk).await?;
        let call = NewCall {
            id: id.uuid(),
            workspace_id: workspace.uuid(),
            campaign_id: None,
            recipient_id: None,
            agent_id: new.agent_id.uuid(),
            trunk_id: trunk.uuid(),
            channel: Channel::Voice,
            number: new.to.digits(),
            variables: new.variables,
            metadata: new.metadata,
            caller_id: new.from,
            ring_seconds: new.ring_seconds,
            max_call_seconds: new.max_call_seconds,
            step: 0,
            attempt: 1,
            due_at: now,
            pushed_at: now,
        };
        tx.insert_calls(&[call], now).await?;
        let call = tx.call(workspace, id).await?.ok_or(EngineError::NotFound("session"))?;
        tx.commit().await?;
        self.0.hints.later(Lane::Trigger, vec![id.uuid()]);
        Ok(call)
    }
}

async fn check_owned(tx: &mut Tx, workspace: WorkspaceId, agent: AgentId, trunk: TrunkId) -> Result<()> {
    if tx.agent(workspace, agent).await?.is_none() {
        return Err(EngineError::invalid("agentId", "no such agent in this workspace"));
    }
    if tx.trunk(workspace, trunk).await?.is_none() {
        return Err(EngineError::invalid("trunkId", "no such trunk in this workspace"));
    }
    Ok(())
}

/// A campaign never starts empty, and never with half a list.
async fn check_start(tx: &mut Tx, id: CampaignId) -> Result<()> {
    if tx.has_running_import(id).await? {
        let message = "an import into this campaign is still running; start when it has finished".into();
        return Err(EngineError::Conflict { code: "IMPORT_RUNNING", message });
    }
    if !tx.has_recipients(id).await? {
        let message = "the campaign has no recipients; add some first".into();
        return Err(EngineError::Conflict { code: "NO_RECIPIENTS", message });
    }
    Ok(())
}
