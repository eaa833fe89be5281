//! Webhook events of an upload that is being looked through.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use chrono::{DateTime, Utc};
use ringfleet_core::{Clock, SystemClock, delivery::RetrySchedule, event::EventType, signing::Secret};
use ringfleet_engine::{Engine, Receipt};
use ringfleet_fleet::Fleet;
use ringfleet_store::{NewUpload, NewWebhook};

use crate::world::World;

/// A clock on which two seconds pass between two looks at it.
#[derive(Debug)]
struct Hasty(DateTime<Utc>, AtomicI64);

impl Clock for Hasty {
    fn now(&self) -> DateTime<Utc> {
        self.0 + chrono::TimeDelta::seconds(2 * self.1.fetch_add(1, Ordering::SeqCst))
    }
}

async fn looked_through(rows: u64, clock: Arc<dyn Clock>) -> Vec<serde_json::Value> {
    let world = World::new().await;
    let hook = NewWebhook::new("https://example.com/", &[EventType::UploadProgress], &Secret::new([7; 32]));
    world.engine.create_webhook(world.workspace, hook, Receipt::none()).await.unwrap();
    let file = (0..rows).fold("phone\n".to_owned(), |list, n| list + &format!("+49151{n:08}\n"));
    let new = NewUpload { filename: Some("list.csv".to_owned()), ..NewUpload::default() };
    let upload = world.engine.begin_upload(world.workspace, &new, Receipt::none()).await.unwrap().id;
    world.engine.append_upload(world.workspace, upload, 0, file.as_bytes()).await.unwrap();
    world.engine.complete_upload(world.workspace, upload, true, Receipt::none()).await.unwrap();
    let store = world.engine.store().clone();
    let scheduler = Engine::new(store, Fleet::in_process(), clock, RetrySchedule::default());
    assert!(scheduler.validate_next_upload().await.unwrap());
    let events = world.events().await;
    for event in &events {
        assert_eq!(
            (&event["type"], event["data"]["uploadId"] == upload.to_string()),
            (&"upload.progress".into(), true)
        );
        assert_eq!(
            (&event["data"]["filename"], &event["data"]["bytes"]),
            (&"list.csv".into(), &file.len().into())
        );
    }
    events
}

#[tokio::test]
async fn it_is_told_every_five_seconds_and_in_the_end() {
    let clock = Hasty(SystemClock.now(), AtomicI64::new(0));
    let events = looked_through(65_000, Arc::new(clock)).await;
    let (last, before) = events.split_last().unwrap();
    assert!(before.len() >= 2, "{events:?}");
    let figures =
        |event: &serde_json::Value| ["rows", "bytesRead"].map(|name| event["data"][name].as_u64().unwrap());
    let at =
        |event: &serde_json::Value| event["createdAt"].as_str().unwrap().parse::<DateTime<Utc>>().unwrap();
    for pair in before.windows(2) {
        assert!(at(&pair[1]) - at(&pair[0]) >= chrono::TimeDelta::seconds(5), "{pair:?}");
    }
    for pair in events.windows(2) {
        assert!(
            figures(&pair[1]) >= figures(&pair[0])
                && pair[0]["sequence"].as_i64() < pair[1]["sequence"].as_i64()
        );
    }
    assert!(before.iter().all(|event| event["data"]["status"] == "VALIDATING"), "{events:?}");
    assert_eq!((&last["data"]["status"], figures(last)[0]), (&"READY".into(), 65_000));
}

#[tokio::test]
async fn a_short_list_is_told_of_once() {
    let events = looked_through(3, Arc::new(SystemClock)).await;
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!((&events[0]["data"]["status"], &events[0]["data"]["rows"]), (&"READY".into(), &3.into()));
    let events = looked_through(0, Arc::new(SystemClock)).await;
    assert_eq!((events.len(), &events[0]["data"]["rows"]), (1, &0.into()), "{events:?}");
}
