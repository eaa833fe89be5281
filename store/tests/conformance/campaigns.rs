//! Campaign states, what the scheduler finds, and counters.

use ringfleet_core::{CampaignState, CounterKind, Disposition, Hold, WorkerId};
use ringfleet_store::{Bump, Result, Tx};
use serde_json::json;
use uuid::Uuid;

use crate::support::{Db, Place, World, at, begin, number};

pub async fn states_and_moments(db: Db) {
    let world = World::new(&db).await;
    let set = async |state, reason, ms| {
        db.write(async |tx| {
            tx.set_campaign_state(world.campaign, state, reason, at(ms)).await?;
            tx.campaign(world.workspace, world.campaign).await
        })
        .await
        .unwrap()
    };
    let found = set(CampaignState::Scheduled, None, 1).await;
    assert_eq!((found.state, found.started_at, found.finished_at), (CampaignState::Scheduled, None, None));
    let found = set(CampaignState::InProgress, None, 2).await;
    assert_eq!((found.started_at, found.finished_at), (Some(at(2)), None));
    set(CampaignState::Paused, None, 3).await;
    let found = set(CampaignState::InProgress, None, 4).await;
    assert_eq!(found.started_at, Some(at(2)), "the first start counts");
    let found = set(CampaignState::Failed, Some("the trunk is gone"), 5).await;
    assert_eq!((found.state, found.reason.as_deref()), (CampaignState::Failed, Some("the trunk is gone")));
    assert_eq!(found.finished_at, Some(at(5)));
    let held = db.write(async |tx| tx.hold_campaigns(&[world.campaign.uuid(), Uuid::max()]).await).await;
    assert_eq!(held, std::slice::from_ref(&found));
    let locked = db.write(async |tx| tx.campaign_for_update(world.workspace, world.campaign).await).await;
    assert_eq!(locked, Some(found));
}

pub async fn running_ones_are_found(db: Db) {
    let world = World::new(&db).await;
    let mut expected = Vec::new();
    for (ms, state) in (1..).zip(CampaignState::ALL) {
        for start in [None, Some(at(1000)), Some(at(1001))] {
            let id = db
                .write(async |tx| {
                    let mut new = World::new_campaign(world.agent, world.trunk);
                    new.settings.start_at = start;
                    let id = tx.insert_campaign(world.workspace, new, at(ms)).await?.id;
                    tx.set_campaign_state(id, *state, None, at(ms)).await?;
                    Ok(id)
                })
                .await;
            let due = start.is_some_and(|start| start <= at(1000));
            if *state == CampaignState::InProgress || (*state == CampaignState::Scheduled && due) {
                expected.push((id, *state));
            }
        }
    }
    expected.sort();
    let found = db.read(async |tx| tx.running_campaigns(at(1000)).await).await;
    assert_eq!(found.iter().map(|r| (r.id, r.state)).collect::<Vec<_>>(), expected);
    assert!(found.iter().all(|r| r.workspace_id == world.workspace && r.lines == world.trunk.uuid()));
    assert!(found.iter().all(|r| r.weight == 1.0 && !r.has_due), "nobody is on their lists");
    let other = World::calling(&db, 1).await;
    for (ms, due) in [(-1, false), (0, true)] {
        let found = db.read(async |tx| tx.running_campaigns(at(ms)).await).await;
        let of = found.iter().find(|r| r.id == other.campaign).map(|r| r.has_due);
        assert_eq!(of, Some(due), "at {ms}");
    }
}

pub async fn open_recipients_and_counts(db: Db) {
    let world = World::calling(&db, 5).await;
    let other = World::calling(&db, 1).await;
    let held = world.queue(&db, 2).await.remove(0);
    world.ring(&db, 1, WorkerId::new(at(0))).await;
    db.write(async |tx| tx.postpone_call(held.id.into(), at(99), Hold::Pace, None).await).await;
    let counts = db.read(async |tx| tx.claimed_recipients(world.campaign).await).await;
    let mut counts: Vec<_> = counts.iter().map(|c| (c.state.as_str(), c.hold, c.n)).collect();
    counts.sort();
    assert_eq!(counts, [("ACTIVE", None, 1), ("QUEUED", None, 1), ("QUEUED", Some(Hold::Pace), 1)]);
    cancel(&db, &world).await;
    assert!(db.read(async |tx| tx.has_open_recipients(world.campaign).await).await, "one is being called");
    cancel(&db, &other).await;
    assert!(!db.read(async |tx| tx.has_open_recipients(other.campaign).await).await);
    assert!(db.read(async |tx| tx.claimed_recipients(other.campaign).await).await.is_empty());
}

/// Ends all recipients of a campaign that are not being called; gives how many.
pub async fn cancel(db: &Db, world: &World) -> u64 {
    db.write(async |tx| {
        tx.withdraw_waiting_calls(world.campaign).await?;
        end_waiting(tx, world, 1_000).await
    })
    .await
}

async fn end_waiting(tx: &mut Tx, world: &World, limit: u32) -> Result<u64> {
    let waiting = tx.waiting_recipients(world.campaign, limit).await?;
    tx.end_recipients(waiting.iter().map(|one| one.id), Disposition::Cancelled, "over", at(9)).await
}

pub async fn what_is_over_is_wound_up_in_portions(db: Db) {
    let world = World::calling(&db, 5).await;
    let winding_up = async || db.read(async |tx| tx.campaigns_winding_up().await).await;
    assert_eq!(winding_up().await, []);
    db.write(async |tx| tx.set_winding_up(world.campaign, true).await).await;
    assert_eq!(winding_up().await, [world.campaign]);
    let portion = async || db.write(async |tx| end_waiting(tx, &world, 2).await).await;
    assert_eq!([portion().await, portion().await, portion().await, portion().await], [2, 2, 1, 0]);
    db.write(async |tx| tx.set_winding_up(world.campaign, false).await).await;
    assert_eq!(winding_up().await, []);
}

pub async fn counters_add_up(db: Db) {
    let (one, two) = (World::new(&db).await, World::new(&db).await);
    let bump = |world: &World, kind, name, n| Bump::new(world.campaign, kind, name, n);
    for _ in 0..2 {
        let bumps = vec![
            bump(&one, CounterKind::Outcome, "ANSWERED", 1),
            bump(&two, CounterKind::Outcome, "ANSWERED", 5),
            bump(&one, CounterKind::Disposition, "REACHED", 2),
            bump(&one, CounterKind::Outcome, "ANSWERED", 3),
            bump(&one, CounterKind::Recipients, "total", i64::from(i32::MAX) * 10),
        ];
        db.write(async |tx| tx.bump(bumps).await).await;
    }
    db.write(async |tx| tx.bump(vec![bump(&one, CounterKind::Disposition, "REACHED", -1)]).await).await;
    let counters = async |world: World| {
        let found = db.read(async |tx| tx.counters(world.campaign).await).await;
        found.iter().map(|c| format!("{} {} {}", c.kind, c.name, c.n)).collect::<Vec<_>>()
    };
    assert_eq!(
        counters(one).await,
        ["disposition REACHED 3", "outcome ANSWERED 8", "recipients total 42949672940"]
    );
    assert_eq!(counters(two).await, ["outcome ANSWERED 10"]);
}

/// A pause waits for calls that are beginning, and none begins after it.
#[tokio::test(flavor = "multi_thread")]
async fn a_pause_waits_for_calls_that_begin() {
    let db = Db::postgres().await;
    assert!(matches!(db.place, Place::Postgres(_)));
    let world = World::calling(&db, 2).await;
    let calls = world.queue(&db, 2).await;
    let worker = WorkerId::new(at(0));
    let wishes = crate::support::wishes(&calls, worker);

    let mut beginning = db.store.write().await.unwrap();
    beginning.hold_campaigns(&[world.campaign.uuid()]).await.unwrap();
    // Another worker may begin calls of the same campaign meanwhile.
    let mut second = db.store.write().await.unwrap();
    second.hold_campaigns(&[world.campaign.uuid()]).await.unwrap();
    assert_eq!(begin(&mut second, &wishes[..1], at(10)).await.unwrap().len(), 1);
    second.commit().await.unwrap();

    let pausing = async {
        let mut tx = db.store.write().await.unwrap();
        let found = tx.campaign_for_update(world.workspace, world.campaign).await.unwrap();
        tx.set_campaign_state(world.campaign, CampaignState::Paused, None, at(20)).await.unwrap();
        tx.withdraw_waiting_calls(world.campaign).await.unwrap();
        tx.commit().await.unwrap();
        found.unwrap()
    };
    tokio::pin!(pausing);
    let early = tokio::time::timeout(std::time::Duration::from_millis(300), &mut pausing).await;
    assert!(early.is_err(), "the pause must wait for the call that is beginning");
    assert_eq!(begin(&mut beginning, &wishes[1..], at(10)).await.unwrap().len(), 1);
    beginning.commit().await.unwrap();
    assert_eq!(pausing.await.state, CampaignState::InProgress);
    assert_eq!(db.read(async |tx| tx.live_calls(world.campaign).await).await, (2, 0));

    // And the other way round: who begins waits for the pause, and then begins nothing.
    world.fill(&db, 100..101).await;
    world.set(&db, CampaignState::InProgress).await;
    let calls = world.queue(&db, 1).await;
    let mut pause = db.store.write().await.unwrap();
    pause.campaign_for_update(world.workspace, world.campaign).await.unwrap();
    let beginning = db.write(async |tx| {
        let held = tx.hold_campaigns(&[world.campaign.uuid()]).await?;
        let begun = begin(tx, &crate::support::wishes(&calls, worker), at(10)).await?;
        Ok((held[0].state, begun.len()))
    });
    tokio::pin!(beginning);
    let early = tokio::time::timeout(std::time::Duration::from_millis(300), &mut beginning).await;
    assert!(early.is_err(), "who begins must wait for the pause");
    pause.set_campaign_state(world.campaign, CampaignState::Paused, None, at(30)).await.unwrap();
    pause.commit().await.unwrap();
    assert_eq!(beginning.await, (CampaignState::Paused, 0));
}

pub async fn waiting_ones_come_with_what_is_known_of_them(db: Db) {
    let world = World::calling(&db, 5).await;
    world.ring(&db, 1, WorkerId::new(at(0))).await;
    let page = async |after: u64, limit: u32| {
        let found = db.read(async |tx| tx.described_recipients(world.campaign, after, limit).await).await;
        found.into_iter().map(|who| (who.number, who.variables)).collect::<Vec<_>>()
    };
    let expected: Vec<_> = (1..5).map(|n| (number(n), json!({"n": n}))).collect();
    assert_eq!(page(0, 10).await, expected, "the first one is being called");
    assert_eq!(page(0, 2).await, expected[..2]);
    assert_eq!(page(number(2).digits(), 10).await, expected[2..]);
}
