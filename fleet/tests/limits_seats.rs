//! Seats for those who pick up, on both sets of books: exact through deaths, outages and lost memory.
#![allow(clippy::unwrap_used, clippy::expect_used)] // helpers of tests are tests

mod common;

use std::{
    sync::{
        Arc,
        atomic::{AtomicI32, AtomicU32, Ordering::SeqCst},
    },
    time::Duration,
};

use common::{
    Redis, Rig, brisk, eventually,
    need::{PATIENT, SECOND, answered, live, no_room, permit, warmed_up, workers},
};
use ringfleet_core::seats::Ratio;
use ringfleet_fleet::{Acquired, Fleet, Limit, Limits, Permit, Seat, Seats, Shortage};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

fn seats(count: u32, ratio: f64) -> Limit {
    let ratio = Ratio::new(ratio);
    let seats = Seats { count, ratio, one_each: ratio == Ratio::ONE };
    Limit { key: "seats".into(), per_second: None, live: None, seats: Some(seats) }
}

async fn call(limits: &Limits, limit: &Limit) -> Permit {
    permit(answered(limits, std::slice::from_ref(limit), PATIENT).await)
}

async fn no_seat(limits: &Limits, limit: &Limit) {
    let refused = answered(limits, std::slice::from_ref(limit), Duration::from_millis(50)).await;
    assert_eq!(no_room(refused).0, Shortage::Seats);
}

#[tokio::test(flavor = "multi_thread")]
async fn so_many_calls_go_out_as_seats_are_free_times_the_ratio() {
    Rig::on_both(brisk(), |rig| async move {
        warmed_up(&rig.fleet).await;
        let two = workers(&rig, 2).await;
        let (one, other) = (two[0].limits(), two[1].limits());
        let limit = seats(4, 1.5);
        let mut ringing = Vec::new();
        for nth in 0..6 {
            ringing.push(call([one, other][nth % 2], &limit).await);
        }
        no_seat(one, &limit).await;
        let mut talking = Vec::new();
        for _ in 0..4 {
            let answered = ringing.remove(0);
            assert_eq!(answered.take_seat().await, Seat::Taken);
            talking.push(answered);
        }
        for left in &ringing {
            assert_eq!(left.take_seat().await, Seat::None, "all four are taken");
        }
        drop(ringing);
        no_seat(other, &limit).await;
        talking.truncate(2);
        // Two are free: three calls.
        let again = [call(one, &limit).await, call(other, &limit).await, call(one, &limit).await];
        no_seat(other, &limit).await;
        // A lower ratio lets nobody go before calls have ended; calls beyond the seats keep theirs.
        no_seat(one, &seats(4, 1.0)).await;
        no_seat(one, &seats(1, 10.0)).await;
        drop((again, talking));
        drop(call(one, &seats(1, 1.0)).await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_limits_hold_beside_seats_and_need_none() {
    Rig::on_both(brisk(), |rig| async move {
        warmed_up(&rig.fleet).await;
        let limits = rig.fleet.limits();
        let both = [live("trunk", 2), seats(1, 1.0)];
        let held = permit(answered(limits, &both, PATIENT).await);
        let refused = answered(limits, &both, Duration::ZERO).await;
        assert_eq!(no_room(refused).0, Shortage::Seats);
        let trunk = permit(answered(limits, &[live("trunk", 2)], PATIENT).await);
        assert_eq!(trunk.take_seat().await, Seat::NotNeeded);
        assert_eq!(held.take_seat().await, Seat::Taken);
        drop(held);
        let refused = answered(limits, &[live("trunk", 1), seats(1, 1.0)], Duration::ZERO).await;
        assert_eq!(no_room(refused).0, Shortage::Live);
        drop(call(limits, &seats(1, 1.0)).await);
    })
    .await;
}

/// Callers whose calls ring for a random time, are answered or not, and talk for a random time.
#[derive(Default)]
struct Callers {
    /// Those who ring and those who talk, in one number: two that are read one after the other count whoever picks up in
    /// between twice.
    live: Arc<AtomicI32>,
    talking: Arc<AtomicI32>,
    most_live: Arc<AtomicI32>,
    most_talking: Arc<AtomicI32>,
    abandoned: Arc<AtomicU32>,
    talks: Arc<AtomicU32>,
    tasks: JoinSet<()>,
}

impl Callers {
    fn start(workers: &[Fleet], each: usize, limit: &Limit) -> Self {
        let mut callers = Self::default();
        for nth in 0..workers.len() * each {
            let (fleet, limit) = (workers[nth % workers.len()].clone(), limit.clone());
            let [live, talking, most_live, most_talking] =
                [&callers.live, &callers.talking, &callers.most_live, &callers.most_talking].map(Arc::clone);
            let (abandoned, talks) = (callers.abandoned.clone(), callers.talks.clone());
            callers.tasks.spawn(async move {
                loop {
                    let asked = fleet.limits().acquire(std::slice::from_ref(&limit), SECOND * 2).await;
                    let Acquired::Granted(permit, _) = asked else { continue };
                    most_live.fetch_max(live.fetch_add(1, SeqCst) + 1, SeqCst);
                    sleep(a_while()).await;
                    let seat = match rand_byte() % 4 {
                        0 => Seat::None, // nobody picks up
                        _ => match permit.take_seat().await {
                            Seat::None => {
                                abandoned.fetch_add(1, SeqCst);
                                Seat::None
                            }
                            seat => seat,
                        },
                    };
                    if seat == Seat::Taken {
                        most_talking.fetch_max(talking.fetch_add(1, SeqCst) + 1, SeqCst);
                        sleep(a_while() * 2).await;
                        talking.fetch_sub(1, SeqCst);
                        talks.fetch_add(1, SeqCst);
                    }
                    live.fetch_sub(1, SeqCst);
                    drop(permit);
                }
            });
        }
        callers
    }

    async fn talks(&self, count: u32) {
        let wanted = self.talks.load(SeqCst) + count;
        eventually("calls go on", || async { self.talks.load(SeqCst) >= wanted }).await;
    }
}

fn a_while() -> Duration {
    Duration::from_millis(u64::from(rand_byte()) / 16)
}

fn rand_byte() -> u8 {
    uuid::Uuid::now_v7().as_bytes()[15]
}

#[tokio::test(flavor = "multi_thread")]
async fn with_one_call_for_each_free_seat_nobody_is_abandoned_and_no_seat_is_lost() {
    Rig::on_both(brisk(), |rig| async move {
        let workers = workers(&rig, 5).await;
        let mut callers = Callers::start(&workers, 6, &seats(7, 1.0));
        callers.talks(800).await;
        assert_eq!(callers.abandoned.load(SeqCst), 0);
        // Never more calls than seats: so the ones that ring never outnumber the free ones. Whoever is shut down is not counted out.
        assert_eq!(callers.most_live.load(SeqCst), 7);
        callers.tasks.shutdown().await;
        let mut talking = Vec::new();
        for _ in 0..7 {
            talking.push(call(workers[0].limits(), &seats(7, 1.0)).await);
            assert_eq!(talking.last().unwrap().take_seat().await, Seat::Taken);
        }
        no_seat(workers[1].limits(), &seats(7, 1.0)).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_three_calls_for_each_some_are_abandoned_and_no_seat_is_given_twice() {
    Rig::on_both(brisk(), |rig| async move {
        let workers = workers(&rig, 3).await;
        let mut callers = Callers::start(&workers, 8, &seats(5, 3.0));
        callers.talks(500).await;
        assert!(callers.abandoned.load(SeqCst) > 0);
        assert_eq!(callers.most_talking.load(SeqCst), 5);
        let most = callers.most_live.load(SeqCst);
        assert!((6..=15).contains(&most), "{most} calls at once");
        callers.tasks.shutdown().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn flushall_abandons_nobody() {
    let rig = Rig::redis(brisk()).await;
    let workers = workers(&rig, 4).await;
    let callers = Callers::start(&workers, 4, &seats(5, 1.0));
    callers.talks(60).await;
    for _ in 0..2 {
        rig.redis.as_ref().unwrap().flush().await;
        callers.talks(60).await;
    }
    assert_eq!((callers.abandoned.load(SeqCst), callers.most_live.load(SeqCst)), (0, 5));
}

/// As after a caller that broke off while it asked for its seat: until the next heartbeat Redis counts a seat that nobody has.
#[tokio::test(flavor = "multi_thread")]
async fn a_seat_that_nobody_has_makes_no_room_for_another_call() {
    let rig = Rig::redis(brisk()).await;
    warmed_up(&rig.fleet).await;
    let (limits, limit) = (rig.fleet.limits(), seats(2, 1.0));
    let talking = [call(limits, &limit).await, call(limits, &limit).await];
    for permit in &talking {
        assert_eq!(permit.take_seat().await, Seat::Taken);
    }
    let mut redis = rig.redis.as_ref().unwrap().connection().await;
    let found: Vec<String> =
        redis::cmd("KEYS").arg("*live:busy:seats").query_async(&mut redis).await.unwrap();
    let [busy] = found.as_slice() else { panic!("{found:?}") };
    for _ in 0..50 {
        // Before a heartbeat puts it right, mostly.
        let holder: Vec<String> = redis::cmd("HKEYS").arg(busy).query_async(&mut redis).await.unwrap();
        redis::cmd("HINCRBY").arg(busy).arg(&holder[0]).arg(1).query_async::<i64>(&mut redis).await.unwrap();
        no_room(answered(limits, std::slice::from_ref(&limit), Duration::ZERO).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_nobody_is_hung_up_on_and_their_seats_are_told_later() {
    let mut rig = Rig::redis(brisk()).await;
    warmed_up(&rig.fleet).await;
    let (limits, limit) = (rig.fleet.limits(), seats(2, 1.0));
    let picked_up = call(limits, &limit).await;
    rig.redis.as_mut().unwrap().kill();
    let asked = Instant::now();
    assert_eq!(picked_up.take_seat().await, Seat::Taken);
    assert!(asked.elapsed() < SECOND * 2, "{:?}", asked.elapsed());
    rig.redis.as_mut().unwrap().restart().await;
    let second = call(limits, &limit).await;
    assert_eq!(second.take_seat().await, Seat::Taken);
    // Whoever has a seat is known again: with ten calls for each free one none goes out, for none is free.
    no_seat(limits, &seats(2, 10.0)).await;
    drop(picked_up);
    drop(call(limits, &limit).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_seats_of_a_dead_worker_come_back_after_the_lease_and_not_before() {
    let redis = Redis::start().await;
    let settings = brisk();
    let survivor = redis.fleet(&settings).await;
    warmed_up(&survivor).await;
    let (url, lease) = (redis.url(), settings.live_lease);
    let doomed = std::thread::spawn(move || {
        // A runtime of its own, so that everything of this worker stops dead with it.
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let (permits, asked) = runtime.block_on(async {
            let fleet = Fleet::connect(&url, settings).await.unwrap();
            let talking = call(fleet.limits(), &seats(2, 1.0)).await;
            assert_eq!(talking.take_seat().await, Seat::Taken);
            let asked = Instant::now();
            ([talking, call(fleet.limits(), &seats(2, 1.0)).await], asked)
        });
        runtime.shutdown_background();
        std::mem::forget(permits);
        asked
    });
    let asked = tokio::task::spawn_blocking(|| doomed.join().unwrap()).await.unwrap();
    let first = call(survivor.limits(), &seats(2, 1.0)).await;
    assert!(asked.elapsed() >= lease * 9 / 10, "back after {:?}", asked.elapsed());
    let second = call(survivor.limits(), &seats(2, 1.0)).await;
    assert_eq!(first.take_seat().await, Seat::Taken);
    assert_eq!(second.take_seat().await, Seat::Taken);
    no_seat(survivor.limits(), &seats(2, 1.0)).await;
}

/// As after a lease that was over for a while: others have the place that was kept for this call.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_picks_up_has_the_seat_that_was_kept_whatever_the_books_say_now() {
    Rig::on_both(brisk(), |rig| async move {
        warmed_up(&rig.fleet).await;
        let (limits, mut braked) = (rig.fleet.limits(), seats(1, 1.0));
        braked.seats.as_mut().unwrap().one_each = false;
        let with_one_each = call(limits, &seats(1, 1.0)).await;
        let other = call(limits, &seats(2, 1.0)).await;
        assert_eq!(other.take_seat().await, Seat::Taken);
        assert_eq!(with_one_each.take_seat().await, Seat::Taken);
        // It counts like any: no other call goes out for these two.
        no_seat(limits, &seats(2, 10.0)).await;
        drop((with_one_each, other));
        // A ratio that has only fallen to one kept no seat.
        let placed = call(limits, &braked).await;
        let other = call(limits, &seats(2, 1.0)).await;
        assert_eq!(other.take_seat().await, Seat::Taken);
        assert_eq!(placed.take_seat().await, Seat::None);
    })
    .await;
}
