//! The books of the whole fleet, in Redis.
//!
//! Every process is a *holder*: it has a count of live calls per key, and one lease for all of them which it renews by
//! a heartbeat. Heartbeats write absolute counts, so whatever went astray (a booking whose answer was lost, a give-back
//! that failed) is put right within a beat, and until then the books err on the full side.
//!
//! Redis may forget everything (`FLUSHALL`, a restart without its file) or sleep until all leases have run out. Both
//! show as a missing *epoch*, a key the heartbeats keep alive. Whoever misses it writes a new one, and from then on no
//! place is granted for three beats, in which all holders register what they hold, and no token for a little over
//! a second, in which the forgotten ones run out.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock},
    time::Duration,
};

use parking_lot::Mutex;
use redis::{RedisResult, Script};
use tokio::{
    sync::{Notify, RwLock},
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

use super::{Booking, Limit, Rank, Shortage, Slot, Wish, pace};
use crate::link::{Link, Outage};

static BOOK: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("book.lua")));
static BEAT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("beat.lua")));
static TAKE_SEAT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("take_seat.lua")));
static GIVE_BACK: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("give_back.lua")));

/// The longest time between two heartbeats.
const BEAT_EVERY: Duration = Duration::from_secs(1);
/// Beats without places after Redis forgot.
const GRACE_BEATS: u32 = 3;
/// After Redis forgot: how long until all tokens it had handed out are spent, and a second is over.
const SETTLE: Duration = pace::LASTS.saturating_add(Duration::from_millis(1_050));
/// How long somebody who has picked up waits for an answer about their seat: regulators count from the second second.
const SEAT_PATIENCE: Duration = Duration::from_secs(1);
/// Keys per heartbeat command.
const CHUNK: usize = 500;

/// The books in Redis. Dropping the last handle gives back what is left and ends the heartbeat.
pub(super) struct RedisLedger {
    holder: Arc<Holder>,
    _running: DropGuard,
}

struct Holder {
    link: Arc<Link>,
    id: String,
    lease: Duration,
    beat: Duration,
    counts: Mutex<Counts>,
    /// Bookings and give-backs share it; a heartbeat has it alone, so that the counts it writes are the counts.
    wire: RwLock<()>,
    /// Places were given back here, Redis does not know yet.
    returned: Notify,
    /// Redis knows.
    freed: Notify,
    /// The shortest round trip of late: what a longer one exceeds is lateness.
    round_trip: Mutex<Duration>,
    outage: Outage,
}

#[derive(Default)]
struct Counts {
    /// Live calls per key. Zero stays until a heartbeat has told it.
    held: HashMap<String, u32>,
    /// Of those given back, what Redis still counts.
    returned: HashMap<String, u32>,
}

impl RedisLedger {
    pub(super) fn open(link: Arc<Link>, lease: Duration) -> Self {
        let holder = Arc::new(Holder {
            link,
            id: Uuid::now_v7().simple().to_string(),
            lease,
            beat: (lease / 5).min(BEAT_EVERY),
            counts: Mutex::default(),
            wire: RwLock::new(()),
            returned: Notify::new(),
            freed: Notify::new(),
            round_trip: Mutex::new(Duration::from_secs(1)),
            outage: Outage::of("keep limits"),
        });
        let running = CancellationToken::new();
        tokio::spawn(holder.clone().keep_beating(running.clone()));
        tokio::spawn(holder.clone().keep_giving_back(running.clone()));
        Self { holder, _running: running.drop_guard() }
    }

    /// Books up to as many tokens and places as wanted in every limit at once, or nothing.
    pub(super) async fn book(&self, limits: &[Limit], wish: Wish) -> Booking {
        self.holder.book(limits, wish).await
    }

    /// Takes a seat if one of `most` is free, if there is no such number, or if nobody can tell.
    pub(super) async fn take_seat(&self, key: &str, most: Option<u32>) -> bool {
        match timeout(SEAT_PATIENCE, self.holder.take_seat(key, most)).await {
            Ok(is_taken) => is_taken,
            Err(_) => {
                self.holder.hold(key, 1);
                true
            }
        }
    }

    pub(super) fn give_back(&self, keys: &[&str]) {
        let mut counts = self.holder.counts.lock();
        for &key in keys {
            let held = counts.held.entry(key.to_owned()).or_default();
            *held = held.saturating_sub(1);
            *counts.returned.entry(key.to_owned()).or_default() += 1;
        }
        drop(counts);
        self.holder.returned.notify_one();
    }

    pub(super) async fn freed(&self) {
        self.holder.freed.notified().await;
    }
}

impl Holder {
    fn key(&self, name: &str) -> String {
        self.link.key("limits", name)
    }

    fn live_key(&self, key: &str) -> String {
        self.key(&format!("live:{key}"))
    }

    async fn book(&self, limits: &[Limit], wish: Wish) -> Booking {
        let _shared = self.wire.read().await;
        {
            // Known from here on, so that a heartbeat puts right what a lost answer leaves behind.
            let mut counts = self.counts.lock();
            for limit in limits.iter().filter(|limit| limit.counts()) {
                counts.held.entry(limit.key.clone()).or_default();
            }
        }
        let sent = Instant::now();
        let answer = self.invoke_book(limits, wish).await;
        match answer {
            Ok([1, granted, soonest, first, interval]) => {
                self.outage.over();
                limits
                    .iter()
                    .filter(|limit| limit.counts())
                    .for_each(|limit| self.hold(&limit.key, granted as u32));
                Booking::Granted(self.slots(sent, granted as u32, [soonest, first, interval].map(micros)))
            }
            Ok([_, limit, kind, retry_after, _]) => {
                self.outage.over();
                Booking::Refused {
                    limit: limit as usize,
                    kind: match kind {
                        0 => Shortage::Rate,
                        1 => Shortage::Live,
                        _ => Shortage::Seats,
                    },
                    retry_after: micros(retry_after).max(Duration::from_millis(1)),
                }
            }
            Err(error) => {
                self.outage.met(&error);
                Booking::Unreachable
            }
        }
    }

    async fn invoke_book(&self, limits: &[Limit], wish: Wish) -> RedisResult<[i64; 5]> {
        let mut call = BOOK.prepare_invoke();
        call.key(self.key("epoch")).key(self.key("holders"));
        for limit in limits {
            call.key(self.key(&format!("rate:{}", limit.key)))
                .key(self.live_key(&limit.key))
                .key(self.key(&format!("first:{}", limit.key)));
        }
        let seated = (1..).zip(limits).find_map(|(nth, limit)| Some((nth, limit, limit.seats?)));
        if let Some((_, limit, _)) = seated {
            call.key(self.live_key(&limit.busy_key()));
        }
        call.arg(&self.id)
            .arg(self.lease.as_micros() as u64)
            .arg(self.epoch_ttl())
            .arg((self.beat * GRACE_BEATS).as_micros() as u64)
            .arg(SETTLE.as_micros() as u64)
            .arg(wish.lead.as_micros() as u64)
            .arg(pace::FARTHEST.as_micros() as u64)
            .arg(pace::CREDIT.as_micros() as u64)
            .arg(wish.count)
            .arg(u8::from(wish.rank == Rank::First));
        for limit in limits {
            let interval = limit.per_second.map_or(-1.0, |rate| pace::interval(rate).as_nanos() as f64 / 1e3);
            call.arg(interval).arg(limit.live.map_or(-1, i64::from));
        }
        if let Some((nth, _, seats)) = seated {
            call.arg::<i32>(nth).arg(seats.count).arg(seats.ratio.hundredths());
        }
        call.invoke_async(&mut self.link.shared()).await
    }

    /// In milliseconds: shorter than a lease less a beat, so that the epoch is gone before any lease can be.
    fn epoch_ttl(&self) -> u64 {
        (self.beat * GRACE_BEATS).as_millis() as u64
    }

    fn hold(&self, key: &str, granted: u32) {
        *self.counts.lock().held.entry(key.to_owned()).or_default() += granted;
    }

    async fn take_seat(&self, key: &str, most: Option<u32>) -> bool {
        let _shared = self.wire.read().await;
        self.counts.lock().held.entry(key.to_owned()).or_default();
        let mut call = TAKE_SEAT.prepare_invoke();
        call.key(self.key("holders")).key(self.live_key(key));
        call.arg(&self.id).arg(self.lease.as_micros() as u64).arg(most.map_or(-1, i64::from));
        let answer = call.invoke_async::<u8>(&mut self.link.shared()).await;
        if let Err(error) = &answer {
            self.outage.met(error);
        }
        let is_taken = !matches!(answer, Ok(0));
        if is_taken {
            self.hold(key, 1);
        }
        is_taken
    }

    /// Translates Redis' offsets into our time: never before the slot by Redis' clock, and not later than a slow answer
    /// permits.
    fn slots(&self, sent: Instant, granted: u32, [soonest, first, interval]: [Duration; 3]) -> Vec<Slot> {
        let received = Instant::now();
        let shortest = self.shortest_round_trip(received - sent);
        (0..granted)
            .map(|nth| (nth, first + interval * nth))
            .map(|(nth, offset)| Slot {
                due: received + if nth == 0 { soonest } else { offset },
                latest: match interval.is_zero() {
                    true => received + pace::NO_HURRY, // places, no tokens
                    false => sent + shortest + offset + pace::LATE,
                },
            })
            .collect()
    }

    fn shortest_round_trip(&self, last: Duration) -> Duration {
        let mut shortest = self.round_trip.lock();
        // Grows slowly, to follow a network that has become slower for good.
        *shortest = last.min(*shortest + *shortest / 50);
        *shortest
    }

    async fn keep_beating(self: Arc<Self>, running: CancellationToken) {
        loop {
            match self.beat().await {
                Ok(()) => self.outage.over(),
                Err(error) => self.outage.met(&error),
            }
            tokio::select! {
                () = sleep(self.beat) => {}
                () = running.cancelled() => return,
            }
        }
    }

    /// Renews the lease and writes all counts as they are.
    async fn beat(&self) -> RedisResult<()> {
        let _alone = self.wire.write().await;
        let held: Vec<(String, u32)> = {
            let mut counts = self.counts.lock();
            // What we are about to write has these subtracted already.
            counts.returned.clear();
            counts.held.iter().map(|(key, count)| (key.clone(), *count)).collect()
        };
        let chunks: Vec<&[(String, u32)]> =
            if held.is_empty() { vec![&[]] } else { held.chunks(CHUNK).collect() };
        for chunk in chunks {
            let mut call = BEAT.prepare_invoke();
            call.key(self.key("epoch")).key(self.key("holders"));
            call.arg(&self.id).arg(self.lease.as_micros() as u64).arg(self.epoch_ttl());
            for (key, count) in chunk {
                call.key(self.live_key(key)).arg(count);
            }
            call.invoke_async::<()>(&mut self.link.shared()).await?;
        }
        // Zeros have been told now; those that came to be meanwhile are told by the give-back, or the next beat.
        let mut counts = self.counts.lock();
        for (key, _) in held.iter().filter(|(_, count)| *count == 0) {
            if counts.held.get(key) == Some(&0) {
                counts.held.remove(key);
            }
        }
        drop(counts);
        self.freed.notify_waiters();
        Ok(())
    }

    async fn keep_giving_back(self: Arc<Self>, running: CancellationToken) {
        loop {
            tokio::select! {
                () = self.returned.notified() => self.tell_returned().await,
                () = running.cancelled() => return self.tell_returned().await,
            }
        }
    }

    async fn tell_returned(&self) {
        let _shared = self.wire.read().await;
        let returned = std::mem::take(&mut self.counts.lock().returned);
        if returned.is_empty() {
            return;
        }
        let mut call = GIVE_BACK.prepare_invoke();
        call.arg(&self.id);
        for (key, count) in &returned {
            call.key(self.live_key(key)).arg(count);
        }
        match call.invoke_async::<()>(&mut self.link.shared()).await {
            Ok(()) => self.freed.notify_waiters(),
            Err(error) => {
                self.outage.met(&error);
                // The next heartbeat tells the counts of these keys, also if they are zero.
                let mut counts = self.counts.lock();
                for key in returned.into_keys() {
                    counts.held.entry(key).or_default();
                }
            }
        }
    }
}

fn micros(value: i64) -> Duration {
    Duration::from_micros(value.max(0) as u64)
}
