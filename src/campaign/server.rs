//! The API a command speaks with.

use std::{fmt, time::Duration};

use reqwest::{Client as Http, Method, RequestBuilder, Response};
use serde_json::Value;

use crate::process::Failure;

/// How long a server may take to begin its answer.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// Waits between attempts when a server cannot be reached or says to try again.
const AGAIN: [Duration; 6] = [
    Duration::from_millis(200),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(20),
];

/// After so many attempts somebody who waits wants to know why.
const TOLD: usize = 2;

pub struct Server {
    http: Http,
    base: String,
    key: String,
}

/// Why a request did not do what it was to do.
#[derive(Debug)]
pub enum Trouble {
    /// The server refused; its code, and its own words.
    Refused { code: String, words: String },
    /// No answer, or one that says to try again.
    Broken(String),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { code, words } => write!(f, "{words} ({code})"),
            Self::Broken(words) => f.write_str(words),
        }
    }
}

impl std::error::Error for Trouble {}

impl From<reqwest::Error> for Trouble {
    fn from(error: reqwest::Error) -> Self {
        Self::Broken(ringfleet_core::with_causes(&error))
    }
}

/// `data` of an answer.
pub struct Answer {
    pub data: Value,
}

impl Server {
    /// # Errors
    /// When the URL is none, or the key cannot be one.
    pub fn at(url: &str, key: String) -> Result<Self, Failure> {
        if key.is_empty() || !key.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(Failure::new("--key: an API key is one word of plain letters and digits"));
        }
        let url = url.trim_end_matches('/');
        let is_http = url.starts_with("http://") || url.starts_with("https://");
        if !is_http || reqwest::Url::parse(url).is_err() {
            return Err(Failure::new(format!("--url: {url:?} is no URL such as https://dialer.example.com")));
        }
        let http = Http::builder().connect_timeout(Duration::from_secs(10)).build()?;
        Ok(Self { http, base: format!("{}/api/v1", url.trim_end_matches("/api/v1")), key })
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base)).bearer_auth(&self.key)
    }

    pub async fn get(&self, path: &str) -> Result<Answer, Trouble> {
        patiently(async || read(self.request(Method::GET, path).timeout(PATIENCE).send().await?).await).await
    }

    /// Not tried again by itself: nobody knows whether it was done.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Answer, Trouble> {
        read(self.request(Method::POST, path).timeout(PATIENCE).json(body).send().await?).await
    }
}

/// Tries again what a server did not answer, and does not end in a refusal. Says so when that takes long.
pub async fn patiently<T>(mut attempt: impl AsyncFnMut() -> Result<T, Trouble>) -> Result<T, Trouble> {
    for (n, wait) in AGAIN.into_iter().enumerate() {
        match attempt().await {
            Err(Trouble::Broken(why)) => {
                if n == TOLD {
                    eprintln!("{why}; trying again for half a minute");
                }
                tokio::time::sleep(wait).await;
            }
            done => return done,
        }
    }
    attempt().await
}

/// # Errors
/// What the server said if it refused.
pub async fn read(response: Response) -> Result<Answer, Trouble> {
    let status = response.status().as_u16();
    open(status, &response.bytes().await?)
}

/// An answer that is no JSON, to be read bit by bit.
///
/// # Errors
/// What the server said if it refused.
pub async fn taken(response: Response) -> Result<Response, Trouble> {
    match response.status().is_success() {
        true => Ok(response),
        false => read(response).await.and(Err(Trouble::Broken("the server answered nothing".to_owned()))),
    }
}

fn open(status: u16, body: &[u8]) -> Result<Answer, Trouble> {
    let mut envelope: Value = serde_json::from_slice(body).map_err(|_| {
        Trouble::Broken(format!("the server answered {status} and nothing that can be read; is --url right?"))
    })?;
    let mut take = |name: &str| envelope.get_mut(name).map(Value::take).unwrap_or_default();
    let (data, message, meta) = (take("data"), take("message"), take("meta"));
    if (200..300).contains(&status) {
        return Ok(Answer { data });
    }
    let words = message.as_str().map_or_else(|| format!("the server answered {status}"), str::to_owned);
    let code = meta["code"].as_str().unwrap_or_default().to_owned();
    // Too many requests: that passes (RFC 6585, 4). A body that broke off was not this side's doing.
    let passes = status >= 500 || status == 429 || code == "BROKEN_UPLOAD";
    Err(if passes { Trouble::Broken(words) } else { Trouble::Refused { code, words } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_opened() {
        let answer =
            open(200, br#"{"success":true,"data":{"id":1},"message":null,"meta":{"next_cursor":"x"}}"#);
        let answer = answer.unwrap_or_else(|trouble| panic!("{trouble}"));
        assert_eq!(answer.data["id"], 1);
        let refused =
            open(409, br#"{"success":false,"data":null,"message":"no","meta":{"code":"X","offset":7}}"#);
        match refused.map(|answer| answer.data).unwrap_err() {
            Trouble::Refused { code, words } => {
                assert_eq!((code.as_str(), words.as_str()), ("X", "no"));
            }
            Trouble::Broken(words) => panic!("{words}"),
        }
        let cut = br#"{"message":"the part broke off","meta":{"code":"BROKEN_UPLOAD"}}"#;
        let busy = br#"{"message":"too many requests","meta":{"code":"RATE_LIMITED"}}"#;
        for (status, body) in
            [(503, &br#"{"message":"away"}"#[..]), (502, b"<html>"), (200, b""), (400, cut), (429, busy)]
        {
            let trouble = open(status, body).map(|answer| answer.data).unwrap_err();
            assert!(matches!(trouble, Trouble::Broken(_)), "{status}: {trouble}");
        }
    }

    #[test]
    fn a_url_may_end_as_people_write_it() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        for url in ["http://h:1", "http://h:1/", "http://h:1/api/v1", "http://h:1/api/v1/"] {
            assert_eq!(
                Server::at(url, "k".to_owned()).map(|s| s.base).unwrap_or_default(),
                "http://h:1/api/v1",
                "{url}"
            );
        }
        for (url, key) in [("h:1", "k"), ("ftp://h", "k"), ("http://h", ""), ("http://h", "two\nlines")] {
            assert!(Server::at(url, key.to_owned()).is_err(), "{url} {key}");
        }
    }
}
