//! Which of its numbers a campaign shows: its pool of caller IDs, their rotation, and how often one is shown in a day.

use std::collections::HashSet;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::{E164, text_enum::text_enum, window, zone::utc_offset};

text_enum! {
    /// Which number of a pool comes next.
    #[derive(Default)]
    pub enum Rotation {
        /// The one whose turn is longest ago, so that each has its turn.
        #[default]
        RoundRobin => "roundRobin",
        /// The one that was shown least today.
        LeastUsed => "leastUsed",
        /// One that looks like a neighbour's: of the callee's country and area code, else of its country, else any.
        Match => "match",
    }
}

/// The caller IDs of a campaign, or of a trunk for its campaigns that have none of their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CallerIds {
    /// The numbers, each once.
    pub numbers: Vec<E164>,
    /// Which one comes next.
    pub rotation: Rotation,
    /// Most calls of a [`Day`] that show one of them; none is no cap.
    pub daily_cap: Option<u32>,
}

/// What was shown of a number on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Use {
    /// Calls that showed it, of all campaigns of the workspace and of nobody's list.
    pub calls: u32,
    /// When it last had its turn: later ones are larger, 0 is never.
    pub turn: i64,
}

impl CallerIds {
    /// Most numbers of a pool.
    pub const MOST: usize = 500;
    /// Largest daily cap.
    pub const LARGEST_CAP: u32 = 100_000;

    /// The first broken rule: the field and what would be right.
    pub fn validate(&self) -> Result<(), (String, String)> {
        if !(1..=Self::MOST).contains(&self.numbers.len()) {
            let problem = format!("must hold 1 to {} numbers", Self::MOST);
            return Err(("callerIds.numbers".into(), problem));
        }
        let mut seen = HashSet::new();
        if let Some(index) = self.numbers.iter().position(|number| !seen.insert(number)) {
            return Err((
                format!("callerIds.numbers[{index}]"),
                "stands in the pool already; give it once".into(),
            ));
        }
        if self.daily_cap.is_some_and(|cap| !(1..=Self::LARGEST_CAP).contains(&cap)) {
            let problem = format!("must be 1 to {}, or null for no cap", Self::LARGEST_CAP);
            return Err(("callerIds.dailyCap".into(), problem));
        }
        Ok(())
    }

    /// The number to show to `callee`, by what was shown of each on this day; when all are at their cap, the moment they are free again.
    pub fn choose(&self, day: &Day, uses: impl Fn(E164) -> Use, callee: E164) -> Result<E164, DateTime<Utc>> {
        let free = self.numbers.iter().map(|&number| (number, uses(number)));
        let free = free.filter(|(_, used)| self.daily_cap.is_none_or(|cap| used.calls < cap));
        // Of equals the first in the order of the list.
        let chosen = free.min_by_key(|(number, used)| match self.rotation {
            Rotation::RoundRobin => (0, used.turn),
            Rotation::LeastUsed => (0, i64::from(used.calls)),
            Rotation::Match => (distance(*number, callee), i64::from(used.calls)),
        });
        chosen.map(|(number, _)| number).ok_or(day.ends_at)
    }

    /// How many more calls of this day may show one of them; none without a cap.
    pub fn left(&self, uses: impl Fn(E164) -> Use) -> Option<u64> {
        let cap = self.daily_cap?;
        Some(self.numbers.iter().map(|&number| u64::from(cap.saturating_sub(uses(number).calls))).sum())
    }

    /// How many calls of one day may show one of them; none without a cap.
    pub fn each_day(&self) -> Option<u64> {
        self.daily_cap.map(|cap| u64::from(cap) * self.numbers.len() as u64)
    }
}

/// How far a number is from looking like the callee's own: 0 country and area code, 1 country, 2 neither.
fn distance(number: E164, callee: E164) -> u8 {
    match number.country_code() == callee.country_code() {
        true if number.area_code().is_some() && number.area_code() == callee.area_code() => 0,
        true => 1,
        false => 2,
    }
}

/// A day of a workspace: from midnight to midnight on the clocks of its zone, or of UTC where it has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day {
    /// Its date, in days since 1970-01-01.
    pub number: i32,
    /// The moment the next one begins.
    pub ends_at: DateTime<Utc>,
}

/// Longest day there is: countries that move to the other side of the date line have had 48 hours of one.
const LONGEST: i64 = 50;

impl Day {
    /// The day it is in `zone` at `now`.
    pub fn of(zone: Option<Tz>, now: DateTime<Utc>) -> Self {
        let zone = zone.unwrap_or(Tz::UTC);
        let date_at = |second: i64| {
            let at = DateTime::from_timestamp(second, 0).unwrap_or(now);
            (second + utc_offset(zone, at)).div_euclid(86_400)
        };
        let from = now.timestamp();
        let today = date_at(from);
        let is_today = |second: &i64| date_at(*second) == today;
        let hours = (1..=LONGEST).map(|hour| from + hour * 3_600);
        let after = hours.clone().find(|hour| !is_today(hour)).unwrap_or(from + LONGEST * 3_600);
        let end = window::change((after - 3_600).max(from), after, |second| is_today(&second));
        let ends_at = DateTime::from_timestamp(end, 0).unwrap_or(now + TimeDelta::days(1));
        Self { number: today as i32, ends_at }
    }

    /// Its date.
    pub fn date(self) -> NaiveDate {
        NaiveDate::default() + TimeDelta::days(self.number.into()) // the default is 1970-01-01
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use proptest::{collection::vec, prelude::*};

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn number(text: &str) -> E164 {
        text.parse().unwrap()
    }

    fn today() -> Day {
        Day::of(None, at("2026-11-23T10:00:00Z"))
    }

    fn pool(numbers: &[&str], rotation: Rotation, daily_cap: Option<u32>) -> CallerIds {
        CallerIds { numbers: numbers.iter().map(|text| number(text)).collect(), rotation, daily_cap }
    }

    /// A day of calls: what was shown, call by call.
    #[derive(Default)]
    struct Book(HashMap<E164, Use>, i64);

    impl Book {
        fn used(&self, number: E164) -> Use {
            self.0.get(&number).copied().unwrap_or_default()
        }

        fn note(&mut self, number: E164) {
            self.1 += 1;
            let used = self.0.entry(number).or_default();
            (used.calls, used.turn) = (used.calls + 1, self.1);
        }

        fn call(&mut self, pool: &CallerIds, callee: &str) -> Option<E164> {
            let chosen = pool.choose(&today(), |n| self.used(n), number(callee)).ok();
            chosen.into_iter().for_each(|number| self.note(number));
            chosen
        }
    }

    const INDIAN: &str = "+919876543210";

    #[test]
    fn each_has_its_turn_in_the_order_of_the_list() {
        let pool = pool(&["+12025550101", "+12025550102", "+12025550103"], Rotation::RoundRobin, None);
        let mut book = Book::default();
        let shown: Vec<E164> = (0..6).filter_map(|_| book.call(&pool, INDIAN)).collect();
        assert_eq!(shown, [&pool.numbers[..], &pool.numbers[..]].concat());
        // A call of somebody else that shows one of them was its turn as well.
        book.note(pool.numbers[0]);
        assert_eq!(book.call(&pool, INDIAN), Some(pool.numbers[1]));
    }

    #[test]
    fn a_neighbours_number_comes_first_then_a_countrymans() {
        let numbers = ["+442071234567", "+12125550101", "+12025550102", "+12025550103", "+919800000001"];
        let pool = pool(&numbers, Rotation::Match, Some(1));
        let mut book = Book::default();
        let mut show = |callee| book.call(&pool, callee).map(|number| number.to_string());
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(show("+12025559999"), some("+12025550102"));
        assert_eq!(show("+12025559999"), some("+12025550103"));
        assert_eq!(show("+12025559999"), some("+12125550101"), "of its country");
        assert_eq!(show(INDIAN), some("+919800000001"));
        assert_eq!(show("+12025559999"), some("+442071234567"), "any");
        assert_eq!(show("+12025559999"), None);
    }

    #[test]
    fn when_all_are_at_their_cap_it_is_told_when_the_next_day_begins() {
        let pool = pool(&["+12025550101", "+12025550102"], Rotation::LeastUsed, Some(3));
        let mut book = Book::default();
        assert_eq!(pool.left(|n| book.used(n)), Some(6));
        (0..6).for_each(|_| assert!(book.call(&pool, INDIAN).is_some()));
        let found = pool.choose(&today(), |n| book.used(n), number(INDIAN));
        assert_eq!(found, Err(at("2026-11-24T00:00:00Z")));
        assert_eq!((pool.left(|n| book.used(n)), pool.each_day()), (Some(0), Some(6)));
        // A smaller cap than was used already lets nothing through, and owes nothing.
        let smaller = CallerIds { daily_cap: Some(2), ..pool };
        assert_eq!(smaller.left(|n| book.used(n)), Some(0));
    }

    #[test]
    fn a_pool_that_makes_no_sense_is_refused_by_its_field() {
        let field = |pool: CallerIds| pool.validate().unwrap_err().0;
        let fine = pool(&["+12025550101", "+12025550102"], Rotation::Match, Some(1));
        assert_eq!(fine.validate(), Ok(()));
        assert_eq!(field(CallerIds { numbers: Vec::new(), ..fine.clone() }), "callerIds.numbers");
        let twice = pool(&["+12025550101", "+12025550102", "+12025550101"], Rotation::Match, None);
        assert_eq!(field(twice), "callerIds.numbers[2]");
        let many = (0..501).map(|n| E164::try_from(12_025_550_000 + n).unwrap()).collect();
        assert_eq!(field(CallerIds { numbers: many, ..fine.clone() }), "callerIds.numbers");
        for cap in [0, 100_001] {
            assert_eq!(field(CallerIds { daily_cap: Some(cap), ..fine.clone() }), "callerIds.dailyCap");
        }
    }

    #[test]
    fn a_day_is_that_of_the_zones_clocks() {
        let day = |zone: &str, now| Day::of(Some(zone.parse().unwrap()), at(now));
        let (indian, utc) =
            (day("Asia/Kolkata", "2026-11-23T20:00:00Z"), Day::of(None, at("2026-11-23T20:00:00Z")));
        assert_eq!(
            (indian.date().to_string(), utc.date().to_string()),
            ("2026-11-24".into(), "2026-11-23".into())
        );
        assert_eq!(indian.ends_at, at("2026-11-24T18:30:00Z"));
        assert_eq!(utc.ends_at, at("2026-11-24T00:00:00Z"));
        // 23 and 25 hours when the clocks change, and at the first and the last second.
        assert_eq!(day("Europe/Berlin", "2026-03-28T23:00:00Z").ends_at, at("2026-03-29T22:00:00Z"));
        assert_eq!(day("Europe/Berlin", "2026-10-24T22:00:00Z").ends_at, at("2026-10-25T23:00:00Z"));
        assert_eq!(day("Europe/Berlin", "2026-10-25T22:59:59.999Z").ends_at, at("2026-10-25T23:00:00Z"));
        // Beirut skips the hour after midnight.
        assert_eq!(day("Asia/Beirut", "2026-03-28T12:00:00Z").ends_at, at("2026-03-28T22:00:00Z"));
    }

    fn any_pool() -> impl Strategy<Value = CallerIds> {
        let rotation = (0..Rotation::ALL.len()).prop_map(|n| Rotation::ALL[n]);
        let digits = prop_oneof![
            12_025_550_000u64..12_025_550_004,
            12_125_550_000u64..12_125_550_004,
            919_800_000_000u64..919_800_000_004
        ];
        (proptest::collection::hash_set(digits, 1..8), rotation, proptest::option::of(1u32..6)).prop_map(
            |(numbers, rotation, daily_cap)| {
                let numbers = numbers.into_iter().map(|n| E164::try_from(n).unwrap()).collect();
                CallerIds { numbers, rotation, daily_cap }
            },
        )
    }

    fn callee() -> impl Strategy<Value = &'static str> {
        proptest::sample::select(vec![
            "+12025559999",
            "+12125559999",
            "+14155559999",
            INDIAN,
            "+493012345678",
        ])
    }

    proptest! {
        /// Two campaigns of any kind share numbers; each call is held against what both have shown.
        #[test]
        fn no_cap_is_ever_passed_and_nobody_waits_while_a_number_is_left(
            pools in (any_pool(), any_pool()),
            calls in vec((any::<bool>(), callee()), 1..80),
        ) {
            let mut book = Book::default();
            for (first, callee) in calls {
                let pool = if first { &pools.0 } else { &pools.1 };
                let left = pool.left(|n| book.used(n));
                match book.call(pool, callee) {
                    Some(shown) => {
                        prop_assert!(pool.numbers.contains(&shown));
                        prop_assert!(pool.daily_cap.is_none_or(|cap| book.used(shown).calls <= cap));
                    }
                    None => prop_assert_eq!(left, Some(0)),
                }
            }
        }

        #[test]
        fn round_robin_is_even_to_one_among_those_below_their_cap(pool in any_pool(), calls in 1usize..60) {
            let pool = CallerIds { rotation: Rotation::RoundRobin, ..pool };
            let mut book = Book::default();
            for _ in 0..calls {
                book.call(&pool, INDIAN);
                let counts = || pool.numbers.iter().map(|&n| book.used(n).calls);
                prop_assert!(counts().max().unwrap() - counts().min().unwrap() <= 1);
            }
        }

        #[test]
        fn least_used_never_shows_a_more_used_one(pool in any_pool(), others in vec(0usize..8, 0..20), calls in 1usize..40) {
            let pool = CallerIds { rotation: Rotation::LeastUsed, daily_cap: None, ..pool };
            let mut book = Book::default();
            others.into_iter().for_each(|n| book.note(pool.numbers[n % pool.numbers.len()]));
            for _ in 0..calls {
                let least = pool.numbers.iter().map(|&n| book.used(n).calls).min();
                let shown = book.call(&pool, INDIAN).unwrap();
                prop_assert_eq!(Some(book.used(shown).calls - 1), least);
            }
        }

        #[test]
        fn match_shows_nothing_further_away_while_something_nearer_is_left(
            pool in any_pool(),
            calls in vec(callee(), 1..40),
        ) {
            let pool = CallerIds { rotation: Rotation::Match, ..pool };
            let mut book = Book::default();
            for callee in calls {
                let open = |n: &E164| pool.daily_cap.is_none_or(|cap| book.used(*n).calls < cap);
                let nearest = pool.numbers.iter().filter(|n| open(n)).map(|n| distance(*n, number(callee))).min();
                let shown = book.call(&pool, callee).map(|shown| distance(shown, number(callee)));
                prop_assert_eq!(shown, nearest);
            }
        }

        #[test]
        fn a_day_ends_after_now_and_another_one_begins_there(
            second in 946_684_800i64..4_000_000_000,
            zone in proptest::sample::select(vec!["UTC", "Asia/Kolkata", "America/New_York", "America/Havana", "Pacific/Apia", "Asia/Beirut"]),
        ) {
            let (zone, now) = (Some(zone.parse::<Tz>().unwrap()), DateTime::from_timestamp(second, 0).unwrap());
            let day = Day::of(zone, now);
            prop_assert!(day.ends_at > now && day.ends_at - now <= TimeDelta::hours(LONGEST));
            prop_assert_eq!(Day::of(zone, day.ends_at - TimeDelta::seconds(1)).number, day.number);
            prop_assert_ne!(Day::of(zone, day.ends_at).number, day.number);
        }
    }
}
