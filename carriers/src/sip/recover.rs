//! What became of a call whose worker died, and ends it if it still lives. Sends CANCEL and BYE, which cannot begin a
//! call, and never an INVITE, which could.
//!
//! A CANCEL is answered to whoever sent it, but the 487 of the INVITE goes where the INVITE came from (RFC 3261 §18.2.2).
//! So the dead worker's port is taken over for the time, if this machine still has it.

use std::{sync::Arc, time::Duration};

use futures::future::join_all;
use ringfleet_core::{EndedBy, Ending, Outcome};
use rsipstack::{
    sip::{Response, SipMessage, StatusCodeKind},
    transaction::{Transaction, TransactionState},
};
use serde_json::Value;
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    time::{Instant, sleep, sleep_until, timeout},
};
use tokio_util::task::AbortOnDropHandle;

use super::{
    SipCarrier,
    desk::Desks,
    digest::Credentials,
    hosts::Hosts,
    leg::Leg,
    line,
    outcomes::{self, Seen},
    station::Station,
};

/// How long the peer has to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many INVITEs beyond the kept one a call may have sent: each challenge makes one, and its worker may have died
/// before that was kept. Their branches follow from the call's id, so they can be asked about too.
const UNKEPT_INVITES: u32 = 2;
/// How many requests within a call its worker may have sent without keeping that: those that showed that it goes on, or handed it on. The BYE needs
/// a higher number than theirs (RFC 3261 §12.2.2).
const UNKEPT_REQUESTS: u32 = 10_000;
/// How long a dead worker's port is kept after the first of its calls has been asked about. The sockets of an endpoint
/// close a moment after its last user has gone; a call that came just then would not get the port back, and some peers
/// answer to that port only.
const KEPT_OPEN: Duration = Duration::from_secs(60);
/// How long the INVITE's final response may follow the answer to its CANCEL before the next INVITE is asked about.
const FINAL_FOLLOWS: Duration = Duration::from_secs(1);
/// How long we listen on when the peer knows none of the INVITEs. One it has answered while nobody was there it knows no
/// more, but it repeats that answer for want of an ACK, at the longest every T2 = 4 s (RFC 3261 §13.3.1.4).
const ANSWER_COMES_AGAIN: Duration = Duration::from_millis(4_500);

pub(super) async fn resolve(carrier: &SipCarrier, kept: &Value, shown: Option<&str>) -> Ending {
    let Ok(mut leg) = serde_json::from_value::<Leg>(kept.clone()) else {
        return Ending::uncertain("worker_lost");
    };
    shown.into_iter().for_each(|caller_id| leg.show(caller_id));
    let callee = end_call(carrier, &leg);
    let telephones = Desks::kept(kept).into_iter().map(|leg| end_telephone(carrier, leg));
    tokio::join!(callee, join_all(telephones)).0
}

async fn end_call(carrier: &SipCarrier, leg: &Leg) -> Ending {
    let station = carrier.station_of(leg, &carrier.stations, &carrier.hosts);
    let credentials = carrier.credentials();
    if leg.dialog.is_some() {
        return match hang_up(&station, leg, credentials.as_ref()).await {
            Some(code) => Ending::over(Outcome::Answered, "worker_lost", Some(code), EndedBy::Caller),
            None => Ending::over(Outcome::Answered, "worker_lost", None, EndedBy::Carrier),
        };
    }
    let challenged = if carrier.trunk.username.is_some() { UNKEPT_INVITES } else { 0 };
    let more = challenged + u32::from(carrier.trunk.session_expires.is_some()); // one may have been refused for its timer
    match cancel(&station, leg, more).await {
        Some((leg, response)) => settle(carrier, &station, &leg, &response).await,
        None => Ending::uncertain("worker_lost"),
    }
}

/// Ends a call to a telephone that the call was handed over to, or on. It knows no credentials of ours.
async fn end_telephone(carrier: &SipCarrier, leg: Leg) {
    let Ok(own) = carrier.desks.station() else { return };
    let station = carrier.station_of(&leg, &[own], carrier.desks.hosts());
    if leg.dialog.is_some() {
        hang_up(&station, &leg, None).await;
    } else if let Some((leg, response)) = cancel(&station, &leg, 1).await {
        end_answered(&station, &leg, &response, None).await;
    }
}

/// Ends an answered call; the code of the answer. Only an answer leaves a dialog behind: that the peer has forgotten it since, or says
/// nothing, does not undo it.
async fn hang_up(station: &Station, leg: &Leg, credentials: Option<&Credentials>) -> Option<u16> {
    let leg = Leg { cseq: leg.cseq + UNKEPT_REQUESTS, ..leg.clone() };
    let response = timeout(PATIENCE, line::bye(station, &leg, credentials)).await.ok()??;
    (response.status_code.kind() == StatusCodeKind::Successful).then(|| response.status_code.code())
}

/// A final response to one of the INVITEs the call may have sent.
type Final = (Leg, Response);

/// Cancels a call that was not answered, as far as is known; its final response, if there is one. `more`: how many INVITEs beyond the kept
/// one it may have sent.
async fn cancel(station: &Arc<Station>, leg: &Leg, more: u32) -> Option<Final> {
    let (tell, mut finals) = unbounded_channel();
    let deadline = Instant::now() + PATIENCE;
    let invites: Vec<Leg> = (leg.cseq..=leg.cseq + more).map(|cseq| leg.with_invite(cseq)).collect();
    let mut listeners = Vec::with_capacity(invites.len());
    for leg in &invites {
        // Ready before the CANCEL leaves: the final response may follow at once, and a peer may send it only once.
        if let Some(transaction) = unsent_invite(station, leg).await {
            listeners.push(AbortOnDropHandle::new(tokio::spawn(listen(
                transaction,
                leg.clone(),
                tell.clone(),
            ))));
        }
    }
    for leg in invites {
        let cancelling = AbortOnDropHandle::new(tokio::spawn(send_cancel(station.clone(), leg)));
        match first(&mut finals, cancelling, deadline).await {
            Found::Final(found) => return Some(*found),
            Found::Unknown => {}
            Found::Silence => return None,
        }
    }
    timeout(ANSWER_COMES_AGAIN, finals.recv()).await.ok()?
}

/// What asking about one INVITE came to.
enum Found {
    /// Its final response.
    Final(Box<Final>),
    /// The peer does not know that INVITE, or knows it and says no more: it was over before.
    Unknown,
    /// The peer says nothing.
    Silence,
}

async fn first(
    finals: &mut UnboundedReceiver<Final>,
    cancelling: AbortOnDropHandle<Option<Response>>,
    deadline: Instant,
) -> Found {
    tokio::pin!(cancelling);
    let mut patience = deadline;
    let mut answered = false;
    loop {
        tokio::select! {
            biased;
            Some(found) = finals.recv() => return Found::Final(Box::new(found)),
            answer = &mut cancelling, if !answered => match answer.ok().flatten() {
                None => return Found::Silence,
                Some(answer) if answer.status_code.kind() != StatusCodeKind::Successful => return Found::Unknown,
                Some(_) => {
                    answered = true;
                    patience = deadline.min(Instant::now() + FINAL_FOLLOWS);
                }
            },
            () = sleep_until(patience) => return if answered { Found::Unknown } else { Found::Silence },
        }
    }
}

async fn settle(carrier: &SipCarrier, station: &Station, leg: &Leg, response: &Response) -> Ending {
    let code = response.status_code.code();
    if end_answered(station, leg, response, carrier.credentials().as_ref()).await {
        return Ending::over(Outcome::Unanswered, "answered_after_cancel", Some(code), EndedBy::Caller);
    }
    if code == 487 {
        return Ending::over(Outcome::Unanswered, "worker_lost", Some(code), EndedBy::Caller);
    }
    // The callee or the network had refused before our CANCEL came. Whether it rang is not known any more, so it may
    // have: then nothing is taken for "no room".
    let seen = Seen { provisional: true, rang: true, gave_up: None };
    outcomes::ending(code, None, seen, &carrier.trunk.outcomes)
}

/// Whether the call was answered meanwhile. The transaction has acknowledged that; now it is ended.
async fn end_answered(
    station: &Station,
    leg: &Leg,
    response: &Response,
    credentials: Option<&Credentials>,
) -> bool {
    if response.status_code.kind() != StatusCodeKind::Successful {
        return false;
    }
    if let Some(leg) = leg.answered(response) {
        let _ = timeout(PATIENCE, line::bye(station, &leg, credentials)).await; // its own answer says nothing
    }
    true
}

/// The transaction of an INVITE as if this process had sent it, so that its final response is acknowledged and heard. It
/// is not sent.
async fn unsent_invite(station: &Station, leg: &Leg) -> Option<Transaction> {
    let way = station.connect(leg.peer, leg.transport).await.ok()?;
    let mut transaction = station.transaction(leg.invite(Vec::new(), &[]).ok()?, way)?;
    transaction.state = TransactionState::Calling;
    Some(transaction)
}

async fn listen(mut transaction: Transaction, leg: Leg, tell: UnboundedSender<Final>) {
    while let Some(message) = transaction.receive().await {
        let SipMessage::Response(response) = message else { continue };
        let code = response.status_code.code();
        // A challenge ended an earlier INVITE, not the call.
        if code >= 200 && code != 401 && code != 407 {
            let _ = tell.send((leg.clone(), response)); // whoever asked may know enough by now
        }
    }
}

fn keep_open(station: Arc<Station>) {
    tokio::spawn(async move {
        sleep(KEPT_OPEN).await;
        drop(station);
    });
}

async fn send_cancel(station: Arc<Station>, leg: Leg) -> Option<Response> {
    let way = station.connect(leg.peer, leg.transport).await.ok()?;
    station.ask(leg.cancel().ok()?, way).await
}

impl SipCarrier {
    /// The endpoint to speak about a kept leg from: on its own port if that can be had, else one of `ours`, never none.
    fn station_of(&self, leg: &Leg, ours: &[Arc<Station>], hosts: &Arc<Hosts>) -> Arc<Station> {
        let port = leg.local.port();
        if let Some(station) = ours.iter().find(|station| station.port() == port) {
            return station.clone();
        }
        let mut inherited = self.inherited.lock();
        inherited.retain(|_, station| station.strong_count() > 0);
        if let Some(station) = inherited.get(&port).and_then(std::sync::Weak::upgrade) {
            return station;
        }
        match Station::open(&self.settings, port, leg.transport, hosts, self.tls.as_ref()) {
            Ok(station) => {
                inherited.insert(port, Arc::downgrade(&station));
                keep_open(station.clone());
                station
            }
            Err(error) => {
                tracing::debug!(%error, port, "the port of a dead worker is not free; its calls can only be asked about");
                ours[0].clone()
            }
        }
    }
}
