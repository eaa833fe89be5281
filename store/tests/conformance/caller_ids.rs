//! Pools of caller IDs, and what was shown of each number on each day.

use ringfleet_core::{
    CallState, CallerIds, EndedBy, Outcome, WorkerId, WorkspaceId,
    caller_ids::{Rotation, Use},
};
use ringfleet_store::{CallUpdate, CallerDay, CampaignSettings, NewTrunk, Placement, Store};

use crate::support::{Db, World, at, new_trunk, number, plan, wishes};

fn pool(rotation: Rotation, daily_cap: Option<u32>) -> CallerIds {
    CallerIds { numbers: (0..500).map(number).collect(), rotation, daily_cap }
}

fn day(workspace: WorkspaceId, n: u64, day: i32) -> CallerDay {
    CallerDay { workspace: workspace.uuid(), number: number(n).digits(), day }
}

fn used(calls: u32, turn: i64) -> Use {
    Use { calls, turn }
}

pub async fn pools_are_kept(db: Db) {
    let world = World::new(&db).await;
    let kept = async || db.read(async |tx| tx.campaign(world.workspace, world.campaign).await).await.unwrap();
    assert_eq!(kept().await.caller_ids, None);
    let given = pool(Rotation::Match, Some(7));
    let settings = CampaignSettings { caller_ids: Some(given.clone()), ..CampaignSettings::new("x", plan()) };
    db.write(async |tx| tx.update_campaign(world.campaign, &settings).await).await;
    assert_eq!(kept().await.caller_ids, Some(given.clone()));
    let copy = kept().await.like("copy".into());
    let copy = db.write(async |tx| tx.insert_campaign(world.workspace, copy, at(1)).await).await;
    assert_eq!(copy.caller_ids, Some(given));

    let of_trunk = pool(Rotation::LeastUsed, None);
    let new = NewTrunk { caller_ids: Some(of_trunk.clone()), ..new_trunk("pool") };
    let trunk = db.write(async |tx| tx.insert_trunk(world.workspace, new, at(1)).await).await;
    assert_eq!(trunk.caller_ids, Some(of_trunk.clone()));
    assert_eq!(db.read(async |tx| tx.trunk(world.workspace, trunk.id).await).await, Some(trunk.clone()));
    let both = [world.trunk.uuid(), trunk.id.uuid()];
    let pools = db.read(async |tx| tx.trunk_pools(&both).await).await;
    let pools: Vec<_> = pools.into_iter().map(|pool| (pool.id, pool.caller_ids)).collect();
    assert_eq!(pools, [(trunk.id, of_trunk)], "only one has any");
    let has_pool = async || {
        let running = db.read(async |tx| tx.running_campaigns(at(1)).await).await;
        running.into_iter().find(|running| running.id == world.campaign).unwrap().trunk_has_pool
    };
    world.set(&db, ringfleet_core::CampaignState::InProgress).await;
    assert!(!has_pool().await);
}

pub async fn what_is_shown_is_counted_by_day(db: Db) {
    let world = World::calling(&db, 1).await;
    let other = World::new(&db).await;
    let days =
        [day(world.workspace, 1, 20_000), day(world.workspace, 1, 20_001), day(world.workspace, 2, 20_000)];
    let all = [&days[..], &[day(other.workspace, 1, 20_000)]].concat();
    db.write(async |tx| {
        tx.insert_caller_id_uses(&days).await?;
        tx.insert_caller_id_uses(&days[1..]).await?; // there already
        let held = tx.hold_caller_id_uses(&all).await?;
        assert_eq!(held.len(), 3);
        assert!(held.iter().all(|(_, each)| *each == Use::default()));
        tx.set_caller_id_uses(&[(days[0], used(3, i64::from(i32::MAX) + 9)), (days[2], used(1, 5))]).await
    })
    .await;
    let mut found = db.read(async |tx| tx.caller_id_uses(&all).await).await;
    found.sort_by_key(|(key, _)| *key);
    let zero = Use::default();
    let expected = [(days[0], used(3, i64::from(i32::MAX) + 9)), (days[1], zero), (days[2], used(1, 5))];
    assert_eq!(found, expected, "in order of number and day, and nothing of another workspace");

    // A call keeps what it shows; waiting again, it is counted for nothing.
    let calls = world.queue(&db, 1).await;
    let wish = wishes(&calls, WorkerId::new(at(0))).remove(0);
    let placement = Placement { wish: &wish, caller_id: Some("+12025550100"), caller_day: Some(20_000) };
    db.write(async |tx| tx.begin_calls(&[placement], at(1)).await).await;
    let call = async || db.read(async |tx| tx.calls_by_id(&[calls[0].id]).await).await.remove(0);
    let shown = |call: &ringfleet_store::Call| (call.caller_id.clone(), call.caller_day);
    assert_eq!(shown(&call().await), (Some("+12025550100".into()), Some(20_000)));
    let over = CallUpdate {
        id: calls[0].id,
        state: CallState::Unanswered,
        hold: None,
        outcome: Some(Outcome::Unanswered),
        reason: "ring_timeout".into(),
        code: None,
        ended_by: Some(EndedBy::Caller),
        heard: None,
        due_at: None,
        unsent: false,
        answered_at: None,
        ended_at: Some(at(2)),
    };
    for (state, counted) in [(CallState::Unanswered, Some(20_000)), (CallState::Pending, None)] {
        let update = CallUpdate { state, ..over.clone() };
        db.write(async |tx| tx.update_calls(&[update]).await).await;
        assert_eq!(shown(&call().await), (Some("+12025550100".into()), counted), "{state}");
    }

    let next = day(world.workspace, 2, 20_009);
    db.write(async |tx| tx.insert_caller_id_uses(&[days[0], next]).await).await;
    assert_eq!(
        db.read(async |tx| tx.caller_id_uses(&[next]).await).await,
        [(next, used(0, 5))],
        "its turn goes on"
    );
    assert_eq!(
        db.write(async |tx| tx.forget_caller_id_uses(20_010).await).await,
        2,
        "the last of each number stays"
    );
    let mut kept = db.read(async |tx| tx.caller_id_uses(&[days[0], days[1], days[2], next]).await).await;
    kept.sort_by_key(|(key, _)| *key);
    assert_eq!(kept, [(days[1], zero), (next, used(0, 5))]);
}

/// Pools that overlap, in all orders, and rows that are not there yet: nobody waits in a circle, and no use is lost.
pub async fn two_workers_show_no_number_too_often(db: Db) {
    const WORKERS: u64 = 6;
    const ROUNDS: u64 = 25;
    let world = World::new(&db).await;
    let worker = |n: u64, store: Store| async move {
        for round in 0..ROUNDS {
            let mut pool: Vec<CallerDay> = (0..4)
                .map(|i| day(world.workspace, (n + i * (n + 1) + round) % 7, (round / 5) as i32))
                .collect();
            pool.sort();
            pool.dedup();
            let mut tx = store.write_many().await.unwrap();
            tx.insert_caller_id_uses(&pool).await.unwrap();
            let mut uses = tx.hold_caller_id_uses(&pool).await.unwrap();
            assert_eq!(uses.len(), pool.len());
            let least = uses.iter_mut().min_by_key(|(_, each)| each.calls).unwrap();
            least.1.calls += 1;
            tx.set_caller_id_uses(&uses).await.unwrap();
            tx.commit().await.unwrap();
        }
    };
    let workers: Vec<_> = (0..WORKERS).map(|n| tokio::spawn(worker(n, db.store.clone()))).collect();
    for worker in workers {
        worker.await.unwrap();
    }
    let all: Vec<CallerDay> = (0..7).flat_map(|n| (0..5).map(move |d| day(world.workspace, n, d))).collect();
    let uses = db.read(async |tx| tx.caller_id_uses(&all).await).await;
    assert_eq!(uses.iter().map(|(_, each)| u64::from(each.calls)).sum::<u64>(), WORKERS * ROUNDS);
}
