//! What is asked again and again by whoever watches: few rows, by index.

use ringfleet_core::{CallState, CampaignId, CampaignState, WorkspaceId};
use uuid::Uuid;

use crate::{
    Call, Result, Tx,
    record::record,
    rows,
    tx::{all, on, scalar},
};

record! {
    /// Where a campaign stands.
    pub struct CampaignStanding {
        /// Which.
        pub id: CampaignId,
        /// Its state.
        pub state: CampaignState,
    }
}

record! {
    /// Live calls of a campaign in one state.
    pub struct LiveCount {
        /// Which campaign.
        pub campaign_id: CampaignId,
        /// TRIGGERED or ONGOING.
        pub state: CallState,
        /// How many.
        pub n: i64,
    }
}

impl Tx {
    /// Where those of these campaigns stand that belong to the workspace.
    pub async fn campaign_standings(
        &mut self,
        workspace: WorkspaceId,
        campaigns: &[Uuid],
    ) -> Result<Vec<CampaignStanding>> {
        all!(
            self,
            CampaignStanding,
            "SELECT id, state FROM campaigns WHERE workspace_id = $1 AND id IN (SELECT id FROM ROWS($2, id uuid) AS r)",
            workspace.uuid(),
            rows::ids(campaigns.iter().copied())?
        )
    }

    /// The live calls of these campaigns, counted.
    pub async fn live_counts(&mut self, campaigns: &[Uuid]) -> Result<Vec<LiveCount>> {
        all!(
            self,
            LiveCount,
            "SELECT campaign_id, state, count(*) AS n FROM calls
             WHERE open AND state IN ('TRIGGERED', 'ONGOING') AND campaign_id IN (SELECT id FROM ROWS($1, id uuid) AS r)
             GROUP BY campaign_id, state",
            rows::ids(campaigns.iter().copied())?
        )
    }

    /// The newest calls and messages of a workspace that have begun and are not over, of one campaign or of all, and how many there are.
    pub async fn calls_on_the_line(
        &mut self,
        workspace: WorkspaceId,
        campaign: Option<CampaignId>,
        limit: u32,
    ) -> Result<(u64, Vec<Call>)> {
        let (campaign, limit) = (campaign.map(CampaignId::uuid), i64::from(limit));
        let total = scalar!(
            self,
            i64,
            "SELECT count(*) FROM calls WHERE open AND state IN ('TRIGGERED', 'ONGOING') AND workspace_id = $1
                AND ($2 IS NULL OR campaign_id = $2)",
            workspace.uuid(),
            campaign
        )?;
        let calls = all!(
            self,
            Call,
            "SELECT * FROM calls WHERE open AND state IN ('TRIGGERED', 'ONGOING') AND workspace_id = $1
                AND ($2 IS NULL OR campaign_id = $2) ORDER BY id DESC LIMIT $3",
            workspace.uuid(),
            campaign,
            limit
        )?;
        Ok((total.unwrap_or(0).unsigned_abs(), calls))
    }
}
