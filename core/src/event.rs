//! The catalogue of events and the form in which a customer's webhook gets them.

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
        /// A campaign begins or goes on calling.
        CampaignStarted => "campaign.started",
        /// Somebody has halted a campaign, or a rule has; `reason` says which rule.
        CampaignPaused => "campaign.paused",
        /// Every recipient of a campaign is done.
        CampaignCompleted => "campaign.completed",
        /// A rule has ended a campaign; `reason` says which.
        CampaignFailed => "campaign.failed",
    }
}

/// The body of a webhook request: `{id, type, version, createdAt, data}`, written once and sent byte for byte on every attempt.
pub fn body(id: EventId, event: EventType, at: DateTime<Utc>, data: &Value) -> String {
    json!({
        "id": id,
        "type": event,
        "version": PAYLOAD_VERSION,
        "createdAt": rfc3339(at),
        "data": data,
    })
    .to_string()
}
