//! An answered call: audio, what the far end asks meanwhile, and the BYE of either side.

use std::{sync::Arc, time::Duration};

use ringfleet_core::{EndedBy, Ending, Outcome};
use rsipstack::{sip::Response, transaction::Transaction};
use tokio::{
    sync::{
        mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
        watch,
    },
    time::sleep,
};
use tokio_util::sync::CancellationToken;

use super::{
    attempt::SipAttempt,
    digest::{Answers, Credentials},
    in_dialog::{self, Acked, Meant, Session},
    leg::Leg,
    station::Station,
};
use crate::media::{self, MediaReport, Remote, Signals};

/// How long the audio may take to close its recording.
const AUDIO_END: Duration = Duration::from_secs(10);

/// Why a live call ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The far end's BYE.
    Hangup,
    /// Whoever ordered the call wants it to end.
    HungUp,
    Played,
    Beep,
    MaxDuration,
    /// A re-INVITE we accepted was never acknowledged.
    NoAck,
}

/// Stays on the line until either side hangs up.
pub(super) async fn follow(
    attempt: SipAttempt,
    leg: Leg,
    remote: Remote,
    mut requests: UnboundedReceiver<Transaction>,
    hangup: CancellationToken,
) -> Ending {
    let SipAttempt { order, station, rtp, rtp_seen, sdp_session, credentials, .. } = attempt;
    let signals = Signals::default();
    let stop = CancellationToken::new();
    let _stop_anyway = stop.clone().drop_guard();
    let (tell_audio, remote) = watch::channel(remote);
    let audio = media::run(rtp, remote, order.greeting, order.record, signals.clone(), stop.clone());
    let audio = tokio::spawn(audio);
    let mut session =
        Session { leg, sdp_session, rtp: rtp_seen, sdp_version: 0, remote_cseq: 0, audio: tell_audio };
    let (tell_acked, mut acked) = unbounded_channel();
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
            () = signals.beep.cancelled() => break End::Beep,
            () = signals.played.cancelled(), if order.hang_up_after_greeting => break End::Played,
            () = hangup.cancelled() => break End::HungUp,
            () = &mut longest => break End::MaxDuration,
            Some(news) = acked.recv() => match news {
                Acked::With(body) => session.answered(&body),
                Acked::Never => break End::NoAck,
            },
        }
    };
    if end != End::Hangup {
        hang_up(&station, &mut session, &mut requests, credentials.as_ref()).await;
    }
    stop.cancel();
    ending(end, audio_report(audio).await)
}

/// Says goodbye, and goes on answering the far end until our BYE is answered: its own BYE may cross ours.
async fn hang_up(
    station: &Arc<Station>,
    session: &mut Session,
    requests: &mut UnboundedReceiver<Transaction>,
    credentials: Option<&Credentials>,
) {
    let leg = session.leg.clone();
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

fn ending(end: End, report: MediaReport) -> Ending {
    let (reason, by) = match end {
        End::Hangup => ("hangup", EndedBy::Callee),
        End::HungUp => ("hung_up", EndedBy::Caller),
        End::Played => ("completed", EndedBy::Caller),
        End::Beep => ("beep", EndedBy::Caller),
        End::MaxDuration => ("max_duration", EndedBy::Caller),
        End::NoAck => ("no_ack", EndedBy::Caller),
    };
    // Also a machine that hung up right after its beep is a machine.
    if report.beep || end == End::Beep {
        return Ending::over(Outcome::Voicemail, "beep", Some(200), by);
    }
    Ending::over(Outcome::Answered, reason, Some(200), by)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beep_makes_any_end_a_voicemail() {
        let heard = || MediaReport { beep: true, ..MediaReport::default() };
        for (end, by) in
            [(End::Hangup, EndedBy::Callee), (End::Played, EndedBy::Caller), (End::Beep, EndedBy::Caller)]
        {
            assert_eq!(ending(end, heard()), Ending::over(Outcome::Voicemail, "beep", Some(200), by));
        }
        let quiet = ending(End::Played, MediaReport::default());
        assert_eq!(quiet, Ending::over(Outcome::Answered, "completed", Some(200), EndedBy::Caller));
    }
}
