//! Logging in with Google, or whoever speaks OpenID Connect as it does: authorization code with PKCE (RFC 7636) and a nonce.

use std::fmt;

use axum::{
    http::{StatusCode, header},
    response::{AppendHeaders, IntoResponse, Response},
};
use openidconnect::{
    AuthorizationCode, ClaimsVerificationError, ClientId, ClientSecret, CsrfToken, EndpointMaybeSet,
    EndpointNotSet, EndpointSet, Nonce, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope,
    SignatureVerificationError, TokenResponse,
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
    issuer::{Issuer, failed},
    openapi::{self, Draft},
    query::{FromQuery, Parameters, Query},
};

/// How long one may take at Google.
const LASTS_SECONDS: i64 = 600;

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

fn settings(door: &Anyone) -> Result<(&GoogleSettings, &Issuer, RedirectUrl)> {
    let missing = || {
        ApiError::not_offered(
            "this server does not offer to log in with Google; whoever runs it can set [auth.google]",
        )
    };
    let (google, issuer) = door.settings().google.as_ref().zip(door.issuer()).ok_or_else(missing)?;
    let base = door.settings().base_url.as_str().trim_end_matches('/');
    let back = RedirectUrl::new(format!("{base}/api/v1/auth/google/callback"));
    Ok((google, issuer, back.map_err(|e| failed("the base URL is unusable")(&e))?))
}

/// What speaks with an issuer that has said where its endpoints are.
type Client = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

fn client_of(google: &GoogleSettings, metadata: CoreProviderMetadata) -> Client {
    let id = ClientId::new(google.client_id.clone());
    let secret = ClientSecret::new(google.client_secret.clone());
    CoreClient::from_provider_metadata(metadata, id, Some(secret))
}

/// `GET /auth/google`: leads to Google.
pub(super) async fn begin(door: Anyone) -> Result<Redirect> {
    let (google, issuer, back) = settings(&door)?;
    door.engine().may_go_to_google(&door.address()).await?;
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let metadata = issuer.metadata(door.engine().clock().now()).await?;
    let client = client_of(google, metadata).set_redirect_uri(back);
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
    let (google, issuer, back) = settings(&door)?;
    door.engine().may_come_from_google(&door.address()).await?;
    let pending = pending(&door, &cookies, &answer).await?;
    let stale = || ApiError::unauthorized("Google has not let you in; begin again at /api/v1/auth/google");
    let code = answer.code.filter(|_| answer.error.is_none()).ok_or_else(stale)?;
    let metadata = issuer.metadata(door.engine().clock().now()).await?;
    let client = client_of(google, metadata).set_redirect_uri(back);
    let no_tokens = failed("the code was not exchanged");
    let tokens = client
        .exchange_code(AuthorizationCode::new(code))
        .map_err(|e| no_tokens(&e))?
        .set_pkce_verifier(PkceCodeVerifier::new(pending.verifier))
        .request_async(&issuer.client()?)
        .await
        .map_err(|e| no_tokens(&e))?;
    let id_token = tokens.id_token().ok_or_else(stale)?;
    let nonce = Nonce::new(pending.nonce);
    let mut claims = id_token.claims(&client.id_token_verifier(), &nonce);
    if let Err(ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey)) =
        claims
    {
        // Its keys are newer than what is kept of it.
        let client = client_of(google, issuer.discover(door.engine().clock().now()).await?);
        claims = id_token.claims(&client.id_token_verifier(), &nonce);
    }
    let claims = claims.map_err(|error| {
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
    let grant = door.engine().log_in_with_google(door.settings().access, &profile, &door.address()).await?;
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
