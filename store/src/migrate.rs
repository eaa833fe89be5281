use std::{borrow::Cow, time::Duration};

use sqlx::{
    SqlSafeStr,
    migrate::{Migrate, MigrateError, Migration, MigrationType, Migrator},
};

use crate::{Result, StoreError, error::MIGRATE};

/// Every migration: version, name, and its text for each engine. A new one is one line here and one file in each folder.
const ALL: &[(i64, &str, &str, &str)] = &[
    (
        1,
        "init",
        include_str!("../../migrations/postgres/0001_init.sql"),
        include_str!("../../migrations/sqlite/0001_init.sql"),
    ),
    (
        2,
        "rules",
        include_str!("../../migrations/postgres/0002_rules.sql"),
        include_str!("../../migrations/sqlite/0002_rules.sql"),
    ),
    (
        3,
        "lifecycle",
        include_str!("../../migrations/postgres/0003_lifecycle.sql"),
        include_str!("../../migrations/sqlite/0003_lifecycle.sql"),
    ),
    (
        4,
        "brake",
        include_str!("../../migrations/postgres/0004_brake.sql"),
        include_str!("../../migrations/sqlite/0004_brake.sql"),
    ),
    (
        5,
        "speed",
        include_str!("../../migrations/postgres/0005_speed.sql"),
        include_str!("../../migrations/sqlite/0005_speed.sql"),
    ),
    (
        6,
        "fairness",
        include_str!("../../migrations/postgres/0006_fairness.sql"),
        include_str!("../../migrations/sqlite/0006_fairness.sql"),
    ),
    (
        7,
        "trunk groups",
        include_str!("../../migrations/postgres/0007_trunk_groups.sql"),
        include_str!("../../migrations/sqlite/0007_trunk_groups.sql"),
    ),
    (
        8,
        "caller_ids",
        include_str!("../../migrations/postgres/0008_caller_ids.sql"),
        include_str!("../../migrations/sqlite/0008_caller_ids.sql"),
    ),
    (
        10,
        "seats",
        include_str!("../../migrations/postgres/0010_seats.sql"),
        include_str!("../../migrations/sqlite/0010_seats.sql"),
    ),
    (
        11,
        "in_place",
        include_str!("../../migrations/postgres/0011_in_place.sql"),
        include_str!("../../migrations/sqlite/0011_in_place.sql"),
    ),
    (
        12,
        "identity",
        include_str!("../../migrations/postgres/0012_identity.sql"),
        include_str!("../../migrations/sqlite/0012_identity.sql"),
    ),
    (
        13,
        "receipts",
        include_str!("../../migrations/postgres/0013_receipts.sql"),
        include_str!("../../migrations/sqlite/0013_receipts.sql"),
    ),
    (
        14,
        "webhooks",
        include_str!("../../migrations/postgres/0014_webhooks.sql"),
        include_str!("../../migrations/sqlite/0014_webhooks.sql"),
    ),
    (
        15,
        "uploads",
        include_str!("../../migrations/postgres/0015_uploads.sql"),
        include_str!("../../migrations/sqlite/0015_uploads.sql"),
    ),
    (
        16,
        "versions",
        include_str!("../../migrations/postgres/0016_versions.sql"),
        include_str!("../../migrations/sqlite/0016_versions.sql"),
    ),
    (
        17,
        "deliveries are forgotten",
        include_str!("../../migrations/postgres/0017_forgotten.sql"),
        include_str!("../../migrations/sqlite/0017_forgotten.sql"),
    ),
    (
        18,
        "bulk",
        include_str!("../../migrations/postgres/0018_bulk.sql"),
        include_str!("../../migrations/sqlite/0018_bulk.sql"),
    ),
    (
        19,
        "told",
        include_str!("../../migrations/postgres/0019_told.sql"),
        include_str!("../../migrations/sqlite/0019_told.sql"),
    ),
    (
        20,
        "invites",
        include_str!("../../migrations/postgres/0020_invites.sql"),
        include_str!("../../migrations/sqlite/0020_invites.sql"),
    ),
    (
        21,
        "giving up",
        include_str!("../../migrations/postgres/0021_giving_up.sql"),
        include_str!("../../migrations/sqlite/0021_giving_up.sql"),
    ),
    (
        22,
        "conversation",
        include_str!("../../migrations/postgres/0022_conversation.sql"),
        include_str!("../../migrations/sqlite/0022_conversation.sql"),
    ),
    (
        24,
        "recordings",
        include_str!("../../migrations/postgres/0024_recordings.sql"),
        include_str!("../../migrations/sqlite/0024_recordings.sql"),
    ),
    (
        25,
        "messages",
        include_str!("../../migrations/postgres/0025_messages.sql"),
        include_str!("../../migrations/sqlite/0025_messages.sql"),
    ),
    (
        26,
        "transfers",
        include_str!("../../migrations/postgres/0026_transfers.sql"),
        include_str!("../../migrations/sqlite/0026_transfers.sql"),
    ),
    (
        27,
        "watched",
        include_str!("../../migrations/postgres/0027_watched.sql"),
        include_str!("../../migrations/sqlite/0027_watched.sql"),
    ),
    (
        28,
        "traces",
        include_str!("../../migrations/postgres/0028_traces.sql"),
        include_str!("../../migrations/sqlite/0028_traces.sql"),
    ),
    (
        29,
        "erasures",
        include_str!("../../migrations/postgres/0029_erasures.sql"),
        include_str!("../../migrations/sqlite/0029_erasures.sql"),
    ),
    (
        30,
        "floor",
        include_str!("../../migrations/postgres/0030_floor.sql"),
        include_str!("../../migrations/sqlite/0030_floor.sql"),
    ),
];

/// The last migration that this version knows.
pub const SCHEMA: i64 = ALL[ALL.len() - 1].0;

pub(crate) fn postgres() -> Migrator {
    migrator(|m| m.2)
}

pub(crate) fn sqlite() -> Migrator {
    migrator(|m| m.3)
}

fn migrator(text: impl Fn(&(i64, &'static str, &'static str, &'static str)) -> &'static str) -> Migrator {
    let migration = |m: &(i64, &'static str, &'static str, &'static str)| {
        Migration::new(m.0, Cow::Borrowed(m.1), MigrationType::Simple, text(m).into_sql_str(), false)
    };
    // What a later version has applied is judged by `check`.
    Migrator { migrations: ALL.iter().map(migration).collect(), ignore_missing: true, ..Migrator::DEFAULT }
}

/// The versions that have been applied, in order; empty when there is no table of them.
pub(crate) async fn applied<C: Migrate>(migrator: &Migrator, conn: &mut C) -> Result<Vec<i64>> {
    match conn.list_applied_migrations(&migrator.table_name).await.map_err(error) {
        Ok(applied) => Ok(applied.iter().map(|m| m.version).collect()),
        Err(StoreError::Schema(_)) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Compares what has been applied with what this version knows. What later versions have added does no harm unless one of them says so: `floor`
/// is the oldest last migration that a program must know to work on the schema.
pub(crate) fn check(applied: &[i64], floor: i64) -> Result<()> {
    let Some(last) = applied.iter().max() else { return Err(empty()) };
    refuse_newer(applied, floor)?;
    match ALL.iter().find(|m| !applied.contains(&m.0)) {
        Some(missing) if *last < SCHEMA => {
            let at = missing.0 - 1;
            Err(StoreError::Schema(format!("it is at {at} of {SCHEMA}; {MIGRATE}")))
        }
        Some(missing) => Err(StoreError::Schema(format!("migration {} is missing; {MIGRATE}", missing.0))),
        None => Ok(()),
    }
}

/// Whether a later version has made the schema one that this version must not touch.
pub(crate) fn refuse_newer(applied: &[i64], floor: i64) -> Result<()> {
    match applied.iter().max() {
        Some(last) if *last > SCHEMA && floor > SCHEMA => Err(newer(*last)),
        _ => Ok(()),
    }
}

fn empty() -> StoreError {
    StoreError::Schema(format!("it is empty; {MIGRATE}"))
}

fn newer(version: i64) -> StoreError {
    let what = format!("it is at {version}, newer than {SCHEMA}, the last this version knows");
    StoreError::Schema(format!("{what}; use the version of Ringfleet that brought it there, or a later one"))
}

/// So long a migration stands in line for a table, and everybody behind it.
pub(crate) const IMPATIENCE: &str = "SET lock_timeout = '300ms'";
/// So long the others may go before it tries again; twice as long each time, up to the last one.
pub(crate) const FIRST_PAUSE: Duration = Duration::from_secs(1);
pub(crate) const LAST_PAUSE: Duration = Duration::from_secs(15);

/// Whether it has given up waiting for a lock (`lock_not_available`), or the server has given it up because others waited for what it held
/// (`deadlock_detected`): it is to be tried again.
pub(crate) fn stood_in_line(error: &MigrateError) -> bool {
    let (MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)) = error else {
        return false;
    };
    let code = error.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| code == "55P03" || code == "40P01")
}

pub(crate) fn error(error: MigrateError) -> StoreError {
    match error {
        MigrateError::Execute(e) => match StoreError::from(e) {
            // The table of migrations itself is missing.
            StoreError::Schema(_) => empty(),
            other => other,
        },
        MigrateError::ExecuteMigration(e, version) => match StoreError::from(e) {
            passing @ StoreError::Unavailable(_) => passing,
            other => StoreError::Schema(format!("migration {version} failed: {other}")),
        },
        other => StoreError::Schema(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Migrations from this one on may be applied while older versions work.
    const WITHOUT_STOPPING: i64 = 27;
    /// What older versions would not survive, or what they write would not: it is done by a migration that raises the floor, one version
    /// after the last that needs it.
    const TAKES_AWAY: [&str; 9] = [
        "DROP COLUMN",
        "DROP TABLE",
        "DROP INDEX",
        "RENAME",
        "ALTER COLUMN",
        "ADD CONSTRAINT",
        "DROP DEFAULT",
        "TRUNCATE",
        "DELETE FROM",
    ];

    /// What a migration does that is more than to add.
    fn breaks(text: &str) -> Option<String> {
        let lines = text.lines().filter(|line| !line.trim_start().starts_with("--"));
        let sql: String = lines.collect::<Vec<_>>().join(" ").to_uppercase();
        if sql.contains("UPDATE SCHEMA_FLOOR") {
            return None; // it says so itself
        }
        let words = sql.split_whitespace().collect::<Vec<_>>().join(" ");
        let taken = TAKES_AWAY.iter().find(|what| words.contains(*what)).map(|what| (*what).to_owned());
        let created = |table: &str| words.contains(&format!("CREATE TABLE {table} "));
        let statements = words.split(';').map(str::trim);
        let tightened = statements.filter_map(|statement| {
            let adds_strictly = statement.starts_with("ALTER TABLE")
                && statement.split(',').any(|part| {
                    part.contains("ADD COLUMN") && part.contains("NOT NULL") && !part.contains("DEFAULT")
                });
            let table = statement.split(" ON ").nth(1).and_then(|rest| rest.split_whitespace().next());
            let narrows = statement.starts_with("CREATE UNIQUE INDEX") && !table.is_some_and(created);
            (adds_strictly || narrows).then(|| statement.to_owned())
        });
        taken.or_else(|| tightened.into_iter().next())
    }

    #[test]
    fn later_migrations_only_add() {
        for (version, name, postgres, sqlite) in ALL.iter().filter(|m| m.0 >= WITHOUT_STOPPING) {
            for (engine, text) in [("postgres", postgres), ("sqlite", sqlite)] {
                assert_eq!(breaks(text), None, "{engine}, migration {version} ({name})");
            }
        }
    }

    #[test]
    fn what_takes_away_is_found() {
        for text in [
            "ALTER TABLE calls DROP COLUMN heard;",
            "alter table calls\n  rename column a to b;",
            "ALTER TABLE calls ADD COLUMN a integer, ADD COLUMN b text NOT NULL;",
            "CREATE UNIQUE INDEX one ON calls (number);",
            "DROP INDEX calls_open;",
        ] {
            assert!(breaks(text).is_some(), "{text}");
        }
        for text in [
            "-- DROP TABLE of old\nALTER TABLE calls ADD COLUMN a integer NOT NULL DEFAULT 0;",
            "CREATE TABLE things (id uuid NOT NULL); CREATE UNIQUE INDEX one ON things (id);",
            "ALTER TABLE calls DROP COLUMN heard; UPDATE schema_floor SET version = 40;",
        ] {
            assert_eq!(breaks(text), None, "{text}");
        }
        assert!(ALL.iter().filter(|m| m.0 < WITHOUT_STOPPING).any(|m| breaks(m.2).is_some()));
    }

    #[test]
    fn versions_grow() {
        assert!(ALL.is_sorted_by(|a, b| a.0 < b.0));
    }

    #[test]
    fn a_newer_schema_is_good_unless_it_says_otherwise() {
        let mine: Vec<i64> = ALL.iter().map(|m| m.0).collect();
        let newer: Vec<i64> = mine.iter().copied().chain([SCHEMA + 9]).collect();
        assert!(check(&mine, 26).is_ok() && check(&newer, SCHEMA).is_ok());
        assert!(check(&newer, SCHEMA + 9).is_err() && check(&[], 26).is_err());
        let older = &mine[..mine.len() - 1];
        assert!(check(older, 26).unwrap_err().to_string().contains("ringfleet migrate"));
        let gap: Vec<i64> = newer.iter().copied().filter(|version| *version != SCHEMA).collect();
        assert!(check(&gap, 26).unwrap_err().to_string().contains("is missing"));
    }
}
