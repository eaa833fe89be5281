//! API keys. Nobody makes, or takes into their hands, one that may more than they do.

use chrono::{DateTime, Utc};
use ringfleet_core::{Actor, ApiKeyId, Role, Scope, Scopes, api_key::new_key};
use ringfleet_store::{Key, NewApiKey, Tx};

use crate::{Engine, EngineError, Result};

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
    /// Makes a key in the actor's workspace.
    ///
    /// # Errors
    /// [`EngineError::Forbidden`] when it would be above its maker.
    pub async fn make_key(&self, actor: &Actor, wish: KeyWish) -> Result<MadeKey> {
        let role = wish.role.unwrap_or(actor.role);
        let scopes = wish.scopes.map_or_else(|| actor.scopes.clone(), Scopes::only);
        within_reach(actor, role, &scopes)?;
        let made = new_key(rand::random());
        let new = NewApiKey {
            workspace: actor.workspace,
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
        tx.hold_workspace(actor.workspace).await?.ok_or(EngineError::NotFound("workspace"))?;
        let key = tx.insert_key(&new, self.0.clock.now()).await?;
        tx.commit().await?;
        Ok(MadeKey { key, secret: made.secret })
    }

    /// Gives a key another secret. The old one opens nothing once this has answered.
    ///
    /// # Errors
    /// [`EngineError::NotFound`], or [`EngineError::Forbidden`] when it is above the actor.
    pub async fn rotate_key(&self, actor: &Actor, id: ApiKeyId) -> Result<MadeKey> {
        let made = new_key(rand::random());
        let mut tx = self.0.store.write().await?;
        let key = held(&mut tx, actor, id).await?;
        tx.rotate_key(id, &made.prefix, &made.hash).await?;
        tx.commit().await?;
        Ok(MadeKey { key: Key { prefix: made.prefix, ..key }, secret: made.secret })
    }

    /// Ends a key for good. It opens nothing once this has answered.
    ///
    /// # Errors
    /// As for [`Engine::rotate_key`].
    pub async fn revoke_key(&self, actor: &Actor, id: ApiKeyId) -> Result<()> {
        let mut tx = self.0.store.write().await?;
        held(&mut tx, actor, id).await?;
        tx.revoke_key(id, self.0.clock.now()).await?;
        Ok(tx.commit().await?)
    }

    /// Writes down that a key was used.
    pub async fn touch_key(&self, id: ApiKeyId) -> Result<()> {
        let mut tx = self.0.store.write().await?;
        tx.touch_key(id, self.0.clock.now()).await?;
        Ok(tx.commit().await?)
    }
}

async fn held(tx: &mut Tx, actor: &Actor, id: ApiKeyId) -> Result<Key> {
    let key = tx.hold_key(actor.workspace, id).await?.ok_or(EngineError::NotFound("API key"))?;
    within_reach(actor, key.role, &key.kept_to())?;
    Ok(key)
}

fn within_reach(actor: &Actor, role: Role, scopes: &Scopes) -> Result<()> {
    match actor.reaches(role, scopes) {
        true => Ok(()),
        false => Err(EngineError::Forbidden(format!(
            "this key (role {role}) would be above you (role {}); its role must not be higher than yours, nor its scopes wider",
            actor.role
        ))),
    }
}
