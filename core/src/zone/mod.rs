//! Time zones: their names, where a number may ring, and what the clocks there show.

use std::{fmt, str::FromStr, sync::LazyLock};

use chrono_tz::Tz;

use crate::E164;

mod clock;
mod table;

pub use clock::utc_offset;

/// Reads a name of the IANA time zone database: `Area/Location`, or `UTC`.
///
/// Abbreviations like `IST` mean different zones in different places and are refused, also those few that the
/// database has for old times' sake (`EST`, `MET`).
pub fn named(name: &str) -> Option<Tz> {
    let whole = name == "UTC" || name.contains('/');
    whole.then(|| name.parse().ok()).flatten()
}

/// The same, and what would be right where there is no such zone.
pub fn parse(name: &str) -> Result<Tz, String> {
    named(name).ok_or_else(|| format!("{name:?} is no IANA time zone; write it like Asia/Kolkata"))
}

/// Whether there is a time zone of this name; see [`named`].
pub fn is_zone(name: &str) -> bool {
    named(name).is_some()
}

/// Where a recipient may be: one zone or several, each once, in the order of their names.
///
/// Written and read as one text, the names joined by commas: the same zones always give the same key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Zones(Vec<Tz>);

/// A text that is not a list of zones.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an IANA time zone; write names like Asia/Kolkata, joined by commas")]
pub struct ZonesError(String);

impl Zones {
    /// Where somebody is: in the `explicit` zone if one was written down for them, else where their number may ring,
    /// else, when the number tells nothing (toll-free, satellite), in the campaign's zone.
    ///
    /// None means that nobody knows, and then nobody calls. So does an explicit zone that does not exist: it was meant
    /// to say something, and guessing on could be wrong by half a day.
    pub fn of(explicit: Option<&str>, number: E164, fallback: Option<Tz>) -> Option<Self> {
        match explicit.map(str::trim).filter(|name| !name.is_empty()) {
            Some(name) => named(name).map(Self::from),
            None => Self::of_number(number).or_else(|| fallback.map(Self::from)),
        }
    }

    /// Where a number may ring, by its country code, for +1 by its area code; None when it tells no place.
    ///
    /// A mobile phone can be anywhere; what counts is where its number belongs.
    pub fn of_number(number: E164) -> Option<Self> {
        let digits = number.digits();
        let count = digits.checked_ilog10()? + 1;
        let prefixes = (1..=LONGEST_PREFIX.min(count)).rev().map(|n| digits / 10u64.pow(count - n));
        prefixes.filter_map(|prefix| BY_PREFIX.get(&prefix)).map(|&zones| Self(zones.to_vec())).next()
    }

    /// The zones, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = Tz> + '_ {
        self.0.iter().copied()
    }

    fn sorted(mut zones: Vec<Tz>) -> Self {
        zones.sort_unstable_by_key(|zone| zone.name());
        zones.dedup();
        Self(zones)
    }
}

impl From<Tz> for Zones {
    fn from(zone: Tz) -> Self {
        Self(vec![zone])
    }
}

impl fmt::Display for Zones {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().enumerate().try_for_each(|(i, zone)| {
            f.write_str(if i == 0 { "" } else { "," })?;
            f.write_str(zone.name())
        })
    }
}

impl FromStr for Zones {
    type Err = ZonesError;

    fn from_str(text: &str) -> Result<Self, ZonesError> {
        let zone = |name: &str| named(name).ok_or_else(|| ZonesError(name.chars().take(80).collect()));
        text.split(',').map(zone).collect::<Result<_, _>>().map(Self::sorted)
    }
}

impl utoipa::PartialSchema for Zones {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        crate::schema::free_text("IANA time zones, separated by commas.", "Asia/Kolkata")
    }
}

impl utoipa::ToSchema for Zones {}

impl serde::Serialize for Zones {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Zones {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(d)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// +1 and an area code.
const LONGEST_PREFIX: u32 = 4;

static BY_PREFIX: LazyLock<std::collections::HashMap<u64, &'static [Tz]>> = LazyLock::new(|| {
    let rows = table::TABLE.iter();
    rows.flat_map(|&(zones, prefixes)| prefixes.iter().map(move |&prefix| (prefix.into(), zones))).collect()
});

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> E164 {
        text.parse().unwrap()
    }

    fn zones_of(text: &str) -> String {
        Zones::of_number(number(text)).map_or_else(|| "nobody knows".into(), |zones| zones.to_string())
    }

    #[test]
    fn zones_are_told_from_other_words() {
        for zone in [
            "Asia/Kolkata",
            "Asia/Calcutta",
            "America/Argentina/Buenos_Aires",
            "UTC",
            "Etc/GMT+5",
            "America/Port-au-Prince",
            "Europe/Kyiv",
        ] {
            assert!(is_zone(zone), "{zone}");
        }
        for other in [
            "",
            "IST",
            "EST",
            "GMT",
            "+05:30",
            "Europe/",
            "/Berlin",
            "Europe/Ber lin",
            "europe/berlin",
            "Europe/Bombay",
            "Москва/X",
            "9/5",
        ] {
            assert!(!is_zone(other), "{other}");
        }
    }

    #[test]
    fn well_known_numbers_ring_where_everybody_knows() {
        for (text, zones) in [
            ("+919876543210", "Asia/Kolkata"),
            ("+12025550100", "America/New_York"),
            ("+18085550100", "Pacific/Honolulu"),
            ("+16025550100", "America/Phoenix"),
            ("+14165550100", "America/Toronto"),
            ("+18765550100", "America/Jamaica"),
            ("+14415550100", "Atlantic/Bermuda"),
            ("+12085550100", "America/Denver,America/Los_Angeles"),
            ("+18505550100", "America/Chicago,America/New_York"),
            ("+17095550100", "America/Goose_Bay,America/St_Johns"),
            ("+4915112345678", "Europe/Berlin"),
            ("+442079460000", "Europe/London"),
            ("+33612345678", "Europe/Paris"),
            ("+8613800138000", "Asia/Shanghai"),
            ("+97712345678", "Asia/Kathmandu"),
            ("+380501234567", "Europe/Kyiv"),
            ("+212612345678", "Africa/Casablanca"),
            ("+34612345678", "Atlantic/Canary,Europe/Madrid"),
            ("+351912345678", "Atlantic/Azores,Europe/Lisbon"),
            ("+593912345678", "America/Guayaquil,Pacific/Galapagos"),
            ("+243812345678", "Africa/Kinshasa,Africa/Lubumbashi"),
            ("+77012345678", "Asia/Almaty,Asia/Qyzylorda"),
        ] {
            assert_eq!(zones_of(text), zones, "{text}");
        }
    }

    #[test]
    fn wide_countries_may_ring_in_every_zone_of_theirs() {
        for (text, some) in [
            ("+18675550100", ["America/Whitehorse", "America/Iqaluit"]),
            ("+61412345678", ["Australia/Sydney", "Australia/Perth"]),
            ("+79161234567", ["Europe/Kaliningrad", "Asia/Kamchatka"]),
            ("+5511912345678", ["America/Noronha", "America/Sao_Paulo"]),
            ("+525512345678", ["America/Tijuana", "America/Cancun"]),
            ("+6281234567890", ["Asia/Jakarta", "Asia/Jayapura"]),
            ("+56912345678", ["Pacific/Easter", "America/Punta_Arenas"]),
            ("+6861234567", ["Pacific/Tarawa", "Pacific/Kiritimati"]),
            ("+6911234567", ["Pacific/Chuuk", "Pacific/Pohnpei"]),
            ("+97688112233", ["Asia/Hovd", "Asia/Ulaanbaatar"]),
        ] {
            let zones = zones_of(text);
            assert!(some.iter().all(|zone| zones.split(',').any(|z| z == *zone)), "{text}: {zones}");
        }
        assert!(!zones_of("+79161234567").contains("Almaty"), "Kazakhstan has +76 and +77");
    }

    #[test]
    fn numbers_without_a_place_leave_it_to_the_campaign() {
        for text in [
            "+18005550100",
            "+18885550100",
            "+19005550100",
            "+80012345678",
            "+870123456789",
            "+88312345678",
            "+88812345678",
        ] {
            assert_eq!(zones_of(text), "nobody knows", "{text}");
            let berlin = Some(Tz::Europe__Berlin);
            assert_eq!(Zones::of(None, number(text), berlin), berlin.map(Zones::from));
            assert_eq!(Zones::of(None, number(text), None), None);
        }
    }

    #[test]
    fn what_was_written_down_counts_first_and_a_zone_that_does_not_exist_is_not_guessed_around() {
        let (indian, fallback) = (number("+919876543210"), Some(Tz::UTC));
        let of = |explicit| Zones::of(explicit, indian, fallback).map(|zones| zones.to_string());
        assert_eq!(of(Some("Europe/Berlin")).as_deref(), Some("Europe/Berlin"));
        assert_eq!(of(Some(" ")).as_deref(), Some("Asia/Kolkata"));
        assert_eq!(of(None).as_deref(), Some("Asia/Kolkata"));
        assert_eq!(of(Some("Mars/Olympus")), None);
    }

    #[test]
    fn a_key_reads_back_and_has_one_spelling() {
        let zones: Zones = "America/Los_Angeles,America/Denver,America/Los_Angeles".parse().unwrap();
        assert_eq!(zones.to_string(), "America/Denver,America/Los_Angeles");
        assert_eq!(zones.to_string().parse(), Ok(zones.clone()));
        let json = serde_json::to_string(&zones).unwrap();
        assert_eq!(serde_json::from_str::<Zones>(&json).unwrap(), zones);
        for bad in ["", ",", "UTC,", "UTC, Asia/Kolkata", "Asia/Bombay"] {
            assert!(bad.parse::<Zones>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_table_is_in_order_and_each_prefix_stands_there_once() {
        let mut seen = std::collections::HashSet::new();
        for (zones, prefixes) in table::TABLE {
            assert_eq!(Zones::sorted(zones.to_vec()).0, *zones, "{prefixes:?}");
            assert!(zones.iter().all(|zone| named(zone.name()) == Some(*zone)), "{zones:?}");
            assert!(
                prefixes.iter().all(|p| *p < 10u32.pow(LONGEST_PREFIX) && seen.insert(p)),
                "{prefixes:?}"
            );
        }
    }

    #[test]
    fn every_country_code_has_zones_or_belongs_to_no_country() {
        let unplaced = |code: &u64| {
            E164::try_from(code * 10_000_000).is_ok_and(|number| Zones::of_number(number).is_none())
        };
        // A shorter code has all its tens or hundreds here; those from 100 on are +1 and its area codes.
        let codes: Vec<u64> = (200..1000).filter(unplaced).collect();
        assert_eq!(codes, [800, 808, 870, 878, 881, 882, 883, 888, 979]);
    }
}
