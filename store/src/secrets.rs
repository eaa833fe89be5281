//! Secrets on their way into rows and out of them: sealed with the store's keys, each bound to its row.

use ringfleet_core::{
    TrunkId, WebhookId, WorkspaceId,
    seal::{SealError, is_sealed},
    signing::Secret,
    trunk::TrunkConfig,
    webhook::CustomHeaders,
};
use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use uuid::Uuid;

use crate::{
    RequestKey, Result, Store, Tx,
    record::record,
    tx::{all, exec, on, one},
};

/// A secret that was rotated out and still signs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct OldSecret {
    /// As it is kept.
    pub(crate) secret: String,
    /// For so long, in milliseconds since 1970.
    pub(crate) until: i64,
}

record! {
    /// The secrets of an endpoint, as they are kept.
    pub struct KeptSecrets {
        pub id: Uuid,
        pub secret: String,
        pub old_secrets: Vec<OldSecret>,
        pub custom_headers: CustomHeaders,
    }
}

record! {
    /// A trunk's settings, as they are kept.
    pub struct KeptConfig {
        pub id: Uuid,
        pub config: TrunkConfig,
    }
}

record! {
    /// What the processes of an installation sign with, as it is kept.
    pub struct KeptServerSecret {
        pub name: String,
        pub secret: Vec<u8>,
    }
}

/// So many are opened at a time.
const OPENED: i64 = 500;

/// What a portion of resealing came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resealed {
    /// The last row looked at; none when no row was left.
    pub last: Option<Uuid>,
    /// Rows that were written anew.
    pub changed: u64,
}

fn trunk_row(id: Uuid) -> String {
    format!("trunks.config {}", id.simple())
}

fn webhook_row(id: Uuid) -> String {
    format!("webhooks.secret {}", id.simple())
}

/// Each header's value is bound to its name as well.
fn header_row(id: Uuid, name: &str) -> String {
    format!("webhooks.custom_headers {} {name}", id.simple())
}

fn server_row(name: &str) -> String {
    format!("server_secrets.secret {name}")
}

fn answer_row(workspace: WorkspaceId, key: &str) -> String {
    format!("request_keys.answer {} {key}", workspace.uuid().simple())
}

impl Store {
    /// The body of an answer that was kept for an Idempotency-Key, as it was given.
    ///
    /// # Errors
    /// When the key it was sealed with is there no more.
    pub fn open_answer(
        &self,
        workspace: WorkspaceId,
        key: &str,
        kept: &[u8],
    ) -> std::result::Result<Vec<u8>, SealError> {
        self.keys.open_bytes(kept, &answer_row(workspace, key))
    }
}

impl Tx {
    /// The body of an answer as it is kept. Without a key nothing that holds a secret can have been made.
    pub(crate) fn seal_answer(&self, of: &RequestKey, answer: &[u8]) -> Result<Vec<u8>> {
        if self.keys.is_empty() {
            return Ok(answer.to_vec());
        }
        let row = answer_row(of.workspace, &of.key);
        Ok(self.keys.seal(answer, &row, rand::random())?.into_bytes())
    }

    /// The headers as they are kept: their values sealed, for they may be passwords.
    pub(crate) fn seal_headers(&self, headers: &CustomHeaders, id: WebhookId) -> Result<CustomHeaders> {
        let seal = |(name, value): (&String, &String)| {
            Ok((name.clone(), self.keys.seal(value, &header_row(id.uuid(), name), rand::random())?))
        };
        headers.iter().map(seal).collect()
    }

    /// The headers as they were given.
    pub(crate) fn open_headers(
        &self,
        headers: CustomHeaders,
        id: WebhookId,
    ) -> std::result::Result<CustomHeaders, SealError> {
        let open = |(name, kept): (String, String)| {
            let value = self.keys.open(&kept, &header_row(id.uuid(), &name))?;
            Ok((name, value))
        };
        headers.into_iter().map(open).collect()
    }

    /// The settings as they are kept: credentials sealed.
    pub(crate) fn seal_config(&self, config: &TrunkConfig, id: TrunkId) -> Result<TrunkConfig> {
        let mut config = config.clone();
        for secret in config.secrets_mut() {
            *secret = self.keys.seal(&*secret, &trunk_row(id.uuid()), rand::random())?;
        }
        Ok(config)
    }

    /// The settings as they were given.
    pub(crate) fn open_config(&self, config: &mut TrunkConfig, id: TrunkId) -> Result<()> {
        for secret in config.secrets_mut() {
            if is_sealed(secret) {
                *secret = self.keys.open(secret, &trunk_row(id.uuid()))?;
            }
        }
        Ok(())
    }

    pub(crate) fn seal_webhook(&self, secret: &Secret, id: WebhookId) -> Result<String> {
        Ok(self.keys.seal(secret.reveal(), &webhook_row(id.uuid()), rand::random())?)
    }

    /// The secrets that sign at `now_millis`, the newest first; none when one cannot be opened, which is logged by whoever sends.
    pub(crate) fn live_secrets(
        &self,
        id: WebhookId,
        present: &str,
        old: &[OldSecret],
        now_millis: i64,
    ) -> Vec<Secret> {
        let row = webhook_row(id.uuid());
        let old = old.iter().filter(|old| old.until > now_millis).map(|old| old.secret.as_str());
        let open = |kept: &str| self.keys.open(kept, &row).ok().and_then(|text| Secret::parse(&text).ok());
        std::iter::once(present).chain(old).map(open).collect::<Option<_>>().unwrap_or_default()
    }

    pub(crate) async fn kept_secrets(&mut self, id: WebhookId) -> Result<(String, Vec<OldSecret>)> {
        let kept = one!(
            self,
            KeptSecrets,
            "SELECT id, secret, old_secrets, custom_headers FROM webhooks WHERE id = $1 FOR UPDATE",
            id.uuid()
        )?;
        Ok(kept.map(|kept| (kept.secret, kept.old_secrets)).unwrap_or_default())
    }

    /// The secret of this name that all processes share; `fresh` becomes it when there is none yet. Sealed where there is a key, also one
    /// that was kept before there was.
    pub async fn server_secret(&mut self, name: &str, fresh: &[u8]) -> Result<Vec<u8>> {
        let sealed = self.seal_server_secret(name, fresh)?;
        exec!(
            self,
            "INSERT INTO server_secrets (name, secret) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING",
            name,
            sealed.as_slice()
        )?;
        let kept = one!(
            self,
            KeptServerSecret,
            "SELECT name, secret FROM server_secrets WHERE name = $1 FOR UPDATE",
            name
        )?;
        let kept = kept.ok_or(sqlx::Error::RowNotFound)?;
        let secret = self.keys.open_bytes(&kept.secret, &server_row(name))?;
        if !self.keys.is_empty() && kept.secret == secret {
            self.set_server_secret(name, &secret).await?;
        }
        Ok(secret)
    }

    /// The secret of this name, if there is one yet.
    pub(crate) async fn known_server_secret(&mut self, name: &str) -> Result<Option<Vec<u8>>> {
        let kept =
            one!(self, KeptServerSecret, "SELECT name, secret FROM server_secrets WHERE name = $1", name)?;
        Ok(kept.map(|kept| self.keys.open_bytes(&kept.secret, &server_row(name))).transpose()?)
    }

    /// Seals anew, with the key that seals now, what the processes sign with; there are a few rows. Gives how many were not.
    pub async fn reseal_server_secrets(&mut self) -> Result<u64> {
        let rows =
            all!(self, KeptServerSecret, "SELECT name, secret FROM server_secrets ORDER BY name FOR UPDATE")?;
        let mut changed = 0;
        for KeptServerSecret { name, secret } in rows {
            if std::str::from_utf8(&secret).is_ok_and(|kept| self.keys.is_current(kept)) {
                continue;
            }
            let secret = self.keys.open_bytes(&secret, &server_row(&name))?;
            self.set_server_secret(&name, &secret).await?;
            changed += 1;
        }
        Ok(changed)
    }

    /// Opens everything that is sealed, and gives how many trunks, endpoints and secrets of the processes that are.
    ///
    /// # Errors
    /// When one of them was sealed with a key that is there no more.
    pub async fn open_all(&mut self) -> Result<u64> {
        let server = all!(self, KeptServerSecret, "SELECT name, secret FROM server_secrets")?;
        for KeptServerSecret { name, secret } in &server {
            self.keys.open_bytes(secret, &server_row(name))?;
        }
        let mut opened = server.len() as u64;
        let mut after = Uuid::nil();
        loop {
            let sql = "SELECT id, config FROM trunks WHERE id > $1 ORDER BY id LIMIT $2";
            let page = all!(self, KeptConfig, sql, after, OPENED)?;
            let Some(last) = page.last().map(|row| row.id) else { break };
            (after, opened) = (last, opened + page.len() as u64);
            for KeptConfig { id, mut config } in page {
                self.open_config(&mut config, id.into())?;
            }
        }
        after = Uuid::nil();
        loop {
            let sql = "SELECT id, secret, old_secrets, custom_headers FROM webhooks WHERE id > $1 AND deleted_at IS NULL ORDER BY id LIMIT $2";
            let page = all!(self, KeptSecrets, sql, after, OPENED)?;
            let Some(last) = page.last().map(|row| row.id) else { break };
            (after, opened) = (last, opened + page.len() as u64);
            for KeptSecrets { id, secret, old_secrets, custom_headers } in page {
                for kept in std::iter::once(&secret).chain(old_secrets.iter().map(|old| &old.secret)) {
                    self.keys.open(kept, &webhook_row(id))?;
                }
                self.open_headers(custom_headers, id.into())?;
            }
        }
        Ok(opened)
    }

    async fn set_server_secret(&mut self, name: &str, secret: &[u8]) -> Result<()> {
        let sealed = self.seal_server_secret(name, secret)?;
        exec!(self, "UPDATE server_secrets SET secret = $2 WHERE name = $1", name, sealed.as_slice())?;
        Ok(())
    }

    /// As it is kept. Without a key it is kept as it is: nobody could log in otherwise.
    fn seal_server_secret(&self, name: &str, secret: &[u8]) -> Result<Vec<u8>> {
        if self.keys.is_empty() {
            return Ok(secret.to_vec());
        }
        Ok(self.keys.seal(secret, &server_row(name), rand::random())?.into_bytes())
    }

    /// Seals anew, with the key that seals now, what of the next `limit` trunks after `after` is not. Held while it is done.
    pub async fn reseal_trunks(&mut self, after: Uuid, limit: u32) -> Result<Resealed> {
        let rows = all!(
            self,
            KeptConfig,
            "SELECT id, config FROM trunks WHERE id > $1 ORDER BY id LIMIT $2 FOR UPDATE",
            after,
            i64::from(limit)
        )?;
        let mut resealed = Resealed { last: rows.last().map(|row| row.id), changed: 0 };
        for KeptConfig { id, mut config } in rows {
            if config.secrets_mut().iter().all(|secret| self.keys.is_current(secret)) {
                continue;
            }
            self.open_config(&mut config, id.into())?;
            let sealed = self.seal_config(&config, id.into())?;
            exec!(self, "UPDATE trunks SET config = $2 WHERE id = $1", id, Json(&sealed))?;
            resealed.changed += 1;
        }
        Ok(resealed)
    }

    /// The same of endpoints.
    pub async fn reseal_webhooks(&mut self, after: Uuid, limit: u32) -> Result<Resealed> {
        let rows = all!(
            self,
            KeptSecrets,
            "SELECT id, secret, old_secrets, custom_headers FROM webhooks WHERE id > $1 AND deleted_at IS NULL ORDER BY id LIMIT $2 FOR UPDATE",
            after,
            i64::from(limit)
        )?;
        let mut resealed = Resealed { last: rows.last().map(|row| row.id), changed: 0 };
        for KeptSecrets { id, secret, mut old_secrets, custom_headers } in rows {
            let kept = std::iter::once(&secret).chain(old_secrets.iter().map(|old| &old.secret));
            if kept.chain(custom_headers.values()).all(|kept| self.keys.is_current(kept)) {
                continue;
            }
            let row = webhook_row(id);
            let again = |kept: &str| -> std::result::Result<String, SealError> {
                self.keys.seal(&self.keys.open(kept, &row)?, &row, rand::random())
            };
            let secret = again(&secret)?;
            for old in &mut old_secrets {
                old.secret = again(&old.secret)?;
            }
            let headers = self.seal_headers(&self.open_headers(custom_headers, id.into())?, id.into())?;
            exec!(
                self,
                "UPDATE webhooks SET secret = $2, old_secrets = $3, custom_headers = $4 WHERE id = $1",
                id,
                secret,
                Json(&old_secrets),
                Json(&headers)
            )?;
            resealed.changed += 1;
        }
        Ok(resealed)
    }
}
