//! The arithmetic of rates.

use std::time::Duration;

use super::Limit;

/// How long before its time a token is handed out: so long may it take to write down that a call begins. Until then the
/// call holds its live places, and who is next in line waits behind it. The same for everybody: whoever asked for a longer
/// one would always be before the others.
pub(super) const LEAD: Duration = Duration::from_millis(200);
/// How late a token may be in the books: what a limit left idle may catch up.
pub(super) const CREDIT: Duration = Duration::from_millis(10);
/// How late a token may be used after that: timers, round trips, a busy machine.
pub(super) const LATE: Duration = Duration::from_millis(20);
/// What lies between the last look at the clock and the network.
const WIRE: Duration = Duration::from_millis(5);
/// All of it: how much longer than a second the tokens of a second last.
pub(super) const SLACK: Duration = CREDIT.saturating_add(LATE).saturating_add(WIRE);
/// How long a live place without a token may wait for its call: it is no worse for that.
pub(super) const NO_HURRY: Duration = Duration::from_secs(60);
/// How much more than [`LEAD`] ahead a token may be booked. Not more than [`CREDIT`], or a call that waits for one of its
/// limits would waste tokens of another.
const AHEAD: Duration = Duration::from_millis(10);
/// How far ahead of its time a token may be booked.
pub(super) const FARTHEST: Duration = LEAD.saturating_add(AHEAD);
/// How much of a rate one round trip may book: rate × 10 ms.
const SPAN: Duration = Duration::from_millis(10);
/// How long after it was booked the last token of a round trip may be used.
pub(super) const LASTS: Duration = FARTHEST.saturating_add(SPAN).saturating_add(LATE);
/// Places per round trip where no rate limits them.
const LIVE_BATCH: usize = 64;
/// When to ask again at a limit that lets nothing through: it takes a person to change it.
pub(super) const CLOSED: Duration = Duration::from_secs(60);

/// Time between two tokens.
pub(super) fn interval(per_second: f64) -> Duration {
    let seconds = (1.0 + SLACK.as_secs_f64()) / per_second;
    // A rate below one call in eleven days is none, one above a million per second no limit.
    Duration::from_secs_f64(seconds.clamp(1e-6, 1e6))
}

/// The widest interval among limits, zero if none limits the rate.
pub(super) fn slowest(limits: &[Limit]) -> Duration {
    limits.iter().filter_map(|limit| limit.per_second).map(interval).max().unwrap_or_default()
}

/// How many tokens one round trip may book.
pub(super) fn batch(slowest: Duration) -> usize {
    if slowest.is_zero() { LIVE_BATCH } else { ((SPAN.as_nanos() / slowest.as_nanos()) as usize).max(1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slack_is_what_lateness_may_add_up_to() {
        assert!(SLACK > CREDIT + LATE);
        assert!(AHEAD <= CREDIT);
    }

    #[test]
    fn what_is_booked_is_used_within_a_quarter_of_a_second() {
        assert!(LASTS <= Duration::from_millis(250));
    }

    #[test]
    fn slow_rates_are_booked_one_by_one_and_fast_ones_for_ten_milliseconds() {
        assert_eq!(batch(interval(0.5)), 1);
        assert_eq!(batch(interval(99.0)), 1);
        assert_eq!(batch(interval(1_000.0)), 9);
        assert_eq!(batch(Duration::ZERO), LIVE_BATCH);
    }

    #[test]
    fn a_seconds_tokens_last_a_little_longer_than_a_second() {
        for rate in [0.5, 1.0, 5.0, 50.0, 1_000.0] {
            assert!((interval(rate).as_secs_f64() * rate - 1.035).abs() < 1e-4);
        }
    }
}
