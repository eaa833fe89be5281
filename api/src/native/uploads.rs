//! Uploads: files that are sent in parts, looked through, and then fill campaigns.

use axum::{
    body::Body,
    extract::{FromRequest, Request},
    http::HeaderName,
};
use ringfleet_core::{AgentId, ColumnMapping, UploadId, WorkspaceId, id::UploadKind};
use ringfleet_engine::{Receipt, uploads::MOST_BYTES};
use ringfleet_store::{NewUpload, Reject, Tx, Upload, UploadState};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{ToSchema, openapi::Required};

use crate::{
    auth::{Allowed, Gate, may},
    change::Answer,
    check,
    envelope::{Moment, Reply},
    error::{ApiError, Result},
    file::CsvFile,
    json::{Json, media_type},
    once::Refused,
    openapi::{Draft, Part, bounds},
    page::Paging,
    path::PathId,
    query::{FromQuery, Parameters, Query},
    reject_file::{self, Rejects},
    strict::Object,
    upload,
};

use super::{
    imports::{CsvUpload, json_of, watched},
    upload_data,
};

/// Longest file name, in characters.
const NAME_LIMIT: usize = 255;
/// Rejected rows an upload shows; `errors.csv` has all.
const LISTED: u32 = 20;
/// How many bytes of an upload are there: where the next part goes.
pub(super) const OFFSET: HeaderName = HeaderName::from_static("upload-offset");

/// What an upload that is sent in parts begins with.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewUpload)]
pub(super) struct Start {
    #[schema(schema_with = bounds::maybe_name::<NAME_LIMIT>)]
    filename: Option<String>,
    #[schema(schema_with = bytes_bounds)]
    bytes: Option<u64>,
    #[schema(schema_with = sha256_form)]
    sha256: Option<String>,
    agent_id: Option<AgentId>,
    #[schema(value_type = Option<ColumnMapping>)]
    mapping: Option<Object<ColumnMapping>>,
}

fn bytes_bounds() -> bounds::Bounds {
    bounds::maybe_whole(1..=MOST_BYTES)
}

fn sha256_form() -> bounds::Bounds {
    bounds::maybe_of_form("^[0-9A-Fa-f]{64}$")
}

/// The same for a file that comes in one request, as far as a query can say it.
pub(super) struct StartQuery(Start);

impl FromQuery for StartQuery {
    fn read(parameters: &mut Parameters) -> Result<Self> {
        let number = parameters.take("column")?;
        let mapping = number.map(|number| ColumnMapping { number: Some(number), ..ColumnMapping::default() });
        Ok(Self(Start {
            filename: parameters.take("filename")?,
            bytes: None,
            sha256: parameters.take("sha256")?,
            agent_id: parameters.parse("agentId")?,
            mapping: mapping.map(Object),
        }))
    }
}

/// What `POST /uploads` brings: a description, or the file itself.
pub(super) enum Given {
    Start(Start),
    File(upload::Upload),
}

impl FromRequest<Gate> for Given {
    type Rejection = Refused;

    async fn from_request(request: Request, gate: &Gate) -> Result<Self, Refused> {
        match media_type(request.headers()).as_deref() {
            Some("application/json") => {
                Ok(Self::Start(json_of(watched(request, upload::open_bytes).await?).await?))
            }
            _ => CsvUpload::from_request(request, gate).await.map(|CsvUpload(file)| Self::File(file)),
        }
    }
}

impl Part for Given {
    fn describe(draft: &mut Draft) {
        CsvUpload::describe(draft);
        let body = draft.of::<Start>();
        draft.body("application/json", body, Required::True);
    }
}

/// An upload as the API shows it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Upload)]
pub(super) struct View {
    id: UploadId,
    filename: Option<String>,
    status: UploadState,
    error: Option<String>,
    bytes: Option<i64>,
    offset: i64,
    sha256: Option<String>,
    agent_id: Option<AgentId>,
    mapping: ColumnMapping,
    columns: Vec<String>,
    /// Which column is what, as it was made out.
    mapped: Option<ColumnMapping>,
    bytes_read: i64,
    rows: i64,
    rejected: i64,
    created_at: Moment,
    validated_at: Option<Moment>,
    expires_at: Moment,
}

impl From<Upload> for View {
    fn from(upload: Upload) -> Self {
        Self {
            id: upload.id,
            filename: upload.filename,
            status: upload.state,
            error: upload.error,
            bytes: upload.bytes,
            offset: upload.received,
            sha256: upload.sha256,
            agent_id: upload.agent_id,
            mapping: upload.mapping,
            columns: upload.columns,
            mapped: upload.mapped,
            bytes_read: upload.bytes_read,
            rows: upload.rows_read,
            rejected: upload.rejected,
            created_at: upload.created_at.into(),
            validated_at: Moment::maybe(upload.validated_at),
            expires_at: upload.expires_at.into(),
        }
    }
}

/// One upload with its first rejected rows.
#[derive(Serialize, ToSchema)]
#[schema(as = UploadDetail)]
pub(super) struct Detail {
    #[serde(flatten)]
    upload: View,
    rejects: Vec<RejectView>,
}

impl Detail {
    /// The upload as it is now; nothing where there is none of that id.
    pub(super) async fn read(tx: &mut Tx, workspace: WorkspaceId, id: UploadId) -> Result<Option<Self>> {
        let Some(upload) = tx.upload(workspace, id).await? else { return Ok(None) };
        let rejects = tx.upload_rejects(id, 0, LISTED).await?.into_iter().map(RejectView::from).collect();
        Ok(Some(Self { upload: upload.into(), rejects }))
    }
}

/// An upload that is gone.
#[derive(Serialize, ToSchema)]
#[schema(as = DeletedUpload)]
pub(super) struct DeletedView {
    id: UploadId,
    deleted: bool,
}

/// A row that no campaign would take.
#[derive(Serialize, ToSchema)]
#[schema(as = UploadReject)]
pub(super) struct RejectView {
    line: i64,
    field: String,
    value: String,
    reason: String,
}

impl From<Reject> for RejectView {
    fn from(Reject { line, field, value, reason }: Reject) -> Self {
        Self { line, field, value, reason }
    }
}

impl Start {
    fn check(self) -> Result<NewUpload> {
        let filename = self.filename.map(|name| check::name(name, NAME_LIMIT)).transpose();
        let filename = filename.map_err(|_| {
            ApiError::invalid("filename", format!("must be 1 to {NAME_LIMIT} visible characters on one line"))
        })?;
        if self.bytes == Some(0) {
            return Err(ApiError::invalid("bytes", "must be at least 1: an empty file holds no list"));
        }
        let is_hash = |text: &String| text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
        if self.sha256.as_ref().is_some_and(|text| !is_hash(text)) {
            return Err(ApiError::invalid(
                "sha256",
                "must be the SHA-256 of the file, 64 hexadecimal digits",
            ));
        }
        let mapping = self.mapping.map(|Object(mapping)| mapping).unwrap_or_default();
        Ok(NewUpload { filename, bytes: self.bytes, sha256: self.sha256, agent_id: self.agent_id, mapping })
    }
}

/// The answer to a request that has changed an upload.
pub(super) fn told(upload: &Upload) -> Reply<View> {
    Reply::ok(View::from(upload.clone())).about(upload.id).with_detail(detail(upload))
}

fn detail(upload: &Upload) -> Value {
    json!({ "filename": upload.filename, "status": upload.state, "offset": upload.received })
}

/// `POST /uploads`: begins an upload that is sent in parts, or takes a whole file.
pub(super) async fn create(
    door: Allowed<may::RunCampaigns>,
    Query(StartQuery(query)): Query<StartQuery>,
    given: Given,
) -> Result<Answer<View>> {
    let mut change = door.change("upload.create", |upload: &Upload| {
        Reply::created(View::from(upload.clone())).about(upload.id).with_detail(detail(upload))
    });
    let receipt = change.receipt();
    let (engine, workspace) = (change.engine(), change.workspace());
    match given {
        Given::Start(start) => {
            engine.begin_upload(workspace, &start.check()?, receipt).await?;
        }
        Given::File(file) => {
            let upload = engine.begin_whole_upload(workspace, &query.check()?).await?;
            if let Err(error) = upload_data::keep(engine, workspace, upload.id, 0, file).await {
                // Nobody was told its id, so nobody could go on with it.
                engine.delete_upload(workspace, upload.id, Receipt::none()).await?;
                return Err(error);
            }
            engine.complete_upload(workspace, upload.id, true, receipt).await?;
        }
    }
    change.answer()
}

/// `GET /uploads`: a page of the workspace's uploads.
pub(super) async fn list(door: Allowed<may::Read>, Query(paging): Query<Paging>) -> Result<Reply<Vec<View>>> {
    let mut tx = door.engine().store().read().await?;
    let uploads = tx.uploads(door.workspace(), paging.ask()).await?;
    tx.commit().await?;
    Ok(paging.reply(uploads, |upload| upload.id.into()))
}

/// `GET /uploads/:id`: where it stands, and how many bytes are there; HEAD gives the latter alone, as `Upload-Offset`.
pub(super) async fn show(door: Allowed<may::Read>, PathId(id): PathId<UploadKind>) -> Result<Reply<Detail>> {
    let mut tx = door.engine().store().read().await?;
    let detail = Detail::read(&mut tx, door.workspace(), id).await?;
    tx.commit().await?;
    let detail = detail.ok_or_else(|| ApiError::not_found("upload"))?;
    let offset = detail.upload.offset.unsigned_abs();
    Ok(Reply::ok(detail).with_count(OFFSET, offset))
}

/// `PUT /uploads/:id/mapping`: says which column is what; the file is looked through anew.
pub(super) async fn map(
    door: Allowed<may::RunCampaigns>,
    PathId(id): PathId<UploadKind>,
    Json(mapping): Json<ColumnMapping>,
) -> Result<Answer<View>> {
    let mut change = door.change("upload.map", |upload: &Upload| {
        let mapping = json!({ "mapping": upload.mapping });
        Reply::ok(View::from(upload.clone())).about(upload.id).with_detail(mapping)
    });
    let receipt = change.receipt();
    change.engine().map_upload(change.workspace(), id, &mapping, receipt).await?;
    change.answer()
}

/// `DELETE /uploads/:id`: forgets it. What it has filled stays.
pub(super) async fn remove(
    door: Allowed<may::RunCampaigns>,
    PathId(id): PathId<UploadKind>,
) -> Result<Answer<DeletedView>> {
    let mut change =
        door.change("upload.remove", move |_: &()| Reply::ok(DeletedView { id, deleted: true }).about(id));
    let receipt = change.receipt();
    change.engine().delete_upload(change.workspace(), id, receipt).await?;
    change.answer()
}

/// `GET /uploads/:id/errors.csv`: all rows that no campaign would take, in the order of the file.
pub(super) async fn errors(door: Allowed<may::Read>, PathId(id): PathId<UploadKind>) -> Result<CsvFile> {
    let mut tx = door.engine().store().read().await?;
    tx.upload(door.workspace(), id).await?.ok_or_else(|| ApiError::not_found("upload"))?;
    tx.commit().await?;
    let rejects = reject_file::stream(door.engine().store().clone(), Rejects::OfUpload(id));
    Ok(CsvFile { name: format!("{id}-errors.csv"), body: Body::from_stream(rejects) })
}
