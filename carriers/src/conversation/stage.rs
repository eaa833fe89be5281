//! Carries out what the director says: who is heard, who is called, who has the call.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use ringfleet_core::transfer::{Destination, Transfer, TransferName};
use tokio::{
    sync::{
        mpsc::{self, UnboundedSender},
        oneshot,
    },
    task::JoinHandle,
    time::{Instant, sleep_until},
};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::AbortOnDropHandle,
};

use super::{
    AgentAt, Close, Ends, FRAMES, Gone, Handover, NEWS, News, Script, Switchboard,
    director::{Director, Step},
    stream::hand_over,
};
use crate::{
    Progress,
    hints::{Ear, transfer_asked},
    media::{Command, Event, HeardFrame, Lead, Playout},
};

/// Silence between a beep and the message: beeps last up to a second.
const AFTER_BEEP: Duration = Duration::from_secs(1);

/// What a conversation has around it.
pub(crate) struct Setting {
    /// The audio of the call.
    pub lead: Lead,
    /// What reaches telephones for it.
    pub switchboard: Arc<dyn Switchboard>,
    /// Where what happens is told.
    pub progress: UnboundedSender<Progress>,
    /// Where it is heard what others want of the call.
    pub ear: Ear,
    /// Filled with what the call has come to when last words begin, whoever hangs up then.
    pub verdict: Arc<OnceLock<Close>>,
}

/// Leads a call from the answer until it is to end. Dropped when the callee hangs up: the agent is told.
pub(crate) async fn converse(
    script: Arc<Script>,
    greeting: Arc<Vec<i16>>,
    stays: bool,
    setting: Setting,
) -> Close {
    let director = Director::new(script.rules.clone(), stays);
    let (wish, wishes) = mpsc::channel(NEWS);
    let stage = Stage {
        script,
        greeting,
        setting,
        director,
        wish,
        wishes,
        agent: None,
        gone: None,
        handing: None,
        patience: None,
    };
    stage.play().await
}

/// An agent that has the call.
struct Talking {
    news: mpsc::Sender<News>,
    task: JoinHandle<Gone>,
    _over: DropGuard,
}

/// The way to a telephone that does not have the call yet: what the callee will hear, and where the callee will be heard.
type Bridge = (Arc<Playout>, mpsc::Sender<HeardFrame>);

/// A call that is being handed on.
struct Handing {
    to: TransferName,
    how: How,
}

enum How {
    /// Our call to a telephone. Whoever has the call keeps it until that answers; where nobody has it, the callee hears it ring.
    Ringing { telephone: Talking, answered: oneshot::Receiver<()>, bridge: Option<Bridge> },
    /// The trunk calls.
    Referred(AbortOnDropHandle<bool>),
}

struct Stage {
    script: Arc<Script>,
    greeting: Arc<Vec<i16>>,
    setting: Setting,
    director: Director,
    /// Where agents say that the call is to be handed on.
    wish: mpsc::Sender<TransferName>,
    wishes: mpsc::Receiver<TransferName>,
    agent: Option<Talking>,
    /// How the last agent went.
    gone: Option<Gone>,
    handing: Option<Handing>,
    /// When the wait for a key is over.
    patience: Option<Instant>,
}

impl Stage {
    async fn play(mut self) -> Close {
        self.mind_silence();
        loop {
            let close = tokio::select! {
                biased;
                Some(event) = self.setting.lead.events.recv() => self.hears(event),
                worked = came_to(&mut self.handing) => self.handed(worked),
                Some(to) = self.wishes.recv() => self.agent_wishes(to),
                note = self.setting.ear.next() => match transfer_asked(&note) {
                    Some(to) => {
                        let step = self.director.asked(to);
                        self.take(step)
                    }
                    None => None,
                },
                gone = gone(&mut self.agent) => self.lost_agent(gone),
                () = until(self.patience) => Some(Close::Completed),
            };
            if let Some(close) = close {
                return close;
            }
        }
    }

    /// From now on, where the agent minds it.
    fn mind_silence(&self) {
        if let Some(seconds) = self.script.rules.silence_seconds {
            self.command(Command::Notice(Duration::from_secs(seconds.into())));
        }
    }

    /// Whoever does not listen has no call any more.
    fn command(&self, command: Command) {
        let _ = self.setting.lead.commands.send(command);
    }

    fn hears(&mut self, event: Event) -> Option<Close> {
        if let Event::Key(key) = event {
            self.tell_agent(News::Key(key));
        }
        let step = self.director.hears(event);
        self.take(step)
    }

    /// Does what is to be done now. A reason: the call is to end.
    fn take(&mut self, step: Step) -> Option<Close> {
        match step {
            Step::Nothing => {}
            Step::End(close) => return Some(close),
            Step::Wait(time) => self.patience = Some(Instant::now() + time),
            Step::Connect => match self.script.handover.clone() {
                Some(to) => self.connect(to),
                None => return self.goodbye(Close::AgentUnreachable),
            },
            Step::LeaveMessage => self.leave_message(),
            Step::Transfer(to) => return self.transfer(to),
        }
        None
    }

    fn tell_agent(&self, news: News) {
        if let Some(agent) = &self.agent {
            let _ = agent.news.try_send(news); // who does not keep up with fingers is not there
        }
    }

    fn connect(&mut self, to: Handover) {
        let switchboard = self.setting.switchboard.clone();
        let (agent, bridge, _) = self.reach(|ends, over| match to.at.clone() {
            AgentAt::WebSocket(url) => tokio::spawn(hand_over(url, to, ends, over)),
            AgentAt::Telephone(at) => switchboard.call(at, ends, over),
        });
        (self.patience, self.agent) = (None, Some(agent));
        self.bridge(bridge);
    }

    /// Begins to reach somebody, whom the callee does not hear yet.
    fn reach(
        &self,
        begin: impl FnOnce(Ends, CancellationToken) -> JoinHandle<Gone>,
    ) -> (Talking, Bridge, oneshot::Receiver<()>) {
        let (playout, over) = (Arc::new(Playout::default()), CancellationToken::new());
        let ((tell_frames, frames), (news, told)) = (mpsc::channel(FRAMES), mpsc::channel(NEWS));
        let (answered, hears_answer) = oneshot::channel();
        let ends = Ends {
            playout: playout.clone(),
            frames,
            news: told,
            commands: self.setting.lead.commands.clone(),
            wishes: self.wish.clone(),
            answered,
        };
        let task = begin(ends, over.clone());
        (Talking { news, task, _over: over.drop_guard() }, (playout, tell_frames), hears_answer)
    }

    fn bridge(&self, (playout, frames): Bridge) {
        self.command(Command::Bridge(playout, frames));
    }

    fn leave_message(&mut self) {
        (self.agent, self.patience) = (None, None);
        let message = self.script.machine_message.clone().unwrap_or_else(|| self.greeting.clone());
        self.command(Command::Play(message, AFTER_BEEP));
    }

    /// Whoever has the call wants it to be handed on. Said twice it is one wish.
    fn agent_wishes(&mut self, to: TransferName) -> Option<Close> {
        let is_known = self.handing.as_ref().is_some_and(|handing| handing.to == to);
        match self.director.asked(to.clone()) {
            Step::Nothing if is_known => None,
            Step::Nothing => {
                self.tell_agent(News::NotTransferred(to));
                None
            }
            step => self.take(step),
        }
    }

    fn transfer(&mut self, to: TransferName) -> Option<Close> {
        self.patience = None;
        self.command(Command::MindNoBeeps);
        let switchboard = self.setting.switchboard.clone();
        let how = match self.script.destinations.get(&to).cloned() {
            Some(Destination::Telephone(at)) => {
                let (telephone, bridge, answered) = self.reach(|ends, over| switchboard.call(at, ends, over));
                How::Ringing { telephone, answered, bridge: Some(bridge) }
            }
            Some(elsewhere) => How::Referred(switchboard.refer(elsewhere)),
            None => return self.not_handed(to),
        };
        self.handing = Some(Handing { to, how });
        if self.agent.is_none() {
            self.let_hear_it_ring();
        }
        None
    }

    /// Nobody has the call, so the callee hears what the telephone has to say.
    fn let_hear_it_ring(&mut self) {
        if let Some(Handing { how: How::Ringing { bridge, .. }, .. }) = &mut self.handing
            && let Some(bridge) = bridge.take()
        {
            self.bridge(bridge);
        }
    }

    /// What became of handing the call on.
    fn handed(&mut self, worked: bool) -> Option<Close> {
        let Handing { to, how } = self.handing.take()?;
        if !worked {
            return self.not_handed(to);
        }
        let transfer: Option<&Transfer> = self.script.rules.transfers.get(&to);
        let whom = transfer.map(|transfer| transfer.to.clone()).unwrap_or_default();
        let _ = self.setting.progress.send(Progress::Transferred(whom)); // who does not listen does not want to know
        match how {
            How::Referred(_) => Some(Close::Transferred),
            How::Ringing { telephone, bridge, .. } => {
                bridge.into_iter().for_each(|bridge| self.bridge(bridge));
                self.agent = Some(telephone); // who had the call is told that it is over
                self.director.handed_on();
                None
            }
        }
    }

    /// The call stays with whoever has it. Where nobody does, whoever has not been tried yet gets it, or it ends.
    fn not_handed(&mut self, to: TransferName) -> Option<Close> {
        self.mind_silence(); // whoever has the call needs a moment
        let step = self.director.not_handed_on();
        match (&self.agent, self.gone) {
            (Some(_), _) => {
                self.tell_agent(News::NotTransferred(to));
                None
            }
            (None, Some(gone)) => self.goodbye(Close::of(gone)),
            (None, None) if step != Step::Nothing => self.take(step),
            (None, None) => self.goodbye(Close::AgentUnreachable),
        }
    }

    /// Whoever has the call has gone. One that is being handed on lives on for that.
    fn lost_agent(&mut self, gone: Gone) -> Option<Close> {
        (self.agent, self.gone) = (None, Some(gone));
        if self.handing.is_some() {
            self.let_hear_it_ring();
            return None;
        }
        match gone {
            Gone::Left => Some(Close::Completed),
            Gone::Unreachable | Gone::Lost => self.goodbye(Close::of(gone)),
        }
    }

    /// Says the last words, where there are any, before the call ends for want of somebody to talk.
    fn goodbye(&mut self, close: Close) -> Option<Close> {
        let Some(words) = self.script.fallback.clone().filter(|words| !words.is_empty()) else {
            return Some(close);
        };
        (self.agent, self.patience) = (None, None);
        let _ = self.setting.verdict.set(close); // said once
        self.director.goodbye(close);
        self.command(Command::Play(words, Duration::ZERO));
        None
    }
}

/// Whether the call could be handed on; never, while it is not being.
async fn came_to(handing: &mut Option<Handing>) -> bool {
    match handing {
        None => std::future::pending().await,
        Some(Handing { how: How::Ringing { answered, .. }, .. }) => answered.await.is_ok(),
        // A task that has panicked, which has been reported, has handed nothing on.
        Some(Handing { how: How::Referred(task), .. }) => task.await.unwrap_or(false),
    }
}

/// How the agent has gone; never, while there is none.
async fn gone(agent: &mut Option<Talking>) -> Gone {
    match agent {
        // One that has panicked, which has been reported, was there.
        Some(agent) => (&mut agent.task).await.unwrap_or(Gone::Lost),
        None => std::future::pending().await,
    }
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
#[path = "stage_tests.rs"]
mod tests;
