//! What requests with an Idempotency-Key have come to.

use chrono::{DateTime, Utc};
use ringfleet_core::WorkspaceId;
use serde_json::Value;
use sqlx::types::Json;
use uuid::Uuid;

use crate::{
    Result, Timestamp, Tx,
    record::record,
    tx::{exec, on, one},
};

/// A key that somebody holds, or wants to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestKey {
    /// Whose.
    pub workspace: WorkspaceId,
    /// What the client called its request.
    pub key: String,
    /// Who carries it out: random, one for each try.
    pub token: Uuid,
}

record! {
    /// What is known of a request by its key.
    pub struct KeptRequest {
        /// SHA-256 of its method and path.
        pub target: Vec<u8>,
        /// SHA-256 of all of it, the body included; none while an upload is on its way.
        pub fingerprint: Option<Vec<u8>>,
        /// The status of its answer; none while it is being carried out.
        pub status: Option<i32>,
        /// The headers of its answer that belong to it: pairs of name and value.
        pub headers: Option<Value>,
        /// The body of its answer, as it is kept: see [`crate::Store::open_answer`].
        pub answer: Option<Vec<u8>>,
        /// Whether it was done longer ago than was asked.
        pub is_settled: bool,
    }
}

impl Tx {
    /// Takes the key, for whoever carries out the request: true when nobody has it, when who had it has not renewed it for `lease_ms` by the
    /// clock of the database, or when it is older than `forgotten`.
    pub async fn claim_request_key(
        &mut self,
        claim: &RequestKey,
        target: &[u8],
        fingerprint: Option<&[u8]>,
        lease_ms: i64,
        forgotten: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<bool> {
        let taken = exec!(
            self,
            "INSERT INTO request_keys (workspace_id, key, token, target, fingerprint, claimed_at, created_at)
             VALUES ($2, $3, $4, $5, $6, DB_NOW, $7)
             ON CONFLICT (workspace_id, key) DO UPDATE SET token = excluded.token, target = excluded.target,
                fingerprint = excluded.fingerprint, claimed_at = excluded.claimed_at, created_at = excluded.created_at,
                done_at = NULL, status = NULL, headers = NULL, answer = NULL
             WHERE (request_keys.status IS NULL AND request_keys.claimed_at < DB_AGO($1)) OR request_keys.created_at < $8",
            lease_ms,
            claim.workspace.uuid(),
            &claim.key,
            claim.token,
            target,
            fingerprint,
            Timestamp(now),
            Timestamp(forgotten)
        )?;
        Ok(taken > 0)
    }

    /// What is known by this key. `settle_ms`: how long ago it must have been done to count as settled.
    pub async fn request_key(
        &mut self,
        workspace: WorkspaceId,
        key: &str,
        settle_ms: i64,
    ) -> Result<Option<KeptRequest>> {
        one!(
            self,
            KeptRequest,
            "SELECT target, fingerprint, status, headers, answer, coalesce(done_at < DB_AGO($1), false) AS is_settled
             FROM request_keys WHERE workspace_id = $2 AND key = $3",
            settle_ms,
            workspace.uuid(),
            key
        )
    }

    /// Proves that the request is still being carried out; false when somebody else has taken it over.
    pub async fn renew_request_key(&mut self, claim: &RequestKey) -> Result<bool> {
        let held = exec!(
            self,
            "UPDATE request_keys SET claimed_at = DB_NOW WHERE workspace_id = $1 AND key = $2 AND token = $3",
            claim.workspace.uuid(),
            &claim.key,
            claim.token
        )?;
        Ok(held > 0)
    }

    /// Keeps the answer of a request, sealed where there is a key: that of an endpoint that was made has its secret in it. False when it is
    /// somebody else's meanwhile. Done twice, the last one stays.
    pub async fn finish_request_key(
        &mut self,
        claim: &RequestKey,
        fingerprint: &[u8],
        status: u16,
        headers: &Value,
        answer: &[u8],
    ) -> Result<bool> {
        let kept = self.seal_answer(claim, answer)?;
        let held = exec!(
            self,
            "UPDATE request_keys SET fingerprint = $4, status = $5, headers = $6, answer = $7, done_at = DB_NOW
             WHERE workspace_id = $1 AND key = $2 AND token = $3",
            claim.workspace.uuid(),
            &claim.key,
            claim.token,
            fingerprint,
            i32::from(status),
            Json(headers),
            &kept[..]
        )?;
        Ok(held > 0)
    }

    /// Gives a key back whose request has come to nothing.
    pub async fn release_request_key(&mut self, claim: &RequestKey) -> Result<()> {
        exec!(
            self,
            "DELETE FROM request_keys WHERE workspace_id = $1 AND key = $2 AND token = $3 AND status IS NULL",
            claim.workspace.uuid(),
            &claim.key,
            claim.token
        )?;
        Ok(())
    }

    /// Forgets at most `limit` of the requests made before this moment; gives how many.
    pub async fn forget_request_keys(&mut self, before: DateTime<Utc>, limit: u32) -> Result<u64> {
        exec!(
            self,
            "DELETE FROM request_keys WHERE (workspace_id, key) IN
                (SELECT workspace_id, key FROM request_keys WHERE created_at < $1 ORDER BY created_at LIMIT $2)",
            Timestamp(before),
            i64::from(limit)
        )
    }
}
