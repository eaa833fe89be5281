//! WhatsApp's Cloud API (<https://developers.facebook.com/docs/whatsapp/cloud-api>).
//!
//! A message is sent by one request that is never repeated, and has been sent as soon as the provider has taken it. Nobody can be asked
//! afterwards: what becomes of it is told by webhooks (`webhook`), which carry the id of the call. docs/CHANNELS.md says what is mapped to what.

mod attempt;
mod refusals;
mod templates;
mod webhook;

use std::sync::Arc;

use async_trait::async_trait;
use reqwest::Method;
use ringfleet_core::{
    Ending,
    message_trunk::{WHATSAPP_VERSION, WhatsappTrunk},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{
    Attempt, Carrier, MessageOrder, Order, RestSettings,
    doubt::Doubt,
    rest::{Rest, Trouble},
};
use templates::Templates;

pub use webhook::{Notice, is_known, is_signed, parse, sign};

/// What an error looks like.
#[derive(Default, Deserialize)]
struct Refusal {
    #[serde(default)]
    error: Option<Problem>,
}

#[derive(Deserialize)]
struct Problem {
    #[serde(default)]
    code: Option<u32>,
}

/// A number that writes. Cheap to clone.
#[derive(Clone)]
pub struct WhatsappCarrier {
    trunk: Arc<WhatsappTrunk>,
    rest: Arc<Rest>,
    doubt: Arc<Doubt>,
    templates: Arc<Templates>,
}

impl WhatsappCarrier {
    /// A carrier for this number. Touches no network.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn open(trunk: WhatsappTrunk, settings: &RestSettings) -> reqwest::Result<Self> {
        let code = |body: &[u8]| serde_json::from_slice::<Refusal>(body).ok()?.error?.code;
        Ok(Self {
            trunk: Arc::new(trunk),
            rest: Arc::new(Rest::new(settings, code)?),
            doubt: Arc::default(),
            templates: Arc::default(),
        })
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<T, Trouble> {
        let WhatsappTrunk { base_url, phone_number_id, access_token, .. } = &*self.trunk;
        let url = format!("{}/{WHATSAPP_VERSION}/{phone_number_id}{path}", base_url.trim_end_matches('/'));
        let dress = |it: reqwest::RequestBuilder| match body {
            Some(body) => it.bearer_auth(access_token).json(body),
            None => it.bearer_auth(access_token),
        };
        self.rest.ask(method, &url, dress).await
    }
}

/// What is kept of a message that was taken.
fn kept(id: &str) -> Value {
    json!({ "wamid": id })
}

#[async_trait]
impl Carrier for WhatsappCarrier {
    async fn prepare(&self, order: Order) -> Result<Box<dyn Attempt>, Ending> {
        Err(crate::wrong_channel(order.call))
    }

    async fn prepare_message(&self, order: MessageOrder) -> Result<Box<dyn Attempt>, Ending> {
        Ok(Box::new(attempt::WhatsappAttempt::prepare(self.clone(), &order)?))
    }

    async fn resolve(&self, resume: &Value, _shown: Option<&str>) -> Ending {
        match resume["wamid"].is_string() {
            true => refusals::sent(),
            false => Ending::uncertain("worker_lost"),
        }
    }

    async fn probe(&self) -> Result<(), &'static str> {
        let answer = self.ask::<serde::de::IgnoredAny>(Method::GET, "?fields=id", None).await;
        refusals::probed(answer.map(drop))
    }

    async fn close(&self) {}
}
