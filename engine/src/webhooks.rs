//! The life of an endpoint, as people see it: make, change, rotate, try out, replay; and what it is told of others' doing.

use std::time::Duration;

use chrono::{DateTime, Utc};
use ringfleet_core::{
    AgentId, CampaignState, Clock, DeliveryId, EventId, WebhookId, WorkspaceId, catalogue,
    event::{self, EventType},
    signing::Secret,
    webhook::Format,
};
use ringfleet_fleet::Lane;
use ringfleet_store::{Attempt, Delivery, DeliveryFilter, GivenUp, NewWebhook, Page, Running, Tx, Webhook};
use uuid::Uuid;

use crate::{
    Engine, EngineError, Receipt, Result,
    edit::Changed,
    facts,
    publish::{Post, is_wanted, publish},
    stats::kept_counts,
};

/// At most so often a campaign tells of its progress.
const PROGRESS: chrono::Duration = chrono::Duration::seconds(5);
/// Deliveries replayed in one transaction, and by one request.
const REPLAY_PORTION: u32 = 2_000;
const REPLAY_MOST: u64 = 100_000;
/// Deliveries of endpoints that were switched off or deleted that are closed in one transaction, and in one round of all of them.
const GIVEN_UP_AT_ONCE: u32 = 2_000;
const GIVEN_UP_IN_A_ROUND: u64 = 50_000;
/// Deliveries, or events, that are forgotten in one transaction.
const FORGOTTEN_AT_ONCE: u32 = 2_000;

/// Longest name of an endpoint, in characters (Samora's API).
pub const WEBHOOK_NAME_LIMIT: usize = 255;
const NO_WEBHOOK: EngineError = EngineError::NotFound("webhook");

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What a replay came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replayed {
    /// Deliveries that are on their way again.
    pub deliveries: u64,
    /// Whether that was all; else ask again.
    pub is_complete: bool,
}

impl Engine {
    /// Makes an endpoint.
    ///
    /// # Errors
    /// When its agent is not of the workspace.
    pub async fn create_webhook(
        &self,
        workspace: WorkspaceId,
        new: NewWebhook,
        receipt: Receipt<Webhook>,
    ) -> Result<Webhook> {
        let mut tx = self.0.store.write().await?;
        check_agent(&mut tx, workspace, new.agent_id).await?;
        let made = tx.insert_webhook(workspace, new, self.0.clock.now()).await?;
        receipt.write(&mut tx, &made, self.clock()).await?;
        tx.commit().await?;
        Ok(made)
    }

    /// Changes what `change` changes. Switched on, it begins anew; switched off, what is on its way is given up
    /// ([`Engine::give_up_deliveries`]).
    ///
    /// # Errors
    /// When there is no such endpoint, its agent is not of the workspace, or `change` refuses.
    pub async fn change_webhook<E: From<EngineError>>(
        &self,
        workspace: WorkspaceId,
        id: WebhookId,
        change: impl FnOnce(&mut Webhook) -> Result<(), E>,
        receipt: Receipt<Changed<Webhook>>,
    ) -> Result<(), E> {
        let now = self.0.clock.now();
        let mut tx = self.0.store.write().await.map_err(EngineError::from)?;
        let found = tx.webhook_for_update(workspace, id).await.map_err(EngineError::from)?;
        let before = found.ok_or(NO_WEBHOOK)?;
        let mut webhook = before.clone();
        change(&mut webhook)?;
        check_agent(&mut tx, workspace, webhook.agent_id).await?;
        tx.update_webhook(&webhook, now).await.map_err(EngineError::from)?;
        let after = tx.webhook(workspace, id).await.map_err(EngineError::from)?;
        let changed = Changed { before, after: after.ok_or(NO_WEBHOOK)? };
        receipt.write(&mut tx, &changed, self.clock()).await?;
        Ok(tx.commit().await.map_err(EngineError::from)?)
    }

    /// Removes an endpoint, if it gets these bodies where any are named; what is still on its way to it is given up.
    ///
    /// # Errors
    /// When there is none.
    pub async fn delete_webhook(
        &self,
        workspace: WorkspaceId,
        id: WebhookId,
        only: Option<Format>,
        receipt: Receipt<()>,
    ) -> Result<()> {
        let now = self.0.clock.now();
        let mut tx = self.0.store.write().await?;
        if !tx.delete_webhook(workspace, id, only, now).await? {
            return Err(NO_WEBHOOK); // dropping the transaction undoes all of it
        }
        receipt.write(&mut tx, &(), self.clock()).await?;
        Ok(tx.commit().await?)
    }

    /// Gives an endpoint a new secret. The old one goes on signing beside it for `overlap`; none of it means that it has leaked, and ends all old
    /// ones at once.
    pub async fn rotate_webhook_secret(
        &self,
        workspace: WorkspaceId,
        id: WebhookId,
        secret: &Secret,
        overlap: Duration,
        receipt: Receipt<(Webhook, DateTime<Utc>)>,
    ) -> Result<()> {
        let now = self.0.clock.now();
        let mut tx = self.0.store.write().await?;
        tx.webhook_for_update(workspace, id).await?.ok_or(NO_WEBHOOK)?;
        tx.rotate_secret(id, secret, now + overlap, now).await?;
        let webhook = tx.webhook(workspace, id).await?.ok_or(NO_WEBHOOK)?;
        receipt.write(&mut tx, &(webhook, now + overlap), self.clock()).await?;
        Ok(tx.commit().await?)
    }

    /// Sends the sample of an event to an endpoint, whatever it wants to hear of.
    pub async fn test_webhook(
        &self,
        workspace: WorkspaceId,
        id: WebhookId,
        event: EventType,
        receipt: Receipt<Delivery>,
    ) -> Result<()> {
        let now = self.0.clock.now();
        let mut tx = self.0.store.write().await?;
        let webhook = tx.webhook(workspace, id).await?.ok_or(NO_WEBHOOK)?;
        check_active(&webhook)?;
        if webhook.format != Format::Ringfleet {
            let message = "only endpoints with Ringfleet's own bodies have sample events".into();
            return Err(EngineError::Conflict { code: "NO_SAMPLE", message });
        }
        let event_id = EventId::new(now);
        let body = event::body(event_id, event, now, 1, true, &catalogue::sample_data(event));
        let mut post = Post { now, events: Vec::new(), deliveries: Vec::new() };
        post.event(workspace, event_id, event, body);
        post.deliver(workspace, event_id, id);
        let made = post.write(&mut tx).await?;
        let delivery = match made.first() {
            Some(id) => tx.delivery(workspace, *id).await?,
            None => None,
        };
        let delivery = delivery.ok_or(EngineError::NotFound("delivery"))?;
        receipt.write(&mut tx, &delivery, self.clock()).await?;
        tx.commit().await?;
        self.0.hints.deliveries(&made);
        Ok(())
    }

    /// A page of an endpoint's deliveries, newest first.
    pub async fn deliveries(
        &self,
        workspace: WorkspaceId,
        id: WebhookId,
        filter: DeliveryFilter,
        page: Page,
    ) -> Result<Vec<Delivery>> {
        let mut tx = self.0.store.read().await?;
        tx.webhook(workspace, id).await?.ok_or(NO_WEBHOOK)?;
        let found = tx.deliveries(id, filter, page).await?;
        tx.commit().await?;
        Ok(found)
    }

    /// A delivery, and what was said to each request for it that is still kept.
    pub async fn delivery(&self, workspace: WorkspaceId, id: DeliveryId) -> Result<(Delivery, Vec<Attempt>)> {
        let mut tx = self.0.store.read().await?;
        let delivery = tx.delivery(workspace, id).await?.ok_or(EngineError::NotFound("delivery"))?;
        let attempts = tx.attempts(id).await?;
        tx.commit().await?;
        Ok((delivery, attempts))
    }

    /// Sends one delivery that is over once more.
    pub async fn replay_delivery(
        &self,
        workspace: WorkspaceId,
        id: DeliveryId,
        receipt: Receipt<Delivery>,
    ) -> Result<()> {
        let now = self.0.clock.now();
        let mut tx = self.0.store.write().await?;
        let found = tx.delivery(workspace, id).await?.ok_or(EngineError::NotFound("delivery"))?;
        // Endpoints, then deliveries: one order of locks for everybody. One that is being switched off is waited for.
        let webhook = tx.webhook_for_update(workspace, found.webhook_id).await?;
        check_active(&webhook.ok_or(NO_WEBHOOK)?)?;
        if !tx.replay_delivery(id, now).await? {
            let message = "the delivery is on its way; replay it when it is DELIVERED or DEAD".into();
            return Err(EngineError::Conflict { code: "ON_ITS_WAY", message });
        }
        let replayed = tx.delivery(workspace, id).await?.ok_or(EngineError::NotFound("delivery"))?;
        receipt.write(&mut tx, &replayed, self.clock()).await?;
        tx.commit().await?;
        self.0.hints.deliveries(&[id]);
        Ok(())
    }

    /// Sends all deliveries of an endpoint that are over and fit the filter once more, the oldest first, in portions. The receipt is written
    /// with the last one: asked once more after a crash, it goes on with those that are left.
    pub async fn replay_deliveries(
        &self,
        workspace: WorkspaceId,
        id: WebhookId,
        filter: DeliveryFilter,
        receipt: Receipt<Replayed>,
    ) -> Result<()> {
        // What was given up before the endpoint was switched on again is DEAD, also where nobody has come to closing it.
        let mut tx = self.0.store.read().await?;
        let found = tx.webhook(workspace, id).await?.ok_or(NO_WEBHOOK)?;
        let given_up = tx.given_up_webhooks().await?;
        tx.commit().await?;
        check_active(&found)?;
        if let Some(webhook) = given_up.into_iter().find(|one| one.id == id) {
            self.close_given_up(&webhook, u64::MAX).await?;
        }
        // What is delivered again meanwhile is not replayed once more: it is looked at in one pass.
        let (mut after, mut deliveries) = (Uuid::nil(), 0);
        loop {
            let now = self.0.clock.now();
            let mut tx = self.0.store.write().await?;
            let webhook = tx.webhook_for_update(workspace, id).await?.ok_or(NO_WEBHOOK)?;
            check_active(&webhook)?;
            let replayed = tx.replay_deliveries(id, filter, after, REPLAY_PORTION, now).await?;
            deliveries += replayed.len() as u64;
            let is_complete = (replayed.len() as u32) < REPLAY_PORTION;
            let is_last = is_complete || deliveries >= REPLAY_MOST;
            if is_last {
                receipt.write(&mut tx, &Replayed { deliveries, is_complete }, self.clock()).await?;
            }
            tx.commit().await?;
            self.0.hints.push(Lane::Deliver, &replayed).await;
            match replayed.last() {
                Some(last) if !is_last => after = *last,
                _ => return Ok(()),
            }
        }
    }

    /// Tells of the progress of campaigns that have come on, each at most every five seconds, where somebody wants to hear of it. Any
    /// number of schedulers may do this at once.
    pub async fn tell_progress(&self) -> Result<()> {
        let running = self.running().await?;
        let calling: Vec<&Running> =
            running.iter().filter(|one| one.state == CampaignState::InProgress).collect();
        let mut tx = self.0.store.read().await?;
        let workspaces: std::collections::BTreeSet<_> = calling.iter().map(|one| one.workspace_id).collect();
        let mut wanted = std::collections::BTreeSet::new();
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
    async fn close_given_up(&self, webhook: &GivenUp, most: u64) -> Result<u64> {
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

    /// Seals anew, with the key that seals now, every secret that is not; in portions, as often as one likes. Gives how many rows.
    pub async fn reseal_secrets(&self) -> Result<u64> {
        reseal_secrets(&self.0.store).await
    }
}

/// [`Engine::reseal_secrets`] over a store alone.
///
/// # Errors
/// When one does not open with the keys there are; what was done before that stays.
pub async fn reseal_secrets(store: &ringfleet_store::Store) -> Result<u64> {
    const PORTION: u32 = 500;
    let mut tx = store.write().await?;
    let mut changed = tx.reseal_server_secrets().await?;
    tx.commit().await?;
    for trunks in [true, false] {
        let mut after = Uuid::nil();
        loop {
            let mut tx = store.write().await?;
            let done = match trunks {
                true => tx.reseal_trunks(after, PORTION).await?,
                false => tx.reseal_webhooks(after, PORTION).await?,
            };
            tx.commit().await?;
            changed += done.changed;
            let Some(last) = done.last else { break };
            after = last;
        }
    }
    Ok(changed)
}

async fn check_agent(tx: &mut Tx, workspace: WorkspaceId, agent: Option<AgentId>) -> Result<()> {
    match agent {
        Some(agent) if tx.agent(workspace, agent).await?.is_none() => {
            Err(EngineError::invalid("agentId", "no such agent in this workspace"))
        }
        _ => Ok(()),
    }
}

fn check_active(webhook: &Webhook) -> Result<()> {
    if webhook.is_active {
        return Ok(());
    }
    let message = "the endpoint is switched off; switch it on with PATCH {\"isActive\": true} first".into();
    Err(EngineError::Conflict { code: "WEBHOOK_OFF", message })
}
