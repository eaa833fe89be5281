//! The bytes of an upload, part by part.

use axum::{
    extract::{FromRequest, Request},
    http::{HeaderMap, HeaderName, StatusCode},
};
use ringfleet_core::{UploadId, WorkspaceId, id::UploadKind};
use ringfleet_engine::{
    Engine,
    uploads::{Appended, PART},
};
use tokio::io::AsyncReadExt;
use utoipa::openapi::Required;

use crate::{
    auth::{Allowed, Gate, may},
    change::Answer,
    error::{ApiError, Result},
    file::text,
    once::Refused,
    openapi::{self, Draft, whole_number},
    path::PathId,
    upload,
};

use super::{
    imports::watched,
    uploads::{OFFSET, View, told},
};

/// Says with `?1` that the upload ends with this part (as in the IETF's draft of resumable uploads).
const COMPLETE: HeaderName = HeaderName::from_static("upload-complete");

/// Some bytes, and where they belong.
pub(super) struct Part {
    offset: u64,
    is_last: bool,
    bytes: upload::Upload,
}

impl FromRequest<Gate> for Part {
    type Rejection = Refused;

    async fn from_request(request: Request, _: &Gate) -> Result<Self, Refused> {
        let offset = offset(request.headers())?;
        let is_last = is_last(request.headers())?;
        Ok(Self { offset, is_last, bytes: watched(request, upload::open_bytes).await? })
    }
}

impl openapi::Part for Part {
    fn describe(draft: &mut Draft) {
        let whole = whole_number(0, u32::MAX, 0);
        draft.reads_header("Upload-Offset", whole, "How many bytes are there already: where these belong.");
        let flag = draft.of::<String>();
        draft.reads_header("Upload-Complete", flag, "`?1`: the upload ends with these bytes.");
        draft.body("application/octet-stream", text(), Required::True);
        draft.refuses(StatusCode::BAD_REQUEST, "The part broke off; what came of it is kept.");
        draft.refuses(StatusCode::CONFLICT, "The bytes belong elsewhere, or no more are wanted.");
        draft.refuses(StatusCode::UNSUPPORTED_MEDIA_TYPE, "The bytes are compressed.");
        draft.refuses(
            StatusCode::UNPROCESSABLE_ENTITY,
            "A header is missing or wrong, or these are too many bytes.",
        );
    }
}

fn offset(headers: &HeaderMap) -> Result<u64> {
    let problem =
        "send the header `Upload-Offset` with the number of bytes that are there already, 0 at first";
    let value = headers.get(OFFSET).ok_or_else(|| ApiError::invalid("Upload-Offset", problem))?;
    let offset = value.to_str().ok().and_then(|text| text.trim().parse().ok());
    offset.ok_or_else(|| ApiError::invalid("Upload-Offset", problem))
}

fn is_last(headers: &HeaderMap) -> Result<bool> {
    match headers.get(COMPLETE).map(|value| value.as_bytes()) {
        None | Some(b"?0") => Ok(false),
        Some(b"?1") => Ok(true),
        Some(_) => Err(ApiError::invalid("Upload-Complete", "must be ?1 or ?0")),
    }
}

/// `PATCH /uploads/:id/data`: adds bytes at exactly `Upload-Offset`. What has arrived of a part that breaks off is kept.
pub(super) async fn append(
    door: Allowed<may::RunCampaigns>,
    PathId(id): PathId<UploadKind>,
    part: Part,
) -> Result<Answer<View>> {
    let mut change = door.change("upload.append", told);
    let receipt = change.receipt();
    keep(change.engine(), change.workspace(), id, part.offset, part.bytes).await?;
    change.engine().complete_upload(change.workspace(), id, part.is_last, receipt).await?;
    change.answer()
}

/// Keeps bytes as they come, a part at a time.
///
/// # Errors
/// When they belong elsewhere, are too many, or break off; those that came before the break are kept.
pub(super) async fn keep(
    engine: &Engine,
    workspace: WorkspaceId,
    id: UploadId,
    mut offset: u64,
    mut bytes: upload::Upload,
) -> Result<()> {
    let mut part = Vec::with_capacity(PART);
    loop {
        let read = (&mut bytes).take((PART - part.len()) as u64).read_buf(&mut part).await;
        let ends = !matches!(read, Ok(1..));
        if part.len() == PART || ends {
            // Of no bytes at all, it is asked whether they would have fitted.
            match engine.append_upload(workspace, id, offset, &part).await? {
                Appended::Kept => {}
                Appended::Offset(offset) => return Err(ApiError::wrong_offset(offset)),
                Appended::Closed(state) => return Err(ApiError::upload_closed(state.as_str())),
            }
            offset += part.len() as u64;
            part.clear();
        }
        if let Err(error) = read {
            return Err(ApiError::broken_upload(format!("the part broke off: {error}; go on at {offset}")));
        }
        if ends {
            return Ok(());
        }
    }
}
