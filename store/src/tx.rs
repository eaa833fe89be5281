use std::sync::Arc;

use chrono::{DateTime, Utc};
use ringfleet_core::Keyring;
use sqlx::{Connection, Postgres, Sqlite, Transaction, database::HasStatementCache, error::DatabaseError};

use crate::{Result, StoreError, Timestamp, dialect::Dialect, timed::Timed};

/// One transaction. Dropped without [`Tx::commit`], nothing of it has happened.
///
/// On SQLite a writing transaction holds the one write lock from its beginning: never wait for the network inside one.
pub struct Tx {
    pub(crate) inner: Inner,
    /// What opens and seals secrets.
    pub(crate) keys: Arc<Keyring>,
    pub(crate) timed: Timed,
}

pub(crate) enum Inner {
    Postgres(Transaction<'static, Postgres>),
    Sqlite(Transaction<'static, Sqlite>),
}

impl Tx {
    /// Makes everything done in this transaction durable.
    pub async fn commit(self) -> Result<()> {
        match self.inner {
            Inner::Postgres(tx) => tx.commit().await?,
            Inner::Sqlite(tx) => tx.commit().await?,
        }
        self.timed.committed();
        Ok(())
    }

    /// Makes PostgreSQL read the next statements' first rows from the index that has them in order, as long as `on`.
    ///
    /// Without statistics, or with those of another hour, it expects a campaign to have one due recipient, takes whichever index
    /// is smallest and sorts what it finds: a whole list, for each claim.
    pub(crate) async fn in_order(&mut self, on: bool) -> Result<()> {
        exec!(self, "SELECT SORTING($1)", if on { "off" } else { "on" })?;
        Ok(())
    }

    /// A statement that touches nothing, to see that the database answers.
    pub async fn ping(&mut self) -> Result<()> {
        scalar!(self, i32, "SELECT 1")?;
        Ok(())
    }

    /// The moment by the clock of the database, which every heartbeat and every lease of a request goes by.
    pub async fn database_time(&mut self) -> Result<DateTime<Utc>> {
        let now = scalar!(self, Timestamp, "SELECT DB_NOW")?;
        now.map(|now| now.0).ok_or(StoreError::Database(sqlx::Error::RowNotFound))
    }
}

impl Inner {
    pub(crate) fn dialect(&self) -> Dialect {
        match self {
            Self::Postgres(_) => Dialect::Postgres,
            Self::Sqlite(_) => Dialect::Sqlite,
        }
    }
}

/// Runs one sqlx chain on whichever transaction is open; the statement is written once. What is bound is looked at first:
/// see [`crate::text`].
macro_rules! on {
    ($tx:expr, $query:ident $(::<$out:ty>)?, $sql:expr, ($($bind:expr),*), $run:ident) => {{
        let text = $tx.inner.dialect().text($sql);
        match &mut $tx.inner {
            $crate::tx::Inner::Postgres(c) => on!(@run c, sqlx::$query::<_ $(, $out)?>(text), ($($bind),*), $run),
            $crate::tx::Inner::Sqlite(c) => on!(@run c, sqlx::$query::<_ $(, $out)?>(text), ($($bind),*), $run),
        }
    }};
    (@run $c:ident, $query:expr, ($($bind:expr),*), $run:ident) => {{
        #[allow(unused_mut, reason = "a statement may bind nothing")]
        let mut fits = true;
        let query = $query$(.bind($crate::text::seen($bind, &mut fits)))*;
        match fits {
            true => match query.$run(&mut **$c).await.map(Into::into) {
                Ok(done) => Ok(done),
                Err(error) => Err($crate::tx::refused(error, &mut **$c).await),
            },
            false => Err($crate::StoreError::NulCharacter),
        }
    }};
}

/// Runs a statement; gives the number of rows it changed.
macro_rules! exec {
    ($tx:expr, $sql:expr $(, $bind:expr)* $(,)?) => {
        on!($tx, query, $sql, ($($bind),*), execute).map(|done: $crate::tx::Done| done.0)
    };
}

/// All rows as records.
macro_rules! all {
    ($tx:expr, $out:ty, $sql:expr $(, $bind:expr)* $(,)?) => {{
        let found: $crate::Result<Vec<$out>> = on!($tx, query_as::<$out>, $sql, ($($bind),*), fetch_all);
        found
    }};
}

/// The first row as a record, if there is one.
macro_rules! one {
    ($tx:expr, $out:ty, $sql:expr $(, $bind:expr)* $(,)?) => {{
        let found: $crate::Result<Option<$out>> = on!($tx, query_as::<$out>, $sql, ($($bind),*), fetch_optional);
        found
    }};
}

/// The first column of the first row, if there is one.
macro_rules! scalar {
    ($tx:expr, $out:ty, $sql:expr $(, $bind:expr)* $(,)?) => {{
        let found: $crate::Result<Option<$out>> = on!($tx, query_scalar::<$out>, $sql, ($($bind),*), fetch_optional);
        found
    }};
}

/// A page of records: `$sql` binds the bounds of the page (`id > $2 AND id < $3`) and its limit (`$4`) itself; only the order is added,
/// by `$id`.
macro_rules! page {
    ($tx:expr, $out:ty, $page:expr, $sql:expr, $id:literal, ($first:expr $(, $bind:expr)* $(,)?)) => {{
        let page: $crate::Page = $page;
        let (above, below, limit) = (page.above(), page.below(), i64::from(page.limit));
        match page.order {
            $crate::Order::NewestFirst => all!(
                $tx, $out, concat!($sql, " ORDER BY ", $id, " DESC LIMIT $4"), $first, above, below, limit $(, $bind)*
            ),
            $crate::Order::OldestFirst => all!(
                $tx, $out, concat!($sql, " ORDER BY ", $id, " ASC LIMIT $4"), $first, above, below, limit $(, $bind)*
            ),
        }
    }};
}

/// The last of the rows that are looked at for a page, of those of `$table` whose `$column` is this.
macro_rules! last_looked_at {
    ($tx:expr, $table:literal, $column:literal, $of:expr, $page:expr) => {{
        let page: $crate::Page = $page;
        let skipped = i64::from($crate::LOOKED_AT) - 1;
        let last = match page.order {
            $crate::Order::NewestFirst => scalar!(
                $tx,
                uuid::Uuid,
                concat!(
                    "SELECT id FROM ",
                    $table,
                    " WHERE ",
                    $column,
                    " = $1 AND id > $2 AND id < $3 ORDER BY id DESC LIMIT 1 OFFSET $4"
                ),
                $of,
                page.above(),
                page.below(),
                skipped
            ),
            $crate::Order::OldestFirst => scalar!(
                $tx,
                uuid::Uuid,
                concat!(
                    "SELECT id FROM ",
                    $table,
                    " WHERE ",
                    $column,
                    " = $1 AND id > $2 AND id < $3 ORDER BY id ASC LIMIT 1 OFFSET $4"
                ),
                $of,
                page.above(),
                page.below(),
                skipped
            ),
        };
        last.map(|last| last.map(ringfleet_core::cursor::Cursor))
    }};
}
/// What an error of a statement means. One that was prepared before somebody added a column to its table is refused on this connection from then
/// on (PostgreSQL: "cached plan must not change result type"), so its preparations are dropped: the next try goes well.
pub(crate) async fn refused<C>(error: sqlx::Error, conn: &mut C) -> StoreError
where
    C: Connection<Database: HasStatementCache>,
{
    if error.as_database_error().is_some_and(is_outdated) && conn.clear_cached_statements().await.is_ok() {
        return StoreError::Unavailable(error);
    }
    error.into()
}

fn is_outdated(error: &dyn DatabaseError) -> bool {
    error.code().as_deref() == Some("0A000") && error.message().contains("cached plan")
}

pub(crate) use {all, exec, last_looked_at, on, one, page, scalar};

/// How many rows a statement changed, from either engine.
pub(crate) struct Done(pub(crate) u64);

impl From<sqlx::postgres::PgQueryResult> for Done {
    fn from(done: sqlx::postgres::PgQueryResult) -> Self {
        Self(done.rows_affected())
    }
}

impl From<sqlx::sqlite::SqliteQueryResult> for Done {
    fn from(done: sqlx::sqlite::SqliteQueryResult) -> Self {
        Self(done.rows_affected())
    }
}
