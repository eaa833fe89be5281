//! Samora's API (docs.samora.ai) over our engine: calls under `/v1/call`, campaigns under
//! `/v1/external/campaigns`, webhooks under `/v2/webhooks`.
//!
//! This folder only translates: names, casing, envelopes, statuses, ids (bare UUIDs) and the states it asks for. What its pages leave
//! open, and what was decided about it, stands in docs/SAMORA.md.

mod call_list;
mod calls;
mod campaigns;
mod read;
mod reply;
mod retry_config;
mod webhooks;

use axum::{
    Router, middleware,
    routing::{get, post},
};

pub(crate) use reply::in_its_own_words;

use crate::{auth::Gate, frame, once};

/// Every route of the dialect that begins with `/v1`.
pub(crate) fn v1(gate: &Gate) -> Router<Gate> {
    const CAMPAIGN: &str = "/external/campaigns/{agt}/{cmp}";
    let routes = Router::new()
        .route("/call/trigger", post(calls::trigger))
        .route("/call/{ses}", get(calls::show))
        .route("/external/campaigns/{agt}", post(campaigns::create).get(campaigns::list))
        .route(CAMPAIGN, get(campaigns::show).put(campaigns::edit))
        .route(&format!("{CAMPAIGN}/scheduled-calls"), post(campaigns::add))
        .route(&format!("{CAMPAIGN}/calls"), get(call_list::list))
        .route(&format!("{CAMPAIGN}/start"), post(campaigns::start))
        .route(&format!("{CAMPAIGN}/stop"), post(campaigns::stop))
        .route(&format!("{CAMPAIGN}/cancel"), post(campaigns::cancel));
    framed(routes, gate)
}

/// Every route of the dialect that begins with `/v2`.
pub(crate) fn v2(gate: &Gate) -> Router<Gate> {
    let routes = Router::new()
        .route("/webhooks", post(webhooks::create).get(webhooks::list))
        .route("/webhooks/events", get(webhooks::events))
        .route("/webhooks/{whk}", get(webhooks::show).put(webhooks::edit).delete(webhooks::remove));
    framed(routes, gate)
}

fn framed(routes: Router<Gate>, gate: &Gate) -> Router<Gate> {
    routes
        .route_layer(middleware::from_fn_with_state(gate.clone(), once::once))
        .route_layer(middleware::from_fn_with_state(frame::TIME_LIMIT, frame::limit_time))
}
