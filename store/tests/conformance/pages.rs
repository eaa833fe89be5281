//! Lists page by cursor: what was there when the first page was asked for comes exactly once, whatever is added meanwhile.

use ringfleet_core::{CallState, Disposition, RecipientState, signing::Secret};
use ringfleet_store::{CallFilter, NewWebhook, Page, RecipientFilter, Result, Tx};
use uuid::Uuid;

use crate::support::{Db, World, all, at, new_agent, new_trunk, page, sorted};

/// Walks a list in pages of three while one row is added after each page.
async fn walk(
    db: &Db,
    list: impl AsyncFn(&mut Tx, Page) -> Result<Vec<Uuid>>,
    add: impl AsyncFn(&mut Tx, i64) -> Result<()>,
) {
    for n in 1..=10 {
        db.write(async |tx| add(tx, n).await).await;
    }
    let before = sorted(db.read(async |tx| list(tx, all()).await).await);
    let mut seen = Vec::new();
    for round in 0.. {
        let found = db.read(async |tx| list(tx, page(seen.last().copied(), 3)).await).await;
        assert!(found.len() <= 3);
        if found.is_empty() {
            break;
        }
        seen.extend(found);
        db.write(async |tx| add(tx, 100 + round).await).await;
    }
    assert!(seen.is_sorted_by(|a, b| a > b), "newest first, none twice");
    assert_eq!(sorted(seen), before);
}

pub async fn lists_lose_and_double_nothing(db: Db) {
    let world = World::new(&db).await;
    let own = world.workspace;
    walk(
        &db,
        async |tx, page| Ok(tx.agents(own, None, page).await?.iter().map(|a| a.id.uuid()).collect()),
        async |tx, n| tx.insert_agent(own, new_agent("a"), at(n)).await.map(drop),
    )
    .await;
    walk(
        &db,
        async |tx, page| Ok(tx.trunks(own, page).await?.iter().map(|t| t.id.uuid()).collect()),
        async |tx, n| tx.insert_trunk(own, new_trunk("t"), at(n)).await.map(drop),
    )
    .await;
    walk(
        &db,
        async |tx, page| {
            Ok(tx.campaigns(own, &Default::default(), page).await?.iter().map(|c| c.id.uuid()).collect())
        },
        async |tx, n| {
            tx.insert_campaign(own, World::new_campaign(world.agent, world.trunk), at(n)).await.map(drop)
        },
    )
    .await;
    walk(
        &db,
        async |tx, page| {
            let found = tx.calls(own, CallFilter::default(), page).await?;
            Ok(found.iter().map(|c| c.id.uuid()).collect())
        },
        async |tx, n| tx.insert_calls(&[world.new_call(None, at(n))], at(n)).await,
    )
    .await;
    let secret = Secret::new([3; 32]);
    walk(
        &db,
        async |tx, page| Ok(tx.webhooks(own, page).await?.iter().map(|w| w.id.uuid()).collect()),
        async |tx, n| {
            tx.insert_webhook(own, NewWebhook::new("http://localhost/", &[], &secret), at(n)).await.map(drop)
        },
    )
    .await;
}

pub async fn recipients_of_a_list_come_in_pages(db: Db) {
    let world = World::new(&db).await;
    walk(
        &db,
        async |tx, page| {
            let found = tx.recipients(world.campaign, RecipientFilter::default(), page).await?;
            Ok(found.iter().map(|r| r.id.uuid()).collect())
        },
        async |tx, n| {
            let new = ringfleet_store::NewRecipient {
                number: crate::support::number(n as u64),
                variables: serde_json::json!({}).into(),
                timezone: None,
            };
            tx.insert_recipients(world.campaign, 0, &[new], at(n)).await.map(drop)
        },
    )
    .await;
}

pub async fn filters_narrow_a_list(db: Db) {
    let world = World::calling(&db, 3).await;
    let other = World::calling(&db, 2).await;
    let queued = world.queue(&db, 2).await;
    other.queue(&db, 1).await;
    let triggered = world.new_call(None, at(0));
    db.write(async |tx| tx.insert_calls(&[triggered], at(0)).await).await;
    let count = async |filter| db.read(async |tx| tx.calls(world.workspace, filter, all()).await).await.len();
    assert_eq!(count(CallFilter::default()).await, 3);
    assert_eq!(count(CallFilter { campaign: Some(world.campaign), ..Default::default() }).await, 2);
    assert_eq!(count(CallFilter { campaign: Some(other.campaign), ..Default::default() }).await, 0);
    let recipient = queued[0].recipient_id.map(Into::into);
    assert_eq!(count(CallFilter { recipient, ..Default::default() }).await, 1);
    assert_eq!(
        count(CallFilter { state: Some(CallState::Pending), recipient, ..Default::default() }).await,
        1
    );
    assert_eq!(count(CallFilter { state: Some(CallState::Ongoing), ..Default::default() }).await, 0);

    crate::campaigns::cancel(&db, &world).await;
    other.fill(&db, 10..11).await;
    let count = async |campaign, state, disposition| {
        let filter = RecipientFilter { state, disposition, ..Default::default() };
        db.read(async |tx| tx.recipients(campaign, filter, all()).await).await.len()
    };
    assert_eq!(count(world.campaign, Some(RecipientState::Done), None).await, 3);
    assert_eq!(count(world.campaign, None, Some(Disposition::Cancelled)).await, 3);
    assert_eq!(count(world.campaign, Some(RecipientState::Done), Some(Disposition::Reached)).await, 0);
    assert_eq!(count(other.campaign, Some(RecipientState::Pending), None).await, 2);
    assert_eq!(count(other.campaign, Some(RecipientState::Queued), None).await, 1);
}
