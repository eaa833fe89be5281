//! Ids in paths.

use axum::{
    extract::{FromRequestParts, RawPathParams},
    http::request::Parts,
};
use ringfleet_core::id::{Id, Kind, WorkspaceKind};

use crate::{
    error::{ApiError, Result},
    openapi::{Draft, Part},
};

/// The id of a `K` in the path, as a TypeID or a UUID. Its place is named by the kind's TypeID prefix: `/campaigns/{cmp}`.
///
/// Whatever is not an id of this kind names nothing, so it answers 404 like an id that nobody has.
pub(crate) struct PathId<K: Kind>(pub(crate) Id<K>);

impl<K: Kind, S: Send + Sync> FromRequestParts<S> for PathId<K> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        written::<K, S>(parts, state).await?.parse().map(Self).map_err(|_| ApiError::not_found(K::NAME))
    }
}

/// What stands in the path in the place of the id of a `K`.
pub(crate) async fn written<K: Kind, S: Send + Sync>(parts: &mut Parts, state: &S) -> Result<String> {
    let missing = || ApiError::not_found(K::NAME);
    let values = RawPathParams::from_request_parts(parts, state).await.map_err(|_| missing())?;
    let (_, text) = values.iter().find(|(name, _)| *name == K::PREFIX).ok_or_else(missing)?;
    Ok(text.to_owned())
}

impl<K: Kind> Part for PathId<K> {
    fn describe(draft: &mut Draft) {
        draft.id::<K>();
    }
}

/// `{org}` in the path: the workspace everything is about, or `me` for the one of the request. The door has read it already.
pub(crate) struct ThisWorkspace;

impl<S: Sync> FromRequestParts<S> for ThisWorkspace {
    type Rejection = ApiError;

    async fn from_request_parts(_: &mut Parts, _: &S) -> Result<Self> {
        Ok(Self)
    }
}

impl Part for ThisWorkspace {
    fn describe(draft: &mut Draft) {
        draft.id::<WorkspaceKind>();
    }
}
