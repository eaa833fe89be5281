//! Follows a call to its end. What the provider has told, signed, and what it answers when it is asked are worth the same; what is told is
//! quicker, and may be lost.

use std::time::Duration;

use ringfleet_core::{EndedBy, Ending, Outcome};
use tokio::{
    sync::mpsc::UnboundedSender,
    time::{Instant, sleep_until, timeout_at},
};
use tokio_util::sync::CancellationToken;

use super::{
    Kept,
    api::{Api, Leg, Placed, Shown},
    commands::Commands,
    ending::{self, Why},
    news::{News, Over, Told},
    seen::Seen,
    talk::Talk,
};
use crate::{Progress, RestSettings, desk::Desk, hints::Ear, rest::Trouble};

/// How much longer than a call may last we ask about it. The provider ends it by itself (`time_limit_secs`).
const LAST_QUESTIONS: Duration = Duration::from_secs(120);

/// How long each part of a call may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// From here to the answer.
    answered_within: Duration,
    /// From the answer to the end.
    talk: Duration,
    /// From here to the end.
    over_within: Duration,
}

impl Bounds {
    pub(super) fn of_order(ring: Duration, talk: Duration, queue: Duration) -> Self {
        let answered_within = ring + queue;
        Self { answered_within, talk, over_within: answered_within + talk + LAST_QUESTIONS }
    }

    /// One for all parts.
    pub(super) const fn all(within: Duration) -> Self {
        Self { answered_within: within, talk: within, over_within: within }
    }
}

/// A call that the provider has.
pub(super) struct Follower<'a> {
    desk: &'a Desk<Api>,
    /// Of the attempt.
    name: String,
    leg: Leg,
    bounds: Bounds,
    /// Why it is to end, if that is clear.
    asked: Option<Why>,
    /// What is said of it where nobody can tell how it ended.
    silence: &'static str,
    seen: Seen,
}

impl<'a> Follower<'a> {
    pub(super) fn new(
        desk: &'a Desk<Api>,
        kept: &Kept,
        call: Placed,
        bounds: Bounds,
        spots_machines: bool,
    ) -> Self {
        let mut seen = Seen::new(spots_machines);
        if let Some(told) = call.told {
            seen.hear(told.news);
        }
        Self { desk, name: kept.name(), leg: call.leg, bounds, asked: None, silence: "provider_silent", seen }
    }

    /// Never returns while the call may still be live, unless the provider has said nothing about it for longer than it can be.
    pub(super) async fn follow(
        mut self,
        commands: Commands,
        progress: UnboundedSender<Progress>,
        ear: &mut Ear,
        hangup: &CancellationToken,
    ) -> Ending {
        self.seen.listen(commands, progress);
        self.watch(ear, hangup).await
    }

    /// Ends the call of a dead worker. One that was over before has the ending that it had.
    pub(super) async fn resolve(mut self, ear: &mut Ear) -> Ending {
        self.silence = "worker_lost";
        self.look().await;
        let is_over = self.seen.over.is_some() || self.seen.gone.is_some();
        self.asked = (!is_over).then_some(Why::WorkerLost);
        self.watch(ear, &CancellationToken::new()).await
    }

    async fn watch(mut self, ear: &mut Ear, hangup: &CancellationToken) -> Ending {
        let begun = Instant::now();
        let (late, last) = (begun + self.bounds.answered_within, begun + self.bounds.over_within);
        let first = self.desk.settings.pace.first;
        let (mut pause, mut next, mut hung_up) = (first, begun + first, false);
        loop {
            if let Some(ending) = self.ended(ear).await {
                return ending;
            }
            if Instant::now() >= last {
                return self.out_of_sight();
            }
            self.see_whether_to_end(late, hangup);
            if self.asked.is_none() {
                self.asked = self.go_on().await;
            }
            if self.asked.is_some() && !hung_up {
                hung_up = true; // and once more after each look
                self.hang_up().await;
                (pause, next) = (first, Instant::now() + first);
            }
            let (asked, due) = (self.asked.is_some(), self.due(late).min(last));
            tokio::select! {
                () = sleep_until(next) => {
                    self.look().await;
                    hung_up = false;
                    pause = self.pause_after(pause);
                    next = Instant::now() + pause;
                }
                note = ear.next() => self.take_in(&note),
                () = hangup.cancelled(), if !asked => {}
                () = sleep_until(due), if !asked => {}
            }
        }
    }

    /// The pauses between two looks grow, but not while something depends on them.
    fn pause_after(&self, pause: Duration) -> Duration {
        let pace = self.desk.settings.pace;
        let waits = self.seen.talking().map_or(self.seen.answered.is_none(), Talk::waits);
        let is_stuck = self.seen.talking().is_some_and(Talk::is_stuck);
        let depends = self.seen.gone.is_some() || is_stuck || (waits && !self.seen.webhooks);
        if depends { pace.first } else { (pause * 3 / 2).min(pace.longest) }
    }

    /// When something is due by itself.
    fn due(&self, late: Instant) -> Instant {
        let Some(answered) = self.seen.answered else { return late };
        let enough = answered + self.bounds.talk;
        self.seen.talking().and_then(Talk::due).map_or(enough, |due| due.min(enough))
    }

    fn see_whether_to_end(&mut self, late: Instant, hangup: &CancellationToken) {
        let now = Instant::now();
        let why = match self.seen.answered {
            _ if hangup.is_cancelled() => Some(Why::Cancelled),
            _ if self.seen.is_machine() => Some(Why::Machine),
            None if now >= late => Some(Why::TooLong),
            Some(at) if now >= at + self.bounds.talk => Some(Why::Enough),
            _ => None,
        };
        self.asked = self.asked.or(why);
    }

    async fn go_on(&mut self) -> Option<Why> {
        let talk = self.seen.talk()?;
        talk.go_on(self.desk, &self.leg.id, &self.name).await
    }

    /// Refused where the call is over, which the next look shows.
    async fn hang_up(&self) {
        let nothing = serde_json::json!({});
        if let Err(trouble) = self.desk.api.act(&self.leg.id, "hangup", &nothing).await {
            tracing::debug!(?trouble, "a provider does not hang up a call; it is told again");
        }
    }

    /// Asks how it is.
    async fn look(&mut self) {
        match self.desk.api.call(&self.leg.id).await {
            Ok(Shown { is_alive: true, .. }) => self.seen.is_shown(true),
            // Just after it was placed it is not alive yet, and has no end.
            Ok(Shown { end_time, .. }) if end_time.is_some() || self.seen.alive => self.seen.is_shown(false),
            // What is over is shown for some minutes only.
            Err(Trouble::Refused { status: 404 | 422, .. }) if self.seen.alive => self.seen.is_shown(false),
            Ok(_) => {}
            Err(trouble) => {
                tracing::debug!(?trouble, "a provider does not tell how a call is; it is asked again")
            }
        }
        self.learn().await;
    }

    /// Asks what has been told of it. Gives whether its end was among that, and so all that came before.
    async fn learn(&mut self) -> bool {
        if self.leg.leg.is_empty() {
            return false;
        }
        match self.desk.api.events(&[("filter[leg_id]", self.leg.leg.as_str())]).await {
            Ok(events) => {
                let told = events.iter().filter_map(Told::of_event);
                let ours: Vec<_> = told.filter(|told| told.leg.leg == self.leg.leg).collect();
                let is_whole = ours.iter().any(|told| matches!(told.news, News::Over(_)));
                ours.into_iter().for_each(|told| self.seen.hear(told.news));
                is_whole
            }
            Err(trouble) => {
                tracing::debug!(
                    ?trouble,
                    "a provider does not list what it has told of a call; it is asked again"
                );
                false
            }
        }
    }

    /// The same for a call that is over, until it is certain whether anybody had picked up; not for longer than something is looked for.
    async fn learn_all(&mut self, ear: &mut Ear) -> bool {
        let RestSettings { search, pace, .. } = self.desk.settings;
        let deadline = Instant::now() + search;
        while Instant::now() < deadline {
            if let Ok(note) = timeout_at(deadline.min(Instant::now() + pace.first), ear.next()).await {
                self.take_in(&note);
            }
            if self.seen.answered.is_some() || self.learn().await {
                return true;
            }
        }
        false
    }

    fn take_in(&mut self, note: &str) {
        match Told::of_note(note) {
            Some(told) if told.leg.id == self.leg.id => {
                self.seen.webhooks = true;
                self.seen.hear(told.news);
            }
            _ => tracing::debug!("what was told is not of this attempt"),
        }
    }

    async fn ended(&mut self, ear: &mut Ear) -> Option<Ending> {
        let Some(over) = self.seen.over.clone() else {
            let silent_since = self.seen.gone?;
            let is_patient = Instant::now() < silent_since + self.desk.settings.search;
            return (!is_patient).then(|| self.out_of_sight());
        };
        if over.was_answered(self.asked) {
            self.seen.was_answered();
        }
        if self.seen.lacks_word() {
            // Nobody who had picked up is to look unanswered, nor a machine like a person, because a webhook was overtaken, or lost.
            let is_certain = self.learn().await || self.seen.answered.is_some() || !over.leaves_open();
            if !is_certain && !self.learn_all(ear).await {
                return Some(Ending::uncertain(self.silence));
            }
        }
        Some(match self.seen.answered {
            Some(_) => ending::answered(&over, self.seen.is_machine(), self.asked),
            None => ending::unanswered(&over, self.asked),
        })
    }

    /// Nobody tells how it ended.
    fn out_of_sight(&self) -> Ending {
        match (self.seen.answered, self.seen.gone) {
            (Some(_), Some(_)) => ending::answered(&Over::default(), self.seen.is_machine(), self.asked),
            (Some(_), None) => Ending::over(Outcome::Answered, self.silence, None, EndedBy::Carrier),
            (None, _) => Ending::uncertain(self.silence),
        }
    }
}
