//! What a request says about a new trunk, and when that makes sense.

use std::collections::BTreeMap;

use ringfleet_core::{
    message_trunk::SmtpSecurity,
    net::Guard,
    trunk::{Limits, MediaStream, OutcomeRule, SimulatedTrunk, SipTransport, TrunkConfig},
};
use ringfleet_store::NewTrunk;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    caller_ids, trunk_livekit,
    trunk_messages::{GivenSms, GivenSmtp, GivenWhatsapp},
    trunk_sip, trunk_telnyx,
    trunk_twilio::{self, GivenAccount},
};
use crate::{
    check,
    error::{ApiError, Result},
    openapi::bounds,
    strict::Object,
};

const NAME_LIMIT: usize = 120;
/// Longest simulated ringing or talking: an hour, in milliseconds.
const SIMULATED_LIMIT: u64 = 3_600_000;

#[derive(Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = TrunkCarrierKind)]
enum CarrierKind {
    Sip,
    Twilio,
    Telnyx,
    Livekit,
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
            Self::Telnyx => "telnyx",
            Self::Livekit => "livekit",
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
    tls_server_name: Option<String>,
    ca_certificate: Option<String>,
    sips: Option<bool>,
    register: Option<bool>,
    #[schema(schema_with = trunk_sip::register_bounds)]
    register_expires: Option<u32>,
    #[schema(schema_with = trunk_sip::session_bounds)]
    session_expires: Option<u32>,
    outcomes: Option<BTreeMap<String, OutcomeRule>>,
    account_sid: Option<String>,
    auth_token: Option<String>,
    api_key_sid: Option<String>,
    api_key_secret: Option<String>,
    api_key: Option<String>,
    connection_id: Option<String>,
    public_key: Option<String>,
    base_url: Option<String>,
    machine_detection: Option<bool>,
    #[schema(value_type = Option<MediaStream>)]
    stream: Option<Object<MediaStream>>,
    url: Option<String>,
    api_secret: Option<String>,
    sip_trunk_id: Option<String>,
    agent_name: Option<String>,
    krisp: Option<bool>,
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
            CarrierKind::Sip => TrunkConfig::Sip(self.sip().check()?),
            CarrierKind::Twilio | CarrierKind::Telnyx if !has_number => {
                return Err(ApiError::invalid(
                    "callerId",
                    "is missing; a call over this API needs a number to show",
                ));
            }
            CarrierKind::Twilio => TrunkConfig::Twilio(self.twilio().check(guard).await?),
            CarrierKind::Telnyx => TrunkConfig::Telnyx(self.telnyx().check(guard).await?),
            CarrierKind::Livekit => TrunkConfig::Livekit(self.livekit().check(guard).await?),
            CarrierKind::Simulated => TrunkConfig::Simulated(self.simulated()?),
            CarrierKind::TwilioSms => TrunkConfig::TwilioSms(self.sms(has_number).check(guard).await?),
            CarrierKind::Whatsapp => TrunkConfig::Whatsapp(self.whatsapp().check(guard).await?),
            CarrierKind::Smtp => TrunkConfig::Smtp(self.smtp().check(guard).await?),
        };
        Ok(NewTrunk { name, config, caller_id, caller_ids, limits })
    }

    /// Each field with whether it was given, and the kinds of trunk that have it.
    fn fields(&self) -> [(&'static str, bool, &'static [CarrierKind]); 40] {
        use CarrierKind::{Livekit, Simulated, Sip, Smtp, Telnyx, Twilio, TwilioSms, Whatsapp};
        [
            ("host", self.host.is_some(), &[Sip, Smtp]),
            ("port", self.port.is_some(), &[Sip, Smtp]),
            ("transport", self.transport.is_some(), &[Sip]),
            ("domain", self.domain.is_some(), &[Sip]),
            ("username", self.username.is_some(), &[Sip, Smtp]),
            ("password", self.password.is_some(), &[Sip, Smtp]),
            ("tlsServerName", self.tls_server_name.is_some(), &[Sip]),
            ("caCertificate", self.ca_certificate.is_some(), &[Sip]),
            ("sips", self.sips.is_some(), &[Sip]),
            ("register", self.register.is_some(), &[Sip]),
            ("registerExpires", self.register_expires.is_some(), &[Sip]),
            ("sessionExpires", self.session_expires.is_some(), &[Sip]),
            ("outcomes", self.outcomes.is_some(), &[Sip]),
            ("accountSid", self.account_sid.is_some(), &[Twilio, TwilioSms]),
            ("authToken", self.auth_token.is_some(), &[Twilio, TwilioSms]),
            ("apiKeySid", self.api_key_sid.is_some(), &[Twilio, TwilioSms]),
            ("apiKeySecret", self.api_key_secret.is_some(), &[Twilio, TwilioSms]),
            ("apiKey", self.api_key.is_some(), &[Telnyx, Livekit]),
            ("connectionId", self.connection_id.is_some(), &[Telnyx]),
            ("publicKey", self.public_key.is_some(), &[Telnyx]),
            ("baseUrl", self.base_url.is_some(), &[Twilio, Telnyx, TwilioSms, Whatsapp]),
            ("machineDetection", self.machine_detection.is_some(), &[Twilio, Telnyx]),
            ("stream", self.stream.is_some(), &[Twilio, Telnyx]),
            ("url", self.url.is_some(), &[Livekit]),
            ("apiSecret", self.api_secret.is_some(), &[Livekit]),
            ("sipTrunkId", self.sip_trunk_id.is_some(), &[Livekit]),
            ("agentName", self.agent_name.is_some(), &[Livekit]),
            ("krisp", self.krisp.is_some(), &[Livekit]),
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
            ("callerId", self.caller_id.is_some(), &[Sip, Twilio, Telnyx, Livekit, Simulated, TwilioSms]),
            ("callerIds", self.caller_ids.is_some(), &[Sip, Twilio, Telnyx, Livekit, Simulated, TwilioSms]),
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

    fn telnyx(self) -> trunk_telnyx::Given {
        trunk_telnyx::Given {
            api_key: self.api_key,
            connection_id: self.connection_id,
            public_key: self.public_key,
            base_url: self.base_url,
            machine_detection: self.machine_detection.unwrap_or_default(),
            stream: self.stream.map(|Object(stream)| stream),
        }
    }

    fn livekit(self) -> trunk_livekit::Given {
        trunk_livekit::Given {
            url: self.url,
            api_key: self.api_key,
            api_secret: self.api_secret,
            sip_trunk_id: self.sip_trunk_id,
            agent_name: self.agent_name,
            krisp: self.krisp.unwrap_or_default(),
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

    fn sip(self) -> trunk_sip::Given {
        trunk_sip::Given {
            host: self.host,
            port: self.port,
            transport: self.transport,
            domain: self.domain,
            username: self.username,
            password: self.password,
            tls_server_name: self.tls_server_name,
            ca_certificate: self.ca_certificate,
            sips: self.sips,
            register: self.register.unwrap_or_default(),
            register_expires: self.register_expires,
            session_expires: self.session_expires,
            outcomes: self.outcomes.unwrap_or_default(),
        }
    }
}
