//! Keeps a trunk registered that wants to know where we are before it takes calls (RFC 3261 §10).
//!
//! Each process registers the Contact of its own endpoint, so several workers are several bindings of one address of record. None
//! of them takes calls; a registrar that keeps only the newest binding goes on letting all of them place some.

use std::{borrow::Cow, net::SocketAddr, sync::Arc, time::Duration};

use ringfleet_core::{Ending, trunk::SipTrunk};
use rsipstack::sip::{Header, HeadersExt, Response};
use tokio::{
    sync::{Notify, watch},
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    attempt,
    digest::{Answers, Credentials},
    failed,
    hosts::Hosts,
    leg::{self, Leg},
    station::Station,
};

/// How long a registration is to hold where the trunk does not say, in seconds.
const EXPIRES: u32 = 300;
/// Longest time a registrar can make us ask for (423, §10.2.8), in seconds.
const LONGEST: u32 = 86_400;
/// Waits between attempts while there is no registration, the first and the longest.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(300));
/// How long a call waits for a registration that is on its way, before it comes back.
const ADMIT: Duration = Duration::from_secs(2);
/// When a call comes back that found no registration yet.
const COME_BACK: Duration = Duration::from_secs(2);
/// How long the end of a registration may take when the trunk closes.
const GOODBYE: Duration = Duration::from_secs(3);
/// How soon a connection that broke is opened again, for the registrar may have forgotten us with it.
const CONNECTION_BACK: Duration = Duration::from_secs(1);

/// How it stands with the registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The first attempt has not ended yet.
    Trying,
    Registered,
    /// There is none, for this reason.
    Refused(&'static str),
}

/// The state, and how many attempts have ended.
type Status = (u64, State);

pub(super) struct Registrar {
    status: watch::Receiver<Status>,
    /// Asks for an attempt at once.
    again: Arc<Notify>,
    stop: CancellationToken,
    task: tokio::sync::Mutex<Option<JoinHandle<()>>>,
    /// A carrier that is forgotten unregisters too, in its own time.
    _stops_with_the_carrier: DropGuard,
}

impl Registrar {
    /// Registers from now on, from `station`. Must be called inside a tokio runtime.
    pub(super) fn begin(
        trunk: &SipTrunk,
        station: Arc<Station>,
        hosts: &Arc<Hosts>,
        credentials: Credentials,
    ) -> Self {
        let (tell, status) = watch::channel((0, State::Trying));
        let (again, stop) = (Arc::new(Notify::new()), CancellationToken::new());
        let binding = Binding {
            call_id: format!("{:032x}@ringfleet", rand::random::<u128>()),
            from_tag: format!("{:016x}", rand::random::<u64>()),
            cseq: 0,
            expires: trunk.register_expires.unwrap_or(EXPIRES),
            trunk: trunk.clone(),
            station,
            hosts: hosts.clone(),
            credentials,
            last: None,
        };
        let task = tokio::spawn(keep(binding, tell, again.clone(), stop.clone()));
        let _stops_with_the_carrier = stop.clone().drop_guard();
        Self { status, again, stop, task: Some(task).into(), _stops_with_the_carrier }
    }

    /// Lets a call go out while the trunk knows us.
    ///
    /// # Errors
    /// What becomes of the call otherwise: nobody was called, and nothing was sent.
    pub(super) async fn admit(&self) -> Result<(), Ending> {
        let mut status = self.status.clone();
        let known = timeout(ADMIT, status.wait_for(|(_, state)| *state != State::Trying)).await;
        match known {
            Ok(Ok(status)) => match status.1 {
                State::Refused(reason) => Err(failed(reason)),
                State::Registered | State::Trying => Ok(()),
            },
            // Still on its way, or the carrier has been closed under the call.
            _ => Err(Ending::NoRoom {
                retry_after: COME_BACK,
                reason: Cow::Borrowed("registering"),
                code: None,
            }),
        }
    }

    /// Whether the trunk knows us, after one more attempt where it does not.
    pub(super) async fn probe(&self, patience: Duration) -> Result<(), &'static str> {
        let mut status = self.status.clone();
        let (tried, state) = *status.borrow();
        if state == State::Registered {
            return Ok(());
        }
        self.again.notify_one();
        match timeout(patience, status.wait_for(|(tries, _)| *tries > tried)).await {
            Ok(Ok(status)) => match status.1 {
                State::Refused(reason) => Err(reason),
                State::Registered | State::Trying => Ok(()),
            },
            _ => Err("trunk_silent"),
        }
    }

    /// Ends the registration.
    pub(super) async fn close(&self) {
        self.stop.cancel();
        if let Some(task) = self.task.lock().await.take()
            && timeout(GOODBYE * 2, task).await.is_err()
        {
            tracing::warn!("a SIP registration did not end in time; it will run out by itself");
        }
    }
}

/// What a registrar knows of us.
struct Binding {
    call_id: String,
    from_tag: String,
    cseq: u32,
    expires: u32,
    trunk: SipTrunk,
    station: Arc<Station>,
    hosts: Arc<Hosts>,
    credentials: Credentials,
    /// Where it was registered, and until when that holds.
    last: Option<(SocketAddr, Instant)>,
}

/// A registration that holds.
struct Granted {
    expires: Duration,
    /// Ends with the connection it was made over; never for datagrams.
    connection_ended: CancellationToken,
}

async fn keep(
    mut binding: Binding,
    tell: watch::Sender<Status>,
    again: Arc<Notify>,
    stop: CancellationToken,
) {
    let mut wait = RETRY.0;
    let mut tries = 0;
    let mut said = State::Trying;
    loop {
        let Some(outcome) = stop.run_until_cancelled(binding.register()).await else { break };
        tries += 1;
        let (state, next, connection_ended) = match outcome {
            Ok(granted) => {
                wait = RETRY.0;
                // A quarter is left for attempts that fail.
                (State::Registered, granted.expires * 3 / 4, granted.connection_ended)
            }
            Err(reason) => {
                let next = wait;
                wait = (wait * 2).min(RETRY.1);
                (binding.without(reason), next, CancellationToken::new())
            }
        };
        if state != said {
            binding.log(state);
            said = state;
        }
        tell.send_replace((tries, state));
        tokio::select! {
            () = stop.cancelled() => break,
            () = again.notified(), if state != State::Registered => {}
            () = sleep(next) => {}
            () = connection_ended.cancelled() => sleep(CONNECTION_BACK).await,
        }
    }
    binding.end().await;
}

impl Binding {
    /// Registers, or refreshes, at the first target of the trunk that can be reached. The error is the reason of calls that find no
    /// registration.
    async fn register(&mut self) -> Result<Granted, &'static str> {
        let targets = self.hosts.targets(&self.trunk).await.map_err(|error| {
            tracing::warn!(%error, host = self.trunk.host, "the host of a SIP trunk to register with has no address");
            "network"
        })?;
        let mut outcome = Err("network");
        for peer in targets {
            outcome = self.register_at(peer).await;
            match outcome {
                Err("network" | "trunk_silent") => self.hosts.avoid(peer),
                _ => break,
            }
        }
        outcome
    }

    async fn register_at(&mut self, peer: SocketAddr) -> Result<Granted, &'static str> {
        let mut asked = self.expires;
        let mut longer = false;
        loop {
            let (response, connection_ended) = self.ask(peer, asked).await?;
            let code = response.status_code.code();
            match code {
                200..300 => {
                    let expires = self.granted(&response, peer).unwrap_or(asked);
                    let expires = Duration::from_secs(expires.clamp(1, LONGEST).into());
                    self.last = Some((peer, Instant::now() + expires));
                    return Ok(Granted { expires, connection_ended });
                }
                // Too short (§10.2.8); this is said once.
                423 if !longer => match min_expires(&response).filter(|least| *least <= LONGEST) {
                    Some(least) => (asked, longer) = (least, true),
                    None => return Err(self.refused(code, "network")),
                },
                401 | 403 | 404 | 407 => return Err(self.refused(code, "auth")),
                _ => return Err(self.refused(code, "network")),
            }
        }
    }

    fn refused(&self, code: u16, reason: &'static str) -> &'static str {
        tracing::warn!(host = self.trunk.host, code, "a SIP trunk refuses our registration");
        reason
    }

    /// One REGISTER, with an answer to each challenge.
    async fn ask(
        &mut self,
        peer: SocketAddr,
        expires: u32,
    ) -> Result<(Response, CancellationToken), &'static str> {
        let mut answers = Answers::default();
        loop {
            self.cseq += 1;
            let leg = self.leg(peer).ok_or("network")?;
            let request = leg.register(expires, &answers.headers()).map_err(|error| {
                tracing::warn!(%error, "the settings of a SIP trunk make no valid REGISTER");
                "network"
            })?;
            let way = self.station.connect(peer, leg.transport).await.map_err(|error| {
                tracing::warn!(%error, %peer, host = self.trunk.host, "no connection to a SIP trunk to register with");
                "network"
            })?;
            let connection_ended = way.0.cancel_token().unwrap_or_default();
            let response = self.station.ask(request.clone(), way).await.ok_or_else(|| {
                tracing::warn!(%peer, host = self.trunk.host, "a SIP trunk does not answer our registration");
                "trunk_silent"
            })?;
            let challenged = matches!(response.status_code.code(), 401 | 407);
            if !challenged || !answers.take_up(&response, &request, &self.credentials) {
                return Ok((response, connection_ended));
            }
        }
    }

    fn leg(&self, peer: SocketAddr) -> Option<Leg> {
        let (domain, scheme) = (attempt::domain(&self.trunk), attempt::scheme(&self.trunk));
        let of_record = leg::address(scheme, &self.credentials.username, &domain);
        Some(Leg {
            call_id: self.call_id.clone(),
            from_tag: self.from_tag.clone(),
            cseq: self.cseq,
            branch: leg::branch(&self.call_id, self.cseq),
            uri: leg::by_transport(format!("{scheme}:{domain}"), self.trunk.transport),
            from: of_record.clone(),
            to: of_record,
            local: self.station.seen_by(peer).ok()?,
            peer,
            transport: self.trunk.transport,
            dialog: None,
        })
    }

    /// The seconds granted to our own binding, of all that the registrar lists (§10.2.4); else what is said for all.
    fn granted(&self, response: &Response, peer: SocketAddr) -> Option<u32> {
        let local = self.station.seen_by(peer).ok()?.to_string();
        let ours = response.typed_contact_headers().unwrap_or_default().into_iter().find_map(|contact| {
            (contact.uri.host_with_port.to_string() == local).then(|| contact.expires()).flatten()
        });
        ours.or_else(|| {
            response.headers.iter().find_map(|header| match header {
                Header::Expires(value) => value.value().trim().parse().ok(),
                _ => None,
            })
        })
    }

    /// The state after an attempt that failed: a registration holds as long as it was granted, unless we are no longer let in.
    fn without(&self, reason: &'static str) -> State {
        match self.last {
            Some((_, until)) if reason != "auth" && Instant::now() < until => State::Registered,
            _ => State::Refused(reason),
        }
    }

    fn log(&self, state: State) {
        let (host, user) = (&self.trunk.host, &self.credentials.username);
        match state {
            State::Refused(reason) => {
                tracing::warn!(host, user, reason, "not registered with a SIP trunk; no call goes out on it");
            }
            State::Registered | State::Trying => tracing::info!(host, user, "registered with a SIP trunk"),
        }
    }

    /// Takes our Contact back, so that the registrar knows at once.
    async fn end(&mut self) {
        if let Some((peer, until)) = self.last
            && Instant::now() < until
            && timeout(GOODBYE, self.ask(peer, 0)).await.is_err()
        {
            tracing::debug!(%peer, "the end of a SIP registration was not heard");
        }
    }
}

fn min_expires(response: &Response) -> Option<u32> {
    response.headers.iter().find_map(|header| match header {
        Header::MinExpires(value) => value.value().trim().parse().ok(),
        _ => None,
    })
}
