//! The versions of agents: who changes one makes a draft, who publishes it lets calls be made with it.

use ringfleet_core::{AgentId, AgentVersion, Clock, WorkspaceId};
use ringfleet_store::{Agent, NewAgent, Tx};

use crate::{Engine, EngineError, Receipt, Result};

/// So many versions that were live before are remembered: a rollback leads no further back.
const REMEMBERED: usize = 100;

impl Engine {
    /// Makes an agent. Where `new` is not published, no call can be made with it before somebody does.
    pub async fn create_agent(
        &self,
        workspace: WorkspaceId,
        new: NewAgent,
        receipt: Receipt<Agent>,
    ) -> Result<Agent> {
        let mut tx = self.0.store.write().await?;
        let made = tx.insert_agent(workspace, new, Clock::now(self.clock())).await?;
        receipt.write(&mut tx, &made, self.clock()).await?;
        tx.commit().await?;
        Ok(made)
    }

    /// Makes a draft of an agent's latest version: `change` is given that, while nobody else can make another. Gives the draft; the latest
    /// version itself where nothing changes.
    pub async fn edit_agent(
        &self,
        workspace: WorkspaceId,
        id: AgentId,
        change: impl FnOnce(&Agent, &mut NewAgent) -> Result<()>,
        receipt: Receipt<Agent>,
    ) -> Result<Agent> {
        let mut tx = self.0.store.write().await?;
        let (agent, _) = hold(&mut tx, workspace, id).await?;
        let latest = tx.agent_at(workspace, id, agent.latest).await?.ok_or(NOT_FOUND)?;
        let mut draft = latest.draft();
        change(&agent, &mut draft)?;
        if draft == latest.draft() {
            receipt.write(&mut tx, &latest, self.clock()).await?;
            tx.commit().await?;
            return Ok(latest);
        }
        let n = agent.latest.next();
        tx.add_agent_version(id, n, &draft, Clock::now(self.clock())).await?;
        let made = tx.agent_at(workspace, id, n).await?.ok_or(NOT_FOUND)?;
        receipt.write(&mut tx, &made, self.clock()).await?;
        tx.commit().await?;
        tracing::info!(agent = %id, version = %n, "an agent was changed");
        Ok(made)
    }

    /// Makes a version live, the latest if none is named: calls that begin from now on are made with it. One that is live already stays so.
    pub async fn publish_agent(
        &self,
        workspace: WorkspaceId,
        id: AgentId,
        version: Option<AgentVersion>,
        receipt: Receipt<Agent>,
    ) -> Result<Agent> {
        let now = Clock::now(self.clock());
        let mut tx = self.0.store.write().await?;
        let (agent, mut before) = hold(&mut tx, workspace, id).await?;
        let n = version.unwrap_or(agent.latest);
        let wanted = tx.agent_at(workspace, id, n).await?;
        let wanted = wanted.ok_or_else(|| EngineError::invalid("versionId", no_version(n, agent.latest)))?;
        if agent.live == Some(n) {
            receipt.write(&mut tx, &wanted, self.clock()).await?;
            tx.commit().await?;
            return Ok(wanted);
        }
        before.extend(agent.live.map(|live| i64::from(live.number())));
        before.drain(..before.len().saturating_sub(REMEMBERED));
        tx.publish_agent(id, n, &before, now).await?;
        let after = tx.agent(workspace, id).await?.ok_or(NOT_FOUND)?;
        receipt.write(&mut tx, &after, self.clock()).await?;
        tx.commit().await?;
        tracing::info!(agent = %id, version = %n, "a version of an agent was published");
        Ok(after)
    }

    /// Makes the version live again that was live before this one, which stays in the list of versions as rolled back.
    pub async fn roll_back_agent(
        &self,
        workspace: WorkspaceId,
        id: AgentId,
        receipt: Receipt<Agent>,
    ) -> Result<Agent> {
        let now = Clock::now(self.clock());
        let mut tx = self.0.store.write().await?;
        let (agent, mut before) = hold(&mut tx, workspace, id).await?;
        let previous = before.pop().and_then(|n| i32::try_from(n).ok()?.try_into().ok());
        let (Some(bad), Some(n)) = (agent.live, previous) else {
            return Err(EngineError::Conflict {
                code: "NOTHING_TO_ROLL_BACK",
                message: "no version of the agent was live before this one; publish another one instead"
                    .into(),
            });
        };
        tx.publish_agent(id, n, &before, now).await?;
        tx.note_rollback(id, bad, now).await?;
        let after = tx.agent(workspace, id).await?.ok_or(NOT_FOUND)?;
        receipt.write(&mut tx, &after, self.clock()).await?;
        tx.commit().await?;
        tracing::info!(agent = %id, from = %bad, to = %n, "an agent was rolled back");
        Ok(after)
    }

    /// Puts an agent away that no open campaign has: it is listed no more and makes no calls. Its versions and sessions stay.
    pub async fn archive_agent(
        &self,
        workspace: WorkspaceId,
        id: AgentId,
        receipt: Receipt<Agent>,
    ) -> Result<Agent> {
        let mut tx = self.0.store.write().await?;
        hold(&mut tx, workspace, id).await?;
        if tx.agent_is_used(id).await? {
            return Err(EngineError::Conflict {
                code: "AGENT_IN_USE",
                message: "a campaign that is not over has this agent; end its campaigns first".into(),
            });
        }
        tx.archive_agent(id, Clock::now(self.clock())).await?;
        let after = tx.agent(workspace, id).await?.ok_or(NOT_FOUND)?;
        receipt.write(&mut tx, &after, self.clock()).await?;
        tx.commit().await?;
        tracing::info!(agent = %id, "an agent was put away");
        Ok(after)
    }
}

const NOT_FOUND: EngineError = EngineError::NotFound("agent");

fn no_version(n: AgentVersion, latest: AgentVersion) -> String {
    format!("the agent has no version {n}; its latest is {latest}")
}

/// An agent that may be changed, held, and the versions that were live before.
async fn hold(tx: &mut Tx, workspace: WorkspaceId, id: AgentId) -> Result<(Agent, Vec<i64>)> {
    let before = tx.hold_agent(workspace, id).await?.ok_or(NOT_FOUND)?;
    let agent = tx.agent(workspace, id).await?.ok_or(NOT_FOUND)?;
    match agent.archived_at {
        None => Ok((agent, before)),
        Some(_) => Err(archived()),
    }
}

fn archived() -> EngineError {
    EngineError::Conflict {
        code: "AGENT_ARCHIVED",
        message: "the agent was put away and makes no calls any more; use another one".into(),
    }
}

/// An agent that a campaign may have.
pub(crate) async fn usable_agent(tx: &mut Tx, workspace: WorkspaceId, id: AgentId) -> Result<Agent> {
    let agent = tx.agent(workspace, id).await?;
    let agent = agent.ok_or_else(|| EngineError::invalid("agentId", "no such agent in this workspace"))?;
    match agent.archived_at {
        None => Ok(agent),
        Some(_) => Err(archived()),
    }
}

/// The version that a call is made with: the one asked for, else the live one.
pub(crate) async fn callable(
    tx: &mut Tx,
    workspace: WorkspaceId,
    id: AgentId,
    asked: Option<AgentVersion>,
) -> Result<AgentVersion> {
    let agent = usable_agent(tx, workspace, id).await?;
    match asked {
        Some(n) if n <= agent.latest => Ok(n),
        Some(n) => Err(EngineError::invalid("versionId", no_version(n, agent.latest))),
        None => agent.live.ok_or_else(|| EngineError::Conflict {
            code: "AGENT_NOT_PUBLISHED",
            message: "no version of the agent is published; publish one first, or name a versionId to try it in a session".into(),
        }),
    }
}
