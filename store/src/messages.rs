//! Messages that were taken, what is told of them, and what people answer.

use chrono::{DateTime, Utc};
use ringfleet_core::{CallId, CallState, Channel, E164, Outcome, Plan, TrunkId, WorkspaceId};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::{
    Call, Result, Timestamp, Tx,
    record::record,
    rows::{self, hex, millis},
    tx::{all, exec, on, one, scalar},
};

record! {
    /// When what became of a message.
    pub struct MessageTimes {
        /// When it was taken.
        pub sent_at: DateTime<Utc>,
        /// When it had arrived.
        pub delivered_at: Option<DateTime<Utc>>,
        /// When it was read, or answered.
        pub read_at: Option<DateTime<Utc>>,
    }
}

record! {
    /// What a message is put together from.
    pub struct Material {
        /// Its campaign's plan; none of a single message.
        pub plan: Option<Plan>,
        /// Its step in that.
        pub step: u32,
        /// The recipient's variables, or those of a single message.
        pub variables: Option<Value>,
    }
}

record! {
    /// What somebody has written.
    pub struct Reply {
        /// Its id.
        pub id: Uuid,
        /// How it came.
        pub channel: Channel,
        /// Who wrote.
        pub number: E164,
        /// What.
        pub body: String,
        /// It was a wish to be left alone.
        pub is_stop: bool,
        /// The message it answers, if there was one.
        pub call_id: Option<CallId>,
        /// When it came.
        pub received_at: DateTime<Utc>,
    }
}

/// A message that was taken.
#[derive(Debug, Clone, Serialize)]
pub struct NewMessage {
    /// The call it is.
    #[serde(serialize_with = "hex")]
    pub call_id: Uuid,
    /// The tenant.
    #[serde(serialize_with = "hex")]
    pub workspace_id: Uuid,
    /// Digits of the number.
    pub number: u64,
    /// How it went.
    pub channel: Channel,
    /// When.
    #[serde(serialize_with = "millis")]
    pub sent_at: DateTime<Utc>,
}

/// Something that came in.
#[derive(Debug, Clone)]
pub struct NewReply<'a> {
    /// Its id.
    pub id: Uuid,
    /// The tenant whose trunk it came by.
    pub workspace: WorkspaceId,
    /// That trunk.
    pub trunk: TrunkId,
    /// The provider's id of it.
    pub provider_id: &'a str,
    /// Who wrote.
    pub number: E164,
    /// How it came.
    pub channel: Channel,
    /// What.
    pub body: &'a str,
    /// It is a wish to be left alone.
    pub is_stop: bool,
    /// The message it answers, if there was one.
    pub call: Option<CallId>,
}

impl Tx {
    /// Notes messages that were taken.
    pub async fn insert_messages(&mut self, new: &[NewMessage]) -> Result<()> {
        exec!(
            self,
            "INSERT INTO messages (call_id, workspace_id, number, channel, sent_at)
             SELECT r.call_id, r.workspace_id, r.number, r.channel, r.sent_at
             FROM ROWS($1, call_id uuid, workspace_id uuid, number int, channel text, sent_at time) AS r WHERE true
             ON CONFLICT (call_id) DO NOTHING",
            rows::rows(new)?
        )?;
        Ok(())
    }

    /// What a message is put together from; none when it is gone.
    pub async fn material(&mut self, call: CallId) -> Result<Option<Material>> {
        one!(
            self,
            Material,
            "SELECT p.plan, c.step, CASE WHEN c.recipient_id IS NULL THEN c.variables ELSE r.variables END AS variables
             FROM calls c LEFT JOIN campaigns p ON p.id = c.campaign_id LEFT JOIN recipients r ON r.id = c.recipient_id
             WHERE c.id = $1",
            call.uuid()
        )
    }

    /// When what became of a message; none where it was never taken.
    pub async fn message_times(&mut self, call: CallId) -> Result<Option<MessageTimes>> {
        one!(
            self,
            MessageTimes,
            "SELECT sent_at, delivered_at, read_at FROM messages WHERE call_id = $1",
            call.uuid()
        )
    }

    /// A call and all others of its recipient, in their order, held until this transaction ends. Hold its campaign first.
    pub async fn hold_call_and_kin(&mut self, id: CallId) -> Result<Vec<Call>> {
        all!(
            self,
            Call,
            "SELECT * FROM calls WHERE id = $1 OR recipient_id = (SELECT recipient_id FROM calls WHERE id = $1) ORDER BY id FOR UPDATE",
            id.uuid()
        )
    }

    /// Something was told of a message. Hold its call first.
    pub async fn turn_message(
        &mut self,
        call: CallId,
        to: (CallState, Outcome),
        reason: &str,
        code: Option<i32>,
        at: DateTime<Utc>,
    ) -> Result<()> {
        let (state, outcome) = to;
        exec!(
            self,
            "UPDATE calls SET state = $2, outcome = $3, reason = $4, code = coalesce($5, code) WHERE id = $1",
            call.uuid(),
            state.as_str(),
            outcome.as_str(),
            reason,
            code
        )?;
        exec!(
            self,
            "UPDATE messages SET delivered_at = CASE WHEN $3 THEN coalesce(delivered_at, $2) ELSE delivered_at END,
                    read_at = CASE WHEN $4 THEN coalesce(read_at, $2) ELSE read_at END
             WHERE call_id = $1",
            call.uuid(),
            Timestamp(at),
            matches!(outcome, Outcome::Delivered | Outcome::Read),
            outcome == Outcome::Read
        )?;
        Ok(())
    }

    /// The latest message to a number over a channel that was taken since `since`.
    pub async fn latest_message(
        &mut self,
        workspace: WorkspaceId,
        number: E164,
        channel: Channel,
        since: DateTime<Utc>,
    ) -> Result<Option<CallId>> {
        let found = scalar!(
            self,
            Uuid,
            "SELECT call_id FROM messages WHERE workspace_id = $1 AND number = $2 AND channel = $3 AND sent_at >= $4
             ORDER BY sent_at DESC LIMIT 1",
            workspace.uuid(),
            number.digits() as i64,
            channel.as_str(),
            Timestamp(since)
        )?;
        Ok(found.map(CallId::from))
    }

    /// Keeps what came in. False when it was told before.
    pub async fn insert_reply(&mut self, new: &NewReply<'_>, now: DateTime<Utc>) -> Result<bool> {
        let added = exec!(
            self,
            "INSERT INTO replies (id, workspace_id, trunk_id, provider_id, number, channel, body, is_stop, call_id, received_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (trunk_id, provider_id) DO NOTHING",
            new.id,
            new.workspace.uuid(),
            new.trunk.uuid(),
            new.provider_id,
            new.number.digits() as i64,
            new.channel.as_str(),
            new.body,
            new.is_stop,
            new.call.map(CallId::uuid),
            Timestamp(now)
        )?;
        Ok(added == 1)
    }

    /// What somebody has written, the latest first, up to `limit`.
    pub async fn replies_of(
        &mut self,
        workspace: WorkspaceId,
        number: E164,
        limit: u32,
    ) -> Result<Vec<Reply>> {
        all!(
            self,
            Reply,
            "SELECT id, channel, number, body, is_stop, call_id, received_at FROM replies
             WHERE workspace_id = $1 AND number = $2 ORDER BY received_at DESC, id DESC LIMIT $3",
            workspace.uuid(),
            number.digits() as i64,
            i64::from(limit)
        )
    }

    /// Whether somebody has written over this channel since `since`.
    pub async fn has_written(
        &mut self,
        workspace: WorkspaceId,
        number: E164,
        channel: Channel,
        since: DateTime<Utc>,
    ) -> Result<bool> {
        let found = scalar!(
            self,
            i32,
            "SELECT 1 FROM replies WHERE workspace_id = $1 AND number = $2 AND channel = $3 AND received_at >= $4 LIMIT 1",
            workspace.uuid(),
            number.digits() as i64,
            channel.as_str(),
            Timestamp(since)
        )?;
        Ok(found.is_some())
    }

    /// All calls of these recipients, in their order.
    pub async fn calls_of_recipients(&mut self, recipients: &[Uuid]) -> Result<Vec<Call>> {
        all!(
            self,
            Call,
            "SELECT * FROM calls WHERE recipient_id IN (SELECT id FROM ROWS($1, id uuid) AS r) ORDER BY id",
            rows::ids(recipients.iter().copied())?
        )
    }
}
