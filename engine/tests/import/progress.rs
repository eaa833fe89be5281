//! Webhook events of an upload that is being looked through.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use chrono::{DateTime, Utc};
use ringfleet_core::{
    Clock, ColumnMapping, SystemClock, UploadId, catalogue::check_data, delivery::RetrySchedule,
    event::EventType, signing::Secret,
};
use ringfleet_engine::{Engine, Receipt};
use ringfleet_fleet::Fleet;
use ringfleet_store::{NewUpload, NewWebhook};
use serde_json::{Value, json};

use crate::world::World;

/// A clock on which two seconds pass between two looks at it.
#[derive(Debug)]
struct Hasty(DateTime<Utc>, AtomicI64);

impl Clock for Hasty {
    fn now(&self) -> DateTime<Utc> {
        self.0 + chrono::TimeDelta::seconds(2 * self.1.fetch_add(1, Ordering::SeqCst))
    }
}

/// An upload of which a webhook is told.
struct Told {
    world: World,
    upload: UploadId,
    bytes: usize,
}

impl Told {
    async fn new(file: &str) -> Self {
        let world = World::new().await;
        let hook =
            NewWebhook::new("https://example.com/", &[EventType::UploadProgress], &Secret::new([7; 32]));
        world.engine.create_webhook(world.workspace, hook, Receipt::none()).await.unwrap();
        let new = NewUpload { filename: Some("list.csv".to_owned()), ..NewUpload::default() };
        let upload = world.engine.begin_upload(world.workspace, &new, Receipt::none()).await.unwrap().id;
        world.engine.append_upload(world.workspace, upload, 0, file.as_bytes()).await.unwrap();
        world.engine.complete_upload(world.workspace, upload, true, Receipt::none()).await.unwrap();
        Self { world, upload, bytes: file.len() }
    }

    async fn look_through(&self, clock: Arc<dyn Clock>) {
        let store = self.world.engine.store().clone();
        let scheduler = Engine::new(store, Fleet::in_process(), clock, RetrySchedule::default());
        assert!(scheduler.validate_next_upload().await.unwrap());
    }

    /// All events so far, which are of the upload and as the catalogue says.
    async fn events(&self) -> Vec<Value> {
        let events = self.world.events().await;
        for event in &events {
            let data = &event["data"];
            assert_eq!(check_data(EventType::UploadProgress, data), Ok(()));
            assert_eq!((&event["type"], &data["uploadId"]), (&json!("upload.progress"), &json!(self.upload)));
            assert_eq!((&data["filename"], &data["bytes"]), (&json!("list.csv"), &json!(self.bytes)));
        }
        let places: Vec<_> = events.iter().map(|event| event["sequence"].as_u64().unwrap()).collect();
        assert_eq!(places, (1..=events.len() as u64).collect::<Vec<_>>());
        events
    }
}

fn list(rows: u64) -> String {
    (0..rows).fold("phone\n".to_owned(), |list, n| list + &format!("+49151{n:08}\n"))
}

#[tokio::test]
async fn it_is_told_every_five_seconds_and_in_the_end() {
    let told = Told::new(&list(65_000)).await;
    told.look_through(Arc::new(Hasty(SystemClock.now(), AtomicI64::new(0)))).await;
    let events = told.events().await;
    let (last, before) = events.split_last().unwrap();
    assert!(before.len() >= 2, "{events:?}");
    let figures = |event: &Value| ["rows", "bytesRead"].map(|name| event["data"][name].as_u64().unwrap());
    let at = |event: &Value| event["createdAt"].as_str().unwrap().parse::<DateTime<Utc>>().unwrap();
    for pair in before.windows(2) {
        assert!(at(&pair[1]) - at(&pair[0]) >= chrono::TimeDelta::seconds(5), "{pair:?}");
    }
    assert!(events.windows(2).all(|pair| figures(&pair[1]) >= figures(&pair[0])), "{events:?}");
    assert!(before.iter().all(|event| event["data"]["status"] == "VALIDATING"), "{events:?}");
    assert_eq!((&last["data"]["status"], figures(last)), (&json!("READY"), [65_000, told.bytes as u64]));
}

#[tokio::test]
async fn a_short_list_is_told_of_once() {
    for rows in [3, 0] {
        let told = Told::new(&list(rows)).await;
        told.look_through(Arc::new(SystemClock)).await;
        let events = told.events().await;
        assert_eq!(events.len(), 1, "{events:?}");
        assert_eq!(
            (&events[0]["data"]["status"], &events[0]["data"]["rows"]),
            (&json!("READY"), &json!(rows))
        );
    }
}

#[tokio::test]
async fn one_that_cannot_be_used_is_told_with_its_reason_and_counts_on_when_it_is_mapped() {
    let told = Told::new("who\n+4915100000001\n").await;
    told.look_through(Arc::new(SystemClock)).await;
    let mapping = ColumnMapping { number: Some("who".into()), ..ColumnMapping::default() };
    told.world.engine.map_upload(told.world.workspace, told.upload, &mapping, Receipt::none()).await.unwrap();
    told.look_through(Arc::new(SystemClock)).await;
    let events = told.events().await;
    let seen: Vec<_> =
        events.iter().map(|event| (&event["data"]["status"], event["data"]["error"].is_string())).collect();
    assert_eq!(seen, [(&json!("FAILED"), true), (&json!("READY"), false)]);
}
