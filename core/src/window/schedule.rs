//! The hours somebody may be called, as they are written down.

use std::{collections::BTreeSet, fmt, str::FromStr};

use chrono::NaiveDate;
use chrono_tz::Tz;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use crate::zone;

/// Seconds of a day.
pub(super) const DAY: i64 = 86_400;

/// Most ranges on one weekday.
const MAX_RANGES: usize = 10;
/// Most blocked dates, some years of holidays.
const MAX_DATES: usize = 1_000;

/// Weekly hours without some dates, by the clock on the wall of whoever is called.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Schedule {
    /// The hours of each weekday; none means any hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hours: Option<Hours>,
    /// Dates on which nobody is called, not even in the rest of a night that began the day before.
    #[serde(skip_serializing_if = "BTreeSet::is_empty", deserialize_with = "dates")]
    #[schema(value_type = Vec<String>, examples("2026-12-25"))]
    pub blocked_dates: BTreeSet<NaiveDate>,
    /// The campaign's own zone: where a recipient is whose number tells no place. The hours are not meant in this zone.
    #[serde(skip_serializing_if = "Option::is_none", with = "zone_name")]
    #[schema(value_type = Option<String>, default = json!(null), examples("Asia/Kolkata"))]
    pub timezone: Option<Tz>,
}

/// Ranges of hours by weekday; a day without any is closed. Ranges of different days may overlap past midnight.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
#[allow(missing_docs)] // the weekdays say it
pub struct Hours {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mon: Vec<Range>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tue: Vec<Range>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub wed: Vec<Range>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub thu: Vec<Range>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fri: Vec<Range>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sat: Vec<Range>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sun: Vec<Range>,
}

/// The weekdays as the schedule spells them, from Monday.
pub(super) const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// From one time of day, included, to another, excluded: `09:00-18:00`, `14:00-24:00`, or over midnight `22:00-06:00`,
/// which belongs to the day it begins on. Seconds may be given: `09:00:30-18:00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// Second of the day, 0 to 86,399.
    from: i64,
    /// Second of the day it begins on, `from` + 1 to `from` + 86,399.
    to: i64,
}

/// A schedule that cannot be kept; `field` is the path inside the schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct ScheduleError {
    /// Like `hours.mon[1]`.
    pub field: String,
    /// What is wrong and what would be right.
    pub problem: String,
}

impl Schedule {
    /// Whether it closes no hour of no day, so that nobody's zone matters.
    pub fn is_always(&self) -> bool {
        self.hours.is_none() && self.blocked_dates.is_empty()
    }

    /// Every day from 9 in the morning to 8 in the evening on the recipient's clock, which holds for a campaign that names no
    /// hours: inside what federal law of the United States (47 CFR 64.1200(c)(1): 8 to 21) and its strictest states allow, and
    /// inside India's 9 to 21 (TCCCPR 2018).
    pub fn daytime() -> Self {
        let hours = Range::new(9 * 3_600, 20 * 3_600).map(|range| Hours::on([true; 7], range));
        Self { hours, ..Self::default() }
    }

    /// Checks every rule that a single value cannot break by itself; gives the first that is broken.
    pub fn validate(&self) -> Result<(), ScheduleError> {
        let error =
            |field: &str, problem: &str| Err(ScheduleError { field: field.into(), problem: problem.into() });
        if let Some(hours) = &self.hours {
            for (weekday, ranges) in WEEKDAYS.iter().zip(hours.by_weekday()) {
                validate_day(&format!("hours.{weekday}"), ranges)?;
            }
            if hours.by_weekday().iter().all(|ranges| ranges.is_empty()) {
                return error("hours", "give at least one day some hours; the window always allows any hour");
            }
        }
        if self.blocked_dates.len() > MAX_DATES {
            return error("blockedDates", "give at most 1000 dates");
        }
        Ok(())
    }
}

fn validate_day(field: &str, ranges: &[Range]) -> Result<(), ScheduleError> {
    if ranges.len() > MAX_RANGES {
        return Err(ScheduleError { field: field.into(), problem: "give at most 10 ranges a day".into() });
    }
    for (i, range) in ranges.iter().enumerate() {
        let overlaps = |other: &&Range| range.from < other.to && other.from < range.to;
        if let Some(other) = ranges[..i].iter().find(overlaps) {
            let problem = format!("{range} overlaps {other}; make one range of the two");
            return Err(ScheduleError { field: format!("{field}[{i}]"), problem });
        }
    }
    Ok(())
}

impl Hours {
    /// The same ranges on the given weekdays, Monday first.
    pub(super) fn on(weekdays: [bool; 7], range: Range) -> Self {
        let [mon, tue, wed, thu, fri, sat, sun] =
            weekdays.map(|open| if open { vec![range] } else { vec![] });
        Self { mon, tue, wed, thu, fri, sat, sun }
    }

    /// The ranges of each weekday, Monday first.
    pub(super) fn by_weekday(&self) -> [&[Range]; 7] {
        [&self.mon, &self.tue, &self.wed, &self.thu, &self.fri, &self.sat, &self.sun].map(Vec::as_slice)
    }
}

impl Range {
    /// From second `from` of the day to second `to`, which lies on the next day if it is not after `from`.
    ///
    /// None if they are the same, for that could mean no hours or all, or if they are no times of a day. 0 to 86,400.
    pub(super) fn new(from: i64, to: i64) -> Option<Self> {
        let fits = (0..DAY).contains(&from) && (0..=DAY).contains(&to) && from != to;
        fits.then_some(Self { from, to: if to < from { to + DAY } else { to } })
    }

    /// First and, excluded, last second, counted from the midnight that begins its day; the end may be on the next day.
    pub(super) const fn seconds(self) -> (i64, i64) {
        (self.from, self.to)
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let to = if self.to > DAY { self.to - DAY } else { self.to };
        let time = |at: i64| match (at / 3600, at / 60 % 60, at % 60) {
            (hour, minute, 0) => format!("{hour:02}:{minute:02}"),
            (hour, minute, second) => format!("{hour:02}:{minute:02}:{second:02}"),
        };
        write!(f, "{}-{}", time(self.from), time(to))
    }
}

impl FromStr for Range {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let times = text.split_once('-').and_then(|(from, to)| Some((time_of_day(from)?, time_of_day(to)?)));
        if times.is_some_and(|(from, to)| from == to) {
            return Err(format!("{text:?} begins and ends at the same time; the whole day is 00:00-24:00"));
        }
        times.and_then(|(from, to)| Self::new(from, to)).ok_or_else(|| {
            format!("{text:?} is no range of hours; write it like 09:00-18:00, 14:00-24:00 or 22:00-06:00")
        })
    }
}

/// Seconds from midnight of `HH:MM` or `HH:MM:SS`, up to `24:00`.
pub(super) fn time_of_day(text: &str) -> Option<i64> {
    let part = |part: &str| {
        let digits = part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| part.parse::<i64>().ok()).flatten()
    };
    let mut parts = text.split(':').map(part);
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next().unwrap_or(Some(0))?);
    let time = hour * 3600 + minute * 60 + second;
    (parts.next().is_none() && minute < 60 && second < 60 && time <= DAY).then_some(time)
}

impl utoipa::PartialSchema for Range {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        crate::schema::text(
            "Hours of a day; over midnight where the end comes first.",
            r"^[0-2][0-9]:[0-5][0-9](:[0-5][0-9])?-[0-2][0-9]:[0-5][0-9](:[0-5][0-9])?$",
            "09:00-18:00",
        )
    }
}

impl utoipa::ToSchema for Range {}

impl Serialize for Range {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Range {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(d)?;
        text.parse().map_err(D::Error::custom)
    }
}

/// Reads a date. chrono's own message does not say what would be right.
pub fn date(text: &str) -> Result<NaiveDate, String> {
    let date = (text.len() == 10).then(|| text.parse().ok()).flatten();
    date.ok_or_else(|| format!("{text:?} is no date; write it like 2026-12-25"))
}

fn dates<'de, D: Deserializer<'de>>(d: D) -> Result<BTreeSet<NaiveDate>, D::Error> {
    Vec::<String>::deserialize(d)?.iter().map(|text| date(text).map_err(D::Error::custom)).collect()
}

mod zone_name {
    use super::*;

    pub fn serialize<S: Serializer>(zone: &Option<Tz>, s: S) -> Result<S::Ok, S::Error> {
        zone.map(|zone| zone.name()).serialize(s)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Tz>, D::Error> {
        let Some(name) = Option::<String>::deserialize(d)? else { return Ok(None) };
        zone::parse(&name).map(Some).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Schedule, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn a_schedule_reads_back_as_it_was_written() {
        let json = r#"{"hours":{"mon":["09:00-13:00","14:00-24:00"],"sat":["22:00-06:00","08:00:30-09:00"]},"blockedDates":["2026-12-25","2027-01-01"],"timezone":"Asia/Kolkata"}"#;
        let schedule = read(json).unwrap();
        assert_eq!(schedule.validate(), Ok(()));
        assert_eq!(serde_json::to_string(&schedule).unwrap(), json);
    }

    #[test]
    fn nothing_written_means_any_hour_and_an_empty_day_means_closed() {
        assert_eq!(read("{}").unwrap(), Schedule::default());
        let short = read(r#"{"hours":{"mon":["09:00-18:00"]}}"#);
        assert_eq!(short, read(r#"{"hours":{"mon":["09:00-18:00"],"sun":[]},"blockedDates":[]}"#));
    }

    #[test]
    fn midnight_as_an_end_is_the_end_of_the_day() {
        let evening = |text: &str| text.parse::<Range>().map(Range::seconds);
        assert_eq!(evening("18:00-00:00"), Ok((64_800, 86_400)));
        assert_eq!(evening("18:00-24:00"), Ok((64_800, 86_400)));
        assert_eq!(evening("22:00-06:00"), Ok((79_200, 108_000)));
    }

    #[test]
    fn each_unreadable_value_says_what_would_be_right() {
        for (json, message) in [
            (r#"{"hours":{"mon":["9-18"]}}"#, r#""9-18" is no range of hours; write it like 09:00-18:00"#),
            (r#"{"hours":{"mon":["9:00-18:00"]}}"#, "is no range of hours"),
            (r#"{"hours":{"mon":["09:00-25:00"]}}"#, "is no range of hours"),
            (r#"{"hours":{"mon":["09:00-24:01"]}}"#, "is no range of hours"),
            (r#"{"hours":{"mon":["24:00-06:00"]}}"#, "is no range of hours"),
            (r#"{"hours":{"mon":["09:60-18:00"]}}"#, "is no range of hours"),
            (r#"{"hours":{"mon":["+9:00-18:00"]}}"#, "is no range of hours"),
            (r#"{"hours":{"mon":["09:00:00:00-18:00"]}}"#, "is no range of hours"),
            (r#"{"hours":{"mon":[""]}}"#, "is no range of hours"),
            (r#"{"hours":{"mon":["09:00-09:00"]}}"#, "at the same time; the whole day is 00:00-24:00"),
            (r#"{"hours":{"monday":[]}}"#, "unknown field `monday`, expected one of `mon`, `tue`"),
            (r#"{"blockedDates":["25.12.2026"]}"#, r#""25.12.2026" is no date; write it like 2026-12-25"#),
            (r#"{"blockedDates":["2026-02-30"]}"#, "is no date"),
            (r#"{"timezone":"IST"}"#, r#""IST" is no IANA time zone; write it like Asia/Kolkata"#),
            (r#"{"timezone":"Asia/Bombay"}"#, "is no IANA time zone"),
            (r#"{"holidays":[]}"#, "unknown field `holidays`, expected one of `hours`"),
        ] {
            let error = read(json).unwrap_err();
            assert!(error.contains(message), "{json}: {error}");
        }
    }

    #[test]
    fn the_first_broken_rule_is_named_with_its_place() {
        let many = format!(r#"{{"hours":{{"tue":[{}]}}}}"#, [r#""09:00-10:00""#; 11].join(","));
        for (json, message) in [
            (
                r#"{"hours":{"sun":[]}}"#,
                "hours: give at least one day some hours; the window always allows any hour",
            ),
            (
                r#"{"hours":{"mon":["09:00-13:00","12:00-18:00"]}}"#,
                "hours.mon[1]: 12:00-18:00 overlaps 09:00-13:00; make one range of the two",
            ),
            (
                r#"{"hours":{"fri":["22:00-06:00","09:00-13:00","23:00-24:00"]}}"#,
                "hours.fri[2]: 23:00-24:00 overlaps 22:00-06:00; make one range of the two",
            ),
            (&many, "hours.tue: give at most 10 ranges a day"),
        ] {
            let error = read(json).unwrap().validate().unwrap_err();
            assert_eq!(error.to_string(), message, "{json}");
        }
        let touching =
            r#"{"hours":{"mon":["09:00-13:00","13:00-18:00","22:00-06:00"],"tue":["05:00-06:00"]}}"#;
        assert_eq!(
            read(touching).unwrap().validate(),
            Ok(()),
            "touching is no overlap, nor is the night before"
        );
        let blocked_dates = NaiveDate::MIN.iter_days().take(1001).collect();
        let dates = Schedule { blocked_dates, ..Schedule::default() };
        assert_eq!(dates.validate().unwrap_err().to_string(), "blockedDates: give at most 1000 dates");
    }
}
