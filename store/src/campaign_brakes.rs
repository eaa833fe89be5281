use ringfleet_core::{CampaignId, WorkspaceId, campaign_brake::BrakeRule};
use serde::Serialize;
use uuid::Uuid;

use crate::{
    Result, Tx,
    record::record,
    rows::{self, hex},
    tx::{all, exec, on},
};

record! {
    /// What the brake of a campaign knows.
    pub struct CampaignBrake {
        /// Which campaign.
        pub campaign_id: CampaignId,
        /// Where its last failures stood among its calls that are over.
        pub failures: Vec<i64>,
        /// They were too many; how that is told.
        pub tripped: Option<String>,
        /// How many of its calls are over.
        pub ended: i64,
    }
}

record! {
    /// A campaign that is calling and is to stop.
    pub struct Tripped {
        /// Which.
        pub id: CampaignId,
        /// The tenant it belongs to.
        pub workspace_id: WorkspaceId,
        /// What it becomes.
        pub brake: BrakeRule,
        /// Why.
        pub tripped: String,
    }
}

impl Tx {
    /// What the brakes of these campaigns know, each with a row from now on, held until this transaction ends. After calls and
    /// recipients, before counters.
    pub async fn lock_campaign_brakes(&mut self, campaigns: &[Uuid]) -> Result<Vec<CampaignBrake>> {
        let ids = rows::ids(campaigns.iter().copied())?;
        exec!(
            self,
            "INSERT INTO campaign_brakes (campaign_id, failures)
             SELECT r.id, '[]' FROM ROWS($1, id uuid) AS r WHERE true ORDER BY r.id ON CONFLICT (campaign_id) DO NOTHING",
            &ids
        )?;
        exec!(
            self,
            "SELECT campaign_id FROM campaign_brakes WHERE campaign_id IN (SELECT id FROM ROWS($1, id uuid) AS r)
             ORDER BY campaign_id FOR UPDATE",
            &ids
        )?;
        // In a statement of its own: it sees what those have counted for whom the lock was waited.
        all!(
            self,
            CampaignBrake,
            "SELECT b.campaign_id, b.failures, b.tripped,
                    (SELECT CAST(coalesce(sum(n), 0) AS bigint) FROM counters
                     WHERE counters.campaign_id = b.campaign_id AND kind = 'channel' AND name = 'voice') AS ended
             FROM campaign_brakes b WHERE b.campaign_id IN (SELECT id FROM ROWS($1, id uuid) AS r)",
            &ids
        )
    }

    /// Writes what brakes know. Lock them first.
    pub async fn set_campaign_brakes(&mut self, brakes: &[CampaignBrake]) -> Result<()> {
        #[derive(Serialize)]
        struct Row<'a> {
            #[serde(serialize_with = "hex")]
            id: Uuid,
            failures: &'a [i64],
            tripped: &'a Option<String>,
        }
        let rows = rows::rows(brakes.iter().map(|brake| Row {
            id: brake.campaign_id.uuid(),
            failures: &brake.failures,
            tripped: &brake.tripped,
        }))?;
        exec!(
            self,
            "UPDATE campaign_brakes SET failures = r.failures, tripped = r.tripped
             FROM ROWS($1, id uuid, failures json, tripped text) AS r WHERE campaign_brakes.campaign_id = r.id",
            rows
        )?;
        Ok(())
    }

    /// A campaign begins to call, or goes on: what went before does not count any more.
    pub async fn release_campaign_brake(&mut self, campaign: CampaignId) -> Result<()> {
        exec!(self, "DELETE FROM campaign_brakes WHERE campaign_id = $1", campaign.uuid())?;
        Ok(())
    }

    /// Campaigns that are calling and are to stop.
    pub async fn tripped_campaigns(&mut self) -> Result<Vec<Tripped>> {
        all!(
            self,
            Tripped,
            "SELECT c.id, c.workspace_id, c.brake, b.tripped FROM campaign_brakes b JOIN campaigns c ON c.id = b.campaign_id
             WHERE b.tripped IS NOT NULL AND c.state = 'IN_PROGRESS' ORDER BY c.id",
        )
    }
}
