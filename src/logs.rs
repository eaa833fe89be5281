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

/// Whether a filter says what it seems to say: a bare word that is no level would be taken for a part of the program, and a
/// mistyped level would silence everything.
pub fn names_levels(filter: &str) -> bool {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    let names_level = |directive: &str| {
        let level = directive.rsplit('=').next().unwrap_or_default();
        LEVELS.iter().any(|known| known.eq_ignore_ascii_case(level.trim()))
    };
    EnvFilter::try_new(filter).is_ok() && filter.split(',').all(names_level)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_level_is_noticed() {
        for right in ["info", "WARN", "info,ringfleet_worker=debug", "warn,sqlx=error", "off"] {
            assert!(names_levels(right), "{right}");
        }
        for wrong in
            ["inf", "", "info,ringfleet_worker", "info,ringfleet_worker=loud", "info,,warn", "=debug="]
        {
            assert!(!names_levels(wrong), "{wrong}");
        }
    }
}
