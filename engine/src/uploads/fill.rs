//! Imports from uploads: whoever holds the lease carries one on from where the last one stopped.

use futures::future::BoxFuture;
use ringfleet_core::WorkerId;
use ringfleet_store::{Filling, Portion, Upload, UploadState};
use uuid::Uuid;

use super::{
    LEASE, SIGN, USED,
    bytes::{Seen, reader},
};
use crate::{
    Engine, EngineError, Receipt, Result,
    import::{Filler, Reading, Repeats, patiently},
};

impl Engine {
    /// Carries on the import from an upload that has waited longest, to its end; false when none waits. Any number of processes may do this.
    ///
    /// # Errors
    /// When the database fails. The import is carried on, by this process or another one, when the lease has run out.
    pub async fn fill_next(&self) -> Result<bool> {
        let lease = WorkerId::new(self.clock().now()).uuid();
        let now = self.clock().now();
        let mut tx = self.store().write().await?;
        let Some(filling) = tx.lease_filling(lease, now, now + LEASE).await? else {
            tx.commit().await?;
            return Ok(false);
        };
        let upload = tx.upload(filling.workspace_id, filling.upload_id).await?;
        let done = tx.portions(filling.id).await?;
        tx.commit().await?;
        let filler =
            Filler::new(self.clone(), filling.workspace_id, filling.campaign_id, filling.id, Some(lease));
        let result = match usable(upload.as_ref()) {
            Ok(upload) => {
                tokio::select! {
                    result = self.fill(&filler, upload, &done) => result,
                    lost = self.keep_lease(&filling, lease) => Err(lost),
                }
            }
            Err(error) => Err(error),
        };
        match result {
            // Another one carries it on, or has ended it.
            Err(EngineError::Conflict { code: "IMPORT_CLOSED", .. }) => Ok(true),
            // So will somebody, when the lease has run out.
            Err(error) if error.is_passing() => Err(error),
            result => {
                // What went wrong stands with the import.
                filler.close(result, &Receipt::none()).await.map(drop).or_else(|error| {
                    match error.is_passing() {
                        true => Err(error),
                        false => Ok(()),
                    }
                })?;
                self.put_off_expiry(&filling).await?;
                Ok(true)
            }
        }
    }

    async fn fill(&self, filler: &Filler, upload: &Upload, done: &[Portion]) -> Result<()> {
        let mapping = upload.mapped.clone().unwrap_or_else(|| upload.mapping.clone());
        let reading = Reading {
            done: done.iter().map(Portion::rows).collect(),
            ..Reading::all(mapping, Repeats::Rejected, self.store().bulk().rows)
        };
        let seen = Seen::default();
        let bytes = reader(self.store().clone(), upload, seen.clone());
        filler.run(bytes, reading).await.map_err(|error| seen.cause(error))
    }

    /// Gives signs of life until the lease is lost.
    async fn keep_lease(&self, filling: &Filling, lease: Uuid) -> EngineError {
        loop {
            tokio::time::sleep(SIGN).await;
            let renew = async {
                let mut tx = self.store().write().await?;
                let renewed = tx.renew_filling(filling.id, lease, self.clock().now() + LEASE).await?;
                tx.commit().await?;
                Ok::<_, EngineError>(renewed)
            };
            match renew.await {
                Ok(true) => {}
                Ok(false) => {
                    let message = "somebody else carries this import on".into();
                    return EngineError::Conflict { code: "IMPORT_CLOSED", message };
                }
                // The rows are written over other connections, and say so when it lasts.
                Err(error) => {
                    tracing::warn!(%error, import = %filling.id, "a sign of life could not be given")
                }
            }
        }
    }

    /// It has been used: it is kept for a while for whoever wants it again.
    async fn put_off_expiry(&self, filling: &Filling) -> Result<()> {
        let put_off = || -> BoxFuture<'_, _> {
            Box::pin(async {
                let mut tx = self.store().write().await?;
                tx.set_upload_expiry(filling.upload_id, self.clock().now() + USED).await?;
                Ok(tx.commit().await?)
            })
        };
        patiently(put_off).await
    }
}

/// # Errors
/// When the upload has turned out to be useless after the import was ordered.
fn usable(upload: Option<&Upload>) -> Result<&Upload> {
    let conflict = |message: String| Err(EngineError::Conflict { code: "UPLOAD_FAILED", message });
    match upload {
        Some(upload) if upload.state == UploadState::Ready => Ok(upload),
        Some(upload) => {
            let why = upload.error.as_deref().unwrap_or("its bytes are not all there");
            conflict(format!("the upload cannot be used: {why}"))
        }
        None => conflict("the upload is gone".to_owned()),
    }
}
