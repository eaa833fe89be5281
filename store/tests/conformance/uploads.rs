//! Files in parts, who looks through them, and who brings them into campaigns.

use ringfleet_core::{ColumnMapping, Hold, ImportId, UploadId, WorkerId, terms::Due};
use ringfleet_store::{
    ImportState, NewRecipient, NewUpload, Progress, RecipientFilter, Reject, StoreError, Tx, Upload,
    UploadState, Validated, fresh_ids,
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Db, World, all, at, number};

fn somebody() -> Uuid {
    WorkerId::new(at(0)).uuid()
}

async fn begin(db: &Db, world: &World) -> UploadId {
    let new = NewUpload { filename: Some("a.csv".into()), ..NewUpload::default() };
    db.write(async |tx| tx.insert_upload(world.workspace, &new, at(0), at(1_000)).await).await
}

async fn append(db: &Db, id: UploadId, offset: u64, data: &[u8]) -> bool {
    db.write(async |tx| tx.append_part(id, offset, data).await).await
}

/// All bytes are there, and somebody is to look through them.
async fn complete(db: &Db, world: &World) -> UploadId {
    let id = begin(db, world).await;
    assert!(append(db, id, 0, b"phone\n+919800000001\n").await);
    db.write(async |tx| tx.validate_upload(id, &ColumnMapping::default()).await).await;
    id
}

/// One that has been looked through.
async fn seen(db: &Db, world: &World) -> UploadId {
    let (id, who) = (complete(db, world).await, somebody());
    let ended = db.write(async |tx| {
        tx.lease_validation(who, at(0), at(9)).await?;
        tx.end_validation(id, who, None, at(1)).await
    });
    assert!(ended.await);
    id
}

async fn get(db: &Db, world: &World, id: UploadId) -> Upload {
    db.read(async |tx| tx.upload(world.workspace, id).await).await.unwrap()
}

fn reject(line: i64) -> Reject {
    Reject { line, field: "phone".into(), value: "x".into(), reason: "bad: x".into() }
}

pub async fn what_is_kept_is_counted(db: Db) {
    let world = World::new(&db).await;
    let kept = async |world: &World| {
        let kept = db.read(async |tx| tx.kept_uploads(world.workspace).await).await;
        (kept.uploads, kept.bytes)
    };
    assert_eq!(kept(&world).await, (0, 0));
    let announced = NewUpload { bytes: Some(1 << 33), ..NewUpload::default() };
    db.write(async |tx| tx.insert_upload(world.workspace, &announced, at(0), at(9)).await).await;
    let id = begin(&db, &world).await;
    assert!(append(&db, id, 0, b"phone\n").await);
    assert_eq!(kept(&world).await, (2, (1 << 33) + 6), "what was announced, or what has come");
    assert_eq!(kept(&World::new(&db).await).await, (0, 0));
}

pub async fn parts_lie_end_to_end(db: Db) {
    let world = World::new(&db).await;
    let id = begin(&db, &world).await;
    assert!(append(&db, id, 0, b"phone\n").await);
    assert!(!append(&db, id, 0, b"again").await, "these bytes are there");
    assert!(!append(&db, id, 7, b"gap").await, "a byte is missing");
    assert!(append(&db, id, 6, &[0, 255, 10]).await);
    let upload = get(&db, &world, id).await;
    assert_eq!((upload.received, upload.state, upload.bytes), (9, UploadState::Receiving, None));
    let part = async |start| db.read(async |tx| tx.upload_part(id, start).await).await;
    assert_eq!(part(0).await, Some(b"phone\n".to_vec()));
    assert_eq!(part(6).await, Some(vec![0, 255, 10]));
    assert_eq!((part(5).await, part(9).await), (None, None));
    let mapping = ColumnMapping { number: Some("phone".into()), ..ColumnMapping::default() };
    db.write(async |tx| tx.validate_upload(id, &mapping).await).await;
    assert!(!append(&db, id, 9, b"late").await, "all bytes are there");
    let upload = get(&db, &world, id).await;
    assert_eq!((upload.bytes, upload.state, upload.mapping), (Some(9), UploadState::Validating, mapping));
    let listed = db.read(async |tx| tx.uploads(world.workspace, all()).await).await;
    assert_eq!(listed.iter().map(|upload| upload.id).collect::<Vec<_>>(), [id]);
    let foreign = World::new(&db).await;
    assert_eq!(db.read(async |tx| tx.upload(foreign.workspace, id).await).await, None);
}

pub async fn one_looks_through_an_upload_at_a_time(db: Db) {
    let world = World::new(&db).await;
    begin(&db, &world).await; // not complete: nobody's business
    let id = complete(&db, &world).await;
    let lease = async |who, now, until| {
        let leased = db.write(async |tx| tx.lease_validation(who, at(now), at(until)).await).await;
        leased.map(|upload| upload.id)
    };
    let note = async |who, rejected: u64| {
        let found = Validated { bytes: 9, rows: 5, rejected };
        db.write(async |tx| tx.note_validation(id, who, found, at(200)).await).await
    };
    let (one, two) = (somebody(), somebody());
    assert_eq!(lease(one, 0, 100).await, Some(id));
    assert_eq!(lease(two, 99, 200).await, None, "it is held");
    assert!(note(one, 1).await && note(one, 0).await);
    db.write(async |tx| tx.insert_upload_rejects(id, &[reject(3), reject(2)]).await).await;
    let upload = get(&db, &world, id).await;
    assert_eq!((upload.bytes_read, upload.rows_read, upload.rejected), (9, 10, 1));
    assert_eq!(lease(two, 150, 300).await, None, "a note renews it");
    assert_eq!(lease(two, 200, 300).await, Some(id), "the other one is silent");
    let upload = get(&db, &world, id).await;
    assert_eq!((upload.bytes_read, upload.rows_read, upload.rejected), (0, 0, 0), "counted anew");
    assert_eq!(db.read(async |tx| tx.upload_rejects(id, 0, 9).await).await, []);
    assert!(!note(one, 9).await, "no longer his");
    assert!(!db.write(async |tx| tx.end_validation(id, one, None, at(210)).await).await);
    db.write(async |tx| tx.set_columns(id, two, &["phone".into()], Some(&ColumnMapping::default())).await)
        .await;
    db.write(async |tx| tx.insert_upload_rejects(id, &[reject(3), reject(2), reject(9)]).await).await;
    assert!(db.write(async |tx| tx.end_validation(id, two, Some("why"), at(220)).await).await);
    let upload = get(&db, &world, id).await;
    assert_eq!((upload.state, upload.error.as_deref()), (UploadState::Failed, Some("why")));
    assert_eq!((upload.validated_at, upload.columns), (Some(at(220)), vec!["phone".to_owned()]));
    assert_eq!(upload.mapped, Some(ColumnMapping::default()));
    assert_eq!(lease(one, 9_999, 10_000).await, None, "it is over");
    let page = async |after, limit| {
        let found = db.read(async |tx| tx.upload_rejects(id, after, limit).await).await;
        found.iter().map(|reject| reject.line).collect::<Vec<_>>()
    };
    assert_eq!((page(0, 2).await, page(3, 2).await), (vec![2, 3], vec![9]));
}

pub async fn an_upload_counts_what_it_tells(db: Db) {
    let world = World::new(&db).await;
    let (id, other) = (complete(&db, &world).await, complete(&db, &world).await);
    let count = async |id| db.write(async |tx| tx.count_upload_told(id).await).await;
    assert_eq!(get(&db, &world, id).await.told, 0);
    assert_eq!(count(id).await.unwrap().told, 1);
    // Whatever begins anew, its numbers do not.
    db.write(async |tx| tx.validate_upload(id, &ColumnMapping::default()).await).await;
    db.write(async |tx| tx.lease_validation(somebody(), at(0), at(9)).await).await;
    let told = count(id).await.unwrap();
    assert_eq!((told.told, &told), (2, &get(&db, &world, id).await));
    assert_eq!(count(other).await.unwrap().told, 1, "each has its own");
    db.write(async |tx| tx.delete_upload(id).await).await;
    assert_eq!(count(id).await, None);
}

async fn fill(db: &Db, world: &World, upload: UploadId) -> ImportId {
    db.write(async |tx| tx.insert_filling(world.workspace, world.campaign, upload, at(0)).await).await
}

pub async fn one_brings_a_file_into_a_campaign_at_a_time(db: Db) {
    let world = World::new(&db).await;
    let upload = complete(&db, &world).await;
    let import = fill(&db, &world, upload).await;
    let lease = async |who, now, until| {
        let leased = db.write(async |tx| tx.lease_filling(who, at(now), at(until)).await).await;
        leased.map(|filling| (filling.id, filling.workspace_id, filling.campaign_id, filling.upload_id))
    };
    let (one, two) = (somebody(), somebody());
    assert_eq!(lease(one, 0, 100).await, None, "the upload is being looked through");
    db.write(async |tx| {
        tx.lease_validation(one, at(0), at(9)).await?;
        tx.end_validation(upload, one, None, at(1)).await
    })
    .await;
    assert_eq!(lease(one, 0, 100).await, Some((import, world.workspace, world.campaign, upload)));
    assert_eq!(lease(two, 99, 200).await, None, "it is held");
    assert!(db.write(async |tx| tx.renew_filling(import, one, at(150)).await).await);
    assert_eq!(lease(two, 149, 200).await, None, "it is renewed");
    assert!(lease(two, 150, 200).await.is_some(), "the other one is silent");
    assert!(!db.write(async |tx| tx.renew_filling(import, one, at(999)).await).await);
    let read = Progress { rows: 3, accepted: 2, rejected: 1 };
    let progress =
        async |who| db.write(async |tx| tx.progress_import(import, Some(who), read, at(160)).await).await;
    assert!(!progress(one).await, "no longer his");
    assert!(progress(two).await && progress(two).await);
    let found = db.read(async |tx| tx.import(world.workspace, import).await).await.unwrap();
    assert_eq!((found.rows_read, found.accepted, found.rejected), (6, 4, 2));
    assert_eq!(found.upload_id, Some(upload));
    assert_eq!(
        db.write(async |tx| tx.fail_stalled_imports(at(9_999), at(9_999)).await).await,
        0,
        "it goes on"
    );
    assert!(db.read(async |tx| tx.is_upload_in_use(upload).await).await);
}

pub async fn only_who_holds_a_filling_closes_it(db: Db) {
    let world = World::new(&db).await;
    let import = fill(&db, &world, seen(&db, &world).await).await;
    let (one, two) = (somebody(), somebody());
    for (who, now) in [(one, 0), (two, 10)] {
        db.write(async |tx| tx.lease_filling(who, at(now), at(now + 5)).await).await.unwrap();
    }
    let close = async |who, state| {
        db.write(async |tx| tx.close_import(import, Some(who), state, None, at(11)).await).await
    };
    assert!(!close(one, ImportState::Failed).await, "no longer his");
    assert!(close(two, ImportState::Finished).await);
    let found = db.read(async |tx| tx.import(world.workspace, import).await).await.unwrap();
    assert_eq!(found.state, ImportState::Finished);
}

pub async fn workspaces_take_turns_in_filling(db: Db) {
    let (many, few) = (World::new(&db).await, World::new(&db).await);
    let file = seen(&db, &many).await;
    let (mut all, later) = (Vec::new(), seen(&db, &few).await);
    for (n, (world, upload)) in (0..).zip([(&many, file), (&many, file), (&many, file), (&few, later)]) {
        let insert =
            async |tx: &mut Tx| tx.insert_filling(world.workspace, world.campaign, upload, at(n)).await;
        all.push(db.write(insert).await);
    }
    let lease = async |now| {
        let who = somebody();
        let leased = db.write(async |tx| tx.lease_filling(who, at(now), at(now + 50)).await).await;
        leased.map(|filling| filling.id)
    };
    assert_eq!((lease(0).await, lease(1).await), (Some(all[0]), Some(all[3])), "one of each at a time");
    db.write(async |tx| tx.close_import(all[0], None, ImportState::Finished, None, at(9)).await).await;
    assert_eq!(lease(100).await, Some(all[3]), "whose turn was not yet: the other one has had one");
    assert_eq!((lease(101).await, lease(102).await, lease(103).await), (Some(all[1]), Some(all[2]), None));
}

pub async fn portions_are_noted_once(db: Db) {
    let world = World::new(&db).await;
    let import = fill(&db, &world, complete(&db, &world).await).await;
    let note = async |first, last| db.write(async |tx| tx.note_portion(import, first, last).await).await;
    assert!(note(11, 20).await && note(1, 10).await);
    assert!(!note(11, 15).await, "it is in");
    let portions = db.read(async |tx| tx.portions(import).await).await;
    assert_eq!(portions.iter().map(|portion| portion.rows()).collect::<Vec<_>>(), [1..=10, 11..=20]);
    db.write(async |tx| tx.forget_portions(import).await).await;
    assert_eq!(db.read(async |tx| tx.portions(import).await).await, []);
}

pub async fn unused_ones_are_forgotten(db: Db) {
    let world = World::new(&db).await;
    let (unused, used, kept) =
        (complete(&db, &world).await, complete(&db, &world).await, complete(&db, &world).await);
    db.write(async |tx| tx.insert_upload_rejects(unused, &[reject(2)]).await).await;
    let import = fill(&db, &world, used).await;
    db.write(async |tx| tx.set_upload_expiry(kept, at(5_000)).await).await;
    let expire = async |now| db.write(async |tx| tx.expire_upload(at(now)).await).await;
    assert!(!expire(999).await, "not before its time");
    assert!(expire(1_000).await && !expire(1_000).await, "one is used, one is kept");
    assert_eq!(db.read(async |tx| tx.upload(world.workspace, unused).await).await, None);
    assert_eq!(db.read(async |tx| tx.upload_part(unused, 0).await).await, None);
    assert_eq!(db.read(async |tx| tx.upload_rejects(unused, 0, 9).await).await, []);
    db.write(async |tx| tx.close_import(import, None, ImportState::Finished, None, at(1)).await).await;
    assert!(expire(1_000).await, "its import is over");
    db.write(async |tx| tx.delete_upload(kept).await).await;
    assert_eq!(db.read(async |tx| tx.upload(world.workspace, kept).await).await, None);
    assert!(db.read(async |tx| tx.import(world.workspace, import).await).await.is_some(), "it is remembered");
}

/// What a load has to bring over as it is.
fn odd_recipients() -> (Vec<NewRecipient>, Vec<Due>) {
    let new = |n, variables: Value, timezone: Option<&str>| NewRecipient {
        number: number(n),
        variables: variables.into(),
        timezone: timezone.map(str::to_owned),
    };
    let due = |ms, hold, ready_at| Due { at: at(ms), hold, ready_at };
    (
        vec![
            new(9, json!({}), None),
            new(
                1,
                json!({"a": "O'Neill \"the\" \\ \n\t\u{1F600}", "n": [1, null, {"b": 2.5}]}),
                Some("Asia/Kolkata"),
            ),
            new(5, json!({"u": "\\u0000 as text"}), Some("")),
        ],
        vec![
            due(0, None, None),
            due(60_000, Some(Hold::Window), Some(at(1))),
            due(-7_000_000_000_001, None, None),
        ],
    )
}

pub async fn a_load_brings_all_over_as_an_insert_does(db: Db) {
    let (loaded, inserted) = (World::new(&db).await, World::new(&db).await);
    let (new, due) = odd_recipients();
    let load = fresh_ids(3, at(0));
    db.write(async |tx| tx.load_recipients(&load, loaded.campaign, 2, &new, &due, at(3)).await).await;
    let insert = fresh_ids(3, at(0));
    db.write(async |tx| tx.insert_recipients_as(&insert, inserted.campaign, 2, &new, &due, at(3)).await)
        .await;
    let listed = async |world: &World| {
        let found =
            db.read(async |tx| tx.recipients(world.campaign, RecipientFilter::default(), all()).await).await;
        let mut plain: Vec<String> = found
            .into_iter()
            .map(|mut recipient| {
                (recipient.id, recipient.campaign_id) = (load[0], loaded.campaign);
                format!("{recipient:?}")
            })
            .collect();
        plain.sort();
        plain
    };
    assert_eq!(listed(&loaded).await, listed(&inserted).await);
    assert_eq!(listed(&loaded).await.len(), 3);
    let waiting = async |world: &World, ms| {
        db.write(async |tx| tx.due_recipients(world.campaign, 2, 9, at(ms)).await).await.len()
    };
    assert_eq!((waiting(&loaded, 0).await, waiting(&loaded, 60_000).await), (2, 3), "they can be claimed");
}

pub async fn a_load_fails_over_a_known_number(db: Db) {
    let world = World::new(&db).await;
    world.fill(&db, 5..6).await;
    let (new, due) = odd_recipients();
    let mut tx = db.store.write().await.unwrap();
    let loaded = tx.load_recipients(&fresh_ids(3, at(0)), world.campaign, 0, &new, &due, at(3)).await;
    assert!(matches!(&loaded, Err(StoreError::Duplicate(_))), "{loaded:?}");
    drop(tx);
    let numbers: Vec<_> = [1, 5, 9].map(number).into();
    let known = db.read(async |tx| tx.numbers_in(world.campaign, &numbers).await).await;
    assert_eq!(known, [number(5)], "nothing of it has happened");
    assert_eq!(db.read(async |tx| tx.numbers_in(world.campaign, &[]).await).await, []);
    for bad in [json!({"a": "\0"}), json!({"\0": 1})] {
        let new = [NewRecipient { number: number(7), variables: bad.into(), timezone: None }];
        let mut tx = db.store.write().await.unwrap();
        let loaded =
            tx.load_recipients(&fresh_ids(1, at(0)), world.campaign, 0, &new, &due[..1], at(3)).await;
        assert!(matches!(loaded, Err(StoreError::NulCharacter)), "{loaded:?}");
    }
}
