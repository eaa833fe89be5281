//! What a campaign has come to, as a file: one row for each recipient.

use axum::body::Body;
use ringfleet_core::{CampaignId, id::CampaignKind};
use ringfleet_engine::lines_rest;
use ringfleet_store::RecipientFilter;

use crate::{
    auth::{Allowed, may},
    error::{ApiError, Result},
    export::{self, Form, Part},
    file::{CsvFile, JsonLinesFile},
    path::PathId,
    query::{FromQuery, Parameters, Query},
};

use super::recipients::{View, show_hold};

/// The columns of the file.
const COLUMNS: &[&str] = &[
    "id",
    "to",
    "state",
    "disposition",
    "attempts",
    "lastOutcome",
    "lastReason",
    "doneAt",
    "step",
    "dueAt",
    "hold",
    "timezone",
    "createdAt",
    "variables",
];

/// The filters of a list of recipients, but for the hold, for a file of all of them.
pub(super) struct ExportQuery {
    part: Part,
    filter: RecipientFilter,
}

impl FromQuery for ExportQuery {
    fn read(parameters: &mut Parameters) -> Result<Self> {
        Ok(Self { filter: RecipientFilter::read(parameters)?, part: Part::read(parameters)? })
    }
}

/// `GET /campaigns/:id/results.csv`.
pub(super) async fn csv(
    door: Allowed<may::Read>,
    PathId(id): PathId<CampaignKind>,
    Query(query): Query<ExportQuery>,
) -> Result<CsvFile> {
    let body = results(&door, id, Form::Csv(COLUMNS), query).await?;
    Ok(CsvFile { name: format!("{id}-results.csv"), body })
}

/// `GET /campaigns/:id/results.jsonl`.
pub(super) async fn jsonl(
    door: Allowed<may::Read>,
    PathId(id): PathId<CampaignKind>,
    Query(query): Query<ExportQuery>,
) -> Result<JsonLinesFile> {
    let body = results(&door, id, Form::JsonLines, query).await?;
    Ok(JsonLinesFile { name: format!("{id}-results.jsonl"), body })
}

async fn results(door: &Allowed<may::Read>, id: CampaignId, form: Form, query: ExportQuery) -> Result<Body> {
    let (engine, workspace) = (door.engine().clone(), door.workspace());
    let mut tx = engine.store().read().await?;
    tx.campaign(workspace, id).await?.ok_or_else(|| ApiError::not_found("campaign"))?;
    tx.commit().await?;
    let ExportQuery { part, filter } = query;
    Ok(export::file(form, part, move |page| {
        let (engine, filter) = (engine.clone(), filter.clone());
        async move {
            let mut tx = engine.store().read().await?;
            let campaign = tx.campaign(workspace, id).await?;
            let campaign = campaign.ok_or(ringfleet_engine::EngineError::NotFound("campaign"))?;
            let mut found = tx.recipients(id, filter.clone(), page).await?;
            let next = match found.len() < page.limit as usize {
                true => tx.recipients_looked_at(id, &filter, page).await?,
                false => found.last().map(|last| last.id.into()),
            };
            let rests = lines_rest(&mut tx, &campaign).await?;
            tx.commit().await?;
            let now = engine.clock().now();
            found.iter_mut().for_each(|recipient| show_hold(&campaign, recipient, rests, now));
            Ok((found.into_iter().map(View::from).collect(), next))
        }
    }))
}
