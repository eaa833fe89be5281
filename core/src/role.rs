//! Roles and what they may do.

use crate::text_enum::text_enum;

text_enum! {
    /// The role an API key acts in.
    pub enum Role {
        /// Runs campaigns.
        Member => "member",
        /// Also sets up agents, trunks and webhooks.
        Developer => "developer",
        /// Everything in the workspace.
        Admin => "admin",
    }
}

text_enum! {
    /// Something that needs permission.
    pub enum Action {
        /// See anything of the workspace but secrets.
        Read => "read",
        /// Create, fill, change, start, pause, cancel and repeat campaigns; place single calls.
        RunCampaigns => "run campaigns",
        /// Create agents, and change them: into drafts.
        EditAgents => "edit agents",
        /// Choose the version of an agent that calls are made with, and put agents away.
        PublishAgents => "publish agents",
        /// Create trunks, whose settings hold credentials.
        EditTrunks => "edit trunks",
        /// Create and delete webhook endpoints.
        EditWebhooks => "edit webhooks",
        /// Put numbers on suppression lists.
        Suppress => "suppress numbers",
        /// Take numbers off suppression lists, and set what holds for all campaigns of the workspace.
        EditRules => "edit rules",
        /// See who changed what.
        ReadAudit => "read the audit log",
    }
}

impl Role {
    /// Whether this role may do `action`.
    pub const fn may(self, action: Action) -> bool {
        match action {
            Action::Read | Action::RunCampaigns | Action::Suppress | Action::EditAgents => true,
            Action::PublishAgents | Action::EditTrunks | Action::EditWebhooks | Action::EditRules => {
                matches!(self, Self::Developer | Self::Admin)
            }
            Action::ReadAudit => matches!(self, Self::Admin),
        }
    }
}
