//! Where a recipient goes on when the plan of its campaign has been changed.

use crate::{Outcome, Plan, Step, plan::Gate};

/// How far a recipient has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Index of the step it is on.
    pub step: usize,
    /// Attempts made on this step.
    pub attempts: u32,
}

impl Plan {
    /// Most attempts one recipient gets.
    pub fn budget(&self) -> u32 {
        self.carried_out().map(|(_, attempts)| attempts).sum()
    }

    /// Where a recipient that stood at `place` of an earlier plan, after `made` attempts in all, the last of which ended with
    /// `last`, goes on under this one; none when nothing is left of this plan for it.
    ///
    /// Nobody begins anew and nobody gets more than the plan allows in all: attempts made count against the step of the same
    /// number, what is too much for that against those after it, and never fewer count than have been made. A step that is
    /// reached so has to open its gate, as ever. Under an unchanged plan everybody stays in its place.
    pub fn go_on(&self, place: Place, made: u32, last: Option<Outcome>) -> Option<Place> {
        if made == 0 && place.attempts == 0 {
            return self.first_step().map(|step| Place { step, attempts: 0 });
        }
        // The attempts of all steps in one row; a recipient stands before one of them.
        let before: u32 = self.carried_out().take_while(|(step, _)| *step < place.step).map(|(_, n)| n).sum();
        let stood = match self.carried_out().find(|(step, _)| *step == place.step) {
            Some((_, attempts)) => before + place.attempts.min(attempts),
            None => before,
        };
        let mut from = stood.max(made);
        for (step, attempts) in self.carried_out() {
            if from >= attempts {
                from -= attempts;
                continue;
            }
            let opens = |gate: Gate| last.is_some_and(|last| gate.may_open(last));
            if from > 0 || step == place.step || self.steps[step].gate.is_none_or(opens) {
                return Some(Place { step, attempts: from });
            }
        }
        None
    }

    /// The steps that are carried out, with their attempts.
    fn carried_out(&self) -> impl Iterator<Item = (usize, u32)> + '_ {
        self.steps
            .iter()
            .enumerate()
            .filter(|(_, step)| Step::is_carried_out(step))
            .map(|(i, s)| (i, s.attempts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Channel;
    use proptest::prelude::*;

    fn plan(attempts: &[u32]) -> Plan {
        Plan { steps: attempts.iter().map(|n| Plan::voice(*n).steps.remove(0)).collect() }
    }

    fn place(step: usize, attempts: u32) -> Place {
        Place { step, attempts }
    }

    #[test]
    fn attempts_made_count_against_the_new_plan() {
        let go_on = |plan: &Plan, step, attempts, made| {
            plan.go_on(place(step, attempts), made, Some(Outcome::Unanswered))
        };
        // More attempts than before, fewer, just as many as are used up, and none of the step left.
        assert_eq!(go_on(&plan(&[5]), 0, 2, 2), Some(place(0, 2)));
        assert_eq!(go_on(&plan(&[2]), 0, 2, 2), None);
        assert_eq!(go_on(&plan(&[1, 3]), 0, 2, 2), Some(place(1, 1)), "two of four are made");
        assert_eq!(go_on(&plan(&[3]), 1, 0, 3), None, "its step is gone, and so are its attempts");
        assert_eq!(go_on(&plan(&[3]), 1, 0, 1), None, "it had left the first step");
        assert_eq!(go_on(&plan(&[3, 3]), 1, 1, 2), Some(place(1, 1)));
    }

    #[test]
    fn a_step_reached_so_opens_its_gate_and_messages_are_passed_over() {
        let mut gated = plan(&[1, 1, 1]);
        gated.steps[1].gate = Some(Gate::VoiceVoicemail);
        assert_eq!(gated.go_on(place(0, 1), 1, Some(Outcome::Unanswered)), Some(place(2, 0)));
        assert_eq!(gated.go_on(place(0, 1), 1, Some(Outcome::Voicemail)), Some(place(1, 0)));
        assert_eq!(
            gated.go_on(place(1, 0), 1, Some(Outcome::Unanswered)),
            Some(place(1, 0)),
            "it is there already"
        );
        gated.steps[0].channel = Channel::Sms;
        gated.steps[1].gate = None;
        assert_eq!(
            gated.go_on(place(0, 0), 0, None),
            Some(place(1, 0)),
            "whoever was not called begins at the first call"
        );
        assert_eq!(plan(&[1, 1]).go_on(place(1, 0), 0, None), Some(place(0, 0)));
    }

    proptest! {
        #[test]
        fn nobody_gets_more_than_a_plan_and_an_unchanged_plan_moves_nobody(
            old in proptest::collection::vec(1..5u32, 1..4), new in proptest::collection::vec(1..5u32, 1..4),
            step in 0..4usize, attempts in 0..5u32, skipped in 0..3u32,
        ) {
            let (old, new) = (plan(&old), plan(&new));
            let step = step % old.steps.len();
            let attempts = attempts % old.steps[step].attempts;
            // Gates and outcomes may have let it leave earlier steps before their attempts were used up.
            let before: u32 = old.steps[..step].iter().map(|s| s.attempts).sum();
            let made = before.saturating_sub(skipped).max(u32::from(step > 0)) + attempts;
            let stood = place(step, attempts);
            let last = (made > 0).then_some(Outcome::Unanswered);
            if made > 0 {
                prop_assert_eq!(old.go_on(stood, made, last), Some(stood));
            }
            let Some(goes_on) = new.go_on(stood, made, last) else { return Ok(()) };
            let left: u32 = new.steps[goes_on.step..].iter().map(|s| s.attempts).sum::<u32>() - goes_on.attempts;
            prop_assert!(left > 0 && made + left <= new.budget(), "{} made, {} left of {}", made, left, new.budget());
            prop_assert_eq!(new.go_on(goes_on, made, last), Some(goes_on), "once more changes nothing");
        }
    }
}
