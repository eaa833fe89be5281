//! Logging in with an issuer of OpenID Connect on loopback.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicUsize, Ordering},
};

use axum::{
    Form, Json, Router,
    extract::State,
    http::header,
    routing::{get, post},
};
use chrono::{TimeDelta, Utc};
use openidconnect::{
    Audience, EmptyAdditionalClaims, EndUserEmail, EndUserName, IssuerUrl, JsonWebKeyId, LocalizedClaim,
    Nonce, PkceCodeChallenge, PkceCodeVerifier, PrivateSigningKey, StandardClaims, SubjectIdentifier,
    core::{CoreIdToken, CoreIdTokenClaims, CoreJwsSigningAlgorithm, CoreRsaPrivateSigningKey},
};
use parking_lot::Mutex;
use ringfleet_api::{ApiSettings, GoogleSettings};
use ringfleet_core::Role;
use ringfleet_engine::{AccessSettings, Signup};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use url::Url;

use crate::support::{Answer, World};

/// A key of this test alone.
const KEY: &str = include_str!("../keys/issuer.pem");

/// What the issuer is to say of whoever comes.
#[derive(Clone)]
struct Says {
    subject: &'static str,
    email: &'static str,
    verified: bool,
    nonce: Option<&'static str>,
    audience: &'static str,
}

const ANA: Says =
    Says { subject: "g-ana", email: "ana@x.de", verified: true, nonce: None, audience: "client" };

/// The issuer, and what it was asked for.
struct Issuer {
    url: OnceLock<String>,
    says: Mutex<Says>,
    /// The name of its key.
    key: Mutex<&'static str>,
    /// How often it was asked what it says of itself, and how long its answer is made, in bytes.
    discovered: AtomicUsize,
    padding: AtomicUsize,
    /// The challenge and the nonce of the code it has given out.
    asked: Mutex<Option<(String, String)>>,
}

async fn start() -> Arc<Issuer> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let issuer = Arc::new(Issuer {
        url: OnceLock::from(url),
        says: Mutex::new(ANA),
        key: Mutex::new("one"),
        discovered: AtomicUsize::new(0),
        padding: AtomicUsize::new(0),
        asked: Mutex::new(None),
    });
    let app = Router::new()
        .route("/.well-known/openid-configuration", get(discovery))
        .route("/jwks", get(keys))
        .route("/token", post(token))
        .with_state(issuer.clone());
    tokio::spawn(async move { axum::serve(listener, app).await });
    issuer
}

impl Issuer {
    fn url(&self) -> &str {
        self.url.get().unwrap()
    }

    fn key(&self) -> CoreRsaPrivateSigningKey {
        let name = JsonWebKeyId::new((*self.key.lock()).into());
        CoreRsaPrivateSigningKey::from_pem(KEY, Some(name)).unwrap()
    }

    fn discovered(&self) -> usize {
        self.discovered.load(Ordering::Relaxed)
    }
}

async fn discovery(State(issuer): State<Arc<Issuer>>) -> Json<Value> {
    issuer.discovered.fetch_add(1, Ordering::Relaxed);
    let padding = " ".repeat(issuer.padding.load(Ordering::Relaxed));
    let at = |path: &str| format!("{}{path}", issuer.url());
    Json(json!({
        "issuer": issuer.url(), "authorization_endpoint": at("/authorize"), "token_endpoint": at("/token"),
        "jwks_uri": at("/jwks"), "response_types_supported": ["code"], "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"], "padding": padding,
    }))
}

async fn keys(State(issuer): State<Arc<Issuer>>) -> Json<Value> {
    Json(json!({"keys": [issuer.key().as_verification_key()]}))
}

async fn token(
    State(issuer): State<Arc<Issuer>>,
    Form(form): Form<std::collections::HashMap<String, String>>,
) -> Result<Json<Value>, axum::http::StatusCode> {
    let (challenge, nonce) = issuer.asked.lock().take().ok_or(axum::http::StatusCode::BAD_REQUEST)?;
    let verifier = PkceCodeVerifier::new(form["code_verifier"].clone());
    let shown = PkceCodeChallenge::from_code_verifier_sha256(&verifier);
    if form["code"] != "the code" || shown.as_str() != challenge {
        return Err(axum::http::StatusCode::BAD_REQUEST);
    }
    let says = issuer.says.lock().clone();
    let name: LocalizedClaim<EndUserName> = EndUserName::new("Ana".into()).into();
    let standard = StandardClaims::new(SubjectIdentifier::new(says.subject.into()))
        .set_email(Some(EndUserEmail::new(says.email.into())))
        .set_email_verified(Some(says.verified))
        .set_name(Some(name));
    let claims = CoreIdTokenClaims::new(
        IssuerUrl::new(issuer.url().to_owned()).unwrap(),
        vec![Audience::new(says.audience.into())],
        now() + TimeDelta::minutes(5),
        now(),
        standard,
        EmptyAdditionalClaims {},
    )
    .set_nonce(Some(Nonce::new(says.nonce.map_or(nonce, str::to_owned))));
    let id =
        CoreIdToken::new(claims, &issuer.key(), CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256, None, None)
            .unwrap();
    Ok(Json(
        json!({"access_token": "x", "token_type": "bearer", "expires_in": 60, "id_token": id.to_string()}),
    ))
}

/// The library measures ID tokens by the machine's clock.
fn now() -> chrono::DateTime<Utc> {
    ringfleet_core::Clock::now(&ringfleet_core::SystemClock)
}

async fn world(issuer: &Issuer) -> World {
    world_with(issuer, Signup::First).await
}

async fn world_with(issuer: &Issuer, signup: Signup) -> World {
    let google = GoogleSettings {
        issuer: issuer.url().into(),
        client_id: "client".into(),
        client_secret: "secret".into(),
    };
    let access = AccessSettings { signup };
    World::with(|settings| ApiSettings { google: Some(google), access, ..settings }).await
}

/// Goes to the issuer; gives the cookie and the state it would bring back.
async fn begin(world: &World, issuer: &Issuer) -> (String, String) {
    let answer = world.call_with("", &[], "GET", "/auth/google", Value::Null).await;
    assert_eq!(answer.status, 303, "{}", answer.text);
    let to = Url::parse(answer.headers[header::LOCATION].to_str().unwrap()).unwrap();
    let asked = |name: &str| {
        to.query_pairs().find(|(it, _)| it == name).unwrap_or_else(|| panic!("{name} in {to}")).1.into_owned()
    };
    assert!(to.as_str().starts_with(&format!("{}/authorize?", issuer.url())));
    assert_eq!(asked("code_challenge_method"), "S256");
    assert_eq!(asked("redirect_uri"), "http://127.0.0.1:8080/api/v1/auth/google/callback");
    *issuer.asked.lock() = Some((asked("code_challenge"), asked("nonce")));
    let cookie = answer.headers[header::SET_COOKIE].to_str().unwrap();
    assert!(cookie.contains("HttpOnly; SameSite=Lax"), "{cookie}");
    (cookie.split(';').next().unwrap().to_owned(), asked("state"))
}

async fn come_back(world: &World, cookie: &str, state: &str) -> Answer {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("code", "the code")
        .append_pair("state", state)
        .append_pair("scope", "openid email")
        .finish();
    world
        .call_with("", &[("cookie", cookie)], "GET", &format!("/auth/google/callback?{query}"), Value::Null)
        .await
}

async fn log_in(world: &World, issuer: &Issuer) -> Answer {
    let (cookie, state) = begin(world, issuer).await;
    come_back(world, &cookie, &state).await
}

/// Whose login the refresh cookie is.
async fn email(world: &World, answer: &Answer) -> Value {
    assert_eq!(answer.status, 303, "{}", answer.text);
    let mut cookies = answer.headers.get_all(header::SET_COOKIE).iter().map(|it| it.to_str().unwrap());
    let refresh = cookies
        .find(|it| it.starts_with("ringfleet_refresh="))
        .unwrap()
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    let grant =
        world.call_with("", &[("cookie", &refresh)], "POST", "/auth/refresh", Value::Null).await.expect(200);
    grant.data()["user"]["email"].clone()
}

#[tokio::test]
async fn google_opens_the_account_of_the_address_it_has_verified() {
    let issuer = start().await;
    let world = world(&issuer).await;
    assert_eq!(log_in(&world, &issuer).await.refusal(403), "FORBIDDEN", "no such account, and no signing up");
    world.user("ana@x.de", Some(Role::Member), false).await;
    *issuer.says.lock() = Says { verified: false, ..ANA };
    assert_eq!(log_in(&world, &issuer).await.refusal(401), "UNAUTHORIZED");
    *issuer.says.lock() = Says { email: "Ana@X.de", ..ANA };
    assert_eq!(email(&world, &log_in(&world, &issuer).await).await, "ana@x.de");
    // From now on it is known by what Google calls it, whatever its address there.
    *issuer.says.lock() = Says { email: "new@x.de", ..ANA };
    assert_eq!(email(&world, &log_in(&world, &issuer).await).await, "ana@x.de");
    *issuer.says.lock() = Says { subject: "g-other", ..ANA };
    assert_eq!(log_in(&world, &issuer).await.refusal(403), "FORBIDDEN", "another Google account");
}

#[tokio::test]
async fn what_does_not_belong_together_is_refused() {
    let issuer = start().await;
    let world = world(&issuer).await;
    world.user("ana@x.de", Some(Role::Member), false).await;
    for wrong in [Says { nonce: Some("another"), ..ANA }, Says { audience: "another", ..ANA }] {
        *issuer.says.lock() = wrong;
        assert_eq!(log_in(&world, &issuer).await.refusal(401), "UNAUTHORIZED");
    }
    *issuer.says.lock() = ANA;
    let (cookie, state) = begin(&world, &issuer).await;
    for (cookie, state) in
        [(cookie.as_str(), "another"), ("", state.as_str()), ("ringfleet_google=e30.AAAA", &state)]
    {
        assert_eq!(come_back(&world, cookie, state).await.refusal(401), "UNAUTHORIZED");
    }
    *issuer.asked.lock() = Some(("another challenge".into(), "x".into()));
    assert_eq!(
        come_back(&world, &cookie, &state).await.refusal(503),
        "UNAVAILABLE",
        "the verifier does not fit"
    );
    let (cookie, state) = begin(&world, &issuer).await;
    world.clock.advance(std::time::Duration::from_secs(600));
    assert_eq!(come_back(&world, &cookie, &state).await.refusal(401), "UNAUTHORIZED", "too late");
    let plain = World::new().await;
    let answer = plain.call_with("", &[], "GET", "/auth/google", Value::Null).await;
    assert_eq!(answer.refusal(404), "NOT_FOUND");
}

/// The token of an invitation that the inviter was handed, for there is no mail.
async fn invited(world: &World, email: &str) -> String {
    let made = world.post("/workspaces/me/invite", json!({"email": email})).await.expect(201);
    made.data()["link"].as_str().unwrap().rsplit_once("#token=").unwrap().1.to_owned()
}

#[tokio::test]
async fn an_invitation_that_went_by_no_mail_proves_no_address() {
    let issuer = start().await;
    let world = world_with(&issuer, Signup::Open).await;
    let open = async |path: &str, body: Value| world.call_with("", &[], "POST", path, body).await;
    for (email, subject, accepts) in [("ana@x.de", "g-ana", false), ("eva@x.de", "g-eva", true)] {
        // Whoever invites takes the link, and a password of their own.
        let mut account = json!({"email": email, "password": "a password of another"});
        let password = account.clone();
        if accepts {
            let grant = open("/auth/signup", account).await.expect(200);
            let access = grant.data()["accessToken"].as_str().unwrap();
            let token = json!({"token": invited(&world, email).await});
            world.call(access, "POST", "/auth/invites/accept", token).await.expect(200);
        } else {
            account["inviteToken"] = json!(invited(&world, email).await);
            open("/auth/signup", account).await.expect(200);
        }
        let grant = open("/auth/login", password.clone()).await.expect(200);
        *issuer.says.lock() = Says { email, subject, ..ANA };
        assert_eq!(self::email(&world, &log_in(&world, &issuer).await).await, email);
        open("/auth/login", password).await.expect(401);
        let access = grant.data()["accessToken"].as_str().unwrap();
        world.call(access, "GET", "/users/me", Value::Null).await.expect(401);
    }
}

#[tokio::test]
async fn what_the_issuer_says_of_itself_is_believed_for_minutes() {
    let issuer = start().await;
    let world = world(&issuer).await;
    world.user("ana@x.de", Some(Role::Member), false).await;
    for _ in 0..2 {
        email(&world, &log_in(&world, &issuer).await).await;
    }
    assert_eq!(issuer.discovered(), 1);
    *issuer.key.lock() = "two";
    email(&world, &log_in(&world, &issuer).await).await;
    assert_eq!(issuer.discovered(), 2, "a key that is not known yet");
    world.clock.advance(std::time::Duration::from_secs(299));
    begin(&world, &issuer).await;
    assert_eq!(issuer.discovered(), 2);
    world.clock.advance(std::time::Duration::from_secs(1));
    begin(&world, &issuer).await;
    assert_eq!(issuer.discovered(), 3);
    // Nobody's memory is filled by an answer without an end.
    issuer.padding.store(1024 * 1024, Ordering::Relaxed);
    world.clock.advance(std::time::Duration::from_secs(300));
    let answer = world.call_with("", &[], "GET", "/auth/google", Value::Null).await;
    assert_eq!(answer.refusal(503), "UNAVAILABLE");
}

#[tokio::test]
async fn an_address_goes_to_google_so_often_and_who_gets_in_is_not_counted() {
    let issuer = start().await;
    let world = world(&issuer).await;
    world.user("ana@x.de", Some(Role::Member), false).await;
    for _ in 0..40 {
        email(&world, &log_in(&world, &issuer).await).await;
    }
    let knock = async |path: &str| world.call_with("", &[], "GET", path, Value::Null).await;
    for (path, answered) in [("/auth/google", 303), ("/auth/google/callback?state=x&code=y", 401)] {
        // Thirty are free; after the next one has to wait.
        for n in 0..31 {
            assert_eq!(knock(path).await.status.as_u16(), answered, "{path} {n}");
        }
        let refused = knock(path).await;
        assert_eq!(refused.headers[header::RETRY_AFTER], "1");
        assert_eq!(refused.refusal(429), "TOO_MANY_ATTEMPTS");
    }
}
