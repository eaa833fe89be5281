//! The settings of trunks that send messages.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{text_enum::text_enum, trunk::twilio_url};

/// Where the Cloud API of WhatsApp is.
pub const WHATSAPP_URL: &str = "https://graph.facebook.com";
/// The version of it that is spoken.
pub const WHATSAPP_VERSION: &str = "v23.0";

/// SMS at a provider that speaks Twilio's REST API, version 2010-04-01.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TwilioSmsTrunk {
    /// The account, `AC…` with Twilio.
    pub account_sid: String,
    /// Its token: what callbacks are signed with, and the password of requests where there is no API key.
    pub auth_token: String,
    /// The API key that requests are made with instead of the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key_sid: Option<String>,
    /// Its secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key_secret: Option<String>,
    /// What stands before `/2010-04-01` in the URLs of the provider.
    #[serde(default = "twilio_url")]
    pub base_url: String,
    /// The messaging service (`MG…`) that chooses the sender, instead of the trunk's caller ID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub messaging_service_sid: Option<String>,
}

/// A number at WhatsApp's Cloud API.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WhatsappTrunk {
    /// The id of the number that writes.
    pub phone_number_id: String,
    /// The token that requests are made with.
    pub access_token: String,
    /// The secret of the app: what its webhooks are signed with (`X-Hub-Signature-256`).
    pub app_secret: String,
    /// What the app is asked for when its webhook is set up (`hub.verify_token`).
    pub verify_token: String,
    /// What stands before `/v…` in the URLs.
    #[serde(default = "whatsapp_url")]
    pub base_url: String,
}

text_enum! {
    /// How a mail server is spoken with.
    pub enum SmtpSecurity {
        /// In the clear at first, and encrypted before anything is told (RFC 3207).
        Starttls => "starttls",
        /// Encrypted from the first byte (RFC 8314).
        Tls => "tls",
        /// In the clear. For a relay on the same machine.
        None => "none",
    }
}

/// A mail server that sends for us.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SmtpTrunk {
    /// Host name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How it is spoken with.
    pub security: SmtpSecurity,
    /// The user name it wants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// Who writes: `Acme <hello@example.com>` or an address alone.
    pub from: String,
    /// Where answers go, if that is not `from`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<String>,
}

impl fmt::Debug for TwilioSmsTrunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TwilioSmsTrunk({} {})", self.base_url, self.account_sid)
    }
}

impl fmt::Debug for WhatsappTrunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WhatsappTrunk({} {})", self.base_url, self.phone_number_id)
    }
}

impl fmt::Debug for SmtpTrunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SmtpTrunk({}:{} {}, user {:?})", self.host, self.port, self.security, self.username)
    }
}

fn whatsapp_url() -> String {
    WHATSAPP_URL.to_owned()
}

#[cfg(test)]
mod tests {
    use crate::trunk::TrunkConfig;

    #[test]
    fn every_credential_is_a_secret_and_none_is_in_a_log() {
        for json in [
            r#"{"kind":"twilioSms","accountSid":"AC1","authToken":"hush1","apiKeySid":"SK1","apiKeySecret":"hush2"}"#,
            r#"{"kind":"whatsapp","phoneNumberId":"1","accessToken":"hush1","appSecret":"hush2","verifyToken":"hush3"}"#,
            r#"{"kind":"smtp","host":"h","port":25,"security":"tls","username":"u","password":"hush1","from":"a@b.c"}"#,
        ] {
            let mut config: TrunkConfig = serde_json::from_str(json).unwrap();
            assert!(!format!("{config:?}").contains("hush"), "{config:?}");
            assert_eq!(config.secrets_mut().len(), json.matches("hush").count());
            config.secrets_mut().into_iter().for_each(|secret| *secret = "sealed".into());
            let kept = serde_json::to_string(&config).unwrap();
            assert!(
                !kept.contains("hush") && serde_json::from_str::<TrunkConfig>(&kept).unwrap() == config,
                "{kept}"
            );
        }
    }
}
