//! Who changes something.

use crate::{ApiKeyId, UserId, text_enum::text_enum};

text_enum! {
    /// What kind of somebody an actor is.
    pub enum ActorKind {
        /// A program, by its API key.
        Key => "key",
        /// A person who has signed in.
        User => "user",
        /// Ringfleet itself.
        System => "system",
    }
}

/// Who changes something, as the audit log keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// What kind.
    pub kind: ActorKind,
    /// Its id, as the API shows it.
    pub id: String,
    /// What people know it by: the beginning of a key, the name of a user.
    pub name: String,
}

impl Actor {
    /// A program with this API key, of which `prefix` may be shown.
    pub fn key(id: ApiKeyId, prefix: &str) -> Self {
        Self { kind: ActorKind::Key, id: id.to_string(), name: prefix.to_owned() }
    }

    /// A person who has logged in.
    pub fn user(id: UserId, email: &str) -> Self {
        Self { kind: ActorKind::User, id: id.to_string(), name: email.to_owned() }
    }

    /// Ringfleet itself.
    pub fn system() -> Self {
        Self { kind: ActorKind::System, id: "system".into(), name: "ringfleet".into() }
    }
}
