//! The tokens of the LiveKit server of the tests: those it reads, and those it signs webhooks with.

use base64::{Engine, prelude::BASE64_STANDARD, prelude::BASE64_URL_SAFE_NO_PAD};
use ringfleet_core::{Clock, SystemClock};
use serde_json::{Value, json};

pub const KEY: &str = "APIringfleet";
pub const SECRET: &str = "a secret of thirty-two characters";

/// The token of a webhook.
pub fn signed(secret: &str, body: &str) -> String {
    let sum = BASE64_STANDARD.encode(ring::digest::digest(&ring::digest::SHA256, body.as_bytes()));
    let now = SystemClock.now().timestamp();
    let claims = json!({"iss": KEY, "nbf": now, "exp": now + 300, "sha256": sum}).to_string();
    let parts = [r#"{"alg":"HS256","typ":"JWT"}"#, &claims].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part));
    let text = parts.join(".");
    format!("{text}.{}", BASE64_URL_SAFE_NO_PAD.encode(tag(secret, &text)))
}

fn tag(secret: &str, text: &str) -> ring::hmac::Tag {
    ring::hmac::sign(&ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret.as_bytes()), text.as_bytes())
}

/// The claims of a token that is ours and good now.
pub fn read(token: &str) -> Option<Value> {
    let (text, given) = token.rsplit_once('.')?;
    let given = BASE64_URL_SAFE_NO_PAD.decode(given).ok()?;
    let claims = BASE64_URL_SAFE_NO_PAD.decode(text.split_once('.')?.1).ok()?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    let now = SystemClock.now().timestamp();
    let is_ours = given == tag(SECRET, text).as_ref() && claims["iss"] == KEY;
    (is_ours && (claims["nbf"].as_i64()?..claims["exp"].as_i64()?).contains(&now)).then_some(claims)
}
