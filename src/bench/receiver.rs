//! Who gets the webhooks of a bench: as little work as an answer takes, for it shares the machine with what is measured.

use std::{sync::Arc, time::Duration};

use parking_lot::Mutex;
use ringfleet_core::clock::Stopwatch;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use crate::process::Failure;

/// In each body, before the microsecond on the bench's watch at which its event was made.
pub const MARK: &str = "\"madeAt\":";

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// A server on loopback. It ends with this value.
pub struct Receiver {
    pub url: String,
    /// How long each event took to arrive, in the order of arrival.
    pub latencies: Arc<Mutex<Vec<Duration>>>,
    _running: JoinSet<()>,
}

impl Receiver {
    /// One that answers after `pause`.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start(watch: Stopwatch, pause: Duration) -> Result<Self, Failure> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/", listener.local_addr()?);
        let latencies = Arc::<Mutex<Vec<Duration>>>::default();
        let heard = latencies.clone();
        let mut running = JoinSet::new();
        running.spawn(async move {
            let mut talks = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let heard = heard.clone();
                talks.spawn(async move { drop(talk(stream, watch, pause, &heard).await) });
                while talks.try_join_next().is_some() {}
            }
        });
        Ok(Self { url, latencies, _running: running })
    }

    /// What has arrived since the last time.
    pub fn taken(&self) -> Vec<Duration> {
        std::mem::take(&mut *self.latencies.lock())
    }
}

/// Reads one request after the other and answers each.
async fn talk(
    mut stream: TcpStream,
    watch: Stopwatch,
    pause: Duration,
    heard: &Mutex<Vec<Duration>>,
) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut read = Vec::with_capacity(4096);
    loop {
        let whole = loop {
            if let Some(whole) = length(&read).filter(|whole| read.len() >= *whole) {
                break whole;
            }
            if stream.read_buf(&mut read).await? == 0 {
                return Ok(());
            }
        };
        if let Some(made) = made_at(&read[..whole]) {
            heard.lock().push(watch.elapsed().saturating_sub(made));
        }
        read.drain(..whole);
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
        stream.write_all(ANSWER).await?;
    }
}

/// How long the request is, as soon as its head is there.
fn length(read: &[u8]) -> Option<usize> {
    let head = read.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&read[..head]).ok()?;
    let body = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    Some(head + body.unwrap_or(0))
}

fn made_at(request: &[u8]) -> Option<Duration> {
    let text = std::str::from_utf8(request).ok()?;
    let rest = &text[text.find(MARK)? + MARK.len()..];
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest[..digits].parse().ok().map(Duration::from_micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_to_its_end() {
        let request = b"POST / HTTP/1.1\r\nContent-Length: 14\r\n\r\n{\"madeAt\":42, ";
        assert_eq!(length(request), Some(request.len()));
        assert_eq!(length(&request[..30]), None);
        assert_eq!(made_at(request), Some(Duration::from_micros(42)));
    }
}
