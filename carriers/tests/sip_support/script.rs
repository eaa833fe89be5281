//! A peer that is told what to say, message by message: for what sipp cannot do.

use std::net::SocketAddr;

use ringfleet_core::trunk::SipTrunk;
use tokio::{net::UdpSocket, time::timeout};

use super::PATIENCE;

/// Audio that nobody listens to.
pub const SDP: &str =
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n";

/// A message and where it came from.
pub type Heard = (String, SocketAddr);

pub struct Script {
    pub socket: UdpSocket,
    /// Every request so far.
    pub heard: Vec<String>,
}

impl Script {
    pub async fn new() -> (Self, SipTrunk) {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let trunk = serde_json::from_value(serde_json::json!({
            "host": "127.0.0.1", "port": socket.local_addr().unwrap().port(), "username": "joe", "password": "secret",
        }));
        (Self { socket, heard: Vec::new() }, trunk.unwrap())
    }

    /// The next message that begins so; others before it are kept in `heard`.
    pub async fn expect(&mut self, start: &str) -> Heard {
        loop {
            let mut bytes = [0; 4000];
            let received = timeout(PATIENCE, self.socket.recv_from(&mut bytes)).await;
            let (count, from) = received.unwrap_or_else(|_| panic!("no {start}")).unwrap();
            let message = String::from_utf8(bytes[..count].to_vec()).unwrap();
            self.heard.push(message.clone());
            if message.starts_with(&format!("{start} ")) {
                return (message, from);
            }
        }
    }

    /// Answers `request` as the callee with this tag.
    pub async fn say(&self, request: &Heard, status: &str, tag: &str, body: &str) {
        let contact = format!("Contact: <sip:{tag}@{}>\r\n", self.socket.local_addr().unwrap());
        self.say_with(request, status, tag, &contact, body).await;
    }

    /// The same with headers of one's own choice, each with its line end.
    pub async fn say_with(&self, (request, to): &Heard, status: &str, tag: &str, headers: &str, body: &str) {
        let reply = reply(request, status, tag, headers, body);
        self.socket.send_to(reply.as_bytes(), to).await.unwrap();
    }

    /// Asks something within the call that `invite` began, as the callee with this tag.
    pub async fn ask(&self, invite: &Heard, method: &str, cseq: u32, tag: &str, body: &str) {
        self.ask_with(invite, method, cseq, tag, "", body).await;
    }

    /// The same with more headers, each with its line end.
    pub async fn ask_with(
        &self,
        invite: &Heard,
        method: &str,
        cseq: u32,
        tag: &str,
        headers: &str,
        body: &str,
    ) {
        let here = self.socket.local_addr().unwrap();
        let (call, to) = invite;
        let of = |name| header(call, name);
        let (from, target, id) = (of("To"), of("From"), of("Call-ID"));
        let kind = content_type(body);
        let text = format!(
            "{method} sip:x SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bK{method}{cseq};rport\r\n\
             From: {from};tag={tag}\r\nTo: {target}\r\nCall-ID: {id}\r\nCSeq: {cseq} {method}\r\n\
             Contact: <sip:{tag}@{here}>\r\nMax-Forwards: 70\r\n{headers}{kind}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.socket.send_to(text.as_bytes(), to).await.unwrap();
    }
}

/// The response to `request`; `extra` are whole header lines.
pub fn reply(request: &str, status: &str, tag: &str, extra: &str, body: &str) -> String {
    let copied = ["Via:", "From:", "To:", "Call-ID:", "CSeq:"];
    let headers = request.lines().filter(|line| copied.iter().any(|name| line.starts_with(name)));
    let headers: String = headers
        .map(|line| match line.starts_with("To:") && !line.contains(";tag=") {
            true => format!("{line};tag={tag}\r\n"),
            false => format!("{line}\r\n"),
        })
        .collect();
    let kind = content_type(body);
    format!("SIP/2.0 {status}\r\n{headers}{extra}{kind}Content-Length: {}\r\n\r\n{body}", body.len())
}

fn content_type(body: &str) -> &'static str {
    if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" }
}

/// The value of a header, written as here.
pub fn header<'a>(message: &'a str, name: &str) -> &'a str {
    message.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).unwrap_or_default()
}
