//! The events there are, and the form in which a customer's webhook gets them. [`crate::catalogue`] describes each.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::{EventId, clock::rfc3339, text_enum::text_enum};

/// Version of the payloads; a change that breaks a reader changes it.
pub const PAYLOAD_VERSION: &str = "2026-11-01";

text_enum! {
    /// A fact worth telling. Names as in Saaya's API.
    pub enum EventType {
        /// A call has begun.
        SessionStarted => "session.started",
        /// A call is over.
        SessionEnded => "session.ended",
        /// Something was told of a message after it was sent: it has arrived, was read, or will not arrive.
        SessionUpdated => "session.updated",
        /// A call was handed on to somebody else.
        SessionTransferred => "session.transferred",
        /// A call could not be placed, broke, or nobody can tell what became of it; `session.ended` comes as well.
        SessionErrored => "session.errored",
        /// A recipient is done, across all steps of the plan.
        RecipientCompleted => "recipient.completed",
        /// A campaign was made.
        CampaignCreated => "campaign.created",
        /// A campaign begins or goes on calling.
        CampaignStarted => "campaign.started",
        /// Somebody has halted a campaign, or a rule has; `reason` says which rule.
        CampaignPaused => "campaign.paused",
        /// How far a campaign has come, at most every five seconds.
        CampaignProgress => "campaign.progress",
        /// Every recipient of a campaign is done.
        CampaignCompleted => "campaign.completed",
        /// A rule has ended a campaign; `reason` says which.
        CampaignFailed => "campaign.failed",
        /// Somebody has ended a campaign.
        CampaignCancelled => "campaign.cancelled",
        /// How far an upload has been looked through, at most every five seconds; and once in the end.
        UploadProgress => "upload.progress",
        /// Somebody has written to one of the trunks, be it to be left alone.
        LeadResponded => "lead.responded",
        /// A version of an agent was published and is in use from now on, whether or not it is newer than the one before.
        AgentPublished => "agent.published",
        /// An agent was rolled back: the version is in use again that was in use before.
        AgentRolledBack => "agent.rolled_back",
        /// A rule has switched off another endpoint of the workspace.
        WebhookDisabled => "webhook.disabled",
    }
}

/// Where an event stands among those of the same thing. A call's come from what happens to it, so that nothing has to be counted: it
/// begins once, is handed on, fails, ends.
pub mod sequence {
    /// `session.started`; and the only event of a recipient.
    pub const FIRST: i64 = 1;
    /// `session.transferred`: a call is handed on once.
    pub const TRANSFERRED: i64 = 2;
    /// `session.errored`.
    pub const ERRORED: i64 = 999;
    /// `session.ended`, the last of a call.
    pub const ENDED: i64 = 1000;
    /// `session.updated` of a message that has arrived.
    pub const DELIVERED: i64 = 1001;
    /// The same of one that was read, or will not arrive: nothing comes after either.
    pub const KNOWN: i64 = 1002;
}

/// The body of a webhook request: `{id, type, version, createdAt, sequence, data}`, written once and sent byte for byte on every attempt.
/// One that was asked for to try an endpoint out says so.
pub fn body(
    id: EventId,
    event: EventType,
    at: DateTime<Utc>,
    sequence: i64,
    is_test: bool,
    data: &Value,
) -> String {
    let mut body = json!({
        "id": id,
        "type": event,
        "version": PAYLOAD_VERSION,
        "createdAt": rfc3339(at),
        "sequence": sequence,
        "data": data,
    });
    if is_test {
        body["isTest"] = true.into();
    }
    body.to_string()
}
