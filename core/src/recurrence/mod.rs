//! When a list is called afresh: by a cron expression on the clock of a time zone.
//!
//! Every reading of that clock counts once. One that spring skips counts at the moment at which it is skipped; one that autumn
//! shows twice counts the first time. So a daily run happens on every day, and never twice.

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::{
    window::change,
    zone::{parse, utc_offset},
};

mod cron;

pub use cron::{Cron, CronError};

/// A cron expression and the zone whose clock it reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Recurrence {
    /// When, on the wall.
    pub cron: Cron,
    /// Whose wall.
    #[serde(with = "zone_name")]
    #[schema(value_type = String, examples("Asia/Kolkata"))]
    pub timezone: Tz,
}

/// Two runs of one list are begun at least so many minutes apart.
pub const LEAST_MINUTES: i64 = 15;

/// How far ahead a firing is looked for, in days: February 29 comes after eight years at most.
const HORIZON: u64 = 8 * 366 + 1;
const MINUTES_OF_DAY: i64 = 24 * 60;

impl Recurrence {
    /// What is wrong with it: it never fires, or too often.
    pub fn validate(&self) -> Result<(), &'static str> {
        let Some(first) = self.days_from(NaiveDate::default()).next() else {
            return Err("never fires: no month it names has such a day");
        };
        let times = || self.cron.minutes_of_day();
        let close = times().zip(times().skip(1)).any(|(one, next)| next - one < LEAST_MINUTES);
        let night = times().next().zip(times().last());
        let over_midnight = night.is_some_and(|(first, last)| first + MINUTES_OF_DAY - last < LEAST_MINUTES);
        let next_day = |day: NaiveDate| day.succ_opt().is_some_and(|next| self.cron.takes(next));
        match close || (over_midnight && self.days_from(first).any(next_day)) {
            true => Err("fires more often than every 15 minutes"),
            false => Ok(()),
        }
    }

    /// The first firing after `at`; none when there is none within eight years.
    pub fn next_after(&self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        // What the clock shows before it has shown already or shows now.
        let shown = (at + TimeDelta::seconds(utc_offset(self.timezone, at))).naive_utc();
        self.days_from(shown.date())
            .flat_map(|day| self.cron.minutes_of_day().map(move |minute| instant(self.timezone, day, minute)))
            .flatten()
            .find(|fires| *fires > at)
    }

    /// The last of the firings `from`, which is one, and after it up to `now`.
    pub fn last_until(&self, from: DateTime<Utc>, now: DateTime<Utc>) -> DateTime<Utc> {
        // Of a long time only the end: a week and a day hold a firing, or else the whole time holds few.
        let near = now - TimeDelta::days(8);
        let start =
            if near > from { self.next_after(near).filter(|at| *at <= now).unwrap_or(from) } else { from };
        std::iter::successors(Some(start), |at| self.next_after(*at).filter(|next| *next <= now))
            .last()
            .unwrap_or(from)
    }

    /// What the wall shows at a moment, for the name of a run: `2026-11-23 09:00`.
    pub fn on_the_wall(&self, at: DateTime<Utc>) -> String {
        let shown = at + TimeDelta::seconds(utc_offset(self.timezone, at));
        shown.format("%Y-%m-%d %H:%M").to_string()
    }

    fn days_from(&self, day: NaiveDate) -> impl Iterator<Item = NaiveDate> + '_ {
        let end = day.checked_add_days(Days::new(HORIZON)).unwrap_or(NaiveDate::MAX);
        day.iter_days().take_while(move |day| *day < end).filter(|day| self.cron.takes(*day))
    }
}

/// The first moment at which the clock of `zone` shows this minute of this day, or a later one.
fn instant(zone: Tz, day: NaiveDate, minute: i64) -> Option<DateTime<Utc>> {
    let wall = day.and_hms_opt(0, 0, 0)?.and_utc().timestamp() + minute * 60;
    let offset_at = |at: i64| DateTime::from_timestamp(at, 0).map(|at| utc_offset(zone, at));
    // No clock is off by more than 15 hours, and none is changed twice within three days.
    let (from, to) = (wall - 36 * 3600, wall + 36 * 3600);
    let (before, after) = (offset_at(from)?, offset_at(to)?);
    if before == after {
        return DateTime::from_timestamp(wall - before, 0);
    }
    let change = change(from, to, |at| offset_at(at) == Some(before));
    let at = if wall - before < change { wall - before } else { change.max(wall - after) };
    DateTime::from_timestamp(at, 0)
}

mod zone_name {
    use super::{Tz, parse};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(zone: &Tz, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(zone.name())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Tz, D::Error> {
        let name = <std::borrow::Cow<'de, str>>::deserialize(d)?;
        parse(&name).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{Datelike, NaiveDateTime, Timelike};
    use proptest::prelude::*;

    fn every(cron: &str, zone: &str) -> Recurrence {
        Recurrence {
            cron: cron.parse().unwrap_or_else(|e| panic!("{cron}: {e}")),
            timezone: parse(zone).unwrap(),
        }
    }

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    /// The next `n` firings after a moment, as UTC.
    fn next(recurrence: &Recurrence, from: &str, n: usize) -> Vec<String> {
        let mut now = at(from);
        let mut one = || {
            now = recurrence.next_after(now).unwrap();
            now.format("%m-%dT%H:%M").to_string()
        };
        (0..n).map(|_| one()).collect()
    }

    #[test]
    fn fields_mean_what_crontab_says() {
        // 2026-11-23 is a Monday.
        let from = "2026-11-22T23:59:00Z";
        let utc = |cron, n| next(&every(cron, "UTC"), from, n);
        assert_eq!(utc("0 9 * * 1", 2), ["11-23T09:00", "11-30T09:00"]);
        assert_eq!(utc("0 9 * * MON-fri/2", 4), ["11-23T09:00", "11-25T09:00", "11-27T09:00", "11-30T09:00"]);
        assert_eq!(
            utc("*/30 8-9 * * *", 5),
            ["11-23T08:00", "11-23T08:30", "11-23T09:00", "11-23T09:30", "11-24T08:00"]
        );
        assert_eq!(utc("5/20 0 * * *", 3), ["11-23T00:05", "11-23T00:25", "11-23T00:45"]);
        assert_eq!(utc("0 0 * * 0", 1), ["11-29T00:00"]);
        assert_eq!(utc("0 0 * * 7", 1), ["11-29T00:00"]);
        assert_eq!(utc("0 0 1 dec *", 1), ["12-01T00:00"]);
        assert_eq!(utc("0 0 25 * 3", 3), ["11-25T00:00", "12-02T00:00", "12-09T00:00"], "either kind of day");
        assert_eq!(utc("0 0 25 * *", 2), ["11-25T00:00", "12-25T00:00"]);
        assert_eq!(utc("0 0 29 2 *", 1), ["02-29T00:00"]);
        assert_eq!(every(" 0  9 * * 1 ", "UTC").cron.to_string(), "0 9 * * 1");
    }

    #[test]
    fn what_cannot_be_read_is_told_by_its_field() {
        for (cron, part) in [
            ("", "five fields"),
            ("* * * *", "five fields"),
            ("0 0 9 * * 1", "five fields"),
            ("@daily", "five fields"),
            ("60 * * * *", "minute"),
            ("0 24 * * *", "hour"),
            ("0 0 0 * *", "day of month"),
            ("0 0 * 13 *", "month"),
            ("0 0 * * 8", "day of week"),
            ("0 0 * * lun", "day of week"),
            ("0 9-8 * * *", "hour"),
            ("*/0 * * * *", "minute"),
            ("1,,2 * * * *", "minute"),
            ("-1 * * * *", "minute"),
            ("? 0 * * *", "minute"),
            ("0 0 L * *", "day of month"),
            ("+5 0 * * *", "minute"),
            ("0001 0 * * *", "minute"),
        ] {
            let error = cron.parse::<Cron>().unwrap_err().to_string();
            assert!(error.contains(part), "{cron:?}: {error}");
        }
    }

    #[test]
    fn what_never_fires_or_too_often_is_refused() {
        let check = |cron| every(cron, "Europe/Berlin").validate();
        for good in
            ["*/15 * * * *", "0 9 * * 1", "0,45 0,23 * * *", "0,50 0,23 * * 1", "0 0 29 2 *", "0 0 30 2 1"]
        {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for often in ["* * * * *", "0,14 9 * * *", "*/10 * * * *", "51,5 23,0 * * *", "46,0 23,0 * * *"] {
            assert!(check(often).is_err_and(|why| why.contains("often")), "{often}");
        }
        for never in ["0 0 30 2 *", "0 0 31 4,6,9,11 *"] {
            assert!(check(never).is_err_and(|why| why.contains("never")), "{never}");
            assert_eq!(every(never, "UTC").next_after(at("2026-11-22T00:00:00Z")), None);
        }
    }

    #[test]
    fn a_day_of_changed_clocks_has_its_run_once() {
        let daily = every("30 2 * * *", "Europe/Berlin");
        // March 29, 2026: 02:00 becomes 03:00 at 01:00 UTC. October 25: 03:00 becomes 02:00 at 01:00 UTC.
        assert_eq!(next(&daily, "2026-03-27T12:00:00Z", 3), ["03-28T01:30", "03-29T01:00", "03-30T00:30"]);
        assert_eq!(next(&daily, "2026-10-24T12:00:00Z", 2), ["10-25T00:30", "10-26T01:30"]);
        let half_hours = every("*/30 * * * *", "Europe/Berlin");
        assert_eq!(
            next(&half_hours, "2026-03-29T00:15:00Z", 3),
            ["03-29T00:30", "03-29T01:00", "03-29T01:30"]
        );
        assert_eq!(
            next(&half_hours, "2026-10-25T00:15:00Z", 2),
            ["10-25T00:30", "10-25T02:00"],
            "02:30 is over, then comes 03:00"
        );
        // The clocks of Vancouver stay as they are from the spring of 2026 on, which the database inside does not know.
        assert_eq!(
            next(&every("0 9 * * *", "America/Vancouver"), "2026-12-01T00:00:00Z", 1),
            ["12-01T16:00"]
        );
        // Samoa went from December 29, 2011, straight to December 31.
        let samoa = every("0 9 * * *", "Pacific/Apia");
        assert_eq!(next(&samoa, "2011-12-29T12:00:00Z", 3), ["12-29T19:00", "12-30T10:00", "12-30T19:00"]);
    }

    #[test]
    fn many_missed_firings_are_one() {
        let daily = every("0 9 * * *", "Europe/Berlin");
        let (first, later) = (at("2026-11-20T08:00:00Z"), at("2026-11-23T07:59:59Z"));
        assert_eq!(daily.last_until(first, later), at("2026-11-22T08:00:00Z"));
        assert_eq!(daily.last_until(first, first), first);
        assert_eq!(daily.last_until(first, at("2036-11-23T07:59:59Z")), at("2036-11-22T08:00:00Z"));
        let yearly = every("0 9 24 12 *", "UTC");
        let first = at("2026-12-24T09:00:00Z");
        assert_eq!(yearly.last_until(first, at("2029-06-01T00:00:00Z")), at("2028-12-24T09:00:00Z"));
        assert_eq!(daily.on_the_wall(at("2026-11-22T08:00:00Z")), "2026-11-22 09:00");
    }

    #[test]
    fn it_is_written_as_it_is_read() {
        let json = r#"{"cron":"0 9 * * 1","timezone":"Europe/Berlin"}"#;
        let read: Recurrence = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), json);
        assert!(serde_json::from_str::<Recurrence>(&json.replace("Europe/Berlin", "CET")).is_err());
    }

    /// The rule once more, minute by minute: the first time the clock shows a reading that fits, or jumps over one.
    fn plainly_next(recurrence: &Recurrence, after: DateTime<Utc>, minutes: i64) -> Option<DateTime<Utc>> {
        let zone = recurrence.timezone;
        let wall = |at: DateTime<Utc>| (at + TimeDelta::seconds(utc_offset(zone, at))).naive_utc();
        let fits = |wall: NaiveDateTime| {
            let minute = i64::from(wall.hour() * 60 + wall.minute());
            wall.second() == 0
                && recurrence.cron.takes(wall.date())
                && recurrence.cron.minutes_of_day().any(|m| m == minute)
        };
        // The latest reading so far; two days hold every change that could matter.
        let start = after - TimeDelta::days(2);
        let mut shown = wall(start);
        for n in 1..=(2 * MINUTES_OF_DAY + minutes) {
            let now = start + TimeDelta::minutes(n);
            let mut fires = false;
            while shown < wall(now) {
                shown += TimeDelta::minutes(1);
                fires |= fits(shown);
            }
            if fires && now > after {
                return Some(now);
            }
        }
        None
    }

    proptest! {
        // The watcher looks at thousands of minutes for each.
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn the_next_firing_is_what_a_watcher_of_the_clock_sees(
            change in proptest::sample::select(&["2026-03-29T01:00:00Z", "2026-10-25T01:00:00Z", "2026-03-08T07:00:00Z",
                "2026-11-01T06:00:00Z", "2026-04-04T15:00:00Z", "2026-10-03T15:30:00Z"][..]),
            zone in proptest::sample::select(&["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"][..]),
            away in -30 * 60..30 * 60i64, minute in 0..60u32, hour in 0..24u32, step in 1..6u32, weekday in 0..8u32,
        ) {
            let after = at(change) + TimeDelta::minutes(away);
            let day = if weekday == 7 { "*".to_owned() } else { weekday.to_string() };
            for cron in [format!("{minute} {hour}/{step} * * {day}"), format!("{minute} {hour} * * {day}")] {
                let recurrence = every(&cron, zone);
                let plain = plainly_next(&recurrence, after, 2 * MINUTES_OF_DAY);
                let next = recurrence.next_after(after).filter(|next| *next <= after + TimeDelta::days(2));
                prop_assert_eq!(next, plain, "{} in {} after {}", cron, zone, after);
                prop_assert!(after.year() == 2026);
            }
        }
    }
}
