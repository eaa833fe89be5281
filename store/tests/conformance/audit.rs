//! Whoever checks what was made of everybody sees every row once, and what is not over yet.

use ringfleet_core::{
    CampaignState, CounterKind, DeliveryId, EventId, WorkerId, event::EventType, signing::Secret,
};
use ringfleet_store::{Bump, NewDelivery, NewEvent, NewWebhook, Result, Tx, Unfinished};
use uuid::Uuid;

use crate::support::{Db, World, at, sorted};

/// All ids of a list, in pages of three.
async fn walk(db: &Db, list: impl AsyncFn(&mut Tx, Uuid, u32) -> Result<Vec<Uuid>>) -> Vec<Uuid> {
    let mut seen: Vec<Uuid> = Vec::new();
    loop {
        let after = seen.last().copied().unwrap_or_else(Uuid::nil);
        let found = db.read(async |tx| list(tx, after, 3).await).await;
        assert!(found.len() <= 3);
        if found.is_empty() {
            assert!(seen.is_sorted_by(|a, b| a < b), "oldest first, none twice");
            return seen;
        }
        seen.extend(found);
    }
}

pub async fn every_row_comes_once(db: Db) {
    let world = World::calling(&db, 7).await;
    let calls = world.queue(&db, 7).await;
    let other = World::new(&db).await;
    let recipients = walk(&db, async |tx, after, limit| {
        Ok(tx.audit_recipients(after, limit).await?.iter().map(|r| r.id.uuid()).collect())
    });
    assert_eq!(recipients.await, sorted(calls.iter().filter_map(|call| call.recipient_id)));
    let seen = walk(&db, async |tx, after, limit| {
        Ok(tx.audit_calls(after, limit).await?.iter().map(|c| c.id.uuid()).collect())
    });
    assert_eq!(seen.await, sorted(calls.iter().map(|call| call.id)));
    let campaigns = walk(&db, async |tx, after, limit| {
        Ok(tx.audit_campaigns(after, limit).await?.iter().map(|c| c.id.uuid()).collect())
    });
    assert_eq!(campaigns.await, sorted([world.campaign.uuid(), other.campaign.uuid()]));
    let trunks = walk(&db, async |tx, after, limit| {
        Ok(tx.audit_trunks(after, limit).await?.iter().map(|t| t.id.uuid()).collect())
    });
    assert_eq!(trunks.await, sorted([world.trunk.uuid(), other.trunk.uuid()]));
    db.write(async |tx| {
        let bump = |world: &World, n| Bump::new(world.campaign, CounterKind::Outcome, "ANSWERED", n);
        tx.bump(vec![bump(&world, 2), bump(&other, 3)]).await
    })
    .await;
    let kept = db.read(async |tx| tx.audit_counters().await).await;
    let answered: Vec<_> =
        kept.iter().filter(|k| k.name == "ANSWERED").map(|k| (k.campaign_id, k.n)).collect();
    assert_eq!(sorted(answered), sorted([(world.campaign, 2), (other.campaign, 3)]));
}

pub async fn deliveries_bring_their_events(db: Db) {
    let world = World::new(&db).await;
    let workspace_id = world.workspace.uuid();
    let webhook = db
        .write(async |tx| {
            tx.insert_webhook(
                world.workspace,
                NewWebhook::new("http://127.0.0.1/", &[], &Secret::new([1; 32])),
                at(0),
            )
            .await
        })
        .await;
    let events: Vec<NewEvent> = (0..5)
        .map(|n| NewEvent {
            id: EventId::new(at(n)).uuid(),
            workspace_id,
            event: EventType::SessionEnded,
            body: format!("{{\"n\":{n}}}"),
            traceparent: None,
        })
        .collect();
    let deliveries: Vec<NewDelivery> = events
        .iter()
        .map(|event| NewDelivery {
            id: DeliveryId::new(at(0)).uuid(),
            workspace_id,
            event_id: event.id,
            webhook_id: webhook.id.uuid(),
        })
        .collect();
    db.write(async |tx| tx.insert_events(&events, &deliveries, at(0)).await).await;
    let told = db.read(async |tx| tx.audit_deliveries(Uuid::nil(), 100).await).await;
    let seen = told.iter().map(|told| (told.event_id.uuid(), told.event, told.body.clone()));
    assert_eq!(sorted_by_id(seen), sorted_by_id(events.iter().map(|e| (e.id, e.event, e.body.clone()))));
}

fn sorted_by_id(rows: impl Iterator<Item = (Uuid, EventType, String)>) -> Vec<(Uuid, EventType, String)> {
    let mut rows: Vec<_> = rows.collect();
    rows.sort_by_key(|row| row.0);
    rows
}

pub async fn what_is_not_over_is_counted(db: Db) {
    let unfinished = async || db.read(async |tx| tx.unfinished().await).await;
    assert_eq!(unfinished().await, Unfinished::default());
    let world = World::calling(&db, 4).await;
    assert_eq!(unfinished().await, Unfinished { campaigns: 1, calls: 0, deliveries: 0 });
    let worker = WorkerId::new(at(0));
    db.write(async |tx| tx.insert_worker(worker).await).await;
    world.ring(&db, 2, worker).await;
    world.queue(&db, 1).await;
    assert_eq!(unfinished().await.calls, 3);
    world.set(&db, CampaignState::Cancelled).await;
    db.write(async |tx| tx.set_winding_up(world.campaign, true).await).await;
    assert_eq!(unfinished().await.campaigns, 1, "its recipients are still being ended");
    db.write(async |tx| tx.set_winding_up(world.campaign, false).await).await;
    assert_eq!(unfinished().await.campaigns, 0);
}
