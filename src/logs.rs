use std::io::IsTerminal;

use tracing_subscriber::{EnvFilter, layer::SubscriberExt, util::SubscriberInitExt};

use crate::{
    config::{LogConfig, LogFormat},
    process::Failure,
};

/// Logs to standard error; standard output belongs to results.
pub fn init(config: &LogConfig) -> Result<(), Failure> {
    let directives = format!("{},{}", config.filter, ringfleet_carriers::sip::LOG_DIRECTIVE);
    let filter = EnvFilter::try_new(&directives).map_err(|e| {
        Failure::new(format!("the configuration cannot be used: log.filter = {:?}: {e}", config.filter))
    })?;
    let json = match config.format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => !std::io::stderr().is_terminal(),
    };
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let registry = tracing_subscriber::registry().with(filter);
    let set = match json {
        true => registry.with(layer.json().flatten_event(true)).try_init(),
        false => registry.with(layer.with_target(false)).try_init(),
    };
    set.map_err(|e| Failure::new(e.to_string()))
}
