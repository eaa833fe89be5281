//! A look into the database of a running system, for what its API does not show, and a hand on its calendar.

use chrono::{DateTime, Utc};
use sqlx::{PgPool, SqlitePool, sqlite::SqliteConnectOptions};

use crate::support::pair::Pair;

/// Reads; never writes.
pub enum Database {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

impl Database {
    /// The database of this pair, which has to exist.
    pub async fn of(pair: &Pair) -> Self {
        match pair {
            Pair::Embedded(folder) => {
                let file = SqliteConnectOptions::new().filename(folder.path().join("ringfleet.sqlite"));
                let pool = SqlitePool::connect_with(file.read_only(true)).await;
                Self::Sqlite(pool.expect("the server has made the file"))
            }
            Pair::Fleet { database_url, .. } => {
                Self::Postgres(PgPool::connect(database_url).await.expect("the server runs"))
            }
        }
    }

    /// The rows of a query with one column of text.
    pub async fn column(&self, query: &'static str) -> Vec<String> {
        let rows = match self {
            Self::Sqlite(pool) => sqlx::query_scalar(query).fetch_all(pool).await,
            Self::Postgres(pool) => sqlx::query_scalar(query).fetch_all(pool).await,
        };
        rows.unwrap_or_else(|error| panic!("{query}: {error}"))
    }
}

/// Makes the next run of the one recurring campaign there is due at `at`: no clock of ours can be moved from outside, so the time
/// that is waited for is.
pub async fn move_next_run(pair: &Pair, at: DateTime<Utc>) {
    const MOVE: &str = "UPDATE campaigns SET next_run_at = $1 WHERE next_run_at IS NOT NULL";
    let moved = match pair {
        Pair::Embedded(folder) => {
            let file = SqliteConnectOptions::new().filename(folder.path().join("ringfleet.sqlite"));
            let pool = SqlitePool::connect_with(file).await.expect("the server has made the file");
            let query = sqlx::query(MOVE).bind(at.timestamp_millis());
            query.execute(&pool).await.expect("it can be written").rows_affected()
        }
        Pair::Fleet { database_url, .. } => {
            let pool = PgPool::connect(database_url).await.expect("the server runs");
            sqlx::query(MOVE).bind(at).execute(&pool).await.expect("it can be written").rows_affected()
        }
    };
    assert_eq!(moved, 1);
}
