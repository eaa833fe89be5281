//! Invitations: a link, good once and for seven days.

use chrono::TimeDelta;
use ringfleet_core::{
    Actor, InviteId, Role, UserId, WorkspaceId,
    token::{mail_token, mail_token_hash},
};
use ringfleet_store::{Invite, Tx, User, Workspace};
use serde_json::json;

use crate::{Deed, Engine, EngineError, Receipt, Result};

/// How long an invitation can be accepted.
pub const INVITE_LASTS: TimeDelta = TimeDelta::days(7);

/// An invitation and its token, which is kept nowhere.
#[derive(Debug)]
pub struct Invitation {
    /// What is kept of it.
    pub invite: Invite,
    /// Where to.
    pub workspace: Workspace,
    /// The token.
    pub token: String,
}

/// What is said of a link that opens nothing.
const USED: &str =
    "this invitation was used, withdrawn or replaced, or is older than seven days; ask for another one";

impl Engine {
    /// Invites an address. An earlier invitation of it to this workspace is good for nothing any more. `by_mail`: whether the token
    /// goes to that address and to nobody else.
    ///
    /// # Errors
    /// [`EngineError::Conflict`] when they are a member already.
    pub async fn invite(
        &self,
        workspace: WorkspaceId,
        email: &str,
        role: Role,
        by_mail: bool,
        receipt: &Receipt<Invitation>,
    ) -> Result<Invitation> {
        let now = self.0.clock.now();
        let (token, hash) = mail_token(rand::random());
        let mut tx = self.0.store.write().await?;
        let place = tx.hold_workspace(workspace).await?.ok_or(EngineError::NotFound("workspace"))?;
        if let Some(user) = tx.user_by_email(email).await?
            && tx.member(workspace, user.id).await?.is_some()
        {
            return Err(EngineError::conflict(
                "ALREADY_MEMBER",
                format!("{email} is a member of this workspace"),
            ));
        }
        let kept = (hash.as_slice(), by_mail);
        let invite = tx.insert_invite(workspace, email, role, kept, now, now + INVITE_LASTS).await?;
        let invitation = Invitation { invite, workspace: place, token };
        receipt.write(&mut tx, &invitation, self.clock()).await?;
        tx.commit().await?;
        Ok(invitation)
    }

    /// Withdraws an invitation.
    ///
    /// # Errors
    /// [`EngineError::NotFound`].
    pub async fn withdraw_invite(
        &self,
        workspace: WorkspaceId,
        id: InviteId,
        receipt: &Receipt<()>,
    ) -> Result<()> {
        let mut tx = self.0.store.write().await?;
        if !tx.delete_invite(workspace, id).await? {
            return Err(EngineError::NotFound("invite"));
        }
        receipt.write(&mut tx, &(), self.clock()).await?;
        Ok(tx.commit().await?)
    }

    /// A user who has an account accepts. Only the one whose address was invited can.
    ///
    /// # Errors
    /// [`EngineError::Unauthorized`] when the link opens nothing, [`EngineError::Forbidden`] when it is somebody else's.
    pub async fn accept_invite(
        &self,
        user: UserId,
        token: &str,
        request_id: Option<String>,
    ) -> Result<(Workspace, Role)> {
        let mut tx = self.0.store.write().await?;
        let user = tx.user(user).await?.ok_or(EngineError::Unauthorized("log in again"))?;
        let joined = self.join(&mut tx, &user, token, request_id).await?;
        tx.commit().await?;
        Ok(joined)
    }

    /// Uses up an invitation for this user.
    pub(crate) async fn join(
        &self,
        tx: &mut Tx,
        user: &User,
        token: &str,
        request_id: Option<String>,
    ) -> Result<(Workspace, Role)> {
        let now = self.0.clock.now();
        let taken = tx.take_invite(&mail_token_hash(token), now).await?;
        let (invite, workspace) = taken.ok_or_else(|| EngineError::invalid("token", USED))?;
        if invite.email != user.email {
            let message = "this invitation was sent to another e-mail address; log in with that one";
            return Err(EngineError::Forbidden(message.to_owned()));
        }
        if invite.by_mail {
            tx.verify_user(user.id).await?;
        }
        let role = match tx.member(workspace.id, user.id).await? {
            Some(member) => member.role,
            None => {
                tx.insert_member(workspace.id, user.id, invite.role, now).await?;
                invite.role
            }
        };
        let actor = Actor::user(user.id, &user.email);
        let deed = Deed { workspace: workspace.id, actor, action: "invite.accept", request_id };
        self.note(tx, deed, invite.id.into(), json!({ "email": invite.email, "role": role })).await?;
        Ok((workspace, role))
    }
}
