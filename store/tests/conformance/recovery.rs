//! What dead workers leave behind, and what a pause or a cancel does to calls that wait.

use std::time::Duration;

use ringfleet_core::{CallState, Hold, Outcome, RecipientState, WorkerId};
use ringfleet_store::CallUpdate;
use uuid::Uuid;

use crate::{
    calls::{answer, ended, get},
    support::{Db, NONE, SOON, World, all, at, claim, eventually, sorted},
};

async fn orphans(db: &Db, now: i64) -> Vec<Uuid> {
    let found = db.write(async |tx| tx.mark_orphans(at(now)).await).await;
    sorted(found.iter().map(|id| id.uuid()))
}

async fn announced(db: &Db) -> WorkerId {
    let id = WorkerId::new(at(0));
    db.write(async |tx| tx.insert_worker(id).await).await;
    id
}

/// A call of a worker that has ended by itself.
async fn orphan(db: &Db) -> Uuid {
    let world = World::calling(db, 1).await;
    let worker = announced(db).await;
    let id = world.ring(db, 1, worker).await[0].id;
    db.write(async |tx| tx.retire_worker(worker).await).await;
    id
}

pub async fn a_dead_workers_calls_are_orphans(db: Db) {
    let world = World::calling(&db, 9).await;
    let (dead, retired, alive) = (announced(&db).await, announced(&db).await, announced(&db).await);
    let of_dead = world.ring(&db, 3, dead).await;
    let of_retired = world.ring(&db, 2, retired).await;
    world.ring(&db, 2, alive).await;
    world.queue(&db, 2).await;
    assert!(answer(&db, of_dead[0].id, dead, 20).await);
    db.write(async |tx| tx.update_calls(&[ended(of_dead[2].id, Outcome::Answered)]).await).await;
    assert_eq!(orphans(&db, 100).await, NONE, "everybody lives");
    db.write(async |tx| tx.retire_worker(retired).await).await;
    assert_eq!(orphans(&db, 100).await, sorted(of_retired.iter().map(|c| c.id)));
    assert_eq!(db.read(async |tx| tx.count_orphans().await).await, 2);
    eventually(SOON, "the silent worker is buried", async || {
        let buried = db
            .write(async |tx| {
                tx.heartbeat(alive).await?;
                // So long may a busy machine take between the two, for the database reads its clock twice.
                tx.bury_silent_workers(Duration::from_secs(3)).await
            })
            .await;
        (buried == 1).then_some(())
    })
    .await;
    assert_eq!(
        orphans(&db, 110).await,
        sorted([of_dead[0].id, of_dead[1].id]),
        "ringing or answered, not over"
    );
    assert_eq!(orphans(&db, 120).await, NONE, "each is told once");
    let dial = db.read(async |tx| tx.dials(&[of_dead[0].id]).await).await.remove(0);
    assert_eq!((dial.orphaned_at, dial.state), (Some(at(110)), CallState::Ongoing));
    assert!(dial.resume.is_some());
    let late = db.write(async |tx| tx.open_calls(&[(of_dead[0].id, dead)]).await).await;
    assert_eq!(late, [], "the dead settle nothing");
}

pub async fn an_orphan_is_adopted_once(db: Db) {
    let id = orphan(&db).await;
    let adopt = async |worker| db.write(async |tx| tx.adopt_orphans(worker, 10).await).await == [id.into()];
    let (one, two) = (WorkerId::new(at(0)), WorkerId::new(at(0)));
    assert!(!adopt(one).await, "nobody has declared it an orphan yet");
    assert_eq!(orphans(&db, 100).await, [id]);
    let (a, b) = tokio::join!(adopt(one), adopt(two));
    assert!(a ^ b, "exactly one");
    let (owner, other) = if a { (one, two) } else { (two, one) };
    let open = async |worker| db.write(async |tx| tx.open_calls(&[(id, worker)]).await).await.len();
    assert_eq!((open(owner).await, open(other).await), (1, 0));
    assert_eq!(orphans(&db, 2000).await, NONE, "it has an owner again");
    db.write(async |tx| tx.update_calls(&[ended(id, Outcome::Uncertain)]).await).await;
    assert!(!adopt(other).await, "it is over");
}

pub async fn the_dead_adopt_nobody(db: Db) {
    let id = orphan(&db).await;
    assert_eq!(orphans(&db, 100).await, [id]);
    let (dead, alive) = (announced(&db).await, announced(&db).await);
    db.write(async |tx| tx.retire_worker(dead).await).await;
    let adopt = async |worker, limit| db.write(async |tx| tx.adopt_orphans(worker, limit).await).await;
    assert_eq!(adopt(dead, 10).await, []);
    assert_eq!(adopt(alive, 0).await, [], "no more than it can look after");
    assert_eq!(adopt(alive, 10).await, [id.into()]);
    assert_eq!(adopt(alive, 10).await, [], "it has an owner again");
}

pub async fn a_stray_is_disowned_by_its_worker_only(db: Db) {
    let world = World::calling(&db, 2).await;
    let (worker, other) = (announced(&db).await, announced(&db).await);
    let calls = world.ring(&db, 2, worker).await;
    let ids: Vec<Uuid> = calls.iter().map(|c| c.id).collect();
    assert_eq!(db.read(async |tx| tx.begun_by(worker).await).await.len(), 2);
    assert_eq!(db.read(async |tx| tx.begun_by(other).await).await, []);
    assert_eq!(db.write(async |tx| tx.disown_calls(other, &ids, at(50)).await).await, 0);
    assert_eq!(db.write(async |tx| tx.disown_calls(worker, &ids[..1], at(50)).await).await, 1);
    assert_eq!(db.read(async |tx| tx.begun_by(worker).await).await, [ids[1].into()]);
    assert_eq!(db.write(async |tx| tx.adopt_orphans(other, 10).await).await, [ids[0].into()]);
}

/// One call that a carrier had no room for, one that never left; with them their recipients.
async fn back_and_fresh(db: &Db, world: &World) -> (Uuid, Uuid) {
    let back = world.ring(db, 1, WorkerId::new(at(0))).await.remove(0);
    let update = CallUpdate {
        state: CallState::Pending,
        hold: Some(Hold::Pace),
        outcome: None,
        due_at: Some(at(500)),
        ended_at: None,
        ..ended(back.id, Outcome::Failed)
    };
    db.write(async |tx| tx.update_calls(&[update]).await).await;
    (back.id, world.queue(db, 1).await[0].id)
}

pub async fn a_pause_withdraws_what_never_left(db: Db) {
    let world = World::calling(&db, 3).await;
    let other = World::calling(&db, 1).await;
    let foreign = other.queue(&db, 1).await.remove(0);
    let (back, fresh) = back_and_fresh(&db, &world).await;
    let withdrawn = get(&db, fresh).await.recipient_id;
    let held: Vec<Uuid> = withdrawn.iter().map(|id| id.uuid()).collect();
    db.write(async |tx| tx.hold_recipients(&held, Hold::Concurrency).await).await;
    db.write(async |tx| tx.withdraw_waiting_calls(world.campaign).await).await;
    let left = db.read(async |tx| tx.calls_by_id(&[back, fresh, foreign.id]).await).await;
    assert_eq!(sorted(left.iter().map(|c| c.id.uuid())), sorted([back, foreign.id]));
    let list = db.read(async |tx| tx.recipients(world.campaign, Default::default(), all()).await).await;
    let active: Vec<_> = list.iter().filter(|r| r.state != RecipientState::Pending).map(|r| r.id).collect();
    assert_eq!(active, [get(&db, back).await.recipient_id.unwrap()]);
    let again = list.iter().find(|r| Some(r.id) == withdrawn).unwrap();
    assert_eq!((again.state, again.hold), (RecipientState::Pending, None));
    let claimed = db.write(async |tx| claim(tx, world.campaign, 10, at(0)).await).await;
    assert_eq!(claimed.len(), 2, "who was withdrawn can be claimed again");
    let queued = db.read(async |tx| tx.recipients(other.campaign, Default::default(), all()).await).await;
    assert_eq!(queued[0].state, RecipientState::Queued, "another campaign's recipients are left alone");
}

pub async fn a_cancel_ends_what_came_back(db: Db) {
    let world = World::calling(&db, 3).await;
    let (back, fresh) = back_and_fresh(&db, &world).await;
    let live = world.ring(&db, 1, WorkerId::new(at(0))).await[0].id;
    let cancelled =
        db.write(async |tx| tx.cancel_held_calls(world.campaign, "cancelled", at(600)).await).await;
    assert_eq!(cancelled.len(), 1);
    let call = get(&db, back).await;
    assert_eq!(cancelled, std::slice::from_ref(&call));
    assert_eq!((call.state, call.reason.as_deref()), (CallState::Cancelled, Some("cancelled")));
    assert_eq!((call.ended_at, call.hold, call.outcome), (Some(at(600)), None, None));
    assert_eq!(get(&db, fresh).await.state, CallState::Pending);
    assert_eq!(get(&db, live).await.state, CallState::Triggered);
    assert_eq!(db.write(async |tx| tx.cancel_held_calls(world.campaign, "x", at(700)).await).await, []);
}
