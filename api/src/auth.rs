//! API keys, and the door every handler goes through.
//!
//! The engine is reachable only through an [`Allowed`], and an `Allowed` only exists for a named permission that the
//! key's role has. A handler that names none has nothing to work with.

use std::{collections::HashMap, marker::PhantomData, sync::Arc, time::Duration};

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use ringfleet_core::{Actor, Role, WorkspaceId, link::LinkKey};
use ringfleet_engine::{Claim, Deed, Engine};
use ringfleet_store::Key;
use serde::Serialize;
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use crate::{
    ApiSettings,
    change::Change,
    envelope::Reply,
    error::{ApiError, Result},
    frame,
    once::{Once, Refused},
    openapi::{Draft, Part},
};

const KEY_PREFIX: &str = "rfk_";
/// Characters of a key that may be shown later, so that people can tell their keys apart.
const SHOWN: usize = 12;
/// No key is longer; anything beyond is refused before it is hashed.
const KEY_LIMIT: usize = 128;
/// How long a key that was found is believed without asking the database: a revoked key works no longer than this.
const BELIEVED: Duration = Duration::from_secs(5);
/// Most keys believed at once.
const BELIEVED_KEYS: usize = 10_000;

type KeyHash = [u8; 32];

/// A new API key. The secret is shown once; the store keeps the rest.
pub struct NewKey {
    /// The whole key, `rfk_…`.
    pub secret: String,
    /// Its first characters, which may be shown later.
    pub prefix: String,
    /// SHA-256 of the whole key.
    pub hash: [u8; 32],
}

/// Makes an API key of 32 random bytes.
pub fn new_key(random: [u8; 32]) -> NewKey {
    let secret = format!("{KEY_PREFIX}{}", URL_SAFE_NO_PAD.encode(random));
    NewKey { prefix: secret.chars().take(SHOWN).collect(), hash: key_hash(&secret), secret }
}

/// What the store knows a key by: the SHA-256 of the whole key. A key is 256 random bits, so no slow hash is needed.
pub(crate) fn key_hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

/// The permissions a handler can name.
pub(crate) mod may {
    use ringfleet_core::Action;

    /// A permission as a type.
    pub(crate) trait Permission: Send + Sync + 'static {
        const ACTION: Action;
    }

    macro_rules! permissions {
        ($($name:ident),+) => {$(
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
        RunCampaigns,
        EditAgents,
        PublishAgents,
        EditTrunks,
        EditWebhooks,
        Suppress,
        EditRules
    );

    /// Permissions to look. All others are to change something, which takes a [`crate::change::Change`].
    pub(crate) trait Looks: Permission {}
    impl Looks for Read {}
    impl Looks for ReadAudit {}
}

/// What all handlers share. Opens only to a key that may.
#[derive(Clone)]
pub(crate) struct Gate(Arc<Inner>);

struct Inner {
    engine: Engine,
    settings: ApiSettings,
    links: LinkKey,
    keys: Mutex<HashMap<KeyHash, (Key, Instant)>>,
}

/// A caller with the permission `P`, and the way to the workspace it was given for.
pub(crate) struct Allowed<P> {
    gate: Gate,
    workspace: WorkspaceId,
    role: Role,
    actor: Actor,
    request_id: Option<String>,
    claim: Option<Arc<Claim>>,
    permission: PhantomData<fn() -> P>,
}

impl<P: may::Looks> Allowed<P> {
    /// The rules.
    pub(crate) fn engine(&self) -> &Engine {
        self.gate.engine()
    }
}

impl<P> Allowed<P> {
    /// The workspace everything has to belong to.
    pub(crate) fn workspace(&self) -> WorkspaceId {
        self.workspace
    }

    /// The role of the caller.
    pub(crate) fn role(&self) -> Role {
        self.role
    }

    /// What links to files are signed with.
    pub(crate) fn link_key(&self) -> &LinkKey {
        &self.gate.0.links
    }

    /// The change this request asks for: noted as `action`, and answered with what `tell` says once it is made.
    pub(crate) fn change<T, V: Serialize>(
        self,
        action: &'static str,
        tell: impl Fn(&T) -> Reply<V> + Send + Sync + 'static,
    ) -> Change<T, V> {
        let Self { gate, workspace, actor, request_id, claim, .. } = self;
        Change::new(gate, Deed { workspace, actor, action, request_id }, claim, tell)
    }

    /// The moment it is.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.gate.engine().clock().now()
    }

    /// The settings of this server.
    pub(crate) fn settings(&self) -> &ApiSettings {
        &self.gate.0.settings
    }
}

impl Gate {
    pub(crate) fn new(engine: Engine, settings: ApiSettings) -> Self {
        // Without a secret of the operator's, links are good in this process and while it lives.
        let secret = settings.link_secret.as_ref().map(|secret| secret.clone().into_bytes());
        let links = LinkKey::new(secret.unwrap_or_else(|| rand::random::<[u8; 32]>().to_vec()));
        Self(Arc::new(Inner { engine, settings, links, keys: Mutex::default() }))
    }

    /// The engine, to whoever follows a link that was signed here and has not expired.
    pub(crate) fn follow(&self, path: &str, expires: &str, signature: &str) -> Result<Engine> {
        let checked = self.0.links.check(path, expires, signature, self.0.engine.clock().now());
        checked.map(|()| self.0.engine.clone()).map_err(ApiError::dead_link)
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.0.engine
    }

    /// Largest body of a request, in bytes.
    pub(crate) fn body_limit(&self) -> usize {
        self.0.settings.body_limit
    }

    /// The key a request shows.
    pub(crate) async fn identify(&self, headers: &HeaderMap) -> Result<Key> {
        let secret = presented(headers).ok_or_else(|| {
            ApiError::unauthorized("send an API key as `Authorization: Bearer KEY` or `X-API-Key: KEY`")
        })?;
        let unknown = || {
            ApiError::unauthorized(
                "this API key is unknown or revoked; create one with `ringfleet key create`",
            )
        };
        if secret.len() > KEY_LIMIT || !secret.starts_with(KEY_PREFIX) {
            return Err(unknown());
        }
        let hash = key_hash(secret);
        if let Some(key) = self.believed(&hash) {
            return Ok(key);
        }
        let mut tx = self.0.engine.store().read().await?;
        let key = tx.key(&hash).await?;
        tx.commit().await?;
        let key = key.ok_or_else(unknown)?;
        self.believe(hash, key.clone());
        Ok(key)
    }

    fn believed(&self, hash: &KeyHash) -> Option<Key> {
        let keys = self.0.keys.lock();
        keys.get(hash).filter(|(_, until)| *until > Instant::now()).map(|(key, _)| key.clone())
    }

    fn believe(&self, hash: KeyHash, key: Key) {
        let now = Instant::now();
        let mut keys = self.0.keys.lock();
        if keys.len() >= BELIEVED_KEYS {
            keys.retain(|_, (_, until)| *until > now);
        }
        if keys.len() < BELIEVED_KEYS {
            keys.insert(hash, (key, now + BELIEVED));
        }
    }
}

/// The key a request shows: a bearer token (RFC 6750 §2.1; the scheme's case does not matter), else `X-API-Key`.
fn presented(headers: &HeaderMap) -> Option<&str> {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
    });
    bearer.or_else(|| headers.get("x-api-key")?.to_str().ok().map(str::trim)).filter(|key| !key.is_empty())
}

impl<P: may::Permission> FromRequestParts<Gate> for Allowed<P> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, gate: &Gate) -> Result<Self, Refused> {
        let key = gate.identify(&parts.headers).await?;
        if !key.role.may(P::ACTION) {
            return Err(ApiError::forbidden(key.role, P::ACTION).into());
        }
        let workspace = key.workspace_id;
        let claim = match parts.extensions.get::<Once>() {
            Some(once) => once.claim(gate.engine(), workspace).await?,
            None => None,
        };
        let request_id = parts.headers.get(frame::REQUEST_ID).and_then(|id| id.to_str().ok());
        Ok(Self {
            gate: gate.clone(),
            workspace,
            role: key.role,
            actor: Actor::key(key.id, &key.prefix),
            request_id: request_id.map(str::to_owned),
            claim,
            permission: PhantomData,
        })
    }
}

impl<P: may::Permission> Part for Allowed<P> {
    fn describe(draft: &mut Draft) {
        draft.needs(P::ACTION);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_known_by_its_hash_and_shows_only_its_beginning() {
        let key = new_key([7; 32]);
        assert_eq!(key.secret.len(), 47);
        assert!(
            key.secret.starts_with(&key.prefix) && key.prefix.starts_with("rfk_") && key.prefix.len() == 12
        );
        assert_eq!(key.hash, key_hash(&key.secret));
        assert_ne!(key.hash, new_key([8; 32]).hash);
    }

    #[test]
    fn both_headers_show_a_key() {
        let shown = |name: &'static str, value: &str| {
            let headers = HeaderMap::from_iter([(name.parse().unwrap(), value.parse().unwrap())]);
            presented(&headers).map(str::to_owned)
        };
        assert_eq!(shown("authorization", "Bearer rfk_1"), Some("rfk_1".into()));
        assert_eq!(shown("authorization", "bearer  rfk_1 "), Some("rfk_1".into()));
        assert_eq!(shown("x-api-key", "rfk_2"), Some("rfk_2".into()));
        for (name, value) in [
            ("authorization", "Basic rfk_1"),
            ("authorization", "rfk_1"),
            ("authorization", "Bearer "),
            ("x-api-key", ""),
        ] {
            assert_eq!(shown(name, value), None, "{name}: {value}");
        }
    }
}
