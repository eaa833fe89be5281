use chrono::{DateTime, Utc};
use ringfleet_core::{CampaignId, E164, WorkspaceId, caps::History};
use serde_json::Value;

use crate::{
    Result, Timestamp, Tx,
    record::record,
    tx::{all, on},
};

record! {
    /// Recipients who wait and who are alike to every rule: in the same place, on no list, called by nobody before.
    pub struct Alike {
        /// The zone their rows name, if they do.
        pub timezone: Option<String>,
        /// One of their numbers.
        pub number: E164,
        /// Whether they were added before the moment asked about.
        pub is_old: bool,
        /// How many.
        pub n: i64,
    }
}

record! {
    /// A recipient who waits and is on a list or has been called before.
    pub struct Special {
        /// Whom to call.
        pub number: E164,
        /// The zone its row names, if it does.
        pub timezone: Option<String>,
        /// When it was added.
        pub created_at: DateTime<Utc>,
        /// Attempts it has had.
        pub attempts: u32,
        /// Whether it is on a list.
        pub is_suppressed: bool,
        /// The calls to its number.
        pub calls: Option<History>,
    }
}

record! {
    /// A recipient who waits, and what is known of it.
    pub struct Described {
        /// Whom to call.
        pub number: E164,
        /// An object.
        pub variables: Value,
    }
}

impl Tx {
    /// Up to `limit` waiting recipients of a campaign with what is known of them, with numbers above `after`.
    pub async fn described_recipients(
        &mut self,
        campaign: CampaignId,
        after: u64,
        limit: u32,
    ) -> Result<Vec<Described>> {
        all!(
            self,
            Described,
            "SELECT r.number, r.variables FROM recipients r
             WHERE r.campaign_id = $1 AND r.state IN ('PENDING', 'QUEUED') AND r.number > $2 ORDER BY r.number LIMIT $3",
            campaign.uuid(),
            after as i64,
            i64::from(limit)
        )
    }

    /// Waiting recipients of a campaign, counted by what the rules look at: the zone named, the first digits, and whether they were added
    /// before `old`. Those of [`Tx::special_recipients`] are not among them.
    pub async fn alike_recipients(
        &mut self,
        workspace: WorkspaceId,
        campaign: CampaignId,
        old: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Vec<Alike>> {
        all!(
            self,
            Alike,
            "SELECT r.timezone, min(r.number) AS number, r.created_at <= $3 AS is_old, count(*) AS n FROM recipients r
             WHERE r.campaign_id = $1 AND r.state IN ('PENDING', 'QUEUED')
               AND NOT EXISTS (SELECT 1 FROM contacts c WHERE c.workspace_id = $2 AND c.number = r.number)
               AND NOT EXISTS (SELECT 1 FROM suppressions s WHERE s.workspace_id = $2 AND s.number = r.number
                                  AND s.channel IN ('all', 'voice') AND (s.expires_at IS NULL OR s.expires_at > $4))
             GROUP BY r.timezone, substr(CAST(r.number AS text), 1, 4), r.created_at <= $3",
            campaign.uuid(),
            workspace.uuid(),
            Timestamp(old),
            Timestamp(now)
        )
    }

    /// Up to `limit` waiting recipients of a campaign whose number is on a list or has been called before, with numbers above `after`.
    pub async fn special_recipients(
        &mut self,
        workspace: WorkspaceId,
        campaign: CampaignId,
        after: u64,
        limit: u32,
        now: DateTime<Utc>,
    ) -> Result<Vec<Special>> {
        all!(
            self,
            Special,
            "SELECT f.* FROM (
                 SELECT r.number, r.timezone, r.created_at, r.total_attempts AS attempts, c.calls,
                        EXISTS (SELECT 1 FROM suppressions s WHERE s.workspace_id = $2 AND s.number = r.number
                                  AND s.channel IN ('all', 'voice') AND (s.expires_at IS NULL OR s.expires_at > $5)) AS is_suppressed
                 FROM recipients r LEFT JOIN contacts c ON c.workspace_id = $2 AND c.number = r.number
                 WHERE r.campaign_id = $1 AND r.state IN ('PENDING', 'QUEUED') AND r.number > $3) AS f
             WHERE f.is_suppressed OR f.calls IS NOT NULL ORDER BY f.number LIMIT $4",
            campaign.uuid(),
            workspace.uuid(),
            after as i64,
            i64::from(limit),
            Timestamp(now)
        )
    }
}
