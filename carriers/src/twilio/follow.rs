//! Follows a call to its end. The one source of truth is what the provider answers when it is asked; a callback only says when to ask.

use std::time::Duration;

use ringfleet_core::{EndedBy, Ending, Outcome};
use tokio::{
    sync::mpsc::UnboundedSender,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{
    api::Api,
    calls::Shown,
    refusals,
    state::{self, State, Why},
};
use crate::{Progress, hints::Ear, rest::Pace};

/// How much longer than a call may last we ask about it. The provider ends it by itself (`TimeLimit`).
const LAST_QUESTIONS: Duration = Duration::from_secs(120);

/// How long each part of a call may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// From here to the answer.
    pub(super) answered_within: Duration,
    /// From here to the end.
    pub(super) over_within: Duration,
}

impl Bounds {
    pub(super) fn of_order(ring: Duration, talk: Duration, queue: Duration) -> Self {
        let answered_within = ring + queue;
        Self { answered_within, over_within: answered_within + talk + LAST_QUESTIONS }
    }
}

/// A call that the provider has.
pub(super) struct Follower<'a> {
    pub(super) api: &'a Api,
    pub(super) pace: Pace,
    pub(super) bounds: Bounds,
    /// Machines are hung up.
    pub(super) spots_machines: bool,
    /// Where what is seen is told; nobody may listen.
    pub(super) progress: Option<UnboundedSender<Progress>>,
    /// Why it is to end, if it is already clear.
    pub(super) asked: Option<Why>,
    pub(super) seen: Seen,
}

/// What has been seen of it.
#[derive(Debug, Default)]
pub(super) struct Seen {
    rung: bool,
    answered: bool,
    machine: bool,
    /// It waited to be dialed when we asked for its end.
    queued_when_asked: bool,
}

impl Follower<'_> {
    /// Never returns while the call may still be live, unless the provider has said nothing about it for longer than it can be.
    pub(super) async fn follow(
        mut self,
        mut shown: Shown,
        ear: &mut Ear,
        hangup: &CancellationToken,
    ) -> Ending {
        let begun = Instant::now();
        let (late, last) = (begun + self.bounds.answered_within, begun + self.bounds.over_within);
        let (mut pause, mut was_asked) = (self.pace.first, false);
        loop {
            let before = State::of(&shown);
            self.note(&shown);
            if before.is_over() {
                return self.ending(&shown).await;
            }
            self.see_whether_to_end(&shown, late, hangup);
            let asked = self.asked.is_some();
            if asked {
                self.end(&shown, before).await;
                pause = if was_asked { pause } else { self.pace.first };
                was_asked = true;
            }
            let next = Instant::now() + pause;
            tokio::select! {
                () = sleep_until(next) => {}
                _ = ear.next() => {}
                () = hangup.cancelled(), if !asked => continue,
                () = sleep_until(late), if !asked && !self.seen.answered => continue,
            }
            if Instant::now() >= last {
                return self.out_of_sight();
            }
            match self.api.call(&shown.sid).await {
                Ok(now) => shown = now,
                Err(trouble) => {
                    tracing::debug!(?trouble, "a provider does not tell how a call is; it is asked again")
                }
            }
            let is_news = State::of(&shown) != before;
            pause = if is_news { self.pace.first } else { (pause * 3 / 2).min(self.pace.longest) };
        }
    }

    fn note(&mut self, shown: &Shown) {
        let state = State::of(shown);
        self.seen.machine |= self.spots_machines && state::is_machine(shown);
        if state.has_rung() && !self.seen.rung {
            self.seen.rung = true;
            self.tell(Progress::Ringing);
        }
        if state.is_answered() && !self.seen.answered {
            self.seen.answered = true;
            self.tell(Progress::Answered);
        }
    }

    fn tell(&self, progress: Progress) {
        if let Some(listener) = &self.progress {
            drop(listener.send(progress)); // nobody may listen any more; that is no reason to end the call
        }
    }

    fn see_whether_to_end(&mut self, shown: &Shown, late: Instant, hangup: &CancellationToken) {
        if self.asked.is_some() {
            return;
        }
        self.asked = match () {
            () if hangup.is_cancelled() => Some(Why::Cancelled),
            () if self.seen.machine => Some(Why::Machine),
            () if !self.seen.answered && Instant::now() >= late => Some(Why::TooLong),
            () => None,
        };
        self.seen.queued_when_asked = self.asked.is_some() && State::of(shown) == State::Queued;
    }

    /// Asks for the end, as fits what is known; refused when that has changed meanwhile, which the next look shows.
    async fn end(&self, shown: &Shown, state: State) {
        let status = if state == State::InProgress { "completed" } else { "canceled" };
        if let Err(trouble) = self.api.end(&shown.sid, status).await {
            tracing::debug!(?trouble, status, "a provider does not end a call; it is asked again");
        }
    }

    async fn ending(&self, shown: &Shown) -> Ending {
        let state = State::of(shown);
        if state == State::Failed {
            let codes = self.api.errors_of(&shown.sid).await.unwrap_or_default();
            return refusals::failed(&codes);
        }
        // Nobody knows of a phone that rang, and the provider says that it has dialed none.
        let has_start = shown.start_time.as_deref().is_some_and(|time| !time.is_empty());
        let never_dialed = self.seen.queued_when_asked && !self.seen.rung && !has_start;
        state::ending(state, self.seen.machine, self.asked, never_dialed)
    }

    fn out_of_sight(&self) -> Ending {
        let reason = if self.asked == Some(Why::WorkerLost) { "worker_lost" } else { "provider_silent" };
        match self.seen.answered {
            true => Ending::over(Outcome::Answered, reason, None, EndedBy::Carrier),
            false => Ending::uncertain(reason),
        }
    }
}
