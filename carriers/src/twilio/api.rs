//! The provider's API: one function for each request, and what can be said when one does not succeed.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use reqwest::{Client, Method, StatusCode, Url, header};
use ringfleet_core::{E164, net::Guard, trunk::TwilioTrunk, with_causes};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use url::form_urlencoded::Serializer;

use super::RestSettings;
use crate::guarded;

/// Longest answer that is read, in bytes: a page of calls has some 20 kB.
const ANSWER_LIMIT: usize = 512 * 1024;
/// How many calls to a number are looked through, the newest first.
const LISTED: &str = "20";
/// Most idle connections to the provider.
const CONNECTIONS: usize = 64;

/// Fields of a form, in their order; a name may come more than once.
pub(super) type Form = Vec<(&'static str, String)>;

/// Why a request did not succeed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Nothing was sent.
    Unsent(String),
    /// It was refused, so nothing was done.
    Refused {
        /// The HTTP status, 300 to 499.
        status: u16,
        /// The provider's own code.
        code: Option<u32>,
        /// How long it asks us to wait.
        retry_after: Option<Duration>,
    },
    /// It may have been carried out, or not.
    Unknown(String),
}

/// A call as the provider shows it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Shown {
    pub(super) sid: String,
    pub(super) status: String,
    #[serde(default)]
    pub(super) to: Option<String>,
    #[serde(default)]
    pub(super) direction: Option<String>,
    /// Empty as long as nobody has been dialed.
    #[serde(default)]
    pub(super) start_time: Option<String>,
    #[serde(default, deserialize_with = "moment")]
    pub(super) date_created: Option<DateTime<Utc>>,
    #[serde(default)]
    pub(super) answered_by: Option<String>,
}

/// RFC 2822 with Twilio, RFC 3339 with some others; one that cannot be read is none.
fn moment<'de, D: Deserializer<'de>>(d: D) -> Result<Option<DateTime<Utc>>, D::Error> {
    let text = Option::<String>::deserialize(d)?.unwrap_or_default();
    let read = DateTime::parse_from_rfc2822(&text).or_else(|_| DateTime::parse_from_rfc3339(&text));
    Ok(read.ok().map(|at| at.to_utc()))
}

#[derive(Deserialize)]
struct Listed {
    calls: Vec<Shown>,
}

#[derive(Deserialize)]
struct Notifications {
    notifications: Vec<Notification>,
}

#[derive(Deserialize)]
struct Notification {
    error_code: String,
}

/// What an error looks like.
#[derive(Default, Deserialize)]
struct Refusal {
    #[serde(default)]
    code: Option<u32>,
}

/// Speaks for one account.
pub(super) struct Api {
    http: Client,
    guard: Arc<Guard>,
    /// `https://…/2010-04-01/Accounts/AC…`, or what was wrong with it.
    account: Result<Url, String>,
    user: String,
    password: String,
}

impl Api {
    pub(super) fn new(trunk: &TwilioTrunk, settings: &RestSettings) -> reqwest::Result<Self> {
        let guard = Arc::new(settings.guard.clone());
        let base = trunk.base_url.trim_end_matches('/');
        let account = format!("{base}/2010-04-01/Accounts/{}", trunk.account_sid);
        let (user, password) = match (&trunk.api_key_sid, &trunk.api_key_secret) {
            (Some(sid), Some(secret)) => (sid, secret),
            _ => (&trunk.account_sid, &trunk.auth_token),
        };
        Ok(Self {
            http: guarded::client(guard.clone(), settings.patience, CONNECTIONS)?,
            guard,
            account: Url::parse(&account).map_err(|error| error.to_string()),
            user: user.clone(),
            password: password.clone(),
        })
    }

    /// Places a call.
    pub(super) async fn place(&self, form: &Form) -> Result<Shown, Trouble> {
        self.ask(Method::POST, "/Calls.json", form).await
    }

    /// How a call is.
    pub(super) async fn call(&self, sid: &str) -> Result<Shown, Trouble> {
        self.ask(Method::GET, &format!("/Calls/{sid}.json"), &Form::new()).await
    }

    /// Asks for the end of a call. `status`: `canceled` before the answer, `completed` after it.
    pub(super) async fn end(&self, sid: &str, status: &str) -> Result<Shown, Trouble> {
        let form = vec![("Status", status.to_owned())];
        self.ask(Method::POST, &format!("/Calls/{sid}.json"), &form).await
    }

    /// The last calls between these numbers. Not narrowed by StartTime: a call that waits to be dialed has none yet.
    pub(super) async fn calls(&self, to: E164, from: Option<&str>) -> Result<Vec<Shown>, Trouble> {
        let (to, from) = (to.to_string(), from.map(|from| ("From", from)));
        let query = [("To", to.as_str()), ("PageSize", LISTED)].into_iter().chain(from);
        let query = Serializer::new(String::new()).extend_pairs(query).finish();
        let listed: Listed = self.ask(Method::GET, &format!("/Calls.json?{query}"), &Form::new()).await?;
        Ok(listed.calls)
    }

    /// The codes of what went wrong with a call.
    pub(super) async fn errors_of(&self, sid: &str) -> Result<Vec<u32>, Trouble> {
        let path = format!("/Calls/{sid}/Notifications.json");
        let found: Notifications = self.ask(Method::GET, &path, &Form::new()).await?;
        Ok(found
            .notifications
            .iter()
            .filter_map(|notification| notification.error_code.parse().ok())
            .collect())
    }

    /// Whether the account is there and lets us in.
    pub(super) async fn account(&self) -> Result<(), Trouble> {
        self.ask::<serde::de::IgnoredAny>(Method::GET, ".json", &Form::new()).await.map(drop)
    }

    async fn ask<T: DeserializeOwned>(&self, method: Method, path: &str, form: &Form) -> Result<T, Trouble> {
        let account = self.account.as_ref().map_err(|problem| Trouble::Unsent(problem.clone()))?;
        let url = Url::parse(&format!("{account}{path}")).map_err(|e| Trouble::Unsent(e.to_string()))?;
        guarded::check(&self.guard, &url).map_err(Trouble::Unsent)?;
        let mut request = self.http.request(method.clone(), url).basic_auth(&self.user, Some(&self.password));
        if method == Method::POST {
            let body = Serializer::new(String::new()).extend_pairs(form).finish();
            request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").body(body);
        }
        let mut answer = request.send().await.map_err(unanswered)?;
        let status = answer.status();
        let retry_after = retry_after(answer.headers());
        let mut body = Vec::new();
        while let Some(part) = answer.chunk().await.map_err(|e| Trouble::Unknown(with_causes(&e)))? {
            body.extend_from_slice(&part);
            if body.len() > ANSWER_LIMIT {
                return Err(Trouble::Unknown("the answer does not end".into()));
            }
        }
        judged(status, retry_after, &body)
    }
}

/// Only what failed before there was a connection was certainly not sent. The URL, with the account and perhaps a number in it, stays
/// out of the text.
fn unanswered(error: reqwest::Error) -> Trouble {
    let is_unsent = error.is_connect() || error.is_builder();
    let text = with_causes(&error.without_url());
    if is_unsent { Trouble::Unsent(text) } else { Trouble::Unknown(text) }
}

fn judged<T: DeserializeOwned>(
    status: StatusCode,
    retry_after: Option<Duration>,
    body: &[u8],
) -> Result<T, Trouble> {
    match status.as_u16() {
        200..=299 => serde_json::from_slice(body)
            .map_err(|error| Trouble::Unknown(format!("the answer cannot be read: {error}"))),
        // A request that took too long to arrive, by a server's or a proxy's clock, may have arrived all the same.
        408 | 499 | 500.. => Err(Trouble::Unknown(format!("status {status}"))),
        status => {
            let Refusal { code } = serde_json::from_slice(body).unwrap_or_default();
            Err(Trouble::Refused { status, code, retry_after })
        }
    }
}

/// The seconds of a Retry-After (RFC 9110 §10.2.3); a date is passed over, as the usual wait does as well.
fn retry_after(headers: &header::HeaderMap) -> Option<Duration> {
    let seconds = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse::<u32>().ok()?;
    Some(Duration::from_secs(seconds.into()))
}
