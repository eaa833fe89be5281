//! The measure of an import: the same rows, by one plain COPY, into a table like that of the recipients.

use futures::TryStreamExt;
use ringfleet_core::CampaignId;
use sqlx::{Pool, Postgres};
use tokio::{
    fs::File,
    io::{AsyncReadExt, AsyncWriteExt, BufWriter},
};

use crate::{Result, StoreError};

/// All columns but the one PostgreSQL makes itself.
const COLUMNS: &str = "id, campaign_id, number, variables, timezone, state, step, attempts, total_attempts, due_at, hold, disposition, \
                       last_outcome, last_reason, done_at, created_at, ready_at";

/// Bytes sent at a time.
const CHUNK: usize = 256 * 1024;

/// A table with the columns, indexes and constraints of `recipients`, for a bench.
#[derive(Debug)]
pub struct CopyYard {
    pool: Pool<Postgres>,
}

impl CopyYard {
    pub(crate) fn new(pool: Pool<Postgres>) -> Self {
        Self { pool }
    }

    /// Makes the table, empty.
    pub async fn make(&self) -> Result<()> {
        let make = "DROP TABLE IF EXISTS recipients_yard;
                    CREATE TABLE recipients_yard (LIKE recipients INCLUDING ALL);
                    ALTER TABLE recipients_yard SET (fillfactor = 70)";
        sqlx::raw_sql(make).execute(&self.pool).await?;
        Ok(())
    }

    /// Writes the recipients of a campaign to a file, as COPY reads them.
    ///
    /// # Errors
    /// [`StoreError::Setting`] when the file cannot be written.
    pub async fn dump(&self, campaign: CampaignId, to: &std::path::Path) -> Result<()> {
        let copy = format!(
            "COPY (SELECT {COLUMNS} FROM recipients WHERE campaign_id = '{}' ORDER BY id) TO STDOUT (FORMAT binary)",
            campaign.uuid()
        );
        let unwritable = |e: std::io::Error| StoreError::Setting(format!("{}: {e}", to.display()));
        let mut file = BufWriter::new(File::create(to).await.map_err(unwritable)?);
        let mut conn = self.pool.acquire().await?;
        let mut rows = conn.copy_out_raw(&copy).await?;
        while let Some(chunk) = rows.try_next().await? {
            file.write_all(&chunk).await.map_err(unwritable)?;
        }
        file.flush().await.map_err(unwritable)
    }

    /// Copies such a file into the table, in one transaction.
    ///
    /// # Errors
    /// [`StoreError::Setting`] when the file cannot be read.
    pub async fn load(&self, from: &std::path::Path) -> Result<()> {
        let unreadable = |e: std::io::Error| StoreError::Setting(format!("{}: {e}", from.display()));
        let mut file = File::open(from).await.map_err(unreadable)?;
        let mut conn = self.pool.acquire().await?;
        let copy = format!("COPY recipients_yard ({COLUMNS}) FROM STDIN (FORMAT binary)");
        let mut sender = conn.copy_in_raw(&copy).await?;
        let mut chunk = Vec::with_capacity(CHUNK);
        while file.read_buf(&mut chunk).await.map_err(unreadable)? > 0 {
            sender.send(chunk.as_slice()).await?;
            chunk.clear();
        }
        sender.finish().await?;
        Ok(())
    }

    /// Removes the table.
    pub async fn remove(&self) -> Result<()> {
        sqlx::raw_sql("DROP TABLE IF EXISTS recipients_yard").execute(&self.pool).await?;
        Ok(())
    }
}
