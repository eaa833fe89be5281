//! How a campaign came on: samples of its kept figures, and what happened between them.
//!
//! A sample holds totals, so one that is missing costs nothing but detail: what happened meanwhile shows with the next one.

use std::num::NonZeroU32;

/// How far samples of one campaign lie apart, in seconds: all schedulers take them at the same ones.
pub const SAMPLE_SECONDS: i64 = 5;

/// The samples of one step of time, together. Totals are those of its last sample.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Bucket {
    /// Which step: seconds since 1970, divided by its length.
    pub step: i64,
    /// When the last sample was taken, in seconds since 1970.
    pub second: i64,
    /// Calls and messages that had begun by then.
    pub begun: i64,
    /// Those that were over by then.
    pub ended: i64,
    /// Those that somebody had answered.
    pub answered: i64,
    /// Calls that rang, on average of its samples.
    pub ringing: f64,
    /// Calls that talked, on average of its samples.
    pub talking: f64,
}

/// What happened in one step of time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Its beginning, in seconds since 1970.
    pub second: i64,
    /// Calls and messages that began.
    pub begun: u64,
    /// Calls and messages that came to an end.
    pub ended: u64,
    /// Those of them that somebody had answered.
    pub answered: u64,
    /// How many began in a second.
    pub per_second: f64,
    /// Calls that rang, on average.
    pub ringing: f64,
    /// Calls that talked, on average.
    pub talking: f64,
}

/// The length of a step, in seconds, with which `points` of them cover the time from `since` to `until`: a multiple of [`SAMPLE_SECONDS`].
pub fn step_seconds(since: i64, until: i64, points: NonZeroU32) -> i64 {
    let least = (until - since).max(0).unsigned_abs().div_ceil(u64::from(points.get()));
    let samples = least.div_ceil(SAMPLE_SECONDS.unsigned_abs()).max(1);
    samples.min(i64::MAX as u64 / 1_000) as i64 * SAMPLE_SECONDS
}

/// What happened in each step of `length` seconds, from the first bucket to the last; `before` is what there was before the first. Steps
/// without a sample, in which nothing was going on, are there with nothing in them.
pub fn points(length: i64, before: Option<Bucket>, buckets: &[Bucket]) -> Vec<Point> {
    let mut points: Vec<Point> = Vec::new();
    let mut last = before;
    for bucket in buckets {
        if let Some(from) = points.last().map(|point| point.second / length + 1) {
            points.extend((from..bucket.step).map(|step| idle(step * length)));
        }
        points.push(between(length, last, bucket));
        last = Some(*bucket);
    }
    points
}

fn idle(second: i64) -> Point {
    Point { second, begun: 0, ended: 0, answered: 0, per_second: 0.0, ringing: 0.0, talking: 0.0 }
}

fn between(length: i64, last: Option<Bucket>, bucket: &Bucket) -> Point {
    let base = last.unwrap_or_default();
    // A call that a carrier sent back has not begun after all.
    let more = |now: i64, before: i64| (now - before).max(0).unsigned_abs();
    let begun = more(bucket.begun, base.begun);
    // After a pause, the first sample tells of the time since it went on, which is at most its step.
    let seconds = last.map_or(SAMPLE_SECONDS, |last| bucket.second - last.second).clamp(1, length);
    Point {
        second: bucket.step * length,
        begun,
        ended: more(bucket.ended, base.ended),
        answered: more(bucket.answered, base.answered),
        per_second: begun as f64 / seconds as f64,
        ringing: bucket.ringing,
        talking: bucket.talking,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(step: i64, length: i64, begun: i64) -> Bucket {
        let second = step * length;
        Bucket { step, second, begun, ended: begun - 2, answered: begun / 2, ringing: 1.0, talking: 1.0 }
    }

    #[test]
    fn steps_are_as_short_as_the_points_allow() {
        let step = |span, points| step_seconds(1_000, 1_000 + span, NonZeroU32::new(points).unwrap());
        assert_eq!(step(0, 500), 5);
        assert_eq!(step(-60, 500), 5);
        assert_eq!(step(300, 60), 5);
        assert_eq!(step(301, 60), 10);
        assert_eq!(step(24 * 3_600, 288), 300);
        assert_eq!(step(24 * 3_600, 1), 24 * 3_600);
    }

    #[test]
    fn totals_become_what_happened_between_them() {
        let found = points(5, Some(bucket(10, 5, 100)), &[bucket(11, 5, 150), bucket(12, 5, 150)]);
        assert_eq!(found[0].begun, 50);
        assert_eq!(found[0].per_second, 10.0);
        assert_eq!(found[0].ended, 50);
        assert_eq!(found[0].answered, 25);
        assert_eq!((found[1].begun, found[1].per_second), (0, 0.0));
        assert_eq!(found.iter().map(|point| point.second).collect::<Vec<_>>(), [55, 60]);
    }

    #[test]
    fn what_was_before_the_first_sample_is_of_its_own_five_seconds() {
        assert_eq!(points(60, None, &[bucket(3, 60, 10)])[0].per_second, 2.0);
    }

    #[test]
    fn steps_without_a_sample_are_there() {
        let found = points(5, None, &[bucket(1, 5, 10), bucket(4, 5, 20)]);
        assert_eq!(found.iter().map(|point| point.begun).collect::<Vec<_>>(), [10, 0, 0, 10]);
        assert_eq!(found[3].per_second, 2.0, "no longer than its step");
        assert_eq!(found[1], idle(10));
    }

    #[test]
    fn a_call_that_was_sent_back_is_no_negative_call() {
        assert_eq!(points(5, Some(bucket(1, 5, 10)), &[bucket(2, 5, 9)])[0].begun, 0);
    }
}
