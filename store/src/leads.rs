use chrono::{DateTime, Utc};
use ringfleet_core::{E164, LeadId, WorkspaceId};
use serde::Serialize;
use serde_json::Value;
use sqlx::types::Json;
use uuid::Uuid;

use crate::{
    Call, Page, Result, Suppression, Timestamp, Tx,
    record::record,
    rows::{self, hex},
    tx::{all, exec, on, one, page},
};

record! {
    /// A person a workspace knows, by the number.
    pub struct Lead {
        /// Its id.
        pub id: LeadId,
        /// The number; one lead of a workspace has it.
        pub number: E164,
        /// The e-mail address.
        pub email: Option<String>,
        /// The time zone (IANA).
        pub timezone: Option<String>,
        /// An object of whatever is known.
        pub attributes: Value,
        /// When it was made.
        pub created_at: DateTime<Utc>,
        /// When it was last changed.
        pub updated_at: DateTime<Utc>,
    }
}

/// A lead to be made, or to be changed where its number is known: what is absent or empty then stays.
#[derive(Debug, Clone, PartialEq)]
pub struct NewLead {
    /// The number.
    pub number: E164,
    /// The e-mail address.
    pub email: Option<String>,
    /// The time zone (IANA).
    pub timezone: Option<String>,
    /// An object of whatever is known.
    pub attributes: Option<Value>,
}

/// Which leads to list.
#[derive(Debug, Clone, Default)]
pub struct LeadFilter {
    /// Only the one with this number.
    pub number: Option<E164>,
    /// Only those with this e-mail address, however it is written.
    pub email: Option<String>,
}

/// Campaigns in which the calls to a number are looked for: the newest ones.
const LOOKED_THROUGH: i64 = 200;

#[derive(Serialize)]
struct Row<'a> {
    #[serde(serialize_with = "hex")]
    id: Uuid,
    number: u64,
    email: &'a Option<String>,
    timezone: &'a Option<String>,
    attributes: &'a Value,
}

impl Tx {
    /// Makes a lead. [`StoreError::Duplicate`](crate::StoreError::Duplicate) when the number is known already.
    pub async fn insert_lead(
        &mut self,
        workspace: WorkspaceId,
        new: &NewLead,
        now: DateTime<Utc>,
    ) -> Result<LeadId> {
        let id = LeadId::new(now);
        exec!(
            self,
            "INSERT INTO leads (id, workspace_id, number, email, timezone, attributes, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $7)",
            id.uuid(),
            workspace.uuid(),
            new.number.digits() as i64,
            &new.email,
            &new.timezone,
            Json(new.attributes.clone().unwrap_or_else(|| serde_json::json!({}))),
            Timestamp(now)
        )?;
        Ok(id)
    }

    /// Makes leads under these ids; where a number is known already, its lead gets what is given. Each number may be given once. Gives
    /// the ids the numbers now have, in no order.
    pub async fn upsert_leads(
        &mut self,
        workspace: WorkspaceId,
        new: &[(LeadId, NewLead)],
        now: DateTime<Utc>,
    ) -> Result<Vec<(E164, LeadId)>> {
        record! {
            pub struct Kept {
                pub id: LeadId,
                pub number: E164,
            }
        }
        let nothing = serde_json::json!({});
        let rows = rows::rows(new.iter().map(|(id, lead)| Row {
            id: id.uuid(),
            number: lead.number.digits(),
            email: &lead.email,
            timezone: &lead.timezone,
            attributes: lead.attributes.as_ref().unwrap_or(&nothing),
        }))?;
        let kept = all!(
            self,
            Kept,
            "INSERT INTO leads (id, workspace_id, number, email, timezone, attributes, created_at, updated_at)
             SELECT r.id, $2, r.number, r.email, r.timezone, r.attributes, $3, $3
             FROM ROWS($1, id uuid, number int, email text, timezone text, attributes json) AS r WHERE true ORDER BY r.number
             ON CONFLICT (workspace_id, number) DO UPDATE SET email = coalesce(excluded.email, leads.email),
                timezone = coalesce(excluded.timezone, leads.timezone), updated_at = excluded.updated_at,
                attributes = CASE WHEN excluded.attributes = '{}' THEN leads.attributes ELSE excluded.attributes END
             RETURNING id, number",
            rows,
            workspace.uuid(),
            Timestamp(now)
        )?;
        Ok(kept.into_iter().map(|kept| (kept.number, kept.id)).collect())
    }

    /// One lead of the workspace.
    pub async fn lead(&mut self, workspace: WorkspaceId, id: LeadId) -> Result<Option<Lead>> {
        one!(
            self,
            Lead,
            "SELECT * FROM leads WHERE workspace_id = $1 AND id = $2",
            workspace.uuid(),
            id.uuid()
        )
    }

    /// One lead of the workspace, held until this transaction ends.
    pub async fn lead_for_update(&mut self, workspace: WorkspaceId, id: LeadId) -> Result<Option<Lead>> {
        one!(
            self,
            Lead,
            "SELECT * FROM leads WHERE workspace_id = $1 AND id = $2 FOR UPDATE",
            workspace.uuid(),
            id.uuid()
        )
    }

    /// A page of the workspace's leads, newest first.
    pub async fn leads(
        &mut self,
        workspace: WorkspaceId,
        filter: &LeadFilter,
        page: Page,
    ) -> Result<Vec<Lead>> {
        page!(
            self,
            Lead,
            page,
            "SELECT * FROM leads WHERE workspace_id = $1 AND id > $2 AND id < $3 AND ($5 IS NULL OR number = $5)
                AND ($6 IS NULL OR lower(email) = lower($6))",
            "id",
            (workspace.uuid(), filter.number.map(|number| number.digits() as i64), filter.email.as_deref())
        )
    }

    /// Writes a lead as it now is. [`StoreError::Duplicate`](crate::StoreError::Duplicate) when another has its number.
    pub async fn update_lead(&mut self, lead: &Lead, now: DateTime<Utc>) -> Result<()> {
        exec!(
            self,
            "UPDATE leads SET number = $2, email = $3, timezone = $4, attributes = $5, updated_at = $6 WHERE id = $1",
            lead.id.uuid(),
            lead.number.digits() as i64,
            &lead.email,
            &lead.timezone,
            Json(&lead.attributes),
            Timestamp(now)
        )?;
        Ok(())
    }

    /// Forgets a lead; false when there is none. What is suppressed stays so.
    pub async fn delete_lead(&mut self, workspace: WorkspaceId, id: LeadId) -> Result<bool> {
        let gone = exec!(
            self,
            "DELETE FROM leads WHERE workspace_id = $1 AND id = $2",
            workspace.uuid(),
            id.uuid()
        )?;
        Ok(gone > 0)
    }

    /// The workspace's suppressions of these numbers that hold at `now`.
    pub async fn suppressions_of(
        &mut self,
        workspace: WorkspaceId,
        numbers: &[E164],
        now: DateTime<Utc>,
    ) -> Result<Vec<Suppression>> {
        #[derive(Serialize)]
        struct Number {
            number: u64,
        }
        all!(
            self,
            Suppression,
            "SELECT s.* FROM ROWS($2, number int) AS r JOIN suppressions s ON s.workspace_id = $1 AND s.number = r.number
             WHERE s.expires_at IS NULL OR s.expires_at > $3 ORDER BY s.id",
            workspace.uuid(),
            rows::rows(numbers.iter().map(|number| Number { number: number.digits() }))?,
            Timestamp(now)
        )
    }

    /// The last calls to a number in the newest campaigns of the workspace, newest first. Single calls stand in the number's contacts.
    pub async fn campaign_calls_to(
        &mut self,
        workspace: WorkspaceId,
        number: E164,
        limit: u32,
    ) -> Result<Vec<Call>> {
        all!(
            self,
            Call,
            "SELECT c.* FROM (SELECT id FROM campaigns WHERE workspace_id = $1 ORDER BY id DESC LIMIT $3) AS p
             JOIN recipients r ON r.campaign_id = p.id AND r.number = $2 JOIN calls c ON c.recipient_id = r.id
             ORDER BY c.id DESC LIMIT $4",
            workspace.uuid(),
            number.digits() as i64,
            LOOKED_THROUGH,
            i64::from(limit)
        )
    }
}
