use ringfleet_core::{CallerIds, E164, TrunkId, caller_ids::Use};
use serde::Serialize;
use uuid::Uuid;

use crate::{
    Result, Tx,
    record::record,
    rows::{self, hex},
    tx::{all, exec, on},
};

/// A number of a workspace on one day. In the order in which they are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct CallerDay {
    /// Whose.
    #[serde(serialize_with = "hex")]
    pub workspace: Uuid,
    /// Digits of the number.
    pub number: u64,
    /// The day, since 1970-01-01.
    pub day: i32,
}

record! {
    /// A pool of a trunk.
    pub struct TrunkPool {
        /// Whose.
        pub id: TrunkId,
        /// The pool.
        pub caller_ids: CallerIds,
    }
}

record! {
    pub struct Row {
        pub workspace_id: Uuid,
        pub number: E164,
        pub day: i32,
        pub calls: u32,
        pub turn: i64,
    }
}

impl Row {
    fn parts(self) -> (CallerDay, Use) {
        let key = CallerDay { workspace: self.workspace_id, number: self.number.digits(), day: self.day };
        (key, Use { calls: self.calls, turn: self.turn })
    }
}

impl Tx {
    /// The pools of those of these trunks that have one.
    pub async fn trunk_pools(&mut self, trunks: &[Uuid]) -> Result<Vec<TrunkPool>> {
        all!(
            self,
            TrunkPool,
            "SELECT id, caller_ids FROM trunks WHERE caller_ids IS NOT NULL AND id IN (SELECT id FROM ROWS($1, id uuid) AS r)",
            rows::ids(trunks.iter().copied())?
        )
    }

    /// What was shown of these numbers, without holding them. Those that nobody has shown are missing.
    pub async fn caller_id_uses(&mut self, days: &[CallerDay]) -> Result<Vec<(CallerDay, Use)>> {
        let found = all!(
            self,
            Row,
            "SELECT u.* FROM ROWS($1, workspace uuid, number int, day int) AS r
             JOIN caller_id_uses u ON u.workspace_id = r.workspace AND u.number = r.number AND u.day = r.day",
            rows::rows(days)?
        )?;
        Ok(found.into_iter().map(Row::parts).collect())
    }

    /// Makes sure that there is a row for each of these, which can be held. A new day goes on with the turn of the days before.
    pub async fn insert_caller_id_uses(&mut self, days: &[CallerDay]) -> Result<()> {
        // In one order for everybody, and before any of them is held: whoever waits here holds nothing but rows nobody else sees yet.
        exec!(
            self,
            "INSERT INTO caller_id_uses (workspace_id, number, day, calls, turn)
             SELECT r.workspace, r.number, r.day, 0,
                    coalesce((SELECT max(u.turn) FROM caller_id_uses u WHERE u.workspace_id = r.workspace AND u.number = r.number), 0)
             FROM ROWS($1, workspace uuid, number int, day int) AS r
             WHERE NOT EXISTS (SELECT 1 FROM caller_id_uses u WHERE u.workspace_id = r.workspace AND u.number = r.number AND u.day = r.day)
             ORDER BY r.workspace, r.number, r.day
             ON CONFLICT (workspace_id, number, day) DO NOTHING",
            rows::rows(days)?
        )?;
        Ok(())
    }

    /// What was shown of these numbers, held until this transaction ends.
    pub async fn hold_caller_id_uses(&mut self, days: &[CallerDay]) -> Result<Vec<(CallerDay, Use)>> {
        let found = all!(
            self,
            Row,
            "SELECT c.* FROM caller_id_uses c JOIN ROWS($1, workspace uuid, number int, day int) AS r
                ON c.workspace_id = r.workspace AND c.number = r.number AND c.day = r.day
             ORDER BY c.workspace_id, c.number, c.day FOR UPDATE OF c",
            rows::rows(days)?
        )?;
        Ok(found.into_iter().map(Row::parts).collect())
    }

    /// Replaces what was shown of these numbers. Hold them first.
    pub async fn set_caller_id_uses(&mut self, uses: &[(CallerDay, Use)]) -> Result<()> {
        #[derive(Serialize)]
        struct Changed {
            #[serde(flatten)]
            key: CallerDay,
            calls: u32,
            turn: i64,
        }
        exec!(
            self,
            "UPDATE caller_id_uses SET calls = r.calls, turn = r.turn
             FROM ROWS($1, workspace uuid, number int, day int, calls int, turn int) AS r
             WHERE caller_id_uses.workspace_id = r.workspace AND caller_id_uses.number = r.number AND caller_id_uses.day = r.day",
            rows::rows(uses.iter().map(|&(key, used)| Changed { key, calls: used.calls, turn: used.turn }))?
        )?;
        Ok(())
    }

    /// Forgets what was shown before this day, since 1970-01-01. Gives how many rows. The last row of a number stays, for its turn.
    pub async fn forget_caller_id_uses(&mut self, before: i32) -> Result<u64> {
        exec!(
            self,
            "DELETE FROM caller_id_uses WHERE day < $1 AND EXISTS (SELECT 1 FROM caller_id_uses u
                WHERE u.workspace_id = caller_id_uses.workspace_id AND u.number = caller_id_uses.number AND u.day > caller_id_uses.day)",
            before
        )
    }
}
