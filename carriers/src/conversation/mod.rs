//! What happens in an answered call: keys, machines, and the agent it is handed over to. Knows no carrier, only audio.

mod connect;
mod director;
mod relay;
mod stream;
mod wire;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use ringfleet_core::{
    Conversation, SipAddress,
    conversation::{KeyAction, OnMachine},
};
use tokio::{
    sync::mpsc,
    task::JoinHandle,
    time::{Instant, sleep_until},
};
use tokio_util::sync::{CancellationToken, DropGuard};
use url::Url;

pub use connect::Connector;
pub(crate) use relay::{relay, ringing};

use crate::media::{Command, Event, HeardFrame, Lead, Playout};
use director::{Director, Step};
use stream::hand_over;

/// Silence between a beep and the message: beeps last up to a second.
const AFTER_BEEP: Duration = Duration::from_secs(1);
/// Frames that may wait for an agent: 2 s. What is older is of no use to who talks.
const FRAMES: usize = 100;
/// Keys that may wait for an agent.
const KEYS: usize = 64;

/// The conversation of one call.
#[derive(Debug, Clone, Default)]
pub struct Script {
    /// What the agent's version says.
    pub rules: Conversation,
    /// Who talks, where `rules` names somebody.
    pub handover: Option<Handover>,
    /// What a machine is told; none tells it the greeting.
    pub machine_message: Option<Arc<Vec<i16>>>,
    /// What the trunk's own agent is told, where it brings one: as [`Handover::parameters`].
    pub told: BTreeMap<String, String>,
}

impl Script {
    /// Whether one of these keys says: never again.
    pub(crate) fn opts_out(&self, digits: &str) -> bool {
        digits.chars().any(|key| self.rules.action(key) == Some(KeyAction::Suppress))
    }

    /// Whether a beep makes the callee a machine.
    pub(crate) fn minds_machines(&self) -> bool {
        self.rules.on_machine != OnMachine::CarryOn
    }
}

/// Where an agent is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AgentAt {
    /// Behind a WebSocket: `wss://…`.
    WebSocket(Url),
    /// At a telephone.
    Telephone(SipAddress),
}

/// Where an agent is, and what it is told.
#[derive(Debug, Clone)]
pub struct Handover {
    /// Where it is.
    pub at: AgentAt,
    /// `start.customParameters`.
    pub parameters: BTreeMap<String, String>,
    /// The session's id: `start.callSid`.
    pub call: String,
    /// The workspace's id: `start.accountSid`.
    pub account: String,
    /// Opens the connection to a WebSocket.
    pub connector: Arc<Connector>,
}

/// Why a conversation wants its call to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Close {
    /// All has been said.
    Completed,
    /// A machine listens.
    Machine,
    /// Never again, says the callee.
    OptedOut,
    /// Nobody was there to talk.
    AgentUnreachable,
    /// Who talked is there no more.
    AgentLost,
}

/// How an agent has gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gone {
    /// It was never there.
    Unreachable,
    /// It has talked, and hung up.
    Left,
    /// Its connection broke, or it fell silent.
    Lost,
}

/// What an agent hears of a call, and what the callee hears of the agent.
pub(crate) struct Ends {
    pub playout: Arc<Playout>,
    pub frames: mpsc::Receiver<HeardFrame>,
    pub keys: mpsc::Receiver<char>,
    /// The audio of the call, which presses keys.
    pub commands: mpsc::UnboundedSender<Command>,
}

/// What reaches the telephones of agents.
pub(crate) trait Switchboard: Send + Sync {
    /// Calls one, in a task, and carries the conversation until it has gone or `over` fires.
    fn call(
        self: Arc<Self>,
        to: SipAddress,
        about: Handover,
        ends: Ends,
        over: CancellationToken,
    ) -> JoinHandle<Gone>;
}

/// Leads a call from the answer until it is to end. Dropped when the callee hangs up: the agent is told.
pub(crate) async fn converse(
    script: Arc<Script>,
    greeting: Arc<Vec<i16>>,
    stays: bool,
    lead: Lead,
    switchboard: Arc<dyn Switchboard>,
) -> Close {
    let director = Director::new(script.rules.clone(), stays);
    Stage { script, greeting, lead, director, switchboard, agent: None, patience: None }.play().await
}

/// An agent that has the call.
struct Talking {
    keys: mpsc::Sender<char>,
    task: JoinHandle<Gone>,
    _over: DropGuard,
}

struct Stage {
    script: Arc<Script>,
    greeting: Arc<Vec<i16>>,
    lead: Lead,
    director: Director,
    switchboard: Arc<dyn Switchboard>,
    agent: Option<Talking>,
    /// When the wait for a key is over.
    patience: Option<Instant>,
}

impl Stage {
    async fn play(mut self) -> Close {
        loop {
            let step = tokio::select! {
                biased;
                Some(event) = self.lead.events.recv() => {
                    self.tell_agent(event);
                    self.director.hears(event)
                }
                gone = gone(&mut self.agent) => {
                    return match gone {
                        Gone::Unreachable => Close::AgentUnreachable,
                        Gone::Lost => Close::AgentLost,
                        Gone::Left => Close::Completed,
                    };
                }
                () = until(self.patience) => return Close::Completed,
            };
            match step {
                Step::Nothing => {}
                Step::End(close) => return close,
                Step::Wait(time) => self.patience = Some(Instant::now() + time),
                Step::Connect => match self.script.handover.clone() {
                    Some(to) => self.connect(to),
                    None => return Close::AgentUnreachable,
                },
                Step::LeaveMessage => self.leave_message(),
            }
        }
    }

    fn tell_agent(&self, event: Event) {
        if let (Event::Key(key), Some(agent)) = (event, &self.agent) {
            let _ = agent.keys.try_send(key); // who does not keep up with fingers is not there
        }
    }

    fn connect(&mut self, to: Handover) {
        self.patience = None;
        let (playout, over) = (Arc::new(Playout::default()), CancellationToken::new());
        let ((tell_frames, frames), (keys, pressed)) = (mpsc::channel(FRAMES), mpsc::channel(KEYS));
        // The session ends before this does only when the call is over.
        let _ = self.lead.commands.send(Command::Bridge(playout.clone(), tell_frames));
        let ends = Ends { playout, frames, keys: pressed, commands: self.lead.commands.clone() };
        let task = match to.at.clone() {
            AgentAt::WebSocket(url) => tokio::spawn(hand_over(url, to, ends, over.clone())),
            AgentAt::Telephone(at) => self.switchboard.clone().call(at, to, ends, over.clone()),
        };
        self.agent = Some(Talking { keys, task, _over: over.drop_guard() });
    }

    fn leave_message(&mut self) {
        (self.agent, self.patience) = (None, None);
        let message = self.script.machine_message.clone().unwrap_or_else(|| self.greeting.clone());
        let _ = self.lead.commands.send(Command::Play(message, AFTER_BEEP));
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
