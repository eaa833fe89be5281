use chrono::{DateTime, Utc};
use ringfleet_core::{LoginId, Role, UserId, WorkspaceId};

use crate::{
    Result, Store, Timestamp, Tx,
    record::record,
    store::alone_all,
    tx::{exec, on, one},
};

record! {
    /// A login: a family of refresh tokens, known by the SHA-256 of the last one and of the one before it.
    pub struct Login {
        /// Its id.
        pub id: LoginId,
        /// Whose it is.
        pub user_id: UserId,
        /// The token that renews it.
        pub hash: Vec<u8>,
        /// The token before that.
        pub previous: Option<Vec<u8>>,
        /// When it was last renewed.
        pub renewed_at: DateTime<Utc>,
        /// When it ends by itself.
        pub expires_at: DateTime<Utc>,
        /// When it was ended.
        pub ended_at: Option<DateTime<Utc>>,
    }
}

record! {
    /// A user who has logged in, with a workspace they might mean.
    pub struct Visitor {
        /// Who.
        pub user_id: UserId,
        /// Their e-mail address.
        pub email: String,
        /// Whether they run the installation.
        pub superuser: bool,
        /// Where.
        pub workspace_id: Option<WorkspaceId>,
        /// As what, if they are a member.
        pub role: Option<Role>,
    }
}

impl Store {
    /// Who has logged in, if that has not ended; with `workspace` if there is one of this id. One statement by itself.
    pub async fn visitor(
        &self,
        login: LoginId,
        user: UserId,
        workspace: WorkspaceId,
        now: DateTime<Utc>,
    ) -> Result<Option<Visitor>> {
        let found = alone_all!(
            self,
            Visitor,
            "SELECT u.id AS user_id, u.email, u.superuser, w.id AS workspace_id, m.role
             FROM logins l JOIN users u ON u.id = l.user_id
             LEFT JOIN workspaces w ON w.id = $3 AND w.deleted_at IS NULL
             LEFT JOIN members m ON m.workspace_id = w.id AND m.user_id = u.id
             WHERE l.id = $1 AND l.user_id = $2 AND l.ended_at IS NULL AND l.expires_at > $4",
            login.uuid(),
            user.uuid(),
            workspace.uuid(),
            Timestamp(now)
        )?;
        Ok(found.into_iter().next())
    }

    /// The same with the workspaces they are a member of, two at most: one row each, or one without if there are none.
    pub async fn visitor_at_home(
        &self,
        login: LoginId,
        user: UserId,
        now: DateTime<Utc>,
    ) -> Result<Vec<Visitor>> {
        alone_all!(
            self,
            Visitor,
            "SELECT u.id AS user_id, u.email, u.superuser, home.workspace_id, home.role
             FROM logins l JOIN users u ON u.id = l.user_id
             LEFT JOIN (SELECT m.user_id, m.role, w.id AS workspace_id FROM members m
                        JOIN workspaces w ON w.id = m.workspace_id AND w.deleted_at IS NULL) AS home ON home.user_id = u.id
             WHERE l.id = $1 AND l.user_id = $2 AND l.ended_at IS NULL AND l.expires_at > $3
             ORDER BY home.workspace_id LIMIT 2",
            login.uuid(),
            user.uuid(),
            Timestamp(now)
        )
    }
}

impl Tx {
    /// Keeps a login. `hash`: its first refresh token.
    pub async fn insert_login(
        &mut self,
        id: LoginId,
        user: UserId,
        hash: &[u8],
        now: DateTime<Utc>,
        expires_at: DateTime<Utc>,
    ) -> Result<()> {
        exec!(
            self,
            "INSERT INTO logins (id, user_id, hash, renewed_at, created_at, expires_at) VALUES ($1, $2, $3, $4, $4, $5)",
            id.uuid(),
            user.uuid(),
            hash,
            Timestamp(now),
            Timestamp(expires_at)
        )?;
        Ok(())
    }

    /// One login, held until the transaction ends.
    pub async fn hold_login(&mut self, id: LoginId) -> Result<Option<Login>> {
        one!(self, Login, "SELECT * FROM logins WHERE id = $1 FOR UPDATE", id.uuid())
    }

    /// The next refresh token takes the place of the last one.
    pub async fn renew_login(
        &mut self,
        id: LoginId,
        hash: &[u8],
        now: DateTime<Utc>,
        expires_at: DateTime<Utc>,
    ) -> Result<()> {
        exec!(
            self,
            "UPDATE logins SET previous = hash, hash = $2, renewed_at = $3, expires_at = $4 WHERE id = $1",
            id.uuid(),
            hash,
            Timestamp(now),
            Timestamp(expires_at)
        )?;
        Ok(())
    }

    /// Ends a login: neither its refresh token nor its access tokens open anything from the commit on.
    pub async fn end_login(&mut self, id: LoginId, now: DateTime<Utc>) -> Result<()> {
        exec!(
            self,
            "UPDATE logins SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL",
            id.uuid(),
            Timestamp(now)
        )?;
        Ok(())
    }

    /// Ends all logins of a user but `spared`.
    pub async fn end_logins(
        &mut self,
        user: UserId,
        spared: Option<LoginId>,
        now: DateTime<Utc>,
    ) -> Result<u64> {
        exec!(
            self,
            "UPDATE logins SET ended_at = $2 WHERE user_id = $1 AND ended_at IS NULL AND id <> $3",
            user.uuid(),
            Timestamp(now),
            spared.map_or(uuid::Uuid::nil(), LoginId::uuid)
        )
    }

    /// Forgets logins, invitations, links and waits that ended before `before`.
    pub async fn forget_identity(&mut self, before: DateTime<Utc>) -> Result<u64> {
        let at = Timestamp(before);
        let mut gone = exec!(self, "DELETE FROM logins WHERE expires_at < $1 OR ended_at < $1", at)?;
        gone += exec!(self, "DELETE FROM invites WHERE expires_at < $1", at)?;
        gone += exec!(self, "DELETE FROM password_resets WHERE expires_at < $1", at)?;
        gone += exec!(self, "DELETE FROM throttles WHERE last_at < $1 AND free_at < $1", at)?;
        Ok(gone)
    }
}
