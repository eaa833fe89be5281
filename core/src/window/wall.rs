//! What a schedule says of one look at the clock on the wall; zones are no matter here.

use chrono::NaiveDate;

use super::schedule::{DAY, Hours, Schedule};

/// What the clock on the wall says of a schedule.
pub(super) struct Glance {
    /// Whether this is a time to call.
    pub(super) open: bool,
    /// Nothing changes before this: seconds since 1970 on the wall, at most the next midnight.
    pub(super) until: i64,
}

impl Schedule {
    /// Looks at the schedule when the clock shows `wall`, in seconds since 1970-01-01T00:00 on that same wall.
    pub(super) fn glance(&self, wall: i64) -> Glance {
        let (day, second) = (wall.div_euclid(DAY), wall.rem_euclid(DAY));
        let (open, until) = match &self.hours {
            _ if self.is_blocked(day) => (false, DAY),
            None => (true, DAY),
            Some(hours) => hours.glance(day, second, !self.is_blocked(day - 1)),
        };
        Glance { open, until: day * DAY + until }
    }

    /// Whether a day, counted from 1970-01-01, is one of the blocked dates.
    fn is_blocked(&self, day: i64) -> bool {
        let date = || i32::try_from(day).ok().and_then(NaiveDate::from_epoch_days);
        !self.blocked_dates.is_empty() && date().is_some_and(|date| self.blocked_dates.contains(&date))
    }
}

impl Hours {
    /// Whether some range covers this second of the day, and the first second after it at which a range begins or ends.
    /// A night belongs to the day it begins on: `with_night` says whether that of the day before counts.
    fn glance(&self, day: i64, second: i64, with_night: bool) -> (bool, i64) {
        // 1970-01-01 was a Thursday.
        let weekday = |day: i64| self.by_weekday()[(day + 3).rem_euclid(7) as usize];
        let today = weekday(day).iter().map(|range| range.seconds());
        let night = if with_night { weekday(day - 1) } else { &[] };
        let night = night.iter().map(|range| range.seconds()).map(|(from, to)| (from - DAY, to - DAY));
        today.chain(night).fold((false, DAY), |(open, until), (from, to)| {
            let next = [from, to].into_iter().filter(|edge| *edge > second).fold(until, i64::min);
            (open || (from <= second && second < to), next)
        })
    }
}
