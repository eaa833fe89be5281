//! What the brakes keep: how trunks are, and the calls that wait for them.

use std::collections::HashMap;

use ringfleet_core::{
    BrakeRule, CallState, CampaignState, CounterKind, Hold, TrunkId, WorkerId,
    brake::{BrakeState, Health},
    trunk_group::Member,
};
use ringfleet_store::{Bump, GroupCampaign, Move, NewCampaign, Stranded, TrunkHealth};
use uuid::Uuid;

use crate::support::{Db, NONE, World, all, at, begin, new_trunk, sorted, wishes};

async fn health(db: &Db, world: World) -> Option<Health> {
    let mut found = db.read(async |tx| tx.trunk_health(&[world.trunk.uuid()]).await).await;
    found.pop().map(TrunkHealth::health)
}

async fn set(db: &Db, world: World, health: &Health) {
    db.write(async |tx| {
        tx.lock_trunk_health(&[world.trunk.uuid()]).await?;
        tx.set_trunk_health(&[TrunkHealth::new(world.trunk, health.clone())]).await
    })
    .await;
}

fn paused() -> Health {
    Health {
        state: BrakeState::Paused,
        reason: Some("auth".into()),
        since: at(5),
        until: at(100),
        pauses: 3,
        doubt_since: Some(at(2)),
        troubles: 4,
        troubled: vec![Uuid::from_u128(1), Uuid::from_u128(u128::MAX)],
        trial: Some(Uuid::from_u128(7)),
    }
}

pub async fn trunks_are_unknown_until_they_have_trouble(db: Db) {
    let world = World::new(&db).await;
    assert_eq!(health(&db, world).await, None);
    let trunk = [world.trunk.uuid()];
    let locked = db.write(async |tx| tx.lock_trunk_health(&trunk).await).await;
    assert_eq!(locked.into_iter().map(TrunkHealth::health).collect::<Vec<_>>(), [Health::unknown()]);
    set(&db, world, &paused()).await;
    assert_eq!(health(&db, world).await, Some(paused()));
    let again = db.write(async |tx| tx.lock_trunk_health(&trunk).await).await;
    assert_eq!(again.into_iter().map(TrunkHealth::health).collect::<Vec<_>>(), [paused()], "kept as it is");
    assert_eq!(db.read(async |tx| tx.trunk_health(&[]).await).await, []);
    let counted = db.read(async |tx| tx.count_trunk_health().await).await;
    assert_eq!(counted, [(BrakeState::Paused, 1)]);
}

pub async fn trunks_come_due(db: Db) {
    let world = World::new(&db).await;
    let due = async |ms| {
        let due = db.read(async |tx| tx.due_trunks(at(ms)).await).await;
        due.into_iter().map(|due| (due.trunk_id, due.state)).collect::<Vec<_>>()
    };
    for (state, trial, expected) in [
        (BrakeState::Open, None, false),
        (BrakeState::Paused, None, true),
        (BrakeState::Probing, None, true),
        (BrakeState::Trial, None, true),
        (BrakeState::Trial, Some(Uuid::from_u128(7)), false),
    ] {
        set(&db, world, &Health { state, trial, ..paused() }).await;
        assert_eq!(due(99).await, [], "{state}");
        assert_eq!(due(100).await, if expected { vec![(world.trunk, state)] } else { vec![] }, "{state}");
    }
}

pub async fn a_dial_says_how_its_trunk_is(db: Db) {
    let world = World::calling(&db, 1).await;
    let call = world.queue(&db, 1).await.remove(0);
    let brake = async || db.read(async |tx| tx.dials(&[call.id]).await).await.remove(0).brake;
    assert_eq!(brake().await, None);
    set(&db, world, &paused()).await;
    assert_eq!(brake().await, Some(BrakeState::Paused));
}

pub async fn calls_wait_for_their_trunk_and_are_let_go(db: Db) {
    let world = World::calling(&db, 3).await;
    let calls = world.queue(&db, 3).await;
    let single = world.new_call(None, at(0));
    db.write(async |tx| tx.insert_calls(std::slice::from_ref(&single), at(0)).await).await;
    let ids = [calls[0].id, calls[1].id, single.id];
    let held = db.write(async |tx| tx.hold_for_trunk(world.trunk, &ids, at(60_000)).await).await;
    assert_eq!(sorted(held), sorted(calls[..2].iter().filter_map(|call| call.recipient_id)));
    let held = db.read(async |tx| tx.calls_by_id(&ids).await).await;
    assert!(held.iter().all(|call| call.hold == Some(Hold::Trunk) && call.state == CallState::Pending));

    let push = async |ms| {
        let due = db.write(async |tx| tx.calls_to_push(9, at(ms)).await).await;
        sorted(due.into_iter().map(|call| call.id.uuid()))
    };
    let let_go = async |n, ms| db.write(async |tx| tx.let_go(world.trunk, n, at(ms)).await).await;
    assert_eq!(push(59_999).await, NONE, "they wait, and the third has its job");
    assert_eq!(let_go(1, 500).await, 1);
    assert_eq!(push(500).await, [single.id], "a single call goes first");
    db.write(async |tx| tx.hold_for_trunk(world.trunk, &[single.id], at(70_000)).await).await;
    world.set(&db, CampaignState::Paused).await;
    assert_eq!(let_go(9, 600).await, 1, "a paused campaign's calls stay");
    world.set(&db, CampaignState::InProgress).await;
    assert_eq!(let_go(9, 700).await, 3);
    assert_eq!(push(700).await, sorted(ids));

    // What has begun waits for nothing any more.
    let worker = WorkerId::new(at(0));
    let wishes = crate::support::wishes(&calls[..1], worker);
    db.write(async |tx| crate::support::begin(tx, &wishes, at(800)).await).await;
    let held = db.write(async |tx| tx.hold_for_trunk(world.trunk, &[calls[0].id], at(60_000)).await).await;
    assert_eq!(held, NONE);
}

pub async fn live_calls_are_counted_from_a_moment_on(db: Db) {
    let world = World::calling(&db, 3).await;
    world.ring(&db, 2, WorkerId::new(at(0))).await; // they begin at 10
    let live = async |ms| db.read(async |tx| tx.live_calls_on_trunk(world.trunk, at(ms)).await).await;
    assert_eq!([live(10).await, live(11).await], [2, 0]);
}

/// One more failure of the campaign, as whoever settles it counts it.
async fn fail(db: &Db, world: World) {
    db.write(async |tx| {
        let mut brakes = tx.lock_campaign_brakes(&[world.campaign.uuid()]).await?;
        let position = brakes[0].ended + 1;
        brakes[0].failures.push(position);
        tx.set_campaign_brakes(&brakes).await?;
        tx.bump(vec![Bump::new(world.campaign, CounterKind::Channel, "voice", 1)]).await
    })
    .await;
}

pub async fn failures_of_many_settlers_have_one_place_each(db: Db) {
    let world = World::calling(&db, 1).await;
    let db = std::sync::Arc::new(db);
    let settlers = (0..4).map(|_| {
        let db = db.clone();
        tokio::spawn(async move {
            for _ in 0..10 {
                fail(&db, world).await;
                let good = vec![Bump::new(world.campaign, CounterKind::Channel, "voice", 1)];
                db.write(async |tx| tx.bump(good).await).await;
            }
        })
    });
    for settler in settlers.collect::<Vec<_>>() {
        settler.await.unwrap();
    }
    let brake = db.write(async |tx| tx.lock_campaign_brakes(&[world.campaign.uuid()]).await).await.remove(0);
    assert_eq!((brake.failures.len(), brake.ended), (40, 80));
    assert!(brake.failures.is_sorted_by(|a, b| a < b), "{:?}", brake.failures);
}

pub async fn a_tripped_campaign_is_found_until_it_has_stopped(db: Db) {
    let world = World::calling(&db, 1).await;
    let tripped = async || db.read(async |tx| tx.tripped_campaigns().await).await;
    fail(&db, world).await;
    assert_eq!(tripped().await, []);
    db.write(async |tx| {
        let mut brakes = tx.lock_campaign_brakes(&[world.campaign.uuid()]).await?;
        brakes[0].tripped = Some("too many".into());
        tx.set_campaign_brakes(&brakes).await
    })
    .await;
    let found = tripped().await;
    assert_eq!((found.len(), found[0].id, found[0].brake), (1, world.campaign, BrakeRule::default()));
    assert_eq!((found[0].workspace_id, found[0].tripped.as_str()), (world.workspace, "too many"));
    world.set(&db, CampaignState::Paused).await;
    assert_eq!(tripped().await, []);
    world.set(&db, CampaignState::InProgress).await;
    db.write(async |tx| tx.release_campaign_brake(world.campaign).await).await;
    assert_eq!(tripped().await, []);
}

pub async fn groups_are_kept_and_their_stranded_calls_move(db: Db) {
    let world = World::new(&db).await;
    let elsewhere = World::new(&db).await;
    let now = at(3);
    let (other, group) = db
        .write(async |tx| {
            let other = tx.insert_trunk(world.workspace, new_trunk("other"), now).await?.id;
            let member = |trunk_id, priority, weight| Member { trunk_id, priority, weight };
            let members = vec![member(world.trunk, 1, 2), member(other, 3, 4)];
            Ok((other, tx.insert_trunk_group(world.workspace, "both", members, now).await?))
        })
        .await;
    let shown = db.read(async |tx| tx.trunk_group(world.workspace, group.id).await).await;
    assert_eq!(shown.as_ref(), Some(&group));
    assert_eq!(
        db.read(async |tx| tx.trunk_groups(world.workspace, all()).await).await,
        std::slice::from_ref(&group)
    );
    assert_eq!(db.read(async |tx| tx.trunk_group(elsewhere.workspace, group.id).await).await, None);
    assert_eq!(db.read(async |tx| tx.trunk_groups(elsewhere.workspace, all()).await).await, []);
    let limits = db.read(async |tx| tx.trunk_limits(&[world.trunk.uuid(), other.uuid()]).await).await;
    assert_eq!(limits.len(), 2);

    let new = NewCampaign { trunk_group_id: Some(group.id), ..World::new_campaign(world.agent, world.trunk) };
    let campaign = db.write(async |tx| tx.insert_campaign(world.workspace, new, now).await).await;
    assert_eq!(campaign.trunk_group_id, Some(group.id));
    let world = World { campaign: campaign.id, ..world };
    world.fill(&db, 0..2).await;
    world.set(&db, CampaignState::InProgress).await;
    let calls = world.queue(&db, 2).await;
    let stranded = async |trunk: TrunkId| {
        db.read(async |tx| tx.stranded_calls(world.campaign, &[trunk.uuid()], 9).await).await
    };
    let running = db.read(async |tx| tx.group_campaigns().await).await;
    let of = |campaign: &GroupCampaign| (campaign.id, campaign.workspace_id, campaign.trunk_group_id);
    assert_eq!(running.iter().map(of).collect::<Vec<_>>(), [(world.campaign, world.workspace, group.id)]);
    assert_eq!(stranded(world.trunk).await, []);
    db.write(async |tx| tx.hold_for_trunk(other, &[calls[0].id], at(9_000)).await).await;
    assert_eq!(stranded(world.trunk).await, [], "it waits for no other trunk than its own");
    let held = db.write(async |tx| tx.hold_for_trunk(world.trunk, &[calls[0].id], at(9_000)).await).await;
    db.write(async |tx| tx.hold_recipients(&held, Hold::Trunk).await).await;
    let found = stranded(world.trunk).await;
    assert_eq!((found.len(), found[0].id, found[0].trunk_id), (1, calls[0].id, world.trunk));
    assert_eq!(stranded(other).await, []);
    // The second one waits for nothing, so it stays.
    let second = Stranded { id: calls[1].id, trunk_id: world.trunk };
    let moves = [Move::new(&found[0], other), Move::new(&second, other)];
    assert_eq!(db.write(async |tx| tx.move_calls(&moves, at(500)).await).await, 1);
    assert_eq!(stranded(world.trunk).await, []);
    let again = db.write(async |tx| tx.move_calls(&moves, at(500)).await).await;
    assert_eq!(again, 0, "somebody else has moved it");
    let waiting = db.read(async |tx| tx.waiting_calls_by_trunk().await).await;
    assert_eq!(HashMap::from_iter(waiting), HashMap::from([(world.trunk, 1), (other, 1)]));
    let recipient = held[0].into();
    let recipient =
        db.read(async |tx| tx.recipient(world.campaign, recipient).await).await.expect("it is there");
    assert_eq!(recipient.hold, None);
    let wish = wishes(&calls, WorkerId::new(at(0)));
    let begun = db.write(async |tx| begin(tx, &wish, at(600)).await).await;
    assert_eq!(begun, [calls[1].id], "a worker that knows the old trunk does not begin it");
    let moved = db.read(async |tx| tx.calls_by_id(&[calls[0].id]).await).await.remove(0);
    assert_eq!((moved.trunk_id, moved.hold), (other, None));
    let due = db.write(async |tx| tx.calls_to_push(9, at(500)).await).await;
    assert_eq!(due.iter().map(|call| call.id.uuid()).collect::<Vec<_>>(), [calls[0].id]);
}
