//! Messages: what a step of a plan says, what a carrier is given to send, and what is told about a message afterwards.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{Channel, Outcome, call::MISSING_VARIABLE, opening, text_enum::text_enum};

/// Longest text of a message, in characters: ten parts of a text message in GSM 03.38's alphabet, and what Twilio takes at the most.
pub const TEXT_LIMIT: usize = 1_600;
/// Longest text or HTML of an e-mail, in characters.
pub const MAIL_LIMIT: usize = 100_000;
/// Longest subject of an e-mail, in characters.
pub const SUBJECT_LIMIT: usize = 255;
/// Most variables of a WhatsApp template.
pub const TEMPLATE_VARIABLES: usize = 20;
/// The variable of a recipient that holds the e-mail address.
pub const EMAIL: &str = "email";
/// The variable that messages are given beside the recipient's own: where one click ends all messages to this person.
pub const UNSUBSCRIBE: &str = "unsubscribeUrl";

/// What a step says, with places that a recipient's variables fill (see [`opening`]). Which fields there are depends on the channel.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schema(as = MessageTemplate)]
pub struct Template {
    /// SMS and e-mail: the text. WhatsApp: what is sent instead of the template to whoever has written in the last 24 hours, where free text is
    /// allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// E-mail: the subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// E-mail: the text once more, as HTML. What variables bring is escaped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
    /// WhatsApp: the name of the approved template.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// WhatsApp: the language it is approved in, like `en_US`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// WhatsApp: what stands for `{{1}}`, `{{2}}`, … in the body of the template.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub variables: Vec<String>,
}

/// A message as it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// A text message, or free text over WhatsApp.
    Text(String),
    /// An approved template of WhatsApp.
    Template {
        /// Its name.
        name: String,
        /// Its language, like `en_US`.
        language: String,
        /// What stands for `{{1}}`, `{{2}}`, …
        variables: Vec<String>,
    },
    /// An e-mail.
    Mail {
        /// The recipient's address.
        to: String,
        /// The subject.
        subject: String,
        /// The text.
        text: String,
        /// The same as HTML.
        html: Option<String>,
        /// Where one POST ends all messages to this person (RFC 8058); none where nobody could reach this installation.
        unsubscribe: Option<String>,
    },
}

/// Why a message cannot be put together for somebody. It is the fault of what is known of this one person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unsayable {
    /// Variables without a value and without a default.
    #[error("no value for {}", .0.join(", "))]
    Missing(Vec<String>),
    /// There is no e-mail address, or none that can be one.
    #[error("no usable e-mail address in the variable {EMAIL}")]
    NoAddress,
    /// Filled, it is longer than the channel takes.
    #[error("too long when its places are filled")]
    TooLong,
}

impl Unsayable {
    /// The reason of the ending.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Missing(_) => MISSING_VARIABLE,
            Self::NoAddress => "no_address",
            Self::TooLong => "message_too_long",
        }
    }
}

/// Reasons for which a message was not sent that lie with this one person: the step has failed, and the next one may be open.
pub const OF_THE_RECIPIENT: &[&str] = &[MISSING_VARIABLE, "no_address", "message_too_long", NO_MESSAGE];

/// Why a message was not sent whose plan was changed since it was claimed: its step says nothing any more.
pub const NO_MESSAGE: &str = "no_message";

text_enum! {
    /// What is told about a message after it was taken.
    pub enum Receipt {
        /// It has arrived at the person's device or mailbox.
        Delivered => "delivered",
        /// The person has opened it.
        Read => "read",
        /// It will not arrive: refused, bounced, no such address.
        Undelivered => "undelivered",
    }
}

impl Receipt {
    /// What becomes of a message with this outcome; none where the receipt says nothing new. Receipts come in any order and more than once: what is
    /// read has arrived, and what has arrived was not lost.
    pub const fn turns(self, outcome: Outcome) -> Option<Outcome> {
        match (self, outcome) {
            (Self::Delivered, Outcome::Sent | Outcome::Uncertain) => Some(Outcome::Delivered),
            (Self::Read, Outcome::Sent | Outcome::Uncertain | Outcome::Delivered) => Some(Outcome::Read),
            (Self::Undelivered, Outcome::Sent | Outcome::Uncertain) => Some(Outcome::Failed),
            _ => None,
        }
    }
}

/// What came in from a person's phone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inbound {
    /// The provider's id of it, by which one that is told twice is known.
    pub id: String,
    /// Who wrote, in E.164.
    pub from: String,
    /// What.
    pub text: String,
    /// The provider itself has understood it as a wish to be left alone.
    pub is_stop: bool,
}

impl Template {
    /// Checks every rule for this channel; gives the first that is broken: the field and what would be right.
    pub fn validate(&self, channel: Channel) -> Result<(), (&'static str, String)> {
        let foreign = |name: &'static str, given: bool| match given {
            true => Err((name, format!("does not belong to a message over {channel}; leave it out"))),
            false => Ok(()),
        };
        let is_whatsapp = channel == Channel::Whatsapp;
        let is_mail = channel == Channel::Email;
        foreign("subject", self.subject.is_some() && !is_mail)?;
        foreign("html", self.html.is_some() && !is_mail)?;
        foreign("template", self.template.is_some() && !is_whatsapp)?;
        foreign("language", self.language.is_some() && !is_whatsapp)?;
        foreign("variables", !self.variables.is_empty() && !is_whatsapp)?;
        match channel {
            Channel::Voice => Err(("text", "a call has no message; its agent talks".into())),
            Channel::Sms => needed("text", self.text.as_deref(), TEXT_LIMIT),
            Channel::Email => {
                needed("subject", self.subject.as_deref(), SUBJECT_LIMIT)?;
                needed("text", self.text.as_deref(), MAIL_LIMIT)?;
                optional("html", self.html.as_deref(), MAIL_LIMIT)
            }
            Channel::Whatsapp => self.validate_whatsapp(),
        }
    }

    fn validate_whatsapp(&self) -> Result<(), (&'static str, String)> {
        let is_name = |text: &str| {
            (1..=512).contains(&text.len())
                && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        };
        let is_language = |text: &str| {
            (2..=15).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        };
        if !self.template.as_deref().is_some_and(is_name) {
            let problem = "must name an approved template (lower-case letters, digits, underscores): WhatsApp takes no free text from \
                           whoever begins";
            return Err(("template", problem.into()));
        }
        if !self.language.as_deref().is_some_and(is_language) {
            return Err(("language", "must be the language of the template, like en_US".into()));
        }
        if self.variables.len() > TEMPLATE_VARIABLES {
            return Err(("variables", format!("must be at most {TEMPLATE_VARIABLES}")));
        }
        let wrong = |text: &String| needed("variables", Some(text), TEXT_LIMIT).is_err();
        if let Some(n) = self.variables.iter().position(wrong) {
            return Err(("variables", format!("number {} must be 1 to {TEXT_LIMIT} characters", n + 1)));
        }
        optional("text", self.text.as_deref(), TEXT_LIMIT)
    }

    /// Every text of it that has places to fill.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        let single = [&self.text, &self.subject, &self.html];
        single.into_iter().filter_map(|text| text.as_deref()).chain(self.variables.iter().map(String::as_str))
    }

    /// The message for somebody with these variables, [`UNSUBSCRIBE`] among them where there is such an address. `may_chat`: free text may be sent
    /// over WhatsApp, for this person has written in the last 24 hours.
    ///
    /// # Errors
    /// [`Unsayable`], which lies with this person.
    pub fn say(
        &self,
        channel: Channel,
        variables: &Map<String, Value>,
        may_chat: bool,
    ) -> Result<Message, Unsayable> {
        let mut missing = Vec::new();
        let mut fill = |text: &str| {
            let filled = opening::fill(text, variables);
            missing.extend(filled.missing);
            filled.text
        };
        let message = match (channel, &self.text, &self.template) {
            (Channel::Email, ..) => Message::Mail {
                to: address(variables).unwrap_or_default(),
                subject: one_line(&fill(self.subject.as_deref().unwrap_or_default())),
                text: fill(self.text.as_deref().unwrap_or_default()),
                html: self.html.as_deref().map(|html| {
                    let filled = opening::fill(html, &escaped(variables));
                    missing.extend(filled.missing);
                    filled.text
                }),
                unsubscribe: variables.get(UNSUBSCRIBE).and_then(Value::as_str).map(str::to_owned),
            },
            (Channel::Whatsapp, Some(text), _) if may_chat => Message::Text(fill(text)),
            (Channel::Whatsapp, _, Some(name)) => Message::Template {
                name: name.clone(),
                language: self.language.clone().unwrap_or_default(),
                variables: self.variables.iter().map(|text| fill(text)).collect(),
            },
            _ => Message::Text(fill(self.text.as_deref().unwrap_or_default())),
        };
        missing.sort();
        missing.dedup();
        if !missing.is_empty() {
            return Err(Unsayable::Missing(missing));
        }
        match &message {
            Message::Mail { to, .. } if to.is_empty() => Err(Unsayable::NoAddress),
            message if !message.fits() => Err(Unsayable::TooLong),
            _ => Ok(message),
        }
    }
}

impl Message {
    fn fits(&self) -> bool {
        let within = |text: &str, limit| text.chars().count() <= limit;
        match self {
            Self::Text(text) => within(text, TEXT_LIMIT),
            Self::Template { variables, .. } => variables.iter().all(|text| within(text, TEXT_LIMIT)),
            Self::Mail { subject, text, html, .. } => {
                within(subject, SUBJECT_LIMIT)
                    && within(text, MAIL_LIMIT)
                    && html.as_deref().is_none_or(|html| within(html, MAIL_LIMIT))
            }
        }
    }
}

fn needed(field: &'static str, text: Option<&str>, limit: usize) -> Result<(), (&'static str, String)> {
    match text {
        Some(text) if !text.trim().is_empty() && text.chars().count() <= limit => Ok(()),
        _ => Err((field, format!("must be 1 to {limit} characters"))),
    }
}

fn optional(field: &'static str, text: Option<&str>, limit: usize) -> Result<(), (&'static str, String)> {
    if text.is_some() { needed(field, text, limit) } else { Ok(()) }
}

/// The e-mail address among the variables (`email`, or as people head such a column: `E-mail`, `Email address`), if it can be one. Whether it exists only its server knows.
pub fn address(variables: &Map<String, Value>) -> Option<String> {
    let is_it = |name: &str| {
        let plain: String =
            name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
        plain == EMAIL || plain == "emailaddress"
    };
    let found = variables
        .get(EMAIL)
        .or_else(|| variables.iter().find(|(name, _)| is_it(name)).map(|(_, value)| value));
    let text = found?.as_str()?.trim();
    let (name, host) = text.rsplit_once('@')?;
    let is_plain =
        |text: &str| text.chars().all(|c| !c.is_whitespace() && !c.is_control() && !"<>,;\"".contains(c));
    let fits =
        text.len() <= 254 && (1..=64).contains(&name.len()) && host.contains('.') && !host.starts_with('.');
    (fits && is_plain(text) && !host.ends_with('.')).then(|| text.to_owned())
}

/// In place of line ends, tabs and many spaces in a row one space each: a header ends with its line, and a template's value may not have them.
pub fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn escaped(variables: &Map<String, Value>) -> Map<String, Value> {
    let escape = |value: &Value| match value {
        Value::String(text) => Value::String(
            text.replace('&', "&amp;")
                .replace('<', "&lt;")
                .replace('>', "&gt;")
                .replace('"', "&quot;")
                .replace('\'', "&#39;"),
        ),
        other => other.clone(),
    };
    variables.iter().map(|(name, value)| (name.clone(), escape(value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn variables(json: Value) -> Map<String, Value> {
        json.as_object().cloned().unwrap_or_default()
    }

    fn template(json: Value) -> Template {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn each_channel_has_its_fields() {
        let broken = |channel, json| template(json).validate(channel).unwrap_err().0;
        let fine = |channel, json| template(json).validate(channel).unwrap();
        fine(Channel::Sms, json!({"text": "Hi {{name}}"}));
        fine(Channel::Email, json!({"subject": "Hi", "text": "Hello", "html": "<p>Hello</p>"}));
        fine(
            Channel::Whatsapp,
            json!({"template": "reminder_2", "language": "en_US", "variables": ["{{name}}"]}),
        );
        assert_eq!(broken(Channel::Sms, json!({})), "text");
        assert_eq!(broken(Channel::Sms, json!({"text": " "})), "text");
        assert_eq!(broken(Channel::Sms, json!({"text": "x".repeat(1_601)})), "text");
        assert_eq!(broken(Channel::Sms, json!({"text": "x", "subject": "y"})), "subject");
        assert_eq!(broken(Channel::Email, json!({"text": "x"})), "subject");
        assert_eq!(broken(Channel::Whatsapp, json!({"text": "hello"})), "template");
        assert_eq!(broken(Channel::Whatsapp, json!({"template": "a", "language": "en US"})), "language");
        assert_eq!(broken(Channel::Voice, json!({"text": "x"})), "text");
    }

    #[test]
    fn places_are_filled_and_html_is_escaped() {
        let who =
            variables(json!({"name": "A <b>\n&", "email": "a@example.com", "unsubscribeUrl": "https://x/u"}));
        let mail =
            template(json!({"subject": "Dear {{name}}", "text": "Hi {{name}}", "html": "<p>{{name}}</p>"}));
        let Ok(Message::Mail { to, subject, text, html, unsubscribe }) =
            mail.say(Channel::Email, &who, false)
        else {
            panic!("no mail")
        };
        assert_eq!(
            (to.as_str(), subject.as_str(), text.as_str()),
            ("a@example.com", "Dear A <b> &", "Hi A <b>\n&")
        );
        assert_eq!(html.as_deref(), Some("<p>A &lt;b&gt;\n&amp;</p>"));
        assert_eq!(unsubscribe.as_deref(), Some("https://x/u"));
    }

    #[test]
    fn free_text_goes_over_whatsapp_only_to_who_has_written() {
        let who = variables(json!({"name": "Asha"}));
        let both = template(
            json!({"template": "t", "language": "en", "variables": ["{{name}}"], "text": "Hi {{name}}"}),
        );
        let said = |may_chat| both.say(Channel::Whatsapp, &who, may_chat).unwrap();
        assert_eq!(said(true), Message::Text("Hi Asha".into()));
        let Message::Template { variables, .. } = said(false) else { panic!("no template") };
        assert_eq!(variables, ["Asha"]);
    }

    #[test]
    fn what_cannot_be_said_says_why() {
        let sms = template(json!({"text": "{{a}} {{b}} {{a}} {{c|x}}"}));
        let refused = sms.say(Channel::Sms, &variables(json!({"b": 1})), false).unwrap_err();
        assert_eq!(refused, Unsayable::Missing(vec!["a".into()]));
        let long = variables(json!({"a": "x".repeat(1_600), "b": 1}));
        assert_eq!(sms.say(Channel::Sms, &long, false), Err(Unsayable::TooLong));
        let mail = template(json!({"subject": "s", "text": "t"}));
        for name in ["email", "Email", "E-Mail", "EMAIL ADDRESS", "e_mail"] {
            assert!(mail.say(Channel::Email, &variables(json!({name: "a@b.c"})), false).is_ok(), "{name}");
        }
        for wrong in ["", "a", "a@b", "a b@c.d", "@c.d", "a@.d", "a@c.", "<a@c.d>", "a@c.d, e@f.g"] {
            let who = variables(json!({"email": wrong}));
            assert_eq!(mail.say(Channel::Email, &who, false), Err(Unsayable::NoAddress), "{wrong:?}");
        }
    }

    #[test]
    fn receipts_only_go_forward() {
        use Outcome::{Delivered, Failed, Read, Sent, Uncertain};
        for (receipt, from, to) in [
            (Receipt::Delivered, Sent, Some(Delivered)),
            (Receipt::Delivered, Read, None),
            (Receipt::Delivered, Failed, None),
            (Receipt::Delivered, Uncertain, Some(Delivered)),
            (Receipt::Read, Sent, Some(Read)),
            (Receipt::Read, Delivered, Some(Read)),
            (Receipt::Read, Read, None),
            (Receipt::Undelivered, Sent, Some(Failed)),
            (Receipt::Undelivered, Delivered, None),
            (Receipt::Undelivered, Outcome::Answered, None),
        ] {
            assert_eq!(receipt.turns(from), to, "{receipt} after {from}");
        }
    }
}
