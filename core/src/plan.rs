//! The plan of a campaign: channel steps, each with its attempts, delay, backoff and gate.

use serde::{Deserialize, Serialize};

use crate::{Outcome, text_enum::text_enum};

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
        /// The message was not read in time.
        WhatsappUnread => "whatsapp.unread",
        /// The message did not arrive.
        SmsUndelivered => "sms.undelivered",
        /// However the step before ended.
        Any => "any",
    }
}

impl Gate {
    /// Whether a step before that ended with `outcome` opens this gate.
    pub const fn opens(self, outcome: Outcome) -> bool {
        match self {
            Self::VoiceNoAnswer => matches!(outcome, Outcome::Unanswered | Outcome::Uncertain),
            Self::VoiceVoicemail => matches!(outcome, Outcome::Voicemail),
            Self::VoiceRejected => matches!(outcome, Outcome::Rejected),
            Self::VoiceFailed => matches!(outcome, Outcome::Failed),
            Self::WhatsappUnread | Self::SmsUndelivered => false,
            Self::Any => true,
        }
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
    /// Extra wait before this step, in hours.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub after_hours: f64,
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
        Self {
            steps: vec![Step {
                channel: Channel::Voice,
                attempts,
                retry: Retry::default(),
                gate: None,
                after_hours: 0.0,
            }],
        }
    }

    /// Where a recipient begins: the first step that is carried out. Only voice is, so far.
    pub fn first_step(&self) -> Option<usize> {
        self.steps.iter().position(|s| s.channel == Channel::Voice)
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
            if step.retry.on.contains(&Outcome::Answered) {
                return error(at("retry.on"), "ANSWERED is never tried again");
            }
            if !(0.0..=MAX_HOURS).contains(&step.after_hours) {
                return error(at("afterHours"), "must be 0 to 720");
            }
            if i == 0 && step.gate.is_some() {
                return error(at("gate"), "the first step has no gate");
            }
        }
        let Some(first) = self.first_step() else {
            return error(
                "channels".into(),
                "at least one step must be voice; other channels are not carried out yet",
            );
        };
        if self.steps[first].gate.is_some_and(|gate| gate != Gate::Any) {
            let problem = "must be any or absent: the steps before it are not carried out yet, so everybody begins here";
            return error(format!("channels[{first}].gate"), problem);
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
