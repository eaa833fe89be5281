//! Agents, as requests give them and answers show them.

use std::collections::BTreeMap;

use ringfleet_core::{
    AgentId, AgentVersion,
    conversation::{Connect, ConnectOn, Key, KeyRule, OnMachine},
    transfer::{Transfer, TransferName, Transfers},
};
use ringfleet_store::Agent;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{
    conversation_body::{ConversationChange, keypad_seconds, said, silence_seconds},
    settings_body::given,
};
use crate::{envelope::Moment, openapi::bounds, strict::Object};

/// Longest name, in characters.
pub(super) const NAME_LIMIT: usize = 200;
/// Longest prompt, in bytes.
pub(super) const PROMPT_LIMIT: usize = 100 * 1024;
/// Longest opening line, in characters.
pub(super) const OPENING_LIMIT: usize = 2_000;

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewAgent)]
pub(super) struct Body {
    #[schema(schema_with = bounds::name::<NAME_LIMIT>)]
    pub(super) name: String,
    #[schema(schema_with = bounds::maybe_text::<PROMPT_LIMIT>)]
    pub(super) prompt: Option<String>,
    #[schema(value_type = Option<Object>)]
    pub(super) voice: Option<Map<String, Value>>,
    #[schema(value_type = Option<Object>)]
    pub(super) llm: Option<Map<String, Value>>,
    pub(super) greeting: Option<String>,
    pub(super) recording: Option<bool>,
    #[schema(schema_with = bounds::maybe_text::<OPENING_LIMIT>)]
    pub(super) opening_line: Option<String>,
    #[schema(value_type = Option<Connect>)]
    pub(super) connect: Option<Object<Connect>>,
    pub(super) connect_on: Option<ConnectOn>,
    #[schema(value_type = Option<BTreeMap<String, KeyRule>>)]
    pub(super) keypad: Option<BTreeMap<Key, Object<KeyRule>>>,
    #[schema(schema_with = keypad_seconds)]
    pub(super) keypad_seconds: Option<u32>,
    pub(super) on_machine: Option<OnMachine>,
    pub(super) machine_message: Option<String>,
    #[schema(schema_with = said)]
    pub(super) greeting_text: Option<String>,
    #[schema(schema_with = said)]
    pub(super) machine_message_text: Option<String>,
    pub(super) fallback_message: Option<String>,
    #[schema(schema_with = said)]
    pub(super) fallback_message_text: Option<String>,
    #[schema(value_type = Option<BTreeMap<String, Transfer>>)]
    pub(super) transfers: Option<BTreeMap<TransferName, Object<Transfer>>>,
    #[schema(schema_with = silence_seconds)]
    pub(super) silence_seconds: Option<u32>,
}

/// `PATCH /agents/:id`: what is to change; `null` takes away what need not be there.
#[derive(Deserialize, Default, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = AgentChange)]
pub(super) struct PatchBody {
    #[schema(schema_with = bounds::maybe_name::<NAME_LIMIT>)]
    pub(super) name: Option<String>,
    #[schema(schema_with = bounds::maybe_text::<PROMPT_LIMIT>)]
    pub(super) prompt: Option<String>,
    #[schema(value_type = Option<Object>)]
    pub(super) voice: Option<Map<String, Value>>,
    #[schema(value_type = Option<Object>)]
    pub(super) llm: Option<Map<String, Value>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    pub(super) greeting: Option<Option<String>>,
    pub(super) recording: Option<bool>,
    #[serde(default, deserialize_with = "given")]
    #[schema(schema_with = bounds::maybe_text::<OPENING_LIMIT>)]
    pub(super) opening_line: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Connect>)]
    pub(super) connect: Option<Option<Object<Connect>>>,
    pub(super) connect_on: Option<ConnectOn>,
    #[schema(value_type = Option<BTreeMap<String, KeyRule>>)]
    pub(super) keypad: Option<BTreeMap<Key, Object<KeyRule>>>,
    #[schema(schema_with = keypad_seconds)]
    pub(super) keypad_seconds: Option<u32>,
    pub(super) on_machine: Option<OnMachine>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    pub(super) machine_message: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(schema_with = said)]
    pub(super) greeting_text: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(schema_with = said)]
    pub(super) machine_message_text: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    pub(super) fallback_message: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(schema_with = said)]
    pub(super) fallback_message_text: Option<Option<String>>,
    #[schema(value_type = Option<BTreeMap<String, Transfer>>)]
    pub(super) transfers: Option<BTreeMap<TransferName, Object<Transfer>>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(schema_with = silence_seconds)]
    pub(super) silence_seconds: Option<Option<u32>>,
}

impl Body {
    pub(super) fn conversation(&mut self) -> ConversationChange {
        ConversationChange {
            connect: self.connect.take().map(Some),
            connect_on: self.connect_on,
            keypad: self.keypad.take(),
            keypad_seconds: self.keypad_seconds,
            on_machine: self.on_machine,
            machine_message: self.machine_message.take().map(Some),
            greeting_text: self.greeting_text.take().map(Some),
            machine_message_text: self.machine_message_text.take().map(Some),
            fallback_message: self.fallback_message.take().map(Some),
            fallback_message_text: self.fallback_message_text.take().map(Some),
            transfers: self.transfers.take(),
            silence_seconds: self.silence_seconds.map(Some),
        }
    }
}

impl PatchBody {
    pub(super) fn conversation(&mut self) -> ConversationChange {
        ConversationChange {
            connect: self.connect.take(),
            connect_on: self.connect_on,
            keypad: self.keypad.take(),
            keypad_seconds: self.keypad_seconds,
            on_machine: self.on_machine,
            machine_message: self.machine_message.take(),
            greeting_text: self.greeting_text.take(),
            machine_message_text: self.machine_message_text.take(),
            fallback_message: self.fallback_message.take(),
            fallback_message_text: self.fallback_message_text.take(),
            transfers: self.transfers.take(),
            silence_seconds: self.silence_seconds,
        }
    }
}

/// An agent as the API shows it, in one of its versions.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Agent)]
pub(super) struct View {
    id: AgentId,
    /// The version that is shown.
    version: AgentVersion,
    status: Status,
    /// The version that calls are made with.
    published_version: Option<AgentVersion>,
    latest_version: AgentVersion,
    name: String,
    prompt: String,
    voice: Value,
    llm: Value,
    greeting: Option<String>,
    recording: bool,
    opening_line: Option<String>,
    connect: Option<Connect>,
    connect_on: ConnectOn,
    #[schema(value_type = BTreeMap<String, KeyRule>)]
    keypad: BTreeMap<Key, KeyRule>,
    keypad_seconds: u32,
    on_machine: OnMachine,
    machine_message: Option<String>,
    greeting_text: Option<String>,
    machine_message_text: Option<String>,
    fallback_message: Option<String>,
    fallback_message_text: Option<String>,
    #[schema(value_type = BTreeMap<String, Transfer>)]
    transfers: Transfers,
    silence_seconds: Option<u32>,
    version_created_at: Moment,
    published_at: Option<Moment>,
    rolled_back_at: Option<Moment>,
    created_at: Moment,
    archived_at: Option<Moment>,
}

/// Where a version stands.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AgentStatus)]
enum Status {
    /// Never published.
    Draft,
    /// Calls are made with it.
    Published,
    /// Calls were made with it until another one was published.
    Retired,
    /// Calls were made with it until it was rolled back.
    RolledBack,
}

impl From<Agent> for View {
    fn from(agent: Agent) -> Self {
        let status = match agent.published_at {
            _ if agent.live == Some(agent.n) => Status::Published,
            None => Status::Draft,
            Some(_) if agent.rolled_back_at.is_some() => Status::RolledBack,
            Some(_) => Status::Retired,
        };
        Self {
            id: agent.id,
            version: agent.n,
            status,
            published_version: agent.live,
            latest_version: agent.latest,
            name: agent.name,
            prompt: agent.prompt,
            voice: agent.voice,
            llm: agent.llm,
            greeting: agent.greeting,
            recording: agent.recording,
            opening_line: agent.opening_line,
            connect: agent.conversation.connect,
            connect_on: agent.conversation.connect_on,
            keypad: agent.conversation.keypad,
            keypad_seconds: agent.conversation.keypad_seconds,
            on_machine: agent.conversation.on_machine,
            machine_message: agent.conversation.machine_message,
            greeting_text: agent.conversation.greeting_text,
            machine_message_text: agent.conversation.machine_message_text,
            fallback_message: agent.conversation.fallback_message,
            fallback_message_text: agent.conversation.fallback_message_text,
            transfers: agent.conversation.transfers,
            silence_seconds: agent.conversation.silence_seconds,
            version_created_at: agent.version_created_at.into(),
            published_at: Moment::maybe(agent.published_at),
            rolled_back_at: Moment::maybe(agent.rolled_back_at),
            created_at: agent.created_at.into(),
            archived_at: Moment::maybe(agent.archived_at),
        }
    }
}
