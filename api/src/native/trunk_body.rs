//! What a request says about a new trunk, and when that makes sense.

use std::collections::BTreeMap;

use ringfleet_core::{
    net::Guard,
    trunk::{Limits, MediaStream, OutcomeRule, SimulatedTrunk, SipTransport, TrunkConfig},
};
use ringfleet_store::NewTrunk;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{caller_ids, trunk_sip, trunk_twilio};
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
    Simulated,
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
    base_url: Option<String>,
    machine_detection: Option<bool>,
    #[schema(value_type = Option<MediaStream>)]
    stream: Option<Object<MediaStream>>,
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
        let caller_id = check::caller_id("callerId", self.caller_id.take())?;
        let caller_ids = self.caller_ids.take().map(|Object(pool)| pool.check()).transpose()?;
        let Object(limits) = self.limits.take().unwrap_or_default();
        limits.validate().map_err(|(field, problem)| ApiError::invalid(field, problem))?;
        self.refuse_fields_of_other_kinds()?;
        let config = match self.kind {
            CarrierKind::Sip => TrunkConfig::Sip(self.sip().check()?),
            CarrierKind::Twilio if caller_id.is_none() && caller_ids.is_none() => {
                return Err(ApiError::invalid(
                    "callerId",
                    "is missing; a call over this API needs a number to show",
                ));
            }
            CarrierKind::Twilio => TrunkConfig::Twilio(self.twilio().check(guard).await?),
            CarrierKind::Simulated => TrunkConfig::Simulated(self.simulated()?),
        };
        Ok(NewTrunk { name, config, caller_id, caller_ids, limits })
    }

    fn refuse_fields_of_other_kinds(&self) -> Result<()> {
        let sip = [
            ("host", self.host.is_some()),
            ("port", self.port.is_some()),
            ("transport", self.transport.is_some()),
            ("domain", self.domain.is_some()),
            ("username", self.username.is_some()),
            ("password", self.password.is_some()),
            ("tlsServerName", self.tls_server_name.is_some()),
            ("caCertificate", self.ca_certificate.is_some()),
            ("sips", self.sips.is_some()),
            ("register", self.register.is_some()),
            ("registerExpires", self.register_expires.is_some()),
            ("sessionExpires", self.session_expires.is_some()),
            ("outcomes", self.outcomes.is_some()),
        ];
        let twilio = [
            ("accountSid", self.account_sid.is_some()),
            ("authToken", self.auth_token.is_some()),
            ("apiKeySid", self.api_key_sid.is_some()),
            ("apiKeySecret", self.api_key_secret.is_some()),
            ("baseUrl", self.base_url.is_some()),
            ("machineDetection", self.machine_detection.is_some()),
            ("stream", self.stream.is_some()),
        ];
        let simulated = [("ringMs", self.ring_ms.is_some()), ("talkMs", self.talk_ms.is_some())];
        let kinds: [(_, _, &[(&str, bool)]); 3] = [
            (CarrierKind::Sip, "sip", &sip),
            (CarrierKind::Twilio, "twilio", &twilio),
            (CarrierKind::Simulated, "simulated", &simulated),
        ];
        let others = kinds.iter().filter(|(kind, ..)| *kind != self.kind);
        let mut foreign = others
            .flat_map(|(_, name, fields)| fields.iter().map(move |(field, given)| (name, field, given)));
        match foreign.find(|(_, _, given)| **given) {
            Some((kind, field, _)) => {
                Err(ApiError::invalid(*field, format!("belongs to a trunk of kind {kind}; leave it out")))
            }
            None => Ok(()),
        }
    }

    fn twilio(self) -> trunk_twilio::Given {
        trunk_twilio::Given {
            account_sid: self.account_sid,
            auth_token: self.auth_token,
            api_key_sid: self.api_key_sid,
            api_key_secret: self.api_key_secret,
            base_url: self.base_url,
            machine_detection: self.machine_detection.unwrap_or_default(),
            stream: self.stream.map(|Object(stream)| stream),
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
