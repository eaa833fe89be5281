//! How it is known that Telnyx sends a webhook (<https://developers.telnyx.com/development/api-fundamentals/webhooks/receiving-webhooks>).

use base64::{Engine, prelude::BASE64_STANDARD};
use chrono::{DateTime, TimeDelta, Utc};
use ed25519_dalek::{Signature, VerifyingKey};

/// How old what is signed may be, and how far ahead its clock.
const FRESH: TimeDelta = TimeDelta::seconds(300);

/// Whether this can be the public key of an account: 32 bytes in base64 (RFC 8032 §5.1.5), and none of those for which anybody can sign.
pub fn is_key(public_key: &str) -> bool {
    key(public_key).is_some()
}

fn key(public_key: &str) -> Option<VerifyingKey> {
    let bytes = BASE64_STANDARD.decode(public_key).ok()?;
    VerifyingKey::from_bytes(&bytes.try_into().ok()?).ok().filter(|key| !key.is_weak())
}

/// Whether `signature` (the header `telnyx-signature-ed25519`) is the account's, over the `timestamp` (`telnyx-timestamp`, in seconds) and the body
/// as they came, and not older than five minutes.
pub fn is_signed(
    public_key: &str,
    timestamp: &str,
    body: &[u8],
    signature: &str,
    now: DateTime<Utc>,
) -> bool {
    let signed_at = timestamp.parse().ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    let is_fresh = signed_at.is_some_and(|at| (now - at).abs() <= FRESH);
    let signature =
        BASE64_STANDARD.decode(signature).ok().and_then(|bytes| Signature::from_slice(&bytes).ok());
    let (Some(key), Some(signature)) = (key(public_key), signature) else { return false };
    let signed = [timestamp.as_bytes(), b"|", body].concat();
    is_fresh && key.verify_strict(&signed, &signature).is_ok()
}

#[cfg(test)]
mod tests {
    use ring::signature::{Ed25519KeyPair, KeyPair};

    use super::*;

    #[test]
    fn only_what_the_account_has_just_signed_holds() {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
        let key = BASE64_STANDARD.encode(pair.public_key());
        let (body, at) = (br#"{"data":{}}"#, 1_767_225_600_i64);
        let sign = |text: &str| BASE64_STANDARD.encode(pair.sign(text.as_bytes()));
        let good = sign(r#"1767225600|{"data":{}}"#);
        let now = |seconds| DateTime::from_timestamp(at + seconds, 0).unwrap();
        let holds = |seconds, signature: &str| is_signed(&key, "1767225600", body, signature, now(seconds));
        assert!([0, 300, -300].into_iter().all(|seconds| holds(seconds, &good)));
        assert!([301, -301, 1 << 40].into_iter().all(|seconds| !holds(seconds, &good)));
        assert!(!is_signed(&key, "1767225601", body, &good, now(0)), "the time is signed along");
        assert!(!is_signed(&key, "1767225600", b"{}", &good, now(0)));
        assert!(!holds(0, &sign(r#"{"data":{}}"#)));
        let other =
            BASE64_STANDARD.encode(Ed25519KeyPair::from_seed_unchecked(&[8; 32]).unwrap().public_key());
        for wrong in ["", "%", "AAAA", other.as_str()] {
            assert!(!is_signed(wrong, "1767225600", body, &good, now(0)), "{wrong}");
            assert!(!holds(0, wrong));
        }
        assert!(is_key(&key) && !is_key("AAAA") && !is_key("%"));
        // With these for a key anybody can sign: points of small order; and one that is on no curve.
        for weak in [
            [0; 32],
            std::array::from_fn(|n| u8::from(n == 0)),
            std::array::from_fn(|n| 2 * u8::from(n == 0)),
        ] {
            let weak = BASE64_STANDARD.encode(weak);
            let forged: [u8; 64] = std::array::from_fn(|n| u8::from(n == 0));
            assert!(!is_key(&weak), "{weak}");
            assert!(!is_signed(&weak, "1767225600", body, &BASE64_STANDARD.encode(forged), now(0)));
        }
        for odd in ["", "now", "-1", "99999999999999999999"] {
            assert!(!is_signed(&key, odd, body, &good, now(0)), "{odd}");
        }
    }
}
