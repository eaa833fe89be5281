//! One call from its order to its ending.

use std::{
    borrow::Cow,
    net::{Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use ringfleet_core::{Ending, trunk::SipTrunk};
use serde_json::Value;
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;

use super::{
    SipCarrier,
    desk::Desks,
    failed,
    invite::{self, Answer, Invitation},
    leg::{self, Leg, keep},
    live,
    timer::Wanted,
};
use crate::{Attempt, Hints, Order, Progress, media::RtpSocket, placed_in_a_task};

/// Wait when every RTP port of the process is taken; calls end all the time.
const NO_PORT_WAIT: Duration = Duration::from_secs(1);

/// An order and how it is carried out.
pub(super) struct SipAttempt {
    pub(super) order: Order,
    pub(super) invitation: Invitation,
    pub(super) desks: Arc<Desks>,
    pub(super) hints: Hints,
}

impl SipAttempt {
    /// Looks the peer up, takes an RTP port, and names everything.
    pub(super) async fn prepare(carrier: &SipCarrier, order: Order) -> Result<Self, Ending> {
        if let Some(registrar) = &carrier.registrar {
            registrar.admit().await?;
        }
        let station = carrier.station(order.call).clone();
        let mut targets = carrier.targets().await.map_err(|error| {
            tracing::warn!(%error, host = carrier.trunk.host, "the host of a SIP trunk has no address");
            failed("network")
        })?;
        let peer = targets.remove(0);
        if peer.is_ipv4() != carrier.settings.bind.is_ipv4() {
            tracing::warn!(%peer, bind = %carrier.settings.bind, "a SIP trunk has an address of another kind than ours; bind the other kind");
            return Err(failed("network"));
        }
        let local = station.seen_by(peer).map_err(|error| {
            tracing::warn!(%error, %peer, "no way to the peer of a SIP trunk");
            failed("network")
        })?;
        let rtp =
            RtpSocket::bind(carrier.settings.bind, carrier.settings.rtp_range()).await.map_err(|error| {
                tracing::warn!(%error, "no RTP port free");
                Ending::NoRoom { retry_after: NO_PORT_WAIT, reason: Cow::Borrowed("no_rtp_port"), code: None }
            })?;
        // What is said of us to one must be true for the other.
        targets.retain(|other| station.seen_by(*other).is_ok_and(|seen| seen == local));
        let invitation = Invitation {
            spare_targets: targets,
            leg: first_leg(carrier, &order, local, peer),
            rtp_seen: SocketAddr::new(local.ip(), rtp.local_addr().port()),
            rtp,
            // RFC 4566 §5.2 wants a number; half of it leaves room for the versions that count up from it.
            sdp_session: order.call.uuid().as_u64_pair().1 >> 2,
            credentials: carrier.credentials(),
            rules: carrier.trunk.outcomes.clone(),
            session_timer: Wanted::new(carrier.trunk.session_expires),
            ring_timeout: order.ring_timeout,
            headers: Vec::new(),
            guard: None,
            station,
        };
        Ok(Self { order, invitation, desks: carrier.desks.clone(), hints: carrier.hints.clone() })
    }

    async fn run(self, progress: UnboundedSender<Progress>, hangup: CancellationToken) -> Ending {
        // The place outlives the answer, so that a BYE right behind the ACK finds its call.
        let (_place, requests) = self.invitation.station.enter(&self.invitation.leg.call_id);
        match invite::place(&self.invitation, &progress, &hangup).await {
            Answer::Over(ending) => ending,
            Answer::Live { leg, remote, terms } => {
                live::follow(self, *leg, (remote, terms), requests, progress, hangup).await
            }
        }
    }
}

fn first_leg(carrier: &SipCarrier, order: &Order, local: SocketAddr, peer: SocketAddr) -> Leg {
    let trunk = &carrier.trunk;
    let (call_id, from_tag) = leg::names(order.call, rand::random());
    let host = domain(trunk);
    let caller = order.from.as_deref().or(trunk.username.as_deref()).unwrap_or("anonymous");
    let scheme = scheme(trunk);
    let uri = format!("{scheme}:+{}@{host}", order.to.digits());
    Leg {
        branch: leg::branch(&call_id, 1),
        call_id,
        from_tag,
        cseq: 1,
        from: leg::address(scheme, caller, &host),
        to: format!("<{uri}>"),
        uri: leg::by_transport(uri, trunk.transport),
        local,
        peer,
        transport: trunk.transport,
        dialog: None,
    }
}

/// The host part of the URIs of a trunk, with its port where that is not the usual one.
pub(super) fn domain(trunk: &SipTrunk) -> String {
    let literal =
        if trunk.host.parse::<Ipv6Addr>().is_ok() { format!("[{}]", trunk.host) } else { trunk.host.clone() };
    match &trunk.domain {
        Some(domain) => domain.clone(),
        None => match trunk.port.filter(|port| *port != trunk.transport.usual_port()) {
            None => literal,
            Some(port) => format!("{literal}:{port}"),
        },
    }
}

/// What its URIs begin with.
pub(super) fn scheme(trunk: &SipTrunk) -> &'static str {
    if trunk.sips { "sips" } else { "sip" }
}

#[async_trait]
impl Attempt for SipAttempt {
    fn resume(&self) -> Value {
        keep(&self.invitation.leg)
    }

    fn show(&mut self, caller_id: String) {
        self.invitation.leg.show(&caller_id);
        self.order.from = Some(caller_id);
    }

    async fn place(
        self: Box<Self>,
        progress: UnboundedSender<Progress>,
        hangup: CancellationToken,
    ) -> Ending {
        placed_in_a_task(hangup, |wanted| self.run(progress, wanted)).await
    }
}
