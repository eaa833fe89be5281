//! Which calls this process looks after, and whether it may have lost one.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use ringfleet_core::{CallId, clock::Stopwatch};
use tokio_util::sync::CancellationToken;

/// How often lost calls are looked for although nobody knows of any: an answer of the database that comes late, or never, hides some.
const IN_ANY_CASE: Duration = Duration::from_secs(60);

/// The calls that some task of this process looks after, from before they are begun until they are settled.
#[derive(Clone, Default)]
pub(crate) struct Followed {
    calls: Arc<Mutex<HashMap<CallId, CancellationToken>>>,
    losses: Arc<Mutex<Losses>>,
}

/// How often a call that may be open has been let go of, how many of those times have been looked into, and when that was.
#[derive(Default)]
struct Losses {
    lost: u64,
    found: u64,
    looked: Option<Stopwatch>,
}

/// Looks after one call; dropping it stops that.
pub(crate) struct Mine {
    call: CallId,
    followed: Followed,
    stopped: CancellationToken,
    /// The database may say that this worker has it.
    open: bool,
}

impl Followed {
    /// Begins to look after a call; none when another task of this process does.
    pub(crate) fn take(&self, call: CallId) -> Option<Mine> {
        let stopped = CancellationToken::new();
        match self.calls.lock().entry(call) {
            Entry::Occupied(_) => return None,
            Entry::Vacant(place) => drop(place.insert(stopped.clone())),
        }
        Some(Mine { call, followed: self.clone(), stopped, open: false })
    }

    pub(crate) fn has(&self, call: CallId) -> bool {
        self.calls.lock().contains_key(&call)
    }

    /// Notes that there may be calls that the database says this worker has, and that no task looks after.
    pub(crate) fn lost_one(&self) {
        self.losses.lock().lost += 1;
    }

    /// There may be such calls, or nobody has looked for a minute. Whoever has looked for them says so, with what this has given
    /// ([`Followed::found`]).
    pub(crate) fn lost(&self) -> Option<u64> {
        let Losses { lost, found, looked } = &*self.losses.lock();
        let is_time = looked.is_none_or(|looked| looked.elapsed() >= IN_ANY_CASE);
        (lost != found || is_time).then_some(*lost)
    }

    /// Those that were lost up to then have been found.
    pub(crate) fn found(&self, lost: u64) {
        let mut losses = self.losses.lock();
        (losses.found, losses.looked) = (lost, Some(Stopwatch::start()));
    }

    /// Tells the task that looks after this call to hang up: its campaign was stopped. True when it had not been told before.
    pub(crate) fn stop(&self, call: CallId) -> bool {
        let told = self.calls.lock().get(&call).cloned();
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

    /// From now on the database may say that this worker has it: say so before it can.
    pub(crate) fn opens(&mut self) {
        self.open = true;
    }

    /// The database says that it is settled, or another's.
    pub(crate) fn settled(&mut self) {
        self.open = false;
    }
}

impl Drop for Mine {
    fn drop(&mut self) {
        self.followed.calls.lock().remove(&self.call);
        // In this order: whoever looks after it has been told does not find it followed any more.
        if self.open {
            self.followed.lost_one();
        }
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
        assert_eq!(followed.lost(), Some(0), "nobody has looked yet");
        followed.found(0);
        assert_eq!(followed.lost(), None, "it never was open");
        assert!(!followed.has(call) && !followed.take(call).unwrap().stopped().is_cancelled());
    }

    #[test]
    fn a_call_that_may_be_open_is_not_let_go_of_unnoticed() {
        let (followed, call) = (Followed::default(), CallId::new(SystemClock.now()));
        followed.found(0);
        let mut mine = followed.take(call).unwrap();
        mine.opens();
        assert_eq!(followed.lost(), None, "it is looked after");
        drop(mine);
        assert_eq!([followed.lost(), followed.lost()], [Some(1); 2], "told until it is found");
        followed.lost_one();
        followed.found(1);
        assert_eq!(followed.lost(), Some(2), "another one meanwhile");
        followed.found(2);
        let mut mine = followed.take(call).unwrap();
        mine.opens();
        mine.settled();
        drop(mine);
        assert_eq!(followed.lost(), None);
    }
}
