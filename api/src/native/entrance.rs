//! What a page needs to know before anybody has come in.

use ringfleet_engine::Entry;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{auth::Anyone, envelope::Reply, error::Result};

/// The ways in that this server has.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Entrance)]
pub(super) struct View {
    /// Whether anybody may sign up now, without an invitation.
    signup: bool,
    /// Whether whoever signs up now is the first, and runs the installation.
    first: bool,
    /// Whether one may log in with Google.
    google: bool,
    /// Whether it sends mail, without which nobody gets a link to set a new password.
    mail: bool,
}

/// `GET /auth/options`: the ways in. Signing up, say, is open to the first user of an installation only.
pub(super) async fn options(door: Anyone) -> Result<Reply<View>> {
    let entry = door.engine().entry(door.settings().access).await?;
    Ok(Reply::ok(View {
        signup: entry != Entry::Nobody,
        first: entry == Entry::First,
        google: door.issuer().is_some(),
        mail: door.mailer().is_some(),
    }))
}
