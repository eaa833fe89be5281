use std::{
    io,
    ops::Add,
    path::Path,
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use ringfleet_core::Keyring;
use sqlx::{
    Connection, PgConnection, Pool, Postgres, Sqlite, Transaction,
    migrate::MigrateError,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use crate::{
    Bulk, CopyYard, Result, StoreError,
    migrate::{self, SCHEMA},
    timed::Purpose,
    tx::{Inner, Tx},
};

/// The database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    pub(crate) backend: Backend,
    pub(crate) keys: Arc<Keyring>,
}

#[derive(Clone, Debug)]
pub(crate) enum Backend {
    Postgres(Pool<Postgres>),
    /// SQLite has one writer; readers do not wait for it (WAL).
    Sqlite {
        writer: Pool<Sqlite>,
        readers: Pool<Sqlite>,
    },
}

/// Connections to the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connections {
    /// Open, and in nobody's hands.
    pub idle: u32,
    /// Those that somebody has.
    pub in_use: u32,
    /// How many there may be.
    pub most: u32,
}

impl Connections {
    fn of<D: sqlx::Database>(pool: &Pool<D>) -> Self {
        let idle = u32::try_from(pool.num_idle()).unwrap_or(u32::MAX);
        // The two are not read at one moment.
        let in_use = pool.size().saturating_sub(idle);
        Self { idle, in_use, most: pool.options().get_max_connections() }
    }
}

impl Add for Connections {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            idle: self.idle + other.idle,
            in_use: self.in_use + other.in_use,
            most: self.most + other.most,
        }
    }
}

/// How long a caller waits for a free connection before the database counts as unreachable.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a transaction may wait for its process on PostgreSQL. One that is frozen in the middle of it holds its locks, and with them
/// everybody who wants to pause its campaigns, until the server gives it up. No transaction waits for anything but the server.
const IDLE: Duration = Duration::from_secs(8);

/// How a transaction begins on PostgreSQL. A plan made while a table was small reads all of it, and would be kept until the
/// server has counted the grown table, a minute or more later: a new installation's first campaign would crawl. So each
/// transaction plans anew; it costs well under a millisecond and no round trip.
///
/// A writer has to see what was committed while it waited for a lock, whatever the server's default: a call that waited
/// for a pause must not begin.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED; DISCARD PLANS";
/// The same for a transaction that only reads: all its statements see one moment, so that figures add up.
const BEGIN_READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; DISCARD PLANS";

/// How a transaction begins whose few statements are run thousands of times a second, each over the rows of many calls, found by
/// their ids. Planning them anew would cost as much as some of them do, so the plans are kept for a while ([`plans_anew`]). Through
/// an index they go in any case, however small a table was when they were made.
const BEGIN_MANY: &str = "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; \
                          SET LOCAL enable_mergejoin = off; SET LOCAL jit = off";
/// The same, planning anew.
const BEGIN_MANY_ANEW: &str = "BEGIN ISOLATION LEVEL READ COMMITTED; DISCARD PLANS; SET LOCAL enable_seqscan = off; \
                               SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; SET LOCAL jit = off";

/// Begins a transaction, to the end: whoever gave up waiting in the middle would return a connection to the pool that is in a transaction and
/// does not know of it (sqlx 0.9 counts it only when it has begun), and on which none begins any more.
async fn begin(pool: &Pool<Postgres>, statement: &'static str) -> Result<Transaction<'static, Postgres>> {
    let pool = pool.clone();
    let begun = tokio::spawn(async move { pool.begin_with(statement).await });
    Ok(begun.await.map_err(|stopped| sqlx::Error::Io(io::Error::other(stopped)))??)
}

async fn begin_many(pool: &Pool<Postgres>) -> Result<Inner> {
    let statement = if plans_anew() { BEGIN_MANY_ANEW } else { BEGIN_MANY };
    Ok(Inner::Postgres(begin(pool, statement).await?))
}

/// Whether the next of these transactions plans anew: one in sixteen does, so that no connection goes on for long with a plan made
/// for a small table. Which ones is spread by a hash: an even count might always meet the same connection of the pool.
fn plans_anew() -> bool {
    static BEGUN: AtomicU32 = AtomicU32::new(0);
    spread(BEGUN.fetch_add(1, Ordering::Relaxed)) < u32::MAX / 16
}

/// The last step of MurmurHash3.
fn spread(mut n: u32) -> u32 {
    n = (n ^ (n >> 16)).wrapping_mul(0x85EB_CA6B);
    n = (n ^ (n >> 13)).wrapping_mul(0xC2B2_AE35);
    n ^ (n >> 16)
}

impl Store {
    fn over(backend: Backend) -> Self {
        Self { backend, keys: Arc::default() }
    }

    /// Keeps secrets sealed with these keys. Without any, rows that hold a secret can be neither written nor, once sealed, read.
    pub fn with_keys(self, keys: Arc<Keyring>) -> Self {
        Self { keys, ..self }
    }

    /// Whether there is a key to keep secrets with.
    pub fn has_keys(&self) -> bool {
        !self.keys.is_empty()
    }

    async fn begin(&self, purpose: Purpose, begun: impl Future<Output = Result<Inner>>) -> Result<Tx> {
        let (inner, timed) = purpose.begin(begun).await?;
        Ok(Tx { inner, keys: self.keys.clone(), timed })
    }

    /// Opens PostgreSQL by URL (`postgres://…`). Does not touch the schema.
    pub async fn postgres(url: &str, connections: u32) -> Result<Self> {
        let options = PgConnectOptions::from_str(url)
            .map_err(|e| StoreError::Setting(format!("the database URL is unusable: {e}")))?
            .application_name("ringfleet")
            .options([("idle_in_transaction_session_timeout", IDLE.as_millis())]);
        // One by itself first: a pool would try on for its whole patience, and then not say what is wrong.
        PgConnection::connect_with(&options).await?.close().await?;
        let pool = PgPoolOptions::new().max_connections(connections).acquire_timeout(ACQUIRE_TIMEOUT);
        Ok(Self::over(Backend::Postgres(pool.connect_with(options).await?)))
    }

    /// Opens (or creates) the SQLite file.
    pub async fn sqlite(file: &Path) -> Result<Self> {
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full) // a power cut must not forget that a call has begun
            .foreign_keys(true)
            .busy_timeout(ACQUIRE_TIMEOUT);
        let pool = SqlitePoolOptions::new().acquire_timeout(ACQUIRE_TIMEOUT);
        let writer = open_writer(pool.clone().max_connections(1), &options).await?;
        let readers = pool.max_connections(4).connect_with(options.read_only(true)).await?;
        Ok(Self::over(Backend::Sqlite { writer, readers }))
    }

    /// Opens an SQLite file that is there, to look at it only.
    pub async fn sqlite_to_look_at(file: &Path) -> Result<Self> {
        let options =
            SqliteConnectOptions::new().filename(file).read_only(true).busy_timeout(ACQUIRE_TIMEOUT);
        let pool = SqlitePoolOptions::new().max_connections(1).acquire_timeout(ACQUIRE_TIMEOUT);
        let readers = pool.connect_with(options).await?;
        Ok(Self::over(Backend::Sqlite { writer: readers.clone(), readers }))
    }

    /// Brings the schema up to this version. Safe to run from several processes at once, and beside whoever reads for long: on PostgreSQL a
    /// statement that waits for a table keeps everybody else waiting behind it, so it gives up soon, and tries again ever more seldom, for as long
    /// as it takes. What a later version has added stays.
    pub async fn migrate(&self) -> Result<()> {
        self.refuse_newer().await?;
        match &self.backend {
            Backend::Postgres(pool) => {
                let mut pause = migrate::FIRST_PAUSE;
                while let Err(error) = migrate_once(pool).await? {
                    if !migrate::stood_in_line(&error) {
                        return Err(migrate::error(error));
                    }
                    tracing::info!(%error, again_in = ?pause, "a migration waits for what others hold, and lets those behind it pass");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(migrate::LAST_PAUSE);
                    self.refuse_newer().await?;
                }
                Ok(())
            }
            Backend::Sqlite { writer, .. } => {
                // sqlx has no lock for SQLite; the write lock keeps other migrators out, and makes all of it one step.
                let mut tx = writer.begin_with("BEGIN IMMEDIATE").await?;
                migrate::sqlite().run_direct(None, &mut *tx, false).await.map_err(migrate::error)?;
                Ok(tx.commit().await?)
            }
        }
    }

    async fn refuse_newer(&self) -> Result<()> {
        let (applied, floor) = self.schema().await?;
        migrate::refuse_newer(&applied, floor)
    }

    /// Answers an error unless this version can work on the schema: everything it knows is there, and nothing newer forbids it.
    pub async fn check_schema(&self) -> Result<()> {
        let (applied, floor) = self.schema().await?;
        migrate::check(&applied, floor)
    }

    /// The last migration that was applied; none in an empty database.
    pub async fn applied_schema(&self) -> Result<Option<i64>> {
        Ok(self.schema().await?.0.into_iter().max())
    }

    /// What was applied, and what a program must know to work on it.
    async fn schema(&self) -> Result<(Vec<i64>, i64)> {
        const FLOOR: &str = "SELECT max(version) FROM schema_floor";
        let (applied, floor) = match &self.backend {
            Backend::Postgres(pool) => {
                let mut conn = pool.acquire().await?;
                let applied = migrate::applied(&migrate::postgres(), &mut *conn).await?;
                match applied.iter().any(|&version| version > SCHEMA) {
                    true => {
                        (applied, sqlx::query_scalar::<_, Option<i32>>(FLOOR).fetch_one(&mut *conn).await?)
                    }
                    false => (applied, None),
                }
            }
            Backend::Sqlite { readers, .. } => {
                let mut conn = readers.acquire().await?;
                let applied = migrate::applied(&migrate::sqlite(), &mut *conn).await?;
                match applied.iter().any(|&version| version > SCHEMA) {
                    true => {
                        (applied, sqlx::query_scalar::<_, Option<i32>>(FLOOR).fetch_one(&mut *conn).await?)
                    }
                    false => (applied, None),
                }
            }
        };
        Ok((applied, floor.map_or(0, i64::from)))
    }

    /// Copies an SQLite database as it is at this moment into a new file, while others work on it.
    pub async fn copy_to(&self, file: &Path) -> Result<()> {
        let Backend::Sqlite { readers, .. } = &self.backend else {
            return Err(StoreError::Setting("only an SQLite file is copied like this".to_owned()));
        };
        sqlx::query("VACUUM INTO $1").bind(file.to_string_lossy().into_owned()).execute(readers).await?;
        Ok(())
    }

    /// Begins a transaction that may write.
    pub async fn write(&self) -> Result<Tx> {
        let begun = async {
            Ok(match &self.backend {
                Backend::Postgres(pool) => Inner::Postgres(begin(pool, BEGIN).await?),
                Backend::Sqlite { writer, .. } => Inner::Sqlite(writer.begin_with("BEGIN IMMEDIATE").await?),
            })
        };
        self.begin(Purpose::Write, begun).await
    }

    /// Begins a transaction that only reads; on SQLite it does not wait for the writer.
    pub async fn read(&self) -> Result<Tx> {
        let begun = async {
            Ok(match &self.backend {
                Backend::Postgres(pool) => Inner::Postgres(begin(pool, BEGIN_READ).await?),
                Backend::Sqlite { readers, .. } => Inner::Sqlite(readers.begin().await?),
            })
        };
        self.begin(Purpose::Read, begun).await
    }

    /// Begins a writing transaction of statements that look up many rows by their ids: for what is done to every call.
    pub async fn write_many(&self) -> Result<Tx> {
        match &self.backend {
            Backend::Postgres(pool) => self.begin(Purpose::Write, begin_many(pool)).await,
            Backend::Sqlite { .. } => self.write().await,
        }
    }

    /// The same for one statement that only reads.
    pub async fn read_many(&self) -> Result<Tx> {
        match &self.backend {
            Backend::Postgres(pool) => self.begin(Purpose::Read, begin_many(pool)).await,
            Backend::Sqlite { .. } => self.read().await,
        }
    }

    /// The connections of this process.
    pub fn connections(&self) -> Connections {
        match &self.backend {
            Backend::Postgres(pool) => Connections::of(pool),
            Backend::Sqlite { writer, readers } => Connections::of(writer) + Connections::of(readers),
        }
    }

    /// What a bench compares imports with; none on SQLite.
    pub fn copy_yard(&self) -> Option<CopyYard> {
        match &self.backend {
            Backend::Postgres(pool) => Some(CopyYard::new(pool.clone())),
            Backend::Sqlite { .. } => None,
        }
    }

    /// How it best takes many rows. PostgreSQL uses a core for each transaction. SQLite has one writer, for whom others wait.
    pub fn bulk(&self) -> Bulk {
        match &self.backend {
            Backend::Postgres(_) => Bulk { rows: 5_000, at_once: 2 },
            Backend::Sqlite { .. } => Bulk { rows: 1_000, at_once: 1 },
        }
    }

    /// Waits for open connections and closes them.
    pub async fn close(&self) {
        match &self.backend {
            Backend::Postgres(pool) => pool.close().await,
            Backend::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
        }
    }
}

/// All rows of one reading statement that is a transaction by itself: it costs one round trip, and keeps its plan.
macro_rules! alone_all {
    ($store:expr, $out:ty, $sql:expr $(, $bind:expr)* $(,)?) => {
        $crate::store::alone!(@run $store, $out, $sql, ($($bind),*), fetch_all)
    };
}
pub(crate) use alone_all;

/// The same for the first row, if there is one.
macro_rules! alone {
    (@run $store:expr, $out:ty, $sql:expr, ($($bind:expr),*), $run:ident) => {{
        use $crate::{dialect::Dialect, store::Backend, timed::Purpose};
        let timed = Purpose::Statement.starts();
        let found = match &$store.backend {
            Backend::Postgres(pool) => {
                sqlx::query_as::<_, $out>(Dialect::Postgres.text($sql))$(.bind($bind))*.$run(pool).await
            }
            Backend::Sqlite { readers, .. } => {
                sqlx::query_as::<_, $out>(Dialect::Sqlite.text($sql))$(.bind($bind))*.$run(readers).await
            }
        };
        if found.is_ok() {
            timed.committed();
        }
        found.map_err($crate::StoreError::from)
    }};
    ($store:expr, $out:ty, $sql:expr $(, $bind:expr)* $(,)?) => {
        $crate::store::alone!(@run $store, $out, $sql, ($($bind),*), fetch_optional)
    };
}
pub(crate) use alone;

/// What came of trying to apply what is not applied yet. The connection is closed whatever comes of it: what it held would keep other migrators
/// out.
async fn migrate_once(pool: &Pool<Postgres>) -> Result<std::result::Result<(), MigrateError>> {
    let mut conn = pool.acquire().await?;
    conn.close_on_drop();
    sqlx::query(migrate::IMPATIENCE).execute(&mut *conn).await?;
    Ok(migrate::postgres().run_direct(None, &mut *conn, false).await)
}

/// Opens the one connection that writes. Another process may just be turning the new file to WAL: SQLite answers that it is
/// locked and, this once, does not wait by itself.
async fn open_writer(pool: SqlitePoolOptions, options: &SqliteConnectOptions) -> Result<Pool<Sqlite>> {
    const PAUSE: Duration = Duration::from_millis(20);
    let mut tries = ACQUIRE_TIMEOUT.as_millis() / PAUSE.as_millis();
    loop {
        match pool.clone().connect_with(options.clone()).await.map_err(StoreError::from) {
            Err(error) if error.is_passing() && tries > 0 => {
                tries -= 1;
                tokio::time::sleep(PAUSE).await;
            }
            opened => return opened,
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn no_connection_keeps_its_plans_for_long() {
        let anew: Vec<bool> = (0..100_000).map(|_| super::plans_anew()).collect();
        // However many connections take turns, each plans anew now and then.
        for turns in 1..=64 {
            for first in 0..turns {
                let mine: Vec<bool> = anew.iter().skip(first).step_by(turns).copied().collect();
                assert!(
                    mine.windows(200).all(|run| run.contains(&true)),
                    "{turns} connections, number {first}"
                );
            }
        }
        let share = anew.iter().filter(|&&it| it).count();
        assert!((6_000..6_500).contains(&share), "{share}");
    }
}
