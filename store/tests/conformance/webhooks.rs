//! Endpoints as people change them, what is kept of requests, and secrets at rest.

use std::sync::Arc;

use ringfleet_core::{
    CampaignState, Keyring, WebhookId,
    delivery::DeliveryState,
    event::EventType,
    seal::{SealError, encode_key, is_sealed},
    signing::Secret,
    trunk::TrunkConfig,
    webhook::{CustomHeaders, DataOptions, Format, SamoraEvent, Style},
};
use ringfleet_store::{DeliveryUpdate, NewAttempt, NewTrunk, NewWebhook, Over, Replay, StoreError, Webhook};
use uuid::Uuid;

use crate::{
    deliveries::{Post, letters},
    support::{Db, World, all, at, keys},
};

async fn found(db: &Db, post: &Post) -> Webhook {
    db.read(async |tx| tx.webhook(post.world.workspace, post.webhook).await).await.unwrap()
}

pub async fn everything_of_an_endpoint_is_kept(db: Db) {
    let world = World::new(&db).await;
    let new = NewWebhook {
        name: Some("n".into()),
        description: Some("d".into()),
        format: Format::Samora,
        style: Style::Saaya,
        samora_events: vec![SamoraEvent::CallFinished],
        agent_id: Some(world.agent),
        custom_headers: CustomHeaders::from([("X-Key".into(), "é".into())]),
        data_options: DataOptions { include_transcript: true, include_recording_url: false },
        max_per_second: Some(7),
        ..NewWebhook::new("http://localhost/", &[EventType::SessionEnded], &Secret::new([1; 32]))
    };
    let made = db.write(async |tx| tx.insert_webhook(world.workspace, new.clone(), at(1)).await).await;
    let read = async || db.read(async |tx| tx.webhook(world.workspace, made.id).await).await.unwrap();
    assert_eq!(read().await, made);
    let listener = db.read(async |tx| tx.listeners(&[world.workspace.uuid()]).await).await.remove(0);
    assert!(listener.wants_samora(SamoraEvent::CallFinished, Some(world.agent)));
    assert!(!listener.wants_samora(SamoraEvent::CallFailed, Some(world.agent)), "it did not ask for that");
    assert!(!listener.wants_samora(SamoraEvent::CallFinished, None), "nor for others' calls");
    assert!(!listener.wants(EventType::SessionEnded, Some(world.agent)), "nor for Ringfleet's bodies");

    let changed = Webhook {
        url: "http://localhost/2".into(),
        name: None,
        agent_id: None,
        max_per_second: None,
        custom_headers: CustomHeaders::new(),
        updated_at: at(2),
        ..made.clone()
    };
    db.write(async |tx| tx.update_webhook(&changed, at(2)).await).await;
    assert_eq!(read().await, changed);
}

pub async fn endpoints_are_found_by_their_format(db: Db) {
    let world = World::new(&db).await;
    let of = |format, agent_id, n| {
        let plain = NewWebhook::new("http://localhost/", &[], &Secret::new([n; 32]));
        NewWebhook { format, agent_id, ..plain }
    };
    let make =
        async |new, now| db.write(async |tx| tx.insert_webhook(world.workspace, new, at(now)).await).await;
    let first = make(of(Format::Samora, Some(world.agent), 1), 1).await;
    let ours = make(of(Format::Ringfleet, Some(world.agent), 2), 2).await;
    let last = make(of(Format::Samora, None, 3), 3).await;
    let found = async |format, agent| {
        let found = db.read(async |tx| tx.webhooks_of_format(world.workspace, format, agent).await).await;
        found.into_iter().map(|webhook| webhook.id).collect::<Vec<_>>()
    };
    assert_eq!(found(Format::Samora, None).await, [last.id, first.id]);
    assert_eq!(found(Format::Samora, Some(world.agent)).await, [first.id]);
    assert_eq!(found(Format::Ringfleet, None).await, [ours.id]);
    let delete =
        async |id, only| db.write(async |tx| tx.delete_webhook(world.workspace, id, only, at(4)).await).await;
    assert!(!delete(ours.id, Some(Format::Samora)).await, "it has other bodies");
    assert!(delete(first.id, Some(Format::Samora)).await);
    assert!(delete(last.id, None).await && !delete(last.id, None).await);
    assert_eq!(found(Format::Samora, None).await, []);
    assert_eq!(found(Format::Ringfleet, None).await, [ours.id]);
}

pub async fn an_endpoint_is_switched_off_and_on(db: Db) {
    let (post, other) = (Post::new(&db, 2).await, Post::new(&db, 1).await);
    let id = post.webhook;
    let health = async |failing: &[WebhookId], well: &[WebhookId], now| {
        let of = |ids: &[WebhookId]| ids.iter().map(|id| id.uuid()).collect::<Vec<_>>();
        db.write(async |tx| tx.note_health(&of(failing), &of(well), at(now)).await).await;
    };
    health(&[id], &[], 5).await;
    health(&[id], &[], 6).await;
    assert_eq!(found(&db, &post).await.failing_since, Some(at(5)), "the first one counts");
    health(&[], &[id], 7).await;
    assert_eq!(found(&db, &post).await.failing_since, None);
    health(&[id], &[], 8).await;

    let off = async |now| db.write(async |tx| tx.disable_webhook(id, "gone", at(now)).await).await;
    let disabled = off(9).await.unwrap();
    assert_eq!(
        (disabled.is_active, disabled.disabled, disabled.disabled_reason.as_deref()),
        (false, 1, Some("gone"))
    );
    assert_eq!(off(10).await, None, "once");
    assert_eq!(post.count(&db, DeliveryState::Pending).await, 2, "in portions, not here");
    assert_eq!(post.give_up(&db, 10, 10).await, 2);
    assert_eq!(post.count(&db, DeliveryState::Dead).await, 2);
    assert_eq!(other.count(&db, DeliveryState::Pending).await, 1);
    assert!(db.read(async |tx| tx.listeners(&[post.world.workspace.uuid()]).await).await.is_empty());
    // Somebody had read the endpoints before they were told.
    let (events, late) = letters(&post.world, id, 1);
    db.write(async |tx| tx.insert_events(&events, &late, at(11)).await).await;
    assert!(db.write(async |tx| tx.begin_deliveries(&[late[0].id], at(99), at(12)).await).await.is_empty());
    assert_eq!(post.count(&db, DeliveryState::Dead).await, 3);

    let on = Webhook { is_active: true, ..found(&db, &post).await };
    db.write(async |tx| tx.update_webhook(&on, at(13)).await).await;
    let on = found(&db, &post).await;
    assert_eq!((on.is_active, on.disabled_reason, on.failing_since, on.disabled), (true, None, None, 1));
}

pub async fn secrets_overlap_as_long_as_told(db: Db) {
    let post = Post::new(&db, 1).await;
    let secrets = async |now: i64| {
        let begun = db.write(async |tx| tx.begin_deliveries(&post.ids, at(now), at(now)).await).await;
        begun[0].secrets.clone()
    };
    let rotate = async |byte: u8, until: i64, now: i64| {
        let secret = Secret::new([byte; 32]);
        db.write(async |tx| {
            tx.webhook_for_update(post.world.workspace, post.webhook).await?;
            tx.rotate_secret(post.webhook, &secret, at(until), at(now)).await
        })
        .await;
    };
    let of = |bytes: &[u8]| bytes.iter().map(|byte| Secret::new([*byte; 32])).collect::<Vec<_>>();
    rotate(1, 100, 10).await;
    rotate(2, 200, 20).await;
    assert_eq!(secrets(50).await, of(&[2, 1, 9]));
    let old = async |now| db.write(async |tx| tx.count_old_secrets(post.webhook, at(now)).await).await;
    assert_eq!((old(50).await, old(100).await, old(200).await), (2, 1, 0));
    let count = async |workspace| db.read(async |tx| tx.count_webhooks(workspace).await).await;
    assert_eq!(count(post.world.workspace).await, 1);
    assert_eq!(count(crate::support::World::new(&db).await.workspace).await, 0);
    assert_eq!(secrets(100).await, of(&[2, 1]), "the first one's time is over");
    assert_eq!(secrets(200).await, of(&[2]));
    rotate(3, 400, 300).await;
    rotate(4, 310, 310).await;
    assert_eq!(secrets(311).await, of(&[4]), "a leak ends all of them at once");
}

pub async fn requests_are_kept_and_deliveries_replayed(db: Db) {
    let post = Post::new(&db, 3).await;
    let (workspace, id) = (post.world.workspace, post.webhook);
    let attempt = |number, ms| NewAttempt {
        delivery_id: post.ids[0],
        number,
        at: at(ms),
        status: (number == 2).then_some(503),
        duration_ms: 12,
        error: Some("refused".into()),
        answer: Some("<html>é".into()),
    };
    db.write(async |tx| tx.insert_attempts(&[attempt(2, 20), attempt(1, 10)]).await).await;
    let kept = async || db.read(async |tx| tx.attempts(post.ids[0].into()).await).await;
    assert_eq!(
        kept().await.iter().map(|one| (one.number, one.status)).collect::<Vec<_>>(),
        [(1, None), (2, Some(503))]
    );
    assert_eq!((kept().await[0].duration_ms, kept().await[0].answer.as_deref()), (12, Some("<html>é")));
    assert_eq!(db.write(async |tx| tx.forget_attempts(at(20)).await).await, 1);
    assert_eq!(kept().await.len(), 1);

    db.write(async |tx| tx.begin_deliveries(&post.ids, at(9), at(5)).await).await;
    db.write(async |tx| tx.disable_webhook(id, "gone", at(6)).await).await;
    assert_eq!(post.give_up(&db, 10, 6).await, 3);
    let on = Webhook { is_active: true, ..found(&db, &post).await };
    db.write(async |tx| tx.update_webhook(&on, at(7)).await).await;
    let replay = async |which: Replay, after: Uuid, limit| {
        db.write(async |tx| tx.replay_deliveries(id, which, after, limit, at(500)).await).await
    };
    let dead = Replay { over: Over::Dead, event: None, from: None, until: None };
    let none = [
        Replay { event: Some(EventType::CampaignFailed), ..dead },
        Replay { from: Some(at(1)), ..dead },
        Replay { until: Some(at(0)), ..dead },
        Replay { over: Over::Delivered, ..dead },
    ];
    for which in none {
        assert!(replay(which, Uuid::nil(), 9).await.is_empty(), "{which:?}");
    }
    let first = replay(Replay { from: Some(at(0)), until: Some(at(1)), ..dead }, Uuid::nil(), 2).await;
    assert_eq!(first.len(), 2);
    assert_eq!(replay(dead, first[1], 9).await.len(), 1);
    assert!(replay(dead, Uuid::nil(), 9).await.is_empty(), "all are on their way");
    let sent = db.write(async |tx| tx.begin_deliveries(&post.ids, at(900), at(501)).await).await;
    assert!(sent.iter().all(|one| (one.attempts, one.replayed_after, one.since) == (2, 1, at(500))));
    let one = post.ids[0].into();
    assert!(!db.write(async |tx| tx.replay_delivery(one, at(502)).await).await, "it is on its way");
    db.write(async |tx| tx.disable_webhook(id, "gone", at(503)).await).await;
    assert!(db.write(async |tx| tx.replay_delivery(one, at(504)).await).await);
    let read = db.read(async |tx| tx.delivery(workspace, one).await).await.unwrap();
    assert_eq!(
        (read.state, read.due_at, read.event),
        (DeliveryState::Pending, at(504), EventType::SessionEnded)
    );
}

pub async fn a_campaign_counts_what_it_tells(db: Db) {
    let world = World::new(&db).await;
    world.set(&db, CampaignState::InProgress).await;
    let told = async || db.write(async |tx| tx.count_told(world.campaign).await).await;
    assert_eq!((told().await, told().await), (1, 2));
    let progress = async |stands, since, now| {
        db.write(async |tx| tx.count_progress(world.campaign, stands, at(since), at(now)).await).await
    };
    assert_eq!(progress(0, -5_000, 0).await, None, "nothing has happened");
    assert_eq!(progress(3, -5_000, 0).await, Some(3));
    assert_eq!(progress(4, -4_999, 1).await, None, "too soon");
    assert_eq!(progress(3, 1_000, 6_000).await, None, "it stands where it stood");
    assert_eq!(progress(4, 1_000, 6_000).await, Some(4));
    world.set(&db, CampaignState::Paused).await;
    assert_eq!(progress(9, 99_000, 99_000).await, None, "it does not call");
}

pub async fn secrets_are_sealed_at_rest(db: Db) {
    let post = Post::new(&db, 1).await;
    let world = &post.world;
    let config = r#"{"kind":"sip","host":"sip.example.com","username":"u","password":"open sesame"}"#;
    let config: TrunkConfig = serde_json::from_str(config).unwrap();
    let new = NewTrunk {
        name: "t".into(),
        config: config.clone(),
        caller_id: None,
        caller_ids: None,
        limits: Default::default(),
    };
    let trunk = db.write(async |tx| tx.insert_trunk(world.workspace, new.clone(), at(0)).await).await;
    let read = async |store: &ringfleet_store::Store| {
        let mut tx = store.read().await.unwrap();
        tx.trunk(world.workspace, trunk.id).await.map(|found| found.unwrap().config)
    };
    assert_eq!(read(&db.store).await.unwrap(), config);
    let listed = db.read(async |tx| tx.trunks(world.workspace, all()).await).await;
    assert_eq!(listed.iter().find(|one| one.id == trunk.id).unwrap().config, config);
    let with = async |keys: &[u8]| {
        let keys: Vec<String> = keys.iter().map(|byte| encode_key([*byte; 32])).collect();
        db.place.open().await.with_keys(Arc::new(Keyring::parse(&keys).unwrap()))
    };
    let mut kept = db.read(async |tx| tx.audit_trunks(Uuid::nil(), 10).await).await;
    let sealed =
        kept.iter_mut().find(|one| one.id == trunk.id).unwrap().config.secrets_mut().remove(0).clone();
    assert!(is_sealed(&sealed) && !sealed.contains("sesame"), "{sealed}");

    // Another key, and the one it was sealed with behind it; then that alone.
    let stranger = with(&[8]).await;
    assert!(matches!(read(&stranger).await, Err(StoreError::Secret(SealError::UnknownKey))));
    let both = db.place.open().await.with_keys(keys(&[8, 7]));
    let mut tx = both.write().await.unwrap();
    let trunks = tx.reseal_trunks(Uuid::nil(), 100).await.unwrap();
    assert_eq!(trunks.changed, 1, "the simulated ones have none");
    assert_eq!(tx.reseal_trunks(trunks.last.unwrap(), 100).await.unwrap().last, None);
    assert_eq!(tx.reseal_webhooks(Uuid::nil(), 100).await.unwrap().changed, 1);
    assert_eq!(tx.reseal_webhooks(Uuid::nil(), 100).await.unwrap().changed, 0, "once is enough");
    tx.commit().await.unwrap();
    assert_eq!(read(&stranger).await.unwrap(), config);
    assert!(read(&db.store).await.is_err());
    let mut tx = stranger.write().await.unwrap();
    let sent = tx.begin_deliveries(&post.ids, at(9), at(1)).await.unwrap();
    assert_eq!(sent[0].secrets, [Secret::new([9; 32])]);
    drop(tx);

    // Without a key nothing is kept in the clear; what was kept so before is read, and sealed as soon as there is one.
    let bare = db.place.open().await;
    let mut tx = bare.write().await.unwrap();
    assert!(matches!(
        tx.insert_trunk(world.workspace, new, at(0)).await,
        Err(StoreError::Secret(SealError::NoKey))
    ));
    drop(tx);
    db.place.raw("UPDATE webhooks SET secret = 'whsec_CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk='").await;
    let mut tx = stranger.write().await.unwrap();
    let sent = tx.begin_deliveries(&post.ids, at(9), at(2)).await.unwrap();
    assert_eq!(sent[0].secrets, [Secret::new([9; 32])]);
    assert_eq!(tx.reseal_webhooks(Uuid::nil(), 100).await.unwrap().changed, 1);
}

pub async fn ended_ones_are_forgotten_with_their_events(db: Db) {
    let post = Post::new(&db, 5).await;
    let end = |n: usize, state, done| DeliveryUpdate {
        id: post.ids[n],
        state,
        due_at: None,
        last_status: None,
        last_error: None,
        done_at: Some(at(done)),
        was_made: true,
    };
    let ends = [
        end(0, DeliveryState::Delivered, 10),
        end(1, DeliveryState::Dead, 10),
        end(2, DeliveryState::Delivered, 20),
        end(3, DeliveryState::Dead, 10),
    ];
    db.write(async |tx| tx.update_deliveries(&ends).await).await;
    assert!(db.write(async |tx| tx.replay_delivery(post.ids[3].into(), at(11)).await).await);
    // A second endpoint's delivery of the event of the first one.
    let event = db.read(async |tx| tx.delivery(post.world.workspace, post.ids[0].into()).await).await;
    let (_, mut others) = letters(&post.world, post.webhook, 1);
    others[0].event_id = event.unwrap().event_id.uuid();
    db.write(async |tx| tx.insert_events(&[], &others, at(0)).await).await;

    let left = async || {
        let mut left = Vec::new();
        for id in post.ids.iter().chain([&others[0].id]) {
            let found = db.read(async |tx| tx.delivery(post.world.workspace, (*id).into()).await).await;
            left.push(found.is_some());
        }
        left
    };
    let forget = async |before: i64, after: Uuid| {
        db.write(async |tx| tx.forget_deliveries(at(before), after, 1).await).await
    };
    let events = async |limit| {
        let mut after = Some(Uuid::nil());
        while let Some(from) = after {
            after = db.write(async |tx| tx.forget_events(at(15), from, limit).await).await;
        }
        db.place.count("SELECT count(*) FROM events").await
    };
    assert_eq!(forget(10, Uuid::nil()).await, None, "they may still be replayed");
    let mut after = Uuid::nil();
    let mut portions = 0;
    while let Some(last) = forget(15, after).await {
        (after, portions) = (last, portions + 1);
    }
    assert_eq!(portions, 2, "one at a time");
    assert_eq!(left().await, [false, false, true, true, true, true], "what is on its way stays");
    assert_eq!(events(1).await, 4, "one event has no delivery any more");
    assert_eq!(events(100).await, 4);
    assert_eq!(left().await, [false, false, true, true, true, true]);
}

pub async fn headers_are_sealed_at_rest(db: Db) {
    let post = Post::new(&db, 1).await;
    let headers = CustomHeaders::from([("Authorization".into(), "Bearer sesame".into())]);
    let with = Webhook { custom_headers: headers.clone(), ..found(&db, &post).await };
    db.write(async |tx| tx.update_webhook(&with, at(1)).await).await;
    assert_eq!(found(&db, &post).await.custom_headers, headers);
    let listed = db.read(async |tx| tx.webhooks(post.world.workspace, all()).await).await;
    assert_eq!(listed[0].custom_headers, headers);

    let stranger = db.place.open().await.with_keys(keys(&[8]));
    let mut tx = stranger.write().await.unwrap();
    let refused = tx.webhook(post.world.workspace, post.webhook).await;
    assert!(matches!(refused, Err(StoreError::Secret(SealError::UnknownKey))), "it is not in the clear");
    drop(tx);
    let both = db.place.open().await.with_keys(keys(&[8, 7]));
    let mut tx = both.write().await.unwrap();
    assert_eq!(tx.reseal_webhooks(Uuid::nil(), 100).await.unwrap().changed, 1);
    tx.commit().await.unwrap();
    let mut tx = stranger.write().await.unwrap();
    let sent = tx.begin_deliveries(&post.ids, at(9), at(2)).await.unwrap();
    assert_eq!(sent[0].headers, headers);
    drop(tx);

    // Where a header cannot be opened nothing is sent without it.
    db.place.raw("UPDATE webhooks SET custom_headers = '{\"Authorization\": \"sealed.1.AAAA\"}'").await;
    let mut tx = stranger.write().await.unwrap();
    let sent = tx.begin_deliveries(&post.ids, at(9), at(3)).await.unwrap();
    assert_eq!((sent[0].secrets.len(), sent[0].headers.len()), (0, 0));
    drop(tx);
    db.place.raw("UPDATE webhooks SET custom_headers = '{\"Authorization\": \"Bearer sesame\"}'").await;
    let mut tx = stranger.write().await.unwrap();
    let sent = tx.begin_deliveries(&post.ids, at(9), at(4)).await.unwrap();
    assert_eq!(sent[0].headers, headers, "kept before headers were sealed");
    assert_eq!(tx.reseal_webhooks(Uuid::nil(), 100).await.unwrap().changed, 1);
}
