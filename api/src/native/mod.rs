//! The native API, under `/api/v1`: one file per resource.

mod agents;
mod caller_ids;
mod campaigns;
mod imports;
mod lifecycle;
mod preflight;
mod recipients;
mod reschedule;
mod schedule_body;
mod sessions;
mod settings_body;
mod stats;
mod suppressions;
mod transcripts;
mod trunk_body;
mod trunk_groups;
mod trunks;
mod webhooks;
mod workspace;

pub(crate) use settings_body::given;

use axum::{
    Router, middleware,
    routing::{delete, get, post},
};

use crate::{auth::Gate, frame};

/// Every route of the native API. All but uploads have to answer within the time limit.
pub(crate) fn router() -> Router<Gate> {
    let quick = Router::new()
        .route("/agents", post(agents::create).get(agents::list))
        .route("/agents/{agt}", get(agents::show).patch(agents::edit).delete(agents::archive))
        .route("/agents/{agt}/versions", get(agents::versions))
        .route("/agents/{agt}/publish", post(agents::publish))
        .route("/agents/{agt}/rollback", post(agents::roll_back))
        .route("/trunks", post(trunks::create).get(trunks::list))
        .route("/trunks/{trk}", get(trunks::show))
        .route("/trunk-groups", post(trunk_groups::create).get(trunk_groups::list))
        .route("/trunk-groups/{tgr}", get(trunk_groups::show))
        .route("/campaigns", post(campaigns::create).get(campaigns::list))
        .route("/campaigns/{cmp}", get(campaigns::show).patch(lifecycle::edit))
        .route("/campaigns/{cmp}/start", post(lifecycle::start))
        .route("/campaigns/{cmp}/pause", post(lifecycle::pause))
        .route("/campaigns/{cmp}/cancel", post(lifecycle::cancel))
        .route("/campaigns/{cmp}/clone", post(lifecycle::clone))
        .route("/campaigns/{cmp}/retry", post(lifecycle::retry))
        .route("/campaigns/{cmp}/runs", get(lifecycle::runs))
        .route("/campaigns/{cmp}/stats", get(campaigns::stats))
        .route("/campaigns/{cmp}/caller-ids", get(caller_ids::show))
        .route("/campaigns/{cmp}/preflight", get(preflight::show))
        .route("/campaigns/{cmp}/recipients", post(recipients::add).get(recipients::list))
        .route("/campaigns/{cmp}/recipients/{rcp}", get(recipients::show))
        .route("/campaigns/{cmp}/recipients/{rcp}/reschedule", post(reschedule::reschedule))
        .route("/imports", get(imports::list))
        .route("/imports/{imp}", get(imports::show))
        .route("/imports/{imp}/errors.csv", get(imports::errors))
        .route("/suppressions", post(suppressions::add).get(suppressions::list))
        .route("/suppressions/{sup}", get(suppressions::show).delete(suppressions::remove))
        .route("/workspace/rules", get(workspace::rules).put(workspace::set_rules))
        .route("/sessions", post(sessions::create).get(sessions::list))
        .route("/sessions/{ses}", get(sessions::show))
        .route("/sessions/{ses}/transcript", get(transcripts::show).put(transcripts::put))
        .route("/sessions/{ses}/replay", get(transcripts::replay))
        .route("/webhooks", post(webhooks::create).get(webhooks::list))
        .route("/webhooks/{whk}", delete(webhooks::remove))
        .route_layer(middleware::from_fn_with_state(frame::TIME_LIMIT, frame::limit_time));
    let uploads = Router::new()
        .route("/campaigns/{cmp}/recipients/import", post(imports::upload))
        .route("/suppressions/import", post(suppressions::upload));
    quick.merge(uploads)
}
