//! An answered call: its audio, its conversation, and what it comes to.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use ringfleet_core::{
    EndedBy, Ending, Outcome,
    call::{AGENT_LOST, AGENT_UNREACHABLE, Heard, OPTED_OUT},
};
use ringfleet_telemetry::{RTP_LOST, RTP_RECEIVED};
use rsipstack::transaction::Transaction;
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender},
    time::{sleep, timeout},
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

/// How long what was told of handing on may take to be heard.
const HEARS_NEWS: Duration = Duration::from_secs(1);

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
    let verdict = Arc::<OnceLock<Close>>::default();
    let setting = Setting {
        lead,
        switchboard: desk.clone(),
        progress: progress.clone(),
        ear,
        verdict: verdict.clone(),
    };
    let mut talk = Box::pin(converse(script.clone(), order.greeting, stays, setting));
    let mut end = tokio::select! {
        biased;
        over = line.stay() => End::of(over),
        close = &mut talk => End::Said(close),
        () = hangup.cancelled() => End::HungUp,
        () = sleep(order.max_duration) => End::MaxDuration,
    };
    let far_end_left = end == End::Hangup;
    if far_end_left && line.is_handed_on() {
        // The trunk has told that it has handed the call on, and hung up right behind that.
        end = timeout(HEARS_NEWS, &mut talk).await.map_or(end, End::Said);
    }
    drop(talk); // an agent that has the call is told
    if end == End::Said(Close::OptedOut) {
        tell(&progress, Progress::OptedOut); // before a goodbye that may take its time
    }
    let goodbye = async {
        if !far_end_left {
            line.hang_up().await;
        }
    };
    tokio::join!(goodbye, desk.hung_up());
    stop.cancel();
    let report = audio_report(audio).await;
    RTP_RECEIVED.one().increment(report.packets_in);
    RTP_LOST.one().increment(report.lost);
    let opted_out = script.opts_out(&report.digits);
    if opted_out && end != End::Said(Close::OptedOut) {
        tell(&progress, Progress::OptedOut); // the far end hung up right after the key
    }
    let ending = ending(end, verdict.get().copied(), &report, &script);
    tell(&progress, Progress::Heard(Heard { digits: report.digits, speech: report.speech }));
    ending
}

/// Whoever does not listen does not want to know.
fn tell(progress: &UnboundedSender<Progress>, news: Progress) {
    let _ = progress.send(news);
}

async fn audio_report(audio: tokio::task::JoinHandle<MediaReport>) -> MediaReport {
    match timeout(AUDIO_END, audio).await {
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

/// `verdict`: what the call had come to when last words were said. Who hangs up during them changes nothing but who it was.
fn ending(end: End, verdict: Option<Close>, report: &MediaReport, script: &Script) -> Ending {
    let by_callee = end == End::Hangup;
    let end = match (end, verdict) {
        (End::Said(_), _) | (_, None) => end,
        (_, Some(close)) => End::Said(close),
    };
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
    let by = if by_callee { EndedBy::Callee } else { by };
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
            let ending = ending(end, None, &heard, &Script::default());
            assert_eq!(ending, Ending::over(Outcome::Voicemail, "beep", Some(200), by));
        }
        let carried_on =
            ending(End::Hangup, None, &heard, &script(serde_json::json!({"onMachine": "carryOn"})));
        assert_eq!(carried_on, Ending::over(Outcome::Answered, "hangup", Some(200), EndedBy::Callee));
    }

    #[test]
    fn who_was_not_talked_to_was_not_reached_and_who_opts_out_was() {
        let quiet = MediaReport::default();
        let of = |end, report: &MediaReport, script: &Script| ending(end, None, report, script);
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
        let words = |end| ending(end, Some(Close::AgentUnreachable), &quiet, &Script::default());
        for (end, by) in [(End::Hangup, EndedBy::Callee), (End::MaxDuration, EndedBy::Caller)] {
            let unreachable = Ending::over(Outcome::Failed, "agent_unreachable", Some(200), by);
            assert_eq!(words(end), unreachable, "who hangs up during last words was not talked to either");
        }
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
