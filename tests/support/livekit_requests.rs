//! The requests that the imitation of LiveKit answers.

use std::collections::VecDeque;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{Desk, Room, SIP_TRUNK, Taken, Upset, tokens::read};

pub(super) fn routes(desk: Desk) -> Router {
    Router::new().route("/twirp/{method}/{name}", post(ask)).with_state(desk)
}

/// What happens to a call to a number with these last two digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// …00: 429 once for each number.
    ThrottledOnce,
    /// …10: 400, it cannot be asked for.
    Invalid,
    /// …20: placed, and answered with 500.
    PlacedAnd500,
    /// …30: placed, and never answered.
    PlacedAndSilent,
    /// …40: 500, and not placed.
    Broken,
    /// …50: 404, there is no such SIP trunk.
    NoTrunk,
    /// …60: placed, and the answer breaks off.
    PlacedAndBrokenOff,
    /// …70: the agent never comes; the callee is patient.
    NoAgent,
    /// …80: the agent leaves before the callee does.
    AgentLeaves,
    /// …85: it rings, and is refused without a status of SIP.
    RungAndRefused,
    /// …90: the agent hangs up, by closing the room.
    AgentHangsUp,
    /// …95: answered, and refused all the same.
    AnsweredAndRefused,
}

impl Fault {
    pub(super) fn of(number: &str) -> Option<Self> {
        Some(match number.get(number.len().saturating_sub(2)..)? {
            "00" => Self::ThrottledOnce,
            "10" => Self::Invalid,
            "20" => Self::PlacedAnd500,
            "30" => Self::PlacedAndSilent,
            "40" => Self::Broken,
            "50" => Self::NoTrunk,
            "60" => Self::PlacedAndBrokenOff,
            "70" => Self::NoAgent,
            "80" => Self::AgentLeaves,
            "85" => Self::RungAndRefused,
            "90" => Self::AgentHangsUp,
            "95" => Self::AnsweredAndRefused,
            _ => return None,
        })
    }
}

pub(super) fn error(status: u16, code: &str, msg: &str, sip: Option<u16>) -> Response {
    let mut body = json!({"code": code, "msg": msg});
    if let Some(sip) = sip {
        body["meta"] = json!({"sip_status_code": sip.to_string(), "sip_status": "no"});
    }
    (StatusCode::from_u16(status).expect("a status"), Json(body)).into_response()
}

/// Whether the grants are enough.
fn may(claims: &Value, method: &str, body: &Value) -> bool {
    let video = &claims["video"];
    match method {
        "CreateRoom" | "DeleteRoom" => video["roomCreate"] == true,
        "ListRooms" => video["roomList"] == true,
        "ListParticipants" => video["roomAdmin"] == true && video["room"] == body["room"],
        "CreateSIPParticipant" => claims["sip"]["call"] == true,
        _ => false,
    }
}

async fn ask(
    State(desk): State<Desk>,
    Path((_, method)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    desk.book().asked.push(method.clone());
    let body: Value = serde_json::from_slice(&body).expect("JSON");
    let token =
        headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    if !token.and_then(read).is_some_and(|claims| may(&claims, &method, &body)) {
        return error(401, "unauthenticated", "permissions denied", None);
    }
    let upset = desk.book().upset.get_mut(&method).and_then(VecDeque::pop_front);
    match upset {
        Some(Upset::Refuses(status)) => {
            return StatusCode::from_u16(status).expect("a status").into_response();
        }
        Some(Upset::Silent) => std::future::pending().await,
        Some(Upset::Lags) => return Json(json!({"participants": []})).into_response(),
        Some(Upset::Late(_)) | None => {}
    }
    let answer = match method.as_str() {
        "CreateRoom" => open(&desk, &body),
        "ListRooms" => Json(json!({"rooms": []})).into_response(),
        "ListParticipants" => list(&desk, &body),
        "DeleteRoom" => {
            let room = body["room"].as_str().expect("a room");
            if !desk.book().rooms.contains_key(room) {
                return error(404, "not_found", "room not found", None);
            }
            desk.close(room).await;
            Json(json!({})).into_response()
        }
        _ => place(desk, body).await,
    };
    if let Some(Upset::Late(time)) = upset {
        sleep(time).await;
    }
    answer
}

fn open(desk: &Desk, body: &Value) -> Response {
    let name = body["name"].as_str().expect("a name");
    let agents = body["agents"].as_array().cloned().unwrap_or_default();
    let mut book = desk.book();
    book.closed.remove(name);
    // A room that is there stays as it is: nobody is sent for again.
    book.rooms.entry(name.to_owned()).or_insert(Room { agents, agent: true });
    Json(json!({"sid": "RM_1", "name": name, "empty_timeout": body["empty_timeout"]})).into_response()
}

fn list(desk: &Desk, body: &Value) -> Response {
    let name = body["room"].as_str().expect("a room");
    let mut book = desk.book();
    if book.closed.contains(name) {
        return error(404, "not_found", "requested room does not exist", None);
    }
    for call in book.calls.iter_mut().filter(|call| call.room() == name && !call.is_over()) {
        call.shown = call.status;
    }
    let callees = book.calls.iter().filter(|call| call.room() == name && !call.is_over()).map(Taken::view);
    let agent = book.rooms.get(name).filter(|room| room.agent);
    let agent = agent.map(|_| json!({"sid": "PA_agent", "identity": "agent-1", "kind": "AGENT"}));
    Json(json!({"participants": callees.chain(agent).collect::<Vec<_>>()})).into_response()
}

async fn place(desk: Desk, body: Value) -> Response {
    let to = body["sip_call_to"].as_str().expect("whom to call").to_owned();
    let fault = Fault::of(&to);
    let broken = || error(500, "internal", "broken", None);
    match fault {
        _ if body["sip_trunk_id"] != SIP_TRUNK => return error(404, "not_found", "no such trunk", None),
        Some(Fault::ThrottledOnce) if desk.book().throttled.insert(to.clone()) => {
            return error(429, "resource_exhausted", "too many", None);
        }
        Some(Fault::Invalid) => return error(400, "invalid_argument", "no", None),
        Some(Fault::NoTrunk) => return error(404, "not_found", "object cannot be found", None),
        Some(Fault::Broken) => return broken(),
        Some(Fault::NoAgent) => {
            if let Some(room) = desk.book().rooms.get_mut(body["room_name"].as_str().expect("a room")) {
                room.agent = false;
            }
        }
        _ => {}
    }
    let call = desk.take(body);
    let (sid, line) = (call.sid.clone(), desk.clone());
    // It goes on also where nobody waits for its answer any more.
    let dialed = tokio::spawn(async move { line.dial(&call).await });
    match fault {
        Some(Fault::AnsweredAndRefused) => {
            desk.is_shown(&sid, "active").await;
            error(412, "failed_precondition", "no", None)
        }
        Some(Fault::RungAndRefused) => {
            desk.is_shown(&sid, "ringing").await;
            let call = desk.with(&sid, |call| call.clone());
            desk.leaves(&call, "SIP_TRUNK_FAILURE").await;
            error(429, "resource_exhausted", "too many", None)
        }
        Some(Fault::PlacedAnd500) => broken(),
        Some(Fault::PlacedAndSilent) => std::future::pending().await,
        Some(Fault::PlacedAndBrokenOff) => (StatusCode::OK, "{\"participant_id\":\"PA").into_response(),
        _ => dialed.await.expect("a call does not break"),
    }
}
