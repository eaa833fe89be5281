use ringfleet_core::{WrongState, seal::SealError};

/// What went wrong in the store, by what the caller can do.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A row with this value exists already; carries the constraint's name (`recipients_number`) or, on SQLite, its columns.
    #[error("already exists ({0})")]
    Duplicate(String),
    /// The action needs another state. Tell the caller which.
    #[error(transparent)]
    WrongState(#[from] WrongState),
    /// The database cannot be reached or is too busy. Try again later.
    #[error("the database is not reachable: {0}")]
    Unavailable(#[source] sqlx::Error),
    /// The schema is missing or of another version. The text says what to do.
    #[error("the database schema does not fit this version: {0}")]
    Schema(String),
    /// A text holds the NUL character U+0000, which PostgreSQL cannot keep; refused on both engines, nothing was sent. Take it out.
    #[error("the text holds a NUL character (U+0000), which cannot be kept")]
    NulCharacter,
    /// A secret cannot be sealed or opened: the keys of the configuration are missing or others.
    #[error(transparent)]
    Secret(#[from] SealError),
    /// The setting of the database is unusable.
    #[error("{0}")]
    Setting(String),
    /// Anything else: a bug or a damaged database. Log it.
    #[error("database: {0}")]
    Database(#[source] sqlx::Error),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        use sqlx::Error as E;
        match error {
            E::Database(e) if e.is_unique_violation() => {
                Self::Duplicate(e.constraint().map_or_else(|| e.message().to_owned(), str::to_owned))
            }
            E::Database(e) if e.code().is_some_and(|c| is_passing(&c)) => Self::Unavailable(E::Database(e)),
            E::Database(e)
                if e.code().as_deref() == Some("42P01") || e.message().starts_with("no such table") =>
            {
                Self::Schema(format!("{}; {MIGRATE}", e.message()))
            }
            e @ (E::Io(_)
            | E::PoolTimedOut
            | E::PoolClosed
            | E::WorkerCrashed
            | E::Protocol(_)
            | E::Tls(_)) => Self::Unavailable(e),
            e => Self::Database(e),
        }
    }
}

/// What to do about a schema that is missing or old.
pub(crate) const MIGRATE: &str = "run `ringfleet migrate`";

/// What passes by itself. PostgreSQL: connection trouble, shutdown, cancelled statements, exhaustion, serialization, deadlock,
/// locks not available, a server that became read-only in a failover, a transaction that was idle for too long (SQLSTATE, five characters). SQLite: BUSY and LOCKED in all their extended forms, which have the primary code in the low byte
/// (<https://www.sqlite.org/rescode.html>).
fn is_passing(code: &str) -> bool {
    match code.len() {
        5 => ["08", "57P", "57014", "53", "40", "55P03", "25006", "25P03"]
            .iter()
            .any(|class| code.starts_with(class)),
        _ => code.parse::<u32>().is_ok_and(|code| matches!(code & 0xff, 5 | 6)),
    }
}

impl StoreError {
    /// Worth trying again unchanged.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}
