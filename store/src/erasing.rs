//! Looking for a person in every table, and taking out what is found. Which table gets what treatment: docs/COMPLIANCE.md.
//!
//! Large tables are walked by their ids, a portion at a time: a number stands in no index of theirs, for nobody else looks for it.

use chrono::{DateTime, Utc};
use ringfleet_core::{LeadId, SuppressionId, WorkspaceId, erasure::Spelled};
use serde::Serialize;
use serde_json::Value;
use sqlx::types::Json;
use uuid::Uuid;

use crate::{
    Address, LOOKED_AT, Result, Timestamp, Tx,
    delivery_log::around,
    record::record,
    rows::{self, hex},
    text::holds,
    tx::{all, exec, on, scalar},
};

/// What the detail of an entry of the audit log becomes.
fn blank() -> Value {
    serde_json::json!({ "erased": true })
}

record! {
    /// A recipient that is to be forgotten.
    pub struct Forgettable {
        /// Its id.
        pub id: Uuid,
        /// Of which campaign.
        pub campaign_id: Uuid,
        /// Whether it still waits to be called.
        pub waits: bool,
        /// The reason of its last attempt.
        pub last_reason: Option<String>,
    }
}

record! {
    /// A call that is to be forgotten.
    pub struct ForgettableCall {
        /// Its id.
        pub id: Uuid,
        /// Why it ended as it did.
        pub reason: Option<String>,
    }
}

record! {
    /// What an event tells.
    pub struct EventBody {
        /// Its id.
        pub id: Uuid,
        /// All of it.
        pub body: String,
    }
}

record! {
    /// An answer that was kept for an Idempotency-Key.
    pub struct KeptBody {
        /// The key.
        pub key: String,
        /// The body, as it is kept.
        pub answer: Vec<u8>,
    }
}

/// What stands under a number itself and is deleted with it.
#[derive(Debug, Default)]
pub struct UnderNumber {
    /// Leads.
    pub leads: Vec<LeadId>,
    /// Entries of suppression lists.
    pub suppressions: Vec<SuppressionId>,
    /// When the person has written.
    pub replies: Vec<DateTime<Utc>>,
    /// Messages that were sent.
    pub messages: u64,
    /// The note of the last calls.
    pub contacts: u64,
}

/// Where a portion of a walk ends: at the row that is [`LOOKED_AT`] rows behind `$after`; none where fewer are left.
macro_rules! end_of_portion {
    ($tx:expr, $sql:literal, ($($bind:expr),*)) => {{
        $tx.in_order(true).await?;
        let end: Option<Uuid> =
            scalar!($tx, Uuid, concat!($sql, " ORDER BY id LIMIT 1 OFFSET $1"), i64::from(LOOKED_AT) - 1 $(, $bind)*)?;
        $tx.in_order(false).await?;
        end
    }};
}

impl Tx {
    /// Deletes what stands under a number itself.
    pub async fn erase_under_number(&mut self, who: Address) -> Result<UnderNumber> {
        let (workspace, number) = (who.workspace, who.number as i64);
        let leads: Vec<Uuid> = on!(
            self,
            query_scalar::<Uuid>,
            "DELETE FROM leads WHERE workspace_id = $1 AND number = $2 RETURNING id",
            (workspace, number),
            fetch_all
        )?;
        let suppressions: Vec<Uuid> = on!(
            self,
            query_scalar::<Uuid>,
            "DELETE FROM suppressions WHERE workspace_id = $1 AND number = $2 RETURNING id",
            (workspace, number),
            fetch_all
        )?;
        let replies: Vec<Timestamp> = on!(
            self,
            query_scalar::<Timestamp>,
            "DELETE FROM replies WHERE workspace_id = $1 AND number = $2 RETURNING received_at",
            (workspace, number),
            fetch_all
        )?;
        Ok(UnderNumber {
            leads: leads.into_iter().map(LeadId::from).collect(),
            suppressions: suppressions.into_iter().map(SuppressionId::from).collect(),
            replies: replies.into_iter().map(|at| at.0).collect(),
            messages: exec!(
                self,
                "DELETE FROM messages WHERE workspace_id = $1 AND number = $2",
                workspace,
                number
            )?,
            contacts: exec!(
                self,
                "DELETE FROM contacts WHERE workspace_id = $1 AND number = $2",
                workspace,
                number
            )?,
        })
    }

    /// Up to `limit` recipients with this number, in any campaign of the workspace; those that are being called are left out.
    pub async fn recipients_to_forget(&mut self, who: Address, limit: u32) -> Result<Vec<Forgettable>> {
        all!(
            self,
            Forgettable,
            "SELECT r.id, r.campaign_id, r.waiting AS waits, r.last_reason FROM campaigns p
             JOIN recipients r ON r.campaign_id = p.id AND r.number = $2
             WHERE p.workspace_id = $1 AND r.state IN ('PENDING', 'DONE') ORDER BY r.campaign_id LIMIT $3",
            who.workspace,
            who.number as i64,
            i64::from(limit)
        )
    }

    /// Those of them that are not being called meanwhile, held until this transaction ends.
    pub async fn hold_to_forget(&mut self, found: &[Forgettable]) -> Result<Vec<Forgettable>> {
        all!(
            self,
            Forgettable,
            "SELECT id, campaign_id, waiting AS waits, last_reason FROM recipients
             WHERE id IN (SELECT id FROM ROWS($1, id uuid) AS r) AND state IN ('PENDING', 'DONE') ORDER BY id FOR UPDATE",
            rows::ids(found.iter().map(|one| one.id))?
        )
    }

    /// Forgets who these recipients were. In place of the number each gets one of its own that nobody has, for a campaign has none twice.
    pub async fn forget_recipients(&mut self, forgotten: &[Forgettable]) -> Result<()> {
        #[derive(Serialize)]
        struct Row<'a> {
            #[serde(serialize_with = "hex")]
            id: Uuid,
            number: i64,
            reason: Option<&'a str>,
        }
        exec!(
            self,
            "UPDATE recipients SET number = r.number, variables = '{}', timezone = NULL, last_reason = r.reason
             FROM ROWS($1, id uuid, number int, reason text) AS r WHERE recipients.id = r.id",
            rows::rows(forgotten.iter().map(|one| Row {
                id: one.id,
                number: nobodys(one.id),
                reason: one.last_reason.as_deref().filter(|reason| is_code(reason)),
            }))?
        )?;
        Ok(())
    }

    /// Of the next portion of the workspace's calls behind `after`, those with this number that are over; and where the portion ends.
    pub async fn calls_to_forget(
        &mut self,
        who: Address,
        after: Uuid,
    ) -> Result<(Vec<ForgettableCall>, Option<Uuid>)> {
        let end = end_of_portion!(
            self,
            "SELECT id FROM calls WHERE workspace_id = $2 AND id > $3",
            (who.workspace, after)
        );
        let found = all!(
            self,
            ForgettableCall,
            "SELECT id, reason FROM calls WHERE workspace_id = $1 AND id > $2 AND id <= $3 AND number = $4 AND NOT open",
            who.workspace,
            after,
            end.unwrap_or(Uuid::max()),
            who.number as i64
        )?;
        Ok((found, end))
    }

    /// Forgets who these calls were to, and what came of them beside how they ended. Gives how many transcripts and recordings were deleted; the
    /// recordings' files have to be gone before.
    pub async fn forget_calls(&mut self, forgotten: &[ForgettableCall]) -> Result<(u64, u64)> {
        #[derive(Serialize)]
        struct Row<'a> {
            #[serde(serialize_with = "hex")]
            id: Uuid,
            reason: Option<&'a str>,
        }
        let ids = rows::ids(forgotten.iter().map(|call| call.id))?;
        exec!(
            self,
            "UPDATE calls SET number = 0, variables = '{}', metadata = '{}', heard = NULL, resume = NULL, reason = r.reason
             FROM ROWS($1, id uuid, reason text) AS r WHERE calls.id = r.id",
            rows::rows(forgotten.iter().map(|call| Row {
                id: call.id,
                reason: call.reason.as_deref().filter(|reason| is_code(reason)),
            }))?
        )?;
        let transcripts = exec!(
            self,
            "DELETE FROM transcripts WHERE call_id IN (SELECT id FROM ROWS($1, id uuid) AS r)",
            ids.clone()
        )?;
        let recordings = exec!(
            self,
            "DELETE FROM recordings WHERE call_id IN (SELECT id FROM ROWS($1, id uuid) AS r)",
            ids
        )?;
        Ok((transcripts, recordings))
    }

    /// The workspace's of the next portion of events behind `after`; and where the portion ends.
    pub async fn events_behind(
        &mut self,
        workspace: WorkspaceId,
        after: Uuid,
    ) -> Result<(Vec<EventBody>, Option<Uuid>)> {
        let end = end_of_portion!(self, "SELECT id FROM events WHERE id > $2", (after));
        let found = all!(
            self,
            EventBody,
            "SELECT id, body FROM events WHERE id > $1 AND id <= $2 AND workspace_id = $3",
            after,
            end.unwrap_or(Uuid::max()),
            workspace.uuid()
        )?;
        Ok((found, end))
    }

    /// Deletes an event with its deliveries and the requests made for them; gives how many deliveries. None while one of them is on its way.
    pub async fn delete_event(&mut self, event: Uuid, now: DateTime<Utc>) -> Result<Option<u64>> {
        record! {
            pub struct OnItsWay {
                pub id: Uuid,
                pub is_leased: bool,
            }
        }
        let (from, until) = around(event, event);
        let deliveries = all!(
            self,
            OnItsWay,
            "SELECT id, coalesce(state = 'PENDING' AND leased_until > $4, false) AS is_leased FROM deliveries
             WHERE id >= $2 AND id < $3 AND event_id = $1 ORDER BY id FOR UPDATE",
            event,
            from,
            until,
            Timestamp(now)
        )?;
        if deliveries.iter().any(|one| one.is_leased) {
            return Ok(None);
        }
        let ids = rows::ids(deliveries.iter().map(|one| one.id))?;
        exec!(
            self,
            "DELETE FROM delivery_attempts WHERE delivery_id IN (SELECT id FROM ROWS($1, id uuid) AS r)",
            ids.clone()
        )?;
        let deleted =
            exec!(self, "DELETE FROM deliveries WHERE id IN (SELECT id FROM ROWS($1, id uuid) AS r)", ids)?;
        exec!(self, "DELETE FROM events WHERE id = $1", event)?;
        Ok(Some(deleted))
    }

    /// When the oldest request was made that is still known.
    pub async fn oldest_attempt(&mut self) -> Result<Option<DateTime<Utc>>> {
        let oldest: Option<Option<Timestamp>> =
            scalar!(self, Option<Timestamp>, "SELECT min(at) FROM delivery_attempts")?;
        Ok(oldest.flatten().map(|at| at.0))
    }

    /// Empties what endpoints of the workspace said from `from` on, before `until`, where it names the number. Gives how many answers.
    pub async fn forget_said(
        &mut self,
        who: Address,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<u64> {
        exec!(
            self,
            "UPDATE delivery_attempts SET answer = NULL, error = NULL WHERE at >= $1 AND at < $2 AND (answer LIKE $3 OR error LIKE $3)
                AND delivery_id IN (SELECT id FROM deliveries WHERE workspace_id = $4)",
            Timestamp(from),
            Timestamp(until),
            holds(&who.number.to_string()).as_str(),
            who.workspace
        )
    }

    /// Empties the details of changes to these things, ids as the API shows them. Gives how many.
    pub async fn forget_details_of(&mut self, workspace: WorkspaceId, targets: &[String]) -> Result<u64> {
        #[derive(Serialize)]
        struct Row<'a> {
            id: &'a str,
        }
        exec!(
            self,
            "UPDATE audit_log SET detail = $3 WHERE workspace_id = $2 AND target_id IN (SELECT id FROM ROWS($1, id text) AS r)
                AND CAST(detail AS text) <> '{}' AND CAST(detail AS text) NOT LIKE '{\"erased\":%'",
            rows::rows(targets.iter().map(|id| Row { id }))?,
            workspace.uuid(),
            Json(blank())
        )
    }

    /// Empties the details that name the number, of the next portion of the workspace's changes behind `after`. Gives how many, and where the
    /// portion ends.
    pub async fn forget_details(&mut self, who: Address, after: Uuid) -> Result<(u64, Option<Uuid>)> {
        let end = end_of_portion!(
            self,
            "SELECT id FROM audit_log WHERE workspace_id = $2 AND id > $3",
            (who.workspace, after)
        );
        let changed = exec!(
            self,
            "UPDATE audit_log SET detail = $5 WHERE workspace_id = $1 AND id > $2 AND id <= $3 AND CAST(detail AS text) LIKE $4",
            who.workspace,
            after,
            end.unwrap_or(Uuid::max()),
            holds(&who.number.to_string()).as_str(),
            Json(blank())
        )?;
        Ok((changed, end))
    }

    /// Empties the values of rejected rows of the workspace's imports and uploads that are this number. Gives how many.
    pub async fn forget_rejects(&mut self, workspace: WorkspaceId, spelled: &Spelled) -> Result<u64> {
        let national = holds(spelled.national());
        let of_imports = exec!(
            self,
            "UPDATE import_rejects SET value = '' WHERE import_id IN (SELECT id FROM imports WHERE workspace_id = $1)
                AND BARE(value) LIKE $2",
            workspace.uuid(),
            national.as_str()
        )?;
        let of_uploads = exec!(
            self,
            "UPDATE upload_rejects SET value = '' WHERE upload_id IN (SELECT id FROM uploads WHERE workspace_id = $1)
                AND BARE(value) LIKE $2",
            workspace.uuid(),
            national.as_str()
        )?;
        Ok(of_imports + of_uploads)
    }

    /// The ids of the workspace's uploads.
    pub async fn upload_ids(&mut self, workspace: WorkspaceId) -> Result<Vec<Uuid>> {
        on!(
            self,
            query_scalar::<Uuid>,
            "SELECT id FROM uploads WHERE workspace_id = $1 ORDER BY id",
            (workspace.uuid()),
            fetch_all
        )
    }

    /// A page of the answers that are kept for requests of the workspace, by their keys.
    pub async fn kept_bodies(
        &mut self,
        workspace: WorkspaceId,
        after: &str,
        limit: u32,
    ) -> Result<Vec<KeptBody>> {
        all!(
            self,
            KeptBody,
            "SELECT key, answer FROM request_keys WHERE workspace_id = $1 AND key > $2 AND answer IS NOT NULL ORDER BY key LIMIT $3",
            workspace.uuid(),
            after,
            i64::from(limit)
        )
    }

    /// Empties the answer that is kept for a key: it is not given again, and the request not carried out again.
    pub async fn forget_kept_body(&mut self, workspace: WorkspaceId, key: &str) -> Result<u64> {
        let nothing: &[u8] = &[];
        exec!(
            self,
            "UPDATE request_keys SET answer = $3 WHERE workspace_id = $1 AND key = $2 AND answer IS NOT NULL",
            workspace.uuid(),
            key,
            nothing
        )
    }
}

/// A number below zero, of the random bits of an id: two recipients of a campaign do not get the same one.
fn nobodys(id: Uuid) -> i64 {
    const RANDOM: u128 = (1 << 62) - 1;
    -((id.as_u128() & RANDOM) as i64) - 1
}

/// Whether a reason is one of our words, such as `ring_timeout`, and not those of a carrier, in which anything may stand.
fn is_code(reason: &str) -> bool {
    reason.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}
