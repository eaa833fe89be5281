//! What changes for a recipient when something is told of one of its messages, minutes or days after that was sent.

use chrono::{DateTime, Utc};

use crate::{
    Disposition, Outcome, Plan, RecipientState,
    settle::{Next, Past, go_on},
};

/// Where a recipient stands now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stand {
    /// Its state.
    pub state: RecipientState,
    /// Its place in the plan.
    pub step: usize,
    /// Attempts made on that step.
    pub attempts: u32,
    /// How it ended, if it has.
    pub disposition: Option<Disposition>,
}

/// What becomes of a recipient whose message stood at `before` and stands at `told` now; none where nothing changes.
///
/// Who has read it, or answered, is reached, wherever the plan has come to, unless they are being called at this moment. Other news only changes
/// what the message itself had decided: the next step that waits for it, or that it was the last.
pub fn after_receipt(
    plan: &Plan,
    before: Past<'_>,
    told: Past<'_>,
    stand: Stand,
    now: DateTime<Utc>,
) -> Option<Next> {
    if told.outcome == Outcome::Read {
        let reached = match stand.state {
            RecipientState::Pending | RecipientState::Queued => true,
            RecipientState::Active => false,
            RecipientState::Done => {
                matches!(stand.disposition, Some(Disposition::Messaged | Disposition::Exhausted))
            }
        };
        return reached.then_some(Next::Done(Disposition::Reached));
    }
    let (was, is) = (go_on(plan, before, now), go_on(plan, told, now));
    let is_tried_again =
        stand.state == RecipientState::Pending && stand.step == before.step && stand.attempts > 0;
    if is_tried_again {
        // What has arrived is not sent once more; what has not is, as planned.
        return (told.outcome != Outcome::Failed).then_some(is);
    }
    let decided = match (&was, stand.state) {
        (Next::Step { step, .. }, RecipientState::Pending) => *step == stand.step && stand.attempts == 0,
        (Next::Done(disposition), RecipientState::Done) => stand.disposition == Some(*disposition),
        _ => false,
    };
    (decided && was != is).then_some(is)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Channel, Step, plan::Gate, settle::Earlier};
    use Outcome::{Delivered, Failed, Read, Sent};

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp_millis(1_700_000_000_000).unwrap()
    }

    fn message(channel: Channel, gate: Option<Gate>, after_hours: f64) -> Step {
        Step {
            channel,
            gate,
            after_hours,
            trunk_id: Some(uuid::Uuid::from_u128(1).into()),
            message: Some(crate::message::Template::default()),
            ..Step::voice(1)
        }
    }

    /// Two calls, WhatsApp if nobody picks up, a text message if that is not read, an e-mail if that does not arrive.
    fn cascade() -> Plan {
        Plan {
            steps: vec![
                Step::voice(2),
                message(Channel::Whatsapp, Some(Gate::VoiceNoAnswer), 0.0),
                message(Channel::Sms, Some(Gate::WhatsappUnread), 4.0),
                message(Channel::Email, Some(Gate::SmsUndelivered), 1.0),
            ],
        }
    }

    fn past(step: usize, outcome: Outcome) -> Past<'static> {
        Past { step, outcome, reason: "x", ended_at: now(), earlier: Earlier::default() }
    }

    fn pending(step: usize) -> Stand {
        Stand { state: RecipientState::Pending, step, attempts: 0, disposition: None }
    }

    fn done(disposition: Disposition) -> Stand {
        Stand { state: RecipientState::Done, step: 3, attempts: 1, disposition: Some(disposition) }
    }

    #[test]
    fn the_next_step_waits_for_receipts() {
        let plan = cascade();
        let hours = |n| now() + chrono::Duration::hours(n);
        assert_eq!(go_on(&plan, past(1, Sent), now()), Next::Step { step: 2, at: hours(4) });
        let told = |to, stand| after_receipt(&plan, past(1, Sent), past(1, to), stand, hours(1));
        assert_eq!(told(Delivered, pending(2)), None, "it may still be read");
        assert_eq!(told(Read, pending(2)), Some(Next::Done(Disposition::Reached)));
        assert_eq!(
            told(Failed, pending(2)),
            Some(Next::Step { step: 2, at: hours(1) }),
            "nobody waits in vain"
        );
        assert_eq!(told(Failed, pending(3)), None, "the plan has gone on");
        assert_eq!(told(Read, pending(3)), Some(Next::Done(Disposition::Reached)));
    }

    #[test]
    fn what_has_arrived_is_not_sent_once_more() {
        let plan = cascade();
        let again = Stand { attempts: 1, ..pending(1) };
        let told = |to| after_receipt(&plan, past(1, Outcome::Uncertain), past(1, to), again, now());
        let hours = |n| now() + chrono::Duration::hours(n);
        assert_eq!(told(Delivered), Some(Next::Step { step: 2, at: hours(4) }), "it may still be read");
        assert_eq!(told(Read), Some(Next::Done(Disposition::Reached)));
        assert_eq!(told(Failed), None, "the next attempt comes as planned");
    }

    #[test]
    fn what_earlier_messages_have_come_to_counts() {
        let plan = cascade();
        let after = |earlier, outcome| go_on(&plan, Past { earlier, ..past(3, outcome) }, now());
        let messaged = Earlier { is_messaged: true, ..Earlier::default() };
        assert_eq!(after(messaged, Failed), Next::Done(Disposition::Messaged));
        assert_eq!(after(Earlier::default(), Failed), Next::Done(Disposition::Exhausted));
        let read = Earlier { is_read: true, ..Earlier::default() };
        let busy = Past { earlier: read, ..past(0, Outcome::Rejected) };
        assert_eq!(
            go_on(&plan, busy, now()),
            Next::Done(Disposition::Reached),
            "who answered is not called again"
        );
    }

    #[test]
    fn what_has_arrived_needs_no_other_way() {
        let plan = cascade();
        let told = |to, stand| after_receipt(&plan, past(2, Sent), past(2, to), stand, now());
        assert_eq!(told(Delivered, pending(3)), Some(Next::Done(Disposition::Messaged)));
        assert_eq!(told(Failed, pending(3)), Some(Next::Step { step: 3, at: now() }));
    }

    #[test]
    fn the_last_message_decides_how_it_ended() {
        let plan = cascade();
        assert_eq!(go_on(&plan, past(3, Sent), now()), Next::Done(Disposition::Messaged));
        let told = |to, stand| after_receipt(&plan, past(3, Sent), past(3, to), stand, now());
        assert_eq!(told(Failed, done(Disposition::Messaged)), Some(Next::Done(Disposition::Exhausted)));
        assert_eq!(told(Delivered, done(Disposition::Messaged)), None);
        assert_eq!(told(Read, done(Disposition::Messaged)), Some(Next::Done(Disposition::Reached)));
        assert_eq!(told(Read, done(Disposition::Exhausted)), Some(Next::Done(Disposition::Reached)));
        for other in [Disposition::Reached, Disposition::Suppressed, Disposition::Cancelled] {
            assert_eq!(told(Failed, done(other)), None, "{other}");
            assert_eq!(told(Read, done(other)), None, "{other}");
        }
    }

    #[test]
    fn a_gate_looks_at_its_own_channel() {
        let plan = cascade();
        let after = |step, outcome| go_on(&plan, past(step, outcome), now());
        assert_eq!(after(0, Outcome::Unanswered), Next::Step { step: 1, at: now() });
        for outcome in [Outcome::Voicemail, Failed, Outcome::Rejected] {
            assert_eq!(after(0, outcome), Next::Done(Disposition::Exhausted), "{outcome} leads nowhere");
        }
    }

    #[test]
    fn who_said_no_to_calls_is_written_to_and_not_called() {
        let mut plan = cascade();
        plan.steps = vec![Step::voice(1), message(Channel::Sms, None, 0.0), Step::voice(1)];
        let declined = Past { reason: "declined", ..past(0, Outcome::Rejected) };
        assert_eq!(go_on(&plan, declined, now()), Next::Step { step: 1, at: now() });
        assert_eq!(go_on(&plan, past(1, Sent), now()), Next::Step { step: 2, at: now() });
        let barred = Past { earlier: Earlier { no_more_calls: true, ..Earlier::default() }, ..past(1, Sent) };
        assert_eq!(go_on(&plan, barred, now()), Next::Done(Disposition::Messaged));
        let nobody = Past { reason: "bad_number", ..past(0, Failed) };
        assert_eq!(
            go_on(&plan, nobody, now()),
            Next::Done(Disposition::Invalid),
            "no message goes there either"
        );
        plan.steps.push(message(Channel::Email, None, 0.0));
        assert_eq!(go_on(&plan, nobody, now()), Next::Step { step: 3, at: now() });
    }
}
