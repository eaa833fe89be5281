//! Receipts: what is written beside a change, in its transaction.
//!
//! A change that somebody asks for takes a [`Receipt`] along. Just before it commits, it writes it with what it has come to: an
//! entry of the audit log, and where the request has an Idempotency-Key the very bytes it is answered with. So the change, the
//! entry and the answer are there together or not at all.

use std::sync::Arc;

use parking_lot::Mutex;
use ringfleet_core::{
    Actor, AuditId, CampaignId, Clock, WorkspaceId,
    id::{CampaignKind, Id, Kind},
};
use ringfleet_store::{AuditEntry, Tx};
use serde_json::Value;

use crate::{Engine, Result, requests::Claim};

/// What a change was done to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// What kind of thing.
    pub kind: &'static str,
    /// Its id, as the API shows it.
    pub id: String,
}

impl<K: Kind> From<Id<K>> for Target {
    fn from(id: Id<K>) -> Self {
        Self { kind: K::NAME, id: id.to_string() }
    }
}

/// What a change has come to, in the words of whoever asked for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// The answer to the request; none when nobody waits for one.
    pub answer: Option<KeptAnswer>,
    /// What it was done to.
    pub target: Option<Target>,
    /// What has changed, without secrets: an object.
    pub detail: Value,
}

/// An answer of the API that can be given again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptAnswer {
    /// The status of HTTP.
    pub status: u16,
    /// The headers that belong to it: name and value.
    pub headers: Vec<(String, String)>,
    /// The exact bytes.
    pub body: Vec<u8>,
}

/// Who asks for a change, and as what it is noted.
#[derive(Debug, Clone)]
pub struct Deed {
    /// Whose change it is.
    pub workspace: WorkspaceId,
    /// Who asks.
    pub actor: Actor,
    /// What is done, like `campaign.start`.
    pub action: &'static str,
    /// The request that asks.
    pub request_id: Option<String>,
}

type Tell<T> = Box<dyn Fn(&T) -> Result<Told> + Send + Sync>;

struct Filled<T> {
    id: AuditId,
    deed: Deed,
    claim: Option<Arc<Claim>>,
    tell: Tell<T>,
    answer: Handed,
}

/// Where the answer is left that a receipt was written with.
pub type Handed = Arc<Mutex<Option<KeptAnswer>>>;

/// What goes along with a change that comes to a `T`.
pub struct Receipt<T>(Option<Box<Filled<T>>>);

impl<T> Receipt<T> {
    /// For changes that nobody is named for: by tests and benches.
    pub const fn none() -> Self {
        Self(None)
    }

    /// `tell` says what the change has come to; it is asked once for each try of its transaction. The answer it was written with last is
    /// left in `answer`.
    pub fn new(
        id: AuditId,
        deed: Deed,
        claim: Option<Arc<Claim>>,
        answer: Handed,
        tell: impl Fn(&T) -> Result<Told> + Send + Sync + 'static,
    ) -> Self {
        Self(Some(Box::new(Filled { id, deed, claim, tell: Box::new(tell), answer })))
    }

    /// Writes it: the last thing before the change commits.
    ///
    /// # Errors
    ///
    /// [`crate::EngineError::ClaimLost`] when the request is another's meanwhile: the transaction must not be committed.
    pub async fn write(&self, tx: &mut Tx, done: &T, clock: &dyn Clock) -> Result<()> {
        let Some(filled) = &self.0 else { return Ok(()) };
        let told = filled.note(tx, done, clock).await?;
        if let (Some(claim), Some(answer)) = (&filled.claim, &told.answer) {
            claim.finish(tx, answer).await?;
        }
        *filled.answer.lock() = told.answer;
        Ok(())
    }

    /// Writes into the audit log only: something has changed, and the request is refused all the same.
    pub async fn note(&self, tx: &mut Tx, done: &T, clock: &dyn Clock) -> Result<()> {
        match &self.0 {
            Some(filled) => filled.note(tx, done, clock).await.map(drop),
            None => Ok(()),
        }
    }
}

impl<T> Filled<T> {
    async fn note(&self, tx: &mut Tx, done: &T, clock: &dyn Clock) -> Result<Told> {
        let told = (self.tell)(done)?;
        let Deed { workspace, actor, action, request_id } = &self.deed;
        let target = told.target.clone();
        let entry = AuditEntry {
            id: self.id,
            at: clock.now(),
            actor_kind: actor.kind,
            actor_id: actor.id.clone(),
            actor_name: actor.name.clone(),
            action: (*action).to_owned(),
            target_kind: target.as_ref().map(|target| target.kind.to_owned()),
            target_id: target.map(|target| target.id),
            request_id: request_id.clone(),
            detail: told.detail.clone(),
        };
        tx.insert_audit_entry(*workspace, &entry).await?;
        Ok(told)
    }
}

impl Engine {
    /// Notes a change in a workspace that only the change itself tells: who joins or makes one names none before.
    pub(crate) async fn note(&self, tx: &mut Tx, deed: Deed, target: Target, detail: Value) -> Result<()> {
        let told =
            move |_: &()| Ok(Told { answer: None, target: Some(target.clone()), detail: detail.clone() });
        let id = AuditId::new(Clock::now(self.clock()));
        Receipt::new(id, deed, None, Handed::default(), told).note(tx, &(), self.clock()).await
    }

    /// The receipt of what Ringfleet does to a campaign by itself.
    pub(crate) fn own_receipt<T: 'static>(
        &self,
        workspace: WorkspaceId,
        campaign: CampaignId,
        action: &'static str,
        reason: Option<&str>,
    ) -> Receipt<T> {
        let deed = Deed { workspace, actor: Actor::system(), action, request_id: None };
        let detail = serde_json::json!({ "reason": reason });
        let told = move |_: &T| {
            let target = Some(Id::<CampaignKind>::into(campaign));
            Ok(Told { answer: None, target, detail: detail.clone() })
        };
        Receipt::new(AuditId::new(Clock::now(self.clock())), deed, None, Handed::default(), told)
    }
}
