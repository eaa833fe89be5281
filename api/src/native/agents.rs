//! Agents: who talks after the callee answers.

use std::path::Path;

use ringfleet_carriers::media::load_greeting;
use ringfleet_core::{AgentId, id::AgentKind};
use ringfleet_store::{Agent, NewAgent};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::{
    auth::{Allowed, may},
    change::Answer,
    check,
    envelope::{Moment, Reply},
    error::{ApiError, Result},
    json::Json,
    page::Paging,
    path::PathId,
    query::{FromQuery, Parameters, Query},
};

const NAME_LIMIT: usize = 200;
/// Longest prompt, in bytes.
const PROMPT_LIMIT: usize = 100 * 1024;
/// `voice` and `llm` may be this long as JSON, in bytes.
const SETTINGS_LIMIT: usize = 16 * 1024;

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewAgent)]
pub(super) struct Body {
    name: String,
    prompt: Option<String>,
    #[schema(value_type = Option<Object>)]
    voice: Option<Map<String, Value>>,
    #[schema(value_type = Option<Object>)]
    llm: Option<Map<String, Value>>,
    greeting: Option<String>,
    recording: Option<bool>,
}

/// An agent as the API shows it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Agent)]
pub(super) struct View {
    id: AgentId,
    name: String,
    prompt: String,
    voice: Value,
    llm: Value,
    greeting: Option<String>,
    recording: bool,
    version: &'static str,
    created_at: Moment,
}

impl From<Agent> for View {
    fn from(agent: Agent) -> Self {
        let Agent { id, name, prompt, voice, llm, greeting, recording, created_at } = agent;
        // Agents cannot be changed yet, so each is at its first version.
        Self {
            id,
            name,
            prompt,
            voice,
            llm,
            greeting,
            recording,
            version: "v1",
            created_at: created_at.into(),
        }
    }
}

/// `POST /agents`: makes an agent.
pub(super) async fn create(door: Allowed<may::EditAgents>, Json(body): Json<Body>) -> Result<Answer<View>> {
    let prompt = body.prompt.unwrap_or_default();
    if prompt.len() > PROMPT_LIMIT {
        return Err(ApiError::invalid("prompt", format!("must be at most {PROMPT_LIMIT} bytes")));
    }
    if let Some(file) = &body.greeting {
        check_greeting(door.settings().greetings.as_deref(), file).await?;
    }
    let new = NewAgent {
        name: check::name(body.name, NAME_LIMIT)?,
        prompt,
        voice: check::object("voice", body.voice, SETTINGS_LIMIT)?,
        llm: check::object("llm", body.llm, SETTINGS_LIMIT)?,
        greeting: body.greeting,
        recording: body.recording.unwrap_or(false),
    };
    let now = door.now();
    let mut change = door.change("agent.create", |agent: &Agent| {
        let detail = json!({ "name": agent.name });
        Reply::created(View::from(agent.clone())).about(agent.id).with_detail(detail)
    });
    let receipt = change.receipt();
    let mut tx = change.engine().store().write().await?;
    let agent = tx.insert_agent(change.workspace(), new, now).await?;
    receipt.write(&mut tx, &agent, change.engine().clock()).await?;
    tx.commit().await?;
    change.answer()
}

/// `GET /agents/:id`: one agent.
pub(super) async fn show(door: Allowed<may::Read>, PathId(id): PathId<AgentKind>) -> Result<Reply<View>> {
    let mut tx = door.engine().store().read().await?;
    let agent = tx.agent(door.workspace(), id).await?.ok_or_else(|| ApiError::not_found("agent"))?;
    tx.commit().await?;
    Ok(Reply::ok(agent.into()))
}

/// `?name=` of a list of agents.
pub(super) struct ListQuery {
    paging: Paging,
    name: Option<String>,
}

impl FromQuery for ListQuery {
    fn read(parameters: &mut Parameters) -> Result<Self> {
        Ok(Self { name: parameters.take("name")?, paging: Paging::read(parameters)? })
    }
}

/// `GET /agents`: a page of the workspace's agents.
pub(super) async fn list(
    door: Allowed<may::Read>,
    Query(query): Query<ListQuery>,
) -> Result<Reply<Vec<View>>> {
    let mut tx = door.engine().store().read().await?;
    let agents = tx.agents(door.workspace(), query.name.as_deref(), query.paging.ask()).await?;
    tx.commit().await?;
    Ok(query.paging.reply(agents, |agent| agent.id.into()))
}

/// A greeting is the name of a file in one folder, and nothing that leads out of it.
async fn check_greeting(folder: Option<&Path>, file: &str) -> Result<()> {
    let refuse = |problem: String| Err(ApiError::invalid("greeting", problem));
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if !file.ends_with(".wav") || file.starts_with('.') || file.len() > 200 || !file.chars().all(plain) {
        return refuse("must be a file name of letters, digits, dots, - and _ that ends in .wav".into());
    }
    let Some(folder) = folder else {
        return refuse(
            "this server has no greetings folder; leave it out or ask the operator to set one".into(),
        );
    };
    let path = folder.join(file);
    match tokio::fs::metadata(&path).await {
        Ok(found) if found.is_file() => {}
        _ => return refuse("there is no such file in the greetings folder".into()),
    }
    match tokio::task::spawn_blocking(move || load_greeting(&path)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => refuse(format!("cannot be played: {error}")),
        Err(_) => Err(ApiError::internal()), // it panicked, which the log says
    }
}
