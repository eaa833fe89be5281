//! The native API, under `/api/v1`: one file per resource.

mod accounts;
mod agent_body;
mod agents;
mod api_keys;
mod audit_log;
mod caller_ids;
mod campaigns;
mod conversation_body;
mod deliveries;
mod entrance;
mod erasures;
mod fleet;
mod google;
mod imports;
mod invites;
mod leads;
mod lifecycle;
mod live;
mod me;
mod members;
mod messages;
mod preflight;
mod preflight_kept;
mod recipients;
mod reschedule;
mod results;
mod schedule_body;
mod sessions;
mod settings_body;
mod stats;
mod suppressions;
mod timeline;
mod transcripts;
mod transfers;
mod trunk_body;
mod trunk_changes;
mod trunk_checks;
mod trunk_groups;
mod trunk_livekit;
mod trunk_messages;
mod trunk_sip;
mod trunk_telnyx;
mod trunk_tokens;
mod trunk_twilio;
mod trunks;
mod upload_data;
mod upload_preview;
mod uploads;
mod webhooks;
mod workspace;
mod workspaces;

pub(crate) use live::Desk;
pub(crate) use preflight_kept::Preflights;
pub(crate) use settings_body::given;

use axum::{http::StatusCode, middleware};

pub use google::GoogleSettings;

use crate::{auth::Gate, frame, once, openapi::Routes, quota};

/// Every route of the native API. All but uploads have to answer within the time limit.
pub(crate) fn routes(gate: &Gate) -> Routes {
    let once = middleware::from_fn_with_state(gate.clone(), once::once);
    let flowing = middleware::from_fn_with_state(gate.clone(), once::once_flowing);
    let limit = middleware::from_fn_with_state(frame::TIME_LIMIT, frame::limit_time);
    let quick = repeatable().within(|routes| routes.route_layer(once)).merge(unrepeatable());
    let quick = quick.within(|routes| routes.route_layer(limit));
    let uploads = uploads().within(|routes| routes.route_layer(flowing));
    quick.merge(uploads).within(|routes| routes.route_layer(middleware::from_fn(quota::tell))).nest("/api/v1")
}

/// The same without what is around them.
pub(crate) fn all() -> Routes {
    repeatable().merge(unrepeatable()).merge(uploads()).nest("/api/v1")
}

/// What may be sent with an Idempotency-Key.
fn repeatable() -> Routes {
    campaigns_and_calls().merge(workspaces_and_keys())
}

fn campaigns_and_calls() -> Routes {
    Routes::default()
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
        .patch("/trunks/{trk}", trunks::edit, "Changes a trunk, from the next call on.")
        .post("/trunks/{trk}/pause", trunks::pause, "Lets no call begin on a trunk.")
        .post("/trunks/{trk}/resume", trunks::resume, "Lets calls begin on a trunk that was paused.")
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
        .get("/campaigns/{cmp}/timeline", timeline::show, "Shows how a campaign came on, step by step.")
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
        .get("/campaigns/{cmp}/results.csv", results::csv, "Gives what became of each recipient as CSV.")
        .get(
            "/campaigns/{cmp}/results.jsonl",
            results::jsonl,
            "Gives what became of each recipient as JSON lines.",
        )
        .get("/imports", imports::list, "Lists imports.")
        .get("/imports/{imp}", imports::show, "Shows an import.")
        .get("/imports/{imp}/errors.csv", imports::errors, "Gives the rejected rows of an import as CSV.")
        .create("/suppressions", suppressions::add, "Puts numbers on the suppression list.")
        .get("/suppressions", suppressions::list, "Lists suppressions.")
        .get("/suppressions/{sup}", suppressions::show, "Shows a suppression.")
        .delete("/suppressions/{sup}", suppressions::remove, "Takes a number off the suppression list.")
        .get("/me", me::show, "Shows who asks, as what, and what they may.")
        .get("/live", live::stream, "Tells what has changed of what is watched, as server-sent events.")
        .get("/fleet", fleet::show, "Shows the workers and what waits for them.")
        .post("/fleet/workers/{wrk}/drain", fleet::drain, "Lets a worker take no more calls.")
        .post("/fleet/workers/{wrk}/resume", fleet::resume, "Lets a worker take calls again.")
        .accept("/erasures", erasures::order, "Erases everything that is kept of a person.")
        .get("/erasures", erasures::list, "Lists erasures.")
        .get("/erasures/{era}", erasures::show, "Shows an erasure: its receipt, once it is finished.")
        .get("/audit-log", audit_log::list, "Lists what was changed, by whom and when.")
        .get("/workspace/rules", workspace::rules, "Shows what holds for all campaigns of the workspace.")
        .put("/workspace/rules", workspace::set_rules, "Sets what holds for all campaigns of the workspace.")
        .accept("/sessions", sessions::create, "Places a single call now.")
        .get("/sessions", sessions::list, "Lists calls.")
        .get("/sessions/live", sessions::live, "Lists the newest calls that ring or talk, and how many do.")
        .get("/sessions/export.csv", sessions::export_csv, "Gives calls as CSV.")
        .get("/sessions/export.jsonl", sessions::export_jsonl, "Gives calls as JSON lines.")
        .get("/sessions/{ses}", sessions::show, "Shows a call.")
        .get("/sessions/{ses}/transcript", transcripts::show, "Shows what was said in a call.")
        .put("/sessions/{ses}/transcript", transcripts::put, "Keeps what was said in a call.")
        .get("/sessions/{ses}/recording", sessions::recording, "Gives the recording of a call.")
        .post("/sessions/{ses}/receipts", messages::receipt, "Tells what became of a message.")
        .accept("/sessions/{ses}/transfer", transfers::ask, "Hands a live call on.")
        .get("/sessions/{ses}/replay", transcripts::replay, "Shows what is known of a call, in order.")
        .create("/leads", leads::create, "Makes a lead.")
        .get("/leads", leads::list, "Lists leads.")
        .post("/leads/bulk", leads::bulk, "Makes leads, or changes those whose numbers are known.")
        .get("/leads/{lead}", leads::show, "Shows a lead.")
        .patch("/leads/{lead}", leads::edit, "Changes a lead.")
        .delete("/leads/{lead}", leads::remove, "Forgets a lead; its number stays on the lists it stands on.")
        .get("/leads/{lead}/sessions", leads::sessions, "Lists the last calls to a lead.")
        .get("/leads/{lead}/replies", messages::replies, "Lists what a lead has written.")
        .get("/uploads", uploads::list, "Lists uploads.")
        .get("/uploads/{upl}", uploads::show, "Shows an upload, and where its next part goes.")
        .delete("/uploads/{upl}", uploads::remove, "Forgets an upload.")
        .put("/uploads/{upl}/mapping", uploads::map, "Says which column of an upload is what.")
        .get(
            "/uploads/{upl}/preview",
            upload_preview::show,
            "Shows the first 100 rows of an upload, and what an agent would say first to each.",
        )
        .get("/uploads/{upl}/errors.csv", uploads::errors, "Gives the rejected rows of an upload as CSV.")
        .create("/webhooks", webhooks::create, "Makes a webhook; the only answer with its secret.")
        .get("/webhooks", webhooks::list, "Lists webhooks.")
        .get("/webhooks/events", webhooks::events, "Lists every event with its JSON Schema and a sample.")
        .get("/webhooks/{whk}", webhooks::show, "Shows a webhook.")
        .patch("/webhooks/{whk}", webhooks::edit, "Changes a webhook, or switches it on or off.")
        .delete("/webhooks/{whk}", webhooks::remove, "Removes a webhook.")
        .post(
            "/webhooks/{whk}/rotate-secret",
            webhooks::rotate,
            "Gives a webhook a new secret, shown only now.",
        )
        .accept("/webhooks/{whk}/test", webhooks::test, "Sends the sample of an event to a webhook.")
        .get("/webhooks/{whk}/deliveries", deliveries::list, "Lists what was sent to a webhook.")
        .accept("/webhooks/{whk}/replay", deliveries::replay_many, "Sends deliveries of a webhook again.")
        .get("/deliveries/{dlv}", deliveries::show, "Shows a delivery with every request made for it.")
        .accept("/deliveries/{dlv}/replay", deliveries::replay, "Sends a delivery again.")
}

fn workspaces_and_keys() -> Routes {
    Routes::default()
        .get("/workspaces", workspaces::list, "Lists one's workspaces.")
        .get("/workspaces/{org}", workspaces::show, "Shows a workspace; `me` is the one of the request.")
        .patch("/workspaces/{org}", workspaces::rename, "Renames a workspace.")
        .delete("/workspaces/{org}", workspaces::delete, "Deletes a workspace and stops everything in it.")
        .post("/workspaces/{org}/leave", members::leave, "Makes oneself no member any more.")
        .get("/workspaces/{org}/members", members::list, "Lists members.")
        .patch("/workspaces/{org}/members/{usr}", members::set_role, "Sets the role of a member.")
        .delete("/workspaces/{org}/members/{usr}", members::remove, "Removes a member.")
        .get("/workspaces/{org}/invites", invites::list, "Lists open invitations.")
        .delete("/workspaces/{org}/invites/{inv}", invites::withdraw, "Withdraws an invitation.")
        .get("/api-keys", api_keys::list, "Lists API keys.")
        .delete("/api-keys/{key}", api_keys::revoke, "Revokes an API key at once.")
}

/// Where an Idempotency-Key does nothing: what nobody is known for yet, or belongs to no workspace, and what is answered with a
/// secret, which is kept nowhere.
fn unrepeatable() -> Routes {
    Routes::default()
        .get("/auth/options", entrance::options, "Shows the ways in that this server has.")
        .post("/auth/signup", accounts::sign_up, "Makes an account and logs it in.")
        .post("/auth/login", accounts::log_in, "Logs in by password.")
        .post("/auth/refresh", accounts::refresh, "Renews the login of the cookie.")
        .post("/auth/logout", accounts::log_out, "Ends the login of the cookie.")
        .post("/auth/logout-all", accounts::log_out_everywhere, "Ends all logins of the user.")
        .post("/auth/password/change", accounts::change_password, "Changes the password; other logins end.")
        .accept("/auth/password/forgot", accounts::forgot, "Sends a link that sets a new password.")
        .post("/auth/password/reset", accounts::reset, "Sets the password by such a link; all logins end.")
        .get("/auth/google", google::begin, "Leads to Google to log in there.")
        .get("/auth/google/callback", google::callback, "Where Google leads back to; logs in.")
        .post("/auth/invites/accept", invites::accept, "Joins the workspace of an invitation.")
        .get("/users/me", accounts::me, "Shows oneself and one's workspaces.")
        .create("/workspaces", workspaces::create, "Makes a workspace, with oneself as its admin.")
        .create("/workspaces/{org}/invite", invites::invite, "Invites somebody by mail.")
        .post(
            "/trunks/{trk}/token",
            trunk_tokens::create,
            "Gives a token to listen to a live call, or to try the agent of a trunk.",
        )
        .create("/api-keys", api_keys::create, "Makes an API key; the only answer with its secret.")
        .post(
            "/api-keys/{key}/rotate",
            api_keys::rotate,
            "Gives an API key another secret; the old one dies.",
        )
}

fn uploads() -> Routes {
    Routes::default()
        .create("/uploads", uploads::create, "Begins an upload, or takes a whole file.")
        .patch("/uploads/{upl}/data", upload_data::append, "Adds bytes to an upload at its offset.")
        .post("/campaigns/{cmp}/recipients/import", imports::upload, "Adds recipients from a CSV file.")
        .or(StatusCode::ACCEPTED)
        .post(
            "/suppressions/import",
            suppressions::upload,
            "Puts the numbers of a CSV file on the suppression list.",
        )
}
