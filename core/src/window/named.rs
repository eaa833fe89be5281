//! Schedules in the words of other systems.

use chrono_tz::Tz;

use super::schedule::{DAY, Hours, Range, Schedule, ScheduleError, WEEKDAYS, time_of_day};
use crate::zone;

/// Abbreviations that mean one zone in the places this is used. IST is India's, as in Saaya's API, not Ireland's or
/// Israel's. EST, CST, AST, BST and the like are left out: they name several places, or half a year.
const ABBREVIATIONS: [(&str, Tz); 16] = [
    ("IST", Tz::Asia__Kolkata),
    ("UTC", Tz::UTC),
    ("ET", Tz::America__New_York),
    ("CT", Tz::America__Chicago),
    ("MT", Tz::America__Denver),
    ("PT", Tz::America__Los_Angeles),
    ("CET", Tz::Europe__Berlin),
    ("MSK", Tz::Europe__Moscow),
    ("SAST", Tz::Africa__Johannesburg),
    ("PKT", Tz::Asia__Karachi),
    ("NPT", Tz::Asia__Kathmandu),
    ("WIB", Tz::Asia__Jakarta),
    ("SGT", Tz::Asia__Singapore),
    ("HKT", Tz::Asia__Hong_Kong),
    ("JST", Tz::Asia__Tokyo),
    ("KST", Tz::Asia__Seoul),
];

impl Schedule {
    /// Reads a named window, days-start-end-zone, like `weekdays-09-18-IST` (`schedule.window` of Saaya's API).
    ///
    /// Days are `weekdays`, `weekends`, `everyday` or `daily`, one weekday, or two with a dash (`mon-sat`); hours are
    /// `HH` or `HHMM`, the end up to `24`, over midnight if it is the smaller one; the zone is an IANA name or one of a
    /// few abbreviations. As with every schedule the zone is the campaign's: the hours are kept in the recipient's own.
    pub fn named(window: &str) -> Result<Self, ScheduleError> {
        let error = |problem: String| ScheduleError { field: "window".into(), problem };
        let (weekdays, rest) = days(window).ok_or_else(|| {
            error(format!(
                "{window:?} does not begin with days (weekdays, weekends, everyday, mon or mon-sat); \
                 write it like weekdays-09-18-IST"
            ))
        })?;
        let mut parts = rest.splitn(3, '-');
        let (from, to, zone) = match (parts.next(), parts.next(), parts.next()) {
            (Some(from), Some(to), Some(zone)) => (from, to, zone),
            _ => {
                let problem = "lacks two hours or the zone after the days; write it like weekdays-09-18-IST";
                return Err(error(format!("{window:?} {problem}")));
            }
        };
        let range =
            hour(from).zip(hour(to)).and_then(|(from, to)| Range::new(from, to)).ok_or_else(|| {
                error(format!(
                    "{from}-{to} are no two different hours; write them like 09-18, 0930-1745 or 14-24"
                ))
            })?;
        let timezone = zone_of(zone).map_err(error)?;
        Ok(Self { hours: Some(Hours::on(weekdays, range)), timezone: Some(timezone), ..Self::default() })
    }

    /// Reads Vaani's `earliest_prospect_time` and `latest_prospect_time`, `HH:MM` or `HH:MM:SS` in the recipient's own
    /// time, every day; Vaani's defaults are 09:00:00 and 21:00:00.
    pub fn prospect_times(earliest: Option<&str>, latest: Option<&str>) -> Result<Self, ScheduleError> {
        let error = |field: &str, problem: String| ScheduleError { field: field.into(), problem };
        let read = |field: &str, text: &str| {
            time_of_day(text)
                .ok_or_else(|| error(field, format!("{text:?} is no time of day; write it like 09:00:00")))
        };
        let from = read("earliest_prospect_time", earliest.unwrap_or("09:00:00"))?;
        let to = read("latest_prospect_time", latest.unwrap_or("21:00:00"))?;
        // Vaani says nothing of nights, so the wrong way round is a mistake and not a range over midnight.
        let range =
            Some((from, to)).filter(|(from, to)| from < to).and_then(|(from, to)| Range::new(from, to));
        let range = range.ok_or_else(|| {
            error("latest_prospect_time", "must be later than earliest_prospect_time".into())
        })?;
        Ok(Self { hours: Some(Hours::on([true; 7], range)), ..Self::default() })
    }
}

/// The weekdays a window begins with, Monday first, and what follows them.
fn days(window: &str) -> Option<([bool; 7], &str)> {
    let (word, rest) = window.split_once('-')?;
    let weekday = |word: &str| WEEKDAYS.iter().position(|day| day.eq_ignore_ascii_case(word));
    match word.to_ascii_lowercase().as_str() {
        "weekdays" => return Some((span(0, 4), rest)),
        "weekends" => return Some((span(5, 6), rest)),
        "everyday" | "daily" => return Some(([true; 7], rest)),
        _ => {}
    }
    let first = weekday(word)?;
    match rest.split_once('-').and_then(|(word, rest)| Some((weekday(word)?, rest))) {
        Some((last, rest)) => Some((span(first, last), rest)),
        None => Some((span(first, first), rest)),
    }
}

/// The weekdays from `first` to `last`, over the end of the week if need be: `sat-mon`.
fn span(first: usize, last: usize) -> [bool; 7] {
    std::array::from_fn(|day| (day + 7 - first) % 7 <= (last + 7 - first) % 7)
}

/// Seconds from midnight of `HH` or `HHMM`.
fn hour(text: &str) -> Option<i64> {
    let (hours, minutes) = match text.len() {
        2 => (text, "00"),
        4 => (text.get(..2)?, text.get(2..)?),
        _ => return None,
    };
    time_of_day(&format!("{hours}:{minutes}")).filter(|time| *time <= DAY)
}

fn zone_of(name: &str) -> Result<Tz, String> {
    let known = ABBREVIATIONS.iter().find(|(short, _)| short.eq_ignore_ascii_case(name));
    known.map(|(_, zone)| *zone).or_else(|| zone::named(name)).ok_or_else(|| {
        let shorts = ABBREVIATIONS.map(|(short, _)| short).join(", ");
        format!("{name:?} is no zone known here; write an IANA name like Asia/Kolkata, or one of {shorts}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(schedule: Schedule) -> String {
        serde_json::to_string(&schedule).unwrap()
    }

    #[test]
    fn named_windows_become_weekly_hours() {
        let same = |days: &[&str], hours: &str, zone: &str| {
            let days: Vec<_> = days.iter().map(|day| format!("{day:?}:[{hours:?}]")).collect();
            format!(r#"{{"hours":{{{}}},"timezone":{zone:?}}}"#, days.join(","))
        };
        let week = ["mon", "tue", "wed", "thu", "fri"];
        for (window, expected) in [
            ("weekdays-09-18-IST", same(&week, "09:00-18:00", "Asia/Kolkata")),
            ("Weekdays-0930-1745-Europe/Berlin", same(&week, "09:30-17:45", "Europe/Berlin")),
            ("weekends-10-24-utc", same(&["sat", "sun"], "10:00-24:00", "UTC")),
            ("everyday-22-06-ET", same(&WEEKDAYS, "22:00-06:00", "America/New_York")),
            ("daily-00-24-JST", same(&WEEKDAYS, "00:00-24:00", "Asia/Tokyo")),
            ("mon-sat-09-21-PT", same(&WEEKDAYS[..6], "09:00-21:00", "America/Los_Angeles")),
            ("fri-mon-09-21-IST", same(&["mon", "fri", "sat", "sun"], "09:00-21:00", "Asia/Kolkata")),
            ("sun-09-21-America/Port-au-Prince", same(&["sun"], "09:00-21:00", "America/Port-au-Prince")),
            ("sun-sun-09-21-Etc/GMT-5", same(&["sun"], "09:00-21:00", "Etc/GMT-5")),
        ] {
            let schedule = Schedule::named(window).unwrap();
            assert_eq!(schedule.validate(), Ok(()), "{window}");
            assert_eq!(json(schedule), expected, "{window}");
        }
    }

    #[test]
    fn a_window_that_cannot_be_read_says_what_would_be_right() {
        for (window, message) in [
            ("", r#"window: "" does not begin with days"#),
            (
                "sometimes-09-18-IST",
                "does not begin with days (weekdays, weekends, everyday, mon or mon-sat)",
            ),
            ("weekdays", "does not begin with days"),
            (
                "weekdays-09-18",
                "lacks two hours or the zone after the days; write it like weekdays-09-18-IST",
            ),
            (
                "weekdays-9-18-IST",
                "9-18 are no two different hours; write them like 09-18, 0930-1745 or 14-24",
            ),
            ("weekdays-09-25-IST", "are no two different hours"),
            ("weekdays-24-06-IST", "are no two different hours"),
            ("weekdays-0960-18-IST", "are no two different hours"),
            ("weekdays-09-09-IST", "are no two different hours"),
            ("weekdays-0é-18-IST", "are no two different hours"),
            ("weekdays-09-18-EST", r#""EST" is no zone known here; write an IANA name like Asia/Kolkata"#),
            ("weekdays-09-18-", r#""" is no zone known here"#),
        ] {
            let error = Schedule::named(window).unwrap_err().to_string();
            assert!(error.contains(message), "{window}: {error}");
        }
    }

    #[test]
    fn prospect_times_hold_every_day() {
        let days = |hours: &str| {
            let days: Vec<_> = WEEKDAYS.iter().map(|day| format!("{day:?}:[{hours:?}]")).collect();
            format!(r#"{{"hours":{{{}}}}}"#, days.join(","))
        };
        let read = |from, to| Schedule::prospect_times(from, to).map(json).map_err(|e| e.to_string());
        assert_eq!(read(None, None), Ok(days("09:00-21:00")));
        assert_eq!(read(Some("10:30"), Some("20:00:30")), Ok(days("10:30-20:00:30")));
        assert_eq!(
            read(Some("9am"), None),
            Err(r#"earliest_prospect_time: "9am" is no time of day; write it like 09:00:00"#.into())
        );
        for (from, to) in [("21:00", "09:00"), ("09:00", "09:00"), ("24:00", "24:00")] {
            let error = read(Some(from), Some(to)).unwrap_err();
            assert_eq!(error, "latest_prospect_time: must be later than earliest_prospect_time");
        }
    }
}
