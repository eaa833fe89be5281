use chrono::{DateTime, Utc};
use ringfleet_core::{CallId, CampaignId, Hold, TrunkId, WorkerId};
use uuid::Uuid;

use crate::{
    Call, Result, Timestamp, Tx,
    record::record,
    rows,
    tx::{all, exec, on, scalar},
};

/// What a waiting call has to be like to wait for a worker or for room; those that are put off until some hour do not.
macro_rules! waits_for_room {
    () => {
        "(hold IS NULL OR hold NOT IN ('WINDOW', 'GAP', 'CALLER_ID'))"
    };
}

record! {
    /// A waiting call whose job is to be pushed.
    pub struct Waiting {
        /// Which.
        pub id: CallId,
        /// Its campaign; without one it goes to the trigger lane.
        pub campaign_id: Option<CampaignId>,
    }
}

record! {
    /// The waiting calls of a campaign.
    pub struct Queue {
        /// Whose.
        pub campaign_id: CampaignId,
        /// How many wait for a worker or for room; not those that wait for an hour.
        pub waiting: u32,
        /// How many of them were sent back by a limit, or a carrier, that had no room.
        pub held: u32,
    }
}

impl Tx {
    /// Sends a waiting call back: not before `at`, for `hold`, and `reason` where that says more. Gives its recipient if it was
    /// still waiting, and not for something later.
    pub async fn postpone_call(
        &mut self,
        id: CallId,
        at: DateTime<Utc>,
        hold: Hold,
        reason: Option<&str>,
    ) -> Result<Option<Uuid>> {
        let found = scalar!(
            self,
            Option<Uuid>,
            "UPDATE calls SET due_at = $2, pushed_at = NULL, hold = $3, reason = $4
             WHERE id = $1 AND state = 'PENDING' AND due_at < $2 RETURNING recipient_id",
            id.uuid(),
            Timestamp(at),
            hold.as_str(),
            reason
        )?;
        Ok(found.flatten())
    }

    /// Takes over up to `limit` calls whose worker died, unless `worker` has been declared dead itself; gives them. What somebody
    /// else is taking over is passed over.
    pub async fn adopt_orphans(&mut self, worker: WorkerId, limit: u32) -> Result<Vec<CallId>> {
        let ids: Vec<Uuid> = on!(
            self,
            query_scalar::<Uuid>,
            "WITH lost AS MATERIALIZED (
                 SELECT id FROM calls WHERE worker_id IS NULL AND state IN ('TRIGGERED', 'ONGOING') AND orphaned_at IS NOT NULL
                    AND NOT EXISTS (SELECT 1 FROM workers WHERE workers.id = $1 AND workers.dead_at IS NOT NULL)
                 LIMIT $2 FOR UPDATE SKIP LOCKED)
             UPDATE calls SET worker_id = $1, orphaned_at = NULL FROM lost WHERE calls.id = lost.id RETURNING calls.id",
            (worker.uuid(), i64::from(limit)),
            fetch_all
        )?;
        Ok(ids.into_iter().map(CallId::from).collect())
    }

    /// How many calls of dead workers nobody has taken over yet.
    pub async fn count_orphans(&mut self) -> Result<u64> {
        let n = scalar!(
            self,
            i64,
            "SELECT count(*) FROM calls
             WHERE worker_id IS NULL AND state IN ('TRIGGERED', 'ONGOING') AND orphaned_at IS NOT NULL"
        )?;
        Ok(n.unwrap_or(0) as u64)
    }

    /// How many calls of the campaign, messages aside, wait for a worker or for room; not those that wait for an hour.
    pub async fn count_waiting_calls(&mut self, campaign: CampaignId) -> Result<u32> {
        let n = scalar!(
            self,
            i64,
            concat!(
                "SELECT count(*) FROM calls WHERE campaign_id = $1 AND open AND state = 'PENDING' AND channel = 'voice' AND ",
                waits_for_room!()
            ),
            campaign.uuid()
        )?;
        Ok(n.unwrap_or(0) as u32)
    }

    /// The same of all campaigns by trunk; those that have none are not listed.
    pub async fn waiting_calls_by_trunk(&mut self) -> Result<Vec<(TrunkId, u32)>> {
        record! {
            /// The calls that wait for a trunk.
            pub struct OfTrunk {
                pub trunk_id: TrunkId,
                pub n: u32,
            }
        }
        let found = all!(
            self,
            OfTrunk,
            concat!(
                "SELECT trunk_id, CAST(count(*) AS integer) AS n FROM calls
             WHERE open AND state = 'PENDING' AND campaign_id IS NOT NULL AND ",
                waits_for_room!(),
                " GROUP BY trunk_id"
            )
        )?;
        Ok(found.into_iter().map(|of| (of.trunk_id, of.n)).collect())
    }

    /// The waiting calls, messages aside, of every campaign that has any.
    pub async fn queues(&mut self) -> Result<Vec<Queue>> {
        all!(
            self,
            Queue,
            concat!("SELECT campaign_id, CAST(count(*) AS integer) AS waiting, CAST(count(hold) AS integer) AS held FROM calls
             WHERE open AND state = 'PENDING' AND channel = 'voice' AND campaign_id IS NOT NULL AND ", waits_for_room!(), " GROUP BY campaign_id")
        )
    }

    /// How many calls, of all campaigns, wait with a job that was pushed before `before`.
    pub async fn count_pushed_calls(&mut self, before: DateTime<Utc>) -> Result<u64> {
        let n = scalar!(
            self,
            i64,
            "SELECT count(*) FROM calls WHERE open AND state = 'PENDING' AND pushed_at < $1",
            Timestamp(before)
        )?;
        Ok(n.unwrap_or(0) as u64)
    }

    /// Waiting calls that are due and have no job, the longest due first; marks them pushed now.
    pub async fn calls_to_push(&mut self, limit: u32, now: DateTime<Utc>) -> Result<Vec<Waiting>> {
        self.in_order(true).await?;
        let due = all!(
            self,
            Waiting,
            "WITH due AS MATERIALIZED (
                 SELECT id FROM calls WHERE open AND pushed_at IS NULL AND state = 'PENDING' AND due_at <= $1
                    AND (campaign_id IS NULL OR campaign_id IN (SELECT id FROM campaigns WHERE state = 'IN_PROGRESS'))
                 ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED)
             UPDATE calls SET pushed_at = $1 FROM due WHERE calls.id = due.id
             RETURNING calls.id AS id, calls.campaign_id AS campaign_id",
            Timestamp(now),
            i64::from(limit)
        )?;
        self.in_order(false).await?;
        Ok(due)
    }

    /// Waiting calls that are due and whose job was pushed before `before`, single ones first; marks them pushed now.
    pub async fn calls_to_push_again(
        &mut self,
        before: DateTime<Utc>,
        limit: u32,
        now: DateTime<Utc>,
    ) -> Result<Vec<Waiting>> {
        // The order is that of the index of open calls; see `in_order`.
        self.in_order(true).await?;
        let lost = all!(
            self,
            Waiting,
            "WITH lost AS MATERIALIZED (
                 SELECT id FROM calls WHERE open AND pushed_at < $2 AND state = 'PENDING' AND due_at <= $1
                    AND (campaign_id IS NULL OR campaign_id IN (SELECT id FROM campaigns WHERE state = 'IN_PROGRESS'))
                 ORDER BY campaign_id NULLS FIRST LIMIT $3 FOR UPDATE SKIP LOCKED)
             UPDATE calls SET pushed_at = $1 FROM lost WHERE calls.id = lost.id
             RETURNING calls.id AS id, calls.campaign_id AS campaign_id",
            Timestamp(now),
            Timestamp(before),
            i64::from(limit)
        )?;
        self.in_order(false).await?;
        Ok(lost)
    }

    /// Makes orphans of the calls that have begun and whose worker is dead; gives them. One that somebody is settling at this
    /// moment is passed over.
    pub async fn mark_orphans(&mut self, now: DateTime<Utc>) -> Result<Vec<CallId>> {
        let ids: Vec<Uuid> = on!(
            self,
            query_scalar::<Uuid>,
            "WITH lost AS MATERIALIZED (
                 SELECT id FROM calls WHERE open AND state IN ('TRIGGERED', 'ONGOING')
                    AND worker_id IN (SELECT id FROM workers WHERE dead_at IS NOT NULL)
                 FOR UPDATE SKIP LOCKED)
             UPDATE calls SET orphaned_at = $1, worker_id = NULL FROM lost WHERE calls.id = lost.id RETURNING calls.id",
            (Timestamp(now)),
            fetch_all
        )?;
        Ok(ids.into_iter().map(CallId::from).collect())
    }

    /// The calls this worker has begun and not settled.
    pub async fn begun_by(&mut self, worker: WorkerId) -> Result<Vec<CallId>> {
        let ids: Vec<Uuid> = on!(
            self,
            query_scalar::<Uuid>,
            "SELECT id FROM calls WHERE open AND state IN ('TRIGGERED', 'ONGOING') AND worker_id = $1",
            (worker.uuid()),
            fetch_all
        )?;
        Ok(ids.into_iter().map(CallId::from).collect())
    }

    /// Makes orphans of calls of this worker that are still open; gives how many.
    pub async fn disown_calls(&mut self, worker: WorkerId, ids: &[Uuid], now: DateTime<Utc>) -> Result<u64> {
        exec!(
            self,
            "UPDATE calls SET orphaned_at = $3, worker_id = NULL
             WHERE worker_id = $2 AND state IN ('TRIGGERED', 'ONGOING') AND id IN (SELECT id FROM ROWS($1, id uuid) AS r)",
            rows::ids(ids.iter().copied())?,
            worker.uuid(),
            Timestamp(now)
        )
    }

    /// A pause: waiting calls that never went to a carrier vanish, their recipients are PENDING again.
    pub async fn withdraw_waiting_calls(&mut self, campaign: CampaignId) -> Result<()> {
        let recipients: Vec<Option<Uuid>> = on!(
            self,
            query_scalar::<Option<Uuid>>,
            "DELETE FROM calls WHERE campaign_id = $1 AND open AND state = 'PENDING' AND placements = 0 RETURNING recipient_id",
            (campaign.uuid()),
            fetch_all
        )?;
        self.release_recipients(recipients.into_iter().flatten()).await
    }

    /// Takes these waiting calls away, which never went to a carrier.
    pub async fn delete_calls(&mut self, ids: &[Uuid]) -> Result<()> {
        exec!(
            self,
            "DELETE FROM calls WHERE state = 'PENDING' AND placements = 0 AND id IN (SELECT id FROM ROWS($1, id uuid) AS r)",
            rows::ids(ids.iter().copied())?
        )?;
        Ok(())
    }

    /// A resumed campaign: its waiting calls are pushed again at once.
    pub async fn forget_pushes(&mut self, campaign: CampaignId) -> Result<()> {
        exec!(
            self,
            "UPDATE calls SET pushed_at = NULL WHERE campaign_id = $1 AND open AND state = 'PENDING'",
            campaign.uuid()
        )?;
        Ok(())
    }

    /// A cancel: waiting calls that had gone to a carrier before end as CANCELLED; gives them.
    pub async fn cancel_held_calls(
        &mut self,
        campaign: CampaignId,
        reason: &str,
        now: DateTime<Utc>,
    ) -> Result<Vec<Call>> {
        all!(
            self,
            Call,
            "UPDATE calls SET state = 'CANCELLED', reason = $2, ended_at = $3, hold = NULL, pushed_at = NULL, resume = NULL
             WHERE campaign_id = $1 AND open AND state = 'PENDING' AND placements > 0 RETURNING *",
            campaign.uuid(),
            reason,
            Timestamp(now)
        )
    }
}
