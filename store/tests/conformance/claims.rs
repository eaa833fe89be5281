//! Recipients: added once, claimed once, in the order they are due.

use std::collections::BTreeSet;

use ringfleet_core::{Disposition, Hold, Outcome, RecipientId, RecipientState};
use ringfleet_store::{NewRecipient, Recipient, RecipientUpdate, Standing};
use serde_json::json;

use crate::support::{Db, Place, World, all, at, claim, number, sorted};

async fn list(db: &Db, world: &World) -> Vec<Recipient> {
    db.read(async |tx| tx.recipients(world.campaign, Default::default(), all()).await).await
}

/// Back to waiting until `due`.
pub fn update(id: RecipientId, due: i64) -> RecipientUpdate {
    RecipientUpdate {
        id: id.uuid(),
        state: RecipientState::Pending,
        step: 0,
        attempts: 0,
        total_attempts: 0,
        due_at: at(due),
        hold: None,
        ready_at: None,
        disposition: None,
        last_outcome: None,
        last_reason: None,
        done_at: None,
    }
}

pub async fn the_earliest_due_come_first(db: Db) {
    let world = World::calling(&db, 6).await;
    let ids: Vec<RecipientId> = list(&db, &world).await.iter().map(|r| r.id).collect();
    let due = [50, 10, 40, 20, 60, 30];
    let updates: Vec<_> = ids.iter().zip(due).map(|(id, due)| update(*id, due)).collect();
    db.write(async |tx| tx.update_recipients(&updates).await).await;
    let claim = async |limit, now| {
        let found = db.write(async |tx| claim(tx, world.campaign, limit, at(now)).await).await;
        sorted(found.iter().map(|s: &Standing| s.id))
    };
    assert_eq!(claim(10, 9).await, [], "nobody is due yet");
    assert_eq!(claim(2, 60).await, sorted([ids[1], ids[3]]));
    assert_eq!(claim(10, 40).await, sorted([ids[5], ids[2]]), "50 and 60 are not due");
    assert_eq!(claim(10, 60).await, sorted([ids[0], ids[4]]));
    assert_eq!(claim(10, 1000).await, []);
    assert!(list(&db, &world).await.iter().all(|r| r.state == RecipientState::Queued));
}

pub async fn a_limit_is_a_limit(db: Db) {
    // A planner that ran the inner query once per row would claim more than asked for; small tables tempt it.
    for size in [3, 40, 300] {
        let world = World::calling(&db, size).await;
        let mut left = size as usize;
        while left > 0 {
            let claimed = db.write(async |tx| claim(tx, world.campaign, 2, at(0)).await).await;
            assert_eq!(claimed.len(), left.min(2));
            left -= claimed.len();
        }
    }
}

pub async fn nobody_is_claimed_twice(db: Db) {
    let world = World::calling(&db, 90).await;
    if let Place::Postgres(_) = db.place {
        // Two transactions open at once: the second passes over what the first holds, and does not wait.
        let mut one = db.store.write().await.unwrap();
        let mut two = db.store.write().await.unwrap();
        let first = claim(&mut one, world.campaign, 20, at(0)).await.unwrap();
        let second = claim(&mut two, world.campaign, 20, at(0)).await.unwrap();
        one.commit().await.unwrap();
        drop(two); // given back
        let ids = |found: &[Standing]| found.iter().map(|s| s.id).collect::<BTreeSet<_>>();
        assert_eq!((first.len(), second.len()), (20, 20));
        assert!(ids(&first).is_disjoint(&ids(&second)));
    } else {
        db.write(async |tx| claim(tx, world.campaign, 20, at(0)).await).await;
    }
    let claimer = async || {
        let mut got = Vec::new();
        loop {
            let found = db.write(async |tx| claim(tx, world.campaign, 7, at(0)).await).await;
            if found.is_empty() {
                return got;
            }
            got.extend(found.into_iter().map(|s| s.id));
        }
    };
    let (a, b, c) = tokio::join!(claimer(), claimer(), claimer());
    // One that found nothing may have looked while another held the last rows; nothing is lost, the holder has them.
    let all = [a, b, c].concat();
    assert_eq!(all.len(), 70);
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 70);
}

pub async fn numbers_are_unique_in_a_campaign(db: Db) {
    let world = World::new(&db).await;
    let other = World::new(&db).await;
    let new = |n| NewRecipient { number: number(n), variables: json!({"n": n}).into(), timezone: None };
    let add = async |campaign, numbers: &[u64]| {
        let batch: Vec<_> = numbers.iter().map(|n| new(*n)).collect();
        sorted(db.write(async |tx| tx.insert_recipients(campaign, 0, &batch, at(0)).await).await)
    };
    assert!(!db.read(async |tx| tx.has_recipients(world.campaign).await).await);
    assert_eq!(add(world.campaign, &[1, 2]).await, [number(1), number(2)]);
    assert_eq!(add(world.campaign, &[2, 3, 3, 1, 4]).await, [number(3), number(4)]);
    assert_eq!(add(other.campaign, &[1]).await, [number(1)], "another campaign may call the same number");
    assert_eq!(add(world.campaign, &[]).await, []);
    assert!(db.read(async |tx| tx.has_recipients(world.campaign).await).await);
    assert_eq!(list(&db, &world).await.len(), 4);

    // Two uploads of the same list at once: each number is taken by exactly one.
    let many: Vec<u64> = (100..400).collect();
    let (a, b) = tokio::join!(add(world.campaign, &many), add(world.campaign, &many));
    assert_eq!(sorted([a, b].concat()), many.iter().map(|n| number(*n)).collect::<Vec<_>>());
}

pub async fn outcomes_are_written_and_kept(db: Db) {
    let world = World::calling(&db, 2).await;
    let [one, two] = list(&db, &world).await.try_into().unwrap();
    let busy = RecipientUpdate {
        attempts: 1,
        total_attempts: 4,
        step: 1,
        hold: Some(Hold::Window),
        ready_at: None,
        last_outcome: Some(Outcome::Rejected),
        last_reason: Some("busy".into()),
        ..update(one.id, 70)
    };
    let done = RecipientUpdate {
        state: RecipientState::Done,
        disposition: Some(Disposition::Reached),
        last_outcome: Some(Outcome::Answered),
        last_reason: Some("".into()),
        done_at: Some(at(77)),
        ..update(two.id, 0)
    };
    db.write(async |tx| tx.update_recipients(&[busy, done]).await).await;
    // Later something that consumed nothing: the latest outcome stays.
    db.write(async |tx| tx.update_recipients(&[update(one.id, 80)]).await).await;
    let found = list(&db, &world).await;
    assert_eq!(
        (found[0].last_outcome, found[0].last_reason.as_deref()),
        (Some(Outcome::Rejected), Some("busy"))
    );
    assert_eq!((found[0].due_at, found[0].hold, found[0].done_at), (at(80), None, None));
    assert_eq!((found[1].state, found[1].disposition), (RecipientState::Done, Some(Disposition::Reached)));
    assert_eq!((found[1].done_at, found[1].last_reason.as_deref()), (Some(at(77)), Some("")));

    let ids = [two.id.uuid(), one.id.uuid(), world.campaign.uuid()];
    let standings = db.write(async |tx| tx.standings(&ids).await).await;
    assert_eq!(standings.iter().map(|s| s.id).collect::<Vec<_>>(), sorted([one.id, two.id]));
    assert_eq!(
        standings.iter().map(|s| s.number).collect::<BTreeSet<_>>(),
        BTreeSet::from([one.number, two.number])
    );
}

pub async fn holds_come_and_go(db: Db) {
    let world = World::calling(&db, 3).await;
    let calls = world.queue(&db, 2).await;
    let every: Vec<_> = list(&db, &world).await.iter().map(|r| r.id.uuid()).collect();
    db.write(async |tx| tx.hold_recipients(&every, Hold::Concurrency).await).await;
    let held = list(&db, &world).await.iter().filter(|r| r.hold == Some(Hold::Concurrency)).count();
    assert_eq!(held, 2, "only those whose call waits");
    let queued: Vec<_> = calls.iter().filter_map(|c| c.recipient_id).collect();
    db.write(async |tx| tx.activate_recipients(&queued[..1]).await).await;
    let found = list(&db, &world).await;
    let of = |id| found.iter().find(|r| r.id.uuid() == id).map(|r| (r.state, r.hold));
    assert_eq!(of(queued[0]), Some((RecipientState::Active, None)));
    assert_eq!(of(queued[1]), Some((RecipientState::Queued, Some(Hold::Concurrency))));
}

pub async fn cancelling_spares_the_active(db: Db) {
    let world = World::calling(&db, 5).await;
    let calls = world.queue(&db, 2).await;
    let active: Vec<_> = calls.iter().filter_map(|c| c.recipient_id).take(1).collect();
    db.write(async |tx| tx.activate_recipients(&active).await).await;
    assert_eq!(crate::campaigns::cancel(&db, &world).await, 4);
    assert_eq!(crate::campaigns::cancel(&db, &world).await, 0);
    for found in list(&db, &world).await {
        let expected = if found.id.uuid() == active[0] {
            (RecipientState::Active, None, None)
        } else {
            (RecipientState::Done, Some(Disposition::Cancelled), Some(at(9)))
        };
        assert_eq!((found.state, found.disposition, found.done_at), expected);
    }
}
