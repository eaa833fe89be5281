//! Suppression lists: numbers that must not be contacted.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use futures::future::BoxFuture;
use ringfleet_core::{
    CallId, Channel, ColumnMapping, E164, SuppressionSource, WorkspaceId, suppression::scope,
};
use ringfleet_store::{NewRecipient, NewSuppression, Reject, Suppression};
use tokio::{io::AsyncRead, sync::mpsc};
use tokio_util::task::AbortOnDropHandle;

use crate::{
    Engine, EngineError, Receipt, Result,
    batch::until_it_passes,
    import::{Reading, Repeats, feed, patiently, reject_row, stopped},
};

/// Longest reason, in characters.
pub const REASON_LIMIT: usize = 200;
/// Rejected rows an upload's answer lists; all are counted.
const LISTED: usize = 1_000;
/// Rows of a batch.
const ROWS: usize = 1_000;
/// Batches that may wait to be stored.
const WAITING: usize = 2;

/// What became of an uploaded list.
#[derive(Debug, Clone, Default)]
pub struct SuppressionReport {
    /// Rows that stand on the list now.
    pub accepted: u64,
    /// Rows that do not.
    pub rejected: u64,
    /// The first of those, in the order of the file.
    pub rejects: Vec<Reject>,
}

impl Engine {
    /// Puts numbers on the workspace's lists; gives the entries. Whoever said stop on one channel is on all.
    ///
    /// Numbers that wait in a campaign end SUPPRESSED when their turn comes; a call that has begun goes on.
    pub async fn suppress(
        &self,
        workspace: WorkspaceId,
        new: Vec<NewSuppression>,
        receipt: &Receipt<Vec<Suppression>>,
    ) -> Result<Vec<Suppression>> {
        let new = once_each(new);
        let mut tx = self.0.store.write().await?;
        let entries = tx.suppress(workspace, &new, self.0.clock.now()).await?;
        receipt.write(&mut tx, &entries, self.clock()).await?;
        tx.commit().await?;
        Ok(entries)
    }

    /// The callee of a call wants never to be contacted again, on any channel. Waits out passing trouble of the database.
    pub async fn opt_out(&self, workspace: WorkspaceId, number: E164, call: CallId) -> Result<()> {
        let new = NewSuppression::stop(number, format!("asked for in {call}"));
        let none = Receipt::none(); // no request asked for it
        let keep = || self.suppress(workspace, vec![new.clone()], &none);
        until_it_passes("an opt-out cannot be kept yet", call, keep).await.map(drop)
    }

    /// Puts the numbers of a CSV file on the workspace's lists: the phone column as with recipients, and, if there are such, the columns
    /// `channel`, `reason`, `source` and `expires_at`. Good rows are kept, bad ones told.
    ///
    /// # Errors
    /// As with [`Engine::import`]. What was accepted until an upload broke off stays: the file can be sent again.
    pub async fn import_suppressions<R: AsyncRead + Send + Unpin + 'static>(
        &self,
        workspace: WorkspaceId,
        reader: R,
        column: Option<String>,
        receipt: Receipt<SuppressionReport>,
    ) -> Result<SuppressionReport> {
        let mut report = SuppressionReport::default();
        let read = self.keep_suppressions(workspace, reader, column, &mut report).await;
        if read.is_err() && report.accepted == 0 {
            return read.map(|()| report); // nothing has changed
        }
        let end = |answers| {
            let (receipt, report) = (&receipt, &report);
            patiently(move || -> BoxFuture<'_, _> {
                Box::pin(self.note_suppressions(receipt, report, answers))
            })
        };
        match end(read.is_ok()).await {
            // A twin of the request carries it out as well; what this one has kept is kept.
            Err(EngineError::ClaimLost) => end(false).await.and(Err(EngineError::ClaimLost))?,
            noted => noted?,
        }
        read.map(|()| report)
    }

    /// Notes a list that has been read, or what came of one that broke off.
    async fn note_suppressions(
        &self,
        receipt: &Receipt<SuppressionReport>,
        report: &SuppressionReport,
        answers: bool,
    ) -> Result<()> {
        let mut tx = self.0.store.write().await?;
        match answers {
            true => receipt.write(&mut tx, report, self.clock()).await?,
            false => receipt.note(&mut tx, report, self.clock()).await?,
        }
        Ok(tx.commit().await?)
    }

    async fn keep_suppressions<R: AsyncRead + Send + Unpin + 'static>(
        &self,
        workspace: WorkspaceId,
        reader: R,
        column: Option<String>,
        report: &mut SuppressionReport,
    ) -> Result<()> {
        let (sender, mut parcels) = mpsc::channel(WAITING);
        let mapping = ColumnMapping { number: column, ..ColumnMapping::default() };
        let reading = Reading::all(mapping, Repeats::Kept, ROWS);
        let feeder = AbortOnDropHandle::new(tokio::spawn(feed(reader, reading, sender)));
        while let Some(parcel) = parcels.recv().await {
            let mut rejects = parcel.batch.rejects;
            let mut good = Vec::new();
            for (recipient, (line, _)) in parcel.batch.recipients.into_iter().zip(&parcel.batch.origins) {
                match from_row(recipient, self.0.clock.now()) {
                    Ok(new) => good.push(new),
                    Err((column, value, reason)) => rejects.push(reject_row(*line, column, &value, reason)),
                }
            }
            let none = Receipt::none(); // the whole list has one
            let keep = || -> BoxFuture<'_, _> { Box::pin(self.suppress(workspace, good.clone(), &none)) };
            patiently(keep).await?;
            report.accepted += good.len() as u64;
            report.rejected += rejects.len() as u64;
            rejects.truncate(LISTED - report.rejects.len());
            report.rejects.extend(rejects);
        }
        feeder.await.map_err(stopped)?.map(drop)
    }
}

/// Each number once per channel.
pub(crate) fn once_each(new: Vec<NewSuppression>) -> Vec<NewSuppression> {
    let mut by_key: BTreeMap<_, NewSuppression> = BTreeMap::new();
    for new in new {
        let new = NewSuppression { channel: scope(new.channel, new.source), ..new };
        let key = (new.number.digits(), new.channel.map(Channel::as_str));
        let new = match by_key.remove(&key) {
            Some(before) => renewed(before, new),
            None => new,
        };
        by_key.insert(key, new);
    }
    by_key.into_values().collect()
}

/// What an entry becomes that is given again, by the rule of [`ringfleet_store::Tx::suppress`]: nobody is taken off a list by that.
fn renewed(before: NewSuppression, new: NewSuppression) -> NewSuppression {
    let source = if before.source == SuppressionSource::Stop { before.source } else { new.source };
    let expires_at = before.expires_at.zip(new.expires_at).map(|(before, new)| before.max(new));
    NewSuppression { source, expires_at, ..new }
}

type Refusal = (&'static str, String, &'static str);

/// The other columns of a row say what they say of a recipient's variables.
fn from_row(row: NewRecipient, now: DateTime<Utc>) -> std::result::Result<NewSuppression, Refusal> {
    let variables = row.variables.value();
    let cell = |name: &str| {
        let found = variables.as_object()?.iter().find(|(key, _)| key.eq_ignore_ascii_case(name))?;
        Some(found.1.as_str()?.trim().to_owned()).filter(|text| !text.is_empty())
    };
    let channel = match cell("channel").map(|text| text.to_lowercase()) {
        None => None,
        Some(text) if text == "all" => None,
        Some(text) => Some(
            text.parse::<Channel>()
                .map_err(|_| ("channel", text, "bad_channel: must be voice, whatsapp, sms, email or all"))?,
        ),
    };
    let source = match cell("source").map(|text| text.to_uppercase()) {
        None => SuppressionSource::Import,
        Some(text) => {
            text.parse().map_err(|_| ("source", text, "bad_source: must be OPERATOR, IMPORT or STOP"))?
        }
    };
    let expires_at = match cell("expires_at").or_else(|| cell("expiresAt")) {
        None => None,
        Some(text) => match moment(&text) {
            Some(at) if at > now => Some(at),
            Some(_) => return Err(("expires_at", text, "past_time: has expired already")),
            None => {
                return Err((
                    "expires_at",
                    text,
                    "bad_time: must be a date like 2026-12-31 or a time like 2026-12-31T12:00:00Z",
                ));
            }
        },
    };
    let reason = cell("reason").unwrap_or_else(|| "imported".into());
    let reason = reason.chars().filter(|c| !c.is_control()).take(REASON_LIMIT).collect();
    Ok(NewSuppression { number: row.number, channel, reason, source, expires_at })
}

/// A time with its offset, or the end of a date in UTC.
fn moment(text: &str) -> Option<DateTime<Utc>> {
    let time = DateTime::parse_from_rfc3339(text).ok().map(|at| at.to_utc());
    time.or_else(|| Some(text.parse::<NaiveDate>().ok()?.succ_opt()?.and_hms_opt(0, 0, 0)?.and_utc()))
}
