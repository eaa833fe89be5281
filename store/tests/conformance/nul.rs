//! PostgreSQL cannot keep a NUL character; a text with one is refused on both engines, by name and before anything is sent.

use ringfleet_core::{CallState, CampaignState, Outcome, RecipientId, Role, WorkerId, signing::Secret};
use ringfleet_store::{
    CallUpdate, ImportState, Kept, NewAgent, NewEvent, NewRecipient, NewTrunk, NewWebhook, Reject, Result,
    StoreError,
};
use serde_json::json;

use crate::support::{Db, World, at, new_agent, new_key, new_trunk, number};

const NUL: &str = "a\0b";

fn refused<T: std::fmt::Debug>(what: &str, answer: Result<T>) {
    assert!(matches!(answer, Err(StoreError::NulCharacter)), "{what}: {answer:?}");
}

pub async fn is_refused_everywhere(db: Db) {
    let world = World::new(&db).await;
    let workspace = world.workspace;
    let mut tx = db.store.write().await.unwrap();
    refused("workspace", tx.workspace_named(NUL, at(0)).await);
    refused("key", tx.insert_key(&new_key(workspace, Role::Member, NUL, b"hash"), at(0)).await);
    let agents = [
        NewAgent { name: NUL.into(), ..new_agent("a") },
        NewAgent { greeting: Some(NUL.into()), ..new_agent("a") },
        NewAgent { voice: json!({"deep": [NUL]}), ..new_agent("a") },
        NewAgent { llm: json!({NUL: 1}), ..new_agent("a") },
    ];
    for agent in agents {
        refused("agent", tx.insert_agent(workspace, agent, at(0)).await);
    }
    let trunk = NewTrunk { caller_id: Some(NUL.into()), ..new_trunk("t") };
    refused("trunk", tx.insert_trunk(workspace, trunk, at(0)).await);
    let mut campaign = World::new_campaign(world.agent, world.trunk);
    campaign.settings.name = NUL.into();
    refused("campaign", tx.insert_campaign(workspace, campaign, at(0)).await);
    refused("reason", tx.set_campaign_state(world.campaign, CampaignState::Failed, Some(NUL), at(0)).await);
    let good = NewRecipient { number: number(1), variables: json!({}).into(), timezone: None };
    for bad in [
        NewRecipient { variables: json!({"x": NUL}).into(), ..good.clone() },
        NewRecipient { timezone: Some(NUL.into()), ..good.clone() },
    ] {
        let batch = [good.clone(), NewRecipient { number: number(2), ..bad }];
        refused("recipients", tx.insert_recipients(world.campaign, 0, &batch, at(0)).await);
    }
    let mut call = world.new_call(None, at(0));
    call.metadata = json!([NUL]);
    refused("call", tx.insert_calls(std::slice::from_ref(&call), at(0)).await);
    let kept = Kept { id: call.id, worker: WorkerId::new(at(0)).uuid(), resume: json!(NUL) };
    refused("resume", tx.keep_resumes(&[kept]).await);
    let update = CallUpdate {
        id: call.id,
        state: CallState::Failed,
        hold: None,
        outcome: Some(Outcome::Failed),
        reason: NUL.into(),
        code: None,
        ended_by: None,
        heard: None,
        due_at: None,
        unsent: false,
        answered_at: None,
        ended_at: None,
    };
    refused("call update", tx.update_calls(&[update]).await);
    refused("cancel", tx.cancel_held_calls(world.campaign, NUL, at(0)).await);
    refused(
        "webhook",
        tx.insert_webhook(workspace, NewWebhook::new(NUL, &[], &Secret::new([1; 32])), at(0)).await,
    );
    let event = NewEvent {
        id: call.id,
        workspace_id: workspace.uuid(),
        event: ringfleet_core::event::EventType::SessionEnded,
        body: NUL.into(),
        traceparent: None,
    };
    refused("event", tx.insert_events(&[event], &[], at(0)).await);
    let import = tx.insert_import(workspace, world.campaign, at(0)).await.unwrap();
    let reject = Reject { line: 2, field: "to".into(), value: NUL.into(), reason: "not a number".into() };
    refused("reject", tx.insert_rejects(import, &[reject]).await);
    refused("import", tx.close_import(import, None, ImportState::Failed, Some(NUL), at(0)).await);
    // The transaction is none the worse for it.
    tx.insert_recipients(world.campaign, 0, &[good], at(0)).await.unwrap();
    tx.commit().await.unwrap();
}

pub async fn spelled_out_it_is_just_text(db: Db) {
    let world = World::new(&db).await;
    let text = r"\u0000 \\u0000 \0";
    let new = NewRecipient {
        number: number(1),
        variables: json!({text: text}).into(),
        timezone: Some(text.into()),
    };
    let agent = NewAgent { voice: json!(text), ..new_agent(text) };
    let made = db
        .write(async |tx| {
            tx.insert_recipients(world.campaign, 0, std::slice::from_ref(&new), at(0)).await?;
            tx.insert_agent(world.workspace, agent, at(0)).await
        })
        .await;
    let found = db
        .read(async |tx| tx.recipients(world.campaign, Default::default(), crate::support::all()).await)
        .await;
    assert_eq!((&found[0].variables, &found[0].timezone), (&new.variables.value(), &new.timezone));
    let same = db.read(async |tx| tx.agent(world.workspace, made.id).await).await;
    assert_eq!(same, Some(made));
    let none = db.read(async |tx| tx.recipient(world.campaign, RecipientId::new(at(0))).await).await;
    assert_eq!(none, None);
}
