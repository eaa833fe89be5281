//! The five fields of a cron expression.
//!
//! Read here and not by the crate `cron`, which the housekeeping uses: that one wants seconds, counts Sunday as 1 instead of 0, and
//! takes a day only when day of month and day of week both fit, where POSIX takes it when either does.

use std::{fmt, str::FromStr};

use chrono::{Datelike, NaiveDate};

/// The times of day and the days at which something happens, on the wall: `minute hour day-of-month month day-of-week` (POSIX
/// `crontab`; names of months and days and steps as everywhere).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cron {
    text: String,
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// Both kinds of day are restricted: then either of them makes a day fit.
    either: bool,
}

/// An expression that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CronError(String);

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
/// No expression that says anything is longer.
const LONGEST: usize = 200;

impl Cron {
    /// Whether anything happens on this date.
    pub(super) fn takes(&self, date: NaiveDate) -> bool {
        let has = |set: u64, n: u32| set >> n & 1 == 1;
        let day = has(self.days, date.day());
        let weekday = has(self.weekdays, date.weekday().num_days_from_sunday());
        has(self.months, date.month()) && if self.either { day || weekday } else { day && weekday }
    }

    /// The minutes of a day at which something happens, in order.
    pub(super) fn minutes_of_day(&self) -> impl Iterator<Item = i64> + Clone + '_ {
        bits(self.hours).flat_map(|hour| bits(self.minutes).map(move |minute| hour * 60 + minute))
    }
}

fn bits(set: u64) -> impl Iterator<Item = i64> + Clone {
    (0..60).filter(move |n| set >> n & 1 == 1)
}

impl FromStr for Cron {
    type Err = CronError;

    fn from_str(text: &str) -> Result<Self, CronError> {
        let fields: Vec<&str> = text.split_ascii_whitespace().collect();
        let &[minutes, hours, days, months, weekdays] = fields.as_slice() else {
            let problem =
                "write five fields: minute, hour, day of month, month, day of week, like \"0 9 * * 1\"";
            return Err(CronError(problem.into()));
        };
        if text.len() > LONGEST {
            return Err(CronError(format!("must be at most {LONGEST} characters")));
        }
        let field = |name, text, from, to, names| Field { name, from, to, names }.read(text);
        // 7 is another name of Sunday.
        let week = field("day of week", weekdays, 0, 7, &WEEKDAYS)?;
        Ok(Self {
            text: fields.join(" "),
            minutes: field("minute", minutes, 0, 59, &[])?,
            hours: field("hour", hours, 0, 23, &[])?,
            days: field("day of month", days, 1, 31, &[])?,
            months: field("month", months, 1, 12, &MONTHS)?,
            weekdays: week | week >> 7 & 1,
            either: !days.starts_with('*') && !weekdays.starts_with('*'),
        })
    }
}

/// What may stand in a field.
struct Field<'a> {
    name: &'a str,
    from: u32,
    to: u32,
    /// The names of the first values, of `from` on.
    names: &'a [&'a str],
}

impl Field<'_> {
    fn read(&self, text: &str) -> Result<u64, CronError> {
        text.split(',').try_fold(0, |set, part| Ok(set | self.part(part)?))
    }

    /// `*`, a value or a range, each perhaps with a step.
    fn part(&self, part: &str) -> Result<u64, CronError> {
        let (range, step) = part.split_once('/').map_or((part, None), |(range, step)| (range, Some(step)));
        let (from, to) = match range.split_once('-') {
            _ if range == "*" => (self.from, self.to - u32::from(self.to == 7)),
            Some((from, to)) => (self.value(from, part)?, self.value(to, part)?),
            // `5/15` is from 5 on.
            None => {
                (self.value(range, part)?, if step.is_some() { self.to } else { self.value(range, part)? })
            }
        };
        let step: u32 = match step {
            Some(step) => digits(step).filter(|step| *step > 0).ok_or_else(|| self.wrong(part))?,
            None => 1,
        };
        match from <= to {
            true => Ok((from..=to).step_by(step as usize).fold(0, |set, n| set | 1 << n)),
            false => Err(self.wrong(part)),
        }
    }

    fn value(&self, text: &str, part: &str) -> Result<u32, CronError> {
        let named = self.names.iter().zip(self.from..).find(|(name, _)| name.eq_ignore_ascii_case(text));
        let value = named.map(|(_, n)| n).or_else(|| digits(text));
        value.filter(|n| (self.from..=self.to).contains(n)).ok_or_else(|| self.wrong(part))
    }

    fn wrong(&self, part: &str) -> CronError {
        let part: String = part.chars().take(40).collect();
        let Self { name, from, to, .. } = self;
        CronError(format!(
            "{part:?} is no {name}: write *, values {from} to {to}, ranges like {from}-{to}, and steps like */5"
        ))
    }
}

fn digits(text: &str) -> Option<u32> {
    let plain = (1..=3).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl utoipa::PartialSchema for Cron {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        crate::schema::free_text("Minute, hour, day, month and weekday of cron.", "0 9 * * mon-fri")
    }
}

impl utoipa::ToSchema for Cron {}

impl serde::Serialize for Cron {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Cron {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(d)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
