//! Access tokens of LiveKit (<https://docs.livekit.io/frontends/reference/tokens-grants/>): JWTs (RFC 7519) signed with HS256 and the secret of a
//! key. Requests are made with them, people join rooms with them, and webhooks are signed with them.

use base64::{Engine, prelude::BASE64_STANDARD, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use ring::{digest, hmac};
use ringfleet_core::livekit_trunk::LivekitTrunk;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// `{"alg":"HS256","typ":"JWT"}`.
const HEAD: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9";
/// How far the clocks of a server and of this machine may be apart.
const SKEW: TimeDelta = TimeDelta::seconds(60);
/// How long a request may be under way.
const REQUEST_LASTS: TimeDelta = TimeDelta::minutes(10);
/// How long a token may be used to come into a room. Whoever is in it stays.
pub const JOIN_LASTS: TimeDelta = TimeDelta::minutes(10);

/// What is asked of the token of a webhook.
#[derive(Deserialize)]
struct Claims {
    iss: String,
    exp: i64,
    #[serde(default)]
    nbf: i64,
    sha256: String,
}

#[derive(Deserialize)]
struct Head {
    alg: String,
}

/// Who comes into a room, and as what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guest {
    /// Unlike that of anybody in the room: a second one of the same identity puts the first one out.
    pub identity: String,
    /// The name that others see.
    pub name: Option<String>,
}

/// The token by which somebody listens to a room unseen.
pub fn listens(trunk: &LivekitTrunk, room: &str, guest: &Guest, now: DateTime<Utc>) -> String {
    let video = json!({
        "room": room, "roomJoin": true, "hidden": true,
        "canSubscribe": true, "canPublish": false, "canPublishData": false,
    });
    joins(trunk, video, guest, json!({}), now)
}

/// The token by which somebody comes into a new room and meets the agent of the trunk there.
pub fn tries(trunk: &LivekitTrunk, room: &str, guest: &Guest, now: DateTime<Utc>) -> String {
    let video = json!({"room": room, "roomJoin": true, "canSubscribe": true, "canPublish": true});
    let agents = json!({"roomConfig": {"agents": [{"agentName": trunk.agent_name}]}});
    joins(trunk, video, guest, agents, now)
}

/// Where clients connect: what is `https` for requests is `wss` for them.
pub fn client_url(trunk: &LivekitTrunk) -> String {
    let url = trunk.url.trim_end_matches('/');
    match url.strip_prefix("http") {
        Some(rest) => format!("ws{rest}"),
        None => url.to_owned(),
    }
}

fn joins(trunk: &LivekitTrunk, video: Value, guest: &Guest, mut more: Value, now: DateTime<Utc>) -> String {
    more["sub"] = json!(guest.identity);
    more["video"] = video;
    if let Some(name) = &guest.name {
        more["name"] = json!(name);
    }
    signed(trunk, more, JOIN_LASTS, now)
}

/// The token of one request; `grants`: what it needs.
pub(super) fn of_request(trunk: &LivekitTrunk, grants: Value, now: DateTime<Utc>) -> String {
    signed(trunk, grants, REQUEST_LASTS, now)
}

/// The token that comes with the body of a webhook: see [`is_signed`]. For those who speak like LiveKit.
pub fn sign(trunk: &LivekitTrunk, body: &[u8], now: DateTime<Utc>) -> String {
    signed(trunk, json!({"sha256": sum(body)}), TimeDelta::minutes(5), now)
}

/// Whether `token` (the header Authorization of a webhook) is that of whoever knows the trunk's secret, made for this body, and good at this
/// moment (<https://docs.livekit.io/intro/basics/rooms-participants-tracks/webhooks-events/>).
pub fn is_signed(trunk: &LivekitTrunk, body: &[u8], token: &str, now: DateTime<Utc>) -> bool {
    claims(&trunk.api_secret, token).is_some_and(|claims| {
        let (from, until) = (claims.nbf - SKEW.num_seconds(), claims.exp + SKEW.num_seconds());
        claims.iss == trunk.api_key && (from..until).contains(&now.timestamp()) && claims.sha256 == sum(body)
    })
}

fn claims(secret: &str, token: &str) -> Option<Claims> {
    let (text, tag) = token.rsplit_once('.')?;
    let (head, claims) = text.split_once('.')?;
    let head: Head = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(head).ok()?).ok()?;
    if head.alg != "HS256" {
        return None; // nobody talks us into another algorithm
    }
    hmac::verify(&key(secret), text.as_bytes(), &BASE64_URL_SAFE_NO_PAD.decode(tag).ok()?).ok()?;
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(claims).ok()?).ok()
}

fn signed(trunk: &LivekitTrunk, claims: impl Serialize, lasts: TimeDelta, now: DateTime<Utc>) -> String {
    let mut claims = serde_json::to_value(claims).unwrap_or_default(); // texts and numbers: cannot fail
    claims["iss"] = json!(trunk.api_key);
    claims["nbf"] = json!((now - SKEW).timestamp());
    claims["exp"] = json!((now + lasts).timestamp());
    let text = format!("{HEAD}.{}", BASE64_URL_SAFE_NO_PAD.encode(claims.to_string()));
    let tag = hmac::sign(&key(&trunk.api_secret), text.as_bytes());
    format!("{text}.{}", BASE64_URL_SAFE_NO_PAD.encode(tag))
}

fn key(secret: &str) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes())
}

fn sum(body: &[u8]) -> String {
    BASE64_STANDARD.encode(digest::digest(&digest::SHA256, body))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trunk() -> LivekitTrunk {
        let trunk = json!({
            "url": "https://x.livekit.cloud/", "apiKey": "APIkey", "apiSecret": "secret", "sipTrunkId": "ST_1", "agentName": "asha",
        });
        serde_json::from_value(trunk).unwrap()
    }

    fn read(token: &str) -> Value {
        let claims = token.split('.').nth(1).unwrap();
        serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap()
    }

    /// Made with another implementation (Python's `hmac`) for the body `{}`, its head in another order.
    const FOREIGN: &str = "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJBUElrZXkiLCJleHAiOjMwMCwibmJmIjowLCJzaGEyNTYiOiJSQk52bzFXelo0b1JScTBXOStoa25wVDdUOElmNTM2REVNQmc5aHlxLzRvPSJ9.FkLwF0IQmsqYM9Jt1OZBHulx7Iye4uk-mH19pDDHusg";

    #[test]
    fn a_foreign_token_is_read_and_nothing_near_it() {
        let (head, claims) =
            (r#"{"typ":"JWT","alg":"HS256"}"#, r#"{"iss":"APIkey","exp":300,"nbf":0,"sha256":"SUM"}"#);
        let token = |head: &str, claims: &str, secret: &str| {
            let sum = sum(b"{}");
            let parts = [head, &claims.replace("SUM", &sum)].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part));
            let text = parts.join(".");
            let tag = hmac::sign(&key(secret), text.as_bytes());
            format!("{text}.{}", BASE64_URL_SAFE_NO_PAD.encode(tag))
        };
        let at = |second| DateTime::from_timestamp(second, 0).unwrap();
        let is_good = |token: &str, body: &[u8], second| is_signed(&trunk(), body, token, at(second));
        let good = FOREIGN;
        assert_eq!(good, token(head, claims, "secret"));
        assert!(is_good(good, b"{}", 0) && is_good(good, b"{}", 299));
        assert!(is_good(good, b"{}", -59) && is_good(good, b"{}", 359), "clocks differ");
        assert!(!is_good(good, b"{}", -61) && !is_good(good, b"{}", 360), "stale, or not yet");
        assert!(!is_good(good, b"{ }", 0), "made for another body");
        assert!(!is_good(&token(head, claims, "another"), b"{}", 0));
        assert!(!is_good(&token(r#"{"alg":"none"}"#, claims, "secret"), b"{}", 0));
        assert!(!is_good(&token(head, &claims.replace("APIkey", "APIother"), "secret"), b"{}", 0));
        assert!(
            !is_good(&token(head, r#"{"iss":"APIkey","exp":300}"#, "secret"), b"{}", 0),
            "of no body at all"
        );
        for nonsense in ["", ".", "..", "a.b.c", &good[1..], good.trim_end_matches(|c| c != '.')] {
            assert!(!is_good(nonsense, b"{}", 0), "{nonsense}");
        }
        assert!(is_good(&sign(&trunk(), b"{}", at(0)), b"{}", 0));
    }

    #[test]
    fn the_head_and_the_sum_of_nothing_are_the_known_ones() {
        assert_eq!(sum(b""), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
        assert_eq!(BASE64_URL_SAFE_NO_PAD.decode(HEAD).unwrap(), br#"{"alg":"HS256","typ":"JWT"}"#);
    }

    #[test]
    fn who_listens_is_heard_by_nobody_and_who_tries_meets_the_agent() {
        let now = DateTime::from_timestamp(1_000, 0).unwrap();
        let guest = Guest { identity: "web_ana".into(), name: Some("Ana".into()) };
        let token = read(&listens(&trunk(), "ses_1", &guest, now));
        let video = json!({
            "room": "ses_1", "roomJoin": true, "hidden": true, "canSubscribe": true, "canPublish": false, "canPublishData": false,
        });
        let all = json!({"iss": "APIkey", "sub": "web_ana", "name": "Ana", "nbf": 940, "exp": 1_600, "video": video});
        assert_eq!(token, all);
        let token = read(&tries(&trunk(), "try_1", &Guest { name: None, ..guest }, now));
        assert_eq!(token["roomConfig"]["agents"], json!([{"agentName": "asha"}]));
        assert_eq!(token["video"]["hidden"], Value::Null);
        assert_eq!(client_url(&trunk()), "wss://x.livekit.cloud");
        let inside = LivekitTrunk { url: "http://10.0.0.7:7880".into(), ..trunk() };
        assert_eq!(client_url(&inside), "ws://10.0.0.7:7880");
    }
}
