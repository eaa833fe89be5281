//! The life of an endpoint, as people see it: make, change, rotate, try out.

use std::time::Duration;

use chrono::{DateTime, Utc};
use ringfleet_core::{
    AgentId, EventId, WebhookId, WorkspaceId, catalogue,
    event::{self, EventType},
    signing::Secret,
    webhook::Format,
};
use ringfleet_store::{Delivery, NewWebhook, Tx, Webhook};

use crate::{Engine, EngineError, Receipt, Result, edit::Changed, publish::Post};
use ringfleet_telemetry::trace;

/// Longest name of an endpoint, in characters (Samora's API).
pub const WEBHOOK_NAME_LIMIT: usize = 255;
/// Endpoints of a workspace, at most: each event is written once for everyone that wants to hear of it.
const MOST_WEBHOOKS: u32 = 500;
/// Old secrets that sign beside the present one, at most: each makes a request's headers longer.
const MOST_OLD_SECRETS: usize = 5;
pub(crate) const NO_WEBHOOK: EngineError = EngineError::NotFound("webhook");

impl Engine {
    /// Makes an endpoint.
    ///
    /// # Errors
    /// When its agent is not of the workspace, or the workspace has as many as it may.
    pub async fn create_webhook(
        &self,
        workspace: WorkspaceId,
        new: NewWebhook,
        receipt: Receipt<Webhook>,
    ) -> Result<Webhook> {
        let mut tx = self.0.store.write().await?;
        check_agent(&mut tx, workspace, new.agent_id).await?;
        if tx.count_webhooks(workspace).await? >= MOST_WEBHOOKS {
            let message =
                format!("the workspace has {MOST_WEBHOOKS} webhooks, as many as it may; remove one first");
            return Err(EngineError::Conflict { code: "TOO_MANY_WEBHOOKS", message });
        }
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
    ///
    /// # Errors
    /// When there is no such endpoint, or as many old secrets sign as may.
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
        if !overlap.is_zero() && tx.count_old_secrets(id, now).await? >= MOST_OLD_SECRETS {
            let message = format!(
                "{MOST_OLD_SECRETS} old secrets still sign, as many as may; wait until one ends, or end them all with `overlapSeconds` 0"
            );
            return Err(EngineError::Conflict { code: "TOO_MANY_SECRETS", message });
        }
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
        post.event(workspace, event_id, event, body, trace::current());
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
}

async fn check_agent(tx: &mut Tx, workspace: WorkspaceId, agent: Option<AgentId>) -> Result<()> {
    match agent {
        Some(agent) if tx.agent(workspace, agent).await?.is_none() => {
            Err(EngineError::invalid("agentId", "no such agent in this workspace"))
        }
        _ => Ok(()),
    }
}

pub(crate) fn check_active(webhook: &Webhook) -> Result<()> {
    if webhook.is_active {
        return Ok(());
    }
    let message = "the endpoint is switched off; switch it on with PATCH {\"isActive\": true} first".into();
    Err(EngineError::Conflict { code: "WEBHOOK_OFF", message })
}
