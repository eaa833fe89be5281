//! Logging in with Google, or whoever speaks OpenID Connect as it does: authorization code with PKCE (RFC 7636) and a nonce.

use std::{fmt, time::Duration};

use axum::{
    http::{StatusCode, header},
    response::{AppendHeaders, IntoResponse, Response},
};
use openidconnect::{
    AuthorizationCode, ClientId, ClientSecret, CsrfToken, HttpRequest, HttpResponse, IssuerUrl, Nonce,
    PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope, TokenResponse,
    core::{CoreAuthenticationFlow, CoreClient, CoreProviderMetadata},
};
use ringfleet_core::{account, token::ServerSecret};
use ringfleet_engine::GoogleProfile;
use serde::{Deserialize, Serialize};
use utoipa::openapi::ResponseBuilder;

use crate::{
    auth::Anyone,
    cookies::{Cookies, GOOGLE, REFRESH},
    error::{ApiError, Result},
    openapi::{self, Draft},
    query::{FromQuery, Parameters, Query},
};

/// How long one may take at Google.
const LASTS_SECONDS: i64 = 600;
/// How long Google may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// How this server is known to Google.
#[derive(Clone)]
pub struct GoogleSettings {
    /// `https://accounts.google.com`, or another issuer of OpenID Connect.
    pub issuer: String,
    /// The id of the client.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
}

impl fmt::Debug for GoogleSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GoogleSettings").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

/// What has to come back; sealed into a cookie.
#[derive(Serialize, Deserialize)]
struct Pending {
    state: String,
    nonce: String,
    verifier: String,
    until: i64,
}

/// The exchange with the issuer did not work.
#[derive(Debug, thiserror::Error)]
enum Unfit {
    #[error("{0}")]
    Http(#[from] reqwest::Error),
    #[error("{0}")]
    Answer(#[from] openidconnect::http::Error),
}

fn failed(what: &'static str) -> impl Fn(&dyn fmt::Display) -> ApiError {
    move |error| {
        tracing::warn!(%error, "a login with Google failed: {what}");
        ApiError::unavailable(
            "Google, or what is between it and this server, did not answer as it should; try again",
        )
    }
}

/// Sends one request as the library wants it. Redirects are not followed: an issuer has no reason to.
async fn send(request: HttpRequest) -> std::result::Result<HttpResponse, Unfit> {
    let client =
        reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).timeout(PATIENCE).build()?;
    let answer = client.execute(reqwest::Request::try_from(request)?).await?;
    let mut response = openidconnect::http::Response::builder().status(answer.status());
    for (name, value) in answer.headers() {
        response = response.header(name, value);
    }
    Ok(response.body(answer.bytes().await?.to_vec())?)
}

async fn issuer(settings: &GoogleSettings) -> Result<CoreProviderMetadata> {
    let failed = failed("the issuer cannot be discovered");
    let url = IssuerUrl::new(settings.issuer.clone()).map_err(|e| failed(&e))?;
    // Asked anew each time: its keys change, and logins are few.
    CoreProviderMetadata::discover_async(url, &send).await.map_err(|e| failed(&e))
}

fn settings(door: &Anyone) -> Result<(&GoogleSettings, RedirectUrl)> {
    let missing = || {
        ApiError::not_offered(
            "this server does not offer to log in with Google; whoever runs it can set [auth.google]",
        )
    };
    let google = door.settings().google.as_ref().ok_or_else(missing)?;
    let base = door.settings().base_url.as_str().trim_end_matches('/');
    let back = RedirectUrl::new(format!("{base}/api/v1/auth/google/callback"));
    Ok((google, back.map_err(|e| failed("the base URL is unusable")(&e))?))
}

/// `GET /auth/google`: leads to Google.
pub(super) async fn begin(door: Anyone) -> Result<Redirect> {
    let (google, back) = settings(&door)?;
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let client = CoreClient::from_provider_metadata(
        issuer(google).await?,
        ClientId::new(google.client_id.clone()),
        Some(ClientSecret::new(google.client_secret.clone())),
    )
    .set_redirect_uri(back);
    let (url, state, nonce) = client
        .authorize_url(CoreAuthenticationFlow::AuthorizationCode, CsrfToken::new_random, Nonce::new_random)
        .add_scope(Scope::new("email".to_owned()))
        .add_scope(Scope::new("profile".to_owned()))
        .set_pkce_challenge(challenge)
        .url();
    let pending = Pending {
        state: state.into_secret(),
        nonce: nonce.secret().clone(),
        verifier: verifier.into_secret(),
        until: door.engine().clock().now().timestamp() + LASTS_SECONDS,
    };
    let secret = door.engine().server_secret().await?;
    let cookie = GOOGLE.set(&seal(&secret, &pending), LASTS_SECONDS, &door.settings().base_url);
    Ok(Redirect { to: url.to_string(), cookies: vec![cookie] })
}

fn seal(secret: &ServerSecret, pending: &Pending) -> String {
    // A struct of texts and a number always becomes JSON.
    secret.seal(&serde_json::to_string(pending).unwrap_or_default())
}

/// What Google's answer says; what else it adds is of no use.
pub(super) struct Answer {
    code: Option<String>,
    state: Option<String>,
    error: Option<String>,
}

impl FromQuery for Answer {
    fn read(parameters: &mut Parameters) -> Result<Self> {
        let answer = Self {
            code: parameters.take("code")?,
            state: parameters.take("state")?,
            error: parameters.take("error")?,
        };
        for ignored in
            ["scope", "authuser", "hd", "prompt", "iss", "session_state", "error_description", "error_uri"]
        {
            parameters.take(ignored)?;
        }
        Ok(answer)
    }
}

/// `GET /auth/google/callback`: where Google sends the browser back to; logs in and leads to the first page.
pub(super) async fn callback(
    door: Anyone,
    cookies: Cookies,
    Query(answer): Query<Answer>,
) -> Result<Redirect> {
    let (google, back) = settings(&door)?;
    let pending = pending(&door, &cookies, &answer).await?;
    let stale = || ApiError::unauthorized("Google has not let you in; begin again at /api/v1/auth/google");
    let code = answer.code.filter(|_| answer.error.is_none()).ok_or_else(stale)?;
    let client = CoreClient::from_provider_metadata(
        issuer(google).await?,
        ClientId::new(google.client_id.clone()),
        Some(ClientSecret::new(google.client_secret.clone())),
    )
    .set_redirect_uri(back);
    let no_tokens = failed("the code was not exchanged");
    let tokens = client
        .exchange_code(AuthorizationCode::new(code))
        .map_err(|e| no_tokens(&e))?
        .set_pkce_verifier(PkceCodeVerifier::new(pending.verifier))
        .request_async(&send)
        .await
        .map_err(|e| no_tokens(&e))?;
    let id_token = tokens.id_token().ok_or_else(stale)?;
    let claims =
        id_token.claims(&client.id_token_verifier(), &Nonce::new(pending.nonce)).map_err(|error| {
            tracing::warn!(%error, "an ID token was refused");
            stale()
        })?;
    let unverified =
        || ApiError::unauthorized("Google has not verified this e-mail address; verify it there first");
    let email = claims.email().filter(|_| claims.email_verified() == Some(true)).ok_or_else(unverified)?;
    let email = account::email(email).map_err(|_| unverified())?;
    let name = claims.name().and_then(|name| name.get(None)).map(|name| name.chars().take(100).collect());
    let profile = GoogleProfile {
        subject: claims.subject().to_string(),
        name: name.unwrap_or_else(|| email.clone()),
        email,
    };
    let grant = door.engine().log_in_with_google(door.settings().access, &profile).await?;
    let lasts = super::accounts::seconds_left(&door, &grant);
    let base = &door.settings().base_url;
    let cookies = vec![REFRESH.set(&grant.refresh_token.text(), lasts, base), GOOGLE.set("", 0, base)];
    Ok(Redirect { to: base.to_string(), cookies })
}

/// Leads the browser elsewhere.
pub(super) struct Redirect {
    to: String,
    cookies: Vec<String>,
}

impl IntoResponse for Redirect {
    fn into_response(self) -> Response {
        let cookies = self.cookies.into_iter().map(|cookie| (header::SET_COOKIE, cookie));
        let headers = AppendHeaders([(header::LOCATION, self.to)].into_iter().chain(cookies));
        (StatusCode::SEE_OTHER, headers).into_response()
    }
}

impl openapi::Answer for Redirect {
    fn describe(draft: &mut Draft, _: u16) {
        draft.refuses(StatusCode::NOT_FOUND, "This server does not offer to log in with Google.");
        let elsewhere = ResponseBuilder::new().description("Leads elsewhere, as `Location` says.");
        draft.answers(StatusCode::SEE_OTHER.as_u16(), elsewhere.build());
    }
}

/// What this browser began, if this is the answer to it.
async fn pending(door: &Anyone, cookies: &Cookies, answer: &Answer) -> Result<Pending> {
    let secret = door.engine().server_secret().await?;
    let sealed = cookies.get(&GOOGLE).and_then(|sealed| secret.unseal(sealed));
    let pending: Option<Pending> = sealed.and_then(|text| serde_json::from_str(&text).ok());
    let now = door.engine().clock().now().timestamp();
    // Both come from this browser, so how long the comparison takes tells it nothing new.
    pending.filter(|it| it.until > now && answer.state.as_deref() == Some(it.state.as_str())).ok_or_else(|| {
        ApiError::unauthorized("this is not the answer to a login that this browser has begun; begin again at /api/v1/auth/google")
    })
}
