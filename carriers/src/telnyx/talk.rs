//! What an answered call is told to do, one after the other.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::{api::Api, commands::Commands, ending::Why, news::News, refusals};
use crate::{desk::Desk, rest::Trouble};

/// A call with nothing to say lasts so long, so that the answer counts as one everywhere on its way.
const MOMENT: Duration = Duration::from_secs(1);

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
    /// Since when it stands there.
    since: Instant,
    /// What it is told there may have been carried out.
    in_doubt: bool,
}

/// What became of a command.
enum Told {
    Done,
    /// The call is over.
    Over,
    Refused,
    /// Not now: it was not carried out.
    Later,
    /// It may have been carried out. It can be told again: the provider passes over what it knows by its `command_id`.
    Unclear,
}

impl Talk {
    pub(super) fn new(commands: Commands) -> Self {
        let since = Instant::now();
        let step = match &commands {
            Commands { say: Some(_), .. } => Step::Say,
            Commands { stream: Some(_), .. } => Step::Stream,
            Commands { .. } => Step::Leave(since + MOMENT),
        };
        Self { commands, step, since, in_doubt: false }
    }

    /// Takes in what the provider tells of it. That something has begun, or is over, also proves that it was understood.
    pub(super) fn hear(&mut self, news: &News) {
        self.step = match (self.step, news) {
            (Step::Say, News::Saying) => self.saying().unwrap_or(self.step),
            (Step::Say | Step::Saying(_), News::Said) => self.said(),
            (Step::Stream, News::Streaming) => Step::Streaming,
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
    pub(super) async fn go_on(&mut self, desk: &Desk<Api>, id: &str, name: &str) -> Option<Why> {
        loop {
            self.step = match self.step {
                Step::Say => self.say(desk, id, name).await?,
                Step::Stream => self.stream(desk, id, name).await?,
                Step::Saying(at) if at <= Instant::now() => self.said(),
                Step::Leave(at) if at <= Instant::now() => Step::End(Why::Done),
                Step::End(why) => return Some(why),
                Step::Saying(_) | Step::Streaming | Step::Leave(_) | Step::Over => return None,
            }
        }
    }

    async fn say(&mut self, desk: &Desk<Api>, id: &str, name: &str) -> Option<Step> {
        let (body, _) = self.commands.say.as_ref()?;
        let told = command(&desk.api, id, "speak", body, name).await;
        self.next(told, self.saying()?, Why::Unsaid, desk.settings.search)
    }

    async fn stream(&mut self, desk: &Desk<Api>, id: &str, name: &str) -> Option<Step> {
        let body = self.commands.stream.as_ref()?;
        let told = command(&desk.api, id, "streaming_start", body, name).await;
        self.next(told, Step::Streaming, Why::AgentUnreachable, desk.settings.search)
    }

    /// None: it is told again later, for so long.
    fn next(&mut self, told: Told, done: Step, failed: Why, patience: Duration) -> Option<Step> {
        match told {
            Told::Done => return Some(done),
            Told::Over => return Some(Step::Over),
            Told::Refused => return Some(Step::End(failed)),
            Told::Later => {}
            Told::Unclear => self.in_doubt = true,
        }
        // Who may have heard it all is not called again for it.
        let why = if self.in_doubt { Why::NotKnown } else { failed };
        (Instant::now() >= self.since + patience).then_some(Step::End(why))
    }

    fn saying(&self) -> Option<Step> {
        let (_, longest) = self.commands.say.as_ref()?;
        Some(Step::Saying(Instant::now() + *longest))
    }

    fn said(&mut self) -> Step {
        (self.since, self.in_doubt) = (Instant::now(), false);
        if self.commands.stream.is_some() { Step::Stream } else { Step::End(Why::Done) }
    }
}

async fn command(api: &Api, id: &str, action: &str, body: &Value, name: &str) -> Told {
    let mut body = body.clone();
    body["command_id"] = format!("{name}-{action}").into();
    let Err(trouble) = api.act(id, action, &body).await else { return Told::Done };
    match &trouble {
        _ if refusals::is_over(&trouble) => Told::Over,
        Trouble::Refused { status: 429, .. } | Trouble::Unsent(_) => {
            tracing::debug!(?trouble, action, "a provider does not take a command now; it is told again");
            Told::Later
        }
        Trouble::Unknown(_) => {
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
