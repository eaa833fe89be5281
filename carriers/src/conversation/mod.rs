//! What happens in an answered call: keys, machines, and the agent it is handed over to. Knows no carrier, only audio.

mod connect;
mod director;
mod relay;
mod stage;
mod stream;
mod wire;

use std::{collections::BTreeMap, sync::Arc};

use ringfleet_core::{
    CampaignId, Conversation, SipAddress,
    conversation::{KeyAction, OnMachine},
    transfer::{Destination, TransferName},
};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use url::Url;

pub use connect::Connector;
pub(crate) use relay::{relay, ringing};
pub(crate) use stage::{Setting, converse};

use crate::media::{Command, HeardFrame, Playout};

/// Frames that may wait for an agent: 2 s. What is older is of no use to who talks.
const FRAMES: usize = 100;
/// Keys, and other news, that may wait for an agent; and wishes of an agent that may wait for us.
const NEWS: usize = 64;

/// The conversation of one call.
#[derive(Debug, Clone, Default)]
pub struct Script {
    /// What the agent's version says.
    pub rules: Conversation,
    /// Who talks, where `rules` names somebody.
    pub handover: Option<Handover>,
    /// What a machine is told; none tells it the greeting.
    pub machine_message: Option<Arc<Vec<i16>>>,
    /// What a callee is told before we hang up because nobody is there to talk.
    pub fallback: Option<Arc<Vec<i16>>>,
    /// Where the transfers of `rules` lead.
    pub destinations: BTreeMap<TransferName, Destination>,
    /// The campaign, which an agent's telephone is told.
    pub campaign: Option<CampaignId>,
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
    /// Nobody has said anything for too long.
    Silence,
    /// The trunk has handed it on.
    Transferred,
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

impl Close {
    /// What a call comes to whose agent has gone so.
    fn of(gone: Gone) -> Self {
        match gone {
            Gone::Unreachable => Self::AgentUnreachable,
            Gone::Lost => Self::AgentLost,
            Gone::Left => Self::Completed,
        }
    }
}

/// What an agent is told beside what it hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum News {
    /// The callee has pressed a key.
    Key(char),
    /// The call could not be handed on, and stays with the agent.
    NotTransferred(TransferName),
}

/// What an agent hears of a call, and what the callee hears of the agent.
pub(crate) struct Ends {
    pub playout: Arc<Playout>,
    pub frames: mpsc::Receiver<HeardFrame>,
    pub news: mpsc::Receiver<News>,
    /// The audio of the call, which presses keys.
    pub commands: mpsc::UnboundedSender<Command>,
    /// Where the agent wants the call to be handed on to.
    pub wishes: mpsc::Sender<TransferName>,
    /// Told when a telephone has answered; dropped when it has not.
    pub answered: oneshot::Sender<()>,
}

/// What reaches telephones for a call.
pub(crate) trait Switchboard: Send + Sync {
    /// Calls one, in a task, and carries the conversation until it has gone or `over` fires.
    fn call(self: Arc<Self>, to: SipAddress, ends: Ends, over: CancellationToken) -> JoinHandle<Gone>;

    /// Asks the trunk to connect the callee with another. True once it says that it has.
    fn refer(self: Arc<Self>, to: Destination) -> AbortOnDropHandle<bool>;
}
