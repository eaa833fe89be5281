//! API keys.

use ringfleet_core::{ApiKeyId, Role, Scope, id::ApiKeyKind};
use ringfleet_engine::{KeyWish, MadeKey};
use ringfleet_store::Key;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::{
    auth::{Allowed, may},
    change::Answer,
    check,
    envelope::{Moment, Reply},
    error::{ApiError, Result},
    json::{Json, NoBody},
    openapi::bounds,
    page::Paging,
    path::PathId,
    query::Query,
};

/// Longest name, in characters.
const NAME_LIMIT: usize = 100;
/// Most requests a minute a key may be given.
const MOST_REQUESTS: u32 = 600_000;

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewApiKey)]
pub(super) struct Body {
    #[schema(schema_with = bounds::name::<NAME_LIMIT>)]
    name: String,
    role: Option<Role>,
    scopes: Option<Vec<Scope>>,
    #[schema(schema_with = rate_bounds)]
    rate_limit: Option<u32>,
    #[schema(value_type = Option<Moment>)]
    expires_at: Option<String>,
}

fn rate_bounds() -> bounds::Bounds {
    bounds::maybe_whole(1..=u64::from(MOST_REQUESTS))
}

/// A key as the API shows it. `scopes` is null where its role alone decides, `rateLimit` where the server's settings do.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ApiKey)]
pub(super) struct View {
    id: ApiKeyId,
    name: String,
    prefix: String,
    role: Role,
    scopes: Option<Vec<Scope>>,
    rate_limit: Option<i32>,
    expires_at: Option<Moment>,
    last_used_at: Option<Moment>,
    created_at: Moment,
}

impl From<Key> for View {
    fn from(key: Key) -> Self {
        Self {
            id: key.id,
            name: key.name,
            prefix: key.prefix,
            role: key.role,
            scopes: key.scopes,
            rate_limit: key.rate_limit,
            expires_at: Moment::maybe(key.expires_at),
            last_used_at: Moment::maybe(key.last_used_at),
            created_at: key.created_at.into(),
        }
    }
}

/// The same with the key itself, which is shown this once.
#[derive(Serialize, ToSchema)]
#[schema(as = ApiKeyWithSecret)]
pub(super) struct SecretView {
    #[serde(flatten)]
    view: View,
    secret: String,
}

impl From<&MadeKey> for SecretView {
    fn from(made: &MadeKey) -> Self {
        Self { view: made.key.clone().into(), secret: made.secret.clone() }
    }
}

/// What the audit log keeps of a change to a key.
fn told<V>(reply: Reply<V>, key: &Key) -> Reply<V> {
    let detail = json!({ "name": key.name, "prefix": key.prefix, "role": key.role, "scopes": key.scopes });
    reply.about(key.id).with_detail(detail)
}

/// `POST /api-keys`: makes a key of no higher role, and no wider scopes, than one's own.
pub(super) async fn create(
    door: Allowed<may::ManageKeys>,
    Json(body): Json<Body>,
) -> Result<Answer<SecretView>> {
    if body.scopes.as_ref().is_some_and(Vec::is_empty) {
        return Err(ApiError::invalid(
            "scopes",
            "name at least one, or leave it out for all that the role may",
        ));
    }
    let expires_at = check::moment("expiresAt", body.expires_at)?;
    if expires_at.is_some_and(|at| at <= door.now()) {
        return Err(ApiError::invalid("expiresAt", "must lie in the future"));
    }
    let rate_limit =
        body.rate_limit.map(|rate| check::within("rateLimit", Some(rate), 1..=MOST_REQUESTS, rate));
    let wish = KeyWish {
        name: check::name(body.name, NAME_LIMIT)?,
        role: body.role,
        scopes: body.scopes,
        rate_limit: rate_limit.transpose()?,
        expires_at,
    };
    let identity = door.identity().clone();
    let mut change =
        door.change("apiKey.create", |made: &MadeKey| told(Reply::created(made.into()), &made.key));
    let receipt = change.receipt();
    change.engine().make_key(&identity, wish, &receipt).await?;
    change.answer()
}

/// `GET /api-keys`: a page of the workspace's keys that were not revoked.
pub(super) async fn list(
    door: Allowed<may::SeeKeys>,
    Query(paging): Query<Paging>,
) -> Result<Reply<Vec<View>>> {
    let mut tx = door.engine().store().read().await?;
    let keys = tx.keys(door.workspace(), paging.ask()).await?;
    tx.commit().await?;
    Ok(paging.reply(keys, |key| key.id.into()))
}

/// `POST /api-keys/:id/rotate`: another secret for the same key; the old one opens nothing any more.
pub(super) async fn rotate(
    door: Allowed<may::ManageKeys>,
    PathId(id): PathId<ApiKeyKind>,
    _: NoBody,
) -> Result<Answer<SecretView>> {
    let identity = door.identity().clone();
    let mut change = door.change("apiKey.rotate", |made: &MadeKey| told(Reply::ok(made.into()), &made.key));
    let receipt = change.receipt();
    change.engine().rotate_key(&identity, id, &receipt).await?;
    change.answer()
}

/// What was revoked.
#[derive(Serialize, ToSchema)]
#[schema(as = ApiKeyRevoked)]
pub(super) struct RevokedView {
    id: ApiKeyId,
    revoked: bool,
}

/// `DELETE /api-keys/:id`: the key opens nothing any more, in any process, once this has answered.
pub(super) async fn revoke(
    door: Allowed<may::ManageKeys>,
    PathId(id): PathId<ApiKeyKind>,
) -> Result<Answer<RevokedView>> {
    let identity = door.identity().clone();
    let view = move |key: &Key| told(Reply::ok(RevokedView { id, revoked: true }), key);
    let mut change = door.change("apiKey.revoke", view);
    let receipt = change.receipt();
    change.engine().revoke_key(&identity, id, &receipt).await?;
    change.answer()
}
