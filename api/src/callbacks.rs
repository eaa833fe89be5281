//! What providers tell of calls. It is only a hint: whoever follows the call asks the provider.

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode},
};
use ringfleet_carriers::twilio;
use ringfleet_core::{CallId, id::CallKind, trunk::TrunkConfig};
use ringfleet_fleet::Hint;
use url::form_urlencoded;

use crate::{
    auth::Gate,
    error::{ApiError, Result},
    path::PathId,
};

/// Largest form that is read, in bytes; Twilio's have about 1 kB.
const FORM_LIMIT: usize = 64 * 1024;

/// `POST /callbacks/twilio/:call`: something has happened to a call, says whoever knows the token of its trunk.
pub(crate) async fn heard(
    State(gate): State<Gate>,
    PathId(call): PathId<CallKind>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode> {
    let body = axum::body::to_bytes(body, FORM_LIMIT).await.map_err(|_| ApiError::too_large(FORM_LIMIT))?;
    let form: Vec<(String, String)> = form_urlencoded::parse(&body).into_owned().collect();
    let signature =
        headers.get("x-twilio-signature").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !is_from_its_provider(&gate, call, &form, signature).await? {
        return Err(ApiError::not_signed()); // also where there is no such call: nobody learns which there are
    }
    let sid = form.into_iter().find(|(name, _)| name == "CallSid").map(|(_, sid)| sid);
    let hint = Hint { call: call.uuid(), note: sid.unwrap_or_default() };
    if let Err(error) = gate.engine().fleet().hints().tell(hint).await {
        tracing::debug!(%error, %call, "a hint is lost; whoever follows the call asks by itself");
    }
    Ok(StatusCode::NO_CONTENT)
}

async fn is_from_its_provider(
    gate: &Gate,
    call: CallId,
    form: &[(String, String)],
    signature: &str,
) -> Result<bool> {
    let Some(dial) = gate.engine().load(call).await? else { return Ok(false) };
    let TrunkConfig::Twilio(trunk) = dial.config else { return Ok(false) };
    let url = twilio::callback_url(&gate.settings().base_url, call);
    Ok(twilio::is_signed(&trunk.auth_token, &url, form, signature))
}
