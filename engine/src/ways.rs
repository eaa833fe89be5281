//! What places calls where nobody says, or where a group does.

use ringfleet_core::{Channel, TrunkGroupId, TrunkId, WorkspaceId};
use ringfleet_store::{Page, Tx};

use crate::{Engine, EngineError, Result, campaigns::check_trunk};

/// Trunks among which the only one that places calls is looked for.
const MOST_LOOKED_AT: u32 = 50;

/// What places a single call, or the calls of a campaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// What the workspace has set as its default, else its only trunk.
    Usual,
    /// This trunk.
    Trunk(TrunkId),
    /// The trunks of this group.
    Group(TrunkGroupId),
}

impl Engine {
    /// The trunk a campaign has that is to go this way, and its group: of a group, the trunk that goes first.
    pub async fn lines_of(
        &self,
        workspace: WorkspaceId,
        way: Way,
    ) -> Result<(TrunkId, Option<TrunkGroupId>)> {
        match self.named_way(workspace, way).await? {
            Way::Group(group) => Ok((self.first_trunk(workspace, group).await?, Some(group))),
            Way::Trunk(trunk) => Ok((trunk, None)),
            Way::Usual => Err(none_set()),
        }
    }

    /// The trunk for a single call that is to go this way.
    pub(crate) async fn trunk_now(&self, workspace: WorkspaceId, way: Way) -> Result<TrunkId> {
        match self.named_way(workspace, way).await? {
            Way::Group(group) => self.next_trunk(workspace, group).await,
            Way::Trunk(trunk) => Ok(trunk),
            Way::Usual => Err(none_set()),
        }
    }

    async fn named_way(&self, workspace: WorkspaceId, way: Way) -> Result<Way> {
        if way != Way::Usual {
            return Ok(way);
        }
        let mut tx = self.0.store.read().await?;
        let rules = tx.workspace(workspace).await?.ok_or(EngineError::NotFound("workspace"))?.rules;
        let mut trunks = tx.trunks(workspace, Page::first(MOST_LOOKED_AT)).await?;
        tx.commit().await?;
        trunks.retain(|trunk| trunk.config.channel() == Channel::Voice);
        match (rules.default_trunk_group_id, rules.default_trunk_id, trunks.as_slice()) {
            (Some(group), ..) => Ok(Way::Group(group)),
            (None, Some(trunk), _) => Ok(Way::Trunk(trunk)),
            (None, None, [one]) => Ok(Way::Trunk(one.id)),
            (None, None, []) => Err(EngineError::invalid(
                "trunkId",
                "the workspace has no trunk for calls yet; create one with POST /api/v1/trunks",
            )),
            (None, None, _) => Err(none_set()),
        }
    }
}

fn none_set() -> EngineError {
    let problem = "the workspace has several trunks for calls; name one, or set defaultTrunkId with PUT /api/v1/workspace/rules";
    EngineError::invalid("trunkId", problem)
}

/// A workspace's default is one of its own, and only one.
pub(crate) async fn check_defaults(
    tx: &mut Tx,
    workspace: WorkspaceId,
    trunk: Option<TrunkId>,
    group: Option<TrunkGroupId>,
) -> Result<()> {
    if trunk.is_some() && group.is_some() {
        let problem = "give either defaultTrunkId or defaultTrunkGroupId, not both";
        return Err(EngineError::invalid("defaultTrunkGroupId", problem));
    }
    if let Some(trunk) = trunk {
        check_trunk(tx, workspace, trunk, Channel::Voice, "defaultTrunkId").await?;
    }
    if let Some(group) = group
        && tx.trunk_group(workspace, group).await?.is_none()
    {
        return Err(EngineError::invalid("defaultTrunkGroupId", "no such trunk group in this workspace"));
    }
    Ok(())
}
