//! Suppression lists: numbers that must not be contacted.

use chrono::{DateTime, Utc};
use ringfleet_core::{Channel, E164, SuppressionId, SuppressionSource, id::SuppressionKind};
use ringfleet_engine::{REASON_LIMIT, SuppressionReport};
use ringfleet_store::{NewSuppression, Reject, Suppression};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::{
    auth::{Allowed, may},
    change::Answer,
    check,
    envelope::{Moment, Reply},
    error::{ApiError, Result},
    json::Json,
    openapi::bounds,
    page::Paging,
    path::PathId,
    query::{FromQuery, Parameters, Query},
    strict::Object,
};

use super::imports::{CsvUpload, UploadQuery};

/// Most numbers in one request.
const MOST: usize = 5_000;

/// One number, or several at once under `suppressions`.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewSuppression)]
pub(super) struct Body {
    #[schema(value_type = Option<E164>)]
    number: Option<String>,
    channel: Option<Channel>,
    #[schema(schema_with = bounds::maybe_text::<REASON_LIMIT>)]
    reason: Option<String>,
    source: Option<SuppressionSource>,
    #[schema(value_type = Option<Moment>)]
    expires_at: Option<String>,
    #[schema(value_type = Option<Vec<Item>>, min_items = 1)]
    suppressions: Option<Vec<Object<Item>>>,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewSuppressionItem)]
struct Item {
    #[schema(value_type = E164)]
    number: String,
    channel: Option<Channel>,
    #[schema(schema_with = bounds::maybe_text::<REASON_LIMIT>)]
    reason: Option<String>,
    source: Option<SuppressionSource>,
    #[schema(value_type = Option<Moment>)]
    expires_at: Option<String>,
}

/// An entry as the API shows it. `channel` is null where it holds on all of them.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Suppression)]
pub(super) struct View {
    id: SuppressionId,
    number: E164,
    channel: Option<Channel>,
    reason: String,
    source: SuppressionSource,
    expires_at: Option<Moment>,
    created_at: Moment,
}

impl From<Suppression> for View {
    fn from(entry: Suppression) -> Self {
        Self {
            id: entry.id,
            number: entry.number,
            channel: entry.scope(),
            reason: entry.reason,
            source: entry.source,
            expires_at: Moment::maybe(entry.expires_at),
            created_at: entry.created_at.into(),
        }
    }
}

/// `POST /suppressions`: puts numbers on the list. All of them or, when one is wrong, none.
pub(super) async fn add(door: Allowed<may::Suppress>, Json(body): Json<Body>) -> Result<Answer<Vec<View>>> {
    let now = door.now();
    let new = match (body.number, body.suppressions) {
        (Some(number), None) => {
            let Body { channel, reason, source, expires_at, .. } = body;
            vec![check_item("", Item { number, channel, reason, source, expires_at }, now)?]
        }
        (None, Some(items)) => {
            let alone = body.channel.is_none() && body.reason.is_none() && body.source.is_none();
            if !alone || body.expires_at.is_some() {
                return Err(ApiError::invalid(
                    "suppressions",
                    "give every entry its own channel, reason, source and expiresAt",
                ));
            }
            if !(1..=MOST).contains(&items.len()) {
                let problem = format!("give 1 to {MOST} entries at once; upload longer lists as CSV");
                return Err(ApiError::invalid("suppressions", problem));
            }
            let check = |(i, Object(item)): (usize, _)| check_item(&format!("suppressions[{i}]."), item, now);
            items.into_iter().enumerate().map(check).collect::<Result<_>>()?
        }
        _ => return Err(ApiError::invalid("number", "give either number or suppressions")),
    };
    let mut change = door.change("suppression.add", |entries: &Vec<Suppression>| {
        let reply = Reply::created(entries.iter().cloned().map(View::from).collect::<Vec<_>>());
        match entries.as_slice() {
            [one] => reply.about(one.id).with_detail(json!({ "channel": one.channel, "source": one.source })),
            many => reply.with_detail(json!({ "entries": many.len() })),
        }
    });
    let receipt = change.receipt();
    change.engine().suppress(change.workspace(), new, &receipt).await?;
    change.answer()
}

fn check_item(at: &str, item: Item, now: DateTime<Utc>) -> Result<NewSuppression> {
    let field = |name: &str| format!("{at}{name}");
    let number =
        item.number.parse::<E164>().map_err(|e| ApiError::invalid(field("number"), e.to_string()))?;
    let reason = item.reason.unwrap_or_default();
    if reason.chars().count() > REASON_LIMIT || reason.contains(char::is_control) {
        let problem = format!("must be at most {REASON_LIMIT} characters on one line");
        return Err(ApiError::invalid(field("reason"), problem));
    }
    let expires_at = check::moment(&field("expiresAt"), item.expires_at)?;
    if expires_at.is_some_and(|at| at <= now) {
        return Err(ApiError::invalid(field("expiresAt"), "must lie in the future"));
    }
    Ok(NewSuppression {
        number,
        channel: item.channel,
        reason,
        source: item.source.unwrap_or(SuppressionSource::Operator),
        expires_at,
    })
}

/// What became of an uploaded list.
#[derive(Serialize, ToSchema)]
#[schema(as = SuppressionUpload)]
pub(super) struct UploadView {
    accepted: u64,
    rejected: u64,
    rejects: Vec<RejectView>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = SuppressionReject)]
struct RejectView {
    line: i64,
    field: String,
    value: String,
    reason: String,
}

impl From<Reject> for RejectView {
    fn from(reject: Reject) -> Self {
        Self { line: reject.line, field: reject.field, value: reject.value, reason: reject.reason }
    }
}

/// `POST /suppressions/import`: a CSV list, read row by row. Answers when the whole file has been read.
pub(super) async fn upload(
    door: Allowed<may::Suppress>,
    Query(query): Query<UploadQuery>,
    CsvUpload(list): CsvUpload,
) -> Result<Answer<UploadView>> {
    let mut change = door.change("suppression.import", |report: &SuppressionReport| {
        let SuppressionReport { accepted, rejected, rejects } = report.clone();
        let rejects = rejects.into_iter().map(Into::into).collect();
        let detail = json!({ "accepted": accepted, "rejected": rejected });
        Reply::ok(UploadView { accepted, rejected, rejects }).with_detail(detail)
    });
    let receipt = change.receipt();
    change.engine().import_suppressions(change.workspace(), list, query.column, receipt).await?;
    change.answer()
}

/// `?number=` of the list.
pub(super) struct ListQuery {
    paging: Paging,
    number: Option<E164>,
}

impl FromQuery for ListQuery {
    fn read(parameters: &mut Parameters) -> Result<Self> {
        Ok(Self { number: parameters.parse("number")?, paging: Paging::read(parameters)? })
    }
}

/// `GET /suppressions`: a page of the workspace's entries.
pub(super) async fn list(
    door: Allowed<may::Read>,
    Query(query): Query<ListQuery>,
) -> Result<Reply<Vec<View>>> {
    let mut tx = door.engine().store().read().await?;
    let entries = tx.suppressions(door.workspace(), query.number, query.paging.ask()).await?;
    tx.commit().await?;
    Ok(query.paging.reply(entries, |entry| entry.id.into()))
}

/// `GET /suppressions/:id`: one entry.
pub(super) async fn show(
    door: Allowed<may::Read>,
    PathId(id): PathId<SuppressionKind>,
) -> Result<Reply<View>> {
    let mut tx = door.engine().store().read().await?;
    let entry =
        tx.suppression(door.workspace(), id).await?.ok_or_else(|| ApiError::not_found("suppression"))?;
    tx.commit().await?;
    Ok(Reply::ok(entry.into()))
}

/// What was taken off the list.
#[derive(Serialize, ToSchema)]
#[schema(as = SuppressionDeleted)]
pub(super) struct DeletedView {
    id: SuppressionId,
    deleted: bool,
}

/// `DELETE /suppressions/:id`: the number may be contacted again. Recipients that ended by it stay ended.
pub(super) async fn remove(
    door: Allowed<may::EditRules>,
    PathId(id): PathId<SuppressionKind>,
) -> Result<Answer<DeletedView>> {
    let mut change = door
        .change("suppression.remove", move |_: &()| Reply::ok(DeletedView { id, deleted: true }).about(id));
    let receipt = change.receipt();
    let mut tx = change.engine().store().write().await?;
    if !tx.unsuppress(change.workspace(), id).await? {
        return Err(ApiError::not_found("suppression"));
    }
    receipt.write(&mut tx, &(), change.engine().clock()).await?;
    tx.commit().await?;
    change.answer()
}
