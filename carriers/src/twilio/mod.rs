//! The Twilio carrier: calls over Twilio's REST API (2010-04-01), or over whoever else speaks it. The base URL is a setting.
//!
//! A call is placed by one request that is never repeated (`api::Trouble` says what was certainly not sent), followed by asking how it is
//! (`follow`), and after a crash found by its id, or by its numbers and its moment (`find`). docs/CHANNELS.md says what is mapped to what.

mod api;
mod attempt;
mod doubt;
mod find;
mod follow;
mod refusals;
mod signature;
mod state;
mod twiml;

use std::{collections::VecDeque, sync::Arc, time::Duration};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use ringfleet_core::{
    CallId, E164, Ending,
    call::{TRUNK_TROUBLE, TRUNK_TROUBLE_PERHAPS},
    net::Guard,
    trunk::TwilioTrunk,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::{Attempt, Carrier, Order, hints::Hints};
use api::{Api, Trouble};
use doubt::Doubt;
use follow::{Bounds, Follower, Seen};
use state::Why;

pub use signature::{callback_url, is_signed};
pub use twiml::stream_fits;

/// How long a dead worker's call may take to be ended.
const RESOLVED_WITHIN: Duration = Duration::from_secs(60);

/// How providers with a REST API are spoken with, whatever the trunk.
#[derive(Debug, Clone)]
pub struct RestSettings {
    /// Where requests may go. Default: to public addresses.
    pub guard: Guard,
    /// Where providers find the API of this installation; none leaves asking.
    pub callbacks: Option<Url>,
    /// How often it is asked how a call is.
    pub pace: Pace,
    /// How long a provider may take to answer. Default 15 s.
    pub patience: Duration,
    /// How long a call is looked for of which it is not known whether it was placed. Default 20 s.
    pub search: Duration,
    /// How much longer than it may ring a call may take to be answered, the way through the provider's queue included: it should ring now, and
    /// not at some later hour. Default 30 s.
    pub queue: Duration,
}

/// The pauses between two questions about a call: they grow until there is news.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// The first one. Default 1 s.
    pub first: Duration,
    /// The longest one. Default 10 s.
    pub longest: Duration,
}

impl Default for RestSettings {
    fn default() -> Self {
        Self {
            guard: Guard::default(),
            callbacks: None,
            pace: Pace { first: Duration::from_secs(1), longest: Duration::from_secs(10) },
            patience: Duration::from_secs(15),
            search: Duration::from_secs(20),
            queue: Duration::from_secs(30),
        }
    }
}

/// What is kept of a call, so that it is found again.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Kept {
    call: CallId,
    to: E164,
    /// What it shows, if that was chosen when this was kept.
    from: Option<String>,
    /// Just before it was placed.
    at: DateTime<Utc>,
    /// The provider's id of it, once known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sid: Option<String>,
}

impl Kept {
    fn to_value(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default() // texts and times only: cannot fail
    }
}

/// An account that places calls. Cheap to clone.
#[derive(Clone)]
pub struct TwilioCarrier {
    trunk: Arc<TwilioTrunk>,
    settings: RestSettings,
    hints: Hints,
    api: Arc<Api>,
    known: Arc<Mutex<Known>>,
    doubt: Arc<Doubt>,
}

/// How many calls are remembered.
const REMEMBERED: usize = 10_000;

/// The provider's ids of the last calls whose attempt is known: none of them is the one that is looked for.
#[derive(Debug, Default)]
struct Known(VecDeque<String>);

impl Known {
    fn add(&mut self, sid: &str) {
        self.0.push_back(sid.to_owned());
        if self.0.len() > REMEMBERED {
            self.0.pop_front();
        }
    }

    fn has(&self, sid: &str) -> bool {
        self.0.iter().any(|known| known == sid)
    }
}

impl TwilioCarrier {
    /// A carrier for this account. Touches no network. `hints`: where it hears of its calls.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn open(trunk: TwilioTrunk, settings: RestSettings, hints: Hints) -> reqwest::Result<Self> {
        let api = Arc::new(Api::new(&trunk, &settings)?);
        Ok(Self {
            trunk: Arc::new(trunk),
            settings,
            hints,
            api,
            known: Arc::default(),
            doubt: Arc::default(),
        })
    }
}

#[async_trait]
impl Carrier for TwilioCarrier {
    async fn prepare(&self, order: Order) -> Result<Box<dyn Attempt>, Ending> {
        Ok(Box::new(attempt::TwilioAttempt::prepare(Arc::new(self.clone()), order)?))
    }

    async fn resolve(&self, resume: &Value, shown: Option<&str>) -> Ending {
        let lost = || Ending::uncertain("worker_lost");
        let Ok(mut kept) = serde_json::from_value::<Kept>(resume.clone()) else { return lost() };
        kept.from = shown.map(str::to_owned).or(kept.from);
        let mut ear = self.hints.listen(kept.call);
        let found = match &kept.sid {
            Some(sid) => self.asked_for(sid).await,
            None => find::find(self, &kept, &mut ear).await,
        };
        let Some(call) = found else { return lost() };
        self.known.lock().add(&call.sid);
        // What was over before has the ending that it had.
        let asked = (!state::State::of(&call).is_over()).then_some(Why::WorkerLost);
        let follower = Follower {
            api: &self.api,
            pace: self.settings.pace,
            bounds: Bounds { answered_within: RESOLVED_WITHIN, over_within: RESOLVED_WITHIN },
            spots_machines: self.trunk.machine_detection,
            progress: None,
            asked,
            seen: Seen::default(),
        };
        follower.follow(call, &mut ear, &CancellationToken::new()).await
    }

    async fn probe(&self) -> Result<(), &'static str> {
        match self.api.account().await {
            Ok(()) => Ok(()),
            Err(Trouble::Unsent(_) | Trouble::Unknown(_)) => Err("network"),
            Err(Trouble::Refused { status, code, .. }) => match refusals::refused(status, code, None) {
                // Too much asked of it, it is there all the same.
                Ending::NoRoom { .. } | Ending::GivenUp { .. } => Ok(()),
                Ending::Over { reason, .. } => {
                    let all = TRUNK_TROUBLE.iter().chain(TRUNK_TROUBLE_PERHAPS);
                    Err(all.copied().find(|known| *known == reason).unwrap_or("forbidden"))
                }
            },
        }
    }

    async fn close(&self) {}
}

impl TwilioCarrier {
    /// The call of this id, asked for as long as a call is looked for.
    async fn asked_for(&self, sid: &str) -> Option<api::Shown> {
        let deadline = tokio::time::Instant::now() + self.settings.search;
        loop {
            match self.api.call(sid).await {
                Ok(call) => return Some(call),
                Err(trouble) => {
                    tracing::debug!(?trouble, "a dead worker's call is not shown; it is asked for again")
                }
            }
            if tokio::time::Instant::now() >= deadline {
                return None;
            }
            tokio::time::sleep(self.settings.pace.first).await;
        }
    }
}
