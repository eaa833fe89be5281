//! Links that open one file for a while, for whoever has them: signed with HMAC-SHA256 (RFC 2104).

use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// What links are signed with. Never logged.
#[derive(Clone)]
pub struct LinkKey(Vec<u8>);

/// Why a link opens nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// Its time is over.
    #[error("this link has expired; ask for the call again to get a new one")]
    Expired,
    /// It was not made here, or something in it was changed.
    #[error("this link is not valid; ask for the call again to get a new one")]
    Invalid,
}

impl LinkKey {
    /// A key from any bytes; 32 random ones are best.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// The query string that opens `path` until `expires`: `expires=…&signature=…`.
    pub fn query(&self, path: &str, expires: DateTime<Utc>) -> String {
        let expires = expires.timestamp();
        let signature = self.mac(path, expires).finalize().into_bytes();
        format!("expires={expires}&signature={}", hex::encode(signature))
    }

    /// The address that opens `path` of the server at `base` until `expires`.
    pub fn address(&self, base: &str, path: &str, expires: DateTime<Utc>) -> String {
        format!("{}{path}?{}", base.trim_end_matches('/'), self.query(path, expires))
    }

    /// Checks what a link brings, in constant time where it is right or wrong.
    ///
    /// # Errors
    /// [`LinkError`].
    pub fn check(
        &self,
        path: &str,
        expires: &str,
        signature: &str,
        now: DateTime<Utc>,
    ) -> Result<(), LinkError> {
        let expires: i64 = expires.parse().map_err(|_| LinkError::Invalid)?;
        let given = hex::decode(signature).map_err(|_| LinkError::Invalid)?;
        self.mac(path, expires).verify_slice(&given).map_err(|_| LinkError::Invalid)?;
        if now.timestamp() < expires { Ok(()) } else { Err(LinkError::Expired) }
    }

    fn mac(&self, path: &str, expires: i64) -> Hmac<Sha256> {
        // HMAC takes keys of any length.
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.0).unwrap_or_else(|_| unreachable!("any length is a key"));
        mac.update(format!("{expires}\n{path}").as_bytes());
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_opens_what_it_was_made_for_until_it_expires() {
        let at = |s| DateTime::from_timestamp(s, 0).unwrap();
        let key = LinkKey::new(*b"0123456789abcdef");
        let query = key.query("/files/a", at(1_000));
        let (expires, signature) = query.split_once('&').unwrap();
        let expires = expires.strip_prefix("expires=").unwrap();
        let signature = signature.strip_prefix("signature=").unwrap();
        let check = |path, expires, signature, now| key.check(path, expires, signature, at(now));
        assert_eq!(check("/files/a", expires, signature, 999), Ok(()));
        assert_eq!(check("/files/a", expires, signature, 1_000), Err(LinkError::Expired));
        let other = LinkKey::new("another");
        assert_eq!(other.check("/files/a", expires, signature, at(1)), Err(LinkError::Invalid));
        let longer = format!("{signature}00");
        for (path, expires, signature) in [
            ("/files/b", expires, signature),
            ("/files/a", "1001", signature),
            ("/files/a", "", signature),
            ("/files/a", expires, ""),
            ("/files/a", expires, &longer),
            ("/files/a", expires, &signature[2..]),
            ("/files/a", expires, &"ä".repeat(32)),
        ] {
            assert_eq!(
                check(path, expires, signature, 1),
                Err(LinkError::Invalid),
                "{path} {expires} {signature}"
            );
        }
    }
}
