//! Looks through an upload as an import would, without a campaign.

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::BoxFuture;
use ringfleet_core::{WorkerId, import::UploadState};
use ringfleet_store::{Reject, Upload, Validated};
use ringfleet_telemetry::UPLOADS;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

use super::{
    LEASE, MOST_ROWS,
    bytes::{Seen, reader},
};
use crate::{
    Engine, EngineError, Result,
    import::{Header, Parcel, Reading, Repeats, feed, patiently, stopped, told},
    news::upload_progress,
};

/// Rows between two notes.
const BATCH: usize = 10_000;
/// Between two events of the progress of one upload, at least.
const PROGRESS: TimeDelta = TimeDelta::seconds(5);

/// One upload, and by which right it is looked through.
struct Look<'a> {
    engine: &'a Engine,
    upload: &'a Upload,
    lease: Uuid,
    seen: Seen,
    rows: u64,
    /// When this look has last told of it; at first, when it was begun.
    told_at: DateTime<Utc>,
}

impl Engine {
    /// Looks through the upload that has waited longest, to its end; false when none waits. Any number of processes may do this; who dies is
    /// followed by another one, who begins anew.
    ///
    /// # Errors
    /// When the database fails. The upload is looked through again when the lease has run out.
    pub async fn validate_next_upload(&self) -> Result<bool> {
        let lease = WorkerId::new(self.clock().now()).uuid();
        let now = self.clock().now();
        let mut tx = self.store().write().await?;
        let leased = tx.lease_validation(lease, now, now + LEASE).await?;
        tx.commit().await?;
        let Some(upload) = leased else { return Ok(false) };
        let seen = if upload.sha256.is_some() { Seen::hashed() } else { Seen::default() };
        let mut look = Look { engine: self, upload: &upload, lease, seen, rows: 0, told_at: now };
        let error = match look.through().await {
            Ok(()) => None,
            // Passing trouble is nobody's fault: the lease runs out and somebody begins anew.
            Err(error) if error.is_passing() || is_lost(&error) => return Err(error),
            Err(error) => Some(told(&error)),
        };
        look.end(error.as_deref()).await?;
        Ok(true)
    }
}

impl Look<'_> {
    async fn through(&mut self) -> Result<()> {
        // Before all rows: whoever waits wants to see the columns, above all where they are not understood.
        let header = self.engine.header_of(self.upload).await?;
        self.tell_columns(&header).await?;
        let bytes = reader(self.engine.store().clone(), self.upload, self.seen.clone());
        let reading = Reading::all(self.upload.mapping.clone(), Repeats::Rejected, BATCH);
        let (sender, mut parcels) = mpsc::channel(1);
        let feeder = AbortOnDropHandle::new(tokio::spawn(feed(bytes, reading, sender)));
        while let Some(parcel) = parcels.recv().await {
            self.note(&parcel).await?;
        }
        feeder.await.map_err(stopped)?.map_err(|error| self.seen.cause(error))?;
        self.compare()
    }

    async fn tell_columns(&self, header: &Header) -> Result<()> {
        let mut tx = self.engine.store().write().await?;
        tx.set_columns(self.upload.id, self.lease, &header.columns, header.mapped.as_ref()).await?;
        Ok(tx.commit().await?)
    }

    /// Notes a batch.
    async fn note(&mut self, parcel: &Parcel) -> Result<()> {
        let (rows, rejects) = (parcel.batch.rows() as u64, &parcel.batch.rejects);
        self.rows += rows;
        if self.rows > MOST_ROWS {
            let problem = format!("the file has more than {MOST_ROWS} rows; split it");
            return Err(EngineError::invalid("file", problem));
        }
        let found = Validated { bytes: self.seen.bytes(), rows, rejected: rejects.len() as u64 };
        self.write(found, rejects).await
    }

    async fn write(&mut self, found: Validated, rejects: &[Reject]) -> Result<()> {
        let now = self.engine.clock().now();
        // Not tried again here: nobody would know whether these rows have been counted. The next look counts anew.
        let mut tx = self.engine.store().write().await?;
        if !tx.note_validation(self.upload.id, self.lease, found, now + LEASE).await? {
            return Err(lost());
        }
        if !rejects.is_empty() {
            tx.insert_upload_rejects(self.upload.id, rejects).await?;
        }
        if now - self.told_at < PROGRESS {
            return Ok(tx.commit().await?);
        }
        let told = upload_progress(&mut tx, self.upload.id, now).await?;
        tx.commit().await?;
        self.told_at = now;
        self.engine.hint_deliveries(&told);
        Ok(())
    }

    fn compare(&self) -> Result<()> {
        match (&self.upload.sha256, self.seen.sha256()) {
            (Some(said), Some(found)) if !said.eq_ignore_ascii_case(&found) => {
                let problem = format!("what has arrived has the SHA-256 {found}; send the file again");
                Err(EngineError::invalid("sha256", problem))
            }
            _ => Ok(()),
        }
    }

    async fn end(&self, error: Option<&str>) -> Result<()> {
        let end = || -> BoxFuture<'_, _> {
            Box::pin(async {
                let now = self.engine.clock().now();
                let mut tx = self.engine.store().write().await?;
                let told = match tx.end_validation(self.upload.id, self.lease, error, now).await? {
                    true => upload_progress(&mut tx, self.upload.id, now).await?,
                    false => Vec::new(),
                };
                tx.commit().await?;
                Ok(told)
            })
        };
        let told = patiently(end).await?;
        self.engine.hint_deliveries(&told);
        let (upload, rows) = (self.upload.id, self.rows);
        tracing::info!(%upload, rows, error, "upload looked through");
        let state = if error.is_none() { UploadState::Ready } else { UploadState::Failed };
        UPLOADS.of([state.as_str()]).increment(1);
        Ok(())
    }
}

const LOST: &str = "UPLOAD_TAKEN";

fn lost() -> EngineError {
    EngineError::Conflict {
        code: LOST,
        message: "somebody else looks through this upload, or it is gone".into(),
    }
}

fn is_lost(error: &EngineError) -> bool {
    matches!(error, EngineError::Conflict { code: LOST, .. })
}
