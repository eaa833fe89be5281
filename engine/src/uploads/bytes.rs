//! The bytes of an upload as a stream: one part in memory at a time.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use futures::{StreamExt, future::BoxFuture, stream};
use parking_lot::Mutex;
use ringfleet_core::UploadId;
use ringfleet_store::{Store, Upload};
use sha2::{Digest, Sha256};
use tokio::io::AsyncRead;
use tokio_util::io::StreamReader;

use crate::{EngineError, Result, import::patiently};

/// What has been seen of the bytes by whoever reads them.
#[derive(Clone, Default)]
pub(super) struct Seen {
    bytes: Arc<AtomicU64>,
    hash: Option<Arc<Mutex<Sha256>>>,
    /// Why they could not be read to their end.
    trouble: Arc<Mutex<Option<EngineError>>>,
}

impl Seen {
    /// With their SHA-256.
    pub(super) fn hashed() -> Self {
        Self { hash: Some(Arc::default()), ..Self::default() }
    }

    /// How many.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Their SHA-256 in hex, where it is kept.
    pub(super) fn sha256(&self) -> Option<String> {
        let digest = self.hash.as_ref()?.lock().clone().finalize();
        Some(hex::encode(digest))
    }

    /// The error of a reader, or what the database said if that is behind it.
    pub(super) fn cause(&self, error: EngineError) -> EngineError {
        match (&error, self.trouble.lock().take()) {
            (EngineError::BrokenUpload(_), Some(cause)) => cause,
            _ => error,
        }
    }

    fn take(&self, part: &[u8]) {
        self.bytes.fetch_add(part.len() as u64, Ordering::Relaxed);
        if let Some(hash) = &self.hash {
            hash.lock().update(part);
        }
    }
}

/// Reads an upload that is complete.
pub(super) fn reader(store: Store, upload: &Upload, seen: Seen) -> impl AsyncRead + Send + Unpin + 'static {
    let (id, end) = (upload.id, upload.received as u64);
    let parts = stream::try_unfold(0, move |start| {
        let (store, seen) = (store.clone(), seen.clone());
        async move {
            if start >= end {
                return Ok::<_, io::Error>(None);
            }
            let read = || -> BoxFuture<'_, _> { Box::pin(part(&store, id, start)) };
            let part = patiently(read).await.map_err(|error| {
                *seen.trouble.lock() = Some(error.clone());
                io::Error::other(error)
            })?;
            let part = part.ok_or_else(|| io::Error::other("bytes of the upload are gone"))?;
            seen.take(&part);
            let next = start + part.len() as u64;
            Ok(Some((Bytes::from(part), next)))
        }
    });
    StreamReader::new(parts.boxed())
}

/// The part that begins at `start`.
pub(super) async fn part(store: &Store, upload: UploadId, start: u64) -> Result<Option<Vec<u8>>> {
    let mut tx = store.read().await?;
    let part = tx.upload_part(upload, start).await?;
    tx.commit().await?;
    Ok(part)
}
