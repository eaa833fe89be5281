//! Who asks, and what they may: what a page shows and hides goes by it.

use ringfleet_core::{Action, Role, Scope, Who, WorkspaceId};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    auth::{Allowed, may},
    envelope::Reply,
    error::{ApiError, Result},
};

/// Whoever asks, in the workspace they ask in.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WhoAsks)]
pub(super) struct View {
    kind: Kind,
    /// Of a user, their e-mail address; of a key, what may be shown of it.
    name: String,
    workspace: Workspace,
    role: Role,
    /// What a key is kept to; null without bounds but its role's.
    scopes: Option<Vec<Scope>>,
    superuser: bool,
    may: Vec<Action>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = WhoAsksKind)]
enum Kind {
    User,
    Key,
}

#[derive(Serialize, ToSchema)]
#[schema(as = WhoAsksWorkspace)]
struct Workspace {
    id: WorkspaceId,
    name: String,
}

/// `GET /me`: who asks, as what, and what they may.
pub(super) async fn show(door: Allowed<may::Read>) -> Result<Reply<View>> {
    let mut tx = door.engine().store().read().await?;
    let workspace = tx.workspace(door.workspace()).await?.ok_or_else(|| ApiError::not_found("workspace"))?;
    tx.commit().await?;
    let identity = door.identity();
    let (kind, name) = match &identity.who {
        Who::Key { prefix, .. } => (Kind::Key, prefix.clone()),
        Who::User { email, .. } => (Kind::User, email.clone()),
    };
    Ok(Reply::ok(View {
        kind,
        name,
        workspace: Workspace { id: workspace.id, name: workspace.name },
        role: identity.role,
        scopes: identity.scopes.named().map(|scopes| scopes.into_iter().collect()),
        superuser: identity.superuser,
        may: Action::ALL.iter().copied().filter(|action| identity.may(*action)).collect(),
    }))
}
