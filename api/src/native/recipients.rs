//! Recipients of a campaign: add as JSON, look at.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use ringfleet_core::{
    CampaignId, Disposition, E164, Hold, Outcome, RecipientId, RecipientState, Variables,
    chips::{Chip, Try, chips},
    cursor::Cursor,
    hold,
    id::{CampaignKind, RecipientKind},
};
use ringfleet_engine::{AddReport, lines_rest};
use ringfleet_store::{Call, CallFilter, Campaign, NewRecipient, Page, Recipient, RecipientFilter, Tx};
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
/// For a page of those with a hold so many rows are read at once, so many times at most.
const HELD_AT_ONCE: u32 = 1_000;
const HELD_READS: usize = 5;
/// Calls of a recipient that are looked at: ten steps of ten attempts.
const MOST_TRIES: u32 = 100;
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
        let erased = report.erased.iter().filter_map(|i| numbers.get(*i));
        rejected.extend(erased.map(|&(index, _)| {
            let reason = "this person was erased and is not taken in again";
            Rejected { index, ..refused("to", "", "erased", reason) }
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
    let variables = Variables::from(variables);
    let json = variables.as_str();
    if json.len() > check::SMALL_OBJECT {
        let reason = format!("{} bytes as JSON; at most {} are kept", json.len(), check::SMALL_OBJECT);
        return Err(refused("variables", json, "variables_too_large", &reason));
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

/// `?state=`, `?disposition=`, `?number=`, `?numberContains=` and `?hold=` of a list of recipients.
pub(super) struct ListQuery {
    paging: Paging,
    filter: RecipientFilter,
    /// Why it is not being called at this moment, which is not what the store keeps.
    hold: Option<Hold>,
}

impl FromQuery for ListQuery {
    fn read(parameters: &mut Parameters) -> Result<Self> {
        let filter = RecipientFilter::read(parameters)?;
        Ok(Self { hold: parameters.parse("hold")?, paging: Paging::read(parameters)?, filter })
    }
}

impl FromQuery for RecipientFilter {
    fn read(parameters: &mut Parameters) -> Result<Self> {
        Ok(RecipientFilter {
            state: parameters.parse("state")?,
            disposition: parameters.parse("disposition")?,
            number: parameters.parse("number")?,
            digits: parameters.take("numberContains")?.map(digits).transpose()?,
        })
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
    let rests = lines_rest(&mut tx, &of).await?;
    let now = door.engine().clock().now();
    let shown = |recipient: &mut Recipient| {
        show_hold(&of, recipient, rests, now);
        query.hold.is_none_or(|hold| recipient.hold == Some(hold))
    };
    let ListQuery { paging, filter, .. } = &query;
    let (recipients, looked_at) = match query.hold {
        None => read(&mut tx, campaign, filter, paging.ask(), shown).await?,
        Some(_) => read_held(&mut tx, campaign, filter, paging.ask(), shown).await?,
    };
    tx.commit().await?;
    Ok(paging.reply_so_far(recipients, |recipient| recipient.id.into(), looked_at))
}

/// The rows of a page that are shown, and the last one looked at if there may be others behind it.
type SoFar = (Vec<Recipient>, Option<Cursor>);

async fn read(
    tx: &mut Tx,
    campaign: CampaignId,
    filter: &RecipientFilter,
    page: Page,
    shown: impl Fn(&mut Recipient) -> bool,
) -> Result<SoFar> {
    let mut found = tx.recipients(campaign, filter.clone(), page).await?;
    let looked_at = match found.len() < page.limit as usize {
        true => tx.recipients_looked_at(campaign, filter, page).await?,
        false => found.last().map(|last| last.id.into()),
    };
    found.retain_mut(shown);
    Ok((found, looked_at))
}

/// Those with a hold are picked from the rows of some pages: what holds somebody now is told by more than its row.
async fn read_held(
    tx: &mut Tx,
    campaign: CampaignId,
    filter: &RecipientFilter,
    page: Page,
    shown: impl Fn(&mut Recipient) -> bool,
) -> Result<SoFar> {
    let (mut held, mut from) = (Vec::new(), Page { limit: HELD_AT_ONCE, ..page });
    for _ in 0..HELD_READS {
        let (found, looked_at) = read(tx, campaign, filter, from, &shown).await?;
        held.extend(found);
        if held.len() >= page.limit as usize || looked_at.is_none() {
            return Ok((held, looked_at));
        }
        from.after = looked_at;
    }
    Ok((held, from.after))
}

/// Digits of a number, without what people write between them.
fn digits(text: String) -> Result<String> {
    let digits: String = text.chars().filter(|c| !"+ -().".contains(*c)).collect();
    match (1..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) {
        true => Ok(digits),
        false => Err(ApiError::invalid("numberContains", "must be 1 to 15 digits")),
    }
}

/// A recipient and how each step of the plan stands for it.
#[derive(Serialize, ToSchema)]
#[schema(as = RecipientDetail)]
pub(super) struct DetailView {
    #[serde(flatten)]
    recipient: View,
    /// The steps of the plan, in their order.
    channels: Vec<Chip>,
}

/// `GET /campaigns/:id/recipients/:rid`: one recipient.
pub(super) async fn show(
    door: Allowed<may::Read>,
    PathId(campaign): PathId<CampaignKind>,
    PathId(id): PathId<RecipientKind>,
) -> Result<Reply<DetailView>> {
    let mut tx = door.engine().store().read().await?;
    let of = tx.campaign(door.workspace(), campaign).await?.ok_or_else(|| ApiError::not_found("campaign"))?;
    let mut recipient = tx.recipient(campaign, id).await?.ok_or_else(|| ApiError::not_found("recipient"))?;
    let rests = lines_rest(&mut tx, &of).await?;
    let of_recipient = CallFilter { recipient: Some(id), ..CallFilter::default() };
    let calls = tx.calls(door.workspace(), of_recipient, Page::first(MOST_TRIES)).await?;
    tx.commit().await?;
    show_hold(&of, &mut recipient, rests, door.engine().clock().now());
    let tries: Vec<Try> = calls.iter().rev().map(tried).collect();
    let (state, step) = (recipient.state, recipient.step as usize);
    let channels = chips(&of.plan, state, step, recipient.disposition, &tries);
    Ok(Reply::ok(DetailView { recipient: recipient.into(), channels }))
}

fn tried(call: &Call) -> Try {
    Try { step: call.step as usize, state: call.state, outcome: call.outcome, reason: call.reason.clone() }
}

/// Why it is not being called at this moment, in place of why it was put off. `rests`: no trunk of the campaign is open.
pub(super) fn show_hold(campaign: &Campaign, recipient: &mut Recipient, rests: bool, now: DateTime<Utc>) {
    let Recipient { state, hold, due_at, .. } = *recipient;
    recipient.hold = hold::current(campaign.state, state, hold, due_at, rests, now);
}
