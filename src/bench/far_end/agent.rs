//! An agent that says what it hears, in Twilio's Media Streams format, and counts.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use futures::{SinkExt, StreamExt};
use parking_lot::Mutex;
use ringfleet_carriers::media::{GAP, Meter, mark};
use ringfleet_core::clock::Stopwatch;
use serde::{Deserialize, Serialize};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::timeout,
};
use tokio_tungstenite::{WebSocketStream, accept_async, tungstenite::Message};
use tokio_util::task::TaskTracker;

use crate::process::Failure;

/// Milliseconds of a frame.
const FRAME_MS: u64 = 20;
/// How long agents may have a call after its callee has hung up.
const GOODBYE: Duration = Duration::from_secs(30);

/// What the agents of all calls have heard while the meter was open.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Heard {
    /// Frames received.
    pub received: u64,
    /// Frames sent.
    pub sent: u64,
    /// Frames that were left out, by their timestamps.
    pub missed: u64,
    /// Times between two frames above 40 ms.
    pub gaps: u64,
    /// The longest time between two frames, in milliseconds.
    pub longest_gap_ms: u64,
}

/// A server on loopback. It ends with this value.
pub struct Agents {
    pub addr: SocketAddr,
    heard: Arc<Mutex<Heard>>,
    talks: TaskTracker,
    _running: JoinSet<()>,
}

impl Agents {
    /// Agents that are ahead of what they hear by so much audio, as one is who speaks faster than a call plays.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start(meter: Arc<Meter>, cushion: Duration) -> Result<Self, Failure> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let (addr, heard) = (listener.local_addr()?, Arc::<Mutex<Heard>>::default());
        let (notes, mut running) = (heard.clone(), JoinSet::new());
        let talks = TaskTracker::new();
        let talking = talks.clone();
        running.spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let talk = Talk {
                    meter: meter.clone(),
                    ahead: cushion.as_millis() as u64 / FRAME_MS,
                    arrived: None,
                    last: None,
                    heard: Heard::default(),
                };
                let notes = notes.clone();
                talking.spawn(async move {
                    let heard = talk.run(tcp).await;
                    notes.lock().add(&heard);
                });
            }
        });
        Ok(Self { addr, heard, talks, _running: running })
    }

    /// What was heard, once all calls are over.
    ///
    /// # Errors
    /// When they do not end.
    pub async fn heard(&self) -> Result<Heard, Failure> {
        self.talks.close();
        let ended = timeout(GOODBYE, self.talks.wait()).await;
        ended.map_err(|_| Failure::new(format!("{} agents still have a call", self.talks.len())))?;
        Ok(self.heard.lock().clone())
    }
}

impl Heard {
    fn add(&mut self, other: &Self) {
        self.received += other.received;
        self.sent += other.sent;
        self.missed += other.missed;
        self.gaps += other.gaps;
        self.longest_gap_ms = self.longest_gap_ms.max(other.longest_gap_ms);
    }
}

#[derive(Deserialize)]
struct Told<'a> {
    event: &'a str,
    #[serde(borrow)]
    media: Option<Media<'a>>,
}

#[derive(Deserialize)]
struct Media<'a> {
    timestamp: &'a str,
    payload: &'a str,
}

/// One call.
struct Talk {
    meter: Arc<Meter>,
    /// Frames that are said before anything was heard.
    ahead: u64,
    arrived: Option<Stopwatch>,
    /// The timestamp of the last frame, in milliseconds.
    last: Option<u64>,
    heard: Heard,
}

impl Talk {
    /// Until the other side goes, or says what nobody understands.
    async fn run(mut self, tcp: TcpStream) -> Heard {
        // Without it frames would be sent in pairs; that it cannot be set says that the other side is gone.
        let _ = tcp.set_nodelay(true);
        if let Ok(mut socket) = accept_async(tcp).await {
            while let Some(Ok(message)) = socket.next().await {
                let Message::Text(text) = message else { continue };
                if self.answer(&mut socket, &text).await.is_none() {
                    break;
                }
            }
        }
        self.heard
    }

    async fn answer(&mut self, socket: &mut WebSocketStream<TcpStream>, text: &str) -> Option<()> {
        let told: Told<'_> = serde_json::from_str(text).ok()?;
        match (told.event, told.media) {
            ("start", _) => {
                let filler = STANDARD.encode(mark::write(mark::FILLER));
                for _ in 0..self.ahead {
                    say(socket, &filler).await?;
                }
            }
            ("media", Some(media)) => {
                self.count(media.timestamp.parse().ok()?);
                let ulaw = STANDARD.decode(media.payload).ok()?;
                match mark::read(&ulaw) {
                    Some(_) => say(socket, media.payload).await?,
                    // Nothing of the callee had come; what is said instead tells so.
                    None => say(socket, &STANDARD.encode(mark::write(mark::FILLER))).await?,
                }
                self.heard.sent += u64::from(self.meter.is_open());
            }
            _ => {}
        }
        Some(())
    }

    /// Takes note of a frame that began so many milliseconds after the first.
    fn count(&mut self, timestamp: u64) {
        let before = self.arrived.replace(Stopwatch::start());
        let missed = self
            .last
            .replace(timestamp)
            .map_or(0, |last| (timestamp.saturating_sub(last) / FRAME_MS).saturating_sub(1));
        if !self.meter.is_open() {
            return;
        }
        self.heard.received += 1;
        self.heard.missed += missed;
        if let Some(gap) = before.map(|before| before.elapsed()) {
            self.heard.gaps += u64::from(gap > GAP);
            self.heard.longest_gap_ms = self.heard.longest_gap_ms.max(gap.as_millis() as u64);
        }
    }
}

async fn say(socket: &mut WebSocketStream<TcpStream>, payload: &str) -> Option<()> {
    let text = format!(r#"{{"event":"media","media":{{"payload":"{payload}"}}}}"#);
    socket.send(Message::Text(text.into())).await.ok()
}
