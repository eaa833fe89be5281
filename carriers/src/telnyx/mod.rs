//! The Telnyx carrier: calls over Telnyx's Voice API (Call Control, version 2).
//!
//! A call is placed by one request that is never repeated (`rest::Trouble` says what was certainly not sent). What happens to it is told by
//! webhooks, which are signed, and by the provider's list of events, which is asked (`news`); whether it lives is asked as well (`follow`). What
//! an answered call does is told by commands (`commands`). After a crash it is found by its id, or by what it was given to carry (`find`).
//! docs/CHANNELS.md says what is mapped to what.

mod api;
mod attempt;
mod commands;
mod ending;
mod find;
mod follow;
mod news;
mod refusals;
mod seen;
mod signature;
mod talk;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use base64::{Engine, prelude::BASE64_STANDARD};
use chrono::{DateTime, Utc};
use ringfleet_core::{CallId, E164, Ending, telnyx_trunk::TelnyxTrunk};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Attempt, Carrier, Order, RestSettings, desk::Desk, find::find, hints::Hints};
use api::{Api, Leg, Placed};
use follow::{Bounds, Follower};

pub use news::note;
pub use signature::{is_key, is_signed};

/// How long a dead worker's call may take to be ended.
const RESOLVED_WITHIN: Duration = Duration::from_secs(60);

/// What is kept of a call, so that it is found again.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Kept {
    call: CallId,
    to: E164,
    /// Just before it was placed: tells this attempt from others of the same call.
    at: DateTime<Utc>,
    /// The provider's ids of it, once known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    leg: Option<Leg>,
}

impl Kept {
    fn to_value(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default() // texts and times only: cannot fail
    }

    /// By which the attempt is known, also where a call that came back is placed again: the one attempt ends before the other begins.
    fn name(&self) -> String {
        format!("{}-{}", self.call, self.at.timestamp_millis())
    }

    /// The same, as the call carries it (`client_state`).
    fn state(&self) -> String {
        BASE64_STANDARD.encode(self.name())
    }
}

/// A Voice API application that places calls. Cheap to clone.
#[derive(Clone)]
pub struct TelnyxCarrier {
    trunk: Arc<TelnyxTrunk>,
    desk: Desk<Api>,
}

impl TelnyxCarrier {
    /// A carrier for this application. Touches no network. `hints`: where it hears of its calls.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn open(trunk: TelnyxTrunk, settings: RestSettings, hints: Hints) -> reqwest::Result<Self> {
        let desk = Desk::new(Api::new(&trunk, &settings)?, settings, hints);
        Ok(Self { trunk: Arc::new(trunk), desk })
    }
}

#[async_trait]
impl Carrier for TelnyxCarrier {
    async fn prepare(&self, order: Order) -> Result<Box<dyn Attempt>, Ending> {
        Ok(Box::new(attempt::TelnyxAttempt::prepare(self.clone(), order)?))
    }

    async fn resolve(&self, resume: &Value, _shown: Option<&str>) -> Ending {
        let lost = || Ending::uncertain("worker_lost");
        let Ok(kept) = serde_json::from_value::<Kept>(resume.clone()) else { return lost() };
        let desk = &self.desk;
        let mut ear = desk.hints.listen(kept.call);
        let found = match &kept.leg {
            Some(leg) => Some(Placed::from(leg.clone())),
            None => find(&find::Call { carrier: self, kept: &kept }, &desk.settings, &mut ear).await,
        };
        let Some(call) = found else { return lost() };
        let bounds = Bounds::all(RESOLVED_WITHIN);
        Follower::new(desk, &kept, call, bounds, self.trunk.machine_detection).resolve(&mut ear).await
    }

    async fn probe(&self) -> Result<(), &'static str> {
        refusals::probed(self.desk.api.reach().await)
    }

    async fn close(&self) {}
}
