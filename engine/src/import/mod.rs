//! CSV import: one uploaded file on its way to becoming recipients.
//!
//! The file is never in memory as a whole: chunks are decoded, split into rows and judged, and batches of rows are stored
//! while the next ones are read. What grows with the file is one set of the numbers seen in it, eight bytes each.

mod encoding;
mod feed;
mod header;
mod parse;
mod row;
mod split;

use std::time::Duration;

use futures::future::BoxFuture;
use ringfleet_core::{CampaignId, ImportId, WorkspaceId};
use ringfleet_store::{Import, ImportState, Reject, fresh_ids};
use tokio::{io::AsyncRead, sync::mpsc};
use tokio_util::task::AbortOnDropHandle;

pub(crate) use self::{feed::stopped, parse::Repeats};
use self::{
    feed::{Parcel, SILENCE},
    parse::Batch,
    row::{Reason, reject},
};
use crate::{Engine, EngineError, Receipt, Result, recipients::hold_to_fill};

/// Batches that may wait to be stored.
const WAITING: usize = 2;
/// Waits between attempts to store a batch when the database is away or two imports were in each other's way.
const PATIENCE: [Duration; 4] =
    [Duration::from_millis(50), Duration::from_millis(200), Duration::from_secs(1), Duration::from_secs(3)];

/// How a file is to be read.
#[derive(Debug, Clone, Default)]
pub struct ImportOptions {
    /// The column with the phone numbers, in any case; none looks for one by its usual names.
    pub column: Option<String>,
}

/// What is being imported, and how far it has come.
struct Progress {
    workspace: WorkspaceId,
    campaign: CampaignId,
    import: ImportId,
    receipt: Receipt<Import>,
    accepted: u64,
    rejected: u64,
}

impl Engine {
    /// Adds the rows of a CSV file to a campaign in DRAFT or PAUSED. Bad rows are kept with their lines and reasons, good ones
    /// become recipients. The import goes on to its end when the caller stops waiting for it.
    ///
    /// # Errors
    /// [`EngineError::NotFound`] and [`EngineError::WrongState`] before anything is read; [`EngineError::Invalid`] when the
    /// first row cannot be used, nothing is imported then. When the upload breaks off ([`EngineError::BrokenUpload`]), the
    /// campaign is cancelled meanwhile or the store fails, the import is FAILED and what was accepted until then stays.
    pub async fn import<R: AsyncRead + Send + Unpin + 'static>(
        &self,
        workspace: WorkspaceId,
        campaign: CampaignId,
        reader: R,
        options: ImportOptions,
        receipt: Receipt<Import>,
    ) -> Result<Import> {
        let import = self.open_import(workspace, campaign).await?;
        let engine = self.clone();
        // In a task of its own: a client that goes away must not leave the import open.
        let run = tokio::spawn(async move {
            let mut progress = Progress { workspace, campaign, import, receipt, accepted: 0, rejected: 0 };
            let result = engine.run_import(&mut progress, reader, options).await;
            engine.close_import(progress, result).await
        });
        run.await.map_err(stopped)?
    }

    async fn open_import(&self, workspace: WorkspaceId, campaign: CampaignId) -> Result<ImportId> {
        let mut tx = self.store().write().await?;
        // Held, so that nobody starts the campaign between this look and the commit.
        hold_to_fill(&mut tx, workspace, campaign).await?;
        let import = tx.insert_import(workspace, campaign, self.clock().now()).await?;
        tx.commit().await?;
        Ok(import)
    }

    async fn run_import<R: AsyncRead + Send + Unpin + 'static>(
        &self,
        progress: &mut Progress,
        reader: R,
        options: ImportOptions,
    ) -> Result<()> {
        let (sender, mut parcels) = mpsc::channel(WAITING);
        // Aborted, and the upload with it, when storing fails.
        let feeder =
            AbortOnDropHandle::new(tokio::spawn(feed(reader, options.column, Repeats::Rejected, sender)));
        while let Some(parcel) = parcels.recv().await {
            self.keep(progress, parcel).await?;
        }
        feeder.await.map_err(stopped)?
    }

    /// Stores a batch: recipients first, so that a row is never counted before it is there.
    async fn keep(&self, progress: &mut Progress, parcel: Parcel) -> Result<()> {
        let Parcel { batch: Batch { recipients, origins, mut rejects, .. }, column } = parcel;
        if !recipients.is_empty() {
            let (workspace, campaign) = (progress.workspace, progress.campaign);
            let ids = fresh_ids(recipients.len(), self.clock().now());
            let none = Receipt::none(); // the whole import has one
            let add = || -> BoxFuture<'_, _> {
                Box::pin(self.add_recipients_as(&ids, workspace, campaign, &recipients, &none))
            };
            let report = patiently(add).await?;
            progress.accepted += report.accepted;
            rejects.extend(report.duplicates.into_iter().map(|i| {
                let (line, written) = &origins[i];
                reject(*line, &column, written, &Reason::DuplicateInCampaign)
            }));
        }
        progress.rejected += rejects.len() as u64;
        let note = || -> BoxFuture<'_, _> { Box::pin(self.note_progress(progress, &rejects)) };
        if patiently(note).await? {
            return Ok(());
        }
        let message = "the import has been closed meanwhile; send the file again, rows already in are skipped as duplicates";
        Err(EngineError::Conflict { code: "IMPORT_CLOSED", message: message.into() })
    }

    /// False when somebody has closed the import.
    async fn note_progress(&self, progress: &Progress, rejects: &[Reject]) -> Result<bool> {
        let &Progress { import, accepted, rejected, .. } = progress;
        let mut tx = self.store().write().await?;
        if !rejects.is_empty() {
            tx.insert_rejects(import, rejects).await?;
        }
        let is_open =
            tx.progress_import(import, accepted + rejected, accepted, rejected, self.clock().now()).await?;
        tx.commit().await?;
        Ok(is_open)
    }

    async fn close_import(&self, progress: Progress, result: Result<()>) -> Result<Import> {
        let &Progress { campaign, import, accepted, rejected, .. } = &progress;
        let (state, error) = match &result {
            Ok(()) => (ImportState::Finished, None),
            Err(error) => (ImportState::Failed, Some(told(error))),
        };
        let close = |answers| {
            let (progress, error) = (&progress, error.as_deref());
            patiently(move || -> BoxFuture<'_, _> {
                Box::pin(self.write_end(progress, state, error, answers))
            })
        };
        let closed = match close(result.is_ok()).await {
            // A twin of the request carries it out as well; this import has come to its end all the same.
            Err(EngineError::ClaimLost) => close(false).await.and(Err(EngineError::ClaimLost)),
            closed => closed,
        };
        tracing::info!(%import, %campaign, %state, accepted, rejected, error, "import ended");
        result?;
        closed?.ok_or(EngineError::NotFound("import"))
    }

    async fn write_end(
        &self,
        progress: &Progress,
        state: ImportState,
        error: Option<&str>,
        answers: bool,
    ) -> Result<Option<Import>> {
        let mut tx = self.store().write().await?;
        tx.close_import(progress.import, state, error, self.clock().now()).await?;
        let import = tx.import(progress.workspace, progress.import).await?;
        if let Some(import) = &import {
            match answers {
                true => progress.receipt.write(&mut tx, import, self.clock()).await?,
                false => progress.receipt.note(&mut tx, import, self.clock()).await?,
            }
        }
        tx.commit().await?;
        Ok(import)
    }
}

/// What the import's own record says of an error. What the database complained about is for the log.
fn told(error: &EngineError) -> String {
    match error {
        EngineError::Store(_) => {
            "the database failed; send the file again, rows already in are skipped as duplicates".to_owned()
        }
        error => error.to_string(),
    }
}

/// Reads a list for somebody else than a campaign.
pub(crate) async fn feed<R: AsyncRead + Unpin>(
    reader: R,
    column: Option<String>,
    repeats: Repeats,
    parcels: mpsc::Sender<Parcel>,
) -> Result<()> {
    feed::feed(reader, column, repeats, parcels, SILENCE).await
}

/// A row that was read and is refused all the same.
pub(crate) fn reject_row(line: u64, column: &str, value: &str, reason: &str) -> Reject {
    Reject { reason: reason.to_owned(), ..reject(line, column, value, &Reason::NulCharacter) }
}

/// Tries again what may pass by itself.
pub(crate) async fn patiently<'a, T>(mut attempt: impl FnMut() -> BoxFuture<'a, Result<T>>) -> Result<T> {
    for wait in PATIENCE {
        match attempt().await {
            Err(error) if error.is_passing() => {
                tracing::warn!(%error, "storing imported rows will be tried again");
                tokio::time::sleep(wait).await;
            }
            result => return result,
        }
    }
    attempt().await
}
