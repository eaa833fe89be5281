//! Messages, what is told of them, and what comes in.

use ringfleet_core::{CallId, CallState, Channel, Outcome, RecipientState};
use ringfleet_store::{MessageTimes, NewMessage, NewReply, RecipientUpdate};
use serde_json::json;
use uuid::Uuid;

use crate::{
    calls::ended,
    support::{Db, World, at, number, plan},
};

pub async fn each_step_is_a_queue_of_its_own(db: Db) {
    let world = World::calling(&db, 5).await;
    let due = async |step, limit, ms| {
        db.write(async |tx| tx.due_recipients(world.campaign, step, limit, at(ms)).await).await
    };
    let has_due = async |ms| {
        let running = db.read(async |tx| tx.running_campaigns(at(ms)).await).await;
        running.iter().any(|one| one.id == world.campaign && one.has_due)
    };
    let all = due(0, 9, 1).await;
    assert_eq!(all.len(), 5);
    let moved: Vec<RecipientUpdate> = all
        .iter()
        .enumerate()
        .map(|(i, one)| RecipientUpdate {
            id: one.id.uuid(),
            state: RecipientState::Pending,
            step: if i < 2 { 0 } else { 9 },
            attempts: 0,
            total_attempts: 1,
            due_at: at(100 - i as i64),
            hold: None,
            ready_at: None,
            disposition: None,
            last_outcome: None,
            last_reason: None,
            done_at: None,
        })
        .collect();
    db.write(async |tx| tx.update_recipients(&moved).await).await;
    let ids = |standings: Vec<ringfleet_store::Standing>| -> Vec<Uuid> {
        standings.into_iter().map(|one| one.id.uuid()).collect()
    };
    assert_eq!(ids(due(0, 9, 100).await), [moved[1].id, moved[0].id]);
    assert_eq!(ids(due(9, 2, 100).await), [moved[4].id, moved[3].id], "the longest due first");
    assert!(due(1, 9, 100).await.is_empty() && due(9, 9, 95).await.is_empty());
    assert!(has_due(96).await && !has_due(95).await, "on whichever step they are");
    let waiting = db.write(async |tx| tx.waiting_recipients(world.campaign, 9).await).await;
    assert_eq!(waiting.len(), 5);
}

pub async fn a_plan_with_messages_is_known_by_them(db: Db) {
    let world = World::calling(&db, 1).await;
    let sends = async || {
        let running = db.read(async |tx| tx.running_campaigns(at(1)).await).await;
        running.iter().any(|one| one.id == world.campaign && one.has_messages)
    };
    assert!(!sends().await);
    let mut settings =
        db.read(async |tx| tx.campaign(world.workspace, world.campaign).await).await.unwrap().settings();
    let step =
        json!({"channel": "sms", "trunkId": world.trunk, "message": {"text": "Hi {{name}}, \"message\": x"}});
    settings.plan.steps.push(serde_json::from_value(step).unwrap());
    db.write(async |tx| tx.update_campaign(world.campaign, &settings).await).await;
    assert!(sends().await);
    let calls = world.queue(&db, 1).await;
    let material = db.read(async |tx| tx.material(calls[0].id.into()).await).await.unwrap();
    assert_eq!((material.plan, material.step), (Some(settings.plan), 0));
    assert!(material.variables.is_some_and(|variables| variables.is_object()));
    assert_eq!(db.read(async |tx| tx.material(CallId::from(Uuid::nil())).await).await, None);
}

pub async fn what_is_told_of_a_message_is_kept(db: Db) {
    let world = World::new(&db).await;
    let mut call = world.new_call(None, at(0));
    (call.channel, call.variables) = (Channel::Sms, json!({"name": "Asha"}));
    let (id, call) = (CallId::from(call.id), call);
    db.write(async |tx| tx.insert_calls(std::slice::from_ref(&call), at(0)).await).await;
    let single = db.read(async |tx| tx.material(id).await).await.unwrap();
    assert_eq!((single.plan, single.variables), (None, Some(json!({"name": "Asha"}))));
    db.write(async |tx| tx.update_calls(&[ended(call.id, Outcome::Sent)]).await).await;
    let new = NewMessage {
        call_id: call.id,
        workspace_id: world.workspace.uuid(),
        number: call.number,
        channel: Channel::Sms,
        sent_at: at(10),
    };
    for sent_at in [at(10), at(99)] {
        let new = NewMessage { sent_at, ..new.clone() };
        db.write(async |tx| tx.insert_messages(std::slice::from_ref(&new)).await).await;
    }
    let times = async || db.read(async |tx| tx.message_times(id).await).await.unwrap();
    let sent = MessageTimes { sent_at: at(10), delivered_at: None, read_at: None };
    assert_eq!(times().await, sent);
    let turn = async |state, outcome, code, ms| {
        db.write(async |tx| tx.turn_message(id, (state, outcome), "told", code, at(ms)).await).await
    };
    let kin = async || db.write(async |tx| tx.hold_call_and_kin(id).await).await;
    turn(CallState::Delivered, Outcome::Delivered, None, 20).await;
    assert_eq!(times().await, MessageTimes { delivered_at: Some(at(20)), ..sent.clone() });
    turn(CallState::Read, Outcome::Read, Some(30), 30).await;
    assert_eq!(
        times().await,
        MessageTimes { delivered_at: Some(at(20)), read_at: Some(at(30)), ..sent.clone() }
    );
    let found = kin().await;
    assert_eq!(
        (found.len(), found[0].state, found[0].outcome, found[0].code),
        (1, CallState::Read, Some(Outcome::Read), Some(30))
    );
    let to = number_of(&call);
    let latest = async |channel, since| {
        db.read(async |tx| tx.latest_message(world.workspace, to, channel, at(since)).await).await
    };
    assert_eq!(latest(Channel::Sms, 10).await, Some(id));
    assert_eq!((latest(Channel::Sms, 11).await, latest(Channel::Whatsapp, 0).await), (None, None));
}

fn number_of(call: &ringfleet_store::NewCall) -> ringfleet_core::E164 {
    call.number.try_into().unwrap()
}

pub async fn a_reply_is_kept_once(db: Db) {
    let world = World::new(&db).await;
    let reply = |id: u128, provider_id: &'static str, is_stop| NewReply {
        id: Uuid::from_u128(id),
        workspace: world.workspace,
        trunk: world.trunk,
        provider_id,
        number: number(7),
        channel: Channel::Whatsapp,
        body: "hello",
        is_stop,
        call: None,
    };
    let keep = async |new: NewReply<'_>, ms| db.write(async |tx| tx.insert_reply(&new, at(ms)).await).await;
    assert!(keep(reply(1, "a", false), 10).await);
    assert!(!keep(reply(2, "a", true), 11).await, "told twice");
    assert!(keep(reply(3, "b", true), 20).await);
    let of =
        async |n, limit| db.read(async |tx| tx.replies_of(world.workspace, number(n), limit).await).await;
    let found = of(7, 9).await;
    let seen: Vec<_> = found.iter().map(|one| (one.id.as_u128(), one.is_stop, one.received_at)).collect();
    assert_eq!(seen, [(3, true, at(20)), (1, false, at(10))]);
    assert_eq!((of(7, 1).await.len(), of(8, 9).await.len()), (1, 0));
    let wrote = async |channel, since| {
        db.read(async |tx| tx.has_written(world.workspace, number(7), channel, at(since)).await).await
    };
    assert!(wrote(Channel::Whatsapp, 20).await && !wrote(Channel::Whatsapp, 21).await);
    assert!(!wrote(Channel::Sms, 0).await);
}

pub async fn the_calls_of_a_recipient_are_found_and_held_together(db: Db) {
    let world = World::calling(&db, 2).await;
    assert_eq!(plan().steps.len(), 1);
    let calls = world.queue(&db, 2).await;
    let recipients: Vec<Uuid> = calls.iter().filter_map(|call| call.recipient_id).collect();
    let found = db.read(async |tx| tx.calls_of_recipients(&recipients[..1]).await).await;
    assert_eq!(found.iter().map(|call| call.id.uuid()).collect::<Vec<_>>(), [calls[0].id]);
    assert_eq!(db.read(async |tx| tx.calls_of_recipients(&recipients).await).await.len(), 2);
    let kin = db.write(async |tx| tx.hold_call_and_kin(calls[1].id.into()).await).await;
    assert_eq!(kin.iter().map(|call| call.id.uuid()).collect::<Vec<_>>(), [calls[1].id]);
}
