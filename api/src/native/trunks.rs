//! Trunks: configured carriers of a workspace.

use std::collections::BTreeMap;

use ringfleet_core::{
    TrunkId,
    id::TrunkKind,
    trunk::{Limits, OutcomeRule, SipTransport, TrunkConfig},
};
use ringfleet_store::Trunk;
use serde::Serialize;

use super::trunk_body::Body;
use crate::{
    auth::{Allowed, may},
    envelope::{Moment, Reply},
    error::{ApiError, Result},
    json::Json,
    page::Paging,
    path::PathId,
    query::Query,
};

/// A trunk as the API shows it: never its password.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct View {
    id: TrunkId,
    name: String,
    #[serde(flatten)]
    carrier: Carrier,
    has_password: bool,
    caller_id: Option<String>,
    limits: Limits,
    created_at: Moment,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
enum Carrier {
    Sip {
        host: String,
        port: u16,
        transport: SipTransport,
        domain: Option<String>,
        username: Option<String>,
        outcomes: BTreeMap<u16, OutcomeRule>,
    },
    Simulated {
        ring_ms: u64,
        talk_ms: u64,
    },
}

impl From<Trunk> for View {
    fn from(trunk: Trunk) -> Self {
        let Trunk { id, name, config, caller_id, limits, created_at } = trunk;
        let (carrier, has_password) = match config {
            TrunkConfig::Sip(sip) => {
                let carrier = Carrier::Sip {
                    host: sip.host,
                    port: sip.port,
                    transport: sip.transport,
                    domain: sip.domain,
                    username: sip.username,
                    outcomes: sip.outcomes,
                };
                (carrier, sip.password.is_some())
            }
            TrunkConfig::Simulated(simulated) => {
                (Carrier::Simulated { ring_ms: simulated.ring_ms, talk_ms: simulated.talk_ms }, false)
            }
        };
        Self { id, name, carrier, has_password, caller_id, limits, created_at: created_at.into() }
    }
}

/// `POST /trunks`: makes a trunk.
pub(super) async fn create(door: Allowed<may::EditTrunks>, Json(body): Json<Body>) -> Result<Reply<View>> {
    let new = body.check()?;
    let engine = door.engine();
    let mut tx = engine.store().write().await?;
    let trunk = tx.insert_trunk(door.workspace(), new, engine.clock().now()).await?;
    tx.commit().await?;
    Ok(Reply::created(trunk.into()))
}

/// `GET /trunks/:id`: one trunk.
pub(super) async fn show(door: Allowed<may::Read>, PathId(id): PathId<TrunkKind>) -> Result<Reply<View>> {
    let mut tx = door.engine().store().read().await?;
    let trunk = tx.trunk(door.workspace(), id).await?.ok_or_else(|| ApiError::not_found("trunk"))?;
    tx.commit().await?;
    Ok(Reply::ok(trunk.into()))
}

/// `GET /trunks`: a page of the workspace's trunks.
pub(super) async fn list(door: Allowed<may::Read>, Query(paging): Query<Paging>) -> Result<Reply<Vec<View>>> {
    let mut tx = door.engine().store().read().await?;
    let trunks = tx.trunks(door.workspace(), paging.ask()).await?;
    tx.commit().await?;
    Ok(paging.reply(trunks, |trunk| trunk.id.into()))
}
