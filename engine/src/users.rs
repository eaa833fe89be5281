//! Users: signing up, passwords, and the account that Google vouches for.

use chrono::TimeDelta;
use ringfleet_core::{
    LoginId, UserId,
    account::{ADDRESS, MAILS, REQUESTS},
    token::{mail_token, mail_token_hash},
};
use ringfleet_store::{NewUser, StoreError, Tx, User};

use crate::{AccessSettings, Engine, EngineError, Grant, Result, Signup, throttle::Count};

/// How long a link that sets a new password is good.
const RESET_LASTS: TimeDelta = TimeDelta::hours(1);

/// What somebody signs up with.
#[derive(Clone)]
pub struct NewAccount {
    /// In lower case.
    pub email: String,
    /// As it was typed.
    pub password: String,
    /// What people call them.
    pub name: String,
    /// The workspace to make; none with an invitation.
    pub workspace: Option<String>,
    /// The token of an invitation.
    pub invite: Option<String>,
}

/// Where a request comes from.
#[derive(Debug, Clone)]
pub struct Origin {
    /// What attempts from there are counted under.
    pub address: String,
    /// The request, for the audit log.
    pub request_id: Option<String>,
}

/// Whom Google vouches for.
#[derive(Debug, Clone)]
pub struct GoogleProfile {
    /// What Google calls them; never changes.
    pub subject: String,
    /// Their verified e-mail address, in lower case.
    pub email: String,
    /// What people call them.
    pub name: String,
}

/// A link that sets a new password, on its way to its mail.
pub struct ResetLink {
    /// Whose.
    pub user: User,
    /// The token, which is kept nowhere.
    pub token: String,
}

impl Engine {
    /// Makes an account, and its workspace or membership, and logs it in.
    ///
    /// # Errors
    /// [`EngineError::Forbidden`] when one cannot sign up, [`EngineError::Conflict`] when there is such an account.
    pub async fn sign_up(&self, settings: AccessSettings, new: NewAccount, from: Origin) -> Result<Grant> {
        self.attempt(vec![Count::of("signup-from", &from.address, REQUESTS)]).await?;
        let mut tx = self.0.store.write().await?;
        // Before the costly hash; decided once more with it.
        may_sign_up(&mut tx, settings.signup, new.invite.is_some()).await?;
        drop(tx);
        let password = self.0.access.passwords.hash("password", &new.password, &new.email).await?;
        let secret = self.server_secret().await?;
        let mut tx = self.0.store.write().await?;
        let superuser = may_sign_up(&mut tx, settings.signup, new.invite.is_some()).await?;
        let wish = NewUser {
            email: &new.email,
            name: &new.name,
            password: Some(&password),
            google_subject: None,
            verified: false, // an invitation that came by mail changes that
            superuser,
        };
        let user = self.insert_user(&mut tx, &wish).await?;
        match (&new.invite, &new.workspace) {
            (Some(token), _) => drop(self.join(&mut tx, &user, token, from.request_id).await?),
            (None, Some(name)) => drop(self.found(&mut tx, &user, name, from.request_id).await?),
            (None, None) => {}
        }
        let grant = self.grant(&mut tx, &secret, user).await?;
        tx.commit().await?;
        Ok(grant)
    }

    /// Who may sign up now without an invitation.
    pub async fn entry(&self, settings: AccessSettings) -> Result<Entry> {
        let mut tx = self.0.store.read().await?;
        let decided = may_sign_up(&mut tx, settings.signup, false).await;
        tx.commit().await?;
        match decided {
            Ok(true) => Ok(Entry::First),
            Ok(false) => Ok(Entry::Anybody),
            Err(EngineError::Forbidden(_)) => Ok(Entry::Nobody),
            Err(error) => Err(error),
        }
    }

    /// Makes an account from the command line, with no questions asked.
    ///
    /// # Errors
    /// As for [`Engine::sign_up`], wrong passwords included.
    pub async fn create_user(
        &self,
        email: &str,
        name: &str,
        password: &str,
        superuser: bool,
    ) -> Result<User> {
        let password = self.0.access.passwords.hash("password", password, email).await?;
        let mut tx = self.0.store.write().await?;
        let wish = NewUser {
            email,
            name,
            password: Some(&password),
            google_subject: None,
            verified: true,
            superuser,
        };
        let user = self.insert_user(&mut tx, &wish).await?;
        tx.commit().await?;
        Ok(user)
    }

    async fn insert_user(&self, tx: &mut Tx, new: &NewUser<'_>) -> Result<User> {
        tx.insert_user(new, self.0.clock.now()).await.map_err(|error| match error {
            StoreError::Duplicate(_) => EngineError::conflict(
                "ALREADY_EXISTS",
                "this account cannot be made; log in, or reset the password",
            ),
            other => other.into(),
        })
    }

    /// Changes a password whose old one is known, and ends all other logins.
    ///
    /// # Errors
    /// [`EngineError::Invalid`] when either password is wrong, [`EngineError::TooMany`] after too many attempts.
    pub async fn change_password(&self, user: UserId, login: LoginId, old: &str, new: &str) -> Result<()> {
        self.attempt(vec![Count::of("change", &user.to_string(), ringfleet_core::account::ACCOUNT)]).await?;
        let mut tx = self.0.store.read().await?;
        let known = tx.user(user).await?.ok_or(EngineError::Unauthorized("log in again"))?;
        tx.commit().await?;
        if !self.0.access.passwords.fits(old, known.password.clone()).await? {
            return Err(EngineError::invalid("currentPassword", "is not the password of this account"));
        }
        let hash = self.0.access.passwords.hash("newPassword", new, &known.email).await?;
        let mut tx = self.0.store.write().await?;
        tx.set_password(user, &hash).await?;
        tx.end_logins(user, Some(login), self.0.clock.now()).await?;
        tx.clear_throttle(&Count::of("change", &user.to_string(), ringfleet_core::account::ACCOUNT).subject)
            .await?;
        Ok(tx.commit().await?)
    }

    /// Whether a mail may be asked for, by anybody, for whatever address.
    ///
    /// # Errors
    /// [`EngineError::TooMany`].
    pub async fn may_ask_for_reset(&self, email: &str, address: &str) -> Result<()> {
        self.attempt(vec![Count::of("mail", email, MAILS), Count::of("mail-from", address, REQUESTS)]).await
    }

    /// A link that sets a new password, if there is such an account. To be asked where nobody waits for the answer.
    pub async fn begin_reset(&self, email: &str) -> Result<Option<ResetLink>> {
        let (token, hash) = mail_token(rand::random());
        let mut tx = self.0.store.write().await?;
        let Some(user) = tx.user_by_email(email).await? else { return Ok(None) };
        tx.insert_reset(user.id, &hash, self.0.clock.now() + RESET_LASTS).await?;
        tx.commit().await?;
        Ok(Some(ResetLink { user, token }))
    }

    /// Sets a new password by such a link, and ends all logins.
    ///
    /// # Errors
    /// [`EngineError::Invalid`] when the link opens nothing, or the password may be none: then the link is still good.
    pub async fn reset_password(&self, token: &str, password: &str, address: &str) -> Result<()> {
        self.attempt(vec![Count::of("reset-from", address, REQUESTS)]).await?;
        let (now, token) = (self.0.clock.now(), mail_token_hash(token));
        let mut tx = self.0.store.write().await?;
        let user = tx.take_reset(&token, now).await?;
        drop(tx); // not yet: the password may be wrong
        let user = user.ok_or_else(no_reset)?;
        let hash = self.0.access.passwords.hash("password", password, &user.email).await?;
        let mut tx = self.0.store.write().await?;
        tx.take_reset(&token, now).await?.ok_or_else(no_reset)?;
        tx.set_password(user.id, &hash).await?;
        tx.verify_user(user.id).await?; // the link came by mail
        tx.end_logins(user.id, None, now).await?;
        Ok(tx.commit().await?)
    }

    /// Whether somebody may be led to Google.
    ///
    /// # Errors
    /// [`EngineError::TooMany`].
    pub async fn may_go_to_google(&self, address: &str) -> Result<()> {
        self.attempt(vec![to_google(address)]).await
    }

    /// Whether somebody may come back from there: what they bring is shown to Google.
    ///
    /// # Errors
    /// [`EngineError::TooMany`].
    pub async fn may_come_from_google(&self, address: &str) -> Result<()> {
        self.attempt(vec![from_google(address)]).await
    }

    /// Logs in whom Google vouches for: by its name for them, else by the same e-mail address, which it has verified.
    ///
    /// # Errors
    /// [`EngineError::Forbidden`] when there is no such account and one cannot sign up.
    pub async fn log_in_with_google(
        &self,
        settings: AccessSettings,
        profile: &GoogleProfile,
        address: &str,
    ) -> Result<Grant> {
        let secret = self.server_secret().await?;
        let mut tx = self.0.store.write().await?;
        let known = match tx.user_by_google(&profile.subject).await? {
            Some(user) => Some(user),
            None => tx.user_by_email(&profile.email).await?,
        };
        let user = match known {
            Some(user) if user.google_subject.as_deref() == Some(&profile.subject) => user,
            Some(user) if user.google_subject.is_none() => {
                if !user.verified {
                    tx.end_logins(user.id, None, self.0.clock.now()).await?;
                }
                tx.link_google(user.id, &profile.subject).await?;
                user
            }
            Some(_) => {
                let message = "another Google account is linked to this e-mail address";
                return Err(EngineError::Forbidden(message.to_owned()));
            }
            None => {
                let superuser = may_sign_up(&mut tx, settings.signup, false).await?;
                let wish = NewUser {
                    email: &profile.email,
                    name: &profile.name,
                    password: None,
                    google_subject: Some(&profile.subject),
                    verified: true,
                    superuser,
                };
                self.insert_user(&mut tx, &wish).await?
            }
        };
        for count in [from_google(address), to_google(address)] {
            tx.forgive(&count.subject).await?;
        }
        let grant = self.grant(&mut tx, &secret, user).await?;
        tx.commit().await?;
        Ok(grant)
    }
}

fn to_google(address: &str) -> Count {
    Count::of("to-google-from", address, ADDRESS)
}

fn from_google(address: &str) -> Count {
    Count::of("from-google-from", address, ADDRESS)
}

fn no_reset() -> EngineError {
    EngineError::invalid(
        "token",
        "this link was used or replaced, or is older than an hour; ask for another one",
    )
}

/// Who may sign up without an invitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// There are accounts, or workspaces, and new ones come by invitation.
    Nobody,
    /// Whoever wants.
    Anybody,
    /// The first user, who will run the installation.
    First,
}

/// Whether somebody may sign up, and then whether as superuser.
///
/// The first user of an installation that has workspaces already would take over what others run: they are made at the
/// command line.
async fn may_sign_up(tx: &mut Tx, signup: Signup, invited: bool) -> Result<bool> {
    let closed = |message: &str| Err(EngineError::Forbidden(message.to_owned()));
    if signup == Signup::Off {
        return closed("signing up is switched off on this server (auth.signup)");
    }
    let is_first = !tx.has_users().await?;
    let is_fresh = is_first && !tx.has_workspaces().await?;
    match signup {
        _ if invited || is_fresh => Ok(is_fresh),
        Signup::Open => Ok(false),
        _ if is_first => closed(
            "this installation is in use already; make its first user with `ringfleet user create --superuser`",
        ),
        _ => closed("one signs up here by invitation only; ask an admin of the workspace for one"),
    }
}
