//! Who asks for something: an API key or a user, in one workspace.

use crate::{Action, Actor, ApiKeyId, LoginId, Role, Scopes, UserId, WorkspaceId};

/// An API key or a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// An API key.
    Key {
        /// Its id.
        id: ApiKeyId,
        /// What may be shown of it.
        prefix: String,
    },
    /// A user who has logged in.
    User {
        /// Their id.
        id: UserId,
        /// Their e-mail address.
        email: String,
        /// The login this request belongs to.
        session: LoginId,
    },
}

/// Somebody in a workspace, with all that decides what they may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Who.
    pub who: Who,
    /// Where.
    pub workspace: WorkspaceId,
    /// As what; a superuser is an admin everywhere.
    pub role: Role,
    /// What a key is kept to; a user is not.
    pub scopes: Scopes,
    /// Whether they run the installation. Never a key.
    pub superuser: bool,
}

impl Identity {
    /// As the audit log keeps them.
    pub fn actor(&self) -> Actor {
        match &self.who {
            Who::Key { id, prefix } => Actor::key(*id, prefix),
            Who::User { id, email, .. } => Actor::user(*id, email),
        }
    }

    /// Whether they may do `action`: their role must, and their scopes must let it through. What concerns all workspaces takes a superuser.
    pub fn may(&self, action: Action) -> bool {
        self.role.may(action) && self.scopes.cover(action) && (self.superuser || !action.concerns_everybody())
    }

    /// Whether they may hand out, or hold in their hand, a key of this role and these scopes: nothing above themselves.
    pub fn reaches(&self, role: Role, scopes: &Scopes) -> bool {
        role <= self.role && scopes.lie_within(&self.scopes)
    }
}
