//! Which trunk places a call, where a campaign may use several.

use std::collections::{HashMap, hash_map::Entry};

use ringfleet_core::{
    CallId, Channel, Clock, TrunkGroupId, TrunkId, WorkspaceId,
    brake::Health,
    trunk::Limits,
    trunk_group::{self, Member},
};
use ringfleet_store::{Campaign, GroupCampaign, Move, Running, Stranded, TrunkGroup, Tx};
use uuid::Uuid;

use crate::{Engine, EngineError, Receipt, Result, brake, campaigns::check_trunk};

/// Calls of a campaign that move at once.
const MOST: u32 = 5_000;

/// The trunks for a campaign's next calls.
pub(crate) struct Choice {
    /// So many calls of the campaign wait.
    pub(crate) waiting: u32,
    /// So many more may.
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

/// A trunk of a campaign, and how it is.
pub(crate) struct Line {
    member: Member,
    limits: Limits,
    health: Option<Health>,
}

impl Line {
    fn is_open(&self) -> bool {
        self.health.as_ref().is_none_or(Health::is_open)
    }

    fn wants_trial(&self) -> bool {
        self.health.as_ref().is_some_and(Health::wants_trial)
    }

    fn trunk(&self) -> TrunkId {
        self.member.trunk_id
    }

    /// With the room it has beside the calls that wait for it already.
    fn with_room(&self, waiting: &HashMap<TrunkId, u32>) -> (Member, u32) {
        let waits = waiting.get(&self.trunk()).copied().unwrap_or(0);
        (self.member, self.limits.ahead().saturating_sub(waits))
    }
}

/// The trunks of a campaign: one, or those of its group.
pub(crate) async fn lines(tx: &mut Tx, campaign: &Campaign) -> Result<Vec<Line>> {
    match campaign.trunk_group_id {
        None => look(tx, vec![Member { trunk_id: campaign.trunk_id, priority: 0, weight: 1 }]).await,
        Some(group) => lines_of(tx, campaign.workspace_id, group).await,
    }
}

async fn lines_of(tx: &mut Tx, workspace: WorkspaceId, group: TrunkGroupId) -> Result<Vec<Line>> {
    let members = tx.trunk_group(workspace, group).await?.map(|group| group.members).unwrap_or_default();
    look(tx, members).await
}

async fn look(tx: &mut Tx, members: Vec<Member>) -> Result<Vec<Line>> {
    let ids: Vec<Uuid> = members.iter().map(|member| member.trunk_id.uuid()).collect();
    let mut healths = brake::healths(tx.trunk_health(&ids).await?);
    let mut limits: HashMap<TrunkId, Limits> = tx.trunk_limits(&ids).await?.into_iter().collect();
    let line = |member: Member| Line {
        member,
        limits: limits.remove(&member.trunk_id).unwrap_or_default(),
        health: healths.remove(&member.trunk_id),
    };
    Ok(members.into_iter().map(line).collect())
}

/// The trunks that may place calls of this campaign now, and how many calls, where `room` may wait: those that do not rest, each as
/// many as keep it busy.
pub(crate) async fn choose(tx: &mut Tx, campaign: &Campaign, room: u32) -> Result<Choice> {
    let waiting = tx.count_waiting_calls(campaign.id).await?;
    if campaign.trunk_group_id.is_none() {
        let free = brake::room(tx, campaign.trunk_id, room).await?.saturating_sub(waiting);
        let only = Member { trunk_id: campaign.trunk_id, priority: 0, weight: 1 };
        return Ok(Choice { waiting, free, trial: None, open: vec![(only, free)] });
    }
    let lines = lines(tx, campaign).await?;
    let by_trunk = waiting_by_trunk(tx).await?;
    let open = roomy(&lines, &by_trunk);
    // One that would go first, were it open, is offered a call, for no other way leads back to it.
    let lowest = open.iter().map(|(member, _)| member.priority).min().unwrap_or(u32::MAX);
    let trial = lines.iter().find(|line| {
        line.member.priority <= lowest && line.wants_trial() && !by_trunk.contains_key(&line.trunk())
    });
    let trial = trial.map(Line::trunk);
    let of_trunks = open.iter().map(|(_, room)| *room).fold(trial.iter().len() as u32, u32::saturating_add);
    Ok(Choice { waiting, free: room.saturating_sub(waiting).min(of_trunks), trial, open })
}

/// What a campaign's trunks can do: its only one, or those of its group that go first.
pub(crate) fn limits(lines: &[Line]) -> Limits {
    let lowest = lines.iter().map(|line| line.member.priority).min();
    let first = lines.iter().filter(|line| Some(line.member.priority) == lowest);
    Limits::together(first.map(|line| line.limits))
}

/// Whether a worker has to make speech for one of a campaign's trunks.
pub(crate) async fn need_speech(tx: &mut Tx, workspace: WorkspaceId, lines: &[Line]) -> Result<bool> {
    for line in lines {
        let trunk = tx.trunk(workspace, line.trunk()).await?;
        if trunk.is_some_and(|trunk| trunk.config.needs_speech()) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The trunks of groups, each looked at once.
#[derive(Default)]
struct Groups(HashMap<TrunkGroupId, Vec<Line>>);

impl Groups {
    async fn lines(&mut self, tx: &mut Tx, workspace: WorkspaceId, group: TrunkGroupId) -> Result<&[Line]> {
        Ok(match self.0.entry(group) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(lines_of(tx, workspace, group).await?),
        })
    }
}

/// Gives campaigns on groups what the trunks of those can do together that do not rest.
pub(crate) async fn join_limits(tx: &mut Tx, running: &mut [Running]) -> Result<()> {
    let mut groups = Groups::default();
    for campaign in running.iter_mut().filter(|campaign| campaign.has_group) {
        let lines = groups.lines(tx, campaign.workspace_id, campaign.lines.into()).await?;
        campaign.trunk_limits = together(lines);
    }
    Ok(())
}

/// Of a group that rests as a whole all count, for one of them has to be tried.
fn together(lines: &[Line]) -> Limits {
    let rests = rest(lines);
    Limits::together(lines.iter().filter(|line| rests || line.is_open()).map(|line| line.limits))
}

/// Whether every trunk of the campaign rests.
pub async fn lines_rest(tx: &mut Tx, campaign: &Campaign) -> Result<bool> {
    Ok(rest(&lines(tx, campaign).await?))
}

/// Whether every one of these rests.
pub(crate) fn rest(lines: &[Line]) -> bool {
    lines.iter().all(|line| !line.is_open())
}

/// Those that do not rest and have room beside the calls that wait for them already.
fn roomy(lines: &[Line], waiting: &HashMap<TrunkId, u32>) -> Vec<(Member, u32)> {
    let with_room = lines.iter().filter(|line| line.is_open()).map(|line| line.with_room(waiting));
    with_room.filter(|(_, room)| *room > 0).collect()
}

/// The trunk that goes first; of nobody, of a group that is not there.
fn first<'a>(members: impl Iterator<Item = &'a Member>) -> Result<TrunkId> {
    let first = members.min_by_key(|member| member.priority);
    let first =
        first.ok_or_else(|| EngineError::invalid("trunkGroupId", "no such trunk group in this workspace"))?;
    Ok(first.trunk_id)
}

async fn waiting_by_trunk(tx: &mut Tx) -> Result<HashMap<TrunkId, u32>> {
    Ok(tx.waiting_calls_by_trunk().await?.into_iter().collect())
}

/// The calls of a campaign that wait for a trunk that rests while another one of its group is open.
async fn stranded(tx: &mut Tx, campaign: &GroupCampaign, lines: &[Line]) -> Result<Vec<Stranded>> {
    let resting: Vec<Uuid> =
        lines.iter().filter(|line| !line.is_open()).map(|line| line.trunk().uuid()).collect();
    if resting.is_empty() || resting.len() == lines.len() {
        return Ok(Vec::new());
    }
    Ok(tx.stranded_calls(campaign.id, &resting, MOST).await?)
}

impl Engine {
    /// Makes a group. Its trunks must be of the same workspace, and place calls.
    pub async fn create_trunk_group(
        &self,
        workspace: WorkspaceId,
        name: &str,
        members: Vec<Member>,
        receipt: Receipt<TrunkGroup>,
    ) -> Result<TrunkGroup> {
        let mut tx = self.0.store.write().await?;
        for (i, member) in members.iter().enumerate() {
            let field = format!("members[{i}].trunkId");
            check_trunk(&mut tx, workspace, member.trunk_id, Channel::Voice, &field).await?;
        }
        let group = tx.insert_trunk_group(workspace, name, members, Clock::now(self.clock())).await?;
        receipt.write(&mut tx, &group, self.clock()).await?;
        tx.commit().await?;
        Ok(group)
    }

    /// The trunk of a group that goes first.
    pub async fn first_trunk(&self, workspace: WorkspaceId, group: TrunkGroupId) -> Result<TrunkId> {
        let mut tx = self.0.store.read().await?;
        let group = tx.trunk_group(workspace, group).await?;
        tx.commit().await?;
        first(group.iter().flat_map(|group| &group.members))
    }

    /// The trunk of a group for a single call: of those that do not rest one with room, else any of them; where all rest, the one that
    /// goes first.
    pub(crate) async fn next_trunk(&self, workspace: WorkspaceId, group: TrunkGroupId) -> Result<TrunkId> {
        let mut tx = self.0.store.read().await?;
        let lines = lines_of(&mut tx, workspace, group).await?;
        let waiting = waiting_by_trunk(&mut tx).await?;
        tx.commit().await?;
        let any = spin(CallId::new(Clock::now(self.clock())).uuid());
        let open = roomy(&lines, &waiting);
        let full = || lines.iter().filter(|line| line.is_open()).map(|line| (line.member, 1)).collect();
        let open = if open.is_empty() { full() } else { open };
        match trunk_group::deal(&open, 1, any).pop() {
            Some(trunk) => Ok(trunk),
            None => first(lines.iter().map(|line| &line.member)),
        }
    }

    /// Moves calls that wait for a trunk that rests to another one of their group that has room. No phone has rung: what rang does not
    /// come back. Gives how many.
    pub async fn move_stranded(&self) -> Result<usize> {
        let mut tx = self.0.store.read().await?;
        let mut groups = Groups::default();
        let (mut found, mut waiting) = (Vec::new(), None);
        for campaign in tx.group_campaigns().await? {
            let lines = groups.lines(&mut tx, campaign.workspace_id, campaign.trunk_group_id).await?;
            let stranded = stranded(&mut tx, &campaign, lines).await?;
            let Some(first) = stranded.first() else { continue };
            let waiting = match &mut waiting {
                Some(known) => known,
                none => none.insert(waiting_by_trunk(&mut tx).await?),
            };
            let targets = trunk_group::deal(&roomy(lines, waiting), stranded.len(), spin(first.id));
            for (call, to) in stranded.iter().zip(targets) {
                *waiting.entry(to).or_default() += 1; // the next campaign of the group finds that much less room
                found.push(Move::new(call, to));
            }
        }
        tx.commit().await?;
        if found.is_empty() {
            return Ok(0);
        }
        let now = Clock::now(self.clock());
        let mut tx = self.0.store.write().await?;
        tx.lock_waiting_calls(&found.iter().map(|call| call.id).collect::<Vec<_>>()).await?;
        let moved = tx.move_calls(&found, now).await?;
        tx.commit().await?;
        tracing::info!(calls = moved, "calls have moved to another trunk of their group");
        Ok(moved)
    }
}
