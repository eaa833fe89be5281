use std::{collections::HashSet, sync::Arc};

use parking_lot::Mutex;
use ringfleet_core::CallId;

/// The calls that some task of this process looks after, from before they are begun until they are settled.
#[derive(Clone, Default)]
pub(crate) struct Followed(Arc<Mutex<HashSet<CallId>>>);

/// Looks after one call; dropping it stops that.
pub(crate) struct Mine {
    call: CallId,
    followed: Followed,
}

impl Followed {
    /// Begins to look after a call; none when another task of this process does.
    pub(crate) fn take(&self, call: CallId) -> Option<Mine> {
        self.0.lock().insert(call).then(|| Mine { call, followed: self.clone() })
    }

    pub(crate) fn has(&self, call: CallId) -> bool {
        self.0.lock().contains(&call)
    }
}

impl Drop for Mine {
    fn drop(&mut self) {
        self.followed.0.lock().remove(&self.call);
    }
}
