//! Calling windows: from when, and until when, somebody may be called.
//!
//! A schedule is open in a zone at an instant when the clock on the wall there shows, at that instant, a time inside its
//! hours. Everything follows from looking at instants: an hour that spring skips opens nothing, and an hour that autumn
//! shows twice is open or closed both times. Several schedules (the campaign's, the workspace's floor) and several zones
//! (wherever the recipient may be) have to be open all at once.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use crate::zone::{Zones, utc_offset};

mod named;
mod schedule;
mod wall;

use schedule::DAY;
pub use schedule::{Hours, Range, Schedule, ScheduleError, date};

/// How far ahead anything is looked for, in seconds: 400 days, over a year of blocked dates.
const HORIZON: i64 = 400 * DAY;

/// Whether every schedule is open in every zone at `at`.
pub fn is_open(schedules: &[&Schedule], zones: &Zones, at: DateTime<Utc>) -> bool {
    zones.iter().all(|zone| {
        let wall = at.timestamp() + utc_offset(zone, at);
        schedules.iter().all(|schedule| schedule.glance(wall).open)
    })
}

/// The first instant from `at` on at which every schedule is open in every zone: `at` itself if that is now, else a
/// whole second. None when there is none within 400 days.
///
/// Jumps from boundary to boundary. Measured (release, one core of the development machine): one zone 11 million a
/// second when open, 2.4 million over a weekend; the 12 zones of Russia under two schedules that have no hour in common,
/// where all 400 days are looked through, 1,600 a second.
pub fn next_open(schedules: &[&Schedule], zones: &Zones, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let start = at.timestamp();
    let mut candidate = start;
    loop {
        // Nothing before the candidate is open for all: each pass moves it to where one more schedule opens, until a
        // whole pass leaves it where it is.
        let before = candidate;
        for (schedule, zone) in pairs(schedules, zones) {
            candidate = first(schedule, zone, true, candidate, start + HORIZON)?;
        }
        if candidate == before {
            return if candidate == start { Some(at) } else { DateTime::from_timestamp(candidate, 0) };
        }
    }
}

/// The first instant from `at` on at which some schedule is closed in some zone: the end of the open stretch at `at`,
/// or `at` itself if that is not open. None when nothing closes within 400 days.
pub fn closes(schedules: &[&Schedule], zones: &Zones, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let start = at.timestamp();
    let earliest = pairs(schedules, zones).fold(None, |earliest: Option<i64>, (schedule, zone)| {
        let limit = earliest.unwrap_or(start + HORIZON);
        first(schedule, zone, false, start, limit).or(earliest)
    })?;
    if earliest == start { Some(at) } else { DateTime::from_timestamp(earliest, 0) }
}

fn pairs<'a>(schedules: &'a [&'a Schedule], zones: &'a Zones) -> impl Iterator<Item = (&'a Schedule, Tz)> {
    zones.iter().flat_map(move |zone| schedules.iter().map(move |schedule| (*schedule, zone)))
}

/// The first second from `from` to `limit` at which one schedule is open in one zone, or closed, as `open` says.
fn first(schedule: &Schedule, zone: Tz, open: bool, from: i64, limit: i64) -> Option<i64> {
    let offset_at = |at: i64| DateTime::from_timestamp(at, 0).map(|at| utc_offset(zone, at));
    let (mut at, mut offset) = (from, offset_at(from)?);
    while at <= limit {
        let now = schedule.glance(at + offset);
        if now.open == open {
            return Some(at);
        }
        // True as long as the clocks run on. When they are changed before that, look again at the moment of the change.
        let mut next = now.until - offset;
        let mut then = offset_at(next)?;
        if then != offset {
            next = change(at, next, |at| offset_at(at) == Some(offset));
            then = offset_at(next)?;
        }
        (at, offset) = (next, then);
    }
    None
}

/// The second in `before`..=`after` from which on `unchanged` does not hold. No zone changes its clocks twice within a
/// day, which is the most there is between the two (IANA database from 2000 on).
pub(crate) fn change(mut before: i64, mut after: i64, unchanged: impl Fn(i64) -> bool) -> i64 {
    while after - before > 1 {
        let middle = before + (after - before) / 2;
        if unchanged(middle) { before = middle } else { after = middle }
    }
    after
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{Datelike, NaiveDate, TimeDelta, Timelike};
    use proptest::{collection::vec, prelude::*, sample::select};

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn zones(key: &str) -> Zones {
        key.parse().unwrap()
    }

    fn schedule(json: &str) -> Schedule {
        serde_json::from_str(json).unwrap_or_else(|error| panic!("{json}: {error}"))
    }

    fn every_day(ranges: &str) -> String {
        let days: Vec<_> = schedule::WEEKDAYS.iter().map(|day| format!("{day:?}:[{ranges}]")).collect();
        format!("{{{}}}", days.join(","))
    }

    /// Every stretch between two instants in which the schedule is open, as the functions under test tell it.
    fn open_stretches(schedule: &Schedule, zones: &Zones, from: &str, to: &str) -> Vec<[String; 2]> {
        let (mut now, end, mut stretches) = (at(from), at(to), vec![]);
        let text = |at: DateTime<Utc>| at.format("%dT%H:%M").to_string();
        while let Some(begin) = next_open(&[schedule], zones, now).filter(|begin| *begin < end) {
            now = closes(&[schedule], zones, begin).map_or(end, |close| close.min(end));
            stretches.push([text(begin), text(now)]);
        }
        stretches
    }

    #[test]
    fn office_hours_are_those_on_the_recipients_wall() {
        let office = schedule(r#"{"hours":{"mon":["09:00-13:00","14:00-18:00"],"tue":["09:00-18:00"]}}"#);
        // 2026-11-23 is a Monday; India is 5:30 ahead.
        let stretches =
            open_stretches(&office, &zones("Asia/Kolkata"), "2026-11-22T00:00:00Z", "2026-11-30T00:00:00Z");
        assert_eq!(stretches, [["23T03:30", "23T07:30"], ["23T08:30", "23T12:30"], ["24T03:30", "24T12:30"]]);
    }

    #[test]
    fn the_end_of_a_range_is_closed_and_a_moment_inside_it_stays_as_it_is() {
        let office = schedule(r#"{"hours":{"mon":["09:00-18:00"]}}"#);
        let utc = zones("UTC");
        let (last, end) = (at("2026-11-23T17:59:59.999Z"), at("2026-11-23T18:00:00Z"));
        assert!(is_open(&[&office], &utc, last) && !is_open(&[&office], &utc, end));
        assert_eq!(next_open(&[&office], &utc, last), Some(last));
        assert_eq!(next_open(&[&office], &utc, end), Some(at("2026-11-30T09:00:00Z")));
        assert_eq!(closes(&[&office], &utc, last), Some(end));
        assert_eq!(closes(&[&office], &utc, end), Some(end), "closed already");
    }

    #[test]
    fn a_night_belongs_to_the_day_it_begins_on_and_a_blocked_date_is_silent_all_day() {
        let utc = zones("UTC");
        let nights = |blocked: &str| {
            let json = format!(
                r#"{{"hours":{{"thu":["22:00-06:00"],"fri":["22:00-06:00"]}},"blockedDates":[{blocked}]}}"#
            );
            open_stretches(&schedule(&json), &utc, "2026-12-24T00:00:00Z", "2026-12-31T00:00:00Z")
        };
        // 2026-12-24 is a Thursday.
        assert_eq!(nights(""), [["24T22:00", "25T06:00"], ["25T22:00", "26T06:00"]]);
        assert_eq!(nights(r#""2026-12-24""#), [["25T22:00", "26T06:00"]]);
        assert_eq!(nights(r#""2026-12-25""#), [["24T22:00", "25T00:00"]]);
        assert_eq!(nights(r#""2026-12-26""#), [["24T22:00", "25T06:00"], ["25T22:00", "26T00:00"]]);
    }

    #[test]
    fn a_week_may_be_one_stretch_and_an_open_schedule_never_closes() {
        let always = schedule(&format!(r#"{{"hours":{}}}"#, every_day(r#""06:00-24:00","00:00-06:00""#)));
        for open in [&always, &Schedule::default()] {
            let now = at("2026-11-23T09:00:00Z");
            assert_eq!(closes(&[open], &zones("Europe/Berlin"), now), None);
            assert_eq!(next_open(&[open], &zones("Europe/Berlin"), now), Some(now));
        }
    }

    #[test]
    fn the_hour_that_spring_skips_opens_nothing_and_the_one_that_autumn_repeats_opens_twice() {
        let berlin = zones("Europe/Berlin");
        let days = |ranges, from, to| {
            let json = format!(r#"{{"hours":{}}}"#, every_day(ranges));
            open_stretches(&schedule(&json), &berlin, from, to)
        };
        // In 2026 clocks go from 02:00 to 03:00 on March 29 (01:00 UTC) and from 03:00 to 02:00 on October 25 (01:00 UTC).
        let (spring, after) = ("2026-03-28T12:00:00Z", "2026-03-29T12:00:00Z");
        assert_eq!(days(r#""02:15-02:45""#, spring, after), Vec::<[String; 2]>::new());
        assert_eq!(days(r#""01:30-02:30""#, spring, after), [["29T00:30", "29T01:00"]]);
        assert_eq!(days(r#""02:30-04:00""#, spring, after), [["29T01:00", "29T02:00"]]);
        let (autumn, after) = ("2026-10-24T12:00:00Z", "2026-10-25T12:00:00Z");
        assert_eq!(
            days(r#""02:15-02:45""#, autumn, after),
            [["25T00:15", "25T00:45"], ["25T01:15", "25T01:45"]]
        );
        assert_eq!(
            days(r#""01:30-02:30""#, autumn, after),
            [["24T23:30", "25T00:30"], ["25T01:00", "25T01:30"]]
        );
        assert_eq!(days(r#""01:00-04:00""#, autumn, after), [["24T23:00", "25T03:00"]]);
    }

    #[test]
    fn a_day_that_a_country_skips_has_no_hours() {
        // Samoa went from Thursday, 2011-12-29, straight to Saturday.
        let json = r#"{"hours":{"thu":["09:00-18:00"],"fri":["09:00-18:00"],"sat":["09:00-18:00"]}}"#;
        let stretches = open_stretches(
            &schedule(json),
            &zones("Pacific/Apia"),
            "2011-12-29T12:00:00Z",
            "2012-01-01T12:00:00Z",
        );
        assert_eq!(stretches, [["29T19:00", "30T04:00"], ["30T19:00", "31T04:00"]]);
    }

    #[test]
    fn several_zones_and_schedules_are_open_only_together() {
        let (day, floor) = (every_day(r#""09:00-18:00""#), every_day(r#""08:00-20:00""#));
        let day = schedule(&format!(r#"{{"hours":{day}}}"#));
        let floor = schedule(&format!(r#"{{"hours":{floor},"blockedDates":["2026-11-24"]}}"#));
        let both = zones("America/Los_Angeles,America/New_York");
        // 09:00 in Los Angeles is 17:00 UTC, 18:00 in New York is 23:00 UTC.
        let now = at("2026-11-23T09:30:00Z");
        assert_eq!(next_open(&[&day, &floor], &both, now), Some(at("2026-11-23T17:00:00Z")));
        let open = at("2026-11-23T17:00:00Z");
        assert_eq!(closes(&[&day, &floor], &both, open), Some(at("2026-11-23T23:00:00Z")));
        let after = at("2026-11-23T23:00:00Z");
        assert_eq!(next_open(&[&day, &floor], &both, after), Some(at("2026-11-25T17:00:00Z")));
        let apart = zones("America/Los_Angeles,Asia/Kolkata");
        assert_eq!(next_open(&[&day], &apart, now), None, "their days have no hour in common");
        assert_eq!(next_open(&[], &apart, now), Some(now), "nothing forbids it");
    }

    #[test]
    fn nothing_is_looked_for_beyond_400_days() {
        let one_day = |date: &str| {
            let from = at("2026-11-23T00:00:00Z").date_naive();
            let dates = from.iter_days().take(900).map(|day| day.to_string());
            let blocked: Vec<_> = dates.filter(|day| day != date).collect();
            schedule(&serde_json::json!({ "blockedDates": blocked }).to_string())
        };
        let now = at("2026-11-23T00:00:00Z");
        let next = |date| next_open(&[&one_day(date)], &zones("UTC"), now);
        assert_eq!(next("2027-12-28"), Some(at("2027-12-28T00:00:00Z")));
        assert_eq!(next("2027-12-29"), None);
        assert_eq!(
            next_open(&[&one_day("")], &zones("UTC"), DateTime::<Utc>::MAX_UTC),
            Some(DateTime::<Utc>::MAX_UTC)
        );
    }

    /// The rule once more, as plainly as can be, from chrono's own calendar and the texts of the ranges.
    fn plainly_open(schedule: &Schedule, zones: &Zones, at: DateTime<Utc>) -> bool {
        zones.iter().all(|zone| {
            let wall = at.with_timezone(&zone).naive_local();
            let (today, before) = (wall.date(), wall.date().pred_opt().unwrap());
            let ranges = |day: NaiveDate| {
                let hours = schedule.hours.as_ref().unwrap();
                let ranges = hours.by_weekday()[day.weekday().num_days_from_monday() as usize].iter();
                ranges.map(|range| range.to_string()).map(|text| (text[..5].to_owned(), text[6..].to_owned()))
            };
            let time = format!("{:02}:{:02}", wall.hour(), wall.minute());
            let by_day = ranges(today).any(|(from, to)| from <= time && (time < to || to < from));
            let by_night = ranges(before).any(|(from, to)| to < from && time < to);
            let blocked = |day| schedule.blocked_dates.contains(&day);
            !blocked(today) && (schedule.hours.is_none() || by_day || (by_night && !blocked(before)))
        })
    }

    fn minutes(from: DateTime<Utc>, to: Option<DateTime<Utc>>) -> impl Iterator<Item = DateTime<Utc>> {
        let end = to.unwrap_or(from + TimeDelta::days(3)).min(from + TimeDelta::days(3));
        std::iter::successors(Some(from), |at| Some(*at + TimeDelta::minutes(1)))
            .take_while(move |at| *at < end)
    }

    fn some_range() -> impl Strategy<Value = String> {
        (0..96u32, 1..32u32).prop_map(|(from, length)| {
            let time = |quarter: u32| format!("{:02}:{:02}", quarter / 4 % 24, quarter % 4 * 15);
            format!("{}-{}", time(from), time(from + length))
        })
    }

    /// Some instant within a day and a half of a change of the clocks somewhere.
    fn some_instant() -> impl Strategy<Value = DateTime<Utc>> {
        const CHANGES: [&str; 7] = [
            "2026-03-08T07:00:00Z",
            "2026-11-01T06:00:00Z",
            "2026-03-29T01:00:00Z",
            "2026-10-25T01:00:00Z",
            "2026-04-04T15:00:00Z",
            "2026-10-03T15:30:00Z",
            "2011-12-30T10:00:00Z",
        ];
        let away = -36 * 3_600_000..36 * 3_600_000i64;
        (select(&CHANGES[..]), away).prop_map(|(change, away)| at(change) + TimeDelta::milliseconds(away))
    }

    fn some_zones() -> impl Strategy<Value = Zones> {
        const NAMES: [&str; 6] = [
            "Australia/Lord_Howe",
            "Asia/Kathmandu",
            "America/New_York",
            "Europe/Berlin",
            "Pacific/Apia",
            "America/Los_Angeles",
        ];
        vec(select(&NAMES[..]), 1..3).prop_map(|names| zones(&names.join(",")))
    }

    prop_compose! {
        fn some_schedule()(
            days in vec(vec(some_range(), 0..3), 7),
            blocked in vec((some_instant(), 0..4i64), 0..4),
        ) -> Schedule {
            let hours: serde_json::Map<_, _> =
                schedule::WEEKDAYS.iter().map(|day| day.to_string()).zip(days.into_iter().map(Into::into)).collect();
            let blocked: Vec<_> = blocked.iter().map(|(at, n)| (*at + TimeDelta::days(*n)).date_naive()).collect();
            schedule(&serde_json::json!({ "hours": hours, "blockedDates": blocked }).to_string())
        }
    }

    proptest! {
        #[test]
        fn the_next_opening_is_open_and_nothing_before_it_is(
            schedule in some_schedule(), zones in some_zones(), now in some_instant(),
        ) {
            let next = next_open(&[&schedule], &zones, now);
            for minute in minutes(now, next) {
                prop_assert!(!plainly_open(&schedule, &zones, minute), "{minute} is open before {next:?}");
            }
            if let Some(next) = next {
                prop_assert!(next >= now);
                prop_assert!(plainly_open(&schedule, &zones, next), "{next} is not open");
                prop_assert!(next == now || !plainly_open(&schedule, &zones, next - TimeDelta::milliseconds(1)));
                prop_assert_eq!(next_open(&[&schedule], &zones, next), Some(next), "idempotent");
            }
        }

        #[test]
        fn a_stretch_is_open_until_it_closes(
            schedule in some_schedule(), zones in some_zones(), now in some_instant(),
        ) {
            let end = closes(&[&schedule], &zones, now);
            for minute in minutes(now, end) {
                prop_assert!(plainly_open(&schedule, &zones, minute), "{minute} is closed before {end:?}");
            }
            if let Some(end) = end {
                prop_assert!(end >= now && !plainly_open(&schedule, &zones, end), "{end} is open");
            }
            prop_assert_eq!(end == Some(now), !is_open(&[&schedule], &zones, now));
        }

        #[test]
        fn later_is_never_earlier(
            schedule in some_schedule(), zones in some_zones(), now in some_instant(), wait in 0..10 * DAY,
        ) {
            let later = next_open(&[&schedule], &zones, now + TimeDelta::seconds(wait));
            if let (Some(first), Some(later)) = (next_open(&[&schedule], &zones, now), later) {
                prop_assert!(first <= later, "{first} {later}");
            }
        }

        #[test]
        fn what_is_open_for_all_is_open_for_each(
            schedules in vec(some_schedule(), 1..3), zones in some_zones(), now in some_instant(),
        ) {
            let all: Vec<_> = schedules.iter().collect();
            let next = next_open(&all, &zones, now);
            for (schedule, zone) in pairs(&all, &zones) {
                let alone = next_open(&[schedule], &zone.into(), now);
                prop_assert!(next.is_none() || alone <= next, "{zone} opens at {alone:?}, all at {next:?}");
                prop_assert!(next.is_none_or(|next| is_open(&[schedule], &zone.into(), next)), "{zone}");
            }
            for minute in minutes(now, next) {
                prop_assert!(!all.iter().all(|schedule| plainly_open(schedule, &zones, minute)), "{minute}");
            }
        }
    }
}
