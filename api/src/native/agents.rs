//! Agents: who talks after the callee answers, and in which version.

use std::path::Path;

use ringfleet_carriers::media::load_greeting;
use ringfleet_core::{Action, AgentVersion, Conversation, id::AgentKind};
use ringfleet_store::{Agent, NewAgent};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::{
    agent_body::{Body, NAME_LIMIT, OPENING_LIMIT, PROMPT_LIMIT, PatchBody, View},
    conversation_body::ConversationChange,
    settings_body::set,
};
use crate::{
    ApiSettings,
    auth::{Allowed, may},
    change::Answer,
    check,
    envelope::Reply,
    error::{ApiError, Result},
    json::{Json, MaybeJson, NoBody},
    page::{NumberPaging, Paging},
    path::PathId,
    query::{FromQuery, Parameters, Query},
    tag::{Expected, Seen},
};

/// `voice` and `llm` may be this long as JSON, in bytes.
const SETTINGS_LIMIT: usize = 16 * 1024;

fn prompt(text: String) -> Result<String> {
    match text.len() <= PROMPT_LIMIT {
        true => Ok(text),
        false => Err(ApiError::invalid("prompt", format!("must be at most {PROMPT_LIMIT} bytes"))),
    }
}

fn opening_line(given: Option<String>) -> Result<Option<String>> {
    match given.as_ref().is_some_and(|text| text.chars().count() > OPENING_LIMIT) {
        true => Err(ApiError::invalid("openingLine", format!("must be at most {OPENING_LIMIT} characters"))),
        false => Ok(given),
    }
}

/// `POST /agents`: makes an agent. Its first version is live at once if the key may publish, else a draft.
pub(super) async fn create(
    door: Allowed<may::EditAgents>,
    Json(mut body): Json<Body>,
) -> Result<Answer<View>> {
    let asked = body.conversation();
    check_outside(door.settings(), body.greeting.as_deref(), &asked).await?;
    let mut conversation = Conversation::default();
    asked.apply(&mut conversation, body.greeting.as_deref())?;
    let new = NewAgent {
        name: check::name(body.name, NAME_LIMIT)?,
        prompt: prompt(body.prompt.unwrap_or_default())?,
        voice: check::object("voice", body.voice, SETTINGS_LIMIT)?,
        llm: check::object("llm", body.llm, SETTINGS_LIMIT)?,
        greeting: body.greeting,
        recording: body.recording.unwrap_or(false),
        opening_line: opening_line(body.opening_line)?,
        conversation,
        published: door.identity().may(Action::PublishAgents),
    };
    let mut change = door.change("agent.create", |agent: &Agent| {
        let detail = json!({ "name": agent.name, "version": agent.n });
        Reply::created(View::from(agent.clone())).about(agent.id).with_detail(detail)
    });
    let receipt = change.receipt();
    change.engine().create_agent(change.workspace(), new, receipt).await?;
    change.answer()
}

/// The answer to a request that has changed an agent.
fn told(agent: &Agent) -> Reply<View> {
    let detail = json!({ "version": agent.n });
    Reply::ok(View::from(agent.clone())).about(agent.id).with_detail(detail)
}

/// `PATCH /agents/:id`: makes a draft of the latest version with these changes, and shows it.
pub(super) async fn edit(
    door: Allowed<may::EditAgents>,
    PathId(id): PathId<AgentKind>,
    expected: Expected,
    Json(mut body): Json<PatchBody>,
) -> Result<Answer<View>> {
    let asked = body.conversation();
    check_outside(door.settings(), body.greeting.as_ref().and_then(Option::as_deref), &asked).await?;
    let name = body.name.map(|name| check::name(name, NAME_LIMIT)).transpose()?;
    let prompt = body.prompt.map(prompt).transpose()?;
    let voice = body.voice.map(|voice| check::object("voice", Some(voice), SETTINGS_LIMIT)).transpose()?;
    let llm = body.llm.map(|llm| check::object("llm", Some(llm), SETTINGS_LIMIT)).transpose()?;
    let opening_line = body.opening_line.map(opening_line).transpose()?;
    let change = |before: &Agent, draft: &mut NewAgent| {
        expected.check(&View::from(before.clone()))?;
        set(&mut draft.name, name);
        set(&mut draft.prompt, prompt);
        set(&mut draft.voice, voice);
        set(&mut draft.llm, llm);
        set(&mut draft.greeting, body.greeting);
        set(&mut draft.recording, body.recording);
        set(&mut draft.opening_line, opening_line);
        asked.apply(&mut draft.conversation, draft.greeting.as_deref())
    };
    let mut noted = door.change("agent.edit", told);
    let receipt = noted.receipt();
    noted.engine().edit_agent(noted.workspace(), id, change, receipt).await?;
    noted.answer()
}

/// Which version to publish.
#[derive(Deserialize, Default, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schema(as = AgentToPublish)]
pub(super) struct PublishBody {
    version_id: Option<AgentVersion>,
}

/// `POST /agents/:id/publish`: makes a version live, the latest unless one is named.
pub(super) async fn publish(
    door: Allowed<may::PublishAgents>,
    PathId(id): PathId<AgentKind>,
    MaybeJson(body): MaybeJson<PublishBody>,
) -> Result<Answer<View>> {
    let mut noted = door.change("agent.publish", told);
    let receipt = noted.receipt();
    noted.engine().publish_agent(noted.workspace(), id, body.version_id, receipt).await?;
    noted.answer()
}

/// `POST /agents/:id/rollback`: makes the version live again that was live before.
pub(super) async fn roll_back(
    door: Allowed<may::PublishAgents>,
    PathId(id): PathId<AgentKind>,
    _: NoBody,
) -> Result<Answer<View>> {
    let mut noted = door.change("agent.rollback", told);
    let receipt = noted.receipt();
    noted.engine().roll_back_agent(noted.workspace(), id, receipt).await?;
    noted.answer()
}

/// `DELETE /agents/:id`: puts an agent away that no open campaign has.
pub(super) async fn archive(
    door: Allowed<may::PublishAgents>,
    PathId(id): PathId<AgentKind>,
) -> Result<Answer<View>> {
    let mut noted = door.change("agent.archive", told);
    let receipt = noted.receipt();
    noted.engine().archive_agent(noted.workspace(), id, receipt).await?;
    noted.answer()
}

/// `GET /agents/:id`: one agent in the version that is live; in its latest one where none is.
pub(super) async fn show(
    door: Allowed<may::Read>,
    PathId(id): PathId<AgentKind>,
    seen: Seen,
) -> Result<Reply<View>> {
    let mut tx = door.engine().store().read().await?;
    let agent = tx.agent(door.workspace(), id).await?.ok_or_else(|| ApiError::not_found("agent"))?;
    tx.commit().await?;
    Ok(seen.show(agent.into()))
}

/// `?name=` of a list of agents that were not put away.
pub(super) struct ListQuery {
    paging: Paging,
    name: Option<String>,
}

impl FromQuery for ListQuery {
    fn read(parameters: &mut Parameters) -> Result<Self> {
        Ok(Self { name: parameters.take("name")?, paging: Paging::read(parameters)? })
    }
}

/// `GET /agents`: a page of the workspace's agents that were not put away.
pub(super) async fn list(
    door: Allowed<may::Read>,
    Query(query): Query<ListQuery>,
) -> Result<Reply<Vec<View>>> {
    let mut tx = door.engine().store().read().await?;
    let agents = tx.agents(door.workspace(), query.name.as_deref(), query.paging.ask()).await?;
    tx.commit().await?;
    Ok(query.paging.reply(agents, |agent| agent.id.into()))
}

/// `GET /agents/:id/versions`: a page of an agent's versions.
pub(super) async fn versions(
    door: Allowed<may::Read>,
    PathId(id): PathId<AgentKind>,
    Query(paging): Query<NumberPaging<AgentVersion>>,
) -> Result<Reply<Vec<View>>> {
    let mut tx = door.engine().store().read().await?;
    let found = tx.agent_versions(door.workspace(), id, paging.after(), paging.ask()).await?;
    if found.is_empty() && tx.agent(door.workspace(), id).await?.is_none() {
        return Err(ApiError::not_found("agent"));
    }
    tx.commit().await?;
    Ok(paging.reply(found, |agent| agent.n.to_string()))
}

/// What cannot be told from a request alone: whether its sounds can be played, and whether its agent may be asked.
async fn check_outside(
    settings: &ApiSettings,
    greeting: Option<&str>,
    asked: &ConversationChange,
) -> Result<()> {
    let file = |given: &Option<Option<String>>| given.clone().flatten();
    let messages = [file(&asked.machine_message), file(&asked.fallback_message)];
    let [machine, fallback] = messages.each_ref().map(Option::as_deref);
    for (field, file) in [("greeting", greeting), ("machineMessage", machine), ("fallbackMessage", fallback)]
    {
        if let Some(file) = file {
            check_sound(field, settings.greetings.as_deref(), file).await?;
        }
    }
    asked.check(&settings.guard).await
}

/// A sound is the name of a file in one folder, and nothing that leads out of it.
async fn check_sound(field: &str, folder: Option<&Path>, file: &str) -> Result<()> {
    let refuse = |problem: String| Err(ApiError::invalid(field, problem));
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
