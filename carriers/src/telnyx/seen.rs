//! What has been seen of a call.

use tokio::{sync::mpsc::UnboundedSender, time::Instant};

use super::{
    commands::Commands,
    news::{News, Over},
    talk::Talk,
};
use crate::Progress;

/// What has been seen of it. Whatever is told may be told again, and in any order.
pub(super) struct Seen {
    /// Machines are hung up.
    spots_machines: bool,
    /// Something was told of it without being asked.
    pub(super) webhooks: bool,
    dialed: bool,
    /// The provider has shown it so.
    pub(super) alive: bool,
    pub(super) answered: Option<Instant>,
    /// Whether a machine picked up, once it is told.
    machine: Option<bool>,
    pub(super) over: Option<Over>,
    /// Since when it is over, where it is not told how.
    pub(super) gone: Option<Instant>,
    /// What it is told to do once it is answered.
    commands: Option<Commands>,
    talk: Option<Talk>,
    /// Where it is told; nobody may listen.
    progress: Option<UnboundedSender<Progress>>,
}

impl Seen {
    pub(super) const fn new(spots_machines: bool) -> Self {
        Self {
            spots_machines,
            webhooks: false,
            dialed: false,
            alive: false,
            answered: None,
            machine: None,
            over: None,
            gone: None,
            commands: None,
            talk: None,
            progress: None,
        }
    }

    /// Tells what has been seen, and what will be, to `progress`; and has the call do this once it is answered.
    pub(super) fn listen(&mut self, commands: Commands, progress: UnboundedSender<Progress>) {
        self.commands = Some(commands);
        self.progress = Some(progress);
        let known = [(self.dialed, Progress::Ringing), (self.answered.is_some(), Progress::Answered)];
        known.into_iter().filter(|(is_so, _)| *is_so).for_each(|(_, progress)| self.tell(progress));
    }

    pub(super) fn hear(&mut self, news: News) {
        match news {
            News::Dialed => self.was_dialed(),
            News::Answered => self.was_answered(),
            News::Machine | News::Person => {
                self.was_answered();
                self.machine = Some(news == News::Machine);
            }
            News::Over(over) => {
                self.over.get_or_insert(over);
            }
            News::Saying | News::Said | News::Streaming | News::Stopped | News::Unstreamed => {
                if let Some(talk) = &mut self.talk {
                    talk.hear(&news);
                }
            }
        }
    }

    /// A machine picked up, and is to be hung up.
    pub(super) fn is_machine(&self) -> bool {
        self.spots_machines && self.machine == Some(true)
    }

    /// Whether something that decides on the ending may have been told and not been heard.
    pub(super) const fn lacks_word(&self) -> bool {
        self.answered.is_none() || (self.spots_machines && self.machine.is_none())
    }

    /// A phone may ring from here on; that it does nobody tells.
    fn was_dialed(&mut self) {
        if !std::mem::replace(&mut self.dialed, true) {
            self.tell(Progress::Ringing);
        }
    }

    pub(super) fn was_answered(&mut self) {
        self.was_dialed();
        if self.answered.is_none() {
            self.answered = Some(Instant::now());
            self.tell(Progress::Answered);
        }
    }

    /// The provider shows it alive, or not.
    pub(super) fn is_shown(&mut self, alive: bool) {
        match alive {
            true => {
                (self.alive, self.gone) = (true, None);
                self.was_dialed();
            }
            false => {
                self.gone.get_or_insert_with(Instant::now);
            }
        }
    }

    /// What it does, if it is answered and was to do something.
    pub(super) fn talk(&mut self) -> Option<&mut Talk> {
        self.answered?;
        if self.talk.is_none() {
            self.talk = self.commands.take().map(Talk::new);
        }
        self.talk.as_mut()
    }

    /// The same, to look at.
    pub(super) const fn talking(&self) -> Option<&Talk> {
        self.talk.as_ref()
    }

    fn tell(&self, progress: Progress) {
        if let Some(listener) = &self.progress {
            drop(listener.send(progress)); // nobody may listen any more; that is no reason to end the call
        }
    }
}
