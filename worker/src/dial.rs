//! Places calls: the jobs of the dialing lanes. And resolves the calls of dead workers.

use std::{sync::Arc, time::Duration};

use ringfleet_carriers::{Attempt, Carrier, Connector, Order, Registry, speech::Speech};
use ringfleet_core::{
    CallId, CallState, Channel, Clock, EndedBy, Ending, Hold, Outcome, WorkerId,
    brake::{self, BrakeState, Evidence},
    call::UNSAYABLE,
    clock::Stopwatch,
    seats::Answers,
    trunk::Limits,
};
use ringfleet_engine::{Engine, EngineError, Settlement};
use ringfleet_fleet::{Acquired, Lane, Limit, Seats, Shortage};
use ringfleet_store::{CLOCK_SKEW, Dial};
use ringfleet_telemetry::{ORPHANS_ADOPTED, trace};
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{Instrument, field::Empty};

use crate::{
    LAST_WORDS,
    begins::Begins,
    drain::Drain,
    follow::{Departure, Follower, Room},
    followed::{Followed, Mine},
    greetings::Greetings,
    identity::Identity,
    message,
    recordings::Recordings,
    trouble,
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
    pub(crate) begins: Begins,
    pub(crate) greetings: Arc<Greetings>,
    pub(crate) recordings: Recordings,
    pub(crate) connector: Arc<Connector>,
    /// Who renders texts; nobody, where none is set.
    pub(crate) speech: Option<Arc<Speech>>,
    pub(crate) drain: Arc<Drain>,
    pub(crate) stop: CancellationToken,
}

/// How long a job waits for a place in a full process before another worker gets it.
const PLACE_PATIENCE: Duration = Duration::from_millis(500);

/// When a call that could not even be prepared is tried again: an unknown host, a broken greeting.
const UNPREPARED: Duration = Duration::from_secs(30);

/// How many orphans one worker takes over per beat: thousands must be ended before their places under the limits are given away.
const ORPHANS: u32 = 500;

impl Dialer {
    /// The job ends as soon as a supervised task owns the call. What fails before is pushed again by the scheduler.
    pub(crate) async fn take(&self, lane: Lane, id: CallId) {
        let place = tokio::select! {
            place = self.live.clone().acquire_owned() => place,
            () = self.stop.cancelled() => return, // the call stays PENDING
            () = tokio::time::sleep(PLACE_PATIENCE) => return self.engine.hand_back(lane, id).await,
        };
        let (Ok(place), Some(mine)) = (place, self.followed.take(id)) else { return };
        if let Err(error) = self.dial(lane, id, place, mine).await {
            tracing::warn!(%error, call = %id, "a call could not be taken up; it will be pushed again");
        }
    }

    async fn dial(
        &self,
        lane: Lane,
        id: CallId,
        place: OwnedSemaphorePermit,
        mine: Mine,
    ) -> Result<(), EngineError> {
        let dial = match lane {
            Lane::Trigger => self.engine.load_single(id).await?,
            _ => self.engine.load(id).await?,
        };
        let Some(dial) = dial else { return Ok(()) };
        if dial.state != CallState::Pending || dial.due_at > Clock::now(self.engine.clock()) + CLOCK_SKEW {
            return Ok(()); // the job came twice, or too early
        }
        let (channel, kind) = (dial.channel.as_str(), dial.config.kind());
        let span = trace::continued(
            dial.traceparent.as_deref(),
            || tracing::info_span!(target: trace::TARGET, parent: None, "dial", call = %id, channel, kind),
        );
        self.begin(dial, place, mine).instrument(span).await
    }

    async fn begin(
        &self,
        dial: Dial,
        place: OwnedSemaphorePermit,
        mut mine: Mine,
    ) -> Result<(), EngineError> {
        if matches!(dial.brake, Some(BrakeState::Paused | BrakeState::Probing | BrakeState::Stopped)) {
            return self.engine.wait_for_trunk(&dial).await;
        }
        let (worker, hang_up) = self.identity.current();
        // Everything that may take its time comes before the send slot.
        let prepared = self.prepare(&dial).await;
        if let (Err(ending), Some(_)) = (&prepared, dial.campaign_id)
            && !is_unsayable(ending)
        {
            // The trunk's trouble or the greeting's is not the recipient's: nothing is consumed.
            if brake::evidence(ending) != Evidence::None {
                trouble::tell(dial.config.kind(), ending);
                return self.engine.unplaced(&dial, ending).await;
            }
            let (wait, reason) = unprepared(ending);
            let at = Clock::now(self.engine.clock()) + wait;
            return self.engine.postpone(dial.id, at, Hold::Pace, reason).await;
        }
        let (permit, departure) = match self.room(&dial).await {
            Acquired::Granted(permit, slot) => (permit, Departure::in_slot(slot)),
            Acquired::NoRoom { kind, retry_after } => {
                let at = Clock::now(self.engine.clock()) + retry_after;
                return self.engine.postpone(dial.id, at, hold_of(kind), None).await;
            }
        };
        mine.opens();
        let resume = prepared.as_ref().map_or(serde_json::Value::Null, |attempt| attempt.resume());
        let follower = self.follower(&dial, worker, mine);
        let asked = Stopwatch::start();
        let begun = self.engine.begin(&dial, worker, resume).await;
        if let (Ok(_), None) = (&begun, dial.campaign_id) {
            self.begins.took(asked.elapsed());
        }
        // From here on the call may reach the network: only the winner of this goes on.
        match (begun, prepared) {
            (Ok(None), _) => {}
            (Ok(Some(begun)), Ok(mut attempt)) => {
                begun.caller_id.into_iter().for_each(|caller_id| attempt.show(caller_id));
                let room = Room { _place: place, permit };
                let span = trace::span(
                    || tracing::info_span!(target: trace::TARGET, "call", call = %dial.id, outcome = Empty),
                );
                let following = follower.follow(room, attempt, departure, hang_up);
                drop(self.calls.spawn(following.instrument(span)));
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

    fn follower(&self, dial: &Dial, worker: WorkerId, mine: Mine) -> Follower {
        Follower {
            engine: self.engine.clone(),
            call: dial.id,
            campaign: dial.campaign_id,
            workspace: dial.workspace_id,
            number: dial.number,
            window: dial.seats.map(|seats| seats.window()),
            kind: dial.config.kind(),
            on_trial: dial.brake.is_some_and(|brake| brake == BrakeState::Trial).then_some(dial.trunk_id),
            worker,
            begun: Clock::now(self.engine.clock()),
            mine,
            recordings: dial.recording.then(|| self.recordings.clone()),
        }
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
            shared.acquire_first(&wanted, self.begins.lead(), horizon).await
        };
        let stopping = Acquired::NoRoom { kind: Shortage::Live, retry_after: Duration::ZERO };
        self.stop.run_until_cancelled(granted).await.unwrap_or(stopping)
    }

    async fn prepare(&self, dial: &Dial) -> Result<Box<dyn Attempt>, Ending> {
        if dial.channel != Channel::Voice {
            return self.prepare_message(dial).await;
        }
        let order = self.order(dial).await?;
        self.carrier(dial)?.prepare(order).await
    }

    /// Takes over calls of dead workers, and gives up those of its own that fell out of its hands.
    pub(crate) async fn look_after_orphans(&self) -> Result<(), EngineError> {
        // One look at a time: what one has adopted and does not follow yet, another would take for a stray.
        let _alone = self.looking.lock().await;
        let followed = self.followed.clone();
        if let Some(lost) = followed.lost() {
            self.engine.disown_strays(self.identity.id(), |id| followed.has(id)).await?;
            followed.found(lost);
        }
        let adopted = self.engine.adopt_orphans(self.identity.id(), ORPHANS).await?;
        ORPHANS_ADOPTED.one().increment(adopted.len() as u64);
        for id in adopted {
            let Some(mut mine) = self.followed.take(id) else {
                self.followed.lost_one(); // whoever has it does not know that it is open
                continue;
            };
            mine.opens();
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

    pub(crate) fn carrier(&self, dial: &Dial) -> Result<Arc<dyn Carrier>, Ending> {
        self.carriers.carrier(dial.trunk_id, &dial.config).map_err(|error| {
            tracing::error!(%error, trunk = %dial.trunk_id, "a trunk cannot be used");
            Ending::over(Outcome::Failed, "trunk_unusable", None, EndedBy::Carrier)
        })
    }

    async fn order(&self, dial: &Dial) -> Result<Order, Ending> {
        if dial.greeting.is_some() && !dial.config.plays_greetings() {
            tracing::error!(call = %dial.id, "a greeting cannot be played over a trunk of this kind");
            return Err(Ending::over(Outcome::Failed, "greeting_unusable", None, EndedBy::Caller));
        }
        let known = self.background(dial).await?;
        let (greeting, say) = self.greeting(dial, known.as_ref().map(|(background, _)| background)).await?;
        let script = Arc::new(self.script(dial, known).await?);
        let record = match dial.recording {
            true => self.recordings.file(dial.id),
            false => None,
        };
        Ok(Order {
            call: dial.id,
            to: dial.number,
            from: dial.shows().map(str::to_owned),
            ring_timeout: Duration::from_secs(u64::from(dial.ring_seconds)),
            max_duration: Duration::from_secs(u64::from(dial.max_call_seconds)),
            greeting,
            say,
            hang_up_after_greeting: true,
            script,
            record,
        })
    }

    /// A file of the greetings folder; the built-in greeting where none is named.
    pub(crate) async fn sound(&self, dial: &Dial, name: Option<&str>) -> Result<Arc<Vec<i16>>, Ending> {
        self.greetings.get(name).await.map_err(|error| {
            tracing::error!(error, call = %dial.id, greeting = name, "a greeting cannot be played");
            Ending::over(Outcome::Failed, "greeting_unusable", None, EndedBy::Caller)
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
    async fn resolve(&self, id: CallId, mut mine: Mine) -> Result<(), EngineError> {
        let worker = self.identity.id();
        let Some(dial) = self.engine.load(id).await? else { return Ok(()) };
        let found = match (&dial.resume, self.carrier(&dial)) {
            (Some(resume), Ok(carrier)) if !resume.is_null() => {
                carrier.resolve(resume, dial.caller_id.as_deref()).await
            }
            _ => Ending::uncertain("worker_lost"),
        };
        let ending = Ending::of_orphan(dial.state, dial.reason.as_deref(), found);
        tracing::info!(call = %dial.id, ?ending, "a dead worker's call is resolved");
        let at = Clock::now(self.engine.clock());
        let (call, campaign, begun) = (dial.id, dial.campaign_id, None);
        let (sent, rung) = (true, true); // for all anybody knows
        let (heard, answered_at, recorded) = (None, None, None);
        let settlement = Settlement {
            call,
            campaign,
            worker,
            sent,
            rung,
            begun,
            ending,
            heard,
            answered_at,
            at,
            recorded,
        };
        self.engine.settle(settlement).await?;
        mine.settled();
        Ok(())
    }
}

/// Whether the call can never be placed, because of what its recipient lacks. It ends so at the pace of its campaign: where all of a list lack
/// something, the campaign's brake has time to stop it.
fn is_unsayable(ending: &Ending) -> bool {
    matches!(ending, Ending::Over { reason, .. } if UNSAYABLE.contains(&reason.as_ref()))
        || message::is_of_the_recipient(ending)
}

fn hold_of(shortage: Shortage) -> Hold {
    match shortage {
        Shortage::Live => Hold::Concurrency,
        Shortage::Seats => Hold::Seats,
        Shortage::Rate | Shortage::Unreachable => Hold::Pace,
    }
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
        seats: None,
    };
    let trunk = of(format!("trunk:{}", dial.trunk_id.uuid()), &dial.trunk_limits);
    if dial.channel != Channel::Voice {
        return vec![trunk]; // the others are about calls
    }
    let campaign = dial.campaign_id.zip(dial.campaign_limits.as_ref());
    let campaign = campaign.map(|(id, limits)| of(format!("campaign:{}", id.uuid()), limits));
    let workspace = of(format!("workspace:{}", dial.workspace_id.uuid()), &dial.floor.limits);
    let seats = dial.campaign_id.zip(dial.seats).map(|(id, seats)| Limit {
        key: format!("seats:{}", id.uuid()),
        per_second: None,
        live: None,
        seats: Some(Seats {
            count: seats.count,
            ratio: seats.ratio(dial.answers.as_ref().unwrap_or(&Answers::default())),
            one_each: seats.keeps_one_each(),
        }),
    });
    // Those that limit nothing are passed over.
    [trunk, workspace].into_iter().chain(campaign).chain(seats).collect()
}
