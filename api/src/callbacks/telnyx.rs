//! What Telnyx tells of calls.

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode},
};
use ringfleet_carriers::telnyx;
use ringfleet_core::{id::CallKind, trunk::TrunkConfig};

use super::{header, hint, read};
use crate::{
    auth::Gate,
    error::{ApiError, Result},
    path::PathId,
};

/// Largest body that is read, in bytes; most have about 1 kB.
const LIMIT: usize = 64 * 1024;

/// `POST /callbacks/telnyx/:call`: something has happened to a call, says whoever has the private key of the account of its trunk. Told again, or
/// elsewhere, until it is answered with 200.
pub(super) async fn heard(
    State(gate): State<Gate>,
    PathId(call): PathId<CallKind>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode> {
    let body = read(body, LIMIT).await?;
    // Refused alike where there is no such call: nobody learns which there are.
    let dial = gate.engine().load(call).await?.ok_or_else(ApiError::not_signed)?;
    let TrunkConfig::Telnyx(trunk) = &dial.config else { return Err(ApiError::not_signed()) };
    let (timestamp, signature) =
        (header(&headers, "telnyx-timestamp"), header(&headers, "telnyx-signature-ed25519"));
    let now = gate.engine().clock().now();
    if !telnyx::is_signed(&trunk.public_key, timestamp, &body, signature, now) {
        return Err(ApiError::not_signed());
    }
    if let Some(note) = telnyx::note(&body) {
        hint(&gate, call, note).await;
    }
    Ok(StatusCode::OK)
}
