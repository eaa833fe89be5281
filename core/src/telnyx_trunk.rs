//! The settings of a trunk at Telnyx.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::trunk::MediaStream;

/// Where Telnyx's API is.
pub const TELNYX_URL: &str = "https://api.telnyx.com";

/// A Voice API application (Call Control, version 2) at Telnyx.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TelnyxTrunk {
    /// The key that requests are made with, `KEY…`.
    pub api_key: String,
    /// The id of the application that places the calls.
    pub connection_id: String,
    /// The account's public key (Ed25519, base64), by which its webhooks are known.
    pub public_key: String,
    /// What stands before `/v2` in the URLs.
    #[serde(default = "telnyx_url")]
    pub base_url: String,
    /// Let the provider tell machines from people; machines are hung up.
    #[serde(default)]
    pub machine_detection: bool,
    /// Where the audio of an answered call goes; without it, it is hung up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<MediaStream>,
}

impl fmt::Debug for TelnyxTrunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TelnyxTrunk({} {})", self.base_url, self.connection_id)
    }
}

fn telnyx_url() -> String {
    TELNYX_URL.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trunk::TrunkConfig;

    #[test]
    fn its_key_is_a_secret_and_in_no_log() {
        let json = r#"{"kind":"telnyx","apiKey":"KEY-hush","connectionId":"12","publicKey":"pk"}"#;
        let mut config: TrunkConfig = serde_json::from_str(json).unwrap();
        let TrunkConfig::Telnyx(trunk) = &config else { panic!("{config:?}") };
        assert_eq!((trunk.base_url.as_str(), trunk.machine_detection), (TELNYX_URL, false));
        assert!(!format!("{config:?}").contains("hush"), "{config:?}");
        config.secrets_mut().into_iter().for_each(|secret| *secret = "sealed".into());
        let kept = serde_json::to_string(&config).unwrap();
        assert!(!kept.contains("hush"), "{kept}");
        assert_eq!(serde_json::from_str::<TrunkConfig>(&kept).unwrap(), config);
    }
}
