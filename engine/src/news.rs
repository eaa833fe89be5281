//! Events whose causes lie in parts of the product that are yet to come: whoever builds one tells of it here, in the transaction of the
//! cause, and hints at the deliveries after its commit with [`Engine::hint_deliveries`].

use chrono::{DateTime, Utc};
use ringfleet_core::{
    AgentVersion, CallId, CampaignId, DeliveryId, UploadId, WorkspaceId,
    clock::rfc3339,
    event::{EventType, sequence},
};
use ringfleet_store::{Agent, Call, Tx};
use serde_json::json;

use crate::{Engine, Result, facts, publish::publish};

/// Somebody who was called has answered on another channel.
#[derive(Debug, Clone, Copy)]
pub struct LeadResponse<'a> {
    /// Who.
    pub lead: &'a str,
    /// Which of their responses this is, 1 for the first.
    pub number: i64,
    /// The campaign that called.
    pub campaign: Option<CampaignId>,
    /// The call it answers.
    pub call: Option<CallId>,
    /// Where they responded.
    pub channel: &'a str,
    /// What they said.
    pub text: &'a str,
}

/// `session.transferred`: the `n`-th time a call was handed on (1 for the first, at most 997).
pub async fn session_transferred(
    tx: &mut Tx,
    call: &Call,
    to: &str,
    n: u32,
    now: DateTime<Utc>,
) -> Result<Vec<DeliveryId>> {
    let event = EventType::SessionTransferred;
    let mut data = facts::call_data(event, call);
    facts::merge(&mut data, json!({"transferredTo": to, "transferredAt": rfc3339(now)}));
    let place = sequence::FIRST + i64::from(n);
    publish(tx, vec![facts::other(call.workspace_id, event, Some(call.agent_id), place, data)], now).await
}

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

/// `lead.responded`.
pub async fn lead_responded(
    tx: &mut Tx,
    workspace: WorkspaceId,
    response: LeadResponse<'_>,
    now: DateTime<Utc>,
) -> Result<Vec<DeliveryId>> {
    let data = json!({
        "leadId": response.lead, "campaignId": response.campaign, "sessionId": response.call, "channel": response.channel,
        "text": response.text, "respondedAt": rfc3339(now),
    });
    publish(tx, vec![facts::other(workspace, EventType::LeadResponded, None, response.number, data)], now)
        .await
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
    pub fn hint_deliveries(&self, ids: &[DeliveryId]) {
        self.0.hints.deliveries(ids);
    }
}
