//! What people answer: a stop, or news for the customer.

use chrono::{DateTime, TimeDelta, Utc};
use ringfleet_core::{
    CallId, Channel, E164, LeadId, TrunkId, WorkspaceId,
    clock::rfc3339,
    event::{EventType, sequence},
    message::{Inbound, Receipt},
    opt_out,
};
use ringfleet_store::{Call, NewLead, NewReply, NewSuppression, Tx};
use serde_json::json;

use super::News;
use crate::{Engine, Result, facts, publish::publish};

/// How long after a message an answer is one to it.
const ANSWERS: TimeDelta = TimeDelta::days(7);
/// Longest text that is kept, in characters.
const KEPT: usize = 4_000;

impl Engine {
    /// Somebody has written to one of the workspace's trunks. Who writes is a lead from then on, and it is told (`lead.responded`). A stop puts the
    /// number on the list, for all channels; whoever answers anything else to a message has read it. False when it was told before.
    ///
    /// # Errors
    /// When the database cannot be reached: the provider is to tell it again.
    pub async fn reply(
        &self,
        workspace: WorkspaceId,
        trunk: TrunkId,
        channel: Channel,
        number: E164,
        inbound: &Inbound,
    ) -> Result<bool> {
        let now = self.0.clock.now();
        let is_stop = inbound.is_stop || opt_out::is_stop(&inbound.text);
        let body: String = inbound.text.chars().filter(|c| *c != '\0').take(KEPT).collect();
        let mut tx = self.0.store.write().await?;
        let call = tx.latest_message(workspace, number, channel, now - ANSWERS).await?;
        let (id, provider_id) = (CallId::new(now).uuid(), inbound.id.as_str());
        let new = NewReply { id, workspace, trunk, provider_id, number, channel, body: &body, is_stop, call };
        if !tx.insert_reply(&new, now).await? {
            return Ok(false);
        }
        if is_stop {
            let stop = NewSuppression::stop(number, format!("an answer over {channel}"));
            tx.suppress(workspace, &[stop], now).await?;
        }
        let answered = match call {
            Some(call) => tx.calls_by_id(&[call.uuid()]).await?.pop(),
            None => None,
        };
        let lead = lead_of(&mut tx, workspace, number, now).await?;
        let data = json!({
            "leadId": lead,
            "campaignId": answered.as_ref().and_then(|call| call.campaign_id),
            "sessionId": answered.as_ref().map(|call| call.id),
            "channel": channel,
            "text": body,
            "isStop": is_stop,
            "respondedAt": rfc3339(now),
        });
        let agent = answered.as_ref().map(|call: &Call| call.agent_id);
        let fact = facts::other(workspace, EventType::LeadResponded, agent, sequence::FIRST, data);
        let deliveries = publish(&mut tx, vec![fact], now).await?;
        tx.commit().await?;
        self.hint_deliveries(&deliveries);
        // On its own, for it holds other rows: an answer that was kept is told, whether or not this comes through.
        if let Some(call) = call.filter(|_| !is_stop)
            && let Err(error) = self.receipt(&replied(call), crate::Receipt::none()).await
        {
            tracing::warn!(%error, %call, "a message was answered and cannot be marked as read");
        }
        Ok(true)
    }

    /// Whoever got this message wants to be left alone. Gives the channel it came by; none when there is no such message, or nobody knows any more to whom it
    /// was.
    pub async fn unsubscribe(&self, call: CallId) -> Result<Option<Channel>> {
        let now = self.0.clock.now();
        let mut tx = self.0.store.write().await?;
        let found = tx.calls_by_id(&[call.uuid()]).await?.pop();
        // Of somebody who has been erased nobody knows any more whom to leave alone: to say that it was done would be a lie.
        let Some(call) = found.filter(|call| !call.number.is_erased()) else { return Ok(None) };
        let stop = NewSuppression::stop(call.number, format!("the link in {}", call.id));
        tx.suppress(call.workspace_id, &[stop], now).await?;
        tx.commit().await?;
        Ok(Some(call.channel))
    }
}

/// Who has answered a message has read it.
fn replied(call: CallId) -> News {
    News { call, receipt: Receipt::Read, reason: "replied".into(), code: None }
}

/// The lead of a number, made where there is none.
async fn lead_of(tx: &mut Tx, workspace: WorkspaceId, number: E164, now: DateTime<Utc>) -> Result<LeadId> {
    let lead = NewLead { number, email: None, timezone: None, attributes: None };
    let new = LeadId::new(now);
    let kept = tx.upsert_leads(workspace, &[(new, lead)], now).await?;
    Ok(kept.first().map_or(new, |(_, id)| *id))
}
