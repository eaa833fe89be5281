//! The settings of a trunk that calls over LiveKit.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A trunk at a LiveKit server: it dials over a SIP trunk that is set up there, and an agent of its own talks.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LivekitTrunk {
    /// Where the server is: `https://…`, or `http://…` inside.
    pub url: String,
    /// The key that requests are made with.
    pub api_key: String,
    /// Its secret: what requests, join tokens and webhooks are signed with.
    pub api_secret: String,
    /// The outbound trunk there, `ST_…`.
    pub sip_trunk_id: String,
    /// The name by which an agent is dispatched into the room of a call.
    pub agent_name: String,
    /// Take the noise out of what the callee says.
    #[serde(default)]
    pub krisp: bool,
}

impl fmt::Debug for LivekitTrunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LivekitTrunk({} {} {})", self.url, self.api_key, self.sip_trunk_id)
    }
}
