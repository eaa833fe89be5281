//! The tokens of logins: a short-lived access token that says who, and a refresh token that renews it.
//!
//! The access token is a JWT (RFC 7519) signed with HS256 (RFC 7515). Its head is compared as a whole, so that none can talk
//! the server into another algorithm. The refresh token is known by its SHA-256 and carries a tag of its own, so that
//! a made-up one is told from a used one.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{LoginId, UserId, link::LinkKey};

/// How long an access token is good for.
pub const ACCESS_LASTS: TimeDelta = TimeDelta::minutes(15);
/// `{"alg":"HS256","typ":"JWT"}`.
const HEAD: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9";
const ISSUER: &str = "ringfleet";
const AUDIENCE: &str = "ringfleet-api";
/// Longer than any access token of ours.
const LONGEST: usize = 1_024;

/// A secret of the server, the same in all its processes.
#[derive(Clone)]
pub struct ServerSecret([u8; 32]);

/// Who an access token speaks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bearer {
    /// The user.
    pub user: UserId,
    /// Their login.
    pub session: LoginId,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: UserId,
    sid: LoginId,
    iat: i64,
    exp: i64,
}

impl ServerSecret {
    /// From 32 random bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// A fresh access token, good for [`ACCESS_LASTS`].
    pub fn access_token(&self, bearer: Bearer, now: DateTime<Utc>) -> String {
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: bearer.user,
            sid: bearer.session,
            iat: now.timestamp(),
            exp: (now + ACCESS_LASTS).timestamp(),
        };
        // A struct of texts and numbers always becomes JSON.
        let claims = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&claims).unwrap_or_default());
        let signed = format!("{HEAD}.{claims}");
        let tag = URL_SAFE_NO_PAD.encode(self.mac("access", signed.as_bytes()).finalize().into_bytes());
        format!("{signed}.{tag}")
    }

    /// Who this access token speaks for; none when it is not ours, is over, or is none.
    pub fn read_access_token(&self, token: &str, now: DateTime<Utc>) -> Option<Bearer> {
        if token.len() > LONGEST {
            return None;
        }
        let (signed, tag) = token.rsplit_once('.')?;
        let (head, claims) = signed.split_once('.')?;
        if head != HEAD {
            return None;
        }
        let tag = URL_SAFE_NO_PAD.decode(tag).ok()?;
        self.mac("access", signed.as_bytes()).verify_slice(&tag).ok()?;
        let claims: Claims = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
        let ours = claims.iss == ISSUER && claims.aud == AUDIENCE && now.timestamp() < claims.exp;
        ours.then_some(Bearer { user: claims.sub, session: claims.sid })
    }

    /// The first refresh token of a login.
    pub fn refresh_token(&self, session: LoginId, random: [u8; 32]) -> RefreshToken {
        RefreshToken { session, secret: random, tag: self.tag(session, &random) }
    }

    /// The token that comes after `token`: the same one however often it is asked for, and nobody else can tell it.
    pub fn successor(&self, token: &RefreshToken) -> RefreshToken {
        let next = self.mac("successor", &token.bytes()).finalize().into_bytes().into();
        self.refresh_token(token.session, next)
    }

    /// Reads a refresh token; none when it was not made here.
    pub fn read_refresh_token(&self, text: &str) -> Option<RefreshToken> {
        let bytes: [u8; 64] = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
        let (session, rest) = bytes.split_first_chunk::<16>()?;
        let (secret, tag) = rest.split_first_chunk::<32>()?;
        let session = LoginId::from(Uuid::from_bytes(*session));
        self.mac_of(session, secret).verify_truncated_left(tag).ok()?;
        Some(RefreshToken { session, secret: *secret, tag: tag.try_into().ok()? })
    }

    /// What links to files are signed with.
    pub fn link_key(&self) -> LinkKey {
        let key: [u8; 32] = self.mac("links", b"").finalize().into_bytes().into();
        LinkKey::new(key)
    }

    /// Seals a text that a browser is to bring back unchanged; read with [`ServerSecret::unseal`].
    pub fn seal(&self, text: &str) -> String {
        let tag = self.mac("seal", text.as_bytes()).finalize().into_bytes();
        format!("{}.{}", URL_SAFE_NO_PAD.encode(text), URL_SAFE_NO_PAD.encode(tag))
    }

    /// The text that was sealed here.
    pub fn unseal(&self, sealed: &str) -> Option<String> {
        let (text, tag) = sealed.split_once('.')?;
        let text = URL_SAFE_NO_PAD.decode(text).ok()?;
        self.mac("seal", &text).verify_slice(&URL_SAFE_NO_PAD.decode(tag).ok()?).ok()?;
        String::from_utf8(text).ok()
    }

    fn tag(&self, session: LoginId, secret: &[u8; 32]) -> [u8; 16] {
        let whole: [u8; 32] = self.mac_of(session, secret).finalize().into_bytes().into();
        let mut tag = [0; 16];
        tag.copy_from_slice(&whole[..16]);
        tag
    }

    fn mac_of(&self, session: LoginId, secret: &[u8; 32]) -> Hmac<Sha256> {
        let mut mac = self.mac("refresh", session.uuid().as_bytes());
        mac.update(secret);
        mac
    }

    /// The MAC of `bytes` for one purpose, so that nothing made for one passes for another.
    fn mac(&self, purpose: &str, bytes: &[u8]) -> Hmac<Sha256> {
        let key: [u8; 32] = {
            let mut derived = keyed(&self.0);
            derived.update(purpose.as_bytes());
            derived.finalize().into_bytes().into()
        };
        let mut mac = keyed(&key);
        mac.update(bytes);
        mac
    }
}

#[allow(clippy::expect_used, reason = "HMAC takes keys of any length (RFC 2104)")]
fn keyed(key: &[u8; 32]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("any length will do")
}

/// A refresh token. Each is good once.
#[derive(Clone, PartialEq, Eq)]
pub struct RefreshToken {
    /// The login it belongs to.
    pub session: LoginId,
    secret: [u8; 32],
    tag: [u8; 16],
}

impl RefreshToken {
    /// What the store knows it by.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.bytes()).into()
    }

    /// As the browser keeps it.
    pub fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.bytes())
    }

    fn bytes(&self) -> Vec<u8> {
        [self.session.uuid().as_bytes().as_slice(), &self.secret, &self.tag].concat()
    }
}

/// A token that is sent by mail and good once: 32 random bytes, known to the store by their SHA-256.
pub fn mail_token(random: [u8; 32]) -> (String, [u8; 32]) {
    let text = URL_SAFE_NO_PAD.encode(random);
    let hash = mail_token_hash(&text);
    (text, hash)
}

/// What the store knows a mailed token by.
pub fn mail_token_hash(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_790_000_000 + seconds, 0).unwrap()
    }

    fn bearer() -> Bearer {
        Bearer { user: UserId::new(at(0)), session: LoginId::new(at(0)) }
    }

    #[test]
    fn an_access_token_is_good_for_its_time_and_its_server_only() {
        let (secret, bearer) = (ServerSecret::new([1; 32]), bearer());
        let token = secret.access_token(bearer, at(0));
        assert_eq!(secret.read_access_token(&token, at(899)), Some(bearer));
        assert_eq!(secret.read_access_token(&token, at(900)), None);
        assert_eq!(ServerSecret::new([2; 32]).read_access_token(&token, at(0)), None);
    }

    #[test]
    fn no_other_algorithm_and_no_changed_token_passes() {
        let secret = ServerSecret::new([1; 32]);
        let token = secret.access_token(bearer(), at(0));
        let parts: Vec<&str> = token.split('.').collect();
        let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#);
        let spaced = URL_SAFE_NO_PAD.encode(r#"{"alg": "HS256","typ":"JWT"}"#);
        let (claims, tag) = (parts[1], parts[2]);
        let swapped = claims.replace(&claims[20..21], if &claims[20..21] == "A" { "B" } else { "A" });
        for wrong in [
            format!("{none}.{claims}."),
            format!("{none}.{claims}.{tag}"),
            format!("{spaced}.{claims}.{tag}"),
            format!("{HEAD}.{swapped}.{tag}"),
            format!("{HEAD}.{claims}."),
            format!("{HEAD}.{claims}"),
            format!("{token}.{tag}"),
            String::new(),
        ] {
            assert_eq!(secret.read_access_token(&wrong, at(0)), None, "{wrong}");
        }
    }

    #[test]
    fn a_refresh_token_has_one_successor_and_cannot_be_made_up() {
        let secret = ServerSecret::new([1; 32]);
        let first = secret.refresh_token(bearer().session, [9; 32]);
        let read = secret.read_refresh_token(&first.text()).unwrap();
        assert!(read == first && read.hash() == first.hash());
        let next = secret.successor(&first);
        assert!(next == secret.successor(&read) && next != first && next.session == first.session);
        assert!(secret.read_refresh_token(&next.text()).is_some());
        let other = ServerSecret::new([2; 32]);
        assert!(other.read_refresh_token(&first.text()).is_none() && other.successor(&first) != next);
        assert!(secret.read_refresh_token(&URL_SAFE_NO_PAD.encode([7; 64])).is_none());
        assert!(secret.read_refresh_token("").is_none());
    }

    #[test]
    fn what_is_sealed_comes_back_unchanged_or_not_at_all() {
        let secret = ServerSecret::new([1; 32]);
        let sealed = secret.seal("state=1");
        assert_eq!(secret.unseal(&sealed).as_deref(), Some("state=1"));
        assert_eq!(secret.unseal(&sealed.replacen(&sealed[..1], "Y", 1)), None);
        assert_eq!(ServerSecret::new([2; 32]).unseal(&sealed), None);
    }
}
