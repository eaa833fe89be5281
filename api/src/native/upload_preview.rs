//! The first rows of an upload, as a campaign would have them, and what an agent would say first.

use ringfleet_core::{E164, id::UploadKind, opening};
use ringfleet_engine::uploads::Previewed;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::{
    auth::{Allowed, may},
    envelope::Reply,
    error::Result,
    path::PathId,
    query::{FromQuery, Parameters, Query},
};

/// `?openingLine=` of a preview.
pub(super) struct PreviewQuery {
    opening_line: Option<String>,
}

impl FromQuery for PreviewQuery {
    fn read(parameters: &mut Parameters) -> Result<Self> {
        Ok(Self { opening_line: parameters.take("openingLine")? })
    }
}

/// One row of a preview.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PreviewRow)]
pub(super) struct RowView {
    line: u64,
    to: Option<E164>,
    timezones: Vec<String>,
    variables: Value,
    opening_line: Option<String>,
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

/// `GET /uploads/:id/preview`: the first 100 rows.
pub(super) async fn show(
    door: Allowed<may::Read>,
    PathId(id): PathId<UploadKind>,
    Query(query): Query<PreviewQuery>,
) -> Result<Reply<Vec<RowView>>> {
    let (_, rows) = door.engine().preview_upload(door.workspace(), id).await?;
    let line = query.opening_line.as_deref();
    Ok(Reply::ok(rows.into_iter().map(|row| RowView::new(row, line)).collect()))
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
