//! The SIP carrier: outbound calls over UDP, TCP or TLS (RFC 3261), G.711 audio, one [`SipCarrier`] per trunk.
//!
//! Signalling rests on the transaction layer of one SIP stack, which is named nowhere outside this folder. Its dialog
//! layer is not used: what a call must survive (a crash between any two messages) is easier to keep true when every
//! request is built from one small value, the leg, that is also what is kept for recovery.

mod attempt;
mod desk;
mod digest;
mod drive;
mod hosts;
mod in_dialog;
mod inspect;
mod invite;
mod leg;
mod line;
mod live;
pub(crate) mod outcomes;
mod probe;
mod recover;
mod refer;
mod refresh;
mod register;
mod settings;
mod srv;
mod station;
mod streams;
mod timer;
mod tls;

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{Arc, Weak},
};

use async_trait::async_trait;
use parking_lot::Mutex;
use ringfleet_core::{
    CallId, EndedBy, Ending, Outcome,
    net::Guard,
    trunk::{SipTransport, SipTrunk},
};
use serde_json::Value;

use crate::{Attempt, Carrier, Hints, Order};
use desk::Desks;
use digest::Credentials;
use hosts::Hosts;
pub(crate) use outcomes::ending_beyond;
use register::Registrar;
pub use settings::SipSettings;
use station::Station;
use tls::Tls;
pub use tls::check_certificates;

/// Keep this in the log filter: at INFO the stack writes whole messages, with numbers and credentials in them.
pub const LOG_DIRECTIVE: &str = "rsipstack=warn";

/// A SIP trunk that places calls.
pub struct SipCarrier {
    trunk: SipTrunk,
    settings: SipSettings,
    hosts: Arc<Hosts>,
    stations: Vec<Arc<Station>>,
    /// Endpoints opened on the ports of dead workers, while some call of theirs is being resolved.
    inherited: Mutex<HashMap<u16, Weak<Station>>>,
    tls: Option<Arc<Tls>>,
    /// For trunks that are registered with.
    registrar: Option<Registrar>,
    /// Calls the telephones of agents.
    desks: Arc<Desks>,
    /// Where it is heard what others want of its calls.
    hints: Hints,
}

impl SipCarrier {
    /// Opens the sockets of a trunk. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// When `settings.bind` is no address of this machine or the system has no socket left.
    pub fn open(trunk: SipTrunk, settings: SipSettings) -> io::Result<Self> {
        let hosts = Hosts::new(&settings);
        let tls = (trunk.transport == SipTransport::Tls).then(|| Arc::new(Tls::new(&trunk)));
        let open = |_| Station::open(&settings, 0, trunk.transport, &hosts, tls.as_ref());
        let endpoints = if trunk.register { 1 } else { settings.endpoints.max(1) };
        let stations = (0..endpoints).map(open).collect::<io::Result<Vec<_>>>()?;
        let registrar = credentials(&trunk)
            .filter(|_| trunk.register)
            .map(|credentials| Registrar::begin(&trunk, stations[0].clone(), &hosts, credentials));
        let desks = Desks::new(&settings, Guard::default());
        let (inherited, hints) = (Mutex::default(), Hints::default());
        Ok(Self { trunk, settings, hosts, stations, inherited, tls, registrar, desks, hints })
    }

    /// Hands calls over to telephones where `guard` allows; else it is public addresses only.
    pub fn with_guard(self, guard: Guard) -> Self {
        Self { desks: Desks::new(&self.settings, guard), ..self }
    }

    /// Hears there what others want of its calls.
    pub fn with_hints(self, hints: Hints) -> Self {
        Self { hints, ..self }
    }

    /// The endpoint a call lives on: the same one for the same call.
    fn station(&self, call: CallId) -> &Arc<Station> {
        let spread = call.uuid().as_u64_pair().1 as usize;
        &self.stations[spread % self.stations.len()]
    }

    fn credentials(&self) -> Option<Credentials> {
        credentials(&self.trunk)
    }

    /// The addresses of the trunk in the order to try, never none.
    async fn targets(&self) -> io::Result<Vec<SocketAddr>> {
        self.hosts.targets(&self.trunk).await
    }
}

#[async_trait]
impl Carrier for SipCarrier {
    async fn prepare(&self, order: Order) -> Result<Box<dyn Attempt>, Ending> {
        Ok(Box::new(attempt::SipAttempt::prepare(self, order).await?))
    }

    async fn resolve(&self, resume: &Value, shown: Option<&str>) -> Ending {
        recover::resolve(self, resume, shown).await
    }

    async fn probe(&self) -> Result<(), &'static str> {
        probe::probe(self).await
    }

    async fn close(&self) {
        if let Some(registrar) = &self.registrar {
            registrar.close().await;
        }
        for station in &self.stations {
            station.close();
        }
        self.desks.close();
    }
}

fn credentials(trunk: &SipTrunk) -> Option<Credentials> {
    Some(Credentials { username: trunk.username.clone()?, password: trunk.password.clone()? })
}

/// The ending of a call that met a fault of the network or of ours, not of the callee.
fn failed(reason: &'static str) -> Ending {
    Ending::over(Outcome::Failed, reason, None, EndedBy::Carrier)
}
