//! What a request says about a trunk that sends messages, and when that makes sense.

use ringfleet_carriers::smtp;
use ringfleet_core::{
    message_trunk::{SmtpSecurity, SmtpTrunk, TwilioSmsTrunk, WHATSAPP_URL, WhatsappTrunk},
    net::Guard,
};

use super::{
    trunk_checks::{check_line, check_secret, check_sid, missing},
    trunk_sip::{check_credentials, check_host},
    trunk_twilio::{Account, GivenAccount},
};
use crate::{
    check,
    error::{ApiError, Result},
    webhook_url,
};

/// Longest token of Meta's, in bytes; they have some 200, and it says that they may grow.
const TOKEN_LIMIT: usize = 1_000;
/// Longest `from` and `replyTo`, in characters.
const MAILBOX_LIMIT: usize = 320;

/// The fields of a trunk for SMS, as they came.
pub(super) struct GivenSms {
    pub(super) account: GivenAccount,
    pub(super) messaging_service_sid: Option<String>,
    /// A caller ID was given, or a pool of them.
    pub(super) has_number: bool,
}

impl GivenSms {
    pub(super) async fn check(self, guard: &Guard) -> Result<TwilioSmsTrunk> {
        match (&self.messaging_service_sid, self.has_number) {
            (None, false) => {
                return Err(missing(
                    "callerId",
                    "a text comes from a number, unless messagingServiceSid names a service that chooses it",
                ));
            }
            (Some(_), true) => {
                let problem = "does not go with callerId or callerIds: the messaging service chooses the number; give one or the other";
                return Err(ApiError::invalid("messagingServiceSid", problem));
            }
            (Some(sid), false) => check_sid("messagingServiceSid", sid)?,
            (None, true) => {}
        }
        let Account { account_sid, auth_token, api_key_sid, api_key_secret, base_url } =
            self.account.check(guard).await?;
        let messaging_service_sid = self.messaging_service_sid;
        Ok(TwilioSmsTrunk {
            account_sid,
            auth_token,
            api_key_sid,
            api_key_secret,
            base_url,
            messaging_service_sid,
        })
    }
}

/// The fields of a trunk for WhatsApp, as they came.
pub(super) struct GivenWhatsapp {
    pub(super) phone_number_id: Option<String>,
    pub(super) access_token: Option<String>,
    pub(super) app_secret: Option<String>,
    pub(super) verify_token: Option<String>,
    pub(super) base_url: Option<String>,
}

impl GivenWhatsapp {
    pub(super) async fn check(self, guard: &Guard) -> Result<WhatsappTrunk> {
        let needed =
            |given: Option<String>, field: &str, what: &str| given.ok_or_else(|| missing(field, what));
        let phone_number_id = needed(
            self.phone_number_id,
            "phoneNumberId",
            "it is the id of the number in the app's dashboard, not the number",
        )?;
        let access_token = needed(self.access_token, "accessToken", "requests are made with it")?;
        let app_secret = needed(self.app_secret, "appSecret", "webhooks are signed with it")?;
        let verify_token = needed(
            self.verify_token,
            "verifyToken",
            "choose one, and give the same when the app's webhook is set up",
        )?;
        check_sid("phoneNumberId", &phone_number_id)?;
        check_line("accessToken", &access_token, TOKEN_LIMIT)?;
        check_secret("appSecret", &app_secret)?;
        check_secret("verifyToken", &verify_token)?;
        if let Some(url) = &self.base_url {
            webhook_url::check_base("baseUrl", url, guard).await?;
        }
        let base_url = self.base_url.unwrap_or_else(|| WHATSAPP_URL.to_owned());
        Ok(WhatsappTrunk { phone_number_id, access_token, app_secret, verify_token, base_url })
    }
}

/// The fields of a trunk for e-mail, as they came.
pub(super) struct GivenSmtp {
    pub(super) host: Option<String>,
    pub(super) port: Option<u16>,
    pub(super) security: Option<SmtpSecurity>,
    pub(super) username: Option<String>,
    pub(super) password: Option<String>,
    pub(super) from: Option<String>,
    pub(super) reply_to: Option<String>,
}

impl GivenSmtp {
    pub(super) async fn check(self, guard: &Guard) -> Result<SmtpTrunk> {
        let host = self.host.ok_or_else(|| missing("host", "name the mail server"))?;
        let from =
            self.from.ok_or_else(|| missing("from", "say who writes, like Acme <hello@example.com>"))?;
        check_host("host", &host)?;
        let security = self.security.unwrap_or(SmtpSecurity::Starttls);
        webhook_url::check_mail_host(&host, security == SmtpSecurity::None, guard).await?;
        check_credentials(self.username.as_deref(), self.password.as_deref())?;
        if self.username.is_some() && self.password.is_none() {
            return Err(missing("password", "a user name needs one"));
        }
        check_mailbox("from", &from)?;
        if let Some(reply_to) = &self.reply_to {
            check_mailbox("replyTo", reply_to)?;
        }
        Ok(SmtpTrunk {
            host,
            port: check::within("port", self.port, 1..=u16::MAX, usual_port(security))?,
            security,
            username: self.username,
            password: self.password,
            from,
            reply_to: self.reply_to,
        })
    }
}

/// Where mail is submitted (RFC 6409, RFC 8314), and where a relay listens.
pub(super) const fn usual_port(security: SmtpSecurity) -> u16 {
    match security {
        SmtpSecurity::Starttls => 587,
        SmtpSecurity::Tls => 465,
        SmtpSecurity::None => 25,
    }
}

fn check_mailbox(field: &str, text: &str) -> Result<()> {
    match smtp::mailbox(text) {
        Ok(_) if text.chars().count() <= MAILBOX_LIMIT => Ok(()),
        Ok(_) => Err(ApiError::invalid(field, "must be at most 320 characters")),
        Err(problem) => {
            let like = "must be an address like hello@example.com, or Acme <hello@example.com>";
            Err(ApiError::invalid(field, format!("{like}: {problem}")))
        }
    }
}
