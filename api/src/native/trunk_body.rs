//! What a request says about a new trunk, and when that makes sense.

use std::collections::BTreeMap;

use ringfleet_core::{
    message_trunk::SmtpSecurity,
    net::Guard,
    trunk::{Limits, MediaStream, OutcomeRule, SimulatedTrunk, SipTransport, SipTrunk, TrunkConfig},
};
use ringfleet_store::NewTrunk;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    caller_ids,
    trunk_messages::{GivenSms, GivenSmtp, GivenWhatsapp},
    trunk_twilio::{self, GivenAccount},
};
use crate::{
    check,
    error::{ApiError, Result},
    openapi::bounds,
    strict::Object,
};

const NAME_LIMIT: usize = 120;
const SIP_PORT: u16 = 5060;
/// Longest host name, user name or password.
const TEXT_LIMIT: usize = 255;
/// Longest simulated ringing or talking: an hour, in milliseconds.
const SIMULATED_LIMIT: u64 = 3_600_000;

#[derive(Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = TrunkCarrierKind)]
enum CarrierKind {
    Sip,
    Twilio,
    Simulated,
    TwilioSms,
    Whatsapp,
    Smtp,
}

impl CarrierKind {
    /// As requests write it.
    const fn name(self) -> &'static str {
        match self {
            Self::Sip => "sip",
            Self::Twilio => "twilio",
            Self::Simulated => "simulated",
            Self::TwilioSms => "twilioSms",
            Self::Whatsapp => "whatsapp",
            Self::Smtp => "smtp",
        }
    }
}

/// All fields of every kind of trunk side by side, so that an unknown one is found and a missing one has a name.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewTrunk)]
pub(super) struct Body {
    #[schema(schema_with = bounds::name::<NAME_LIMIT>)]
    name: String,
    kind: CarrierKind,
    host: Option<String>,
    #[schema(schema_with = port_bounds)]
    port: Option<u16>,
    transport: Option<SipTransport>,
    domain: Option<String>,
    username: Option<String>,
    password: Option<String>,
    outcomes: Option<BTreeMap<String, OutcomeRule>>,
    account_sid: Option<String>,
    auth_token: Option<String>,
    api_key_sid: Option<String>,
    api_key_secret: Option<String>,
    base_url: Option<String>,
    machine_detection: Option<bool>,
    #[schema(value_type = Option<MediaStream>)]
    stream: Option<Object<MediaStream>>,
    messaging_service_sid: Option<String>,
    phone_number_id: Option<String>,
    access_token: Option<String>,
    app_secret: Option<String>,
    verify_token: Option<String>,
    security: Option<SmtpSecurity>,
    from: Option<String>,
    reply_to: Option<String>,
    #[schema(schema_with = simulated_bounds)]
    ring_ms: Option<u64>,
    #[schema(schema_with = simulated_bounds)]
    talk_ms: Option<u64>,
    #[schema(schema_with = check::caller_id_form)]
    caller_id: Option<String>,
    #[schema(value_type = Option<caller_ids::Body>)]
    caller_ids: Option<Object<caller_ids::Body>>,
    #[schema(value_type = Option<Limits>)]
    limits: Option<Object<Limits>>,
}

fn port_bounds() -> bounds::Bounds {
    bounds::maybe_whole(1..=u16::MAX.into())
}

fn simulated_bounds() -> bounds::Bounds {
    bounds::maybe_whole(0..=SIMULATED_LIMIT)
}

impl Body {
    /// Checks every rule; the first that is broken is named by its field.
    pub(super) async fn check(mut self, guard: &Guard) -> Result<NewTrunk> {
        let name = check::name(std::mem::take(&mut self.name), NAME_LIMIT)?;
        self.refuse_fields_of_other_kinds()?;
        let caller_id = check::caller_id("callerId", self.caller_id.take())?;
        let caller_ids = self.caller_ids.take().map(|Object(pool)| pool.check()).transpose()?;
        let Object(limits) = self.limits.take().unwrap_or_default();
        limits.validate().map_err(|(field, problem)| ApiError::invalid(field, problem))?;
        let has_number = caller_id.is_some() || caller_ids.is_some();
        let config = match self.kind {
            CarrierKind::Sip => TrunkConfig::Sip(self.sip()?),
            CarrierKind::Twilio if !has_number => {
                return Err(ApiError::invalid(
                    "callerId",
                    "is missing; a call over this API needs a number to show",
                ));
            }
            CarrierKind::Twilio => TrunkConfig::Twilio(self.twilio().check(guard).await?),
            CarrierKind::Simulated => TrunkConfig::Simulated(self.simulated()?),
            CarrierKind::TwilioSms => TrunkConfig::TwilioSms(self.sms(has_number).check(guard).await?),
            CarrierKind::Whatsapp => TrunkConfig::Whatsapp(self.whatsapp().check(guard).await?),
            CarrierKind::Smtp => TrunkConfig::Smtp(self.smtp().check(guard).await?),
        };
        Ok(NewTrunk { name, config, caller_id, caller_ids, limits })
    }

    /// Each field with whether it was given, and the kinds of trunk that have it.
    fn fields(&self) -> [(&'static str, bool, &'static [CarrierKind]); 26] {
        use CarrierKind::{Simulated, Sip, Smtp, Twilio, TwilioSms, Whatsapp};
        [
            ("host", self.host.is_some(), &[Sip, Smtp]),
            ("port", self.port.is_some(), &[Sip, Smtp]),
            ("transport", self.transport.is_some(), &[Sip]),
            ("domain", self.domain.is_some(), &[Sip]),
            ("username", self.username.is_some(), &[Sip, Smtp]),
            ("password", self.password.is_some(), &[Sip, Smtp]),
            ("outcomes", self.outcomes.is_some(), &[Sip]),
            ("accountSid", self.account_sid.is_some(), &[Twilio, TwilioSms]),
            ("authToken", self.auth_token.is_some(), &[Twilio, TwilioSms]),
            ("apiKeySid", self.api_key_sid.is_some(), &[Twilio, TwilioSms]),
            ("apiKeySecret", self.api_key_secret.is_some(), &[Twilio, TwilioSms]),
            ("baseUrl", self.base_url.is_some(), &[Twilio, TwilioSms, Whatsapp]),
            ("machineDetection", self.machine_detection.is_some(), &[Twilio]),
            ("stream", self.stream.is_some(), &[Twilio]),
            ("messagingServiceSid", self.messaging_service_sid.is_some(), &[TwilioSms]),
            ("phoneNumberId", self.phone_number_id.is_some(), &[Whatsapp]),
            ("accessToken", self.access_token.is_some(), &[Whatsapp]),
            ("appSecret", self.app_secret.is_some(), &[Whatsapp]),
            ("verifyToken", self.verify_token.is_some(), &[Whatsapp]),
            ("security", self.security.is_some(), &[Smtp]),
            ("from", self.from.is_some(), &[Smtp]),
            ("replyTo", self.reply_to.is_some(), &[Smtp]),
            ("ringMs", self.ring_ms.is_some(), &[Simulated]),
            ("talkMs", self.talk_ms.is_some(), &[Simulated]),
            ("callerId", self.caller_id.is_some(), &[Sip, Twilio, Simulated, TwilioSms]),
            ("callerIds", self.caller_ids.is_some(), &[Sip, Twilio, Simulated, TwilioSms]),
        ]
    }

    fn refuse_fields_of_other_kinds(&self) -> Result<()> {
        let foreign =
            self.fields().into_iter().find(|(_, given, kinds)| *given && !kinds.contains(&self.kind));
        let Some((field, _, kinds)) = foreign else { return Ok(()) };
        let kinds: Vec<_> = kinds.iter().map(|kind| kind.name()).collect();
        let problem = format!("belongs to a trunk of kind {}; leave it out", kinds.join(" or "));
        Err(ApiError::invalid(field, problem))
    }

    fn account(&mut self) -> GivenAccount {
        GivenAccount {
            account_sid: self.account_sid.take(),
            auth_token: self.auth_token.take(),
            api_key_sid: self.api_key_sid.take(),
            api_key_secret: self.api_key_secret.take(),
            base_url: self.base_url.take(),
        }
    }

    fn twilio(mut self) -> trunk_twilio::Given {
        trunk_twilio::Given {
            account: self.account(),
            machine_detection: self.machine_detection.unwrap_or_default(),
            stream: self.stream.map(|Object(stream)| stream),
        }
    }

    fn sms(mut self, has_number: bool) -> GivenSms {
        let account = self.account();
        GivenSms { account, messaging_service_sid: self.messaging_service_sid, has_number }
    }

    fn whatsapp(self) -> GivenWhatsapp {
        GivenWhatsapp {
            phone_number_id: self.phone_number_id,
            access_token: self.access_token,
            app_secret: self.app_secret,
            verify_token: self.verify_token,
            base_url: self.base_url,
        }
    }

    fn smtp(self) -> GivenSmtp {
        GivenSmtp {
            host: self.host,
            port: self.port,
            security: self.security,
            username: self.username,
            password: self.password,
            from: self.from,
            reply_to: self.reply_to,
        }
    }

    fn simulated(self) -> Result<SimulatedTrunk> {
        let default = SimulatedTrunk::default();
        Ok(SimulatedTrunk {
            ring_ms: check::within("ringMs", self.ring_ms, 0..=SIMULATED_LIMIT, default.ring_ms)?,
            talk_ms: check::within("talkMs", self.talk_ms, 0..=SIMULATED_LIMIT, default.talk_ms)?,
        })
    }

    fn sip(self) -> Result<SipTrunk> {
        let host = self.host.ok_or_else(|| ApiError::invalid("host", "is missing; name the SIP peer"))?;
        check_host("host", &host)?;
        if let Some(domain) = &self.domain {
            check_host("domain", domain)?;
        }
        check_credentials(self.username.as_deref(), self.password.as_deref())?;
        Ok(SipTrunk {
            host,
            port: check::within("port", self.port, 1..=u16::MAX, SIP_PORT)?,
            transport: self.transport.unwrap_or(SipTransport::Udp),
            domain: self.domain,
            username: self.username,
            password: self.password,
            outcomes: self.outcomes.unwrap_or_default().into_iter().map(check_rule).collect::<Result<_>>()?,
        })
    }
}

/// A host name, an IPv4 address, or an IPv6 address with or without brackets.
pub(super) fn check_host(field: &str, host: &str) -> Result<()> {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let is_ipv6 = bare.unwrap_or(host).parse::<std::net::Ipv6Addr>().is_ok();
    let label = |label: &str| {
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        (1..=63).contains(&label.len())
            && label.chars().all(fits)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let is_name = host.len() <= TEXT_LIMIT && host.strip_suffix('.').unwrap_or(host).split('.').all(label);
    match is_ipv6 || is_name {
        true => Ok(()),
        false => {
            Err(ApiError::invalid(field, "must be a host name or an IP address, without scheme and port"))
        }
    }
}

/// Both travel in quoted texts of a header (RFC 8760 §2.4): nothing may end one early.
pub(super) fn check_credentials(username: Option<&str>, password: Option<&str>) -> Result<()> {
    let fits = |text: &str, quoted: &str| {
        (1..=TEXT_LIMIT).contains(&text.len())
            && !text.contains(|c: char| c.is_control() || quoted.contains(c))
    };
    if username.is_some_and(|text| !fits(text, "\"\\")) {
        return Err(ApiError::invalid(
            "username",
            "must be 1 to 255 bytes without quotes, backslashes and control characters",
        ));
    }
    if password.is_some_and(|text| !fits(text, "")) {
        return Err(ApiError::invalid("password", "must be 1 to 255 bytes without control characters"));
    }
    if password.is_some() && username.is_none() {
        return Err(ApiError::invalid("username", "is missing; a password needs one"));
    }
    Ok(())
}

fn check_rule((status, rule): (String, OutcomeRule)) -> Result<(u16, OutcomeRule)> {
    let refuse = |problem: &str| Err(ApiError::invalid(format!("outcomes.{status}"), problem));
    let code = match status.parse::<u16>() {
        Ok(code) if (300..=699).contains(&code) && status.len() == 3 => code,
        _ => return refuse("the name must be a SIP status from 300 to 699"),
    };
    match rule {
        OutcomeRule::Outcome { outcome, .. } if outcome.was_answered() || outcome.is_of_messages() => {
            refuse(&format!("a call that was refused was not {outcome}"))
        }
        OutcomeRule::Outcome { reason, .. } if !is_reason(&reason) => {
            refuse("reason must be 1 to 64 lower-case letters, digits and underscores")
        }
        OutcomeRule::Outcome { outcome, reason } => Ok((code, OutcomeRule::Outcome { outcome, reason })),
        OutcomeRule::NoRoom { retry_after_seconds } if !(1..=3600).contains(&retry_after_seconds) => {
            refuse("retryAfterSeconds must be 1 to 3600")
        }
        OutcomeRule::NoRoom { retry_after_seconds } => {
            Ok((code, OutcomeRule::NoRoom { retry_after_seconds }))
        }
    }
}

fn is_reason(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    (1..=64).contains(&text.len()) && text.chars().all(fits)
}
