//! What getting in needs besides the database: the secret that tokens are signed with, and a place to hash passwords.

use ringfleet_core::token::ServerSecret;
use tokio::sync::OnceCell;

use crate::{Engine, EngineError, Result, passwords::Passwords};

/// Who may sign up by themselves. An invitation always lets somebody in, but where nobody may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Signup {
    /// The first user of a fresh installation; afterwards by invitation.
    #[default]
    First,
    /// Anybody.
    Open,
    /// Nobody, not even by invitation.
    Off,
}

/// How the engine lets people in.
#[derive(Debug, Clone, Copy, Default)]
pub struct AccessSettings {
    /// Who may sign up.
    pub signup: Signup,
}

#[derive(Default)]
pub(crate) struct Access {
    secret: OnceCell<ServerSecret>,
    pub(crate) passwords: Passwords,
}

impl Engine {
    /// The secret of this installation; made when it is first asked for, and kept in the database for all processes.
    pub async fn server_secret(&self) -> Result<ServerSecret> {
        let secret = self.0.access.secret.get_or_try_init(async || {
            let mut tx = self.0.store.write().await?;
            let kept = tx.server_secret("logins", &rand::random::<[u8; 32]>()).await?;
            tx.commit().await?;
            let bytes = <[u8; 32]>::try_from(kept)
                .map_err(|_| EngineError::Broken("the server's secret is not 32 bytes".to_owned()))?;
            Ok::<_, EngineError>(ServerSecret::new(bytes))
        });
        Ok(secret.await?.clone())
    }
}
