//! Roles, scopes, and the table of what each may do.

use std::collections::BTreeSet;

use crate::text_enum::text_enum;

text_enum! {
    /// The role a member of a workspace, or an API key, acts in. Each may all that those before it may.
    pub enum Role {
        /// Runs campaigns.
        Member => "member",
        /// Also sets up agents, trunks and webhooks, and makes keys.
        Developer => "developer",
        /// Everything in the workspace.
        Admin => "admin",
    }
}

text_enum! {
    /// What an API key is for. A key that names none may all that its role may. The names are Saaya's.
    pub enum Scope {
        /// See.
        Read => "read",
        /// Agents.
        AgentsWrite => "agents:write",
        /// Single calls and campaigns, and who must not be called.
        SessionsWrite => "sessions:write",
        /// Keys, members, trunks, webhooks and the settings of the workspace.
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
        /// Put numbers on suppression lists.
        Suppress => "suppress numbers",
        /// Create agents, and change them: into drafts.
        EditAgents => "edit agents",
        /// Choose the version of an agent that calls are made with, and put agents away.
        PublishAgents => "publish agents",
        /// Create trunks, whose settings hold credentials.
        EditTrunks => "edit trunks",
        /// Create and delete webhook endpoints.
        EditWebhooks => "edit webhooks",
        /// Take numbers off suppression lists, and set what holds for all campaigns of the workspace.
        EditRules => "edit rules",
        /// See which API keys there are.
        SeeKeys => "see keys",
        /// Make, rotate and revoke API keys of no higher role than one's own.
        ManageKeys => "manage keys",
        /// See who is invited.
        SeeInvites => "see invitations",
        /// Invite and remove members, and set their roles.
        ManageMembers => "manage members",
        /// Rename and delete the workspace.
        EditWorkspace => "edit the workspace",
        /// See who changed what.
        ReadAudit => "read the audit log",
        /// See the processes of the installation and what waits for them: figures, of all workspaces together.
        SeeFleet => "see the fleet",
        /// Ask workers to take no calls, or calls again.
        RunFleet => "run the fleet",
    }
}

/// The lowest role that may do something, and the scope a key needs for it: the one place where this is decided.
pub const PERMISSIONS: &[(Action, Role, Scope)] = &[
    (Action::Read, Role::Member, Scope::Read),
    (Action::RunCampaigns, Role::Member, Scope::SessionsWrite),
    (Action::Suppress, Role::Member, Scope::SessionsWrite),
    (Action::EditAgents, Role::Member, Scope::AgentsWrite),
    (Action::PublishAgents, Role::Developer, Scope::AgentsWrite),
    (Action::EditTrunks, Role::Developer, Scope::Admin),
    (Action::EditWebhooks, Role::Developer, Scope::Admin),
    (Action::EditRules, Role::Developer, Scope::Admin),
    (Action::SeeKeys, Role::Developer, Scope::Admin),
    (Action::ManageKeys, Role::Developer, Scope::Admin),
    (Action::SeeInvites, Role::Admin, Scope::Admin),
    (Action::ManageMembers, Role::Admin, Scope::Admin),
    (Action::EditWorkspace, Role::Admin, Scope::Admin),
    (Action::ReadAudit, Role::Admin, Scope::Admin),
    (Action::SeeFleet, Role::Admin, Scope::Admin),
    (Action::RunFleet, Role::Admin, Scope::Admin),
];

impl Action {
    /// Whether it changes something for all workspaces of the installation.
    pub fn concerns_everybody(self) -> bool {
        self == Self::RunFleet
    }

    /// Its line in [`PERMISSIONS`]; none stands for nobody.
    fn line(self) -> Option<(Role, Scope)> {
        PERMISSIONS.iter().find(|line| line.0 == self).map(|&(_, role, scope)| (role, scope))
    }
}

impl Role {
    /// Whether this role may do `action`.
    pub fn may(self, action: Action) -> bool {
        action.line().is_some_and(|(lowest, _)| self >= lowest)
    }
}

/// The scopes of a key; none given means all its role has.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scopes(Option<BTreeSet<Scope>>);

impl Scopes {
    /// No bounds but the role's.
    pub const ALL: Self = Self(None);

    /// Exactly these.
    pub fn only(scopes: impl IntoIterator<Item = Scope>) -> Self {
        Self(Some(scopes.into_iter().collect()))
    }

    /// Those named, or none where the role alone decides.
    pub fn named(&self) -> Option<Vec<Scope>> {
        self.0.as_ref().map(|scopes| scopes.iter().copied().collect())
    }

    /// Whether they let `action` through.
    pub fn cover(&self, action: Action) -> bool {
        match &self.0 {
            None => true,
            Some(scopes) => action.line().is_some_and(|(_, scope)| scopes.contains(&scope)),
        }
    }

    /// Whether they let nothing through that `other` does not.
    pub fn lie_within(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(mine), Some(theirs)) => mine.is_subset(theirs),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table as people read it: who may, and which scope a key needs.
    const TABLE: &str = "\
read                 member developer admin  read
run campaigns        member developer admin  sessions:write
suppress numbers     member developer admin  sessions:write
edit agents          member developer admin  agents:write
publish agents       -      developer admin  agents:write
edit trunks          -      developer admin  admin
edit webhooks        -      developer admin  admin
edit rules           -      developer admin  admin
see keys             -      developer admin  admin
manage keys          -      developer admin  admin
see invitations      -      -         admin  admin
manage members       -      -         admin  admin
edit the workspace   -      -         admin  admin
read the audit log   -      -         admin  admin
";

    #[test]
    fn the_table_is_this_one() {
        let mut told = String::new();
        for &action in Action::ALL {
            let role = |role: Role| if role.may(action) { role.as_str() } else { "-" };
            let scopes: Vec<&str> = Scope::ALL
                .iter()
                .filter(|&&scope| Scopes::only([scope]).cover(action))
                .map(|scope| scope.as_str())
                .collect();
            let (member, developer, admin) = (role(Role::Member), role(Role::Developer), role(Role::Admin));
            told +=
                &format!("{:20} {member:6} {developer:9} {admin:6} {}\n", action.as_str(), scopes.join(" "));
        }
        assert_eq!(told, TABLE);
    }

    #[test]
    fn every_action_has_one_line() {
        for action in Action::ALL {
            assert_eq!(PERMISSIONS.iter().filter(|line| line.0 == *action).count(), 1, "{action}");
        }
    }

    #[test]
    fn scopes_only_take_away() {
        let (read, both) = (Scopes::only([Scope::Read]), Scopes::only([Scope::Read, Scope::Admin]));
        assert!(read.lie_within(&both) && read.lie_within(&Scopes::ALL) && read.lie_within(&read));
        assert!(!both.lie_within(&read) && !Scopes::ALL.lie_within(&both));
        assert!(!Scopes::only([]).cover(Action::Read) && Scopes::ALL.cover(Action::EditWorkspace));
    }
}
