//! The native API, under `/api/v1`: one file per resource.

mod accounts;
mod agents;
mod api_keys;
mod caller_ids;
mod campaigns;
mod google;
mod imports;
mod invites;
mod lifecycle;
mod members;
mod preflight;
mod recipients;
mod reschedule;
mod schedule_body;
mod sessions;
mod settings_body;
mod stats;
mod suppressions;
mod trunk_body;
mod trunk_groups;
mod trunks;
mod webhooks;
mod workspace;
mod workspaces;

use axum::middleware;

pub use google::GoogleSettings;

use crate::{frame, quota, routes::Routes};

/// Every route of the native API. All but uploads have to answer within the time limit.
pub(crate) fn routes() -> Routes {
    let quick = Routes::new()
        .post("/agents", agents::create)
        .get("/agents", agents::list)
        .get("/agents/{agt}", agents::show)
        .post("/trunks", trunks::create)
        .get("/trunks", trunks::list)
        .get("/trunks/{trk}", trunks::show)
        .post("/trunk-groups", trunk_groups::create)
        .get("/trunk-groups", trunk_groups::list)
        .get("/trunk-groups/{tgr}", trunk_groups::show)
        .post("/campaigns", campaigns::create)
        .get("/campaigns", campaigns::list)
        .get("/campaigns/{cmp}", campaigns::show)
        .patch("/campaigns/{cmp}", lifecycle::edit)
        .post("/campaigns/{cmp}/start", lifecycle::start)
        .post("/campaigns/{cmp}/pause", lifecycle::pause)
        .post("/campaigns/{cmp}/cancel", lifecycle::cancel)
        .post("/campaigns/{cmp}/clone", lifecycle::clone)
        .post("/campaigns/{cmp}/retry", lifecycle::retry)
        .get("/campaigns/{cmp}/runs", lifecycle::runs)
        .get("/campaigns/{cmp}/stats", campaigns::stats)
        .get("/campaigns/{cmp}/caller-ids", caller_ids::show)
        .get("/campaigns/{cmp}/preflight", preflight::show)
        .post("/campaigns/{cmp}/recipients", recipients::add)
        .get("/campaigns/{cmp}/recipients", recipients::list)
        .get("/campaigns/{cmp}/recipients/{rcp}", recipients::show)
        .post("/campaigns/{cmp}/recipients/{rcp}/reschedule", reschedule::reschedule)
        .get("/imports", imports::list)
        .get("/imports/{imp}", imports::show)
        .get("/imports/{imp}/errors.csv", imports::errors)
        .post("/suppressions", suppressions::add)
        .get("/suppressions", suppressions::list)
        .get("/suppressions/{sup}", suppressions::show)
        .delete("/suppressions/{sup}", suppressions::remove)
        .get("/workspace/rules", workspace::rules)
        .put("/workspace/rules", workspace::set_rules)
        .post("/sessions", sessions::create)
        .get("/sessions", sessions::list)
        .get("/sessions/{ses}", sessions::show)
        .post("/webhooks", webhooks::create)
        .get("/webhooks", webhooks::list)
        .delete("/webhooks/{whk}", webhooks::remove)
        .and(identity())
        .within(|router| {
            router.route_layer(middleware::from_fn_with_state(frame::TIME_LIMIT, frame::limit_time))
        });
    let uploads = Routes::new()
        .post("/campaigns/{cmp}/recipients/import", imports::upload)
        .post("/suppressions/import", suppressions::upload);
    quick.and(uploads).within(|router| router.route_layer(middleware::from_fn(quota::tell)))
}

/// Who may do what: accounts, workspaces, members, keys.
fn identity() -> Routes {
    Routes::new()
        .post("/auth/signup", accounts::sign_up)
        .post("/auth/login", accounts::log_in)
        .post("/auth/refresh", accounts::refresh)
        .post("/auth/logout", accounts::log_out)
        .post("/auth/logout-all", accounts::log_out_everywhere)
        .post("/auth/password/change", accounts::change_password)
        .post("/auth/password/forgot", accounts::forgot)
        .post("/auth/password/reset", accounts::reset)
        .get("/auth/google", google::begin)
        .get("/auth/google/callback", google::callback)
        .post("/auth/invites/accept", invites::accept)
        .get("/users/me", accounts::me)
        .post("/workspaces", workspaces::create)
        .get("/workspaces", workspaces::list)
        .get("/workspaces/{org}", workspaces::show)
        .patch("/workspaces/{org}", workspaces::rename)
        .delete("/workspaces/{org}", workspaces::delete)
        .post("/workspaces/{org}/leave", members::leave)
        .get("/workspaces/{org}/members", members::list)
        .patch("/workspaces/{org}/members/{usr}", members::set_role)
        .delete("/workspaces/{org}/members/{usr}", members::remove)
        .post("/workspaces/{org}/invite", invites::invite)
        .get("/workspaces/{org}/invites", invites::list)
        .delete("/workspaces/{org}/invites/{inv}", invites::withdraw)
        .post("/api-keys", api_keys::create)
        .get("/api-keys", api_keys::list)
        .delete("/api-keys/{key}", api_keys::revoke)
        .post("/api-keys/{key}/rotate", api_keys::rotate)
}
