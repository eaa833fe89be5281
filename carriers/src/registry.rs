//! The carriers of this process, one per trunk.

use std::{collections::HashMap, io, path::PathBuf, sync::Arc};

use parking_lot::Mutex;
use ringfleet_core::{TrunkId, trunk::TrunkConfig};

use crate::{
    Carrier, SimulatedCarrier,
    sip::{SipCarrier, SipSettings},
};

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
}

/// Builds carriers and keeps them, so that a trunk has one set of sockets however often it is asked for.
pub struct Registry {
    sip: SipSettings,
    witness: Option<PathBuf>,
    carriers: Mutex<HashMap<TrunkId, Built>>,
}

/// A carrier and the settings it was built from.
type Built = (TrunkConfig, Arc<dyn Carrier>);

impl Registry {
    /// A registry without carriers yet.
    pub fn new(sip: SipSettings) -> Self {
        Self { sip, witness: None, carriers: Mutex::default() }
    }

    /// Lets simulated carriers write down every attempt in this file; see [`SimulatedCarrier::new`].
    pub fn with_witness(self, file: PathBuf) -> Self {
        Self { witness: Some(file), ..self }
    }

    /// The carrier of a trunk, built when it is first asked for and again when its settings have changed. One that was
    /// replaced closes by itself when its last call has ended and nobody holds it any more.
    ///
    /// Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// [`CarrierError::Socket`] when the sockets cannot be opened; nothing is kept then, so the next call tries again.
    pub fn carrier(&self, trunk: TrunkId, config: &TrunkConfig) -> Result<Arc<dyn Carrier>, CarrierError> {
        let mut carriers = self.carriers.lock();
        if let Some((known, carrier)) = carriers.get(&trunk)
            && known == config
        {
            return Ok(carrier.clone());
        }
        let carrier = self.build(config)?;
        carriers.insert(trunk, (config.clone(), carrier.clone()));
        Ok(carrier)
    }

    /// Closes every carrier and forgets it. Live calls have been ended before.
    pub async fn close(&self) {
        let carriers = std::mem::take(&mut *self.carriers.lock());
        for (_, carrier) in carriers.into_values() {
            carrier.close().await;
        }
    }

    /// The one place that knows every kind of carrier.
    fn build(&self, config: &TrunkConfig) -> Result<Arc<dyn Carrier>, CarrierError> {
        match config {
            TrunkConfig::Sip(trunk) => {
                let bind = self.sip.bind;
                let carrier = SipCarrier::open(trunk.clone(), self.sip.clone());
                Ok(Arc::new(carrier.map_err(|source| CarrierError::Socket { bind, source })?))
            }
            TrunkConfig::Simulated(trunk) => {
                Ok(Arc::new(SimulatedCarrier::new(trunk.clone(), self.witness.clone())))
            }
        }
    }
}
