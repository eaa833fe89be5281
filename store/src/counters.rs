use std::borrow::Cow;

use ringfleet_core::{CampaignId, CounterKind, Hold, RecipientState};
use serde::Serialize;
use uuid::Uuid;

use crate::{
    KeptCounter, Result, Tx,
    record::record,
    rows::{hex, rows},
    tx::{all, exec, on},
};

/// An addition to a kept counter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Bump {
    #[serde(serialize_with = "hex")]
    campaign: Uuid,
    kind: CounterKind,
    name: Cow<'static, str>,
    n: i64,
}

impl Bump {
    /// `n` more of `name`.
    pub fn new(campaign: CampaignId, kind: CounterKind, name: impl Into<Cow<'static, str>>, n: i64) -> Self {
        Self { campaign: campaign.uuid(), kind, name: name.into(), n }
    }
}

record! {
    /// One kept counter.
    pub struct Counter {
        /// What is counted.
        pub kind: CounterKind,
        /// What is counted within the kind.
        pub name: String,
        /// How many.
        pub n: i64,
    }
}

record! {
    /// How many claimed recipients of a campaign are in a state, by hold.
    pub struct RecipientCounts {
        /// QUEUED or ACTIVE.
        pub state: RecipientState,
        /// Why they are not being called, if there is a reason.
        pub hold: Option<Hold>,
        /// How many.
        pub n: i64,
    }
}

impl Tx {
    /// Adds to counters. Call it last in a transaction: the rows are shared by everybody who settles.
    pub async fn bump(&mut self, mut bumps: Vec<Bump>) -> Result<()> {
        bumps.sort(); // one order for everybody, so that two settlers never wait for each other
        bumps.dedup_by(|next, first| {
            let same = (next.campaign, next.kind, &next.name) == (first.campaign, first.kind, &first.name);
            if same {
                first.n += next.n;
            }
            same
        });
        bumps.retain(|bump| bump.n != 0); // what adds up to nothing locks nobody
        if bumps.is_empty() {
            return Ok(());
        }
        exec!(
            self,
            "INSERT INTO counters (campaign_id, kind, name, n)
             SELECT r.campaign, r.kind, r.name, r.n FROM ROWS($1, campaign uuid, kind text, name text, n int) AS r WHERE true
             ON CONFLICT (campaign_id, kind, name) DO UPDATE SET n = counters.n + excluded.n",
            rows(bumps)?
        )?;
        Ok(())
    }

    /// The kept counters of a campaign.
    pub async fn counters(&mut self, campaign: CampaignId) -> Result<Vec<Counter>> {
        all!(
            self,
            Counter,
            "SELECT kind, name, n FROM counters WHERE campaign_id = $1 ORDER BY kind, name",
            campaign.uuid()
        )
    }

    /// The kept counters of some kinds of these campaigns.
    pub async fn counters_of(
        &mut self,
        campaigns: &[Uuid],
        kinds: &[CounterKind],
    ) -> Result<Vec<KeptCounter>> {
        #[derive(Serialize)]
        struct Row {
            #[serde(serialize_with = "hex")]
            campaign: Uuid,
            kind: CounterKind,
        }
        let wanted =
            campaigns.iter().flat_map(|&campaign| kinds.iter().map(move |&kind| Row { campaign, kind }));
        all!(
            self,
            KeptCounter,
            "SELECT c.campaign_id, c.kind, c.name, c.n FROM ROWS($1, campaign uuid, kind text) AS r
             JOIN counters c ON c.campaign_id = r.campaign AND c.kind = r.kind",
            rows(wanted)?
        )
    }

    /// Recipients that are claimed, counted by state and hold. Each has one open call, which waits while it is QUEUED, under its hold. They
    /// are few; those that wait are all others that are not done.
    pub async fn claimed_recipients(&mut self, campaign: CampaignId) -> Result<Vec<RecipientCounts>> {
        all!(
            self,
            RecipientCounts,
            "SELECT CASE WHEN state = 'PENDING' THEN 'QUEUED' ELSE 'ACTIVE' END AS state, hold, count(*) AS n FROM calls
             WHERE campaign_id = $1 AND open GROUP BY 1, 2",
            campaign.uuid()
        )
    }
}
