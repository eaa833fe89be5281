use std::sync::Arc;

use ringfleet_core::{ManualClock, delivery::RetrySchedule, seats::Ratio};
use ringfleet_fleet::{Acquired, Fleet, Limit, Seats};
use ringfleet_store::Store;
use tokio::{sync::Semaphore, time::timeout};

use super::*;

const SOON: Duration = Duration::from_secs(10);

/// One process, and a database without tables: nothing that is seen of a call can be written down.
struct Rig {
    engine: Engine,
    places: Arc<Semaphore>,
    _folder: tempfile::TempDir,
}

/// A call that is watched, and of which nobody hears what was seen before the test does.
struct Watched {
    report: mpsc::UnboundedSender<Progress>,
    told: mpsc::UnboundedReceiver<Seen>,
    hang_up: CancellationToken,
    over: CancellationToken,
}

impl Rig {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::sqlite(&folder.path().join("test.db")).await.expect("a database");
        let clock = ManualClock::new("2026-11-23T09:00:00Z".parse().expect("a moment"));
        let engine = Engine::new(store, Fleet::in_process(), Arc::new(clock), RetrySchedule::default());
        Self { engine, places: Arc::new(Semaphore::new(2)), _folder: folder }
    }

    /// A call of a campaign with one seat and two calls for it.
    async fn room(&self) -> Room {
        let seats = Some(Seats { count: 1, ratio: Ratio::new(2.0), one_each: false });
        let limit = Limit { key: "seats".into(), per_second: None, live: None, seats };
        let Acquired::Granted(permit, _) = self.engine.fleet().limits().acquire(&[limit], SOON).await else {
            panic!("no room")
        };
        Room { _place: self.places.clone().acquire_owned().await.expect("a place"), permit }
    }

    fn watch(&self, room: Room) -> Watched {
        let (report, reports) = mpsc::unbounded_channel();
        let (tell, told) = mpsc::unbounded_channel();
        let (hang_up, over) = (CancellationToken::new(), CancellationToken::new());
        let (engine, call) = (self.engine.clone(), CallId::new(Clock::now(self.engine.clock())));
        let watch = Watch { engine, call, room, hang_up: hang_up.clone(), over: over.clone() };
        tokio::spawn(watch.watch(reports, tell));
        Watched { report, told, hang_up, over }
    }
}

impl Watched {
    /// The next answer that was seen: whether it found no seat.
    async fn is_abandoned(&mut self) -> bool {
        loop {
            let seen = timeout(SOON, self.told.recv()).await.expect("in time").expect("something was seen");
            if seen.progress == Progress::Answered {
                return seen.is_abandoned;
            }
        }
    }
}

#[tokio::test]
async fn whoever_finds_no_seat_is_hung_up_at_once_whatever_is_not_written_yet() {
    let rig = Rig::new().await;
    let (mut first, mut second) = (rig.watch(rig.room().await), rig.watch(rig.room().await));
    first.report.send(Progress::Answered).expect("watched");
    assert!(!first.is_abandoned().await);
    for progress in [Progress::Ringing, Progress::Resume(serde_json::json!({})), Progress::Answered] {
        second.report.send(progress).expect("watched");
    }
    // Nobody has taken up that it rang.
    timeout(SOON, second.hang_up.cancelled()).await.expect("it is hung up");
    assert!(second.is_abandoned().await);
    assert!(!first.hang_up.is_cancelled());
}

#[tokio::test]
async fn a_call_that_is_over_is_not_abandoned_any_more() {
    let rig = Rig::new().await;
    let (mut first, mut second) = (rig.watch(rig.room().await), rig.watch(rig.room().await));
    first.report.send(Progress::Answered).expect("watched");
    assert!(!first.is_abandoned().await);
    second.over.cancel();
    second.report.send(Progress::Answered).expect("watched");
    assert!(!second.is_abandoned().await);
    assert!(!second.hang_up.is_cancelled());
}

#[tokio::test]
async fn its_room_is_free_when_it_is_over_and_not_when_that_is_written() {
    let rig = Rig::new().await;
    let mut call = rig.watch(rig.room().await);
    call.report.send(Progress::Answered).expect("watched");
    assert!(!call.is_abandoned().await);
    // The carrier has said its last word; the network is not done.
    drop(call.report);
    for _ in 0..10 {
        tokio::task::yield_now().await; // on one thread: the watch goes on
    }
    assert_eq!(rig.places.available_permits(), 1);
    call.over.cancel();
    let both = timeout(SOON, rig.places.acquire_many(2)).await;
    assert!(both.is_ok(), "its room is still taken");
    drop(call.told);
}

/// A slot of a rate whose next one is in a second, and the permit.
async fn next_slot(rig: &Rig) -> (Permit, Slot) {
    let limit = [Limit { key: "rate".into(), per_second: Some(1.0), live: None, seats: None }];
    let limits = rig.engine.fleet().limits();
    let Acquired::Granted(permit, slot) = limits.acquire(&limit, SOON).await else { panic!("no room") };
    (permit, slot)
}

#[tokio::test]
async fn a_call_leaves_in_its_slot_or_not_at_all() {
    let (rig, [hang_up, alone]) = (Rig::new().await, [(); 2].map(|()| CancellationToken::new()));
    tokio::time::pause();
    let (_first, slot) = next_slot(&rig).await;
    assert_eq!(Departure::in_slot(slot).prevented(&hang_up, &alone).await, None);
    let (_second, slot) = next_slot(&rig).await;
    tokio::time::sleep(Duration::from_millis(100)).await; // it begins
    assert_eq!(Departure::in_slot(slot).prevented(&hang_up, &alone).await, None);
    let (_third, slot) = next_slot(&rig).await;
    tokio::time::sleep(Duration::from_millis(250)).await;
    assert_eq!(Departure::in_slot(slot).prevented(&hang_up, &alone).await, Some(missed_slot()));
}

#[tokio::test]
async fn a_call_that_is_stopped_while_it_waits_for_its_slot_is_not_placed() {
    let (rig, [hang_up, alone]) = (Rig::new().await, [(); 2].map(|()| CancellationToken::new()));
    tokio::time::pause();
    let _busy = next_slot(&rig).await;
    let (_permit, slot) = next_slot(&rig).await;
    let waiting = tokio::spawn({
        let (hang_up, alone) = (hang_up.clone(), alone.clone());
        async move { Departure::in_slot(slot).prevented(&hang_up, &alone).await }
    });
    tokio::task::yield_now().await;
    alone.cancel();
    assert_eq!(waiting.await.expect("it ends"), Some(hung_up_unsent()));
    assert_eq!(Departure::in_slot(slot).prevented(&hang_up, &alone).await, Some(hung_up_unsent()));
    hang_up.cancel();
    let prevented = Departure::in_slot(slot).prevented(&hang_up, &alone).await;
    assert_eq!(prevented, Some(stopped()), "its worker ends: another one takes it");
}
