use std::sync::Mutex;

use ringfleet_core::clock::Stopwatch;
use ringfleet_engine::{Engine, EngineError, WORKER_SILENCE};

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
        let listened = self.since(|listening| *listening.get_or_insert_with(Stopwatch::start)).elapsed();
        let silence = (listened > WORKER_SILENCE).then_some(WORKER_SILENCE);
        let done = self.engine.find_orphans(silence).await;
        if done.is_err() {
            self.since(|listening| *listening = None);
        }
        done
    }

    fn since<T>(&self, change: impl FnOnce(&mut Option<Stopwatch>) -> T) -> T {
        change(&mut self.listening.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}
