//! Files behind signed links: whoever has the link may read that one file until it expires.

use axum::{
    Json,
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
    response::{IntoResponse, Response},
};
use chrono::TimeDelta;
use ringfleet_core::{CallId, id::CallKind};
use ringfleet_engine::Engine;
use serde_json::json;

use crate::{
    auth::{Allowed, Gate},
    error::{ApiError, Result},
    path::PathId,
    query::{FromQuery, Parameters, Query},
};

/// How long a link opens its file (Samora's API: 60 minutes).
const OPEN: TimeDelta = TimeDelta::minutes(60);

/// The address of a call's transcript, for whoever gets it.
pub(crate) fn transcript_url<P>(door: &Allowed<P>, headers: &HeaderMap, call: CallId) -> String {
    let path = format!("/files/transcripts/{}", call.uuid());
    let query = door.link_key().query(&path, door.now() + OPEN);
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    let here = || format!("http://{host}");
    let base = door.settings().public_url.clone().unwrap_or_else(here);
    format!("{}{path}?{query}", base.trim_end_matches('/'))
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
pub(crate) struct Followed(Engine);

impl FromRequestParts<Gate> for Followed {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, gate: &Gate) -> Result<Self> {
        let path = parts.uri.path().to_owned();
        let Query(Signature { expires, signature }) = Query::from_request_parts(parts, gate).await?;
        gate.follow(&path, &expires, &signature).map(Self)
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
