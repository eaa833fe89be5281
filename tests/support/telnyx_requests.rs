//! The requests that the imitation of Telnyx answers.

use std::collections::BTreeMap;

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use super::{
    CONNECTION, Desk, KEY, Taken,
    faults::{Fault, MidCall},
};

pub(super) fn routes(desk: Desk) -> Router {
    Router::new()
        .route("/v2/calls", post(place))
        .route("/v2/calls/{id}", get(show))
        .route("/v2/calls/{id}/actions/{action}", post(act))
        .route("/v2/call_events", get(events))
        .route("/v2/connections/{connection}/active_calls", get(active))
        .layer(axum::middleware::from_fn_with_state(desk.clone(), guard))
        .with_state(desk)
}

fn refusal(status: u16, code: &str, detail: &str, pointer: &str) -> Response {
    let status = StatusCode::from_u16(status).expect("a status");
    let error = json!({"code": code, "title": "no", "detail": detail, "source": {"pointer": pointer}});
    (status, [("Retry-After", "1")], Json(json!({"errors": [error]}))).into_response()
}

/// It may have been done, or not.
fn unexpected() -> Response {
    refusal(500, "10007", "Unexpected error", "")
}

/// What may be asked for, by the provider's own description of it; a field that it does not know is a slip of the carrier's.
const DIAL: &[&str] = &[
    "connection_id",
    "to",
    "from",
    "command_id",
    "client_state",
    "timeout_secs",
    "time_limit_secs",
    "webhook_url",
    "webhook_url_method",
    "answering_machine_detection",
    "record",
    "record_channels",
];
const SPEAK: &[&str] = &["payload", "payload_type", "voice", "command_id"];
const STREAM: &[&str] = &[
    "stream_url",
    "stream_track",
    "stream_codec",
    "stream_bidirectional_mode",
    "stream_bidirectional_codec",
    "custom_parameters",
    "command_id",
];

/// The first field that is not among those, or lacks in the request.
fn slip(body: &Value, known: &[&str], needed: &[&str]) -> Option<String> {
    let fields = body.as_object().expect("an object");
    let unknown = fields.keys().find(|name| !known.contains(&name.as_str())).cloned();
    unknown.or_else(|| needed.iter().find(|name| !fields.contains_key(**name)).map(|name| (*name).to_owned()))
}

async fn guard(
    State(desk): State<Desk>,
    request: axum::extract::Request,
    next: axum::middleware::Next,
) -> Response {
    desk.book().asked.push(format!("{} {}", request.method(), request.uri()));
    let headers: &HeaderMap = request.headers();
    match headers.get(header::AUTHORIZATION).is_some_and(|given| given == &format!("Bearer {KEY}")) {
        true => next.run(request).await,
        false => refusal(401, "10009", "Authentication failed", ""),
    }
}

async fn place(State(desk): State<Desk>, Json(dial): Json<Value>) -> Response {
    if let Some(field) = slip(&dial, DIAL, &["connection_id", "to", "from"]) {
        return refusal(422, "10015", "Bad request", &format!("/{field}"));
    }
    let ring = dial["timeout_secs"].as_u64().unwrap_or_default();
    let state = BASE64_STANDARD.decode(dial["client_state"].as_str().unwrap_or("%"));
    if dial["connection_id"] != CONNECTION || !(5..=600).contains(&ring) || state.is_err() {
        return refusal(422, "10015", "Bad request", "/timeout_secs");
    }
    let to = dial["to"].as_str().expect("whom to call").to_owned();
    let is_first = || desk.book().refused.insert(to.clone());
    match Fault::of(&to) {
        Some(Fault::ThrottledOnce) if is_first() => refusal(429, "90103", "Too many dials", ""),
        Some(Fault::FullOnce) if is_first() => refusal(403, "10010", "User channel limit exceeded D1", ""),
        Some(Fault::BadNumber) => refusal(422, "10002", "The phone number is invalid.", "/to"),
        Some(Fault::WrongCountry) => refusal(403, "10010", "Not allowed D12", ""),
        Some(Fault::Broken) => unexpected(),
        Some(Fault::PlacedAnd500) => {
            desk.take(dial);
            unexpected()
        }
        Some(Fault::PlacedAndSilent) => {
            desk.take(dial);
            std::future::pending().await
        }
        Some(Fault::PlacedAndBrokenOff) => {
            desk.take(dial);
            (StatusCode::OK, "{\"data\":{\"call_control_id\":\"v3").into_response()
        }
        _ => Json(json!({"data": desk.take(dial).shown()})).into_response(),
    }
}

async fn show(State(desk): State<Desk>, Path(id): Path<String>) -> Response {
    match desk.with(&id, |call| (call.shown(), call.fault())) {
        Some((_, Some(MidCall::Unshown))) => unexpected(),
        Some((call, _)) => Json(json!({"data": call})).into_response(),
        None => refusal(404, "10005", "Resource not found", ""),
    }
}

async fn act(
    State(desk): State<Desk>,
    Path((id, action)): Path<(String, String)>,
    Json(body): Json<Value>,
) -> Response {
    let (known, needed): (&[&str], &[&str]) = match action.as_str() {
        "hangup" => (&[], &[]),
        "speak" => (SPEAK, &["payload", "voice"]),
        "streaming_start" => (STREAM, &["stream_url"]),
        _ => return refusal(404, "10005", "Resource not found", ""),
    };
    if let Some(field) = slip(&body, known, needed) {
        return refusal(422, "10015", "Bad request", &format!("/{field}"));
    }
    if body["voice"] == "Nobody" {
        return refusal(422, "10015", "Bad request", "/voice");
    }
    let told = desk.with(&id, |call| {
        let before =
            call.commands.iter().filter(|(_, known)| known["command_id"] == body["command_id"]).count();
        call.commands.push((action.clone(), body.clone()));
        (call.clone(), before)
    });
    let Some((call, before)) = told else { return refusal(404, "10005", "Resource not found", "") };
    if call.is_over() {
        return refusal(422, "90018", "Call has already ended", "");
    }
    let fault = if action == "hangup" { None } else { call.fault() };
    let is_done = match fault {
        Some(MidCall::DoesNothing | MidCall::Throttled) => false,
        Some(MidCall::DoesLater) => before == 1,
        _ => before == 0 || action == "hangup",
    };
    if is_done {
        desk.carry_out(id, &action, call.answered, &body);
    }
    match fault {
        Some(MidCall::Throttled) => refusal(429, "10011", "Too many requests", ""),
        Some(MidCall::DoesUnsaid | MidCall::DoesNothing) => unexpected(),
        Some(MidCall::DoesLater) if before == 0 => unexpected(),
        _ if is_done && body["voice"] == "Stutter" => unexpected(),
        _ => Json(json!({"data": {"result": "ok"}})).into_response(),
    }
}

async fn events(State(desk): State<Desk>, Query(query): Query<BTreeMap<String, String>>) -> Response {
    let fits = |call: &Taken| {
        let by_leg = query.get("filter[leg_id]").is_none_or(|leg| *leg == call.leg);
        by_leg && query.get("filter[to]").is_none_or(|to| to == call.field("to"))
    };
    let listed = |event: &Value| {
        json!({
            "record_type": "call_event", "type": "webhook", "name": event["event_type"], "event_timestamp": event["occurred_at"],
            "call_leg_id": event["payload"]["call_leg_id"], "call_session_id": event["payload"]["call_session_id"],
            "metadata": {"payload": event["payload"]},
        })
    };
    let mut book = desk.book();
    if book.calls.iter_mut().filter(|call| fits(call)).any(Taken::is_kept_quiet) {
        return unexpected();
    }
    let calls = book.calls.iter().filter(|call| fits(call)).filter(|_| desk.manners.lists);
    let events: Vec<Value> = calls.flat_map(|call| &call.told).map(listed).collect();
    Json(json!({"data": events, "meta": {"total_pages": 1, "page_number": 1}})).into_response()
}

/// One a page, so that whoever looks has to turn over.
async fn active(
    State(desk): State<Desk>,
    Path(connection): Path<String>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    if connection != CONNECTION {
        return refusal(404, "10005", "Resource not found", "");
    }
    let book = desk.book();
    let alive: Vec<&Taken> = book.calls.iter().filter(|call| call.is_alive()).collect();
    let at: usize = query.get("page[after]").map_or(0, |after| after.parse().expect("a cursor of ours"));
    let data: Vec<Value> = alive.iter().skip(at).take(1).map(|call| call.shown()).collect();
    let next = (at + 1 < alive.len())
        .then(|| format!("/v2/connections/{connection}/active_calls?page[after]={}", at + 1));
    let meta = json!({"cursors": {"after": (at + 1).to_string()}, "next": next, "total_items": alive.len()});
    Json(json!({"data": data, "meta": meta})).into_response()
}
