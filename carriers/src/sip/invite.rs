//! From the INVITE to the answer, a refusal, or our giving up (RFC 3261 §9, §13, §17.1.1; RFC 6026).

use std::{collections::BTreeMap, net::SocketAddr, pin::Pin, sync::Arc, time::Duration};

use ringfleet_core::{EndedBy, Ending, Outcome, net::Guard, trunk::OutcomeRule};
use ringfleet_telemetry::SIP_ANSWER;
use rsipstack::{
    sip::{Header, Request, Response},
    transport::{SipAddr, SipConnection},
};
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    time::{Instant, Sleep, sleep, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{
    digest::{Answers, Credentials},
    drive, failed, inspect,
    leg::{Leg, keep},
    line,
    outcomes::{self, GaveUp, Seen},
    station::Station,
    timer::{self, Timer, Wanted},
};
use crate::{
    Progress,
    media::{self, Remote, RtpSocket},
};

/// How late Timer B may be before we stop waiting for it.
const TIMER_B_SLACK: Duration = Duration::from_secs(2);

/// A call that is ready to be placed: everything is known, nothing has been sent.
pub(super) struct Invitation {
    pub(super) leg: Leg,
    /// Where else the INVITE can go while no connection takes it.
    pub(super) spare_targets: Vec<SocketAddr>,
    pub(super) station: Arc<Station>,
    pub(super) rtp: RtpSocket,
    /// Where the far end sends its audio.
    pub(super) rtp_seen: SocketAddr,
    pub(super) sdp_session: u64,
    pub(super) credentials: Option<Credentials>,
    pub(super) rules: BTreeMap<u16, OutcomeRule>,
    pub(super) session_timer: Wanted,
    /// How long it may ring before we cancel.
    pub(super) ring_timeout: Duration,
    /// What the INVITE says beside.
    pub(super) headers: Vec<Header>,
    /// Judges where audio goes; none lets it go where the far end says.
    pub(super) guard: Option<Arc<Guard>>,
}

impl Invitation {
    fn offer(&self) -> Vec<u8> {
        media::offer(self.sdp_session, self.rtp_seen)
    }
}

/// What became of an INVITE.
pub(super) enum Answer {
    /// Nobody is on the line.
    Over(Ending),
    /// Somebody is, at the end of this leg; audio goes to `remote`.
    Live { leg: Box<Leg>, remote: Remote, terms: Terms },
}

/// How an answered call is shown to go on.
pub(super) struct Terms {
    pub(super) timer: Option<Timer>,
    /// The far end takes UPDATE.
    pub(super) updates: bool,
}

impl Terms {
    fn of(response: &Response) -> Self {
        let allowed = timer::text(&response.headers, "Allow").unwrap_or_default();
        let updates = allowed.split(',').any(|method| method.trim() == "UPDATE");
        Self { timer: Timer::of_response(response), updates }
    }
}

/// Places the call and waits until it is answered or over.
pub(super) async fn place(
    invitation: &Invitation,
    progress: &UnboundedSender<Progress>,
    hangup: &CancellationToken,
) -> Answer {
    let mut inviting = Inviting {
        invitation,
        progress,
        began: Instant::now(),
        leg: invitation.leg.clone(),
        seen: Seen::default(),
        answers: Answers::default(),
        session_timer: invitation.session_timer,
        early_sdp: Vec::new(),
        gave_up_at: None,
        cancelled: false,
        connection_ended: CancellationToken::new(),
    };
    let ring_timeout = sleep(invitation.ring_timeout);
    tokio::pin!(ring_timeout);
    let (mut request, mut responses) = match inviting.send(hangup, ring_timeout.as_mut()).await {
        Ok(sent) => sent,
        Err(ending) => return Answer::Over(ending),
    };
    loop {
        let waiting = inviting.seen.gave_up.is_none();
        tokio::select! {
            biased;
            response = responses.recv() => {
                let Some(response) = response else { return Answer::Over(inviting.without_final()) };
                match inviting.heard(response, &request).await {
                    Next::Wait => {}
                    Next::Done(answer) => return *answer,
                    Next::Again => match inviting.send(hangup, ring_timeout.as_mut()).await {
                        Ok(again) => (request, responses) = again,
                        Err(ending) => return Answer::Over(ending),
                    },
                }
            }
            () = hangup.cancelled(), if waiting => inviting.give_up(GaveUp::Cancelled),
            () = &mut ring_timeout, if waiting => inviting.give_up(GaveUp::RingTimeout),
            // Nothing more is taken in; what has come already is still read, for it may be an answer to be hung up.
            () = inviting.unheard(), if !responses.is_closed() => responses.close(),
        }
    }
}

/// What a response asks for.
enum Next {
    Wait,
    Again,
    Done(Box<Answer>),
}

struct Inviting<'a> {
    invitation: &'a Invitation,
    progress: &'a UnboundedSender<Progress>,
    began: Instant,
    leg: Leg,
    seen: Seen,
    answers: Answers,
    session_timer: Wanted,
    /// Description in a 18x, for peers whose 200 has none.
    early_sdp: Vec<u8>,
    /// When we gave up, or, once the CANCEL is out, when that was.
    gave_up_at: Option<Instant>,
    /// The CANCEL is out.
    cancelled: bool,
    /// Fires when the connection that the INVITE went over has ended; never for datagrams.
    connection_ended: CancellationToken,
}

/// An INVITE on its way, and what is heard of it.
type Sent = (Request, UnboundedReceiver<Response>);

impl Inviting<'_> {
    /// Sends the INVITE of the present leg, unless we give up while the connection to the peer is still being opened. The
    /// error is the ending of an INVITE that was not sent.
    async fn send(
        &mut self,
        hangup: &CancellationToken,
        ring_timeout: Pin<&mut Sleep>,
    ) -> Result<Sent, Ending> {
        let rang = self.seen.rang;
        let gave_up = tokio::select! {
            biased;
            sent = self.send_now() => return sent.ok_or_else(|| failed("network")),
            () = hangup.cancelled() => GaveUp::Cancelled,
            () = ring_timeout => GaveUp::RingTimeout,
        };
        Err(gave_up.unreached(rang, None))
    }

    /// `None`: there was no way to the peer, nothing was sent. Nor has anything been if this is dropped before its end.
    async fn send_now(&mut self) -> Option<Sent> {
        self.seen.provisional = false; // of this transaction: only then may it be cancelled, RFC 3261 §9.1
        let station = &self.invitation.station;
        let way = self.way().await?;
        let mut more = self.answers.headers();
        more.extend(self.session_timer.headers());
        more.extend(self.invitation.headers.iter().cloned());
        let request = self.leg.invite(self.invitation.offer(), &more).inspect_err(|error| {
            tracing::warn!(%error, "the settings of a SIP trunk make no valid INVITE");
        });
        let request = request.ok()?;
        self.connection_ended = way.0.cancel_token().unwrap_or_default();
        let transaction = station.transaction(request.clone(), way)?;
        let (sender, responses) = unbounded_channel();
        let credentials = self.invitation.credentials.clone();
        tokio::spawn(drive::to_the_end(transaction, sender, self.leg.clone(), station.clone(), credentials));
        Some((request, responses))
    }

    /// The connection to the peer. Where there is none, nobody was called, so another target of the trunk may stand in (RFC 3263
    /// §4.3); not any more once the peer has begun to ask who we are.
    async fn way(&mut self) -> Option<(SipConnection, SipAddr)> {
        let station = &self.invitation.station;
        let spare = if self.leg.cseq == 1 { self.invitation.spare_targets.as_slice() } else { &[] };
        let mut others = spare.iter();
        loop {
            let peer = self.leg.peer;
            match station.connect(peer, self.leg.transport).await {
                Ok(way) => return Some(way),
                Err(error) => tracing::warn!(%error, %peer, "no connection to the peer of a SIP trunk"),
            }
            station.avoid(peer);
            self.leg.peer = *others.next()?;
            self.tell(Progress::Resume(keep(&self.leg)));
        }
    }

    async fn heard(&mut self, response: Response, request: &Request) -> Next {
        let code = response.status_code.code();
        match code {
            100..200 => {
                self.provisional(code, response);
                Next::Wait
            }
            200..300 => Next::Done(Box::new(self.answered(&response).await)),
            401 | 407 if self.seen.gave_up.is_none() && self.authenticate(&response, request) => Next::Again,
            // Refused for its timer, before it went anywhere: asked for another one it is the same call (RFC 4028 §7.3).
            422 if self.seen.gave_up.is_none() && self.session_timer.lengthen(&response) => {
                self.next_invite();
                Next::Again
            }
            _ => Next::Done(Box::new(Answer::Over(self.refused(code, &response)))),
        }
    }

    fn provisional(&mut self, code: u16, response: Response) {
        self.seen.provisional = true;
        if matches!(code, 180 | 183) && !self.seen.rang {
            self.seen.rang = true;
            self.tell(Progress::Ringing);
        }
        if !response.body.is_empty() {
            self.early_sdp = response.body;
        }
        if self.seen.gave_up.is_some() {
            self.cancel();
        }
    }

    /// Prepares the next INVITE with an answer to the challenge. False: the challenge is final.
    fn authenticate(&mut self, response: &Response, request: &Request) -> bool {
        let Some(credentials) = &self.invitation.credentials else { return false };
        if !self.answers.take_up(response, request, credentials) {
            return false;
        }
        self.next_invite();
        true
    }

    fn next_invite(&mut self) {
        self.leg = self.leg.with_invite(self.leg.cseq + 1);
        self.tell(Progress::Resume(keep(&self.leg)));
    }

    async fn answered(&mut self, response: &Response) -> Answer {
        let code = Some(response.status_code.code());
        let Some(leg) = self.leg.answered(response) else {
            // Its Contact cannot be read, so the stack has not acknowledged it and no BYE can be aimed.
            return Answer::Over(Ending::over(
                Outcome::Uncertain,
                "malformed_answer",
                code,
                EndedBy::Carrier,
            ));
        };
        let invitation = self.invitation;
        if self.seen.gave_up.is_some() {
            // It crossed our CANCEL, or came before one could be sent: end what it began (RFC 3261 §9.1, §15).
            line::bye(&invitation.station, &leg, invitation.credentials.as_ref()).await;
            return Answer::Over(Ending::over(
                Outcome::Unanswered,
                "answered_after_cancel",
                code,
                EndedBy::Caller,
            ));
        }
        self.tell(Progress::Resume(keep(&leg)));
        let sdp = if response.body.is_empty() { &self.early_sdp } else { &response.body };
        let Some(remote) = media::parse_answer(sdp) else {
            line::bye(&invitation.station, &leg, invitation.credentials.as_ref()).await;
            return Answer::Over(Ending::over(Outcome::Failed, "media", code, EndedBy::Caller));
        };
        SIP_ANSWER.one().record(self.began.elapsed());
        self.tell(Progress::Answered);
        Answer::Live { leg: Box::new(leg), remote, terms: Terms::of(response) }
    }

    fn refused(&self, code: u16, response: &Response) -> Ending {
        if inspect::is_local(response) {
            return match code {
                // Timer B: not even a 100. Nothing to cancel, and nobody there to do it.
                408 if !self.seen.provisional && !self.connection_ended.is_cancelled() => {
                    self.invitation.station.avoid(self.leg.peer);
                    failed("trunk_silent")
                }
                // The stream broke under the INVITE; how much of it arrived, nobody knows.
                _ => Ending::uncertain("connection_lost"),
            };
        }
        let retry_after = response.headers.iter().find_map(|header| match header {
            Header::RetryAfter(value) => Some(value.value()),
            _ => None,
        });
        outcomes::ending(code, retry_after, self.seen, &self.invitation.rules)
    }

    fn give_up(&mut self, why: GaveUp) {
        self.seen.gave_up = Some(why);
        self.gave_up_at = Some(Instant::now());
        if self.seen.provisional {
            self.cancel();
        }
    }

    /// Sends the CANCEL, once. Its own answer says nothing; the INVITE's does.
    fn cancel(&mut self) {
        if self.cancelled {
            return;
        }
        self.cancelled = true;
        self.gave_up_at = Some(Instant::now());
        let (station, leg) = (self.invitation.station.clone(), self.leg.clone());
        tokio::spawn(async move {
            if let (Ok(request), Ok(way)) = (leg.cancel(), station.connect(leg.peer, leg.transport).await) {
                station.ask(request, way).await;
            }
        });
    }

    /// Resolves when a CANCEL has had no effect for 64·T1, after which the call counts as cancelled (RFC 3261 §9.1).
    /// One that could not be sent waits a little longer, for Timer B to say that the trunk is silent.
    async fn unheard(&self) {
        let Some(at) = self.gave_up_at else { return std::future::pending().await };
        let patience = self.invitation.station.timeout();
        sleep_until(at + if self.cancelled { patience } else { patience + TIMER_B_SLACK }).await;
    }

    /// The ending when no final response will be heard any more.
    fn without_final(&self) -> Ending {
        match self.seen.gave_up {
            Some(gave_up) if self.cancelled => gave_up.ending(None),
            _ => Ending::uncertain("no_final_response"),
        }
    }

    fn tell(&self, progress: Progress) {
        let _ = self.progress.send(progress); // who no longer listens has given the call up
    }
}
