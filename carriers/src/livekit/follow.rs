//! Follows a call to its end: by the answer to the request that placed it, and by looks into its room. A webhook says when to look, and how the
//! callee has left, which no look can tell.

use std::time::Duration;

use ringfleet_core::{EndedBy, Ending, Outcome};
use tokio::{
    sync::mpsc::UnboundedSender,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{
    api::{Api, Placed, Refusal},
    endings::{self, Picked, Unheard, Why},
    left::{Left, Reason},
    refusals::{self, Reached, Said},
    room::{Look, Status},
};
use crate::{
    Progress,
    doubt::Doubt,
    hints::Ear,
    rest::{Pace, Trouble},
};

/// How long an agent may take to come, from the answer on.
const AGENT_WITHIN: Duration = Duration::from_secs(5);
/// How long we ask for the end of a call that does not end, and that the server itself should have ended.
const LAST_QUESTIONS: Duration = Duration::from_secs(120);

/// How long each part of a call may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// How long it may ring; the server sees to that.
    pub(super) ring: Duration,
    /// From here to the answer.
    pub(super) answered_within: Duration,
    /// From the answer to the end.
    pub(super) talk: Duration,
    /// From here to the end that the server sees to.
    pub(super) held: Duration,
    /// How long it is looked for, where it is not known whether the server has it.
    pub(super) search: Duration,
}

/// How far the request is that places the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Request {
    UnderWay,
    /// Somebody has picked up.
    Answered,
    /// The call was taken back before anybody did.
    Canceled,
    /// It is not known whether the server has the call, which is looked for.
    Unclear {
        until: Instant,
    },
    /// The same, and a look has shown its callee.
    Found,
}

/// A call that the server may have.
pub(super) struct Follower<'a> {
    api: &'a Api,
    doubt: &'a Doubt,
    room: &'a str,
    pace: Pace,
    bounds: Bounds,
    /// Where what is seen is told; nobody may listen.
    progress: Option<UnboundedSender<Progress>>,
    /// Its worker has died: it ends as soon as it is found.
    is_orphan: bool,
    begun: Instant,
    request: Request,
    /// Why it is to end, and since when we ask for it.
    asked: Option<(Why, Instant)>,
    seen: Seen,
}

/// What has been seen of it.
#[derive(Debug, Default)]
struct Seen {
    /// The callee's id.
    callee: Option<String>,
    rung: bool,
    answered: Option<Instant>,
    /// Since when no look has shown the callee.
    callee_missed: Option<Instant>,
    /// An agent was there after the answer.
    agent: bool,
    /// Since when no look has shown one any more.
    agent_missed: Option<Instant>,
    left: Option<Reason>,
    /// When the last look was begun; none where it has failed.
    looked: Option<Instant>,
}

impl<'a> Follower<'a> {
    pub(super) fn new(
        api: &'a Api,
        doubt: &'a Doubt,
        room: &'a str,
        pace: Pace,
        bounds: Bounds,
        progress: Option<UnboundedSender<Progress>>,
    ) -> Self {
        let (begun, request, seen) = (Instant::now(), Request::UnderWay, Seen::default());
        Self { api, doubt, room, pace, bounds, progress, is_orphan: false, begun, request, asked: None, seen }
    }

    /// The same for the call of a dead worker, which is ended.
    pub(super) fn orphan(
        api: &'a Api,
        doubt: &'a Doubt,
        room: &'a str,
        pace: Pace,
        request: Request,
    ) -> Self {
        let bounds = Bounds {
            ring: LAST_QUESTIONS,
            answered_within: LAST_QUESTIONS,
            talk: LAST_QUESTIONS,
            held: Duration::ZERO, // nobody knows any more
            search: Duration::ZERO,
        };
        Self { is_orphan: true, request, ..Self::new(api, doubt, room, pace, bounds, None) }
    }

    /// Never returns while the call may still be live, unless the server has said nothing about it for longer than it can be.
    pub(super) async fn follow(
        mut self,
        request: impl Future<Output = Result<Placed, Refusal>>,
        ear: &mut Ear,
        hangup: &CancellationToken,
    ) -> Ending {
        tokio::pin!(request);
        let mut pause = self.pace.first;
        loop {
            let before = (self.request, self.seen.rung, self.seen.agent, self.asked.is_some());
            tokio::select! {
                biased; // the call is asked for before anything else is heard, or never
                answer = &mut request, if self.request == Request::UnderWay => {
                    if let Err(ending) = self.hear_answer(answer) {
                        return ending;
                    }
                }
                note = ear.next() => self.hear(&note),
                () = hangup.cancelled(), if self.asked.is_none() => {}
                () = sleep_until(self.next(pause)) => {}
            }
            self.look().await;
            if let Some(ending) = self.over() {
                return ending;
            }
            self.see_whether_to_end(hangup);
            if self.asked.is_some() {
                self.end().await;
            }
            let is_news = before != (self.request, self.seen.rung, self.seen.agent, self.asked.is_some());
            pause = if is_news { self.pace.first } else { (pause * 3 / 2).min(self.pace.longest) };
        }
    }

    /// When to look next: after a pause, which is short where somebody is missed, or when something is due.
    fn next(&self, pause: Duration) -> Instant {
        let is_missed = self.seen.callee_missed.or(self.seen.agent_missed).is_some();
        let next = Instant::now() + if is_missed { self.pace.first } else { pause };
        match self.asked {
            Some(_) => next,
            None => next.min(self.due()),
        }
    }

    /// When the call is to end, by itself. A look that does not even show the callee is no proof that no agent has come.
    fn due(&self) -> Instant {
        match self.seen.answered {
            Some(at) if self.seen.agent || !self.shows_callee() => at + self.bounds.talk,
            Some(at) => at + AGENT_WITHIN.min(self.bounds.talk),
            None => self.begun + self.bounds.answered_within,
        }
    }

    /// The answer of the server to the request that places the call. The error is the ending of one that nobody has answered.
    fn hear_answer(&mut self, answer: Result<Placed, Refusal>) -> Result<(), Ending> {
        self.seen.callee_missed = None;
        match answer {
            Ok(placed) => {
                self.doubt.clear();
                self.request = Request::Answered;
                self.know(placed.participant_id);
                self.note_answer();
            }
            Err(Trouble::Refused { code: Some(Said::Canceled), .. }) => {
                self.doubt.clear();
                self.request = Request::Canceled;
            }
            // Somebody had picked up all the same.
            Err(Trouble::Refused { .. }) if self.seen.answered.is_some() => {
                self.doubt.clear();
                self.request = Request::Answered;
            }
            Err(Trouble::Refused { status, code, retry_after }) => {
                self.doubt.clear();
                return Err(refusals::unanswered(status, code, retry_after, self.reached(), self.why()));
            }
            Err(Trouble::Unsent(problem)) => {
                tracing::warn!(problem, "a LiveKit server cannot be reached");
                return Err(Ending::over(Outcome::Failed, "network", None, EndedBy::Carrier));
            }
            Err(Trouble::Unknown(problem)) => {
                self.doubt.unclear();
                tracing::warn!(
                    problem,
                    room = self.room,
                    "it is not known whether a call was placed; it is looked for"
                );
                self.request = Request::Unclear { until: Instant::now() + self.bounds.search };
            }
        }
        Ok(())
    }

    /// A hint. How somebody left counts for this placement of the call only, not for an earlier one.
    fn hear(&mut self, note: &str) {
        if let Some(left) = Left::read(note)
            && self.seen.callee.as_ref().is_none_or(|sid| *sid == left.sid)
        {
            self.know(left.sid);
            self.seen.left = Some(left.reason);
        }
    }

    fn know(&mut self, callee: String) {
        if self.seen.callee.as_ref() != Some(&callee) {
            self.seen.left = None; // another one has
            self.seen.callee = Some(callee);
        }
    }

    fn reached(&self) -> Reached {
        match self.seen.callee {
            Some(_) if self.seen.rung => Reached::Ringing,
            Some(_) => Reached::Dialing,
            None => Reached::Nothing,
        }
    }

    fn why(&self) -> Option<Why> {
        self.asked.map(|(why, _)| why)
    }

    fn see_whether_to_end(&mut self, hangup: &CancellationToken) {
        if self.asked.is_some() {
            return;
        }
        let now = Instant::now();
        let due = self.due();
        let talked = self.seen.answered.map(|at| now - at);
        let why = match () {
            () if hangup.is_cancelled() => Why::Cancelled,
            () if self.is_orphan && self.shows_callee() => Why::WorkerLost,
            () if talked.is_some_and(|time| time >= self.bounds.talk) => Why::MaxDuration,
            // A look from before, however late it was answered, says nothing.
            () if talked.is_some() && self.seen.looked.is_some_and(|look| look >= due) => Why::NoAgent,
            () if talked.is_none() && now >= due => Why::TooLong,
            () if self.shows_callee() && self.is_gone(self.seen.agent_missed) => Why::AgentLeft,
            () => return,
        };
        self.asked = Some((why, now));
    }

    /// Asks for the end. Once more each time: a room that was closed before the callee came into it is opened again by them.
    async fn end(&self) {
        if let Err(trouble) = self.api.close_room(self.room).await {
            tracing::debug!(?trouble, "a room is not closed; it is tried again");
        }
    }

    async fn look(&mut self) {
        let begun = Instant::now();
        let there = match self.api.participants(self.room).await {
            Ok(there) => there,
            Err(trouble) => {
                tracing::debug!(?trouble, "a server does not tell who is in a room; it is asked again");
                // Whoever was missed may be there again.
                (self.seen.looked, self.seen.callee_missed, self.seen.agent_missed) = (None, None, None);
                return;
            }
        };
        self.seen.looked = Some(begun);
        let look = Look::of(&there);
        self.note_callee(look.callee);
        if self.seen.answered.is_some() {
            self.seen.agent |= look.agent;
            let missed = self.seen.agent_missed.unwrap_or_else(Instant::now);
            self.seen.agent_missed = (self.seen.agent && !look.agent).then_some(missed);
        }
    }

    fn note_callee(&mut self, callee: Option<(String, Status)>) {
        let Some((sid, status)) = callee else {
            self.seen.callee_missed.get_or_insert_with(Instant::now);
            return;
        };
        self.seen.callee_missed = None;
        self.know(sid);
        self.note_found();
        match status {
            Status::Dialing => {}
            Status::Ringing => self.note_ringing(),
            Status::Active => self.note_answer(),
        }
    }

    /// A call that is shown was placed, whatever became of the answer; that of a dead worker says nothing of the server of now.
    fn note_found(&mut self) {
        if matches!(self.request, Request::Unclear { .. }) {
            self.request = Request::Found;
            if !self.is_orphan {
                self.doubt.clear();
            }
        }
    }

    fn note_ringing(&mut self) {
        if !std::mem::replace(&mut self.seen.rung, true) {
            self.tell(Progress::Ringing);
        }
    }

    fn note_answer(&mut self) {
        self.note_ringing();
        if self.seen.answered.is_none() {
            self.seen.answered = Some(Instant::now());
            if self.asked.is_none() {
                self.tell(Progress::Answered); // else it crosses our hanging up
            }
        }
    }

    fn tell(&self, progress: Progress) {
        if let Some(listener) = &self.progress {
            drop(listener.send(progress)); // nobody may listen any more; that is no reason to end the call
        }
    }

    /// Whether the last look has shown the callee.
    fn shows_callee(&self) -> bool {
        self.seen.looked.is_some() && self.seen.callee_missed.is_none()
    }

    /// Whether who is missed since then has gone. One look proves nothing, for lists lag.
    fn is_gone(&self, missed: Option<Instant>) -> bool {
        missed.is_some_and(|since| since.elapsed() >= self.pace.first)
    }

    /// The ending, once the call is over.
    fn over(&self) -> Option<Ending> {
        let missed = self.seen.callee_missed;
        let has_gone = self.is_gone(missed) || missed.is_some() && self.seen.left.is_some();
        let was_there = self.seen.callee.is_some();
        match self.request {
            _ if has_gone && self.seen.answered.is_some() => Some(self.ending()),
            // Its answer says more, and comes.
            Request::UnderWay => None,
            Request::Canceled if has_gone || self.asked.is_some() => Some(self.ending()),
            Request::Unclear { .. } | Request::Found if has_gone && was_there => Some(self.ending()),
            Request::Unclear { until } if !was_there && Instant::now() >= until => {
                Some(Ending::uncertain(if self.is_orphan { "worker_lost" } else { "placement_unknown" }))
            }
            _ => self.out_of_sight(),
        }
    }

    fn ending(&self) -> Ending {
        match (self.asked, self.seen.answered) {
            (Some((why, at)), Some(answered)) if answered > at => endings::ended(why, Picked::TooLate),
            (Some((why, _)), Some(_)) => endings::ended(why, Picked::InTime),
            (Some((why, _)), None) => endings::ended(why, Picked::Never),
            (None, Some(_)) => endings::hung_up(self.seen.left),
            (None, None) => endings::unheard(self.seen.left, self.unheard()),
        }
    }

    fn unheard(&self) -> Unheard {
        match self.request {
            Request::Canceled if self.begun.elapsed() >= self.bounds.ring => Unheard::RangOut,
            Request::Canceled => Unheard::TakenBack,
            _ => Unheard::Gone,
        }
    }

    /// The ending of a call that does not end, for all the server tells.
    fn out_of_sight(&self) -> Option<Ending> {
        let (why, at) = self.asked?;
        if self.is_orphan && self.shows_callee() {
            return None;
        }
        let reason = if why == Why::WorkerLost { "worker_lost" } else { "provider_silent" };
        let ending = match self.seen.answered {
            Some(_) => Ending::over(Outcome::Answered, reason, None, EndedBy::Carrier),
            None => Ending::uncertain(reason),
        };
        let last = at.max(self.begun + self.bounds.held) + LAST_QUESTIONS;
        (Instant::now() >= last).then_some(ending)
    }
}

#[cfg(test)]
#[path = "follow_tests.rs"]
mod tests;
