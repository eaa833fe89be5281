//! Versions of agents: made, published, rolled back, and which of them a call is made with.

use ringfleet_core::{AgentVersion, CampaignState, WorkerId};
use ringfleet_store::NewAgent;
use uuid::Uuid;

use crate::support::{Db, World, all, at, begin, new_agent, wishes};

fn v(n: i32) -> AgentVersion {
    AgentVersion::try_from(n).unwrap()
}

pub async fn versions_are_kept_and_one_is_live(db: Db) {
    let world = World::new(&db).await;
    let (own, draft) = (world.workspace, NewAgent { published: false, ..new_agent("Draft") });
    let id = db.write(async |tx| tx.insert_agent(own, draft.clone(), at(1)).await).await.id;
    let agent = async || db.read(async |tx| tx.agent(own, id).await).await.unwrap();
    let first = agent().await;
    assert_eq!((first.live, first.latest, first.n, first.published_at), (None, v(1), v(1), None));
    assert_eq!(first.told, 0, "a draft is nothing to tell of");
    let second = NewAgent { opening_line: Some("Hello {{name}}".into()), recording: true, ..draft.clone() };
    db.write(async |tx| tx.add_agent_version(id, v(2), &second, at(2)).await).await;
    assert_eq!(agent().await.draft(), second, "none is live: the latest is shown");
    db.write(async |tx| tx.publish_agent(id, v(1), &[], at(3)).await).await;
    let live = agent().await;
    assert_eq!((live.live, live.latest, live.n), (Some(v(1)), v(2), v(1)));
    assert_eq!((live.draft(), live.published_at, live.created_at), (draft, Some(at(3)), at(1)));
    assert_eq!(live.told, 1);

    db.write(async |tx| {
        assert_eq!(tx.hold_agent(own, id).await?, Some(vec![]));
        tx.publish_agent(id, v(2), &[1], at(4)).await
    })
    .await;
    db.write(async |tx| {
        assert_eq!(tx.hold_agent(own, id).await?, Some(vec![1]));
        tx.publish_agent(id, v(1), &[], at(5)).await?;
        tx.note_rollback(id, v(2), at(5)).await
    })
    .await;
    let versions = db.read(async |tx| tx.agent_versions(own, id, None, 10).await).await;
    let seen: Vec<_> = versions.iter().map(|a| (a.n, a.published_at, a.rolled_back_at)).collect();
    assert_eq!(seen, [(v(2), Some(at(4)), Some(at(5))), (v(1), Some(at(5)), None)]);
    assert!(versions.iter().all(|version| version.told == 3), "it grows, also with a rollback");
    let published = db.write(async |tx| tx.insert_agent(own, new_agent("Asha"), at(6)).await).await;
    assert_eq!(published.told, 1, "live from the beginning");
    let page = db.read(async |tx| tx.agent_versions(own, id, Some(v(2)), 10).await).await;
    assert_eq!(page, versions[1..]);
    assert_eq!(db.read(async |tx| tx.agent_at(own, id, v(3)).await).await, None);

    let other = World::new(&db).await.workspace;
    assert_eq!(db.write(async |tx| tx.hold_agent(other, id).await).await, None);
    assert_eq!(db.read(async |tx| tx.agent_at(other, id, v(1)).await).await, None);
    assert!(db.read(async |tx| tx.agent_versions(other, id, None, 10).await).await.is_empty());
}

pub async fn an_agent_that_was_put_away_is_not_listed(db: Db) {
    let world = World::new(&db).await;
    assert!(db.read(async |tx| tx.agent_is_used(world.agent).await).await, "its campaign is a draft");
    world.set(&db, CampaignState::Cancelled).await;
    assert!(!db.read(async |tx| tx.agent_is_used(world.agent).await).await);
    db.write(async |tx| tx.archive_agent(world.agent, at(7)).await).await;
    assert!(db.read(async |tx| tx.agents(world.workspace, None, all()).await).await.is_empty());
    let found = db.read(async |tx| tx.agent(world.workspace, world.agent).await).await;
    assert_eq!(found.unwrap().archived_at, Some(at(7)));
}

pub async fn a_call_is_made_with_the_version_that_is_live_when_it_begins(db: Db) {
    let world = World::calling(&db, 2).await;
    let calls = world.queue(&db, 2).await;
    let draft = NewAgent { greeting: Some("two.wav".into()), published: false, ..new_agent("Asha") };
    let mut tried = world.new_call(None, at(0));
    tried.agent_version = Some(v(2));
    let single = ringfleet_store::NewCall { agent_version: Some(v(1)), ..world.new_call(None, at(0)) };
    db.write(async |tx| {
        tx.add_agent_version(world.agent, v(2), &draft, at(1)).await?;
        tx.insert_calls(&[tried.clone(), single.clone()], at(1)).await
    })
    .await;
    let dial = async |id: Uuid| {
        let found = db.read(async |tx| tx.dials(&[id]).await).await.remove(0);
        (found.agent_version, found.greeting)
    };
    let version = async |id: Uuid| {
        db.read(async |tx| tx.call(world.workspace, id.into()).await).await.unwrap().agent_version
    };
    let worker = WorkerId::new(at(0));
    assert_eq!(dial(calls[0].id).await, (v(1), None), "a draft gets no live traffic");
    assert_eq!(dial(tried.id).await, (v(2), Some("two.wav".into())), "but by who tries it");
    assert_eq!(version(calls[0].id).await, None);
    db.write(async |tx| begin(tx, &wishes(&calls[..1], worker), at(10)).await).await;
    assert_eq!(version(calls[0].id).await, Some(v(1)));

    db.write(async |tx| tx.publish_agent(world.agent, v(2), &[1], at(11)).await).await;
    assert_eq!(dial(calls[1].id).await, (v(2), Some("two.wav".into())), "it had not begun");
    assert_eq!(version(calls[0].id).await, Some(v(1)), "it had");
    assert_eq!(dial(calls[0].id).await, (v(1), None), "and is looked at as what it was made with");
    assert_eq!(dial(single.id).await, (v(1), None), "it was asked for before");
    let mut wish = wishes(&calls[1..], worker);
    wish[0].agent_version = v(2);
    db.write(async |tx| begin(tx, &wish, at(12)).await).await;
    assert_eq!(version(calls[1].id).await, Some(v(2)));
}
