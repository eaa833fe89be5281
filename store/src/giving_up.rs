//! What is on its way to an endpoint that was switched off or deleted: closed in portions, for it may be a million deliveries.

use chrono::{DateTime, Utc};
use ringfleet_core::WebhookId;

use crate::{
    Result, Timestamp, Tx,
    record::record,
    tx::{all, exec, on, one},
};

record! {
    /// An endpoint whose backlog is to be closed.
    pub struct GivenUp {
        /// The endpoint.
        pub id: WebhookId,
        /// When it was switched off or deleted: what was on its way before is closed, and nothing else, for it may be on again.
        pub given_up_at: DateTime<Utc>,
        /// Whether it is gone.
        pub is_deleted: bool,
    }
}

impl Tx {
    /// Endpoints that were switched off or deleted and may have deliveries left to close.
    pub async fn given_up_webhooks(&mut self) -> Result<Vec<GivenUp>> {
        all!(
            self,
            GivenUp,
            "SELECT id, given_up_at, deleted_at IS NOT NULL AS is_deleted FROM webhooks
             WHERE is_giving_up AND given_up_at IS NOT NULL ORDER BY id"
        )
    }

    /// The same of one endpoint.
    pub async fn given_up_webhook(&mut self, id: WebhookId) -> Result<Option<GivenUp>> {
        one!(
            self,
            GivenUp,
            "SELECT id, given_up_at, deleted_at IS NOT NULL AS is_deleted FROM webhooks
             WHERE id = $1 AND is_giving_up AND given_up_at IS NOT NULL",
            id.uuid()
        )
    }

    /// Closes up to `limit` deliveries that were on their way to the endpoint when it was switched off or deleted. Held in the order of their
    /// ids, as by everybody who changes many; what somebody holds is passed over. Gives how many.
    pub async fn give_up_deliveries(
        &mut self,
        webhook: &GivenUp,
        limit: u32,
        now: DateTime<Utc>,
    ) -> Result<u64> {
        let why = match webhook.is_deleted {
            true => "the endpoint was deleted",
            false => "the endpoint was switched off",
        };
        exec!(
            self,
            "WITH those AS MATERIALIZED (
                 SELECT id FROM deliveries WHERE webhook_id = $1 AND state = 'PENDING' AND coalesce(replayed_at, created_at) < $2 LIMIT $3
             )
             UPDATE deliveries SET state = 'DEAD', last_error = $4, done_at = $5, leased_until = NULL
             WHERE id IN (SELECT id FROM deliveries WHERE id IN (SELECT id FROM those) AND state = 'PENDING' ORDER BY id FOR UPDATE SKIP LOCKED)",
            webhook.id.uuid(),
            Timestamp(webhook.given_up_at),
            i64::from(limit),
            why,
            Timestamp(now)
        )
    }

    /// Notes that nothing is left to close for an endpoint, if so, and if it was not switched off once more meanwhile.
    pub async fn note_given_up(&mut self, webhook: &GivenUp) -> Result<()> {
        exec!(
            self,
            "UPDATE webhooks SET is_giving_up = false WHERE id = $1 AND given_up_at = $2 AND NOT EXISTS (
                 SELECT 1 FROM deliveries WHERE webhook_id = $1 AND state = 'PENDING' AND coalesce(replayed_at, created_at) < $2)",
            webhook.id.uuid(),
            Timestamp(webhook.given_up_at)
        )?;
        Ok(())
    }
}
