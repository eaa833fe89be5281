//! Checks that several endpoints share. Each names the field at fault and what would be right.

use std::{fmt::Display, ops::RangeInclusive};

use chrono::{DateTime, Datelike, Utc};
use ringfleet_core::{
    TrunkGroupId, TrunkId,
    webhook::{CustomHeaders, check_headers},
};
use ringfleet_engine::Way;
use serde_json::{Map, Value};

use crate::{
    error::{ApiError, Result},
    openapi::bounds,
};

/// Variables and metadata may be this long as JSON, in bytes.
pub(crate) const SMALL_OBJECT: usize = 4 * 1024;
/// Longest ringing, in seconds.
const RING_SECONDS: RangeInclusive<u32> = 1..=300;
const DEFAULT_RING_SECONDS: u32 = 30;
/// Longest call, in seconds: four hours.
const CALL_SECONDS: RangeInclusive<u32> = 1..=14_400;
const DEFAULT_CALL_SECONDS: u32 = 3_600;

/// A name people give: some visible text on one line, at most `limit` characters.
pub(crate) fn name(text: String, limit: usize) -> Result<String> {
    let length = text.chars().count();
    if text.trim().is_empty() || length > limit {
        return Err(ApiError::invalid("name", format!("must be 1 to {limit} characters and not blank")));
    }
    if text.contains(|c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') || turns_text_round(c))
    {
        return Err(ApiError::invalid("name", "must not hold line breaks or other control characters"));
    }
    Ok(text)
}

/// An invisible character that makes what follows run the other way (Unicode's Bidi_Control): a name may then read as another one.
fn turns_text_round(c: char) -> bool {
    matches!(c, '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// What places a call: at most one of the two is named.
pub(crate) fn way(trunk: Option<TrunkId>, group: Option<TrunkGroupId>) -> Result<Way> {
    match (trunk, group) {
        (Some(_), Some(_)) => {
            Err(ApiError::invalid("trunkGroupId", "give either trunkId or trunkGroupId, not both"))
        }
        (Some(trunk), None) => Ok(Way::Trunk(trunk)),
        (None, Some(group)) => Ok(Way::Group(group)),
        (None, None) => Ok(Way::Usual),
    }
}

/// A free object of at most `limit` bytes as JSON; absent counts as empty.
pub(crate) fn object(field: &str, given: Option<Map<String, Value>>, limit: usize) -> Result<Value> {
    let value = Value::Object(given.unwrap_or_default());
    match value.to_string().len() <= limit {
        true => Ok(value),
        false => Err(ApiError::invalid(field, format!("must be at most {limit} bytes as JSON"))),
    }
}

/// Headers that are to go along with requests of a webhook.
pub(crate) fn headers(field: &str, given: CustomHeaders) -> Result<CustomHeaders> {
    check_headers(&given).map_err(|(name, problem)| match name.as_str() {
        "" => ApiError::invalid(field, problem),
        name => ApiError::invalid(format!("{field}.{name}"), problem),
    })?;
    Ok(given)
}

/// A number within bounds; absent counts as `default`.
pub(crate) fn within<T: PartialOrd + Display>(
    field: &str,
    given: Option<T>,
    bounds: RangeInclusive<T>,
    default: T,
) -> Result<T> {
    match given {
        None => Ok(default),
        Some(n) if bounds.contains(&n) => Ok(n),
        Some(_) => Err(ApiError::invalid(field, format!("must be {} to {}", bounds.start(), bounds.end()))),
    }
}

/// How long a phone may ring, in seconds.
pub(crate) fn ring_seconds(given: Option<u32>) -> Result<u32> {
    within("ringTimeoutSeconds", given, RING_SECONDS, DEFAULT_RING_SECONDS)
}

/// What programs are told of it.
pub(crate) fn ring_seconds_bounds() -> bounds::Bounds {
    bounds::maybe_whole(wide(RING_SECONDS))
}

/// How long an answered call may last, in seconds.
pub(crate) fn max_call_seconds(given: Option<u32>) -> Result<u32> {
    within("maxCallSeconds", given, CALL_SECONDS, DEFAULT_CALL_SECONDS)
}

/// What programs are told of it.
pub(crate) fn max_call_seconds_bounds() -> bounds::Bounds {
    bounds::maybe_whole(wide(CALL_SECONDS))
}

/// Bounds as a description has them.
pub(crate) fn wide(bounds: RangeInclusive<u32>) -> RangeInclusive<u64> {
    u64::from(*bounds.start())..=u64::from(*bounds.end())
}

/// What programs are told of a caller ID.
pub(crate) fn caller_id_form() -> bounds::Bounds {
    bounds::maybe_of_form(r"^[A-Za-z0-9+\-_.!~*()&=$,#]{1,64}$")
}

/// A caller ID: E.164, or what may stand (`#` escaped) as the user part of a SIP URI (RFC 3261 §25.1) without what starts
/// another part of a header.
pub(crate) fn caller_id(field: &str, given: Option<String>) -> Result<Option<String>> {
    let Some(text) = given else { return Ok(None) };
    let fits = |c: char| c.is_ascii_alphanumeric() || "+-_.!~*()&=$,#".contains(c);
    match (1..=64).contains(&text.len()) && text.chars().all(fits) {
        true => Ok(Some(text)),
        false => Err(ApiError::invalid(
            field,
            "must be a number like +14155550100 or a SIP user of at most 64 letters, digits and +-_.!~*()&=$,#",
        )),
    }
}

/// A moment as RFC 3339, with any offset; kept to the millisecond.
pub(crate) fn moment(field: &str, given: Option<String>) -> Result<Option<DateTime<Utc>>> {
    let Some(text) = given else { return Ok(None) };
    let read = DateTime::parse_from_rfc3339(&text).ok();
    match read.and_then(|at| DateTime::from_timestamp_millis(at.timestamp_millis())) {
        Some(at) if (2000..3000).contains(&at.year()) => Ok(Some(at)),
        Some(_) => Err(ApiError::invalid(field, "must lie in the years 2000 to 2999")),
        None => Err(ApiError::invalid(field, "must be a time with its offset, like 2026-11-22T10:00:00Z")),
    }
}
