use chrono::{DateTime, Utc};
use ringfleet_core::{
    CampaignId, Disposition, E164, Hold, Outcome, RecipientId, RecipientState, Variables, cursor::Cursor,
    terms::Due,
};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::{
    LOOKED_AT, Order, Page, RecipientFilter, Result, Timestamp, Tx,
    record::record,
    rows::{self, hex, millis, millis_opt},
    text::holds,
    tx::{all, exec, last_looked_at, on, one, page, scalar},
};

record! {
    /// One person in one campaign.
    pub struct Recipient {
        /// Its id.
        pub id: RecipientId,
        /// The campaign it is in.
        pub campaign_id: CampaignId,
        /// Whom to call.
        pub number: E164,
        /// What the agent may say: an object of the other columns of the list.
        pub variables: Value,
        /// Its own time zone (IANA), if the list names one.
        pub timezone: Option<String>,
        /// Where it stands.
        pub state: RecipientState,
        /// Index of the present step of the plan.
        pub step: u32,
        /// Attempts made on this step.
        pub attempts: u32,
        /// Attempts made on all steps.
        pub total_attempts: u32,
        /// Not called before this moment.
        pub due_at: DateTime<Utc>,
        /// Why it is put off until then: see [`ringfleet_core::hold::current`].
        pub hold: Option<Hold>,
        /// The moment the plan asked for, where the hours made it later.
        pub ready_at: Option<DateTime<Utc>>,
        /// How it ended.
        pub disposition: Option<Disposition>,
        /// Outcome of the latest attempt.
        pub last_outcome: Option<Outcome>,
        /// Reason of the latest attempt.
        pub last_reason: Option<String>,
        /// When it ended.
        pub done_at: Option<DateTime<Utc>>,
        /// When it was added.
        pub created_at: DateTime<Utc>,
    }
}

/// A recipient to be added.
#[derive(Debug, Clone)]
pub struct NewRecipient {
    /// Whom to call.
    pub number: E164,
    /// What is known of the recipient.
    pub variables: Variables,
    /// Its own time zone (IANA).
    pub timezone: Option<String>,
}

record! {
    /// A recipient as far as the next attempt needs it.
    pub struct Standing {
        /// Its id.
        pub id: RecipientId,
        /// Whom to call.
        pub number: E164,
        /// Its own time zone (IANA), if the list names one.
        pub timezone: Option<String>,
        /// When it was added.
        pub created_at: DateTime<Utc>,
        /// Not called before this moment.
        pub due_at: DateTime<Utc>,
        /// Why it is put off until then.
        pub hold: Option<Hold>,
        /// The moment the plan asked for, where the hours made it later.
        pub ready_at: Option<DateTime<Utc>>,
        /// Index of the present step of the plan.
        pub step: u32,
        /// Attempts made on this step.
        pub attempts: u32,
        /// Attempts made on all steps.
        pub total_attempts: u32,
    }
}

/// What becomes of a recipient after an ending.
#[derive(Debug, Clone, Serialize)]
pub struct RecipientUpdate {
    /// Which.
    #[serde(serialize_with = "hex")]
    pub id: Uuid,
    /// Its new state.
    pub state: RecipientState,
    /// Index of the present step.
    pub step: u32,
    /// Attempts made on this step.
    pub attempts: u32,
    /// Attempts made on all steps.
    pub total_attempts: u32,
    /// Not called before this moment.
    #[serde(serialize_with = "millis")]
    pub due_at: DateTime<Utc>,
    /// Why it is put off until then.
    pub hold: Option<Hold>,
    /// The moment the plan asked for, where the hours made it later.
    #[serde(serialize_with = "millis_opt")]
    pub ready_at: Option<DateTime<Utc>>,
    /// How it ended.
    pub disposition: Option<Disposition>,
    /// Outcome of this attempt; none when nothing was consumed.
    pub last_outcome: Option<Outcome>,
    /// Reason of this attempt.
    pub last_reason: Option<String>,
    /// When it ended.
    #[serde(serialize_with = "millis_opt")]
    pub done_at: Option<DateTime<Utc>>,
}

/// A page of recipients; no more are looked at than may be ([`LOOKED_AT`]).
macro_rules! recipients {
    ($tx:expr, $campaign:expr, $filter:expr, $digits:expr, $page:expr, $order:literal) => {
        all!(
            $tx,
            Recipient,
            concat!(
                "SELECT * FROM (SELECT * FROM recipients WHERE campaign_id = $1 AND id > $2 AND id < $3 ORDER BY id ", $order,
                " LIMIT $5) AS r
                 WHERE ($6 IS NULL OR state = $6) AND ($7 IS NULL OR disposition = $7)
                    AND ($8 IS NULL OR CAST(number AS text) LIKE $8)
                 ORDER BY id ", $order, " LIMIT $4"
            ),
            $campaign.uuid(),
            $page.above(),
            $page.below(),
            i64::from($page.limit),
            i64::from(LOOKED_AT),
            $filter.state.map(RecipientState::as_str),
            $filter.disposition.map(Disposition::as_str),
            $digits
        )
    };
}

impl Tx {
    /// Adds recipients under fresh ids: see [`Tx::insert_recipients_as`].
    pub async fn insert_recipients(
        &mut self,
        campaign: CampaignId,
        first_step: usize,
        new: &[NewRecipient],
        now: DateTime<Utc>,
    ) -> Result<Vec<E164>> {
        let due = vec![Due::now(now); new.len()];
        self.insert_recipients_as(&fresh_ids(new.len(), now), campaign, first_step, new, &due, now).await
    }

    /// Adds recipients under these ids, each due as `due` says, on step `first_step`. Numbers the campaign has already are left alone; gives
    /// the added ones.
    pub async fn insert_recipients_as(
        &mut self,
        ids: &[RecipientId],
        campaign: CampaignId,
        first_step: usize,
        new: &[NewRecipient],
        due: &[Due],
        now: DateTime<Utc>,
    ) -> Result<Vec<E164>> {
        #[derive(Serialize)]
        struct Row<'a> {
            #[serde(serialize_with = "hex")]
            id: Uuid,
            number: u64,
            variables: &'a Variables,
            timezone: &'a Option<String>,
            #[serde(serialize_with = "millis")]
            due_at: DateTime<Utc>,
            hold: Option<Hold>,
            #[serde(serialize_with = "millis_opt")]
            ready_at: Option<DateTime<Utc>>,
        }
        let rows = rows::rows(new.iter().zip(ids).zip(due).map(|((r, id), due)| Row {
            id: id.uuid(),
            number: r.number.digits(),
            variables: &r.variables,
            timezone: &r.timezone,
            due_at: due.at,
            hold: due.hold,
            ready_at: due.ready_at,
        }))?;
        // By number: of two lists that overlap, each would else wait for the other's numbers in a circle.
        let added: Vec<i64> = on!(
            self,
            query_scalar::<i64>,
            "INSERT INTO recipients (id, campaign_id, number, variables, timezone, state, step, attempts, total_attempts, due_at, hold,
                                     ready_at, created_at)
             SELECT r.id, $2, r.number, r.variables, r.timezone, 'PENDING', $3, 0, 0, r.due_at, r.hold, r.ready_at, $4
             FROM ROWS($1, id uuid, number int, variables json, timezone text, due_at time, hold text, ready_at time) AS r
             WHERE true ORDER BY r.number
             ON CONFLICT (campaign_id, number) DO NOTHING RETURNING number",
            (rows, campaign.uuid(), first_step as i32, Timestamp(now)),
            fetch_all
        )?;
        Ok(added.into_iter().filter_map(|digits| E164::try_from(digits as u64).ok()).collect())
    }

    /// One recipient of a campaign.
    pub async fn recipient(&mut self, campaign: CampaignId, id: RecipientId) -> Result<Option<Recipient>> {
        one!(
            self,
            Recipient,
            "SELECT * FROM recipients WHERE campaign_id = $1 AND id = $2",
            campaign.uuid(),
            id.uuid()
        )
    }

    /// A page of a campaign's recipients, newest first.
    pub async fn recipients(
        &mut self,
        campaign: CampaignId,
        filter: RecipientFilter,
        page: Page,
    ) -> Result<Vec<Recipient>> {
        let waits = match filter.state {
            Some(RecipientState::Queued) => Some(true),
            Some(RecipientState::Active) => Some(false),
            _ => None,
        };
        if let (Some(waits), None, None) = (waits, filter.number, &filter.digits) {
            return match filter.disposition {
                Some(_) => Ok(Vec::new()),
                None => self.claimed(campaign, waits, page).await,
            };
        }
        if let Some(number) = filter.number {
            let found = self.recipient_of(campaign, number).await?;
            return Ok(found
                .into_iter()
                .filter(|found| filter.wants(found) && page.holds(found.id.uuid()))
                .collect());
        }
        let digits = filter.digits.as_deref().map(holds);
        self.in_order(true).await?;
        let found = match page.order {
            Order::NewestFirst => recipients!(self, campaign, filter, &digits, page, "DESC"),
            Order::OldestFirst => recipients!(self, campaign, filter, &digits, page, "ASC"),
        }?;
        self.in_order(false).await?;
        Ok(found)
    }

    /// Where a page of recipients ends that holds fewer than it could: as with [`Tx::calls_looked_at`].
    pub async fn recipients_looked_at(
        &mut self,
        campaign: CampaignId,
        filter: &RecipientFilter,
        page: Page,
    ) -> Result<Option<Cursor>> {
        let claimed = matches!(filter.state, Some(RecipientState::Queued | RecipientState::Active));
        if (claimed && filter.digits.is_none()) || filter.number.is_some() {
            return Ok(None);
        }
        self.in_order(true).await?;
        let last = last_looked_at!(self, "recipients", "campaign_id", campaign.uuid(), page)?;
        self.in_order(false).await?;
        Ok(last)
    }

    async fn recipient_of(&mut self, campaign: CampaignId, number: E164) -> Result<Option<Recipient>> {
        one!(
            self,
            Recipient,
            "SELECT * FROM recipients WHERE campaign_id = $1 AND number = $2",
            campaign.uuid(),
            number.digits() as i64
        )
    }

    /// A page of a campaign's claimed recipients: those whose call waits, or those who are being called. They are few, and found by their
    /// open calls.
    async fn claimed(&mut self, campaign: CampaignId, waits: bool, page: Page) -> Result<Vec<Recipient>> {
        record! {
            pub struct Open {
                pub id: Uuid,
            }
        }
        let open = page!(
            self,
            Open,
            page,
            "SELECT recipient_id AS id FROM calls WHERE campaign_id = $1 AND open AND (state = 'PENDING') = $5
                AND recipient_id > $2 AND recipient_id < $3",
            "recipient_id",
            (campaign.uuid(), waits)
        )?;
        page!(
            self,
            Recipient,
            page,
            "SELECT * FROM recipients WHERE id IN (SELECT id FROM ROWS($1, id uuid) AS r) AND id > $2 AND id < $3",
            "id",
            (rows::ids(open.iter().map(|one| one.id))?)
        )
    }

    /// Up to `limit` due recipients of a step, the longest due first, held until this transaction ends. Those another scheduler holds are
    /// passed over.
    pub async fn due_recipients(
        &mut self,
        campaign: CampaignId,
        step: usize,
        limit: u32,
        now: DateTime<Utc>,
    ) -> Result<Vec<Standing>> {
        self.in_order(true).await?;
        let due = all!(
            self,
            Standing,
            "SELECT id, number, timezone, created_at, due_at, hold, ready_at, step, attempts, total_attempts FROM recipients
             WHERE campaign_id = $1 AND step = $4 AND waiting AND due_at <= $2 ORDER BY due_at, id LIMIT $3 FOR UPDATE SKIP LOCKED",
            campaign.uuid(),
            Timestamp(now),
            i64::from(limit),
            step as i32
        )?;
        self.in_order(false).await?;
        Ok(due)
    }

    /// Claims recipients that wait: PENDING → QUEUED. Hold them first.
    pub async fn queue_recipients(&mut self, ids: &[Uuid]) -> Result<()> {
        exec!(
            self,
            "UPDATE recipients SET state = 'QUEUED', hold = NULL FROM ROWS($1, id uuid) AS r WHERE recipients.id = r.id",
            rows::ids(ids.iter().copied())?
        )?;
        Ok(())
    }

    /// These recipients, held until this transaction ends.
    pub async fn standings(&mut self, ids: &[Uuid]) -> Result<Vec<Standing>> {
        all!(
            self,
            Standing,
            "SELECT id, number, timezone, created_at, due_at, hold, ready_at, step, attempts, total_attempts FROM recipients
             WHERE id IN (SELECT id FROM ROWS($1, id uuid) AS r) ORDER BY id FOR UPDATE",
            rows::ids(ids.iter().copied())?
        )
    }

    /// Marks recipients whose call has begun.
    pub async fn activate_recipients(&mut self, ids: &[Uuid]) -> Result<()> {
        exec!(
            self,
            "UPDATE recipients SET state = 'ACTIVE', hold = NULL WHERE id IN (SELECT id FROM ROWS($1, id uuid) AS r)",
            rows::ids(ids.iter().copied())?
        )?;
        Ok(())
    }

    /// Writes what became of recipients.
    pub async fn update_recipients(&mut self, updates: &[RecipientUpdate]) -> Result<()> {
        exec!(
            self,
            "UPDATE recipients SET state = r.state, step = r.step, attempts = r.attempts, total_attempts = r.total_attempts,
                    due_at = r.due_at, hold = r.hold, ready_at = r.ready_at, disposition = r.disposition, done_at = r.done_at,
                    last_outcome = coalesce(r.last_outcome, recipients.last_outcome),
                    last_reason = coalesce(r.last_reason, recipients.last_reason)
             FROM ROWS($1, id uuid, state text, step int, attempts int, total_attempts int, due_at time, hold text,
                       ready_at time, disposition text, last_outcome text, last_reason text, done_at time) AS r
             WHERE recipients.id = r.id",
            rows::rows(updates)?
        )?;
        Ok(())
    }

    /// Puts QUEUED recipients whose call is waiting under a hold.
    pub async fn hold_recipients(&mut self, ids: &[Uuid], hold: Hold) -> Result<()> {
        exec!(
            self,
            "UPDATE recipients SET hold = $2 WHERE state = 'QUEUED' AND id IN (SELECT id FROM ROWS($1, id uuid) AS r)",
            rows::ids(ids.iter().copied())?,
            hold.as_str()
        )?;
        Ok(())
    }

    /// Sends claimed recipients back to waiting: their calls have been withdrawn.
    pub async fn release_recipients(&mut self, ids: impl Iterator<Item = Uuid>) -> Result<()> {
        exec!(
            self,
            "UPDATE recipients SET state = 'PENDING', hold = NULL WHERE state = 'QUEUED' AND id IN (SELECT id FROM ROWS($1, id uuid) AS r)",
            rows::ids(ids)?
        )?;
        Ok(())
    }

    /// Whether the campaign has any recipient at all.
    pub async fn has_recipients(&mut self, campaign: CampaignId) -> Result<bool> {
        // The order is that of an index; see `in_order`.
        self.in_order(true).await?;
        let found = scalar!(
            self,
            i32,
            "SELECT 1 FROM recipients WHERE campaign_id = $1 ORDER BY number LIMIT 1",
            campaign.uuid()
        )?;
        self.in_order(false).await?;
        Ok(found.is_some())
    }
}

/// Ids of one millisecond are random among themselves; sorted, a list is called in the order it was given.
pub fn fresh_ids(count: usize, now: DateTime<Utc>) -> Vec<RecipientId> {
    let mut ids: Vec<RecipientId> = (0..count).map(|_| RecipientId::new(now)).collect();
    ids.sort_by_key(|id| id.uuid());
    ids
}
