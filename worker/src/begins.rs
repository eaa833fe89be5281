//! How long it takes to begin a single call.

use std::{sync::Arc, time::Duration};

use parking_lot::Mutex;

/// What a process that has begun no call yet thinks.
const AT_FIRST: Duration = Duration::from_millis(50);
/// The least to reckon with: on a machine that is busy now and then. A call that misses its slot loses a second; one that has more
/// time than it needs costs only who comes right after it.
const LEAST: Duration = Duration::from_millis(60);

/// The longest time that it took lately in this process to begin a single call; each call lets a little of it be forgotten.
#[derive(Clone)]
pub(crate) struct Begins(Arc<Mutex<Duration>>);

impl Default for Begins {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(AT_FIRST)))
    }
}

impl Begins {
    pub(crate) fn took(&self, time: Duration) {
        let mut longest = self.0.lock();
        *longest = time.max(*longest - *longest / 16);
    }

    /// How long the next one may take.
    pub(crate) fn lead(&self) -> Duration {
        (*self.0.lock() * 2).max(LEAST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_database_is_reckoned_with_at_once_and_for_a_while() {
        let (begins, quick, slow) = (Begins::default(), Duration::from_millis(2), Duration::from_millis(80));
        (0..100).for_each(|_| begins.took(quick));
        assert_eq!(begins.lead(), LEAST);
        begins.took(slow);
        assert_eq!(begins.lead(), slow * 2);
        begins.took(quick);
        assert!(begins.lead() > slow);
        (0..100).for_each(|_| begins.took(quick));
        assert_eq!(begins.lead(), LEAST);
    }
}
