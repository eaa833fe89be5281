//! What became of deliveries, for people: lists, attempts, replays.

use ringfleet_core::{DeliveryId, WebhookId, WorkspaceId, cursor::Cursor};
use ringfleet_fleet::Lane;
use ringfleet_store::{Attempt, Delivery, DeliveryFilter, Page, Replay};
use uuid::Uuid;

use crate::{
    Engine, EngineError, Receipt, Result,
    webhooks::{NO_WEBHOOK, check_active},
};

/// Deliveries replayed in one transaction, and by one request.
const REPLAY_PORTION: u32 = 2_000;
const REPLAY_MOST: u64 = 100_000;

/// A delivery with its requests.
#[derive(Debug, Clone)]
pub struct DeliveryStory {
    /// Where it stands.
    pub delivery: Delivery,
    /// What each of its requests sends, byte for byte.
    pub body: String,
    /// What was said to each of them, as far as it is still kept.
    pub attempts: Vec<Attempt>,
}

/// What a replay came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replayed {
    /// Deliveries that are on their way again.
    pub deliveries: u64,
    /// Whether that was all; else ask again.
    pub is_complete: bool,
}

impl Engine {
    /// A page of an endpoint's deliveries; where it holds fewer than it could, the last one looked at, if there are others behind it.
    pub async fn deliveries(
        &self,
        workspace: WorkspaceId,
        id: WebhookId,
        filter: DeliveryFilter,
        page: Page,
    ) -> Result<(Vec<Delivery>, Option<Cursor>)> {
        let mut tx = self.0.store.read().await?;
        tx.webhook(workspace, id).await?.ok_or(NO_WEBHOOK)?;
        let found = tx.deliveries(id, filter, page).await?;
        let looked_at = match found.len() < page.limit as usize {
            true => tx.deliveries_looked_at(id, page).await?,
            false => None,
        };
        tx.commit().await?;
        Ok((found, looked_at))
    }

    /// A delivery with all that is kept of its requests.
    pub async fn delivery(&self, workspace: WorkspaceId, id: DeliveryId) -> Result<DeliveryStory> {
        let mut tx = self.0.store.read().await?;
        let delivery = tx.delivery(workspace, id).await?.ok_or(EngineError::NotFound("delivery"))?;
        let body = tx.event_body(delivery.event_id).await?.ok_or(EngineError::NotFound("delivery"))?;
        let attempts = tx.attempts(id).await?;
        tx.commit().await?;
        Ok(DeliveryStory { delivery, body, attempts })
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

    /// Sends these deliveries of an endpoint once more, the oldest first, in portions. The receipt is written
    /// with the last one: asked once more after a crash, it goes on with those that are left.
    pub async fn replay_deliveries(
        &self,
        workspace: WorkspaceId,
        id: WebhookId,
        which: Replay,
        receipt: Receipt<Replayed>,
    ) -> Result<()> {
        // What was given up before the endpoint was switched on again is DEAD, also where nobody has come to closing it.
        let mut tx = self.0.store.read().await?;
        let found = tx.webhook(workspace, id).await?.ok_or(NO_WEBHOOK)?;
        let given_up = tx.given_up_webhook(id).await?;
        tx.commit().await?;
        check_active(&found)?;
        if let Some(webhook) = given_up {
            self.close_given_up(&webhook, u64::MAX).await?;
        }
        // What is delivered again meanwhile is not replayed once more: it is looked at in one pass.
        let (mut after, mut deliveries) = (Uuid::nil(), 0);
        loop {
            let now = self.0.clock.now();
            let mut tx = self.0.store.write().await?;
            let webhook = tx.webhook_for_update(workspace, id).await?.ok_or(NO_WEBHOOK)?;
            check_active(&webhook)?;
            let replayed = tx.replay_deliveries(id, which, after, REPLAY_PORTION, now).await?;
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
}
