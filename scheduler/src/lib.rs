//! The scheduler: starts, repeats, finishes and winds up campaigns, dispatches due recipients, repairs what was lost, looks
//! through uploads and fills campaigns from them, keeps house.
//!
//! Several may run at once; every step is safe to repeat and to run twice at the same time. The loops look at the state
//! of the database, never at a message: whatever was missed is seen in the next round.

mod dispatch;
mod gauges;
mod leased;
mod room;
mod rounds;
mod watch;

use std::{sync::Arc, time::Duration};

use cron::Schedule;
use ringfleet_core::{Clock, timeline::SAMPLE_SECONDS};
use ringfleet_engine::{Engine, Keep};
use tokio_util::sync::CancellationToken;

use crate::{dispatch::Dispatcher, rounds::round, watch::Watch};

/// How a scheduler behaves.
#[derive(Debug, Clone)]
pub struct SchedulerSettings {
    /// How often it looks for due recipients.
    pub tick: Duration,
    /// When it keeps house: a cron expression with seconds, in UTC.
    pub housekeeping: Arc<Schedule>,
    /// How many days what webhook endpoints said is kept, and deliveries that have ended, with their events.
    pub keep_deliveries_days: u32,
    /// How many days recordings are kept; for ever where nothing is said.
    pub keep_recordings_days: Option<u32>,
    /// Whether somebody scrapes what it could tell of the whole fleet.
    pub tells: bool,
    /// How many days everything else is kept.
    pub keep: Keep,
}

/// How often due retries are pushed.
const PUSH_DUE: Duration = Duration::from_millis(200);
/// How often it looks for lost jobs and dead workers.
const REPAIR: Duration = Duration::from_secs(2);
/// How often it looks for what a date makes due: runs and ends of campaigns.
const CALENDAR: Duration = Duration::from_secs(1);

/// How often it writes down how campaigns stand.
const SAMPLES: Duration = Duration::from_secs(SAMPLE_SECONDS.unsigned_abs());

/// Schedules until `stop`.
pub async fn run(engine: Engine, settings: SchedulerSettings, stop: CancellationToken) {
    let dispatcher = Dispatcher::new(engine.clone());
    let watch = Watch::new(engine.clone());
    tokio::join!(
        round("dispatch", settings.tick, &stop, || dispatcher.run()),
        round("push what is due", PUSH_DUE, &stop, || engine.push_due()),
        round("offer calls to trunks on trial", PUSH_DUE, &stop, || engine.offer_trials()),
        round("move calls to other trunks", PUSH_DUE, &stop, || engine.move_stranded()),
        round("brake campaigns", PUSH_DUE, &stop, || engine.brake_campaigns()),
        round("push what was lost", REPAIR, &stop, || engine.push_lost()),
        round("end what is over", REPAIR, &stop, || engine.wind_up()),
        round("end what has come to its end", CALENDAR, &stop, || engine.expire()),
        round("make runs", CALENDAR, &stop, || engine.make_runs()),
        round("make lists ready", CALENDAR, &stop, || engine.make_ready()),
        round("forget what was hung up", REPAIR, &stop, || engine.forget_hang_ups()),
        round("give up deliveries", REPAIR, &stop, || engine.give_up_deliveries()),
        round("find orphans", REPAIR, &stop, || watch.find_orphans()),
        round("tell of progress", CALENDAR, &stop, || engine.tell_progress()),
        round("take samples", SAMPLES, &stop, || engine.take_samples()),
        async {
            if settings.tells {
                gauges::tell(&engine, &stop).await;
            }
        },
        leased::work(&engine, &stop),
        keep_house(&engine, &settings, &stop),
    );
}

/// Work that is neither urgent nor frequent, by the clock on the wall.
async fn keep_house(engine: &Engine, settings: &SchedulerSettings, stop: &CancellationToken) {
    let mut forgot = None;
    loop {
        let now = Clock::now(engine.clock());
        let Some(next) = settings.housekeeping.after(&now).next() else { return stop.cancelled().await };
        let wait = (next - now).to_std().unwrap_or_default();
        if stop.run_until_cancelled(tokio::time::sleep(wait)).await.is_none() {
            return;
        }
        if let Err(error) = engine.forget_caller_id_uses().await {
            tracing::warn!(%error, "uses of caller IDs could not be forgotten; it will be tried again");
        }
        if let Err(error) = engine.forget_attempts(settings.keep_deliveries_days).await {
            tracing::warn!(%error, "old webhook attempts could not be forgotten; it will be tried again");
        }
        if let Err(error) = engine.forget_deliveries(settings.keep_deliveries_days).await {
            tracing::warn!(%error, "old webhook deliveries could not be forgotten; it will be tried again");
        }
        if let Err(error) = engine.forget_samples().await {
            tracing::warn!(%error, "old samples of campaigns could not be forgotten; it will be tried again");
        }
        if let Some(days) = settings.keep_recordings_days {
            forget_recordings(engine, days).await;
        }
        // It looks at everything that is old, also at what may not be forgotten yet: once an hour is often enough for days.
        let hour = Clock::now(engine.clock()).timestamp() / 3_600;
        if forgot.replace(hour) != Some(hour) {
            // Portion by portion: the rest is forgotten by whoever goes on.
            stop.run_until_cancelled(forget_old(engine, &settings.keep)).await;
        }
        if let Err(error) = engine.forget_requests().await {
            tracing::warn!(%error, "answers that are over a day old could not be forgotten; it will be tried again");
        }
        match engine.expire_uploads().await {
            Ok(0) => {}
            Ok(expired) => tracing::info!(expired, "uploads that nobody used are forgotten"),
            Err(error) => tracing::warn!(%error, "uploads could not be forgotten; it will be tried again"),
        }
        if let Err(error) = engine.forget_identity().await {
            tracing::warn!(%error, "logins that are over could not be forgotten; it will be tried again");
        }
        match engine.cancel_strays().await {
            Ok(0) => {}
            Ok(cancelled) => tracing::warn!(
                cancelled,
                "campaigns were made while their workspace was being deleted, and are cancelled"
            ),
            Err(error) => {
                tracing::warn!(%error, "campaigns of deleted workspaces could not be cancelled; it will be tried again")
            }
        }
        match engine.close_dead_imports().await {
            Ok(0) => {}
            Ok(closed) => tracing::warn!(closed, "imports had broken off and are closed"),
            Err(error) => tracing::warn!(%error, "housekeeping failed; it will be tried again"),
        }
    }
}

async fn forget_recordings(engine: &Engine, days: u32) {
    match engine.forget_recordings(days).await {
        Ok(0) => {}
        Ok(forgotten) => tracing::info!(forgotten, days, "recordings are forgotten"),
        Err(error) => tracing::warn!(%error, "old recordings could not be forgotten; it will be tried again"),
    }
}

async fn forget_old(engine: &Engine, keep: &Keep) {
    for (kind, forgotten) in engine.forget_old(keep).await {
        match forgotten {
            Ok(0) => {}
            Ok(forgotten) => tracing::info!(kind, forgotten, "what is older than it is kept is forgotten"),
            Err(error) => {
                tracing::warn!(%error, kind, "what is older than it is kept could not be forgotten; it will be tried again")
            }
        }
    }
}
