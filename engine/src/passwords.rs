//! Passwords are kept as argon2id hashes, and hashed where they hold up nobody.

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString},
};
use ringfleet_core::account;
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use unicode_normalization::UnicodeNormalization;

use crate::{EngineError, Result};

/// OWASP's first choice (Password Storage Cheat Sheet, 2023): 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// Hashes made at once: with 19 MiB each, logins can take no more of the machine than this.
const AT_ONCE: usize = 2;
/// How long somebody waits for their turn.
const TURN: Duration = Duration::from_secs(10);
/// What a password is compared with where there is none, so that it takes as long: of the same cost, and of nothing anybody knows.
const NOBODYS: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5cyBzYWx0IQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

pub(crate) struct Passwords {
    turns: Arc<Semaphore>,
}

impl Default for Passwords {
    fn default() -> Self {
        Self { turns: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

/// A password in the form it is hashed in: NFKC, so that it does not depend on the keyboard (NIST SP 800-63B-4 §3.1.1.2).
fn normal(password: &str) -> String {
    password.nfkc().collect()
}

impl Passwords {
    /// The hash of a new password, in PHC form.
    ///
    /// # Errors
    /// When it may be none for this account (`field` is its name in the request), or all turns are taken for too long.
    pub(crate) async fn hash(&self, field: &str, password: &str, email: &str) -> Result<String> {
        let password = normal(password);
        account::check_password(&password, email).map_err(|problem| EngineError::invalid(field, problem))?;
        let salt = SaltString::encode_b64(&rand::random::<[u8; 16]>())
            .map_err(|e| EngineError::Broken(format!("a salt: {e}")))?;
        self.in_turn(move || {
            let hash = argon2()?.hash_password(password.as_bytes(), &salt);
            hash.map(|hash| hash.to_string())
                .map_err(|e| EngineError::Broken(format!("a password's hash: {e}")))
        })
        .await
    }

    /// Whether `password` is the one of this hash. Takes as long when there is none, and then it is not.
    pub(crate) async fn fits(&self, password: &str, hash: Option<String>) -> Result<bool> {
        if password.len() > 4 * account::PASSWORD_LENGTH.end() * 4 {
            return Ok(false);
        }
        let password = normal(password);
        self.in_turn(move || {
            let known = hash.is_some();
            let text = hash.unwrap_or_else(|| NOBODYS.to_owned());
            let hash = PasswordHash::new(&text)
                .map_err(|e| EngineError::Broken(format!("a password's hash cannot be read: {e}")))?;
            Ok(argon2()?.verify_password(password.as_bytes(), &hash).is_ok() && known)
        })
        .await
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let turn: OwnedSemaphorePermit = match timeout(TURN, self.turns.clone().acquire_owned()).await {
            Ok(Ok(turn)) => turn,
            _ => return Err(EngineError::TimedOut),
        };
        // The turn goes along: whoever gives up waiting does not make room before the work is done.
        let done = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work()
        });
        done.await.map_err(|e| EngineError::Broken(format!("a password's hash: {e}")))?
    }
}

fn argon2() -> Result<Argon2<'static>> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None)
        .map_err(|e| EngineError::Broken(format!("argon2: {e}")))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_fits_its_own_hash_only() {
        let passwords = Passwords::default();
        let hash = passwords.hash("password", "correct horse ﬁeld", "a@b.de").await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        let fits = async |password: &str| passwords.fits(password, Some(hash.clone())).await.unwrap();
        assert!(fits("correct horse ﬁeld").await && fits("correct horse field").await, "NFKC");
        assert!(!fits("correct horse Field").await && !fits("").await && !fits(&"x".repeat(10_000)).await);
        assert!(!passwords.fits("correct horse field", None).await.unwrap());
        assert!(PasswordHash::new(NOBODYS).is_ok());
        let error = passwords.hash("newPassword", "short", "a@b.de").await.unwrap_err();
        assert!(matches!(error, EngineError::Invalid { field, .. } if field == "newPassword"));
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_finds_no_turn_is_told_so() {
        let passwords = Passwords::default();
        let _taken = passwords.turns.clone().acquire_many_owned(AT_ONCE as u32).await.unwrap();
        assert!(matches!(passwords.fits("x", None).await, Err(EngineError::TimedOut)));
    }
}
