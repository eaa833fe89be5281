//! Where calls may be handed on to: named beforehand with their agent, so that nobody who talks in a call, and no key, makes it lead anywhere else.

use std::{borrow::Borrow, collections::BTreeMap, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use crate::{E164, SipAddress, text_enum::text_enum};

/// Most destinations of an agent.
pub const MOST_TRANSFERS: usize = 50;
/// Longest name of a destination, in characters.
const NAME_LIMIT: usize = 40;

/// The destinations of an agent.
pub type Transfers = BTreeMap<TransferName, Transfer>;

/// Somewhere a call may be handed on to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Transfer {
    /// Who connects the two.
    pub kind: TransferKind,
    /// Where it is: `sip:user@host`, or with `refer` also a number, E.164.
    pub to: String,
}

text_enum! {
    /// Who connects the callee with whom a call is handed on to.
    pub enum TransferKind {
        /// We do: a second call, whose audio goes to and fro. Keys, recording and the longest duration stay what they are.
        Sip => "sip",
        /// The trunk does, asked by REFER (RFC 3515); once it has, our call is over.
        Refer => "refer",
    }
}

/// Where a call is handed on to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// A telephone that we call.
    Telephone(SipAddress),
    /// A number that the trunk is to call.
    Number(E164),
    /// A telephone that the trunk is to call.
    Referred(SipAddress),
}

impl Transfer {
    /// What it says.
    ///
    /// # Errors
    /// What would be right.
    pub fn destination(&self) -> Result<Destination, &'static str> {
        match self.kind {
            TransferKind::Sip => self.to.parse().map(Destination::Telephone),
            TransferKind::Refer if self.to.starts_with('+') => {
                self.to.parse().map(Destination::Number).map_err(
                    |_| "must be a number like +14155550100, or a telephone like sip:desk@pbx.example.com",
                )
            }
            TransferKind::Refer => self.to.parse().map(Destination::Referred),
        }
    }
}

/// The name of a destination: 1 to 40 letters, digits, `_` and `-`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransferName(String);

impl FromStr for TransferName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let fits = (1..=NAME_LIMIT).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
        match fits {
            true => Ok(Self(text.to_owned())),
            false => Err(format!("a name of transfers is 1 to {NAME_LIMIT} letters, digits, _ and -")),
        }
    }
}

impl Borrow<str> for TransferName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TransferName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for TransferName {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for TransferName {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(d)?;
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn destination(kind: &str, to: &str) -> Result<Destination, &'static str> {
        serde_json::from_value::<Transfer>(json!({"kind": kind, "to": to})).unwrap().destination()
    }

    #[test]
    fn a_destination_is_a_telephone_or_a_number_that_the_trunk_calls() {
        let desk: SipAddress = "sip:desk@pbx.example".parse().unwrap();
        assert_eq!(destination("sip", "sip:desk@pbx.example"), Ok(Destination::Telephone(desk.clone())));
        assert_eq!(destination("refer", "sip:desk@pbx.example"), Ok(Destination::Referred(desk)));
        let number = "+14155550100".parse().unwrap();
        assert_eq!(destination("refer", "+14155550100"), Ok(Destination::Number(number)));
        for (kind, to) in [("sip", "+14155550100"), ("refer", "+1"), ("refer", "desk"), ("sip", "sips:a@b")] {
            assert!(destination(kind, to).is_err(), "{kind} {to}");
        }
    }

    #[test]
    fn names_are_plain_words() {
        for name in ["sales", "a", "Level-2_EN", &"x".repeat(40)] {
            assert_eq!(name.parse::<TransferName>().unwrap().to_string(), name);
        }
        for name in ["", "two words", "käse", "a.b", &"x".repeat(41)] {
            assert!(name.parse::<TransferName>().is_err(), "{name}");
        }
    }
}
