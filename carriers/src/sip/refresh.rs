//! Shows the far end that a call goes on: UPDATE, or a re-INVITE where it does not know that (RFC 4028 §7.4, §10).

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use rsipstack::{
    sip::{Header, Method, Request, Response, SipMessage, StatusCodeKind},
    transaction::Transaction,
    transport::{SipAddr, SipConnection},
};
use tokio::{
    sync::mpsc::{UnboundedSender, unbounded_channel},
    time::sleep,
};

use super::{
    digest::{Answers, Credentials},
    inspect,
    leg::Leg,
    station::Station,
    timer::{Timer, Wanted},
};

/// What a refresh came to.
pub(super) enum Refreshed {
    /// The call goes on: with this timer, or without one any more. The body is the answer to our description, if one was sent.
    Until(Option<Timer>, Vec<u8>),
    /// Not now; the call goes on all the same.
    NotNow,
    /// The far end has no such call any more, or is gone (§10).
    Gone,
}

/// One refresh of a live call.
pub(super) struct Refresh {
    pub(super) station: Arc<Station>,
    pub(super) leg: Leg,
    /// The latest CSeq of our requests within the call.
    pub(super) cseq: Arc<AtomicU32>,
    pub(super) interval: Duration,
    /// The far end takes UPDATE.
    pub(super) updates: bool,
    /// Our description, for a re-INVITE.
    pub(super) sdp: Vec<u8>,
    pub(super) credentials: Option<Credentials>,
}

impl Refresh {
    /// Asks, and answers what is asked back.
    pub(super) async fn run(mut self) -> Refreshed {
        let mut answers = Answers::default();
        let mut wanted = Wanted::again(self.interval);
        loop {
            let Some((request, response)) = self.ask(&answers.headers(), wanted).await else {
                return Refreshed::Gone;
            };
            let code = response.status_code.code();
            let proved = |answers: &mut Answers| {
                let credentials = self.credentials.as_ref();
                credentials.is_some_and(|credentials| answers.take_up(&response, &request, credentials))
            };
            match code {
                200..300 => return Refreshed::Until(Timer::of_response(&response), response.body),
                401 | 407 if proved(&mut answers) => {}
                422 if wanted.lengthen(&response) => {}
                405 | 501 if self.updates => self.updates = false,
                408 | 481 => return Refreshed::Gone,
                _ => return Refreshed::NotNow,
            }
        }
    }

    /// `None`: no answer, or no way to the far end.
    async fn ask(&self, answers: &[Header], wanted: Wanted) -> Option<(Request, Response)> {
        let cseq = self.cseq.fetch_add(1, Ordering::Relaxed) + 1;
        let mut headers = wanted.headers();
        headers.extend(answers.iter().cloned());
        let (method, body) = match self.updates {
            true => (Method::Update, Vec::new()),
            false => (Method::Invite, self.sdp.clone()),
        };
        let via = self.station.seen_by(self.leg.peer).ok()?;
        let request = self.leg.more(method, cseq, via, &headers, body).ok()?;
        let way = self.station.way_in_dialog(&self.leg, &request).await.ok()?;
        let response = match self.updates {
            true => self.station.ask(request.clone(), way).await?,
            false => self.reinvite(request.clone(), way).await?,
        };
        Some((request, response))
    }

    async fn reinvite(&self, request: Request, way: (SipConnection, SipAddr)) -> Option<Response> {
        let transaction = self.station.transaction(request, way)?;
        let (tell, mut heard) = unbounded_channel();
        tokio::spawn(to_the_end(transaction, tell, self.station.timeout()));
        let response = heard.recv().await?;
        (!inspect::is_local(&response)).then_some(response)
    }
}

/// Drives a re-INVITE until nothing about it can come any more: a 2xx that comes again must be acknowledged again.
async fn to_the_end(mut transaction: Transaction, tell: UnboundedSender<Response>, patience: Duration) {
    if let Err(error) = transaction.send().await {
        tracing::warn!(%error, "the SIP stack refused a re-INVITE");
        return;
    }
    // Whoever rings again for a re-INVITE does not get for ever to answer it.
    let limit = sleep(patience * 2);
    tokio::pin!(limit);
    loop {
        let message = tokio::select! {
            message = transaction.receive() => message,
            () = &mut limit => return,
        };
        match message {
            None => return,
            Some(SipMessage::Response(response))
                if response.status_code.kind() != StatusCodeKind::Provisional =>
            {
                let _ = tell.send(response); // the call may be over by now
            }
            Some(_) => {}
        }
    }
}
