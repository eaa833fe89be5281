//! Recipients of a campaign: add as JSON, look at.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use ringfleet_core::{
    CampaignId, Disposition, E164, Hold, Outcome, RecipientId, RecipientState, hold,
    id::{CampaignKind, RecipientKind},
};
use ringfleet_engine::{AddReport, lines_rest};
use ringfleet_store::{Campaign, NewRecipient, Recipient, RecipientFilter};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::{
    auth::{Allowed, may},
    change::Answer,
    check,
    envelope::{Moment, Reply},
    error::{ApiError, Result},
    json::Json,
    page::Paging,
    path::PathId,
    query::{FromQuery, Parameters, Query},
    strict::Object,
};

/// Most recipients in one request.
const MOST: usize = 5_000;
/// How much of a refused value the answer quotes, in characters.
const QUOTE_LIMIT: usize = 100;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewRecipient)]
pub(super) struct Body {
    #[schema(value_type = Vec<Item>)]
    recipients: Vec<Object<Item>>,
}

/// The values are looked at one by one, so that a wrong one costs its own recipient only.
#[derive(Deserialize, Default, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = NewRecipientItem)]
struct Item {
    to: Value,
    variables: Value,
    timezone: Value,
}

/// What became of the list.
#[derive(Serialize, ToSchema)]
#[schema(as = RecipientAdded)]
pub(super) struct AddedView {
    accepted: u64,
    rejected: Vec<Rejected>,
}

/// A recipient that was not taken.
#[derive(Serialize, Clone, ToSchema)]
#[schema(as = RecipientRejected)]
struct Rejected {
    index: usize,
    field: &'static str,
    value: String,
    code: &'static str,
    reason: String,
}

/// A recipient as the API shows it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Recipient)]
pub(super) struct View {
    id: RecipientId,
    campaign_id: CampaignId,
    to: E164,
    variables: Value,
    timezone: Option<String>,
    state: RecipientState,
    step: u32,
    attempts: u32,
    due_at: Moment,
    hold: Option<Hold>,
    disposition: Option<Disposition>,
    last_outcome: Option<Outcome>,
    last_reason: Option<String>,
    done_at: Option<Moment>,
    created_at: Moment,
}

impl From<Recipient> for View {
    fn from(recipient: Recipient) -> Self {
        Self {
            id: recipient.id,
            campaign_id: recipient.campaign_id,
            to: recipient.number,
            variables: recipient.variables,
            timezone: recipient.timezone,
            state: recipient.state,
            step: recipient.step,
            attempts: recipient.total_attempts,
            due_at: recipient.due_at.into(),
            hold: recipient.hold,
            disposition: recipient.disposition,
            last_outcome: recipient.last_outcome,
            last_reason: recipient.last_reason,
            done_at: Moment::maybe(recipient.done_at),
            created_at: recipient.created_at.into(),
        }
    }
}

/// `POST /campaigns/:id/recipients`: adds up to 5,000; good ones are kept, bad ones listed.
pub(super) async fn add(
    door: Allowed<may::RunCampaigns>,
    PathId(campaign): PathId<CampaignKind>,
    Json(body): Json<Body>,
) -> Result<Answer<AddedView>> {
    if !(1..=MOST).contains(&body.recipients.len()) {
        let problem = format!("give 1 to {MOST} recipients at once; upload longer lists as CSV");
        return Err(ApiError::invalid("recipients", problem));
    }
    let (mut good, mut indices, mut rejected) = (Vec::new(), Vec::new(), Vec::new());
    let mut seen = HashSet::new();
    for (index, Object(item)) in body.recipients.into_iter().enumerate() {
        match check_item(item).and_then(|new| unless_seen(&mut seen, new)) {
            Ok(new) => {
                good.push(new);
                indices.push(index);
            }
            Err(refusal) => rejected.push(Rejected { index, ..refusal }),
        }
    }
    // Also with no good one left: the campaign has to be there and to take recipients.
    let numbers: Vec<(usize, E164)> = indices.into_iter().zip(good.iter().map(|new| new.number)).collect();
    let mut change = door.change("recipients.add", move |report: &AddReport| {
        let added = AddedView::new(report, &numbers, rejected.clone());
        let detail = json!({ "accepted": added.accepted, "rejected": added.rejected.len() });
        Reply::ok(added).about(campaign).with_detail(detail)
    });
    let receipt = change.receipt();
    change.engine().add_recipients(change.workspace(), campaign, &good, receipt).await?;
    change.answer()
}

impl AddedView {
    /// `numbers`: those that were to be added, with their places in the request; `rejected`: those that were not.
    fn new(report: &AddReport, numbers: &[(usize, E164)], mut rejected: Vec<Rejected>) -> Self {
        let duplicates = report.duplicates.iter().filter_map(|i| numbers.get(*i));
        rejected.extend(duplicates.map(|&(index, number)| {
            let reason = "the campaign has this number already";
            Rejected { index, ..refused("to", &number.to_string(), "duplicate_in_campaign", reason) }
        }));
        rejected.sort_by_key(|refusal| refusal.index);
        Self { accepted: report.accepted, rejected }
    }
}

fn check_item(item: Item) -> Result<NewRecipient, Rejected> {
    let number = match &item.to {
        Value::Null => Err(refused("to", "", "empty", "no number")),
        Value::String(text) => {
            text.parse::<E164>().map_err(|error| refused("to", text, error.code(), &error.to_string()))
        }
        other => {
            Err(refused("to", &other.to_string(), "not_a_number", "must be a text like \"+14155550100\""))
        }
    }?;
    let timezone = match item.timezone {
        Value::Null => None,
        Value::String(name) if ringfleet_core::zone::is_zone(&name) => Some(name),
        other => {
            let given = other.as_str().map_or_else(|| other.to_string(), str::to_owned);
            return Err(refused(
                "timezone",
                &given,
                "bad_timezone",
                "must be an IANA name like Asia/Kolkata",
            ));
        }
    };
    let variables = match item.variables {
        Value::Null => Value::Object(Map::new()),
        Value::Object(variables) => Value::Object(variables),
        other => {
            let reason = "must be an object of names and values";
            return Err(refused("variables", &other.to_string(), "variables_not_an_object", reason));
        }
    };
    let json = variables.to_string();
    if json.len() > check::SMALL_OBJECT {
        let reason = format!("{} bytes as JSON; at most {} are kept", json.len(), check::SMALL_OBJECT);
        return Err(refused("variables", &json, "variables_too_large", &reason));
    }
    Ok(NewRecipient { number, variables, timezone })
}

fn unless_seen(seen: &mut HashSet<E164>, new: NewRecipient) -> Result<NewRecipient, Rejected> {
    match seen.insert(new.number) {
        true => Ok(new),
        false => {
            let reason = "this number stands further up in the same request";
            Err(refused("to", &new.number.to_string(), "duplicate_in_request", reason))
        }
    }
}

fn refused(field: &'static str, value: &str, code: &'static str, reason: &str) -> Rejected {
    Rejected {
        index: 0,
        field,
        value: value.chars().take(QUOTE_LIMIT).collect(),
        code,
        reason: reason.to_owned(),
    }
}

/// `?state=` and `?disposition=` of a list of recipients.
pub(super) struct ListQuery {
    paging: Paging,
    filter: RecipientFilter,
}

impl FromQuery for ListQuery {
    fn read(parameters: &mut Parameters) -> Result<Self> {
        let filter = RecipientFilter {
            state: parameters.parse("state")?,
            disposition: parameters.parse("disposition")?,
        };
        Ok(Self { paging: Paging::read(parameters)?, filter })
    }
}

/// `GET /campaigns/:id/recipients`: a page of a campaign's recipients.
pub(super) async fn list(
    door: Allowed<may::Read>,
    PathId(campaign): PathId<CampaignKind>,
    Query(query): Query<ListQuery>,
) -> Result<Reply<Vec<View>>> {
    let mut tx = door.engine().store().read().await?;
    let of = tx.campaign(door.workspace(), campaign).await?.ok_or_else(|| ApiError::not_found("campaign"))?;
    let mut recipients = tx.recipients(campaign, query.filter, query.paging.ask()).await?;
    let rests = lines_rest(&mut tx, &of).await?;
    tx.commit().await?;
    let now = door.engine().clock().now();
    recipients.iter_mut().for_each(|recipient| show_hold(&of, recipient, rests, now));
    Ok(query.paging.reply(recipients, |recipient| recipient.id.into()))
}

/// `GET /campaigns/:id/recipients/:rid`: one recipient.
pub(super) async fn show(
    door: Allowed<may::Read>,
    PathId(campaign): PathId<CampaignKind>,
    PathId(id): PathId<RecipientKind>,
) -> Result<Reply<View>> {
    let mut tx = door.engine().store().read().await?;
    let of = tx.campaign(door.workspace(), campaign).await?.ok_or_else(|| ApiError::not_found("campaign"))?;
    let mut recipient = tx.recipient(campaign, id).await?.ok_or_else(|| ApiError::not_found("recipient"))?;
    let rests = lines_rest(&mut tx, &of).await?;
    tx.commit().await?;
    show_hold(&of, &mut recipient, rests, door.engine().clock().now());
    Ok(Reply::ok(recipient.into()))
}

/// Why it is not being called at this moment, in place of why it was put off. `rests`: no trunk of the campaign is open.
fn show_hold(campaign: &Campaign, recipient: &mut Recipient, rests: bool, now: DateTime<Utc>) {
    let Recipient { state, hold, due_at, .. } = *recipient;
    recipient.hold = hold::current(campaign.state, state, hold, due_at, rests, now);
}
