use chrono::{DateTime, Utc};
use ringfleet_core::{InviteId, Role, UserId, WorkspaceId};

use crate::{
    Page, Result, Timestamp, Tx, Workspace,
    record::record,
    tx::{all, exec, on, one, page, scalar},
};

record! {
    /// A user in a workspace.
    pub struct Member {
        /// The user.
        pub user_id: UserId,
        /// Their e-mail address.
        pub email: String,
        /// What people call them.
        pub name: String,
        /// What they may do there.
        pub role: Role,
        /// Since when.
        pub created_at: DateTime<Utc>,
    }
}

record! {
    /// A workspace somebody is a member of.
    pub struct Membership {
        /// The workspace.
        pub id: WorkspaceId,
        /// Its name.
        pub name: String,
        /// What they may do there.
        pub role: Role,
        /// When it was made.
        pub created_at: DateTime<Utc>,
    }
}

record! {
    /// An invitation that was neither accepted nor withdrawn.
    pub struct Invite {
        /// Its id.
        pub id: InviteId,
        /// Where to.
        pub workspace_id: WorkspaceId,
        /// Whom.
        pub email: String,
        /// As what.
        pub role: Role,
        /// Whether its link went by mail, to that address alone: then whoever shows it has shown that the address is theirs.
        pub by_mail: bool,
        /// When.
        pub created_at: DateTime<Utc>,
        /// Until when it can be accepted.
        pub expires_at: DateTime<Utc>,
    }
}

impl Tx {
    /// Makes a user a member. Whoever is one already is a [`crate::StoreError::Duplicate`].
    pub async fn insert_member(
        &mut self,
        workspace: WorkspaceId,
        user: UserId,
        role: Role,
        now: DateTime<Utc>,
    ) -> Result<()> {
        exec!(
            self,
            "INSERT INTO members (workspace_id, user_id, role, created_at) VALUES ($1, $2, $3, $4)",
            workspace.uuid(),
            user.uuid(),
            role.as_str(),
            Timestamp(now)
        )?;
        Ok(())
    }

    /// A page of the workspace's members, the last to sign up first.
    pub async fn members(&mut self, workspace: WorkspaceId, page: Page) -> Result<Vec<Member>> {
        page!(
            self,
            Member,
            page,
            "SELECT m.user_id, u.email, u.name, m.role, m.created_at FROM members m JOIN users u ON u.id = m.user_id
             WHERE m.workspace_id = $1 AND m.user_id > $2 AND m.user_id < $3",
            "m.user_id",
            (workspace.uuid())
        )
    }

    /// One member.
    pub async fn member(&mut self, workspace: WorkspaceId, user: UserId) -> Result<Option<Member>> {
        one!(
            self,
            Member,
            "SELECT m.user_id, u.email, u.name, m.role, m.created_at FROM members m JOIN users u ON u.id = m.user_id
             WHERE m.workspace_id = $1 AND m.user_id = $2",
            workspace.uuid(),
            user.uuid()
        )
    }

    /// How many admins the workspace has besides this user.
    pub async fn other_admins(&mut self, workspace: WorkspaceId, user: UserId) -> Result<i64> {
        let n = scalar!(
            self,
            i64,
            "SELECT count(*) FROM members WHERE workspace_id = $1 AND user_id <> $2 AND role = 'admin'",
            workspace.uuid(),
            user.uuid()
        )?;
        Ok(n.unwrap_or(0))
    }

    /// Sets what a member may do.
    pub async fn set_member_role(&mut self, workspace: WorkspaceId, user: UserId, role: Role) -> Result<()> {
        exec!(
            self,
            "UPDATE members SET role = $3 WHERE workspace_id = $1 AND user_id = $2",
            workspace.uuid(),
            user.uuid(),
            role.as_str()
        )?;
        Ok(())
    }

    /// Makes somebody no member any more.
    pub async fn delete_member(&mut self, workspace: WorkspaceId, user: UserId) -> Result<()> {
        exec!(
            self,
            "DELETE FROM members WHERE workspace_id = $1 AND user_id = $2",
            workspace.uuid(),
            user.uuid()
        )?;
        Ok(())
    }

    /// A page of the workspaces a user is a member of, newest first.
    pub async fn memberships(&mut self, user: UserId, page: Page) -> Result<Vec<Membership>> {
        page!(
            self,
            Membership,
            page,
            "SELECT w.id, w.name, m.role, w.created_at FROM members m JOIN workspaces w ON w.id = m.workspace_id
             WHERE m.user_id = $1 AND w.deleted_at IS NULL AND w.id > $2 AND w.id < $3",
            "w.id",
            (user.uuid())
        )
    }

    /// Keeps an invitation. One to the same address takes the place of the last: its link is good for nothing any more.
    /// `hash`: of its token; `by_mail`: whether that goes to the address alone.
    pub async fn insert_invite(
        &mut self,
        workspace: WorkspaceId,
        email: &str,
        role: Role,
        (hash, by_mail): (&[u8], bool),
        now: DateTime<Utc>,
        expires_at: DateTime<Utc>,
    ) -> Result<Invite> {
        exec!(self, "DELETE FROM invites WHERE workspace_id = $1 AND email = $2", workspace.uuid(), email)?;
        let made = one!(
            self,
            Invite,
            "INSERT INTO invites (id, workspace_id, email, role, hash, created_at, expires_at, by_mail)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING *",
            InviteId::new(now).uuid(),
            workspace.uuid(),
            email,
            role.as_str(),
            hash,
            Timestamp(now),
            Timestamp(expires_at),
            by_mail
        )?;
        made.ok_or_else(|| sqlx::Error::RowNotFound.into())
    }

    /// A page of the workspace's open invitations, newest first.
    pub async fn invites(&mut self, workspace: WorkspaceId, page: Page) -> Result<Vec<Invite>> {
        page!(
            self,
            Invite,
            page,
            "SELECT * FROM invites WHERE workspace_id = $1 AND id > $2 AND id < $3",
            "id",
            (workspace.uuid())
        )
    }

    /// Withdraws an invitation. False when there is none.
    pub async fn delete_invite(&mut self, workspace: WorkspaceId, id: InviteId) -> Result<bool> {
        let gone = exec!(
            self,
            "DELETE FROM invites WHERE workspace_id = $1 AND id = $2",
            workspace.uuid(),
            id.uuid()
        )?;
        Ok(gone == 1)
    }

    /// Uses up an invitation; gives it, and where to, if it was still good. One of several callers gets it.
    pub async fn take_invite(
        &mut self,
        hash: &[u8],
        now: DateTime<Utc>,
    ) -> Result<Option<(Invite, Workspace)>> {
        // The workspace is held first, as whoever invites and whoever deletes it holds it; then the invitation may be gone.
        let place = scalar!(self, uuid::Uuid, "SELECT workspace_id FROM invites WHERE hash = $1", hash)?;
        let Some(place) = place else { return Ok(None) };
        let Some(workspace) = self.hold_workspace(place.into()).await? else { return Ok(None) };
        let invite = one!(
            self,
            Invite,
            "DELETE FROM invites WHERE hash = $1 AND expires_at > $2 RETURNING *",
            hash,
            Timestamp(now)
        )?;
        Ok(invite.map(|invite| (invite, workspace)))
    }
}
