//! Agents that are telephones: a second call, to where the customer says, whose audio goes to and fro between it and the first.
//!
//! It has an endpoint of its own, over UDP, whatever the trunk speaks: everything that this sends goes only where the guard allows, be it
//! the INVITE, what follows the Contact of an answer, or audio.

use std::{collections::BTreeMap, convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};

use parking_lot::Mutex;
use ringfleet_core::{
    CallId, CampaignId, SipAddress, net::Guard, transfer::Destination, trunk::SipTransport,
};
use rsipstack::sip::{Expires, Header};
use serde_json::Value;
use tokio::{
    sync::mpsc::{UnboundedSender, unbounded_channel},
    task::JoinHandle,
    time::timeout,
};
use tokio_util::{
    sync::CancellationToken,
    task::{AbortOnDropHandle, TaskTracker},
};

use super::{
    SipSettings,
    hosts::Hosts,
    invite::{self, Answer, Invitation},
    leg::{self, Leg, keep},
    line::{Line, Over},
    refer::Referrer,
    station::Station,
    timer::Wanted,
};
use crate::{
    Order, Progress,
    conversation::{Ends, Gone, Switchboard, relay, ringing},
    media::{self, RtpSocket, Wires},
};

/// How long a telephone may ring. A person has to come to it, and the callee waits.
const RING: Duration = Duration::from_secs(30);
/// How often it is shown that the call goes on, and asked whether it does (RFC 4028), in seconds: half of this.
const SESSION: u32 = 90;
/// How long the end of a call waits for the end of its agent's. That one is ended all the same.
const GOODBYE: Duration = Duration::from_secs(5);
/// What is kept of the calls to telephones, beside what is kept of the call.
const KEPT: &str = "desk";

/// Calls the telephones that the calls of one trunk are handed over to.
pub(super) struct Desks {
    settings: SipSettings,
    guard: Arc<Guard>,
    hosts: Arc<Hosts>,
    /// Opened when it is first needed.
    station: Mutex<Option<Arc<Station>>>,
}

impl Desks {
    pub(super) fn new(settings: &SipSettings, guard: Guard) -> Arc<Self> {
        let guard = Arc::new(guard);
        let hosts = Hosts::guarded(settings, guard.clone());
        Arc::new(Self { settings: settings.clone(), guard, hosts, station: Mutex::default() })
    }

    pub(super) fn hosts(&self) -> &Arc<Hosts> {
        &self.hosts
    }

    /// The endpoint.
    ///
    /// # Errors
    /// When the system has no socket left.
    pub(super) fn station(&self) -> io::Result<Arc<Station>> {
        let mut station = self.station.lock();
        if let Some(station) = &*station {
            return Ok(station.clone());
        }
        let opened = Station::open(&self.settings, 0, SipTransport::Udp, &self.hosts, None)?;
        Ok(station.insert(opened).clone())
    }

    pub(super) fn close(&self) {
        if let Some(station) = self.station.lock().take() {
            station.close();
        }
    }

    /// The calls to telephones that were kept with a call.
    pub(super) fn kept(call: &Value) -> Vec<Leg> {
        let kept = match call.get(KEPT) {
            Some(Value::Array(legs)) => legs.as_slice(),
            Some(leg) => std::slice::from_ref(leg), // of a worker that knew of one only
            None => &[],
        };
        kept.iter().filter_map(|leg| serde_json::from_value(leg.clone()).ok()).collect()
    }

    async fn invitation(&self, call: &Desk, to: &SipAddress) -> io::Result<Invitation> {
        let mut targets = self.hosts.telephone(to).await?;
        let station = self.station()?;
        let peer = targets.remove(0);
        let local = station.seen_by(peer)?;
        let rtp = RtpSocket::bind(self.settings.bind, self.settings.rtp_range()).await?;
        targets.retain(|other| station.seen_by(*other).is_ok_and(|seen| seen == local));
        Ok(Invitation {
            leg: call.leg_to(to, local, peer),
            spare_targets: targets,
            station,
            rtp_seen: SocketAddr::new(local.ip(), rtp.local_addr().port()),
            rtp,
            sdp_session: u64::from(rand::random::<u32>()),
            credentials: None, // the trunk's are nobody else's business
            rules: BTreeMap::new(),
            session_timer: Wanted::new(Some(SESSION)),
            ring_timeout: RING,
            headers: call.headers(),
            guard: Some(self.guard.clone()),
        })
    }
}

/// What reaches telephones for one call: those of agents, and where it is handed on to.
pub(super) struct Desk {
    desks: Arc<Desks>,
    call: CallId,
    campaign: Option<CampaignId>,
    /// Whom the agent talks with, and so sees on the telephone.
    callee: String,
    /// The call itself.
    leg: Leg,
    /// What is kept of each call to a telephone; null of one that nobody answered.
    kept: Mutex<Vec<Value>>,
    referrer: Arc<Referrer>,
    progress: UnboundedSender<Progress>,
    calls: TaskTracker,
}

impl Switchboard for Desk {
    fn call(self: Arc<Self>, to: SipAddress, ends: Ends, over: CancellationToken) -> JoinHandle<Gone> {
        let desk = self.clone();
        self.calls.spawn(async move { desk.hand_over(&to, ends, over).await })
    }

    fn refer(self: Arc<Self>, to: Destination) -> AbortOnDropHandle<bool> {
        let referrer = self.referrer.clone();
        AbortOnDropHandle::new(tokio::spawn(async move { referrer.refer(&to).await }))
    }
}

impl Desk {
    pub(super) fn new(
        desks: Arc<Desks>,
        order: &Order,
        (leg, referrer): (Leg, Referrer),
        progress: UnboundedSender<Progress>,
    ) -> Arc<Self> {
        let callee = format!("+{}", order.to.digits());
        Arc::new(Self {
            desks,
            call: order.call,
            campaign: order.script.campaign,
            callee,
            leg,
            kept: Mutex::default(),
            referrer: Arc::new(referrer),
            progress,
            calls: TaskTracker::new(),
        })
    }

    /// What a telephone is told beside who is on the line: until when it may ring, and which call it is.
    fn headers(&self) -> Vec<Header> {
        let other = |name: &str, value: String| Header::Other(name.into(), value);
        let mut headers = vec![
            Header::Expires(Expires::new(RING.as_secs().to_string())),
            other("X-Ringfleet-Session", self.call.to_string()),
        ];
        headers.extend(self.campaign.map(|campaign| other("X-Ringfleet-Campaign", campaign.to_string())));
        headers
    }

    /// Waits for the end of what was begun, after all that was told to end.
    pub(super) async fn hung_up(&self) {
        self.calls.close();
        if timeout(GOODBYE, self.calls.wait()).await.is_err() {
            tracing::warn!(call = %self.call, "the telephone of an agent does not answer our goodbye");
        }
    }

    fn leg_to(&self, to: &SipAddress, local: SocketAddr, peer: SocketAddr) -> Leg {
        let (call_id, from_tag) = leg::names(self.call, rand::random());
        Leg {
            branch: leg::branch(&call_id, 1),
            call_id,
            from_tag,
            cseq: 1,
            from: leg::address("sip", &self.callee, &local.to_string()),
            to: format!("<{to}>"),
            uri: to.to_string(),
            local,
            peer,
            transport: SipTransport::Udp,
            dialog: None,
        }
    }

    async fn hand_over(&self, to: &SipAddress, mut ends: Ends, over: CancellationToken) -> Gone {
        if over.is_cancelled() {
            return Gone::Left;
        }
        let invitation = match self.desks.invitation(self, to).await {
            Ok(invitation) => invitation,
            Err(error) => return self.unreachable(to, &error.to_string()),
        };
        if over.is_cancelled() {
            return Gone::Left; // while it was looked up
        }
        // The place outlives the answer, so that a BYE right behind the ACK finds its call.
        let (_place, requests) = invitation.station.enter(&invitation.leg.call_id);
        let answer = tokio::select! {
            answer = self.ring(&invitation, &over) => answer,
            never = ringing(&mut ends) => match never {},
        };
        match answer {
            Answer::Over(_) if over.is_cancelled() => Gone::Left,
            Answer::Over(ending) => self.unreachable(to, &format!("{ending:?}")),
            Answer::Live { leg, remote, terms } => {
                let (line, rtp, remote) = Line::open(invitation, *leg, (remote, terms), requests);
                let (wires, lead) = Wires::new();
                let stop = CancellationToken::new();
                let audio = media::run(rtp, remote, Arc::default(), None, wires, stop.clone());
                let audio = tokio::spawn(audio);
                let gone = self.talk(line, relay(ends, lead), over).await;
                stop.cancel();
                let _ = audio.await; // one that has panicked has been reported
                gone
            }
        }
    }

    /// Places the call. What is to be kept of it is kept with the call itself; its INVITE says how long it may ring, so a telephone falls
    /// silent also where that is lost.
    async fn ring(&self, invitation: &Invitation, over: &CancellationToken) -> Answer {
        let mut place = 0;
        self.keep(|legs| {
            place = legs.len();
            legs.push(keep(&invitation.leg));
        });
        let again = |leg: Value| self.keep(|legs| legs[place] = leg);
        let (tell, mut told) = unbounded_channel();
        let placing = invite::place(invitation, &tell, over);
        tokio::pin!(placing);
        loop {
            tokio::select! {
                biased;
                Some(news) = told.recv() => if let Progress::Resume(leg) = news { again(leg) },
                answer = &mut placing => {
                    while let Ok(news) = told.try_recv() {
                        if let Progress::Resume(leg) = news { again(leg) }
                    }
                    if matches!(answer, Answer::Over(_)) {
                        again(Value::Null);
                    }
                    return answer;
                }
            }
        }
    }

    fn keep(&self, change: impl FnOnce(&mut Vec<Value>)) {
        let mut kept = self.kept.lock();
        change(&mut kept);
        let mut call = keep(&self.leg);
        call[KEPT] = kept.clone().into();
        let _ = self.progress.send(Progress::Resume(call)); // who no longer listens has given the call up
    }

    async fn talk(
        &self,
        mut line: Line,
        audio: impl Future<Output = Infallible>,
        over: CancellationToken,
    ) -> Gone {
        let gone = tokio::select! {
            biased;
            ended = line.stay() => match ended {
                Over::Hangup => return Gone::Left,
                Over::NoAck | Over::Expired => Gone::Lost,
            },
            () = over.cancelled() => Gone::Left,
            never = audio => match never {},
        };
        if gone == Gone::Lost {
            tracing::warn!(call = %self.call, "the telephone of an agent is lost in the middle of its call");
        }
        line.hang_up().await;
        gone
    }

    fn unreachable(&self, to: &SipAddress, error: &str) -> Gone {
        tracing::warn!(error, call = %self.call, host = to.host(), "the telephone of an agent cannot be reached");
        Gone::Unreachable
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_kept_of_telephones_is_read_in_both_forms() {
        let leg = json!({"call_id": "c", "from_tag": "t", "cseq": 1, "branch": "b", "uri": "sip:a@h", "from": "<sip:b@h>", "to": "<sip:a@h>",
            "local": "127.0.0.1:5060", "peer": "127.0.0.1:5061", "transport": "udp"});
        let kept = |desk: Value| Desks::kept(&json!({"desk": desk})).len();
        assert_eq!(kept(leg.clone()), 1, "as workers wrote it that knew of one");
        assert_eq!(kept(json!([leg, null, leg])), 2, "what nobody answered is gone");
        assert_eq!(Desks::kept(&json!({})).len(), 0);
    }
}
