//! Uploads on their way to becoming recipients.

use ringfleet_core::ImportId;
use ringfleet_store::{Import, ImportState, Progress, Reject};

use crate::support::{Db, World, at};

async fn get(db: &Db, world: &World, id: ImportId) -> Import {
    db.read(async |tx| tx.import(world.workspace, id).await).await.unwrap()
}

pub async fn an_import_runs_and_ends(db: Db) {
    let world = World::new(&db).await;
    let id = db.write(async |tx| tx.insert_import(world.workspace, world.campaign, at(1)).await).await;
    assert!(db.read(async |tx| tx.has_running_import(world.campaign).await).await);
    let import = get(&db, &world, id).await;
    assert_eq!(
        (import.campaign_id, import.state, import.error),
        (world.campaign, ImportState::Running, None)
    );
    assert_eq!((import.rows_read, import.accepted, import.rejected), (0, 0, 0));
    assert_eq!((import.created_at, import.finished_at), (at(1), None));
    assert!(
        db.write(async |tx| tx
            .progress_import(id, None, Progress { rows: 10, accepted: 7, rejected: 3 }, at(2))
            .await)
            .await
    );
    db.write(async |tx| tx.close_import(id, None, ImportState::Finished, None, at(3)).await).await;
    assert!(!db.read(async |tx| tx.has_running_import(world.campaign).await).await);
    // What comes late changes nothing.
    assert!(
        !db.write(async |tx| tx
            .progress_import(id, None, Progress { rows: 99, accepted: 99, rejected: 99 }, at(4))
            .await)
            .await
    );
    db.write(async |tx| tx.close_import(id, None, ImportState::Failed, Some("late"), at(4)).await).await;
    let import = get(&db, &world, id).await;
    assert_eq!((import.state, import.error, import.finished_at), (ImportState::Finished, None, Some(at(3))));
    assert_eq!((import.rows_read, import.accepted, import.rejected), (10, 7, 3));
}

pub async fn stalled_ones_fail(db: Db) {
    let world = World::new(&db).await;
    let insert =
        async |ms| db.write(async |tx| tx.insert_import(world.workspace, world.campaign, at(ms)).await).await;
    let (stalled, moving, ended) = (insert(0).await, insert(0).await, insert(0).await);
    db.write(async |tx| {
        tx.progress_import(moving, None, Progress { rows: 1, accepted: 1, rejected: 0 }, at(100)).await
    })
    .await;
    db.write(async |tx| tx.close_import(ended, None, ImportState::Finished, None, at(1)).await).await;
    let fail = async |before| db.write(async |tx| tx.fail_stalled_imports(at(before), at(200)).await).await;
    assert_eq!(fail(0).await, 0, "not before the bound");
    assert_eq!(fail(100).await, 1);
    assert_eq!(fail(100).await, 0);
    let import = get(&db, &world, stalled).await;
    assert_eq!((import.state, import.finished_at), (ImportState::Failed, Some(at(200))));
    assert!(import.error.unwrap().contains("send the file again"));
    assert_eq!(get(&db, &world, moving).await.state, ImportState::Running);
    assert_eq!(get(&db, &world, ended).await.state, ImportState::Finished);
    assert!(
        !db.write(async |tx| tx
            .progress_import(stalled, None, Progress { rows: 1, accepted: 1, rejected: 0 }, at(201))
            .await)
            .await
    );
}

pub async fn rejects_come_in_pages(db: Db) {
    let world = World::new(&db).await;
    let insert =
        async || db.write(async |tx| tx.insert_import(world.workspace, world.campaign, at(0)).await).await;
    let (id, other) = (insert().await, insert().await);
    let reject = |line: i64| Reject {
        line,
        field: "phone; \"x\"".into(),
        value: format!("९{line}"),
        reason: "not a number".into(),
    };
    let lines: Vec<Reject> = (2..27).rev().map(reject).chain([reject(1 << 40)]).collect();
    db.write(async |tx| {
        tx.insert_rejects(id, &lines).await?;
        tx.insert_rejects(id, &lines[..3]).await?; // a batch sent twice counts once
        tx.insert_rejects(other, &[reject(5)]).await?;
        tx.insert_rejects(other, &[]).await
    })
    .await;
    let mut found: Vec<Reject> = Vec::new();
    loop {
        let after = found.last().map_or(0, |r| r.line);
        let page = db.read(async |tx| tx.rejects(id, after, 10).await).await;
        assert!(page.len() <= 10);
        if page.is_empty() {
            break;
        }
        found.extend(page);
    }
    let expected: Vec<Reject> = (2..27).map(reject).chain([reject(1 << 40)]).collect();
    assert_eq!(found, expected);
}
