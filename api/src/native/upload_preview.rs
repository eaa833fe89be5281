//! The first rows of an upload, as a campaign would have them, and what an agent would say first.

use ringfleet_core::{AgentId, E164, id::UploadKind, opening};
use ringfleet_engine::uploads::Previewed;
use ringfleet_store::Reject;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::{
    auth::{Allowed, may},
    envelope::Reply,
    error::{ApiError, Result},
    path::PathId,
    query::{FromQuery, Parameters, Query},
};

/// `?agentId=` or `?openingLine=` of a preview.
pub(super) struct PreviewQuery {
    agent: Option<AgentId>,
    opening_line: Option<String>,
}

impl FromQuery for PreviewQuery {
    fn read(parameters: &mut Parameters) -> Result<Self> {
        let (agent, opening_line) = (parameters.parse("agentId")?, parameters.take("openingLine")?);
        if agent.is_some() && opening_line.is_some() {
            return Err(ApiError::invalid(
                "openingLine",
                "takes the place of the agent's; give one of the two",
            ));
        }
        Ok(Self { agent, opening_line })
    }
}

/// One row of an upload, as a campaign would have it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PreviewRow)]
pub(super) struct RowView {
    /// The line of the file it begins on.
    line: u64,
    /// Whom it would call; null where it is rejected.
    to: Option<E164>,
    /// Where the number may be.
    timezones: Vec<String>,
    variables: Value,
    /// What the agent would say first, with the variables of the row in it; null where no opening line is known, or the row is rejected.
    opening_line: Option<String>,
    /// What would be said when somebody picks up, likewise; null where the agent has a file for that.
    greeting_text: Option<String>,
    /// What a machine would be told, likewise.
    machine_message_text: Option<String>,
    /// What a callee would be told where nobody is there to talk, likewise.
    fallback_message_text: Option<String>,
    /// The variables that these ask for and the row lacks.
    missing: Vec<String>,
    reject: Option<Refused>,
}

/// Why a row would call nobody.
#[derive(Serialize, ToSchema)]
#[schema(as = PreviewReject)]
struct Refused {
    field: String,
    value: String,
    reason: String,
}

/// `GET /uploads/:id/preview`: the first 100 rows, with the opening line that is given, or that of the agent that is named or that the upload names,
/// and with what is said in that agent's calls.
pub(super) async fn show(
    door: Allowed<may::Read>,
    PathId(id): PathId<UploadKind>,
    Query(query): Query<PreviewQuery>,
) -> Result<Reply<Vec<RowView>>> {
    let preview = door.engine().preview_upload(door.workspace(), id, query.agent).await?;
    let texts = Texts {
        opening_line: query.opening_line.or(preview.opening_line),
        greeting: preview.greeting_text,
        machine_message: preview.machine_message_text,
        fallback: preview.fallback_message_text,
    };
    Ok(Reply::ok(preview.rows.into_iter().map(|row| RowView::new(row, &texts)).collect()))
}

/// What may be said, its places not filled.
struct Texts {
    opening_line: Option<String>,
    greeting: Option<String>,
    machine_message: Option<String>,
    fallback: Option<String>,
}

impl RowView {
    fn new(row: Previewed, texts: &Texts) -> Self {
        let mut view = Self {
            line: row.line,
            to: None,
            timezones: Vec::new(),
            variables: Value::Object(Map::new()),
            opening_line: None,
            greeting_text: None,
            machine_message_text: None,
            fallback_message_text: None,
            missing: Vec::new(),
            reject: None,
        };
        match row.row {
            Ok((number, variables, timezones)) => {
                (view.to, view.timezones, view.variables) = (Some(number), timezones, variables);
                view.opening_line = view.filled(texts.opening_line.as_deref());
                view.greeting_text = view.filled(texts.greeting.as_deref());
                view.machine_message_text = view.filled(texts.machine_message.as_deref());
                view.fallback_message_text = view.filled(texts.fallback.as_deref());
            }
            Err(reject) => {
                let Reject { field, value, reason, .. } = reject;
                view.reject = Some(Refused { field, value, reason });
            }
        }
        view
    }

    /// A text with the variables of the row in it; what it lacks is noted.
    fn filled(&mut self, template: Option<&str>) -> Option<String> {
        let none = Map::new();
        let filled = opening::fill(template?, self.variables.as_object().unwrap_or(&none));
        let new: Vec<String> =
            filled.missing.into_iter().filter(|name| !self.missing.contains(name)).collect();
        self.missing.extend(new);
        Some(filled.text)
    }
}
