//! Calls that are handed over to a telephone: a second call of ours, and audio and keys to and fro between the two.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod sip_support;

use std::{path::Path, sync::Arc, time::Duration};

use ringfleet_carriers::{
    AgentAt, Carrier, Connector, Handover, Order, Progress, Script, SipCarrier,
    media::{Heard, Meter, read_wav},
    peer::{CallRecord, Peer, PeerSettings},
};
use ringfleet_core::{E164, EndedBy, SystemClock, net::Guard, trunk::SipTrunk};
use sip_support::{
    PATIENCE, carrier, order, place, place_until,
    script::{SDP, Script as Telephone, header},
    settings, until,
};
use tokio::{
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

/// One end of a conversation: callees and agents are peers of the same kind.
struct End {
    peer: Peer,
    records: UnboundedReceiver<CallRecord>,
}

impl End {
    async fn new(press: &str, meter: Option<Arc<Meter>>) -> Self {
        let (sink, records) = unbounded_channel();
        let settings = PeerSettings {
            listen: "127.0.0.1:0".parse().unwrap(),
            ring: Duration::from_millis(50),
            talk: Duration::from_secs(3),
            auth: None,
            press: press.into(),
            rtp_ports: 40_000..=49_998,
        };
        let clock = Arc::new(SystemClock);
        let peer = match meter {
            Some(meter) => Peer::measuring(settings, clock, sink, meter).await,
            None => Peer::start(settings, clock, sink).await,
        };
        Self { peer: peer.unwrap(), records }
    }

    fn port(&self) -> u16 {
        self.peer.local_addr().port()
    }

    fn trunk(&self) -> SipTrunk {
        serde_json::from_value(serde_json::json!({"host": "127.0.0.1", "port": self.port()})).unwrap()
    }

    async fn record(&mut self) -> CallRecord {
        timeout(PATIENCE, self.records.recv()).await.unwrap().unwrap()
    }
}

fn inside() -> Guard {
    Guard::allowing(vec!["127.0.0.0/8".parse().unwrap()])
}

/// A trunk whose calls may be handed over to this machine.
fn open(trunk: SipTrunk) -> SipCarrier {
    carrier(trunk).with_guard(inside())
}

/// A call to the callee of this number, handed over to `user` after a short greeting.
fn handed_over(number: &str, user: &str, port: u16) -> Order {
    let url = format!("sip:{user}@127.0.0.1:{port}");
    let rules = serde_json::json!({
        "connect": {"kind": "sip", "url": url}, "keypad": {"9": {"action": "suppress"}},
    });
    let handover = Handover {
        at: AgentAt::Telephone(url.parse().unwrap()),
        parameters: [("campaignId".to_owned(), "cmp_1".to_owned())].into(),
        call: "ses_1".into(),
        account: "org_1".into(),
        connector: Arc::new(Connector::new(inside())),
    };
    let rules = serde_json::from_value(rules).unwrap();
    let script = Arc::new(Script { rules, handover: Some(handover), machine_message: None });
    Order { to: E164::parse_loose(number).unwrap(), script, ..order() }
}

const STAYS: &str = "+919876543215";
const HANGS_UP: &str = "+919876543211";

#[tokio::test]
async fn who_hangs_up_ends_the_other_call_too_and_keys_travel() {
    let (mut callee, mut agent) = (End::new("12", None).await, End::new("34", None).await);
    let carrier = open(callee.trunk());
    // The callee goes after three seconds; then the agent does.
    for (number, user, ended) in [
        (HANGS_UP, "205", ("ANSWERED", "hangup", Some(200), "callee")),
        (STAYS, "201", ("ANSWERED", "completed", Some(200), "caller")),
    ] {
        let told = place(&carrier, handed_over(number, user, agent.port())).await;
        assert_eq!(told.over(), ended);
        let (of_callee, of_agent) = (callee.record().await, agent.record().await);
        assert!(of_callee.answered && of_agent.answered);
        let by_callee = ended.3 == "callee";
        assert_eq!(of_callee.ended_by == EndedBy::Callee, by_callee);
        assert_eq!(of_agent.ended_by == EndedBy::Callee, !by_callee);
        assert_eq!((of_agent.from.as_str(), of_agent.to.as_str()), (number, user));
        assert!(of_agent.rtp_in > 50 && of_agent.rtp_out > 50, "{of_agent:?}");
        assert!(of_callee.digits.ends_with('4'), "{:?}", of_callee.digits);
        assert!(of_agent.digits.ends_with('2'), "{:?}", of_agent.digits);
        assert!(
            told.progress.iter().any(|news| matches!(news, Progress::Heard(heard) if heard.digits == "12"))
        );
    }
}
