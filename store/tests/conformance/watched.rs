//! What whoever watches asks again and again, and the samples that charts are made of.

use ringfleet_core::{CampaignState, CounterKind, WorkerId};
use ringfleet_store::{Bump, Sampled};

use crate::support::{Db, World, at, sorted};

const ANSWERED: &[&str] = &["ANSWERED", "ABANDONED"];

pub async fn samples_tell_how_campaigns_stood(db: Db) {
    let (world, idle) = (World::calling(&db, 5).await, World::new(&db).await);
    let worker = WorkerId::new(at(0));
    world.ring(&db, 3, worker).await;
    let sampled = db.read(async |tx| tx.campaigns_to_sample().await).await;
    assert_eq!(sampled, [world.campaign.uuid()]);
    db.write(async |tx| {
        tx.bump(vec![
            Bump::new(world.campaign, CounterKind::Channel, "voice", 7),
            Bump::new(world.campaign, CounterKind::Outcome, "ANSWERED", 3),
            Bump::new(world.campaign, CounterKind::Outcome, "ABANDONED", 1),
            Bump::new(world.campaign, CounterKind::Outcome, "UNANSWERED", 3),
        ])
        .await
    })
    .await;
    let take = async |second| {
        db.write(async |tx| tx.take_samples(&sampled, second, ANSWERED).await).await;
    };
    for second in [100, 100, 105, 130] {
        take(second).await;
    }
    // A campaign that was paused has live calls for a while.
    world.set(&db, CampaignState::Paused).await;
    assert_eq!(db.read(async |tx| tx.campaigns_to_sample().await).await, [world.campaign.uuid()]);

    let samples =
        async |span, length| db.read(async |tx| tx.samples(world.campaign, span, length).await).await;
    let one =
        |step, second| Sampled { step, second, begun: 10, ended: 7, answered: 4, ringing: 3.0, talking: 0.0 };
    assert_eq!(samples((0, 1_000), 5).await, [one(20, 100), one(21, 105), one(26, 130)]);
    assert_eq!(samples((101, 1_000), 60).await, [one(1, 105), one(2, 130)]);
    let none = db.read(async |tx| tx.samples(idle.campaign, (0, 1_000), 5).await).await;
    assert_eq!(none, []);
    let before = async |second| db.read(async |tx| tx.sample_before(world.campaign, second).await).await;
    assert_eq!(before(105).await, Some(one(100, 100)));
    assert_eq!(before(100).await, None);
    assert_eq!(before(i64::MAX).await, Some(one(130, 130)));

    take(120).await;
    assert_eq!(db.write(async |tx| tx.thin_samples(100, 130).await).await, 2);
    assert_eq!(samples((0, 1_000), 5).await, [one(24, 120), one(26, 130)]);
    assert_eq!(db.write(async |tx| tx.forget_samples(130).await).await, 1);
    assert_eq!(samples((0, 1_000), 5).await, [one(26, 130)]);
}

pub async fn live_calls_are_listed_and_counted(db: Db) {
    let (ours, theirs) = (World::calling(&db, 5).await, World::calling(&db, 2).await);
    let worker = WorkerId::new(at(0));
    let begun = ours.ring(&db, 3, worker).await;
    ours.queue(&db, 1).await; // it waits, and is on no line
    theirs.ring(&db, 2, worker).await;
    let line = async |campaign, limit| {
        db.read(async |tx| tx.calls_on_the_line(ours.workspace, campaign, limit).await).await
    };
    let (total, calls) = line(None, 10).await;
    assert_eq!((total, calls.len()), (3, 3));
    assert_eq!(sorted(calls.iter().map(|call| call.id.uuid())), sorted(begun.iter().map(|call| call.id)));
    assert!(calls.is_sorted_by(|a, b| a.id > b.id), "the newest first");
    let (total, calls) = line(Some(ours.campaign), 2).await;
    assert_eq!((total, calls.len()), (3, 2));
    assert_eq!(line(Some(theirs.campaign), 10).await.0, 0, "another workspace's");

    let both = [ours.campaign.uuid(), theirs.campaign.uuid()];
    let counts = db.read(async |tx| tx.live_counts(&both).await).await;
    assert_eq!(sorted(counts.iter().map(|count| count.n)), [2, 3]);
    let standings = db.read(async |tx| tx.campaign_standings(ours.workspace, &both).await).await;
    assert_eq!(standings.len(), 1);
    assert_eq!((standings[0].id, standings[0].state), (ours.campaign, CampaignState::InProgress));
}
