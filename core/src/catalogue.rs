//! What each event tells: one table, of which the JSON Schema and the sample are made.

use serde_json::{Map, Value, json};

use crate::{
    CallState, CampaignState, Channel, Disposition, EndedBy, Outcome,
    event::{EventType, PAYLOAD_VERSION},
    import::UploadState,
};

/// One event of the catalogue.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its name.
    pub event: EventType,
    /// When it is told.
    pub description: &'static str,
    /// The field of `data` whose value all events of one sequence share.
    pub entity: &'static str,
    /// JSON Schema (2020-12) of the whole body.
    pub schema: Value,
    /// A whole body.
    pub sample: Value,
}

/// Every event.
pub fn all() -> Vec<Entry> {
    EventType::ALL.iter().map(|&event| entry(event)).collect()
}

/// `data` of the sample, for a test send.
pub fn sample_data(event: EventType) -> Value {
    let fields = fields(event);
    Value::Object(fields.iter().map(|field| (field.name.to_owned(), field.sample())).collect())
}

/// One field of `data`.
#[derive(Clone, Copy)]
struct Field {
    name: &'static str,
    kind: Kind,
    /// It may be null.
    may_lack: bool,
    about: &'static str,
}

#[derive(Clone, Copy)]
enum Kind {
    /// A TypeID with this prefix.
    Id(&'static str),
    Time,
    Text(&'static str),
    Count(u64),
    Names(fn() -> Vec<&'static str>, &'static str),
    Counts(&'static str),
    /// True or false.
    Flag,
    Free,
}

const fn field(name: &'static str, kind: Kind, about: &'static str) -> Field {
    Field { name, kind, may_lack: false, about }
}

const fn lacking(name: &'static str, kind: Kind, about: &'static str) -> Field {
    Field { name, kind, may_lack: true, about }
}

fn names<T: Copy>(all: &'static [T], name: fn(T) -> &'static str) -> Vec<&'static str> {
    all.iter().map(|&one| name(one)).collect()
}

const SESSION: &[Field] = &[
    field("sessionId", Kind::Id("ses"), "the call"),
    lacking("campaignId", Kind::Id("cmp"), "its campaign; null for a triggered call"),
    lacking("recipientId", Kind::Id("rcp"), "whom it called; null for a triggered call"),
    field("agentId", Kind::Id("agt"), "who talks"),
    lacking("versionId", Kind::Text("v1"), "in which version"),
    field("channel", Kind::Names(|| names(Channel::ALL, Channel::as_str), "voice"), "the channel"),
    field("to", Kind::Text("+12025550142"), "the number called, E.164"),
    field("attempt", Kind::Count(1), "the number of the attempt on its step"),
    field(
        "status",
        Kind::Names(|| names(CallState::ALL, CallState::as_str), "CALL_FINISHED"),
        "where the call stands",
    ),
    lacking("startedAt", Kind::Time, "when it began"),
    field("metadata", Kind::Free, "what was given with it"),
];
const ENDED: &[Field] = &[
    lacking(
        "outcome",
        Kind::Names(|| names(Outcome::ALL, Outcome::as_str), "ANSWERED"),
        "how it ended; null where it was given up",
    ),
    lacking("reason", Kind::Text("callee_hung_up"), "finer than the outcome"),
    lacking("code", Kind::Count(200), "SIP status or the provider's code"),
    lacking("endedBy", Kind::Names(|| names(EndedBy::ALL, EndedBy::as_str), "callee"), "which side ended it"),
    lacking("answeredAt", Kind::Time, "when somebody picked up"),
    lacking("endedAt", Kind::Time, "when it was over"),
    field("durationMs", Kind::Count(42_000), "from the answer to the end, milliseconds"),
];
const TRANSFERRED: &[Field] = &[
    field("transferredTo", Kind::Text("+12025550143"), "who has it now"),
    field("transferredAt", Kind::Time, "since when"),
];
const RECIPIENT: &[Field] = &[
    field("recipientId", Kind::Id("rcp"), "the recipient"),
    field("campaignId", Kind::Id("cmp"), "the campaign"),
    field("to", Kind::Text("+12025550142"), "the number, E.164"),
    field(
        "disposition",
        Kind::Names(|| names(Disposition::ALL, Disposition::as_str), "REACHED"),
        "how it ended",
    ),
    field("attempts", Kind::Count(2), "attempts made on all steps"),
    lacking(
        "lastOutcome",
        Kind::Names(|| names(Outcome::ALL, Outcome::as_str), "ANSWERED"),
        "of the call that ended it",
    ),
    lacking("lastReason", Kind::Text("callee_hung_up"), "finer than the outcome"),
    field("completedAt", Kind::Time, "when"),
];
const CAMPAIGN: &[Field] = &[
    field("campaignId", Kind::Id("cmp"), "the campaign"),
    lacking("parentId", Kind::Id("cmp"), "the recurring campaign it is a run of"),
    field("name", Kind::Text("Renewals"), "how people call it"),
    field("agentId", Kind::Id("agt"), "who talks"),
    field(
        "status",
        Kind::Names(|| names(CampaignState::ALL, CampaignState::as_str), "IN_PROGRESS"),
        "where it stands",
    ),
    lacking("startedAt", Kind::Time, "when it first began to call"),
    lacking("finishedAt", Kind::Time, "when it ended"),
];
const REASON: &[Field] =
    &[lacking("reason", Kind::Text("failure_rate"), "the rule that did it; null where somebody did")];
const COUNTS: &[Field] = &[
    field("recipients", Kind::Counts("REACHED"), "how many recipients ended so far, by disposition"),
    field("calls", Kind::Counts("ANSWERED"), "how many calls are over, by outcome"),
];
const UPLOAD: &[Field] = &[
    field("uploadId", Kind::Id("upl"), "the upload"),
    lacking("filename", Kind::Text("list.csv"), "how the client calls it"),
    field(
        "status",
        Kind::Names(|| names(UploadState::ALL, UploadState::as_str), "VALIDATING"),
        "where it stands",
    ),
    field("bytes", Kind::Count(104_857_600), "how many it has"),
    field("bytesRead", Kind::Count(524_288), "bytes looked through so far"),
    field("rows", Kind::Count(10_000), "rows found in them"),
    field("rejected", Kind::Count(50), "rows that no campaign would take"),
    lacking("error", Kind::Text("file: the file is empty"), "why it FAILED"),
];
const LEAD: &[Field] = &[
    field("leadId", Kind::Id("lead"), "who responded"),
    lacking("campaignId", Kind::Id("cmp"), "the campaign that called"),
    lacking("sessionId", Kind::Id("ses"), "the call it answers"),
    field("channel", Kind::Names(|| names(Channel::ALL, Channel::as_str), "sms"), "where they responded"),
    field("text", Kind::Text("Please call me tomorrow."), "what they said"),
    field("isStop", Kind::Flag, "true: they want to be left alone, and stand on the suppression list now"),
    field("respondedAt", Kind::Time, "when"),
];
const AGENT: &[Field] = &[
    field("agentId", Kind::Id("agt"), "the agent"),
    field("name", Kind::Text("Front desk"), "how people call it"),
    field("version", Kind::Text("v3"), "the version in use now"),
    lacking("previousVersion", Kind::Text("v2"), "the one that was in use until now; null where none was"),
];
const WEBHOOK: &[Field] = &[
    field("webhookId", Kind::Id("whk"), "the endpoint"),
    field("url", Kind::Text("https://example.com/hook"), "where it is"),
    field("reason", Kind::Text("it answered 410 Gone"), "why it was switched off"),
    field("disabledAt", Kind::Time, "when"),
];

fn fields(event: EventType) -> Vec<Field> {
    use EventType as E;
    match event {
        E::SessionStarted => SESSION.to_vec(),
        E::SessionEnded | E::SessionErrored | E::SessionUpdated => [SESSION, ENDED].concat(),
        E::SessionTransferred => [SESSION, TRANSFERRED].concat(),
        E::RecipientCompleted => RECIPIENT.to_vec(),
        E::CampaignCreated | E::CampaignStarted | E::CampaignCancelled => CAMPAIGN.to_vec(),
        E::CampaignPaused | E::CampaignFailed => [CAMPAIGN, REASON].concat(),
        E::CampaignProgress | E::CampaignCompleted => [CAMPAIGN, COUNTS].concat(),
        E::UploadProgress => UPLOAD.to_vec(),
        E::LeadResponded => LEAD.to_vec(),
        E::AgentPublished | E::AgentRolledBack => AGENT.to_vec(),
        E::WebhookDisabled => WEBHOOK.to_vec(),
    }
}

fn described(event: EventType) -> (&'static str, &'static str) {
    use EventType as E;
    match event {
        E::SessionStarted => ("a call has begun", "sessionId"),
        E::SessionEnded => ("a call is over", "sessionId"),
        E::SessionUpdated => (
            "something was told of a message after it was sent: it has arrived, was read, or will not arrive",
            "sessionId",
        ),
        E::SessionTransferred => ("a call was handed on to somebody else", "sessionId"),
        E::SessionErrored => (
            "a call could not be placed, broke, or nobody can tell what became of it; session.ended comes as well",
            "sessionId",
        ),
        E::RecipientCompleted => ("a recipient is done, across all steps of the plan", "recipientId"),
        E::CampaignCreated => ("a campaign was made", "campaignId"),
        E::CampaignStarted => ("a campaign begins or goes on calling", "campaignId"),
        E::CampaignPaused => ("somebody has halted a campaign, or a rule has", "campaignId"),
        E::CampaignProgress => ("how far a campaign has come, at most every five seconds", "campaignId"),
        E::CampaignCompleted => ("every recipient of a campaign is done", "campaignId"),
        E::CampaignFailed => ("a rule has ended a campaign", "campaignId"),
        E::CampaignCancelled => ("somebody has ended a campaign", "campaignId"),
        E::UploadProgress => (
            "how far an upload has been looked through, at most every five seconds; and once in the end",
            "uploadId",
        ),
        E::LeadResponded => ("somebody has written to one of the trunks, be it to be left alone", "leadId"),
        E::AgentPublished => ("a version of an agent was published and is in use from now on", "agentId"),
        E::AgentRolledBack => {
            ("an agent was rolled back: the version is in use again that was in use before", "agentId")
        }
        E::WebhookDisabled => ("a rule has switched off another endpoint of the workspace", "webhookId"),
    }
}

fn entry(event: EventType) -> Entry {
    let (description, entity) = described(event);
    let fields = fields(event);
    let properties: Map<String, Value> =
        fields.iter().map(|field| (field.name.to_owned(), field.schema())).collect();
    let required: Vec<&str> = fields.iter().map(|field| field.name).collect();
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": event,
        "description": description,
        "type": "object",
        "required": ["id", "type", "version", "createdAt", "sequence", "data"],
        "properties": {
            "id": {"type": "string", "pattern": "^evt_", "description": "the same on every attempt and replay"},
            "type": {"const": event},
            "version": {"const": PAYLOAD_VERSION},
            "createdAt": {"type": "string", "format": "date-time"},
            "sequence": {"type": "integer", "description": format!("grows with the events of one {entity}; may skip numbers")},
            "isTest": {"type": "boolean", "description": "true for a test send, else absent"},
            "data": {"type": "object", "required": required, "properties": properties},
        },
    });
    let sample = json!({
        "id": id("evt"), "type": event, "version": PAYLOAD_VERSION, "createdAt": TIME, "sequence": 1, "data": sample_data(event),
    });
    Entry { event, description, entity, schema, sample }
}

const TIME: &str = "2026-11-26T10:00:00.000Z";

fn id(prefix: &str) -> String {
    format!("{prefix}_01kb00000000000000000000aa")
}

impl Field {
    fn schema(&self) -> Value {
        let mut schema = match self.kind {
            Kind::Id(prefix) => json!({"type": "string", "pattern": format!("^{prefix}_")}),
            Kind::Time => json!({"type": "string", "format": "date-time"}),
            Kind::Text(_) => json!({"type": "string"}),
            Kind::Count(_) => json!({"type": "integer", "minimum": 0}),
            Kind::Names(all, _) => json!({"type": "string", "enum": all()}),
            Kind::Counts(_) => {
                json!({"type": "object", "additionalProperties": {"type": "integer", "minimum": 0}})
            }
            Kind::Flag => json!({"type": "boolean"}),
            Kind::Free => json!({"type": "object"}),
        };
        if self.may_lack {
            schema["type"] = json!([schema["type"].clone(), "null"]);
            if let Some(Value::Array(names)) = schema.get_mut("enum") {
                names.push(Value::Null);
            }
        }
        schema["description"] = self.about.into();
        schema
    }

    fn sample(&self) -> Value {
        match self.kind {
            Kind::Id(prefix) => id(prefix).into(),
            Kind::Time => TIME.into(),
            Kind::Text(text) | Kind::Names(_, text) => text.into(),
            Kind::Count(n) => n.into(),
            Kind::Counts(name) => json!({name: 1}),
            Kind::Flag => false.into(),
            Kind::Free => json!({"order": "A-17"}),
        }
    }
}

/// What `data` has that the schema of its event does not allow, or lacks that it asks for; for tests of those who publish.
///
/// # Errors
/// The first field that does not fit.
pub fn check_data(event: EventType, data: &Value) -> Result<(), String> {
    let fields = fields(event);
    let data = data.as_object().ok_or("data is no object")?;
    if let Some(name) = data.keys().find(|name| fields.iter().all(|field| field.name != **name)) {
        return Err(format!("{event}: {name} is not in the catalogue"));
    }
    for field in fields {
        let value = data.get(field.name).ok_or_else(|| format!("{event}: {} is missing", field.name))?;
        let fits = match (field.kind, value) {
            (_, Value::Null) => field.may_lack,
            (Kind::Id(prefix), Value::String(text)) => text.starts_with(&format!("{prefix}_")),
            (Kind::Time, Value::String(text)) => chrono::DateTime::parse_from_rfc3339(text).is_ok(),
            (Kind::Text(_), Value::String(_)) => true,
            (Kind::Names(all, _), Value::String(text)) => all().contains(&text.as_str()),
            (Kind::Count(_), Value::Number(n)) => n.is_u64(),
            (Kind::Counts(_), Value::Object(counts)) => counts.values().all(Value::is_u64),
            (Kind::Free, Value::Object(_)) | (Kind::Flag, Value::Bool(_)) => true,
            _ => false,
        };
        if !fits {
            return Err(format!("{event}: {} is {value}", field.name));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_fits_its_schema() {
        let entries = all();
        assert_eq!(entries.len(), EventType::ALL.len());
        for entry in entries {
            assert_eq!(check_data(entry.event, &entry.sample["data"]), Ok(()));
            assert!(entry.sample["data"].get(entry.entity).is_some(), "{}", entry.event);
            let required = entry.schema["required"].as_array().unwrap();
            assert!(required.iter().all(|name| entry.sample.get(name.as_str().unwrap()).is_some()));
            let inner = &entry.schema["properties"]["data"];
            assert_eq!(
                inner["required"].as_array().unwrap().len(),
                inner["properties"].as_object().unwrap().len()
            );
        }
    }

    #[test]
    fn what_does_not_fit_is_found() {
        let mut data = sample_data(EventType::SessionEnded);
        data["outcome"] = Value::Null;
        assert_eq!(check_data(EventType::SessionEnded, &data), Ok(()));
        data["sessionId"] = Value::Null;
        assert!(check_data(EventType::SessionEnded, &data).is_err());
        data["sessionId"] = "cmp_1".into();
        assert!(check_data(EventType::SessionEnded, &data).is_err());
        assert!(
            check_data(EventType::SessionStarted, &sample_data(EventType::SessionEnded)).is_err(),
            "more than it says"
        );
    }
}
