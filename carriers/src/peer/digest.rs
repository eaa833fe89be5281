//! Digest authentication, the server's side (RFC 2617 §3, RFC 7616, RFC 3261 §22).

use std::time::Duration;

use md5::{Digest as _, Md5};
use ringfleet_core::Clock;

use super::message;

/// The protection domain we announce.
const REALM: &str = "ringfleet";
/// How long a nonce may be used.
const NONCE_LIFE: Duration = Duration::from_secs(300);

/// Verdict on a request's credentials.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// They are right.
    Accepted,
    /// None, or wrong ones.
    Missing,
    /// Right for a nonce that has expired: the client may try again by itself (RFC 7616 §3.3).
    Stale,
}

/// Checks one user name and password. No `Debug`: it holds the password.
pub(super) struct Digest {
    user: String,
    password: String,
    /// Makes nonces that only we can make, so that none have to be remembered.
    secret: [u8; 16],
}

impl Digest {
    pub fn new((user, password): (String, String)) -> Self {
        Self { user, password, secret: rand::random() }
    }

    /// Value of a WWW-Authenticate header.
    pub fn challenge(&self, clock: &dyn Clock, stale: bool) -> String {
        let nonce = self.nonce(clock.now().timestamp_millis());
        let stale = if stale { ", stale=true" } else { "" };
        format!("Digest realm=\"{REALM}\", nonce=\"{nonce}\", algorithm=MD5, qop=\"auth\"{stale}")
    }

    /// Judges an Authorization header.
    pub fn judge(&self, authorization: Option<&str>, method: &str, clock: &dyn Clock) -> Verdict {
        match authorization.and_then(|header| self.right_for(header, method)) {
            None => Verdict::Missing,
            Some(made_at) if clock.now().timestamp_millis() - made_at > NONCE_LIFE.as_millis() as i64 => {
                Verdict::Stale
            }
            Some(_) => Verdict::Accepted,
        }
    }

    /// When the nonce was made, in Unix milliseconds, if nonce and response are ours and right.
    fn right_for(&self, header: &str, method: &str) -> Option<i64> {
        let (scheme, list) = header.trim().split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("digest") {
            return None;
        }
        let fields = Fields(list);
        let nonce = fields.get("nonce")?;
        let made_at = i64::from_str_radix(nonce.split('-').next()?, 16).ok()?;
        if self.nonce(made_at) != nonce
            || fields.get("realm")? != REALM
            || fields.get("username")? != self.user
        {
            return None;
        }
        if fields.get("algorithm").is_some_and(|name| !name.eq_ignore_ascii_case("md5")) {
            return None;
        }
        // The URI is taken from the header: proxies may rewrite the one in the request line (RFC 3261 §22.4, item 5).
        let ha1 = md5(&[&self.user, REALM, &self.password]);
        let ha2 = md5(&[method, fields.get("uri")?]);
        let expected = match fields.get("qop") {
            Some("auth") => md5(&[&ha1, nonce, fields.get("nc")?, fields.get("cnonce")?, "auth", &ha2]),
            Some(_) => return None,
            None => md5(&[&ha1, nonce, &ha2]),
        };
        fields.get("response")?.eq_ignore_ascii_case(&expected).then_some(made_at)
    }

    fn nonce(&self, made_at: i64) -> String {
        format!("{made_at:x}-{}", md5(&[&format!("{made_at:x}"), &hex::encode(self.secret)]))
    }
}

/// `name="value", name=value`
struct Fields<'a>(&'a str);

impl<'a> Fields<'a> {
    fn get(&self, name: &str) -> Option<&'a str> {
        message::split_list(self.0).into_iter().find_map(|field| {
            let (key, value) = field.split_once('=')?;
            key.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches('"'))
        })
    }
}

/// MD5 of the parts joined by colons, in hex: both H and KD of RFC 2617 §3.2.1.
fn md5(parts: &[&str]) -> String {
    hex::encode(Md5::digest(parts.join(":")))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ringfleet_core::{ManualClock, SystemClock};

    use super::*;

    fn digest() -> Digest {
        Digest::new(("mufasa".into(), "Circle of Life".into()))
    }

    fn field(header: &str, name: &str) -> String {
        Fields(header.split_once(' ').unwrap().1).get(name).unwrap().to_owned()
    }

    fn credentials(challenge: &str, password: &str, qop: bool) -> String {
        let nonce = field(challenge, "nonce");
        let ha1 = md5(&["mufasa", REALM, password]);
        let ha2 = md5(&["INVITE", "sip:h"]);
        let (response, more) = if qop {
            let response = md5(&[&ha1, &nonce, "00000001", "0a4f", "auth", &ha2]);
            (response, ", qop=auth, nc=00000001, cnonce=\"0a4f\"")
        } else {
            (md5(&[&ha1, &nonce, &ha2]), "")
        };
        format!(
            "Digest username=\"mufasa\", realm=\"{REALM}\", nonce=\"{nonce}\", uri=\"sip:h\", response=\"{response}\"{more}"
        )
    }

    #[test]
    fn the_example_of_rfc_2617_comes_out() {
        let ha1 = md5(&["Mufasa", "testrealm@host.com", "Circle Of Life"]);
        let ha2 = md5(&["GET", "/dir/index.html"]);
        let response =
            md5(&[&ha1, "dcd98b7102dd2f0e8b11d0f600bfb0c093", "00000001", "0a4f113b", "auth", &ha2]);
        assert_eq!(response, "6629fae49393a05397450978507c4ef1");
    }

    #[test]
    fn right_credentials_pass_and_others_do_not() {
        let (digest, clock) = (digest(), SystemClock);
        let challenge = digest.challenge(&clock, false);
        for qop in [true, false] {
            let right = credentials(&challenge, "Circle of Life", qop);
            assert_eq!(digest.judge(Some(&right), "INVITE", &clock), Verdict::Accepted);
            assert_eq!(digest.judge(Some(&right), "BYE", &clock), Verdict::Missing, "another method");
            let foreign = right.replace(REALM, "elsewhere");
            assert_eq!(digest.judge(Some(&foreign), "INVITE", &clock), Verdict::Missing);
            let wrong = credentials(&challenge, "circle of life", qop);
            assert_eq!(digest.judge(Some(&wrong), "INVITE", &clock), Verdict::Missing);
        }
        for header in [None, Some(""), Some("Basic abc"), Some("Digest"), Some("Digest nonce=\"zz-\"")] {
            assert_eq!(digest.judge(header, "INVITE", &clock), Verdict::Missing);
        }
    }

    #[test]
    fn a_nonce_is_ours_and_expires() {
        let (ours, clock) = (digest(), ManualClock::new(SystemClock.now()));
        let right = credentials(&ours.challenge(&clock, false), "Circle of Life", true);
        let of_another = credentials(&digest().challenge(&clock, false), "Circle of Life", true);
        assert_eq!(ours.judge(Some(&of_another), "INVITE", &clock), Verdict::Missing);
        assert_eq!(ours.judge(Some(&right), "INVITE", &clock), Verdict::Accepted);
        clock.advance(NONCE_LIFE + Duration::from_millis(1));
        assert_eq!(ours.judge(Some(&right), "INVITE", &clock), Verdict::Stale);
        assert!(ours.challenge(&clock, true).ends_with("stale=true"));
    }

    proptest! {
        #[test]
        fn any_header_is_survived(header in "(Digest )?[ -~]{0,80}") {
            prop_assert_ne!(digest().judge(Some(&header), "INVITE", &SystemClock), Verdict::Accepted);
        }
    }
}
