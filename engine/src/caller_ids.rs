//! The caller IDs of pools, chosen in the transaction that begins the calls. What was shown of each number of a workspace is kept by day
//! and held meanwhile, so that a cap holds however many workers begin calls.
//!
//! Where neither a pool nor a single call is concerned, nothing is asked of the database.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use ringfleet_core::{
    CallerIds, CampaignId, E164, TrunkId, WorkspaceId, WorkspaceRules,
    caller_ids::{Day, Use},
};
use ringfleet_store::{Begin, Beginning, Call, CallerDay, Campaign, Placement, Tx};
use uuid::Uuid;

use crate::{Engine, EngineError, Result};

/// A call that has begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begun {
    /// The caller ID it shows.
    pub caller_id: Option<String>,
}

/// For how many days it is kept what was shown.
const KEPT_DAYS: i32 = 7;

/// What calls that are about to begin may show.
pub(crate) struct Numbers<'a> {
    campaigns: &'a HashMap<CampaignId, Campaign>,
    trunk_pools: HashMap<TrunkId, CallerIds>,
    /// What they show where no pool chooses, as their workers say.
    own: HashMap<Uuid, Option<&'a str>>,
    days: HashMap<WorkspaceId, Day>,
    uses: HashMap<CallerDay, Use>,
    changed: BTreeSet<CallerDay>,
    /// The latest turn that anybody has had.
    turn: i64,
    shown: HashMap<Uuid, (Option<String>, Option<i32>)>,
}

impl<'a> Numbers<'a> {
    /// Holds all numbers that one of these calls may be counted for. `floors` are those of single calls.
    pub(crate) async fn hold(
        tx: &mut Tx,
        wishes: &'a [Begin],
        waiting: &[Beginning],
        campaigns: &'a HashMap<CampaignId, Campaign>,
        floors: &HashMap<WorkspaceId, WorkspaceRules>,
        now: DateTime<Utc>,
    ) -> Result<Self> {
        let by_id: HashMap<Uuid, &Begin> = wishes.iter().map(|wish| (wish.id, wish)).collect();
        let mut numbers = Self {
            campaigns,
            trunk_pools: HashMap::new(),
            own: by_id.iter().map(|(id, wish)| (*id, wish.caller_id.as_deref())).collect(),
            days: HashMap::new(),
            uses: HashMap::new(),
            changed: BTreeSet::new(),
            turn: now.timestamp_millis(),
            shown: HashMap::new(),
        };
        let has_pool = |b: &&Beginning| by_id.get(&b.call.id.uuid()).is_some_and(|wish| wish.trunk_has_pool);
        let lacks_own =
            |b: &&Beginning| numbers.campaign(&b.call).is_some_and(|campaign| campaign.caller_ids.is_none());
        let trunks: BTreeSet<Uuid> =
            waiting.iter().filter(has_pool).filter(lacks_own).map(|b| b.call.trunk_id.uuid()).collect();
        numbers.trunk_pools = trunk_pools(tx, &trunks.into_iter().collect::<Vec<_>>()).await?;
        let zones = campaigns.values().map(|campaign| (campaign.workspace_id, &campaign.floor));
        for (workspace, floor) in zones.chain(floors.iter().map(|(id, floor)| (*id, floor))) {
            numbers.days.entry(workspace).or_insert_with(|| Day::of(floor.schedule.timezone, now));
        }
        let mut wanted = BTreeSet::new();
        for Beginning { call, .. } in waiting {
            match numbers.pool(call) {
                Some(pool) => wanted.extend(pool.numbers.iter().filter_map(|n| numbers.key(call, *n))),
                None => wanted.extend(numbers.counted(call).and_then(|n| numbers.key(call, n))),
            }
        }
        if wanted.is_empty() {
            return Ok(numbers);
        }
        let wanted: Vec<CallerDay> = wanted.into_iter().collect();
        tx.insert_caller_id_uses(&wanted).await?;
        numbers.uses = tx.hold_caller_id_uses(&wanted).await?.into_iter().collect();
        numbers.turn = numbers.uses.values().map(|used| used.turn).fold(numbers.turn, i64::max);
        Ok(numbers)
    }

    fn campaign(&self, call: &Call) -> Option<&'a Campaign> {
        self.campaigns.get(&call.campaign_id?)
    }

    fn pool(&self, call: &Call) -> Option<&CallerIds> {
        let campaign = self.campaign(call)?;
        campaign.caller_ids.as_ref().or_else(|| self.trunk_pools.get(&call.trunk_id))
    }

    fn own(&self, call: &Call) -> Option<&'a str> {
        self.own.get(&call.id.uuid()).copied().flatten()
    }

    /// The number for which a call without a pool counts: that of a single call.
    fn counted(&self, call: &Call) -> Option<E164> {
        self.own(call).filter(|_| call.campaign_id.is_none())?.parse().ok()
    }

    fn key(&self, call: &Call, number: E164) -> Option<CallerDay> {
        let day = self.days.get(&call.workspace_id)?.number;
        Some(CallerDay { workspace: call.workspace_id.uuid(), number: number.digits(), day })
    }

    /// Chooses what a campaign's call shows, which is allowed in all other respects. The error is the moment until which its pool has
    /// nothing left.
    pub(crate) fn choose(&mut self, call: &Call) -> std::result::Result<(), DateTime<Utc>> {
        let (Some(pool), Some(day)) = (self.pool(call), self.days.get(&call.workspace_id)) else {
            self.show_own(call);
            return Ok(());
        };
        let number = pool.choose(day, |n| self.used(call, n), call.number)?;
        self.show(call, Some(number.to_string()), Some(number));
        Ok(())
    }

    /// The call shows what its worker would show.
    pub(crate) fn show_own(&mut self, call: &Call) {
        self.show(call, self.own(call).map(str::to_owned), self.counted(call));
    }

    /// The same where no cap counts it: a message.
    pub(crate) fn show_uncounted(&mut self, call: &Call) {
        self.show(call, self.own(call).map(str::to_owned), None);
    }

    fn show(&mut self, call: &Call, text: Option<String>, counted: Option<E164>) {
        let key = counted.and_then(|number| self.key(call, number));
        if let Some(key) = key {
            self.turn += 1;
            let used = self.uses.entry(key).or_default();
            *used = Use { calls: used.calls + 1, turn: self.turn };
            self.changed.insert(key);
        }
        self.shown.insert(call.id.uuid(), (text, key.map(|key| key.day)));
    }

    fn used(&self, call: &Call, number: E164) -> Use {
        self.key(call, number).and_then(|key| self.uses.get(&key).copied()).unwrap_or_default()
    }

    /// A call as it is to be written.
    pub(crate) fn placement<'b>(&'b self, wish: &'b Begin) -> Placement<'b> {
        let (caller_id, caller_day) = self.shown_by(wish.id);
        Placement { wish, caller_id, caller_day }
    }

    /// What a call shows that begins, and the day under which that is counted.
    pub(crate) fn shown_by(&self, call: Uuid) -> (Option<&str>, Option<i32>) {
        self.shown.get(&call).map_or((None, None), |(text, day)| (text.as_deref(), *day))
    }

    /// Keeps what has changed.
    pub(crate) async fn write(&self, tx: &mut Tx) -> Result<()> {
        let changed: Vec<(CallerDay, Use)> =
            self.changed.iter().filter_map(|key| Some((*key, *self.uses.get(key)?))).collect();
        if !changed.is_empty() {
            tx.set_caller_id_uses(&changed).await?;
        }
        Ok(())
    }
}

async fn trunk_pools(tx: &mut Tx, trunks: &[Uuid]) -> Result<HashMap<TrunkId, CallerIds>> {
    if trunks.is_empty() {
        return Ok(HashMap::new());
    }
    Ok(tx.trunk_pools(trunks).await?.into_iter().map(|trunk| (trunk.id, trunk.caller_ids)).collect())
}

/// The number a call has shown, and the day under which that is counted; none when it is not.
pub(crate) fn counted(call: &Call) -> Option<CallerDay> {
    let number: E164 = call.caller_id.as_deref()?.parse().ok()?;
    Some(CallerDay { workspace: call.workspace_id.uuid(), number: number.digits(), day: call.caller_day? })
}

/// Calls that showed their numbers to nobody after all do not count for them.
pub(crate) async fn give_back(tx: &mut Tx, calls: &[CallerDay]) -> Result<()> {
    if calls.is_empty() {
        return Ok(());
    }
    let each: BTreeSet<CallerDay> = calls.iter().copied().collect();
    let mut uses = tx.hold_caller_id_uses(&each.into_iter().collect::<Vec<_>>()).await?;
    for (key, used) in &mut uses {
        let back = calls.iter().filter(|call| *call == key).count() as u32;
        used.calls = used.calls.saturating_sub(back);
    }
    Ok(tx.set_caller_id_uses(&uses).await?)
}

/// A pool and what was shown of it on one day, looked at without holding it.
#[derive(Debug, Clone)]
pub struct PoolToday {
    /// The pool.
    pub pool: CallerIds,
    /// It is the trunk's, and not the campaign's own.
    pub of_trunk: bool,
    /// The day it is in the workspace.
    pub day: Day,
    uses: HashMap<E164, Use>,
}

impl PoolToday {
    /// Calls of the day that showed this number.
    pub fn calls(&self, number: E164) -> u32 {
        self.used(number).calls
    }

    /// How many more calls of the day may show one of them; none without a cap.
    pub fn left(&self) -> Option<u64> {
        self.pool.left(|number| self.used(number))
    }

    fn used(&self, number: E164) -> Use {
        self.uses.get(&number).copied().unwrap_or_default()
    }
}

/// The pool from which the numbers of a campaign come, with what was shown of it today. None as well where a group places its calls and
/// it has none of its own: then each call shows a number of the pool of the trunk that places it.
pub(crate) async fn today(tx: &mut Tx, campaign: &Campaign, now: DateTime<Utc>) -> Result<Option<PoolToday>> {
    let (pool, of_trunk) = match &campaign.caller_ids {
        Some(pool) => (Some(pool.clone()), false),
        None if campaign.trunk_group_id.is_some() => return Ok(None),
        None => {
            (tx.trunk_pools(&[campaign.trunk_id.uuid()]).await?.pop().map(|trunk| trunk.caller_ids), true)
        }
    };
    let Some(pool) = pool else { return Ok(None) };
    let day = Day::of(campaign.floor.schedule.timezone, now);
    let workspace = campaign.workspace_id.uuid();
    let key = |number: &E164| CallerDay { workspace, number: number.digits(), day: day.number };
    let keys: Vec<CallerDay> = pool.numbers.iter().map(key).collect();
    let uses = tx.caller_id_uses(&keys).await?.into_iter();
    let uses = uses.filter_map(|(key, used)| Some((E164::try_from(key.number).ok()?, used))).collect();
    Ok(Some(PoolToday { pool, of_trunk, day, uses }))
}

/// What its pool leaves a campaign to claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ration {
    /// No cap.
    Any,
    /// So many calls more than wait already.
    Calls(u32),
    /// Nothing before this moment.
    Nothing(DateTime<Utc>),
}

/// What is left today of the pool of a campaign, of which so many calls are `waiting`; where there is no pool, nothing is asked of the
/// database.
pub(crate) async fn ration(
    tx: &mut Tx,
    campaign: &Campaign,
    trunk_has_pool: bool,
    waiting: u32,
    now: DateTime<Utc>,
) -> Result<Ration> {
    let is_capped = match &campaign.caller_ids {
        Some(pool) => pool.daily_cap.is_some(),
        None => trunk_has_pool,
    };
    let today = if is_capped { today(tx, campaign, now).await? } else { None };
    Ok(match today.as_ref().and_then(|today| Some((today.left()?, today.day.ends_at))) {
        None => Ration::Any,
        Some((0, until)) => Ration::Nothing(until),
        Some((left, _)) => Ration::Calls(u32::try_from(left).unwrap_or(u32::MAX).saturating_sub(waiting)),
    })
}

impl Engine {
    /// The caller IDs a campaign shows, and what was shown of each today; none when it shows that of its trunk.
    pub async fn caller_ids(&self, workspace: WorkspaceId, id: CampaignId) -> Result<Option<PoolToday>> {
        let mut tx = self.0.store.read().await?;
        let campaign = tx.campaign(workspace, id).await?.ok_or(EngineError::NotFound("campaign"))?;
        let today = today(&mut tx, &campaign, self.0.clock.now()).await?;
        tx.commit().await?;
        Ok(today)
    }

    /// Forgets what was shown on days that are long over. Gives how many rows.
    pub async fn forget_caller_id_uses(&self) -> Result<u64> {
        let before = Day::of(None, self.0.clock.now()).number - KEPT_DAYS;
        let mut tx = self.0.store.write().await?;
        let forgotten = tx.forget_caller_id_uses(before).await?;
        tx.commit().await?;
        Ok(forgotten)
    }
}
