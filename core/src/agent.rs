//! The versions of an agent.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// Which version of an agent, counted from 1 and shown as `v1`, `v2`, … (labels of Saaya's API).
///
/// Every change of an agent makes a new one; a version itself never changes. One at a time is live: calls are made with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AgentVersion(u32);

impl AgentVersion {
    /// What an agent begins with.
    pub const FIRST: Self = Self(1);

    /// Its number.
    pub const fn number(self) -> u32 {
        self.0
    }

    /// The one after it.
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl TryFrom<i32> for AgentVersion {
    type Error = String;

    fn try_from(n: i32) -> Result<Self, String> {
        u32::try_from(n).ok().filter(|n| *n > 0).map(Self).ok_or_else(|| format!("{n} is no version"))
    }
}

impl FromStr for AgentVersion {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.strip_prefix('v').filter(|d| d.starts_with(|c: char| ('1'..='9').contains(&c)));
        let n = digits.and_then(|digits| digits.parse::<i32>().ok()).and_then(|n| Self::try_from(n).ok());
        n.ok_or_else(|| {
            format!("{:?} is no version; write it like v2", text.chars().take(40).collect::<String>())
        })
    }
}

impl fmt::Display for AgentVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v{}", self.0)
    }
}

impl utoipa::PartialSchema for AgentVersion {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        crate::schema::text("A version of an agent.", "^v[1-9][0-9]*$", "v2")
    }
}

impl utoipa::ToSchema for AgentVersion {}

impl Serialize for AgentVersion {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for AgentVersion {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(d)?;
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_read_as_it_is_shown_and_nothing_else_is() {
        for label in ["v1", "v2", "v10", "v2147483647"] {
            assert_eq!(label.parse::<AgentVersion>().unwrap().to_string(), label);
        }
        for text in ["", "v", "v0", "v01", "1", "V1", "v-1", "v+1", "v1.0", "v2147483648", "ver_1"] {
            assert!(text.parse::<AgentVersion>().is_err(), "{text}");
        }
        assert_eq!(AgentVersion::FIRST.next().to_string(), "v2");
    }
}
