//! Imports: a list of recipients as CSV, and what became of it.

use axum::{
    body::Body,
    extract::{FromRequest, Request},
    http::StatusCode,
};
use ringfleet_core::{
    CampaignId, ImportId,
    id::{CampaignKind, ImportKind},
};
use ringfleet_engine::import::ImportOptions;
use ringfleet_store::{Import, ImportState};
use serde::Serialize;
use serde_json::json;
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
    once::{Once, Refused},
    openapi::{Draft, Part},
    page::Paging,
    path::PathId,
    query::{FromQuery, Parameters, Query},
    reject_file, upload,
};

/// An import as the API shows it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Import)]
pub(super) struct View {
    id: ImportId,
    campaign_id: CampaignId,
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

/// `POST /campaigns/:id/recipients/import`: reads a CSV row by row. Answers when the whole file has been read.
pub(super) async fn upload(
    door: Allowed<may::RunCampaigns>,
    PathId(campaign): PathId<CampaignKind>,
    Query(query): Query<UploadQuery>,
    CsvUpload(list): CsvUpload,
) -> Result<Answer<View>> {
    let options = ImportOptions { column: query.column };
    let mut change = door.change("recipients.import", move |import: &Import| {
        let detail = json!({ "importId": import.id, "status": import.state, "accepted": import.accepted, "rejected": import.rejected });
        Reply::ok(View::from(import.clone())).about(campaign).with_detail(detail)
    });
    let receipt = change.receipt();
    // When the client goes away this handler is dropped; the import goes on in a task of its own and is closed there.
    change.engine().import(change.workspace(), campaign, list, options, receipt).await?;
    change.answer()
}

/// `?campaignId=` of a list of imports.
pub(super) struct ListQuery {
    paging: Paging,
    campaign: Option<CampaignId>,
}

impl FromQuery for ListQuery {
    fn read(parameters: &mut Parameters) -> Result<Self> {
        Ok(Self { campaign: parameters.parse("campaignId")?, paging: Paging::read(parameters)? })
    }
}

/// `GET /imports`: a page of the workspace's imports, those that broke off included.
pub(super) async fn list(
    door: Allowed<may::Read>,
    Query(query): Query<ListQuery>,
) -> Result<Reply<Vec<View>>> {
    let mut tx = door.engine().store().read().await?;
    let imports = tx.imports(door.workspace(), query.campaign, query.paging.ask()).await?;
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
    let rejects = reject_file::stream(door.engine().store().clone(), import.id);
    Ok(CsvFile { name: format!("{}-errors.csv", import.id), body: Body::from_stream(rejects) })
}

async fn find(door: &Allowed<may::Read>, id: ImportId) -> Result<Import> {
    let mut tx = door.engine().store().read().await?;
    let import = tx.import(door.workspace(), id).await?.ok_or_else(|| ApiError::not_found("import"))?;
    tx.commit().await?;
    Ok(import)
}
