//! Samora's API (docs.samora.ai) over our engine: calls under `/v1/call`, campaigns under `/v1/external/campaigns`, webhooks under
//! `/v2/webhooks`.
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

use axum::middleware;

pub(crate) use reply::in_its_own_words;

use crate::{auth::Gate, frame, once, openapi::Routes, quota};

/// Every route of the dialect.
pub(crate) fn routes(gate: &Gate) -> Routes {
    let once = middleware::from_fn_with_state(gate.clone(), once::once);
    let limit = middleware::from_fn_with_state(frame::TIME_LIMIT, frame::limit_time);
    let told = middleware::from_fn(quota::tell);
    all().within(|routes| routes.route_layer(once).route_layer(limit).route_layer(told))
}

/// The same without what is around them.
pub(crate) fn all() -> Routes {
    v1().nest("/v1").merge(v2().nest("/v2")).of_samora()
}

fn v1() -> Routes {
    const CAMPAIGN: &str = "/external/campaigns/{agt}/{cmp}";
    let below = |what: &str| format!("{CAMPAIGN}/{what}");
    Routes::default()
        .accept("/call/trigger", calls::trigger, "Places a single call now.")
        .get("/call/{ses}", calls::show, "Shows a call.")
        .create("/external/campaigns/{agt}", campaigns::create, "Makes a campaign in DRAFT.")
        .get("/external/campaigns/{agt}", campaigns::list, "Lists the campaigns of an agent.")
        .get(CAMPAIGN, campaigns::show, "Shows a campaign.")
        .put(CAMPAIGN, campaigns::edit, "Changes the retries of a campaign in DRAFT.")
        .create(&below("scheduled-calls"), campaigns::add, "Adds up to 5,000 numbers, or none of them.")
        .get(&below("calls"), call_list::list, "Lists the calls of a campaign.")
        .post(&below("start"), campaigns::start, "Starts a campaign, or resumes it.")
        .post(&below("stop"), campaigns::stop, "Halts a campaign; it is PAUSED then.")
        .post(&below("cancel"), campaigns::cancel, "Ends a campaign for good.")
}

fn v2() -> Routes {
    Routes::default()
        .create("/webhooks", webhooks::create, "Makes a webhook; the only answer with its secret.")
        .get("/webhooks", webhooks::list, "Lists webhooks.")
        .get("/webhooks/events", webhooks::events, "Lists what webhooks can be told.")
        .get("/webhooks/{whk}", webhooks::show, "Shows a webhook.")
        .put("/webhooks/{whk}", webhooks::edit, "Changes a webhook, or switches it on or off.")
        .delete("/webhooks/{whk}", webhooks::remove, "Removes a webhook.")
}
