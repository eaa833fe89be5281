//! The configuration of what is told to those who watch.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::{config::Config, config_api::wrong, config_error::ConfigError};

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MetricsConfig {
    /// Where `/metrics` is; nowhere, where nothing is said.
    pub listen: Option<SocketAddr>,
    /// Whether the API has `/reports/workload`, for everybody.
    pub workload: bool,
}

impl Config {
    /// # Errors
    /// When the API and the metrics would listen at one address.
    pub fn check_metrics(&self) -> Result<(), ConfigError> {
        let Some(listen) = self.metrics.listen.filter(|listen| listen.port() != 0) else { return Ok(()) };
        match listen == self.listen {
            true => Err(wrong("metrics.listen", listen, "must be another address than listen")),
            false => Ok(()),
        }
    }
}
