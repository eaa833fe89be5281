//! A look into the database of a running system, for what its API does not show.

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
