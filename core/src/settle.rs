//! What happens to a recipient after an outcome: the one rule every ending goes through.

use chrono::{DateTime, Utc};

use crate::{
    CampaignState, Channel, Disposition, Ending, Hold, Outcome, Plan, Step,
    brake::{self, Evidence},
    call::{BAD_NUMBER, HUNG_UP, NEVER_RETRY, TRUNK_TRIES, UNSAYABLE},
    plan::Gate,
};

/// How far a recipient has come in its plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Index of the present step.
    pub step: usize,
    /// Attempts made on this step, the one that has just ended included.
    pub attempts: u32,
    /// How often the call that has just ended went to its carrier.
    pub placements: u32,
    /// Its trunk is not serving anybody.
    pub trunk_rests: bool,
    /// What its earlier calls and messages tell.
    pub earlier: Earlier,
}

/// What the earlier calls and messages of a recipient tell about what comes now. Of a plan without messages nothing has to be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Earlier {
    /// A call has shown that this number must not, or cannot, be called again.
    pub no_more_calls: bool,
    /// A message was read, or answered, perhaps while this attempt was under way.
    pub is_read: bool,
    /// A message went, and nobody has told that it did not arrive.
    pub is_messaged: bool,
}

/// A step that ended, or how a message of it stands so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Past<'a> {
    /// Its place in the plan.
    pub step: usize,
    /// What came of it.
    pub outcome: Outcome,
    /// The reason of that.
    pub reason: &'a str,
    /// When the call was over, or the message was taken. Waits count from then.
    pub ended_at: DateTime<Utc>,
    /// As in [`Progress`].
    pub earlier: Earlier,
}

/// What becomes of a recipient now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Another attempt on the same step, not before `at`.
    Retry {
        /// When it is due.
        at: DateTime<Utc>,
    },
    /// The next step that can be carried out, not before `at`.
    Step {
        /// Its index in the plan.
        step: usize,
        /// When it is due.
        at: DateTime<Utc>,
    },
    /// The same attempt again, not before `at`; nothing was consumed.
    Hold {
        /// When it is due.
        at: DateTime<Utc>,
        /// Why.
        hold: Hold,
    },
    /// Nothing more.
    Done(Disposition),
}

/// Decides what happens after `ending`.
///
/// `campaign` is the state the campaign is in at this moment: a cancelled or failed one calls nobody again, and whoever its plan would
/// have called again ends CANCELLED.
/// `due_at` of the result is not yet fitted into a calling window; whoever stores it does that.
pub fn settle(
    plan: &Plan,
    progress: Progress,
    ending: &Ending,
    campaign: CampaignState,
    now: DateTime<Utc>,
) -> Next {
    let over = match ending {
        Ending::NoRoom { retry_after, reason, .. } if !campaign.is_final() => {
            // A phone that has shown a missed call is left alone for a while; meanwhile there is room for others.
            let waits_for_room = reason != HUNG_UP || retry_after.is_zero();
            let hold = if waits_for_room { Hold::Pace } else { Hold::Gap };
            return Next::Hold { at: now + *retry_after, hold };
        }
        Ending::GivenUp { .. } if !campaign.is_final() => return Next::Hold { at: now, hold: Hold::Pace },
        Ending::NoRoom { .. } | Ending::GivenUp { .. } => return Next::Done(Disposition::Cancelled),
        Ending::Over { outcome, reason, .. } => (*outcome, reason.as_ref()),
    };
    if is_trunk_trouble(ending, progress) {
        if campaign.is_final() {
            return Next::Done(Disposition::Cancelled);
        }
        // While the trunk rests this is only the last resort: the call is let go when the trunk opens.
        let wait = if progress.trunk_rests { brake::HELD_FOR } else { brake::rest(progress.placements) };
        return Next::Hold { at: now + wait, hold: Hold::Trunk };
    }
    let (outcome, reason) = over;
    let retry = retry(plan, progress, outcome, reason, now);
    let Progress { step, earlier, .. } = progress;
    let next =
        retry.unwrap_or_else(|| go_on(plan, Past { step, outcome, reason, ended_at: now, earlier }, now));
    match next {
        Next::Done(_) => next,
        _ if campaign.is_final() => Next::Done(Disposition::Cancelled),
        _ => next,
    }
}

fn is_trunk_trouble(ending: &Ending, progress: Progress) -> bool {
    match brake::evidence(ending) {
        Evidence::Trouble => true,
        Evidence::TroublePerhaps => progress.trunk_rests || progress.placements < TRUNK_TRIES,
        Evidence::Fine | Evidence::None => false,
    }
}

fn retry(
    plan: &Plan,
    progress: Progress,
    outcome: Outcome,
    reason: &str,
    now: DateTime<Utc>,
) -> Option<Next> {
    let step = plan.steps.get(progress.step)?;
    // Perhaps it has arrived: a person is called back, but not written to twice.
    let may_be_there = step.channel != Channel::Voice && outcome == Outcome::Uncertain;
    let allowed = progress.attempts < step.attempts
        && !progress.earlier.is_read
        && !may_be_there
        && step.retry.on.contains(&outcome)
        && !NEVER_RETRY.contains(&reason);
    allowed.then(|| Next::Retry { at: now + step.retry.delay_after(progress.attempts) })
}

/// What comes after a step: the next one whose gate is open, or the end.
///
/// After a reason that forbids another call no step on the same channel is taken; to a number that does not exist nothing goes that needs one.
pub fn go_on(plan: &Plan, past: Past<'_>, now: DateTime<Utc>) -> Next {
    let Past { step, outcome, reason, ended_at, earlier } = past;
    if matches!(outcome, Outcome::Answered | Outcome::Read) || earlier.is_read {
        return Next::Done(Disposition::Reached);
    }
    let channel = plan.steps.get(step).map_or(Channel::Voice, |step| step.channel);
    let may_follow = |next: &Step| match reason {
        BAD_NUMBER => next.channel == Channel::Email,
        _ if next.channel == Channel::Voice && earlier.no_more_calls => false,
        reason => next.channel != channel || !NEVER_RETRY.contains(&reason),
    };
    let is_open = |next: &Step| {
        next.is_carried_out() && may_follow(next) && next.gate.is_none_or(|gate| gate.opens(channel, outcome))
    };
    match plan.steps.iter().enumerate().skip(step + 1).find(|(_, next)| is_open(next)) {
        Some((step, next)) => {
            let is_bad_news = outcome == Outcome::Failed && next.gate.is_some_and(Gate::waits_for_receipts);
            let at = if is_bad_news { now } else { (ended_at + next.wait()).max(now) };
            Next::Step { step, at }
        }
        None => Next::Done(match (outcome, reason) {
            (Outcome::Sent | Outcome::Delivered, _) => Disposition::Messaged,
            _ if earlier.is_messaged => Disposition::Messaged,
            (_, BAD_NUMBER) => Disposition::Invalid,
            (_, reason) if channel == Channel::Voice && UNSAYABLE.contains(&reason) => Disposition::Invalid,
            _ => Disposition::Exhausted,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{EndedBy, Retry};
    use proptest::prelude::*;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp_millis(1_700_000_000_000).unwrap()
    }

    fn ended(outcome: Outcome, reason: &'static str) -> Ending {
        Ending::over(outcome, reason, None, EndedBy::Callee)
    }

    #[test]
    fn the_common_endings() {
        let plan = Plan::voice(2);
        let first =
            Progress { step: 0, attempts: 1, placements: 1, trunk_rests: false, earlier: Earlier::default() };
        let last =
            Progress { step: 0, attempts: 2, placements: 1, trunk_rests: false, earlier: Earlier::default() };
        let run = |p, e| settle(&plan, p, &e, CampaignState::InProgress, now());
        let hour = now() + chrono::Duration::hours(1);
        assert_eq!(run(first, ended(Outcome::Answered, "hangup")), Next::Done(Disposition::Reached));
        assert_eq!(run(first, ended(Outcome::Unanswered, "ring_timeout")), Next::Retry { at: hour });
        assert_eq!(run(last, ended(Outcome::Unanswered, "ring_timeout")), Next::Done(Disposition::Exhausted));
        assert_eq!(run(first, ended(Outcome::Rejected, "busy")), Next::Retry { at: hour });
        assert_eq!(run(first, ended(Outcome::Rejected, "declined")), Next::Done(Disposition::Exhausted));
        for reason in ["bad_number", "missing_variable", "text_too_long"] {
            assert_eq!(run(first, ended(Outcome::Failed, reason)), Next::Done(Disposition::Invalid));
        }
        assert_eq!(run(first, ended(Outcome::Uncertain, "worker_lost")), Next::Retry { at: hour });
    }

    #[test]
    fn who_was_abandoned_is_called_again_only_where_the_plan_says_so() {
        let first =
            Progress { step: 0, attempts: 1, placements: 1, trunk_rests: false, earlier: Earlier::default() };
        let abandoned = ended(Outcome::Answered, "completed").abandoned();
        let run = |plan: &Plan| settle(plan, first, &abandoned, CampaignState::InProgress, now());
        let mut plan = Plan::voice(2);
        assert_eq!(run(&plan), Next::Done(Disposition::Exhausted));
        plan.steps[0].retry =
            Retry { after_minutes: 4_320.0, on: vec![Outcome::Abandoned], ..Retry::default() };
        assert_eq!(run(&plan), Next::Retry { at: now() + chrono::Duration::hours(72) });
    }

    #[test]
    fn a_hold_consumes_nothing_and_a_cancelled_campaign_calls_nobody_again() {
        let plan = Plan::voice(3);
        let p =
            Progress { step: 0, attempts: 1, placements: 1, trunk_rests: false, earlier: Earlier::default() };
        let busy = Ending::NoRoom {
            retry_after: std::time::Duration::from_secs(7),
            reason: "trunk_busy".into(),
            code: Some(503),
        };
        let at = now() + chrono::Duration::seconds(7);
        assert_eq!(
            settle(&plan, p, &busy, CampaignState::Paused, now()),
            Next::Hold { at, hold: Hold::Pace }
        );
        for ending in
            [busy, ended(Outcome::Unanswered, "ring_timeout"), Ending::GivenUp { reason: "cancelled".into() }]
        {
            assert_eq!(
                settle(&plan, p, &ending, CampaignState::Cancelled, now()),
                Next::Done(Disposition::Cancelled)
            );
        }
    }

    #[test]
    fn whoever_missed_a_call_of_ours_is_left_alone_and_waits_for_no_room() {
        let run = |seconds| {
            let retry_after = std::time::Duration::from_secs(seconds);
            let given_up = Ending::NoRoom { retry_after, reason: HUNG_UP.into(), code: Some(487) };
            let p = Progress {
                step: 0,
                attempts: 1,
                placements: 1,
                trunk_rests: false,
                earlier: Earlier::default(),
            };
            settle(&Plan::voice(1), p, &given_up, CampaignState::Paused, now())
        };
        let held = |seconds, hold| Next::Hold { at: now() + chrono::Duration::seconds(seconds), hold };
        assert_eq!([run(300), run(0)], [held(300, Hold::Gap), held(0, Hold::Pace)]);
    }

    #[test]
    fn a_gate_lets_only_its_outcome_pass() {
        let mut plan = Plan::voice(1);
        plan.steps.push(Step { gate: Some(Gate::VoiceVoicemail), after_hours: 2.0, ..Step::voice(1) });
        let p =
            Progress { step: 0, attempts: 1, placements: 1, trunk_rests: false, earlier: Earlier::default() };
        let run = |o| settle(&plan, p, &ended(o, "x"), CampaignState::InProgress, now());
        assert_eq!(run(Outcome::Voicemail), Next::Step { step: 1, at: now() + chrono::Duration::hours(2) });
        assert_eq!(run(Outcome::Unanswered), Next::Done(Disposition::Exhausted));
    }

    #[test]
    fn a_no_is_final_on_every_later_step() {
        let mut plan = Plan::voice(3);
        plan.steps.push(Step { after_hours: 2.0, ..Plan::voice(3).steps.remove(0) });
        let p =
            Progress { step: 0, attempts: 1, placements: 1, trunk_rests: false, earlier: Earlier::default() };
        let run =
            |outcome, reason| settle(&plan, p, &ended(outcome, reason), CampaignState::InProgress, now());
        assert_eq!(run(Outcome::Rejected, "declined"), Next::Done(Disposition::Exhausted));
        assert_eq!(run(Outcome::Failed, "bad_number"), Next::Done(Disposition::Invalid));
    }

    #[test]
    fn trouble_with_the_trunk_is_not_the_recipients() {
        let plan = Plan::voice(1);
        let run = |reason, placements, trunk_rests, state| {
            let p = Progress { step: 0, attempts: 1, placements, trunk_rests, earlier: Earlier::default() };
            settle(&plan, p, &ended(Outcome::Failed, reason), state, now())
        };
        let held = |seconds| Next::Hold { at: now() + chrono::Duration::seconds(seconds), hold: Hold::Trunk };
        let calling = CampaignState::InProgress;
        for (placements, seconds) in [(1, 5), (2, 10), (3, 20), (4, 40), (500, 300)] {
            assert_eq!(run("auth", placements, false, calling), held(seconds));
        }
        assert_eq!(run("trunk_silent", 500, true, calling), held(60));
        for reason in ["forbidden", "network"] {
            assert_eq!(run(reason, 4, false, calling), held(40));
            assert_eq!(run(reason, 5, true, calling), held(60), "it is the trunk's fault");
            assert_eq!(run(reason, 5, false, calling), Next::Done(Disposition::Exhausted));
        }
        assert_eq!(run("auth", 1, false, CampaignState::Cancelled), Next::Done(Disposition::Cancelled));
    }

    #[test]
    fn a_call_made_before_a_cancel_counts() {
        let first =
            Progress { step: 0, attempts: 1, placements: 1, trunk_rests: false, earlier: Earlier::default() };
        let run = |plan: &Plan, outcome, reason: &'static str| {
            settle(plan, first, &ended(outcome, reason), CampaignState::Cancelled, now())
        };
        let (once, twice) = (Plan::voice(1), Plan::voice(2));
        assert_eq!(run(&twice, Outcome::Answered, "completed"), Next::Done(Disposition::Reached));
        assert_eq!(run(&once, Outcome::Rejected, "busy"), Next::Done(Disposition::Exhausted));
        assert_eq!(run(&twice, Outcome::Failed, "bad_number"), Next::Done(Disposition::Invalid));
        assert_eq!(run(&twice, Outcome::Unanswered, "ring_timeout"), Next::Done(Disposition::Cancelled));
    }

    #[test]
    fn backoff_doubles() {
        let retry = Retry { after_minutes: 10.0, ..Retry::default() };
        let minutes: Vec<_> = (1..=4).map(|n| retry.delay_after(n).num_minutes()).collect();
        assert_eq!(minutes, [10, 20, 40, 80]);
    }

    proptest! {
        /// Whatever the outcomes are, a plan ends, and never after more attempts than it allows.
        #[test]
        fn never_more_attempts_than_the_plan(
            attempts in proptest::collection::vec(1u32..5, 1..4),
            outcomes in proptest::collection::vec(0..Outcome::ALL.len(), 40),
        ) {
            let plan = Plan { steps: attempts.iter().map(|&n| Plan::voice(n).steps.remove(0)).collect() };
            let budget: u32 = attempts.iter().sum();
            let (mut p, mut made, mut at) = (Progress { step: 0, attempts: 0, placements: 1, trunk_rests: false, earlier: Earlier::default() }, 0, now());
            for outcome in outcomes {
                p.attempts += 1;
                made += 1;
                match settle(&plan, p, &ended(Outcome::ALL[outcome], "x"), CampaignState::InProgress, at) {
                    Next::Done(_) => { prop_assert!(made <= budget); return Ok(()); }
                    Next::Retry { at: due } => { prop_assert!(due > at); at = due; }
                    Next::Step { step, at: due } => { prop_assert!(step > p.step && due >= at); p = Progress { step, attempts: 0, placements: 1, trunk_rests: false, earlier: Earlier::default() }; at = due; }
                    Next::Hold { .. } => prop_assert!(false, "an outcome is never a hold"),
                }
            }
            prop_assert!(false, "the plan never ended");
        }
    }
}
