//! Typed ids: a UUIDv7 in the database, a TypeID (`cmp_01h…`) in the native API, a bare UUID in the dialects.
//!
//! Parsing accepts either form, so that every endpoint does. TypeID: <https://github.com/jetify-com/typeid>.

use std::{fmt, marker::PhantomData, str::FromStr};

use chrono::{DateTime, Utc};
use type_safe_id::{DynamicType, TypeSafeId};
use uuid::{NoContext, Timestamp, Uuid};

use crate::schema;

/// What kind of thing an id names; gives the TypeID prefix.
pub trait Kind: 'static {
    /// Lowercase prefix, without the underscore.
    const PREFIX: &'static str;
    /// How messages call the thing.
    const NAME: &'static str;
    /// How programs call the type of its id.
    const ID: &'static str;
}

/// An id of one kind of thing. Ordered by creation time.
pub struct Id<K: Kind>(Uuid, PhantomData<fn() -> K>);

/// A text that is neither a UUID nor a TypeID of the expected kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no {name} id; expected {prefix}_… or a UUID")]
pub struct IdError {
    text: String,
    name: &'static str,
    prefix: &'static str,
}

impl<K: Kind> Id<K> {
    /// A fresh id whose first 48 bits are `now` in milliseconds; the rest is random.
    pub fn new(now: DateTime<Utc>) -> Self {
        let millis = now.timestamp_millis().max(0) as u64;
        let stamp = Timestamp::from_unix(NoContext, millis / 1000, (millis % 1000) as u32 * 1_000_000);
        Self(Uuid::new_v7(stamp), PhantomData)
    }

    /// The smallest id made at `at` or later, to the millisecond: where a list that runs by id is cut by time.
    pub fn first_at(at: DateTime<Utc>) -> Self {
        let millis = at.timestamp_millis().clamp(0, (1 << 48) - 1) as u128;
        Self(Uuid::from_u128(millis << 80), PhantomData)
    }

    /// The bare UUID, as the database and the dialects have it.
    pub const fn uuid(self) -> Uuid {
        self.0
    }
}

impl<K: Kind> From<Uuid> for Id<K> {
    fn from(uuid: Uuid) -> Self {
        Self(uuid, PhantomData)
    }
}

impl<K: Kind> FromStr for Id<K> {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let error = || IdError { text: text.chars().take(80).collect(), name: K::NAME, prefix: K::PREFIX };
        if let Ok(uuid) = Uuid::parse_str(text) {
            return Ok(uuid.into());
        }
        let id: TypeSafeId<DynamicType> = text.parse().map_err(|_| error())?;
        if id.type_prefix() == K::PREFIX { Ok(id.uuid().into()) } else { Err(error()) }
    }
}

impl<K: Kind> fmt::Display for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match DynamicType::new(K::PREFIX) {
            Ok(prefix) => write!(f, "{}", TypeSafeId::from_type_and_uuid(prefix, self.0)),
            Err(_) => write!(f, "{}_{}", K::PREFIX, self.0),
        }
    }
}

impl<K: Kind> fmt::Debug for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<K: Kind> Clone for Id<K> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<K: Kind> Copy for Id<K> {}
impl<K: Kind> PartialEq for Id<K> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<K: Kind> Eq for Id<K> {}
impl<K: Kind> PartialOrd for Id<K> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<K: Kind> Ord for Id<K> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}
impl<K: Kind> std::hash::Hash for Id<K> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}
impl<K: Kind> utoipa::PartialSchema for Id<K> {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        let (name, prefix) = (K::NAME, K::PREFIX);
        // TypeID: 26 digits of Crockford's base 32, of which the first is at most 7.
        let form = format!(
            "^({prefix}_[0-7][0-9a-hjkmnp-tv-z]{{25}}|[0-9a-fA-F]{{8}}(-[0-9a-fA-F]{{4}}){{3}}-[0-9a-fA-F]{{12}})$"
        );
        let example = Self::from(Uuid::from_u128(0x0193_6f7e_8a5c_7c3e_9b1d_2f4a_6c8e_0a1b)).to_string();
        schema::text(&format!("The id of a {name}: `{prefix}_…`, or the same as a UUID."), &form, &example)
    }
}
impl<K: Kind> utoipa::ToSchema for Id<K> {
    fn name() -> std::borrow::Cow<'static, str> {
        K::ID.into()
    }
}
impl<K: Kind> serde::Serialize for Id<K> {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}
impl<'de, K: Kind> serde::Deserialize<'de> for Id<K> {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(d)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

macro_rules! ids {
    ($($(#[$meta:meta])* $alias:ident, $kind:ident = $prefix:literal, $name:literal;)+) => {$(
        #[doc = concat!("Marks ids of a ", $name, ".")]
        pub enum $kind {}
        impl Kind for $kind {
            const PREFIX: &'static str = $prefix;
            const NAME: &'static str = $name;
            const ID: &'static str = stringify!($alias);
        }
        $(#[$meta])*
        #[doc = concat!("The id of a ", $name, ", shown as `", $prefix, "_…`.")]
        pub type $alias = Id<$kind>;
    )+};
}

ids! {
    WorkspaceId, WorkspaceKind = "org", "workspace";
    ApiKeyId, ApiKeyKind = "key", "API key";
    AgentId, AgentKind = "agt", "agent";
    TrunkId, TrunkKind = "trk", "trunk";
    TrunkGroupId, TrunkGroupKind = "tgr", "trunk group";
    CampaignId, CampaignKind = "cmp", "campaign";
    RecipientId, RecipientKind = "rcp", "recipient";
    CallId, CallKind = "ses", "session";
    ImportId, ImportKind = "imp", "import";
    UploadId, UploadKind = "upl", "upload";
    EventId, EventKind = "evt", "event";
    WebhookId, WebhookKind = "whk", "webhook";
    DeliveryId, DeliveryKind = "dlv", "delivery";
    WorkerId, WorkerKind = "wrk", "worker";
    SuppressionId, SuppressionKind = "sup", "suppression";
    UserId, UserKind = "usr", "user";
    LoginId, LoginKind = "lgn", "login";
    InviteId, InviteKind = "inv", "invite";
    AuditId, AuditKind = "aud", "audit entry";
    LeadId, LeadKind = "lead", "lead";
    ErasureId, ErasureKind = "era", "erasure";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_cut_at_the_millisecond() {
        let at = DateTime::from_timestamp_millis(1_700_000_000_123).unwrap();
        let later = at + chrono::TimeDelta::milliseconds(1);
        let first = CampaignId::first_at(at);
        assert!(first < CampaignId::new(at) && CampaignId::new(at) < CampaignId::first_at(later));
    }

    #[test]
    fn either_form_is_accepted_and_another_kind_is_not() {
        let id = CampaignId::new(DateTime::from_timestamp_millis(1_700_000_000_123).unwrap());
        assert!(id.to_string().starts_with("cmp_"), "{id}");
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(id.uuid().to_string().parse(), Ok(id));
        let error = id.to_string().parse::<AgentId>().unwrap_err();
        assert!(error.to_string().contains("expected agt_"), "{error}");
        assert!("cmp_".parse::<CampaignId>().is_err());
        assert!("".parse::<CampaignId>().is_err());
    }

    #[test]
    fn ids_sort_by_creation_time() {
        let at = |ms| CallId::new(DateTime::from_timestamp_millis(ms).unwrap());
        assert!(at(1_000) < at(1_001));
        assert!(at(1_000).to_string() < at(1_001).to_string());
    }
}
