//! A name server for one test (RFC 1035): it knows what it is told, denies the rest, and remembers what it was asked.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
};

use tokio::{net::UdpSocket, task::JoinHandle};

const A: u16 = 1;
const SRV: u16 = 33;

/// Answers by question: record type and name.
type Zone = BTreeMap<(u16, String), Vec<Vec<u8>>>;

#[derive(Default)]
pub struct Names(Zone);

impl Names {
    pub fn host(mut self, name: &str, ip: Ipv4Addr) -> Self {
        self.0.entry((A, name.to_owned())).or_default().push(ip.octets().to_vec());
        self
    }

    /// `record`: priority, weight, port, target (RFC 2782).
    pub fn srv(mut self, name: &str, (priority, weight, port, target): (u16, u16, u16, &str)) -> Self {
        let mut data: Vec<u8> =
            [priority, weight, port].iter().flat_map(|number| number.to_be_bytes()).collect();
        for label in target.split('.').filter(|label| !label.is_empty()) {
            data.push(label.len() as u8);
            data.extend_from_slice(label.as_bytes());
        }
        data.push(0);
        self.0.entry((SRV, name.to_owned())).or_default().push(data);
        self
    }

    pub async fn serve(self) -> NameServer {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let heard = asked.clone();
        let task = tokio::spawn(async move {
            let mut bytes = [0; 1500];
            while let Ok((count, from)) = socket.recv_from(&mut bytes).await {
                let (kind, name, end) = question(&bytes[..count]);
                heard.lock().unwrap().push(name.clone());
                let records = self.0.get(&(kind, name.clone())).cloned().unwrap_or_default();
                let known = self.0.keys().any(|(_, other)| *other == name);
                socket.send_to(&answer(&bytes[..end], kind, known, &records), from).await.unwrap();
            }
        });
        NameServer { address, asked, task }
    }
}

pub struct NameServer {
    pub address: SocketAddr,
    pub asked: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Type and name that are asked for, and where the question ends.
fn question(message: &[u8]) -> (u16, String, usize) {
    let (mut at, mut labels) = (12, Vec::new());
    while message[at] != 0 {
        let end = at + 1 + message[at] as usize;
        labels.push(String::from_utf8_lossy(&message[at + 1..end]).to_ascii_lowercase());
        at = end;
    }
    (u16::from_be_bytes([message[at + 1], message[at + 2]]), labels.join("."), at + 5)
}

fn answer(question: &[u8], kind: u16, known: bool, records: &[Vec<u8>]) -> Vec<u8> {
    let mut message = question.to_vec();
    message[2] = 0x85; // a response with authority; recursion was wanted
    message[3] = if known { 0x80 } else { 0x83 }; // no error, or no such name
    message[6..8].copy_from_slice(&(records.len() as u16).to_be_bytes());
    message[8..12].fill(0);
    for record in records {
        message.extend_from_slice(&[0xc0, 12]); // the name in the question
        message.extend_from_slice(&kind.to_be_bytes());
        message.extend_from_slice(&[0, 1, 0, 0, 0, 60]); // IN, a minute
        message.extend_from_slice(&(record.len() as u16).to_be_bytes());
        message.extend_from_slice(record);
    }
    message
}
