//! People who are to be erased, and those who were and must not come in again.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use ringfleet_core::{E164, Erased, ErasureId, ErasureStep, WorkspaceId, erasure::MarkKey};
use serde::Serialize;
use sqlx::types::Json;
use uuid::Uuid;

use crate::{
    Address, Page, Result, Timestamp, Tx,
    record::record,
    rows,
    tx::{all, exec, on, one, page, scalar},
};

/// What the secret is called that numbers are marked with.
const SECRET: &str = "erasures";

record! {
    /// The erasure of one person.
    pub struct Erasure {
        /// Its id.
        pub id: ErasureId,
        /// Whose workspace forgets them.
        pub workspace_id: WorkspaceId,
        /// What stands for the number.
        pub person: String,
        /// The number itself, until it is over.
        pub number: Option<E164>,
        /// Whether the number is kept out afterwards.
        pub bars: bool,
        /// Why, in somebody's words.
        pub reason: Option<String>,
        /// What is being looked through.
        pub step: ErasureStep,
        /// Behind this row of it.
        pub after: Option<Uuid>,
        /// What else the person is known by, until it is over: ids of their things, as the API shows them.
        pub needles: Vec<String>,
        /// Whether anything was found since the first step.
        pub found: bool,
        /// Whether it waits for a call of the person to end.
        pub waits: bool,
        /// What was erased so far.
        pub erased: Erased,
        /// When it was asked for.
        pub created_at: DateTime<Utc>,
        /// When nothing was left.
        pub finished_at: Option<DateTime<Utc>>,
    }
}

/// An erasure to begin.
#[derive(Debug, Clone)]
pub struct NewErasure {
    /// Whom.
    pub number: E164,
    /// Whether the number is kept out afterwards.
    pub bars: bool,
    /// Why, in somebody's words.
    pub reason: Option<String>,
}

impl Tx {
    /// The secret that numbers are marked with; made when it is first asked for.
    async fn mark_key(&mut self) -> Result<MarkKey> {
        Ok(MarkKey::new(self.server_secret(SECRET, &rand::random::<[u8; 32]>()).await?))
    }

    /// Begins an erasure, and from then on keeps the number out: also one that is let in again when it is over.
    pub async fn insert_erasure(
        &mut self,
        workspace: WorkspaceId,
        new: &NewErasure,
        now: DateTime<Utc>,
    ) -> Result<ErasureId> {
        let id = ErasureId::new(now);
        let person = self.mark_key().await?.mark(workspace.uuid(), new.number.digits());
        exec!(
            self,
            "INSERT INTO erasures (id, workspace_id, person, number, bars, reason, step, needles, found, waits, erased, due_at, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, '[]', false, false, $8, $9, $9)",
            id.uuid(),
            workspace.uuid(),
            &person,
            new.number.digits() as i64,
            new.bars,
            &new.reason,
            ErasureStep::Number.as_str(),
            Json(Erased::default()),
            Timestamp(now)
        )?;
        exec!(
            self,
            "INSERT INTO barred_numbers (workspace_id, person, created_at) VALUES ($1, $2, $3)
             ON CONFLICT (workspace_id, person) DO NOTHING",
            workspace.uuid(),
            &person,
            Timestamp(now)
        )?;
        Ok(id)
    }

    /// Lets the number of an erasure in again.
    pub async fn unbar(&mut self, erasure: &Erasure) -> Result<()> {
        exec!(
            self,
            "DELETE FROM barred_numbers WHERE workspace_id = $1 AND person = $2",
            erasure.workspace_id.uuid(),
            &erasure.person
        )?;
        Ok(())
    }

    /// Of these numbers, those that are kept out of the workspace: the people were erased.
    pub async fn barred(&mut self, workspace: WorkspaceId, numbers: &[E164]) -> Result<HashSet<E164>> {
        let addresses = numbers.iter().map(|n| Address { workspace: workspace.uuid(), number: n.digits() });
        let barred = self.barred_of(&addresses.collect::<Vec<_>>()).await?;
        let barred: HashSet<u64> = barred.into_iter().map(|address| address.number).collect();
        Ok(numbers.iter().copied().filter(|number| barred.contains(&number.digits())).collect())
    }

    /// The same of any workspaces. Where none has erased anybody, it costs one look.
    pub(crate) async fn barred_of(&mut self, addresses: &[Address]) -> Result<Vec<Address>> {
        let workspaces: HashSet<Uuid> = addresses.iter().map(|address| address.workspace).collect();
        let with: Vec<Uuid> = on!(
            self,
            query_scalar::<Uuid>,
            "SELECT r.id FROM ROWS($1, id uuid) AS r WHERE EXISTS (SELECT 1 FROM barred_numbers b WHERE b.workspace_id = r.id)",
            (rows::ids(workspaces)?),
            fetch_all
        )?;
        if with.is_empty() {
            return Ok(Vec::new());
        }
        self.marked(addresses.iter().filter(|address| with.contains(&address.workspace))).await
    }

    async fn marked(&mut self, addresses: impl Iterator<Item = &Address>) -> Result<Vec<Address>> {
        #[derive(Serialize)]
        struct Row<'a> {
            #[serde(serialize_with = "rows::hex")]
            workspace: Uuid,
            person: &'a str,
        }
        // Whoever was barred was marked with it, so it is there: nothing is made in a transaction that only reads.
        let Some(secret) = self.known_server_secret(SECRET).await? else { return Ok(Vec::new()) };
        let key = MarkKey::new(secret);
        let mut marked: HashMap<String, Address> =
            addresses.map(|one| (key.mark(one.workspace, one.number), *one)).collect();
        let found: Vec<String> = on!(
            self,
            query_scalar::<String>,
            "SELECT b.person FROM ROWS($1, workspace uuid, person text) AS r
             JOIN barred_numbers b ON b.workspace_id = r.workspace AND b.person = r.person",
            (rows::rows(marked.iter().map(|(person, one)| Row { workspace: one.workspace, person }))?),
            fetch_all
        )?;
        Ok(found.iter().filter_map(|person| marked.remove(person)).collect())
    }

    /// One erasure of the workspace.
    pub async fn erasure(&mut self, workspace: WorkspaceId, id: ErasureId) -> Result<Option<Erasure>> {
        one!(
            self,
            Erasure,
            "SELECT * FROM erasures WHERE workspace_id = $1 AND id = $2",
            workspace.uuid(),
            id.uuid()
        )
    }

    /// A page of the workspace's erasures.
    pub async fn erasures(&mut self, workspace: WorkspaceId, page: Page) -> Result<Vec<Erasure>> {
        page!(
            self,
            Erasure,
            page,
            "SELECT * FROM erasures WHERE workspace_id = $1 AND id > $2 AND id < $3",
            "id",
            (workspace.uuid())
        )
    }

    /// Takes the erasure that has waited the longest, for whoever works on it until `until`.
    pub async fn lease_erasure(
        &mut self,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Option<Erasure>> {
        one!(
            self,
            Erasure,
            "UPDATE erasures SET due_at = $2 WHERE id = (
                 SELECT id FROM erasures WHERE finished_at IS NULL AND due_at <= $1 ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED)
             RETURNING *",
            Timestamp(now),
            Timestamp(until)
        )
    }

    /// The erasure as it stands, held until this transaction ends; none when it is over.
    pub async fn hold_erasure(&mut self, id: ErasureId) -> Result<Option<Erasure>> {
        one!(
            self,
            Erasure,
            "SELECT * FROM erasures WHERE id = $1 AND finished_at IS NULL FOR UPDATE",
            id.uuid()
        )
    }

    /// Keeps where an erasure stands, and when it is gone on with. Once it is over its number is forgotten. Hold it first.
    pub async fn set_erasure(&mut self, erasure: &Erasure, due_at: DateTime<Utc>) -> Result<()> {
        exec!(
            self,
            "UPDATE erasures SET step = $2, after = $3, found = $4, waits = $5, erased = $6, due_at = $7, finished_at = $8, needles = $9,
                    number = CASE WHEN $10 THEN NULL ELSE number END, bars = $11 WHERE id = $1",
            erasure.id.uuid(),
            erasure.step.as_str(),
            erasure.after,
            erasure.found,
            erasure.waits,
            Json(erasure.erased),
            Timestamp(due_at),
            erasure.finished_at.map(Timestamp),
            Json(&erasure.needles),
            erasure.finished_at.is_some(),
            erasure.bars
        )?;
        Ok(())
    }

    /// Takes back the calls of campaigns to this person that wait and never went to a carrier; their recipients wait for nobody then.
    pub async fn take_back_calls(&mut self, who: Address) -> Result<()> {
        let recipients: Vec<Option<Uuid>> = on!(
            self,
            query_scalar::<Option<Uuid>>,
            "DELETE FROM calls WHERE open AND state = 'PENDING' AND placements = 0 AND recipient_id IN (
                 SELECT r.id FROM campaigns p JOIN recipients r ON r.campaign_id = p.id AND r.number = $2
                 WHERE p.workspace_id = $1 AND r.state = 'QUEUED') RETURNING recipient_id",
            (who.workspace, who.number as i64),
            fetch_all
        )?;
        self.release_recipients(recipients.into_iter().flatten()).await
    }

    /// Whether a recipient with this number, or an open call to it, is there still: something that was on its way when it was looked for.
    pub async fn is_known(&mut self, who: Address) -> Result<bool> {
        let found = scalar!(
            self,
            i32,
            "SELECT 1 FROM campaigns p JOIN recipients r ON r.campaign_id = p.id AND r.number = $2 WHERE p.workspace_id = $1
             UNION ALL
             SELECT 1 FROM calls WHERE open AND workspace_id = $1 AND number = $2 LIMIT 1",
            who.workspace,
            who.number as i64
        )?;
        Ok(found.is_some())
    }

    /// Whether a call of this person is under way, or about to begin: it cannot be forgotten yet.
    pub async fn is_being_called(&mut self, who: Address) -> Result<bool> {
        let found = scalar!(
            self,
            i32,
            "SELECT 1 FROM campaigns p JOIN recipients r ON r.campaign_id = p.id AND r.number = $2
             WHERE p.workspace_id = $1 AND r.state IN ('QUEUED', 'ACTIVE')
             UNION ALL
             SELECT 1 FROM calls WHERE campaign_id IS NULL AND open AND workspace_id = $1 AND number = $2 LIMIT 1",
            who.workspace,
            who.number as i64
        )?;
        Ok(found.is_some())
    }
}
