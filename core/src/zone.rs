//! Time zone names.

/// Longest name taken; the longest of the IANA database has 32 characters.
const LONGEST: usize = 64;

/// Whether a text is built like a name of the IANA time zone database: `Area/Location`, or `UTC`.
///
/// Abbreviations like `IST` mean different zones in different places and are refused.
pub fn is_zone(name: &str) -> bool {
    let part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic())
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'+'))
    };
    name == "UTC" || (name.len() <= LONGEST && name.contains('/') && name.split('/').all(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_told_from_other_words() {
        for zone in
            ["Asia/Kolkata", "America/Argentina/Buenos_Aires", "UTC", "Etc/GMT+5", "America/Port-au-Prince"]
        {
            assert!(is_zone(zone), "{zone}");
        }
        for other in ["", "IST", "+05:30", "Europe/", "/Berlin", "Europe/Ber lin", "Москва/X", "9/5"] {
            assert!(!is_zone(other), "{other}");
        }
        assert!(!is_zone(&format!("A/{}", "x".repeat(63))), "too long");
    }
}
