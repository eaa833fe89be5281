use chrono::{DateTime, Utc};
use ringfleet_core::{Channel, E164, SuppressionId, SuppressionSource, WorkspaceId};
use serde::Serialize;
use uuid::Uuid;

use crate::{
    Page, Result, Timestamp, Tx,
    record::record,
    rows::{self, hex, millis_opt},
    tx::{all, exec, on, one, page},
};

/// What stands in `channel` where a suppression holds on all of them.
const ALL: &str = "all";

record! {
    /// A number of a workspace that must not be contacted.
    pub struct Suppression {
        /// Its id.
        pub id: SuppressionId,
        /// Which number.
        pub number: E164,
        /// `all`, or the one channel it holds on.
        pub channel: String,
        /// Why, in somebody's words.
        pub reason: String,
        /// Where it comes from.
        pub source: SuppressionSource,
        /// From when on it holds no more.
        pub expires_at: Option<DateTime<Utc>>,
        /// When it was put on the list.
        pub created_at: DateTime<Utc>,
    }
}

impl Suppression {
    /// The one channel it holds on; none is all.
    pub fn scope(&self) -> Option<Channel> {
        self.channel.parse().ok()
    }
}

/// A suppression to be kept.
#[derive(Debug, Clone)]
pub struct NewSuppression {
    /// Which number.
    pub number: E164,
    /// The one channel it holds on; none is all.
    pub channel: Option<Channel>,
    /// Why, in somebody's words.
    pub reason: String,
    /// Where it comes from.
    pub source: SuppressionSource,
    /// From when on it holds no more; none is for good.
    pub expires_at: Option<DateTime<Utc>>,
}

impl NewSuppression {
    /// What a stop of the person themself means, for `reason`: nothing reaches the number any more, on any channel, for good.
    pub fn stop(number: E164, reason: String) -> Self {
        Self { number, channel: None, reason, source: SuppressionSource::Stop, expires_at: None }
    }
}

/// A number of a workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Address {
    /// Whose.
    #[serde(serialize_with = "hex")]
    pub workspace: Uuid,
    /// Its digits.
    pub number: u64,
}

impl Tx {
    /// Puts numbers on the list, each at most once per channel; what is on it already gets the new reason and source (that somebody
    /// said stop is not forgotten), and the later expiry of the two. Gives the entries. `new` must not hold one number twice for one channel.
    pub async fn suppress(
        &mut self,
        workspace: WorkspaceId,
        new: &[NewSuppression],
        now: DateTime<Utc>,
    ) -> Result<Vec<Suppression>> {
        #[derive(Serialize)]
        struct Row<'a> {
            #[serde(serialize_with = "hex")]
            id: Uuid,
            number: u64,
            channel: &'static str,
            reason: &'a str,
            source: SuppressionSource,
            #[serde(serialize_with = "millis_opt")]
            expires_at: Option<DateTime<Utc>>,
        }
        let rows = rows::rows(new.iter().map(|s| Row {
            id: SuppressionId::new(now).uuid(),
            number: s.number.digits(),
            channel: s.channel.map_or(ALL, Channel::as_str),
            reason: &s.reason,
            source: s.source,
            expires_at: s.expires_at,
        }))?;
        all!(
            self,
            Suppression,
            "INSERT INTO suppressions (id, workspace_id, number, channel, reason, source, expires_at, created_at)
             SELECT r.id, $2, r.number, r.channel, r.reason, r.source, r.expires_at, $3
             FROM ROWS($1, id uuid, number int, channel text, reason text, source text, expires_at time) AS r
             WHERE true ORDER BY r.number, r.channel
             ON CONFLICT (workspace_id, number, channel) DO UPDATE SET reason = excluded.reason,
                source = CASE WHEN suppressions.source = 'STOP' THEN suppressions.source ELSE excluded.source END,
                expires_at = CASE WHEN suppressions.expires_at IS NULL OR excluded.expires_at IS NULL THEN NULL
                                  WHEN suppressions.expires_at > excluded.expires_at THEN suppressions.expires_at
                                  ELSE excluded.expires_at END
             RETURNING *",
            rows,
            workspace.uuid(),
            Timestamp(now)
        )
    }

    /// Those of these numbers that must not be contacted on `channel` at `now`: they stand on a list, or the people were erased.
    pub async fn suppressed(
        &mut self,
        addresses: &[Address],
        channel: Channel,
        now: DateTime<Utc>,
    ) -> Result<Vec<Address>> {
        record! {
            pub struct Found {
                pub workspace: Uuid,
                pub number: E164,
            }
        }
        let found = all!(
            self,
            Found,
            "SELECT DISTINCT r.workspace, r.number FROM ROWS($1, workspace uuid, number int) AS r
             JOIN suppressions s ON s.workspace_id = r.workspace AND s.number = r.number
             WHERE s.channel IN ('all', $2) AND (s.expires_at IS NULL OR s.expires_at > $3)",
            rows::rows(addresses)?,
            channel.as_str(),
            Timestamp(now)
        )?;
        let listed = found.into_iter().map(|f| Address { workspace: f.workspace, number: f.number.digits() });
        let mut suppressed: Vec<Address> = listed.collect();
        suppressed.extend(self.barred_of(addresses).await?);
        Ok(suppressed)
    }

    /// One entry of the workspace's lists.
    pub async fn suppression(
        &mut self,
        workspace: WorkspaceId,
        id: SuppressionId,
    ) -> Result<Option<Suppression>> {
        one!(
            self,
            Suppression,
            "SELECT * FROM suppressions WHERE workspace_id = $1 AND id = $2",
            workspace.uuid(),
            id.uuid()
        )
    }

    /// A page of the workspace's entries, newest first; only those of `number`, if one is given.
    pub async fn suppressions(
        &mut self,
        workspace: WorkspaceId,
        number: Option<E164>,
        page: Page,
    ) -> Result<Vec<Suppression>> {
        let Some(number) = number else {
            return page!(
                self,
                Suppression,
                page,
                "SELECT * FROM suppressions WHERE workspace_id = $1 AND id > $2 AND id < $3",
                "id",
                (workspace.uuid())
            );
        };
        page!(
            self,
            Suppression,
            page,
            "SELECT * FROM suppressions WHERE workspace_id = $1 AND id > $2 AND id < $3 AND number = $5",
            "id",
            (workspace.uuid(), number.digits() as i64)
        )
    }

    /// Takes an entry off the list; false when there is none.
    pub async fn unsuppress(&mut self, workspace: WorkspaceId, id: SuppressionId) -> Result<bool> {
        let gone = exec!(
            self,
            "DELETE FROM suppressions WHERE workspace_id = $1 AND id = $2",
            workspace.uuid(),
            id.uuid()
        )?;
        Ok(gone > 0)
    }
}
