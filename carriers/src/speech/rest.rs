//! A provider that fails is left alone for a while, the longer the more often it has failed in a row.

use std::time::Duration;

use tokio::time::Instant;

/// The first rest, doubled with each further failure.
const FIRST: Duration = Duration::from_secs(1);
/// The longest; calls of a provider that is back wait no longer than this.
const LONGEST: Duration = Duration::from_secs(30);

/// When it may be asked again.
#[derive(Debug, Default)]
pub(super) struct Rest {
    until: Option<Instant>,
    failures: u32,
}

impl Rest {
    /// It has failed at `now`, and asks to be left alone for so long if it says anything. Gives how long it rests.
    pub fn begin(&mut self, now: Instant, asked: Option<Duration>) -> Duration {
        if let Some(left) = self.left(now) {
            return left; // others that were under way have failed, too
        }
        let rest =
            FIRST.saturating_mul(1 << self.failures.min(5)).max(asked.unwrap_or_default()).min(LONGEST);
        self.failures += 1;
        self.until = Some(now + rest);
        rest
    }

    /// It has answered.
    pub fn over(&mut self) {
        *self = Self::default();
    }

    /// How long it still rests.
    pub fn left(&self, now: Instant) -> Option<Duration> {
        self.until.map(|until| until.saturating_duration_since(now)).filter(|left| !left.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rests_grow_and_end_with_an_answer() {
        let (mut rest, mut now) = (Rest::default(), Instant::now());
        let seconds = Duration::from_secs;
        assert_eq!(rest.left(now), None);
        for expected in [1, 2, 4, 8, 16, 30, 30] {
            assert_eq!(rest.begin(now, None), seconds(expected));
            assert_eq!(rest.begin(now, None), seconds(expected), "one outage is one failure");
            now += seconds(expected);
            assert_eq!(rest.left(now), None);
        }
        rest.over();
        assert_eq!(rest.begin(now, Some(seconds(7))), seconds(7), "as it asked");
        rest.over();
        assert_eq!(rest.begin(now, Some(seconds(7_000))), seconds(30));
    }
}
