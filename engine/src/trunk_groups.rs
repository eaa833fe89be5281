//! Which trunk places a call, where a campaign may use several.

use std::collections::{HashMap, HashSet};

use ringfleet_core::{
    CallId, Clock, TrunkGroupId, TrunkId, WorkspaceId,
    brake::Health,
    trunk::Limits,
    trunk_group::{self, Member},
};
use ringfleet_store::{Campaign, TrunkGroup, TrunkHealth, Tx};
use uuid::Uuid;

use crate::{Engine, EngineError, Result, brake};

/// More than can wait for workers.
const MOST: u32 = 5_000;

/// The trunks for a campaign's next calls.
pub(crate) struct Choice {
    /// So many more calls may wait.
    pub(crate) free: u32,
    /// This one waits for a call on trial; it gets the first.
    trial: Option<TrunkId>,
    open: Vec<(Member, u32)>,
}

impl Choice {
    /// The trunks of `n` calls, at most as many as are free. `any`: where the wheel stands.
    pub(crate) fn trunks(&self, n: usize, any: CallId) -> Vec<TrunkId> {
        let rest = trunk_group::deal(&self.open, n.saturating_sub(self.trial.iter().len()), spin(any.uuid()));
        self.trial.into_iter().chain(rest).collect()
    }
}

/// A number as random as the end of this id.
fn spin(id: Uuid) -> u64 {
    id.as_u64_pair().1 << 2 // the two highest bits are the same in all ids
}

/// The trunks that may place calls of this campaign now, and how many calls, where `room` may wait: those that do not rest, each as
/// many as keep it busy.
pub(crate) async fn choose(tx: &mut Tx, campaign: &Campaign, room: u32) -> Result<Choice> {
    let Some(group) = campaign.trunk_group_id else {
        let room = brake::room(tx, campaign.trunk_id, room).await?;
        let free = room.saturating_sub(tx.count_waiting_calls(campaign.id).await?);
        let only = Member { trunk_id: campaign.trunk_id, priority: 0, weight: 1 };
        return Ok(Choice { free, trial: None, open: vec![(only, free)] });
    };
    let members = members(tx, campaign.workspace_id, group).await?;
    let ids: Vec<Uuid> = members.iter().map(|member| member.trunk_id.uuid()).collect();
    let healths = healths(tx, &ids).await?;
    let limits: HashMap<TrunkId, Limits> = tx.trunk_limits(&ids).await?.into_iter().collect();
    let waiting: HashMap<TrunkId, u32> = tx.waiting_calls_by_trunk(campaign.id).await?.into_iter().collect();
    let waits = |trunk| waiting.get(&trunk).copied().unwrap_or(0);
    let room_of = |member: &Member| {
        let ahead = limits.get(&member.trunk_id).map_or(u32::MAX, Limits::ahead);
        ahead.saturating_sub(waits(member.trunk_id))
    };
    let is_open = |member: &&Member| healths.get(&member.trunk_id).is_none_or(Health::is_open);
    let open: Vec<(Member, u32)> =
        members.iter().filter(is_open).map(|member| (*member, room_of(member))).collect();
    // One that would go first, were it open, is offered a call, for no other way leads back to it.
    let lowest = open.iter().map(|(member, _)| member.priority).min().unwrap_or(u32::MAX);
    let wants = |trunk| healths.get(&trunk).is_some_and(Health::wants_trial) && waits(trunk) == 0;
    let trial = members.iter().find(|member| member.priority <= lowest && wants(member.trunk_id));
    let trial = trial.map(|member| member.trunk_id);
    let of_trunks = open.iter().map(|(_, room)| *room).fold(trial.iter().len() as u32, u32::saturating_add);
    let free = room.saturating_sub(waiting.values().sum()).min(of_trunks);
    Ok(Choice { free, trial, open })
}

/// What the trunks of a campaign can do: its trunk, or those of its group that go first.
pub(crate) async fn limits(tx: &mut Tx, campaign: &Campaign) -> Result<Limits> {
    let trunks = match campaign.trunk_group_id {
        None => vec![campaign.trunk_id.uuid()],
        Some(group) => {
            let members = members(tx, campaign.workspace_id, group).await?;
            let lowest = members.iter().map(|member| member.priority).min();
            let first = members.iter().filter(|member| Some(member.priority) == lowest);
            first.map(|member| member.trunk_id.uuid()).collect()
        }
    };
    Ok(Limits::together(tx.trunk_limits(&trunks).await?.into_iter().map(|(_, limits)| limits)))
}

/// Whether every trunk of the campaign rests.
pub async fn lines_rest(tx: &mut Tx, campaign: &Campaign) -> Result<bool> {
    let trunks: Vec<Uuid> = match campaign.trunk_group_id {
        None => vec![campaign.trunk_id.uuid()],
        Some(group) => {
            let members = members(tx, campaign.workspace_id, group).await?;
            members.iter().map(|member| member.trunk_id.uuid()).collect()
        }
    };
    let healths = healths(tx, &trunks).await?;
    Ok(trunks.iter().all(|&trunk| healths.get(&trunk.into()).is_some_and(|health| !health.is_open())))
}

async fn members(tx: &mut Tx, workspace: WorkspaceId, group: TrunkGroupId) -> Result<Vec<Member>> {
    Ok(tx.trunk_group(workspace, group).await?.map(|group| group.members).unwrap_or_default())
}

async fn healths(tx: &mut Tx, trunks: &[Uuid]) -> Result<HashMap<TrunkId, Health>> {
    let healths = tx.trunk_health(trunks).await?;
    Ok(healths.into_iter().map(|row| (row.trunk_id, TrunkHealth::health(row))).collect())
}

impl Engine {
    /// Makes a group. Its trunks must be of the same workspace.
    pub async fn create_trunk_group(
        &self,
        workspace: WorkspaceId,
        name: &str,
        members: Vec<Member>,
    ) -> Result<TrunkGroup> {
        let mut tx = self.0.store.write().await?;
        for (i, member) in members.iter().enumerate() {
            if tx.trunk(workspace, member.trunk_id).await?.is_none() {
                let field = format!("members[{i}].trunkId");
                return Err(EngineError::invalid(&field, "no such trunk in this workspace"));
            }
        }
        let group = tx.insert_trunk_group(workspace, name, members, Clock::now(self.clock())).await?;
        tx.commit().await?;
        Ok(group)
    }

    /// The trunk of a group that goes first.
    pub async fn first_trunk(&self, workspace: WorkspaceId, group: TrunkGroupId) -> Result<TrunkId> {
        let mut tx = self.0.store.read().await?;
        let members = members(&mut tx, workspace, group).await?;
        tx.commit().await?;
        let first = members.into_iter().min_by_key(|member| member.priority);
        let first = first
            .ok_or_else(|| EngineError::invalid("trunkGroupId", "no such trunk group in this workspace"))?;
        Ok(first.trunk_id)
    }

    /// Moves calls that wait for a trunk in trouble to another one of their group. No phone has rung: what rang does not come
    /// back. Gives how many.
    pub async fn move_stranded(&self) -> Result<usize> {
        let mut tx = self.0.store.read().await?;
        let stranded = tx.stranded_calls(MOST).await?;
        let trunks: HashSet<Uuid> =
            stranded.iter().flat_map(|call| &call.members).map(|member| member.trunk_id.uuid()).collect();
        let healths = match stranded.is_empty() {
            true => HashMap::new(),
            false => healths(&mut tx, &trunks.into_iter().collect::<Vec<_>>()).await?,
        };
        tx.commit().await?;
        let open = |trunk| healths.get(&trunk).is_none_or(Health::is_open);
        let target = |id: Uuid, from: TrunkId, members: &[Member]| {
            let others = members.iter().filter(|other| other.trunk_id != from && open(other.trunk_id));
            let others: Vec<(Member, u32)> = others.map(|other| (*other, u32::MAX)).collect();
            trunk_group::deal(&others, 1, spin(id)).pop()
        };
        let moves: Vec<(Uuid, TrunkId)> = stranded
            .iter()
            .filter_map(|call| Some((call.id, target(call.id, call.trunk_id, &call.members)?)))
            .collect();
        if moves.is_empty() {
            return Ok(0);
        }
        let mut tx = self.0.store.write().await?;
        tx.lock_waiting_calls(&moves.iter().map(|(id, _)| *id).collect::<Vec<_>>()).await?;
        tx.move_calls(&moves, Clock::now(self.clock())).await?;
        tx.commit().await?;
        tracing::info!(calls = moves.len(), "calls have moved to another trunk of their group");
        Ok(moves.len())
    }
}
