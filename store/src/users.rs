use chrono::{DateTime, Utc};
use ringfleet_core::UserId;

use crate::{
    Page, Result, Timestamp, Tx,
    record::record,
    tx::{all, exec, on, one, page, scalar},
};

record! {
    /// Somebody who logs in.
    pub struct User {
        /// Their id.
        pub id: UserId,
        /// Their e-mail address, in lower case.
        pub email: String,
        /// What people call them.
        pub name: String,
        /// The hash of their password, in PHC form; none for whoever only logs in with Google.
        pub password: Option<String>,
        /// What Google calls them.
        pub google_subject: Option<String>,
        /// Whether they have shown that the address is theirs.
        pub verified: bool,
        /// Whether they run the installation.
        pub superuser: bool,
        /// When they signed up.
        pub created_at: DateTime<Utc>,
    }
}

/// What a user is made of.
#[derive(Debug, Clone)]
pub struct NewUser<'a> {
    /// In lower case.
    pub email: &'a str,
    /// What people call them.
    pub name: &'a str,
    /// In PHC form.
    pub password: Option<&'a str>,
    /// What Google calls them.
    pub google_subject: Option<&'a str>,
    /// Whether they have shown that the address is theirs.
    pub verified: bool,
    /// Whether they run the installation.
    pub superuser: bool,
}

/// Holds those who would be the first user together.
const FIRST_USER: i64 = 0x5246_7573_6572;

impl Tx {
    /// Makes a user. An e-mail address that another one has is a [`crate::StoreError::Duplicate`].
    pub async fn insert_user(&mut self, new: &NewUser<'_>, now: DateTime<Utc>) -> Result<User> {
        let made = one!(
            self,
            User,
            "INSERT INTO users (id, email, name, password, google_subject, verified, superuser, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING *",
            UserId::new(now).uuid(),
            new.email,
            new.name,
            new.password,
            new.google_subject,
            new.verified,
            new.superuser,
            Timestamp(now)
        )?;
        made.ok_or_else(|| sqlx::Error::RowNotFound.into())
    }

    /// Whether anybody has signed up. Those who ask in writing transactions do so one after the other.
    pub async fn has_users(&mut self) -> Result<bool> {
        exec!(self, "SELECT PASS_ALONE($1)", FIRST_USER)?;
        Ok(scalar!(self, i32, "SELECT 1 FROM users LIMIT 1")?.is_some())
    }

    /// One user.
    pub async fn user(&mut self, id: UserId) -> Result<Option<User>> {
        one!(self, User, "SELECT * FROM users WHERE id = $1", id.uuid())
    }

    /// The user with this e-mail address, in lower case.
    pub async fn user_by_email(&mut self, email: &str) -> Result<Option<User>> {
        one!(self, User, "SELECT * FROM users WHERE email = $1", email)
    }

    /// The user whom Google calls this.
    pub async fn user_by_google(&mut self, subject: &str) -> Result<Option<User>> {
        one!(self, User, "SELECT * FROM users WHERE google_subject = $1", subject)
    }

    /// A page of all users of the installation, newest first.
    pub async fn users(&mut self, page: Page) -> Result<Vec<User>> {
        page!(
            self,
            User,
            page,
            // None has the id that is all zeros.
            "SELECT * FROM users WHERE id <> $1 AND id > $2 AND id < $3",
            "id",
            (uuid::Uuid::nil())
        )
    }

    /// Sets the hash of a password. Links to reset it that are on their way are good for nothing any more.
    pub async fn set_password(&mut self, id: UserId, password: &str) -> Result<()> {
        exec!(self, "UPDATE users SET password = $2 WHERE id = $1", id.uuid(), password)?;
        exec!(self, "DELETE FROM password_resets WHERE user_id = $1", id.uuid())?;
        Ok(())
    }

    /// They have shown that the address is theirs.
    pub async fn verify_user(&mut self, id: UserId) -> Result<()> {
        exec!(self, "UPDATE users SET verified = true WHERE id = $1", id.uuid())?;
        Ok(())
    }

    /// From now on this user may log in with Google, which has verified the address. A password that was set by whoever had not is
    /// gone: it may be somebody else's.
    pub async fn link_google(&mut self, id: UserId, subject: &str) -> Result<()> {
        exec!(
            self,
            "UPDATE users SET google_subject = $2, verified = true, password = CASE WHEN verified THEN password END WHERE id = $1",
            id.uuid(),
            subject
        )?;
        Ok(())
    }

    /// Keeps the token of a link that sets a new password. Earlier ones of this user are good for nothing any more.
    pub async fn insert_reset(&mut self, user: UserId, hash: &[u8], expires_at: DateTime<Utc>) -> Result<()> {
        exec!(self, "DELETE FROM password_resets WHERE user_id = $1", user.uuid())?;
        exec!(
            self,
            "INSERT INTO password_resets (hash, user_id, expires_at) VALUES ($1, $2, $3)",
            hash,
            user.uuid(),
            Timestamp(expires_at)
        )?;
        Ok(())
    }

    /// Uses up the token of such a link; gives whose it was, if it was still good. One of several callers gets it.
    pub async fn take_reset(&mut self, hash: &[u8], now: DateTime<Utc>) -> Result<Option<User>> {
        let user = scalar!(
            self,
            uuid::Uuid,
            "DELETE FROM password_resets WHERE hash = $1 AND expires_at > $2 RETURNING user_id",
            hash,
            Timestamp(now)
        )?;
        match user {
            Some(user) => self.user(user.into()).await,
            None => Ok(None),
        }
    }
}
