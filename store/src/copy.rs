//! Many new recipients at once, over PostgreSQL's COPY.
//!
//! An `INSERT` over the rows of one JSON text costs the server half as much again for reading them, and `ON CONFLICT` looks at the index of
//! numbers twice and writes rows one by one, which COPY does by pages. COPY cannot pass over a number that is there already: it fails, and
//! whoever asked for it takes the slower way with that portion.
//!
//! The format: <https://www.postgresql.org/docs/current/sql-copy.html>, "Binary Format".

use chrono::{DateTime, Utc};
use ringfleet_core::{CampaignId, E164, Hold, RecipientId, terms::Due};
use serde::Serialize;
use uuid::Uuid;

use crate::{
    NewRecipient, Result, StoreError, Tx, rows, text,
    tx::{Inner, on},
};

/// The signature, no flags, no further header.
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// In place of the number of columns: no more rows.
const TRAILER: [u8; 2] = (-1_i16).to_be_bytes();
/// In place of a length: NULL.
const NULL: [u8; 4] = (-1_i32).to_be_bytes();
/// Version of the binary form of a `jsonb`, which is a text.
const JSONB: u8 = 1;
/// What `timestamptz` counts from, 2000-01-01, in microseconds since 1970.
const EPOCH: i64 = 946_684_800_000_000;
/// Bytes sent at a time.
const CHUNK: usize = 256 * 1024;

const COPY: &str = "COPY recipients (id, campaign_id, number, variables, timezone, state, step, attempts, total_attempts, due_at, hold, \
                    ready_at, created_at) FROM STDIN (FORMAT binary)";
const COLUMNS: i16 = 13;

/// How a store best takes many rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bulk {
    /// Rows of one transaction.
    pub rows: usize,
    /// Transactions at a time.
    pub at_once: usize,
}

impl Tx {
    /// Adds recipients none of whom is in the campaign: see [`Tx::insert_recipients_as`], which takes longer and passes over those that are.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] when one of the numbers is there, or is being added by somebody else; the transaction is lost then.
    pub async fn load_recipients(
        &mut self,
        ids: &[RecipientId],
        campaign: CampaignId,
        first_step: usize,
        new: &[NewRecipient],
        due: &[Due],
        now: DateTime<Utc>,
    ) -> Result<()> {
        let Inner::Postgres(tx) = &mut self.inner else {
            let added = self.insert_recipients_as(ids, campaign, first_step, new, due, now).await?;
            return match added.len() == new.len() {
                true => Ok(()),
                false => Err(StoreError::Duplicate("recipients_number".into())),
            };
        };
        // By number, as in `insert_recipients_as`.
        let mut order: Vec<usize> = (0..new.len()).collect();
        order.sort_unstable_by_key(|&i| new[i].number.digits());
        let campaign = campaign.uuid();
        let mut sender = tx.copy_in_raw(COPY).await?;
        let mut out = Vec::with_capacity(CHUNK + CHUNK / 4);
        out.extend_from_slice(HEADER);
        for i in order {
            let row = Row { id: ids[i].uuid(), campaign, first_step, new: &new[i], due: &due[i], now };
            if let Err(error) = row.write(&mut out) {
                sender.abort("a row cannot be kept").await?;
                return Err(error);
            }
            if out.len() >= CHUNK {
                sender.send(out.as_slice()).await?;
                out.clear();
            }
        }
        out.extend_from_slice(&TRAILER);
        sender.send(out).await?;
        sender.finish().await?;
        Ok(())
    }

    /// Those of these numbers that are in the campaign.
    pub async fn numbers_in(&mut self, campaign: CampaignId, numbers: &[E164]) -> Result<Vec<E164>> {
        #[derive(Serialize)]
        struct One {
            number: u64,
        }
        let found: Vec<i64> = on!(
            self,
            query_scalar::<i64>,
            "SELECT number FROM recipients WHERE campaign_id = $1 AND number IN (SELECT number FROM ROWS($2, number int) AS r)",
            (campaign.uuid(), rows::rows(numbers.iter().map(|number| One { number: number.digits() }))?),
            fetch_all
        )?;
        Ok(found.into_iter().filter_map(|digits| E164::try_from(digits as u64).ok()).collect())
    }
}

struct Row<'a> {
    id: Uuid,
    campaign: Uuid,
    first_step: usize,
    new: &'a NewRecipient,
    due: &'a Due,
    now: DateTime<Utc>,
}

impl Row<'_> {
    fn write(&self, out: &mut Vec<u8>) -> Result<()> {
        let Self { new, due, .. } = self;
        out.extend_from_slice(&COLUMNS.to_be_bytes());
        field(out, self.id.as_bytes());
        field(out, self.campaign.as_bytes());
        field(out, &(new.number.digits() as i64).to_be_bytes());
        json(out, new.variables.as_str())?;
        optional(out, new.timezone.as_deref())?;
        field(out, b"PENDING");
        field(out, &(self.first_step as i32).to_be_bytes());
        field(out, &0_i32.to_be_bytes());
        field(out, &0_i32.to_be_bytes());
        moment(out, due.at);
        optional(out, due.hold.map(Hold::as_str))?;
        match due.ready_at {
            Some(at) => moment(out, at),
            None => out.extend_from_slice(&NULL),
        }
        moment(out, self.now);
        Ok(())
    }
}

fn field(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&(bytes.len() as i32).to_be_bytes());
    out.extend_from_slice(bytes);
}

fn optional(out: &mut Vec<u8>, text: Option<&str>) -> Result<()> {
    match text {
        Some(text) if text.contains('\0') => return Err(StoreError::NulCharacter),
        Some(text) => field(out, text.as_bytes()),
        None => out.extend_from_slice(&NULL),
    }
    Ok(())
}

/// To the millisecond, as everywhere.
fn moment(out: &mut Vec<u8>, at: DateTime<Utc>) {
    field(out, &(at.timestamp_millis() * 1000 - EPOCH).to_be_bytes());
}

fn json(out: &mut Vec<u8>, text: &str) -> Result<()> {
    if text::spells_nul(text) {
        return Err(StoreError::NulCharacter);
    }
    out.extend_from_slice(&(text.len() as i32 + 1).to_be_bytes());
    out.push(JSONB);
    out.extend_from_slice(text.as_bytes());
    Ok(())
}
