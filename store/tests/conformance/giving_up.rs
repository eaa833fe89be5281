//! The backlog of an endpoint that was switched off.

use ringfleet_core::{WebhookId, delivery::DeliveryState};
use ringfleet_store::{DeliveryFilter, Over, Replay, Webhook};
use uuid::Uuid;

use crate::{
    deliveries::{Post, letters},
    support::{Db, at, sorted},
};

async fn switch(db: &Db, post: &Post, is_active: bool, now: i64) {
    let (workspace, id) = (post.world.workspace, post.webhook);
    let kept = db.read(async |tx| tx.webhook(workspace, id).await).await.unwrap();
    let changed = Webhook { is_active, ..kept };
    db.write(async |tx| tx.update_webhook(&changed, at(now)).await).await;
}

async fn given_up(db: &Db) -> Vec<WebhookId> {
    db.read(async |tx| tx.given_up_webhooks().await).await.into_iter().map(|one| one.id).collect()
}

async fn begun(db: &Db, ids: &[Uuid], now: i64) -> Vec<Uuid> {
    let letters = db.write(async |tx| tx.begin_deliveries(ids, at(now + 1_000), at(now)).await).await;
    sorted(letters.iter().map(|letter| letter.id.uuid()))
}

pub async fn a_backlog_is_closed_in_portions(db: Db) {
    let (post, other) = (Post::new(&db, 5).await, Post::new(&db, 1).await);
    switch(&db, &post, false, 9).await;
    assert_eq!(
        post.count(&db, DeliveryState::Pending).await,
        5,
        "it may be a million: not in the change itself"
    );
    assert_eq!(given_up(&db).await, [post.webhook]);
    let only = async |id| db.read(async |tx| tx.given_up_webhook(id).await).await.map(|one| one.given_up_at);
    assert_eq!((only(post.webhook).await, only(other.webhook).await), (Some(at(9)), None));
    for (closed, dead) in [(2, 2), (2, 4), (1, 5)] {
        assert_eq!(given_up(&db).await, [post.webhook], "some are left");
        assert_eq!(post.give_up(&db, 2, 10).await, closed);
        assert_eq!(post.count(&db, DeliveryState::Dead).await, dead);
    }
    assert!(given_up(&db).await.is_empty(), "none is");
    let one = post.ids[0].into();
    let read = db.read(async |tx| tx.delivery(post.world.workspace, one).await).await.unwrap();
    assert_eq!(
        (read.last_error.as_deref(), read.done_at),
        (Some("the endpoint was switched off"), Some(at(10)))
    );
    switch(&db, &post, false, 11).await;
    assert!(given_up(&db).await.is_empty(), "it was off already");
    assert_eq!(other.count(&db, DeliveryState::Pending).await, 1);
}

pub async fn one_that_is_on_again_begins_anew(db: Db) {
    let post = Post::new(&db, 4).await;
    switch(&db, &post, false, 9).await;
    assert_eq!(post.give_up(&db, 1, 10).await, 1);
    switch(&db, &post, true, 20).await;
    assert_eq!(given_up(&db).await, [post.webhook], "three are left");
    let (events, mut fresh) = letters(&post.world, post.webhook, 2);
    db.write(async |tx| tx.insert_events(&events[..1], &fresh[..1], at(21)).await).await;
    let fresh = fresh.remove(0).id;

    // What was given up and is not closed yet is not sent, but can be replayed.
    let left = async |state| {
        let filter = DeliveryFilter { state: Some(state), ..DeliveryFilter::default() };
        db.read(async |tx| tx.deliveries(post.webhook, filter, crate::support::all()).await).await
    };
    let mut waiting = sorted(left(DeliveryState::Pending).await.iter().map(|one| one.id.uuid()));
    waiting.retain(|id| *id != fresh);
    assert_eq!(waiting.len(), 3);
    assert_eq!(begun(&db, &[waiting[0], fresh], 30).await, [fresh]);
    assert_eq!(post.count(&db, DeliveryState::Dead).await, 2);
    assert!(db.write(async |tx| tx.replay_delivery(waiting[1].into(), at(40)).await).await);
    assert!(!db.write(async |tx| tx.replay_delivery(fresh.into(), at(40)).await).await, "it is on its way");
    let replayed = async |over| {
        let (which, none) = (Replay { over, event: None, from: None, until: None }, Uuid::nil());
        db.write(async |tx| tx.replay_deliveries(post.webhook, which, none, 10, at(41)).await).await
    };
    assert!(replayed(Over::Delivered).await.is_empty());
    assert_eq!(post.give_up(&db, 10, 41).await, 1);
    let again = replayed(Over::Dead).await;
    assert_eq!(again.len(), 3, "all but the one that was replayed by itself");
    assert!(again.contains(&waiting[2]) && !again.contains(&fresh));
    assert_eq!(post.give_up(&db, 10, 50).await, 0, "all are sent anew");
    assert!(given_up(&db).await.is_empty());
    assert_eq!(begun(&db, &post.ids, 60).await, sorted(post.ids.clone()));

    // Switched off once more while the one before is noted as done, nothing is forgotten.
    switch(&db, &post, false, 70).await;
    let before = db.read(async |tx| tx.given_up_webhooks().await).await.remove(0);
    switch(&db, &post, true, 71).await;
    switch(&db, &post, false, 80).await;
    assert_eq!(db.write(async |tx| tx.give_up_deliveries(&before, 10, at(81)).await).await, 5);
    db.write(async |tx| tx.note_given_up(&before).await).await;
    assert_eq!(given_up(&db).await, [post.webhook]);
    assert_eq!(post.give_up(&db, 10, 82).await, 0);
    assert!(given_up(&db).await.is_empty());
}
