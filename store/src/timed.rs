//! How long transactions take, told when they are over.

use std::sync::LazyLock;

use ringfleet_core::clock::Stopwatch;
use ringfleet_telemetry::{Counter, DB_BEGIN, DB_BEGIN_FAILURES, DB_TRANSACTION, Histogram};

/// What a transaction is for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Purpose {
    Read,
    Write,
    /// One statement that is a transaction by itself.
    Statement,
}

/// What is recorded of transactions of one purpose.
struct Figures {
    begin: Histogram,
    failures: Counter,
    committed: Histogram,
    undone: Histogram,
}

impl Figures {
    fn of(purpose: &'static str) -> Self {
        Self {
            begin: DB_BEGIN.of([purpose]),
            failures: DB_BEGIN_FAILURES.of([purpose]),
            committed: DB_TRANSACTION.of([purpose, "committed"]),
            undone: DB_TRANSACTION.of([purpose, "undone"]),
        }
    }
}

static FIGURES: LazyLock<[Figures; 3]> = LazyLock::new(|| ["read", "write", "statement"].map(Figures::of));

impl Purpose {
    fn figures(self) -> &'static Figures {
        &FIGURES[self as usize]
    }

    /// Waits until a transaction has begun. What is given with it tells how long it takes from then on.
    pub(crate) async fn begin<T, E>(
        self,
        begun: impl Future<Output = Result<T, E>>,
    ) -> Result<(T, Timed), E> {
        let asked = Stopwatch::start();
        match begun.await {
            Ok(begun) => {
                self.figures().begin.record(asked.elapsed());
                Ok((begun, self.starts()))
            }
            Err(error) => {
                self.figures().failures.increment(1);
                Err(error)
            }
        }
    }

    /// A transaction begins.
    pub(crate) fn starts(self) -> Timed {
        Timed { purpose: self, since: Stopwatch::start(), is_committed: false }
    }
}

/// The time of one transaction; dropping it ends it.
#[derive(Debug)]
pub(crate) struct Timed {
    purpose: Purpose,
    since: Stopwatch,
    is_committed: bool,
}

impl Timed {
    pub(crate) fn committed(mut self) {
        self.is_committed = true;
    }
}

impl Drop for Timed {
    fn drop(&mut self) {
        let figures = self.purpose.figures();
        let end = if self.is_committed { &figures.committed } else { &figures.undone };
        end.record(self.since.elapsed());
    }
}
