//! Members of a workspace.

use ringfleet_core::{Role, UserId, Who, id::UserKind};
use ringfleet_store::Member;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    auth::{Allowed, may},
    envelope::{Moment, Reply},
    error::{ApiError, Result},
    json::{Json, NoBody},
    page::Paging,
    path::{PathId, ThisWorkspace},
    query::Query,
};

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = MemberRole)]
pub(super) struct Body {
    role: Role,
}

/// A member as the API shows it. Its id is the user's.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WorkspaceMember)]
pub(super) struct View {
    id: UserId,
    email: String,
    name: String,
    role: Role,
    created_at: Moment,
}

impl From<Member> for View {
    fn from(member: Member) -> Self {
        Self {
            id: member.user_id,
            email: member.email,
            name: member.name,
            role: member.role,
            created_at: member.created_at.into(),
        }
    }
}

/// `GET /workspaces/:id/members`: a page of them.
pub(super) async fn list(
    door: Allowed<may::Read>,
    _: ThisWorkspace,
    Query(paging): Query<Paging>,
) -> Result<Reply<Vec<View>>> {
    let mut tx = door.engine().store().read().await?;
    let members = tx.members(door.workspace(), paging.ask()).await?;
    tx.commit().await?;
    Ok(paging.reply(members, |member| member.user_id.into()))
}

/// `PATCH /workspaces/:id/members/:memberId`: another role. The last admin stays one.
pub(super) async fn set_role(
    door: Allowed<may::ManageMembers>,
    _: ThisWorkspace,
    PathId(id): PathId<UserKind>,
    Json(body): Json<Body>,
) -> Result<Reply<View>> {
    Ok(Reply::ok(door.engine().set_member_role(door.workspace(), id, body.role).await?.into()))
}

/// Who was removed.
#[derive(Serialize, ToSchema)]
#[schema(as = MemberRemoved)]
pub(super) struct RemovedView {
    id: UserId,
    removed: bool,
}

/// `DELETE /workspaces/:id/members/:memberId`: from now on they do not get into the workspace. Keys they have made stay.
pub(super) async fn remove(
    door: Allowed<may::ManageMembers>,
    _: ThisWorkspace,
    PathId(id): PathId<UserKind>,
) -> Result<Reply<RemovedView>> {
    door.engine().remove_member(door.workspace(), id).await?;
    Ok(Reply::ok(RemovedView { id, removed: true }))
}

/// `POST /workspaces/:id/leave`: makes oneself no member any more.
pub(super) async fn leave(
    door: Allowed<may::Read>,
    _: ThisWorkspace,
    _: NoBody,
) -> Result<Reply<RemovedView>> {
    let Who::User { id, .. } = door.actor().who else { return Err(ApiError::users_only()) };
    door.engine().remove_member(door.workspace(), id).await?;
    Ok(Reply::ok(RemovedView { id, removed: true }))
}
