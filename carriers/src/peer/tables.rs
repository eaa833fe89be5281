//! What the peer remembers: transactions, dialogs, and how often each Call-ID has called. Everything expires.

use std::{
    collections::{HashMap, VecDeque},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use tokio::{sync::mpsc, time::Instant};

use super::request::{Request, TransactionKey};

/// How long something that is over is remembered, to answer retransmissions: 64·T1 (RFC 3261 §17, timers B, F, H, J).
pub(super) const REMEMBER: Duration = Duration::from_secs(32);

/// What reaches a call from outside.
#[derive(Debug)]
pub(super) enum Event {
    /// The INVITE came once more.
    Again,
    /// Our final response has been acknowledged; the body may be the answer to an offer of ours.
    Ack(Vec<u8>),
    /// The caller no longer wants the call; already answered.
    Cancel,
    /// The caller hung up; already answered.
    Bye,
    /// An INVITE within the dialog.
    Reinvite(Box<Request>),
    /// A final response to our BYE.
    Response,
}

/// The way to a call.
pub(super) type Line = mpsc::Sender<Event>;

/// What a repeated request meets.
#[derive(Debug, Clone)]
pub(super) enum Transaction {
    /// A call still works on it.
    Call(Line),
    /// It has had this response, sent there.
    Done(Arc<[u8]>, SocketAddr),
}

/// A dialog as the peer sees it: the Call-ID and its own tag (RFC 3261 §12).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct DialogKey {
    pub call_id: String,
    pub tag: String,
}

#[derive(Debug, Default)]
struct Invites {
    count: u32,
    remembered: u32,
}

#[derive(Debug)]
enum Forget {
    Transaction(TransactionKey),
    Invite(String),
}

/// All the tables; held under one lock, for moments only.
#[derive(Debug, Default)]
pub(super) struct Tables {
    transactions: HashMap<TransactionKey, Transaction>,
    dialogs: HashMap<DialogKey, Line>,
    /// Our own requests, by branch.
    requests: HashMap<String, Line>,
    invites: HashMap<String, Invites>,
    /// In the order of time, because everything is remembered equally long.
    forget: VecDeque<(Instant, Forget)>,
}

impl Tables {
    pub fn transaction(&self, key: &TransactionKey) -> Option<&Transaction> {
        self.transactions.get(key)
    }

    pub fn dialog(&self, key: &DialogKey) -> Option<&Line> {
        self.dialogs.get(key)
    }

    pub fn request(&self, branch: &str) -> Option<&Line> {
        self.requests.get(branch)
    }

    /// Counts an INVITE that belongs to no dialog and repeats no other.
    pub fn count_invite(&mut self, call_id: &str) {
        let invites = self.invites.entry(call_id.to_owned()).or_default();
        invites.count += 1;
        invites.remembered += 1;
    }

    /// INVITEs seen with this Call-ID.
    pub fn invites(&self, call_id: &str) -> u32 {
        self.invites.get(call_id).map_or(0, |invites| invites.count)
    }

    pub fn begin_call(&mut self, key: TransactionKey, dialog: DialogKey, line: &Line) {
        self.transactions.insert(key, Transaction::Call(line.clone()));
        self.dialogs.insert(dialog, line.clone());
    }

    pub fn begin_request(&mut self, branch: String, line: Line) {
        self.requests.insert(branch, line);
    }

    pub fn end_request(&mut self, branch: &str) {
        self.requests.remove(branch);
    }

    /// The call is over; its INVITE keeps its last response for a while.
    pub fn end_call(&mut self, key: TransactionKey, dialog: DialogKey, last: Arc<[u8]>, sent_to: SocketAddr) {
        self.forget_later(Forget::Invite(dialog.call_id.clone()));
        self.dialogs.remove(&dialog);
        self.done(key, last, sent_to);
    }

    /// The INVITE was refused without becoming a call.
    pub fn refused(
        &mut self,
        key: TransactionKey,
        call_id: String,
        response: Arc<[u8]>,
        sent_to: SocketAddr,
    ) {
        self.forget_later(Forget::Invite(call_id));
        self.done(key, response, sent_to);
    }

    /// The request has had its response.
    pub fn done(&mut self, key: TransactionKey, response: Arc<[u8]>, sent_to: SocketAddr) {
        self.forget_later(Forget::Transaction(key.clone()));
        self.transactions.insert(key, Transaction::Done(response, sent_to));
    }

    fn forget_later(&mut self, what: Forget) {
        self.forget.push_back((Instant::now() + REMEMBER, what));
    }

    /// Drops what has been remembered long enough.
    pub fn expire(&mut self, now: Instant) {
        while self.forget.front().is_some_and(|(due, _)| *due <= now) {
            match self.forget.pop_front() {
                Some((_, Forget::Transaction(key))) => {
                    self.transactions.remove(&key);
                }
                Some((_, Forget::Invite(call_id))) => self.forget_invite(&call_id),
                None => return,
            }
        }
    }

    fn forget_invite(&mut self, call_id: &str) {
        if let Some(invites) = self.invites.get_mut(call_id) {
            invites.remembered -= 1;
            if invites.remembered == 0 {
                self.invites.remove(call_id);
            }
        }
    }

    /// Everything remembered, for tests of memory.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.transactions.len()
            + self.dialogs.len()
            + self.requests.len()
            + self.invites.len()
            + self.forget.len()
    }
}
