//! API keys: what one looks like, and what is kept of it.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

/// What every key begins with.
pub const PREFIX: &str = "rfk_";
/// Characters of a key that may be shown later, so that people can tell their keys apart.
const SHOWN: usize = 12;
/// No key is longer; anything beyond is refused before it is hashed.
const LONGEST: usize = 128;

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
    let secret = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(random));
    NewKey { prefix: secret.chars().take(SHOWN).collect(), hash: key_hash(&secret), secret }
}

/// Whether it can be a key at all.
pub fn looks_like_one(text: &str) -> bool {
    text.len() <= LONGEST && text.starts_with(PREFIX)
}

/// What the store knows a key by: the SHA-256 of the whole key. A key is 256 random bits, so no slow hash is needed.
pub fn key_hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
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
        assert!(looks_like_one(&key.secret) && !looks_like_one("sk_live_1"));
        assert!(!looks_like_one(&format!("rfk_{}", "x".repeat(125))));
    }
}
