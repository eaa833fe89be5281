//! Which calls were recorded.

use ringfleet_core::Outcome;
use ringfleet_store::{NewRecording, Recording};
use uuid::Uuid;

use crate::{
    calls::ended,
    support::{Db, World, at},
};

pub async fn a_recording_is_noted_stored_and_forgotten(db: Db) {
    let world = World::new(&db).await;
    let (done, open) = (world.new_call(None, at(0)), world.new_call(None, at(0)));
    db.write(async |tx| tx.insert_calls(&[done.clone(), open.clone()], at(0)).await).await;
    let of = async |call: Uuid| db.read(async |tx| tx.recording(call.into()).await).await;
    let stored =
        async |call: Uuid, ms| db.write(async |tx| tx.note_stored(call.into(), 1 << 33, at(ms)).await).await;
    let calls_over = async || db.read(async |tx| tx.calls_over(&[done.id, open.id, Uuid::nil()]).await).await;
    assert!(calls_over().await.is_empty());
    assert!(!stored(done.id, 1).await, "it is not over yet");
    assert!(!stored(Uuid::nil(), 1).await, "there is no such call");
    assert_eq!(of(done.id).await, None);

    db.write(async |tx| tx.update_calls(&[ended(done.id, Outcome::Answered)]).await).await;
    assert_eq!(calls_over().await, [done.id]);
    let new = NewRecording { call_id: done.id, workspace_id: world.workspace.uuid() };
    for ms in [6, 60] {
        db.write(async |tx| tx.insert_recordings(std::slice::from_ref(&new), at(ms)).await).await;
    }
    let recording = Recording { call_id: done.id.into(), stored_at: None, bytes: None };
    assert_eq!(of(done.id).await, Some(recording.clone()));
    assert!(stored(done.id, 7).await);
    let there = Recording { stored_at: Some(at(7)), bytes: Some(1 << 33), ..recording };
    assert_eq!(of(done.id).await, Some(there.clone()));
    // A recording that nobody noted when its call was settled.
    db.write(async |tx| tx.update_calls(&[ended(open.id, Outcome::Answered)]).await).await;
    assert!(stored(open.id, 8).await);

    let old = async |ms, limit| db.read(async |tx| tx.old_recordings(at(ms), limit).await).await;
    assert!(old(6, 9).await.is_empty());
    assert_eq!(old(7, 9).await, std::slice::from_ref(&there));
    assert_eq!(old(9, 1).await, [there]);
    assert_eq!(old(9, 9).await.len(), 2);
    db.write(async |tx| tx.forget_recordings(&[done.id]).await).await;
    assert_eq!((of(done.id).await, old(9, 9).await.len()), (None, 1));
}
