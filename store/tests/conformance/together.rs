//! Several processes at once.

use ringfleet_core::{CampaignState, CounterKind, Outcome, WorkerId};
use ringfleet_store::{Bump, NewRecipient};
use serde_json::json;
use sqlx::Connection;
use uuid::Uuid;

use crate::{
    calls::ended,
    deliveries::Post,
    support::{Db, Place, SOON, World, all, at, begin, eventually, new_agent, number, sorted, wishes},
};

pub async fn two_workers_begin_overlapping_batches(db: Db) {
    for _ in 0..8 {
        let world = World::calling(&db, 120).await;
        let calls = world.queue(&db, 120).await;
        let begin = async |worker: WorkerId, backwards: bool| {
            let mut batch = wishes(&calls, worker);
            if backwards {
                batch.reverse();
            }
            db.write(async |tx| {
                tx.hold_campaigns(&[world.campaign.uuid()]).await?;
                begin(tx, &batch, at(10)).await
            })
            .await
        };
        let (one, two) = (WorkerId::new(at(0)), WorkerId::new(at(0)));
        let (a, b) = tokio::join!(begin(one, false), begin(two, true));
        assert_eq!(
            sorted([a, b].concat().iter().copied()),
            sorted(calls.iter().map(|c| c.id)),
            "each begun once, nobody deadlocked"
        );
    }
}

pub async fn who_gives_up_in_the_middle_of_a_begin_leaves_no_trace(db: Db) {
    let world = World::new(&db).await;
    for i in 0..600 {
        let patience = std::time::Duration::from_micros(i % 40 * 25);
        drop(tokio::time::timeout(patience, db.store.write_many()).await);
        drop(tokio::time::timeout(patience, db.store.read()).await);
    }
    // More at once than the pool has connections: each of them is met.
    let mut looks = tokio::task::JoinSet::new();
    for _ in 0..60 {
        let store = db.store.clone();
        looks.spawn(async move { store.read().await?.trunk(world.workspace, world.trunk).await });
    }
    while let Some(found) = looks.join_next().await {
        assert!(found.unwrap().unwrap().is_some());
    }
}

pub async fn two_workers_lease_overlapping_batches(db: Db) {
    for _ in 0..5 {
        let post = Post::new(&db, 60).await;
        let begin = async |ids: Vec<Uuid>| {
            let found = db.write(async |tx| tx.begin_deliveries(&ids, at(100), at(0)).await).await;
            found.into_iter().map(|l| l.id.uuid()).collect::<Vec<_>>()
        };
        let backwards = post.ids.iter().rev().copied().collect();
        let (a, b) = tokio::join!(begin(post.ids.clone()), begin(backwards));
        assert_eq!(sorted([a, b].concat()), sorted(post.ids), "each leased once, nobody deadlocked");
    }
}

pub async fn counters_equal_a_recount(db: Db) {
    let world = World::calling(&db, 400).await;
    // Each settler takes its calls in the same way as the engine: open, write, count, in one transaction.
    let settler = async |worker: WorkerId, outcomes: [Outcome; 2]| {
        for _ in 0..10 {
            let calls = world.ring(&db, 10, worker).await;
            db.write(async |tx| {
                let owned: Vec<_> = calls.iter().map(|c| (c.id, worker)).collect();
                let open = tx.open_calls(&owned).await?;
                assert_eq!(open.len(), 10);
                let picked = |n: usize| outcomes[n % 2];
                let updates: Vec<_> =
                    open.iter().enumerate().map(|(n, c)| ended(c.id.uuid(), picked(n))).collect();
                tx.update_calls(&updates).await?;
                let bump = |n| Bump::new(world.campaign, CounterKind::Outcome, picked(n).as_str(), 1);
                tx.bump((0..open.len()).map(bump).collect()).await
            })
            .await;
        }
    };
    let workers: Vec<WorkerId> = (0..4).map(|_| WorkerId::new(at(0))).collect();
    tokio::join!(
        settler(workers[0], [Outcome::Answered, Outcome::Rejected]),
        settler(workers[1], [Outcome::Rejected, Outcome::Answered]),
        settler(workers[2], [Outcome::Voicemail, Outcome::Answered]),
        settler(workers[3], [Outcome::Failed, Outcome::Voicemail]),
    );
    let kept = db.read(async |tx| tx.counters(world.campaign).await).await;
    let calls = db.read(async |tx| tx.calls(world.workspace, Default::default(), all()).await).await;
    assert_eq!(calls.len(), 400);
    for counter in &kept {
        let counted = calls.iter().filter(|c| c.outcome.is_some_and(|o| o.as_str() == counter.name)).count();
        assert_eq!(counter.n, counted as i64, "{}", counter.name);
    }
    assert_eq!(kept.iter().map(|c| c.n).sum::<i64>(), 400);
}

pub async fn readers_do_not_wait_for_a_writer(db: Db) {
    let world = World::new(&db).await;
    let mut writer = db.store.write().await.unwrap();
    writer.insert_agent(world.workspace, new_agent("unfinished"), at(1)).await.unwrap();
    let reading = async {
        db.store.check_schema().await.unwrap();
        db.read(async |tx| tx.agents(world.workspace, None, all()).await).await.len()
    };
    let seen = tokio::time::timeout(SOON, reading).await;
    assert_eq!(seen.expect("a reader waits for nobody"), 1, "what is not committed is not seen");
    writer.commit().await.unwrap();
    assert_eq!(db.read(async |tx| tx.agents(world.workspace, None, all()).await).await.len(), 2);
}

pub async fn one_scheduler_dispatches_a_campaign(db: Db) {
    let (one, other) = (World::new(&db).await.campaign, World::new(&db).await.campaign);
    let mut holder = db.store.write().await.unwrap();
    assert!(holder.try_dispatching(one).await.unwrap());
    if let Place::Postgres(_) = db.place {
        assert!(!db.write(async |tx| tx.try_dispatching(one).await).await, "another does");
        assert!(db.write(async |tx| tx.try_dispatching(other).await).await, "another campaign");
        db.write(async |tx| tx.hold_campaigns(&[one.uuid()]).await).await;
    }
    holder.commit().await.unwrap();
    assert!(db.write(async |tx| tx.try_dispatching(one).await).await, "it went with its transaction");
}

/// The server's default must not decide whether a pause holds.
pub async fn who_waited_for_a_pause_sees_it(db: Db) {
    let strict = "DO $$ BEGIN
        EXECUTE format('ALTER DATABASE %I SET default_transaction_isolation = %L', current_database(), 'repeatable read');
    END $$";
    if let Place::Postgres(_) = db.place {
        db.place.raw(strict).await;
    }
    let store = db.place.open().await; // connections that know the new default
    let world = World::calling(&db, 1).await;
    let mut pause = store.write().await.unwrap();
    pause.campaign_for_update(world.workspace, world.campaign).await.unwrap();
    let (beginner, id) = (store.clone(), world.campaign.uuid());
    let begin = tokio::spawn(async move {
        let mut tx = beginner.write().await.unwrap();
        tx.hold_campaigns(&[id]).await.unwrap().remove(0).state
    });
    if let Place::Postgres(url) = &db.place {
        eventually(SOON, "somebody waits for the campaign", async || {
            waits_for_a_lock(url).await.then_some(())
        })
        .await;
    }
    pause.set_campaign_state(world.campaign, CampaignState::Paused, None, at(1)).await.unwrap();
    pause.commit().await.unwrap();
    assert_eq!(begin.await.unwrap(), CampaignState::Paused);
}

/// A process that is frozen in the middle of a transaction does not keep others from its campaign for long.
#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_process_loses_its_transaction() {
    let db = Db::postgres().await;
    let world = World::calling(&db, 1).await;
    let mut frozen = db.store.write_many().await.unwrap();
    frozen.hold_campaigns(&[world.campaign.uuid()]).await.unwrap();
    let pause = async {
        let mut pause = db.store.write().await.unwrap();
        pause.campaign_for_update(world.workspace, world.campaign).await.unwrap();
        pause.set_campaign_state(world.campaign, CampaignState::Paused, None, at(1)).await.unwrap();
        pause.commit().await.unwrap();
    };
    tokio::time::timeout(SOON, pause).await.expect("the server gives the other one up");
    let error = frozen.hold_campaigns(&[world.campaign.uuid()]).await.unwrap_err();
    assert!(error.is_passing(), "{error:?}");
}

async fn waits_for_a_lock(url: &str) -> bool {
    let mut conn = sqlx::PgConnection::connect(url).await.unwrap();
    let waiting = "SELECT count(*) > 0 FROM pg_locks JOIN pg_stat_activity USING (pid)
                   WHERE NOT granted AND locktype = 'advisory' AND datname = current_database()";
    sqlx::query_scalar(waiting).fetch_one(&mut conn).await.unwrap()
}

/// Two lists with the same numbers, in opposite order.
pub async fn lists_that_overlap_do_not_block_each_other(db: Db) {
    let world = World::new(&db).await;
    let up: Vec<NewRecipient> = (0..4_000)
        .map(|n| NewRecipient { number: number(n), variables: json!({}).into(), timezone: None })
        .collect();
    let down: Vec<NewRecipient> = up.iter().rev().cloned().collect();
    let add = async |list: &[NewRecipient]| {
        db.write(async |tx| tx.insert_recipients(world.campaign, 0, list, at(0)).await).await.len()
    };
    let (first, second) = tokio::join!(add(&up), add(&down));
    assert_eq!(first + second, 4_000);
}

/// An older version goes on while a migration adds a column to what it reads whole.
pub async fn a_column_that_is_added_meanwhile_disturbs_nobody_for_long(db: Db) {
    let world = World::new(&db).await;
    let read = async || {
        let mut tx = db.store.read().await?;
        tx.campaign(world.workspace, world.campaign).await
    };
    // Every connection has prepared it.
    let readers = || futures::future::join_all((0..8).map(|_| read()));
    for found in readers().await {
        found.unwrap();
    }
    db.place.raw("ALTER TABLE campaigns ADD COLUMN fresh integer").await;
    for found in readers().await {
        assert!(found.is_ok() || found.as_ref().unwrap_err().is_passing(), "{found:?}");
    }
    for found in readers().await {
        assert!(found.unwrap().is_some());
    }
}
