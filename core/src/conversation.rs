//! What happens after somebody, or something, has picked up: who talks, what keys do, and what is done about a machine.

use std::{collections::BTreeMap, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use crate::{opening, text_enum::text_enum};

/// How long after the greeting a key is waited for, in seconds, where nothing else is said.
pub const KEYPAD_SECONDS: u32 = 5;
/// Longest wait for a key after the greeting, in seconds.
pub const MOST_KEYPAD_SECONDS: u32 = 60;
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
    }
}

/// The rule of one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KeyRule {
    /// What it does.
    pub action: KeyAction,
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

impl Conversation {
    /// What a key does.
    pub fn action(&self, key: char) -> Option<KeyAction> {
        Some(self.keypad.get(&Key::try_from(key).ok()?)?.action)
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
        let flaw = |field: &str, problem: &str| Err((field.to_owned(), problem.to_owned()));
        self.connect.as_ref().map_or(Ok(()), Connect::validate)?;
        let connecting = self.keypad.iter().find(|(_, rule)| rule.action == KeyAction::Connect);
        if let (Some((key, _)), None) = (connecting, &self.connect) {
            return flaw(
                &format!("keypad.{key}.action"),
                "connect needs somebody to connect to: give connect",
            );
        }
        if self.connect_on == ConnectOn::Keypad && self.connect.is_none() {
            return flaw("connectOn", "keypad needs somebody to connect to: give connect");
        }
        if self.connect_on == ConnectOn::Keypad && connecting.is_none() {
            return flaw("connectOn", "keypad needs a key with the action connect: give one in keypad");
        }
        if !(1..=MOST_KEYPAD_SECONDS).contains(&self.keypad_seconds) {
            return flaw("keypadSeconds", &format!("must be 1 to {MOST_KEYPAD_SECONDS}"));
        }
        if self.machine_message.is_some() && self.on_machine != OnMachine::Message {
            return flaw("machineMessage", "is told to a machine only with onMachine: message");
        }
        if self.machine_message_text.is_some() && self.on_machine != OnMachine::Message {
            return flaw("machineMessageText", "is told to a machine only with onMachine: message");
        }
        if self.machine_message_text.is_some() && self.machine_message.is_some() {
            return flaw("machineMessageText", "takes the place of machineMessage; give one of the two");
        }
        let texts =
            [("greetingText", &self.greeting_text), ("machineMessageText", &self.machine_message_text)];
        for (field, text) in texts {
            let Some(text) = text else { continue };
            if text.trim().is_empty() || text.chars().count() > opening::LIMIT {
                return flaw(field, &format!("must be 1 to {} characters, not only blanks", opening::LIMIT));
            }
        }
        Ok(())
    }

    /// The texts that are said in a call.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        [&self.greeting_text, &self.machine_message_text].into_iter().flatten().map(String::as_str)
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
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(value: Value) -> Result<Conversation, String> {
        serde_json::from_value(value).map_err(|error| error.to_string())
    }

    fn flaw(value: Value) -> Option<String> {
        read(value).unwrap().validate().err().map(|(field, _)| field)
    }

    #[test]
    fn what_is_kept_reads_back_and_nothing_is_needed() {
        assert_eq!(read(json!({})).unwrap(), Conversation::default());
        let full = json!({
            "connect": {"kind": "ws", "url": "wss://agent.example/talk", "parameters": {"lang": "de"}},
            "connectOn": "keypad", "keypad": {"1": {"action": "connect"}, "9": {"action": "suppress"}, "#": {"action": "suppress"}},
            "keypadSeconds": 10, "onMachine": "message", "machineMessage": "later.wav",
        });
        let conversation = read(full.clone()).unwrap();
        assert_eq!(conversation.validate(), Ok(()));
        assert_eq!(serde_json::to_value(&conversation).unwrap(), full);
        assert_eq!(conversation.action('9'), Some(KeyAction::Suppress));
        assert_eq!((conversation.action('2'), conversation.action('A')), (None, None));
    }

    #[test]
    fn what_is_not_understood_is_named() {
        for (bad, names) in [
            (json!({"keypad": {"10": {"action": "suppress"}}}), "0 to 9"),
            (json!({"keypad": {"A": {"action": "suppress"}}}), "0 to 9"),
            (json!({"keypad": {"9": {"action": "sing"}}}), "suppress, connect"),
            (json!({"connect": {"kind": "ws", "uri": "wss://a"}}), "uri"),
            (json!({"connect": {"kind": "fax", "url": "wss://a"}}), "ws, sip"),
        ] {
            let error = read(bad.clone()).unwrap_err();
            assert!(error.contains(names), "{bad}: {error}");
        }
    }

    #[test]
    fn rules_that_lead_nowhere_are_refused() {
        let connect = json!({"kind": "ws", "url": "wss://a.example"});
        assert_eq!(flaw(json!({"keypad": {"1": {"action": "connect"}}})).as_deref(), Some("keypad.1.action"));
        assert_eq!(flaw(json!({"connectOn": "keypad"})).as_deref(), Some("connectOn"));
        assert_eq!(flaw(json!({"connectOn": "keypad", "connect": connect})).as_deref(), Some("connectOn"));
        for seconds in [0, 61] {
            assert_eq!(flaw(json!({"keypadSeconds": seconds})).as_deref(), Some("keypadSeconds"));
        }
        assert_eq!(flaw(json!({"machineMessage": "a.wav"})).as_deref(), Some("machineMessage"));
        let text = json!({"onMachine": "message", "machineMessage": "a.wav", "machineMessageText": "Hello"});
        assert_eq!(flaw(text).as_deref(), Some("machineMessageText"));
        assert_eq!(flaw(json!({"machineMessageText": "Hello"})).as_deref(), Some("machineMessageText"));
        for (text, bad) in [(" \n", true), ("é", false)] {
            assert_eq!(flaw(json!({"greetingText": text})).is_some(), bad, "{text:?}");
        }
        assert_eq!(flaw(json!({"greetingText": "é".repeat(4_000)})), None);
        assert_eq!(flaw(json!({"greetingText": "é".repeat(4_001)})).as_deref(), Some("greetingText"));
        let with = |parameters: Value| json!({"connect": {"kind": "ws", "url": "wss://a", "parameters": parameters}});
        assert_eq!(flaw(with(json!({"": "x"}))).as_deref(), Some("connect.parameters"));
        assert_eq!(flaw(with(json!({"x": "y".repeat(4096)}))).as_deref(), Some("connect.parameters"));
        assert_eq!(flaw(with(json!({"x": "y".repeat(4095)}))), None);
        let telephone = |parameters: Value| json!({"connect": {"kind": "sip", "url": "sip:a@h", "parameters": parameters}});
        assert_eq!(flaw(telephone(json!({"x": "y"}))).as_deref(), Some("connect.parameters"));
        assert_eq!(flaw(telephone(json!({}))), None);
    }
}
