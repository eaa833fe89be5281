//! Logins: a family of refresh tokens each. Whoever shows one that was used already ends the family.

use chrono::{DateTime, TimeDelta, Utc};
use ringfleet_core::{
    LoginId, UserId,
    account::{ACCOUNT, ADDRESS},
    token::{Bearer, RefreshToken, ServerSecret},
};
use ringfleet_store::{Tx, User};
use subtle::ConstantTimeEq;

use crate::{Engine, EngineError, Result, throttle::Count};

/// How long a login lasts after it was last renewed.
const LASTS: TimeDelta = TimeDelta::days(30);
/// Within this the token before the last one gets the last one once more: two tabs, or an answer that was lost.
const GRACE: TimeDelta = TimeDelta::seconds(10);
/// One answer for whatever is wrong, so that nobody learns who has an account.
const WRONG: &str = "the e-mail address or the password is wrong";
const OVER: &str = "this login is over; log in again";

/// What somebody shows to log in.
#[derive(Clone)]
pub struct Credentials<'a> {
    /// In lower case.
    pub email: &'a str,
    /// As it was typed.
    pub password: &'a str,
    /// Where they come from.
    pub address: &'a str,
}

/// What a login is answered with.
pub struct Grant {
    /// Who.
    pub user: User,
    /// Opens the API for a quarter of an hour.
    pub access_token: String,
    /// Renews it.
    pub refresh_token: RefreshToken,
    /// Until when it does.
    pub expires_at: DateTime<Utc>,
}

impl Engine {
    /// Logs somebody in by password.
    ///
    /// # Errors
    /// [`EngineError::Unauthorized`] for whatever is wrong, [`EngineError::TooMany`] after too many attempts.
    pub async fn log_in(&self, shown: &Credentials<'_>) -> Result<Grant> {
        let account = Count::of("login", shown.email, ACCOUNT);
        let address = Count::of("login-from", shown.address, ADDRESS);
        self.attempt(vec![account.clone(), address.clone()]).await?;
        let mut tx = self.0.store.read().await?;
        let user = tx.user_by_email(shown.email).await?;
        tx.commit().await?;
        let hash = user.as_ref().and_then(|user| user.password.clone());
        let fits = self.0.access.passwords.fits(shown.password, hash.clone()).await?;
        let Some(user) = user.filter(|_| fits) else { return Err(EngineError::Unauthorized(WRONG)) };
        let secret = self.server_secret().await?; // before the transaction: making it takes one of its own
        let mut tx = self.0.store.write().await?;
        // While it was compared the password may have been changed, which ends all logins: this one as well.
        if tx.user(user.id).await?.and_then(|user| user.password) != hash {
            return Err(EngineError::Unauthorized(WRONG));
        }
        tx.clear_throttle(&account.subject).await?;
        tx.forgive(&address.subject).await?;
        let grant = self.grant(&mut tx, &secret, user).await?;
        tx.commit().await?;
        Ok(grant)
    }

    /// Begins a login in this transaction.
    pub(crate) async fn grant(&self, tx: &mut Tx, secret: &ServerSecret, user: User) -> Result<Grant> {
        let now = self.0.clock.now();
        let session = LoginId::new(now);
        let refresh_token = secret.refresh_token(session, rand::random());
        tx.insert_login(session, user.id, &refresh_token.hash(), now, now + LASTS).await?;
        let access_token = secret.access_token(Bearer { user: user.id, session }, now);
        Ok(Grant { user, access_token, refresh_token, expires_at: now + LASTS })
    }

    /// Renews a login: a fresh access token, and a refresh token that takes the place of the one shown.
    ///
    /// # Errors
    /// [`EngineError::Unauthorized`] when the login is over. A token that was used before ends it, for it may be stolen.
    pub async fn refresh(&self, shown: &str) -> Result<Grant> {
        let (now, secret) = (self.0.clock.now(), self.server_secret().await?);
        let over = EngineError::Unauthorized(OVER);
        let Some(shown) = secret.read_refresh_token(shown) else { return Err(over) };
        let mut tx = self.0.store.write().await?;
        let login = tx.hold_login(shown.session).await?;
        let Some(login) = login.filter(|it| it.ended_at.is_none() && it.expires_at > now) else {
            return Err(over);
        };
        let next = secret.successor(&shown);
        let is = |known: &[u8], token: &RefreshToken| bool::from(known.ct_eq(&token.hash()));
        let expires_at = if is(&login.hash, &shown) {
            tx.renew_login(login.id, &next.hash(), now, now + LASTS).await?;
            now + LASTS
        } else if login.previous.as_deref().is_some_and(|known| is(known, &shown))
            && now - login.renewed_at <= GRACE
            && is(&login.hash, &next)
        {
            login.expires_at
        } else {
            tx.end_login(login.id, now).await?;
            tx.commit().await?;
            tracing::warn!(login = %login.id, user = %login.user_id, "a refresh token was used twice; its login is ended");
            return Err(over);
        };
        let Some(user) = tx.user(login.user_id).await? else { return Err(over) };
        tx.commit().await?;
        let access_token = secret.access_token(Bearer { user: user.id, session: login.id }, now);
        Ok(Grant { user, access_token, refresh_token: next, expires_at })
    }

    /// Ends the login this refresh token belongs to, if it is one of ours.
    pub async fn log_out(&self, shown: &str) -> Result<()> {
        let Some(shown) = self.server_secret().await?.read_refresh_token(shown) else { return Ok(()) };
        self.end_login(shown.session).await
    }

    /// Ends a login.
    pub async fn end_login(&self, login: LoginId) -> Result<()> {
        let mut tx = self.0.store.write().await?;
        tx.end_login(login, self.0.clock.now()).await?;
        Ok(tx.commit().await?)
    }

    /// Ends all logins of a user; gives how many there were.
    pub async fn log_out_everywhere(&self, user: UserId) -> Result<u64> {
        let mut tx = self.0.store.write().await?;
        let ended = tx.end_logins(user, None, self.0.clock.now()).await?;
        tx.commit().await?;
        Ok(ended)
    }

    /// Forgets logins, invitations, links and waits that have been over for a week.
    pub async fn forget_identity(&self) -> Result<u64> {
        let mut tx = self.0.store.write().await?;
        let gone = tx.forget_identity(self.0.clock.now() - TimeDelta::days(7)).await?;
        tx.commit().await?;
        Ok(gone)
    }
}
