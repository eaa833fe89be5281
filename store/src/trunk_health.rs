use chrono::{DateTime, Utc};
use ringfleet_core::{
    TrunkId,
    brake::{BrakeState, Health},
    trunk::TrunkConfig,
};
use serde::Serialize;
use uuid::Uuid;

use crate::{
    Result, Timestamp, Tx,
    record::record,
    rows::{self, hex, hex_opt, millis, millis_opt},
    tx::{all, exec, on, scalar},
};

record! {
    /// How a trunk is that has had trouble. A trunk that never had any has none.
    pub struct TrunkHealth {
        /// Which trunk.
        pub trunk_id: TrunkId,
        /// Whether calls may begin on it.
        pub state: BrakeState,
        /// The trouble it last had.
        pub reason: Option<String>,
        /// When it came into this state.
        pub since: DateTime<Utc>,
        /// When something is due in this state.
        pub until: DateTime<Utc>,
        /// Rests in a row.
        pub pauses: u32,
        /// Since when it has been in doubt.
        pub doubt_since: Option<DateTime<Utc>>,
        /// Doubtful troubles in a row.
        pub troubles: u32,
        /// The first calls that met them.
        pub troubled: Vec<Uuid>,
        /// The call on trial.
        pub trial: Option<Uuid>,
    }
}

record! {
    /// A trunk with which something is to be done: a probe, or another call to go on trial.
    pub struct DueTrunk {
        /// Which.
        pub trunk_id: TrunkId,
        /// PAUSED or PROBING: a probe. TRIAL: a call.
        pub state: BrakeState,
        /// The carrier and its settings.
        pub config: TrunkConfig,
    }
}

impl TrunkHealth {
    /// A row for this health.
    pub fn new(trunk_id: TrunkId, health: Health) -> Self {
        let Health { state, reason, since, until, pauses, doubt_since, troubles, troubled, trial } = health;
        Self { trunk_id, state, reason, since, until, pauses, doubt_since, troubles, troubled, trial }
    }

    /// What the rule looks at.
    pub fn health(self) -> Health {
        let Self { state, reason, since, until, pauses, doubt_since, troubles, troubled, trial, .. } = self;
        Health { state, reason, since, until, pauses, doubt_since, troubles, troubled, trial }
    }
}

impl Tx {
    /// How those of these trunks are that have had trouble, unlocked.
    pub async fn trunk_health(&mut self, trunks: &[Uuid]) -> Result<Vec<TrunkHealth>> {
        all!(
            self,
            TrunkHealth,
            "SELECT * FROM trunk_health WHERE trunk_id IN (SELECT id FROM ROWS($1, id uuid) AS r)",
            rows::ids(trunks.iter().copied())?
        )
    }

    /// How these trunks are, each with a row from now on, held until this transaction ends. After calls and recipients, before
    /// counters.
    pub async fn lock_trunk_health(&mut self, trunks: &[Uuid]) -> Result<Vec<TrunkHealth>> {
        let ids = rows::ids(trunks.iter().copied())?;
        let unknown = Timestamp(Health::unknown().since);
        exec!(
            self,
            "INSERT INTO trunk_health (trunk_id, state, since, until, pauses, troubles, troubled)
             SELECT r.id, 'OPEN', $2, $2, 0, 0, '[]' FROM ROWS($1, id uuid) AS r WHERE true ORDER BY r.id
             ON CONFLICT (trunk_id) DO NOTHING",
            &ids,
            unknown
        )?;
        all!(
            self,
            TrunkHealth,
            "SELECT * FROM trunk_health WHERE trunk_id IN (SELECT id FROM ROWS($1, id uuid) AS r) ORDER BY trunk_id FOR UPDATE",
            &ids
        )
    }

    /// Writes how trunks are. Lock them first.
    pub async fn set_trunk_health(&mut self, trunks: &[TrunkHealth]) -> Result<()> {
        #[derive(Serialize)]
        struct Row<'a> {
            #[serde(serialize_with = "hex")]
            id: Uuid,
            state: BrakeState,
            reason: &'a Option<String>,
            #[serde(serialize_with = "millis")]
            since: DateTime<Utc>,
            #[serde(serialize_with = "millis")]
            until: DateTime<Utc>,
            pauses: u32,
            #[serde(serialize_with = "millis_opt")]
            doubt_since: Option<DateTime<Utc>>,
            troubles: u32,
            troubled: &'a [Uuid],
            #[serde(serialize_with = "hex_opt")]
            trial: Option<Uuid>,
        }
        let rows = rows::rows(trunks.iter().map(|t| Row {
            id: t.trunk_id.uuid(),
            state: t.state,
            reason: &t.reason,
            since: t.since,
            until: t.until,
            pauses: t.pauses,
            doubt_since: t.doubt_since,
            troubles: t.troubles,
            troubled: &t.troubled,
            trial: t.trial,
        }))?;
        exec!(
            self,
            "UPDATE trunk_health SET state = r.state, reason = r.reason, since = r.since, until = r.until, pauses = r.pauses,
                    doubt_since = r.doubt_since, troubles = r.troubles, troubled = r.troubled, trial = r.trial
             FROM ROWS($1, id uuid, state text, reason text, since time, until time, pauses int, doubt_since time, troubles int,
                       troubled json, trial uuid) AS r
             WHERE trunk_health.trunk_id = r.id",
            rows
        )?;
        Ok(())
    }

    /// Trunks with which something is to be done at `now`.
    pub async fn due_trunks(&mut self, now: DateTime<Utc>) -> Result<Vec<DueTrunk>> {
        let mut due = all!(
            self,
            DueTrunk,
            "SELECT h.trunk_id, h.state, t.config FROM trunk_health h JOIN trunks t ON t.id = h.trunk_id
             WHERE h.state <> 'OPEN' AND h.state <> 'STOPPED' AND h.trial IS NULL AND h.until <= $1 ORDER BY h.trunk_id",
            Timestamp(now)
        )?;
        for trunk in &mut due {
            self.open_config(&mut trunk.config, trunk.trunk_id)?;
        }
        Ok(due)
    }

    /// How many calls that first began at `since` or later are live on the trunk.
    pub async fn live_calls_on_trunk(&mut self, trunk: TrunkId, since: DateTime<Utc>) -> Result<u32> {
        let n = scalar!(
            self,
            i64,
            "SELECT count(*) FROM calls WHERE trunk_id = $1 AND open AND state IN ('TRIGGERED', 'ONGOING') AND triggered_at >= $2",
            trunk.uuid(),
            Timestamp(since)
        )?;
        Ok(n.unwrap_or(0) as u32)
    }

    /// These calls, as far as they wait, held in the one order until this transaction ends.
    pub async fn lock_waiting_calls(&mut self, ids: &[Uuid]) -> Result<()> {
        exec!(
            self,
            "SELECT id FROM calls WHERE id IN (SELECT id FROM ROWS($1, id uuid) AS r) AND state = 'PENDING' ORDER BY id FOR UPDATE",
            rows::ids(ids.iter().copied())?
        )?;
        Ok(())
    }

    /// Sends calls back that wait for this trunk: not before `at`. Gives their recipients.
    pub async fn hold_for_trunk(
        &mut self,
        trunk: TrunkId,
        ids: &[Uuid],
        at: DateTime<Utc>,
    ) -> Result<Vec<Uuid>> {
        let recipients: Vec<Option<Uuid>> = on!(
            self,
            query_scalar::<Option<Uuid>>,
            "UPDATE calls SET due_at = $2, pushed_at = NULL, hold = 'TRUNK' FROM ROWS($1, id uuid) AS r
             WHERE calls.id = r.id AND calls.trunk_id = $3 AND calls.state = 'PENDING' RETURNING recipient_id",
            (rows::ids(ids.iter().copied())?, Timestamp(at), trunk.uuid()),
            fetch_all
        )?;
        Ok(recipients.into_iter().flatten().collect())
    }

    /// Lets up to `limit` calls go that wait for this trunk, single ones first: they are due now. What somebody else is at is
    /// passed over, and so are those of campaigns that are not calling. Gives how many.
    pub async fn let_go(&mut self, trunk: TrunkId, limit: u32, now: DateTime<Utc>) -> Result<u64> {
        exec!(
            self,
            "WITH held AS MATERIALIZED (
                 SELECT id FROM calls WHERE trunk_id = $1 AND open AND state = 'PENDING' AND hold = 'TRUNK'
                    AND (campaign_id IS NULL OR campaign_id IN (SELECT id FROM campaigns WHERE state = 'IN_PROGRESS'))
                 ORDER BY campaign_id IS NOT NULL, due_at LIMIT $3 FOR UPDATE SKIP LOCKED)
             UPDATE calls SET due_at = $2, pushed_at = NULL FROM held WHERE calls.id = held.id",
            trunk.uuid(),
            Timestamp(now),
            i64::from(limit)
        )
    }
}
