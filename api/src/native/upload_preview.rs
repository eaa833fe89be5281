//! The first rows of an upload, as a campaign would have them, and what an agent would say first.

use ringfleet_core::{AgentId, E164, id::UploadKind, opening};
use ringfleet_engine::uploads::Previewed;
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
    /// The variables that the opening line asks for and the row lacks.
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

/// `GET /uploads/:id/preview`: the first 100 rows, with the opening line that is given, or that of the agent that is named or that the upload names.
pub(super) async fn show(
    door: Allowed<may::Read>,
    PathId(id): PathId<UploadKind>,
    Query(query): Query<PreviewQuery>,
) -> Result<Reply<Vec<RowView>>> {
    let preview = door.engine().preview_upload(door.workspace(), id, query.agent).await?;
    let line = query.opening_line.or(preview.opening_line);
    Ok(Reply::ok(preview.rows.into_iter().map(|row| RowView::new(row, line.as_deref())).collect()))
}

impl RowView {
    fn new(row: Previewed, line: Option<&str>) -> Self {
        match row.row {
            Ok((number, variables, timezones)) => {
                let none = Map::new();
                let filled = line.map(|line| opening::fill(line, variables.as_object().unwrap_or(&none)));
                let (opening_line, missing) = filled.map(|filled| (filled.text, filled.missing)).unzip();
                let missing = missing.unwrap_or_default();
                Self {
                    line: row.line,
                    to: Some(number),
                    timezones,
                    variables,
                    opening_line,
                    missing,
                    reject: None,
                }
            }
            Err(reject) => Self {
                line: row.line,
                to: None,
                timezones: Vec::new(),
                variables: Value::Object(Map::new()),
                opening_line: None,
                missing: Vec::new(),
                reject: Some(Refused { field: reject.field, value: reject.value, reason: reject.reason }),
            },
        }
    }
}
