//! Erasures: everything that is kept of a person is forgotten, with a receipt.

use ringfleet_core::{E164, Erased, ErasureId, id::ErasureKind};
use ringfleet_engine::REASON_LIMIT;
use ringfleet_store::{Erasure, NewErasure};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::{
    auth::{Allowed, may},
    change::Answer,
    envelope::{Moment, Reply},
    error::{ApiError, Result},
    json::Json,
    openapi::bounds,
    page::Paging,
    path::PathId,
    query::Query,
};

/// Whom to erase.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewErasure)]
pub(super) struct Body {
    #[schema(value_type = E164)]
    number: String,
    /// Kept with the receipt: name nobody in it.
    #[schema(schema_with = bounds::maybe_text::<REASON_LIMIT>)]
    reason: Option<String>,
    /// Whether the number is kept out from now on, by its hash alone: not called, and not taken into a campaign. True unless it is said.
    bars: Option<bool>,
}

/// An erasure as the API shows it; finished, it is the receipt.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Erasure)]
pub(super) struct View {
    id: ErasureId,
    /// What stands for the number: an HMAC of it under a secret of the installation.
    person: String,
    status: Status,
    reason: Option<String>,
    bars: bool,
    requested_at: Moment,
    finished_at: Option<Moment>,
    /// How many of each kind of thing were erased so far.
    erased: Erased,
    /// What is kept all the same, and why.
    kept_because: Vec<Kept>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[schema(as = ErasureStatus)]
enum Status {
    /// A call of the person has to end first.
    Waiting,
    /// Things are being looked through.
    Erasing,
    /// Nothing is left.
    Finished,
}

/// Something that is kept.
#[derive(Serialize, ToSchema)]
#[schema(as = KeptAfterErasure)]
struct Kept {
    what: &'static str,
    why: &'static str,
}

const KEPT: [Kept; 2] = [
    Kept {
        what: "calls and recipients, without number, variables and what was said",
        why: "the figures of campaigns, and what calls cost, are made of them",
    },
    Kept {
        what: "this receipt and its entry in the audit log, with a hash of the number that nobody can read without the installation's secret",
        why: "to show that, when and for whom the erasure was carried out",
    },
];
const BARRED: Kept = Kept {
    what: "the same hash among those who are kept out",
    why: "so that nobody calls the person again by mistake",
};

impl From<Erasure> for View {
    fn from(erasure: Erasure) -> Self {
        let status = match (erasure.finished_at, erasure.waits) {
            (Some(_), _) => Status::Finished,
            (None, true) => Status::Waiting,
            (None, false) => Status::Erasing,
        };
        Self {
            id: erasure.id,
            person: erasure.person,
            status,
            reason: erasure.reason,
            bars: erasure.bars,
            requested_at: erasure.created_at.into(),
            finished_at: Moment::maybe(erasure.finished_at),
            erased: erasure.erased,
            kept_because: KEPT.into_iter().chain(erasure.bars.then_some(BARRED)).collect(),
        }
    }
}

/// `POST /erasures`: erases everything that is kept of a person; schedulers carry it out.
pub(super) async fn order(door: Allowed<may::ErasePeople>, Json(body): Json<Body>) -> Result<Answer<View>> {
    let number: E164 = body.number.parse().map_err(|error| ApiError::invalid("number", error))?;
    if let Some(reason) = &body.reason
        && (reason.chars().count() > REASON_LIMIT || reason.contains(char::is_control))
    {
        let problem = format!("must be at most {REASON_LIMIT} characters on one line");
        return Err(ApiError::invalid("reason", problem));
    }
    let new = NewErasure { number, bars: body.bars.unwrap_or(true), reason: body.reason };
    let mut change = door.change("person.erase", |erasure: &Erasure| {
        let detail = json!({ "person": erasure.person, "bars": erasure.bars });
        Reply::accepted(View::from(erasure.clone())).about(erasure.id).with_detail(detail)
    });
    let receipt = change.receipt();
    change.engine().erase(change.workspace(), &new, receipt).await?;
    change.answer()
}

/// `GET /erasures`: a page of the workspace's erasures.
pub(super) async fn list(
    door: Allowed<may::SeeErasures>,
    Query(paging): Query<Paging>,
) -> Result<Reply<Vec<View>>> {
    let mut tx = door.engine().store().read().await?;
    let erasures = tx.erasures(door.workspace(), paging.ask()).await?;
    tx.commit().await?;
    Ok(paging.reply(erasures, |erasure| erasure.id.into()))
}

/// `GET /erasures/:id`: one erasure.
pub(super) async fn show(
    door: Allowed<may::SeeErasures>,
    PathId(id): PathId<ErasureKind>,
) -> Result<Reply<View>> {
    Ok(Reply::ok(door.engine().erasure(door.workspace(), id).await?.into()))
}
