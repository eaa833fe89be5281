use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use parking_lot::Mutex;
use ringfleet_core::CallId;
use tokio_util::sync::CancellationToken;

/// The calls that some task of this process looks after, from before they are begun until they are settled.
#[derive(Clone, Default)]
pub(crate) struct Followed(Arc<Mutex<HashMap<CallId, CancellationToken>>>);

/// Looks after one call; dropping it stops that.
pub(crate) struct Mine {
    call: CallId,
    followed: Followed,
    stopped: CancellationToken,
}

impl Followed {
    /// Begins to look after a call; none when another task of this process does.
    pub(crate) fn take(&self, call: CallId) -> Option<Mine> {
        let stopped = CancellationToken::new();
        match self.0.lock().entry(call) {
            Entry::Occupied(_) => return None,
            Entry::Vacant(place) => drop(place.insert(stopped.clone())),
        }
        Some(Mine { call, followed: self.clone(), stopped })
    }

    pub(crate) fn has(&self, call: CallId) -> bool {
        self.0.lock().contains_key(&call)
    }

    /// Tells the task that looks after this call to hang up: its campaign was stopped. True when it had not been told before.
    pub(crate) fn stop(&self, call: CallId) -> bool {
        let told = self.0.lock().get(&call).cloned();
        told.is_some_and(|stopped| {
            !stopped.is_cancelled() && {
                stopped.cancel();
                true
            }
        })
    }
}

impl Mine {
    /// Fires when the call is to be hung up because its campaign was stopped.
    pub(crate) fn stopped(&self) -> &CancellationToken {
        &self.stopped
    }
}

impl Drop for Mine {
    fn drop(&mut self) {
        self.followed.0.lock().remove(&self.call);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringfleet_core::{Clock, SystemClock};

    #[test]
    fn one_task_looks_after_a_call_and_is_told_once() {
        let (followed, call) = (Followed::default(), CallId::new(SystemClock.now()));
        assert!(!followed.stop(call), "nobody has it");
        let mine = followed.take(call).unwrap();
        assert!(followed.take(call).is_none() && !mine.stopped().is_cancelled());
        assert!(followed.stop(call) && mine.stopped().is_cancelled());
        assert!(!followed.stop(call), "it knows");
        drop(mine);
        assert!(!followed.has(call) && !followed.take(call).unwrap().stopped().is_cancelled());
    }
}
