//! What no text may hold.
//!
//! PostgreSQL keeps no NUL character (U+0000) in `text` and none in `jsonb`; SQLite would. Both refuse it here, before the
//! statement is sent, so that a file or a request fares alike on both engines and a transaction is not lost over it.

use serde::Serialize;
use sqlx::types::Json;
use uuid::Uuid;

use crate::Timestamp;

/// A value that can be bound to a statement.
pub(crate) trait Bound {
    /// Whether both engines can keep it.
    fn fits(&self) -> bool;
}

/// Passes `value` on and clears `fits` when it cannot be kept.
pub(crate) fn seen<T: Bound>(value: T, fits: &mut bool) -> T {
    *fits &= value.fits();
    value
}

/// The pattern of `LIKE` (with `\\` as its escape) for texts that hold this one.
pub(crate) fn holds(part: &str) -> String {
    let escaped = part.chars().flat_map(|c| "\\%_".contains(c).then_some('\\').into_iter().chain([c]));
    ['%'].into_iter().chain(escaped).chain(['%']).collect()
}

/// The same for `lower(…)` of the texts and for the texts themselves: SQLite knows the lower case of ASCII letters only.
pub(crate) fn holds_in_any_case(part: Option<&str>) -> (Option<String>, Option<String>) {
    (part.map(|part| holds(&part.to_lowercase())), part.map(holds))
}

/// Whether JSON as `serde_json` writes it spells a NUL character. A backslash that is itself escaped escapes nothing.
pub(crate) fn spells_nul(json: &str) -> bool {
    json.match_indices(r"\u0000").any(|(at, _)| {
        let backslashes = json.as_bytes()[..at].iter().rev().take_while(|&&byte| byte == b'\\').count();
        backslashes.is_multiple_of(2)
    })
}

macro_rules! without_text {
    ($($type:ty),+) => {$(
        impl Bound for $type {
            fn fits(&self) -> bool { true }
        }
    )+};
}
// `String` is the array of rows, which has been looked at when it was made.
without_text!(
    bool,
    i32,
    Option<i32>,
    i64,
    f64,
    Option<i64>,
    Uuid,
    Option<Uuid>,
    Timestamp,
    Option<Timestamp>,
    &[u8],
    Option<&[u8]>,
    String
);

impl Bound for &str {
    fn fits(&self) -> bool {
        !self.contains('\0')
    }
}

impl Bound for &String {
    fn fits(&self) -> bool {
        self.as_str().fits()
    }
}

impl Bound for Option<&str> {
    fn fits(&self) -> bool {
        self.is_none_or(|text| text.fits())
    }
}

impl Bound for &Option<String> {
    fn fits(&self) -> bool {
        self.as_deref().fits()
    }
}

impl<T: Serialize> Bound for Json<T> {
    fn fits(&self) -> bool {
        serde_json::to_string(&self.0).is_ok_and(|json| !spells_nul(&json))
    }
}

impl<T: Serialize> Bound for Option<Json<T>> {
    fn fits(&self) -> bool {
        self.as_ref().is_none_or(|json| json.fits())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nul_is_found_and_a_text_about_one_is_not() {
        let spells = |text: &str| spells_nul(&serde_json::to_string(text).unwrap());
        for text in ["\0", "a\0b", "\\\0", "\\\\\0", "\\u0000\0"] {
            assert!(spells(text), "{text:?}");
        }
        for text in ["", "u0000", "\\u0000", "\\\\u0000", "\u{1}", "0000"] {
            assert!(!spells(text), "{text:?}");
        }
        assert!(spells_nul(&serde_json::json!({"a\0": 1}).to_string()), "in a key");
    }
}
