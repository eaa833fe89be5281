//! An answered call: its audio, its conversation, and what it comes to.

use std::time::Duration;

use ringfleet_core::{
    EndedBy, Ending, Outcome,
    call::{AGENT_LOST, AGENT_UNREACHABLE, Heard, OPTED_OUT},
};
use rsipstack::transaction::Transaction;
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender},
    time::sleep,
};
use tokio_util::sync::CancellationToken;

use super::{
    attempt::SipAttempt,
    desk::Desk,
    invite::Terms,
    leg::Leg,
    line::{Line, Over},
};
use crate::{
    Progress, Script,
    conversation::{Close, Setting, converse},
    media::{self, MediaReport, Remote, Wires},
};

/// How long the audio may take to close its recording.
const AUDIO_END: Duration = Duration::from_secs(10);

/// Why a live call ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The far end's BYE.
    Hangup,
    /// Whoever ordered the call wants it to end.
    HungUp,
    /// The conversation is over.
    Said(Close),
    MaxDuration,
    /// A re-INVITE we accepted was never acknowledged.
    NoAck,
    /// Nobody has shown for too long that the call goes on, or the far end does not know it any more (RFC 4028 §10).
    SessionExpired,
}

impl End {
    fn of(over: Over) -> Self {
        match over {
            Over::Hangup => Self::Hangup,
            Over::NoAck => Self::NoAck,
            Over::Expired => Self::SessionExpired,
        }
    }
}

/// Stays on the line until either side hangs up.
pub(super) async fn follow(
    attempt: SipAttempt,
    leg: Leg,
    (remote, terms): (Remote, Terms),
    requests: UnboundedReceiver<Transaction>,
    progress: UnboundedSender<Progress>,
    hangup: CancellationToken,
) -> Ending {
    let SipAttempt { order, invitation, desks, hints } = attempt;
    let (wires, lead) = Wires::new();
    let stop = CancellationToken::new();
    let _stop_anyway = stop.clone().drop_guard();
    let (mut line, rtp, remote) = Line::open(invitation, leg.clone(), (remote, terms), requests);
    let desk = Desk::new(desks, &order, (leg, line.referrer()), progress.clone());
    let audio = media::run(rtp, remote, order.greeting.clone(), order.record, wires, stop.clone());
    let audio = tokio::spawn(audio);
    let script = order.script;
    let stays = !order.hang_up_after_greeting;
    let ear = hints.listen(order.call);
    let setting = Setting { lead, switchboard: desk.clone(), progress: progress.clone(), ear };
    let talk = Box::pin(converse(script.clone(), order.greeting, stays, setting));
    let end = tokio::select! {
        biased;
        over = line.stay() => End::of(over),
        close = talk => End::Said(close), // dropped in any case: an agent that has the call is told
        () = hangup.cancelled() => End::HungUp,
        () = sleep(order.max_duration) => End::MaxDuration,
    };
    if end == End::Said(Close::OptedOut) {
        tell(&progress, Progress::OptedOut); // before a goodbye that may take its time
    }
    let goodbye = async {
        if end != End::Hangup {
            line.hang_up().await;
        }
    };
    tokio::join!(goodbye, desk.hung_up());
    stop.cancel();
    let report = audio_report(audio).await;
    let opted_out = script.opts_out(&report.digits);
    if opted_out && end != End::Said(Close::OptedOut) {
        tell(&progress, Progress::OptedOut); // the far end hung up right after the key
    }
    let ending = ending(end, &report, &script);
    tell(&progress, Progress::Heard(Heard { digits: report.digits, speech: report.speech }));
    ending
}

/// Whoever does not listen does not want to know.
fn tell(progress: &UnboundedSender<Progress>, news: Progress) {
    let _ = progress.send(news);
}

async fn audio_report(audio: tokio::task::JoinHandle<MediaReport>) -> MediaReport {
    match tokio::time::timeout(AUDIO_END, audio).await {
        Ok(Ok(report)) => report,
        Ok(Err(error)) => {
            tracing::error!(%error, "the audio task of a call broke");
            MediaReport::default()
        }
        Err(_) => {
            tracing::error!("the audio of a call did not end; its recording may be incomplete");
            MediaReport::default()
        }
    }
}

fn ending(end: End, report: &MediaReport, script: &Script) -> Ending {
    let (reason, by) = match end {
        End::Hangup => ("hangup", EndedBy::Callee),
        End::HungUp => ("hung_up", EndedBy::Caller),
        End::Said(Close::Machine) => ("beep", EndedBy::Caller),
        End::Said(Close::Completed) => ("completed", EndedBy::Caller),
        End::Said(Close::OptedOut) => (OPTED_OUT, EndedBy::Caller),
        End::Said(Close::AgentUnreachable) => (AGENT_UNREACHABLE, EndedBy::Caller),
        End::Said(Close::AgentLost) => (AGENT_LOST, EndedBy::Caller),
        End::Said(Close::Silence) => ("silence", EndedBy::Caller),
        End::Said(Close::Transferred) => ("transferred", EndedBy::Caller),
        End::MaxDuration => ("max_duration", EndedBy::Caller),
        End::NoAck => ("no_ack", EndedBy::Caller),
        End::SessionExpired => ("session_expired", EndedBy::Caller),
    };
    let over = |outcome, reason| Ending::over(outcome, reason, Some(200), by);
    if script.opts_out(&report.digits) {
        return over(Outcome::Answered, OPTED_OUT);
    }
    // Also a machine that hung up right after its beep is a machine.
    if end == End::Said(Close::Machine) || report.beep && script.minds_machines() {
        return over(Outcome::Voicemail, "beep");
    }
    match end {
        End::Said(Close::AgentUnreachable) => over(Outcome::Failed, reason),
        _ => over(Outcome::Answered, reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENDS: [(End, EndedBy); 4] = [
        (End::Hangup, EndedBy::Callee),
        (End::Said(Close::Completed), EndedBy::Caller),
        (End::Said(Close::Machine), EndedBy::Caller),
        (End::Said(Close::AgentUnreachable), EndedBy::Caller),
    ];

    fn script(rules: serde_json::Value) -> Script {
        Script { rules: serde_json::from_value(rules).unwrap(), ..Script::default() }
    }

    #[test]
    fn a_beep_makes_any_end_a_voicemail() {
        let heard = MediaReport { beep: true, ..MediaReport::default() };
        for (end, by) in ENDS {
            let ending = ending(end, &heard, &Script::default());
            assert_eq!(ending, Ending::over(Outcome::Voicemail, "beep", Some(200), by));
        }
        let carried_on = ending(End::Hangup, &heard, &script(serde_json::json!({"onMachine": "carryOn"})));
        assert_eq!(carried_on, Ending::over(Outcome::Answered, "hangup", Some(200), EndedBy::Callee));
    }

    #[test]
    fn who_was_not_talked_to_was_not_reached_and_who_opts_out_was() {
        let quiet = MediaReport::default();
        let of = |end, report: &MediaReport, script: &Script| ending(end, report, script);
        assert_eq!(
            of(End::Said(Close::Completed), &quiet, &Script::default()),
            Ending::over(Outcome::Answered, "completed", Some(200), EndedBy::Caller)
        );
        assert_eq!(
            of(End::Said(Close::AgentUnreachable), &quiet, &Script::default()),
            Ending::over(Outcome::Failed, "agent_unreachable", Some(200), EndedBy::Caller)
        );
        assert_eq!(
            of(End::Said(Close::AgentLost), &quiet, &Script::default()),
            Ending::over(Outcome::Answered, "agent_lost", Some(200), EndedBy::Caller)
        );
        let pressed = MediaReport { digits: "19".into(), beep: true, ..MediaReport::default() };
        let rules = script(serde_json::json!({"keypad": {"9": {"action": "suppress"}}}));
        for (end, by) in ENDS {
            assert_eq!(
                of(end, &pressed, &rules),
                Ending::over(Outcome::Answered, "opted_out", Some(200), by)
            );
        }
    }
}
