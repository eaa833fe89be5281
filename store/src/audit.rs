//! What was made of everybody, for whoever checks it afterwards: every row, in pages.

use ringfleet_core::{
    CampaignId, CounterKind, DeliveryId, EventId, delivery::DeliveryState, event::EventType,
};
use uuid::Uuid;

use crate::{
    Call, Campaign, Recipient, Result, Trunk, Tx,
    record::record,
    tx::{all, on, scalar},
};

record! {
    /// One event on its way to one endpoint.
    pub struct Told {
        /// The delivery.
        pub id: DeliveryId,
        /// Its event.
        pub event_id: EventId,
        /// What the event tells.
        pub event: EventType,
        /// The request body.
        pub body: String,
        /// Where the delivery stands.
        pub state: DeliveryState,
    }
}

record! {
    /// One kept counter of one campaign.
    pub struct KeptCounter {
        /// The campaign.
        pub campaign_id: CampaignId,
        /// What is counted.
        pub kind: CounterKind,
        /// What is counted within the kind.
        pub name: String,
        /// How many.
        pub n: i64,
    }
}

/// What is not over yet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Unfinished {
    /// Campaigns that are not over, or whose recipients are still being ended.
    pub campaigns: u64,
    /// Calls that wait, ring or talk.
    pub calls: u64,
    /// Deliveries that wait or are being sent.
    pub deliveries: u64,
}

/// All workspaces together, the oldest rows first: at most `limit` after the id `after`.
impl Tx {
    /// Trunks.
    pub async fn audit_trunks(&mut self, after: Uuid, limit: u32) -> Result<Vec<Trunk>> {
        let sql = "SELECT * FROM trunks WHERE id > $1 ORDER BY id LIMIT $2";
        all!(self, Trunk, sql, after, i64::from(limit))
    }

    /// Campaigns.
    pub async fn audit_campaigns(&mut self, after: Uuid, limit: u32) -> Result<Vec<Campaign>> {
        let sql = "SELECT c.*, w.rules AS floor FROM campaigns c JOIN workspaces w ON w.id = c.workspace_id
                   WHERE c.id > $1 ORDER BY c.id LIMIT $2";
        all!(self, Campaign, sql, after, i64::from(limit))
    }

    /// Recipients.
    pub async fn audit_recipients(&mut self, after: Uuid, limit: u32) -> Result<Vec<Recipient>> {
        let sql = "SELECT * FROM recipients WHERE id > $1 ORDER BY id LIMIT $2";
        all!(self, Recipient, sql, after, i64::from(limit))
    }

    /// Calls.
    pub async fn audit_calls(&mut self, after: Uuid, limit: u32) -> Result<Vec<Call>> {
        let sql = "SELECT * FROM calls WHERE id > $1 ORDER BY id LIMIT $2";
        all!(self, Call, sql, after, i64::from(limit))
    }

    /// Deliveries with their events. There is no event without a delivery.
    pub async fn audit_deliveries(&mut self, after: Uuid, limit: u32) -> Result<Vec<Told>> {
        all!(
            self,
            Told,
            "SELECT d.id, d.event_id, e.type AS event, e.body, d.state FROM deliveries d JOIN events e ON e.id = d.event_id
             WHERE d.id > $1 ORDER BY d.id LIMIT $2",
            after,
            i64::from(limit)
        )
    }

    /// The kept counters of all campaigns; they are few.
    pub async fn audit_counters(&mut self) -> Result<Vec<KeptCounter>> {
        all!(
            self,
            KeptCounter,
            "SELECT campaign_id, kind, name, n FROM counters ORDER BY campaign_id, kind, name"
        )
    }

    /// What is not over yet.
    pub async fn unfinished(&mut self) -> Result<Unfinished> {
        let campaigns = scalar!(
            self,
            i64,
            "SELECT count(*) FROM campaigns WHERE winding_up OR state NOT IN ('FINISHED', 'CANCELLED', 'FAILED')"
        )?;
        let calls = scalar!(self, i64, "SELECT count(*) FROM calls WHERE open")?;
        let deliveries = scalar!(self, i64, "SELECT count(*) FROM deliveries WHERE state = 'PENDING'")?;
        let count = |n: Option<i64>| n.unwrap_or(0) as u64;
        Ok(Unfinished { campaigns: count(campaigns), calls: count(calls), deliveries: count(deliveries) })
    }
}
