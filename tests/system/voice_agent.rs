//! A program that talks, at the other end of a WebSocket with the messages of Twilio's Media Streams.

use std::sync::{Arc, Mutex, PoisonError};

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{
    net::{TcpListener, TcpStream},
    task::AbortHandle,
};
use tokio_tungstenite::{WebSocketStream, accept_async, tungstenite::Message};

use crate::support::{SOON, eventually};

/// What it does with a call.
#[derive(Clone, Copy)]
pub enum Manner {
    /// Says what it hears.
    Echoes,
    /// Says a lot, takes it back when it has heard a second of the callee, and leaves when it has its mark back.
    ThinksBetterOfIt,
    /// Wants the call to be handed on: to nobody, to who is busy, and to sales.
    HandsOn,
    /// Goes at once.
    Leaves,
}

/// One of them, who serves any number of calls.
pub struct VoiceAgent {
    pub url: String,
    heard: Arc<Mutex<Vec<Value>>>,
    accepting: AbortHandle,
}

impl Drop for VoiceAgent {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl VoiceAgent {
    pub async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("ws://{}/talk", listener.local_addr().expect("it is bound"));
        let heard = Arc::new(Mutex::new(Vec::new()));
        let notes = heard.clone();
        let accepting = tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                tokio::spawn(serve(tcp, manner, notes.clone()));
            }
        });
        Self { url, heard, accepting: accepting.abort_handle() }
    }

    /// Everything it has heard, in order.
    pub fn heard(&self) -> Vec<Value> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The messages of this kind.
    pub fn of(&self, event: &str) -> Vec<Value> {
        self.heard().into_iter().filter(|message| message["event"] == event).collect()
    }

    /// Waits for a message of this kind, and gives the first.
    pub async fn wait_for(&self, event: &str) -> Value {
        eventually(SOON, &format!("the agent hears {event}"), async || self.of(event).into_iter().next())
            .await
    }
}

async fn serve(tcp: TcpStream, manner: Manner, notes: Arc<Mutex<Vec<Value>>>) {
    let Ok(mut socket) = accept_async(tcp).await else { return };
    if matches!(manner, Manner::Leaves) {
        drop(socket.close(None).await);
        return;
    }
    let mut frames = 0;
    while let Some(Ok(message)) = socket.next().await {
        let Message::Text(text) = message else { continue };
        let message: Value = serde_json::from_str(&text).expect("every message is JSON");
        notes.lock().unwrap_or_else(PoisonError::into_inner).push(message.clone());
        frames += usize::from(message["event"] == "media");
        match (manner, message["event"].as_str()) {
            (Manner::Echoes, Some("media")) => {
                say(
                    &mut socket,
                    json!({"event": "media", "media": {"payload": message["media"]["payload"]}}),
                )
                .await;
            }
            (Manner::ThinksBetterOfIt, Some("start")) => {
                // 20 s of the loudest that µ-law has, in one go.
                for _ in 0..20 {
                    say(
                        &mut socket,
                        json!({"event": "media", "media": {"payload": "AICA".repeat(8000 / 3)}}),
                    )
                    .await;
                }
                say(&mut socket, json!({"event": "mark", "mark": {"name": "all of it"}})).await;
            }
            (Manner::HandsOn, Some("start" | "transfer")) => {
                let next = match message["transfer"]["to"].as_str() {
                    None => "nobody",
                    Some("nobody") => "busy",
                    Some(_) => "sales",
                };
                say(&mut socket, json!({"event": "transfer", "transfer": {"to": next}})).await;
            }
            (Manner::ThinksBetterOfIt, Some("media")) if frames == 50 => {
                say(&mut socket, json!({"event": "clear"})).await;
            }
            (Manner::ThinksBetterOfIt, Some("mark")) => {
                drop(socket.close(None).await);
                return;
            }
            _ => {}
        }
    }
}

/// A call may be over by now.
async fn say(socket: &mut WebSocketStream<TcpStream>, message: Value) {
    drop(socket.send(Message::Text(message.to_string().into())).await);
}
