//! Looking for a person in every table, and taking out what is found. Which table gets what treatment: docs/COMPLIANCE.md.
//!
//! Large tables are walked by their ids, a portion at a time: a number stands in no index of theirs, for nobody else looks for it.

use chrono::{DateTime, Utc};
use ringfleet_core::{LeadId, SuppressionId};
use serde::Serialize;
use uuid::Uuid;

use crate::{
    Address, LOOKED_AT, Result, Timestamp, Tx,
    record::record,
    rows::{self, hex},
    tx::{all, exec, on, scalar},
};

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
pub(crate) use end_of_portion;

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

    /// Holds these calls until this transaction ends.
    pub async fn hold_calls(&mut self, calls: &[Uuid]) -> Result<()> {
        let _: Vec<Uuid> = on!(
            self,
            query_scalar::<Uuid>,
            "SELECT id FROM calls WHERE id IN (SELECT id FROM ROWS($1, id uuid) AS r) ORDER BY id FOR NO KEY UPDATE",
            (rows::ids(calls.iter().copied())?),
            fetch_all
        )?;
        Ok(())
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
