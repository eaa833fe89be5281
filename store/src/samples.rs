use ringfleet_core::{CampaignId, timeline::Bucket};
use serde::Serialize;
use uuid::Uuid;

use crate::{
    Result, Tx,
    record::record,
    rows,
    tx::{all, exec, on, one},
};

record! {
    /// What the samples of one step of time came to.
    pub struct Sampled {
        /// Which step.
        pub step: i64,
        /// When the last one was taken.
        pub second: i64,
        /// Calls that had begun, as of the last one.
        pub begun: i64,
        /// Calls that were over.
        pub ended: i64,
        /// Calls that were answered, of those.
        pub answered: i64,
        /// Calls that rang, on average.
        pub ringing: f64,
        /// Calls on the line, on average.
        pub talking: f64,
    }
}

impl From<Sampled> for Bucket {
    fn from(sampled: Sampled) -> Self {
        let Sampled { step, second, begun, ended, answered, ringing, talking } = sampled;
        Self { step, second, begun, ended, answered, ringing, talking }
    }
}

impl Tx {
    /// Campaigns with something going on: those that call, and those that have live calls left.
    pub async fn campaigns_to_sample(&mut self) -> Result<Vec<Uuid>> {
        on!(
            self,
            query_scalar::<Uuid>,
            "SELECT id FROM campaigns WHERE state = 'IN_PROGRESS'
             UNION
             SELECT campaign_id FROM calls WHERE open AND campaign_id IS NOT NULL AND state IN ('TRIGGERED', 'ONGOING')
             ORDER BY 1",
            (),
            fetch_all
        )
    }

    /// Writes down how campaigns stand at this second; somebody may have done so already. `answered`: the outcomes that count as answers.
    pub async fn take_samples(&mut self, campaigns: &[Uuid], second: i64, answered: &[&str]) -> Result<()> {
        #[derive(Serialize)]
        struct Row<'a> {
            name: &'a str,
        }
        let answered = rows::rows(answered.iter().map(|name| Row { name }))?;
        exec!(
            self,
            "INSERT INTO campaign_samples (campaign_id, second, ended, answered, ringing, talking)
             SELECT r.id, $2,
                    coalesce((SELECT CAST(sum(n) AS bigint) FROM counters WHERE campaign_id = r.id AND kind = 'channel'), 0),
                    coalesce((SELECT CAST(sum(n) AS bigint) FROM counters WHERE campaign_id = r.id AND kind = 'outcome'
                        AND name IN (SELECT name FROM ROWS($3, name text) AS a)), 0),
                    (SELECT count(*) FROM calls WHERE campaign_id = r.id AND open AND state = 'TRIGGERED'),
                    (SELECT count(*) FROM calls WHERE campaign_id = r.id AND open AND state = 'ONGOING')
             FROM ROWS($1, id uuid) AS r WHERE true
             ON CONFLICT (campaign_id, second) DO NOTHING",
            rows::ids(campaigns.iter().copied())?,
            second,
            answered
        )?;
        Ok(())
    }

    /// The samples of a campaign from `since` to `until`, in seconds since 1970, by steps of `length` seconds, oldest first.
    pub async fn samples(
        &mut self,
        campaign: CampaignId,
        (since, until): (i64, i64),
        length: i64,
    ) -> Result<Vec<Sampled>> {
        all!(
            self,
            Sampled,
            "SELECT second / $4 AS step, max(second) AS second, max(ended + ringing + talking) AS begun, max(ended) AS ended,
                    max(answered) AS answered, CAST(avg(ringing) AS double precision) AS ringing,
                    CAST(avg(talking) AS double precision) AS talking
             FROM campaign_samples WHERE campaign_id = $1 AND second >= $2 AND second <= $3 GROUP BY 1 ORDER BY 1",
            campaign.uuid(),
            since,
            until,
            length
        )
    }

    /// The last sample of a campaign before a second.
    pub async fn sample_before(&mut self, campaign: CampaignId, second: i64) -> Result<Option<Sampled>> {
        one!(
            self,
            Sampled,
            "SELECT second AS step, second, ended + ringing + talking AS begun, ended, answered,
                    CAST(ringing AS double precision) AS ringing, CAST(talking AS double precision) AS talking
             FROM campaign_samples WHERE campaign_id = $1 AND second < $2 ORDER BY second DESC LIMIT 1",
            campaign.uuid(),
            second
        )
    }

    /// Of the samples between two seconds, leaves one a minute.
    pub async fn thin_samples(&mut self, since: i64, until: i64) -> Result<u64> {
        exec!(
            self,
            "DELETE FROM campaign_samples WHERE second >= $1 AND second < $2 AND second % 60 <> 0",
            since,
            until
        )
    }

    /// Forgets samples taken before a second.
    pub async fn forget_samples(&mut self, before: i64) -> Result<u64> {
        exec!(self, "DELETE FROM campaign_samples WHERE second < $1", before)
    }
}
