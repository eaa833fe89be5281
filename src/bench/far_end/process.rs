//! The bench's side of the process.

use std::{net::SocketAddr, process::Stdio, time::Duration};

use serde::de::DeserializeOwned;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};

use super::{Places, Question, Report};
use crate::process::Failure;

/// How long an answer may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The running process. It ends with this value.
pub struct FarEnd {
    /// Where its callees are.
    pub sip: SocketAddr,
    /// Where its agents are.
    pub agent: String,
    child: Child,
    asks: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl FarEnd {
    /// Starts one whose callees ring and talk so long, with agents that are ahead by `cushion`.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start(ring: Duration, talk: Duration, cushion: Duration) -> Result<Self, Failure> {
        let ms = |time: Duration| time.as_millis().to_string();
        let mut child = Command::new(std::env::current_exe()?)
            .arg("far-end")
            .args(["--ring-ms", &ms(ring), "--talk-ms", &ms(talk), "--cushion-ms", &ms(cushion)])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let gone = || Failure::new("the far end has no input or output");
        let asks = child.stdin.take().ok_or_else(gone)?;
        let mut answers = BufReader::new(child.stdout.take().ok_or_else(gone)?).lines();
        let Places { sip, agent } = next(&mut answers).await?;
        Ok(Self { sip, agent: format!("ws://{agent}/"), child, asks, answers })
    }

    /// Its id.
    ///
    /// # Errors
    /// When it has ended.
    pub fn pid(&self) -> Result<u32, Failure> {
        self.child.id().ok_or_else(|| Failure::new("the far end has ended"))
    }

    /// How many calls hear themselves.
    pub async fn talking(&mut self) -> Result<u64, Failure> {
        self.ask(Question::Talking).await
    }

    /// Begins to count, or ends it.
    pub async fn count(&mut self, open: bool) -> Result<(), Failure> {
        self.ask(if open { Question::Open } else { Question::Close }).await
    }

    /// Hangs up all calls, and tells what was counted.
    pub async fn report(&mut self) -> Result<Report, Failure> {
        self.ask(Question::Report).await
    }

    async fn ask<T: DeserializeOwned>(&mut self, question: Question) -> Result<T, Failure> {
        let line = format!("{}\n", serde_json::to_string(&question)?);
        self.asks.write_all(line.as_bytes()).await?;
        next(&mut self.answers).await
    }
}

async fn next<T: DeserializeOwned>(answers: &mut Lines<BufReader<ChildStdout>>) -> Result<T, Failure> {
    let line = timeout(PATIENCE, answers.next_line()).await;
    let line = line.map_err(|_| Failure::new("the far end does not answer"))??;
    Ok(serde_json::from_str(&line.ok_or_else(|| Failure::new("the far end has ended"))?)?)
}
