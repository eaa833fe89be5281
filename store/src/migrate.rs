use std::borrow::Cow;

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
        28,
        "traces",
        include_str!("../../migrations/postgres/0028_traces.sql"),
        include_str!("../../migrations/sqlite/0028_traces.sql"),
    ),
];

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
    Migrator { migrations: ALL.iter().map(migration).collect(), ..Migrator::DEFAULT }
}

/// Compares what has been applied with what this version knows.
pub(crate) async fn check<C: Migrate>(migrator: Migrator, conn: &mut C) -> Result<()> {
    let applied = conn.list_applied_migrations(&migrator.table_name).await.map_err(error)?;
    let latest = migrator.iter().map(|m| m.version).max().unwrap_or(0);
    match applied.iter().map(|m| m.version).max() {
        None => Err(empty()),
        Some(version) if version < latest => {
            Err(StoreError::Schema(format!("it is at {version} of {latest}; {MIGRATE}")))
        }
        Some(version) if version > latest => Err(newer(version)),
        Some(_) => Ok(()),
    }
}

fn empty() -> StoreError {
    StoreError::Schema(format!("it is empty; {MIGRATE}"))
}

fn newer(version: i64) -> StoreError {
    let last = ALL.iter().map(|m| m.0).max().unwrap_or(0);
    let what = format!("it is at {version}, newer than {last}, the last this version knows");
    StoreError::Schema(format!("{what}; use the version of Ringfleet that brought it there, or a later one"))
}

pub(crate) fn error(error: MigrateError) -> StoreError {
    match error {
        MigrateError::Execute(e) => match StoreError::from(e) {
            // The table of migrations itself is missing.
            StoreError::Schema(_) => empty(),
            other => other,
        },
        MigrateError::VersionMissing(version) => newer(version),
        other => StoreError::Schema(other.to_string()),
    }
}
