//! What the clocks of a zone show.

use chrono::{DateTime, Offset, TimeZone, Utc};
use chrono_tz::Tz::{self, *};

/// How far the clocks of `zone` are ahead of UTC at an instant, in seconds; negative west of Greenwich.
///
/// From the IANA time zone database, as 2026f has it: see `rules`.
pub fn utc_offset(zone: Tz, at: DateTime<Utc>) -> i64 {
    rules(zone, at.timestamp()).offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc().into()
}

/// 2026-01-01T00:00:00Z.
const JANUARY_2026: i64 = 1_767_225_600;
/// 2026-06-01T00:00:00Z.
const JUNE_2026: i64 = 1_780_272_000;
/// 2026-09-20T01:00:00Z.
const MOROCCO: i64 = 1_789_866_000;
/// 2027-06-01T00:00:00Z.
const JUNE_2027: i64 = 1_811_808_000;

/// The zone whose rules hold in `zone` at `at`, in Unix seconds.
///
/// The newest chrono-tz, 0.10.4, has the database of 2025b inside. What has changed from there to 2026f (NEWS of the
/// IANA database, PyPI `tzdata` 2026.6) stands here, because a clock that is an hour off calls people after hours. The
/// test below fails when chrono-tz has a newer database: then drop what it knows by itself.
fn rules(zone: Tz, at: i64) -> Tz {
    match zone {
        // Summer time for good, from the spring of 2026 on.
        America__Vancouver | Canada__Pacific if at >= JUNE_2026 => Etc__GMTPlus7,
        America__Edmonton | America__Inuvik | America__Yellowknife | Canada__Mountain if at >= JUNE_2026 => {
            Etc__GMTPlus6
        }
        America__Winnipeg | America__Rainy_River | Canada__Central if at >= JUNE_2026 => Etc__GMTPlus5,
        // No summer time in winter any more, nor a pause of it in Ramadan.
        Africa__Casablanca | Africa__El_Aaiun if at >= MOROCCO => UTC,
        // Summer time right through one winter.
        America__Havana | Cuba if (JUNE_2026..JUNE_2027).contains(&at) => Etc__GMTPlus4,
        // Changes its clocks at the hour the European Union does.
        Europe__Chisinau | Europe__Tiraspol if at >= JANUARY_2026 => Europe__Bucharest,
        _ => zone,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offset(zone: Tz, at: &str) -> i64 {
        utc_offset(zone, at.parse().unwrap())
    }

    #[test]
    fn what_stands_here_is_what_the_database_inside_lacks() {
        assert_eq!(chrono_tz::IANA_TZDB_VERSION, "2025b", "see which lines of `rules` are needless now");
    }

    #[test]
    fn clocks_go_as_the_world_has_decided_since() {
        for (zone, at, hours) in [
            (America__Vancouver, "2026-02-01T12:00:00Z", -8),
            (America__Vancouver, "2026-07-01T12:00:00Z", -7),
            (America__Vancouver, "2026-12-01T12:00:00Z", -7),
            (America__Edmonton, "2027-01-01T12:00:00Z", -6),
            (America__Winnipeg, "2027-01-01T12:00:00Z", -5),
            (America__Havana, "2027-01-01T12:00:00Z", -4),
            (America__Havana, "2028-01-01T12:00:00Z", -5),
            (Africa__Casablanca, "2026-09-20T00:59:59Z", 1),
            (Africa__Casablanca, "2026-09-20T01:00:00Z", 0),
            (Africa__Casablanca, "2027-07-01T12:00:00Z", 0),
            (Europe__Chisinau, "2026-10-25T00:59:59Z", 3),
            (Europe__Chisinau, "2026-10-25T01:00:00Z", 2),
        ] {
            assert_eq!(offset(zone, at), hours * 3600, "{zone} at {at}");
        }
    }

    #[test]
    fn summer_time_goes_on_beyond_the_years_the_database_lists() {
        assert_eq!(offset(Europe__Berlin, "2060-07-01T00:00:00Z"), 7200);
        assert_eq!(offset(Europe__Berlin, "2060-12-01T00:00:00Z"), 3600);
    }
}
