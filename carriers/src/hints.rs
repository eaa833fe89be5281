//! What is heard from outside of calls that are being followed: it can be lost, so nobody relies on hearing it. What a note is worth its carrier knows;
//! one is no news but a wish, to hand the call on.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;
use ringfleet_core::{CallId, transfer::TransferName};
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// Hints kept for a call that is busy: more than a provider has to tell of it while one request lasts.
const KEPT: usize = 32;

/// What begins a hint that is a wish: hand this call on.
const TRANSFER: &str = "transfer:";

/// The note of a hint that asks whoever has a call to hand it on.
pub fn transfer_note(to: &TransferName) -> String {
    format!("{TRANSFER}{to}")
}

/// Where a hint wants a call to be handed on to, if it is that wish.
pub(crate) fn transfer_asked(note: &str) -> Option<TransferName> {
    note.strip_prefix(TRANSFER)?.parse().ok()
}

/// Those who follow a call in this process and want to hear of it. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Hints(Arc<Mutex<HashMap<CallId, Sender<String>>>>);

/// The ear of one call; dropping it closes it.
pub(crate) struct Ear {
    call: CallId,
    hints: Hints,
    heard: Receiver<String>,
}

impl Hints {
    /// Listens for a call, in place of whoever did before.
    pub(crate) fn listen(&self, call: CallId) -> Ear {
        let (tell, heard) = channel(KEPT);
        self.0.lock().insert(call, tell);
        Ear { call, hints: self.clone(), heard }
    }

    /// Tells whoever listens. `note`: how the provider calls it, or what the provider has said, signed. Hints that nobody hears are lost.
    pub fn tell(&self, call: CallId, note: String) {
        if let Some(ear) = self.0.lock().get(&call) {
            drop(ear.try_send(note)); // one that is full has enough to do
        }
    }
}

impl Ear {
    /// The next hint. Safe to be given up half-way.
    pub(crate) async fn next(&mut self) -> String {
        match self.heard.recv().await {
            Some(note) => note,
            None => std::future::pending().await, // somebody else listens now
        }
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        // Closed first: if the one in the map is closed then, it is ours and not that of a later listener.
        self.heard.close();
        let mut ears = self.hints.0.lock();
        if ears.get(&self.call).is_some_and(Sender::is_closed) {
            ears.remove(&self.call);
        }
    }
}

#[cfg(test)]
mod tests {
    use ringfleet_core::{Clock, SystemClock};

    use super::*;

    #[test]
    fn a_wish_is_read_as_it_is_written() {
        let to: TransferName = "sales".parse().unwrap();
        assert_eq!(transfer_asked(&transfer_note(&to)), Some(to));
        assert_eq!([transfer_asked("CA123"), transfer_asked("transfer:a b")], [None, None]);
    }

    #[tokio::test]
    async fn who_listens_hears_and_a_busy_one_is_not_drowned() {
        let (hints, call) = (Hints::default(), CallId::new(SystemClock.now()));
        hints.tell(call, "nobody is there".into());
        let mut ear = hints.listen(call);
        (0..50).for_each(|n| hints.tell(call, n.to_string()));
        assert_eq!(ear.next().await, "0");
        drop(ear);
        assert!(hints.0.lock().is_empty(), "nothing is left behind");
        let (old, mut new) = (hints.listen(call), hints.listen(call));
        drop(old);
        hints.tell(call, "1".into());
        assert_eq!(new.next().await, "1", "an old ear does not close a new one");
    }
}
