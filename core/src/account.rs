//! What an account is made of, and how often one may try to get into it.

use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest, Sha256};

/// Longest e-mail address in octets (RFC 5321 §4.5.3.1.3, less the angle brackets).
const LONGEST_EMAIL: usize = 254;
/// Fewest and most characters of a password (NIST SP 800-63B-4 wants at least 15 where nothing else is asked, at most no less than 64).
pub const PASSWORD_LENGTH: std::ops::RangeInclusive<usize> = 12..=256;

/// An e-mail address as it is kept: in lower case, without blanks around.
///
/// # Errors
/// What would be right.
pub fn email(text: &str) -> Result<String, &'static str> {
    let text = text.trim().to_lowercase();
    let is_odd =
        |c: char| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | '"' | ',' | ';' | '\\');
    match text.rsplit_once('@') {
        Some((local, domain))
            if !local.is_empty()
                && !local.contains('@')
                && !domain.is_empty()
                && !domain.starts_with('.')
                && !domain.ends_with('.')
                && text.len() <= LONGEST_EMAIL
                && !text.contains(is_odd) =>
        {
            Ok(text)
        }
        _ => Err("must be an e-mail address like ana@example.com"),
    }
}

/// Whether a password, in the form it is hashed in, may be one for this account.
///
/// # Errors
/// What would be right.
pub fn check_password(password: &str, email: &str) -> Result<(), String> {
    if !PASSWORD_LENGTH.contains(&password.chars().count()) {
        return Err(format!("must be {} to {} characters", PASSWORD_LENGTH.start(), PASSWORD_LENGTH.end()));
    }
    if password.contains('\0') {
        return Err("must not hold the NUL character".to_owned());
    }
    if password.to_lowercase() == email {
        return Err("must not be the e-mail address".to_owned());
    }
    Ok(())
}

/// How patient one is with attempts: so many are free, then each failure doubles the wait, from a second up to `longest`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Attempts without a wait.
    pub free: u32,
    /// The longest wait.
    pub longest: TimeDelta,
}

/// Logging in to one account: somebody else's guesses must not lock its owner out for long.
pub const ACCOUNT: Patience = Patience { free: 5, longest: TimeDelta::minutes(5) };
/// Logging in from one address, to whatever account: a whole office may share one.
pub const ADDRESS: Patience = Patience { free: 30, longest: TimeDelta::minutes(15) };
/// Mails to one account.
pub const MAILS: Patience = Patience { free: 3, longest: TimeDelta::hours(1) };
/// Signing up, and asking for mails, from one address.
pub const REQUESTS: Patience = Patience { free: 20, longest: TimeDelta::hours(1) };
/// After so long without an attempt all is forgotten.
const FORGOTTEN: TimeDelta = TimeDelta::hours(24);

impl Patience {
    /// How long to wait after the `tries`th attempt in a row that did not succeed.
    pub fn wait(self, tries: u32) -> TimeDelta {
        match tries.checked_sub(self.free + 1) {
            None => TimeDelta::zero(),
            Some(over) => TimeDelta::seconds(1_i64 << over.min(30)).min(self.longest),
        }
    }

    /// How many attempts count at `now`, when the last of `tries` was at `last`.
    pub fn counted(self, tries: u32, last: DateTime<Utc>, now: DateTime<Utc>) -> u32 {
        if now - last > FORGOTTEN { 0 } else { tries }
    }
}

/// What attempts are counted under: of an address or an account no more is kept than its hash.
pub fn subject(kind: &str, text: &str) -> String {
    let hash: [u8; 32] = Sha256::digest(text.as_bytes()).into();
    let short = hex::encode(&hash[..16]);
    format!("{kind}:{short}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_kept_in_one_form() {
        assert_eq!(email(" Ana@Example.COM ").as_deref(), Ok("ana@example.com"));
        for wrong in
            ["", "ana", "@x.de", "ana@", "a@b@c", "a b@c.de", "a@.de", "a@b.", "<a@b.de>", "a\n@b.de"]
        {
            assert!(email(wrong).is_err(), "{wrong:?}");
        }
        assert!(email(&format!("{}@b.de", "x".repeat(250))).is_err());
    }

    #[test]
    fn passwords_are_long_and_not_the_address() {
        assert!(check_password("correct horse", "a@b.de").is_ok());
        assert!(check_password("elevenchars", "a@b.de").is_err());
        assert!(check_password(&"x".repeat(257), "a@b.de").is_err());
        assert!(check_password("ANNA@example.com", "anna@example.com").is_err());
        assert!(check_password("ääääääääääää", "a@b.de").is_ok(), "characters, not bytes");
    }

    #[test]
    fn waits_grow_up_to_a_bound() {
        let waits: Vec<i64> = [5, 6, 7, 8, 14, 15, 1_000].map(|n| ACCOUNT.wait(n).num_seconds()).to_vec();
        assert_eq!(waits, [0, 1, 2, 4, 256, 300, 300]);
        let at = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
        assert_eq!(ACCOUNT.counted(9, at, at + TimeDelta::hours(24)), 9);
        assert_eq!(ACCOUNT.counted(9, at, at + TimeDelta::hours(25)), 0);
    }
}
