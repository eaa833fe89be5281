//! The LiveKit carrier: a LiveKit server dials over its SIP trunk, and an agent of its own talks
//! (<https://docs.livekit.io/telephony/making-calls/outbound-calls/>).
//!
//! Each call has a room, named by its session, into which the agent is sent. One request that is never repeated places the call and is answered
//! when somebody picks up, or with the SIP status of whoever does not (`refusals`); meanwhile and afterwards the room is looked at (`room`,
//! `follow`). A call of which nothing is known is found by its room, and ended with it. docs/CHANNELS.md says what is mapped to what.

mod api;
mod attempt;
mod endings;
mod follow;
mod left;
mod refusals;
mod room;
mod token;

use std::sync::Arc;

use async_trait::async_trait;
use ringfleet_core::{CallId, Ending, livekit_trunk::LivekitTrunk};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::{Attempt, Carrier, Order, RestSettings, doubt::Doubt, hints::Hints, rest::Trouble};
use api::Api;
use follow::{Follower, Request};

pub use left::{Event, event};
pub use token::{Guest, JOIN_LASTS, client_url, is_signed, listens, sign, tries};

/// How often a room is closed that does not close.
const CLOSED_TRIES: u32 = 3;

/// What is kept of a call, so that its room is found again.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Kept {
    call: CallId,
}

/// A LiveKit server that places calls. Cheap to clone.
#[derive(Clone)]
pub struct LivekitCarrier {
    settings: RestSettings,
    hints: Hints,
    api: Arc<Api>,
    doubt: Arc<Doubt>,
}

impl LivekitCarrier {
    /// A carrier for this trunk. Touches no network. `hints`: where it hears of its calls.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn open(trunk: LivekitTrunk, settings: RestSettings, hints: Hints) -> reqwest::Result<Self> {
        let api = Arc::new(Api::new(Arc::new(trunk), &settings)?);
        Ok(Self { settings, hints, api, doubt: Arc::default() })
    }

    /// Puts whoever is left out of the room of a call that is over: an agent would wait there, and whatever was not seen ends with it.
    async fn clear(&self, room: &str) {
        for _ in 0..CLOSED_TRIES {
            match self.api.close_room(room).await {
                // Who may not close it may not do so later either.
                Ok(()) | Err(Trouble::Refused { status: 401 | 403, .. }) => return,
                Err(trouble) => tracing::debug!(?trouble, "a room is not closed; it is tried again"),
            }
            sleep(self.settings.pace.first).await;
        }
    }
}

#[async_trait]
impl Carrier for LivekitCarrier {
    async fn prepare(&self, order: Order) -> Result<Box<dyn Attempt>, Ending> {
        Ok(Box::new(attempt::LivekitAttempt::prepare(self.clone(), order)?))
    }

    async fn resolve(&self, resume: &Value, _shown: Option<&str>) -> Ending {
        let Ok(kept) = serde_json::from_value::<Kept>(resume.clone()) else {
            return Ending::uncertain("worker_lost");
        };
        let room = kept.call.to_string();
        let mut ear = self.hints.listen(kept.call);
        let request = Request::Unclear { until: Instant::now() + self.settings.search };
        let follower = Follower::orphan(&self.api, &self.doubt, &room, self.settings.pace, request);
        let ending = follower.follow(std::future::pending(), &mut ear, &CancellationToken::new()).await;
        self.clear(&room).await;
        ending
    }

    async fn probe(&self) -> Result<(), &'static str> {
        refusals::probed(self.api.knock().await)
    }

    async fn close(&self) {}
}
