//! Files that come in parts, are looked through, and fill campaigns whoever dies meanwhile.

use std::{collections::BTreeMap, sync::Arc};

use ringfleet_core::{CampaignAction, ColumnMapping, ShiftedClock, UploadId, delivery::RetrySchedule};
use ringfleet_engine::{
    Engine, EngineError, Receipt,
    uploads::{Appended, MOST_BYTES},
};
use ringfleet_fleet::Fleet;
use ringfleet_store::{Import, ImportState, NewUpload, Upload, UploadState};
use serde_json::json;

use crate::world::World;

/// An upload with all of its bytes, sent in parts of `part` bytes.
async fn uploaded(world: &World, file: &str, new: NewUpload, part: usize) -> UploadId {
    let id = world.engine.begin_upload(world.workspace, &new, Receipt::none()).await.unwrap().id;
    let mut offset = 0;
    for part in file.as_bytes().chunks(part) {
        let kept = world.engine.append_upload(world.workspace, id, offset, part).await.unwrap();
        assert_eq!(kept, Appended::Kept);
        offset += part.len() as u64;
    }
    let upload = world.engine.complete_upload(world.workspace, id, true, Receipt::none()).await.unwrap();
    assert_eq!((upload.state, upload.received), (UploadState::Validating, file.len() as i64));
    id
}

async fn looked_through(world: &World, id: UploadId) -> Upload {
    assert!(world.engine.validate_next_upload().await.unwrap(), "there is something to do");
    assert!(!world.engine.validate_next_upload().await.unwrap(), "and that was all");
    let mut tx = world.engine.store().read().await.unwrap();
    tx.upload(world.workspace, id).await.unwrap().unwrap()
}

/// READY, in one go.
async fn ready(world: &World, file: &str) -> UploadId {
    let id = uploaded(world, file, NewUpload::default(), 1 << 20).await;
    let upload = looked_through(world, id).await;
    assert_eq!((upload.state, upload.error), (UploadState::Ready, None));
    id
}

async fn import(world: &World, import: &Import) -> Import {
    let mut tx = world.engine.store().read().await.unwrap();
    tx.import(world.workspace, import.id).await.unwrap().unwrap()
}

fn list(rows: u64) -> String {
    (0..rows).fold("phone,name\n".to_owned(), |list, n| list + &format!("+49151{n:08},N{n}\n"))
}

/// Another process, whose clock is ahead: what others have leased has run out for it.
fn a_minute_later(world: &World) -> Engine {
    let clock = ShiftedClock::default();
    clock.shift_to(60_000);
    Engine::new(world.engine.store().clone(), Fleet::in_process(), Arc::new(clock), RetrySchedule::default())
}

#[tokio::test]
async fn a_file_in_parts_is_looked_through_as_an_import_would() {
    let world = World::new().await;
    let file = "\u{feff}Phone;Name;tz\n+919876543210;Ana;Asia/Kolkata\nnonsense;Bo;\n\n+919876543210;Cy;\n+14155550100;D;nowhere\n+14155550101;E;";
    let id = uploaded(&world, file, NewUpload::default(), 7).await;
    let upload = looked_through(&world, id).await;
    assert_eq!((upload.state, upload.error), (UploadState::Ready, None));
    assert_eq!((upload.rows_read, upload.rejected), (5, 3));
    assert_eq!((upload.bytes_read, upload.bytes), (file.len() as i64, Some(file.len() as i64)));
    assert_eq!(upload.columns, ["Phone", "Name", "tz"]);
    let mapped = upload.mapped.unwrap();
    assert_eq!((mapped.number.as_deref(), mapped.timezone.as_deref()), (Some("Phone"), Some("tz")));
    let mut tx = world.engine.store().read().await.unwrap();
    let rejects = tx.upload_rejects(id, 0, 10).await.unwrap();
    drop(tx);
    let told: Vec<(i64, &str)> =
        rejects.iter().map(|r| (r.line, r.reason.split(':').next().unwrap())).collect();
    assert_eq!(told, [(3, "not_a_number"), (5, "duplicate_in_file"), (6, "bad_timezone")]);
    let rows = world.engine.preview_upload(world.workspace, id, None).await.unwrap().rows;
    assert_eq!(rows.iter().map(|row| row.line).collect::<Vec<_>>(), [2, 3, 5, 6, 7]);
    let (number, variables, zones) = rows[0].row.as_ref().unwrap();
    assert_eq!((number.to_string().as_str(), variables), ("+919876543210", &json!({"Name": "Ana"})));
    assert_eq!(zones, &["Asia/Kolkata"]);
    assert_eq!(rows[1].row.as_ref().unwrap_err().line, 3);
}

#[tokio::test]
async fn a_preview_has_the_first_hundred_rows() {
    let world = World::new().await;
    let id = ready(&world, &list(5_000)).await;
    let rows = world.engine.preview_upload(world.workspace, id, None).await.unwrap().rows;
    assert_eq!(rows.len(), 100);
    assert_eq!((rows[0].line, rows[99].line), (2, 101));
}

#[tokio::test]
async fn parts_go_where_the_last_one_ended_and_nowhere_else() {
    let world = World::new().await;
    let new = NewUpload { bytes: Some(10), ..NewUpload::default() };
    let id = world.engine.begin_upload(world.workspace, &new, Receipt::none()).await.unwrap().id;
    let append = |offset, data: &'static [u8]| world.engine.append_upload(world.workspace, id, offset, data);
    assert_eq!(append(0, b"phone").await.unwrap(), Appended::Kept);
    assert_eq!(append(0, b"phone").await.unwrap(), Appended::Offset(5));
    assert_eq!(append(6, b"").await.unwrap(), Appended::Offset(5));
    let error = append(5, b"\n+4915").await.unwrap_err();
    assert_eq!(error.to_string(), "data: the upload takes 10 bytes, and these would be more");
    let error = world.engine.complete_upload(world.workspace, id, true, Receipt::none()).await.unwrap_err();
    assert!(matches!(error, EngineError::Conflict { code: "UPLOAD_INCOMPLETE", .. }), "{error:?}");
    assert!(!world.engine.validate_next_upload().await.unwrap(), "bytes are missing");
    let refused =
        world.engine.import_upload(world.workspace, world.campaign, id, Receipt::none()).await.unwrap_err();
    assert!(matches!(refused, EngineError::Conflict { code: "UPLOAD_INCOMPLETE", .. }), "{refused:?}");
    assert_eq!(append(5, b"\n+491").await.unwrap(), Appended::Kept);
    // The last byte ends it, whether or not anybody says so.
    world.engine.complete_upload(world.workspace, id, false, Receipt::none()).await.unwrap();
    assert_eq!(append(10, b"").await.unwrap(), Appended::Closed(UploadState::Validating));
    let new = NewUpload { bytes: Some(MOST_BYTES + 1), ..NewUpload::default() };
    let error = world.engine.begin_upload(world.workspace, &new, Receipt::none()).await.unwrap_err();
    assert!(error.to_string().starts_with("bytes: "), "{error}");
}

#[tokio::test]
async fn a_workspace_keeps_so_many_bytes_and_uploads() {
    let world = World::new().await;
    let begin = async |bytes| {
        let new = NewUpload { bytes, ..NewUpload::default() };
        world.engine.begin_upload(world.workspace, &new, Receipt::none()).await.map(|upload| upload.id)
    };
    let is_full =
        |error: &EngineError| matches!(error, EngineError::Conflict { code: "TOO_MANY_UPLOADS", .. });
    let unknown = begin(None).await.unwrap();
    for _ in 0..19 {
        begin(Some(MOST_BYTES)).await.unwrap();
    }
    // What was announced counts, whether or not it is there.
    let last = begin(Some(MOST_BYTES - 5)).await.unwrap();
    assert!(is_full(&begin(Some(6)).await.unwrap_err()));
    let append =
        |offset, data: &'static [u8]| world.engine.append_upload(world.workspace, unknown, offset, data);
    assert_eq!(append(0, b"phone").await.unwrap(), Appended::Kept);
    assert!(is_full(&append(5, b"\n").await.unwrap_err()), "nobody knew how long it would be");
    world.engine.delete_upload(world.workspace, last, Receipt::none()).await.unwrap();
    assert_eq!(append(5, b"\n").await.unwrap(), Appended::Kept);
    for _ in 20..200 {
        begin(None).await.unwrap();
    }
    assert!(is_full(&begin(None).await.unwrap_err()), "there are 200");
}

#[tokio::test]
async fn what_has_arrived_is_compared_with_what_was_sent() {
    let world = World::new().await;
    let hash = |hash: &str| NewUpload { sha256: Some(hash.into()), ..NewUpload::default() };
    // printf 'phone\n+919876543210' | sha256sum
    let right = "C335A7EEDB0285885DD58EBD25345292D8EC4761A2B73DC182EE177E61E769BC";
    let id = uploaded(&world, "phone\n+919876543210", hash(right), 3).await;
    assert_eq!(looked_through(&world, id).await.state, UploadState::Ready);
    let id = uploaded(&world, "phone\n+919876543211", hash(right), 3).await;
    let upload = looked_through(&world, id).await;
    assert_eq!(upload.state, UploadState::Failed);
    assert!(upload.error.unwrap().starts_with("sha256: what has arrived has the SHA-256 "));
}

#[tokio::test]
async fn a_file_that_is_not_understood_shows_its_columns_and_is_read_again_with_a_mapping() {
    let world = World::new().await;
    let id =
        uploaded(&world, "wer,wo,was,x\n+4915111111111,Europe/Rome,Brot,1\n", NewUpload::default(), 99).await;
    let upload = looked_through(&world, id).await;
    assert_eq!((upload.state, upload.mapped), (UploadState::Failed, None));
    assert!(upload.error.unwrap().contains("no phone column among \"wer\""));
    assert_eq!(upload.columns, ["wer", "wo", "was", "x"]);
    let refused =
        world.engine.import_upload(world.workspace, world.campaign, id, Receipt::none()).await.unwrap_err();
    assert!(matches!(refused, EngineError::Conflict { code: "UPLOAD_FAILED", .. }), "{refused:?}");
    let mapping = ColumnMapping {
        number: Some("WER".into()),
        timezone: Some("wo".into()),
        rename: BTreeMap::from([("was".into(), "product".into())]),
        ignore: vec!["x".into()],
    };
    for (mapping, field) in [
        (ColumnMapping { ignore: vec!["nothing".into()], ..mapping.clone() }, "mapping.ignore"),
        (ColumnMapping { timezone: Some("nothing".into()), ..mapping.clone() }, "mapping.timezone"),
        (ColumnMapping { number: Some("nothing".into()), ..mapping.clone() }, "column"),
        (
            ColumnMapping {
                rename: BTreeMap::from([("was".into(), "x".into())]),
                ignore: vec![],
                ..mapping.clone()
            },
            "mapping.rename",
        ),
    ] {
        // Its columns are known: a mapping that does not fit them is refused at once.
        let refused =
            world.engine.map_upload(world.workspace, id, &mapping, Receipt::none()).await.unwrap_err();
        assert!(matches!(&refused, EngineError::Invalid { field: of, .. } if of == field), "{refused:?}");
        let new = NewUpload { mapping, ..NewUpload::default() };
        let id = uploaded(&world, "wer,wo,was,x\n+4915111111111,Europe/Rome,Brot,1\n", new, 99).await;
        let error = looked_through(&world, id).await.error.unwrap();
        assert!(error.starts_with(&format!("{field}: ")), "{error}");
    }
    world.engine.map_upload(world.workspace, id, &mapping, Receipt::none()).await.unwrap();
    let upload = looked_through(&world, id).await;
    assert_eq!((upload.state, upload.error, upload.rows_read), (UploadState::Ready, None, 1));
    world.engine.import_upload(world.workspace, world.campaign, id, Receipt::none()).await.unwrap();
    assert!(world.engine.fill_next().await.unwrap());
    let recipient = world.recipients(world.campaign).await.remove(0);
    assert_eq!(recipient.variables, json!({"product": "Brot"}));
    assert_eq!(recipient.timezone.as_deref(), Some("Europe/Rome"));
}

#[tokio::test]
async fn a_campaign_is_filled_once_its_upload_has_been_looked_through() {
    let world = World::new().await;
    let file = list(2_500) + "nonsense,x\n+4915100000007,again\n";
    let id = uploaded(&world, &file, NewUpload::default(), 1 << 20).await;
    let ordered =
        world.engine.import_upload(world.workspace, world.campaign, id, Receipt::none()).await.unwrap();
    assert_eq!((ordered.state, ordered.upload_id), (ImportState::Running, Some(id)));
    assert!(!world.engine.fill_next().await.unwrap(), "not before the upload is READY");
    let start = || world.engine.act(world.workspace, world.campaign, CampaignAction::Start, None);
    let refused = start().await.unwrap_err();
    assert!(matches!(refused, EngineError::Conflict { code: "IMPORT_RUNNING", .. }), "{refused:?}");
    let refused = world.engine.delete_upload(world.workspace, id, Receipt::none()).await.unwrap_err();
    assert!(matches!(refused, EngineError::Conflict { code: "UPLOAD_IN_USE", .. }), "{refused:?}");
    looked_through(&world, id).await;
    assert!(world.engine.fill_next().await.unwrap());
    assert!(!world.engine.fill_next().await.unwrap(), "and that was all");
    let done = import(&world, &ordered).await;
    assert_eq!(
        (done.state, done.rows_read, done.accepted, done.rejected),
        (ImportState::Finished, 2_502, 2_500, 2)
    );
    assert_eq!(world.total().await, 2_500);
    let told: Vec<i64> = world.rejects(&done).await.iter().map(|reject| reject.line).collect();
    assert_eq!(told, [2_502, 2_503]);
    // The same again into the same campaign: all are there.
    let again =
        world.engine.import_upload(world.workspace, world.campaign, id, Receipt::none()).await.unwrap();
    assert!(world.engine.fill_next().await.unwrap());
    let again = import(&world, &again).await;
    assert_eq!((again.accepted, again.rejected), (0, 2_502));
    start().await.unwrap();
    world.engine.delete_upload(world.workspace, id, Receipt::none()).await.unwrap();
}

#[tokio::test]
async fn an_import_goes_on_where_a_killed_process_left_it() {
    let world = World::new().await;
    // Of a number that comes again, the first row counts: also where it was brought in by somebody who is dead.
    let id = ready(&world, &(list(6_000) + "+4915100000003,again\n")).await;
    let ordered =
        world.engine.import_upload(world.workspace, world.campaign, id, Receipt::none()).await.unwrap();
    let killed = async {
        while world.total().await < 1_000 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        done = world.engine.fill_next() => panic!("it was to be killed on its way: {done:?}"),
        () = killed => {}
    }
    let before = import(&world, &ordered).await;
    assert_eq!((before.state, before.accepted as u64), (ImportState::Running, world.total().await));
    assert!((1_000..6_000).contains(&before.accepted), "{}", before.accepted);
    assert!(!world.engine.fill_next().await.unwrap(), "the dead one's lease has not run out");
    assert!(a_minute_later(&world).fill_next().await.unwrap());
    let done = import(&world, &ordered).await;
    assert_eq!((done.state, done.accepted, done.rejected), (ImportState::Finished, 6_000, 1));
    assert_eq!(world.total().await, 6_000);
    assert!(world.rejects(&done).await[0].reason.starts_with("duplicate_in_file"));
}

#[tokio::test]
async fn a_look_through_begins_anew_after_a_killed_process() {
    let world = World::new().await;
    let id = uploaded(&world, &(list(2_000) + "nonsense,x\n"), NewUpload::default(), 1 << 20).await;
    let now = world.engine.clock().now();
    let mut tx = world.engine.store().write().await.unwrap();
    let lease = ringfleet_core::WorkerId::new(now).uuid();
    tx.lease_validation(lease, now, now + chrono::Duration::seconds(15)).await.unwrap().unwrap();
    let found = ringfleet_store::Validated { bytes: 1, rows: 77, rejected: 7 };
    assert!(tx.note_validation(id, lease, found, now + chrono::Duration::seconds(15)).await.unwrap());
    tx.commit().await.unwrap();
    assert!(!world.engine.validate_next_upload().await.unwrap(), "somebody is at it");
    assert!(a_minute_later(&world).validate_next_upload().await.unwrap());
    let mut tx = world.engine.store().read().await.unwrap();
    let upload = tx.upload(world.workspace, id).await.unwrap().unwrap();
    assert_eq!((upload.state, upload.rows_read, upload.rejected), (UploadState::Ready, 2_001, 1));
}

#[tokio::test]
async fn an_import_into_a_cancelled_campaign_fails() {
    let world = World::new().await;
    let id = ready(&world, &list(10)).await;
    let ordered =
        world.engine.import_upload(world.workspace, world.campaign, id, Receipt::none()).await.unwrap();
    world.engine.act(world.workspace, world.campaign, CampaignAction::Cancel, None).await.unwrap();
    assert!(world.engine.fill_next().await.unwrap());
    let done = import(&world, &ordered).await;
    assert_eq!((done.state, done.accepted), (ImportState::Failed, 0));
    assert!(done.error.is_some());
    let refused =
        world.engine.import_upload(world.workspace, world.campaign, id, Receipt::none()).await.unwrap_err();
    assert!(matches!(refused, EngineError::WrongState(_)), "{refused:?}");
}

#[tokio::test]
async fn an_upload_that_nobody_used_is_forgotten_after_a_week() {
    let world = World::new().await;
    let id = ready(&world, &list(10)).await;
    assert_eq!(world.engine.expire_uploads().await.unwrap(), 0);
    let clock = ShiftedClock::default();
    clock.shift_to(chrono::Duration::days(8).num_milliseconds());
    let later = Engine::new(
        world.engine.store().clone(),
        Fleet::in_process(),
        Arc::new(clock),
        RetrySchedule::default(),
    );
    assert_eq!(later.expire_uploads().await.unwrap(), 1);
    let gone = world.engine.preview_upload(world.workspace, id, None).await.unwrap_err();
    assert!(matches!(gone, EngineError::NotFound("upload")), "{gone:?}");
}
