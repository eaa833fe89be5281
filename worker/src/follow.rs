//! A call from the moment it may have begun until it is settled.

use std::time::Duration;

use chrono::{DateTime, Utc};
use ringfleet_carriers::{Attempt, Progress};
use ringfleet_core::{
    CallId, CampaignId, Clock, E164, Ending, TrunkId, WorkerId, WorkspaceId, call::Heard, clock::Stopwatch,
};
use ringfleet_engine::{Engine, EngineError, Settlement, WORKER_SILENCE, hung_up, hung_up_unsent};
use ringfleet_fleet::{Permit, Seat, Slot};
use ringfleet_store::SeatAnswer;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio_util::sync::CancellationToken;
use tracing::Span;

use crate::{followed::Mine, recordings::Recordings, trouble};

/// So long after it was granted room a call is not placed any more, whatever its slot says: a worker that was frozen meanwhile may
/// have been declared dead, and somebody else may have ended the call.
const TOO_LATE: Duration = Duration::from_secs(5);
const _: () = assert!(TOO_LATE.as_millis() * 2 < WORKER_SILENCE.as_millis());

/// What a live call holds on to: a place in this process, its places under the limits, and this process' attention.
pub(crate) struct Room {
    pub(crate) _place: OwnedSemaphorePermit,
    pub(crate) permit: Permit,
}

/// When a call may be placed that was granted room just now.
#[derive(Clone, Copy)]
pub(crate) struct Departure {
    slot: Slot,
    granted: Stopwatch,
}

impl Departure {
    pub(crate) fn in_slot(slot: Slot) -> Self {
        Self { slot, granted: Stopwatch::start() }
    }

    /// Waits for it, and gives what the call has come to if it is not to be placed.
    async fn prevented(self, hang_up: &CancellationToken, alone: &CancellationToken) -> Option<Ending> {
        tokio::select! {
            biased;
            () = hang_up.cancelled() => Some(stopped()),
            () = alone.cancelled() => Some(hung_up_unsent()),
            is_met = self.slot.is_met() => match is_met && self.granted.elapsed() <= TOO_LATE {
                true => None,
                false => Some(missed_slot()),
            },
        }
    }
}

/// It took so long to begin the call that its time has passed; nothing was sent.
fn missed_slot() -> Ending {
    Ending::NoRoom { retry_after: Duration::from_secs(1), reason: "missed_slot".into(), code: None }
}

/// Its worker was stopped while it waited for its slot; nothing was sent.
fn stopped() -> Ending {
    Ending::GivenUp { reason: "cancelled".into() }
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

/// What was seen of a call, and when.
struct Seen {
    progress: Progress,
    at: DateTime<Utc>,
    /// Somebody has picked up, no seat was free, and the call is hung up.
    is_abandoned: bool,
}

/// Watches a call while it lives, beside whoever writes down what was seen: neither the moment of an answer nor its seat may wait for the
/// database.
struct Watch {
    engine: Engine,
    call: CallId,
    room: Room,
    hang_up: CancellationToken,
    over: CancellationToken,
}

impl Watch {
    async fn watch(self, mut reports: mpsc::UnboundedReceiver<Progress>, tell: mpsc::UnboundedSender<Seen>) {
        let (mut is_answered, mut is_abandoned) = (false, false);
        while let Some(progress) = reports.recv().await {
            let at = Clock::now(self.engine.clock());
            if progress == Progress::Answered && !is_answered {
                is_answered = true;
                is_abandoned = self.finds_no_seat().await;
            }
            drop(tell.send(Seen { progress, at, is_abandoned }));
        }
        self.over.cancelled().await;
        drop(self.room); // the network is done with this call: its room is free while the database writes
    }

    /// Takes a seat, or hangs up for want of one. A call that is over when that is known has lost nobody.
    async fn finds_no_seat(&self) -> bool {
        if self.over.is_cancelled()
            || self.room.permit.take_seat().await != Seat::None
            || self.over.is_cancelled()
        {
            return false;
        }
        tracing::info!(call = %self.call, "a call is hung up: somebody picked up and no seat is free");
        self.hang_up.cancel();
        true
    }
}

/// How far a call has come.
#[derive(Default)]
struct Course {
    /// It went to its carrier.
    sent: bool,
    rung: bool,
    answered_at: Option<DateTime<Utc>>,
    heard: Option<Heard>,
}

/// Owns a call from the moment it may have begun until it is settled.
pub(crate) struct Follower {
    pub(crate) engine: Engine,
    pub(crate) call: CallId,
    pub(crate) campaign: Option<CampaignId>,
    pub(crate) workspace: WorkspaceId,
    pub(crate) number: E164,
    /// How many of the last answers its campaign looks at, if that has seats.
    pub(crate) window: Option<u32>,
    /// What kind of trunk it goes over.
    pub(crate) kind: &'static str,
    /// Its trunk, if that is on trial and this may be the call that decides.
    pub(crate) on_trial: Option<TrunkId>,
    pub(crate) worker: WorkerId,
    pub(crate) begun: DateTime<Utc>,
    pub(crate) mine: Mine,
    /// Where it leaves its recording, if it is to be recorded.
    pub(crate) recordings: Option<Recordings>,
}

impl Follower {
    pub(crate) async fn follow(
        self,
        room: Room,
        attempt: Box<dyn Attempt>,
        departure: Departure,
        hang_up: CancellationToken,
    ) {
        let (report, reports) = mpsc::unbounded_channel();
        let engine = self.engine.clone();
        let alone = self.mine.stopped().child_token();
        let hang_up_alone = alone.clone();
        // Its own task: writing progress must never hold up the signalling.
        let over = CancellationToken::new();
        let ended = over.clone().drop_guard();
        let placing = tokio::spawn(async move {
            let _ended = ended;
            let unsent = departure.prevented(&hang_up, &alone).await;
            let sent = unsent.is_none();
            let ending = match unsent {
                Some(ending) => ending,
                None => place(attempt, report, hang_up.child_token(), alone).await,
            };
            (ending, Clock::now(engine.clock()), sent)
        });
        let (tell, mut told) = mpsc::unbounded_channel();
        let (engine, call, hang_up) = (self.engine.clone(), self.call, hang_up_alone);
        let watch = Watch { engine, call, room, hang_up, over: over.clone() };
        tokio::spawn(watch.watch(reports, tell));
        let (mut rung, mut answered_at, mut abandoned, mut heard) = (false, None, false, None);
        while let Some(mut seen) = told.recv().await {
            if let Progress::Heard(told) = &mut seen.progress {
                heard = Some(std::mem::take(told)); // it is written with the ending
                continue;
            }
            rung |= seen.progress == Progress::Ringing;
            abandoned |= seen.is_abandoned;
            if seen.progress == Progress::Answered {
                answered_at = answered_at.or(Some(seen.at));
            }
            if let Err(error) = self.note(seen, &over).await {
                tracing::warn!(%error, call = %self.call, "progress of a call could not be written");
            }
        }
        let (ending, at, sent) = placing.await.unwrap_or_else(|error| {
            tracing::error!(%error, call = %self.call, "the carrier broke down in mid-call");
            (Ending::uncertain("carrier_broke_down"), Clock::now(self.engine.clock()), true)
        });
        let ending = match (abandoned, self.mine.stopped().is_cancelled()) {
            (true, _) => ending.abandoned(),
            (false, true) => hung_up(ending, rung),
            (false, false) => ending,
        };
        self.settle_at(Course { sent, rung, answered_at, heard }, ending, at).await;
    }

    async fn note(&self, seen: Seen, over: &CancellationToken) -> Result<(), EngineError> {
        let Seen { progress, at, is_abandoned: abandoned } = seen;
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
            Progress::OptedOut => self.engine.opt_out(self.workspace, self.number, self.call).await,
            Progress::Transferred(to) => self.engine.transferred(self.call, self.worker, &to, at).await,
            Progress::Heard(_) => Ok(()),
            Progress::Resume(resume) => self.engine.keep_resume(self.call, self.worker, resume).await,
        }
    }

    /// Of a call that was not sent.
    pub(crate) async fn settle(self, ending: Ending) {
        let now = Clock::now(self.engine.clock());
        self.settle_at(Course::default(), ending, now).await;
    }

    async fn settle_at(self, course: Course, ending: Ending, at: DateTime<Utc>) {
        let Self { engine, call, campaign, kind, worker, begun, mut mine, recordings, .. } = self;
        let (begun, Course { sent, rung, answered_at, heard }) = (Some(begun), course);
        trouble::tell(kind, &ending);
        if let Ending::Over { outcome, .. } = &ending {
            Span::current().record("outcome", outcome.as_str());
        }
        let recorded = match &recordings {
            Some(recordings) => recordings.left_by(&engine, call).await,
            None => None,
        };
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
        match engine.settle(settlement).await {
            Ok(true) => {
                mine.settled();
                recordings.iter().for_each(Recordings::settled);
            }
            Ok(false) => {
                tracing::info!(%call, "a call needed no settling: it had not begun, or is settled already")
            }
            Err(error) => {
                tracing::error!(%error, %call, "a call could not be settled; it will be handed over")
            }
        }
        drop(mine); // what may still be open is looked for: see `Followed::lost`
    }
}

#[cfg(test)]
#[path = "follow_tests.rs"]
mod tests;
