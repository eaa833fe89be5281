//! The calls of a campaign: each number on its list is one, however many tries it takes.

use ringfleet_core::{
    ScheduledCallState,
    id::{AgentKind, CampaignKind},
};
use ringfleet_store::{ScheduledCall, ScheduledCallFilter, ScheduledCallSort};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    auth::{Allowed, may},
    envelope::{Moment, Reply, Saying},
    error::{ApiError, Result},
    query::{FromQuery, Parameters, Query},
};

use super::read::{self, Pages, PathId};

/// A call of a campaign as this dialect lists it.
#[derive(Serialize, ToSchema)]
#[schema(as = SamoraCampaignCall)]
struct Item {
    id: String,
    to_number: String,
    status: ScheduledCallState,
    /// Seconds talked.
    duration: i64,
    created_at: Moment,
    updated_at: Moment,
    started_at: Option<Moment>,
    ended_at: Option<Moment>,
}

impl From<ScheduledCall> for Item {
    fn from(call: ScheduledCall) -> Self {
        Self {
            id: call.id.uuid().to_string(),
            to_number: call.number.to_string(),
            status: call.status,
            duration: call.talked_ms / 1_000,
            created_at: call.created_at.into(),
            updated_at: call.updated_at.into(),
            started_at: Moment::maybe(call.started_at),
            ended_at: Moment::maybe(call.ended_at),
        }
    }
}

/// A page of calls.
#[derive(Serialize, ToSchema)]
#[schema(as = SamoraCampaignCalls)]
pub(super) struct Listed {
    calls: Vec<Item>,
    page: u32,
    page_size: u32,
    total: u64,
}

/// The page, `search`, `status`, `duration_min`, `duration_max`, `sort_by` and `sort_dir`.
pub(super) struct ListQuery {
    pages: Pages,
    filter: ScheduledCallFilter,
}

/// Longest duration that can be asked for, in seconds: a day.
const LONGEST: u32 = 86_400;

impl FromQuery for ListQuery {
    fn read(parameters: &mut Parameters) -> Result<Self> {
        let digits = parameters.take("search")?.map(digits).transpose()?;
        let least = read::maybe_whole(parameters, "duration_min", 0, LONGEST)?;
        let most = read::maybe_whole(parameters, "duration_max", 0, LONGEST)?;
        if least.zip(most).is_some_and(|(least, most)| least > most) {
            return Err(ApiError::invalid("duration_max", "must not be less than duration_min"));
        }
        let filter = ScheduledCallFilter {
            digits,
            status: parameters.parse("status")?,
            least_ms: least.map(|seconds| i64::from(seconds) * 1_000),
            // Durations are shown in whole seconds, so the last one counts to its end.
            most_ms: most.map(|seconds| i64::from(seconds) * 1_000 + 999),
            sort: sort(parameters.take("sort_by")?.as_deref())?,
            ascending: match parameters.take("sort_dir")?.as_deref() {
                None | Some("desc") => false,
                Some("asc") => true,
                Some(_) => return Err(ApiError::invalid("sort_dir", "must be asc or desc")),
            },
        };
        Ok(Self { pages: Pages::read(parameters)?, filter })
    }
}

/// The digits to look for in numbers; a plus and spaces between them do not matter.
fn digits(text: String) -> Result<String> {
    let digits: String = text.chars().filter(|c| !matches!(c, '+' | ' ' | '-')).collect();
    match (1..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) {
        true => Ok(digits),
        false => Err(ApiError::invalid("search", "must be 1 to 15 digits of a number")),
    }
}

fn sort(by: Option<&str>) -> Result<ScheduledCallSort> {
    Ok(match by {
        // Ids are in the order in which they were made.
        None | Some("created_at" | "participant_id") => ScheduledCallSort::Created,
        Some("status") => ScheduledCallSort::Status,
        Some("updated_at") => ScheduledCallSort::Updated,
        Some("started_at") => ScheduledCallSort::Started,
        Some("ended_at") => ScheduledCallSort::Ended,
        Some("duration") => ScheduledCallSort::Duration,
        Some(_) => {
            let problem =
                "must be participant_id, status, created_at, updated_at, started_at, ended_at or duration";
            return Err(ApiError::invalid("sort_by", problem));
        }
    })
}

/// `GET …/calls`: a page of a campaign's calls.
pub(super) async fn list(
    door: Allowed<may::Read>,
    PathId(agent): PathId<AgentKind>,
    PathId(id): PathId<CampaignKind>,
    Query(ListQuery { pages, filter }): Query<ListQuery>,
) -> Result<Reply<Listed, Saying>> {
    let campaign = read::campaign(door.engine(), door.workspace(), (agent, id)).await?;
    let page = door.engine().scheduled_calls(&campaign, &filter, pages.offset(), pages.page_size).await;
    let (calls, total) = page?;
    let Pages { page, page_size } = pages;
    let calls = calls.into_iter().map(Item::from).collect();
    Ok(Reply::ok(Listed { calls, page, page_size, total }).saying("Campaign calls"))
}
