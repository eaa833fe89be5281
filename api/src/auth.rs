//! The doors every handler goes through.
//!
//! The engine is reachable only through a door. [`Allowed`] only exists for a named permission that whoever asks has in the
//! workspace they ask for; a handler that names none has nothing to work with. [`SignedIn`] is for what a user does as
//! themselves, in no workspace; [`Anyone`] for what comes before that: signing up and logging in.

use std::{
    collections::HashSet,
    marker::PhantomData,
    net::IpAddr,
    sync::{Arc, OnceLock},
};

use axum::{
    extract::FromRequestParts,
    http::{StatusCode, request::Parts},
};
use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use ringfleet_core::{ApiKeyId, Identity, LoginId, Quota, UserId, WorkspaceId, quota::Taken};
use ringfleet_engine::{Claim, Deed, Engine, Origin};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::{
    ApiSettings,
    change::Change,
    client,
    envelope::{Form, Reply},
    error::{ApiError, Result},
    frame,
    identity::{self, Guest},
    issuer::Issuer,
    mail::Mailer,
    native::Desk,
    once::{Once, Refused},
    openapi::{Draft, Part},
};

/// The permissions a handler can name.
pub(crate) mod may {
    use ringfleet_core::Action;

    /// A permission as a type.
    pub(crate) trait Permission: Send + Sync + 'static {
        const ACTION: Action;
    }

    macro_rules! permissions {
        ($($name:ident),+ $(,)?) => {$(
            #[doc = concat!("`Action::", stringify!($name), "`.")]
            pub(crate) enum $name {}
            impl Permission for $name {
                const ACTION: Action = Action::$name;
            }
        )+};
    }
    permissions!(
        Read,
        ReadAudit,
        SeeKeys,
        SeeInvites,
        RunCampaigns,
        EditAgents,
        PublishAgents,
        EditTrunks,
        EditWebhooks,
        Suppress,
        EditRules,
        ManageKeys,
        ManageMembers,
        EditWorkspace,
        SeeFleet,
        RunFleet,
    );

    /// Permissions to look. All others are to change something, which takes a [`crate::change::Change`].
    pub(crate) trait Looks: Permission {}
    impl Looks for Read {}
    impl Looks for ReadAudit {}
    impl Looks for SeeKeys {}
    impl Looks for SeeInvites {}
    impl Looks for SeeFleet {}
}

/// What all handlers share.
#[derive(Clone)]
pub(crate) struct Gate(Arc<Inner>);

struct Inner {
    engine: Engine,
    settings: ApiSettings,
    mailer: Option<Mailer>,
    issuer: Option<Issuer>,
    /// Keys whose last use is just being written down.
    touched: Mutex<HashSet<ApiKeyId>>,
    desk: Desk,
}

/// The quota of whoever asks, and what is left of it; kept with the request for the headers of its answer.
pub(crate) type Told = Arc<OnceLock<(Quota, Taken)>>;

impl Gate {
    pub(crate) fn new(engine: Engine, settings: ApiSettings) -> Self {
        let mailer = settings.mail.as_ref().map(Mailer::new);
        let issuer = settings.google.as_ref().map(|google| Issuer::new(&google.issuer));
        Self(Arc::new(Inner {
            engine,
            settings,
            mailer,
            issuer,
            touched: Mutex::default(),
            desk: Desk::default(),
        }))
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.0.engine
    }

    pub(crate) fn settings(&self) -> &ApiSettings {
        &self.0.settings
    }

    /// What sends mail, if this server does.
    pub(crate) fn mailer(&self) -> Option<&Mailer> {
        self.0.mailer.as_ref()
    }

    /// What streams share.
    pub(crate) fn desk(&self) -> &Desk {
        &self.0.desk
    }

    /// Cancelled when the server stops: answers that have no end end then.
    pub(crate) fn closing(&self) -> CancellationToken {
        self.0.settings.closing.clone()
    }

    /// Largest body of a request, in bytes.
    pub(crate) fn body_limit(&self) -> usize {
        self.0.settings.body_limit
    }

    /// Writes down, behind the request's back, that a key was used.
    pub(crate) fn touch(&self, key: ApiKeyId) {
        if !self.0.touched.lock().insert(key) {
            return;
        }
        let gate = self.clone();
        tokio::spawn(async move {
            if let Err(error) = gate.0.engine.touch_key(key).await {
                tracing::debug!(%error, %key, "the last use of a key was not written down");
            }
            gate.0.touched.lock().remove(&key);
        });
    }

    /// Counts the request of whoever asks.
    pub(crate) async fn count(&self, parts: &Parts, caller: &str, rate: Option<u32>) -> Result<()> {
        let usual = self.0.settings.quota;
        let quota = rate.map_or(usual, |rate| usual.at_rate(rate));
        let taken = self.0.engine.fleet().quotas().take(caller, quota).await;
        if let Some(told) = parts.extensions.get::<Told>() {
            let _ = told.set((quota, taken)); // the first one counts
        }
        match taken.allowed {
            true => Ok(()),
            false => Err(ApiError::rate_limited(taken.retry_after)),
        }
    }
}

fn request_id(parts: &Parts) -> Option<String> {
    parts.headers.get(frame::REQUEST_ID).and_then(|id| id.to_str().ok()).map(str::to_owned)
}

/// Somebody with the permission `P` in a workspace, and the way there.
pub(crate) struct Allowed<P> {
    gate: Gate,
    identity: Identity,
    request_id: Option<String>,
    claim: Option<Arc<Claim>>,
    permission: PhantomData<fn() -> P>,
}

impl<P: may::Looks> Allowed<P> {
    /// The rules.
    pub(crate) fn engine(&self) -> &Engine {
        self.gate.engine()
    }

    /// What all handlers share, and the workspace: for an answer that goes on after the handler.
    pub(crate) fn into_gate(self) -> (Gate, WorkspaceId) {
        (self.gate, self.identity.workspace)
    }
}

impl<P> Allowed<P> {
    /// Who asks.
    pub(crate) fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The workspace everything has to belong to.
    pub(crate) fn workspace(&self) -> WorkspaceId {
        self.identity.workspace
    }

    /// The change this request asks for: noted as `action`, and answered with what `tell` says once it is made.
    pub(crate) fn change<T, V: Serialize, F: Form>(
        self,
        action: &'static str,
        tell: impl Fn(&T) -> Reply<V, F> + Send + Sync + 'static,
    ) -> Change<T, V, F> {
        let Self { gate, identity, request_id, claim, .. } = self;
        let deed = Deed { workspace: identity.workspace, actor: identity.actor(), action, request_id };
        Change::new(gate, deed, claim, tell)
    }

    /// The moment it is.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.gate.engine().clock().now()
    }

    /// The settings of this server.
    pub(crate) fn settings(&self) -> &ApiSettings {
        self.gate.settings()
    }

    /// What sends mail, if this server does.
    pub(crate) fn mailer(&self) -> Option<&Mailer> {
        self.gate.mailer()
    }
}

impl<P: may::Permission> FromRequestParts<Gate> for Allowed<P> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, gate: &Gate) -> Result<Self, Refused> {
        let identity = identity::of(parts, gate).await?;
        if !identity.may(P::ACTION) {
            return Err(ApiError::forbidden(&identity, P::ACTION).into());
        }
        let claim = match parts.extensions.get::<Once>() {
            Some(once) => once.claim(gate.engine(), identity.workspace).await?,
            None => None,
        };
        let request_id = request_id(parts);
        Ok(Self { gate: gate.clone(), identity, request_id, claim, permission: PhantomData })
    }
}

/// A user who has logged in, in no workspace in particular.
pub(crate) struct SignedIn {
    gate: Gate,
    guest: Guest,
    request_id: Option<String>,
}

impl SignedIn {
    pub(crate) fn engine(&self) -> &Engine {
        self.gate.engine()
    }

    pub(crate) fn user(&self) -> UserId {
        self.guest.user
    }

    pub(crate) fn login(&self) -> LoginId {
        self.guest.login
    }

    /// The request, for the audit log.
    pub(crate) fn request_id(&self) -> Option<String> {
        self.request_id.clone()
    }

    pub(crate) fn is_superuser(&self) -> bool {
        self.guest.superuser
    }

    pub(crate) fn settings(&self) -> &ApiSettings {
        self.gate.settings()
    }
}

impl FromRequestParts<Gate> for SignedIn {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, gate: &Gate) -> Result<Self> {
        let guest = identity::guest(parts, gate).await?;
        Ok(Self { gate: gate.clone(), guest, request_id: request_id(parts) })
    }
}

/// A key with leave to read, or a user: for what either may ask, each about their own.
pub(crate) enum Caller {
    Key(Allowed<may::Read>),
    User(SignedIn),
}

impl FromRequestParts<Gate> for Caller {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, gate: &Gate) -> Result<Self, Refused> {
        match identity::shows_a_key(&parts.headers) {
            true => Allowed::from_request_parts(parts, gate).await.map(Self::Key),
            false => Ok(Self::User(SignedIn::from_request_parts(parts, gate).await?)),
        }
    }
}

/// Whoever knocks, and where they come from.
pub(crate) struct Anyone {
    gate: Gate,
    address: IpAddr,
    request_id: Option<String>,
}

impl Anyone {
    pub(crate) fn engine(&self) -> &Engine {
        self.gate.engine()
    }

    pub(crate) fn settings(&self) -> &ApiSettings {
        self.gate.settings()
    }

    pub(crate) fn mailer(&self) -> Option<&Mailer> {
        self.gate.mailer()
    }

    /// Who vouches for people, if this server lets them in so.
    pub(crate) fn issuer(&self) -> Option<&Issuer> {
        self.gate.0.issuer.as_ref()
    }

    /// What attempts from there are counted under.
    pub(crate) fn address(&self) -> String {
        client::counted(self.address)
    }

    /// The address, and the request for the audit log.
    pub(crate) fn origin(&self) -> Origin {
        Origin { address: self.address(), request_id: self.request_id.clone() }
    }
}

impl FromRequestParts<Gate> for Anyone {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, gate: &Gate) -> Result<Self> {
        let address = client::address(parts, &gate.settings().trusted_proxies);
        Ok(Self { gate: gate.clone(), address, request_id: request_id(parts) })
    }
}

impl<P: may::Permission> Part for Allowed<P> {
    fn describe(draft: &mut Draft) {
        draft.needs(P::ACTION);
    }
}

impl Part for Caller {
    fn describe(draft: &mut Draft) {
        <Allowed<may::Read> as Part>::describe(draft);
    }
}

impl Part for SignedIn {
    fn describe(draft: &mut Draft) {
        draft.needs_a_user();
    }
}

impl Part for Anyone {
    fn describe(draft: &mut Draft) {
        draft.refuses(StatusCode::UNAUTHORIZED, "What was sent lets nobody in.");
        draft.refuses(StatusCode::FORBIDDEN, "Not on this server, or not for whoever asks.");
        draft.refuses(StatusCode::TOO_MANY_REQUESTS, "Too many attempts; `Retry-After` tells when to go on.");
    }
}
