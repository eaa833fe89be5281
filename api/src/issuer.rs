//! An issuer of OpenID Connect, as it is asked: by one client, with what it says of itself kept for minutes.

use std::{fmt, pin::Pin, sync::OnceLock, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse, IssuerUrl, core::CoreProviderMetadata};
use parking_lot::Mutex;

use crate::error::{ApiError, Result};

/// How long it may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long is believed what it says of itself. Keys that are new sooner are asked for when one is met.
const BELIEVED: TimeDelta = TimeDelta::minutes(5);
/// Longest answer that is read, in bytes: keys and tokens are a few KiB.
const ANSWER_LIMIT: usize = 256 * 1024;

/// The issuer.
pub(crate) struct Issuer {
    url: String,
    client: OnceLock<reqwest::Client>,
    known: Mutex<Option<(DateTime<Utc>, CoreProviderMetadata)>>,
}

/// Sends requests to it.
pub(crate) struct Client(reqwest::Client);

/// The exchange with the issuer did not work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unfit {
    #[error("{0}")]
    Http(#[from] reqwest::Error),
    #[error("{0}")]
    Answer(#[from] openidconnect::http::Error),
    #[error("its answer is longer than {ANSWER_LIMIT} bytes")]
    TooLong,
}

/// Logs what did not work, and tells people what they need to know.
pub(crate) fn failed(what: &'static str) -> impl Fn(&dyn fmt::Display) -> ApiError {
    move |error| {
        tracing::warn!(%error, "a login with Google failed: {what}");
        ApiError::unavailable(
            "Google, or what is between it and this server, did not answer as it should; try again",
        )
    }
}

impl Issuer {
    /// One with this URL; nothing is asked yet.
    pub(crate) fn new(url: &str) -> Self {
        Self { url: url.to_owned(), client: OnceLock::new(), known: Mutex::new(None) }
    }

    /// What it says of itself, at most minutes old at `now`.
    pub(crate) async fn metadata(&self, now: DateTime<Utc>) -> Result<CoreProviderMetadata> {
        let kept = self.known.lock().clone();
        match kept.filter(|(since, _)| (TimeDelta::zero()..BELIEVED).contains(&(now - *since))) {
            Some((_, metadata)) => Ok(metadata),
            None => self.discover(now).await,
        }
    }

    /// The same, asked now. Not under the lock: whoever waits for an issuer that is silent waits for nobody else.
    pub(crate) async fn discover(&self, now: DateTime<Utc>) -> Result<CoreProviderMetadata> {
        let failed = failed("the issuer cannot be discovered");
        let url = IssuerUrl::new(self.url.clone()).map_err(|e| failed(&e))?;
        let client = self.client()?;
        let metadata = CoreProviderMetadata::discover_async(url, &client).await.map_err(|e| failed(&e))?;
        *self.known.lock() = Some((now, metadata.clone()));
        Ok(metadata)
    }

    /// What sends requests to it.
    pub(crate) fn client(&self) -> Result<Client> {
        if let Some(client) = self.client.get() {
            return Ok(Client(client.clone()));
        }
        // Redirects are not followed: an issuer has no reason to.
        let policy = reqwest::redirect::Policy::none();
        let made = reqwest::Client::builder().redirect(policy).timeout(PATIENCE).build();
        let made = made.map_err(|e| failed("there is no client")(&e))?;
        Ok(Client(self.client.get_or_init(|| made).clone()))
    }
}

impl<'c> AsyncHttpClient<'c> for Client {
    type Error = Unfit;
    type Future = Pin<Box<dyn Future<Output = std::result::Result<HttpResponse, Unfit>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(send(self.0.clone(), request))
    }
}

/// Sends one request as the library wants it.
async fn send(client: reqwest::Client, request: HttpRequest) -> std::result::Result<HttpResponse, Unfit> {
    let mut answer = client.execute(reqwest::Request::try_from(request)?).await?;
    let mut response = openidconnect::http::Response::builder().status(answer.status());
    for (name, value) in answer.headers() {
        response = response.header(name, value);
    }
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        if body.len() + chunk.len() > ANSWER_LIMIT {
            return Err(Unfit::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(response.body(body)?)
}
