//! What LiveKit tells of the rooms of calls.

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode},
};
use ringfleet_carriers::livekit;
use ringfleet_core::trunk::TrunkConfig;

use super::{header, hint, read};
use crate::{
    auth::Gate,
    error::{ApiError, Result},
};

/// Largest body that is read, in bytes; one that tells of a room has about 1 kB.
const LIMIT: usize = 256 * 1024;

/// `POST /webhook/livekit`: something has happened in the room of a call, says whoever knows the secret of its trunk. All calls of a project come
/// here: the room is named by the call.
pub(super) async fn heard(State(gate): State<Gate>, headers: HeaderMap, body: Body) -> Result<StatusCode> {
    let body = read(body, LIMIT).await?;
    // Refused alike where there is no such call, and what is about none: nobody learns which there are.
    let event = livekit::event(&body).ok_or_else(ApiError::not_signed)?;
    let dial = gate.engine().load(event.call).await?.ok_or_else(ApiError::not_signed)?;
    let (token, now) = (header(&headers, "authorization"), gate.engine().clock().now());
    match &dial.config {
        TrunkConfig::Livekit(trunk) if livekit::is_signed(trunk, &body, token, now) => {
            hint(&gate, event.call, event.note).await;
            Ok(StatusCode::OK)
        }
        _ => Err(ApiError::not_signed()),
    }
}
