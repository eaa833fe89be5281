//! Recordings on their way from this machine to where they are kept.
//!
//! A call writes its recording into a folder here. When the call is settled it is put in its place and removed here. What is left in the folder is all
//! that is known of what is still to do, so a worker that was killed, or a place that could not be reached, loses nothing.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use ringfleet_core::CallId;
use ringfleet_engine::{Engine, EngineError, Recorded};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// How often the folder is looked at, beside whenever a call has left something.
const LOOK: Duration = Duration::from_secs(30);
/// How soon it is tried again where they could not be put in their place.
const AGAIN: Duration = Duration::from_secs(5);
/// How long a process that stops goes on putting recordings in their place. The rest waits for the next start.
const LAST_ROUND: Duration = Duration::from_secs(20);

/// The folder. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Recordings {
    folder: Option<PathBuf>,
    news: Arc<Notify>,
}

impl Recordings {
    pub(crate) fn new(folder: Option<PathBuf>) -> Self {
        Self { folder, news: Arc::default() }
    }

    /// Where a call's recording is to be written.
    pub(crate) fn file(&self, call: CallId) -> Option<PathBuf> {
        self.folder.as_ref().map(|folder| file_of(folder, call))
    }

    /// What an ended call has left.
    pub(crate) async fn left_by(&self, engine: &Engine, call: CallId) -> Option<Recorded> {
        let file = self.file(call)?;
        if !tokio::fs::try_exists(&file).await.unwrap_or(false) {
            return None;
        }
        let recorded = engine.recorded(call).await.inspect_err(|error| {
            tracing::warn!(%error, %call, "no link to a recording can be made; its event is told without");
        });
        Some(recorded.unwrap_or(Recorded { url: None }))
    }

    /// A call that was recorded is settled.
    pub(crate) fn settled(&self) {
        self.news.notify_one();
    }

    /// Puts recordings in their place until `stop`, and then those that are left.
    pub(crate) async fn keep(self, engine: Engine, stop: CancellationToken) {
        let Some(folder) = &self.folder else { return };
        while !stop.is_cancelled() {
            let wait = if self.look(&engine, folder).await { LOOK } else { AGAIN };
            tokio::select! {
                () = self.news.notified() => {}
                () = tokio::time::sleep(wait) => {}
                () = stop.cancelled() => {}
            }
        }
        if tokio::time::timeout(LAST_ROUND, self.look(&engine, folder)).await.is_err() {
            tracing::warn!("recordings are left in {}; the next start goes on with them", folder.display());
        }
    }

    /// False when something could not be done.
    async fn look(&self, engine: &Engine, folder: &Path) -> bool {
        let kept = keep_all(engine, folder).await;
        kept.inspect_err(|error| {
            tracing::warn!(%error, "recordings cannot be put in their place; it will be tried again");
        })
        .is_ok()
    }
}

async fn keep_all(engine: &Engine, folder: &Path) -> Result<(), EngineError> {
    for call in engine.calls_over(&waiting(folder).await).await? {
        let file = file_of(folder, call);
        match engine.keep_recording(call, &file).await {
            Ok(()) => {}
            // Another process of this machine was faster.
            Err(_) if !tokio::fs::try_exists(&file).await.unwrap_or(true) => continue,
            Err(error) => return Err(error),
        }
        match tokio::fs::remove_file(&file).await {
            Ok(()) => tracing::debug!(%call, "a recording is in its place"),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                tracing::warn!(%error, path = %file.display(), "a recording that is kept cannot be removed here")
            }
        }
    }
    Ok(())
}

fn file_of(folder: &Path, call: CallId) -> PathBuf {
    folder.join(format!("{call}.wav"))
}

/// The calls whose recordings are whole and wait.
async fn waiting(folder: &Path) -> Vec<CallId> {
    let mut found = Vec::new();
    let Ok(mut files) = tokio::fs::read_dir(folder).await else { return found }; // it is made with the first recording
    while let Ok(Some(file)) = files.next_entry().await {
        let name = file.file_name();
        // Nothing is followed that only points somewhere.
        if !file.file_type().await.is_ok_and(|kind| kind.is_file()) {
            continue;
        }
        let call: Option<CallId> = name.to_str().and_then(|name| name.strip_suffix(".wav")?.parse().ok());
        found.extend(call);
    }
    found
}
