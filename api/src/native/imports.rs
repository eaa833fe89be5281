//! Imports: a list of recipients as CSV, and what became of it.

use axum::{
    body::Body,
    extract::{FromRequest, Request},
    http::StatusCode,
};
use ringfleet_core::{
    CampaignId, ImportId, UploadId,
    id::{CampaignKind, ImportKind},
};
use ringfleet_engine::import::ImportOptions;
use ringfleet_store::{Import, ImportFilter, ImportState};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::json;
use tokio::io::AsyncReadExt;
use utoipa::{
    ToSchema,
    openapi::{Required, schema::ObjectBuilder},
};

use crate::{
    auth::{Allowed, Gate, may},
    change::Answer,
    envelope::{Moment, Reply},
    error::{ApiError, Result},
    file::{CsvFile, text},
    json::{media_type, parse},
    once::{Once, Refused},
    openapi::{Draft, Part},
    page::Paging,
    path::PathId,
    query::{FromQuery, Parameters, Query},
    reject_file::{self, Rejects},
    upload,
};

/// Most bytes of a JSON body beside a list.
const JSON_LIMIT: usize = 256 * 1024;

/// An import as the API shows it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Import)]
pub(super) struct View {
    id: ImportId,
    campaign_id: CampaignId,
    /// The upload it reads, where it does not read a request.
    upload_id: Option<UploadId>,
    status: ImportState,
    error: Option<String>,
    rows: i64,
    accepted: i64,
    rejected: i64,
    created_at: Moment,
    finished_at: Option<Moment>,
}

impl From<Import> for View {
    fn from(import: Import) -> Self {
        Self {
            id: import.id,
            campaign_id: import.campaign_id,
            upload_id: import.upload_id,
            status: import.state,
            error: import.error,
            rows: import.rows_read,
            accepted: import.accepted,
            rejected: import.rejected,
            created_at: import.created_at.into(),
            finished_at: Moment::maybe(import.finished_at),
        }
    }
}

/// `?column=` of an upload.
pub(super) struct UploadQuery {
    pub(super) column: Option<String>,
}

impl FromQuery for UploadQuery {
    fn read(parameters: &mut Parameters) -> Result<Self> {
        Ok(Self { column: parameters.take("column")? })
    }
}

/// What fills a campaign: a list in the request, not read yet, or an upload.
pub(super) enum Source {
    List(upload::Upload),
    Upload(UploadId),
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = ImportSource)]
struct SourceBody {
    upload_id: UploadId,
}

impl FromRequest<Gate> for Source {
    type Rejection = Refused;

    async fn from_request(request: Request, gate: &Gate) -> Result<Self, Refused> {
        match media_type(request.headers()).as_deref() {
            Some("application/json") => {
                let body: SourceBody = json_of(watched(request, upload::open_bytes).await?).await?;
                Ok(Self::Upload(body.upload_id))
            }
            _ => CsvUpload::from_request(request, gate).await.map(|CsvUpload(list)| Self::List(list)),
        }
    }
}

impl Part for Source {
    fn describe(draft: &mut Draft) {
        CsvUpload::describe(draft);
        let body = draft.of::<SourceBody>();
        draft.body("application/json", body, Required::True);
    }
}

/// Opens a body that is read while it comes, seen by whoever keeps the answer of its Idempotency-Key.
pub(super) async fn watched(
    request: Request,
    open: impl FnOnce(Request) -> Result<upload::Upload>,
) -> Result<upload::Upload, Refused> {
    let once = request.extensions().get::<Once>().cloned();
    let bytes = open(request)?;
    match once {
        Some(once) => once.watch(bytes).await,
        None => Ok(bytes),
    }
}

/// Reads a small JSON object out of such a body.
pub(super) async fn json_of<T: DeserializeOwned>(bytes: upload::Upload) -> Result<T> {
    let mut body = Vec::new();
    let read = bytes.take(JSON_LIMIT as u64 + 1).read_to_end(&mut body).await;
    read.map_err(|_| ApiError::broken_upload("the body broke off; send the request again"))?;
    if body.len() > JSON_LIMIT {
        return Err(ApiError::too_large(JSON_LIMIT));
    }
    parse(&body)
}

/// The list in an upload, not read yet.
pub(super) struct CsvUpload(pub(super) upload::Upload);

impl FromRequest<Gate> for CsvUpload {
    type Rejection = Refused;

    async fn from_request(request: Request, _: &Gate) -> Result<Self, Refused> {
        let once = request.extensions().get::<Once>().cloned();
        let list = upload::open(request).await?;
        match once {
            Some(once) => once.watch(list).await.map(Self),
            None => Ok(Self(list)),
        }
    }
}

impl Part for CsvUpload {
    fn describe(draft: &mut Draft) {
        let form = ObjectBuilder::new().property("file", text()).required("file").build();
        draft.body("text/csv", text(), Required::True);
        draft.body("multipart/form-data", form.into(), Required::True);
        draft.refuses(StatusCode::BAD_REQUEST, "The upload broke off.");
        draft.refuses(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "The list is neither text/csv nor a file in a form.",
        );
        draft.refuses(StatusCode::UNPROCESSABLE_ENTITY, "The file, or a parameter, cannot be read.");
    }
}

/// `POST /campaigns/:id/recipients/import`: reads a CSV row by row and answers when the whole file has been read; or has an upload fill the
/// campaign, and answers at once.
pub(super) async fn upload(
    door: Allowed<may::RunCampaigns>,
    PathId(campaign): PathId<CampaignKind>,
    Query(query): Query<UploadQuery>,
    source: Source,
) -> Result<Answer<View>> {
    let is_upload = matches!(source, Source::Upload(_));
    let mut change = door.change("recipients.import", move |import: &Import| {
        let detail = json!({ "importId": import.id, "uploadId": import.upload_id, "status": import.state, "accepted": import.accepted, "rejected": import.rejected });
        let view = View::from(import.clone());
        let reply = if is_upload { Reply::accepted(view) } else { Reply::ok(view) };
        reply.about(campaign).with_detail(detail)
    });
    let receipt = change.receipt();
    match source {
        Source::List(list) => {
            let options = ImportOptions { column: query.column };
            // When the client goes away this handler is dropped; the import goes on in a task of its own and is closed there.
            change.engine().import(change.workspace(), campaign, list, options, receipt).await?;
        }
        Source::Upload(_) if query.column.is_some() => {
            return Err(ApiError::invalid(
                "column",
                "an upload has a mapping; set it with PUT /uploads/:id/mapping",
            ));
        }
        Source::Upload(upload) => {
            change.engine().import_upload(change.workspace(), campaign, upload, receipt).await?;
        }
    }
    change.answer()
}

/// `?campaignId=` and `?status=` of a list of imports.
pub(super) struct ListQuery {
    paging: Paging,
    filter: ImportFilter,
}

impl FromQuery for ListQuery {
    fn read(parameters: &mut Parameters) -> Result<Self> {
        let filter =
            ImportFilter { campaign: parameters.parse("campaignId")?, state: parameters.parse("status")? };
        Ok(Self { paging: Paging::read(parameters)?, filter })
    }
}

/// `GET /imports`: a page of the workspace's imports, those that broke off included.
pub(super) async fn list(
    door: Allowed<may::Read>,
    Query(query): Query<ListQuery>,
) -> Result<Reply<Vec<View>>> {
    let mut tx = door.engine().store().read().await?;
    let imports = tx.imports(door.workspace(), query.filter, query.paging.ask()).await?;
    tx.commit().await?;
    Ok(query.paging.reply(imports, |import| import.id.into()))
}

/// `GET /imports/:id`: one import.
pub(super) async fn show(door: Allowed<may::Read>, PathId(id): PathId<ImportKind>) -> Result<Reply<View>> {
    Ok(Reply::ok(find(&door, id).await?.into()))
}

/// `GET /imports/:id/errors.csv`: the rows that did not become recipients, in the order of the file.
pub(super) async fn errors(door: Allowed<may::Read>, PathId(id): PathId<ImportKind>) -> Result<CsvFile> {
    let import = find(&door, id).await?;
    let rejects = reject_file::stream(door.engine().store().clone(), Rejects::OfImport(import.id));
    Ok(CsvFile { name: format!("{}-errors.csv", import.id), body: Body::from_stream(rejects) })
}

async fn find(door: &Allowed<may::Read>, id: ImportId) -> Result<Import> {
    let mut tx = door.engine().store().read().await?;
    let import = tx.import(door.workspace(), id).await?.ok_or_else(|| ApiError::not_found("import"))?;
    tx.commit().await?;
    Ok(import)
}
