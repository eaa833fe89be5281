//! The life of a campaign, and single triggered calls.

use std::collections::BTreeMap;

use ringfleet_core::{
    AgentId, CallId, CampaignAction, CampaignId, CampaignState, Channel, Disposition, E164, TrunkId,
    WorkspaceId, event::EventType,
};
use ringfleet_fleet::Lane;
use ringfleet_store::{Bump, Call, Campaign, CounterKind, NewCall, NewCampaign, Page, Tx};
use serde_json::{Value, json};

use crate::{
    Engine, EngineError, Result,
    publish::{call_fact, campaign_fact, publish},
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

/// Where a campaign stands, in figures.
#[derive(Debug, Clone, Default)]
pub struct CampaignStats {
    /// Recipients in all.
    pub recipients: u64,
    /// Recipients that wait, are queued, are being called.
    pub open: BTreeMap<String, u64>,
    /// Recipients that are done, by disposition.
    pub dispositions: BTreeMap<String, u64>,
    /// Calls that are over, by outcome.
    pub outcomes: BTreeMap<String, u64>,
    /// Recipients that are held, by hold.
    pub holds: BTreeMap<String, u64>,
    /// Calls that have begun and are not over: ringing, talking.
    pub live: (u64, u64),
}

impl Engine {
    /// Makes a campaign in DRAFT. Its agent and trunk must be of the same workspace.
    pub async fn create_campaign(&self, workspace: WorkspaceId, new: NewCampaign) -> Result<Campaign> {
        let mut tx = self.0.store.write().await?;
        if tx.agent(workspace, new.agent_id).await?.is_none() {
            return Err(EngineError::invalid("agentId", "no such agent in this workspace"));
        }
        if tx.trunk(workspace, new.trunk_id).await?.is_none() {
            return Err(EngineError::invalid("trunkId", "no such trunk in this workspace"));
        }
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
        let mut facts: Vec<_> = self
            .withdraw(&mut tx, id, next)
            .await?
            .iter()
            .map(|c| call_fact(EventType::SessionEnded, c))
            .collect();
        let after = tx.campaign(workspace, id).await?.ok_or(EngineError::NotFound("campaign"))?;
        match next {
            CampaignState::InProgress => {
                facts.push(campaign_fact(EventType::CampaignStarted, &after, json!({})))
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
        Ok(after)
    }

    /// Takes back what waits when a campaign stops calling; gives the calls that ended by that.
    async fn withdraw(&self, tx: &mut Tx, id: CampaignId, next: CampaignState) -> Result<Vec<Call>> {
        let now = self.0.clock.now();
        match next {
            CampaignState::InProgress => tx.forget_pushes(id).await?,
            CampaignState::Paused => {
                tx.withdraw_waiting_calls(id).await?;
                tx.forget_pushes(id).await?; // no job of it waits any more
            }
            CampaignState::Cancelled | CampaignState::Failed => {
                tx.withdraw_waiting_calls(id).await?;
                let ended = tx.cancel_held_calls(id, "campaign_over", now).await?;
                let cancelled = tx.cancel_recipients(id, now).await?;
                if cancelled > 0 {
                    let name = Disposition::Cancelled.as_str();
                    tx.bump(vec![Bump::new(id, CounterKind::Disposition, name, cancelled as i64)]).await?;
                }
                return Ok(ended);
            }
            CampaignState::Draft | CampaignState::Scheduled | CampaignState::Finished => {}
        }
        Ok(Vec::new())
    }

    /// The figures of a campaign.
    pub async fn stats(&self, workspace: WorkspaceId, id: CampaignId) -> Result<(Campaign, CampaignStats)> {
        let mut tx = self.0.store.read().await?;
        let campaign = tx.campaign(workspace, id).await?.ok_or(EngineError::NotFound("campaign"))?;
        let mut stats = CampaignStats { live: tx.live_calls(id).await?, ..CampaignStats::default() };
        for counter in tx.counters(id).await? {
            match counter.kind.as_str() {
                "recipients" => stats.recipients = counter.n as u64,
                "disposition" => drop(stats.dispositions.insert(counter.name, counter.n as u64)),
                _ => drop(stats.outcomes.insert(counter.name, counter.n as u64)),
            }
        }
        for row in tx.open_recipients(id).await? {
            *stats.open.entry(row.state).or_default() += row.n as u64;
            if let Some(hold) = row.hold {
                *stats.holds.entry(hold).or_default() += row.n as u64;
            }
        }
        tx.commit().await?;
        Ok((campaign, stats))
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
        if tx.agent(workspace, new.agent_id).await?.is_none() {
            return Err(EngineError::invalid("agentId", "no such agent in this workspace"));
        }
        if tx.trunk(workspace, trunk).await?.is_none() {
            return Err(EngineError::invalid("trunkId", "no such trunk in this workspace"));
        }
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

async fn kept_counts(tx: &mut Tx, id: CampaignId) -> Result<Value> {
    let (mut dispositions, mut outcomes) = (serde_json::Map::new(), serde_json::Map::new());
    for counter in tx.counters(id).await? {
        match counter.kind.as_str() {
            "disposition" => drop(dispositions.insert(counter.name, counter.n.into())),
            "outcome" => drop(outcomes.insert(counter.name, counter.n.into())),
            _ => {}
        }
    }
    Ok(json!({"recipients": dispositions, "calls": outcomes}))
}
