//! A private Redis that can be flushed, killed and started again.

use std::{
    fs,
    process::{Command, Stdio},
    sync::{Mutex, PoisonError},
};

use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

use super::{
    SOON, eventually, free_port,
    guard::{self, Signal, Tethered},
};

/// A Redis server on a free port, with the append-only file on, as a fleet would run it.
pub struct Redis {
    // Dropped before the folder that it writes into.
    server: Mutex<Tethered>,
    folder: TempDir,
    port: u16,
}

impl Redis {
    pub async fn start() -> Self {
        let folder = guard::folder();
        for _ in 0..5 {
            let port = free_port();
            let server = launch(&folder, port);
            if ready(&server, port).await {
                return Self { server: Mutex::new(server), folder, port };
            }
        }
        panic!(
            "Redis does not start:\n{}",
            fs::read_to_string(folder.path().join("log")).unwrap_or_default()
        );
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    /// Kills the server as a crash would; what it had not yet written is lost.
    pub fn kill9(&self) {
        self.server.lock().unwrap_or_else(PoisonError::into_inner).kill9();
    }

    /// Starts the server again, on the same port and with what it had written; kills it first if it still runs.
    pub async fn restart(&self) {
        self.kill9();
        let server = launch(&self.folder, self.port);
        assert!(ready(&server, self.port).await, "Redis does not start again on port {}", self.port);
        *self.server.lock().unwrap_or_else(PoisonError::into_inner) = server;
    }

    /// Forgets everything.
    pub async fn flushall(&self) {
        assert_eq!(self.command("FLUSHALL").await, "+OK");
    }

    /// Sends one command without blanks in its arguments, and returns the first line of the reply, as the wire has it
    /// (`+OK`, `:3`, `$5`, `-ERR …`; RESP of the Redis protocol specification).
    ///
    /// # Panics
    ///
    /// When the server does not answer.
    pub async fn command(&self, line: &str) -> String {
        command(self.port, line).await.unwrap_or_else(|error| panic!("Redis does not answer {line}: {error}"))
    }
}

async fn command(port: u16, line: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.write_all(format!("{line}\r\n").as_bytes()).await?;
    let mut reply = String::new();
    BufReader::new(stream).read_line(&mut reply).await?;
    Ok(reply.trim_end().to_owned())
}

fn launch(folder: &TempDir, port: u16) -> Tethered {
    let log = fs::OpenOptions::new().create(true).append(true).open(folder.path().join("log"));
    let mut command = Command::new("redis-server");
    command
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "yes"])
        .args(["--appendfsync", "everysec", "--dir"])
        .arg(folder.path())
        .stdin(Stdio::null())
        .stdout(log.expect("the folder is writable"))
        .stderr(Stdio::null());
    Tethered::spawn(&mut command, Signal::Kill).expect("Redis is not installed: apt-get install redis-server")
}

/// Whether the server got as far as answering; false when it gave up, for instance because the port was taken. Its process
/// id tells it from the one that took the port.
async fn ready(server: &Tethered, port: u16) -> bool {
    let me = format!("process_id:{}\r", server.pid());
    eventually(SOON, "Redis answers", async || {
        if server.exit_status().is_some() {
            return Some(false);
        }
        // While it reads its file it answers -LOADING.
        greeting(port)
            .await
            .is_ok_and(|reply| reply.starts_with("+PONG") && reply.contains(&me))
            .then_some(true)
    })
    .await
}

/// What it says to a PING, and about itself.
async fn greeting(port: u16) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.write_all(b"PING\r\nINFO server\r\nQUIT\r\n").await?;
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await?;
    Ok(reply)
}
