//! The Twilio carrier: calls over Twilio's REST API (2010-04-01), or over whoever else speaks it. The base URL is a setting.
//!
//! A call is placed by one request that is never repeated (`rest::Trouble` says what was certainly not sent), followed by asking how it is
//! (`follow`), and after a crash found by its id, or by its numbers and its moment (`find`). docs/CHANNELS.md says what is mapped to what.

pub(crate) mod api;
mod attempt;
mod calls;
pub(crate) mod find;
mod follow;
pub(crate) mod known;
pub(crate) mod refusals;
pub(crate) mod signature;
mod state;
mod twiml;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use ringfleet_core::{CallId, E164, Ending, trunk::TwilioTrunk};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::{Attempt, Carrier, Order, RestSettings, desk::Desk, find::find, hints::Hints};
use api::{Account, Api};
use follow::{Bounds, Follower, Seen};
use state::Why;

pub use signature::{callback_url, is_signed, sign};
pub use twiml::stream_fits;

/// How long a dead worker's call may take to be ended.
const RESOLVED_WITHIN: Duration = Duration::from_secs(60);

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
    desk: Desk<Api>,
}

impl TwilioCarrier {
    /// A carrier for this account. Touches no network. `hints`: where it hears of its calls.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn open(trunk: TwilioTrunk, settings: RestSettings, hints: Hints) -> reqwest::Result<Self> {
        let account = Account {
            sid: &trunk.account_sid,
            auth_token: &trunk.auth_token,
            key: trunk.api_key_sid.as_deref().zip(trunk.api_key_secret.as_deref()),
            base_url: &trunk.base_url,
        };
        let desk = Desk::new(Api::new(&account, &settings)?, settings, hints);
        Ok(Self { trunk: Arc::new(trunk), desk })
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
        let desk = &self.desk;
        let mut ear = desk.hints.listen(kept.call);
        let found = match &kept.sid {
            Some(sid) => desk.asked_for(|| desk.api.call(sid)).await,
            None => find(&find::Call { carrier: self, kept: &kept }, &desk.settings, &mut ear).await,
        };
        let Some(call) = found else { return lost() };
        desk.api.known.lock().add(&call.sid);
        // What was over before has the ending that it had.
        let asked = (!state::State::of(&call).is_over()).then_some(Why::WorkerLost);
        let follower = Follower {
            api: &desk.api,
            pace: desk.settings.pace,
            bounds: Bounds { answered_within: RESOLVED_WITHIN, over_within: RESOLVED_WITHIN },
            spots_machines: self.trunk.machine_detection,
            progress: None,
            asked,
            seen: Seen::default(),
        };
        follower.follow(call, &mut ear, &CancellationToken::new()).await
    }

    async fn probe(&self) -> Result<(), &'static str> {
        refusals::probed(self.desk.api.account().await)
    }

    async fn close(&self) {}
}
