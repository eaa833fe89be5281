//! Leads, the suppressions that are shown with them, and the calls to them.

use ringfleet_core::{LeadId, SuppressionSource};
use ringfleet_store::{LeadFilter, NewLead, NewSuppression, StoreError};
use serde_json::json;

use crate::support::{Db, World, all, at, number, page};

fn lead(n: u64) -> NewLead {
    NewLead { number: number(n), email: None, timezone: None, attributes: None }
}

pub async fn a_number_is_one_lead(db: Db) {
    let world = World::new(&db).await;
    let own = world.workspace;
    let full = NewLead {
        email: Some("Asha@Example.com".into()),
        timezone: Some("Asia/Kolkata".into()),
        attributes: Some(json!({"plan": "gold"})),
        ..lead(1)
    };
    let id = db.write(async |tx| tx.insert_lead(own, &full, at(5)).await).await;
    let found = async |id| db.read(async |tx| tx.lead(own, id).await).await.unwrap();
    let made = found(id).await;
    assert_eq!((made.number, &made.email, &made.timezone), (full.number, &full.email, &full.timezone));
    assert_eq!((made.attributes, made.created_at, made.updated_at), (json!({"plan": "gold"}), at(5), at(5)));
    let mut tx = db.store.write().await.unwrap();
    assert!(matches!(tx.insert_lead(own, &lead(1), at(6)).await, Err(StoreError::Duplicate(_))));
    drop(tx);

    // What is absent stays; what is new is made.
    let fresh = [LeadId::new(at(7)), LeadId::new(at(7))];
    let moved = NewLead { timezone: Some("Europe/Berlin".into()), ..lead(1) };
    let new = [(fresh[0], moved), (fresh[1], lead(2))];
    let mut kept = db.write(async |tx| tx.upsert_leads(own, &new, at(7)).await).await;
    kept.sort();
    assert_eq!(kept, [(number(1), id), (number(2), fresh[1])]);
    let after = found(id).await;
    assert_eq!((after.email, after.timezone.as_deref()), (full.email, Some("Europe/Berlin")));
    assert_eq!(
        (after.attributes, after.created_at, after.updated_at),
        (json!({"plan": "gold"}), at(5), at(7))
    );
    assert_eq!(found(fresh[1]).await.attributes, json!({}));

    let list = async |filter: LeadFilter| {
        let found = db.read(async |tx| tx.leads(own, &filter, all()).await).await;
        found.into_iter().map(|lead| lead.id).collect::<Vec<_>>()
    };
    assert_eq!(list(LeadFilter::default()).await, [fresh[1], id]);
    let by_mail = LeadFilter { email: Some("asha@example.COM".into()), ..LeadFilter::default() };
    assert_eq!(list(by_mail).await, [id]);
    assert_eq!(list(LeadFilter { number: Some(number(2)), email: None }).await, [fresh[1]]);
    let first = db.read(async |tx| tx.leads(own, &LeadFilter::default(), page(None, 1)).await).await;
    assert_eq!(first[0].id, fresh[1]);

    let mut changed = db.write(async |tx| tx.lead_for_update(own, id).await).await.unwrap();
    changed.number = number(3);
    changed.email = None;
    db.write(async |tx| tx.update_lead(&changed, at(8)).await).await;
    let after = found(id).await;
    assert_eq!((after.number, after.email, after.updated_at), (number(3), None, at(8)));

    let other = World::new(&db).await.workspace;
    assert_eq!(db.read(async |tx| tx.lead(other, id).await).await, None);
    assert!(!db.write(async |tx| tx.delete_lead(other, id).await).await);
    assert!(db.write(async |tx| tx.delete_lead(own, id).await).await);
    assert!(!db.write(async |tx| tx.delete_lead(own, id).await).await);
}

pub async fn what_holds_of_a_number_is_found(db: Db) {
    let world = World::new(&db).await;
    let entry = |n, until: Option<i64>| NewSuppression {
        number: number(n),
        channel: None,
        reason: "asked".into(),
        source: SuppressionSource::Stop,
        expires_at: until.map(at),
    };
    db.write(async |tx| {
        tx.suppress(world.workspace, &[entry(1, None), entry(2, Some(10)), entry(3, None)], at(0)).await
    })
    .await;
    let of = async |workspace, ms| {
        let numbers = [number(1), number(2)];
        let found = db.read(async |tx| tx.suppressions_of(workspace, &numbers, at(ms)).await).await;
        let mut found: Vec<_> = found.into_iter().map(|entry| entry.number).collect();
        found.sort();
        found
    };
    assert_eq!(of(world.workspace, 9).await, [number(1), number(2)]);
    assert_eq!(of(world.workspace, 10).await, [number(1)]);
    assert!(of(World::new(&db).await.workspace, 9).await.is_empty());
}

pub async fn calls_to_a_number_are_found_by_its_campaigns(db: Db) {
    let (one, two) = (World::calling(&db, 3).await, World::calling(&db, 1).await);
    let calls = one.queue(&db, 3).await;
    two.queue(&db, 1).await;
    let to = async |workspace, n, limit| {
        let found = db.read(async |tx| tx.campaign_calls_to(workspace, number(n), limit).await).await;
        found.into_iter().map(|call| call.id.uuid()).collect::<Vec<_>>()
    };
    let first = calls.iter().find(|call| call.number == number(0).digits()).unwrap().id;
    assert_eq!(to(one.workspace, 0, 10).await, [first]);
    assert!(to(one.workspace, 9, 10).await.is_empty());
    assert!(to(one.workspace, 0, 0).await.is_empty());
    assert_eq!(to(two.workspace, 0, 10).await.len(), 1);
}
