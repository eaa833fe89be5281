//! Places calls: the jobs of the dialing lanes. And resolves the calls of dead workers.

use std::{path::PathBuf, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use ringfleet_carriers::{Attempt, Carrier, Order, Progress, Registry};
use ringfleet_core::{
    CallId, CallState, CampaignId, Clock, EndedBy, Ending, Hold, Outcome, TrunkId, WorkerId,
    brake::{self, BrakeState, Evidence},
    clock::Stopwatch,
    trunk::Limits,
};
use ringfleet_engine::{Engine, EngineError, Settlement, WORKER_SILENCE, hung_up};
use ringfleet_fleet::{Acquired, Lane, Limit, Permit, Shortage};
use ringfleet_store::{CLOCK_SKEW, Dial};
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    LAST_WORDS,
    followed::{Followed, Mine},
    greetings::Greetings,
    identity::Identity,
};

/// How long a campaign's call waits for room under the limits before it goes back.
const HORIZON: Duration = Duration::from_secs(2);
/// How long a single call does, which gets the next room there is; as long as few of them wait.
const SINGLE_HORIZON: Duration = Duration::from_secs(20);
/// How soon calls of an earlier run that could not be ended are looked at again.
const AGAIN: Duration = Duration::from_millis(500);

/// Places calls. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Dialer {
    pub(crate) engine: Engine,
    pub(crate) carriers: Arc<Registry>,
    pub(crate) identity: Arc<Identity>,
    pub(crate) live: Arc<Semaphore>,
    /// Single calls that may wait long for room, each in one of the places of `live`.
    pub(crate) patient: Arc<Semaphore>,
    /// Held by whoever looks after orphans, for one look at a time.
    pub(crate) looking: Arc<Mutex<()>>,
    pub(crate) calls: TaskTracker,
    pub(crate) followed: Followed,
    pub(crate) greetings: Arc<Greetings>,
    pub(crate) recordings: Option<PathBuf>,
    pub(crate) stop: CancellationToken,
}

/// A send slot is used at once or not at all: later than this, the calls of a stalled database would leave in one burst.
const LATE: Duration = Duration::from_millis(250);

/// Without a slot, so long after it was asked for a call is not placed any more: a worker that was frozen meanwhile may have been
/// declared dead, and somebody else may have ended the call.
const TOO_LATE: Duration = Duration::from_secs(5);
const _: () = assert!(TOO_LATE.as_millis() * 2 < WORKER_SILENCE.as_millis());

/// How long a job waits for a place in a full process before another worker gets it.
const PLACE_PATIENCE: Duration = Duration::from_millis(500);

/// When a call that could not even be prepared is tried again: an unknown host, a broken greeting.
const UNPREPARED: Duration = Duration::from_secs(30);

/// How many orphans one worker takes over per beat: thousands must be ended before their places under the limits are given away.
const ORPHANS: u32 = 500;

/// What a live call holds on to: a place in this process, its places under the limits, and this process' attention.
struct Room {
    _place: OwnedSemaphorePermit,
    _permit: Permit,
}

impl Dialer {
    /// The job ends as soon as a supervised task owns the call. What fails before is pushed again by the scheduler.
    pub(crate) async fn take(&self, lane: Lane, id: CallId) {
        let place = tokio::select! {
            place = self.live.clone().acquire_owned() => place,
            () = self.stop.cancelled() => return, // the call stays PENDING
            () = tokio::time::sleep(PLACE_PATIENCE) => return self.engine.hand_back(lane, id).await,
        };
        let (Ok(place), Some(mine)) = (place, self.followed.take(id)) else { return };
        if let Err(error) = self.dial(id, place, mine).await {
            tracing::warn!(%error, call = %id, "a call could not be taken up; it will be pushed again");
        }
    }

    async fn dial(&self, id: CallId, place: OwnedSemaphorePermit, mine: Mine) -> Result<(), EngineError> {
        let Some(dial) = self.engine.load(id).await? else { return Ok(()) };
        if dial.state != CallState::Pending || dial.due_at > Clock::now(self.engine.clock()) + CLOCK_SKEW {
            return Ok(()); // the job came twice, or too early
        }
        if matches!(dial.brake, Some(BrakeState::Paused | BrakeState::Probing)) {
            return self.engine.wait_for_trunk(&dial).await;
        }
        let (worker, hang_up) = self.identity.current();
        // Everything that may take its time comes before the send slot.
        let prepared = self.prepare(&dial).await;
        if let (Err(ending), Some(_)) = (&prepared, dial.campaign_id) {
            // The trunk's trouble or the greeting's is not the recipient's: nothing is consumed.
            if brake::evidence(ending) != Evidence::None {
                return self.engine.unplaced(&dial, ending).await;
            }
            let (wait, reason) = unprepared(ending);
            let at = Clock::now(self.engine.clock()) + wait;
            return self.engine.postpone(dial.id, at, Hold::Pace, reason).await;
        }
        let permit = match self.room(&dial).await {
            Acquired::Granted(permit) => permit,
            Acquired::NoRoom { kind, retry_after } => {
                let hold = if kind == Shortage::Live { Hold::Concurrency } else { Hold::Pace };
                let at = Clock::now(self.engine.clock()) + retry_after;
                return self.engine.postpone(dial.id, at, hold, None).await;
            }
        };
        let deadline = Deadline::new(&dial);
        let resume = prepared.as_ref().map_or(serde_json::Value::Null, |attempt| attempt.resume());
        let follower = Follower {
            engine: self.engine.clone(),
            call: dial.id,
            campaign: dial.campaign_id,
            on_trial: dial.brake.is_some_and(|brake| brake == BrakeState::Trial).then_some(dial.trunk_id),
            worker,
            begun: Clock::now(self.engine.clock()),
            room: Room { _place: place, _permit: permit },
            mine,
        };
        // From here on the call may reach the network: only the winner of this goes on.
        match (self.engine.begin(&dial, worker, resume).await, prepared) {
            (Ok(None), _) => {}
            (Ok(Some(begun)), Ok(mut attempt)) => {
                begun.caller_id.into_iter().for_each(|caller_id| attempt.show(caller_id));
                drop(self.calls.spawn(follower.follow(attempt, deadline, hang_up)));
            }
            (Ok(Some(_)), Err(ending)) => drop(self.calls.spawn(follower.settle(ending))),
            (Err(error), _) => {
                // The database may have begun it all the same. Nothing was sent, so it can simply be given back.
                let given_up = Ending::GivenUp { reason: "not_placed".into() };
                drop(self.calls.spawn(follower.settle(given_up)));
                return Err(error);
            }
        }
        Ok(())
    }

    /// Waits for room under the limits. A process that is told to stop begins nothing any more: the call is for another one.
    async fn room(&self, dial: &Dial) -> Acquired {
        let (shared, wanted) = (self.engine.fleet().limits(), limits(dial));
        let granted = async {
            if dial.campaign_id.is_some() {
                return shared.acquire(&wanted, HORIZON).await;
            }
            // A few at one full trunk must not keep all places of this process from those of other trunks.
            let patient = self.patient.try_acquire();
            let horizon = if patient.is_ok() { SINGLE_HORIZON } else { HORIZON };
            shared.acquire_first(&wanted, horizon).await
        };
        let stopping = Acquired::NoRoom { kind: Shortage::Live, retry_after: Duration::ZERO };
        self.stop.run_until_cancelled(granted).await.unwrap_or(stopping)
    }

    async fn prepare(&self, dial: &Dial) -> Result<Box<dyn Attempt>, Ending> {
        let order = self.order(dial).await?;
        self.carrier(dial)?.prepare(order).await
    }

    /// Takes over calls of dead workers, and gives up those of its own that fell out of its hands.
    pub(crate) async fn look_after_orphans(&self) -> Result<(), EngineError> {
        // One look at a time: what one has adopted and does not follow yet, another would take for a stray.
        let _alone = self.looking.lock().await;
        let followed = self.followed.clone();
        self.engine.disown_strays(self.identity.id(), move |id| followed.has(id)).await?;
        for id in self.engine.adopt_orphans(self.identity.id(), ORPHANS).await? {
            let Some(mine) = self.followed.take(id) else { continue };
            let this = self.clone();
            self.calls.spawn(async move {
                if let Err(error) = this.resolve(id, mine).await {
                    tracing::warn!(%error, call = %id, "an orphan could not be resolved; it will be handed over again");
                }
            });
        }
        Ok(())
    }

    /// Hangs up its calls of campaigns that were stopped so.
    pub(crate) async fn hang_up_what_was_stopped(&self) -> Result<(), EngineError> {
        if self.calls.is_empty() {
            return Ok(());
        }
        for id in self.engine.calls_to_hang_up(self.identity.id()).await? {
            if self.followed.stop(id) {
                tracing::info!(call = %id, "a call is hung up: its campaign was stopped");
            }
        }
        Ok(())
    }

    fn carrier(&self, dial: &Dial) -> Result<Arc<dyn Carrier>, Ending> {
        self.carriers.carrier(dial.trunk_id, &dial.config).map_err(|error| {
            tracing::error!(%error, trunk = %dial.trunk_id, "a trunk cannot be used");
            Ending::over(Outcome::Failed, "trunk_unusable", None, EndedBy::Carrier)
        })
    }

    async fn order(&self, dial: &Dial) -> Result<Order, Ending> {
        let greeting = self.greetings.get(dial.greeting.as_deref()).await.map_err(|error| {
            tracing::error!(error, call = %dial.id, greeting = dial.greeting, "a greeting cannot be played");
            Ending::over(Outcome::Failed, "greeting_unusable", None, EndedBy::Caller)
        })?;
        let record = match dial.recording {
            true => self.recordings.as_ref().map(|folder| folder.join(format!("{}.wav", dial.id))),
            false => None,
        };
        Ok(Order {
            call: dial.id,
            to: dial.number,
            from: dial.shows().map(str::to_owned),
            ring_timeout: Duration::from_secs(u64::from(dial.ring_seconds)),
            max_duration: Duration::from_secs(u64::from(dial.max_call_seconds)),
            greeting,
            hang_up_after_greeting: true,
            record,
        })
    }

    /// Ends the calls that this installation left behind when it was killed, before it begins new ones: its books of live calls
    /// were in its memory. A fleet's are with Redis.
    pub(crate) async fn settle_the_past(&self) -> Result<(), EngineError> {
        let began = Stopwatch::start();
        loop {
            self.look_after_orphans().await?;
            if self.calls.is_empty() || self.stop.is_cancelled() {
                return Ok(());
            }
            self.calls.close();
            let left = LAST_WORDS.saturating_sub(began.elapsed());
            let ended = tokio::time::timeout(left, self.stop.run_until_cancelled(self.calls.wait())).await;
            self.calls.reopen();
            if ended.is_err() {
                tracing::warn!("calls of an earlier run cannot be ended yet; going on beside them");
                return Ok(());
            }
            tokio::time::sleep(AGAIN).await; // one that could not be resolved is there again
        }
    }

    /// Finds out what became of a dead worker's call; never places one.
    async fn resolve(&self, id: CallId, _mine: Mine) -> Result<(), EngineError> {
        let worker = self.identity.id();
        let Some(dial) = self.engine.load(id).await? else { return Ok(()) };
        let found = match (&dial.resume, self.carrier(&dial)) {
            (Some(resume), Ok(carrier)) if !resume.is_null() => {
                carrier.resolve(resume, dial.caller_id.as_deref()).await
            }
            _ => Ending::uncertain("worker_lost"),
        };
        let ending = Ending::of_orphan(dial.state, found);
        tracing::info!(call = %dial.id, ?ending, "a dead worker's call is resolved");
        let at = Clock::now(self.engine.clock());
        let (call, campaign, begun) = (dial.id, dial.campaign_id, None);
        let rung = true; // for all anybody knows
        let settlement = Settlement { call, campaign, worker, rung, begun, ending, answered_at: None, at };
        self.engine.settle(settlement).await.map(drop)
    }
}

/// Until when a call may be placed that was granted room just now.
#[derive(Clone, Copy)]
struct Deadline {
    granted: Stopwatch,
    within: Duration,
}

impl Deadline {
    fn new(dial: &Dial) -> Self {
        let paced = |limits: &Limits| limits.calls_per_second.is_some();
        let is_paced = paced(&dial.trunk_limits)
            || paced(&dial.floor.limits)
            || dial.campaign_limits.as_ref().is_some_and(paced);
        Self { granted: Stopwatch::start(), within: if is_paced { LATE } else { TOO_LATE } }
    }

    fn has_passed(self) -> bool {
        self.granted.elapsed() > self.within
    }
}

/// It took so long to begin the call that its time has passed; nothing was sent.
fn missed_slot() -> Ending {
    Ending::NoRoom { retry_after: Duration::from_secs(1), reason: "missed_slot".into(), code: None }
}

/// When a call that could not be prepared comes back, and why it could not.
fn unprepared(ending: &Ending) -> (Duration, Option<&str>) {
    match ending {
        Ending::NoRoom { retry_after, reason, .. } => (*retry_after, Some(reason)),
        Ending::Over { reason, .. } | Ending::GivenUp { reason } => (UNPREPARED, Some(reason)),
    }
}

fn limits(dial: &Dial) -> Vec<Limit> {
    let of = |key: String, limits: &Limits| Limit {
        key,
        per_second: limits.calls_per_second,
        live: limits.max_live_calls,
    };
    let trunk = of(format!("trunk:{}", dial.trunk_id.uuid()), &dial.trunk_limits);
    let campaign = dial.campaign_id.zip(dial.campaign_limits.as_ref());
    let campaign = campaign.map(|(id, limits)| of(format!("campaign:{}", id.uuid()), limits));
    let workspace = of(format!("workspace:{}", dial.workspace_id.uuid()), &dial.floor.limits);
    [trunk, workspace]
        .into_iter()
        .chain(campaign)
        .filter(|l| l.per_second.is_some() || l.live.is_some())
        .collect()
}

/// Places a call, which is hung up with all others, or by itself when its campaign was `stopped`.
async fn place(
    attempt: Box<dyn Attempt>,
    report: mpsc::UnboundedSender<Progress>,
    hang_up: CancellationToken,
    stopped: CancellationToken,
) -> Ending {
    let mut placed = attempt.place(report, hang_up.clone());
    tokio::select! {
        ending = &mut placed => return ending,
        () = stopped.cancelled() => hang_up.cancel(),
    }
    placed.await
}

/// Owns a call from the moment it may have begun until it is settled.
struct Follower {
    engine: Engine,
    call: CallId,
    campaign: Option<CampaignId>,
    /// Its trunk, if that is on trial and this may be the call that decides.
    on_trial: Option<TrunkId>,
    worker: WorkerId,
    begun: DateTime<Utc>,
    room: Room,
    mine: Mine,
}

impl Follower {
    async fn follow(self, attempt: Box<dyn Attempt>, deadline: Deadline, hang_up: CancellationToken) {
        let (report, mut reports) = mpsc::unbounded_channel();
        let engine = self.engine.clone();
        let (stopped, mut rung) = (self.mine.stopped().clone(), false);
        // Its own task: writing progress must never hold up the signalling.
        let over = CancellationToken::new();
        let ended = over.clone().drop_guard();
        let placing = tokio::spawn(async move {
            let _ended = ended;
            let ending = match deadline.has_passed() {
                true => missed_slot(),
                false => place(attempt, report, hang_up.child_token(), stopped).await,
            };
            (ending, Clock::now(engine.clock()))
        });
        let (stamp, mut stamped) = mpsc::unbounded_channel();
        let engine = self.engine.clone();
        tokio::spawn(async move {
            while let Some(progress) = reports.recv().await {
                drop(stamp.send((progress, Clock::now(engine.clock())))); // when it was seen, not when it is written
            }
        });
        let mut answered_at = None;
        while let Some((progress, at)) = stamped.recv().await {
            rung |= progress == Progress::Ringing;
            if let Progress::Answered = progress {
                answered_at = Some(at);
            }
            if let Err(error) = self.note(progress, at, &over).await {
                tracing::warn!(%error, call = %self.call, "progress of a call could not be written");
            }
        }
        let (ending, at) = placing.await.unwrap_or_else(|error| {
            tracing::error!(%error, call = %self.call, "the carrier broke down in mid-call");
            (Ending::uncertain("carrier_broke_down"), Clock::now(self.engine.clock()))
        });
        let ending = if self.mine.stopped().is_cancelled() { hung_up(ending, rung) } else { ending };
        self.settle_at(ending, rung, answered_at, at).await;
    }

    async fn note(
        &self,
        progress: Progress,
        at: DateTime<Utc>,
        over: &CancellationToken,
    ) -> Result<(), EngineError> {
        if let (Progress::Ringing | Progress::Answered, Some(trunk)) = (&progress, self.on_trial)
            && let Err(error) = self.engine.trial_passed(trunk, self.call).await
        {
            tracing::warn!(%error, call = %self.call, "a trunk works again and cannot be opened yet; the call's end will");
        }
        match progress {
            Progress::Ringing => Ok(()),
            Progress::Answered => self.engine.answered(self.call, self.worker, at, over).await.map(drop),
            Progress::Resume(resume) => self.engine.keep_resume(self.call, self.worker, resume).await,
        }
    }

    async fn settle(self, ending: Ending) {
        let now = Clock::now(self.engine.clock());
        self.settle_at(ending, false, None, now).await;
    }

    async fn settle_at(
        self,
        ending: Ending,
        rung: bool,
        answered_at: Option<DateTime<Utc>>,
        at: DateTime<Utc>,
    ) {
        let Self { engine, call, campaign, worker, begun, room, mine, .. } = self;
        drop(room); // the network is done with this call: its room is free while the database writes
        let begun = Some(begun);
        let settlement = Settlement { call, campaign, worker, rung, begun, ending, answered_at, at };
        match engine.settle(settlement).await {
            Ok(true) => {}
            Ok(false) => {
                tracing::info!(%call, "a call needed no settling: it had not begun, or is settled already")
            }
            Err(error) => {
                tracing::error!(%error, %call, "a call could not be settled; it will be handed over")
            }
        }
        drop(mine); // what is still open now is a stray
    }
}
