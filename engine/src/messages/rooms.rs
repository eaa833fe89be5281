//! How many messages may wait for each trunk.

use std::collections::HashMap;

use ringfleet_core::{TrunkId, trunk::Limits};
use ringfleet_store::{Campaign, Tx};
use uuid::Uuid;

use crate::{Result, brake};

/// Most messages that wait for one trunk, of all campaigns: more than a provider takes in two seconds.
const MOST_WAITING: u32 = 400;

/// What a trunk can do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Room {
    /// So many messages more.
    For(u32),
    /// Enough wait for it.
    Full,
    /// It rests after trouble.
    Rests,
}

/// The trunks of a campaign's messages.
pub(crate) struct Rooms(HashMap<TrunkId, Room>);

impl Rooms {
    /// Looks at the trunks of a plan, and at what waits for them. What is free is shared `among` so many campaigns.
    pub(crate) async fn of(tx: &mut Tx, campaign: &Campaign, among: usize) -> Result<Self> {
        let among = u32::try_from(among.max(1)).unwrap_or(u32::MAX);
        let trunks = campaign.plan.messages().filter_map(|(_, step)| step.trunk_id.map(TrunkId::uuid));
        let mut trunks: Vec<Uuid> = trunks.collect();
        trunks.sort();
        trunks.dedup();
        if trunks.is_empty() {
            return Ok(Self(HashMap::new()));
        }
        let healths = brake::healths(tx.trunk_health(&trunks).await?);
        let waiting: HashMap<TrunkId, u32> = tx.waiting_calls_by_trunk().await?.into_iter().collect();
        let limits = tx.trunk_limits(&trunks).await?;
        let room = |(trunk, limits): (TrunkId, Limits)| {
            let waits = waiting.get(&trunk).copied().unwrap_or(0);
            let free = limits.ahead().min(MOST_WAITING).saturating_sub(waits);
            let health = healths.get(&trunk);
            let room = match health.map_or(free, |health| health.room(free)) {
                0 if health.is_some_and(|health| !health.is_open()) => Room::Rests,
                0 => Room::Full,
                free => Room::For(free.div_ceil(among)),
            };
            (trunk, room)
        };
        Ok(Self(limits.into_iter().map(room).collect()))
    }

    pub(crate) fn of_trunk(&self, trunk: TrunkId) -> Room {
        self.0.get(&trunk).copied().unwrap_or(Room::Full)
    }

    /// So many more wait for it.
    pub(crate) fn take(&mut self, trunk: TrunkId, more: usize) {
        if let Some(Room::For(free)) = self.0.get(&trunk).copied() {
            let left = free.saturating_sub(u32::try_from(more).unwrap_or(u32::MAX));
            self.0.insert(trunk, if left == 0 { Room::Full } else { Room::For(left) });
        }
    }
}
