//! Calling windows as requests write them and answers show them.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use ringfleet_core::{
    Schedule,
    window::{Hours, date},
    zone,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::{ApiError, Result};

/// The window that closes no hour.
const ALWAYS: &str = "always";

/// A named window (`schedule.window` of Saaya's API) or hours, never both.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewSchedule)]
pub(super) struct ScheduleBody {
    window: Option<String>,
    hours: Option<Hours>,
    #[serde(default)]
    blocked_dates: Vec<String>,
    timezone: Option<String>,
}

impl ScheduleBody {
    /// The schedule, with the hours of `unsaid` where it names neither a window nor hours.
    pub(super) fn check(self, unsaid: Schedule) -> Result<Schedule> {
        let within = |name: &str| format!("schedule.{name}");
        let hours = match (&self.window, self.hours) {
            (Some(_), Some(_)) => {
                return Err(ApiError::invalid(within("hours"), "give either window or hours, not both"));
            }
            (Some(window), None) if window == ALWAYS => Schedule::default(),
            (Some(window), None) => named(window)?,
            (None, Some(hours)) => Schedule { hours: Some(hours), ..Schedule::default() },
            (None, None) => unsaid,
        };
        let timezone = match self.timezone {
            Some(name) => {
                Some(zone::parse(&name).map_err(|problem| ApiError::invalid(within("timezone"), problem))?)
            }
            None => hours.timezone,
        };
        let blocked_dates = self.blocked_dates.iter().enumerate().map(|(i, text)| {
            date(text).map_err(|problem| ApiError::invalid(format!("schedule.blockedDates[{i}]"), problem))
        });
        let blocked_dates = blocked_dates.collect::<Result<BTreeSet<_>>>()?;
        let schedule = Schedule { blocked_dates, timezone, ..hours };
        schedule.validate().map_err(|error| ApiError::invalid(within(&error.field), error.problem))?;
        Ok(schedule)
    }
}

fn named(window: &str) -> Result<Schedule> {
    Schedule::named(window).map_err(|error| {
        let problem = format!("{}; {ALWAYS} means any hour", error.problem);
        ApiError::invalid(format!("schedule.{}", error.field), problem)
    })
}

/// A schedule as answers show it; sent back as it is, it means the same.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ShownSchedule)]
pub(super) struct ScheduleView {
    #[serde(skip_serializing_if = "Option::is_none")]
    window: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hours: Option<Hours>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    #[schema(value_type = Vec<String>, examples("2026-12-25"))]
    blocked_dates: BTreeSet<NaiveDate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(examples("Asia/Kolkata"))]
    timezone: Option<&'static str>,
}

impl From<Schedule> for ScheduleView {
    fn from(schedule: Schedule) -> Self {
        let Schedule { hours, blocked_dates, timezone } = schedule;
        let window = hours.is_none().then_some(ALWAYS);
        Self { window, hours, blocked_dates, timezone: timezone.map(|zone| zone.name()) }
    }
}
