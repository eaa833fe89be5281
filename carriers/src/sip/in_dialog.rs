//! Answers what the far end asks within a call: re-INVITE, UPDATE, OPTIONS, INFO, BYE (RFC 3261 §12.2.2, §14.2).

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, atomic::AtomicU32},
};

use ringfleet_core::net::Guard;
use rsipstack::{
    sip::{Accept, Contact, ContentType, Header, Headers, HeadersExt, Method, SipMessage, StatusCode},
    transaction::{Transaction, TransactionState},
};

use tokio::sync::{mpsc::UnboundedSender, watch};

use super::{
    digest::Credentials,
    leg::{self, Leg},
    refer::Referrals,
    refresh::{Refresh, Refreshed},
    station::Station,
    timer::{Refresher, Timer},
};
use crate::media::{self, Direction, Remote};

/// The methods we take.
pub(super) const ALLOW: &str = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, NOTIFY";

/// What an OPTIONS is told (RFC 3261 §11.2).
pub(super) fn abilities() -> Vec<Header> {
    vec![Header::Allow(ALLOW.into()), Header::Accept(Accept::new("application/sdp"))]
}

/// Our side of a live call, as far as the far end may ask about it.
pub(super) struct Session {
    /// Call-ID, tags and Contact.
    pub(super) leg: Leg,
    /// Id of our SDP.
    pub(super) sdp_session: u64,
    /// Where we take RTP.
    pub(super) rtp: SocketAddr,
    /// How many descriptions we have sent; becomes the version in SDP (RFC 3264 §8).
    pub(super) sdp_version: u64,
    /// Highest CSeq of the far end so far.
    pub(super) remote_cseq: u32,
    /// What the audio is told of the far end.
    pub(super) audio: watch::Sender<Remote>,
    /// Judges where audio goes; none lets it go where the far end says.
    pub(super) guard: Option<Arc<Guard>>,
    /// When somebody has to show that the call goes on.
    pub(super) timer: Option<Timer>,
    /// The far end takes UPDATE.
    pub(super) updates: bool,
    /// The latest CSeq of our own requests within the call.
    pub(super) cseq: Arc<AtomicU32>,
    /// Who waits to hear what became of handing the call on.
    pub(super) referrals: Referrals,
}

/// What a request meant for the call.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Meant {
    /// Nothing that ends it.
    Nothing,
    /// The far end has hung up.
    Hangup,
}

/// A re-INVITE's transaction, which wants to be driven until its ACK is there.
pub(super) type AwaitsAck = Option<Transaction>;

/// What became of a re-INVITE that we accepted.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Acked {
    /// Its ACK came, with this body: the answer where the re-INVITE had us offer (RFC 3261 §13.2.1).
    With(Vec<u8>),
    /// No ACK for 64·T1, after which the call has to be ended (RFC 3261 §14.2).
    Never,
}

impl Session {
    /// Answers one request. An answered re-INVITE is handed back; see [`acknowledged`].
    pub(super) async fn answer(&mut self, mut transaction: Transaction) -> (Meant, AwaitsAck) {
        let request = &transaction.original;
        let method = request.method;
        let cseq = request.cseq_header().and_then(|cseq| cseq.seq()).unwrap_or_default();
        let (code, headers, body) = if !self.is_ours(request) {
            (StatusCode::CallTransactionDoesNotExist, Vec::new(), None)
        } else if cseq < self.remote_cseq {
            (StatusCode::ServerInternalError, Vec::new(), None) // out of order, RFC 3261 §12.2.2
        } else if method == Method::Invite && self.is_reinviting() {
            (StatusCode::RequestPending, Vec::new(), None) // RFC 3261 §14.2
        } else {
            self.remote_cseq = cseq;
            let mut reply = match method {
                Method::Notify => (self.referrals.notified(request), Vec::new(), None),
                _ => self.reply_to(method, &request.body.clone()),
            };
            if reply.0 == StatusCode::OK && matches!(method, Method::Invite | Method::Update) {
                reply.1.extend(self.refreshed_by(&request.headers));
            }
            reply
        };
        let accepted = code == StatusCode::OK;
        if let Err(error) = transaction.reply_with(code, headers, body).await {
            tracing::debug!(%error, %method, "could not answer a SIP request within a call");
        }
        match method {
            Method::Bye if accepted => (Meant::Hangup, None),
            Method::Invite => (Meant::Nothing, Some(transaction)),
            _ => (Meant::Nothing, None),
        }
    }

    fn is_reinviting(&self) -> bool {
        !self.updates && self.timer.as_ref().is_some_and(|timer| timer.asking)
    }

    /// The far end has shown that the call goes on; who shows it next is what our answer says. One that asks for no timer ends its
    /// own duty, not ours.
    fn refreshed_by(&mut self, headers: &Headers) -> Vec<Header> {
        match Timer::of_request(headers) {
            Some((timer, answer)) => {
                self.timer = Some(timer);
                answer
            }
            None => {
                self.timer.take_if(|timer| timer.refresher == Refresher::Them);
                Vec::new()
            }
        }
    }

    /// What a request that shows that the call goes on is made of.
    pub(super) fn refresh(
        &mut self,
        station: &Arc<Station>,
        credentials: Option<&Credentials>,
    ) -> Option<Refresh> {
        let sdp = self.newest(&media::offer(self.sdp_session, self.rtp));
        let timer = self.timer.as_mut()?;
        timer.asking = true;
        Some(Refresh {
            station: station.clone(),
            leg: self.leg.clone(),
            cseq: self.cseq.clone(),
            interval: timer.interval,
            updates: self.updates,
            sdp,
            credentials: credentials.cloned(),
        })
    }

    /// Takes up what a refresh came to. False: the far end is gone.
    pub(super) fn refreshed(&mut self, outcome: Refreshed) -> bool {
        match outcome {
            Refreshed::Until(timer, body) => {
                self.timer = timer;
                self.answered(&body);
            }
            Refreshed::NotNow => {
                if let Some(timer) = &mut self.timer {
                    timer.try_again();
                }
            }
            Refreshed::Gone => return false,
        }
        true
    }

    /// Same dialog: our tag in To and the callee's in From. Another fork's would be a different dialog.
    fn is_ours(&self, request: &impl HeadersExt) -> bool {
        let far = self.leg.dialog.as_ref().map(|dialog| dialog.to_tag.as_str()).unwrap_or_default();
        leg::to_tag(request).as_deref() == Some(&self.leg.from_tag)
            && leg::from_tag(request).unwrap_or_default() == far
    }

    fn reply_to(&mut self, method: Method, body: &[u8]) -> (StatusCode, Vec<Header>, Option<Vec<u8>>) {
        let contact = Header::Contact(Contact::new(self.leg.contact()));
        match method {
            Method::Bye | Method::Info => (StatusCode::OK, Vec::new(), None),
            Method::Options => (StatusCode::OK, abilities(), None),
            // UPDATE without a body only refreshes; a re-INVITE without one asks us to offer (RFC 3261 §14.2).
            Method::Update if body.is_empty() => (StatusCode::OK, vec![contact], None),
            Method::Invite | Method::Update => match self.describe(body) {
                Some(sdp) => {
                    let kind = Header::ContentType(ContentType::new("application/sdp"));
                    (StatusCode::OK, vec![contact, Header::Allow(ALLOW.into()), kind], Some(sdp))
                }
                None => (StatusCode::NotAcceptableHere, Vec::new(), None),
            },
            _ => (StatusCode::MethodNotAllowed, vec![Header::Allow(ALLOW.into())], None),
        }
    }

    /// Our current SDP: an answer to `offer`, or an offer where there is none. `None`: no audio we can speak.
    fn describe(&mut self, offer: &[u8]) -> Option<Vec<u8>> {
        let sdp = if offer.is_empty() {
            media::offer(self.sdp_session, self.rtp)
        } else {
            let remote = media::parse_answer(offer)?;
            self.moved(remote);
            media::answer(self.sdp_session, self.rtp, &remote)
        };
        self.sdp_version += 1;
        Some(self.newest(&sdp))
    }

    /// A description of ours with the version that is due (RFC 3264 §8).
    fn newest(&self, sdp: &[u8]) -> Vec<u8> {
        let origin = format!("o=- {0} {0} ", self.sdp_session);
        let newer = format!("o=- {0} {1} ", self.sdp_session, self.sdp_session + self.sdp_version);
        String::from_utf8_lossy(sdp).replacen(&origin, &newer, 1).into_bytes()
    }

    /// Takes the body of an ACK. One without a description leaves everything as it was.
    pub(super) fn answered(&self, body: &[u8]) {
        if let Some(remote) = media::parse_answer(body) {
            self.moved(remote);
        }
    }

    /// Lets the audio follow the far end.
    fn moved(&self, remote: Remote) {
        // Within a call no address is how hold was said before there were directions (RFC 3264 §8.4).
        let held = remote.addr.ip().is_unspecified();
        let direction = if held { Direction::Inactive } else { remote.direction };
        self.audio.send_replace(judged(self.guard.as_deref(), Remote { direction, ..remote }));
    }
}

/// A far end that may not name where its audio goes gets it where its own comes from.
pub(super) fn judged(guard: Option<&Guard>, remote: Remote) -> Remote {
    match guard.map_or(Ok(()), |guard| guard.check(remote.addr.ip())) {
        Ok(()) => remote,
        Err(_) => {
            Remote { addr: SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), remote.addr.port()), ..remote }
        }
    }
}

/// Drives an answered re-INVITE to its end; tells as soon as it is known what became of it, if we accepted it.
pub(super) async fn acknowledged(mut transaction: Transaction, tell: UnboundedSender<Acked>) {
    let accepted = match transaction.state {
        TransactionState::Accepted => true,
        TransactionState::Completed => false,
        _ => return, // the answer did not go out, so the far end will repeat its request
    };
    let mut acknowledged = false;
    while let Some(message) = transaction.receive().await {
        if let SipMessage::Request(request) = message
            && request.method == Method::Ack
            && !std::mem::replace(&mut acknowledged, true)
            && accepted
        {
            let _ = tell.send(Acked::With(request.body)); // the call may be over by now
        }
    }
    if accepted && !acknowledged {
        let _ = tell.send(Acked::Never);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session() -> Session {
        let (call_id, from_tag) = leg::names("01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap(), 1);
        let leg = Leg {
            branch: leg::branch(&call_id, 1),
            call_id,
            from_tag,
            cseq: 1,
            uri: "sip:1@a".into(),
            from: "<sip:2@a>".into(),
            to: "<sip:1@a>".into(),
            local: ([127, 0, 0, 1], 5099).into(),
            peer: ([127, 0, 0, 1], 5060).into(),
            transport: ringfleet_core::trunk::SipTransport::Udp,
            dialog: None,
        };
        let (audio, _) = watch::channel(media::parse_answer(&offer("a=sendrecv")).unwrap());
        let rtp = ([127, 0, 0, 1], 20000).into();
        let cseq = Arc::new(AtomicU32::new(1));
        Session {
            leg,
            sdp_session: 7,
            rtp,
            sdp_version: 0,
            remote_cseq: 0,
            audio,
            guard: None,
            timer: None,
            updates: true,
            cseq,
            referrals: Referrals::default(),
        }
    }

    fn offer(direction: &str) -> Vec<u8> {
        format!(
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
             m=audio 4000 RTP/AVP 8\r\n{direction}\r\n"
        )
        .into_bytes()
    }

    #[test]
    fn descriptions_grow_older_and_mirror_the_direction() {
        let mut session = session();
        let mut text = |offer: &[u8]| String::from_utf8(session.describe(offer).unwrap()).unwrap();
        let hold = text(&offer("a=sendonly"));
        assert!(
            hold.contains("o=- 7 8 IN") && hold.contains("a=recvonly") && hold.contains("RTP/AVP 8\r\n"),
            "{hold}"
        );
        let back = text(&offer("a=sendrecv"));
        assert!(back.contains("o=- 7 9 IN") && back.contains("a=sendrecv"), "{back}");
        let fresh = text(b"");
        assert!(fresh.contains("o=- 7 10 IN") && fresh.contains("RTP/AVP 0 8"), "{fresh}");
    }

    #[test]
    fn audio_goes_to_no_address_that_a_guard_refuses() {
        let (audio, described) = watch::channel(media::parse_answer(&offer("a=sendrecv")).unwrap());
        let mut session = Session { audio, guard: Some(Arc::new(Guard::default())), ..session() };
        session.describe(&offer("a=sendrecv")).unwrap();
        assert_eq!(described.borrow().addr, "0.0.0.0:4000".parse().unwrap());
        assert_eq!(described.borrow().direction, Direction::SendRecv, "it is on no hold");
        session.guard = None;
        session.describe(&offer("a=sendrecv")).unwrap();
        assert_eq!(described.borrow().addr, "127.0.0.1:4000".parse().unwrap());
    }

    #[test]
    fn requests_are_answered_by_method() {
        let mut session = session();
        assert_eq!(session.reply_to(Method::Bye, b"").0, StatusCode::OK);
        assert_eq!(session.reply_to(Method::Info, b"Signal=1").0, StatusCode::OK);
        let (code, headers, body) = session.reply_to(Method::Update, b"");
        assert_eq!((code, headers.len(), body), (StatusCode::OK, 1, None));
        let (code, _, body) = session.reply_to(Method::Invite, b"");
        assert!(code == StatusCode::OK && body.is_some());
        assert_eq!(
            session.reply_to(Method::Invite, b"m=video 1 RTP/AVP 99\r\n").0,
            StatusCode::NotAcceptableHere
        );
        assert_eq!(session.reply_to(Method::Refer, b"").0, StatusCode::MethodNotAllowed);
    }
}
