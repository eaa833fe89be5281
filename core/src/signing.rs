//! Signatures of webhook requests after Standard Webhooks 1.0 (<https://www.standardwebhooks.com>).

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::webhook::Style;

const PREFIX: &str = "whsec_";

/// A receiver refuses requests whose timestamp is further from its clock than this.
pub const TOLERANCE: chrono::Duration = chrono::Duration::minutes(5);

/// The secret an endpoint's requests are signed with. Never logged.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

/// Why a secret or a signature is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// Not `whsec_` and 24 to 64 bytes in base64.
    #[error("not a webhook secret: expected whsec_ followed by 24 to 64 bytes in base64")]
    BadSecret,
    /// A header is missing or unreadable.
    #[error("missing or unreadable webhook headers")]
    BadHeaders,
    /// More than five minutes old, or from the future.
    #[error("the timestamp is more than five minutes away")]
    Stale,
    /// None of the signatures fits.
    #[error("no signature fits")]
    Mismatch,
}

impl Secret {
    /// A fresh secret from 32 random bytes.
    pub fn new(random: [u8; 32]) -> Self {
        Self(random.to_vec())
    }

    /// Reads the form shown to the customer.
    pub fn parse(text: &str) -> Result<Self, SignatureError> {
        let bytes = text.strip_prefix(PREFIX).and_then(|t| STANDARD.decode(t).ok());
        bytes.filter(|b| (24..=64).contains(&b.len())).map(Self).ok_or(SignatureError::BadSecret)
    }

    /// The form shown to the customer, once: `whsec_…`.
    pub fn reveal(&self) -> String {
        format!("{PREFIX}{}", STANDARD.encode(&self.0))
    }

    /// The value of `webhook-signature` for a request with this `webhook-id`, `webhook-timestamp` and body.
    pub fn sign(&self, id: &str, at: DateTime<Utc>, body: &[u8]) -> String {
        format!("v1,{}", STANDARD.encode(self.mac(id, at.timestamp(), body).finalize().into_bytes()))
    }

    /// The value of `Saaya-Signature`'s `v1` for a request sent at this moment: hex of HMAC-SHA256 over `ts.body`.
    pub fn sign_saaya(&self, at: DateTime<Utc>, body: &[u8]) -> String {
        let mut mac = self.keyed();
        mac.update(format!("{}.", at.timestamp()).as_bytes());
        mac.update(body);
        hex::encode(mac.finalize().into_bytes())
    }

    /// Checks a received request. `signature` may hold several, separated by spaces.
    pub fn verify(
        &self,
        id: &str,
        timestamp: &str,
        signature: &str,
        body: &[u8],
        now: DateTime<Utc>,
    ) -> Result<(), SignatureError> {
        let seconds: i64 = timestamp.parse().map_err(|_| SignatureError::BadHeaders)?;
        let sent = DateTime::from_timestamp(seconds, 0).ok_or(SignatureError::BadHeaders)?;
        if (now - sent).abs() > TOLERANCE {
            return Err(SignatureError::Stale);
        }
        let fits = |one: &str| {
            let given = one.strip_prefix("v1,").and_then(|s| STANDARD.decode(s).ok());
            given.is_some_and(|given| self.mac(id, seconds, body).verify_slice(&given).is_ok())
        };
        if signature.split(' ').any(fits) { Ok(()) } else { Err(SignatureError::Mismatch) }
    }

    #[allow(clippy::expect_used)] // HMAC takes a key of any length (RFC 2104 §2)
    fn keyed(&self) -> Hmac<Sha256> {
        Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes any key")
    }

    fn mac(&self, id: &str, seconds: i64, body: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.keyed();
        mac.update(format!("{id}.{seconds}.").as_bytes());
        mac.update(body);
        mac
    }
}

/// The headers that sign a request with every live secret, the newest first: names and values.
pub fn headers(
    style: Style,
    secrets: &[Secret],
    id: &str,
    at: DateTime<Utc>,
    body: &[u8],
) -> Vec<(&'static str, String)> {
    match style {
        Style::Standard => {
            let signatures: Vec<String> = secrets.iter().map(|secret| secret.sign(id, at, body)).collect();
            vec![
                ("webhook-id", id.to_owned()),
                ("webhook-timestamp", at.timestamp().to_string()),
                ("webhook-signature", signatures.join(" ")),
            ]
        }
        Style::Saaya => {
            let parts = secrets.iter().map(|secret| format!("v1={}", secret.sign_saaya(at, body)));
            let parts: Vec<String> = std::iter::once(format!("t={}", at.timestamp())).chain(parts).collect();
            vec![("webhook-id", id.to_owned()), ("saaya-signature", parts.join(","))]
        }
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_public_library_verifies_what_we_sign_and_we_verify_what_it_signs() {
        let secret = Secret::new([7; 32]);
        let theirs = standardwebhooks::Webhook::new(&secret.reveal()).unwrap();
        let now = crate::Clock::now(&crate::SystemClock);
        let signature = secret.sign("evt_1", now, b"{}");
        assert_eq!(theirs.sign("evt_1", now.timestamp(), b"{}").unwrap(), signature);
        assert_eq!(
            secret.verify("evt_1", &now.timestamp().to_string(), &format!("v1,AAAA {signature}"), b"{}", now),
            Ok(())
        );
    }

    #[test]
    fn every_live_secret_signs_in_either_style() {
        let (new, old) = (Secret::new([1; 32]), Secret::new([2; 32]));
        let at = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let sent = headers(Style::Standard, &[new.clone(), old.clone()], "evt_1", at, b"{}");
        let signature = &sent.iter().find(|(name, _)| *name == "webhook-signature").unwrap().1;
        for secret in [&new, &old] {
            assert_eq!(secret.verify("evt_1", "1700000000", signature, b"{}", at), Ok(()));
        }
        let sent = headers(Style::Saaya, &[Secret(b"key".to_vec()), old], "evt_1", at, b"{}");
        let value = &sent.iter().find(|(name, _)| *name == "saaya-signature").unwrap().1;
        // printf '1700000000.{}' | openssl dgst -sha256 -hmac key
        assert!(
            value.starts_with(
                "t=1700000000,v1=9d713ed406bb7076d4123f0dc2c39d2df5c654ed4b0cd56b52c8b4c940bd63ae,v1="
            ),
            "{value}"
        );
    }

    #[test]
    fn anything_changed_is_refused() {
        let secret = Secret::new([7; 32]);
        let now = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let stamp = now.timestamp().to_string();
        let good = secret.sign("evt_1", now, b"{}");
        let check = |id, stamp: &str, sig: &str, body: &[u8], at| secret.verify(id, stamp, sig, body, at);
        assert_eq!(check("evt_2", &stamp, &good, b"{}", now), Err(SignatureError::Mismatch));
        assert_eq!(check("evt_1", &stamp, &good, b"{ }", now), Err(SignatureError::Mismatch));
        assert_eq!(check("evt_1", "soon", &good, b"{}", now), Err(SignatureError::BadHeaders));
        assert_eq!(check("evt_1", &stamp, &good, b"{}", now + TOLERANCE * 2), Err(SignatureError::Stale));
        assert_eq!(
            Secret::new([8; 32]).verify("evt_1", &stamp, &good, b"{}", now),
            Err(SignatureError::Mismatch)
        );
        assert_eq!(Secret::parse("whsec_AAAA"), Err(SignatureError::BadSecret));
        assert_eq!(Secret::parse(&secret.reveal()), Ok(secret));
    }
}
