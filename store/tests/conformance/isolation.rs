//! An id of another workspace is an id that does not exist.

use ringfleet_core::{DeliveryId, EventId, delivery::DeliveryState, event::EventType, signing::Secret};
use ringfleet_store::{CallFilter, NewDelivery, NewEvent, NewWebhook};

use crate::support::{Db, World, all, at};

pub async fn nobody_sees_another_workspace(db: Db) {
    let mine = World::calling(&db, 2).await;
    let other = World::calling(&db, 1).await;
    let call = mine.queue(&db, 1).await.remove(0);
    let (import, webhook, delivery) = db
        .write(async |tx| {
            let import = tx.insert_import(mine.workspace, mine.campaign, at(0)).await?;
            let secret = Secret::new([1; 32]);
            let webhook = tx
                .insert_webhook(mine.workspace, NewWebhook::new("http://localhost/", &[], &secret), at(0))
                .await?;
            let event = NewEvent {
                id: EventId::new(at(0)).uuid(),
                workspace_id: mine.workspace.uuid(),
                event: EventType::SessionStarted,
                body: "{}".into(),
                traceparent: None,
            };
            let delivery = NewDelivery {
                id: DeliveryId::new(at(0)).uuid(),
                workspace_id: mine.workspace.uuid(),
                event_id: event.id,
                webhook_id: webhook.id.uuid(),
            };
            tx.insert_events(&[event], std::slice::from_ref(&delivery), at(0)).await?;
            Ok((import, webhook, DeliveryId::from(delivery.id)))
        })
        .await;
    for (world, sees) in [(mine, true), (other, false)] {
        let own = world.workspace;
        let mut tx = db.store.write().await.unwrap();
        assert_eq!(tx.agent(own, mine.agent).await.unwrap().is_some(), sees);
        assert_eq!(tx.trunk(own, mine.trunk).await.unwrap().is_some(), sees);
        assert_eq!(tx.campaign(own, mine.campaign).await.unwrap().is_some(), sees);
        assert_eq!(tx.campaign_for_update(own, mine.campaign).await.unwrap().is_some(), sees);
        assert_eq!(tx.call(own, call.id.into()).await.unwrap().is_some(), sees);
        assert_eq!(tx.import(own, import).await.unwrap().is_some(), sees);
        assert_eq!(tx.webhooks(own, all()).await.unwrap().contains(&webhook), sees);
        assert_eq!(tx.listeners(&[own.uuid()]).await.unwrap().iter().any(|one| one.id == webhook.id), sees);
        assert_eq!(tx.webhook(own, webhook.id).await.unwrap().is_some(), sees);
        assert_eq!(tx.webhook_for_update(own, webhook.id).await.unwrap().is_some(), sees);
        assert_eq!(tx.delivery(own, delivery).await.unwrap().is_some(), sees);
        assert!(tx.agents(own, None, all()).await.unwrap().iter().all(|a| (a.id == mine.agent) == sees));
        assert!(tx.trunks(own, all()).await.unwrap().iter().all(|t| (t.id == mine.trunk) == sees));
        assert!(
            tx.campaigns(own, &Default::default(), all())
                .await
                .unwrap()
                .iter()
                .all(|c| c.workspace_id == own)
        );
        let calls = tx.calls(own, CallFilter::default(), all()).await.unwrap();
        assert_eq!(calls.iter().any(|c| c.id.uuid() == call.id), sees);
        let filter = CallFilter { campaign: Some(mine.campaign), ..CallFilter::default() };
        assert_eq!(tx.calls(own, filter, all()).await.unwrap().is_empty(), !sees);
    }
    let found = db.read(async |tx| tx.recipients(mine.campaign, Default::default(), all()).await).await;
    for one in found {
        assert_eq!(db.read(async |tx| tx.recipient(other.campaign, one.id).await).await, None);
    }
    assert!(!db.write(async |tx| tx.delete_webhook(other.workspace, webhook.id, None, at(1)).await).await);
    let left = db.read(async |tx| tx.delivery(mine.workspace, delivery).await).await.unwrap();
    assert_eq!(
        left.state,
        DeliveryState::Pending,
        "a stranger's attempt to delete an endpoint gives up none of its deliveries"
    );
    assert!(db.write(async |tx| tx.delete_webhook(mine.workspace, webhook.id, None, at(1)).await).await);
}
