//! The settings of a trunk: which carrier places the calls, and how.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    Channel, Outcome,
    livekit_trunk::LivekitTrunk,
    message_trunk::{SmtpTrunk, TwilioSmsTrunk, WhatsappTrunk},
    telnyx_trunk::TelnyxTrunk,
    text_enum::text_enum,
};

/// A carrier and its settings; `kind` tells them apart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum TrunkConfig {
    /// A SIP trunk or PBX.
    Sip(SipTrunk),
    /// A provider that speaks Twilio's REST API: Twilio, SignalWire and others.
    Twilio(TwilioTrunk),
    /// Telnyx's Voice API.
    Telnyx(TelnyxTrunk),
    /// A LiveKit server, whose agents talk.
    Livekit(LivekitTrunk),
    /// No network: outcome and timing come from the number. For tests and load.
    Simulated(SimulatedTrunk),
    /// SMS at a provider that speaks Twilio's REST API.
    TwilioSms(TwilioSmsTrunk),
    /// WhatsApp's Cloud API.
    Whatsapp(WhatsappTrunk),
    /// E-mail over a mail server.
    Smtp(SmtpTrunk),
}

impl TrunkConfig {
    /// The credentials in it: what is kept sealed and never shown.
    pub fn secrets_mut(&mut self) -> Vec<&mut String> {
        match self {
            Self::Sip(sip) => sip.password.iter_mut().collect(),
            Self::Twilio(twilio) => {
                twilio.api_key_secret.iter_mut().chain([&mut twilio.auth_token]).collect()
            }
            Self::Telnyx(telnyx) => vec![&mut telnyx.api_key],
            Self::Livekit(livekit) => vec![&mut livekit.api_secret],
            Self::Simulated(_) => Vec::new(),
            Self::TwilioSms(sms) => sms.api_key_secret.iter_mut().chain([&mut sms.auth_token]).collect(),
            Self::Whatsapp(whatsapp) => {
                vec![&mut whatsapp.access_token, &mut whatsapp.app_secret, &mut whatsapp.verify_token]
            }
            Self::Smtp(smtp) => smtp.password.iter_mut().collect(),
        }
    }

    /// What those are called, where they are written down and in requests, whether there or not.
    pub const fn secret_names(&self) -> &'static [&'static str] {
        match self {
            Self::Sip(_) | Self::Smtp(_) => &["password"],
            Self::Twilio(_) | Self::TwilioSms(_) => &["authToken", "apiKeySecret"],
            Self::Telnyx(_) => &["apiKey"],
            Self::Livekit(_) => &["apiSecret"],
            Self::Simulated(_) => &[],
            Self::Whatsapp(_) => &["accessToken", "appSecret", "verifyToken"],
        }
    }

    /// What kind it is, as it is written down.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Sip(_) => "sip",
            Self::Twilio(_) => "twilio",
            Self::Telnyx(_) => "telnyx",
            Self::Livekit(_) => "livekit",
            Self::Simulated(_) => "simulated",
            Self::TwilioSms(_) => "twilioSms",
            Self::Whatsapp(_) => "whatsapp",
            Self::Smtp(_) => "smtp",
        }
    }

    /// How people are reached over it.
    pub const fn channel(&self) -> Channel {
        match self {
            Self::Sip(_) | Self::Twilio(_) | Self::Telnyx(_) | Self::Livekit(_) | Self::Simulated(_) => {
                Channel::Voice
            }
            Self::TwilioSms(_) => Channel::Sms,
            Self::Whatsapp(_) => Channel::Whatsapp,
            Self::Smtp(_) => Channel::Email,
        }
    }

    /// Whether the carrier can play an agent's greeting file. Where the provider holds the audio, it cannot.
    pub fn plays_greetings(&self) -> bool {
        self.voices().is_none() && !self.brings_agent()
    }

    /// Whether a worker has to make speech of a text that is said over it. Over a simulated one nobody hears it.
    pub fn needs_speech(&self) -> bool {
        self.channel() == Channel::Voice && self.plays_greetings() && !matches!(self, Self::Simulated(_))
    }

    /// Whose voices say a text, where the provider holds the audio: in an agent's `voice.provider`.
    pub const fn voices(&self) -> Option<&'static str> {
        match self {
            Self::Twilio(_) => Some("twilio"),
            Self::Telnyx(_) => Some("telnyx"),
            Self::Sip(_)
            | Self::Livekit(_)
            | Self::Simulated(_)
            | Self::TwilioSms(_)
            | Self::Whatsapp(_)
            | Self::Smtp(_) => None,
        }
    }

    /// Whether an agent of the trunk's own talks, who has to be told of each call.
    pub fn brings_agent(&self) -> bool {
        matches!(self, Self::Livekit(_))
    }
}

text_enum! {
    /// How SIP travels (RFC 3261 §18).
    pub enum SipTransport {
        /// One datagram a message.
        Udp => "udp",
        /// One connection a peer.
        Tcp => "tcp",
        /// The same within TLS, its certificate verified (RFC 3261 §26).
        Tls => "tls",
    }
}

/// A SIP trunk.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SipTrunk {
    /// Host name or address of the peer.
    pub host: String,
    /// Its port; absent: the usual one of the transport, see [`SipTrunk::port`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// How to reach it.
    #[serde(default = "udp")]
    pub transport: SipTransport,
    /// Host part of the request URI and of From, where it differs from `host`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// Digest user name (RFC 8760, RFC 2617).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// Digest password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// The name its certificate must have, where that is another than `host` (RFC 5922 §7).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_server_name: Option<String>,
    /// The only certificates that may vouch for it, as PEM; absent: those the system trusts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_certificate: Option<String>,
    /// Say `sips:` in addresses instead of `sip:`, which asks for TLS on every hop up to the callee's domain (RFC 5630).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sips: bool,
    /// Register with it and place calls only while that holds (RFC 3261 §10).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub register: bool,
    /// How long a registration is to hold, in seconds; the trunk may grant another time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub register_expires: Option<u32>,
    /// Ask that somebody shows at least this often, in seconds, that a call goes on (RFC 4028).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_expires: Option<u32>,
    /// Where this trunk means something else by a SIP status than the default table says.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "by_status")]
    pub outcomes: BTreeMap<u16, OutcomeRule>,
}

impl SipTransport {
    /// The port where none is named (RFC 3261 §19.1.2).
    pub const fn usual_port(self) -> u16 {
        match self {
            Self::Udp | Self::Tcp => 5060,
            Self::Tls => 5061,
        }
    }
}

impl SipTrunk {
    /// The port it has when it is not looked up.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(self.transport.usual_port())
    }
}

impl std::fmt::Debug for SipTrunk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SipTrunk({}:{} {}, user {:?})", self.host, self.port(), self.transport, self.username)
    }
}

/// What a SIP status means on this trunk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum OutcomeRule {
    /// The call ends so.
    Outcome {
        /// The outcome.
        outcome: Outcome,
        /// The reason to keep.
        reason: String,
    },
    /// The trunk has no channel free: nothing is consumed, the call comes back after this many seconds.
    #[serde(rename_all = "camelCase")]
    NoRoom {
        /// Seconds to wait when the response carries no Retry-After.
        retry_after_seconds: u32,
    },
}

/// Where Twilio's own API is.
pub const TWILIO_URL: &str = "https://api.twilio.com";

/// A trunk at a provider that speaks Twilio's REST API, version 2010-04-01.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TwilioTrunk {
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
    /// Let the provider tell machines from people; machines are hung up.
    #[serde(default)]
    pub machine_detection: bool,
    /// Where the audio of an answered call goes; without it, it is hung up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<MediaStream>,
}

impl std::fmt::Debug for TwilioTrunk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TwilioTrunk({} {})", self.base_url, self.account_sid)
    }
}

pub(crate) fn twilio_url() -> String {
    TWILIO_URL.to_owned()
}

/// A WebSocket that takes the audio of a call in Twilio's Media Streams format.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MediaStream {
    /// `wss://…`, without a query.
    pub url: String,
    /// What is told with its start, as `customParameters`.
    #[serde(default)]
    pub parameters: BTreeMap<String, String>,
}

/// Settings of the simulated carrier. The number's end decides as with `ringfleet carrier`:
/// `…00` no room once, 0–5 answered, 6 never answered, 7 busy, 8 voicemail, 9 declined.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct SimulatedTrunk {
    /// Ringing time before an answer or a refusal, in milliseconds.
    pub ring_ms: u64,
    /// Length of an answered call, in milliseconds.
    pub talk_ms: u64,
}

impl Default for SimulatedTrunk {
    fn default() -> Self {
        Self { ring_ms: 20, talk_ms: 30 }
    }
}

/// JSON's keys are text, and an internally tagged enum does not turn them into numbers by itself.
fn by_status<'de, D: serde::Deserializer<'de>>(d: D) -> Result<BTreeMap<u16, OutcomeRule>, D::Error> {
    let rules = BTreeMap::<String, OutcomeRule>::deserialize(d)?;
    let number = |status: String| {
        status.parse().map_err(|_| serde::de::Error::custom(format!("{status:?} is no SIP status")))
    };
    rules.into_iter().map(|(status, rule)| Ok((number(status)?, rule))).collect()
}

fn udp() -> SipTransport {
    SipTransport::Udp
}

/// Limits of a trunk or a campaign; none means no limit of this kind.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Limits {
    /// Most calls begun per second (CPS), 0.01 to 10,000.
    pub calls_per_second: Option<f64>,
    /// Most calls live at once, from the INVITE to the end.
    pub max_live_calls: Option<u32>,
}

/// Seconds of work kept ahead of a calls-per-second limit.
const SECONDS_AHEAD: f64 = 2.0;

impl Limits {
    /// How many calls may wait for these limits: enough to keep the pace, few enough that they do not wait long.
    pub fn ahead(&self) -> u32 {
        let by_rate = self.calls_per_second.map_or(u32::MAX, |rate| (rate * SECONDS_AHEAD).ceil() as u32);
        by_rate.min(self.max_live_calls.unwrap_or(u32::MAX))
    }

    /// What several trunks can do together.
    pub fn together(all: impl IntoIterator<Item = Limits> + Clone) -> Limits {
        Limits {
            calls_per_second: all.clone().into_iter().map(|limits| limits.calls_per_second).sum(),
            max_live_calls: all.into_iter().map(|limits| limits.max_live_calls).sum(),
        }
    }

    /// The first broken rule: the field and what would be right.
    pub fn validate(&self) -> Result<(), (&'static str, &'static str)> {
        if self.calls_per_second.is_some_and(|n| !(0.01..=10_000.0).contains(&n)) {
            return Err(("limits.callsPerSecond", "must be 0.01 to 10000, or absent for no limit"));
        }
        if self.max_live_calls.is_some_and(|n| !(1..=100_000).contains(&n)) {
            return Err(("limits.maxLiveCalls", "must be 1 to 100000, or absent for no limit"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trunk_with_rules_of_its_own_reads_back() {
        let rules = [
            (480, OutcomeRule::NoRoom { retry_after_seconds: 5 }),
            (403, OutcomeRule::Outcome { outcome: Outcome::Rejected, reason: "declined".into() }),
        ];
        let json = r#"{"kind":"sip","host":"sip.example.com"}"#;
        let Ok(TrunkConfig::Sip(mut trunk)) = serde_json::from_str(json) else { panic!("unreadable") };
        trunk.outcomes = rules.into();
        let config = TrunkConfig::Sip(trunk);
        let text = serde_json::to_string(&config).unwrap();
        assert!(text.contains(r#""480":{"noRoom":{"retryAfterSeconds":5}}"#), "{text}");
        assert_eq!(serde_json::from_str::<TrunkConfig>(&text).unwrap(), config);
    }

    #[test]
    fn every_credential_of_an_account_is_a_secret_and_none_is_in_a_log() {
        let json = r#"{"kind":"twilio","accountSid":"AC1","authToken":"one","apiKeySid":"SK1","apiKeySecret":"two"}"#;
        let mut config: TrunkConfig = serde_json::from_str(json).unwrap();
        let TrunkConfig::Twilio(trunk) = &config else { panic!("{config:?}") };
        assert_eq!((trunk.base_url.as_str(), trunk.machine_detection), (TWILIO_URL, false));
        let shown = format!("{config:?}");
        assert!(!shown.contains("one") && !shown.contains("two"), "{shown}");
        config.secrets_mut().into_iter().for_each(|secret| *secret = "sealed".into());
        let kept = serde_json::to_string(&config).unwrap();
        assert!(!kept.contains("one") && !kept.contains("two"), "{kept}");
        let json = r#"{"kind":"livekit","url":"https://x.example.com","apiKey":"API1","apiSecret":"three","sipTrunkId":"ST_1","agentName":"a"}"#;
        let mut config: TrunkConfig = serde_json::from_str(json).unwrap();
        assert!(!format!("{config:?}").contains("three"));
        config.secrets_mut().into_iter().for_each(|secret| *secret = "sealed".into());
        assert!(!serde_json::to_string(&config).unwrap().contains("three"));
    }
}
