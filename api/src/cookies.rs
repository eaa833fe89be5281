//! Cookies (RFC 6265bis): the refresh token, and what a login with Google has to bring back.

use std::convert::Infallible;

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};
use url::Url;

use crate::openapi::{Draft, Part};

/// One of our cookies.
pub(crate) struct Cookie {
    name: &'static str,
    path: &'static str,
    same_site: &'static str,
}

/// Renews a login. Sent to nothing but what needs it, and never along with a request another site has caused.
pub(crate) const REFRESH: Cookie =
    Cookie { name: "ringfleet_refresh", path: "/api/v1/auth", same_site: "Strict" };
/// Holds what Google has to send back; it comes with a link from Google's pages, so it cannot be strict.
pub(crate) const GOOGLE: Cookie =
    Cookie { name: "ringfleet_google", path: "/api/v1/auth/google", same_site: "Lax" };

impl Cookie {
    /// What sets it for so many seconds; with 0 it is gone.
    pub(crate) fn set(&self, value: &str, seconds: i64, base_url: &Url) -> String {
        let Self { name, path, same_site } = self;
        // A browser would not send a secure cookie to a server that is tried out without TLS.
        let secure =
            if base_url.scheme() == "http" && crate::is_loopback(base_url) { "" } else { "; Secure" };
        format!("{name}={value}; Path={path}; Max-Age={seconds}; HttpOnly; SameSite={same_site}{secure}")
    }

    /// What the browser sent; the first one counts.
    fn sent<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.find(|(name, _)| *name == self.name).map(|(_, value)| value)
    }
}

/// The cookies of a request.
pub(crate) struct Cookies(HeaderMap);

impl Cookies {
    /// What the browser sent of this one.
    pub(crate) fn get(&self, cookie: &Cookie) -> Option<&str> {
        cookie.sent(&self.0)
    }
}

impl<S: Sync> FromRequestParts<S> for Cookies {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(parts.headers.clone()))
    }
}

impl Part for Cookies {
    fn describe(_: &mut Draft) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_secure_unless_tried_out_here() {
        let set = |url: &str| REFRESH.set("x", 9, &url.parse().unwrap());
        assert_eq!(
            set("https://d.example.com"),
            "ringfleet_refresh=x; Path=/api/v1/auth; Max-Age=9; HttpOnly; SameSite=Strict; Secure"
        );
        assert!(set("http://d.example.com").ends_with("; Secure"));
        for local in ["http://127.0.0.1:8080", "http://localhost", "http://[::1]:80"] {
            assert!(!set(local).contains("Secure"), "{local}");
        }
        assert!(set("https://localhost").ends_with("; Secure"));
    }

    #[test]
    fn a_cookie_is_found_among_others() {
        let headers =
            HeaderMap::from_iter([(header::COOKIE, "a=1; ringfleet_refresh=x.y; b=2".parse().unwrap())]);
        assert_eq!(REFRESH.sent(&headers), Some("x.y"));
        assert_eq!(GOOGLE.sent(&headers), None);
    }
}
