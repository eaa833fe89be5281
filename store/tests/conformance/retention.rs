//! Rows that are forgotten after their time.

use ringfleet_core::{CallId, CampaignState, Outcome, WorkerId, caps::Stamp};
use ringfleet_store::{Address, Looked};
use serde_json::json;
use uuid::Uuid;

use crate::{
    calls::ended,
    support::{Db, World, at, number},
};

const DAY: i64 = 86_400_000;

fn may(looked: &[Looked]) -> Vec<Uuid> {
    looked.iter().filter(|one| one.may).map(|one| one.id).collect()
}

pub async fn what_is_old_is_forgotten_and_what_is_open_is_not(db: Db) {
    let world = World::calling(&db, 2).await;
    let worker = WorkerId::new(at(0));
    db.write(async |tx| tx.insert_worker(worker).await).await;
    let calls = world.ring(&db, 2, worker).await;
    let single = world.new_call(None, at(0));
    db.write(async |tx| tx.insert_calls(std::slice::from_ref(&single), at(0)).await).await;
    let over = [ended(calls[0].id, Outcome::Answered), ended(single.id, Outcome::Answered)];
    db.write(async |tx| tx.update_calls(&over).await).await;
    let old = async |ms| db.read(async |tx| tx.old_calls(at(ms), Uuid::nil(), 10).await).await;
    assert!(old(0).await.is_empty(), "none is that old");
    assert_eq!(old(DAY).await.len(), 3);
    assert_eq!(may(&old(DAY).await), [single.id], "the campaign is not over");
    world.set(&db, CampaignState::Finished).await;
    let mut forgotten = may(&old(DAY).await);
    forgotten.sort();
    let mut expected = vec![calls[0].id, single.id];
    expected.sort();
    assert_eq!(forgotten, expected, "one call is still open");

    let recipients = async |ms| db.read(async |tx| tx.old_recipients(at(ms), Uuid::nil(), 10).await).await;
    db.place.raw("UPDATE recipients SET state = 'DONE', disposition = 'REACHED'").await;
    assert_eq!(
        (recipients(DAY).await.len(), may(&recipients(DAY).await).len()),
        (2, 0),
        "their calls are known"
    );
    assert_eq!(db.write(async |tx| tx.delete_old_calls(&forgotten).await).await, 2);
    let free = may(&recipients(DAY).await);
    assert_eq!(free.len(), 1);
    assert_eq!(db.write(async |tx| tx.delete_old_recipients(&free).await).await, 1);
    assert_eq!((recipients(DAY).await.len(), old(DAY).await.len()), (1, 1));
}

pub async fn what_stands_alone_is_forgotten_by_its_age(db: Db) {
    let world = World::new(&db).await;
    let (early, late) = (CallId::new(at(0)), CallId::new(at(DAY)));
    for call in [early, late] {
        db.write(async |tx| tx.set_transcript(world.workspace, call, &json!([]), at(DAY)).await).await;
    }
    assert_eq!(db.write(async |tx| tx.forget_transcripts(at(DAY), 10).await).await, 1);
    assert_eq!(db.write(async |tx| tx.forget_transcripts(at(DAY), 10).await).await, 0);
    assert!(db.read(async |tx| tx.has_transcript(late).await).await);
    assert_eq!(db.write(async |tx| tx.forget_replies(at(DAY), 10).await).await, 0);
    assert_eq!(db.write(async |tx| tx.forget_changes(world.workspace, at(DAY), 10).await).await, 0);
    assert_eq!(db.write(async |tx| tx.forget_old_rejects(at(DAY), 10).await).await, 0);
    assert_eq!(db.write(async |tx| tx.end_old_uploads(at(DAY), at(DAY)).await).await, 0);
    assert!(db.read(async |tx| tx.all_workspaces().await).await.contains(&world.workspace.uuid()));

    let who = |n| Address { workspace: world.workspace.uuid(), number: number(n).digits() };
    let stamp = |call: CallId, ms| Stamp { call: call.uuid(), campaign: None, at: at(ms).timestamp_millis() };
    let new = [(who(1), stamp(early, 0)), (who(2), stamp(late, DAY))];
    db.write(async |tx| tx.insert_contacts(&new).await).await;
    let behind = async |after| db.read(async |tx| tx.contacts_behind(after, 1).await).await;
    let first = behind(Address { workspace: Uuid::nil(), number: 0 }).await;
    assert_eq!(first[0].address(), who(1));
    assert_eq!(behind(who(1)).await[0].address(), who(2));
    assert_eq!(db.write(async |tx| tx.delete_contacts(&[who(1)]).await).await, 1);
    assert!(behind(who(2)).await.is_empty());
}
