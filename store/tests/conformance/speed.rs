//! Figures, on demand: `cargo test --release -p ringfleet-store --test conformance speed -- --ignored --nocapture --test-threads 1`.

use ringfleet_core::{CounterKind, Outcome, RecipientState, WorkerId, clock::Stopwatch};
use ringfleet_store::{Bump, NewRecipient, NewWebhook, RecipientUpdate};
use serde_json::json;

use crate::{
    calls::ended,
    deliveries::letters,
    support::{Db, World, all, at, begin, number, wishes},
};

/// 100,000 rows in batches of 1,000, one transaction each.
async fn import(db: &Db, world: &World) {
    let watch = Stopwatch::start();
    for batch in 0..100 {
        let new: Vec<NewRecipient> = (0..1000)
            .map(|n| NewRecipient {
                number: number(batch * 1000 + n),
                variables: json!({"name": "Asha Rao", "city": "Pune", "balance": "1250.00", "row": n}).into(),
                timezone: None,
            })
            .collect();
        let added = db.write(async |tx| tx.insert_recipients(world.campaign, 0, &new, at(0)).await).await;
        assert_eq!(added.len(), 1000);
    }
    let seconds = watch.elapsed().as_secs_f64();
    println!("import: 100,000 rows in {seconds:.1} s, {:.0} rows/s", 100_000.0 / seconds);
}

/// 10,000 calls from the claim to the counters, three transactions per batch, one connection.
async fn call(db: &Db, world: &World, batch: u32) {
    let worker = WorkerId::new(at(0));
    let made = db
        .write(async |tx| {
            let secret = ringfleet_core::signing::Secret::new([5; 32]);
            tx.insert_webhook(world.workspace, NewWebhook::new("http://localhost/", &[], &secret), at(0))
                .await
        })
        .await;
    let watch = Stopwatch::start();
    for _ in 0..10_000 / batch {
        let calls = world.queue(db, batch).await;
        assert_eq!(calls.len(), batch as usize);
        let recipients: Vec<_> = calls.iter().filter_map(|c| c.recipient_id).collect();
        let settled: Vec<RecipientUpdate> = recipients.iter().map(|&id| done(id)).collect();
        db.write(async |tx| {
            tx.hold_campaigns(&[world.campaign.uuid()]).await?;
            assert_eq!(begin(tx, &wishes(&calls, worker), at(1)).await?.len(), calls.len());
            tx.activate_recipients(&recipients).await
        })
        .await;
        db.write(async |tx| {
            let owned: Vec<_> = calls.iter().map(|c| (c.id, worker)).collect();
            assert_eq!(tx.open_calls(&owned).await?.len(), calls.len());
            tx.standings(&recipients).await?;
            tx.update_calls(&calls.iter().map(|c| ended(c.id, Outcome::Answered)).collect::<Vec<_>>())
                .await?;
            tx.update_recipients(&settled).await?;
            let (events, deliveries) = letters(world, made.id, calls.len());
            tx.insert_events(&events, &deliveries, at(2)).await?;
            let n = i64::from(batch);
            tx.bump(vec![Bump::new(world.campaign, CounterKind::Outcome, "ANSWERED", n)]).await
        })
        .await;
    }
    let seconds = watch.elapsed().as_secs_f64();
    println!("calls: 10,000 in batches of {batch} in {seconds:.1} s, {:.0} calls/s", 10_000.0 / seconds);
    let calls = db.read(async |tx| tx.calls(world.workspace, Default::default(), all()).await).await;
    assert!(calls.iter().all(|c| c.outcome == Some(Outcome::Answered)));
}

fn done(id: uuid::Uuid) -> RecipientUpdate {
    RecipientUpdate {
        id,
        state: RecipientState::Done,
        step: 0,
        attempts: 1,
        total_attempts: 1,
        due_at: at(0),
        hold: None,
        ready_at: None,
        disposition: Some(ringfleet_core::Disposition::Reached),
        last_outcome: Some(Outcome::Answered),
        last_reason: Some("because".into()),
        done_at: Some(at(2)),
    }
}

async fn measure(db: Db) {
    let world = World::new(&db).await;
    world.set(&db, ringfleet_core::CampaignState::InProgress).await;
    import(&db, &world).await;
    for batch in [50, 200, 1000] {
        call(&db, &world, batch).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures"]
async fn of_sqlite() {
    measure(Db::sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures"]
async fn of_postgres() {
    measure(Db::postgres().await).await;
}
