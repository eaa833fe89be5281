//! Rows as records with the types of `core`.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use ringfleet_core::{
    ActorKind, AgentVersion, BrakeRule, CallState, CallerIds, CampaignState, Caps, Channel, ColumnMapping,
    Conversation, CounterKind, Disposition, E164, EndedBy, Erased, ErasureStep, Hold, Outcome, Plan,
    RecipientState, Recurrence, Role, Schedule, ScheduledCallState, Scope, SuppressionSource, WorkspaceRules,
    brake::BrakeState,
    call::Heard,
    caps::History,
    delivery::DeliveryState,
    event::EventType,
    id::{Id, Kind},
    import::{ImportState, UploadState},
    seats::{Answers, Seats},
    trunk::{Limits, TrunkConfig},
    trunk_group::Member,
    webhook::{CustomHeaders, DataOptions, Format, SamoraEvent, Style},
};
use serde_json::Value;
use sqlx::{Row, postgres::PgRow, sqlite::SqliteRow, types::Json};
use uuid::Uuid;

use crate::{Timestamp, secrets::OldSecret};

/// A value that can be read from a named column of a row of type `R`.
pub(crate) trait Field<R>: Sized {
    fn field(row: &R, name: &str) -> sqlx::Result<Self>;
}

/// Declares a record and how it is read: each field from the column of its name.
macro_rules! record {
    ($(#[$meta:meta])* pub struct $name:ident { $($(#[$fmeta:meta])* pub $field:ident: $type:ty),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name { $($(#[$fmeta])* pub $field: $type),+ }

        impl sqlx::FromRow<'_, sqlx::postgres::PgRow> for $name {
            fn from_row(row: &sqlx::postgres::PgRow) -> sqlx::Result<Self> {
                Ok(Self { $($field: $crate::record::Field::field(row, stringify!($field))?),+ })
            }
        }
        impl sqlx::FromRow<'_, sqlx::sqlite::SqliteRow> for $name {
            fn from_row(row: &sqlx::sqlite::SqliteRow) -> sqlx::Result<Self> {
                Ok(Self { $($field: $crate::record::Field::field(row, stringify!($field))?),+ })
            }
        }
    };
}
pub(crate) use record;

fn unreadable(name: &str, why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> sqlx::Error {
    sqlx::Error::ColumnDecode { index: name.to_owned(), source: why.into() }
}

/// Types the driver reads by itself.
macro_rules! plain {
    ($($type:ty),+) => {$(
        impl Field<PgRow> for $type {
            fn field(row: &PgRow, name: &str) -> sqlx::Result<Self> { row.try_get(name) }
        }
        impl Field<SqliteRow> for $type {
            fn field(row: &SqliteRow, name: &str) -> sqlx::Result<Self> { row.try_get(name) }
        }
    )+};
}
plain!(
    i64,
    Option<i64>,
    i32,
    Option<i32>,
    f64,
    bool,
    String,
    Option<String>,
    Vec<u8>,
    Option<Vec<u8>>,
    Uuid,
    Option<Uuid>
);

/// Types made from one the driver reads: `Type <= Raw, convert`, plain and optional.
macro_rules! made {
    ($({$($generics:tt)*})? $type:ty, $raw:ty, $convert:expr) => {
        made!(@row PgRow, [$($($generics)*)?], $type, $raw, $convert);
        made!(@row SqliteRow, [$($($generics)*)?], $type, $raw, $convert);
    };
    (@row $row:ty, [$($generics:tt)*], $type:ty, $raw:ty, $convert:expr) => {
        impl<$($generics)*> Field<$row> for $type {
            fn field(row: &$row, name: &str) -> sqlx::Result<Self> {
                let raw: $raw = row.try_get(name)?;
                $convert(raw).map_err(|why| unreadable(name, why))
            }
        }
        impl<$($generics)*> Field<$row> for Option<$type> {
            fn field(row: &$row, name: &str) -> sqlx::Result<Self> {
                let raw: Option<$raw> = row.try_get(name)?;
                raw.map($convert).transpose().map_err(|why| unreadable(name, why))
            }
        }
    };
}

made!({K: Kind} Id<K>, Uuid, |raw| Ok::<_, String>(Id::from(raw)));
made!(DateTime<Utc>, Timestamp, |raw: Timestamp| Ok::<_, String>(raw.0));
made!(E164, i64, E164::from_kept);
made!(AgentVersion, i32, AgentVersion::try_from);
made!(u32, i32, |raw: i32| u32::try_from(raw));

macro_rules! text {
    ($($type:ty),+) => {$( made!($type, String, |raw: String| <$type>::from_str(&raw)); )+};
}
text!(
    ActorKind,
    BrakeState,
    CallState,
    CampaignState,
    Channel,
    DeliveryState,
    Disposition,
    EndedBy,
    ErasureStep,
    EventType,
    Format,
    Hold,
    ImportState,
    CounterKind,
    Outcome,
    RecipientState,
    Role,
    SamoraEvent,
    ScheduledCallState,
    Style,
    SuppressionSource,
    UploadState
);

macro_rules! json {
    ($($type:ty),+) => {$( made!($type, Json<$type>, |raw: Json<$type>| Ok::<_, String>(raw.0)); )+};
}
json!(
    Answers,
    BrakeRule,
    CallerIds,
    Caps,
    ColumnMapping,
    Conversation,
    CustomHeaders,
    DataOptions,
    Erased,
    Heard,
    History,
    Limits,
    Plan,
    Recurrence,
    Schedule,
    Seats,
    TrunkConfig,
    Value,
    Vec<Disposition>,
    Vec<EventType>,
    Vec<OldSecret>,
    Vec<SamoraEvent>,
    Vec<String>,
    Vec<Uuid>,
    Vec<Member>,
    Vec<Scope>,
    Vec<i64>,
    WorkspaceRules
);
