//! Telephone numbers: E.164 (ITU-T Rec. E.164, 11/2010) and the ways a spreadsheet writes them.

use std::{fmt, str::FromStr};

/// A telephone number as E.164: `+`, an assigned country code, at most 15 digits in all.
///
/// Kept as the digits in one integer, so that lists of millions stay small.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct E164(u64);

/// Why a text is not a number we can call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// Nothing there.
    #[error("no number")]
    Empty,
    /// A spreadsheet has turned the number into `9.19877E+11`; its digits are lost.
    #[error("scientific notation from a spreadsheet; the digits are lost, format the column as text")]
    Scientific,
    /// Digits, but neither `+` nor `00` in front.
    #[error("no country code; write it as +<country><number>")]
    NoCountryCode,
    /// `+` and digits, but no country has this code.
    #[error("no such country code")]
    UnknownCountryCode,
    /// Fewer than 7 digits.
    #[error("too short")]
    TooShort,
    /// More than the 15 digits E.164 allows.
    #[error("too long; E.164 allows 15 digits")]
    TooLong,
    /// Letters or other signs that do not belong into a number.
    #[error("not a number")]
    NotANumber,
}

impl NumberError {
    /// A stable code for programs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Scientific => "scientific_notation",
            Self::NoCountryCode => "no_country_code",
            Self::UnknownCountryCode => "unknown_country_code",
            Self::TooShort => "too_short",
            Self::TooLong => "too_long",
            Self::NotANumber => "not_a_number",
        }
    }
}

impl E164 {
    /// What stands where the number of somebody stood who was erased: no country has +999 (ITU-T E.164, annex D), so nobody is called by it.
    pub const ERASED: Self = Self(9_990_000_000);

    /// Whether the number that stood here was erased.
    pub fn is_erased(self) -> bool {
        self == Self::ERASED
    }

    /// From what databases keep: the digits without the plus sign; 0 or less of somebody who was erased.
    ///
    /// # Errors
    /// When it is no number.
    pub fn from_kept(kept: i64) -> Result<Self, NumberError> {
        match u64::try_from(kept) {
            Ok(0) | Err(_) => Ok(Self::ERASED),
            Ok(digits) => Self::try_from(digits),
        }
    }

    /// Digits without the plus sign.
    pub const fn digits(self) -> u64 {
        self.0
    }

    /// The country calling code in front.
    pub fn country_code(self) -> u64 {
        let length = country_length(&self.0.to_string()).unwrap_or(0);
        self.front(length as u32)
    }

    /// The area code of a number of the North American Numbering Plan, the three digits after +1; other countries have no
    /// fixed length of it.
    pub fn area_code(self) -> Option<u64> {
        (self.country_code() == 1).then(|| self.front(4) % 1_000)
    }

    /// The first `n` digits.
    fn front(self, n: u32) -> u64 {
        let count = self.0.checked_ilog10().unwrap_or(0) + 1;
        self.0 / 10u64.pow(count.saturating_sub(n))
    }

    /// Reads a number as people and spreadsheets write it: a leading apostrophe, spaces (also no-break ones), dots,
    /// dashes of any kind, slashes and parentheses are skipped; `00` counts as `+`; `(0)` after a country code is dropped.
    pub fn parse_loose(text: &str) -> Result<Self, NumberError> {
        let text = text.trim().trim_start_matches(['\'', '\u{2019}', '"', '=']).trim_end_matches('"').trim();
        if text.is_empty() {
            return Err(NumberError::Empty);
        }
        if is_scientific(text) {
            return Err(NumberError::Scientific);
        }
        let text = text.strip_prefix("tel:").unwrap_or(text).replace("(0)", "");
        let mut digits = String::with_capacity(16);
        let mut plus = false;
        for c in text.chars() {
            match c {
                _ if digit(c).is_some() => digits.extend(digit(c)),
                '+' | '\u{ff0b}' if !plus && digits.is_empty() => plus = true,
                ' '
                | '\u{a0}'
                | '\u{2009}'
                | '\u{202f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{202a}'..='\u{202e}'
                | '\u{2066}'..='\u{2069}'
                | '\u{feff}'
                | '\t'
                | '.'
                | '-'
                | '\u{2010}'..='\u{2015}'
                | '/'
                | '('
                | ')' => {}
                _ => return Err(NumberError::NotANumber),
            }
        }
        match (plus, digits.strip_prefix("00")) {
            (true, _) => Self::from_digits(&digits),
            (false, Some(rest)) => Self::from_digits(rest),
            (false, None) if digits.is_empty() => Err(NumberError::NotANumber),
            (false, None) => Err(NumberError::NoCountryCode),
        }
    }

    fn from_digits(digits: &str) -> Result<Self, NumberError> {
        match digits.len() {
            0 => return Err(NumberError::NotANumber),
            16.. => return Err(NumberError::TooLong),
            _ => {}
        }
        if country_length(digits).is_none() {
            return Err(NumberError::UnknownCountryCode);
        }
        if digits.len() < 7 {
            return Err(NumberError::TooShort);
        }
        digits.parse().map(Self).map_err(|_| NumberError::NotANumber)
    }

    /// For logs: the country and the last two digits stay, `+9198******10`.
    pub fn masked(self) -> String {
        let digits = self.0.to_string();
        let keep = digits.len().saturating_sub(8).clamp(2, 4);
        let hidden = digits.len().saturating_sub(keep + 2);
        format!("+{}{}{}", &digits[..keep], "*".repeat(hidden), &digits[digits.len() - 2..])
    }
}

/// From the digits without the plus sign.
impl TryFrom<u64> for E164 {
    type Error = NumberError;

    fn try_from(digits: u64) -> Result<Self, NumberError> {
        Self::from_digits(&digits.to_string())
    }
}

/// Strict: `+` and digits only, as the native API's JSON wants it.
impl FromStr for E164 {
    type Err = NumberError;

    fn from_str(text: &str) -> Result<Self, NumberError> {
        let Some(digits) = text.strip_prefix('+') else {
            return Err(match text {
                "" => NumberError::Empty,
                t if is_scientific(t) => NumberError::Scientific,
                t if t.bytes().all(|b| b.is_ascii_digit()) => NumberError::NoCountryCode,
                _ => NumberError::NotANumber,
            });
        };
        if !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(NumberError::NotANumber);
        }
        Self::from_digits(digits)
    }
}

impl fmt::Display for E164 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "+{}", self.0)
    }
}

/// Debug output goes to logs, so it is masked.
impl fmt::Debug for E164 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

impl utoipa::PartialSchema for E164 {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        crate::schema::text("A telephone number in E.164.", r"^\+[1-9][0-9]{6,14}$", "+919876543210")
    }
}

impl utoipa::ToSchema for E164 {}

impl serde::Serialize for E164 {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for E164 {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(d)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A digit as it is written in the West, or as wide as a Chinese character, as the former.
pub(crate) fn digit(c: char) -> Option<char> {
    match c {
        '0'..='9' => Some(c),
        '\u{ff10}'..='\u{ff19}' => char::from_digit(c as u32 - 0xff10, 10),
        _ => None,
    }
}

/// `9.19877E+11`, `9,2e11`: what Excel and LibreOffice make of a long number in a narrow column.
fn is_scientific(text: &str) -> bool {
    let Some((mantissa, exponent)) = text.split_once(['E', 'e']) else { return false };
    let number = |t: &str, extra: &[char]| {
        t.chars().any(|c| c.is_ascii_digit()) && t.chars().all(|c| c.is_ascii_digit() || extra.contains(&c))
    };
    number(mantissa, &['.', ',', '+']) && number(exponent, &['+', '-'])
}

/// How many digits the country code in front has; none when no country has such a code. Country codes assigned by the ITU
/// (Operational Bulletin, list of ITU-T Rec. E.164 assigned country codes), by length.
fn country_length(digits: &str) -> Option<usize> {
    let code = |n: usize| digits.get(..n).and_then(|p| p.parse::<u16>().ok()).unwrap_or(0);
    let is_code = |n: usize| match n {
        1 => matches!(code(1), 1 | 7),
        2 => {
            matches!(code(2), 20 | 27 | 30..=34 | 36 | 39 | 40 | 41 | 43..=49 | 51..=58 | 60..=66 | 81 | 82 | 84 | 86
                | 90..=95 | 98)
        }
        _ => {
            matches!(code(3), 211..=213 | 216 | 218 | 220..=258 | 260..=269 | 290 | 291 | 297..=299 | 350..=359
                | 370..=378 | 380..=383 | 385..=387 | 389 | 420 | 421 | 423 | 500..=509 | 590..=599 | 670 | 672..=683
                | 685..=692 | 800 | 808 | 850 | 852 | 853 | 855 | 856 | 870 | 878 | 880..=883 | 886 | 888 | 960..=968
                | 970..=977 | 979 | 992..=996 | 998)
        }
    };
    (1..=3).find(|&n| is_code(n))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spreadsheets_and_people_are_understood() {
        for text in [
            "+919876543210",
            "'+919876543210",
            "+91 98765 43210",
            "+91-98765-43210",
            "(+91) 98765.43210",
            "00919876543210",
            " +91\u{a0}98765\u{2011}43210 ",
            "+91 (0)9876543210",
            "=\"+919876543210\"",
            "tel:+919876543210",
            "\u{202d}+919876543210\u{202c}",
        ] {
            assert_eq!(
                E164::parse_loose(text).map(|n| n.to_string()),
                Ok("+919876543210".into()),
                "{text:?}"
            );
        }
    }

    #[test]
    fn each_mistake_has_its_reason() {
        for (text, reason) in [
            ("", NumberError::Empty),
            ("  ", NumberError::Empty),
            ("'", NumberError::Empty),
            ("9.19877E+11", NumberError::Scientific),
            ("9,2e11", NumberError::Scientific),
            ("9876543210", NumberError::NoCountryCode),
            ("098765 43210", NumberError::NoCountryCode),
            ("hello", NumberError::NotANumber),
            ("+91 9876x43210", NumberError::NotANumber),
            ("+", NumberError::NotANumber),
            ("--", NumberError::NotANumber),
            ("++919876543210", NumberError::NotANumber),
            ("+2109876543210", NumberError::UnknownCountryCode),
            ("+0919876543210", NumberError::UnknownCountryCode),
            ("+9198", NumberError::TooShort),
            ("+9198765432101234", NumberError::TooLong),
            ("+91987654321012345678901234567890", NumberError::TooLong),
        ] {
            assert_eq!(E164::parse_loose(text), Err(reason), "{text:?}");
        }
    }

    #[test]
    fn json_is_strict() {
        assert!("+919876543210".parse::<E164>().is_ok());
        for text in ["+91 9876543210", "919876543210", "00919876543210", "", "+", "+91٣٤٥٦٧٨٩٠"] {
            assert!(text.parse::<E164>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn country_and_area_code_stand_in_front() {
        let of = |text: &str| {
            let number: E164 = text.parse().unwrap();
            (number.country_code(), number.area_code())
        };
        assert_eq!(of("+12025550100"), (1, Some(202)));
        assert_eq!(of("+79261234567"), (7, None));
        assert_eq!(of("+919876543210"), (91, None));
        assert_eq!(of("+442071234567"), (44, None));
        assert_eq!(of("+3531234567"), (353, None));
    }

    #[test]
    fn logs_never_show_a_whole_number() {
        let number: E164 = "+919876543210".parse().unwrap();
        assert_eq!(format!("{number:?}"), "+9198******10");
        assert_eq!(format!("{:?}", "+2902222".parse::<E164>().unwrap()), "+29***22");
    }

    proptest! {
        #[test]
        fn parsing_never_panics_and_round_trips(text in ".{0,40}") {
            if let Ok(number) = E164::parse_loose(&text) {
                prop_assert_eq!(number.to_string().parse(), Ok(number));
            }
        }

        #[test]
        fn separators_do_not_change_a_number(national in "[1-9][0-9]{8,9}", seps in proptest::collection::vec("[ .()-]", 10)) {
            let plain: E164 = format!("+49{national}").parse().unwrap();
            let dressed: String = national.chars().zip(seps.iter().cycle()).map(|(c, s)| format!("{s}{c}")).collect();
            prop_assume!(!dressed.contains("(0)"));
            prop_assert_eq!(E164::parse_loose(&format!("+49{dressed}")), Ok(plain));
        }
    }
}
