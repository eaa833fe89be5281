//! API keys. Nobody makes, or takes into their hands, one that may more than they do.

use chrono::{DateTime, Utc};
use ringfleet_core::{ApiKeyId, Identity, Role, Scope, Scopes, api_key::new_key};
use ringfleet_store::{Key, NewApiKey, Tx};

use crate::{Engine, EngineError, Receipt, Result};

/// What a new key is to be.
#[derive(Debug, Clone)]
pub struct KeyWish {
    /// What people call it.
    pub name: String,
    /// Its role; none: its maker's.
    pub role: Option<Role>,
    /// What it is kept to; none: what its maker is kept to.
    pub scopes: Option<Vec<Scope>>,
    /// Requests a minute; none: as the server's settings say.
    pub rate_limit: Option<u32>,
    /// When it ends by itself.
    pub expires_at: Option<DateTime<Utc>>,
}

/// A key and its secret, which nobody can read again.
#[derive(Debug)]
pub struct MadeKey {
    /// What is kept of it.
    pub key: Key,
    /// The whole key.
    pub secret: String,
}

impl Engine {
    /// Makes a key in their workspace.
    ///
    /// # Errors
    /// [`EngineError::Forbidden`] when it would be above its maker.
    pub async fn make_key(&self, who: &Identity, wish: KeyWish, receipt: &Receipt<MadeKey>) -> Result<()> {
        let role = wish.role.unwrap_or(who.role);
        let scopes = wish.scopes.map_or_else(|| who.scopes.clone(), Scopes::only);
        within_reach(who, role, &scopes)?;
        let made = new_key(rand::random());
        let new = NewApiKey {
            workspace: who.workspace,
            name: &wish.name,
            role,
            scopes,
            rate_limit: wish.rate_limit,
            expires_at: wish.expires_at,
            prefix: &made.prefix,
            hash: &made.hash,
        };
        let mut tx = self.0.store.write().await?;
        // One that is being deleted gets no key any more.
        tx.hold_workspace(who.workspace).await?.ok_or(EngineError::NotFound("workspace"))?;
        let key = tx.insert_key(&new, self.0.clock.now()).await?;
        receipt.write(&mut tx, &MadeKey { key, secret: made.secret }, self.clock()).await?;
        Ok(tx.commit().await?)
    }

    /// Gives a key another secret. The old one opens nothing once this has answered.
    ///
    /// # Errors
    /// [`EngineError::NotFound`], or [`EngineError::Forbidden`] when it is above the who.
    pub async fn rotate_key(&self, who: &Identity, id: ApiKeyId, receipt: &Receipt<MadeKey>) -> Result<()> {
        let made = new_key(rand::random());
        let mut tx = self.0.store.write().await?;
        let key = held(&mut tx, who, id).await?;
        tx.rotate_key(id, &made.prefix, &made.hash).await?;
        let made = MadeKey { key: Key { prefix: made.prefix, ..key }, secret: made.secret };
        receipt.write(&mut tx, &made, self.clock()).await?;
        Ok(tx.commit().await?)
    }

    /// Ends a key for good. It opens nothing once this has answered.
    ///
    /// # Errors
    /// As for [`Engine::rotate_key`].
    pub async fn revoke_key(&self, who: &Identity, id: ApiKeyId, receipt: &Receipt<Key>) -> Result<()> {
        let mut tx = self.0.store.write().await?;
        let key = held(&mut tx, who, id).await?;
        tx.revoke_key(id, self.0.clock.now()).await?;
        receipt.write(&mut tx, &key, self.clock()).await?;
        Ok(tx.commit().await?)
    }

    /// Writes down that a key was used.
    pub async fn touch_key(&self, id: ApiKeyId) -> Result<()> {
        let mut tx = self.0.store.write().await?;
        tx.touch_key(id, self.0.clock.now()).await?;
        Ok(tx.commit().await?)
    }
}

async fn held(tx: &mut Tx, who: &Identity, id: ApiKeyId) -> Result<Key> {
    let key = tx.hold_key(who.workspace, id).await?.ok_or(EngineError::NotFound("API key"))?;
    within_reach(who, key.role, &key.kept_to())?;
    Ok(key)
}

fn within_reach(who: &Identity, role: Role, scopes: &Scopes) -> Result<()> {
    match who.reaches(role, scopes) {
        true => Ok(()),
        false => Err(EngineError::Forbidden(format!(
            "this key (role {role}) would be above you (role {}); its role must not be higher than yours, nor its scopes wider",
            who.role
        ))),
    }
}
