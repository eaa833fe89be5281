//! Uploads that break, campaigns that change meanwhile, and several imports at once.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use ringfleet_core::{CampaignAction, Clock, SystemClock, WorkspaceId};
use ringfleet_engine::{EngineError, Receipt, import::ImportOptions};
use ringfleet_store::{Import, ImportState};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, ReadBuf};

use crate::world::World;

/// A client that goes away.
struct Broken;

impl AsyncRead for Broken {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Err(io::Error::new(io::ErrorKind::ConnectionReset, "connection reset")))
    }
}

fn list(first: u64, rows: u64) -> String {
    (first..first + rows).fold("phone\n".to_owned(), |list, n| list + &format!("+49151{n:08}\n"))
}

/// Asks until the answer is yes.
async fn until(what: &str, mut question: impl AsyncFnMut() -> bool) {
    let wait = async {
        while !question().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), wait).await.unwrap_or_else(|_| panic!("in vain: {what}"));
}

/// An import that has stored some rows and waits for more.
struct Underway {
    client: tokio::io::DuplexStream,
    task: tokio::task::JoinHandle<ringfleet_engine::Result<Import>>,
}

impl Underway {
    async fn begin(world: &World) -> Self {
        let (mut client, reader) = tokio::io::duplex(4096);
        let (engine, workspace, campaign) = (world.engine.clone(), world.workspace, world.campaign);
        let options = ImportOptions::default();
        let task = tokio::spawn(async move {
            engine.import(workspace, campaign, reader, options, Receipt::none()).await
        });
        client.write_all(list(0, 3000).as_bytes()).await.unwrap();
        until("recipients appear", async || world.total().await >= 1000).await;
        Self { client, task }
    }

    /// Sends rows for as long as somebody takes them.
    async fn end(mut self) -> ringfleet_engine::Result<Import> {
        let more = list(10_000, 3000).split_off("phone\n".len());
        let sent = self.client.write_all(more.as_bytes()).await;
        drop(self.client);
        let result = self.task.await.unwrap();
        assert!(result.is_err() || sent.is_ok(), "rows were not taken: {sent:?}");
        result
    }
}

#[tokio::test]
async fn an_upload_that_breaks_keeps_the_rows_that_were_complete() {
    let world = World::new().await;
    // The last row may be the beginning of a longer number.
    let file = list(0, 2500) + "+4915199999";
    let error = world.import(io::Cursor::new(file).chain(Broken)).await.unwrap_err();
    assert!(matches!(&error, EngineError::BrokenUpload(_)), "{error:?}");
    let text = "the upload broke off: connection reset";
    assert_eq!(error.to_string(), text);
    assert_eq!(world.only_import().await, ("FAILED".into(), Some(text.into()), 2500, 2500));
    assert_eq!(world.total().await, 2500);
    world.engine.act(world.workspace, world.campaign, CampaignAction::Start, None).await.unwrap();
}

#[tokio::test]
async fn an_unusable_file_leaves_a_failed_import() {
    let world = World::new().await;
    let error = world.import_bytes("name\nA\n").await.unwrap_err();
    assert_eq!(world.only_import().await, ("FAILED".into(), Some(error.to_string()), 0, 0));
}

#[tokio::test]
async fn a_campaign_starts_only_when_its_import_has_ended() {
    let world = World::new().await;
    let underway = Underway::begin(&world).await;
    let start = || world.engine.act(world.workspace, world.campaign, CampaignAction::Start, None);
    let refused = start().await.unwrap_err();
    assert!(matches!(refused, EngineError::Conflict { code: "IMPORT_RUNNING", .. }), "{refused:?}");
    let import = underway.end().await.unwrap();
    assert_eq!((import.state, import.accepted, import.rejected), (ImportState::Finished, 6000, 0));
    start().await.unwrap();
}

#[tokio::test]
async fn cancelling_the_campaign_ends_its_import() {
    let world = World::new().await;
    let underway = Underway::begin(&world).await;
    world.engine.act(world.workspace, world.campaign, CampaignAction::Cancel, None).await.unwrap();
    let before = world.total().await;
    let error = underway.end().await.unwrap_err();
    assert!(matches!(error, EngineError::WrongState(_)), "{error:?}");
    let (state, text, _, accepted) = world.only_import().await;
    assert_eq!((state.as_str(), text), ("FAILED", Some(error.to_string())));
    assert_eq!((accepted as u64, world.total().await), (before, before));
}

#[tokio::test]
async fn an_import_that_was_closed_stops() {
    let world = World::new().await;
    let underway = Underway::begin(&world).await;
    let mut tx = world.engine.store().write().await.unwrap();
    let now = SystemClock.now();
    assert_eq!(tx.fail_stalled_imports(now + chrono::Duration::hours(1), now).await.unwrap(), 1);
    tx.commit().await.unwrap();
    let error = underway.end().await.unwrap_err();
    assert!(matches!(error, EngineError::Conflict { code: "IMPORT_CLOSED", .. }), "{error:?}");
    assert_eq!(world.only_import().await.0, "FAILED");
}

#[tokio::test]
async fn an_import_goes_on_when_nobody_waits_for_it() {
    let world = World::new().await;
    let mut underway = Underway::begin(&world).await;
    underway.task.abort();
    assert!((&mut underway.task).await.unwrap_err().is_cancelled());
    drop(underway.client);
    until("the import ends", async || world.only_import().await.0 != "RUNNING").await;
    assert_eq!(world.only_import().await, ("FINISHED".into(), None, 3000, 3000));
}

#[tokio::test]
async fn rows_of_a_slow_upload_do_not_wait_for_a_full_batch() {
    let world = World::new().await;
    let (mut client, reader) = tokio::io::duplex(4096);
    let feeding = async {
        client.write_all(b"phone\n").await.unwrap();
        let mut sent = 0u64;
        until("a recipient appears", async || {
            let row = format!("+49151{sent:08}\n");
            sent += 1;
            client.write_all(row.as_bytes()).await.unwrap();
            tokio::time::sleep(Duration::from_millis(20)).await; // a slow client
            world.total().await > 0
        })
        .await;
        assert!(sent < 1000, "{sent} rows make a batch by themselves");
        drop(client);
        sent
    };
    let (sent, import) = tokio::join!(feeding, world.import(reader));
    assert_eq!(import.unwrap().accepted as u64, sent);
}

#[tokio::test]
async fn two_imports_at_once_share_the_numbers_between_them() {
    let world = World::new().await;
    let (one, two) = tokio::join!(world.import_bytes(list(0, 5000)), world.import_bytes(list(2500, 5000)));
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!((one.rows_read, two.rows_read), (5000, 5000));
    assert_eq!((one.accepted + two.accepted, one.rejected + two.rejected), (7500, 2500));
    for import in [&one, &two] {
        let rejects = world.rejects(import).await;
        assert_eq!(rejects.len() as i64, import.rejected);
        assert!(rejects.iter().all(|r| r.reason.starts_with("duplicate_in_campaign: ")));
    }
    assert_eq!(world.total().await, 7500);
}

#[tokio::test]
async fn nothing_is_read_for_a_campaign_that_cannot_take_it() {
    let world = World::new().await;
    let foreign = WorkspaceId::new(SystemClock.now());
    let options = ImportOptions::default();
    let error = world
        .engine
        .import(foreign, world.campaign, Broken, options.clone(), Receipt::none())
        .await
        .unwrap_err();
    assert!(matches!(error, EngineError::NotFound("campaign")), "{error:?}");
    world.engine.act(world.workspace, world.campaign, CampaignAction::Cancel, None).await.unwrap();
    let error = world
        .engine
        .import(world.workspace, world.campaign, Broken, options, Receipt::none())
        .await
        .unwrap_err();
    assert!(matches!(error, EngineError::WrongState(_)), "{error:?}");
}
