//! Whom there is to call, where they are, and when they may be called.

use std::{
    collections::VecDeque,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use chrono::{DateTime, Datelike, DurationRound, TimeDelta, Utc};
use rand::{Rng, RngExt, seq::IndexedRandom};
use ringfleet_core::{E164, zone};
use serde_json::{Value, json};

use crate::process::Failure;

/// Those who stand on the lists of many campaigns.
const REGULARS: usize = 24;
/// So many of those that were put on a list last may be suppressed.
const REMEMBERED: usize = 400;

/// Where people are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Place {
    /// The zone is told with each number.
    America,
    /// The number tells the zone.
    Berlin,
    Mumbai,
}

impl Place {
    pub const ALL: [Self; 3] = [Self::America, Self::Berlin, Self::Mumbai];

    fn zone(self) -> &'static str {
        match self {
            Self::America => "America/New_York",
            Self::Berlin => "Europe/Berlin",
            Self::Mumbai => "Asia/Kolkata",
        }
    }

    /// These moments as the hours of a schedule, on the clocks of this place.
    ///
    /// # Errors
    /// When its zone is unknown.
    pub fn hours(self, spans: &[Span]) -> Result<Value, Failure> {
        let zone = zone::named(self.zone()).ok_or_else(|| Failure::new("a zone is unknown"))?;
        let mut hours = json!({});
        for (from, until) in spans {
            let (from, until) = (from.with_timezone(&zone), until.with_timezone(&zone));
            let day = from.weekday().to_string().to_lowercase();
            let range = format!("{}-{}", from.format("%H:%M:%S"), until.format("%H:%M:%S"));
            match hours[&day].as_array_mut() {
                Some(ranges) => ranges.push(range.into()),
                None => hours[&day] = json!([range]),
            }
        }
        Ok(hours)
    }
}

/// From a moment, included, to another, excluded.
pub type Span = (DateTime<Utc>, DateTime<Utc>);

/// Some short spans from about now on, and a long one at their end, so that everybody's turn comes.
pub fn spans(rng: &mut impl Rng, now: DateTime<Utc>) -> Vec<Span> {
    let second = now.duration_trunc(TimeDelta::seconds(1)).unwrap_or(now);
    let mut opens = second + TimeDelta::seconds(rng.random_range(-2..6));
    let mut spans = Vec::new();
    for _ in 0..rng.random_range(1..4) {
        let closes = opens + TimeDelta::seconds(rng.random_range(3..12));
        spans.push((opens, closes));
        opens = closes + TimeDelta::seconds(rng.random_range(3..12));
    }
    spans.push((opens, opens + TimeDelta::hours(6)));
    spans
}

/// All of them.
#[derive(Default)]
pub struct People {
    met: AtomicU64,
    listed: Mutex<VecDeque<E164>>,
}

impl People {
    /// The number of somebody who has not been called yet. Its end says what happens: see `SimulatedTrunk`.
    pub fn somebody(&self, rng: &mut impl Rng, place: Place) -> String {
        let nth = self.met.fetch_add(1, Ordering::Relaxed);
        let end = rng.random_range(0..100);
        match place {
            Place::America => format!("+1{}{:05}{end:02}", 302 + nth / 100_000, nth % 100_000),
            Place::Berlin => format!("+4930{nth:07}{end:02}"),
            Place::Mumbai => format!("+9122{nth:07}{end:02}"),
        }
    }

    /// Somebody who is called by many.
    pub fn regular(rng: &mut impl Rng) -> String {
        let nth = rng.random_range(0..REGULARS);
        format!("+1212{nth:05}{:02}", nth * 41 % 100)
    }

    /// A list for a campaign: so many nobody has called yet, and so many who are called by many.
    ///
    /// # Errors
    /// When a number is none.
    pub fn list(
        &self,
        rng: &mut impl Rng,
        place: Place,
        fresh: usize,
        regulars: usize,
    ) -> Result<Vec<Value>, Failure> {
        let mut numbers: Vec<String> = (0..fresh).map(|_| self.somebody(rng, place)).collect();
        numbers.extend((0..regulars).map(|_| Self::regular(rng)));
        let mut listed = self.listed.lock().unwrap_or_else(PoisonError::into_inner);
        for number in &numbers {
            listed.push_back(number.parse().map_err(|e| Failure::during(number, e))?);
        }
        let long_ago = listed.len().saturating_sub(REMEMBERED);
        listed.drain(..long_ago);
        let row = |number: String| match place {
            Place::America => json!({"to": number, "timezone": place.zone()}),
            _ => json!({"to": number}),
        };
        Ok(numbers.into_iter().map(row).collect())
    }

    /// Some of those who were put on lists last.
    pub fn some(&self, rng: &mut impl Rng, count: usize) -> Vec<E164> {
        let listed: Vec<E164> =
            self.listed.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect();
        let mut some: Vec<E164> = listed.sample(rng, count).copied().collect();
        some.sort_by_key(|number| number.digits());
        some.dedup();
        some
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{SeedableRng, rngs::StdRng};

    #[test]
    fn spans_are_written_on_the_clocks_of_the_place_also_over_midnight() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let spans = [
            (at("2026-11-23T22:59:50Z"), at("2026-11-23T23:00:10Z")),
            (at("2026-11-23T23:00:20Z"), at("2026-11-24T05:00:20Z")),
        ];
        assert_eq!(
            Place::Berlin.hours(&spans).unwrap(),
            json!({"mon": ["23:59:50-00:00:10"], "tue": ["00:00:20-06:00:20"]})
        );
        assert_eq!(
            Place::Mumbai.hours(&spans).unwrap(),
            json!({"tue": ["04:29:50-04:30:10", "04:30:20-10:30:20"]})
        );
    }

    #[test]
    fn spans_open_and_close_on_full_seconds() {
        let now = "2026-11-23T22:59:50.250Z".parse().unwrap();
        for seed in 0..20 {
            let spans = spans(&mut StdRng::seed_from_u64(seed), now);
            assert!(spans.len() >= 2 && spans.is_sorted(), "{spans:?}");
            assert!(spans.iter().all(|(from, until)| from < until && from.timestamp_subsec_millis() == 0));
            assert!(spans.windows(2).all(|pair| pair[0].1 < pair[1].0), "{spans:?}");
        }
    }
}
