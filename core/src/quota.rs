//! How many requests a caller may make: the generic cell rate algorithm (ITU-T I.371), whose whole memory is one moment.

use std::time::Duration;

/// So many requests a minute, and so many at once after a rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    per_minute: u32,
    burst: u32,
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// Whether it may go on.
    pub allowed: bool,
    /// How many more could come at once.
    pub remaining: u32,
    /// When the whole burst is there again.
    pub reset: Duration,
    /// When the next one may come; nothing while `remaining` is above 0.
    pub retry_after: Duration,
}

impl Default for Quota {
    /// 600 a minute, 100 at once.
    fn default() -> Self {
        Self::new(600, 100)
    }
}

impl Quota {
    /// At least one of each.
    pub fn new(per_minute: u32, burst: u32) -> Self {
        Self { per_minute: per_minute.max(1), burst: burst.max(1) }
    }

    /// Another rate with a burst in proportion.
    pub fn at_rate(self, per_minute: u32) -> Self {
        let burst = u64::from(per_minute) * u64::from(self.burst) / u64::from(self.per_minute);
        Self::new(per_minute, burst.min(u64::from(u32::MAX)) as u32)
    }

    /// Most requests at once.
    pub fn burst(self) -> u32 {
        self.burst
    }

    /// How long one request counts.
    pub fn interval(self) -> Duration {
        Duration::from_micros(60_000_000 / u64::from(self.per_minute))
    }

    /// How long it takes until the whole burst is there again.
    pub fn window(self) -> Duration {
        self.interval() * self.burst
    }

    /// Counts a request at `now`, when by those before it the caller was busy until `until`; gives until when it is busy now.
    /// Both are measured from any one moment.
    pub fn take(self, until: Duration, now: Duration) -> (Duration, Taken) {
        let busy = until.max(now) + self.interval();
        let allowed = busy - now <= self.window();
        let until = if allowed { busy } else { until };
        (until, self.told(allowed, until.saturating_sub(now)))
    }

    /// What a caller is told who is busy for so long.
    pub fn told(self, allowed: bool, busy: Duration) -> Taken {
        let free = self.window().saturating_sub(busy);
        let remaining = (free.as_micros() / self.interval().as_micros().max(1)) as u32;
        let retry_after = (busy + self.interval()).saturating_sub(self.window());
        Taken { allowed, remaining, reset: busy, retry_after }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_burst_then_one_by_one() {
        let quota = Quota::new(60, 3);
        let second = Duration::from_secs(1);
        let (mut until, mut told) = (Duration::ZERO, Vec::new());
        for now in [0, 0, 0, 0, 1, 1, 9] {
            let (next, taken) = quota.take(until, second * now);
            until = next;
            told.push((taken.allowed, taken.remaining, taken.reset.as_secs(), taken.retry_after.as_secs()));
        }
        assert_eq!(
            told,
            [
                (true, 2, 1, 0),
                (true, 1, 2, 0),
                (true, 0, 3, 1),
                (false, 0, 3, 1),
                (true, 0, 3, 1),
                (false, 0, 3, 1),
                (true, 2, 1, 0)
            ]
        );
    }

    #[test]
    fn a_key_of_its_own_rate_has_a_burst_in_proportion() {
        assert_eq!(Quota::default().at_rate(60), Quota::new(60, 10));
        assert_eq!(Quota::default().at_rate(1), Quota::new(1, 1));
        assert_eq!(Quota::default().window(), Duration::from_secs(10));
    }

    proptest! {
        #[test]
        fn no_minute_sees_more_than_its_rate_and_one_burst(
            rate in 1_u32..2_000, burst in 1_u32..200, gaps in prop::collection::vec(0_u64..200, 1..400),
        ) {
            let quota = Quota::new(rate, burst);
            let (mut now, mut until, mut passed) = (0_u64, Duration::ZERO, Vec::new());
            for gap in gaps {
                now += gap;
                let (next, taken) = quota.take(until, Duration::from_millis(now));
                until = next;
                if taken.allowed {
                    passed.push(now);
                } else {
                    prop_assert!(taken.remaining == 0 && taken.retry_after > Duration::ZERO);
                }
            }
            for (i, first) in passed.iter().enumerate() {
                let within = passed[i..].iter().take_while(|at| **at < first + 60_000).count() as u64;
                // An interval is cut to whole microseconds.
                prop_assert!(within <= u64::from(rate) + u64::from(burst) + 1);
            }
        }
    }
}
