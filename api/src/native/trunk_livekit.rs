//! What a request says about a trunk at a LiveKit server, and when that makes sense.

use ringfleet_core::{livekit_trunk::LivekitTrunk, net::Guard};

use super::trunk_checks::{check_line, check_secret, missing};
use crate::{
    error::{ApiError, Result},
    webhook_url,
};

/// Longest id of a key or a trunk there.
const ID_LIMIT: usize = 64;
/// Longest name of an agent, in bytes.
const AGENT_LIMIT: usize = 120;

/// The fields of this kind, as they came.
pub(super) struct Given {
    pub(super) url: Option<String>,
    pub(super) api_key: Option<String>,
    pub(super) api_secret: Option<String>,
    pub(super) sip_trunk_id: Option<String>,
    pub(super) agent_name: Option<String>,
    pub(super) krisp: bool,
}

impl Given {
    pub(super) async fn check(self, guard: &Guard) -> Result<LivekitTrunk> {
        let needed =
            |given: Option<String>, field: &str, what: &str| given.ok_or_else(|| missing(field, what));
        let url = needed(self.url, "url", "it is like https://example.livekit.cloud")?;
        let api_key =
            needed(self.api_key, "apiKey", "it stands in the project's settings, beside its secret")?;
        let api_secret = needed(self.api_secret, "apiSecret", "requests and webhooks are signed with it")?;
        let sip_trunk_id =
            needed(self.sip_trunk_id, "sipTrunkId", "it is the outbound trunk at LiveKit, ST_…")?;
        let agent_name =
            needed(self.agent_name, "agentName", "it is the name by which the agent is dispatched")?;
        let url = for_requests(url);
        webhook_url::check_base("url", &url, guard).await?;
        check_id("apiKey", &api_key)?;
        check_secret("apiSecret", &api_secret)?;
        check_id("sipTrunkId", &sip_trunk_id)?;
        check_line("agentName", &agent_name, AGENT_LIMIT)?;
        Ok(LivekitTrunk { url, api_key, api_secret, sip_trunk_id, agent_name, krisp: self.krisp })
    }
}

/// People copy the address that clients connect to: requests go to the same place over HTTP.
fn for_requests(url: String) -> String {
    match url.strip_prefix("ws") {
        Some(rest) if rest.starts_with("://") || rest.starts_with("s://") => format!("http{rest}"),
        _ => url,
    }
}

fn check_id(field: &str, text: &str) -> Result<()> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    match (1..=ID_LIMIT).contains(&text.len()) && text.chars().all(is_plain) {
        true => Ok(()),
        false => Err(ApiError::invalid(field, "must be 1 to 64 letters, digits, _ and -")),
    }
}
