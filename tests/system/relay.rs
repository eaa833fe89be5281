//! A SIP trunk that can be put into trouble: passes datagrams to a carrier behind it, and on demand loses or refuses what is asked
//! anew, as a trunk does whose far end is away, or has changed the password.

use std::{
    collections::{BTreeMap, HashMap, hash_map::Entry},
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use parking_lot::Mutex;
use tokio::{net::UdpSocket, task::JoinHandle};

/// What it does with INVITE and OPTIONS; everything else always passes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Pass,
    /// Nobody says anything.
    Silent,
    /// INVITEs are refused with 401 whoever asks; OPTIONS pass.
    Unauthorized,
}

pub struct Relay {
    pub addr: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    front: UdpSocket,
    carrier: SocketAddr,
    mode: Mutex<Mode>,
    /// Requests that came, each once, by method.
    came: Mutex<BTreeMap<String, Vec<String>>>,
}

impl Relay {
    pub async fn start(carrier: SocketAddr) -> Self {
        let front = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port is free");
        let addr = front.local_addr().expect("it is bound");
        let (mode, came) = (Mutex::new(Mode::Pass), Mutex::default());
        let shared = Arc::new(Shared { front, carrier, mode, came });
        Self { addr, task: tokio::spawn(pass(shared.clone())), shared }
    }

    pub fn turn(&self, mode: Mode) {
        *self.shared.mode.lock() = mode;
    }

    /// How many different requests of this method have come, whatever became of them.
    pub fn came(&self, method: &str) -> usize {
        self.shared.came.lock().get(method).map_or(0, Vec::len)
    }
}

impl Shared {
    fn note(&self, method: &str, branch: String) {
        let mut came = self.came.lock();
        let seen = came.entry(method.to_owned()).or_default();
        if !seen.contains(&branch) {
            seen.push(branch);
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Each client has a socket of its own towards the carrier, so that answers find back.
async fn pass(shared: Arc<Shared>) {
    let mut ways: HashMap<SocketAddr, Arc<UdpSocket>> = HashMap::new();
    let mut datagram = vec![0; 65_535];
    loop {
        let Ok((length, client)) = shared.front.recv_from(&mut datagram).await else { continue };
        let text = String::from_utf8_lossy(&datagram[..length]).into_owned();
        let method = text.split(' ').next().unwrap_or_default().to_owned();
        let branch = header(&text, "Via").unwrap_or_default().to_owned();
        shared.note(&method, branch);
        let mode = *shared.mode.lock();
        match (method.as_str(), mode) {
            ("INVITE" | "OPTIONS", Mode::Silent) => continue,
            ("INVITE", Mode::Unauthorized) => {
                let _ = shared.front.send_to(refusal(&text).as_bytes(), client).await;
                continue;
            }
            _ => {}
        }
        if let Entry::Vacant(new) = ways.entry(client) {
            let way = Arc::new(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port is free"));
            tokio::spawn(pass_back(shared.clone(), way.clone(), client));
            new.insert(way);
        }
        let _ = ways[&client].send_to(&datagram[..length], shared.carrier).await;
    }
}

async fn pass_back(shared: Arc<Shared>, way: Arc<UdpSocket>, client: SocketAddr) {
    let mut datagram = vec![0; 65_535];
    while let Ok((length, _)) = way.recv_from(&mut datagram).await {
        let _ = shared.front.send_to(&datagram[..length], client).await;
    }
}

fn refusal(request: &str) -> String {
    let echoed = |name: &str| format!("{name}: {}\r\n", header(request, name).unwrap_or_default());
    let echoes: String = ["Via", "From", "Call-ID", "CSeq"].map(echoed).concat();
    let to = header(request, "To").unwrap_or_default();
    let challenge = "WWW-Authenticate: Digest realm=\"relay\", nonce=\"1\"";
    format!(
        "SIP/2.0 401 Unauthorized\r\n{echoes}To: {to};tag=relay\r\n{challenge}\r\nContent-Length: 0\r\n\r\n"
    )
}

fn header<'a>(message: &'a str, name: &str) -> Option<&'a str> {
    let lines = message.lines().take_while(|line| !line.is_empty());
    lines.filter_map(|line| line.split_once(':')).find(|(key, _)| *key == name).map(|(_, value)| value.trim())
}
