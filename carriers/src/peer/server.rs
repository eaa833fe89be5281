//! The socket and what each kind of request meets there.

use std::{
    collections::HashSet,
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use ringfleet_core::Clock;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::{
    net::UdpSocket,
    sync::mpsc::{self, UnboundedSender},
    time::Instant,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    CallRecord, PeerSettings,
    call::Call,
    digest::{Digest, Verdict},
    message::{self, Message, Start},
    request::{ALLOW, Request},
    rule::{Rule, Sound},
    tables::{DialogKey, Event, Line, Tables, Transaction},
};
use crate::media::{Meter, tone};

/// Room for bursts of INVITEs while a call is being set up; the system may grant less.
const RECEIVE_BUFFER: usize = 8 << 20;
/// Largest UDP datagram.
const DATAGRAM: usize = 65_535;
/// How often expired memory is dropped.
const TIDY: Duration = Duration::from_secs(1);
/// Events waiting for one call; more than a peer can send without hearing from us.
const EVENTS: usize = 16;
/// Longest audio made in advance; silence follows.
const LONGEST_AUDIO: Duration = Duration::from_secs(60);
/// Methods that exist (IANA SIP methods registry) but are not for this peer.
const NOT_HERE: &[&str] =
    &["INFO", "MESSAGE", "NOTIFY", "PRACK", "PUBLISH", "REFER", "REGISTER", "SUBSCRIBE", "UPDATE"];

/// The peer's one socket and all that calls share.
pub(super) struct Server {
    pub settings: PeerSettings,
    pub clock: Arc<dyn Clock>,
    pub sink: UnboundedSender<CallRecord>,
    pub stop: CancellationToken,
    pub tables: Mutex<Tables>,
    /// Who measures what callees hear, instead of playing sounds to callers.
    pub meter: Option<Arc<Meter>>,
    udp: UdpSocket,
    addr: SocketAddr,
    digest: Option<Digest>,
    told_no_room: Mutex<HashSet<String>>,
    calls: TaskTracker,
    talk: Arc<Vec<i16>>,
    voicemail: Arc<Vec<i16>>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Server({})", self.addr)
    }
}

impl Server {
    /// Must be called within a tokio runtime.
    pub fn bind(
        settings: PeerSettings,
        clock: Arc<dyn Clock>,
        sink: UnboundedSender<CallRecord>,
        meter: Option<Arc<Meter>>,
        stop: CancellationToken,
    ) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(settings.listen), Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
        socket.set_nonblocking(true)?;
        socket.bind(&settings.listen.into())?;
        let udp = UdpSocket::from_std(socket.into())?;
        let millis = settings.talk.min(LONGEST_AUDIO).as_millis() as usize;
        Ok(Self {
            addr: udp.local_addr()?,
            udp,
            digest: settings.auth.clone().map(Digest::new),
            settings,
            clock,
            sink,
            stop,
            tables: Mutex::default(),
            meter,
            told_no_room: Mutex::default(),
            calls: TaskTracker::new(),
            talk: Arc::new(tone::murmur(millis)),
            voicemail: Arc::new(tone::voicemail()),
        })
    }

    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Our address as a caller at `far` sees it.
    pub fn addr_towards(&self, far: SocketAddr) -> SocketAddr {
        if !self.addr.ip().is_unspecified() {
            return self.addr;
        }
        SocketAddr::new(route_towards(self.addr.ip(), far).unwrap_or(far.ip()), self.addr.port())
    }

    pub fn sound(&self, sound: Sound) -> Arc<Vec<i16>> {
        match sound {
            Sound::Talk => self.talk.clone(),
            Sound::Voicemail => self.voicemail.clone(),
        }
    }

    /// Sends a datagram, or loses it when the system has no room: that is what retransmission is for.
    pub fn send(&self, bytes: &[u8], to: SocketAddr) {
        if let Err(error) = self.udp.try_send_to(bytes, to) {
            tracing::debug!(%error, "a SIP datagram was not sent");
        }
    }

    pub async fn wait_for_calls(&self, at_most: Duration) {
        self.calls.close();
        if tokio::time::timeout(at_most, self.calls.wait()).await.is_err() {
            tracing::warn!(left = self.calls.len(), "the trial carrier stops while calls have not ended");
        }
    }

    /// Takes datagrams until stopped.
    pub async fn receive(self: Arc<Self>) {
        let mut datagram = vec![0; DATAGRAM];
        let mut tidy = tokio::time::interval(TIDY);
        loop {
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return,
                _ = tidy.tick() => self.tables.lock().expire(Instant::now()),
                received = self.udp.recv_from(&mut datagram) => match received {
                    Ok((length, from)) => self.datagram(&datagram[..length], from),
                    // About an earlier datagram of ours that nobody took; yielding keeps a persistent error from spinning.
                    Err(_) => tokio::task::yield_now().await,
                },
            }
        }
    }

    fn datagram(self: &Arc<Self>, datagram: &[u8], from: SocketAddr) {
        let Some(message) = Message::parse(datagram) else { return };
        match &message.start {
            Start::Response { code } if *code >= 200 => self.response(&message),
            Start::Response { .. } => {}
            Start::Request { .. } => {
                if let Some(request) = Request::new(message, from) {
                    self.request(request);
                }
            }
        }
    }

    /// A final response to a request of ours, found by its branch (RFC 3261 §17.1.3).
    fn response(&self, message: &Message) {
        let branch = message.header("via").and_then(|via| message::param(via, "branch"));
        if let Some(line) = branch.and_then(|branch| self.tables.lock().request(branch).cloned()) {
            tell(&line, Event::Response);
        }
    }

    fn request(self: &Arc<Self>, request: Request) {
        let known = self.tables.lock().transaction(&request.key()).cloned();
        match (request.method.as_str(), known) {
            ("ACK", Some(Transaction::Call(line))) => tell(&line, Event::Ack(request.message.body)),
            ("ACK", _) => self.to_dialog(&request, || Event::Ack(request.message.body.clone())),
            (_, Some(Transaction::Call(line))) => tell(&line, Event::Again),
            (_, Some(Transaction::Done(response, to))) => self.send(&response, to),
            ("INVITE", None) if request.to_tag().is_some() => self.reinvite(request),
            ("INVITE", None) => self.invite(request),
            ("CANCEL", None) => self.cancel(&request),
            ("BYE", None) => self.bye(&request),
            ("OPTIONS", None) => self.answer_options(&request),
            (method, None) if NOT_HERE.contains(&method) => self.refuse(&request, 405, "Method Not Allowed"),
            (_, None) => self.refuse(&request, 501, "Not Implemented"),
        }
    }

    fn invite(self: &Arc<Self>, request: Request) {
        self.tables.lock().count_invite(&request.call_id);
        let unsupported = request.message.header("require").map(str::to_owned);
        if let Some(unsupported) = unsupported {
            let response = request.response(420, "Bad Extension", &fresh_tag());
            return self.refuse_invite(&request, response.header("Unsupported", &unsupported).bytes());
        }
        if let Some(challenge) = self.challenge(&request) {
            let response = request.response(401, "Unauthorized", &fresh_tag());
            return self.refuse_invite(&request, response.header("WWW-Authenticate", &challenge).bytes());
        }
        let number = request.callee();
        let rule = Rule::of(number, || self.told_no_room.lock().insert(number.to_owned()));
        let tag = fresh_tag();
        let (line, events) = mpsc::channel(EVENTS);
        let dialog = DialogKey { call_id: request.call_id.clone(), tag };
        self.tables.lock().begin_call(request.key(), dialog.clone(), &line);
        self.calls.spawn(Call::new(self.clone(), request, dialog, rule, line, events).run());
    }

    /// The challenge to send, if the request is not let in.
    fn challenge(&self, request: &Request) -> Option<String> {
        let digest = self.digest.as_ref()?;
        let clock = &*self.clock;
        let offered = request.message.all("authorization");
        let verdicts: Vec<Verdict> =
            offered.map(|header| digest.judge(Some(header), &request.method, clock)).collect();
        if verdicts.contains(&Verdict::Accepted) {
            return None;
        }
        Some(digest.challenge(clock, verdicts.contains(&Verdict::Stale)))
    }

    fn refuse_invite(&self, request: &Request, response: Vec<u8>) {
        let (response, to) = (Arc::from(response), request.reply_to());
        self.send(&response, to);
        self.tables.lock().refused(request.key(), request.call_id.clone(), response, to);
    }

    /// An INVITE within a dialog; the call answers it, and recognises a repetition by its CSeq.
    fn reinvite(&self, request: Request) {
        match self.line_of(&request) {
            Some(line) => tell(&line, Event::Reinvite(Box::new(request))),
            None => self.no_such_call(&request),
        }
    }

    fn cancel(&self, request: &Request) {
        let invite = self.tables.lock().transaction(&request.cancelled_key()).cloned();
        match invite {
            None => self.no_such_call(request),
            Some(invite) => {
                self.respond(request, request.response(200, "OK", &fresh_tag()).bytes());
                if let Transaction::Call(line) = invite {
                    tell(&line, Event::Cancel);
                }
            }
        }
    }

    fn bye(&self, request: &Request) {
        match self.line_of(request) {
            None => self.no_such_call(request),
            Some(line) => {
                self.respond(request, request.response(200, "OK", "").bytes());
                tell(&line, Event::Bye);
            }
        }
    }

    fn answer_options(&self, request: &Request) {
        let response = request.response(200, "OK", &fresh_tag());
        self.respond(request, response.header("Allow", ALLOW).header("Accept", "application/sdp").bytes());
    }

    fn refuse(&self, request: &Request, code: u16, reason: &str) {
        let response = request.response(code, reason, &fresh_tag());
        self.respond(request, response.header("Allow", ALLOW).bytes());
    }

    fn no_such_call(&self, request: &Request) {
        let response = request.response(481, "Call/Transaction Does Not Exist", &fresh_tag());
        self.respond(request, response.bytes());
    }

    /// Sends the final response to a request other than the INVITE of a call, and keeps it for repetitions.
    fn respond(&self, request: &Request, response: Vec<u8>) {
        let (response, to) = (Arc::from(response), request.reply_to());
        self.send(&response, to);
        self.tables.lock().done(request.key(), response, to);
    }

    fn to_dialog(&self, request: &Request, event: impl FnOnce() -> Event) {
        if let Some(line) = self.line_of(request) {
            tell(&line, event());
        }
    }

    fn line_of(&self, request: &Request) -> Option<Line> {
        let key = DialogKey { call_id: request.call_id.clone(), tag: request.to_tag()?.to_owned() };
        self.tables.lock().dialog(&key).cloned()
    }
}

/// A call that does not keep up loses events like datagrams; they come again.
fn tell(line: &Line, event: Event) {
    if line.try_send(event).is_err() {
        tracing::debug!("a SIP event found its call busy or over");
    }
}

/// A tag or branch that no other dialog has; 64 random bits (RFC 3261 §19.3 asks for 32).
pub(super) fn fresh_tag() -> String {
    format!("{:016x}", rand::random::<u64>())
}

/// The address packets to `far` would come from; nothing is sent to find out.
fn route_towards(any: IpAddr, far: SocketAddr) -> io::Result<IpAddr> {
    let probe = std::net::UdpSocket::bind((any, 0))?;
    probe.connect(far)?;
    Ok(probe.local_addr()?.ip())
}
