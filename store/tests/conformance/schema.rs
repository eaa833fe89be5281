//! The schema: brought up once, told apart when it does not fit.

use ringfleet_store::{Store, StoreError};
use sqlx::{Connection, PgConnection};

use crate::support::{Db, Place, SOON, World, at, eventually};

fn told(answer: Result<(), StoreError>, what: &str, to_do: &str) {
    let error = answer.unwrap_err();
    assert!(matches!(&error, StoreError::Schema(_)), "{error:?}");
    let text = error.to_string();
    assert!(text.contains(what) && text.contains(to_do), "{text}");
}

pub async fn migrating_twice_changes_nothing(db: Db) {
    let world = World::calling(&db, 2).await;
    db.store.migrate().await.unwrap();
    db.store.check_schema().await.unwrap();
    assert!(db.read(async |tx| tx.has_open_recipients(world.campaign).await).await);
}

pub async fn an_empty_one_is_told(db: Db) {
    let store = db.empty_place().await.open().await;
    told(store.check_schema().await, "empty", "ringfleet migrate");
    let error = store.key(b"hash", at(0)).await.unwrap_err();
    assert!(matches!(error, StoreError::Schema(_)), "{error:?}");
}

pub async fn an_older_one_is_told(db: Db) {
    db.place.raw("DELETE FROM _sqlx_migrations WHERE version > 1").await;
    told(db.store.check_schema().await, "at 1 of ", "ringfleet migrate");
}

pub async fn a_newer_one_is_told(db: Db) {
    db.place
        .raw(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
             SELECT 99, 'future', success, checksum, 0 FROM _sqlx_migrations WHERE version = 1",
        )
        .await;
    // It has only added something.
    db.store.check_schema().await.unwrap();
    db.store.migrate().await.unwrap();
    db.place.raw("UPDATE schema_floor SET version = 99").await;
    let to_do = "use the version of Ringfleet";
    told(db.store.check_schema().await, "it is at 99, newer", to_do);
    told(db.store.migrate().await, "it is at 99, newer", to_do);
    // The refusal leaves nothing locked.
    db.place.raw("DELETE FROM _sqlx_migrations WHERE version = 99").await;
    db.place.open().await.migrate().await.unwrap();
    db.store.check_schema().await.unwrap();
}

pub async fn many_processes_migrate_at_once(db: Db) {
    for _ in 0..3 {
        let place = db.empty_place().await;
        let processes: Vec<_> = (0..6)
            .map(|_| {
                let place = place.clone();
                tokio::spawn(async move {
                    let store: Store = place.open().await;
                    store.migrate().await.map(|()| store)
                })
            })
            .collect();
        for process in processes {
            let store = process.await.unwrap().unwrap();
            store.check_schema().await.unwrap();
            store.close().await;
        }
    }
}

/// Who dumps a database holds its tables for as long as that takes. Calls must not stand still behind a migration that waits for them.
#[tokio::test(flavor = "multi_thread")]
async fn a_migration_that_waits_lets_others_pass() {
    let db = Db::postgres().await;
    let Place::Postgres(url) = &db.place else { unreachable!("it is one of PostgreSQL") };
    db.place
        .raw(
            "DELETE FROM _sqlx_migrations WHERE version = 28;
             ALTER TABLE calls DROP COLUMN traceparent; ALTER TABLE events DROP COLUMN traceparent",
        )
        .await;
    let mut dump = PgConnection::connect(url).await.unwrap();
    sqlx::raw_sql("BEGIN; SELECT count(*) FROM calls").execute(&mut dump).await.unwrap();
    let store = db.store.clone();
    let migration = tokio::spawn(async move { store.migrate().await });
    let waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock'
                 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    for _ in 0..2 {
        eventually(SOON, "it waits for the table", async || (db.place.count(waits).await == 1).then_some(()))
            .await;
        // Behind the migration, and that behind the dump, which is not over before this has passed.
        let other = tokio::time::timeout(SOON, db.place.count("SELECT count(*) FROM calls"));
        assert_eq!(other.await.expect("another one passes"), 0);
    }
    assert!(!migration.is_finished());
    sqlx::raw_sql("ROLLBACK").execute(&mut dump).await.unwrap();
    migration.await.unwrap().unwrap();
    db.store.check_schema().await.unwrap();
}
