//! CSV import: one uploaded file on its way to becoming recipients.
//!
//! The file is never in memory as a whole: chunks are decoded, split into rows and judged, and batches of rows are stored
//! while the next ones are read. What grows with the file is one compressed set of the numbers seen in it, two to three bytes each.

mod encoding;
mod feed;
mod fill;
mod header;
mod parse;
mod peek;
mod row;
mod split;

use std::time::Duration;

use futures::future::BoxFuture;
use ringfleet_core::{CampaignId, ColumnMapping, ImportId, WorkspaceId};
use ringfleet_store::{Import, Reject};
use tokio::{io::AsyncRead, sync::mpsc};

use self::{
    feed::SILENCE,
    row::{Reason, reject},
};
pub(crate) use self::{
    feed::{Parcel, stopped},
    fill::Filler,
    header::check_mapping,
    parse::{Header, Reading, Repeats},
    peek::Peek,
};
use crate::{Engine, EngineError, Receipt, Result, recipients::hold_to_fill};

/// Batches that may wait to be stored.
const WAITING: usize = 1;
/// Waits between attempts to store a batch when the database is away or two imports were in each other's way.
const PATIENCE: [Duration; 4] =
    [Duration::from_millis(50), Duration::from_millis(200), Duration::from_secs(1), Duration::from_secs(3)];

/// How a file is to be read.
#[derive(Debug, Clone, Default)]
pub struct ImportOptions {
    /// The column with the phone numbers, in any case; none looks for one by its usual names.
    pub column: Option<String>,
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
        let mapping = ColumnMapping { number: options.column, ..ColumnMapping::default() };
        let reading = Reading::all(mapping, Repeats::Rejected, self.store().bulk().rows);
        let filler = Filler::new(self.clone(), workspace, campaign, import, None);
        // In a task of its own: a client that goes away must not leave the import open.
        let run = tokio::spawn(async move {
            let result = filler.run(reader, reading).await;
            filler.close(result, &receipt).await
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
}

/// What the import's own record says of an error. What the database complained about is for the log.
pub(crate) fn told(error: &EngineError) -> String {
    match error {
        EngineError::Store(_) => {
            "the database failed; send the file again, rows already in are skipped as duplicates".to_owned()
        }
        error => error.to_string(),
    }
}

/// Reads a list to its end and sends all rows; gives what its first row says.
pub(crate) async fn feed<R: AsyncRead + Unpin>(
    reader: R,
    reading: Reading,
    parcels: mpsc::Sender<Parcel>,
) -> Result<Header> {
    feed::feed(reader, reading, parcels, SILENCE).await
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
