//! A real proxy between the carrier and the trial peer: Kamailio, with what trunks of that make ask for. Needs `kamailio` and
//! `kamailio-tls-modules`; without them it says that it did nothing.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod sip_support;

use std::{
    io::Write,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use ringfleet_carriers::{
    Carrier, Order, SipCarrier,
    peer::{Peer, PeerSettings},
};
use ringfleet_core::{E164, Ending, SystemClock, trunk::SipTrunk};
use sip_support::{carrier, free_port, is_taken, order, place, tls::Authority, until};
use tokio::sync::mpsc::unbounded_channel;

struct Kamailio {
    child: Child,
    port: u16,
    authority: String,
    folder: tempfile::TempDir,
}

impl Kamailio {
    /// In front of the peer at this port. `None`: it is not installed.
    async fn start(peer: u16) -> Option<Self> {
        let installed = Command::new("kamailio").arg("-v").stdout(Stdio::null()).status().is_ok();
        if !installed {
            // Not by a macro, whose words the test harness would keep to itself.
            let words =
                b"SKIPPED, NOTHING WAS TESTED: install the packages kamailio and kamailio-tls-modules\n";
            std::io::stderr().write_all(words).unwrap();
            return None;
        }
        let authority = Authority::new();
        let (certificate, key) = authority.sign(&["localhost"], |_| {});
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let (udp, port) = (free_port("udp"), free_port("tcp"));
        let config = include_str!("kamailio.cfg")
            .replace("@UDP@", &udp.to_string())
            .replace("@TLS@", &port.to_string())
            .replace("@PEER@", &peer.to_string())
            .replace("@KEY@", &file("key.pem", &key.serialize_pem()))
            .replace("@CERTIFICATE@", &file("certificate.pem", &certificate.pem()));
        let config = file("kamailio.cfg", &config);
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let child = Command::new("kamailio")
            .args(["-DD", "-E", "-m", "32", "-M", "8", "-f", &config, "-Y"])
            .arg(folder.path())
            .arg("-w")
            .arg(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut kamailio = Self { child, port, authority: authority.pem, folder };
        until("kamailio listens", || {
            assert!(kamailio.child.try_wait().unwrap().is_none(), "kamailio stopped: {}", kamailio.log());
            is_taken("tcp", port)
        })
        .await;
        Some(kamailio)
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    fn trunk(&self, password: &str) -> SipTrunk {
        serde_json::from_value(serde_json::json!({
            "host": "localhost", "port": self.port, "transport": "tls", "caCertificate": self.authority,
            "domain": "trunk.test", "username": "joe", "password": password, "register": true, "sessionExpires": 1800,
        }))
        .unwrap()
    }
}

impl Drop for Kamailio {
    fn drop(&mut self) {
        // It ends its children when it is asked to end, and could not if it were killed.
        let _ = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        let _ = self.child.wait();
    }
}

fn to(number: &str, stays: bool) -> Order {
    Order { to: E164::parse_loose(number).unwrap(), hang_up_after_greeting: !stays, ..order() }
}

/// Registered, challenged and routed by a proxy that stays in the way; either side hangs up; the cap of the trunk is a hold.
#[tokio::test]
async fn a_trunk_of_the_usual_make() {
    let (sink, mut records) = unbounded_channel();
    let settings = PeerSettings {
        listen: "127.0.0.1:0".parse().unwrap(),
        ring: Duration::from_millis(50),
        talk: Duration::from_secs(1),
        auth: None,
        press: String::new(),
        rtp_ports: 40_000..=49_998,
    };
    let peer = Peer::start(settings, Arc::new(SystemClock), sink).await.unwrap();
    let Some(kamailio) = Kamailio::start(peer.local_addr().port()).await else { return };
    let carrier = carrier(kamailio.trunk("secret"));
    assert_eq!(carrier.probe().await, Ok(()), "{}", kamailio.log());
    for (number, stays, expected) in [
        ("+919876543211", true, ("ANSWERED", "hangup", Some(200), "callee")),
        ("+919876543215", false, ("ANSWERED", "completed", Some(200), "caller")),
        ("+919876543217", false, ("REJECTED", "busy", Some(486), "callee")),
    ] {
        let told = place(&carrier, to(number, stays)).await;
        assert_eq!(told.over(), expected, "{number}: {}", kamailio.log());
        assert_eq!(records.recv().await.unwrap().to, number);
    }
    let mut rings = to("+919876543216", false);
    rings.ring_timeout = Duration::from_millis(300);
    assert_eq!(place(&carrier, rings).await.over(), ("UNANSWERED", "ring_timeout", Some(487), "caller"));
    assert_eq!(records.recv().await.unwrap().to, "+919876543216");

    // Three a second, across the border of two seconds at the most; the others are held, and go through when they come back.
    let orders: Vec<Order> = (0..12).map(|_| to("+919876543217", false)).collect();
    let told = futures::future::join_all(orders.iter().map(|order| place(&carrier, order.clone()))).await;
    let held: Vec<&Order> =
        orders.iter().zip(&told).filter(|(_, told)| is_hold(&told.ending)).map(|(order, _)| order).collect();
    let busy =
        told.iter().filter(|told| matches!(&told.ending, Ending::Over { code: Some(486), .. })).count();
    assert_eq!(held.len() + busy, 12, "{:?}", told.iter().map(|told| &told.ending).collect::<Vec<_>>());
    assert!(busy <= 6, "{busy} were let through");
    for _ in 0..busy {
        records.recv().await.unwrap();
    }
    assert!(records.try_recv().is_err(), "nobody else was called");
    let mut again = place(&carrier, held[0].clone()).await;
    while is_hold(&again.ending) {
        tokio::time::sleep(Duration::from_secs(1)).await; // as it says
        again = place(&carrier, held[0].clone()).await;
    }
    assert_eq!(again.over(), ("REJECTED", "busy", Some(486), "callee"));
    carrier.close().await;

    // Without a registration this trunk takes no call; the wrong password is found out before one is tried.
    let wrong = SipCarrier::open(kamailio.trunk("wrong"), sip_support::settings()).unwrap();
    let ending = wrong.prepare(order()).await.err().expect("no call goes out");
    assert!(matches!(ending, Ending::Over { ref reason, .. } if reason == "auth"), "{ending:?}");
    let unregistered = SipTrunk { register: false, ..kamailio.trunk("secret") };
    let told = place(&sip_support::carrier(unregistered), order()).await;
    assert_eq!(
        told.over(),
        ("FAILED", "forbidden", Some(403), "carrier"),
        "closing has taken the registration back"
    );
}

/// 503 with Retry-After: nothing was consumed, the call comes back.
fn is_hold(ending: &Ending) -> bool {
    let second = Duration::from_secs(1);
    matches!(ending, Ending::NoRoom { retry_after, code: Some(503), .. } if *retry_after == second)
}
