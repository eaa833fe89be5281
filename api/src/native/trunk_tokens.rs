//! Tokens by which people come into rooms at LiveKit: to listen to a call, or to try the agent.

use ringfleet_carriers::livekit::{self, Guest};
use ringfleet_core::{CallId, CallState, TrunkId, WorkspaceId, id::TrunkKind, trunk::TrunkConfig};
use ringfleet_store::Tx;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::{
    auth::{Allowed, may},
    change::Answer,
    check,
    envelope::{Moment, Reply},
    error::{ApiError, Result},
    json::MaybeJson,
    openapi::bounds,
    path::PathId,
};

/// Longest identity and longest name.
const LIMIT: usize = 120;
/// What all identities begin with: whoever comes as somebody who is there already puts them out, and so nobody comes as the callee or the agent.
const GUEST: &str = "guest_";

#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewTrunkToken)]
pub(super) struct Body {
    /// The call to listen to; without it, there is a new room with the agent.
    session_id: Option<CallId>,
    /// Who comes; a made-up one where it is missing.
    #[schema(schema_with = identity_form)]
    identity: Option<String>,
    #[schema(schema_with = bounds::maybe_name::<LIMIT>)]
    name: Option<String>,
}

/// A token, shown this once.
#[derive(Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = TrunkToken)]
pub(super) struct View {
    token: String,
    /// Where a client connects with it.
    url: String,
    room: String,
    /// Until when it opens the room. Whoever is in it stays.
    expires_at: Moment,
}

/// `POST /trunks/:id/token`: a token for the room of a live call, to listen unseen, or for a new room with the trunk's agent.
pub(super) async fn create(
    door: Allowed<may::RunCampaigns>,
    PathId(id): PathId<TrunkKind>,
    MaybeJson(body): MaybeJson<Body>,
) -> Result<Answer<View>> {
    let now = door.now();
    let guest = Guest {
        identity: identity(body.identity)?,
        name: body.name.map(|name| check::name(name, LIMIT)).transpose()?,
    };
    let who = guest.identity.clone();
    let mut change = door.change("trunk.token", move |view: &View| {
        let detail = json!({ "room": view.room, "identity": who });
        Reply::ok(view.clone()).about(id).with_detail(detail)
    });
    let receipt = change.receipt();
    let mut tx = change.engine().store().write().await?;
    let trunk = tx.trunk(change.workspace(), id).await?.ok_or_else(|| ApiError::not_found("trunk"))?;
    let TrunkConfig::Livekit(trunk) = trunk.config else { return Err(ApiError::no_rooms()) };
    let (room, token) = match body.session_id {
        Some(call) => {
            let room = live_room(&mut tx, change.workspace(), id, call).await?;
            let token = livekit::listens(&trunk, &room, &guest, now);
            (room, token)
        }
        None => {
            let room = format!("try_{:032x}", rand::random::<u128>());
            let token = livekit::tries(&trunk, &room, &guest, now);
            (room, token)
        }
    };
    let view = View {
        token,
        url: livekit::client_url(&trunk),
        room,
        expires_at: (now + livekit::JOIN_LASTS).into(),
    };
    receipt.write(&mut tx, &view, change.engine().clock()).await?;
    tx.commit().await?;
    change.answer()
}

/// The room of a live call over this trunk.
async fn live_room(tx: &mut Tx, workspace: WorkspaceId, trunk: TrunkId, call: CallId) -> Result<String> {
    let found = tx.call(workspace, call).await?.filter(|call| call.trunk_id == trunk);
    let call = found.ok_or_else(|| ApiError::not_found("session"))?;
    match call.state {
        CallState::Ongoing => Ok(call.id.to_string()),
        state => Err(ApiError::not_live(state)),
    }
}

fn identity_form() -> bounds::Bounds {
    bounds::maybe_of_form("^[A-Za-z0-9_.@-]{1,120}$")
}

fn identity(given: Option<String>) -> Result<String> {
    let own = given.unwrap_or_else(|| format!("{:016x}", rand::random::<u64>()));
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-.@".contains(c);
    match (1..=LIMIT).contains(&own.len()) && own.chars().all(is_plain) {
        true => Ok(format!("{GUEST}{own}")),
        false => Err(ApiError::invalid("identity", "must be 1 to 120 letters, digits, _, -, . and @")),
    }
}
