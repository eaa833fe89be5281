//! The audit log: who changed what.

use ringfleet_core::{ActorKind, AuditId};
use ringfleet_store::{AuditEntry, AuditFilter};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    auth::{Allowed, may},
    envelope::{Moment, Reply},
    error::Result,
    page::Paging,
    query::{FromQuery, Parameters, Query},
};

/// A change as the API shows it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AuditEntry)]
pub(super) struct View {
    id: AuditId,
    at: Moment,
    actor: ActorView,
    action: String,
    /// None where a change is about no one thing.
    target: Option<TargetView>,
    request_id: Option<String>,
    detail: Value,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Actor)]
struct ActorView {
    kind: ActorKind,
    id: String,
    name: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = AuditTarget)]
struct TargetView {
    kind: String,
    id: String,
}

impl From<AuditEntry> for View {
    fn from(entry: AuditEntry) -> Self {
        let target = entry.target_kind.zip(entry.target_id).map(|(kind, id)| TargetView { kind, id });
        Self {
            id: entry.id,
            at: entry.at.into(),
            actor: ActorView { kind: entry.actor_kind, id: entry.actor_id, name: entry.actor_name },
            action: entry.action,
            target,
            request_id: entry.request_id,
            detail: entry.detail,
        }
    }
}

/// `?actor=`, `?action=` and `?target=` of the log.
pub(super) struct ListQuery {
    paging: Paging,
    filter: AuditFilter,
}

impl FromQuery for ListQuery {
    fn read(parameters: &mut Parameters) -> Result<Self> {
        let filter = AuditFilter {
            actor: parameters.take("actor")?,
            action: parameters.take("action")?,
            target: parameters.take("target")?,
        };
        Ok(Self { paging: Paging::read(parameters)?, filter })
    }
}

/// `GET /audit-log`: a page of the changes made in the workspace, newest first.
pub(super) async fn list(
    door: Allowed<may::ReadAudit>,
    Query(query): Query<ListQuery>,
) -> Result<Reply<Vec<View>>> {
    let mut tx = door.engine().store().read().await?;
    let entries = tx.audit_entries(door.workspace(), &query.filter, query.paging.ask()).await?;
    tx.commit().await?;
    Ok(query.paging.reply(entries, |entry| entry.id.into()))
}
