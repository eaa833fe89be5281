//! What a request says about a SIP trunk, and when that makes sense.

use std::{collections::BTreeMap, fmt::Display, ops::RangeInclusive};

use ringfleet_carriers::sip;
use ringfleet_core::trunk::{OutcomeRule, SipTransport, SipTrunk};

use crate::{
    check,
    error::{ApiError, Result},
    openapi::bounds,
};

/// Longest host name, user name or password.
const TEXT_LIMIT: usize = 255;
/// Longest `caCertificate`, in bytes: a few certificates.
const CERTIFICATES_LIMIT: usize = 32 << 10;

/// Shortest and longest registration, in seconds.
const REGISTER_EXPIRES: RangeInclusive<u32> = 60..=86_400;

pub(super) fn register_bounds() -> bounds::Bounds {
    bounds::maybe_whole(check::wide(REGISTER_EXPIRES))
}

/// Shortest (RFC 4028 §4) and longest interval of a session timer, in seconds.
const SESSION_EXPIRES: RangeInclusive<u32> = 90..=86_400;

pub(super) fn session_bounds() -> bounds::Bounds {
    bounds::maybe_whole(check::wide(SESSION_EXPIRES))
}

/// The fields of this kind, as they came.
pub(super) struct Given {
    pub(super) host: Option<String>,
    pub(super) port: Option<u16>,
    pub(super) transport: Option<SipTransport>,
    pub(super) domain: Option<String>,
    pub(super) username: Option<String>,
    pub(super) password: Option<String>,
    pub(super) tls_server_name: Option<String>,
    pub(super) ca_certificate: Option<String>,
    pub(super) sips: Option<bool>,
    pub(super) register: bool,
    pub(super) register_expires: Option<u32>,
    pub(super) session_expires: Option<u32>,
    pub(super) outcomes: BTreeMap<String, OutcomeRule>,
}

impl Given {
    pub(super) fn check(self) -> Result<SipTrunk> {
        self.check_tls()?;
        let host = self.host.ok_or_else(|| ApiError::invalid("host", "is missing; name the SIP peer"))?;
        check_host("host", &host)?;
        if let Some(domain) = &self.domain {
            check_host("domain", domain)?;
        }
        check_credentials(self.username.as_deref(), self.password.as_deref())?;
        if self.register && self.password.is_none() {
            return Err(ApiError::invalid("register", "needs a username and a password to register with"));
        }
        if !self.register && self.register_expires.is_some() {
            return Err(ApiError::invalid("registerExpires", "needs register to be true"));
        }
        Ok(SipTrunk {
            host,
            port: maybe_within("port", self.port, 1..=u16::MAX)?,
            transport: self.transport.unwrap_or(SipTransport::Udp),
            domain: self.domain,
            username: self.username,
            password: self.password,
            tls_server_name: self.tls_server_name,
            ca_certificate: self.ca_certificate,
            sips: self.sips.unwrap_or_default(),
            register: self.register,
            register_expires: maybe_within("registerExpires", self.register_expires, REGISTER_EXPIRES)?,
            session_expires: maybe_within("sessionExpires", self.session_expires, SESSION_EXPIRES)?,
            outcomes: self.outcomes.into_iter().map(check_rule).collect::<Result<_>>()?,
        })
    }

    fn check_tls(&self) -> Result<()> {
        let fields = [
            ("tlsServerName", self.tls_server_name.is_some()),
            ("caCertificate", self.ca_certificate.is_some()),
            ("sips", self.sips == Some(true)),
        ];
        match fields.iter().find(|(_, given)| *given) {
            Some((field, _)) if self.transport != Some(SipTransport::Tls) => {
                return Err(ApiError::invalid(*field, "needs the transport tls"));
            }
            _ => {}
        }
        if let Some(name) = &self.tls_server_name {
            check_host("tlsServerName", name)?;
        }
        match &self.ca_certificate {
            Some(pem) if pem.len() > CERTIFICATES_LIMIT => {
                Err(ApiError::invalid("caCertificate", "must be at most 32 KiB of PEM"))
            }
            Some(pem) => {
                sip::check_certificates(pem).map_err(|problem| ApiError::invalid("caCertificate", problem))
            }
            None => Ok(()),
        }
    }
}

/// A number within bounds, if there is one.
fn maybe_within<T: PartialOrd + Display + Copy>(
    field: &str,
    given: Option<T>,
    bounds: RangeInclusive<T>,
) -> Result<Option<T>> {
    given.map(|number| check::within(field, Some(number), bounds, number)).transpose()
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
