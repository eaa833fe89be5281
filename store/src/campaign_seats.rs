use ringfleet_core::{CampaignId, seats::Answers};
use serde::Serialize;
use uuid::Uuid;

use crate::{
    Result, Tx,
    record::record,
    rows::{self, hex},
    tx::{all, exec, on, one},
};

record! {
    /// What became of the people who picked up in a campaign that has seats.
    pub struct CampaignAnswers {
        /// Which campaign.
        pub campaign_id: CampaignId,
        /// What is kept of them.
        pub answers: Answers,
    }
}

impl Tx {
    /// What is known of the answers of these campaigns, each with a row from now on, held until this transaction ends. After calls,
    /// recipients and brakes, before counters.
    pub async fn lock_campaign_answers(&mut self, campaigns: &[Uuid]) -> Result<Vec<CampaignAnswers>> {
        let ids = rows::ids(campaigns.iter().copied())?;
        exec!(
            self,
            "INSERT INTO campaign_seats (campaign_id, answers)
             SELECT r.id, '{}' FROM ROWS($1, id uuid) AS r WHERE true ORDER BY r.id ON CONFLICT (campaign_id) DO NOTHING",
            &ids
        )?;
        all!(
            self,
            CampaignAnswers,
            "SELECT * FROM campaign_seats WHERE campaign_id IN (SELECT id FROM ROWS($1, id uuid) AS r)
             ORDER BY campaign_id FOR UPDATE",
            &ids
        )
    }

    /// Writes what is known of answers. Lock them first.
    pub async fn set_campaign_answers(&mut self, answers: &[CampaignAnswers]) -> Result<()> {
        #[derive(Serialize)]
        struct Row<'a> {
            #[serde(serialize_with = "hex")]
            id: Uuid,
            answers: &'a Answers,
        }
        let rows =
            rows::rows(answers.iter().map(|of| Row { id: of.campaign_id.uuid(), answers: &of.answers }))?;
        exec!(
            self,
            "UPDATE campaign_seats SET answers = r.answers FROM ROWS($1, id uuid, answers json) AS r
             WHERE campaign_seats.campaign_id = r.id",
            rows
        )?;
        Ok(())
    }

    /// What is known of the answers of a campaign.
    pub async fn campaign_answers(&mut self, campaign: CampaignId) -> Result<Answers> {
        let found = one!(
            self,
            CampaignAnswers,
            "SELECT * FROM campaign_seats WHERE campaign_id = $1",
            campaign.uuid()
        )?;
        Ok(found.map(|of| of.answers).unwrap_or_default())
    }
}
