//! A call from the moment it may have begun until it is settled.

use std::time::Duration;

use chrono::{DateTime, Utc};
use ringfleet_carriers::{Attempt, Progress};
use ringfleet_core::{CallId, CampaignId, Clock, Ending, TrunkId, WorkerId, clock::Stopwatch, trunk::Limits};
use ringfleet_engine::{Engine, EngineError, Settlement, WORKER_SILENCE, hung_up};
use ringfleet_fleet::{Permit, Seat};
use ringfleet_store::{Dial, SeatAnswer};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio_util::sync::CancellationToken;

use crate::followed::Mine;

/// A send slot is used at once or not at all: later than this, the calls of a stalled database would leave in one burst.
const LATE: Duration = Duration::from_millis(250);

/// Without a slot, so long after it was asked for a call is not placed any more: a worker that was frozen meanwhile may have been
/// declared dead, and somebody else may have ended the call.
const TOO_LATE: Duration = Duration::from_secs(5);
const _: () = assert!(TOO_LATE.as_millis() * 2 < WORKER_SILENCE.as_millis());

/// What a live call holds on to: a place in this process, its places under the limits, and this process' attention.
pub(crate) struct Room {
    pub(crate) _place: OwnedSemaphorePermit,
    pub(crate) permit: Permit,
}

/// Until when a call may be placed that was granted room just now.
#[derive(Clone, Copy)]
pub(crate) struct Deadline {
    granted: Stopwatch,
    within: Duration,
}

impl Deadline {
    pub(crate) fn new(dial: &Dial) -> Self {
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

/// Places a call, which is hung up with all others, or `alone`: its campaign was stopped, or no seat is free for who picked up.
async fn place(
    attempt: Box<dyn Attempt>,
    report: mpsc::UnboundedSender<Progress>,
    hang_up: CancellationToken,
    alone: CancellationToken,
) -> Ending {
    let mut placed = attempt.place(report, hang_up.clone());
    tokio::select! {
        ending = &mut placed => return ending,
        () = alone.cancelled() => hang_up.cancel(),
    }
    placed.await
}

/// Owns a call from the moment it may have begun until it is settled.
pub(crate) struct Follower {
    pub(crate) engine: Engine,
    pub(crate) call: CallId,
    pub(crate) campaign: Option<CampaignId>,
    /// How many of the last answers its campaign looks at, if that has seats.
    pub(crate) window: Option<u32>,
    /// Its trunk, if that is on trial and this may be the call that decides.
    pub(crate) on_trial: Option<TrunkId>,
    pub(crate) worker: WorkerId,
    pub(crate) begun: DateTime<Utc>,
    pub(crate) room: Room,
    pub(crate) mine: Mine,
}

impl Follower {
    pub(crate) async fn follow(
        self,
        attempt: Box<dyn Attempt>,
        deadline: Deadline,
        hang_up: CancellationToken,
    ) {
        let (report, mut reports) = mpsc::unbounded_channel();
        let engine = self.engine.clone();
        let (alone, mut rung) = (self.mine.stopped().child_token(), false);
        let hang_up_alone = alone.clone();
        // Its own task: writing progress must never hold up the signalling.
        let over = CancellationToken::new();
        let ended = over.clone().drop_guard();
        let placing = tokio::spawn(async move {
            let _ended = ended;
            let ending = match deadline.has_passed() {
                true => missed_slot(),
                false => place(attempt, report, hang_up.child_token(), alone).await,
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
        let (mut answered_at, mut is_abandoned) = (None, false);
        while let Some((progress, at)) = stamped.recv().await {
            rung |= progress == Progress::Ringing;
            if progress == Progress::Answered && answered_at.is_none() {
                answered_at = Some(at);
                is_abandoned = self.room.permit.take_seat().await == Seat::None;
                if is_abandoned {
                    tracing::info!(call = %self.call, "a call is hung up: somebody picked up and no seat is free");
                    hang_up_alone.cancel();
                }
            }
            if let Err(error) = self.note(progress, at, is_abandoned, &over).await {
                tracing::warn!(%error, call = %self.call, "progress of a call could not be written");
            }
        }
        let (ending, at) = placing.await.unwrap_or_else(|error| {
            tracing::error!(%error, call = %self.call, "the carrier broke down in mid-call");
            (Ending::uncertain("carrier_broke_down"), Clock::now(self.engine.clock()))
        });
        let ending = match (is_abandoned, self.mine.stopped().is_cancelled()) {
            (true, _) => ending.abandoned(),
            (false, true) => hung_up(ending, rung),
            (false, false) => ending,
        };
        self.settle_at(ending, rung, answered_at, at).await;
    }

    async fn note(
        &self,
        progress: Progress,
        at: DateTime<Utc>,
        abandoned: bool,
        over: &CancellationToken,
    ) -> Result<(), EngineError> {
        if let (Progress::Ringing | Progress::Answered, Some(trunk)) = (&progress, self.on_trial)
            && let Err(error) = self.engine.trial_passed(trunk, self.call).await
        {
            tracing::warn!(%error, call = %self.call, "a trunk works again and cannot be opened yet; the call's end will");
        }
        match progress {
            Progress::Ringing => Ok(()),
            Progress::Answered => match self.campaign.zip(self.window) {
                Some((campaign, window)) => {
                    let seat = SeatAnswer { campaign, abandoned, window };
                    self.engine.answered_at_seats(self.call, self.worker, at, seat).await.map(drop)
                }
                None => self.engine.answered(self.call, self.worker, at, over).await.map(drop),
            },
            Progress::Resume(resume) => self.engine.keep_resume(self.call, self.worker, resume).await,
        }
    }

    pub(crate) async fn settle(self, ending: Ending) {
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
