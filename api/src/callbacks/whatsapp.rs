//! What WhatsApp tells: of messages, and of what people write.

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode},
};
use ringfleet_carriers::whatsapp::{self, Notice};
use ringfleet_core::{CallId, id::TrunkKind, trunk::TrunkConfig};
use ringfleet_engine::Engine;

use super::{answer, header, pass_on, read, trunk};
use crate::{
    auth::Gate,
    error::{ApiError, Result},
    path::PathId,
    query::{FromQuery, Parameters, Query},
};

/// Largest body that is read, in bytes: many things are told at once.
const LIMIT: usize = 1024 * 1024;

/// What the request brings by which a webhook is set up.
pub(super) struct SetUp {
    token: String,
    challenge: String,
}

impl FromQuery for SetUp {
    fn read(parameters: &mut Parameters) -> Result<Self> {
        parameters.take("hub.mode")?;
        let token = parameters.take("hub.verify_token")?.unwrap_or_default();
        Ok(Self { token, challenge: parameters.take("hub.challenge")?.unwrap_or_default() })
    }
}

/// `GET /callbacks/whatsapp/:trunk`: says the challenge again to whoever knows the token of the trunk.
pub(super) async fn set_up(
    State(gate): State<Gate>,
    PathId(id): PathId<TrunkKind>,
    Query(asked): Query<SetUp>,
) -> Result<String> {
    let (_, trunk) = trunk(gate.engine(), id).await?.ok_or_else(ApiError::not_signed)?;
    match &trunk.config {
        TrunkConfig::Whatsapp(config) if whatsapp::is_known(&config.verify_token, &asked.token) => {
            Ok(asked.challenge)
        }
        _ => Err(ApiError::not_signed()),
    }
}

/// `POST /callbacks/whatsapp/:trunk`: what became of messages, and what people have written. Told again until it is answered with 200.
pub(super) async fn told(
    State(gate): State<Gate>,
    PathId(id): PathId<TrunkKind>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode> {
    let body = read(body, LIMIT).await?;
    let (workspace, trunk) = trunk(gate.engine(), id).await?.ok_or_else(ApiError::not_signed)?;
    let TrunkConfig::Whatsapp(config) = &trunk.config else { return Err(ApiError::not_signed()) };
    if !whatsapp::is_signed(&config.app_secret, &body, header(&headers, "x-hub-signature-256")) {
        return Err(ApiError::not_signed());
    }
    for notice in whatsapp::parse(&body) {
        match notice {
            Notice::Receipt { call, told } if is_by(gate.engine(), call, &config.app_secret).await? => {
                pass_on(gate.engine(), call, told).await?;
            }
            Notice::Receipt { call, .. } => {
                tracing::warn!(%call, trunk = %id, "a receipt names a message that did not go by a trunk of this app");
            }
            Notice::Inbound(inbound) => answer(gate.engine(), workspace, &trunk, &inbound).await?,
        }
    }
    Ok(StatusCode::OK)
}

/// Whether the message went by a trunk of the app that tells of it: all numbers of an app have one webhook. The secret of one says nothing about
/// another.
async fn is_by(engine: &Engine, call: CallId, app_secret: &str) -> Result<bool> {
    let dial = engine.load(call).await?;
    Ok(dial.is_some_and(
        |dial| matches!(dial.config, TrunkConfig::Whatsapp(trunk) if trunk.app_secret == app_secret),
    ))
}
