//! What uploads and agents tell of themselves, in the transaction of the cause. Whoever tells it hints at the deliveries after its commit,
//! with [`Engine::hint_deliveries`].

use chrono::{DateTime, Utc};
use ringfleet_core::{AgentVersion, DeliveryId, UploadId, WorkspaceId, event::EventType};
use ringfleet_store::{Agent, Tx};
use serde_json::json;

use crate::{Engine, Result, facts, publish::publish};

/// `upload.progress`: where an upload stands in this transaction.
pub(crate) async fn upload_progress(
    tx: &mut Tx,
    upload: UploadId,
    now: DateTime<Utc>,
) -> Result<Vec<DeliveryId>> {
    let Some(upload) = tx.count_upload_told(upload).await? else { return Ok(Vec::new()) };
    let data = json!({
        "uploadId": upload.id, "filename": upload.filename, "status": upload.state, "bytes": upload.received, "bytesRead": upload.bytes_read,
        "rows": upload.rows_read, "rejected": upload.rejected, "error": upload.error,
    });
    let fact = facts::other(upload.workspace_id, EventType::UploadProgress, None, upload.told, data);
    publish(tx, vec![fact], now).await
}

/// `agent.published`: the version of `agent` is live from now on, in place of `previous`.
pub(crate) async fn agent_published(
    tx: &mut Tx,
    workspace: WorkspaceId,
    agent: &Agent,
    previous: Option<AgentVersion>,
    now: DateTime<Utc>,
) -> Result<Vec<DeliveryId>> {
    agent_version(tx, workspace, EventType::AgentPublished, agent, previous, now).await
}

/// `agent.rolled_back`: the version of `agent` is live again, in place of `bad`.
pub(crate) async fn agent_rolled_back(
    tx: &mut Tx,
    workspace: WorkspaceId,
    agent: &Agent,
    bad: AgentVersion,
    now: DateTime<Utc>,
) -> Result<Vec<DeliveryId>> {
    agent_version(tx, workspace, EventType::AgentRolledBack, agent, Some(bad), now).await
}

async fn agent_version(
    tx: &mut Tx,
    workspace: WorkspaceId,
    event: EventType,
    agent: &Agent,
    previous: Option<AgentVersion>,
    now: DateTime<Utc>,
) -> Result<Vec<DeliveryId>> {
    let data =
        json!({"agentId": agent.id, "name": agent.name, "version": agent.n, "previousVersion": previous});
    publish(tx, vec![facts::other(workspace, event, Some(agent.id), agent.told, data)], now).await
}

impl Engine {
    /// Tells workers of deliveries that have been committed.
    pub(crate) fn hint_deliveries(&self, ids: &[DeliveryId]) {
        self.0.hints.deliveries(ids);
    }
}
