//! The plan of a campaign: channel steps, each with its attempts, delay, backoff and gate.

use serde::{Deserialize, Serialize};

use crate::{Outcome, TrunkId, message::Template, text_enum::text_enum};

text_enum! {
    /// A way to reach a person.
    pub enum Channel {
        /// A phone call.
        Voice => "voice",
        /// A WhatsApp message.
        Whatsapp => "whatsapp",
        /// A text message.
        Sms => "sms",
        /// An e-mail.
        Email => "email",
    }
}

text_enum! {
    /// The ending of the step before that opens a step (Saaya's cascade, wider documentation).
    pub enum Gate {
        /// Nobody picked up, or nobody can tell.
        VoiceNoAnswer => "voice.noAnswer",
        /// A machine picked up.
        VoiceVoicemail => "voice.voicemail",
        /// Busy or declined.
        VoiceRejected => "voice.rejected",
        /// The call could not be placed.
        VoiceFailed => "voice.failed",
        /// The message was not read within the wait of the step it opens.
        WhatsappUnread => "whatsapp.unread",
        /// The message did not arrive within that wait.
        WhatsappUndelivered => "whatsapp.undelivered",
        /// The message did not arrive within that wait.
        SmsUndelivered => "sms.undelivered",
        /// The e-mail was refused or came back.
        EmailBounced => "email.bounced",
        /// However the step before ended.
        Any => "any",
    }
}

impl Gate {
    /// The channel it looks at; none looks at any.
    pub const fn channel(self) -> Option<Channel> {
        match self {
            Self::VoiceNoAnswer | Self::VoiceVoicemail | Self::VoiceRejected | Self::VoiceFailed => {
                Some(Channel::Voice)
            }
            Self::WhatsappUnread | Self::WhatsappUndelivered => Some(Channel::Whatsapp),
            Self::SmsUndelivered => Some(Channel::Sms),
            Self::EmailBounced => Some(Channel::Email),
            Self::Any => None,
        }
    }

    /// Whether it is open after a step over `channel` that ended, or stands so far, with `outcome`.
    pub fn opens(self, channel: Channel, outcome: Outcome) -> bool {
        self.channel().is_none_or(|wants| wants == channel) && self.may_open(outcome)
    }

    /// The same for a step of its own channel.
    pub const fn may_open(self, outcome: Outcome) -> bool {
        use Outcome::{Delivered, Failed, Rejected, Sent, Unanswered, Uncertain, Voicemail};
        match self {
            Self::VoiceNoAnswer => matches!(outcome, Unanswered | Uncertain),
            Self::VoiceVoicemail => matches!(outcome, Voicemail),
            Self::VoiceRejected => matches!(outcome, Rejected),
            Self::VoiceFailed | Self::EmailBounced => matches!(outcome, Failed),
            Self::WhatsappUnread => matches!(outcome, Sent | Delivered | Failed | Uncertain),
            Self::WhatsappUndelivered | Self::SmsUndelivered => matches!(outcome, Sent | Failed | Uncertain),
            Self::Any => true,
        }
    }

    /// It waits for receipts: bad news opens it at once.
    pub const fn waits_for_receipts(self) -> bool {
        matches!(self, Self::WhatsappUnread | Self::WhatsappUndelivered | Self::SmsUndelivered)
    }
}

/// What a campaign does for each recipient, step by step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Plan {
    /// Carried out in order; never empty once validated.
    pub steps: Vec<Step>,
}

impl utoipa::PartialSchema for Plan {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        Vec::<Step>::schema()
    }
}

impl utoipa::ToSchema for Plan {
    fn schemas(schemas: &mut Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::Schema>)>) {
        Vec::<Step>::schemas(schemas);
    }
}

/// One channel with its attempts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Step {
    /// How to reach the person.
    pub channel: Channel,
    /// Most attempts on this step, 1 to 10.
    #[serde(default = "one")]
    pub attempts: u32,
    /// When and on what to try again.
    #[serde(default)]
    pub retry: Retry,
    /// `<channel>.<outcome>` of the step before that opens this one; none on the first step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<Gate>,
    /// Extra wait before this step, in hours. After a message it counts from its sending: so long receipts are waited for.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub after_hours: f64,
    /// A message's trunk. Calls go by the campaign's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trunk_id: Option<TrunkId>,
    /// What a message says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Template>,
}

impl Step {
    /// A step with calls.
    pub fn voice(attempts: u32) -> Self {
        Self {
            channel: Channel::Voice,
            attempts,
            retry: Retry::default(),
            gate: None,
            after_hours: 0.0,
            trunk_id: None,
            message: None,
        }
    }

    /// Whether it is carried out: calls are, and messages of which is known by what they go and what they say. Others stand in campaigns that are
    /// older than messages, and are passed over.
    pub const fn is_carried_out(&self) -> bool {
        matches!(self.channel, Channel::Voice) || (self.trunk_id.is_some() && self.message.is_some())
    }

    /// What is wrong with what it sends: the field and what would be right.
    fn broken(&self) -> Option<(String, String)> {
        let field = |name: &str, problem: String| Some((name.to_owned(), problem));
        match (self.channel, &self.trunk_id, &self.message) {
            (Channel::Voice, None, None) => None,
            (Channel::Voice, Some(_), _) => {
                field("trunkId", "belongs to a message; calls go by the campaign's trunk".into())
            }
            (Channel::Voice, None, Some(_)) => {
                field("message", "belongs to a message; in a call the agent talks".into())
            }
            (_, _, None) => field("message", "is missing; it is what is sent".into()),
            (channel, None, _) => {
                field("trunkId", format!("is missing; name the trunk that sends messages over {channel}"))
            }
            (channel, Some(_), Some(message)) => {
                let (name, problem) = message.validate(channel).err()?;
                field(&format!("message.{name}"), problem)
            }
        }
    }

    /// The wait before it, in whole milliseconds.
    pub fn wait(&self) -> chrono::Duration {
        chrono::Duration::milliseconds((self.after_hours * 3_600_000.0) as i64)
    }
}

/// When and on what to try again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Retry {
    /// Wait before the second attempt, in minutes; fractions are allowed.
    pub after_minutes: f64,
    /// Each further wait is this many times longer; 1 keeps it fixed.
    pub backoff: f64,
    /// The outcomes that are tried again.
    pub on: Vec<Outcome>,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            after_minutes: 60.0,
            backoff: 2.0,
            on: vec![
                Outcome::Unanswered,
                Outcome::Rejected,
                Outcome::Voicemail,
                Outcome::Failed,
                Outcome::Uncertain,
            ],
        }
    }
}

fn one() -> u32 {
    1
}

fn is_zero(n: &f64) -> bool {
    *n == 0.0
}

/// A plan that cannot be carried out; `field` is the path in the request.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct PlanError {
    /// Like `channels[1].gate`.
    pub field: String,
    /// What is wrong and what would be right.
    pub problem: String,
}

/// Longest retry delay and step delay: 30 days.
const MAX_HOURS: f64 = 720.0;

impl Plan {
    /// One voice step with the given attempts and the default retry rule.
    pub fn voice(attempts: u32) -> Self {
        Self { steps: vec![Step::voice(attempts)] }
    }

    /// Where a recipient begins: the first step that is carried out.
    pub fn first_step(&self) -> Option<usize> {
        self.steps.iter().position(Step::is_carried_out)
    }

    /// The steps that send messages, and their places in the plan.
    pub fn messages(&self) -> impl Iterator<Item = (usize, &Step)> {
        self.steps
            .iter()
            .enumerate()
            .filter(|(_, step)| step.channel != Channel::Voice && step.is_carried_out())
    }

    /// The places of the steps that call.
    pub fn calls(&self) -> impl Iterator<Item = usize> {
        self.steps.iter().enumerate().filter(|(_, step)| step.channel == Channel::Voice).map(|(i, _)| i)
    }

    /// Checks every rule; gives the first that is broken.
    pub fn validate(&self) -> Result<(), PlanError> {
        let error = |field: String, problem: &str| Err(PlanError { field, problem: problem.into() });
        if self.steps.is_empty() || self.steps.len() > 10 {
            return error("channels".into(), "give 1 to 10 steps");
        }
        for (i, step) in self.steps.iter().enumerate() {
            let at = |name: &str| format!("channels[{i}].{name}");
            if !(1..=10).contains(&step.attempts) {
                return error(at("attempts"), "must be 1 to 10");
            }
            if !(0.0..=MAX_HOURS * 60.0).contains(&step.retry.after_minutes) {
                return error(at("retry.afterMinutes"), "must be 0 to 43200");
            }
            if !(1.0..=10.0).contains(&step.retry.backoff) {
                return error(at("retry.backoff"), "must be 1 to 10");
            }
            let done = [Outcome::Answered, Outcome::Sent, Outcome::Delivered, Outcome::Read];
            if let Some(done) = done.iter().find(|done| step.retry.on.contains(done)) {
                return error(at("retry.on"), &format!("{done} is never tried again"));
            }
            if !(0.0..=MAX_HOURS).contains(&step.after_hours) {
                return error(at("afterHours"), "must be 0 to 720");
            }
            if i == 0 && step.gate.is_some() {
                return error(at("gate"), "the first step has no gate");
            }
            let wants = step.gate.and_then(Gate::channel);
            if let Some(channel) = wants.filter(|wants| self.steps[..i].iter().all(|s| s.channel != *wants)) {
                return error(at("gate"), &format!("no step before it goes over {channel}"));
            }
            if let Some((name, problem)) = step.broken() {
                return error(at(&name), &problem);
            }
        }
        Ok(())
    }
}

impl Retry {
    /// The wait after attempt `made` (1 for the first) before the next one.
    pub fn delay_after(&self, made: u32) -> chrono::Duration {
        let minutes = self.after_minutes * self.backoff.powi(made.saturating_sub(1) as i32);
        chrono::Duration::milliseconds((minutes.min(MAX_HOURS * 60.0) * 60_000.0) as i64)
    }
}
