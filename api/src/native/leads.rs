//! Leads: people the workspace knows, by their numbers.

use std::collections::{HashMap, HashSet};

use ringfleet_core::{Channel, E164, LeadId, SuppressionId, SuppressionSource, id::LeadKind, zone};
use ringfleet_engine::{KeptLead, KnownLead, REASON_LIMIT};
use ringfleet_store::{Lead, LeadFilter, NewLead, NewSuppression, Suppression};
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
    tag::{Expected, Seen},
};

use super::{
    sessions,
    settings_body::{given, set},
};

/// Most leads in one request.
const MOST: usize = 5_000;
/// Longest e-mail address (RFC 5321 §4.5.3.1.3, without its angle brackets).
const EMAIL_LIMIT: usize = 254;

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewLead)]
pub(super) struct Body {
    number: String,
    email: Option<String>,
    timezone: Option<String>,
    #[schema(value_type = Option<Object>)]
    attributes: Option<Map<String, Value>>,
    #[schema(value_type = Option<Vec<OptOutBody>>)]
    opt_outs: Option<Vec<Object<OptOutBody>>>,
}

/// A channel on which somebody is not to be contacted; without one, all of them.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewOptOut)]
pub(super) struct OptOutBody {
    channel: Option<Channel>,
    reason: Option<String>,
    source: Option<SuppressionSource>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewLeads)]
pub(super) struct BulkBody {
    #[schema(value_type = Vec<Object>)]
    leads: Vec<Value>,
}

/// `PATCH /leads/:id`: what is to change; `null` takes away the e-mail address and the time zone.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = LeadChange)]
pub(super) struct PatchBody {
    number: Option<String>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    email: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    timezone: Option<Option<String>>,
    #[schema(value_type = Option<Object>)]
    attributes: Option<Map<String, Value>>,
    #[schema(value_type = Option<Vec<OptOutBody>>)]
    opt_outs: Option<Vec<Object<OptOutBody>>>,
}

/// A lead as the API shows it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Lead)]
pub(super) struct View {
    id: LeadId,
    number: E164,
    email: Option<String>,
    timezone: Option<String>,
    attributes: Value,
    /// The suppressions of its number that hold.
    opt_outs: Vec<OptOutView>,
    created_at: Moment,
    updated_at: Moment,
}

/// A suppression as a lead shows it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OptOut)]
pub(super) struct OptOutView {
    /// Null is all channels.
    channel: Option<Channel>,
    reason: String,
    source: SuppressionSource,
    suppression_id: SuppressionId,
    expires_at: Option<Moment>,
    created_at: Moment,
}

impl From<KnownLead> for View {
    fn from((lead, lists): KnownLead) -> Self {
        let Lead { id, number, email, timezone, attributes, created_at, updated_at } = lead;
        let opt_out = |entry: Suppression| OptOutView {
            channel: entry.scope(),
            suppression_id: entry.id,
            expires_at: Moment::maybe(entry.expires_at),
            created_at: entry.created_at.into(),
            source: entry.source,
            reason: entry.reason,
        };
        let opt_outs = lists.into_iter().map(opt_out).collect();
        let (created_at, updated_at) = (created_at.into(), updated_at.into());
        Self { id, number, email, timezone, attributes, opt_outs, created_at, updated_at }
    }
}

fn number(text: &str) -> Result<E164> {
    text.parse().map_err(|error| ApiError::invalid("number", error))
}

/// Something on both sides of one at sign, and no blank or control character: whether it arrives, only sending tells.
fn email(text: String) -> Result<String> {
    let parts = text.rsplit_once('@').is_some_and(|(name, host)| !name.is_empty() && !host.is_empty());
    match parts && text.len() <= EMAIL_LIMIT && !text.contains(|c: char| c.is_whitespace() || c.is_control())
    {
        true => Ok(text),
        false => Err(ApiError::invalid("email", "must be an e-mail address like asha@example.com")),
    }
}

fn timezone(name: String) -> Result<String> {
    match zone::is_zone(&name) {
        true => Ok(name),
        false => Err(ApiError::invalid("timezone", "must be an IANA name like Asia/Kolkata")),
    }
}

fn opt_outs(of: E164, given: Vec<Object<OptOutBody>>) -> Result<Vec<NewSuppression>> {
    let one = |(i, Object(item)): (usize, Object<OptOutBody>)| {
        let reason = item.reason.unwrap_or_default();
        if reason.chars().count() > REASON_LIMIT || reason.contains(char::is_control) {
            let problem = format!("must be at most {REASON_LIMIT} characters on one line");
            return Err(ApiError::invalid(format!("optOuts[{i}].reason"), problem));
        }
        let source = item.source.unwrap_or(SuppressionSource::Operator);
        Ok(NewSuppression { number: of, channel: item.channel, reason, source, expires_at: None })
    };
    given.into_iter().enumerate().map(one).collect()
}

fn check_lead(body: Body) -> Result<(NewLead, Vec<NewSuppression>)> {
    let number = number(&body.number)?;
    let attributes = body
        .attributes
        .map(|given| check::object("attributes", Some(given), check::SMALL_OBJECT))
        .transpose()?;
    let new = NewLead {
        number,
        email: body.email.map(email).transpose()?,
        timezone: body.timezone.map(timezone).transpose()?,
        attributes,
    };
    Ok((new, opt_outs(number, body.opt_outs.unwrap_or_default())?))
}

/// `POST /leads`: makes a lead.
pub(super) async fn create(door: Allowed<may::RunCampaigns>, Json(body): Json<Body>) -> Result<Answer<View>> {
    let (new, opt_outs) = check_lead(body)?;
    let mut change = door.change("lead.create", |known: &KnownLead| {
        Reply::created(View::from(known.clone())).about(known.0.id)
    });
    let receipt = change.receipt();
    change.engine().create_lead(change.workspace(), new, opt_outs, receipt).await?;
    change.answer()
}

/// What became of many leads.
#[derive(Serialize, ToSchema)]
#[schema(as = KeptLeads)]
pub(super) struct BulkView {
    created: usize,
    updated: usize,
    rejected: usize,
    results: Vec<ResultView>,
}

/// What became of one of them.
#[derive(Serialize, ToSchema, Clone)]
#[serde(rename_all = "camelCase")]
#[schema(as = KeptLead)]
struct ResultView {
    index: usize,
    status: Became,
    id: Option<LeadId>,
    /// Why it was rejected, beginning with the field at fault.
    reason: Option<String>,
}

#[derive(Serialize, ToSchema, PartialEq, Clone)]
#[serde(rename_all = "camelCase")]
enum Became {
    Created,
    Updated,
    Rejected,
}

/// `POST /leads/bulk`: makes or changes up to 5,000 leads; good ones are kept, bad ones told.
pub(super) async fn bulk(
    door: Allowed<may::RunCampaigns>,
    Json(body): Json<BulkBody>,
) -> Result<Answer<BulkView>> {
    if !(1..=MOST).contains(&body.leads.len()) {
        return Err(ApiError::invalid("leads", format!("give 1 to {MOST} leads at once")));
    }
    let (mut good, mut indices, mut lists) = (Vec::new(), Vec::new(), Vec::new());
    let (mut seen, mut results) = (HashSet::new(), Vec::new());
    for (index, item) in body.leads.into_iter().enumerate() {
        let read = serde_json::from_value::<Object<Body>>(item);
        let read = read.map_err(|error| error.to_string());
        let checked = read.and_then(|Object(body)| check_lead(body).map_err(ApiError::into_message));
        match checked {
            Ok((new, _)) if !seen.insert(new.number) => {
                let reason = "number: stands further up in the same request".to_owned();
                results.push(ResultView { index, status: Became::Rejected, id: None, reason: Some(reason) });
            }
            Ok((new, opt_outs)) => {
                good.push(new);
                lists.extend(opt_outs);
                indices.push(index);
            }
            Err(reason) => {
                results.push(ResultView { index, status: Became::Rejected, id: None, reason: Some(reason) });
            }
        }
    }
    let mut change =
        door.change("lead.bulk", move |kept: &Vec<KeptLead>| told_of_many(results.clone(), &indices, kept));
    let receipt = change.receipt();
    change.engine().keep_leads(change.workspace(), good, lists, receipt).await?;
    change.answer()
}

fn told_of_many(mut results: Vec<ResultView>, indices: &[usize], kept: &[KeptLead]) -> Reply<BulkView> {
    results.extend(indices.iter().zip(kept).map(|(&index, kept)| {
        let (status, id) = match *kept {
            KeptLead::Created(id) => (Became::Created, id),
            KeptLead::Updated(id) => (Became::Updated, id),
        };
        ResultView { index, status, id: Some(id), reason: None }
    }));
    results.sort_by_key(|result| result.index);
    let count = |status: Became| results.iter().filter(|result| result.status == status).count();
    let (created, updated) = (count(Became::Created), count(Became::Updated));
    let rejected = count(Became::Rejected);
    let detail = json!({ "created": created, "updated": updated, "rejected": rejected });
    Reply::ok(BulkView { created, updated, rejected, results }).with_detail(detail)
}

/// `GET /leads/:id`: one lead.
pub(super) async fn show(
    door: Allowed<may::Read>,
    PathId(id): PathId<LeadKind>,
    seen: Seen,
) -> Result<Reply<View>> {
    Ok(seen.show(door.engine().lead(door.workspace(), id).await?.into()))
}

/// `PATCH /leads/:id`: changes a lead; `optOuts` are added to those that hold.
pub(super) async fn edit(
    door: Allowed<may::RunCampaigns>,
    PathId(id): PathId<LeadKind>,
    expected: Expected,
    Json(body): Json<PatchBody>,
) -> Result<Answer<View>> {
    let new_number = body.number.as_deref().map(number).transpose()?;
    let new_email = body.email.map(|given| given.map(email).transpose()).transpose()?;
    let new_zone = body.timezone.map(|given| given.map(timezone).transpose()).transpose()?;
    let attributes = body
        .attributes
        .map(|given| check::object("attributes", Some(given), check::SMALL_OBJECT))
        .transpose()?;
    let mut noted = door.change("lead.edit", |known: &KnownLead| {
        Reply::ok(View::from(known.clone())).tagged().about(known.0.id)
    });
    // Of which number they are is known when the lead is.
    let before = noted.engine().lead(noted.workspace(), id).await?.0;
    let opt_outs = opt_outs(new_number.unwrap_or(before.number), body.opt_outs.unwrap_or_default())?;
    let change = |before: &KnownLead, lead: &mut Lead| {
        expected.check(&View::from(before.clone()))?;
        set(&mut lead.number, new_number);
        set(&mut lead.email, new_email);
        set(&mut lead.timezone, new_zone);
        set(&mut lead.attributes, attributes);
        let number = lead.number;
        Ok(opt_outs.into_iter().map(|entry| NewSuppression { number, ..entry }).collect())
    };
    let receipt = noted.receipt();
    noted.engine().edit_lead(noted.workspace(), id, change, receipt).await?;
    noted.answer()
}

/// What is left of a lead.
#[derive(Serialize, ToSchema)]
#[schema(as = DeletedLead)]
pub(super) struct DeletedView {
    id: LeadId,
    deleted: bool,
}

/// `DELETE /leads/:id`: forgets a lead; its number stays on the lists it stands on.
pub(super) async fn remove(
    door: Allowed<may::RunCampaigns>,
    PathId(id): PathId<LeadKind>,
) -> Result<Answer<DeletedView>> {
    let mut change =
        door.change("lead.delete", move |_: &()| Reply::ok(DeletedView { id, deleted: true }).about(id));
    let receipt = change.receipt();
    change.engine().delete_lead(change.workspace(), id, receipt).await?;
    change.answer()
}

/// `?number=` and `?email=` of the list.
pub(super) struct ListQuery {
    paging: Paging,
    filter: LeadFilter,
}

impl FromQuery for ListQuery {
    fn read(parameters: &mut Parameters) -> Result<Self> {
        let filter = LeadFilter { number: parameters.parse("number")?, email: parameters.take("email")? };
        Ok(Self { paging: Paging::read(parameters)?, filter })
    }
}

/// `GET /leads`: a page of the workspace's leads.
pub(super) async fn list(
    door: Allowed<may::Read>,
    Query(query): Query<ListQuery>,
) -> Result<Reply<Vec<View>>> {
    let mut tx = door.engine().store().read().await?;
    let leads = tx.leads(door.workspace(), &query.filter, query.paging.ask()).await?;
    let numbers: Vec<E164> = leads.iter().map(|lead| lead.number).collect();
    let now = door.engine().clock().now();
    let found = tx.suppressions_of(door.workspace(), &numbers, now).await?;
    tx.commit().await?;
    let mut lists: HashMap<E164, Vec<Suppression>> = HashMap::new();
    for entry in found {
        lists.entry(entry.number).or_default().push(entry);
    }
    let known = leads.into_iter().map(|lead| {
        let entries = lists.remove(&lead.number).unwrap_or_default();
        (lead, entries)
    });
    Ok(query.paging.reply(known.collect(), |(lead, _): &KnownLead| lead.id.into()))
}

/// `GET /leads/:id/sessions`: the last calls to a lead's number.
pub(super) async fn sessions(
    door: Allowed<may::Read>,
    PathId(id): PathId<LeadKind>,
) -> Result<Reply<Vec<sessions::View>>> {
    let calls = door.engine().calls_of_lead(door.workspace(), id).await?;
    Ok(Reply::ok(calls.into_iter().map(Into::into).collect()))
}
