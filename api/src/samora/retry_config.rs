//! `retry_config`: when a call is tried again, as this dialect writes it, and the plan it means.

use ringfleet_core::{Channel, Outcome, Plan, Retry, Step};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::{ApiError, Result};

/// Endings that may be tried again.
#[derive(Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schema(as = SamoraRetryOn)]
enum RetryOn {
    Unanswered,
    Rejected,
    Voicemail,
    Failed,
}

impl RetryOn {
    const ALL: [Self; 4] = [Self::Unanswered, Self::Rejected, Self::Voicemail, Self::Failed];

    /// What it means; of whom nobody can tell whether they picked up, this dialect says UNANSWERED.
    const fn outcomes(self) -> &'static [Outcome] {
        match self {
            Self::Unanswered => &[Outcome::Unanswered, Outcome::Uncertain],
            Self::Rejected => &[Outcome::Rejected],
            Self::Voicemail => &[Outcome::Voicemail],
            Self::Failed => &[Outcome::Failed],
        }
    }
}

/// All three are needed.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SamoraRetryConfig)]
pub(super) struct RetryConfig {
    /// Tries after the first.
    max_retries: u32,
    /// Between two tries, always the same.
    retry_delay_minutes: u32,
    retry_on: Vec<RetryOn>,
}

impl RetryConfig {
    /// The plan it means: one voice step.
    pub(super) fn plan(self) -> Result<Plan> {
        let wrong =
            |name: &str, problem: &str| Err(ApiError::invalid(format!("retry_config.{name}"), problem));
        if !(1..=5).contains(&self.max_retries) {
            return wrong("max_retries", "must be 1 to 5");
        }
        if !(1..=1440).contains(&self.retry_delay_minutes) {
            return wrong("retry_delay_minutes", "must be 1 to 1440");
        }
        if self.retry_on.is_empty() {
            return wrong("retry_on", "name at least one of UNANSWERED, REJECTED, VOICEMAIL, FAILED");
        }
        let named = RetryOn::ALL.iter().filter(|on| self.retry_on.contains(on));
        let on = named.flat_map(|on| on.outcomes().iter().copied()).collect();
        let retry = Retry { after_minutes: self.retry_delay_minutes.into(), backoff: 1.0, on };
        let step = Step { retry, ..Step::voice(self.max_retries + 1) };
        Ok(Plan { steps: vec![step] })
    }

    /// What this dialect can say of a plan; none where nothing is tried again. Of a plan that was made by the native API it tells the
    /// first voice step, in whole minutes.
    pub(super) fn of(plan: &Plan) -> Option<Self> {
        let step = plan.steps.iter().find(|step| step.channel == Channel::Voice)?;
        let retry_on: Vec<RetryOn> =
            RetryOn::ALL.into_iter().filter(|on| step.retry.on.contains(&on.outcomes()[0])).collect();
        (step.attempts > 1 && !retry_on.is_empty()).then(|| Self {
            max_retries: step.attempts - 1,
            retry_delay_minutes: step.retry.after_minutes.round() as u32,
            retry_on,
        })
    }
}

/// The plan without any retries.
pub(super) fn plan(given: Option<RetryConfig>) -> Result<Plan> {
    given.map_or_else(|| Ok(Plan::voice(1)), RetryConfig::plan)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: serde_json::Value) -> RetryConfig {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn what_is_shown_is_what_was_given() {
        for (retries, minutes) in [(1, 1), (5, 1440), (3, 30)] {
            let given = read(serde_json::json!({"max_retries": retries, "retry_delay_minutes": minutes,
                "retry_on": ["UNANSWERED", "FAILED"]}));
            let plan = given.clone().plan().unwrap();
            plan.validate().unwrap();
            assert_eq!(plan.steps[0].attempts, retries + 1, "the retries come after the first try");
            assert_eq!(plan.steps[0].retry.delay_after(3), chrono::Duration::minutes(minutes), "no backoff");
            assert_eq!(RetryConfig::of(&plan), Some(given));
        }
        assert_eq!(RetryConfig::of(&Plan::voice(1)), None);
    }

    #[test]
    fn what_is_out_of_bounds_is_refused() {
        for (retries, minutes, on) in [
            (0, 30, vec!["FAILED"]),
            (6, 30, vec!["FAILED"]),
            (1, 0, vec!["FAILED"]),
            (1, 1441, vec!["FAILED"]),
            (1, 30, vec![]),
        ] {
            let given = read(
                serde_json::json!({"max_retries": retries, "retry_delay_minutes": minutes, "retry_on": on}),
            );
            assert!(given.plan().is_err(), "{retries} {minutes} {on:?}");
        }
    }
}
