use chrono::{DateTime, Utc};
use ringfleet_core::{AgentId, AgentVersion, Conversation, WorkspaceId};
use serde_json::Value;
use sqlx::types::Json;

use crate::{
    Page, Result, Timestamp, Tx,
    record::record,
    text::holds_in_any_case,
    tx::{all, exec, on, one, page, scalar},
};

record! {
    /// Who talks after the callee answers, as it is in one of its versions.
    pub struct Agent {
        /// Its id.
        pub id: AgentId,
        /// The version that calls are made with; none before the first was published.
        pub live: Option<AgentVersion>,
        /// The last version there is.
        pub latest: AgentVersion,
        /// The version that the fields below are of.
        pub n: AgentVersion,
        /// How people call it.
        pub name: String,
        /// What it is told to do.
        pub prompt: String,
        /// Voice provider and voice, as given.
        pub voice: Value,
        /// Model provider and model, as given.
        pub llm: Value,
        /// File name of its greeting in the greetings folder; none plays the built-in one.
        pub greeting: Option<String>,
        /// Whether answered calls are recorded.
        pub recording: bool,
        /// What it says first, with variables in it.
        pub opening_line: Option<String>,
        /// What happens after the answer beside the greeting.
        pub conversation: Conversation,
        /// How many events the agent has told of itself: one for each time that a version was made live.
        pub told: i64,
        /// When this version was made.
        pub version_created_at: DateTime<Utc>,
        /// When this version was last made live.
        pub published_at: Option<DateTime<Utc>>,
        /// When this version was last rolled back.
        pub rolled_back_at: Option<DateTime<Utc>>,
        /// When the agent was made.
        pub created_at: DateTime<Utc>,
        /// When it was put away; it makes no calls any more.
        pub archived_at: Option<DateTime<Utc>>,
    }
}

/// An agent, or a version of one, to be made.
#[derive(Debug, Clone, PartialEq)]
pub struct NewAgent {
    /// How people call it.
    pub name: String,
    /// What it is told to do.
    pub prompt: String,
    /// Voice provider and voice.
    pub voice: Value,
    /// Model provider and model.
    pub llm: Value,
    /// File name in the greetings folder.
    pub greeting: Option<String>,
    /// Whether answered calls are recorded.
    pub recording: bool,
    /// What it says first, with variables in it.
    pub opening_line: Option<String>,
    /// What happens after the answer beside the greeting.
    pub conversation: Conversation,
    /// Live from the beginning, and no draft.
    pub published: bool,
}

impl Agent {
    /// What a draft is made of that changes this version.
    pub fn draft(&self) -> NewAgent {
        NewAgent {
            name: self.name.clone(),
            prompt: self.prompt.clone(),
            voice: self.voice.clone(),
            llm: self.llm.clone(),
            greeting: self.greeting.clone(),
            recording: self.recording,
            opening_line: self.opening_line.clone(),
            conversation: self.conversation.clone(),
            published: false,
        }
    }
}

impl Tx {
    /// Makes an agent with its first version.
    pub async fn insert_agent(
        &mut self,
        workspace: WorkspaceId,
        new: NewAgent,
        now: DateTime<Utc>,
    ) -> Result<Agent> {
        let (id, first) = (AgentId::new(now), AgentVersion::FIRST);
        exec!(
            self,
            "INSERT INTO agents (id, workspace_id, created_at, live, latest, live_before, told) VALUES ($1, $2, $3, $4, $5, $6, $7)",
            id.uuid(),
            workspace.uuid(),
            Timestamp(now),
            new.published.then_some(first.number() as i32),
            first.number() as i32,
            Json(Vec::<i64>::new()),
            i64::from(new.published)
        )?;
        self.insert_agent_version(id, first, &new, now).await?;
        let made = self.agent(workspace, id).await?;
        made.ok_or_else(|| sqlx::Error::RowNotFound.into())
    }

    /// Makes a version of an agent. Make it the latest with [`Tx::add_agent_version`].
    async fn insert_agent_version(
        &mut self,
        id: AgentId,
        n: AgentVersion,
        new: &NewAgent,
        now: DateTime<Utc>,
    ) -> Result<()> {
        exec!(
            self,
            "INSERT INTO agent_versions (agent_id, n, name, prompt, voice, llm, greeting, recording, opening_line, conversation, created_at,
                                         published_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
            id.uuid(),
            n.number() as i32,
            &new.name,
            &new.prompt,
            Json(&new.voice),
            Json(&new.llm),
            &new.greeting,
            new.recording,
            &new.opening_line,
            Json(&new.conversation),
            Timestamp(now),
            new.published.then_some(Timestamp(now))
        )?;
        Ok(())
    }

    /// Makes `n` the latest version of an agent that is held ([`Tx::hold_agent`]): a draft.
    pub async fn add_agent_version(
        &mut self,
        id: AgentId,
        n: AgentVersion,
        new: &NewAgent,
        now: DateTime<Utc>,
    ) -> Result<()> {
        self.insert_agent_version(id, n, new, now).await?;
        exec!(self, "UPDATE agents SET latest = $2 WHERE id = $1", id.uuid(), n.number() as i32)?;
        Ok(())
    }

    /// One agent of the workspace, in the version that is live; in its latest one where none is.
    pub async fn agent(&mut self, workspace: WorkspaceId, id: AgentId) -> Result<Option<Agent>> {
        one!(
            self,
            Agent,
            "SELECT a.*, v.n, v.name, v.prompt, v.voice, v.llm, v.greeting, v.recording, v.opening_line, v.conversation,
                    v.created_at AS version_created_at, v.published_at, v.rolled_back_at
             FROM agents a JOIN agent_versions v ON v.agent_id = a.id AND v.n = coalesce(a.live, a.latest)
             WHERE a.workspace_id = $1 AND a.id = $2",
            workspace.uuid(),
            id.uuid()
        )
    }

    /// One agent of the workspace in one of its versions.
    pub async fn agent_at(
        &mut self,
        workspace: WorkspaceId,
        id: AgentId,
        n: AgentVersion,
    ) -> Result<Option<Agent>> {
        one!(
            self,
            Agent,
            "SELECT a.*, v.n, v.name, v.prompt, v.voice, v.llm, v.greeting, v.recording, v.opening_line, v.conversation,
                    v.created_at AS version_created_at, v.published_at, v.rolled_back_at
             FROM agents a JOIN agent_versions v ON v.agent_id = a.id AND v.n = $3
             WHERE a.workspace_id = $1 AND a.id = $2",
            workspace.uuid(),
            id.uuid(),
            n.number() as i32
        )
    }

    /// At most `limit` versions of an agent of the workspace, those before `before` if one is given, the newest first.
    pub async fn agent_versions(
        &mut self,
        workspace: WorkspaceId,
        id: AgentId,
        before: Option<AgentVersion>,
        limit: u32,
    ) -> Result<Vec<Agent>> {
        all!(
            self,
            Agent,
            "SELECT a.*, v.n, v.name, v.prompt, v.voice, v.llm, v.greeting, v.recording, v.opening_line, v.conversation,
                    v.created_at AS version_created_at, v.published_at, v.rolled_back_at
             FROM agents a JOIN agent_versions v ON v.agent_id = a.id
             WHERE a.workspace_id = $1 AND a.id = $2 AND v.n < $3 ORDER BY v.n DESC LIMIT $4",
            workspace.uuid(),
            id.uuid(),
            before.map_or(i32::MAX, |n| n.number() as i32),
            i64::from(limit)
        )
    }

    /// A page of the workspace's agents that are not put away, each in the version [`Tx::agent`] gives. `name` is part of the name, in any case.
    pub async fn agents(
        &mut self,
        workspace: WorkspaceId,
        name: Option<&str>,
        page: Page,
    ) -> Result<Vec<Agent>> {
        let (folded, exact) = holds_in_any_case(name);
        page!(
            self,
            Agent,
            page,
            "SELECT a.*, v.n, v.name, v.prompt, v.voice, v.llm, v.greeting, v.recording, v.opening_line, v.conversation,
                    v.created_at AS version_created_at, v.published_at, v.rolled_back_at
             FROM agents a JOIN agent_versions v ON v.agent_id = a.id AND v.n = coalesce(a.live, a.latest)
             WHERE a.workspace_id = $1 AND a.id > $2 AND a.id < $3 AND a.archived_at IS NULL
                AND ($5 IS NULL OR lower(v.name) LIKE $5 ESCAPE '\\' OR v.name LIKE $6 ESCAPE '\\')",
            "a.id",
            (workspace.uuid(), &folded, &exact)
        )
    }

    /// Holds an agent of the workspace until this transaction ends: nobody else changes it, nor which of its versions is live. Gives the
    /// versions that were live before, the last of them last; none when there is no such agent.
    pub async fn hold_agent(&mut self, workspace: WorkspaceId, id: AgentId) -> Result<Option<Vec<i64>>> {
        record! {
            pub struct Before {
                pub live_before: Vec<i64>,
            }
        }
        let held = one!(
            self,
            Before,
            "SELECT live_before FROM agents WHERE workspace_id = $1 AND id = $2 FOR UPDATE",
            workspace.uuid(),
            id.uuid()
        )?;
        Ok(held.map(|held| held.live_before))
    }

    /// Makes a version of an agent live that is held, and counts that in [`Agent::told`]. `before`: those that were live before, the last of
    /// them last.
    pub async fn publish_agent(
        &mut self,
        id: AgentId,
        n: AgentVersion,
        before: &[i64],
        now: DateTime<Utc>,
    ) -> Result<()> {
        exec!(
            self,
            "UPDATE agents SET live = $2, live_before = $3, told = told + 1 WHERE id = $1",
            id.uuid(),
            n.number() as i32,
            Json(before)
        )?;
        exec!(
            self,
            "UPDATE agent_versions SET published_at = $3, rolled_back_at = NULL WHERE agent_id = $1 AND n = $2",
            id.uuid(),
            n.number() as i32,
            Timestamp(now)
        )?;
        Ok(())
    }

    /// Notes that a version was rolled back.
    pub async fn note_rollback(&mut self, id: AgentId, n: AgentVersion, now: DateTime<Utc>) -> Result<()> {
        exec!(
            self,
            "UPDATE agent_versions SET rolled_back_at = $3 WHERE agent_id = $1 AND n = $2",
            id.uuid(),
            n.number() as i32,
            Timestamp(now)
        )?;
        Ok(())
    }

    /// Whether a campaign that is not over has this agent.
    pub async fn agent_is_used(&mut self, id: AgentId) -> Result<bool> {
        let used = scalar!(
            self,
            i32,
            "SELECT 1 FROM campaigns WHERE agent_id = $1 AND state NOT IN ('FINISHED', 'FAILED', 'CANCELLED') LIMIT 1",
            id.uuid()
        )?;
        Ok(used.is_some())
    }

    /// Puts an agent away.
    pub async fn archive_agent(&mut self, id: AgentId, now: DateTime<Utc>) -> Result<()> {
        exec!(self, "UPDATE agents SET archived_at = $2 WHERE id = $1", id.uuid(), Timestamp(now))?;
        Ok(())
    }
}
