//! Facts worth telling, and what their bodies say, in Ringfleet's form and in Samora's.

use chrono::{DateTime, Utc};
use ringfleet_core::{
    AgentId, CampaignId, Disposition, E164, EventId, Outcome, RecipientId, RecipientState,
    ScheduledCallState, WebhookId, WorkspaceId,
    clock::rfc3339,
    event::{self, EventType, sequence},
    webhook::{DataOptions, SamoraEvent},
};
use ringfleet_store::{Call, Campaign, RecipientUpdate, Tx};
use ringfleet_telemetry::trace;
use serde_json::{Value, json};

use crate::Result;

/// Something worth telling the customer.
pub(crate) struct Fact<'a> {
    pub(crate) workspace: WorkspaceId,
    pub(crate) event: EventType,
    sequence: i64,
    about: About<'a>,
}

enum About<'a> {
    /// A call, and the link to its recording.
    Call(&'a Call, Option<String>),
    Campaign(&'a Campaign, Value),
    Recipient(&'a Completed, &'a Campaign),
    Other(Option<AgentId>, Value),
}

impl Fact<'_> {
    /// What continues the trace it belongs to: that of its call, else that of whoever brings it about.
    pub(crate) fn traceparent(&self) -> Option<String> {
        match &self.about {
            About::Call(call, _) => call.traceparent.clone(),
            _ => trace::current(),
        }
    }
}

/// A recipient that a transaction ends.
#[derive(Debug, Clone)]
pub(crate) struct Completed {
    pub(crate) id: RecipientId,
    pub(crate) campaign: CampaignId,
    pub(crate) number: E164,
    pub(crate) disposition: Disposition,
    pub(crate) attempts: u32,
    pub(crate) last_outcome: Option<Outcome>,
    pub(crate) last_reason: Option<String>,
    pub(crate) at: DateTime<Utc>,
}

impl Completed {
    /// Of what is written of a recipient; none where that does not end it.
    pub(crate) fn of(update: &RecipientUpdate, campaign: CampaignId, number: E164) -> Option<Self> {
        let ends = update.state == RecipientState::Done;
        let (disposition, at) = update.disposition.zip(update.done_at).filter(|_| ends)?;
        Some(Self {
            id: update.id.into(),
            campaign,
            number,
            disposition,
            attempts: update.total_attempts,
            last_outcome: update.last_outcome,
            last_reason: update.last_reason.clone(),
            at,
        })
    }

    pub(crate) fn fact<'a>(&'a self, campaign: &'a Campaign) -> Fact<'a> {
        Fact {
            workspace: campaign.workspace_id,
            event: EventType::RecipientCompleted,
            sequence: sequence::FIRST,
            about: About::Recipient(self, campaign),
        }
    }
}

/// `session.started` tells that a call has begun.
pub(crate) fn started(call: &Call) -> Fact<'_> {
    of_call(EventType::SessionStarted, call, sequence::FIRST)
}

/// `session.transferred` tells that it was handed on.
pub(crate) fn transferred(call: &Call) -> Fact<'_> {
    of_call(EventType::SessionTransferred, call, sequence::TRANSFERRED)
}

/// `session.ended` tells that it is over, and `session.errored` before it, where it did not go as calls go.
pub(crate) fn ended(call: &Call) -> impl Iterator<Item = Fact<'_>> {
    ended_recorded(call, None)
}

/// The same of a call that may have been recorded, with the link to what was.
pub(crate) fn ended_recorded(call: &Call, recording: Option<String>) -> impl Iterator<Item = Fact<'_>> {
    let went_wrong = matches!(call.outcome, Some(Outcome::Failed | Outcome::Uncertain));
    let errored = went_wrong.then(|| of_call(EventType::SessionErrored, call, sequence::ERRORED));
    let ended = Fact {
        about: About::Call(call, recording),
        ..of_call(EventType::SessionEnded, call, sequence::ENDED)
    };
    errored.into_iter().chain([ended])
}

/// `session.updated` tells what has become of a message.
pub(crate) fn updated(call: &Call) -> Fact<'_> {
    let sequence = match call.outcome {
        Some(Outcome::Delivered) => sequence::DELIVERED,
        _ => sequence::KNOWN,
    };
    of_call(EventType::SessionUpdated, call, sequence)
}

fn of_call(event: EventType, call: &Call, sequence: i64) -> Fact<'_> {
    Fact { workspace: call.workspace_id, event, sequence, about: About::Call(call, None) }
}

/// What a campaign tells of itself; its row counts its events. Hold the campaign, or have made it.
pub(crate) async fn of_campaign<'a>(
    tx: &mut Tx,
    event: EventType,
    campaign: &'a Campaign,
    more: Value,
) -> Result<Fact<'a>> {
    let sequence = tx.count_told(campaign.id).await?;
    Ok(numbered(event, campaign, sequence, more))
}

/// The same with a number that is known.
pub(crate) fn numbered(event: EventType, campaign: &Campaign, sequence: i64, more: Value) -> Fact<'_> {
    Fact { workspace: campaign.workspace_id, event, sequence, about: About::Campaign(campaign, more) }
}

/// Anything else; `data` is what the catalogue says.
pub(crate) fn other(
    workspace: WorkspaceId,
    event: EventType,
    agent: Option<AgentId>,
    sequence: i64,
    data: Value,
) -> Fact<'static> {
    Fact { workspace, event, sequence, about: About::Other(agent, data) }
}

impl Fact<'_> {
    /// Whose agent's business it is.
    pub(crate) fn agent(&self) -> Option<AgentId> {
        match &self.about {
            About::Call(call, _) => Some(call.agent_id),
            About::Campaign(campaign, _) | About::Recipient(_, campaign) => Some(campaign.agent_id),
            About::Other(agent, _) => *agent,
        }
    }

    /// The whole body. Made only where somebody wants to hear of it.
    pub(crate) fn body(&self, id: EventId, now: DateTime<Utc>) -> String {
        event::body(id, self.event, now, self.sequence, false, &self.data())
    }

    /// What Samora calls it, if it tells of it.
    pub(crate) fn samora(&self) -> Option<SamoraEvent> {
        match &self.about {
            About::Call(call, _) => SamoraEvent::of(self.event, call.state),
            _ => None,
        }
    }

    /// The whole body in Samora's form. What its API documents of a call; the frame of the body it leaves open.
    pub(crate) fn samora_body(
        &self,
        event: SamoraEvent,
        webhook: WebhookId,
        options: DataOptions,
        now: DateTime<Utc>,
    ) -> Option<String> {
        let About::Call(call, recording) = &self.about else { return None };
        let mut data = json!({
            "call_id": call.id.uuid(),
            "agent_id": call.agent_id.uuid(),
            "campaign_id": call.campaign_id.map(CampaignId::uuid),
            "to_number": call.number,
            "status": ScheduledCallState::of_call(call.state),
            "started_at": call.triggered_at.map(rfc3339),
            "ended_at": call.ended_at.map(rfc3339),
            "duration": call.talked_ms().unwrap_or(0) / 1000,
            "call_variables": call.metadata,
        });
        if event == SamoraEvent::CallFailed {
            data["reason"] = json!(call.reason);
        }
        if event == SamoraEvent::CallFinished {
            // What was said is told after the call.
            if options.include_transcript {
                data["transcript_url"] = Value::Null;
            }
            if options.include_recording_url {
                data["recording_url"] = json!(recording);
            }
        }
        let body =
            json!({"event": event, "timestamp": rfc3339(now), "webhook_id": webhook.uuid(), "data": data});
        Some(body.to_string())
    }

    pub(crate) fn data(&self) -> Value {
        match &self.about {
            About::Call(call, _) => call_data(self.event, call),
            About::Campaign(campaign, more) => campaign_data(campaign, more.clone()),
            About::Recipient(one, campaign) => json!({
                "recipientId": one.id,
                "campaignId": campaign.id,
                "to": one.number,
                "disposition": one.disposition,
                "attempts": one.attempts,
                "lastOutcome": one.last_outcome,
                "lastReason": one.last_reason,
                "completedAt": rfc3339(one.at),
            }),
            About::Other(_, data) => data.clone(),
        }
    }
}

fn call_data(event: EventType, call: &Call) -> Value {
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
    if matches!(event, EventType::SessionEnded | EventType::SessionErrored | EventType::SessionUpdated) {
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
    if event == EventType::SessionTransferred {
        let transferred = json!({
            "transferredTo": call.transferred_to,
            "transferredAt": call.transferred_at.map(rfc3339),
        });
        merge(&mut data, transferred);
    }
    data
}

fn campaign_data(campaign: &Campaign, more: Value) -> Value {
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
