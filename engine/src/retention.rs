//! What is forgotten after its days: each kind by itself, in portions that hold nobody up. What is still open stays, and so do figures, which
//! are kept and not counted.

use std::time::Duration;

use chrono::{DateTime, Utc};
use ringfleet_core::{CallId, Clock, WorkspaceId, caps::Stamp};
use ringfleet_store::{Address, Contact, Looked};
use uuid::Uuid;

use crate::{Engine, Result};

/// Rows that are looked at, or forgotten, in one transaction.
const AT_ONCE: u32 = 1_000;

/// So far back the caps of calls to a number look: see `maxPer7d`.
const CAPS_LOOK_BACK_DAYS: u32 = 7;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// For how many days each kind of thing is kept; for ever where nothing is said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Keep {
    /// Calls and messages that are over, with what stands under their ids. The note of the last calls to a number is kept for longer where a campaign's
    /// `dupeDays` asks for it, and for a week in any case.
    pub calls: Option<u32>,
    /// Recipients of campaigns that are over. They stay as long as one of their calls is known.
    pub recipients: Option<u32>,
    /// Transcripts.
    pub transcripts: Option<u32>,
    /// What people have written.
    pub replies: Option<u32>,
    /// Rejected rows of imports.
    pub rejects: Option<u32>,
    /// Uploads, which are forgotten after a week in any case.
    pub uploads: Option<u32>,
    /// The audit log.
    pub audit_log: Option<u32>,
}

/// Rows that nothing else depends on.
#[derive(Clone, Copy)]
enum Rows {
    Transcripts,
    Replies,
    Rejects,
    Uploads,
    Changes(WorkspaceId),
}

/// What became of one kind.
pub type Forgotten = (&'static str, Result<u64>);

impl Engine {
    /// Forgets everything whose days are over. Says for each kind how many, or why not: one that fails keeps no other from being forgotten.
    pub async fn forget_old(&self, keep: &Keep) -> Vec<Forgotten> {
        let now = Clock::now(self.clock());
        let before = |days: u32| now - DAY * days;
        let mut forgotten: Vec<Forgotten> = Vec::new();
        if let Some(before) = keep.calls.map(before) {
            forgotten.push(("calls", self.forget_calls(before).await));
        }
        if let Some(days) = keep.calls {
            forgotten.push(("contacts", self.forget_contacts(now, days).await));
        }
        if let Some(before) = keep.recipients.map(before) {
            forgotten.push(("recipients", self.forget_recipients(before).await));
        }
        if let Some(before) = keep.transcripts.map(before) {
            forgotten.push(("transcripts", self.until_none(Rows::Transcripts, before).await));
        }
        if let Some(before) = keep.replies.map(before) {
            forgotten.push(("replies", self.until_none(Rows::Replies, before).await));
        }
        if let Some(before) = keep.rejects.map(before) {
            forgotten.push(("rejected rows", self.until_none(Rows::Rejects, before).await));
        }
        if let Some(before) = keep.uploads.map(before) {
            forgotten.push(("uploads", self.until_none(Rows::Uploads, before).await));
        }
        if let Some(before) = keep.audit_log.map(before) {
            forgotten.push(("changes", self.forget_changes(before).await));
        }
        forgotten
    }

    /// Does a portion after the other until one has forgotten nothing.
    async fn until_none(&self, rows: Rows, before: DateTime<Utc>) -> Result<u64> {
        let mut forgotten = 0;
        loop {
            let mut tx = self.store().write().await?;
            let more = match rows {
                Rows::Transcripts => tx.forget_transcripts(before, AT_ONCE).await?,
                Rows::Replies => tx.forget_replies(before, AT_ONCE).await?,
                Rows::Rejects => tx.forget_old_rejects(before, AT_ONCE).await?,
                Rows::Uploads => tx.end_old_uploads(before, Clock::now(self.clock())).await?,
                Rows::Changes(workspace) => tx.forget_changes(workspace, before, AT_ONCE).await?,
            };
            tx.commit().await?;
            if more == 0 {
                return Ok(forgotten);
            }
            forgotten += more;
        }
    }

    async fn forget_calls(&self, before: DateTime<Utc>) -> Result<u64> {
        let (mut forgotten, mut after) = (0, Uuid::nil());
        loop {
            let mut tx = self.store().read().await?;
            let looked = tx.old_calls(before, after, AT_ONCE).await?;
            let Some(last) = looked.last() else { return Ok(forgotten) };
            after = last.id;
            let old = those_that_may(&looked);
            let recorded = tx.recorded_of(&old).await?;
            tx.commit().await?;
            // Their files first: what stops in between is done again.
            for call in recorded {
                self.forget_blob(CallId::from(call)).await?;
            }
            if !old.is_empty() {
                let mut tx = self.store().write().await?;
                forgotten += tx.delete_old_calls(&old).await?;
                tx.commit().await?;
            }
        }
    }

    async fn forget_recipients(&self, before: DateTime<Utc>) -> Result<u64> {
        let (mut forgotten, mut after) = (0, Uuid::nil());
        loop {
            let mut tx = self.store().read().await?;
            let looked = tx.old_recipients(before, after, AT_ONCE).await?;
            tx.commit().await?;
            let Some(last) = looked.last() else { return Ok(forgotten) };
            after = last.id;
            let old = those_that_may(&looked);
            if !old.is_empty() {
                let mut tx = self.store().write().await?;
                forgotten += tx.delete_old_recipients(&old).await?;
                tx.commit().await?;
            }
        }
    }

    /// The notes by which caps and gaps are kept, as soon as no older call counts under any: not before the longest gap of any campaign is over.
    async fn forget_contacts(&self, now: DateTime<Utc>, days: u32) -> Result<u64> {
        let mut tx = self.store().read().await?;
        let longest = tx.longest_gap_days().await?;
        tx.commit().await?;
        let before = (now - DAY * days.max(longest).max(CAPS_LOOK_BACK_DAYS)).timestamp_millis();
        let is_old = |calls: &[Stamp]| calls.iter().all(|stamp| stamp.at < before);
        let old = |notes: &[Contact]| -> Vec<Address> {
            notes.iter().filter(|one| is_old(one.calls.calls())).map(Contact::address).collect()
        };
        let (mut forgotten, mut after) = (0, Address { workspace: Uuid::nil(), number: 0 });
        loop {
            let mut tx = self.store().read().await?;
            let looked = tx.contacts_behind(after, AT_ONCE).await?;
            tx.commit().await?;
            let Some(last) = looked.last() else { return Ok(forgotten) };
            after = last.address();
            let found = old(&looked);
            if found.is_empty() {
                continue;
            }
            // Who is called meanwhile has a new note.
            let mut tx = self.store().write().await?;
            let held = old(&tx.hold_contacts(&found).await?);
            if !held.is_empty() {
                forgotten += tx.delete_contacts(&held).await?;
            }
            tx.commit().await?;
        }
    }

    async fn forget_changes(&self, before: DateTime<Utc>) -> Result<u64> {
        let mut tx = self.store().read().await?;
        let workspaces = tx.all_workspaces().await?;
        tx.commit().await?;
        let mut forgotten = 0;
        for workspace in workspaces {
            forgotten += self.until_none(Rows::Changes(workspace.into()), before).await?;
        }
        Ok(forgotten)
    }
}

fn those_that_may(looked: &[Looked]) -> Vec<Uuid> {
    looked.iter().filter(|one| one.may).map(|one| one.id).collect()
}
