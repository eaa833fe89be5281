//! Files behind signed links: whoever has the link may read that one file until it expires.

use axum::{
    Json,
    extract::FromRequestParts,
    http::{header, request::Parts},
    response::{IntoResponse, Response},
};
use ringfleet_core::{CallId, id::CallKind};
use ringfleet_engine::{Engine, LINK_OPEN};
use serde_json::json;

use crate::{
    auth::{Allowed, Gate, may},
    error::{ApiError, Result},
    file::Recording,
    path::PathId,
    query::{FromQuery, Parameters, Query},
};

/// The address of a call's transcript, for whoever gets it.
pub(crate) async fn transcript_url<P: may::Looks>(door: &Allowed<P>, call: CallId) -> Result<String> {
    let path = format!("/files/transcripts/{}", call.uuid());
    let key = door.engine().server_secret().await?.link_key();
    Ok(key.address(door.settings().base_url.as_str(), &path, door.now() + LINK_OPEN))
}

/// `?expires=` and `?signature=`.
pub(crate) struct Signature {
    expires: String,
    signature: String,
}

impl FromQuery for Signature {
    fn read(parameters: &mut Parameters) -> Result<Self> {
        let expires = parameters.take("expires")?.unwrap_or_default();
        Ok(Self { expires, signature: parameters.take("signature")?.unwrap_or_default() })
    }
}

/// The way to the engine that a link opens.
pub(crate) struct Followed(pub(crate) Engine);

impl FromRequestParts<Gate> for Followed {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, gate: &Gate) -> Result<Self> {
        let path = parts.uri.path().to_owned();
        let Query(Signature { expires, signature }) = Query::from_request_parts(parts, gate).await?;
        let (engine, key) = (gate.engine(), gate.engine().server_secret().await?.link_key());
        let checked = key.check(&path, &expires, &signature, engine.clock().now());
        checked.map(|()| Self(engine.clone())).map_err(ApiError::dead_link)
    }
}

/// `GET /files/transcripts/:call`: what was said in a call.
pub(crate) async fn transcript(
    Followed(engine): Followed,
    PathId(call): PathId<CallKind>,
) -> Result<Response> {
    let mut tx = engine.store().read().await?;
    let found = tx.transcript(call).await?.ok_or_else(|| ApiError::not_found("transcript"))?;
    tx.commit().await?;
    let name = format!("inline; filename=\"transcript-{}.json\"", call.uuid());
    let body = json!({"call_id": call.uuid().to_string(), "transcript": found.turns});
    Ok(([(header::CONTENT_DISPOSITION, name)], Json(body)).into_response())
}

/// `GET /files/recordings/:call`: what was heard in a call.
pub(crate) async fn recording(
    Followed(engine): Followed,
    PathId(call): PathId<CallKind>,
) -> Result<Recording> {
    Ok(Recording { call, blob: engine.recording_of(call).await? })
}
