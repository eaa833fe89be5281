//! The carriers of this process, one per trunk.

use std::{collections::HashMap, io, path::PathBuf, sync::Arc, time::Duration};

use parking_lot::Mutex;
use ringfleet_core::{CallId, TrunkId, trunk::TrunkConfig};
use tokio::time::Instant;

use crate::{
    Carrier, Hints, RestSettings, SimulatedCarrier,
    livekit::LivekitCarrier,
    sip::{SipCarrier, SipSettings},
    smtp::SmtpCarrier,
    telnyx::TelnyxCarrier,
    twilio::TwilioCarrier,
    twilio_sms::TwilioSmsCarrier,
    whatsapp::WhatsappCarrier,
};

/// A trunk that nobody has asked for in this time is forgotten at the latest when it has passed twice. Its carrier holds
/// sockets with large buffers, and building it again costs less than a call.
const IDLE: Duration = Duration::from_secs(600);

/// Why a trunk has no carrier.
#[derive(Debug, thiserror::Error)]
pub enum CarrierError {
    /// The sockets could not be opened: check the address the process is told to bind, and its limit of open files.
    #[error("cannot open a SIP socket on {bind}: {source}")]
    Socket {
        /// The address asked for.
        bind: std::net::IpAddr,
        /// What the system said.
        source: io::Error,
    },
    /// TLS could not be set up.
    #[error("cannot make the HTTP client of a trunk: {0}")]
    Http(#[from] reqwest::Error),
    /// An address in the settings is none, or TLS could not be set up.
    #[error("cannot send mail over a trunk: {0}")]
    Mail(String),
}

/// Builds carriers and keeps them, so that a trunk has one set of sockets however often it is asked for.
pub struct Registry {
    sip: SipSettings,
    rest: RestSettings,
    hints: Hints,
    witness: Option<PathBuf>,
    carriers: Mutex<Carriers>,
}

struct Carriers {
    built: HashMap<TrunkId, Built>,
    /// When to look next for those nobody asks for any more.
    tidy_at: Instant,
}

/// A carrier, the settings it was built from, and when it was last asked for.
struct Built {
    config: TrunkConfig,
    carrier: Arc<dyn Carrier>,
    asked_at: Instant,
}

impl Carriers {
    /// Forgets carriers nobody has asked for in a while. Those with a live call close when it has ended.
    fn tidy(&mut self, now: Instant) {
        if now >= self.tidy_at {
            self.built.retain(|_, built| now - built.asked_at < IDLE);
            self.tidy_at = now + IDLE;
        }
    }
}

impl Registry {
    /// A registry without carriers yet.
    pub fn new(sip: SipSettings) -> Self {
        let carriers = Carriers { built: HashMap::new(), tidy_at: Instant::now() + IDLE };
        Self {
            sip,
            rest: RestSettings::default(),
            hints: Hints::default(),
            witness: None,
            carriers: Mutex::new(carriers),
        }
    }

    /// Lets simulated carriers write down every attempt in this file; see [`SimulatedCarrier::new`].
    pub fn with_witness(self, file: PathBuf) -> Self {
        Self { witness: Some(file), ..self }
    }

    /// How providers with a REST API are spoken with.
    pub fn with_rest(self, rest: RestSettings) -> Self {
        Self { rest, ..self }
    }

    /// Something was heard of a call; whoever follows it here is told. `note`: what its carrier made of what the provider said.
    pub fn hint(&self, call: CallId, note: String) {
        self.hints.tell(call, note);
    }

    /// The carrier of a trunk, built when it is first asked for and again when its settings have changed. One that was
    /// replaced, or forgotten because nobody asked for it any more, closes by itself when its last call has ended and nobody
    /// holds it any more.
    ///
    /// Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// When the sockets cannot be opened, or TLS cannot be set up; nothing is kept then, so the next call tries again.
    pub fn carrier(&self, trunk: TrunkId, config: &TrunkConfig) -> Result<Arc<dyn Carrier>, CarrierError> {
        let asked_at = Instant::now();
        let mut carriers = self.carriers.lock();
        carriers.tidy(asked_at);
        if let Some(built) = carriers.built.get_mut(&trunk)
            && built.config == *config
        {
            built.asked_at = asked_at;
            return Ok(built.carrier.clone());
        }
        let carrier = self.build(config)?;
        carriers.built.insert(trunk, Built { config: config.clone(), carrier: carrier.clone(), asked_at });
        Ok(carrier)
    }

    /// Closes every carrier and forgets it. Live calls have been ended before.
    pub async fn close(&self) {
        let carriers = std::mem::take(&mut self.carriers.lock().built);
        let closing = carriers.into_values().map(|built| async move { built.carrier.close().await });
        futures::future::join_all(closing).await; // a registrar that is gone holds nobody else up
    }

    /// The one place that knows every kind of carrier.
    fn build(&self, config: &TrunkConfig) -> Result<Arc<dyn Carrier>, CarrierError> {
        match config {
            TrunkConfig::Sip(trunk) => {
                let bind = self.sip.bind;
                let carrier = SipCarrier::open(trunk.clone(), self.sip.clone());
                let carrier = carrier.map_err(|source| CarrierError::Socket { bind, source })?;
                Ok(Arc::new(carrier.with_guard(self.rest.guard.clone()).with_hints(self.hints.clone())))
            }
            TrunkConfig::Twilio(trunk) => {
                Ok(Arc::new(TwilioCarrier::open(trunk.clone(), self.rest.clone(), self.hints.clone())?))
            }
            TrunkConfig::Telnyx(trunk) => {
                Ok(Arc::new(TelnyxCarrier::open(trunk.clone(), self.rest.clone(), self.hints.clone())?))
            }
            TrunkConfig::Livekit(trunk) => {
                Ok(Arc::new(LivekitCarrier::open(trunk.clone(), self.rest.clone(), self.hints.clone())?))
            }
            TrunkConfig::Simulated(trunk) => {
                Ok(Arc::new(SimulatedCarrier::new(trunk.clone(), self.witness.clone())))
            }
            TrunkConfig::TwilioSms(trunk) => {
                Ok(Arc::new(TwilioSmsCarrier::open(trunk.clone(), self.rest.clone(), self.hints.clone())?))
            }
            TrunkConfig::Whatsapp(trunk) => Ok(Arc::new(WhatsappCarrier::open(trunk.clone(), &self.rest)?)),
            TrunkConfig::Smtp(trunk) => {
                Ok(Arc::new(SmtpCarrier::open(trunk.clone(), &self.rest).map_err(CarrierError::Mail)?))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ringfleet_core::trunk::SimulatedTrunk;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_trunk_that_nobody_asks_for_is_forgotten() {
        let registry = Registry::new(SipSettings::default());
        let config = TrunkConfig::Simulated(SimulatedTrunk::default());
        let trunk = |n: u8| format!("01890a5d-ac96-774b-bcce-b302099a805{n}").parse::<TrunkId>().unwrap();
        let ask = |n| registry.carrier(trunk(n), &config).unwrap();
        let (idle, busy, held) = (Arc::downgrade(&ask(1)), ask(2), ask(3));
        for _ in 0..4 {
            tokio::time::advance(IDLE / 2).await;
            assert!(Arc::ptr_eq(&busy, &ask(2)), "it is used");
        }
        assert!(idle.upgrade().is_none(), "its sockets are gone with it");
        assert!(
            !Arc::ptr_eq(&held, &ask(3)),
            "who still holds a forgotten one keeps it, others get a new one"
        );
    }
}
