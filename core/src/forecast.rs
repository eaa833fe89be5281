//! When a list will have been called: at a rate and within hours, what preflight foretells; and at a rate as people become due, what stats do.

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    Schedule, Zones,
    window::{closes, is_open, next_open},
};

/// Recipients of one place, or of several that share their zones.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// Where they may be; none where no hours bind them.
    pub zones: Option<Zones>,
    /// How many.
    pub count: u64,
}

/// Furthest that anything is foretold: hours that open and close so often, or such a slow rate, are too far off to mean anything.
const MOST_STEPS: usize = 20_000;

/// When the last of them will have been called at `per_second` calls a second, those whose hours are open sharing the rate by their
/// numbers. None when some of them are never open, or it is too far off.
pub fn finish(
    groups: &[Group],
    schedules: &[&Schedule],
    per_second: f64,
    now: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    let mut left: Vec<f64> = groups.iter().map(|group| group.count as f64).collect();
    let mut at = now;
    for _ in 0..MOST_STEPS {
        if left.iter().all(|n| *n <= 0.0) {
            return Some(at);
        }
        let mut open_left = 0.0;
        let mut change: Option<DateTime<Utc>> = None;
        let mut open = vec![false; groups.len()];
        for (i, group) in groups.iter().enumerate().filter(|(i, _)| left[*i] > 0.0) {
            let Some(zones) = &group.zones else {
                (open[i], open_left) = (true, open_left + left[i]);
                continue;
            };
            open[i] = is_open(schedules, zones, at);
            let next =
                if open[i] { closes(schedules, zones, at) } else { Some(next_open(schedules, zones, at)?) };
            if open[i] {
                open_left += left[i];
            }
            change = change.into_iter().chain(next).min();
        }
        let until_done = seconds(open_left / per_second)?;
        let next = change.filter(|change| open_left == 0.0 || *change < at + until_done);
        let share = match next {
            Some(change) => (change - at).as_seconds_f64() * per_second / open_left,
            None => 1.0,
        };
        for (left, _) in left.iter_mut().zip(&open).filter(|(_, open)| **open) {
            *left = if next.is_none() { 0.0 } else { *left * (1.0 - share) };
        }
        at = next.unwrap_or(at + until_done);
    }
    None
}

/// When `work` will be done at `per_second`, of which each part can be begun at its moment and not before; in any order. None when it is
/// too far off.
pub fn drained(work: &[(DateTime<Utc>, f64)], per_second: f64, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let mut work: Vec<_> = work.iter().filter(|(_, n)| *n > 0.0).collect();
    work.sort_by_key(|(from, _)| *from);
    work.iter().try_fold(now, |done, (from, n)| done.max(*from).checked_add_signed(seconds(n / per_second)?))
}

fn seconds(n: f64) -> Option<TimeDelta> {
    (n < 1e10).then(|| TimeDelta::milliseconds((n * 1_000.0).round() as i64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn group(zones: &str, count: u64) -> Group {
        Group { zones: Some(zones.parse().unwrap()), count }
    }

    #[test]
    fn a_list_goes_on_where_it_is_day() {
        let office = Schedule::named("everyday-09-18-UTC").unwrap();
        let finish = |groups: &[Group], rate| finish(groups, &[&office], rate, at("2026-11-23T16:00:00Z"));
        // Two hours are left in London: 7,200 calls.
        assert_eq!(finish(&[group("Europe/London", 3_600)], 1.0), Some(at("2026-11-23T17:00:00Z")));
        assert_eq!(finish(&[group("Europe/London", 10_800)], 1.0), Some(at("2026-11-24T10:00:00Z")));
        // In New York it is 11 o'clock: both share the rate, then New York has it alone.
        let both = [group("Europe/London", 3_600), group("America/New_York", 3_600)];
        assert_eq!(finish(&both, 1.0), Some(at("2026-11-23T18:00:00Z")));
        let both = [group("Europe/London", 7_200), group("America/New_York", 7_200)];
        assert_eq!(finish(&both, 1.0), Some(at("2026-11-24T10:00:00Z")));
        assert_eq!(finish(&[], 1.0), Some(at("2026-11-23T16:00:00Z")));
    }

    #[test]
    fn what_is_never_open_never_ends() {
        let (sunday, monday) =
            (r#"{"hours":{"sun":["09:00-18:00"]}}"#, r#"{"hours":{"mon":["09:00-18:00"]}}"#);
        let read = |json| serde_json::from_str::<Schedule>(json).unwrap();
        let (sunday, monday) = (read(sunday), read(monday));
        let groups = [group("Europe/London", 1)];
        assert_eq!(finish(&groups, &[&sunday, &monday], 1.0, at("2026-11-23T16:00:00Z")), None);
    }

    #[test]
    fn work_waits_for_its_moment_and_no_longer() {
        let (now, nine) = (at("2026-11-23T22:00:00Z"), at("2026-11-24T09:00:00Z"));
        let done = |work: &[(DateTime<Utc>, f64)]| drained(work, 2.0, now);
        assert_eq!(done(&[]), Some(now));
        assert_eq!(done(&[(now, 7_200.0)]), Some(at("2026-11-23T23:00:00Z")));
        assert_eq!(
            done(&[(nine, 7_200.0), (now, 7_200.0)]),
            Some(at("2026-11-24T10:00:00Z")),
            "the night is idle"
        );
        let busy = [(now, 86_400.0), (nine, 7_200.0), (now - TimeDelta::hours(3), 0.0)];
        assert_eq!(done(&busy), Some(at("2026-11-24T11:00:00Z")), "nine o'clock finds it busy");
        assert_eq!(done(&[(now, 1e12)]), None);
    }

    proptest! {
        /// Never before the rate allows, nor before the last moment, and never later than both after each other.
        #[test]
        fn bounds_of_work(parts in proptest::collection::vec((0i64..100_000, 0u32..10_000), 0..20), rate in 0.1f64..100.0) {
            let now = at("2026-11-23T16:00:00Z");
            let work: Vec<_> = parts.iter().map(|&(from, n)| (now + TimeDelta::seconds(from), f64::from(n))).collect();
            let all = seconds(work.iter().map(|(_, n)| n).sum::<f64>() / rate).unwrap();
            let last = work.iter().filter(|(_, n)| *n > 0.0).map(|(from, _)| *from).max().unwrap_or(now);
            let (done, rounding) = (drained(&work, rate, now).unwrap(), TimeDelta::milliseconds(20));
            prop_assert!(done + rounding >= now + all && done >= last && done <= last + all + rounding);
        }

        /// Hours can only make it later, and without any it is a division.
        #[test]
        fn never_before_the_rate_allows(count in 1u64..100_000, rate in 0.1f64..100.0) {
            let now = at("2026-11-23T16:00:00Z");
            let office = Schedule::named("everyday-09-18-UTC").unwrap();
            let least = now + seconds(count as f64 / rate).unwrap();
            let any = [Group { zones: None, count }];
            prop_assert_eq!(finish(&any, &[], rate, now), Some(least));
            if let Some(end) = finish(&[group("Asia/Kolkata", count)], &[&office], rate, now) {
                prop_assert!(end + TimeDelta::milliseconds(2) >= least);
            }
        }
    }
}
