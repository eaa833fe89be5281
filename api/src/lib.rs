//! The HTTP API of Ringfleet.
//!
//! [`router`] joins the native API under `/api/v1`, Samora's under `/v1` and `/v2`, files, callbacks of providers, `/healthz` and `/readyz`, and the
//! dashboard everywhere else; [`serve`] runs it until it is told to stop. Every answer of the native API has one form (`envelope`), every error gets its status and code in one place
//! (`error`), and every handler states the permission it needs (`auth`). docs/API.md is the guide for its users.

mod auth;
mod callbacks;
mod change;
mod check;
mod client;
mod cookies;
mod cors;
mod csv_rows;
mod dashboard;
mod envelope;
mod error;
mod export;
mod file;
mod files;
mod frame;
mod health;
mod identity;
mod issuer;
mod json;
mod linger;
mod mail;
mod native;
mod once;
mod openapi;
mod page;
mod path;
mod query;
mod quota;
mod reference;
mod reject_file;
mod samora;
mod serve;
mod strict;
mod tag;
mod upload;
mod webhook_url;

use std::{net::IpAddr, path::PathBuf, time::Duration};

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::{HeaderValue, Method},
    middleware,
    routing::get,
};
use ringfleet_core::{Quota, net::Guard};
use ringfleet_engine::{AccessSettings, Engine};
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;
use url::Url;

pub use mail::MailSettings;
pub use native::GoogleSettings;
pub use ringfleet_core::api_key::{NewKey, new_key};
pub use serve::serve;

use error::ApiError;

/// How the API behaves.
#[derive(Clone)]
pub struct ApiSettings {
    /// The folder agents' greetings lie in; none refuses every greeting.
    pub greetings: Option<PathBuf>,
    /// Where webhooks may go. Default: to public addresses.
    pub guard: Guard,
    /// Largest request body in bytes, uploads of lists excepted. Default 2 MiB.
    pub body_limit: usize,
    /// How long open requests may go on once the server is told to stop. Default 10 s.
    pub drain: Duration,
    /// How long a client may take to send the head of a request. Default 30 s.
    pub head_patience: Duration,
    /// Where browsers find this server: in links it sends, in its cookies, and with what Google calls back. Default
    /// `http://127.0.0.1:8080`.
    pub base_url: Url,
    /// Who may sign up.
    pub access: AccessSettings,
    /// How mail is sent; none sends no mail.
    pub mail: Option<MailSettings>,
    /// How one logs in with Google; none does not offer it.
    pub google: Option<GoogleSettings>,
    /// How many requests each key and each user may make; a key may have a rate of its own.
    pub quota: Quota,
    /// Web pages of which origins may use the API, such as `https://app.example.com`. Default none but this server's own.
    pub cors_origins: Vec<HeaderValue>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// Cancelled when answers that have no end are to end. [`serve`] does so when it is told to stop.
    pub closing: CancellationToken,
}

impl Default for ApiSettings {
    fn default() -> Self {
        Self {
            greetings: None,
            guard: Guard::default(),
            body_limit: 2 * 1024 * 1024,
            drain: Duration::from_secs(10),
            head_patience: Duration::from_secs(30),
            base_url: local_url(),
            access: AccessSettings::default(),
            mail: None,
            google: None,
            quota: Quota::default(),
            cors_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            closing: CancellationToken::new(),
        }
    }
}

#[allow(clippy::expect_used, reason = "a constant")]
fn local_url() -> Url {
    Url::parse("http://127.0.0.1:8080").expect("this is a URL")
}

/// Whether a URL leads to this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    // The host of a scheme that is none of the web's is not read as an address.
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The method and path of every endpoint, those of Samora's dialect included.
pub fn endpoints() -> Vec<(Method, String)> {
    native::all().merge(samora::all()).list()
}

/// The whole HTTP surface over one engine.
pub fn router(engine: Engine, settings: ApiSettings) -> Router {
    let (cors, guards) = (cors::layer(&settings.cors_origins), frame::Guards::of(&settings.base_url));
    let gate = auth::Gate::new(engine.clone(), settings);
    let mut routes = native::routes(&gate).merge(samora::routes(&gate));
    let description = reference::router(&routes.document());
    routes
        .into_router()
        .route("/files/transcripts/{ses}", get(files::transcript))
        .route("/files/recordings/{ses}", get(files::recording))
        .merge(callbacks::routes())
        .with_state(gate)
        .merge(description)
        .merge(health::router(engine))
        .fallback(dashboard::or_no_such_route)
        .method_not_allowed_fallback(|| async { ApiError::method_not_allowed() })
        // Bodies are measured where they are read; uploads have no limit.
        .layer(DefaultBodyLimit::disable())
        .layer(CatchPanicLayer::custom(frame::panicked))
        .layer(middleware::from_fn(samora::in_its_own_words))
        .layer(cors)
        .layer(middleware::from_fn_with_state(guards, frame::surround))
}
