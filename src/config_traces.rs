//! The configuration of traces.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};
use url::Url;

use crate::{config::Config, config_api::wrong, config_error::ConfigError};

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TracesConfig {
    /// The collector, such as `http://127.0.0.1:4318`; without it there are no traces.
    pub endpoint: Option<Url>,
    /// Which share of what begins here is traced, 0 to 1.
    pub sample: f64,
    /// What goes along with each request to the collector.
    pub headers: BTreeMap<String, String>,
}

impl Default for TracesConfig {
    fn default() -> Self {
        Self { endpoint: None, sample: 1.0, headers: BTreeMap::new() }
    }
}

/// Headers hold keys.
impl fmt::Debug for TracesConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}, {}", self.endpoint.as_ref().and_then(Url::host_str), self.sample)
    }
}

impl Config {
    /// # Errors
    /// When a value is wrong.
    pub fn check_traces(&self) -> Result<(), ConfigError> {
        let TracesConfig { endpoint, sample, headers } = &self.traces;
        let is_plain =
            |url: &Url| matches!(url.scheme(), "http" | "https") && url.has_host() && url.query().is_none();
        if let Some(url) = endpoint.as_ref().filter(|url| !is_plain(url)) {
            return Err(wrong("traces.endpoint", url.as_str(), "must be like http://127.0.0.1:4318"));
        }
        if !(0.0..=1.0).contains(sample) {
            return Err(wrong("traces.sample", sample, "must be 0 to 1"));
        }
        let fits = |(name, value): &(&String, &String)| {
            axum::http::HeaderName::try_from(*name).is_ok()
                && axum::http::HeaderValue::try_from(*value).is_ok()
        };
        match headers.iter().find(|header| !fits(header)) {
            Some((name, _)) => Err(wrong("traces.headers", name, "must be names and values of HTTP headers")),
            None => Ok(()),
        }
    }
}
