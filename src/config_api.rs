//! The configuration of the API: who may come in, from where, and how often.

use std::net::IpAddr;

use axum::http::HeaderValue;
use ringfleet_api::{ApiSettings, GoogleSettings, MailSettings};
use ringfleet_core::Quota;
use ringfleet_engine::{AccessSettings, Signup};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::{config::Config, config_error::ConfigError};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ApiConfig {
    /// Where browsers find this server; without it, where it listens.
    pub base_url: Option<Url>,
    /// Requests a minute of each key and each user.
    pub requests_per_minute: u32,
    /// Of those, at once after a rest.
    pub burst: u32,
    /// Web pages of which origins may use the API.
    pub cors_origins: Vec<String>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpAddr>,
}

impl Default for ApiConfig {
    fn default() -> Self {
        Self {
            base_url: None,
            requests_per_minute: 600,
            burst: 100,
            cors_origins: Vec::new(),
            trusted_proxies: Vec::new(),
        }
    }
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuthConfig {
    /// Who may sign up.
    pub signup: SignupConfig,
    /// Logging in with Google.
    pub google: Option<GoogleConfig>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SignupConfig {
    /// The first user of a fresh installation; afterwards by invitation.
    #[default]
    First,
    /// Anybody.
    Open,
    /// Nobody.
    Off,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoogleConfig {
    pub client_id: String,
    pub client_secret: String,
    /// Google, or another issuer of OpenID Connect.
    #[serde(default = "google")]
    pub issuer: String,
}

fn google() -> String {
    "https://accounts.google.com".to_owned()
}

impl std::fmt::Debug for GoogleConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GoogleConfig").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailConfig {
    /// `smtps://user:password@host`, or `smtp://…?tls=required`.
    pub smtp_url: String,
    /// Whom mail comes from.
    pub from: String,
}

impl std::fmt::Debug for MailConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MailConfig").field("from", &self.from).finish_non_exhaustive()
    }
}

pub fn wrong(key: &'static str, value: impl std::fmt::Debug, problem: &str) -> ConfigError {
    ConfigError::WrongValue { key, value: format!("{value:?}"), problem: problem.to_owned() }
}

impl Config {
    /// # Errors
    /// When a value is wrong; [`Config::read`] has checked it.
    pub fn api_settings(&self) -> Result<ApiSettings, ConfigError> {
        let api = &self.api;
        if !(1..=1_000_000).contains(&api.requests_per_minute) {
            return Err(wrong("api.requests_per_minute", api.requests_per_minute, "must be 1 to 1000000"));
        }
        if !(1..=100_000).contains(&api.burst) {
            return Err(wrong("api.burst", api.burst, "must be 1 to 100000"));
        }
        Ok(ApiSettings {
            greetings: Some(self.greetings()),
            guard: self.guard(),
            base_url: self.base_url()?,
            access: AccessSettings {
                signup: match self.auth.signup {
                    SignupConfig::First => Signup::First,
                    SignupConfig::Open => Signup::Open,
                    SignupConfig::Off => Signup::Off,
                },
            },
            mail: self.mail_settings()?,
            google: self.google_settings()?,
            workload: self.metrics.workload,
            quota: Quota::new(api.requests_per_minute, api.burst),
            cors_origins: api.cors_origins.iter().map(origin).collect::<Result<_, _>>()?,
            trusted_proxies: api.trusted_proxies.clone(),
            ..ApiSettings::default()
        })
    }

    pub fn base_url(&self) -> Result<Url, ConfigError> {
        let here = || Url::parse(&format!("http://{}", self.listen));
        let url = match &self.api.base_url {
            Some(url) => url.clone(),
            None => here().map_err(|_| wrong("listen", self.listen, "makes no URL"))?,
        };
        let is_plain = matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty();
        match is_plain {
            true => Ok(url),
            false => Err(wrong("api.base_url", url.as_str(), "must be like https://dialer.example.com")),
        }
    }

    fn mail_settings(&self) -> Result<Option<MailSettings>, ConfigError> {
        let Some(mail) = &self.mail else { return Ok(None) };
        // The URL may hold a password.
        let read = MailSettings::new(&mail.smtp_url, &mail.from);
        read.map(Some).map_err(|problem| wrong("mail.smtp_url", "…", &problem))
    }

    fn google_settings(&self) -> Result<Option<GoogleSettings>, ConfigError> {
        let Some(google) = &self.auth.google else { return Ok(None) };
        if !Url::parse(&google.issuer).is_ok_and(|url| matches!(url.scheme(), "http" | "https")) {
            return Err(wrong(
                "auth.google.issuer",
                &google.issuer,
                "must be like https://accounts.google.com",
            ));
        }
        Ok(Some(GoogleSettings {
            issuer: google.issuer.clone(),
            client_id: google.client_id.clone(),
            client_secret: google.client_secret.clone(),
        }))
    }
}

/// An origin as browsers send it (RFC 6454 §6.1).
fn origin(text: &String) -> Result<HeaderValue, ConfigError> {
    let is_one = Url::parse(text).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https") && url.origin().ascii_serialization() == *text
    });
    let value = HeaderValue::from_str(text).ok().filter(|_| is_one);
    value.ok_or_else(|| {
        wrong("api.cors_origins", text, "must each be like https://app.example.com, without a path")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_what_browsers_send() {
        for good in ["https://app.example.com", "http://localhost:5173"] {
            assert!(origin(&good.to_owned()).is_ok(), "{good}");
        }
        for bad in ["*", "null", "https://app.example.com/", "https://app.example.com:443", "app.example.com"]
        {
            assert!(origin(&bad.to_owned()).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_left_out_is_safe() {
        let settings = Config::default().api_settings().unwrap();
        assert_eq!(settings.base_url.as_str(), "http://127.0.0.1:8080/");
        assert_eq!(settings.access.signup, Signup::First);
        assert!(settings.cors_origins.is_empty() && settings.mail.is_none() && settings.google.is_none());
        let plain =
            MailConfig { smtp_url: "smtp://u:p@mail.example.com".into(), from: "a@example.com".into() };
        let refused = Config { mail: Some(plain), ..Config::default() }.api_settings();
        let error = refused.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains("mail.smtp_url") && !error.contains("u:p"), "{error}");
    }
}
