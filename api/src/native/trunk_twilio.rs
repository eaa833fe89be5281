//! What a request says about a trunk over Twilio's REST API, and when that makes sense.

use super::trunk_checks::{check_secret, check_sid, check_stream, missing};
use crate::{
    error::{ApiError, Result},
    webhook_url,
};
use ringfleet_carriers::twilio;
use ringfleet_core::{
    net::Guard,
    trunk::{MediaStream, TWILIO_URL, TwilioTrunk},
};

/// An account, as its fields came.
pub(super) struct GivenAccount {
    pub(super) account_sid: Option<String>,
    pub(super) auth_token: Option<String>,
    pub(super) api_key_sid: Option<String>,
    pub(super) api_key_secret: Option<String>,
    pub(super) base_url: Option<String>,
}

/// An account that makes sense.
pub(super) struct Account {
    pub(super) account_sid: String,
    pub(super) auth_token: String,
    pub(super) api_key_sid: Option<String>,
    pub(super) api_key_secret: Option<String>,
    pub(super) base_url: String,
}

/// The fields of this kind, as they came.
pub(super) struct Given {
    pub(super) account: GivenAccount,
    pub(super) machine_detection: bool,
    pub(super) stream: Option<MediaStream>,
}

impl GivenAccount {
    pub(super) async fn check(self, guard: &Guard) -> Result<Account> {
        let account_sid = self
            .account_sid
            .ok_or_else(|| missing("accountSid", "it is AC… with Twilio, a project id with others"))?;
        let auth_token =
            self.auth_token.ok_or_else(|| missing("authToken", "callbacks are signed with it"))?;
        check_sid("accountSid", &account_sid)?;
        check_secret("authToken", &auth_token)?;
        match (&self.api_key_sid, &self.api_key_secret) {
            (Some(sid), Some(secret)) => {
                check_sid("apiKeySid", sid)?;
                check_secret("apiKeySecret", secret)?;
            }
            (Some(_), None) => return Err(missing("apiKeySecret", "a key needs its secret")),
            (None, Some(_)) => return Err(missing("apiKeySid", "a secret needs its key")),
            (None, None) => {}
        }
        if let Some(url) = &self.base_url {
            webhook_url::check_base("baseUrl", url, guard).await?;
        }
        Ok(Account {
            account_sid,
            auth_token,
            api_key_sid: self.api_key_sid,
            api_key_secret: self.api_key_secret,
            base_url: self.base_url.unwrap_or_else(|| TWILIO_URL.to_owned()),
        })
    }
}

impl Given {
    pub(super) async fn check(self, guard: &Guard) -> Result<TwilioTrunk> {
        let Account { account_sid, auth_token, api_key_sid, api_key_secret, base_url } =
            self.account.check(guard).await?;
        if let Some(stream) = &self.stream {
            check_stream(stream)?;
            check_fits(stream)?;
        }
        Ok(TwilioTrunk {
            account_sid,
            auth_token,
            api_key_sid,
            api_key_secret,
            base_url,
            machine_detection: self.machine_detection,
            stream: self.stream,
        })
    }
}

/// It travels in TwiML.
fn check_fits(stream: &MediaStream) -> Result<()> {
    if !twilio::stream_fits(stream) {
        let problem = "make, with the URL, more than the 4000 characters that may be sent with a call";
        return Err(ApiError::invalid("stream.parameters", problem));
    }
    Ok(())
}
