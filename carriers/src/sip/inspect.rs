//! Mends what peers send before the stack reads it, and marks what the stack makes up itself.

use rsipstack::{
    sip::{Contact, Header, HeadersExt, Method, Response, SipMessage, StatusCodeKind},
    transaction::endpoint::MessageInspector,
    transport::SipAddr,
};

/// Header that marks a response as the stack's own: its Timer B looks like a 408, a broken stream like a 503.
const LOCAL_MARK: &str = "X-Ringfleet-Local";

pub(super) struct Inspector;

impl MessageInspector for Inspector {
    fn before_send(&self, message: SipMessage, _: Option<&SipAddr>) -> SipMessage {
        message
    }

    fn after_received(&self, mut message: SipMessage, from: Option<&SipAddr>) -> SipMessage {
        if let SipMessage::Response(response) = &mut message {
            match from {
                None => response.headers.push(Header::Other(LOCAL_MARK.into(), "1".into())),
                Some(from) => {
                    response.headers.retain(|header| !is_mark(header));
                    add_missing_contact(response, from);
                }
            }
        }
        message
    }
}

/// The stack builds the ACK of a 2xx from its Contact and gives up without one (RFC 3261 §12.1.1 demands it, some
/// border controllers forget it). The packet's source is where the callee's side was heard, so aim there.
fn add_missing_contact(response: &mut Response, from: &SipAddr) {
    let to_invite =
        response.cseq_header().and_then(|cseq| cseq.method()).is_ok_and(|method| method == Method::Invite);
    let success = response.status_code.kind() == StatusCodeKind::Successful;
    let no_contact = response.typed_contact_headers().map_or(true, |contacts| contacts.is_empty());
    if to_invite && success && no_contact {
        response.headers.retain(|header| !matches!(header, Header::Contact(_)));
        response.headers.push(Header::Contact(Contact::new(format!("<sip:{}>", from.addr))));
    }
}

/// Whether the stack made this response up; nothing came from the network.
pub(super) fn is_local(response: &Response) -> bool {
    response.headers.iter().any(is_mark)
}

fn is_mark(header: &Header) -> bool {
    matches!(header, Header::Other(name, _) if name.eq_ignore_ascii_case(LOCAL_MARK))
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    fn response(code: &str, extra: &str) -> SipMessage {
        let text = format!(
            "SIP/2.0 {code}\r\nVia: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\n\
             To: <sip:c@d>;tag=2\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\n{extra}Content-Length: 0\r\n\r\n"
        );
        SipMessage::try_from(text.as_str()).unwrap()
    }

    fn inspect(message: SipMessage, from: Option<&SipAddr>) -> Response {
        Response::try_from(Inspector.after_received(message, from)).unwrap()
    }

    #[test]
    fn contact_is_added_only_where_a_success_lacks_it() {
        let from = SipAddr::from("192.0.2.9:5070".parse::<SocketAddr>().unwrap());
        let contact = |message| {
            inspect(message, Some(&from))
                .typed_contact_headers()
                .unwrap()
                .first()
                .map(|contact| contact.uri.to_string())
        };
        assert_eq!(contact(response("200 OK", "")).as_deref(), Some("sip:192.0.2.9:5070"));
        assert_eq!(contact(response("202 Accepted", "")).as_deref(), Some("sip:192.0.2.9:5070"));
        assert_eq!(contact(response("200 OK", "Contact: <sip:e@f>\r\n")).as_deref(), Some("sip:e@f"));
        assert_eq!(contact(response("180 Ringing", "")), None);
    }

    #[test]
    fn only_the_stack_itself_can_mark_a_response() {
        let from = SipAddr::from("192.0.2.9:5070".parse::<SocketAddr>().unwrap());
        assert!(is_local(&inspect(response("408 Request Timeout", ""), None)));
        assert!(!is_local(&inspect(
            response("408 Request Timeout", "X-Ringfleet-Local: 1\r\n"),
            Some(&from)
        )));
    }
}
