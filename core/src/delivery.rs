//! The life of a delivery: one event on its way to one webhook endpoint.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::text_enum::text_enum;

text_enum! {
    /// Where a delivery stands.
    pub enum DeliveryState {
        /// Waits until it is due, or is being sent.
        Pending => "PENDING",
        /// The endpoint answered 2xx.
        Delivered => "DELIVERED",
        /// Given up after 24 hours; can be replayed with the same event id.
        Dead => "DEAD",
    }
}

/// An endpoint to which every request has failed for so long is switched off.
pub const FAILING_TOO_LONG: chrono::Duration = chrono::Duration::days(5);

/// When to try again after a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetrySchedule {
    /// Wait after the first failure, the second, …; when they are used up the delivery is DEAD.
    pub delays: Vec<Duration>,
    /// No attempt later than this after the event.
    pub give_up_after: Duration,
}

impl Default for RetrySchedule {
    fn default() -> Self {
        const MINUTE: u64 = 60;
        const HOUR: u64 = 60 * MINUTE;
        let delays =
            [5, 30, 2 * MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR, 6 * HOUR, 10 * HOUR];
        Self {
            delays: delays.map(Duration::from_secs).to_vec(),
            give_up_after: Duration::from_secs(24 * HOUR),
        }
    }
}

/// What follows a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterFailure {
    /// Try again then.
    Retry(DateTime<Utc>),
    /// Give up.
    Dead,
}

impl RetrySchedule {
    /// Decides after attempt number `made` (1 for the first) has failed. `jitter` in 0..1 spreads the wait by ±20 %.
    pub fn after_failure(
        &self,
        made: u32,
        created: DateTime<Utc>,
        now: DateTime<Utc>,
        jitter: f64,
    ) -> AfterFailure {
        let Some(delay) = (made as usize).checked_sub(1).and_then(|i| self.delays.get(i)) else {
            return AfterFailure::Dead;
        };
        let at = now + delay.mul_f64(0.8 + 0.4 * jitter.clamp(0.0, 1.0));
        if at > created + self.give_up_after { AfterFailure::Dead } else { AfterFailure::Retry(at) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn delays_grow_and_end_within_a_day(jitter in 0.0..1.0f64) {
            let schedule = RetrySchedule::default();
            let start = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
            let (mut now, mut made, mut last) = (start, 0, chrono::Duration::zero());
            loop {
                made += 1;
                match schedule.after_failure(made, start, now, jitter) {
                    AfterFailure::Dead => break,
                    AfterFailure::Retry(at) => {
                        prop_assert!(at - now > last, "attempt {made}");
                        prop_assert!(at - start <= chrono::Duration::hours(24));
                        (last, now) = (at - now, at);
                    }
                }
            }
            prop_assert!(made >= 10, "gave up after {made} attempts");
        }
    }
}
