//! What requests of this dialect bring: ids in paths, pages by number, telephone numbers.

use axum::{extract::FromRequestParts, http::request::Parts};
use ringfleet_core::{
    E164, WorkspaceId,
    id::{AgentKind, CampaignKind, Id, Kind},
};
use ringfleet_engine::Engine;
use ringfleet_store::{Agent, Campaign};

use crate::{
    error::{ApiError, Result},
    openapi::{Draft, Part},
    path::written,
    query::{FromQuery, Parameters},
};

/// The id of a `K` in the path. One that is none is a bad request here, not something that does not exist.
pub(super) struct PathId<K: Kind>(pub(super) Id<K>);

impl<K: Kind, S: Send + Sync> FromRequestParts<S> for PathId<K> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let text = written::<K, S>(parts, state).await?;
        let wrong =
            |_| ApiError::invalid("", format!("{text:?} is no id of a {}; it must be a UUID", K::NAME));
        text.parse().map(Self).map_err(wrong)
    }
}

impl<K: Kind> Part for PathId<K> {
    fn describe(draft: &mut Draft) {
        draft.id::<K>();
    }
}

/// `?page=` from 1 on and `?page_size=` up to 100.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pages {
    pub(super) page: u32,
    pub(super) page_size: u32,
}

impl Pages {
    const DEFAULT_SIZE: u32 = 10;
    const MOST: u32 = 100;
    /// Beyond any list.
    const LAST: u32 = 10_000_000;

    /// How many rows come before this page.
    pub(super) fn offset(self) -> u64 {
        u64::from(self.page - 1) * u64::from(self.page_size)
    }
}

impl FromQuery for Pages {
    fn read(parameters: &mut Parameters) -> Result<Self> {
        let page = parameters.whole("page", 1, Self::LAST, 1)?;
        let page_size = parameters.whole("page_size", 1, Self::MOST, Self::DEFAULT_SIZE)?;
        Ok(Self { page, page_size })
    }
}

/// A whole number of the query string within bounds.
pub(super) fn maybe_whole(
    parameters: &mut Parameters,
    name: &str,
    least: u32,
    most: u32,
) -> Result<Option<u32>> {
    let Some(text) = parameters.take(name)? else { return Ok(None) };
    let read = text.parse().ok().filter(|n| (least..=most).contains(n));
    let wrong = || ApiError::invalid(name, format!("must be a whole number from {least} to {most}"));
    read.map(Some).ok_or_else(wrong)
}

/// A number as this dialect takes it: `^\+[0-9]{10,15}$`.
pub(super) fn number(field: &str, text: &str) -> Result<E164> {
    let digits = text.strip_prefix('+').unwrap_or_default();
    if !(10..=15).contains(&digits.len()) || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(ApiError::invalid(field, "must be E.164: + and 10 to 15 digits, like +918000000001"));
    }
    text.parse().map_err(|error| ApiError::invalid(field, error))
}

/// The agent of the key's organization; else 404.
pub(super) async fn agent(engine: &Engine, workspace: WorkspaceId, id: Id<AgentKind>) -> Result<Agent> {
    let mut tx = engine.store().read().await?;
    let agent = tx.agent(workspace, id).await?;
    tx.commit().await?;
    agent.ok_or_else(|| ApiError::not_found("agent"))
}

/// A campaign of the key's organization and of this agent; else 404.
pub(super) async fn campaign(
    engine: &Engine,
    workspace: WorkspaceId,
    (agent, id): (Id<AgentKind>, Id<CampaignKind>),
) -> Result<Campaign> {
    let mut tx = engine.store().read().await?;
    let campaign = tx.campaign(workspace, id).await?;
    tx.commit().await?;
    campaign.filter(|campaign| campaign.agent_id == agent).ok_or_else(|| ApiError::not_found("campaign"))
}
