//! A mail server in small (RFC 5321): takes mail, refuses addresses that begin with `bounce`, and counts.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use crate::process::Failure;

/// Listens on a free loopback port until it is dropped.
pub struct Mail {
    addr: SocketAddr,
    taken: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Mail {
    /// # Errors
    /// When no loopback port can be opened.
    pub async fn start() -> Result<Self, Failure> {
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .map_err(|e| Failure::during("the mail server cannot listen on 127.0.0.1", e))?;
        let (addr, taken) = (listener.local_addr()?, Arc::new(AtomicU64::new(0)));
        let count = taken.clone();
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(converse(client, count.clone()));
            }
        });
        Ok(Self { addr, taken, task })
    }

    pub fn port(&self) -> u16 {
        self.addr.port()
    }

    /// Mails it took.
    pub fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }
}

impl Drop for Mail {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn converse(mut client: TcpStream, taken: Arc<AtomicU64>) -> std::io::Result<()> {
    let (read, mut write) = client.split();
    let mut lines = BufReader::new(read).lines();
    write.write_all(b"220 demo ESMTP\r\n").await?;
    let mut in_mail = false;
    while let Some(line) = lines.next_line().await? {
        let verb = line.get(..4).unwrap_or_default().to_ascii_uppercase();
        let answer: &[u8] = match verb.as_str() {
            _ if in_mail && line == "." => {
                in_mail = false;
                taken.fetch_add(1, Ordering::Relaxed);
                b"250 2.0.0 taken\r\n"
            }
            _ if in_mail => continue,
            "RCPT" if line.contains("<bounce") => b"550 5.1.1 no such mailbox\r\n",
            "DATA" => {
                in_mail = true;
                b"354 go on\r\n"
            }
            "QUIT" => {
                write.write_all(b"221 bye\r\n").await?;
                return Ok(());
            }
            _ => b"250 ok\r\n",
        };
        write.write_all(answer).await?;
    }
    Ok(())
}
