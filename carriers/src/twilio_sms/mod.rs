//! Text messages over Twilio's REST API (2010-04-01), or over whoever else speaks it. The base URL is a setting.
//!
//! A message is sent by one request that is never repeated, and has been sent as soon as the provider has taken it. What becomes of it then is
//! told by callbacks (`notices`). docs/CHANNELS.md says what is mapped to what.

mod attempt;
mod find;
mod messages;
mod notices;
mod refusals;

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use ring::digest::{SHA256, digest};
use ringfleet_core::{CallId, E164, EndedBy, Ending, Outcome, message_trunk::TwilioSmsTrunk};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    Attempt, Carrier, MessageOrder, Order, RestSettings,
    desk::Desk,
    find::find,
    hints::Hints,
    twilio::{
        api::{Account, Api},
        refusals::probed,
    },
};

pub use notices::{inbound, receipt};

/// What is kept of a message, so that it is found again.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Kept {
    call: CallId,
    to: E164,
    /// The number it comes from, if that is known.
    from: Option<String>,
    /// By which its text is known among others; the text itself is kept nowhere.
    text: String,
    /// Just before it was sent.
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

/// The SHA-256 of a text, in hex.
fn fingerprint(text: &str) -> String {
    hex::encode(digest(&SHA256, text.as_bytes()))
}

/// The ending of a message that was taken.
fn sent() -> Ending {
    Ending::over(Outcome::Sent, "accepted", None, EndedBy::Carrier)
}

/// An account that sends text messages. Cheap to clone.
#[derive(Clone)]
pub struct TwilioSmsCarrier {
    trunk: Arc<TwilioSmsTrunk>,
    desk: Desk<Api>,
}

impl TwilioSmsCarrier {
    /// A carrier for this account. Touches no network. `hints`: where it hears of its messages.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn open(trunk: TwilioSmsTrunk, settings: RestSettings, hints: Hints) -> reqwest::Result<Self> {
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
impl Carrier for TwilioSmsCarrier {
    async fn prepare(&self, order: Order) -> Result<Box<dyn Attempt>, Ending> {
        Err(crate::wrong_channel(order.call))
    }

    async fn prepare_message(&self, order: MessageOrder) -> Result<Box<dyn Attempt>, Ending> {
        Ok(Box::new(attempt::SmsAttempt::prepare(self.clone(), order)?))
    }

    async fn resolve(&self, resume: &Value, shown: Option<&str>) -> Ending {
        let lost = || Ending::uncertain("worker_lost");
        let Ok(mut kept) = serde_json::from_value::<Kept>(resume.clone()) else { return lost() };
        if self.trunk.messaging_service_sid.is_none() {
            kept.from = shown.map(str::to_owned).or(kept.from);
        }
        let desk = &self.desk;
        let mut ear = desk.hints.listen(kept.call);
        let found = match &kept.sid {
            Some(sid) => desk.asked_for(|| desk.api.message(sid)).await,
            None => find(&find::Text { carrier: self, kept: &kept }, &desk.settings, &mut ear).await,
        };
        // That it is not shown says nothing about it, but who has its id was told that it was taken.
        match found {
            Some(message) => {
                desk.api.known.lock().add(&message.sid);
                refusals::ending(&message)
            }
            None if kept.sid.is_some() => sent(),
            None => lost(),
        }
    }

    async fn probe(&self) -> Result<(), &'static str> {
        probed(self.desk.api.account().await)
    }

    async fn close(&self) {}
}
