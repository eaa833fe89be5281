//! The native API, under `/api/v1`: one file per resource.

mod agents;
mod audit_log;
mod caller_ids;
mod campaigns;
mod imports;
mod leads;
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

use axum::middleware;

use crate::{auth::Gate, frame, once, openapi::Routes};

/// Every route of the native API. All but uploads have to answer within the time limit.
pub(crate) fn routes(gate: &Gate) -> Routes {
    let quick = Routes::default()
        .create("/agents", agents::create, "Makes an agent.")
        .get("/agents", agents::list, "Lists agents.")
        .get("/agents/{agt}", agents::show, "Shows an agent in its published version.")
        .patch("/agents/{agt}", agents::edit, "Makes a draft of an agent with these changes.")
        .delete("/agents/{agt}", agents::archive, "Puts an agent away that no open campaign has.")
        .get("/agents/{agt}/versions", agents::versions, "Lists the versions of an agent.")
        .post("/agents/{agt}/publish", agents::publish, "Makes a version of an agent live.")
        .post(
            "/agents/{agt}/rollback",
            agents::roll_back,
            "Makes the version of an agent live again that was live before.",
        )
        .create("/trunks", trunks::create, "Makes a trunk.")
        .get("/trunks", trunks::list, "Lists trunks.")
        .get("/trunks/{trk}", trunks::show, "Shows a trunk and its health.")
        .create("/trunk-groups", trunk_groups::create, "Makes a trunk group.")
        .get("/trunk-groups", trunk_groups::list, "Lists trunk groups.")
        .get("/trunk-groups/{tgr}", trunk_groups::show, "Shows a trunk group.")
        .create("/campaigns", campaigns::create, "Makes a campaign in DRAFT.")
        .get("/campaigns", campaigns::list, "Lists campaigns.")
        .get("/campaigns/{cmp}", campaigns::show, "Shows a campaign.")
        .patch("/campaigns/{cmp}", lifecycle::edit, "Changes the settings of a campaign in DRAFT or PAUSED.")
        .post("/campaigns/{cmp}/start", lifecycle::start, "Starts a campaign, or resumes it.")
        .post(
            "/campaigns/{cmp}/pause",
            lifecycle::pause,
            "Halts a campaign; no call begins after the answer.",
        )
        .post("/campaigns/{cmp}/cancel", lifecycle::cancel, "Ends a campaign for good.")
        .create("/campaigns/{cmp}/clone", lifecycle::clone, "Makes a campaign with the same settings.")
        .create("/campaigns/{cmp}/retry", lifecycle::retry, "Makes a campaign for those of one that is over.")
        .get("/campaigns/{cmp}/runs", lifecycle::runs, "Lists the runs of a recurring campaign.")
        .get("/campaigns/{cmp}/stats", campaigns::stats, "Shows the figures of a campaign.")
        .get("/campaigns/{cmp}/caller-ids", caller_ids::show, "Shows what was shown of its caller IDs today.")
        .get(
            "/campaigns/{cmp}/preflight",
            preflight::show,
            "Shows who can be called now and who is held, and why.",
        )
        .post("/campaigns/{cmp}/recipients", recipients::add, "Adds recipients.")
        .get("/campaigns/{cmp}/recipients", recipients::list, "Lists recipients.")
        .get("/campaigns/{cmp}/recipients/{rcp}", recipients::show, "Shows a recipient.")
        .post(
            "/campaigns/{cmp}/recipients/{rcp}/reschedule",
            reschedule::reschedule,
            "Calls a recipient back at a time.",
        )
        .get("/imports", imports::list, "Lists imports.")
        .get("/imports/{imp}", imports::show, "Shows an import.")
        .get("/imports/{imp}/errors.csv", imports::errors, "Gives the rejected rows of an import as CSV.")
        .create("/suppressions", suppressions::add, "Puts numbers on the suppression list.")
        .get("/suppressions", suppressions::list, "Lists suppressions.")
        .get("/suppressions/{sup}", suppressions::show, "Shows a suppression.")
        .delete("/suppressions/{sup}", suppressions::remove, "Takes a number off the suppression list.")
        .get("/audit-log", audit_log::list, "Lists what was changed, by whom and when.")
        .get("/workspace/rules", workspace::rules, "Shows what holds for all campaigns of the workspace.")
        .put("/workspace/rules", workspace::set_rules, "Sets what holds for all campaigns of the workspace.")
        .accept("/sessions", sessions::create, "Places a single call now.")
        .get("/sessions", sessions::list, "Lists calls.")
        .get("/sessions/{ses}", sessions::show, "Shows a call.")
        .get("/sessions/{ses}/transcript", transcripts::show, "Shows what was said in a call.")
        .put("/sessions/{ses}/transcript", transcripts::put, "Keeps what was said in a call.")
        .get("/sessions/{ses}/replay", transcripts::replay, "Shows what is known of a call, in order.")
        .create("/leads", leads::create, "Makes a lead.")
        .get("/leads", leads::list, "Lists leads.")
        .post("/leads/bulk", leads::bulk, "Makes leads, or changes those whose numbers are known.")
        .get("/leads/{lead}", leads::show, "Shows a lead.")
        .patch("/leads/{lead}", leads::edit, "Changes a lead.")
        .delete("/leads/{lead}", leads::remove, "Forgets a lead; its number stays on the lists it stands on.")
        .get("/leads/{lead}/sessions", leads::sessions, "Lists the last calls to a lead.")
        .create("/webhooks", webhooks::create, "Makes a webhook; the only answer with its secret.")
        .get("/webhooks", webhooks::list, "Lists webhooks.")
        .delete("/webhooks/{whk}", webhooks::remove, "Removes a webhook.")
        .within(|routes| {
            routes
                .route_layer(middleware::from_fn_with_state(gate.clone(), once::once))
                .route_layer(middleware::from_fn_with_state(frame::TIME_LIMIT, frame::limit_time))
        });
    let uploads = Routes::default()
        .post("/campaigns/{cmp}/recipients/import", imports::upload, "Adds recipients from a CSV file.")
        .post(
            "/suppressions/import",
            suppressions::upload,
            "Puts the numbers of a CSV file on the suppression list.",
        )
        .within(|routes| {
            routes.route_layer(middleware::from_fn_with_state(gate.clone(), once::once_flowing))
        });
    quick.merge(uploads).nest("/api/v1")
}
