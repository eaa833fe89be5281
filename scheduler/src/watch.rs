use std::sync::Mutex;

use ringfleet_core::clock::Stopwatch;
use ringfleet_engine::{Engine, EngineError, WORKER_SILENCE};

/// A round that takes longer has met a database that was away.
const LONG_ROUND: std::time::Duration = std::time::Duration::from_secs(5);

/// Listens for the workers' heartbeats. After an outage of the database everybody has been silent, so nobody is declared
/// dead before this process has been able to listen for as long as a worker may be silent.
pub(crate) struct Watch {
    engine: Engine,
    listening: Mutex<Option<Stopwatch>>,
}

impl Watch {
    pub(crate) fn new(engine: Engine) -> Self {
        Self { engine, listening: Mutex::new(None) }
    }

    pub(crate) async fn find_orphans(&self) -> Result<usize, EngineError> {
        // Taken out meanwhile: a round that fails, hangs or is given up has not listened.
        let listening = self.since(Option::take).unwrap_or_else(Stopwatch::start);
        let silence = (listening.elapsed() > WORKER_SILENCE).then_some(WORKER_SILENCE);
        let round = Stopwatch::start();
        let found = self.engine.find_orphans(silence).await?;
        if round.elapsed() < LONG_ROUND {
            self.since(|kept| *kept = Some(listening));
        }
        Ok(found)
    }

    fn since<T>(&self, change: impl FnOnce(&mut Option<Stopwatch>) -> T) -> T {
        change(&mut self.listening.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}
