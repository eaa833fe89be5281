//! How each step of a plan stands for one recipient: what an operator sees beside the name.

use serde::Serialize;

use crate::{
    CallState, Disposition, Outcome, Plan, RecipientState, plan::Channel, plan::Gate, text_enum::text_enum,
};

text_enum! {
    /// How a step stands.
    pub enum ChipState {
        /// Its turn has not come.
        Waiting => "WAITING",
        /// It is under way: an attempt is being made, or the next one waits for its time.
        InProgress => "IN_PROGRESS",
        /// Somebody picked up, or a message has arrived.
        Connected => "CONNECTED",
        /// Every attempt was made, and none has connected.
        Tried => "TRIED",
        /// It was not, and will not be, carried out.
        Skipped => "SKIPPED",
    }
}

/// One step of a plan for one recipient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Chip {
    /// How the person is reached.
    pub channel: Channel,
    /// How it stands.
    pub status: ChipState,
    /// Why it was skipped: `gate_closed`, `not_carried_out`, or how the recipient ended before it (`reached`, `suppressed`, …).
    pub reason: Option<String>,
    /// Attempts that were made.
    pub attempts: u32,
    /// What came of the last one.
    pub last_outcome: Option<Outcome>,
}

/// An attempt on a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Try {
    /// The place of its step in the plan.
    pub step: usize,
    /// Where it stands.
    pub state: CallState,
    /// How it ended.
    pub outcome: Option<Outcome>,
}

/// The steps of `plan` for a recipient that stands so; `tries` in the order they were made.
pub fn chips(
    plan: &Plan,
    state: RecipientState,
    step: usize,
    disposition: Option<Disposition>,
    tries: &[Try],
) -> Vec<Chip> {
    let is_over = state == RecipientState::Done;
    let chip = |(i, planned): (usize, &crate::Step)| {
        let mine: Vec<&Try> = tries.iter().filter(|one| one.step == i).collect();
        let made = mine.iter().filter(|one| one.outcome.is_some());
        let last_outcome = made.clone().next_back().and_then(|one| one.outcome);
        let connects = |outcome| matches!(outcome, Outcome::Answered | Outcome::Delivered | Outcome::Read);
        let is_open = mine.iter().any(|one| !one.state.is_final());
        let (status, reason) = match last_outcome {
            Some(outcome) if connects(outcome) => (ChipState::Connected, None),
            _ if is_open => (ChipState::InProgress, None),
            Some(Outcome::Sent) if !is_over => (ChipState::InProgress, None),
            Some(_) if !is_over && step == i => (ChipState::InProgress, None),
            Some(_) => (ChipState::Tried, None),
            None if !is_over && step == i => (ChipState::InProgress, None),
            None if !is_over && step < i => (ChipState::Waiting, None),
            None => (ChipState::Skipped, Some(why_skipped(plan, i, planned.gate, disposition, tries))),
        };
        let attempts = u32::try_from(made.count()).unwrap_or(u32::MAX);
        Chip { channel: planned.channel, status, reason, attempts, last_outcome }
    };
    plan.steps.iter().enumerate().map(chip).collect()
}

fn why_skipped(
    plan: &Plan,
    i: usize,
    gate: Option<Gate>,
    disposition: Option<Disposition>,
    tries: &[Try],
) -> String {
    if plan.steps.get(i).is_some_and(|step| !step.is_carried_out()) {
        return "not_carried_out".into();
    }
    let before = tries.iter().rev().find(|one| one.step < i && one.outcome.is_some());
    let before = before.and_then(|one| Some((plan.steps.get(one.step)?.channel, one.outcome?)));
    match (gate, before, disposition) {
        (_, _, Some(Disposition::Reached)) => "reached".into(),
        (Some(gate), Some((channel, outcome)), _) if !gate.opens(channel, outcome) => "gate_closed".into(),
        (_, _, Some(ended)) => ended.as_str().to_lowercase(),
        _ => "passed_over".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Step, message::Template};
    use ChipState::{Connected, InProgress, Skipped, Tried, Waiting};

    fn plan() -> Plan {
        let message = |channel, gate| Step {
            channel,
            gate: Some(gate),
            trunk_id: Some(uuid::Uuid::from_u128(1).into()),
            message: Some(Template::default()),
            ..Step::voice(1)
        };
        Plan {
            steps: vec![
                Step::voice(2),
                message(Channel::Whatsapp, Gate::VoiceNoAnswer),
                message(Channel::Sms, Gate::Any),
            ],
        }
    }

    fn tried(step: usize, outcome: Outcome) -> Try {
        Try { step, state: outcome.state(), outcome: Some(outcome) }
    }

    fn states(chips: &[Chip]) -> Vec<ChipState> {
        chips.iter().map(|chip| chip.status).collect()
    }

    #[test]
    fn a_recipient_walks_through_its_steps() {
        let now = |step, tries: &[Try]| states(&chips(&plan(), RecipientState::Pending, step, None, tries));
        assert_eq!(now(0, &[]), [InProgress, Waiting, Waiting]);
        let no = tried(0, Outcome::Unanswered);
        assert_eq!(now(0, &[no]), [InProgress, Waiting, Waiting]);
        assert_eq!(now(1, &[no, no]), [Tried, InProgress, Waiting]);
        assert_eq!(now(2, &[no, no, tried(1, Outcome::Sent)]), [Tried, InProgress, InProgress]);
        assert_eq!(now(2, &[no, no, tried(1, Outcome::Delivered)]), [Tried, Connected, InProgress]);
        assert_eq!(now(2, &[no, no, tried(1, Outcome::Failed)]), [Tried, Tried, InProgress]);
        assert_eq!(now(2, &[tried(0, Outcome::Voicemail)])[1], Skipped);
    }

    #[test]
    fn what_was_skipped_says_why() {
        let end = |disposition, tries: &[Try]| {
            let chips = chips(&plan(), RecipientState::Done, 0, Some(disposition), tries);
            (states(&chips), chips[1].reason.clone().unwrap_or_default())
        };
        let answered = end(Disposition::Reached, &[tried(0, Outcome::Answered)]);
        assert_eq!(answered, (vec![Connected, Skipped, Skipped], "reached".into()));
        let machine =
            end(Disposition::Messaged, &[tried(0, Outcome::Voicemail), tried(2, Outcome::Delivered)]);
        assert_eq!(machine, (vec![Tried, Skipped, Connected], "gate_closed".into()));
        let stopped = end(Disposition::Suppressed, &[tried(0, Outcome::Unanswered)]);
        assert_eq!(stopped, (vec![Tried, Skipped, Skipped], "suppressed".into()));
        let mut old = plan();
        old.steps[1].message = None;
        let chips = chips(&old, RecipientState::Done, 0, Some(Disposition::Exhausted), &[]);
        assert_eq!(chips[1].reason.as_deref(), Some("not_carried_out"));
    }
}
