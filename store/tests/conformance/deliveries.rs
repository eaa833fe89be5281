//! Events on their way to endpoints.

use ringfleet_core::{
    DeliveryId, EventId, WebhookId, delivery::DeliveryState, event::EventType, signing::Secret,
};
use ringfleet_store::{DeliveryFilter, DeliveryUpdate, Letter, NewDelivery, NewEvent, NewWebhook};
use uuid::Uuid;

use crate::support::{Db, NONE, World, at, sorted};

pub struct Post {
    pub world: World,
    pub webhook: WebhookId,
    /// The deliveries, due at the beginning.
    pub ids: Vec<Uuid>,
}

const BODY: &str = "{\"id\": \"evt\",\n \"text\": \"नमस्ते ' \\\" \\u0041\"}";

pub fn letters(world: &World, webhook: WebhookId, n: usize) -> (Vec<NewEvent>, Vec<NewDelivery>) {
    (0..n)
        .map(|_| {
            let event = NewEvent {
                id: EventId::new(at(0)).uuid(),
                workspace_id: world.workspace.uuid(),
                event: EventType::SessionEnded,
                body: BODY.into(),
                traceparent: None,
            };
            let delivery = NewDelivery {
                id: DeliveryId::new(at(0)).uuid(),
                workspace_id: event.workspace_id,
                event_id: event.id,
                webhook_id: webhook.uuid(),
            };
            (event, delivery)
        })
        .unzip()
}

impl Post {
    pub async fn new(db: &Db, n: usize) -> Self {
        let world = World::new(db).await;
        let secret = Secret::new([9; 32]);
        let made = db
            .write(async |tx| {
                tx.insert_webhook(world.workspace, NewWebhook::new("http://localhost/é", &[], &secret), at(0))
                    .await
            })
            .await;
        let (events, deliveries) = letters(&world, made.id, n);
        db.write(async |tx| tx.insert_events(&events, &deliveries, at(0)).await).await;
        Self { world, webhook: made.id, ids: deliveries.iter().map(|d| d.id).collect() }
    }

    /// Closes what was given up, up to `limit`; gives how many.
    pub async fn give_up(&self, db: &Db, limit: u32, now: i64) -> u64 {
        let given_up = db.read(async |tx| tx.given_up_webhooks().await).await;
        let Some(mine) = given_up.into_iter().find(|one| one.id == self.webhook) else { return 0 };
        let closed = db.write(async |tx| tx.give_up_deliveries(&mine, limit, at(now)).await).await;
        db.write(async |tx| tx.note_given_up(&mine).await).await;
        closed
    }

    async fn begin(&self, db: &Db, lease: i64, now: i64) -> Vec<Letter> {
        db.write(async |tx| tx.begin_deliveries(&self.ids, at(lease), at(now)).await).await
    }

    pub async fn count(&self, db: &Db, state: DeliveryState) -> u64 {
        db.read(async |tx| {
            tx.deliveries(
                self.webhook,
                DeliveryFilter { state: Some(state), ..DeliveryFilter::default() },
                crate::support::all(),
            )
            .await
        })
        .await
        .len() as u64
    }
}

fn retry(id: Uuid, due: i64) -> DeliveryUpdate {
    DeliveryUpdate {
        id,
        state: DeliveryState::Pending,
        due_at: Some(at(due)),
        last_status: Some(500),
        last_error: Some("it said \"no\"".into()),
        done_at: None,
        was_made: true,
    }
}

fn delivered(id: Uuid) -> DeliveryUpdate {
    DeliveryUpdate {
        id,
        state: DeliveryState::Delivered,
        due_at: None,
        last_status: Some(204),
        last_error: None,
        done_at: Some(at(50)),
        was_made: true,
    }
}

async fn update(db: &Db, update: DeliveryUpdate) {
    db.write(async |tx| tx.update_deliveries(&[update]).await).await;
}

pub async fn an_attempt_that_was_not_made_does_not_count(db: Db) {
    let post = Post::new(&db, 1).await;
    assert_eq!(post.begin(&db, 100, 10).await[0].attempts, 1);
    update(&db, DeliveryUpdate { was_made: false, ..retry(post.ids[0], 20) }).await;
    assert_eq!(post.begin(&db, 100, 30).await[0].attempts, 1);
    update(&db, retry(post.ids[0], 40)).await;
    assert_eq!(post.begin(&db, 100, 50).await[0].attempts, 2);
    let waits = |state| DeliveryUpdate {
        state,
        last_status: None,
        last_error: Some("waits".into()),
        was_made: false,
        ..retry(post.ids[0], 60)
    };
    let shown = async || {
        let id = post.ids[0].into();
        let found = db.read(async |tx| tx.delivery(post.world.workspace, id).await).await.unwrap();
        (found.last_status, found.last_error.unwrap())
    };
    update(&db, waits(DeliveryState::Pending)).await;
    assert_eq!(shown().await, (Some(500), "it said \"no\"".into()), "what its last attempt came to");
    post.begin(&db, 100, 70).await;
    update(&db, waits(DeliveryState::Dead)).await;
    assert_eq!(shown().await, (Some(500), "waits".into()), "why it is given up");
}

pub async fn a_letter_is_sent_once(db: Db) {
    let post = Post::new(&db, 2).await;
    assert_eq!(post.count(&db, DeliveryState::Pending).await, 2);
    assert!(post.begin(&db, 10, -5_001).await.is_empty(), "not due, whichever clock is right");
    let sent = post.begin(&db, 100, 10).await;
    assert_eq!(sorted(sent.iter().map(|l| l.id.uuid())), sorted(post.ids.clone()));
    for letter in &sent {
        assert_eq!((letter.webhook_id, letter.url.as_str()), (post.webhook, "http://localhost/é"));
        assert_eq!((letter.body.as_str(), letter.attempts), (BODY, 1), "byte for byte");
        assert_eq!((&letter.secrets[..], letter.since), (&[Secret::new([9; 32])][..], at(0)));
    }
    assert!(post.begin(&db, 200, 99).await.is_empty(), "somebody is sending");
    assert_eq!(db.read(async |tx| tx.count_pushed_deliveries(at(99_999), at(99)).await).await, 0);
    update(&db, delivered(post.ids[0])).await;
    let again = post.begin(&db, 200, 101).await;
    assert_eq!(
        again.iter().map(|l| (l.id.uuid(), l.attempts)).collect::<Vec<_>>(),
        [(post.ids[1], 2)],
        "the lease ran out"
    );
    assert_eq!(post.count(&db, DeliveryState::Delivered).await, 1);
    assert_eq!(post.count(&db, DeliveryState::Pending).await, 1);
}

pub async fn failures_come_back_when_due(db: Db) {
    let post = Post::new(&db, 1).await;
    post.begin(&db, 1000, 0).await;
    update(&db, retry(post.ids[0], 5_300)).await;
    assert!(post.begin(&db, 1000, 299).await.is_empty());
    update(&db, retry(post.ids[0], 300)).await;
    let push = async |now| db.write(async |tx| tx.deliveries_to_push(None, 10, at(now)).await).await;
    assert!(push(299).await.is_empty());
    assert_eq!(push(300).await, post.ids);
    assert!(push(300).await.is_empty(), "it has a job now");
    assert_eq!(db.read(async |tx| tx.count_pushed_deliveries(at(99_999), at(300)).await).await, 1);
    assert_eq!(post.begin(&db, 1000, 300).await[0].attempts, 2);
    let dead = DeliveryUpdate {
        state: DeliveryState::Dead,
        due_at: None,
        done_at: Some(at(301)),
        ..retry(post.ids[0], 0)
    };
    update(&db, dead).await;
    assert_eq!(post.count(&db, DeliveryState::Dead).await, 1);
    assert!(post.begin(&db, 9000, 8000).await.is_empty());
}

pub async fn those_to_be_sent_are_counted_up_to_a_limit(db: Db) {
    let post = Post::new(&db, 5).await;
    let pending = async |most| db.read(async |tx| tx.count_pending_deliveries(most).await).await;
    assert_eq!((pending(10).await, pending(3).await), (5, 3));
    update(&db, delivered(post.ids[0])).await;
    assert_eq!(pending(10).await, 4);
}

pub async fn a_closed_one_stays_closed(db: Db) {
    let post = Post::new(&db, 1).await;
    post.begin(&db, 100, 0).await;
    update(&db, delivered(post.ids[0])).await;
    update(&db, retry(post.ids[0], 0)).await;
    assert_eq!(post.count(&db, DeliveryState::Delivered).await, 1);
    assert!(post.begin(&db, 9000, 8000).await.is_empty());
    assert!(db.write(async |tx| tx.deliveries_to_push(Some(at(9000)), 10, at(9000)).await).await.is_empty());
}

pub async fn lost_ones_are_pushed_again(db: Db) {
    let post = Post::new(&db, 5).await;
    let push = async |lost: Option<i64>, limit, now| {
        sorted(db.write(async |tx| tx.deliveries_to_push(lost.map(at), limit, at(now)).await).await)
    };
    assert_eq!(push(None, 10, 100).await, NONE, "all have a job");
    assert_eq!(push(Some(0), 10, 100).await, NONE);
    let leased = &post.ids[..1];
    db.write(async |tx| tx.begin_deliveries(leased, at(500), at(100)).await).await;
    assert_eq!(push(Some(1), 3, 100).await.len(), 3, "the limit holds");
    assert_eq!(push(Some(1), 10, 100).await.len(), 1, "the one that is being sent is not lost");
    assert_eq!(push(Some(1), 10, 501).await, leased, "until its lease has run out");
}

pub async fn deleting_an_endpoint_gives_up(db: Db) {
    let post = Post::new(&db, 2).await;
    let other = Post::new(&db, 1).await;
    post.begin(&db, 100, 0).await;
    update(&db, delivered(post.ids[0])).await;
    let delete = async || {
        db.write(async |tx| tx.delete_webhook(post.world.workspace, post.webhook, None, at(9)).await).await
    };
    assert!(delete().await);
    assert!(!delete().await, "it is gone");
    assert_eq!(post.give_up(&db, 10, 10).await, 1);
    assert_eq!(post.count(&db, DeliveryState::Dead).await, 1);
    assert_eq!(post.count(&db, DeliveryState::Delivered).await, 1);
    assert_eq!(other.count(&db, DeliveryState::Pending).await, 1);
    let mut tx = db.store.read().await.unwrap();
    assert!(tx.webhooks(post.world.workspace, crate::support::all()).await.unwrap().is_empty());
    assert!(tx.listeners(&[post.world.workspace.uuid()]).await.unwrap().is_empty());
    drop(tx);
    // Whoever was sending meanwhile reports too late.
    update(&db, retry(post.ids[1], 0)).await;
    assert_eq!(post.count(&db, DeliveryState::Dead).await, 1);
}

pub async fn one_made_during_a_deletion_is_closed(db: Db) {
    let post = Post::new(&db, 0).await;
    let (events, deliveries) = letters(&post.world, post.webhook, 1);
    db.write(async |tx| tx.delete_webhook(post.world.workspace, post.webhook, None, at(1)).await).await;
    // Somebody had read the endpoints before they were told.
    db.write(async |tx| tx.insert_events(&events, &deliveries, at(2)).await).await;
    let ids = [deliveries[0].id];
    let sent = db.write(async |tx| tx.begin_deliveries(&ids, at(100), at(3)).await).await;
    assert!(sent.is_empty(), "nothing is sent to an endpoint its owner has deleted");
    assert_eq!(post.count(&db, DeliveryState::Dead).await, 1);
    assert_eq!(post.count(&db, DeliveryState::Pending).await, 0);
}
