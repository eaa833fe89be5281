//! What is kept of those who picked up, in campaigns that have seats.

use std::sync::Arc;

use ringfleet_core::{
    CallState, Seats, WorkerId,
    call::NO_FREE_SEAT,
    seats::{Abandonment, Answers},
};

use ringfleet_store::{Answered, SeatAnswer};

use crate::support::{Db, World, at};

const WINDOW: u32 = 5;

async fn answer(db: &Db, world: World, abandoned: bool) {
    db.write(async |tx| {
        let mut found = tx.lock_campaign_answers(&[world.campaign.uuid()]).await?;
        assert_eq!(found.len(), 1);
        found[0].answers.add(abandoned, WINDOW);
        tx.set_campaign_answers(&found).await
    })
    .await;
}

pub async fn answers_that_many_workers_count_add_up(db: Db) {
    let (world, other) = (World::calling(&db, 1).await, World::calling(&db, 1).await);
    let db = Arc::new(db);
    let workers = (0..4u32).map(|worker| {
        let db = db.clone();
        tokio::spawn(async move {
            for _ in 0..10 {
                answer(&db, world, worker == 0).await;
            }
        })
    });
    for worker in workers.collect::<Vec<_>>() {
        worker.await.unwrap();
    }
    let kept = db.read(async |tx| tx.campaign_answers(world.campaign).await).await;
    assert_eq!((kept.answered, kept.abandoned), (40, 10));
    assert!(kept.last.len() <= WINDOW as usize && kept.last.iter().all(|at| *at > 35), "{kept:?}");
    let none = db.read(async |tx| tx.campaign_answers(other.campaign).await).await;
    assert_eq!(none, Answers::default());
}

pub async fn a_dial_knows_the_seats_of_its_campaign(db: Db) {
    let world = World::calling(&db, 1).await;
    let call = world.queue(&db, 1).await.remove(0);
    let known = async || {
        let dial = db.read(async |tx| tx.dials(&[call.id]).await).await.remove(0);
        let running = db.read(async |tx| tx.running_campaigns(at(0)).await).await;
        assert_eq!(running.iter().find(|one| one.id == world.campaign).unwrap().seats, dial.seats);
        (dial.seats, dial.answers)
    };
    assert_eq!(known().await, (None, None));
    let before = db.read(async |tx| tx.campaign(world.workspace, world.campaign).await).await.unwrap();
    let mut settings = before.settings();
    let abandonment = Abandonment { from: 0.1, halved_at: 0.333, after: 7 };
    let seats = Some(Seats { count: 20, call_ratio: 1.25, abandonment });
    settings.seats = seats;
    db.write(async |tx| tx.update_campaign(world.campaign, &settings).await).await;
    assert_eq!(known().await, (seats, None));
    answer(&db, world, true).await;
    answer(&db, world, false).await;
    let answers = Answers { answered: 2, abandoned: 1, last: vec![1] };
    assert_eq!(known().await, (seats, Some(answers)));
    // Without seats nobody looks.
    db.write(async |tx| tx.update_campaign(world.campaign, &before.settings()).await).await;
    assert_eq!(known().await, (None, None));
}

pub async fn for_whom_no_seat_was_free_is_known_before_the_end(db: Db) {
    let world = World::calling(&db, 3).await;
    let worker = WorkerId::new(at(0));
    let calls = world.ring(&db, 3, worker).await;
    let seats = [None, Some(false), Some(true)];
    let answer = |(call, seat): (&ringfleet_store::NewCall, Option<bool>)| {
        let seat = seat.map(|abandoned| SeatAnswer { campaign: world.campaign, abandoned, window: WINDOW });
        Answered { id: call.id, worker: worker.uuid(), at: at(20), seat }
    };
    let answers: Vec<_> = calls.iter().zip(seats).map(answer).collect();
    assert_eq!(db.write(async |tx| tx.answer_calls(&answers).await).await.len(), 3);
    for (call, reason) in calls.iter().zip([None, None, Some(NO_FREE_SEAT)]) {
        let dial = db.read(async |tx| tx.dials(&[call.id]).await).await.remove(0);
        assert_eq!((dial.state, dial.reason.as_deref()), (CallState::Ongoing, reason));
    }
}
