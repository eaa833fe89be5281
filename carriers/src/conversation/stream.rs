//! A call in the hands of an agent: the two directions of its WebSocket, from the connection to the end.

use std::{collections::BTreeMap, time::Duration};

use futures::{SinkExt, StreamExt, stream::SplitSink, stream::SplitStream};
use ringfleet_core::{clock::Stopwatch, transfer::TransferName};
use tokio::{
    sync::mpsc,
    time::{interval, sleep, timeout},
};
use tokio_tungstenite::tungstenite::Message;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::{
    Ends, Gone, Handover, News,
    connect::Socket,
    wire::{self, Incoming, Outgoing, Stream, Writer},
};
use crate::media::{HeardFrame, Playout};

/// How long an agent may take to be there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Who goes so soon, and has said nothing, was not there.
const AT_ONCE: Duration = Duration::from_secs(2);
/// How often an agent is asked whether it is still there; every WebSocket answers (RFC 6455 §5.5.2).
const PING: Duration = Duration::from_secs(5);
/// An agent that has been silent this long, or does not take what it is sent, is gone.
const SILENCE: Duration = Duration::from_secs(20);
/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_secs(2);
/// Milliseconds of a frame.
const FRAME_MS: u64 = 20;

/// Why a connection ended that nobody closed.
const BROKE: &str = "the connection broke";
const SILENT: &str = "it fell silent";
const STUCK: &str = "it does not take what it is sent";

/// Connects, and carries the conversation until the agent has gone and what it said has been played, or `over` fires.
pub(super) async fn hand_over(url: Url, to: Handover, ends: Ends, over: CancellationToken) -> Gone {
    let playout = ends.playout.clone();
    let gone = over.run_until_cancelled(timeout(CONNECT_TIMEOUT, to.connector.open(&url))).await;
    let gone = match gone {
        None => Gone::Left,
        Some(Ok(Ok(socket))) => talk((socket, &url), &to, ends, &over).await,
        Some(Ok(Err(error))) => unreachable(&to, &url, &error.to_string()),
        Some(Err(_)) => unreachable(&to, &url, "it did not answer in time"),
    };
    while !playout.is_empty() && !over.is_cancelled() {
        over.run_until_cancelled(playout.changed()).await;
    }
    gone
}

fn unreachable(to: &Handover, url: &Url, error: &str) -> Gone {
    tracing::warn!(error, call = to.call, host = url.host_str(), "an agent cannot be reached");
    Gone::Unreachable
}

async fn talk((socket, url): (Socket, &Url), to: &Handover, ends: Ends, over: &CancellationToken) -> Gone {
    let began = Stopwatch::start();
    let (sink, stream) = socket.split();
    let Ends { playout, frames, news, wishes, .. } = ends;
    let mut listener = Listener { playout: &playout, wishes, call: &to.call, said: false, complained: false };
    let mut speaker = Speaker { sink, writer: Writer::new(about(to)) };
    let gone = tokio::select! {
        gone = speaker.speak(&to.parameters, &playout, frames, news, over) => gone,
        gone = listener.listen(stream) => gone,
        () = async { over.cancelled().await; sleep(GOODBYE).await } => return Gone::Left,
    };
    tracing::debug!(call = to.call, gone, "an agent has gone");
    let at_once = !listener.said && began.elapsed() < AT_ONCE && !over.is_cancelled();
    match gone {
        _ if at_once => unreachable(to, url, gone),
        BROKE | SILENT | STUCK => {
            tracing::warn!(call = to.call, gone, "an agent is lost in the middle of its call");
            Gone::Lost
        }
        _ => Gone::Left,
    }
}

fn about(to: &Handover) -> Stream {
    Stream {
        stream: format!("MZ{:032x}", rand::random::<u128>()),
        call: to.call.clone(),
        account: to.account.clone(),
    }
}

/// Our direction.
struct Speaker {
    sink: SplitSink<Socket, Message>,
    writer: Writer,
}

impl Speaker {
    /// Says what happens until the call is over or the agent does not take it any more; gives why.
    async fn speak(
        &mut self,
        parameters: &BTreeMap<String, String>,
        playout: &Playout,
        mut frames: mpsc::Receiver<HeardFrame>,
        mut news: mpsc::Receiver<News>,
        over: &CancellationToken,
    ) -> &'static str {
        let mut ping = interval(PING);
        let mut well = self.say(&Outgoing::Connected).await && self.say(&Outgoing::Start(parameters)).await;
        while well {
            well = tokio::select! {
                biased;
                () = over.cancelled() => return self.say_goodbye().await,
                Some(told) = news.recv() => match told {
                    News::Key(key) => self.say(&Outgoing::Dtmf(key)).await,
                    News::NotTransferred(to) => self.say(&Outgoing::NotTransferred(&to)).await,
                },
                () = playout.changed() => self.say_passed(playout).await,
                Some((n, frame)) = frames.recv() => {
                    self.say(&Outgoing::Media { at: n * FRAME_MS, ulaw: &frame }).await
                }
                _ = ping.tick() => self.send(Message::Ping(Vec::new().into())).await,
            };
        }
        STUCK
    }

    async fn say_passed(&mut self, playout: &Playout) -> bool {
        for name in playout.passed() {
            if !self.say(&Outgoing::Mark(&name)).await {
                return false;
            }
        }
        true
    }

    async fn say_goodbye(&mut self) -> &'static str {
        if self.say(&Outgoing::Stop).await {
            self.send(Message::Close(None)).await;
        }
        "the call is over"
    }

    async fn say(&mut self, message: &Outgoing<'_>) -> bool {
        let text = self.writer.write(message);
        self.send(Message::Text(text.into())).await
    }

    async fn send(&mut self, message: Message) -> bool {
        matches!(timeout(SILENCE, self.sink.send(message)).await, Ok(Ok(())))
    }
}

/// The agent's direction.
struct Listener<'a> {
    playout: &'a Playout,
    wishes: mpsc::Sender<TransferName>,
    call: &'a str,
    /// It has sent audio.
    said: bool,
    /// Something that could not be used has been logged.
    complained: bool,
}

impl Listener<'_> {
    /// Takes what the agent says until it goes; gives why.
    async fn listen(&mut self, mut stream: SplitStream<Socket>) -> &'static str {
        loop {
            match timeout(SILENCE, stream.next()).await {
                Ok(Some(Ok(Message::Text(text)))) => self.take(&text),
                Ok(Some(Ok(Message::Binary(_)))) => self.complain("its messages must be text"),
                Ok(Some(Ok(Message::Close(_))) | None) => return "it closed the connection",
                Ok(Some(Ok(_))) => {}
                Ok(Some(Err(error))) => {
                    self.complain(&error.to_string());
                    return BROKE;
                }
                Err(_) => return SILENT,
            }
        }
    }

    fn take(&mut self, text: &str) {
        match wire::read(text) {
            Ok(Incoming::Media(ulaw)) => {
                self.said = true;
                if !self.playout.push(&ulaw) {
                    self.complain("it is more than a minute ahead; what is too much is left out");
                }
            }
            Ok(Incoming::Mark(name)) => {
                if !self.playout.mark(name) {
                    self.complain("it sets too many marks, or too long ones");
                }
            }
            Ok(Incoming::Clear) => self.playout.clear(),
            Ok(Incoming::Transfer(to)) => drop(self.wishes.try_send(to)), // who asks that often has been heard
            Ok(Incoming::Other) => {}
            Err(error) => self.complain(&error),
        }
    }

    /// Logs the first thing that is wrong; an agent may send the same fifty times a second.
    fn complain(&mut self, problem: &str) {
        if !std::mem::replace(&mut self.complained, true) {
            tracing::warn!(problem, call = self.call, "an agent sends what cannot be used");
        }
    }
}

#[cfg(test)]
#[path = "stream_tests.rs"]
mod tests;
