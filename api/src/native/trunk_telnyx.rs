//! What a request says about a trunk at Telnyx, and when that makes sense.

use ringfleet_carriers::telnyx;
use ringfleet_core::{
    net::Guard,
    telnyx_trunk::{TELNYX_URL, TelnyxTrunk},
    trunk::MediaStream,
};

use super::trunk_checks::{check_secret, check_sid, check_stream, missing};
use crate::{
    error::{ApiError, Result},
    webhook_url,
};

/// The fields of this kind, as they came.
pub(super) struct Given {
    pub(super) api_key: Option<String>,
    pub(super) connection_id: Option<String>,
    pub(super) public_key: Option<String>,
    pub(super) base_url: Option<String>,
    pub(super) machine_detection: bool,
    pub(super) stream: Option<MediaStream>,
}

impl Given {
    pub(super) async fn check(self, guard: &Guard) -> Result<TelnyxTrunk> {
        let api_key = self.api_key.ok_or_else(|| missing("apiKey", "requests are made with it"))?;
        let connection_id = self
            .connection_id
            .ok_or_else(|| missing("connectionId", "it is the id of the Voice API application"))?;
        let public_key = self.public_key.ok_or_else(|| missing("publicKey", "webhooks are known by it"))?;
        check_secret("apiKey", &api_key)?;
        check_sid("connectionId", &connection_id)?;
        if !telnyx::is_key(&public_key) {
            let problem = "must be the account's public key: 32 bytes in base64";
            return Err(ApiError::invalid("publicKey", problem));
        }
        if let Some(url) = &self.base_url {
            webhook_url::check_base("baseUrl", url, guard).await?;
        }
        if let Some(stream) = &self.stream {
            check_stream(stream)?;
        }
        Ok(TelnyxTrunk {
            api_key,
            connection_id,
            public_key,
            base_url: self.base_url.unwrap_or_else(|| TELNYX_URL.to_owned()),
            machine_detection: self.machine_detection,
            stream: self.stream,
        })
    }
}
