//! What happens after somebody, or something, has picked up: who talks, what keys do, and what is done about a machine.

use std::{collections::BTreeMap, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use crate::{
    opening,
    text_enum::text_enum,
    transfer::{MOST_TRANSFERS, TransferName, Transfers},
};

/// How long after the greeting a key is waited for, in seconds, where nothing else is said.
pub const KEYPAD_SECONDS: u32 = 5;
/// Longest wait for a key after the greeting, in seconds.
pub const MOST_KEYPAD_SECONDS: u32 = 60;
/// How long both sides may be silent, in seconds, where that ends a call.
pub const SILENCE_SECONDS: std::ops::RangeInclusive<u32> = 5..=3_600;
/// Longest URL of [`Connect`], in characters.
pub const URL_LIMIT: usize = 2_000;
/// Most parameters of [`Connect`].
pub const MOST_PARAMETERS: usize = 50;
/// Bytes of all names and values of the parameters together: what a first message can carry to any server.
pub const PARAMETERS_LIMIT: usize = 4 * 1024;

/// The conversation of an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Conversation {
    /// Who talks after the greeting; none hangs up then.
    pub connect: Option<Connect>,
    /// When the call is handed over to `connect`.
    pub connect_on: ConnectOn,
    /// What keys do.
    pub keypad: BTreeMap<Key, KeyRule>,
    /// How long after the greeting a key is waited for before the call ends.
    pub keypad_seconds: u32,
    /// What is done when a machine has picked up.
    pub on_machine: OnMachine,
    /// File name in the greetings folder of what a machine is told; none tells it the greeting.
    pub machine_message: Option<String>,
    /// What is said in place of a greeting file, with places that variables fill ([`crate::opening`]).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub greeting_text: Option<String>,
    /// What a machine is told in place of a file, likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine_message_text: Option<String>,
    /// File name in the greetings folder of what a callee is told before we hang up because nobody is there to talk; none is told
    /// nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fallback_message: Option<String>,
    /// The same as a text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fallback_message_text: Option<String>,
    /// Where the call may be handed on to.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub transfers: Transfers,
    /// The call ends when both sides have been silent for so long, in seconds; none lets them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub silence_seconds: Option<u32>,
}

impl Default for Conversation {
    fn default() -> Self {
        Self {
            connect: None,
            connect_on: ConnectOn::Greeting,
            keypad: BTreeMap::new(),
            keypad_seconds: KEYPAD_SECONDS,
            on_machine: OnMachine::HangUp,
            machine_message: None,
            greeting_text: None,
            machine_message_text: None,
            fallback_message: None,
            fallback_message_text: None,
            transfers: BTreeMap::new(),
            silence_seconds: None,
        }
    }
}

/// A program, or a person at a telephone, that talks with the callee.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Connect {
    /// How it is reached.
    pub kind: ConnectKind,
    /// Where it is: `wss://…`, or `sip:user@host`.
    pub url: String,
    /// What it is told at the beginning, beside the call's variables.
    #[serde(default)]
    pub parameters: BTreeMap<String, String>,
}

text_enum! {
    /// How who talks is reached.
    pub enum ConnectKind {
        /// A WebSocket with the messages of Twilio's Media Streams.
        Ws => "ws",
        /// A telephone: a second call, over SIP.
        Sip => "sip",
    }
}

text_enum! {
    /// When a call is handed over.
    pub enum ConnectOn {
        /// As soon as the greeting has been played.
        Greeting => "greeting",
        /// When the callee presses a key whose action is `connect`.
        Keypad => "keypad",
    }
}

text_enum! {
    /// What is done when a machine has picked up.
    pub enum OnMachine {
        /// Hang up.
        HangUp => "hangUp",
        /// Leave a message after its beep, and hang up.
        Message => "message",
        /// Talk as if it were a person.
        CarryOn => "carryOn",
    }
}

text_enum! {
    /// What a key does.
    pub enum KeyAction {
        /// Never contact this number again, on any channel; the call ends.
        Suppress => "suppress",
        /// Hand the call over to `connect`.
        Connect => "connect",
        /// Hand the call on to one of `transfers`.
        Transfer => "transfer",
    }
}

/// The rule of one key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KeyRule {
    /// What it does.
    pub action: KeyAction,
    /// Which of `transfers`, where it hands the call on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub to: Option<TransferName>,
}

/// A key of a telephone: `0` to `9`, `*`, `#` (ITU-T Q.23; the fourth column is on no telephone).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(char);

impl TryFrom<char> for Key {
    type Error = String;

    fn try_from(key: char) -> Result<Self, String> {
        match key {
            '0'..='9' | '*' | '#' => Ok(Self(key)),
            _ => Err(format!("{key:?} is no key; write one of 0 to 9, * and #")),
        }
    }
}

impl FromStr for Key {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut chars = text.chars();
        match (chars.next(), chars.next()) {
            (Some(key), None) => Self::try_from(key),
            _ => Err("a key of keypad is one of 0 to 9, * and #".into()),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(d)?;
        text.parse().map_err(D::Error::custom)
    }
}

/// A broken rule: the field, and what would be right.
pub type Flaw = (String, String);

fn flaw<T>(field: impl Into<String>, problem: impl Into<String>) -> Result<T, Flaw> {
    Err((field.into(), problem.into()))
}

impl Conversation {
    /// What a key does.
    pub fn action(&self, key: char) -> Option<KeyAction> {
        Some(self.rule(key)?.action)
    }

    /// What a key does, and where it leads.
    pub fn rule(&self, key: char) -> Option<&KeyRule> {
        self.keypad.get(&Key::try_from(key).ok()?)
    }

    /// Whether a call is handed over by itself after the greeting.
    pub fn connects_after_greeting(&self) -> bool {
        self.connect.is_some() && self.connect_on == ConnectOn::Greeting
    }

    /// The first broken rule. Where a URL may lead is not looked at: that takes a look-up.
    ///
    /// # Errors
    /// The field and what would be right.
    pub fn validate(&self) -> Result<(), Flaw> {
        self.connect.as_ref().map_or(Ok(()), Connect::validate)?;
        self.validate_keypad()?;
        self.validate_transfers()?;
        self.validate_messages()?;
        match self.silence_seconds {
            Some(seconds) if !SILENCE_SECONDS.contains(&seconds) => {
                let (least, most) = SILENCE_SECONDS.into_inner();
                flaw("silenceSeconds", format!("must be {least} to {most}"))
            }
            _ => Ok(()),
        }
    }

    fn validate_keypad(&self) -> Result<(), Flaw> {
        let connecting = self.keypad.iter().find(|(_, rule)| rule.action == KeyAction::Connect);
        if let (Some((key, _)), None) = (connecting, &self.connect) {
            return flaw(
                format!("keypad.{key}.action"),
                "connect needs somebody to connect to: give connect",
            );
        }
        if self.connect_on == ConnectOn::Keypad && self.connect.is_none() {
            return flaw("connectOn", "keypad needs somebody to connect to: give connect");
        }
        if self.connect_on == ConnectOn::Keypad && connecting.is_none() {
            return flaw("connectOn", "keypad needs a key with the action connect: give one in keypad");
        }
        for (key, KeyRule { action, to }) in &self.keypad {
            let field = || format!("keypad.{key}.to");
            match (action, to) {
                (KeyAction::Transfer, None) => return flaw(field(), "must be one of the names in transfers"),
                (KeyAction::Transfer, Some(to)) if !self.transfers.contains_key(to) => {
                    return flaw(field(), "is none of the names in transfers");
                }
                (KeyAction::Transfer, Some(_)) | (_, None) => {}
                (_, Some(_)) => return flaw(field(), "is for the action transfer only"),
            }
        }
        match (1..=MOST_KEYPAD_SECONDS).contains(&self.keypad_seconds) {
            true => Ok(()),
            false => flaw("keypadSeconds", format!("must be 1 to {MOST_KEYPAD_SECONDS}")),
        }
    }

    fn validate_transfers(&self) -> Result<(), Flaw> {
        if self.transfers.len() > MOST_TRANSFERS {
            return flaw("transfers", format!("must be at most {MOST_TRANSFERS}"));
        }
        for (name, transfer) in &self.transfers {
            if let Err(problem) = transfer.destination() {
                return flaw(format!("transfers.{name}.to"), problem);
            }
        }
        Ok(())
    }

    fn validate_messages(&self) -> Result<(), Flaw> {
        if self.machine_message.is_some() && self.on_machine != OnMachine::Message {
            return flaw("machineMessage", "is told to a machine only with onMachine: message");
        }
        if self.machine_message_text.is_some() && self.on_machine != OnMachine::Message {
            return flaw("machineMessageText", "is told to a machine only with onMachine: message");
        }
        if self.machine_message_text.is_some() && self.machine_message.is_some() {
            return flaw("machineMessageText", "takes the place of machineMessage; give one of the two");
        }
        if self.fallback_message_text.is_some() && self.fallback_message.is_some() {
            return flaw("fallbackMessageText", "takes the place of fallbackMessage; give one of the two");
        }
        let texts = [
            ("greetingText", &self.greeting_text),
            ("machineMessageText", &self.machine_message_text),
            ("fallbackMessageText", &self.fallback_message_text),
        ];
        for (field, text) in texts {
            let Some(text) = text else { continue };
            if text.trim().is_empty() || text.chars().count() > opening::LIMIT {
                return flaw(field, format!("must be 1 to {} characters, not only blanks", opening::LIMIT));
            }
        }
        Ok(())
    }

    /// The texts that are said in a call.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        let texts = [&self.greeting_text, &self.machine_message_text, &self.fallback_message_text];
        texts.into_iter().flatten().map(String::as_str)
    }
}

impl Connect {
    fn validate(&self) -> Result<(), Flaw> {
        let bytes: usize = self.parameters.iter().map(|(name, value)| name.len() + value.len()).sum();
        let flaw = |problem: String| Err(("connect.parameters".to_owned(), problem));
        if self.parameters.len() > MOST_PARAMETERS {
            return flaw(format!("must be at most {MOST_PARAMETERS} parameters"));
        }
        if bytes > PARAMETERS_LIMIT {
            return flaw(format!("must be at most {PARAMETERS_LIMIT} bytes together"));
        }
        if self.parameters.keys().any(String::is_empty) {
            return flaw("must not have an empty name".into());
        }
        match self.kind == ConnectKind::Sip && !self.parameters.is_empty() {
            true => flaw("are told to a WebSocket only; leave them out with kind: sip".into()),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
#[path = "conversation_tests.rs"]
mod tests;
