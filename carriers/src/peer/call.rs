//! One call from its INVITE to its end.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use ringfleet_core::{EndedBy, clock::Stopwatch};
use tokio::{
    sync::mpsc::Receiver,
    time::{Instant, sleep_until},
};

use super::{
    CallRecord, Rule,
    audio::Audio,
    dialog::Dialog,
    request::{ALLOW, Request},
    resend::Resend,
    rule::{Sound, Then},
    server::{Server, fresh_tag},
    tables::{DialogKey, Event, Line},
};
use crate::media::{self, MediaReport, RtpSocket};

/// A caller expects to hear once a minute that it still rings (RFC 3261 §13.3.1.1).
const REMINDER: Duration = Duration::from_secs(60);

/// How long after the answer keys are pressed.
const THINKS: Duration = Duration::from_secs(1);

/// A call in the hands of its own task.
pub(super) struct Call {
    server: Arc<Server>,
    invite: Request,
    key: DialogKey,
    rule: Rule,
    line: Line,
    events: Receiver<Event>,
    /// The last response to the INVITE, for its repetitions.
    last: Arc<[u8]>,
    started_at: DateTime<Utc>,
    arrived: Stopwatch,
    answered_at: Option<DateTime<Utc>>,
}

/// How the ringing ended.
enum Rang {
    TimeUp,
    Cancelled,
    Stopped,
}

impl Call {
    pub fn new(
        server: Arc<Server>,
        invite: Request,
        key: DialogKey,
        rule: Rule,
        line: Line,
        events: Receiver<Event>,
    ) -> Self {
        let (started_at, arrived) = (server.clock.now(), Stopwatch::start());
        let (last, answered_at) = (Arc::from([]), None);
        Self { server, invite, key, rule, line, events, last, started_at, arrived, answered_at }
    }

    /// Plays the call's rule through.
    pub async fn run(mut self) {
        let settings = &self.server.settings;
        let voicemail = Duration::from_millis(self.server.sound(Sound::Voicemail).len() as u64 / 8);
        let (ring, then) = self.rule.plan(settings.ring, settings.talk, voicemail);
        let rang = match ring {
            Duration::ZERO => Rang::TimeUp,
            _ => self.ring(Instant::now() + ring).await,
        };
        match (rang, then) {
            (Rang::TimeUp, Then::Answer(sound, talk)) => self.answer(sound, talk).await,
            (Rang::TimeUp, Then::Refuse(code, reason)) => self.refuse(code, reason, EndedBy::Callee).await,
            (Rang::Cancelled, _) => self.refuse(487, "Request Terminated", EndedBy::Caller).await,
            (Rang::Stopped, _) => self.refuse(480, "Temporarily Unavailable", EndedBy::Callee).await,
        }
        let (transaction, to) = (self.invite.key(), self.invite.reply_to());
        self.server.tables.lock().end_call(transaction, self.key, self.last, to);
    }

    async fn ring(&mut self, until: Instant) -> Rang {
        let ringing =
            self.invite.response(180, "Ringing", &self.key.tag).header("Contact", &self.contact()).bytes();
        self.reply(ringing);
        let mut reminder = Instant::now() + REMINDER;
        loop {
            tokio::select! {
                () = self.server.stop.cancelled() => return Rang::Stopped,
                () = sleep_until(until) => return Rang::TimeUp,
                () = sleep_until(reminder) => {
                    self.repeat();
                    reminder += REMINDER;
                }
                Some(event) = self.events.recv() => match event {
                    Event::Again => self.repeat(),
                    // A BYE ends an early dialog too (RFC 3261 §15).
                    Event::Cancel | Event::Bye => return Rang::Cancelled,
                    _ => {}
                },
            }
        }
    }

    /// Sends a refusal, tells of it, and repeats it until the ACK.
    async fn refuse(&mut self, code: u16, reason: &str, by: EndedBy) {
        let mut response = self.invite.response(code, reason, &self.key.tag);
        if self.rule == Rule::NoRoom && code == 503 {
            response = response.header("Retry-After", "1");
        }
        self.reply(response.bytes());
        self.tell(code, by, MediaReport::default());
        let mut resend = Resend::new(self.last.clone(), self.invite.reply_to());
        loop {
            tokio::select! {
                () = self.server.stop.cancelled() => return,
                hope = resend.due() => match hope {
                    true => self.repeat(),
                    false => return,
                },
                Some(event) = self.events.recv() => match event {
                    Event::Ack(_) => return,
                    Event::Again => self.repeat(),
                    _ => {}
                },
            }
        }
    }

    async fn answer(&mut self, sound: Sound, talk: Duration) {
        let here = self.server.addr_towards(self.invite.source);
        let offer = media::parse_answer(&self.invite.message.body);
        if offer.is_none() && !self.invite.message.body.is_empty() {
            return self.refuse(488, "Not Acceptable Here", EndedBy::Callee).await;
        }
        let socket = match RtpSocket::bind(here.ip(), self.server.settings.rtp_ports.clone()).await {
            Ok(socket) => socket,
            Err(error) => {
                tracing::warn!(%error, "the trial carrier has no port for a call's audio");
                return self.refuse(500, "Server Internal Error", EndedBy::Callee).await;
            }
        };
        let rtp = socket.local_addr();
        let mut audio = Audio::Waiting(socket);
        let session = rand::random::<u32>().into();
        let sdp = match &offer {
            Some(remote) => media::answer(session, rtp, remote),
            None => media::offer(session, rtp), // the caller answers in its ACK (RFC 3261 §13.2.1)
        };
        self.reply(self.accepted(&self.invite, &sdp));
        self.answered_at = Some(self.server.clock.now());
        audio.begin(offer, self.server.sound(sound), self.server.meter.as_ref());
        let by = self.talk(&mut audio, (rtp, session), sound, talk).await;
        self.tell(200, by, audio.end().await);
        if by != EndedBy::Caller {
            self.hang_up().await;
        }
    }

    /// Stays in the call until one side ends it or falls silent.
    async fn talk(
        &mut self,
        audio: &mut Audio,
        sdp: (SocketAddr, u64),
        sound: Sound,
        talk: Duration,
    ) -> EndedBy {
        let over = Instant::now() + talk;
        let keys_at = Instant::now() + THINKS;
        let mut keys = Some(self.server.settings.press.clone()).filter(|keys| !keys.is_empty());
        // The 200 that waits for its ACK: of the INVITE, later maybe of one within the dialog.
        let mut unheard = Some(Resend::new(self.last.clone(), self.invite.reply_to()));
        let mut reinvite: Option<(u32, Resend)> = None;
        loop {
            let acknowledged = unheard.is_none();
            tokio::select! {
                () = self.server.stop.cancelled() => return EndedBy::Callee,
                // No BYE before the ACK (RFC 3261 §15).
                () = sleep_until(over), if acknowledged => return EndedBy::Callee,
                () = sleep_until(keys_at), if keys.is_some() => {
                    keys.take().iter().for_each(|keys| audio.press(keys));
                }
                hope = due(&mut unheard) => match (hope, &unheard) {
                    (true, Some(resend)) => self.server.send(&resend.bytes, resend.to),
                    _ => return EndedBy::Carrier,
                },
                Some(event) = self.events.recv() => match event {
                    Event::Bye => return EndedBy::Caller,
                    Event::Ack(body) => {
                        unheard = None;
                        let (sound, meter) = (self.server.sound(sound), self.server.meter.as_ref());
                        audio.begin(media::parse_answer(&body), sound, meter);
                    }
                    Event::Again => self.repeat(),
                    Event::Reinvite(request) => {
                        let known = reinvite.take().filter(|(sequence, _)| *sequence == request.sequence);
                        let fresh = known.is_none();
                        let (_, resend) = known.unwrap_or_else(|| self.reinvited(&request, sdp));
                        self.server.send(&resend.bytes, resend.to);
                        if fresh {
                            unheard = Some(Resend::new(resend.bytes.clone(), resend.to));
                        }
                        reinvite = Some((request.sequence, resend));
                    }
                    Event::Cancel | Event::Response => {}
                },
            }
        }
    }

    /// The response to an INVITE within the dialog: what we have, once more. Audio goes on as before, for it follows
    /// the caller's packets anyway.
    fn reinvited(&self, request: &Request, (rtp, session): (SocketAddr, u64)) -> (u32, Resend) {
        let body = &request.message.body;
        let bytes = match media::parse_answer(body) {
            Some(remote) => self.accepted(request, &media::answer(session, rtp, &remote)),
            None if body.is_empty() => self.accepted(request, &media::offer(session, rtp)),
            None => request.response(488, "Not Acceptable Here", &self.key.tag).bytes(),
        };
        (request.sequence, Resend::new(bytes.into(), request.reply_to()))
    }

    /// Sends a BYE until it is answered.
    async fn hang_up(&mut self) {
        let here = self.server.addr_towards(self.invite.source);
        let branch = format!("z9hG4bK{}", fresh_tag());
        let (bytes, to) = Dialog::new(&self.invite, &self.key.tag).bye(here, &branch);
        self.server.tables.lock().begin_request(branch.clone(), self.line.clone());
        self.server.send(&bytes, to);
        let mut resend = Resend::new(bytes.into(), to);
        loop {
            tokio::select! {
                () = self.server.stop.cancelled() => break,
                hope = resend.due() => match hope {
                    true => self.server.send(&resend.bytes, resend.to),
                    false => break,
                },
                Some(event) = self.events.recv() => if matches!(event, Event::Response) { break },
            }
        }
        self.server.tables.lock().end_request(&branch);
    }

    fn accepted(&self, request: &Request, sdp: &[u8]) -> Vec<u8> {
        let mut response = request.response(200, "OK", &self.key.tag);
        for route in request.message.all("record-route") {
            response = response.header("Record-Route", route);
        }
        response.header("Contact", &self.contact()).header("Allow", ALLOW).with_sdp(sdp)
    }

    fn contact(&self) -> String {
        format!("<sip:{}>", self.server.addr_towards(self.invite.source))
    }

    fn reply(&mut self, response: Vec<u8>) {
        self.last = response.into();
        self.repeat();
    }

    fn repeat(&self) {
        self.server.send(&self.last, self.invite.reply_to());
    }

    fn tell(&self, status: u16, ended_by: EndedBy, media: MediaReport) {
        let record = CallRecord {
            call_id: self.key.call_id.clone(),
            from: self.invite.caller().to_owned(),
            to: self.invite.callee().to_owned(),
            rule: self.rule,
            answered: self.answered_at.is_some(),
            ended_by,
            status,
            rtp_in: media.packets_in,
            rtp_out: media.packets_out,
            digits: media.digits,
            invites: self.server.tables.lock().invites(&self.key.call_id),
            started_at: self.started_at,
            arrived: self.arrived,
            answered_at: self.answered_at,
            ended_at: self.server.clock.now(),
        };
        // Whoever does not listen does not want to know.
        let _ = self.server.sink.send(record);
    }
}

/// Waits for a repetition that is due; for ever if there is none.
async fn due(resend: &mut Option<Resend>) -> bool {
    match resend {
        Some(resend) => resend.due().await,
        None => std::future::pending().await,
    }
}
