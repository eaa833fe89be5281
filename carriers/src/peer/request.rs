//! A request that can be answered: its parts that matter, and the responses to it (RFC 3261 §8.2.6).

use std::{
    fmt::Write,
    net::{IpAddr, SocketAddr},
};

use super::message::{self, Message, Start};

/// Methods we carry out; the Allow header.
pub(super) const ALLOW: &str = "INVITE, ACK, CANCEL, BYE, OPTIONS";

/// Names a server transaction (RFC 3261 §17.2.3). An ACK to a refusal has the key of its INVITE.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct TransactionKey {
    branch: String,
    method: String,
}

/// A request with all it needs to be answered.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub method: String,
    pub uri: String,
    pub from: String,
    pub to: String,
    pub call_id: String,
    pub sequence: u32,
    pub message: Message,
    /// Where it came from.
    pub source: SocketAddr,
    vias: Vec<String>,
    branch: String,
    reply_to: SocketAddr,
}

impl Request {
    /// Takes the parts out of a message. `None` if it lacks what an answer needs; such a request cannot be answered.
    pub fn new(message: Message, source: SocketAddr) -> Option<Self> {
        let Start::Request { method, uri } = &message.start else { return None };
        let (method, uri) = (method.clone(), uri.clone());
        let one = |name| message.header(name).map(str::to_owned);
        let (from, to, call_id, cseq) = (one("from")?, one("to")?, one("call-id")?, one("cseq")?);
        let (sequence, cseq_method) = cseq.split_once([' ', '\t'])?;
        let sequence = sequence.parse().ok()?;
        if cseq_method.trim() != method {
            return None;
        }
        let mut vias: Vec<String> =
            message.all("via").flat_map(message::split_list).map(str::to_owned).collect();
        let top = Via::parse(vias.first()?)?;
        let branch = match top.branch.strip_prefix("z9hG4bK") {
            Some(_) => format!("{} {}", top.branch, top.sent_by),
            // A peer older than RFC 3261: its requests are told apart by more (§17.2.3).
            None => format!("{call_id} {sequence} {from} {}", vias[0]),
        };
        let reply_to = top.reply_to(source);
        vias[0] = top.stamped(source);
        Some(Self { method, uri, from, to, call_id, sequence, source, vias, branch, reply_to, message })
    }

    /// The key of its transaction.
    pub fn key(&self) -> TransactionKey {
        let method = if self.method == "ACK" { "INVITE" } else { &self.method };
        TransactionKey { branch: self.branch.clone(), method: method.to_owned() }
    }

    /// The key of the INVITE that this CANCEL is about (§9.2).
    pub fn cancelled_key(&self) -> TransactionKey {
        TransactionKey { branch: self.branch.clone(), method: "INVITE".to_owned() }
    }

    /// The tag that says which dialog it belongs to, if any.
    pub fn to_tag(&self) -> Option<&str> {
        message::param(message::address(&self.to).1, "tag")
    }

    /// Number or name that is called.
    pub fn callee(&self) -> &str {
        message::user(&self.uri)
    }

    /// Number or name that calls.
    pub fn caller(&self) -> &str {
        message::user(message::address(&self.from).0)
    }

    /// Where responses go (§18.2.2, RFC 3581 §4).
    pub fn reply_to(&self) -> SocketAddr {
        self.reply_to
    }

    /// Begins a response. `tag` is our To tag, added where the request has none.
    pub fn response(&self, code: u16, reason: &str, tag: &str) -> Response {
        let mut text = format!("SIP/2.0 {code} {reason}\r\n");
        // Writing to a String cannot fail.
        for via in &self.vias {
            let _ = write!(text, "Via: {via}\r\n");
        }
        let _ = write!(text, "From: {}\r\nTo: {}", self.from, self.to);
        if self.to_tag().is_none() {
            let _ = write!(text, ";tag={tag}");
        }
        let _ = write!(text, "\r\nCall-ID: {}\r\nCSeq: {} {}\r\n", self.call_id, self.sequence, self.method);
        Response(text)
    }
}

/// A response in the making.
pub(super) struct Response(String);

impl Response {
    /// Adds a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let _ = write!(self.0, "{name}: {value}\r\n");
        self
    }

    /// The response without a body.
    pub fn bytes(self) -> Vec<u8> {
        self.header("Content-Length", "0").end(&[])
    }

    /// The response with a session description.
    pub fn with_sdp(self, sdp: &[u8]) -> Vec<u8> {
        self.header("Content-Type", "application/sdp")
            .header("Content-Length", &sdp.len().to_string())
            .end(sdp)
    }

    fn end(self, body: &[u8]) -> Vec<u8> {
        let mut bytes = (self.0 + "\r\n").into_bytes();
        bytes.extend_from_slice(body);
        bytes
    }
}

/// The top Via: who sent the request over the last hop.
struct Via<'a> {
    whole: &'a str,
    sent_by: &'a str,
    branch: &'a str,
    rport: bool,
}

impl<'a> Via<'a> {
    fn parse(whole: &'a str) -> Option<Self> {
        let (protocol, rest) = whole.split_once([' ', '\t'])?;
        if !protocol.to_ascii_uppercase().starts_with("SIP/2.0/") {
            return None;
        }
        let (sent_by, params) = rest.split_once(';').unwrap_or((rest, ""));
        let branch = message::param(params, "branch").unwrap_or_default();
        Some(Self {
            whole,
            sent_by: sent_by.trim(),
            branch,
            rport: message::param(params, "rport").is_some(),
        })
    }

    fn reply_to(&self, source: SocketAddr) -> SocketAddr {
        if self.rport {
            return source;
        }
        let port = self.sent_by.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).unwrap_or(5060);
        SocketAddr::new(source.ip(), port)
    }

    /// With `received` and the value of `rport`, where they are due.
    fn stamped(&self, source: SocketAddr) -> String {
        let sent_by_ip: Option<IpAddr> = message::host_port(self.sent_by).map(|addr| addr.ip());
        let mut via = String::with_capacity(self.whole.len() + 40);
        for (n, part) in self.whole.split(';').enumerate() {
            let name = part.split('=').next().unwrap_or_default().trim();
            if n > 0 && (name.eq_ignore_ascii_case("rport") || name.eq_ignore_ascii_case("received")) {
                continue;
            }
            let _ = write!(via, "{}{}", if n > 0 { ";" } else { "" }, part.trim());
        }
        if self.rport {
            let _ = write!(via, ";rport={}", source.port());
        }
        if self.rport || sent_by_ip != Some(source.ip()) {
            let _ = write!(via, ";received={}", source.ip());
        }
        via
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn request(via: &str, method: &str) -> Option<Request> {
        let text = format!(
            "{method} sip:+4930123407@h SIP/2.0\r\nVia: {via}\r\nVia: SIP/2.0/UDP far;branch=z9hG4bKf\r\n\
             From: <sip:me@h>;tag=1\r\nTo: <sip:+4930123407@h>\r\nCall-ID: c1\r\nCSeq: 3 {method}\r\n\r\n"
        );
        Request::new(Message::parse(text.as_bytes())?, "192.0.2.9:7000".parse().unwrap())
    }

    #[test]
    fn a_response_carries_all_vias_and_our_tag() {
        let invite = request("SIP/2.0/UDP 10.0.0.1:5062;rport;branch=z9hG4bKa", "INVITE").unwrap();
        let text = String::from_utf8(invite.response(486, "Busy Here", "us").bytes()).unwrap();
        let expected = "SIP/2.0 486 Busy Here\r\n\
            Via: SIP/2.0/UDP 10.0.0.1:5062;branch=z9hG4bKa;rport=7000;received=192.0.2.9\r\n\
            Via: SIP/2.0/UDP far;branch=z9hG4bKf\r\nFrom: <sip:me@h>;tag=1\r\nTo: <sip:+4930123407@h>;tag=us\r\n\
            Call-ID: c1\r\nCSeq: 3 INVITE\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(text, expected);
        assert_eq!((invite.callee(), invite.caller()), ("+4930123407", "me"));
    }

    #[test]
    fn responses_go_where_the_via_says() {
        let to = |via| request(via, "OPTIONS").unwrap().reply_to().to_string();
        assert_eq!(to("SIP/2.0/UDP 10.0.0.1:5062;rport;branch=z9hG4bKa"), "192.0.2.9:7000");
        assert_eq!(to("SIP/2.0/UDP 10.0.0.1:5062;branch=z9hG4bKa"), "192.0.2.9:5062");
        assert_eq!(to("SIP/2.0/UDP host.example;branch=z9hG4bKa"), "192.0.2.9:5060");
    }

    #[test]
    fn ack_and_cancel_find_their_invite() {
        let via = "SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKa";
        let invite = request(via, "INVITE").unwrap().key();
        assert_eq!(request(via, "ACK").unwrap().key(), invite);
        let cancel = request(via, "CANCEL").unwrap();
        assert_eq!(cancel.cancelled_key(), invite);
        assert_ne!(cancel.key(), invite);
        assert_ne!(request("SIP/2.0/UDP 10.0.0.2;branch=z9hG4bKa", "INVITE").unwrap().key(), invite);
    }

    #[test]
    fn a_request_that_cannot_be_answered_is_none() {
        assert!(request("nonsense", "INVITE").is_none());
        let text = "INVITE sip:a@h SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nFrom: a\r\nTo: b\r\nCall-ID: c\r\nCSeq: 1 BYE\r\n\r\n";
        let message = Message::parse(text.as_bytes()).unwrap();
        assert!(Request::new(message, "192.0.2.9:7000".parse().unwrap()).is_none(), "CSeq of another method");
    }

    proptest! {
        /// Whatever a request says, answering it neither fails nor adds lines of the caller's making.
        #[test]
        fn any_request_can_be_answered(via in "(SIP/2.0/UDP )?[ -~]{0,40}", from in "[ -~]{1,30}", to in "[ -~]{1,30}", uri in "[!-~]{1,20}") {
            let text = format!(
                "INVITE {uri} SIP/2.0\r\nVia: {via}\r\nFrom: {from}\r\nTo: {to}\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n\r\n"
            );
            let source = "192.0.2.9:7000".parse().unwrap();
            if let Some(request) = Message::parse(text.as_bytes()).and_then(|message| Request::new(message, source)) {
                let response = request.response(486, "Busy Here", "us").bytes();
                let back = Message::parse(&response).unwrap();
                prop_assert_eq!(back.start, Start::Response { code: 486 });
                let _ = (request.callee(), request.caller(), request.key());
            }
        }
    }
}
