//! Secrets at rest: what a row keeps of a password or a signing secret is sealed with a key from the configuration.
//!
//! AES-256-GCM (NIST SP 800-38D) with a random nonce of 96 bits; the row it belongs to is associated data, so a sealed secret that is
//! copied into another row does not open there. Kept as `sealed.1.` and the base64 of four bytes that name the key, the nonce, and what
//! was encrypted with its tag.

use base64::{Engine, engine::general_purpose::STANDARD};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use sha2::{Digest, Sha256};

const PREFIX: &str = "sealed.1.";
const NAME_LEN: usize = 4;

/// Why a secret cannot be sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// There is no key to seal with.
    #[error("there is no key to keep secrets with; set secrets.keys in the configuration")]
    NoKey,
    /// Sealed with a key that is not configured.
    #[error("a secret is sealed with a key that is not among secrets.keys; add the key it was sealed with")]
    UnknownKey,
    /// Damaged, or copied from another row.
    #[error("a sealed secret does not open: it is damaged, or was sealed for another row")]
    Damaged,
    /// Not the base64 of 32 bytes.
    #[error("a key must be 32 bytes in base64; make one with: openssl rand -base64 32")]
    BadKey,
}

struct Key {
    name: [u8; NAME_LEN],
    key: LessSafeKey,
}

/// The keys of an installation: the first one seals, all open. Never logged.
#[derive(Default)]
pub struct Keyring(Vec<Key>);

impl Keyring {
    /// Keys in base64, the one to seal with first.
    ///
    /// # Errors
    /// [`SealError::BadKey`] when one is not 32 bytes in base64.
    pub fn parse<T: AsRef<str>>(keys: &[T]) -> Result<Self, SealError> {
        let key = |text: &T| {
            let bytes = STANDARD.decode(text.as_ref().trim()).map_err(|_| SealError::BadKey)?;
            let key = UnboundKey::new(&AES_256_GCM, &bytes).map_err(|_| SealError::BadKey)?;
            let mut name = [0; NAME_LEN];
            name.copy_from_slice(&Sha256::digest(&bytes)[..NAME_LEN]);
            Ok(Key { name, key: LessSafeKey::new(key) })
        };
        keys.iter().map(key).collect::<Result<_, _>>().map(Self)
    }

    /// Whether it holds no key.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Seals `secret` for the row that `row` names. `nonce`: fresh random bytes.
    ///
    /// # Errors
    /// [`SealError::NoKey`].
    pub fn seal(
        &self,
        secret: impl AsRef<[u8]>,
        row: &str,
        nonce: [u8; NONCE_LEN],
    ) -> Result<String, SealError> {
        let Key { name, key } = self.0.first().ok_or(SealError::NoKey)?;
        let mut kept = [&name[..], &nonce[..]].concat();
        let mut text = secret.as_ref().to_vec();
        key.seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(row.as_bytes()),
            &mut text,
        )
        .map_err(|_| SealError::Damaged)?; // only for gigabytes
        kept.extend(text);
        Ok(format!("{PREFIX}{}", STANDARD.encode(kept)))
    }

    /// The secret that the row named `row` keeps. What was kept before secrets were sealed is given as it is.
    ///
    /// # Errors
    /// [`SealError::UnknownKey`], [`SealError::Damaged`].
    pub fn open(&self, kept: &str, row: &str) -> Result<String, SealError> {
        String::from_utf8(self.open_bytes(kept.as_bytes(), row)?).map_err(|_| SealError::Damaged)
    }

    /// The same of a secret that need not be a text.
    ///
    /// # Errors
    /// As [`Keyring::open`].
    pub fn open_bytes(&self, kept: &[u8], row: &str) -> Result<Vec<u8>, SealError> {
        let Some(sealed) = kept.strip_prefix(PREFIX.as_bytes()) else { return Ok(kept.to_vec()) };
        let bytes = STANDARD.decode(sealed).map_err(|_| SealError::Damaged)?;
        let (name, rest) = bytes.split_at_checked(NAME_LEN).ok_or(SealError::Damaged)?;
        let (nonce, text) = rest.split_at_checked(NONCE_LEN).ok_or(SealError::Damaged)?;
        let nonce: [u8; NONCE_LEN] = nonce.try_into().map_err(|_| SealError::Damaged)?;
        // Two keys may have one name by chance.
        let mut found = SealError::UnknownKey;
        for key in self.0.iter().filter(|key| key.name == name) {
            let mut text = text.to_vec();
            let nonce = Nonce::assume_unique_for_key(nonce);
            match key.key.open_in_place(nonce, Aad::from(row.as_bytes()), &mut text) {
                Ok(secret) => return Ok(secret.to_vec()),
                Err(_) => found = SealError::Damaged,
            }
        }
        Err(found)
    }

    /// Whether `kept` is sealed with the key that seals now.
    pub fn is_current(&self, kept: &str) -> bool {
        let name = kept.strip_prefix(PREFIX).and_then(|sealed| STANDARD.decode(sealed).ok());
        let name = name.as_deref().and_then(|bytes| bytes.get(..NAME_LEN));
        self.0.first().zip(name).is_some_and(|(key, name)| key.name == name)
    }
}

/// A key as the configuration has it.
pub fn encode_key(random: [u8; 32]) -> String {
    STANDARD.encode(random)
}

/// Whether `kept` is sealed at all.
pub fn is_sealed(kept: &str) -> bool {
    kept.starts_with(PREFIX)
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keyring({} keys)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(keys: &[u8]) -> Keyring {
        let keys: Vec<String> = keys.iter().map(|&byte| STANDARD.encode([byte; 32])).collect();
        Keyring::parse(&keys).unwrap()
    }

    #[test]
    fn a_secret_opens_in_its_row_and_nowhere_else() {
        let keys = ring(&[1]);
        let kept = keys.seal("pässword", "trunk 1", [9; 12]).unwrap();
        assert!(!kept.contains("ssword") && is_sealed(&kept));
        assert_eq!(keys.open(&kept, "trunk 1"), Ok("pässword".into()));
        assert_eq!(keys.open(&kept, "trunk 2"), Err(SealError::Damaged));
        assert_eq!(keys.open("in the clear, from before", "trunk 1"), Ok("in the clear, from before".into()));
        let mut damaged = kept.clone();
        damaged.replace_range(30..31, if &kept[30..31] == "A" { "B" } else { "A" });
        assert_eq!(keys.open(&damaged, "trunk 1"), Err(SealError::Damaged));
        for cut in ["sealed.1.", "sealed.1.AAAA", "sealed.1.!"] {
            assert!(keys.open(cut, "trunk 1").is_err(), "{cut}");
        }
        assert_ne!(keys.seal("pässword", "trunk 1", [8; 12]).unwrap(), kept);
        let kept = keys.seal([0xff, 0], "r", [7; 12]).unwrap();
        assert_eq!(keys.open_bytes(kept.as_bytes(), "r"), Ok(vec![0xff, 0]));
        assert_eq!(keys.open(&kept, "r"), Err(SealError::Damaged), "it is no text");
    }

    #[test]
    fn the_first_key_seals_and_all_open() {
        let (old, both, new) = (ring(&[1]), ring(&[2, 1]), ring(&[2]));
        let kept = old.seal("s", "r", [0; 12]).unwrap();
        assert_eq!(both.open(&kept, "r"), Ok("s".into()));
        assert!(!both.is_current(&kept) && old.is_current(&kept) && !old.is_current("s"));
        let again = both.seal("s", "r", [0; 12]).unwrap();
        assert!(both.is_current(&again));
        assert_eq!(
            (new.open(&again, "r"), new.open(&kept, "r")),
            (Ok("s".into()), Err(SealError::UnknownKey))
        );
        assert_eq!(Keyring::default().seal("s", "r", [0; 12]), Err(SealError::NoKey));
    }

    #[test]
    fn a_key_is_32_bytes_in_base64() {
        for bad in ["", "AAAA", "not base64", &STANDARD.encode([0; 31]), &STANDARD.encode([0; 33])] {
            assert_eq!(Keyring::parse(&[bad]).err(), Some(SealError::BadKey), "{bad}");
        }
    }
}
