//! Providers with a REST API: how they are spoken with, and what can be said when a request does not succeed.

use std::{sync::Arc, time::Duration};

use reqwest::{Client, Method, RequestBuilder, StatusCode, Url, header};
use ringfleet_core::{CallId, net::Guard, with_causes};
use serde::de::DeserializeOwned;

use crate::guarded;

/// Longest answer that is read, in bytes: a page of calls has some 20 kB.
const ANSWER_LIMIT: usize = 512 * 1024;
/// Most idle connections to a provider.
const CONNECTIONS: usize = 64;

/// Longest wait that a provider can impose.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);
/// Shortest wait, so that `Retry-After: 0` is no busy loop.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);

/// How providers with an API are spoken with, whatever the trunk.
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
    /// How long a call or message is looked for of which it is not known whether the provider has it, and what else is unclear is asked again.
    /// Default 20 s.
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

impl RestSettings {
    /// Where a provider tells of this call, of the kind that `path` names; none where this installation has no address that the provider could
    /// reach.
    pub(crate) fn callback(&self, path: &str, call: CallId) -> Option<String> {
        let base = self.callbacks.as_ref()?;
        let is_here = base.host_str().is_some_and(|host| host == "localhost" || host.ends_with(".localhost"));
        let can_be_reached = !is_here && guarded::check(&self.guard, base).is_ok();
        can_be_reached.then(|| callback_url(base, path, call))
    }
}

/// Where a provider tells of this call. `base`: where it finds the API.
pub(crate) fn callback_url(base: &Url, path: &str, call: CallId) -> String {
    format!("{}/callbacks/{path}/{call}", base.as_str().trim_end_matches('/'))
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

/// Why a request did not succeed. `C`: how the provider's own codes are read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Trouble<C = u32> {
    /// Nothing was sent.
    Unsent(String),
    /// It was refused, so nothing was done.
    Refused {
        /// The HTTP status, 300 to 499 unless its code decides ([`Rest::deciding_by`]).
        status: u16,
        /// The provider's own code.
        code: Option<C>,
        /// How long it asks us to wait.
        retry_after: Option<Duration>,
    },
    /// It may have been carried out, or not.
    Unknown(String),
}

/// The wait until something may be tried again for which a provider has no room; `usual`: where it does not say how long.
pub(crate) fn wait(asked: Option<Duration>, usual: Duration) -> Duration {
    asked.unwrap_or(usual).clamp(SHORTEST_WAIT, LONGEST_WAIT)
}

/// Asks one provider, each thing once.
pub(crate) struct Rest<C = u32> {
    http: Client,
    guard: Arc<Guard>,
    /// Reads the provider's own code from the body of a refusal.
    code: fn(&[u8]) -> Option<C>,
    /// Whether such a code is the last word, whatever the status.
    decides: fn(&C) -> bool,
}

impl<C> Rest<C> {
    pub(crate) fn new(settings: &RestSettings, code: fn(&[u8]) -> Option<C>) -> reqwest::Result<Self> {
        let guard = Arc::new(settings.guard.clone());
        let http = guarded::client(guard.clone(), settings.patience, CONNECTIONS)?;
        Ok(Self { http, guard, code, decides: |_| false })
    }

    /// A code for which `decides` holds is a refusal also where its status leaves it open what was done (408, 5xx).
    pub(crate) fn deciding_by(self, decides: fn(&C) -> bool) -> Self {
        Self { decides, ..self }
    }

    /// One request; `dress` gives it what it needs beside its URL.
    pub(crate) async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        url: &str,
        dress: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Result<T, Trouble<C>> {
        let url = Url::parse(url).map_err(|error| Trouble::Unsent(error.to_string()))?;
        guarded::check(&self.guard, &url).map_err(Trouble::Unsent)?;
        let mut answer = dress(self.http.request(method, url)).send().await.map_err(unanswered)?;
        let status = answer.status();
        let retry_after = retry_after(answer.headers());
        let mut body = Vec::new();
        while let Some(part) = answer.chunk().await.map_err(|e| Trouble::Unknown(with_causes(&e)))? {
            body.extend_from_slice(&part);
            if body.len() > ANSWER_LIMIT {
                return Err(Trouble::Unknown("the answer does not end".into()));
            }
        }
        self.judged(status, retry_after, &body)
    }

    fn judged<T: DeserializeOwned>(
        &self,
        status: StatusCode,
        retry_after: Option<Duration>,
        body: &[u8],
    ) -> Result<T, Trouble<C>> {
        if status.is_success() {
            let unread = |error| Trouble::Unknown(format!("the answer cannot be read: {error}"));
            return serde_json::from_slice(body).map_err(unread);
        }
        let code = (self.code)(body);
        match status.as_u16() {
            // A request that took too long to arrive, by a server's or a proxy's clock, may have arrived all the same.
            408 | 499 | 500.. if !code.as_ref().is_some_and(self.decides) => {
                Err(Trouble::Unknown(format!("status {status}")))
            }
            status => Err(Trouble::Refused { status, code, retry_after }),
        }
    }
}

/// Only what failed before there was a connection was certainly not sent. The URL, with the account and perhaps a number in it, stays
/// out of the text.
fn unanswered<C>(error: reqwest::Error) -> Trouble<C> {
    let is_unsent = error.is_connect() || error.is_builder();
    let text = with_causes(&error.without_url());
    if is_unsent { Trouble::Unsent(text) } else { Trouble::Unknown(text) }
}

/// The seconds of a Retry-After (RFC 9110 §10.2.3); a date is passed over, as the usual wait does as well.
fn retry_after(headers: &header::HeaderMap) -> Option<Duration> {
    let seconds = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse::<u32>().ok()?;
    Some(Duration::from_secs(seconds.into()))
}

/// What may stand in a path. Ids are letters and digits with Twilio, `v3:…` with Telnyx, UUIDs with others.
pub(crate) fn is_sid(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ':');
    (1..=128).contains(&text.len()) && text.chars().all(fits)
}
