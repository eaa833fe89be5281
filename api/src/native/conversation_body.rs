//! What happens in a call after the answer, as requests about agents say it.

use std::collections::BTreeMap;

use futures::future::try_join_all;
use ringfleet_core::{
    Conversation,
    conversation::{
        Connect, ConnectKind, ConnectOn, Key, KeyRule, MOST_KEYPAD_SECONDS, OnMachine, SILENCE_SECONDS,
    },
    net::Guard,
    opening,
    transfer::{Transfer, TransferKind, TransferName},
};
use ringfleet_engine::EngineError;

use super::settings_body::set;
use crate::{error::Result, openapi::bounds, strict::Object, webhook_url};

/// What is to change of a conversation; a null in the request takes `connect`, `silenceSeconds`, a message or a text away.
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
    pub fallback_message: Option<Option<String>>,
    pub fallback_message_text: Option<Option<String>>,
    pub transfers: Option<BTreeMap<TransferName, Object<Transfer>>>,
    pub silence_seconds: Option<Option<u32>>,
}

impl ConversationChange {
    /// Whether the agent, and whoever we call to hand calls on to, may be where the change says they are.
    pub async fn check(&self, guard: &Guard) -> Result<()> {
        if let Some(Some(Object(connect))) = &self.connect {
            match connect.kind {
                ConnectKind::Ws => webhook_url::check_agent(&connect.url, guard).await?,
                ConnectKind::Sip => webhook_url::check_telephone("connect.url", &connect.url, guard).await?,
            }
        }
        let called = self.transfers.iter().flatten().filter(|(_, one)| one.0.kind == TransferKind::Sip);
        let checks = called.map(async |(name, Object(transfer))| {
            webhook_url::check_telephone(&format!("transfers.{name}.to"), &transfer.to, guard).await
        });
        try_join_all(checks).await.map(drop)
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
        set(&mut to.fallback_message, self.fallback_message);
        set(&mut to.fallback_message_text, self.fallback_message_text);
        let transfers = |given: BTreeMap<TransferName, Object<Transfer>>| {
            given.into_iter().map(|(name, Object(transfer))| (name, transfer)).collect()
        };
        set(&mut to.transfers, self.transfers.map(transfers));
        set(&mut to.silence_seconds, self.silence_seconds);
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

/// How `silenceSeconds` is described.
pub(super) fn silence_seconds() -> bounds::Bounds {
    let (least, most) = SILENCE_SECONDS.into_inner();
    bounds::maybe_whole(u64::from(least)..=u64::from(most))
}

/// How a text that is said is described.
pub(super) fn said() -> bounds::Bounds {
    bounds::maybe_text::<{ opening::LIMIT }>()
}
