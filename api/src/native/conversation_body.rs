//! What happens in a call after the answer, as requests about agents say it.

use std::collections::BTreeMap;

use ringfleet_core::{
    Conversation,
    conversation::{Connect, ConnectKind, ConnectOn, Key, KeyRule, MOST_KEYPAD_SECONDS, OnMachine},
    net::Guard,
    opening,
};
use ringfleet_engine::EngineError;

use super::settings_body::set;
use crate::{error::Result, openapi::bounds, strict::Object, webhook_url};

/// What is to change of a conversation; a null in the request takes `connect`, `machineMessage` or a text away.
#[derive(Default)]
pub(super) struct ConversationChange {
    pub connect: Option<Option<Object<Connect>>>,
    pub connect_on: Option<ConnectOn>,
    pub keypad: Option<BTreeMap<Key, Object<KeyRule>>>,
    pub keypad_seconds: Option<u32>,
    pub on_machine: Option<OnMachine>,
    pub machine_message: Option<Option<String>>,
    pub greeting_text: Option<Option<String>>,
    pub machine_message_text: Option<Option<String>>,
}

impl ConversationChange {
    /// Whether the agent may be where the change says it is.
    pub async fn check(&self, guard: &Guard) -> Result<()> {
        match &self.connect {
            Some(Some(Object(connect))) => match connect.kind {
                ConnectKind::Ws => webhook_url::check_agent(&connect.url, guard).await,
                ConnectKind::Sip => webhook_url::check_telephone(&connect.url, guard).await,
            },
            _ => Ok(()),
        }
    }

    /// Changes a conversation; what comes of it must make sense as a whole, beside the file that is the agent's greeting.
    pub fn apply(
        self,
        to: &mut Conversation,
        greeting: Option<&str>,
    ) -> std::result::Result<(), EngineError> {
        set(&mut to.connect, self.connect.map(|connect| connect.map(|Object(connect)| connect)));
        set(&mut to.connect_on, self.connect_on);
        let rules = |keypad: BTreeMap<Key, Object<KeyRule>>| {
            keypad.into_iter().map(|(key, Object(rule))| (key, rule)).collect()
        };
        set(&mut to.keypad, self.keypad.map(rules));
        set(&mut to.keypad_seconds, self.keypad_seconds);
        set(&mut to.on_machine, self.on_machine);
        set(&mut to.machine_message, self.machine_message);
        set(&mut to.greeting_text, self.greeting_text);
        set(&mut to.machine_message_text, self.machine_message_text);
        if greeting.is_some() && to.greeting_text.is_some() {
            let problem = "takes the place of greeting; give one of the two";
            return Err(EngineError::invalid("greetingText", problem));
        }
        to.validate().map_err(|(field, problem)| EngineError::Invalid { field, problem })
    }
}

/// How `keypadSeconds` is described.
pub(super) fn keypad_seconds() -> bounds::Bounds {
    bounds::maybe_whole(1..=u64::from(MOST_KEYPAD_SECONDS))
}

/// How a text that is said is described.
pub(super) fn said() -> bounds::Bounds {
    bounds::maybe_text::<{ opening::LIMIT }>()
}
