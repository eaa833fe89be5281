//! The requests to a LiveKit server, one function for each: Twirp over JSON (<https://twitchtv.github.io/twirp/docs/spec_v7.html>), with the
//! messages of <https://github.com/livekit/protocol/tree/main/protobufs>. Fields are sent as there; answers may have either spelling.

use std::{sync::Arc, time::Duration};

use reqwest::Method;
use ringfleet_core::{Clock, SystemClock, livekit_trunk::LivekitTrunk};
use serde::{
    Deserialize,
    de::{DeserializeOwned, IgnoredAny},
};
use serde_json::{Value, json};

use super::{refusals::Said, room::Participant, token};
use crate::rest::{Rest, RestSettings, Trouble};

/// Seconds that a room without anybody stays. An agent alone counts as nobody, so this is how long the callee may take to be dialed.
const EMPTY_SECONDS: u32 = 30;
/// Seconds that it stays when the callee has left.
const DEPARTED_SECONDS: u32 = 5;
/// Who the callee is in the room of a call.
pub(super) const CALLEE: &str = "callee";
/// The name of no room.
const NO_ROOM: &str = "ringfleet-probe";

/// Why a request did not succeed.
pub(super) type Refusal = Trouble<Said>;

/// A call to be placed.
pub(super) struct Dialed<'a> {
    pub(super) room: &'a str,
    pub(super) to: String,
    /// The number to show; none leaves it to the trunk at LiveKit.
    pub(super) from: Option<&'a str>,
    pub(super) ring: Duration,
    pub(super) talk: Duration,
    /// How long the answer may take.
    pub(super) patience: Duration,
}

/// The callee as the server knows them.
#[derive(Debug, Deserialize)]
pub(super) struct Placed {
    /// `PA_…`.
    #[serde(alias = "participantId")]
    pub(super) participant_id: String,
}

#[derive(Default, Deserialize)]
struct Listed {
    #[serde(default)]
    participants: Vec<Participant>,
}

/// Speaks with one server by one key.
pub(super) struct Api {
    rest: Rest<Said>,
    trunk: Arc<LivekitTrunk>,
}

impl Api {
    pub(super) fn new(trunk: Arc<LivekitTrunk>, settings: &RestSettings) -> reqwest::Result<Self> {
        Ok(Self { rest: Rest::new(settings, Said::read)?.deciding_by(Said::decides), trunk })
    }

    /// Opens a room and sends for the agent, who is told `metadata`.
    pub(super) async fn open_room(&self, room: &str, metadata: String) -> Result<(), Refusal> {
        let body = json!({
            "name": room, "empty_timeout": EMPTY_SECONDS, "departure_timeout": DEPARTED_SECONDS,
            "agents": [{"agent_name": self.trunk.agent_name, "metadata": metadata}],
        });
        let grants = json!({"video": {"roomCreate": true}});
        self.ask::<IgnoredAny>("RoomService/CreateRoom", grants, &body, None).await.map(drop)
    }

    /// Places the call. Answered when somebody has picked up, or when it has failed.
    pub(super) async fn dial(&self, call: &Dialed<'_>) -> Result<Placed, Refusal> {
        let seconds = |time: Duration| format!("{}s", time.as_secs().max(1));
        let mut body = json!({
            "sip_trunk_id": self.trunk.sip_trunk_id, "sip_call_to": call.to, "room_name": call.room,
            "participant_identity": CALLEE, "ringing_timeout": seconds(call.ring),
            "max_call_duration": seconds(call.talk), "krisp_enabled": self.trunk.krisp, "wait_until_answered": true,
        });
        if let Some(from) = call.from {
            body["sip_number"] = json!(from);
        }
        let grants = json!({"sip": {"call": true}});
        self.ask("SIP/CreateSIPParticipant", grants, &body, Some(call.patience)).await
    }

    /// Who is in a room; nobody where there is none.
    pub(super) async fn participants(&self, room: &str) -> Result<Vec<Participant>, Refusal> {
        let grants = json!({"video": {"roomAdmin": true, "room": room}});
        let answer = self.ask("RoomService/ListParticipants", grants, &json!({"room": room}), None).await;
        Ok(or_no_room::<Listed>(answer)?.participants)
    }

    /// Puts everybody out of a room, and hangs up so. One that is not there is closed.
    pub(super) async fn close_room(&self, room: &str) -> Result<(), Refusal> {
        let grants = json!({"video": {"roomCreate": true}});
        let body = json!({"room": room});
        or_no_room(self.ask::<IgnoredAny>("RoomService/DeleteRoom", grants, &body, None).await).map(drop)
    }

    /// Whether the server is there and lets us in.
    pub(super) async fn knock(&self) -> Result<(), Refusal> {
        let grants = json!({"video": {"roomList": true}});
        let body = json!({"names": [NO_ROOM]});
        self.ask::<IgnoredAny>("RoomService/ListRooms", grants, &body, None).await.map(drop)
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: &str,
        grants: Value,
        body: &Value,
        patience: Option<Duration>,
    ) -> Result<T, Refusal> {
        let token = token::of_request(&self.trunk, grants, SystemClock.now());
        let url = format!("{}/twirp/livekit.{method}", self.trunk.url.trim_end_matches('/'));
        let dress = |request: reqwest::RequestBuilder| {
            let request = request.bearer_auth(token).json(body);
            match patience {
                Some(patience) => request.timeout(patience),
                None => request,
            }
        };
        self.rest.ask(Method::POST, &url, dress).await
    }
}

/// The answer, or nothing where there is no such room.
fn or_no_room<T: Default>(answer: Result<T, Refusal>) -> Result<T, Refusal> {
    match answer {
        Err(Trouble::Refused { code: Some(Said::Word(word)), .. }) if word == "not_found" => Ok(T::default()),
        answer => answer,
    }
}
