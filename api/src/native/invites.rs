//! Invitations to a workspace.

use ringfleet_core::{InviteId, Role, WorkspaceId, account, id::InviteKind};
use ringfleet_engine::Invitation;
use ringfleet_store::Invite;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::{
    auth::{Allowed, SignedIn, may},
    change::Answer,
    envelope::{Moment, Reply},
    error::{ApiError, Result},
    json::Json,
    page::Paging,
    path::{PathId, ThisWorkspace},
    query::Query,
};

use super::accounts;

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewInvite)]
pub(super) struct Body {
    email: String,
    role: Option<Role>,
}

/// An invitation as the API shows it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Invite)]
pub(super) struct View {
    id: InviteId,
    email: String,
    role: Role,
    expires_at: Moment,
    created_at: Moment,
}

impl From<Invite> for View {
    fn from(invite: Invite) -> Self {
        Self {
            id: invite.id,
            email: invite.email,
            role: invite.role,
            expires_at: invite.expires_at.into(),
            created_at: invite.created_at.into(),
        }
    }
}

/// The same with its link, where this server sends no mail: somebody has to pass it on. Else null.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = InviteMade)]
pub(super) struct MadeView {
    #[serde(flatten)]
    view: View,
    link: Option<String>,
}

/// `POST /workspaces/:id/invite`: sends a link that is good for seven days and once. Another one to the same address replaces it.
pub(super) async fn invite(
    door: Allowed<may::ManageMembers>,
    _: ThisWorkspace,
    Json(body): Json<Body>,
) -> Result<Answer<MadeView>> {
    let email = account::email(&body.email).map_err(|problem| ApiError::invalid("email", problem))?;
    let role = body.role.unwrap_or(Role::Member);
    let (mailer, settings) = (door.mailer().cloned(), door.settings().clone());
    let goes_by_mail = mailer.is_some();
    let link = move |token: &str| accounts::link(&settings, "invite", token);
    let shown = link.clone();
    let mut change = door.change("invite.create", move |made: &Invitation| {
        let link = (!goes_by_mail).then(|| shown(&made.token));
        let detail = json!({ "email": made.invite.email, "role": made.invite.role });
        let view = MadeView { view: made.invite.clone().into(), link };
        Reply::created(view).about(made.invite.id).with_detail(detail)
    });
    let receipt = change.receipt();
    let made = change.engine().invite(change.workspace(), &email, role, goes_by_mail, &receipt).await?;
    if let Some(mailer) = mailer {
        let (name, link) = (&made.workspace.name, link(&made.token));
        let text = format!(
            "You are invited to the workspace \"{name}\" on Ringfleet, as {role}.\n\nAccept within seven days:\n{link}\n\n\
             If you do not know what this is about, ignore this mail.\n"
        );
        mailer.send(&email, "You are invited to a workspace on Ringfleet", text);
    }
    change.answer()
}

/// `GET /workspaces/:id/invites`: a page of those that are open.
pub(super) async fn list(
    door: Allowed<may::SeeInvites>,
    _: ThisWorkspace,
    Query(paging): Query<Paging>,
) -> Result<Reply<Vec<View>>> {
    let mut tx = door.engine().store().read().await?;
    let invites = tx.invites(door.workspace(), paging.ask()).await?;
    tx.commit().await?;
    Ok(paging.reply(invites, |invite| invite.id.into()))
}

/// What was withdrawn.
#[derive(Serialize, ToSchema)]
#[schema(as = InviteWithdrawn)]
pub(super) struct WithdrawnView {
    id: InviteId,
    withdrawn: bool,
}

/// `DELETE /workspaces/:id/invites/:inviteId`: its link opens nothing any more.
pub(super) async fn withdraw(
    door: Allowed<may::ManageMembers>,
    _: ThisWorkspace,
    PathId(id): PathId<InviteKind>,
) -> Result<Answer<WithdrawnView>> {
    let view = move |_: &()| Reply::ok(WithdrawnView { id, withdrawn: true }).about(id);
    let mut change = door.change("invite.withdraw", view);
    let receipt = change.receipt();
    change.engine().withdraw_invite(change.workspace(), id, &receipt).await?;
    change.answer()
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = InviteAcceptance)]
pub(super) struct AcceptBody {
    token: String,
}

/// Where one is a member now.
#[derive(Serialize, ToSchema)]
#[schema(as = InviteAccepted)]
pub(super) struct JoinedView {
    id: WorkspaceId,
    name: String,
    role: Role,
}

/// `POST /auth/invites/accept`: joins, as the user whose address was invited. Who has no account signs up with the token.
pub(super) async fn accept(door: SignedIn, Json(body): Json<AcceptBody>) -> Result<Reply<JoinedView>> {
    let joined = door.engine().accept_invite(door.user(), &body.token, door.request_id()).await?;
    let (workspace, role) = joined;
    Ok(Reply::ok(JoinedView { id: workspace.id, name: workspace.name, role }))
}
