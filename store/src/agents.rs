use chrono::{DateTime, Utc};
use ringfleet_core::{AgentId, WorkspaceId};
use serde_json::Value;
use sqlx::types::Json;

use crate::{
    Page, Result, Timestamp, Tx,
    record::record,
    text::holds_in_any_case,
    tx::{all, exec, on, one, page},
};

record! {
    /// Who talks after the callee answers.
    pub struct Agent {
        /// Its id.
        pub id: AgentId,
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
        /// When it was made.
        pub created_at: DateTime<Utc>,
    }
}

/// An agent to be made.
#[derive(Debug, Clone)]
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
}

impl Tx {
    /// Makes an agent.
    pub async fn insert_agent(
        &mut self,
        workspace: WorkspaceId,
        new: NewAgent,
        now: DateTime<Utc>,
    ) -> Result<Agent> {
        let id = AgentId::new(now);
        exec!(
            self,
            "INSERT INTO agents (id, workspace_id, name, prompt, voice, llm, greeting, recording, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            id.uuid(),
            workspace.uuid(),
            &new.name,
            &new.prompt,
            Json(&new.voice),
            Json(&new.llm),
            &new.greeting,
            new.recording,
            Timestamp(now)
        )?;
        let NewAgent { name, prompt, voice, llm, greeting, recording } = new;
        Ok(Agent { id, name, prompt, voice, llm, greeting, recording, created_at: now })
    }

    /// One agent of the workspace.
    pub async fn agent(&mut self, workspace: WorkspaceId, id: AgentId) -> Result<Option<Agent>> {
        one!(
            self,
            Agent,
            "SELECT * FROM agents WHERE workspace_id = $1 AND id = $2",
            workspace.uuid(),
            id.uuid()
        )
    }

    /// A page of the workspace's agents, newest first.
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
            "SELECT * FROM agents WHERE workspace_id = $1 AND id > $2 AND id < $3
                AND ($5 IS NULL OR lower(name) LIKE $5 ESCAPE '\\' OR name LIKE $6 ESCAPE '\\')",
            "id",
            (workspace.uuid(), &folded, &exact)
        )
    }
}
