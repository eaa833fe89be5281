//! Brings the rows of a file into a campaign, portion by portion.
//!
//! A portion is one transaction: its recipients, their counters, its rejected rows, the import's figures and a note of which rows of the file
//! it was. So whoever goes on after a crash knows what is in, and a portion that somebody tries again because nobody knows whether it was
//! committed is found to be there. PostgreSQL takes two portions at a time, each on a core of its own: their numbers differ, for the file's
//! repeats have been sorted out before.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use chrono::{DateTime, Utc};
use futures::{TryStreamExt, future::BoxFuture, stream};
use ringfleet_core::{CampaignId, CounterKind, E164, Hold, ImportId, WorkspaceId, terms::Due};
use ringfleet_store::{
    Bump, Campaign, Import, ImportState, NewRecipient, Progress, Reject, StoreError, Tx, fresh_ids,
};
use ringfleet_telemetry::{IMPORTS, ROWS};
use tokio::{io::AsyncRead, sync::mpsc};
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

use super::{
    Parcel, Reading, WAITING, feed,
    feed::stopped,
    parse::Batch,
    patiently,
    row::{Reason, reject},
    told,
};
use crate::{
    Engine, EngineError, Receipt, Result,
    recipients::{due, hold_to_fill},
    verdict::waits,
};

/// One import and where it goes.
#[derive(Clone)]
pub(crate) struct Filler {
    engine: Engine,
    workspace: WorkspaceId,
    campaign: CampaignId,
    import: ImportId,
    /// By which right an import from an upload is carried on.
    lease: Option<Uuid>,
    /// The campaign has had one of the numbers, so it may have more of them: each portion is compared before it is sent.
    overlaps: Arc<AtomicBool>,
}

/// Which of the ways a portion takes.
enum Way {
    /// None of its numbers is in the campaign, as far as anybody knows.
    Straight,
    /// Those that are in are looked for first.
    Compared,
    /// Others are adding the same numbers at this moment: the database decides, number by number.
    Contended,
}

impl Filler {
    pub(crate) fn new(
        engine: Engine,
        workspace: WorkspaceId,
        campaign: CampaignId,
        import: ImportId,
        lease: Option<Uuid>,
    ) -> Self {
        Self { engine, workspace, campaign, import, lease, overlaps: Arc::default() }
    }

    /// Reads a file to its end and keeps its rows.
    pub(crate) async fn run<R: AsyncRead + Send + Unpin + 'static>(
        &self,
        reader: R,
        reading: Reading,
    ) -> Result<()> {
        let (sender, parcels) = mpsc::channel(WAITING);
        // Aborted, and the upload with it, when storing fails.
        let feeder = AbortOnDropHandle::new(tokio::spawn(feed(reader, reading, sender)));
        let parcels = stream::unfold(parcels, async |mut parcels| Some((Ok(parcels.recv().await?), parcels)));
        let at_once = self.engine.store().bulk().at_once;
        parcels.try_for_each_concurrent(at_once, |parcel| self.keep(parcel)).await?;
        feeder.await.map_err(stopped)?.map(drop)
    }

    async fn keep(&self, parcel: Parcel) -> Result<()> {
        if parcel.batch.rows() == 0 {
            return self.sign_of_life().await;
        }
        let parcel = &parcel;
        let straight = match self.overlaps.load(Ordering::Relaxed) {
            false => Way::Straight,
            true => Way::Compared,
        };
        let attempt = || -> BoxFuture<'_, _> { Box::pin(self.store(parcel, &straight)) };
        match patiently(attempt).await {
            Err(EngineError::Store(error)) if matches!(*error, StoreError::Duplicate(_)) => {
                self.overlaps.store(true, Ordering::Relaxed);
                let attempt = || -> BoxFuture<'_, _> { Box::pin(self.store(parcel, &Way::Contended)) };
                patiently(attempt).await
            }
            done => done,
        }
    }

    /// An upload that is slow is still alive.
    async fn sign_of_life(&self) -> Result<()> {
        let attempt = || -> BoxFuture<'_, _> {
            Box::pin(async {
                let mut tx = self.engine.store().write().await?;
                self.progress(&mut tx, Progress::default()).await?;
                Ok(tx.commit().await?)
            })
        };
        patiently(attempt).await
    }

    /// One portion, in one transaction.
    async fn store(&self, parcel: &Parcel, way: &Way) -> Result<()> {
        let batch = &parcel.batch;
        let now = self.engine.clock().now();
        let mut tx = self.engine.store().write().await?;
        let held = hold_to_fill(&mut tx, self.workspace, self.campaign).await?;
        let last_row = batch.first_row + batch.rows() as u64 - 1;
        if !tx.note_portion(self.import, batch.first_row, last_row).await? {
            return Ok(()); // it was committed after all
        }
        let (recipients, mut rejects) = self.let_in(&mut tx, parcel).await?;
        let due: Vec<Due> = recipients.iter().map(|recipient| due(&held, recipient, now)).collect();
        let known = add(&mut tx, &held, &recipients, &due, way, now).await?;
        let again = batch.recipients.iter().zip(&batch.origins).filter(|(r, _)| known.contains(&r.number));
        rejects.extend(again.map(|(_, (line, written))| {
            reject(*line, &parcel.column, written, &Reason::DuplicateInCampaign)
        }));
        rejects.extend_from_slice(&batch.rejects);
        if !rejects.is_empty() {
            tx.insert_rejects(self.import, &rejects).await?;
        }
        let accepted = (recipients.len() - known.len()) as u64;
        let rejected = rejects.len() as u64;
        self.progress(&mut tx, Progress { rows: accepted + rejected, accepted, rejected }).await?;
        tx.bump(bumps(self.campaign, &recipients, &due, &known)).await?;
        tx.commit().await?;
        ROWS.of(["accepted"]).increment(accepted);
        ROWS.of(["rejected"]).increment(rejected);
        Ok(())
    }

    /// Those of a portion who may come in, and the rows of the others: who was erased stays out, and nothing of the row is kept.
    async fn let_in<'a>(
        &self,
        tx: &mut Tx,
        parcel: &'a Parcel,
    ) -> Result<(Cow<'a, [NewRecipient]>, Vec<Reject>)> {
        let Batch { recipients, origins, .. } = &parcel.batch;
        let numbers: Vec<E164> = recipients.iter().map(|recipient| recipient.number).collect();
        let barred = tx.barred(self.workspace, &numbers).await?;
        if barred.is_empty() {
            return Ok((recipients.into(), Vec::new()));
        }
        let (out, may): (Vec<_>, Vec<_>) =
            recipients.iter().zip(origins).partition(|(recipient, _)| barred.contains(&recipient.number));
        let rejects = out.iter().map(|(_, (line, _))| reject(*line, &parcel.column, "", &Reason::Erased));
        Ok((may.into_iter().map(|(recipient, _)| recipient.clone()).collect(), rejects.collect()))
    }

    /// # Errors
    /// When somebody has closed the import, or carries it on himself.
    async fn progress(&self, tx: &mut Tx, read: Progress) -> Result<()> {
        if tx.progress_import(self.import, self.lease, read, self.engine.clock().now()).await? {
            return Ok(());
        }
        let message = "the import has been closed meanwhile; send the file again, rows already in are skipped as duplicates";
        Err(EngineError::Conflict { code: "IMPORT_CLOSED", message: message.into() })
    }

    /// Notes how it ended, and writes the receipt with that.
    pub(crate) async fn close(&self, result: Result<()>, receipt: &Receipt<Import>) -> Result<Import> {
        let (state, error) = match &result {
            Ok(()) => (ImportState::Finished, None),
            Err(error) => (ImportState::Failed, Some(told(error))),
        };
        let close = |answers| {
            let error = error.as_deref();
            patiently(move || -> BoxFuture<'_, _> {
                Box::pin(self.write_end(state, error, receipt, answers))
            })
        };
        let closed = match close(result.is_ok()).await {
            // A twin of the request carries it out as well; this import has come to its end all the same.
            Err(EngineError::ClaimLost) => close(false).await.and(Err(EngineError::ClaimLost)),
            closed => closed,
        };
        let figures = closed.as_ref().ok().and_then(Option::as_ref);
        let (accepted, rejected) = figures.map(|import| (import.accepted, import.rejected)).unzip();
        let (import, campaign) = (self.import, self.campaign);
        tracing::info!(%import, %campaign, %state, accepted, rejected, error, "import ended");
        IMPORTS.of([state.as_str()]).increment(1);
        result?;
        closed?.ok_or(EngineError::NotFound("import"))
    }

    async fn write_end(
        &self,
        state: ImportState,
        error: Option<&str>,
        receipt: &Receipt<Import>,
        answers: bool,
    ) -> Result<Option<Import>> {
        let clock = self.engine.clock();
        let mut tx = self.engine.store().write().await?;
        let closed = tx.close_import(self.import, self.lease, state, error, clock.now()).await?;
        if closed || self.lease.is_none() {
            tx.forget_portions(self.import).await?;
        } // else somebody else carries it on, and needs them
        let import = tx.import(self.workspace, self.import).await?;
        if let Some(import) = &import {
            match answers {
                true => receipt.write(&mut tx, import, clock).await?,
                false => receipt.note(&mut tx, import, clock).await?,
            }
        }
        tx.commit().await?;
        Ok(import)
    }
}

/// Adds those who are not in the campaign; gives the numbers of the others.
async fn add(
    tx: &mut Tx,
    held: &Campaign,
    new: &[NewRecipient],
    due: &[Due],
    way: &Way,
    now: DateTime<Utc>,
) -> Result<HashSet<E164>> {
    let ids = fresh_ids(new.len(), now);
    let first_step = held.plan.first_step().unwrap_or(0);
    let numbers = || new.iter().map(|recipient| recipient.number);
    let known: HashSet<E164> = match way {
        Way::Straight => HashSet::new(),
        Way::Compared => tx.numbers_in(held.id, &numbers().collect::<Vec<_>>()).await?.into_iter().collect(),
        Way::Contended => {
            let added: HashSet<E164> = tx
                .insert_recipients_as(&ids, held.id, first_step, new, due, now)
                .await?
                .into_iter()
                .collect();
            return Ok(numbers().filter(|number| !added.contains(number)).collect());
        }
    };
    if known.is_empty() {
        tx.load_recipients(&ids, held.id, first_step, new, due, now).await?;
        return Ok(known);
    }
    let fresh = new.iter().zip(due).filter(|(recipient, _)| !known.contains(&recipient.number));
    let (new, due): (Vec<NewRecipient>, Vec<Due>) = fresh.map(|(r, due)| (r.clone(), *due)).unzip();
    tx.load_recipients(&ids[..new.len()], held.id, first_step, &new, &due, now).await?;
    Ok(known)
}

/// What is counted of those who were added.
fn bumps(campaign: CampaignId, new: &[NewRecipient], due: &[Due], known: &HashSet<E164>) -> Vec<Bump> {
    let mut waiting: HashMap<(Option<Hold>, DateTime<Utc>), i64> = HashMap::new();
    let added = new.iter().zip(due).filter(|(recipient, _)| !known.contains(&recipient.number));
    for (_, due) in added.filter(|(_, due)| due.hold.is_some()) {
        *waiting.entry((due.hold, due.at)).or_default() += 1;
    }
    let mut bumps: Vec<Bump> =
        waiting.into_iter().filter_map(|((hold, at), n)| waits(campaign, hold, at, n)).collect();
    let added = (new.len() - known.len()) as i64;
    bumps.push(Bump::new(campaign, CounterKind::Recipients, "total", added));
    bumps
}
