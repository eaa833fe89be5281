//! An answered call: audio, what the far end asks meanwhile, and the BYE of either side.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use ringfleet_core::{
    EndedBy, Ending, Outcome,
    call::{AGENT_LOST, AGENT_UNREACHABLE, Heard, OPTED_OUT},
};
use rsipstack::{sip::Response, transaction::Transaction};
use tokio::{
    sync::{
        mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
        watch,
    },
    time::{sleep, sleep_until},
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use super::{
    attempt::SipAttempt,
    digest::{Answers, Credentials},
    in_dialog::{self, Acked, Meant, Session},
    invite::Terms,
    leg::Leg,
    station::Station,
    timer::{Due, Timer},
};
use crate::{
    Progress, Script,
    conversation::{Close, converse},
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

/// Stays on the line until either side hangs up.
pub(super) async fn follow(
    attempt: SipAttempt,
    leg: Leg,
    (remote, terms): (Remote, Terms),
    mut requests: UnboundedReceiver<Transaction>,
    progress: UnboundedSender<Progress>,
    hangup: CancellationToken,
) -> Ending {
    let SipAttempt { order, station, rtp, rtp_seen, sdp_session, credentials, .. } = attempt;
    let (wires, lead) = Wires::new();
    let stop = CancellationToken::new();
    let _stop_anyway = stop.clone().drop_guard();
    let (tell_audio, remote) = watch::channel(remote);
    let audio = media::run(rtp, remote, order.greeting.clone(), order.record, wires, stop.clone());
    let audio = tokio::spawn(audio);
    let script = order.script;
    let stays = !order.hang_up_after_greeting;
    let mut talk = Box::pin(converse(script.clone(), order.greeting, stays, lead));
    let mut session = Session {
        cseq: Arc::new(AtomicU32::new(leg.cseq)),
        leg,
        sdp_session,
        rtp: rtp_seen,
        sdp_version: 0,
        remote_cseq: 0,
        audio: tell_audio,
        timer: terms.timer,
        updates: terms.updates,
    };
    let (tell_acked, mut acked) = unbounded_channel();
    let (tell_refreshed, mut refreshed) = unbounded_channel();
    let mut refreshing = None;
    let longest = sleep(order.max_duration);
    tokio::pin!(longest);
    let end = loop {
        tokio::select! {
            biased;
            Some(request) = requests.recv() => {
                if answer(&mut session, request, &tell_acked).await == Meant::Hangup {
                    break End::Hangup;
                }
            }
            close = &mut talk => break End::Said(close),
            () = hangup.cancelled() => break End::HungUp,
            () = &mut longest => break End::MaxDuration,
            Some(news) = acked.recv() => match news {
                Acked::With(body) => session.answered(&body),
                Acked::Never => break End::NoAck,
            },
            Some(outcome) = refreshed.recv() => {
                if !session.refreshed(outcome) {
                    break End::SessionExpired;
                }
            }
            due = due(session.timer.as_ref()) => {
                let Some(refresh) = (due == Due::Refresh).then(|| session.refresh(&station, credentials.as_ref())).flatten()
                else {
                    break End::SessionExpired;
                };
                let tell = tell_refreshed.clone();
                refreshing = Some(AbortOnDropHandle::new(tokio::spawn(async move {
                    let _ = tell.send(refresh.run().await); // the call may be over by now
                })));
            }
        }
    };
    drop(refreshing); // nothing is asked any more, so the BYE has the last number
    drop(talk); // an agent that has the call is told
    if end == End::Said(Close::OptedOut) {
        tell(&progress, Progress::OptedOut); // before a goodbye that may take its time
    }
    if end != End::Hangup {
        hang_up(&station, &mut session, &mut requests, credentials.as_ref()).await;
    }
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

/// Waits until the timer of the call has something to be done; for ever without one.
async fn due(timer: Option<&Timer>) -> Due {
    match timer.map(Timer::next) {
        Some((at, what)) => {
            sleep_until(at).await;
            what
        }
        None => std::future::pending().await,
    }
}

/// Says goodbye, and goes on answering the far end until our BYE is answered: its own BYE may cross ours.
async fn hang_up(
    station: &Arc<Station>,
    session: &mut Session,
    requests: &mut UnboundedReceiver<Transaction>,
    credentials: Option<&Credentials>,
) {
    let leg = Leg { cseq: session.cseq.load(Ordering::Relaxed), ..session.leg.clone() };
    let goodbye = bye(station, &leg, credentials);
    tokio::pin!(goodbye);
    let (tell_acked, _) = unbounded_channel();
    loop {
        tokio::select! {
            _ = &mut goodbye => return,
            Some(request) = requests.recv() => {
                answer(session, request, &tell_acked).await;
            }
        }
    }
}

async fn answer(session: &mut Session, request: Transaction, tell_acked: &UnboundedSender<Acked>) -> Meant {
    let (meant, reinvite) = session.answer(request).await;
    if let Some(reinvite) = reinvite {
        tokio::spawn(in_dialog::acknowledged(reinvite, tell_acked.clone()));
    }
    meant
}

/// Ends the call of `leg` with a BYE, answering a challenge if one comes. Returns the final response; `None` when the
/// peer stayed silent for 64·T1, after which the call counts as over (RFC 3261 §15.1.1).
pub(super) async fn bye(station: &Station, leg: &Leg, credentials: Option<&Credentials>) -> Option<Response> {
    let mut answers = Answers::default();
    let mut round = 1;
    loop {
        let via = station.seen_by(leg.peer).ok()?;
        let request = leg.bye(round, via, &answers.headers()).ok()?;
        let way = station.way_in_dialog(leg, &request).await.ok()?;
        let response = station.ask(request.clone(), way).await?;
        let challenged = matches!(response.status_code.code(), 401 | 407);
        match credentials.filter(|_| challenged) {
            Some(credentials) if answers.take_up(&response, &request, credentials) => round += 1,
            _ => return Some(response),
        }
    }
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
