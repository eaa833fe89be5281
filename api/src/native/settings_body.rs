//! The settings of a campaign as requests write them, to make one and to change one.

use chrono::{DateTime, Utc};
use ringfleet_core::{
    BrakeRule, CallerIds, Caps, Channel, Plan, Recurrence, Schedule, Seats, Step, recurrence::Cron,
    trunk::Limits, zone,
};
use ringfleet_engine::NAME_LIMIT;
use ringfleet_store::CampaignSettings;
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use crate::{
    check,
    envelope::Moment,
    error::{ApiError, Result},
    openapi::bounds,
    strict::Object,
};

use super::{caller_ids, schedule_body::ScheduleBody};

/// Longest lifetime of a recipient, and furthest look back: ten years, in days.
const DAYS: std::ops::RangeInclusive<u32> = 1..=3_650;

/// The least and the largest weight.
const WEIGHTS: std::ops::RangeInclusive<f64> = 0.1..=100.0;

/// When fresh runs of a list are made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewRecurrence)]
pub(super) struct RecurrenceBody {
    cron: String,
    timezone: String,
}

impl RecurrenceBody {
    pub(super) fn check(self) -> Result<Recurrence> {
        let wrong = |problem: &dyn std::fmt::Display| ApiError::invalid("recurrence.cron", problem);
        let cron: Cron = self.cron.parse().map_err(|error| wrong(&error))?;
        let timezone = zone::parse(&self.timezone)
            .map_err(|problem| ApiError::invalid("recurrence.timezone", problem))?;
        let recurrence = Recurrence { cron, timezone };
        recurrence.validate().map_err(|problem| wrong(&problem))?;
        Ok(recurrence)
    }
}

/// `PATCH /campaigns/:id`: what is to change. What a value can be absent of, `null` takes away.
#[derive(Deserialize, Default, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = CampaignChanges)]
pub(super) struct PatchBody {
    #[schema(schema_with = bounds::maybe_name::<NAME_LIMIT>)]
    name: Option<String>,
    channel: Option<Channel>,
    #[schema(value_type = Option<Vec<Step>>, min_items = 1)]
    channels: Option<Vec<Object<Step>>>,
    #[schema(value_type = Option<Limits>)]
    limits: Option<Object<Limits>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Seats>)]
    seats: Option<Option<Object<Seats>>>,
    #[schema(schema_with = check::ring_seconds_bounds)]
    ring_timeout_seconds: Option<u32>,
    #[schema(schema_with = check::max_call_seconds_bounds)]
    max_call_seconds: Option<u32>,
    #[schema(value_type = Option<ScheduleBody>)]
    schedule: Option<Object<ScheduleBody>>,
    #[schema(value_type = Option<Caps>)]
    caps: Option<Object<Caps>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(schema_with = days_bounds)]
    dupe_days: Option<Option<u32>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(schema_with = days_bounds)]
    expire_days: Option<Option<u32>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Moment>)]
    start_at: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Moment>)]
    end_at: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<RecurrenceBody>)]
    recurrence: Option<Option<Object<RecurrenceBody>>>,
    #[schema(value_type = Option<BrakeRule>)]
    brake: Option<Object<BrakeRule>>,
    #[schema(schema_with = weight_bounds)]
    weight: Option<f64>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<caller_ids::Body>)]
    caller_ids: Option<Option<Object<caller_ids::Body>>>,
}

/// Tells a field that is `null` from one that is not there.
pub(crate) fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    d: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(d).map(Some)
}

/// The changes of a [`PatchBody`], each checked by itself.
pub(super) struct Patch {
    name: Option<String>,
    plan: Option<Plan>,
    limits: Option<Limits>,
    seats: Option<Option<Seats>>,
    ring_seconds: Option<u32>,
    max_call_seconds: Option<u32>,
    schedule: Option<Schedule>,
    caps: Option<Caps>,
    dupe_days: Option<Option<u32>>,
    expire_days: Option<Option<u32>>,
    start_at: Option<Option<DateTime<Utc>>>,
    end_at: Option<Option<DateTime<Utc>>>,
    recurrence: Option<Option<Recurrence>>,
    brake: Option<BrakeRule>,
    weight: Option<f64>,
    caller_ids: Option<Option<CallerIds>>,
}

impl PatchBody {
    /// Checks every field; the first that is wrong is named.
    pub(super) fn check(self) -> Result<Patch> {
        let plan = (self.channel.is_some() || self.channels.is_some())
            .then(|| plan(self.channel, self.channels))
            .transpose()?;
        let pool =
            |given: Option<Object<caller_ids::Body>>| given.map(|Object(body)| body.check()).transpose();
        let recurrence =
            |given: Option<Object<RecurrenceBody>>| given.map(|Object(body)| body.check()).transpose();
        Ok(Patch {
            name: self.name.map(|name| check::name(name, NAME_LIMIT)).transpose()?,
            plan,
            limits: self.limits.map(limits).transpose()?,
            seats: self.seats.map(seats).transpose()?,
            ring_seconds: self.ring_timeout_seconds.map(|n| check::ring_seconds(Some(n))).transpose()?,
            max_call_seconds: self.max_call_seconds.map(|n| check::max_call_seconds(Some(n))).transpose()?,
            schedule: self.schedule.map(|body| schedule(Some(body))).transpose()?,
            caps: self.caps.map(caps).transpose()?,
            dupe_days: self.dupe_days.map(|n| days("dupeDays", n)).transpose()?,
            expire_days: self.expire_days.map(|n| days("expireDays", n)).transpose()?,
            start_at: self.start_at.map(|at| check::moment("startAt", at)).transpose()?,
            end_at: self.end_at.map(|at| check::moment("endAt", at)).transpose()?,
            recurrence: self.recurrence.map(recurrence).transpose()?,
            brake: self.brake.map(brake).transpose()?,
            weight: self.weight.map(|n| weight(Some(n))).transpose()?,
            caller_ids: self.caller_ids.map(pool).transpose()?,
        })
    }
}

impl Patch {
    /// Changes the settings.
    pub(super) fn apply(self, to: &mut CampaignSettings) {
        set(&mut to.name, self.name);
        set(&mut to.plan, self.plan);
        set(&mut to.limits, self.limits);
        set(&mut to.seats, self.seats);
        set(&mut to.ring_seconds, self.ring_seconds);
        set(&mut to.max_call_seconds, self.max_call_seconds);
        set(&mut to.schedule, self.schedule);
        set(&mut to.caps, self.caps);
        set(&mut to.dupe_days, self.dupe_days);
        set(&mut to.expire_days, self.expire_days);
        set(&mut to.start_at, self.start_at);
        set(&mut to.end_at, self.end_at);
        set(&mut to.recurrence, self.recurrence);
        set(&mut to.brake, self.brake);
        set(&mut to.weight, self.weight);
        set(&mut to.caller_ids, self.caller_ids);
    }
}

/// Replaces a value where there is a new one.
pub(super) fn set<T>(value: &mut T, new: Option<T>) {
    if let Some(new) = new {
        *value = new;
    }
}

/// One voice step unless the request says more.
pub(super) fn plan(channel: Option<Channel>, channels: Option<Vec<Object<Step>>>) -> Result<Plan> {
    let plan = match (channel, channels) {
        (Some(_), Some(_)) => {
            return Err(ApiError::invalid("channels", "give either channel or channels, not both"));
        }
        (Some(Channel::Voice) | None, None) => Plan::voice(1),
        (Some(_), None) => {
            return Err(ApiError::invalid(
                "channel",
                "must be voice; a message needs to be said what it says: give channels with one step",
            ));
        }
        (None, Some(steps)) => Plan { steps: steps.into_iter().map(|Object(step)| step).collect() },
    };
    plan.validate().map_err(|error| ApiError::invalid(error.field, error.problem))?;
    Ok(plan)
}

pub(super) fn limits(Object(limits): Object<Limits>) -> Result<Limits> {
    limits.validate().map_err(|(field, problem)| ApiError::invalid(field, problem))?;
    Ok(limits)
}

pub(super) fn brake(Object(brake): Object<BrakeRule>) -> Result<BrakeRule> {
    brake.validate().map_err(|(field, problem)| ApiError::invalid(field, problem))?;
    Ok(brake)
}

/// No seats unless the request names some.
pub(super) fn seats(given: Option<Object<Seats>>) -> Result<Option<Seats>> {
    let Some(Object(seats)) = given else { return Ok(None) };
    seats.validate().map_err(|(field, problem)| ApiError::invalid(field, problem))?;
    Ok(Some(seats))
}

pub(super) fn caps(Object(caps): Object<Caps>) -> Result<Caps> {
    caps.validate().map_err(|(field, problem)| ApiError::invalid(field, problem))?;
    Ok(caps)
}

/// The daytime hours unless the request says more.
pub(super) fn schedule(body: Option<Object<ScheduleBody>>) -> Result<Schedule> {
    match body {
        Some(Object(schedule)) => schedule.check(Schedule::daytime()),
        None => Ok(Schedule::daytime()),
    }
}

/// How much a campaign gets beside the others of its workspace; as much as any other unless the request says more.
/// What programs are told of a weight.
pub(super) fn weight_bounds() -> bounds::Bounds {
    bounds::maybe_number(WEIGHTS)
}

pub(super) fn weight(given: Option<f64>) -> Result<f64> {
    check::within("weight", given, WEIGHTS, 1.0)
}

/// What programs are told of a number of days.
pub(super) fn days_bounds() -> bounds::Bounds {
    bounds::maybe_whole(check::wide(DAYS))
}

pub(super) fn days(field: &str, given: Option<u32>) -> Result<Option<u32>> {
    given.map(|n| check::within(field, Some(n), DAYS, n)).transpose()
}
