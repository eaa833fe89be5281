//! What the caller hears.

use std::sync::Arc;

use tokio::{
    sync::{mpsc::UnboundedSender, watch},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use crate::media::{self, Command, MediaReport, Meter, Remote, RtpSocket, Wires};

/// The audio of a call: not begun while the caller owes us an address, else running.
pub(super) enum Audio {
    Waiting(RtpSocket),
    Running { commands: UnboundedSender<Command>, stop: CancellationToken, task: JoinHandle<MediaReport> },
    Gone,
}

impl Audio {
    /// Begins once it is known where to send; a second time changes nothing. With a meter the caller hears numbered audio instead.
    pub fn begin(&mut self, remote: Option<Remote>, pcm: Arc<Vec<i16>>, meter: Option<&Arc<Meter>>) {
        let Some(remote) = remote else { return };
        *self = match std::mem::replace(self, Self::Gone) {
            Self::Waiting(socket) => {
                let stop = CancellationToken::new();
                let (wires, lead) = Wires::new();
                let task = match meter {
                    Some(meter) => tokio::spawn(media::measure(socket, remote, meter.clone(), stop.clone())),
                    None => {
                        let (_, remote) = watch::channel(remote); // it stays as it is
                        tokio::spawn(media::run(socket, remote, pcm, None, wires, stop.clone()))
                    }
                };
                Self::Running { commands: lead.commands, stop, task }
            }
            other => other,
        };
    }

    /// Presses keys, one after the other.
    pub fn press(&self, keys: &str) {
        let Self::Running { commands, .. } = self else { return };
        // A session ends before its call only when it has broken, which has been told.
        keys.chars().for_each(|key| drop(commands.send(Command::Press(key))));
    }

    /// Ends it; what came of it.
    pub async fn end(self) -> MediaReport {
        match self {
            Self::Running { stop, task, .. } => {
                stop.cancel();
                task.await.unwrap_or_default()
            }
            Self::Waiting(_) | Self::Gone => MediaReport::default(),
        }
    }
}
