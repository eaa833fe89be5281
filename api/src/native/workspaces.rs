//! Workspaces: the tenants of an installation.

use ringfleet_core::{Role, WorkspaceId};
use ringfleet_store::{Membership, Workspace};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::{
    auth::{Allowed, Caller, SignedIn, may},
    change::Answer,
    check,
    envelope::{Moment, Reply},
    error::{ApiError, Result},
    json::Json,
    openapi::bounds,
    page::Paging,
    path::ThisWorkspace,
    query::{FromQuery, Parameters, Query},
};

/// Longest name, in characters.
pub(super) const NAME_LIMIT: usize = 120;

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewWorkspace)]
pub(super) struct Body {
    #[schema(schema_with = bounds::name::<NAME_LIMIT>)]
    name: String,
}

/// A workspace as the API shows it. `role` is what whoever asks may do there; null for a superuser who is no member.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Workspace)]
pub(super) struct View {
    id: WorkspaceId,
    name: String,
    role: Option<Role>,
    created_at: Moment,
}

impl View {
    fn of(workspace: Workspace, role: Option<Role>) -> Self {
        Self { id: workspace.id, name: workspace.name, role, created_at: workspace.created_at.into() }
    }
}

impl From<Membership> for View {
    fn from(it: Membership) -> Self {
        Self { id: it.id, name: it.name, role: Some(it.role), created_at: it.created_at.into() }
    }
}

impl From<Workspace> for View {
    fn from(workspace: Workspace) -> Self {
        Self::of(workspace, None)
    }
}

/// `POST /workspaces`: makes one, with oneself as its admin.
pub(super) async fn create(door: SignedIn, Json(body): Json<Body>) -> Result<Reply<View>> {
    let name = check::name(body.name, NAME_LIMIT)?;
    let workspace = door.engine().create_workspace(door.user(), name.trim(), door.request_id()).await?;
    Ok(Reply::created(View::of(workspace, Some(Role::Admin))))
}

/// `?all=true` of the list.
pub(super) struct ListQuery {
    paging: Paging,
    all: bool,
}

impl FromQuery for ListQuery {
    fn read(parameters: &mut Parameters) -> Result<Self> {
        Ok(Self { all: parameters.parse("all")?.unwrap_or(false), paging: Paging::read(parameters)? })
    }
}

/// `GET /workspaces`: those one is a member of, or the one a key opens; with `all=true` every one, for superusers.
pub(super) async fn list(caller: Caller, Query(query): Query<ListQuery>) -> Result<Reply<Vec<View>>> {
    let ListQuery { paging, all } = query;
    let door = match caller {
        Caller::User(door) => door,
        Caller::Key(_) if all => return Err(ApiError::superusers_only()),
        Caller::Key(door) => return Ok(Reply::page(vec![shown(&door).await?], None)),
    };
    if all && !door.is_superuser() {
        return Err(ApiError::superusers_only());
    }
    let mut tx = door.engine().store().read().await?;
    let reply = match all {
        true => paging.reply(tx.workspaces(paging.ask()).await?, |it| it.id.into()),
        false => paging.reply(tx.memberships(door.user(), paging.ask()).await?, |it| it.id.into()),
    };
    tx.commit().await?;
    Ok(reply)
}

async fn shown(door: &Allowed<may::Read>) -> Result<View> {
    let mut tx = door.engine().store().read().await?;
    let found = tx.workspace(door.workspace()).await?.ok_or_else(|| ApiError::not_found("workspace"))?;
    tx.commit().await?;
    Ok(View::of(found, Some(door.identity().role)))
}

/// `GET /workspaces/:id`, or `/workspaces/me` for the one the request is for.
pub(super) async fn show(door: Allowed<may::Read>, _: ThisWorkspace) -> Result<Reply<View>> {
    Ok(Reply::ok(shown(&door).await?))
}

/// `PATCH /workspaces/:id`: another name.
pub(super) async fn rename(
    door: Allowed<may::EditWorkspace>,
    _: ThisWorkspace,
    Json(body): Json<Body>,
) -> Result<Answer<View>> {
    let name = check::name(body.name, NAME_LIMIT)?;
    let role = Some(door.identity().role);
    let mut change = door.change("workspace.rename", move |workspace: &Workspace| {
        let detail = json!({ "name": workspace.name });
        Reply::ok(View::of(workspace.clone(), role)).about(workspace.id).with_detail(detail)
    });
    let receipt = change.receipt();
    change.engine().rename_workspace(change.workspace(), name.trim(), &receipt).await?;
    change.answer()
}

/// What was deleted.
#[derive(Serialize, ToSchema)]
#[schema(as = WorkspaceDeleted)]
pub(super) struct DeletedView {
    id: WorkspaceId,
    deleted: bool,
}

/// `DELETE /workspaces/:id`: its campaigns are cancelled, and nobody gets into it any more. Refused while calls are under way.
pub(super) async fn delete(
    door: Allowed<may::EditWorkspace>,
    _: ThisWorkspace,
) -> Result<Answer<DeletedView>> {
    let id = door.workspace();
    let mut change =
        door.change("workspace.delete", move |_: &()| Reply::ok(DeletedView { id, deleted: true }).about(id));
    let receipt = change.receipt();
    change.engine().delete_workspace(id, &receipt).await?;
    change.answer()
}
