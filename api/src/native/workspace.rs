//! What holds for all campaigns of the workspace.

use ringfleet_core::{Caps, Schedule, TrunkGroupId, TrunkId, WorkspaceRules, trunk::Limits};
use ringfleet_engine::Changed;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    auth::{Allowed, may},
    change::{Answer, difference},
    envelope::Reply,
    error::{ApiError, Result},
    json::Json,
    strict::Object,
    tag::{Expected, Seen},
};

use super::schedule_body::{ScheduleBody, ScheduleView};

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewWorkspaceRules)]
pub(super) struct Body {
    #[schema(value_type = Option<ScheduleBody>)]
    schedule: Option<Object<ScheduleBody>>,
    #[schema(value_type = Option<Caps>)]
    caps: Option<Object<Caps>>,
    #[schema(value_type = Option<Limits>)]
    limits: Option<Object<Limits>>,
    default_trunk_id: Option<TrunkId>,
    default_trunk_group_id: Option<TrunkGroupId>,
}

/// The rules as the API shows them; the caps with the defaults where the workspace sets none.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WorkspaceRules)]
pub(super) struct View {
    schedule: ScheduleView,
    caps: Caps,
    limits: Limits,
    default_trunk_id: Option<TrunkId>,
    default_trunk_group_id: Option<TrunkGroupId>,
}

impl From<WorkspaceRules> for View {
    fn from(rules: WorkspaceRules) -> Self {
        let caps = Caps::default().under(&rules.caps);
        Self {
            schedule: rules.schedule.into(),
            caps,
            limits: rules.limits,
            default_trunk_id: rules.default_trunk_id,
            default_trunk_group_id: rules.default_trunk_group_id,
        }
    }
}

/// `GET /workspace/rules`.
pub(super) async fn rules(door: Allowed<may::Read>, seen: Seen) -> Result<Reply<View>> {
    let mut tx = door.engine().store().read().await?;
    let found = tx.workspace(door.workspace()).await?.ok_or_else(|| ApiError::not_found("workspace"))?;
    tx.commit().await?;
    Ok(seen.show(found.rules.into()))
}

/// `PUT /workspace/rules`: replaces them all; what is left out is unset. Holds for every call from now on.
pub(super) async fn set_rules(
    door: Allowed<may::EditRules>,
    expected: Expected,
    Json(body): Json<Body>,
) -> Result<Answer<View>> {
    let schedule = match body.schedule {
        Some(Object(schedule)) => schedule.check(Schedule::default())?,
        None => Schedule::default(),
    };
    let Object(caps) = body.caps.unwrap_or_default();
    caps.validate().map_err(|(field, problem)| ApiError::invalid(field, problem))?;
    let Object(limits) = body.limits.unwrap_or_default();
    limits.validate().map_err(|(field, problem)| ApiError::invalid(field, problem))?;
    let rules = WorkspaceRules {
        schedule,
        caps,
        limits,
        default_trunk_id: body.default_trunk_id,
        default_trunk_group_id: body.default_trunk_group_id,
    };
    let workspace = door.workspace();
    let mut change = door.change("workspace.rules", move |rules: &Changed<WorkspaceRules>| {
        let (before, after) = (View::from(rules.before.clone()), View::from(rules.after.clone()));
        let detail = difference(&before, &after);
        Reply::ok(after).tagged().about(workspace).with_detail(detail)
    });
    let receipt = change.receipt();
    let check = |before: &WorkspaceRules| expected.check(&View::from(before.clone()));
    change.engine().set_workspace_rules(change.workspace(), &rules, check, receipt).await?;
    change.answer()
}
