use std::io::{IsTerminal, stderr, stdin};

use ringfleet_telemetry::trace;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::{EnvFilter, Layer, Registry, layer::SubscriberExt, reload, util::SubscriberInitExt};

use crate::{
    config::{LogConfig, LogFormat},
    config_error::ConfigError,
    process::Failure,
    traces::Traces,
};

/// Logs to standard error; standard output belongs to results. What is to be seen in traces goes there as well, whatever is logged.
pub fn init(config: &LogConfig, traces: Option<&Traces>) -> Result<Levels, Failure> {
    let (filter, levels) = reload::Layer::new(filter(&config.filter)?);
    let json = match config.format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => !stderr().is_terminal(),
    };
    let layer = tracing_subscriber::fmt::layer().with_writer(stderr);
    let layer = match json {
        true => layer.json().flatten_event(true).boxed(),
        false => layer.with_target(false).boxed(),
    };
    let set =
        tracing_subscriber::registry().with(filter).with(layer).with(traces.map(Traces::layer)).try_init();
    set.map(|()| Levels { levels }).map_err(|e| Failure::new(e.to_string()))
}

/// What is wanted, and what is added to it: the spans of requests and calls, which log nothing by themselves. They go to the collector whatever
/// is logged, and what is logged within them says which request it was.
fn filter(wanted: &str) -> Result<EnvFilter, Failure> {
    let (quieter, spans) = (ringfleet_carriers::sip::LOG_DIRECTIVE, trace::TARGET);
    EnvFilter::try_new(format!("{wanted},{quieter},{spans}=info"))
        .map_err(|e| Failure::new(format!("the configuration cannot be used: log.filter = {wanted:?}: {e}")))
}

/// What is logged, which can be changed while the process runs.
pub struct Levels {
    levels: reload::Handle<EnvFilter, Registry>,
}

impl Levels {
    /// Reads the configuration anew at each SIGHUP, and logs what it says from then on; nothing else of it is taken up. Only who may end the process as
    /// well can send it a signal, so nobody needs a key for that, and no door. On a terminal SIGHUP ends the process, for then the terminal is gone.
    ///
    /// # Errors
    /// When signals cannot be heard.
    pub fn follow(
        self,
        read: impl Fn() -> Result<LogConfig, ConfigError> + Send + 'static,
    ) -> Result<(), Failure> {
        if stdin().is_terminal() || stderr().is_terminal() {
            return Ok(());
        }
        let mut hung_up = signal(SignalKind::hangup())?;
        tokio::spawn(async move {
            while hung_up.recv().await.is_some() {
                self.take_up(&read);
            }
        });
        Ok(())
    }

    fn take_up(&self, read: &impl Fn() -> Result<LogConfig, ConfigError>) {
        let read =
            read().map_err(Failure::from).and_then(|config| Ok((filter(&config.filter)?, config.filter)));
        let taken_up = read.and_then(|(filter, wanted)| {
            self.levels.reload(filter)?;
            Ok(wanted)
        });
        match taken_up {
            Ok(filter) => tracing::info!(filter, "what is logged was read anew"),
            Err(error) => tracing::error!(%error, "what is logged stays as it was"),
        }
    }
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
