//! Recordings of calls: noted when the call is settled, put where blobs are kept by the worker that made them, handed out by links.

use std::path::Path;

use chrono::TimeDelta;
use ringfleet_blobs::{Blob, Blobs};
use ringfleet_core::{CallId, WorkspaceId};
use uuid::Uuid;

use crate::{Engine, EngineError, Result};

/// How long a link opens its file (Samora's API: 60 minutes).
pub const LINK_OPEN: TimeDelta = TimeDelta::minutes(60);
/// Recordings forgotten in one transaction.
const FORGOTTEN_AT_ONCE: u32 = 200;

/// Where recordings are, and where people find this server.
#[derive(Debug, Clone)]
pub struct Media {
    /// Where they are kept.
    pub blobs: Blobs,
    /// What the addresses of files begin with, without a slash at the end.
    pub base_url: String,
}

/// A recording that a call has left.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// A link that opens it, for events that want one.
    pub url: Option<String>,
}

impl Engine {
    /// Says where recordings are kept; the first word holds. Without it none can be kept or fetched.
    pub fn with_media(self, media: Media) -> Self {
        drop(self.0.media.set(media));
        self
    }

    /// What a call that has been recorded leaves, with a link that opens from now on.
    ///
    /// # Errors
    /// When the secret that signs links cannot be read.
    pub async fn recorded(&self, call: CallId) -> Result<Recorded> {
        let Some(media) = self.0.media.get() else { return Ok(Recorded { url: None }) };
        let (path, expires) = (format!("/files/recordings/{}", call.uuid()), self.0.clock.now() + LINK_OPEN);
        let url = self.server_secret().await?.link_key().address(&media.base_url, &path, expires);
        Ok(Recorded { url: Some(url) })
    }

    /// Of these calls, those that are over: their recordings can be kept.
    pub async fn calls_over(&self, calls: &[CallId]) -> Result<Vec<CallId>> {
        let ids: Vec<Uuid> = calls.iter().map(|call| call.uuid()).collect();
        let mut tx = self.0.store.read().await?;
        let over = tx.calls_over(&ids).await?;
        tx.commit().await?;
        Ok(over.into_iter().map(CallId::from).collect())
    }

    /// Keeps the recording of a call that is over. Twice does no harm.
    ///
    /// # Errors
    /// When the file, the place or the database cannot be reached: what was made stays, to be kept later.
    pub async fn keep_recording(&self, call: CallId, file: &Path) -> Result<()> {
        let bytes = self.blobs()?.keep(&name(call), file).await?;
        let mut tx = self.0.store.write().await?;
        let noted = tx.note_stored(call, bytes, self.0.clock.now()).await?;
        tx.commit().await?;
        if !noted {
            self.forget_blob(call).await?; // whoever was called has been erased meanwhile
        }
        Ok(())
    }

    /// Forgets the file of a recording; nothing happens where there is none.
    pub(crate) async fn forget_blob(&self, call: CallId) -> Result<()> {
        Ok(self.blobs()?.forget(&name(call)).await?)
    }

    /// The recording of a call of the workspace.
    ///
    /// # Errors
    /// [`EngineError::NotFound`] when there is none, [`EngineError::Conflict`] while it is on its way.
    pub async fn recording(&self, workspace: WorkspaceId, call: CallId) -> Result<Blob> {
        let mut tx = self.0.store.read().await?;
        tx.call(workspace, call).await?.ok_or(EngineError::NotFound("session"))?;
        tx.commit().await?;
        self.recording_of(call).await
    }

    /// The same of a call whose link somebody has followed.
    ///
    /// # Errors
    /// As [`Engine::recording`].
    pub async fn recording_of(&self, call: CallId) -> Result<Blob> {
        let mut tx = self.0.store.read().await?;
        let recording = tx.recording(call).await?.ok_or(NONE)?;
        tx.commit().await?;
        if recording.stored_at.is_none() {
            let message = "the recording is on its way from the worker; ask again in a few seconds";
            return Err(EngineError::conflict("RECORDING_ON_ITS_WAY", message));
        }
        self.blobs()?.fetch(&name(call)).await?.ok_or(NONE)
    }

    /// Forgets recordings that were made more than `days` days ago. Gives how many.
    pub async fn forget_recordings(&self, days: u32) -> Result<u64> {
        let (blobs, before) = (self.blobs()?, self.0.clock.now() - TimeDelta::days(i64::from(days)));
        let mut forgotten = 0;
        loop {
            let mut tx = self.0.store.read().await?;
            let old = tx.old_recordings(before, FORGOTTEN_AT_ONCE).await?;
            tx.commit().await?;
            if old.is_empty() {
                return Ok(forgotten);
            }
            // The rows last: what stops in between is done again.
            for recording in &old {
                blobs.forget(&name(recording.call_id)).await?;
            }
            let ids: Vec<Uuid> = old.iter().map(|recording| recording.call_id.uuid()).collect();
            let mut tx = self.0.store.write().await?;
            tx.forget_recordings(&ids).await?;
            tx.commit().await?;
            forgotten += old.len() as u64;
        }
    }

    fn blobs(&self) -> Result<&Blobs> {
        let media = self.0.media.get();
        Ok(&media.ok_or_else(|| EngineError::Broken("no place for recordings is known".to_owned()))?.blobs)
    }
}

const NONE: EngineError = EngineError::NotFound("recording");

/// What the recording of a call is called.
fn name(call: CallId) -> String {
    format!("{call}.wav")
}
