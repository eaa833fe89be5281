//! What an answered call is told to do, one after the other.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::{api::Api, commands::Commands, ending::Why, news::News, refusals};
use crate::rest::Trouble;

/// A call with nothing to say lasts so long, so that the answer counts as one everywhere on its way.
const MOMENT: Duration = Duration::from_secs(1);
/// So long it is tried to get a word out, or the stream up, where it is not clear whether the provider has understood.
const TRIED: Duration = Duration::from_secs(20);

/// Where it stands.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// The text is to be said.
    Say,
    /// It is being said, until then at the latest.
    Saying(Instant),
    /// The stream is to begin.
    Stream,
    Streaming,
    /// It is hung up then.
    Leave(Instant),
    /// The call is to end for this reason.
    End(Why),
    /// The call is over, says the provider, and soon how.
    Over,
}

/// A call that somebody has picked up.
pub(super) struct Talk {
    commands: Commands,
    step: Step,
    begun: Instant,
}

/// What became of a command.
enum Told {
    Done,
    /// The call is over.
    Over,
    Refused,
    /// It may have been carried out. It can be told again: the provider passes over what it knows by its `command_id`.
    Unclear,
}

impl Talk {
    pub(super) fn new(commands: Commands) -> Self {
        let begun = Instant::now();
        let step = match &commands {
            Commands { say: Some(_), .. } => Step::Say,
            Commands { stream: Some(_), .. } => Step::Stream,
            Commands { .. } => Step::Leave(begun + MOMENT),
        };
        Self { commands, step, begun }
    }

    /// Takes in what the provider tells of it.
    pub(super) fn hear(&mut self, news: &News) {
        self.step = match (self.step, news) {
            (Step::Saying(_), News::Said) => self.said(),
            (Step::Stream | Step::Streaming, News::Stopped) => Step::End(Why::Done),
            (Step::Stream | Step::Streaming, News::Unstreamed) => Step::End(Why::AgentUnreachable),
            (step, _) => step,
        };
    }

    /// When something is due by itself.
    pub(super) const fn due(&self) -> Option<Instant> {
        match self.step {
            Step::Saying(at) | Step::Leave(at) => Some(at),
            _ => None,
        }
    }

    /// Whether it goes on only when the provider has told something.
    pub(super) const fn waits(&self) -> bool {
        matches!(self.step, Step::Saying(_))
    }

    /// Whether it is not known if the provider has understood: it is told again.
    pub(super) const fn is_stuck(&self) -> bool {
        matches!(self.step, Step::Say | Step::Stream)
    }

    /// Does what is due. Gives the reason for which the call is to end, as soon as there is one. `name`: of the attempt.
    pub(super) async fn go_on(&mut self, api: &Api, id: &str, name: &str) -> Option<Why> {
        loop {
            self.step = match self.step {
                Step::Say => self.say(api, id, name).await?,
                Step::Stream => self.stream(api, id, name).await?,
                Step::Saying(at) if at <= Instant::now() => self.said(),
                Step::Leave(at) if at <= Instant::now() => Step::End(Why::Done),
                Step::End(why) => return Some(why),
                Step::Saying(_) | Step::Streaming | Step::Leave(_) | Step::Over => return None,
            }
        }
    }

    async fn say(&self, api: &Api, id: &str, name: &str) -> Option<Step> {
        let (body, longest) = self.commands.say.as_ref()?;
        let saying = Step::Saying(Instant::now() + *longest);
        self.next(command(api, id, "speak", body, name).await, saying, Why::Unsaid)
    }

    async fn stream(&self, api: &Api, id: &str, name: &str) -> Option<Step> {
        let body = self.commands.stream.as_ref()?;
        let told = command(api, id, "streaming_start", body, name).await;
        self.next(told, Step::Streaming, Why::AgentUnreachable)
    }

    /// None: it is told again later.
    fn next(&self, told: Told, done: Step, failed: Why) -> Option<Step> {
        match told {
            Told::Done => Some(done),
            Told::Over => Some(Step::Over),
            Told::Refused => Some(Step::End(failed)),
            Told::Unclear => (Instant::now() >= self.begun + TRIED).then_some(Step::End(failed)),
        }
    }

    fn said(&self) -> Step {
        if self.commands.stream.is_some() { Step::Stream } else { Step::End(Why::Done) }
    }
}

async fn command(api: &Api, id: &str, action: &str, body: &Value, name: &str) -> Told {
    let mut body = body.clone();
    body["command_id"] = format!("{name}-{action}").into();
    let Err(trouble) = api.act(id, action, &body).await else { return Told::Done };
    match &trouble {
        _ if refusals::is_over(&trouble) => Told::Over,
        Trouble::Refused { status: 429, .. } | Trouble::Unsent(_) | Trouble::Unknown(_) => {
            tracing::debug!(
                ?trouble,
                action,
                "it is not known whether a provider carries out a command; it is told again"
            );
            Told::Unclear
        }
        Trouble::Refused { .. } => {
            tracing::warn!(?trouble, action, "a provider refuses what an answered call is to do");
            Told::Refused
        }
    }
}
