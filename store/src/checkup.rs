//! What a database says of itself, for the doctor. Nothing is changed.

use chrono::{DateTime, Utc};

use crate::{
    Result, Tx,
    dialect::Dialect,
    record::record,
    tx::{on, one},
};

record! {
    /// How a database is.
    pub struct Checkup {
        /// Its version, in its own words.
        pub version: String,
        /// Its size on the disk.
        pub bytes: i64,
        /// Connections that are open, of all its users; 0 where that means nothing.
        pub connections: i64,
        /// As many as it takes; 0 where it has no limit.
        pub most_connections: i64,
        /// Whether it cleans up after itself.
        pub cleans_up: bool,
        /// Whether it is a copy that takes no writes.
        pub is_replica: bool,
        /// What its clock shows.
        pub now: DateTime<Utc>,
    }
}

impl Tx {
    /// How the database is.
    pub async fn checkup(&mut self) -> Result<Checkup> {
        let found = match self.inner.dialect() {
            Dialect::Postgres => one!(
                self,
                Checkup,
                "SELECT current_setting('server_version') AS version, pg_database_size(current_database()) AS bytes,
                        (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS connections,
                        CAST(current_setting('max_connections') AS bigint) AS most_connections,
                        CAST(current_setting('autovacuum') AS boolean) AS cleans_up, pg_is_in_recovery() AS is_replica, DB_NOW AS now"
            ),
            Dialect::Sqlite => one!(
                self,
                Checkup,
                "SELECT sqlite_version() AS version, (SELECT page_count FROM pragma_page_count) * (SELECT page_size FROM pragma_page_size) AS bytes,
                        0 AS connections, 0 AS most_connections, true AS cleans_up, false AS is_replica, DB_NOW AS now"
            ),
        };
        Ok(found?.ok_or(sqlx::Error::RowNotFound)?)
    }
}
