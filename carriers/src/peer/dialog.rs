//! The peer's side of a dialog: where and how its own requests go (RFC 3261 §12.1.1, §12.2.1.1).

use std::{fmt::Write, net::SocketAddr};

use super::{
    message::{address, literal_host, split_list},
    request::Request,
};

/// What a BYE of ours needs to know, all from the INVITE.
#[derive(Debug)]
pub(super) struct Dialog {
    call_id: String,
    /// Our end: the To of the INVITE with our tag.
    local: String,
    /// Their end: its From.
    remote: String,
    target: String,
    routes: Vec<String>,
    next_hop: SocketAddr,
}

impl Dialog {
    pub fn new(invite: &Request, tag: &str) -> Self {
        let contact = invite.message.header("contact").and_then(|list| split_list(list).first().copied());
        let contact = contact.map(|contact| address(contact).0);
        let routes: Vec<String> =
            invite.message.all("record-route").flat_map(split_list).map(str::to_owned).collect();
        let first = routes.first().map(|route| address(route).0).or(contact);
        // A name would have to be looked up; where the INVITE came from is as good.
        let next_hop =
            first.and_then(literal_host).filter(|hop| !hop.ip().is_unspecified()).unwrap_or(invite.source);
        // A caller without Contact breaks RFC 3261 §8.1.1.8; its From is the best guess.
        let target = contact.unwrap_or_else(|| address(&invite.from).0).to_owned();
        Self {
            call_id: invite.call_id.clone(),
            local: format!("{};tag={tag}", invite.to),
            remote: invite.from.clone(),
            target,
            routes,
            next_hop,
        }
    }

    /// A BYE and where it goes. `here` is our own address, `branch` names the transaction.
    pub fn bye(&self, here: SocketAddr, branch: &str) -> (Vec<u8>, SocketAddr) {
        let mut text = format!(
            "BYE {} SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch={branch};rport\r\nMax-Forwards: 70\r\n",
            self.target
        );
        for route in &self.routes {
            let _ = write!(text, "Route: {route}\r\n");
        }
        let _ = write!(
            text,
            "From: {}\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: 1 BYE\r\nContent-Length: 0\r\n\r\n",
            self.local, self.remote, self.call_id
        );
        (text.into_bytes(), self.next_hop)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::message::Message, *};

    fn bye(extra: &str) -> (String, String) {
        let text = format!(
            "INVITE sip:1@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKa\r\nFrom: <sip:me@h>;tag=1\r\n\
             To: <sip:1@h>\r\nCall-ID: c1\r\nCSeq: 3 INVITE\r\n{extra}\r\n"
        );
        let invite =
            Request::new(Message::parse(text.as_bytes()).unwrap(), "192.0.2.9:7000".parse().unwrap())
                .unwrap();
        let (bytes, to) = Dialog::new(&invite, "us").bye("192.0.2.1:5060".parse().unwrap(), "z9hG4bKb");
        (String::from_utf8(bytes).unwrap(), to.to_string())
    }

    #[test]
    fn a_bye_swaps_the_ends_and_goes_to_the_contact() {
        let (text, to) = bye("Contact: \"Me\" <sip:me@192.0.2.9:7070;transport=udp>;expires=60\r\n");
        assert_eq!(to, "192.0.2.9:7070");
        assert!(text.starts_with("BYE sip:me@192.0.2.9:7070;transport=udp SIP/2.0\r\n"), "{text}");
        assert!(text.contains("From: <sip:1@h>;tag=us\r\nTo: <sip:me@h>;tag=1\r\n"), "{text}");
    }

    #[test]
    fn recorded_routes_come_first_and_names_fall_back_to_the_source() {
        let routes =
            "Contact: <sip:me@host.example>\r\nRecord-Route: <sip:192.0.2.5;lr>, <sip:192.0.2.6;lr>\r\n";
        let (text, to) = bye(routes);
        assert_eq!(to, "192.0.2.5:5060");
        assert!(text.contains("Route: <sip:192.0.2.5;lr>\r\nRoute: <sip:192.0.2.6;lr>\r\n"), "{text}");
        assert_eq!(bye("Contact: <sip:me@host.example>\r\n").1, "192.0.2.9:7000");
        assert_eq!(bye("").1, "192.0.2.9:7000");
    }
}
