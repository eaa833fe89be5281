//! Who changed what.

use chrono::{DateTime, Utc};
use ringfleet_core::{Actor, ActorKind, AuditId, WorkspaceId};
use serde_json::Value;
use sqlx::types::Json;

use crate::{
    Page, Result, Timestamp, Tx,
    record::record,
    tx::{all, exec, on, page},
};

record! {
    /// One change.
    pub struct AuditEntry {
        /// Its id.
        pub id: AuditId,
        /// When it was made.
        pub at: DateTime<Utc>,
        /// What kind of somebody made it.
        pub actor_kind: ActorKind,
        /// Who, as the API shows its id.
        pub actor_id: String,
        /// What people know it by.
        pub actor_name: String,
        /// What was done, like `campaign.start`.
        pub action: String,
        /// What kind of thing it was done to.
        pub target_kind: Option<String>,
        /// To which one, as the API shows its id.
        pub target_id: Option<String>,
        /// The request that asked for it.
        pub request_id: Option<String>,
        /// What has changed.
        pub detail: Value,
    }
}

impl AuditEntry {
    /// Who made the change.
    pub fn actor(&self) -> Actor {
        Actor { kind: self.actor_kind, id: self.actor_id.clone(), name: self.actor_name.clone() }
    }
}

/// Which changes are listed.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// Those of this actor, by its id.
    pub actor: Option<String>,
    /// Those with this action.
    pub action: Option<String>,
    /// Those of this thing, by its id.
    pub target: Option<String>,
}

/// A page of the log. Each filter has an index that has it in order; one of those that are given leads, the others narrow.
macro_rules! entries {
    ($tx:expr, $workspace:expr, $filter:expr, $page:expr, $leads:literal) => {
        page!(
            $tx,
            AuditEntry,
            $page,
            concat!(
                "SELECT * FROM audit_log WHERE workspace_id = $1 AND id > $2 AND id < $3 AND ",
                $leads,
                " AND ($5 IS NULL OR actor_id = $5) AND ($6 IS NULL OR action = $6) AND ($7 IS NULL OR target_id = $7)"
            ),
            "id",
            (
                $workspace.uuid(),
                $filter.actor.as_deref(),
                $filter.action.as_deref(),
                $filter.target.as_deref()
            )
        )
    };
}

impl Tx {
    /// Notes a change. Noted again under its id, it stands there once.
    pub async fn insert_audit_entry(&mut self, workspace: WorkspaceId, entry: &AuditEntry) -> Result<()> {
        exec!(
            self,
            "INSERT INTO audit_log (workspace_id, id, at, actor_kind, actor_id, actor_name, action, target_kind, target_id, request_id, detail)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (workspace_id, id) DO NOTHING",
            workspace.uuid(),
            entry.id.uuid(),
            Timestamp(entry.at),
            entry.actor_kind.as_str(),
            &entry.actor_id,
            &entry.actor_name,
            &entry.action,
            &entry.target_kind,
            &entry.target_id,
            &entry.request_id,
            Json(&entry.detail)
        )?;
        Ok(())
    }

    /// A page of the workspace's changes.
    pub async fn audit_entries(
        &mut self,
        workspace: WorkspaceId,
        filter: &AuditFilter,
        page: Page,
    ) -> Result<Vec<AuditEntry>> {
        match filter {
            AuditFilter { target: Some(_), .. } => {
                entries!(self, workspace, filter, page, "target_id = $7")
            }
            AuditFilter { actor: Some(_), .. } => entries!(self, workspace, filter, page, "actor_id = $5"),
            AuditFilter { action: Some(_), .. } => entries!(self, workspace, filter, page, "action = $6"),
            _ => entries!(self, workspace, filter, page, "true"),
        }
    }
}
