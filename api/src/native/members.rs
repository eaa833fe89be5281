//! Members of a workspace.

use ringfleet_core::{Role, UserId, Who, id::UserKind};
use ringfleet_store::Member;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::{
    auth::{Allowed, may},
    change::Answer,
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
) -> Result<Answer<View>> {
    let mut change =
        door.change("member.setRole", |member: &Member| told(Reply::ok(View::from(member.clone())), member));
    let receipt = change.receipt();
    change.engine().set_member_role(change.workspace(), id, body.role, &receipt).await?;
    change.answer()
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
) -> Result<Answer<RemovedView>> {
    go(door, "member.remove", id).await
}

async fn go<P>(door: Allowed<P>, action: &'static str, id: UserId) -> Result<Answer<RemovedView>> {
    let view = move |member: &Member| told(Reply::ok(RemovedView { id, removed: true }), member);
    let mut change = door.change(action, view);
    let receipt = change.receipt();
    change.engine().remove_member(change.workspace(), id, &receipt).await?;
    change.answer()
}

/// What the audit log keeps of a change to a member.
fn told<V>(reply: Reply<V>, member: &Member) -> Reply<V> {
    reply.about(member.user_id).with_detail(json!({ "email": member.email, "role": member.role }))
}

/// `POST /workspaces/:id/leave`: makes oneself no member any more.
pub(super) async fn leave(
    door: Allowed<may::Read>,
    _: ThisWorkspace,
    _: NoBody,
) -> Result<Answer<RemovedView>> {
    let Who::User { id, .. } = door.identity().who else { return Err(ApiError::users_only()) };
    go(door, "member.leave", id).await
}
