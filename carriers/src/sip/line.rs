//! An answered leg, whoever is at its other end: what that asks meanwhile, that the call is shown to go on, and the BYE of either side.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use rsipstack::{sip::Response, transaction::Transaction};
use tokio::{
    sync::{
        mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
        watch,
    },
    time::sleep_until,
};
use tokio_util::task::AbortOnDropHandle;

use super::{
    digest::{Answers, Credentials},
    in_dialog::{self, Acked, Meant, Session},
    invite::{Invitation, Terms},
    leg::Leg,
    refer::{Referrals, Referrer},
    refresh::Refreshed,
    station::Station,
    timer::{Due, Timer},
};
use crate::media::{Remote, RtpSocket};

/// Why a leg is over that we have not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Over {
    /// The far end's BYE.
    Hangup,
    /// A re-INVITE we accepted was never acknowledged.
    NoAck,
    /// Nobody has shown for too long that the call goes on, or the far end does not know it any more (RFC 4028 §10).
    Expired,
}

/// An answered leg.
pub(super) struct Line {
    station: Arc<Station>,
    credentials: Option<Credentials>,
    session: Session,
    requests: UnboundedReceiver<Transaction>,
    acked: (UnboundedSender<Acked>, UnboundedReceiver<Acked>),
    refreshed: (UnboundedSender<Refreshed>, UnboundedReceiver<Refreshed>),
    refreshing: Option<AbortOnDropHandle<()>>,
}

impl Line {
    /// The line that an answer opens, the socket of its audio, and how the far end describes itself from now on. `requests`: what the far
    /// end asks.
    pub(super) fn open(
        invitation: Invitation,
        leg: Leg,
        (remote, terms): (Remote, Terms),
        requests: UnboundedReceiver<Transaction>,
    ) -> (Self, RtpSocket, watch::Receiver<Remote>) {
        let Invitation { station, rtp, rtp_seen, sdp_session, credentials, guard, .. } = invitation;
        let (audio, described) = watch::channel(in_dialog::judged(guard.as_deref(), remote));
        let session = Session {
            cseq: Arc::new(AtomicU32::new(leg.cseq)),
            leg,
            sdp_session,
            rtp: rtp_seen,
            sdp_version: 0,
            remote_cseq: 0,
            audio,
            guard,
            timer: terms.timer,
            updates: terms.updates,
            referrals: Referrals::default(),
        };
        let (acked, refreshed) = (unbounded_channel(), unbounded_channel());
        let line = Self { station, credentials, session, requests, acked, refreshed, refreshing: None };
        (line, rtp, described)
    }

    /// What hands the call on.
    pub(super) fn referrer(&self) -> Referrer {
        Referrer {
            station: self.station.clone(),
            leg: self.session.leg.clone(),
            cseq: self.session.cseq.clone(),
            credentials: self.credentials.clone(),
            referrals: self.session.referrals.clone(),
        }
    }

    /// Whether the far end has told that the call is handed on.
    pub(super) fn is_handed_on(&self) -> bool {
        self.session.referrals.is_handed_on()
    }

    /// Answers the far end, and shows it that the call goes on, until it is over. May be given up at any moment.
    pub(super) async fn stay(&mut self) -> Over {
        loop {
            tokio::select! {
                biased;
                Some(request) = self.requests.recv() => {
                    if answer(&mut self.session, request, &self.acked.0).await == Meant::Hangup {
                        return Over::Hangup;
                    }
                }
                Some(news) = self.acked.1.recv() => match news {
                    Acked::With(body) => self.session.answered(&body),
                    Acked::Never => return Over::NoAck,
                },
                Some(outcome) = self.refreshed.1.recv() => {
                    if !self.session.refreshed(outcome) {
                        return Over::Expired;
                    }
                }
                due = due(self.session.timer.as_ref()) => {
                    if due != Due::Refresh || !self.refresh() {
                        return Over::Expired;
                    }
                }
            }
        }
    }

    /// Shows that the call goes on; false where there is nothing to show it with.
    fn refresh(&mut self) -> bool {
        let Some(refresh) = self.session.refresh(&self.station, self.credentials.as_ref()) else {
            return false;
        };
        let tell = self.refreshed.0.clone();
        self.refreshing = Some(AbortOnDropHandle::new(tokio::spawn(async move {
            let _ = tell.send(refresh.run().await); // the call may be over by now
        })));
        true
    }

    /// Says goodbye, and goes on answering the far end until our BYE is answered: its own BYE may cross ours.
    pub(super) async fn hang_up(mut self) {
        drop(self.refreshing); // nothing is asked any more, so the BYE has the last number
        let leg = Leg { cseq: self.session.cseq.load(Ordering::Relaxed), ..self.session.leg.clone() };
        let goodbye = bye(&self.station, &leg, self.credentials.as_ref());
        tokio::pin!(goodbye);
        loop {
            tokio::select! {
                _ = &mut goodbye => return,
                Some(request) = self.requests.recv() => {
                    answer(&mut self.session, request, &self.acked.0).await;
                }
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
