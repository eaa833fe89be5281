//! Hands an answered call on: the far end is asked to connect the callee with somebody else (REFER, RFC 3515), and tells how that goes (NOTIFY).

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use ringfleet_core::transfer::Destination;
use rsipstack::sip::{Header, Method, Request, Response, StatusCode};
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    time::timeout,
};

use super::{
    digest::{Answers, Credentials},
    leg::Leg,
    station::Station,
    timer,
};

/// How long it may take until whoever the call is handed on to has answered.
const PATIENCE: Duration = Duration::from_secs(90);

/// What is known of the REFERs of a call. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Referrals(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    /// Who waits to hear how the latest goes.
    waiting: Option<UnboundedSender<Notice>>,
    /// Their CSeqs. The latest names its subscription; the first may do without (RFC 3515 §2.4.6).
    cseqs: Vec<u32>,
    handed_on: bool,
}

/// What a NOTIFY says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Notice {
    /// Which REFER it is about, where it says that.
    about: Option<u32>,
    /// The status that the far end was answered with, where it says one.
    code: Option<u16>,
    /// Nothing comes after it.
    is_last: bool,
}

impl Notice {
    /// Reads a NOTIFY about a REFER, whose body is the first line of a response, `message/sipfrag` (RFC 3515 §2.4.5).
    fn of(request: &Request) -> Option<Self> {
        let event = timer::text(&request.headers, "Event").or_else(|| timer::text(&request.headers, "o"))?;
        let mut parts = event.split(';').map(str::trim);
        if !parts.next()?.eq_ignore_ascii_case("refer") {
            return None;
        }
        let about = parts.find_map(|part| part.strip_prefix("id=")?.parse().ok());
        let body = String::from_utf8_lossy(&request.body);
        let mut words = body.split_ascii_whitespace();
        let is_sip = words.next().is_some_and(|version| version.eq_ignore_ascii_case("SIP/2.0"));
        let code = words.next().filter(|_| is_sip).and_then(|code| code.parse().ok());
        let state = timer::text(&request.headers, "Subscription-State").unwrap_or_default();
        Some(Self { about, code, is_last: state.trim().to_ascii_lowercase().starts_with("terminated") })
    }

    /// Whether the call has been handed on; nothing while that is open.
    fn verdict(self) -> Option<bool> {
        match self.code {
            Some(200..300) => Some(true),
            Some(300..) => Some(false),
            _ => self.is_last.then_some(false),
        }
    }
}

impl Referrals {
    /// Takes a NOTIFY. Nothing but REFERs are subscribed to, and one that is about none that is waited for belongs to no subscription
    /// (RFC 6665 §4.1.3).
    pub(super) fn notified(&self, request: &Request) -> StatusCode {
        let Some(notice) = Notice::of(request) else { return StatusCode::BadEvent };
        let mut known = self.0.lock();
        let is_latest = match notice.about {
            Some(cseq) => known.cseqs.last() == Some(&cseq),
            None => known.cseqs.len() <= 1,
        };
        match known.waiting.as_ref().filter(|_| is_latest).map(|tell| tell.send(notice)) {
            Some(Ok(())) => {
                known.handed_on |= notice.verdict() == Some(true);
                StatusCode::OK
            }
            Some(Err(_)) | None => StatusCode::CallTransactionDoesNotExist,
        }
    }

    fn wait(&self) -> UnboundedReceiver<Notice> {
        let (tell, told) = unbounded_channel();
        self.0.lock().waiting = Some(tell);
        told
    }

    /// A REFER leaves. One that proves who we are takes the place of the one that was challenged.
    fn sent(&self, cseq: u32, is_again: bool) {
        let mut known = self.0.lock();
        if is_again {
            known.cseqs.pop();
        }
        known.cseqs.push(cseq);
    }

    pub(super) fn is_handed_on(&self) -> bool {
        self.0.lock().handed_on
    }
}

/// What asks the far end of an answered call to connect the callee with somebody else.
pub(super) struct Referrer {
    pub(super) station: Arc<Station>,
    pub(super) leg: Leg,
    /// The latest CSeq of our requests within the call.
    pub(super) cseq: Arc<AtomicU32>,
    pub(super) credentials: Option<Credentials>,
    pub(super) referrals: Referrals,
}

impl Referrer {
    /// Asks, and waits until it is clear. True: the two are connected.
    pub(super) async fn refer(&self, to: &Destination) -> bool {
        let mut notices = self.referrals.wait();
        let mut answers = Answers::default();
        loop {
            let Some((request, response)) = self.ask(to, &answers.headers()).await else { return false };
            let proved = |answers: &mut Answers| {
                let credentials = self.credentials.as_ref();
                credentials.is_some_and(|credentials| answers.take_up(&response, &request, credentials))
            };
            match response.status_code.code() {
                200..300 => break,
                401 | 407 if proved(&mut answers) => {}
                code => {
                    tracing::warn!(code, "a trunk does not hand a call on; it stays where it is");
                    return false;
                }
            }
        }
        let verdict = async {
            while let Some(notice) = notices.recv().await {
                if let Some(verdict) = notice.verdict() {
                    return verdict;
                }
            }
            false
        };
        timeout(PATIENCE, verdict).await.unwrap_or(false)
    }

    /// `None`: no answer, or no way to the far end.
    async fn ask(&self, to: &Destination, answers: &[Header]) -> Option<(Request, Response)> {
        let cseq = self.cseq.fetch_add(1, Ordering::Relaxed) + 1;
        self.referrals.sent(cseq, !answers.is_empty());
        let whom = match to {
            Destination::Number(number) => self.leg.beside(*number),
            Destination::Telephone(at) | Destination::Referred(at) => at.to_string(),
        };
        let mut headers = vec![
            Header::Other("Refer-To".into(), format!("<{whom}>")),
            Header::Other("Referred-By".into(), self.leg.from.clone()), // RFC 3892
        ];
        headers.extend(answers.iter().cloned());
        let via = self.station.seen_by(self.leg.peer).ok()?;
        let request = self.leg.more(Method::Refer, cseq, via, &headers, Vec::new()).ok()?;
        let way = self.station.way_in_dialog(&self.leg, &request).await.ok()?;
        let response = self.station.ask(request.clone(), way).await?;
        Some((request, response))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notify(event: &str, state: &str, body: &str) -> Request {
        let text = format!(
            "NOTIFY sip:ringfleet@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bKn\r\n\
             From: <sip:c@d>;tag=1\r\nTo: <sip:a@b>;tag=2\r\nCall-ID: x\r\nCSeq: 2 NOTIFY\r\n{event}\
             Subscription-State: {state}\r\nContent-Type: message/sipfrag\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        Request::try_from(text.as_str()).unwrap()
    }

    const REFER: &str = "Event: refer\r\n";
    const GONE: StatusCode = StatusCode::CallTransactionDoesNotExist;

    #[test]
    fn a_notice_says_how_it_goes_and_what_became_of_it() {
        for (state, body, verdict) in [
            ("active;expires=60", "SIP/2.0 100 Trying\r\n", None),
            ("active;expires=60", "SIP/2.0 180 Ringing", None),
            ("terminated;reason=noresource", "SIP/2.0 200 OK\r\n", Some(true)),
            ("active", "sip/2.0 202 Accepted", Some(true)),
            ("terminated;reason=noresource", "SIP/2.0 486 Busy Here\r\n", Some(false)),
            ("Terminated;reason=timeout", "SIP/2.0 180 Ringing\r\n", Some(false)),
            ("terminated", "", Some(false)),
            ("active", "HTTP/1.1 200 OK", None),
        ] {
            assert_eq!(Notice::of(&notify(REFER, state, body)).unwrap().verdict(), verdict, "{state} {body}");
        }
        let named = Notice::of(&notify("o: Refer;id=93809823\r\n", "active", "")).unwrap();
        assert_eq!(named.about, Some(93_809_823));
    }

    #[test]
    fn what_nobody_waits_for_is_refused() {
        let (referrals, notice) = (Referrals::default(), notify(REFER, "active", "SIP/2.0 200 OK"));
        for other in ["Event: talk\r\n", ""] {
            let other = notify(other, "terminated", "");
            assert_eq!(referrals.notified(&other), StatusCode::BadEvent);
        }
        assert_eq!(referrals.notified(&notice), GONE);
        let mut told = referrals.wait();
        referrals.sent(2, false);
        assert_eq!(referrals.notified(&notice), StatusCode::OK);
        assert_eq!(told.try_recv().unwrap().verdict(), Some(true));
        assert!(referrals.is_handed_on());
        drop(told);
        assert_eq!(referrals.notified(&notice), GONE);
    }

    /// The first was given up and is told of late: that says nothing of the second.
    #[test]
    fn a_second_refer_is_not_taken_for_the_first() {
        let referrals = Referrals::default();
        drop(referrals.wait());
        referrals.sent(2, false);
        referrals.sent(3, true); // once more, with a password
        let mut told = referrals.wait();
        referrals.sent(4, false);
        let of = |event: &str| referrals.notified(&notify(event, "terminated", "SIP/2.0 200 OK"));
        assert_eq!([of("Event: refer;id=3\r\n"), of(REFER)], [GONE, GONE]);
        assert!(told.try_recv().is_err() && !referrals.is_handed_on());
        assert_eq!(of("Event: refer;id=4\r\n"), StatusCode::OK);
        assert_eq!(told.try_recv().unwrap().verdict(), Some(true));
    }
}
