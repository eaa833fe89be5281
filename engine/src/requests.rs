//! Requests that are carried out once, however often they are sent: the Idempotency-Key of the API.
//!
//! Whoever carries out a request claims its key first, in a transaction of its own. The transaction of the effect turns the claim
//! into the kept answer, and only if the claim is still its own: so of two that carry out the same request, after one was taken for
//! dead, one undoes everything. A claim that comes to nothing is given back; that of a process that was killed runs out.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use chrono::TimeDelta;
use ringfleet_core::{AuditId, Clock, WorkspaceId};
use ringfleet_fleet::SLOTS_LAST;
use ringfleet_store::{KeptRequest, RequestKey, Store, Tx};
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::{Engine, EngineError, KeptAnswer, Result};

/// How long an answer is given again.
pub const ANSWERS_LAST: TimeDelta = TimeDelta::hours(24);
/// A claim that is this old has lost its process. Longer than the API's limit for a request (30 s).
const LEASE: Duration = Duration::from_secs(40);
/// The same for requests that take as long as their upload does, and whose claim is renewed.
const RENEWED_LEASE: Duration = Duration::from_secs(15);
/// How often it is.
const RENEWED: Duration = Duration::from_secs(3);
/// One that waits for its twin looks after so long first, and the longer it waits the less often.
const FIRST_LOOK: Duration = Duration::from_millis(10);
const LAST_LOOK: Duration = Duration::from_millis(200);
/// How often it tries whether the claim of its twin has run out.
const CLAIMS_AGAIN: Duration = Duration::from_secs(1);
/// Records that are forgotten in one transaction.
const PORTION: u32 = 1_000;

/// The status of answers that have no body.
const NO_CONTENT: u16 = 204;

/// SHA-256 of what a request asks for.
pub type Fingerprint = [u8; 32];

/// What tells one request from another.
#[derive(Clone)]
pub struct Asked {
    /// Of its method and path with query.
    pub target: Fingerprint,
    /// Of these and the body.
    pub whole: Whole,
}

/// The fingerprint of all of a request.
#[derive(Clone)]
pub enum Whole {
    /// It has been read.
    Known(Fingerprint),
    /// Its body is read while it is carried out; told at the end.
    AtItsEnd(Arc<dyn Fn() -> Fingerprint + Send + Sync>),
}

impl Asked {
    fn known(&self) -> Option<&Fingerprint> {
        match &self.whole {
            Whole::Known(fingerprint) => Some(fingerprint),
            Whole::AtItsEnd(_) => None,
        }
    }

    /// Of all of it; of a body that is still being read, of what was read.
    pub fn fingerprint(&self) -> Fingerprint {
        match &self.whole {
            Whole::Known(fingerprint) => *fingerprint,
            Whole::AtItsEnd(tell) => tell(),
        }
    }

    /// Whether what is kept may be the same request, as far as both are known.
    fn may_be(&self, kept: &KeptRequest) -> bool {
        let same = |kept: &Vec<u8>, mine: &Fingerprint| kept.as_slice() == mine.as_slice();
        let both = kept.fingerprint.as_ref().zip(self.known());
        same(&kept.target, &self.target) && both.is_none_or(|(kept, mine)| same(kept, mine))
    }
}

/// What becomes of a request with a key.
pub enum Claimed {
    /// It is to be carried out.
    Mine(Arc<Claim>),
    /// It has been; where its body was not read yet, the fingerprint says whether it was this one.
    Answered(KeptAnswer, Vec<u8>),
    /// The key was used for another one.
    Differs,
    /// It is being carried out still.
    Busy,
    /// It has been carried out, and nobody can read its answer: the key that it was sealed with is there no more, or it named somebody who
    /// has been erased.
    Unreadable,
}

/// A request that is being carried out. Given back when the last who knows of it has let go of it and nothing was kept.
pub struct Claim {
    store: Store,
    key: RequestKey,
    asked: Asked,
    is_lost: AtomicBool,
    is_kept: AtomicBool,
}

impl Claim {
    /// Whose request it is.
    pub fn workspace(&self) -> WorkspaceId {
        self.key.workspace
    }

    /// Whether the request is another's meanwhile.
    pub fn is_lost(&self) -> bool {
        self.is_lost.load(Ordering::Relaxed)
    }

    /// Whether its answer is known to be kept.
    pub fn is_kept(&self) -> bool {
        self.is_kept.load(Ordering::Relaxed)
    }

    /// The transaction that has kept the answer is known to have been committed.
    pub fn kept(&self) {
        self.is_kept.store(true, Ordering::Relaxed);
    }

    /// Keeps the answer in the transaction of the effect.
    pub(crate) async fn finish(&self, tx: &mut Tx, answer: &KeptAnswer) -> Result<()> {
        let KeptAnswer { status, headers, body } = answer;
        let fingerprint = self.asked.fingerprint();
        match tx.finish_request_key(&self.key, &fingerprint, *status, &json!(headers), body).await? {
            true => Ok(()),
            false => {
                self.is_lost.store(true, Ordering::Relaxed);
                Err(EngineError::ClaimLost)
            }
        }
    }

    /// Keeps an answer that had no effect.
    pub async fn refuse(&self, answer: &KeptAnswer) -> Result<()> {
        let mut tx = self.store.write().await?;
        self.finish(&mut tx, answer).await?;
        tx.commit().await?;
        self.kept();
        Ok(())
    }

    /// Renews the claim as long as somebody has it: for requests that take as long as their upload does.
    fn keep_alive(self: &Arc<Self>) {
        let claim = Arc::downgrade(self);
        tokio::spawn(async move {
            loop {
                sleep(RENEWED).await;
                let Some(claim) = claim.upgrade().filter(|claim| !claim.is_kept()) else { return };
                if let Err(error) = claim.renew().await {
                    tracing::warn!(%error, "the claim of a request could not be renewed; it will be tried again");
                }
            }
        });
    }

    async fn renew(&self) -> Result<()> {
        let mut tx = self.store.write().await?;
        let held = tx.renew_request_key(&self.key).await?;
        tx.commit().await?;
        if !held {
            self.is_lost.store(true, Ordering::Relaxed);
        }
        Ok(())
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let (false, Ok(runtime)) = (self.is_kept() || self.is_lost(), tokio::runtime::Handle::try_current())
        else {
            return;
        };
        let (store, key) = (self.store.clone(), self.key.clone());
        runtime.spawn(async move {
            if let Err(error) = give_back(&store, &key).await {
                tracing::warn!(%error, "the claim of a request could not be given back; it runs out by itself");
            }
        });
    }
}

async fn give_back(store: &Store, key: &RequestKey) -> Result<()> {
    let mut tx = store.write().await?;
    tx.release_request_key(key).await?;
    Ok(tx.commit().await?)
}

impl Engine {
    /// Claims a request, or finds what it has come to. While a twin of it is being carried out, waits for it, for `patience`.
    pub async fn claim_request(
        &self,
        workspace: WorkspaceId,
        key: &str,
        asked: Asked,
        patience: Duration,
    ) -> Result<Claimed> {
        let give_up = Instant::now() + patience;
        let (mut tries_again, mut pause) = (Instant::now(), FIRST_LOOK);
        loop {
            if Instant::now() >= tries_again {
                if let Some(claim) = self.try_claim(workspace, key, &asked).await? {
                    return Ok(Claimed::Mine(claim));
                }
                tries_again = Instant::now() + CLAIMS_AGAIN;
            }
            match self.kept_request(workspace, key).await? {
                None => tries_again = Instant::now(), // it has come to nothing
                Some(kept) if !asked.may_be(&kept) => return Ok(Claimed::Differs),
                Some(kept) => {
                    let is_settled = kept.is_settled;
                    if let Some((mut answer, fingerprint)) = answer_of(kept)? {
                        let Ok(body) = self.store().open_answer(workspace, key, &answer.body) else {
                            return Ok(Claimed::Unreadable);
                        };
                        if answer.body.is_empty() && answer.status != NO_CONTENT {
                            return Ok(Claimed::Unreadable);
                        }
                        answer.body = body;
                        if !is_settled {
                            sleep(SLOTS_LAST).await; // a pause is answered when nothing leaves any more
                        }
                        return Ok(Claimed::Answered(answer, fingerprint));
                    }
                }
            }
            if Instant::now() + pause > give_up {
                return Ok(Claimed::Busy);
            }
            sleep(pause).await;
            pause = (pause * 2).min(LAST_LOOK);
        }
    }

    async fn try_claim(
        &self,
        workspace: WorkspaceId,
        key: &str,
        asked: &Asked,
    ) -> Result<Option<Arc<Claim>>> {
        let now = Clock::now(self.clock());
        let key = RequestKey { workspace, key: key.to_owned(), token: AuditId::new(now).uuid() };
        let known = asked.known().map(<[u8; 32]>::as_slice);
        let lease = match asked.whole {
            Whole::Known(_) => LEASE,
            Whole::AtItsEnd(_) => RENEWED_LEASE,
        };
        let mut tx = self.store().write().await?;
        let lease = lease.as_millis() as i64;
        let mine = tx.claim_request_key(&key, &asked.target, known, lease, now - ANSWERS_LAST, now).await?;
        // From here on it is given back, also when nobody knows whether this was committed.
        let claim = mine.then(|| {
            Arc::new(Claim {
                store: self.store().clone(),
                key,
                asked: asked.clone(),
                is_lost: AtomicBool::new(false),
                is_kept: AtomicBool::new(false),
            })
        });
        tx.commit().await?;
        if let (Some(claim), Whole::AtItsEnd(_)) = (&claim, &asked.whole) {
            claim.keep_alive();
        }
        Ok(claim)
    }

    async fn kept_request(&self, workspace: WorkspaceId, key: &str) -> Result<Option<KeptRequest>> {
        let mut tx = self.store().read().await?;
        let kept = tx.request_key(workspace, key, SLOTS_LAST.as_millis() as i64).await?;
        tx.commit().await?;
        Ok(kept)
    }

    /// Forgets answers that are not given again, in portions. Gives how many.
    pub async fn forget_requests(&self) -> Result<u64> {
        let before = Clock::now(self.clock()) - ANSWERS_LAST;
        let mut forgotten = 0;
        loop {
            let mut tx = self.store().write().await?;
            let portion = tx.forget_request_keys(before, PORTION).await?;
            tx.commit().await?;
            forgotten += portion;
            if portion < u64::from(PORTION) {
                return Ok(forgotten);
            }
        }
    }
}

fn answer_of(kept: KeptRequest) -> Result<Option<(KeptAnswer, Vec<u8>)>> {
    let KeptRequest { status, headers, answer, fingerprint, .. } = kept;
    let (Some(status), Some(headers), Some(body), Some(fingerprint)) = (status, headers, answer, fingerprint)
    else {
        return Ok(None);
    };
    let broken = |problem: String| EngineError::Broken(format!("a kept answer cannot be read: {problem}"));
    let headers = serde_json::from_value(headers).map_err(|error| broken(error.to_string()))?;
    let status = u16::try_from(status).map_err(|error| broken(error.to_string()))?;
    Ok(Some((KeptAnswer { status, headers, body }, fingerprint)))
}
