//! Carries out one job of the dialing lanes: a call to place, or the call of a dead worker to resolve.

use std::{path::PathBuf, sync::Arc, time::Duration};

use ringfleet_carriers::{Attempt, Carrier, Order, Progress, Registry};
use ringfleet_core::{CallId, CallState, Clock, EndedBy, Ending, Hold, Outcome, WorkerId};
use ringfleet_engine::{Engine, EngineError, Settlement};
use ringfleet_fleet::{Acquired, Limit, Permit, Shortage};
use ringfleet_store::{Call, Dial};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{greetings::Greetings, identity::Identity};

/// How long a job waits for room under the limits before it goes back.
const HORIZON: Duration = Duration::from_secs(2);

/// Places calls. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Dialer {
    pub(crate) engine: Engine,
    pub(crate) carriers: Arc<Registry>,
    pub(crate) identity: Arc<Identity>,
    pub(crate) live: Arc<Semaphore>,
    pub(crate) calls: TaskTracker,
    pub(crate) greetings: Arc<Greetings>,
    pub(crate) recordings: Option<PathBuf>,
    pub(crate) stop: CancellationToken,
}

/// What a live call holds on to: a place in this process and its places under the limits.
type Room = (OwnedSemaphorePermit, Permit);

impl Dialer {
    /// The job ends as soon as a supervised task owns the call. What fails before is pushed again by the scheduler.
    pub(crate) async fn take(&self, id: CallId) {
        // A place in this process first: a worker that is full takes nothing from the others.
        let place = tokio::select! {
            place = self.live.clone().acquire_owned() => place,
            () = self.stop.cancelled() => return, // the call stays PENDING
        };
        let Ok(place) = place else { return };
        if let Err(error) = self.dial_or_resolve(id, place).await {
            tracing::warn!(%error, call = %id, "a call could not be taken up; it will be pushed again");
        }
    }

    async fn dial_or_resolve(&self, id: CallId, place: OwnedSemaphorePermit) -> Result<(), EngineError> {
        let Some(dial) = self.engine.load(id).await? else { return Ok(()) };
        match dial.state {
            CallState::Pending if dial.due_at <= Clock::now(self.engine.clock()) => {
                self.dial(dial, place).await
            }
            CallState::Triggered | CallState::Ongoing if dial.orphaned_at.is_some() => {
                let this = self.clone();
                self.calls.spawn(async move {
                    if let Err(error) = this.resolve(dial).await {
                        tracing::warn!(%error, call = %id, "an orphan could not be resolved; it will be pushed again");
                    }
                });
                Ok(())
            }
            _ => Ok(()), // the job came twice, or not yet
        }
    }

    async fn dial(&self, dial: Dial, place: OwnedSemaphorePermit) -> Result<(), EngineError> {
        let permit = match self.engine.fleet().limits().acquire(&limits(&dial), HORIZON).await {
            Acquired::Granted(permit) => permit,
            Acquired::NoRoom { kind, retry_after } => {
                let hold = if kind == Shortage::Live { Hold::Concurrency } else { Hold::Pace };
                return self
                    .engine
                    .postpone(dial.id, Clock::now(self.engine.clock()) + retry_after, hold)
                    .await;
            }
        };
        let (worker, hang_up) = self.identity.current();
        let prepared = match self.carrier(&dial) {
            Ok(carrier) => match self.order(&dial).await {
                Ok(order) => carrier.prepare(order).await,
                Err(ending) => Err(ending),
            },
            Err(ending) => Err(ending),
        };
        let resume = prepared.as_ref().map_or(serde_json::Value::Null, |attempt| attempt.resume());
        // From here on the call may reach the network: only the winner of this goes on.
        let Some(call) = self.engine.begin(&dial, worker, resume).await? else { return Ok(()) };
        let follower = Follower { engine: self.engine.clone(), call, worker, room: (place, permit) };
        match prepared {
            Ok(attempt) => drop(self.calls.spawn(follower.follow(attempt, hang_up))),
            Err(ending) => drop(self.calls.spawn(follower.settle(ending))),
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
            from: dial.caller_id.clone(),
            ring_timeout: Duration::from_secs(u64::from(dial.ring_seconds)),
            max_duration: Duration::from_secs(u64::from(dial.max_call_seconds)),
            greeting,
            hang_up_after_greeting: true,
            record,
        })
    }

    /// Finds out what became of a dead worker's call; never places one.
    async fn resolve(&self, dial: Dial) -> Result<(), EngineError> {
        let worker = self.identity.id();
        if !self.engine.adopt(dial.id, worker).await? {
            return Ok(());
        }
        let found = match (&dial.resume, self.carrier(&dial)) {
            (Some(resume), Ok(carrier)) if !resume.is_null() => carrier.resolve(resume).await,
            _ => Ending::uncertain("worker_lost"),
        };
        let ending = Ending::of_orphan(dial.state, found);
        tracing::info!(call = %dial.id, ?ending, "a dead worker's call is resolved");
        let settlement = Settlement { call: dial.id, campaign: dial.campaign_id, worker, ending };
        self.engine.settle(settlement).await.map(drop)
    }
}

fn limits(dial: &Dial) -> Vec<Limit> {
    let of = |key: String, limits: &ringfleet_core::trunk::Limits| Limit {
        key,
        per_second: limits.calls_per_second,
        live: limits.max_live_calls,
    };
    let trunk = of(format!("trunk:{}", dial.trunk_id.uuid()), &dial.trunk_limits);
    let campaign = dial.campaign_id.zip(dial.campaign_limits.as_ref());
    let campaign = campaign.map(|(id, limits)| of(format!("campaign:{}", id.uuid()), limits));
    std::iter::once(trunk).chain(campaign).filter(|l| l.per_second.is_some() || l.live.is_some()).collect()
}

/// Owns a call that has begun until it is settled.
struct Follower {
    engine: Engine,
    call: Call,
    worker: WorkerId,
    room: Room,
}

impl Follower {
    async fn follow(self, attempt: Box<dyn Attempt>, hang_up: CancellationToken) {
        let (report, mut reports) = mpsc::unbounded_channel();
        // Its own task: writing progress must never hold up the signalling.
        let placing = tokio::spawn(attempt.place(report, hang_up));
        while let Some(progress) = reports.recv().await {
            if let Err(error) = self.note(progress).await {
                tracing::warn!(%error, call = %self.call.id, "progress of a call could not be written");
            }
        }
        let ending = placing.await.unwrap_or_else(|error| {
            tracing::error!(%error, call = %self.call.id, "the carrier broke down in mid-call");
            Ending::uncertain("carrier_broke_down")
        });
        self.settle(ending).await;
    }

    async fn note(&self, progress: Progress) -> Result<(), EngineError> {
        match progress {
            Progress::Ringing => Ok(()),
            Progress::Answered => self.engine.answered(self.call.id, self.worker).await.map(drop),
            Progress::Resume(resume) => self.engine.keep_resume(self.call.id, self.worker, resume).await,
        }
    }

    async fn settle(self, ending: Ending) {
        // The network is done with this call: its room is free while the database writes.
        drop(self.room);
        let settlement =
            Settlement { call: self.call.id, campaign: self.call.campaign_id, worker: self.worker, ending };
        match self.engine.settle(settlement).await {
            Ok(true) => {}
            Ok(false) => tracing::warn!(call = %self.call.id, "a call was settled by somebody else"),
            Err(error) => {
                tracing::error!(%error, call = %self.call.id, "a call could not be settled; it will be handed over")
            }
        }
    }
}
