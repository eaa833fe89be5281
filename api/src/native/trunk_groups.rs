//! Trunk groups: trunks that stand in for each other.

use ringfleet_core::{
    TrunkGroupId,
    id::TrunkGroupKind,
    trunk_group::{self, Member},
};
use ringfleet_store::TrunkGroup;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::{
    auth::{Allowed, may},
    change::Answer,
    check,
    envelope::{Moment, Reply},
    error::{ApiError, Result},
    json::Json,
    openapi::bounds,
    page::Paging,
    path::PathId,
    query::Query,
    strict::Object,
};

const NAME_LIMIT: usize = 120;

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewTrunkGroup)]
pub(super) struct Body {
    #[schema(schema_with = bounds::name::<NAME_LIMIT>)]
    name: String,
    #[schema(value_type = Vec<Member>, min_items = 1)]
    members: Vec<Object<Member>>,
}

/// A trunk group as the API shows it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = TrunkGroup)]
pub(super) struct View {
    id: TrunkGroupId,
    name: String,
    members: Vec<Member>,
    created_at: Moment,
}

impl From<TrunkGroup> for View {
    fn from(group: TrunkGroup) -> Self {
        let TrunkGroup { id, name, members, created_at } = group;
        Self { id, name, members, created_at: created_at.into() }
    }
}

/// `POST /trunk-groups`: makes a group.
pub(super) async fn create(door: Allowed<may::EditTrunks>, Json(body): Json<Body>) -> Result<Answer<View>> {
    let name = check::name(body.name, NAME_LIMIT)?;
    let members: Vec<Member> = body.members.into_iter().map(|Object(member)| member).collect();
    trunk_group::validate(&members).map_err(|(field, problem)| ApiError::invalid(field, problem))?;
    let mut change = door.change("trunk_group.create", |group: &TrunkGroup| {
        let detail = json!({ "name": group.name, "members": group.members });
        Reply::created(View::from(group.clone())).about(group.id).with_detail(detail)
    });
    let receipt = change.receipt();
    change.engine().create_trunk_group(change.workspace(), &name, members, receipt).await?;
    change.answer()
}

/// `GET /trunk-groups/:id`: one group.
pub(super) async fn show(
    door: Allowed<may::Read>,
    PathId(id): PathId<TrunkGroupKind>,
) -> Result<Reply<View>> {
    let mut tx = door.engine().store().read().await?;
    let group =
        tx.trunk_group(door.workspace(), id).await?.ok_or_else(|| ApiError::not_found("trunk group"))?;
    tx.commit().await?;
    Ok(Reply::ok(group.into()))
}

/// `GET /trunk-groups`: a page of the workspace's groups.
pub(super) async fn list(door: Allowed<may::Read>, Query(paging): Query<Paging>) -> Result<Reply<Vec<View>>> {
    let mut tx = door.engine().store().read().await?;
    let groups = tx.trunk_groups(door.workspace(), paging.ask()).await?;
    tx.commit().await?;
    Ok(paging.reply(groups, |group| group.id.into()))
}
