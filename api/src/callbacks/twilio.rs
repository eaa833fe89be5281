//! What Twilio tells, or whoever speaks its API: of calls, of messages, and of what people write.

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use ringfleet_carriers::{twilio, twilio_sms};
use ringfleet_core::{
    id::{CallKind, TrunkKind},
    trunk::TrunkConfig,
};
use ringfleet_store::Dial;
use url::form_urlencoded;

use super::{answer, header, hint, pass_on, read, trunk};
use crate::{
    auth::Gate,
    error::{ApiError, Result},
    path::PathId,
};

/// Largest form that is read, in bytes; Twilio's have about 1 kB.
const LIMIT: usize = 64 * 1024;

type Form = Vec<(String, String)>;

async fn form(body: Body) -> Result<Form> {
    Ok(form_urlencoded::parse(&read(body, LIMIT).await?).into_owned().collect())
}

/// `POST /callbacks/twilio/:call`: something has happened to a call or a message, says whoever knows the token of its trunk.
pub(super) async fn heard(
    State(gate): State<Gate>,
    PathId(call): PathId<CallKind>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode> {
    let form = form(body).await?;
    // Refused alike where there is no such call: nobody learns which there are.
    let dial = gate.engine().load(call).await?.ok_or_else(ApiError::not_signed)?;
    let url = twilio::callback_url(&gate.settings().base_url, call);
    let signature = header(&headers, "x-twilio-signature");
    let signs = |token: &str| twilio::is_signed(token, &url, &form, signature);
    match &dial.config {
        TrunkConfig::Twilio(trunk) if signs(&trunk.auth_token) => hint(&gate, call, sid(form)).await,
        TrunkConfig::TwilioSms(trunk) if signs(&trunk.auth_token) => told(&gate, &dial, &form).await?,
        _ => return Err(ApiError::not_signed()),
    }
    Ok(StatusCode::NO_CONTENT)
}

/// The provider's id of the call.
fn sid(form: Form) -> String {
    form.into_iter().find(|(name, _)| name == "CallSid").map(|(_, sid)| sid).unwrap_or_default()
}

async fn told(gate: &Gate, dial: &Dial, form: &Form) -> Result<()> {
    match twilio_sms::receipt(form) {
        Some(told) => pass_on(gate.engine(), dial.id, told).await,
        None => Ok(()),
    }
}

/// `POST /callbacks/twilio/trunks/:trunk`: somebody has written to a number of the trunk. The answer says nothing to them.
pub(super) async fn written(
    State(gate): State<Gate>,
    PathId(id): PathId<TrunkKind>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response> {
    let form = form(body).await?;
    let (workspace, trunk) = trunk(gate.engine(), id).await?.ok_or_else(ApiError::not_signed)?;
    let TrunkConfig::TwilioSms(config) = &trunk.config else { return Err(ApiError::not_signed()) };
    let base = gate.settings().base_url.as_str().trim_end_matches('/');
    let url = format!("{base}/callbacks/twilio/trunks/{id}");
    if !twilio::is_signed(&config.auth_token, &url, &form, header(&headers, "x-twilio-signature")) {
        return Err(ApiError::not_signed());
    }
    if let Some(inbound) = twilio_sms::inbound(&form) {
        answer(gate.engine(), workspace, &trunk, &inbound).await?;
    }
    Ok(([(CONTENT_TYPE, "text/xml")], "<Response/>").into_response())
}
