//! Who asks, and for which workspace: told by an API key or an access token, and one statement of the database.
//!
//! Nothing is believed for longer than a request: what is revoked, or ended, opens nothing any more in any process.

use axum::{
    extract::{FromRequestParts, RawPathParams},
    http::{HeaderMap, header, request::Parts},
};
use ringfleet_core::{
    Identity, LoginId, Role, Scopes, UserId, Who, WorkspaceId, api_key,
    id::{Kind, WorkspaceKind},
    token::Bearer,
};
use ringfleet_store::Visitor;

use crate::{
    auth::Gate,
    error::{ApiError, Result},
};

/// Names the workspace of a request; the second is Saaya's.
const HEADERS: [&str; 2] = ["x-workspace-id", "x-organization-id"];
/// In a path, the workspace of the request.
const ME: &str = "me";

/// A user who has logged in.
pub(crate) struct Guest {
    pub(crate) user: UserId,
    pub(crate) login: LoginId,
    pub(crate) superuser: bool,
}

/// Who asks, in the workspace they ask for. It is found out, and their request counted, once for each request.
pub(crate) async fn of(parts: &mut Parts, gate: &Gate) -> Result<Identity> {
    if let Some(known) = parts.extensions.get::<Identity>() {
        return Ok(known.clone());
    }
    let found = find(parts, gate).await?;
    parts.extensions.insert(found.clone());
    Ok(found)
}

async fn find(parts: &mut Parts, gate: &Gate) -> Result<Identity> {
    let in_header = named_by_header(&parts.headers)?;
    let in_path = named_by_path(parts, gate).await?;
    let shown = shown(&parts.headers)?.to_owned();
    if shown.starts_with(api_key::PREFIX) {
        return key(parts, gate, &shown, in_header, in_path).await;
    }
    let bearer = read(gate, &shown).await?;
    if let (Some(header), Some(path)) = (in_header, in_path)
        && header != path
    {
        return Err(ApiError::invalid("X-Workspace-Id", "names another workspace than the path"));
    }
    let visitor = match in_path.or(in_header) {
        Some(workspace) => visitor(gate, bearer, Some(workspace)).await?,
        None => visitor(gate, bearer, None).await?,
    };
    gate.count(parts, &format!("user:{}", bearer.user.uuid()), None).await?;
    at_home(visitor, bearer)
}

/// A user who has logged in, whatever workspace they ask for.
pub(crate) async fn guest(parts: &mut Parts, gate: &Gate) -> Result<Guest> {
    let shown = shown(&parts.headers)?.to_owned();
    if shown.starts_with(api_key::PREFIX) {
        key(parts, gate, &shown, None, None).await?;
        return Err(ApiError::users_only());
    }
    let bearer = read(gate, &shown).await?;
    let visitor = visitor(gate, bearer, None).await?;
    gate.count(parts, &format!("user:{}", bearer.user.uuid()), None).await?;
    let superuser = visitor.first().is_some_and(|visitor| visitor.superuser);
    Ok(Guest { user: bearer.user, login: bearer.session, superuser })
}

async fn key(
    parts: &Parts,
    gate: &Gate,
    secret: &str,
    in_header: Option<WorkspaceId>,
    in_path: Option<WorkspaceId>,
) -> Result<Identity> {
    let unknown = || {
        ApiError::unauthorized(
            "this API key is unknown, revoked or has ended; make one with POST /api/v1/api-keys or `ringfleet key create`",
        )
    };
    if !api_key::looks_like_one(secret) {
        return Err(unknown());
    }
    let now = gate.engine().clock().now();
    let key = gate.engine().store().key(&api_key::key_hash(secret), now).await?.ok_or_else(unknown)?;
    gate.count(parts, &format!("key:{}", key.id.uuid()), key.rate_limit.map(|rate| rate.max(1) as u32))
        .await?;
    if in_header.is_some_and(|workspace| workspace != key.workspace_id) {
        return Err(ApiError::other_workspace());
    }
    if in_path.is_some_and(|workspace| workspace != key.workspace_id) {
        return Err(ApiError::not_found(WorkspaceKind::NAME));
    }
    if key.use_is_old(now) {
        gate.touch(key.id);
    }
    let scopes = key.kept_to();
    let who = Who::Key { id: key.id, prefix: key.prefix };
    Ok(Identity { who, workspace: key.workspace_id, role: key.role, scopes, superuser: false })
}

async fn read(gate: &Gate, token: &str) -> Result<Bearer> {
    let secret = gate.engine().server_secret().await?;
    secret.read_access_token(token, gate.engine().clock().now()).ok_or_else(|| {
        ApiError::unauthorized(
            "this is neither an API key nor an access token that is still good; refresh it with POST /api/v1/auth/refresh",
        )
    })
}

/// The user, if their login is not over, with the workspaces they may mean.
async fn visitor(gate: &Gate, bearer: Bearer, workspace: Option<WorkspaceId>) -> Result<Vec<Visitor>> {
    let (store, now) = (gate.engine().store(), gate.engine().clock().now());
    let found: Vec<Visitor> = match workspace {
        Some(workspace) => {
            store.visitor(bearer.session, bearer.user, workspace, now).await?.into_iter().collect()
        }
        None => store.visitor_at_home(bearer.session, bearer.user, now).await?,
    };
    match found.is_empty() {
        true => Err(ApiError::unauthorized("this login is over; log in again")),
        false => Ok(found),
    }
}

/// The one workspace that is meant.
fn at_home(mut found: Vec<Visitor>, bearer: Bearer) -> Result<Identity> {
    if found.len() > 1 {
        let problem = "is missing; you are a member of several workspaces: name one (GET /api/v1/workspaces lists them)";
        return Err(ApiError::invalid("X-Workspace-Id", problem));
    }
    let missing = || ApiError::not_found(WorkspaceKind::NAME);
    let visitor = found.pop().ok_or_else(missing)?;
    let workspace = visitor.workspace_id.ok_or_else(missing)?;
    let role = match visitor.superuser {
        true => Role::Admin,
        false => visitor.role.ok_or_else(missing)?,
    };
    let who = Who::User { id: visitor.user_id, email: visitor.email, session: bearer.session };
    Ok(Identity { who, workspace, role, scopes: Scopes::ALL, superuser: visitor.superuser })
}

/// What the request shows: a bearer token (RFC 6750 §2.1; the scheme's case does not matter), else `X-API-Key`.
fn shown(headers: &HeaderMap) -> Result<&str> {
    presented(headers).ok_or_else(|| {
        ApiError::unauthorized(
            "send an API key or an access token as `Authorization: Bearer …`, or a key as `X-API-Key: …`",
        )
    })
}

/// Whether the request shows an API key, known or not.
pub(crate) fn shows_a_key(headers: &HeaderMap) -> bool {
    presented(headers).is_some_and(|shown| shown.starts_with(api_key::PREFIX))
}

fn presented(headers: &HeaderMap) -> Option<&str> {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
    });
    bearer.or_else(|| headers.get("x-api-key")?.to_str().ok().map(str::trim)).filter(|key| !key.is_empty())
}

fn named_by_header(headers: &HeaderMap) -> Result<Option<WorkspaceId>> {
    let mut named = None;
    for name in HEADERS {
        for value in headers.get_all(name) {
            let text = value.to_str().unwrap_or_default().trim();
            let id = text.parse().map_err(|_| ApiError::not_found(WorkspaceKind::NAME))?;
            if named.replace(id).is_some_and(|before| before != id) {
                return Err(ApiError::invalid("X-Workspace-Id", "names two workspaces; name one"));
            }
        }
    }
    Ok(named)
}

/// The workspace a path like `/workspaces/{org}/members` is about; none where it says `me`.
async fn named_by_path(parts: &mut Parts, gate: &Gate) -> Result<Option<WorkspaceId>> {
    let Ok(values) = RawPathParams::from_request_parts(parts, gate).await else { return Ok(None) };
    match values.iter().find(|(name, _)| *name == WorkspaceKind::PREFIX) {
        None | Some((_, ME)) => Ok(None),
        Some((_, text)) => text.parse().map(Some).map_err(|_| ApiError::not_found(WorkspaceKind::NAME)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_headers_show_a_key() {
        let shown = |name: &'static str, value: &str| {
            let headers = HeaderMap::from_iter([(name.parse().unwrap(), value.parse().unwrap())]);
            presented(&headers).map(str::to_owned)
        };
        assert_eq!(shown("authorization", "Bearer rfk_1"), Some("rfk_1".into()));
        assert_eq!(shown("authorization", "bearer  rfk_1 "), Some("rfk_1".into()));
        assert_eq!(shown("x-api-key", "rfk_2"), Some("rfk_2".into()));
        for (name, value) in [
            ("authorization", "Basic rfk_1"),
            ("authorization", "rfk_1"),
            ("authorization", "Bearer "),
            ("x-api-key", ""),
        ] {
            assert_eq!(shown(name, value), None, "{name}: {value}");
        }
    }
}
