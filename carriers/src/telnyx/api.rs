//! The requests about calls (<https://developers.telnyx.com/api-reference/call-commands/dial>,
//! <https://developers.telnyx.com/api-reference/call-information/retrieve-a-call-status>), one function for each.

use reqwest::Method;
use ringfleet_core::telnyx_trunk::TelnyxTrunk;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use url::form_urlencoded::Serializer;

use super::{news::Told, refusals};
use crate::{
    desk::Shows,
    rest::{Rest, RestSettings, Trouble},
};

/// Calls, or events, on a page.
const PAGE: &str = "250";
/// Most pages of active calls that are looked through.
const PAGES: usize = 20;

/// The provider's ids of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Leg {
    /// By which it is asked for and told what to do.
    #[serde(rename = "call_control_id")]
    pub(super) id: String,
    /// By which its events are listed.
    #[serde(rename = "call_leg_id", default)]
    pub(super) leg: String,
}

/// A call that the provider has taken.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) leg: Leg,
    /// What a webhook told by which it was found.
    pub(super) told: Option<Told>,
}

impl From<Leg> for Placed {
    fn from(leg: Leg) -> Self {
        Self { leg, told: None }
    }
}

impl Shows for Placed {
    fn sid(&self) -> &str {
        &self.leg.id
    }
}

/// A call as the provider shows it.
#[derive(Debug, Deserialize)]
pub(super) struct Shown {
    pub(super) is_alive: bool,
    /// Only when it is over.
    #[serde(default)]
    pub(super) end_time: Option<String>,
}

#[derive(Deserialize)]
struct Active {
    #[serde(flatten)]
    leg: Leg,
    #[serde(default)]
    client_state: Option<String>,
}

/// What stands around every answer.
#[derive(Deserialize)]
struct Around<T> {
    data: T,
    #[serde(default)]
    meta: Meta,
}

#[derive(Default, Deserialize)]
struct Meta {
    #[serde(default)]
    cursors: Cursors,
    #[serde(default)]
    next: Option<String>,
}

#[derive(Default, Deserialize)]
struct Cursors {
    #[serde(default)]
    after: Option<String>,
}

/// Speaks for one application.
pub(super) struct Api {
    rest: Rest,
    /// `https://…/v2`.
    base: String,
    key: String,
    connection: String,
}

impl Api {
    pub(super) fn new(trunk: &TelnyxTrunk, settings: &RestSettings) -> reqwest::Result<Self> {
        Ok(Self {
            rest: Rest::new(settings, refusals::code)?,
            base: format!("{}/v2", trunk.base_url.trim_end_matches('/')),
            key: trunk.api_key.clone(),
            connection: trunk.connection_id.clone(),
        })
    }

    /// Places a call.
    pub(super) async fn place(&self, body: &Value) -> Result<Placed, Trouble> {
        let placed: Around<Leg> = self.post("/calls", body).await?;
        Ok(placed.data.into())
    }

    /// How a call is.
    pub(super) async fn call(&self, id: &str) -> Result<Shown, Trouble> {
        let shown: Around<Shown> = self.get(&format!("/calls/{id}"), &[]).await?;
        Ok(shown.data)
    }

    /// Tells a call to do something.
    pub(super) async fn act(&self, id: &str, action: &str, body: &Value) -> Result<(), Trouble> {
        let path = format!("/calls/{id}/actions/{action}");
        self.post::<serde::de::IgnoredAny>(&path, body).await.map(drop)
    }

    /// The events that fit these filters, the oldest first
    /// (<https://developers.telnyx.com/api-reference/debugging/list-call-events>).
    pub(super) async fn events(&self, filters: &[(&str, &str)]) -> Result<Vec<Value>, Trouble> {
        let mut query = vec![("filter[type]", "webhook"), ("page[size]", PAGE)];
        query.extend_from_slice(filters);
        let found: Around<Vec<Value>> = self.get("/call_events", &query).await?;
        Ok(found.data)
    }

    /// What has been told of calls to this number by this application, as far as it is listed.
    pub(super) async fn events_to(&self, to: &str) -> Result<Vec<Value>, Trouble> {
        self.events(&[("filter[connection_id]", self.connection.as_str()), ("filter[to]", to)]).await
    }

    /// The live call that carries this
    /// (<https://developers.telnyx.com/api-reference/call-information/list-all-active-calls-for-given-connection>).
    pub(super) async fn active(&self, state: &str) -> Result<Option<Leg>, Trouble> {
        let mut after = None;
        for _ in 0..PAGES {
            let page = self.active_page(PAGE, after.as_deref()).await?;
            let is_it = |call: &Active| call.client_state.as_deref() == Some(state);
            if let Some(call) = page.data.into_iter().find(is_it) {
                return Ok(Some(call.leg));
            }
            after = page.meta.next.and(page.meta.cursors.after);
            if after.is_none() {
                break;
            }
        }
        Ok(None)
    }

    /// Whether the application is there and lets us in.
    pub(super) async fn reach(&self) -> Result<(), Trouble> {
        self.active_page("1", None).await.map(drop)
    }

    async fn active_page(&self, size: &str, after: Option<&str>) -> Result<Around<Vec<Active>>, Trouble> {
        let mut query = vec![("page[limit]", size)];
        query.extend(after.map(|after| ("page[after]", after)));
        self.get(&format!("/connections/{}/active_calls", self.connection), &query).await
    }

    async fn get<T: DeserializeOwned>(&self, path: &str, query: &[(&str, &str)]) -> Result<T, Trouble> {
        let query = Serializer::new(String::new()).extend_pairs(query).finish();
        let mark = if query.is_empty() { "" } else { "?" };
        let url = format!("{}{path}{mark}{query}", self.base);
        self.rest.ask(Method::GET, &url, |it| it.bearer_auth(&self.key)).await
    }

    async fn post<T: DeserializeOwned>(&self, path: &str, body: &Value) -> Result<T, Trouble> {
        let url = format!("{}{path}", self.base);
        self.rest.ask(Method::POST, &url, |it| it.bearer_auth(&self.key).json(body)).await
    }
}
