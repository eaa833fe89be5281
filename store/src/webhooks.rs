use chrono::{DateTime, Utc};
use ringfleet_core::{WebhookId, WorkspaceId, event::EventType, signing::Secret};
use sqlx::types::Json;
use uuid::Uuid;

use crate::{
    Page, Result, Timestamp, Tx,
    record::record,
    rows,
    tx::{all, exec, on, page},
};

record! {
    /// An endpoint of a customer that wants to hear of events.
    pub struct Webhook {
        /// Its id.
        pub id: WebhookId,
        /// The tenant.
        pub workspace_id: WorkspaceId,
        /// Where it is.
        pub url: String,
        /// What it wants to hear of; empty means everything.
        pub events: Vec<EventType>,
        /// When it was made.
        pub created_at: DateTime<Utc>,
    }
}

impl Webhook {
    /// Whether it wants to hear of `event`.
    pub fn wants(&self, event: EventType) -> bool {
        self.events.is_empty() || self.events.contains(&event)
    }
}

impl Tx {
    /// Makes an endpoint.
    pub async fn insert_webhook(
        &mut self,
        workspace: WorkspaceId,
        url: &str,
        events: &[EventType],
        secret: &Secret,
        now: DateTime<Utc>,
    ) -> Result<Webhook> {
        let id = WebhookId::new(now);
        exec!(
            self,
            "INSERT INTO webhooks (id, workspace_id, url, events, secret, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
            id.uuid(),
            workspace.uuid(),
            url,
            Json(events),
            secret.reveal(),
            Timestamp(now)
        )?;
        Ok(Webhook {
            id,
            workspace_id: workspace,
            url: url.to_owned(),
            events: events.to_vec(),
            created_at: now,
        })
    }

    /// A page of the workspace's endpoints, newest first.
    pub async fn webhooks(&mut self, workspace: WorkspaceId, page: Page) -> Result<Vec<Webhook>> {
        page!(
            self,
            Webhook,
            page,
            "SELECT * FROM webhooks WHERE workspace_id = $1 AND deleted_at IS NULL AND id > $2 AND id < $3",
            "id",
            (workspace.uuid())
        )
    }

    /// Every endpoint of these workspaces.
    pub async fn webhooks_of(&mut self, workspaces: &[Uuid]) -> Result<Vec<Webhook>> {
        all!(
            self,
            Webhook,
            "SELECT * FROM webhooks WHERE deleted_at IS NULL AND workspace_id IN (SELECT id FROM ROWS($1, id uuid) AS r)",
            rows::ids(workspaces.iter().copied())?
        )
    }

    /// Removes an endpoint; what is still on its way to it is given up. False when there is none.
    pub async fn delete_webhook(
        &mut self,
        workspace: WorkspaceId,
        id: WebhookId,
        now: DateTime<Utc>,
    ) -> Result<bool> {
        let changed = exec!(
            self,
            "UPDATE webhooks SET deleted_at = $3 WHERE workspace_id = $1 AND id = $2 AND deleted_at IS NULL",
            workspace.uuid(),
            id.uuid(),
            Timestamp(now)
        )?;
        if changed == 0 {
            return Ok(false); // of another workspace, perhaps: its deliveries are none of the caller's business
        }
        exec!(
            self,
            "UPDATE deliveries SET state = 'DEAD', last_error = 'the endpoint was deleted', done_at = $2
             WHERE webhook_id = $1 AND state = 'PENDING'",
            id.uuid(),
            Timestamp(now)
        )?;
        Ok(true)
    }
}
