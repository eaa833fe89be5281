//! One call from its order to its ending.

use std::time::Duration;

use async_trait::async_trait;
use ringfleet_core::{EndedBy, Ending, Outcome, call::AGENT_UNREACHABLE};
use serde_json::Value;
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;

use super::{
    Kept, LivekitCarrier,
    api::Dialed,
    follow::{Bounds, Follower},
    refusals,
};
use crate::{Attempt, Order, Progress, placed_in_a_task, rest::Trouble};

/// How much longer than we let a call last the server does: it is to end it only where we cannot.
const SPARE: Duration = Duration::from_secs(60);

pub(super) struct LivekitAttempt {
    carrier: LivekitCarrier,
    order: Order,
}

impl LivekitAttempt {
    pub(super) fn prepare(carrier: LivekitCarrier, order: Order) -> Result<Self, Ending> {
        // Who is in the room talks; an agent elsewhere cannot be brought there.
        match order.script.handover {
            Some(_) => Err(Ending::over(Outcome::Failed, AGENT_UNREACHABLE, None, EndedBy::Caller)),
            None => Ok(Self { carrier, order }),
        }
    }

    /// What the agent is told: an object of texts.
    fn metadata(&self) -> String {
        let mut told = self.order.script.told.clone();
        told.extend(self.order.say.as_ref().map(|say| ("greetingText".to_owned(), say.text.clone())));
        told.extend(self.order.record.as_ref().map(|_| ("recording".to_owned(), "true".to_owned())));
        serde_json::to_string(&told).unwrap_or_default() // a map of texts: cannot fail
    }

    async fn run(self, progress: UnboundedSender<Progress>, hangup: CancellationToken) -> Ending {
        let network = || Ending::over(Outcome::Failed, "network", None, EndedBy::Carrier);
        let carrier = &self.carrier;
        if carrier.doubt.keeps_back() {
            return network();
        }
        let room = self.order.call.to_string();
        let ending = match carrier.api.open_room(&room, self.metadata()).await {
            Ok(()) if hangup.is_cancelled() => Ending::GivenUp { reason: "cancelled".into() },
            Ok(()) => self.placed(&room, progress, &hangup).await,
            Err(Trouble::Refused { status, code, retry_after }) => {
                return refusals::refused(status, code, retry_after, "network");
            }
            // Perhaps there is a room now. Nobody was called.
            Err(Trouble::Unsent(problem) | Trouble::Unknown(problem)) => {
                tracing::warn!(problem, "a LiveKit server opens no room");
                network()
            }
        };
        carrier.clear(&room).await;
        ending
    }

    /// Places the call, once, and follows it.
    async fn placed(
        &self,
        room: &str,
        progress: UnboundedSender<Progress>,
        hangup: &CancellationToken,
    ) -> Ending {
        let (order, settings) = (&self.order, &self.carrier.settings);
        let mut ear = self.carrier.hints.listen(order.call);
        let answered_within = order.ring_timeout + settings.queue;
        let talk = order.max_duration + SPARE;
        let dialed = Dialed {
            room,
            to: order.to.to_string(),
            from: order.from.as_deref(),
            ring: order.ring_timeout,
            talk,
            patience: answered_within + settings.patience,
        };
        let bounds = Bounds {
            ring: order.ring_timeout,
            answered_within,
            talk: order.max_duration,
            held: answered_within + talk,
            search: settings.search,
        };
        let (api, doubt) = (&self.carrier.api, &self.carrier.doubt);
        let follower = Follower::new(api, doubt, room, settings.pace, bounds, Some(progress));
        follower.follow(api.dial(&dialed), &mut ear, hangup).await
    }
}

#[async_trait]
impl Attempt for LivekitAttempt {
    fn resume(&self) -> Value {
        serde_json::to_value(Kept { call: self.order.call }).unwrap_or_default() // a text: cannot fail
    }

    fn show(&mut self, caller_id: String) {
        self.order.from = Some(caller_id);
    }

    async fn place(
        self: Box<Self>,
        progress: UnboundedSender<Progress>,
        hangup: CancellationToken,
    ) -> Ending {
        placed_in_a_task(hangup, |wanted| self.run(progress, wanted)).await
    }
}
