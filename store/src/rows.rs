//! Many rows as one bound parameter: the JSON array that `ROWS` reads.

use chrono::{DateTime, Utc};
use ringfleet_core::AgentVersion;
use serde::{Serialize, Serializer};
use uuid::Uuid;

use crate::{Result, StoreError, text};

/// The JSON array of `items`.
///
/// # Errors
///
/// [`StoreError::NulCharacter`] when a text in it cannot be kept.
pub(crate) fn rows<T: Serialize>(items: impl IntoIterator<Item = T>) -> Result<String> {
    let mut out = String::from("[");
    for item in items {
        if out.len() > 1 {
            out.push(',');
        }
        let row =
            serde_json::to_string(&item).map_err(|e| StoreError::Database(sqlx::Error::Encode(e.into())))?;
        out.push_str(&row);
    }
    out.push(']');
    if text::spells_nul(&out) { Err(StoreError::NulCharacter) } else { Ok(out) }
}

/// A `uuid` column: 32 hex digits, which both engines read.
pub(crate) fn hex<S: Serializer>(id: &Uuid, s: S) -> std::result::Result<S::Ok, S::Error> {
    s.collect_str(&id.simple())
}

/// A `uuid` column that may be absent.
pub(crate) fn hex_opt<S: Serializer>(id: &Option<Uuid>, s: S) -> std::result::Result<S::Ok, S::Error> {
    match id {
        Some(id) => hex(id, s),
        None => s.serialize_none(),
    }
}

/// A `time` column: milliseconds since 1970.
pub(crate) fn millis<S: Serializer>(at: &DateTime<Utc>, s: S) -> std::result::Result<S::Ok, S::Error> {
    s.serialize_i64(at.timestamp_millis())
}

/// A `time` column that may be absent.
pub(crate) fn millis_opt<S: Serializer>(
    at: &Option<DateTime<Utc>>,
    s: S,
) -> std::result::Result<S::Ok, S::Error> {
    match at {
        Some(at) => millis(at, s),
        None => s.serialize_none(),
    }
}

/// The number of a version, as an `int` column.
pub(crate) fn version<S: Serializer>(n: &AgentVersion, s: S) -> std::result::Result<S::Ok, S::Error> {
    s.serialize_u32(n.number())
}

/// The number of a version that may be absent.
pub(crate) fn version_opt<S: Serializer>(
    n: &Option<AgentVersion>,
    s: S,
) -> std::result::Result<S::Ok, S::Error> {
    n.map(AgentVersion::number).serialize(s)
}

/// The array for `ROWS($n, id uuid)`.
pub(crate) fn ids(ids: impl IntoIterator<Item = Uuid>) -> Result<String> {
    #[derive(Serialize)]
    struct One {
        #[serde(serialize_with = "hex")]
        id: Uuid,
    }
    rows(ids.into_iter().map(|id| One { id }))
}
