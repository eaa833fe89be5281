//! Facts become events, events become deliveries: in the transaction of the fact.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use ringfleet_core::{
    CampaignId, DeliveryId, Disposition, EventId, WebhookId, WorkspaceId, event::EventType,
};
use ringfleet_fleet::{Fleet, Lane};
use ringfleet_store::{Campaign, Listener, NewDelivery, NewEvent, Tx};
use uuid::Uuid;

use crate::{
    Result,
    facts::{Completed, Fact},
};

/// Writes the events somebody wants to hear of and their deliveries; gives the deliveries to hint at after the commit.
pub(crate) async fn publish(
    tx: &mut Tx,
    facts: Vec<Fact<'_>>,
    now: DateTime<Utc>,
) -> Result<Vec<DeliveryId>> {
    let workspaces: BTreeSet<Uuid> = facts.iter().map(|fact| fact.workspace.uuid()).collect();
    let listeners = match workspaces.is_empty() {
        true => Vec::new(),
        false => tx.listeners(&workspaces.into_iter().collect::<Vec<_>>()).await?,
    };
    let mut post = Post { now, events: Vec::new(), deliveries: Vec::new() };
    for fact in facts {
        post.add(&fact, &listeners);
    }
    post.write(tx).await
}

/// Whether anybody of this workspace wants to hear of the event: what takes reading first is not made for nobody.
pub(crate) async fn is_wanted(tx: &mut Tx, workspace: WorkspaceId, event: EventType) -> Result<bool> {
    let listeners = tx.listeners(&[workspace.uuid()]).await?;
    // Which agent's it is does not matter here; it is looked at again when it is published.
    Ok(listeners.iter().any(|one| one.wants(event, one.agent_id)))
}

/// The ends of these recipients of a campaign, which this transaction holds and is about to end; none where nobody wants to hear of them.
pub(crate) async fn ends_of(
    tx: &mut Tx,
    campaign: &Campaign,
    ids: &[Uuid],
    disposition: Disposition,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<Vec<Completed>> {
    if ids.is_empty() || !is_wanted(tx, campaign.workspace_id, EventType::RecipientCompleted).await? {
        return Ok(Vec::new());
    }
    let completed = tx.standings(ids).await?.into_iter().map(|standing| Completed {
        id: standing.id,
        campaign: campaign.id,
        number: standing.number,
        disposition,
        attempts: standing.total_attempts,
        last_outcome: None,
        last_reason: Some(reason.to_owned()),
        at: now,
    });
    Ok(completed.collect())
}

/// The facts of recipients that a transaction ends, as far as their campaigns are at hand.
pub(crate) fn completed_facts<'a>(
    completed: &'a [Completed],
    campaign: impl Fn(CampaignId) -> Option<&'a Campaign>,
) -> impl Iterator<Item = Fact<'a>> {
    completed.iter().filter_map(move |one| Some(one.fact(campaign(one.campaign)?)))
}

/// Events and deliveries that are being made.
pub(crate) struct Post {
    pub(crate) now: DateTime<Utc>,
    pub(crate) events: Vec<NewEvent>,
    pub(crate) deliveries: Vec<NewDelivery>,
}

impl Post {
    fn add(&mut self, fact: &Fact<'_>, listeners: &[Listener]) {
        let (agent, samora) = (fact.agent(), fact.samora());
        let of_its_own = || listeners.iter().filter(|one| one.workspace_id == fact.workspace);
        let mut wanting = of_its_own().filter(|one| one.wants(fact.event, agent)).peekable();
        if wanting.peek().is_some() {
            let id = EventId::new(self.now);
            wanting.for_each(|one| self.deliver(fact.workspace, id, one.id));
            let body = fact.body(id, self.now);
            self.event(fact.workspace, id, fact.event, body, fact.traceparent());
        }
        let Some(samora) = samora else { return };
        // Each endpoint of Samora's has its name and its options in the body.
        for one in of_its_own().filter(|one| one.wants_samora(samora, agent)) {
            let Some(body) = fact.samora_body(samora, one.id, one.data_options, self.now) else { continue };
            let id = EventId::new(self.now);
            self.deliver(fact.workspace, id, one.id);
            self.event(fact.workspace, id, fact.event, body, fact.traceparent());
        }
    }

    pub(crate) fn event(
        &mut self,
        workspace: WorkspaceId,
        id: EventId,
        event: EventType,
        body: String,
        traceparent: Option<String>,
    ) {
        let (id, workspace_id) = (id.uuid(), workspace.uuid());
        self.events.push(NewEvent { id, workspace_id, event, body, traceparent });
    }

    pub(crate) fn deliver(&mut self, workspace: WorkspaceId, event: EventId, webhook: WebhookId) {
        self.deliveries.push(NewDelivery {
            id: DeliveryId::new(self.now).uuid(),
            workspace_id: workspace.uuid(),
            event_id: event.uuid(),
            webhook_id: webhook.uuid(),
        });
    }

    pub(crate) async fn write(self, tx: &mut Tx) -> Result<Vec<DeliveryId>> {
        if !self.events.is_empty() {
            tx.insert_events(&self.events, &self.deliveries, self.now).await?;
        }
        Ok(self.deliveries.into_iter().map(|one| DeliveryId::from(one.id)).collect())
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
