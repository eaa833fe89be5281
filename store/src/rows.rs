//! Many rows as one bound parameter: the JSON array that `ROWS` reads.

use chrono::{DateTime, Utc};
use serde::{Serialize, Serializer};
use uuid::Uuid;

/// The JSON array of `items`.
pub(crate) fn rows<T: Serialize>(items: impl IntoIterator<Item = T>) -> String {
    let mut out = String::from("[");
    for item in items {
        if out.len() > 1 {
            out.push(',');
        }
        // Plain structs of text, numbers and JSON values have no way to fail.
        out.push_str(&serde_json::to_string(&item).unwrap_or_else(|_| "{}".into()));
    }
    out.push(']');
    out
}

/// A `uuid` column: 32 hex digits, which both engines read.
pub(crate) fn hex<S: Serializer>(id: &Uuid, s: S) -> Result<S::Ok, S::Error> {
    s.collect_str(&id.simple())
}

/// A `uuid` column that may be absent.
pub(crate) fn hex_opt<S: Serializer>(id: &Option<Uuid>, s: S) -> Result<S::Ok, S::Error> {
    match id {
        Some(id) => hex(id, s),
        None => s.serialize_none(),
    }
}

/// A `time` column: milliseconds since 1970.
pub(crate) fn millis<S: Serializer>(at: &DateTime<Utc>, s: S) -> Result<S::Ok, S::Error> {
    s.serialize_i64(at.timestamp_millis())
}

/// A `time` column that may be absent.
pub(crate) fn millis_opt<S: Serializer>(at: &Option<DateTime<Utc>>, s: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => millis(at, s),
        None => s.serialize_none(),
    }
}

/// The array for `ROWS($n, id uuid)`.
pub(crate) fn ids(ids: impl IntoIterator<Item = Uuid>) -> String {
    #[derive(Serialize)]
    struct One {
        #[serde(serialize_with = "hex")]
        id: Uuid,
    }
    rows(ids.into_iter().map(|id| One { id }))
}
