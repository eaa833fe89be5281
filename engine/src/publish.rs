//! Facts become events, events become deliveries: in the transaction of the fact.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use ringfleet_core::{
    DeliveryId, EventId, WorkspaceId,
    clock::rfc3339,
    event::{self, EventType},
};
use ringfleet_fleet::{Fleet, Lane};
use ringfleet_store::{Call, Campaign, NewDelivery, NewEvent, Tx};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::Result;

/// Something worth telling the customer.
pub(crate) struct Fact<'a> {
    workspace: WorkspaceId,
    event: EventType,
    about: About<'a>,
}

enum About<'a> {
    Call(&'a Call),
    Campaign(&'a Campaign, Value),
}

/// Writes the events somebody wants to hear of and their deliveries; gives the deliveries to hint at after the commit.
pub(crate) async fn publish(
    tx: &mut Tx,
    facts: Vec<Fact<'_>>,
    now: DateTime<Utc>,
) -> Result<Vec<DeliveryId>> {
    let workspaces: BTreeSet<Uuid> = facts.iter().map(|fact| fact.workspace.uuid()).collect();
    let endpoints = match workspaces.is_empty() {
        true => Vec::new(),
        false => tx.webhooks_of(&workspaces.into_iter().collect::<Vec<_>>()).await?,
    };
    let (mut events, mut deliveries) = (Vec::new(), Vec::new());
    for fact in facts {
        let mut wanting =
            endpoints.iter().filter(|e| e.workspace_id == fact.workspace && e.wants(fact.event)).peekable();
        if wanting.peek().is_none() {
            continue;
        }
        let id = EventId::new(now);
        let workspace_id = fact.workspace.uuid();
        deliveries.extend(wanting.map(|endpoint| NewDelivery {
            id: DeliveryId::new(now).uuid(),
            workspace_id,
            event_id: id.uuid(),
            webhook_id: endpoint.id.uuid(),
        }));
        let body = event::body(id, fact.event, now, &fact.data());
        events.push(NewEvent { id: id.uuid(), workspace_id, event: fact.event, body });
    }
    if !events.is_empty() {
        tx.insert_events(&events, &deliveries, now).await?;
    }
    Ok(deliveries.into_iter().map(|d| DeliveryId::from(d.id)).collect())
}

/// `session.started` and `session.ended` tell of a call.
pub(crate) fn call_fact(event: EventType, call: &Call) -> Fact<'_> {
    Fact { workspace: call.workspace_id, event, about: About::Call(call) }
}

/// `campaign.started` and `campaign.completed` tell of a campaign.
pub(crate) fn campaign_fact(event: EventType, campaign: &Campaign, more: Value) -> Fact<'_> {
    Fact { workspace: campaign.workspace_id, event, about: About::Campaign(campaign, more) }
}

impl Fact<'_> {
    /// Made only for those who want to hear of it.
    fn data(&self) -> Value {
        match &self.about {
            About::Call(call) => of_call(self.event, call),
            About::Campaign(campaign, more) => of_campaign(campaign, more.clone()),
        }
    }
}

fn of_call(event: EventType, call: &Call) -> Value {
    let mut data = json!({
        "sessionId": call.id,
        "campaignId": call.campaign_id,
        "recipientId": call.recipient_id,
        "agentId": call.agent_id,
        "versionId": call.agent_version,
        "channel": call.channel,
        "to": call.number,
        "attempt": call.attempt,
        "status": call.state,
        "startedAt": call.triggered_at.map(rfc3339),
        "metadata": call.metadata,
    });
    if event == EventType::SessionEnded {
        let ended = json!({
            "outcome": call.outcome,
            "reason": call.reason,
            "code": call.code,
            "endedBy": call.ended_by,
            "answeredAt": call.answered_at.map(rfc3339),
            "endedAt": call.ended_at.map(rfc3339),
            "durationMs": call.talked_ms().unwrap_or(0),
        });
        merge(&mut data, ended);
    }
    data
}

fn of_campaign(campaign: &Campaign, more: Value) -> Value {
    let mut data = json!({
        "campaignId": campaign.id,
        "parentId": campaign.parent_id,
        "name": campaign.name,
        "agentId": campaign.agent_id,
        "status": campaign.state,
        "startedAt": campaign.started_at.map(rfc3339),
        "finishedAt": campaign.finished_at.map(rfc3339),
    });
    merge(&mut data, more);
    data
}

fn merge(into: &mut Value, more: Value) {
    if let (Value::Object(into), Value::Object(more)) = (into, more) {
        into.extend(more);
    }
}

/// Pushes jobs for what has been committed. Failure is only logged: the scheduler pushes again what nobody took.
#[derive(Clone)]
pub(crate) struct Hints(Fleet);

impl Hints {
    pub(crate) fn new(fleet: Fleet) -> Self {
        Self(fleet)
    }

    pub(crate) async fn push(&self, lane: Lane, ids: &[Uuid]) {
        if ids.is_empty() {
            return;
        }
        if let Err(error) = self.0.push(lane, ids).await {
            tracing::warn!(%error, lane = lane.as_str(), jobs = ids.len(), "jobs could not be pushed; they will be pushed again");
        }
    }

    /// Pushes without waiting: whoever has committed goes on, however slow Redis is.
    pub(crate) fn later(&self, lane: Lane, ids: Vec<Uuid>) {
        if !ids.is_empty() {
            let this = self.clone();
            tokio::spawn(async move { this.push(lane, &ids).await });
        }
    }

    pub(crate) fn deliveries(&self, ids: &[DeliveryId]) {
        self.later(Lane::Deliver, ids.iter().map(|id| id.uuid()).collect());
    }
}
