//! One call as the wire knows it: every name and number needed to speak about it, and every request made of them.
//!
//! The same value is what is kept for a crash ([`crate::Attempt::resume`]): CANCEL and BYE can be built from it in
//! another process (RFC 3261 §9.1 asks for the same branch and CSeq, §12.2.1.1 for tags, target and route set).

use std::net::SocketAddr;

use ringfleet_core::{CallId, E164, trunk::SipTransport};
use rsipstack::sip::{
    self, Accept, CSeq, Contact, ContentLength, ContentType, From, Header, Headers, HeadersExt, MaxForwards,
    Method, Request, Response, To, Uri, UserAgent, Version, Via,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::in_dialog::ALLOW;

/// What an answered call adds.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Dialog {
    /// Tag of the callee.
    pub(super) to_tag: String,
    /// Remote target: the Contact of the 2xx.
    pub(super) target: String,
    /// Route set: Record-Route of the 2xx, reversed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) routes: Vec<String>,
}

/// One call on the wire. Holds a phone number, so it has no `Debug`.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Leg {
    pub(super) call_id: String,
    pub(super) from_tag: String,
    /// Number of the latest INVITE: 1, and one more after each digest challenge. Its CSeq and part of its branch.
    pub(super) cseq: u32,
    /// Branch of that INVITE.
    pub(super) branch: String,
    /// Request URI.
    pub(super) uri: String,
    /// From and To without tags.
    pub(super) from: String,
    pub(super) to: String,
    /// Our address as peers see it: Via and Contact.
    pub(super) local: SocketAddr,
    /// Where the INVITE went.
    pub(super) peer: SocketAddr,
    pub(super) transport: SipTransport,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) dialog: Option<Dialog>,
}

/// What is kept of a leg.
pub(super) fn keep(leg: &Leg) -> Value {
    serde_json::to_value(leg).unwrap_or_default() // strings, numbers and addresses only: cannot fail
}

/// Why a kept leg makes no request.
pub(super) type Malformed = sip::Error;

/// Call-ID and From tag of one preparation of a call. The id makes traces searchable. The salt keeps a call that comes
/// back after "no room" apart from its first try: a peer remembers a refused INVITE for 32 s and would take the same
/// names for a retransmission (RFC 3261 §17.2.1).
pub(super) fn names(call: CallId, salt: u32) -> (String, String) {
    let id = call.uuid();
    let tag = format!("{:012x}{salt:08x}", id.as_u64_pair().1 & 0xffff_ffff_ffff);
    (format!("{}-{salt:08x}@ringfleet", id.simple()), tag)
}

/// Branch of the `cseq`-th INVITE of a call (RFC 3261 §8.1.1.7: the cookie, then what is unique).
pub(super) fn branch(call_id: &str, cseq: u32) -> String {
    let id = call_id.split('@').next().unwrap_or(call_id);
    format!("z9hG4bK{id}.{cseq}")
}

/// The user part of a SIP URI: what RFC 3261 §25.1 does not allow unescaped becomes `%XX`.
pub(super) fn escape_user(user: &str) -> String {
    user.bytes().fold(String::with_capacity(user.len()), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.!~*'()&=+$,".contains(&byte) {
            out.push(byte.into());
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
        out
    })
}

/// Who calls, or is called, in From and To. `scheme`: `sip` or `sips`.
pub(super) fn address(scheme: &str, user: &str, host: &str) -> String {
    format!("<{scheme}:{}@{host}>", escape_user(user))
}

/// A URI that says how it travels, where that is not by UDP. `sips:` says enough (RFC 5630 §3.1.4).
pub(super) fn by_transport(uri: String, transport: SipTransport) -> String {
    match transport {
        SipTransport::Udp => uri,
        SipTransport::Tls if uri.starts_with("sips:") => uri,
        SipTransport::Tcp | SipTransport::Tls => format!("{uri};transport={transport}"),
    }
}

impl Leg {
    /// Another caller ID than the one it was made with.
    pub(super) fn show(&mut self, caller_id: &str) {
        let host = self.from.rsplit('@').next().unwrap_or_default().trim_end_matches('>');
        self.from = address(self.scheme(), caller_id, host);
    }

    /// The `n`-th INVITE of the same call.
    pub(super) fn with_invite(&self, cseq: u32) -> Self {
        Self { cseq, branch: branch(&self.call_id, cseq), ..self.clone() }
    }

    /// The leg after a 2xx: tags, target and routes from it (RFC 3261 §12.1.2). `None` when it names no target.
    pub(super) fn answered(&self, response: &Response) -> Option<Self> {
        let target = response.typed_contact_headers().ok()?.first()?.uri.to_string();
        let mut routes: Vec<String> = response
            .typed_record_route_headers()
            .unwrap_or_default()
            .iter()
            .map(ToString::to_string)
            .collect();
        routes.reverse();
        let to_tag = to_tag(response).unwrap_or_default();
        Some(Self { dialog: Some(Dialog { to_tag, target, routes }), ..self.clone() })
    }

    /// The INVITE with its offer; `more`: the answers to challenges met so far, and what else it asks for.
    pub(super) fn invite(&self, offer: Vec<u8>, more: &[Header]) -> Result<Request, Malformed> {
        let mut headers = self.headers(Method::Invite, &self.branch, self.local, self.cseq);
        headers.push(Header::Contact(Contact::new(self.contact())));
        headers.push(Header::Allow(ALLOW.into()));
        headers.extend(more.iter().cloned());
        headers.push(Header::ContentType(ContentType::new("application/sdp")));
        request(Method::Invite, &self.uri, headers, offer)
    }

    /// The CANCEL of the latest INVITE.
    pub(super) fn cancel(&self) -> Result<Request, Malformed> {
        let headers = self.headers(Method::Cancel, &self.branch, self.local, self.cseq);
        request(Method::Cancel, &self.uri, headers, Vec::new())
    }

    /// A BYE for the answered call. `round` counts the BYEs sent, from 1; `via` is the address of whoever sends it.
    pub(super) fn bye(
        &self,
        round: u32,
        via: SocketAddr,
        credentials: &[Header],
    ) -> Result<Request, Malformed> {
        // The sender's port keeps the branch of a second process apart from the first one's.
        let branch = format!("{}.b{round}p{}", self.branch, via.port());
        self.within(
            self.headers(Method::Bye, &branch, via, self.cseq + round),
            credentials,
            Method::Bye,
            Vec::new(),
        )
    }

    /// Another request within the answered call: an UPDATE, or a re-INVITE with our description, that shows that it goes on
    /// (RFC 4028 §7.4), or a REFER.
    pub(super) fn more(
        &self,
        method: Method,
        cseq: u32,
        via: SocketAddr,
        more: &[Header],
        sdp: Vec<u8>,
    ) -> Result<Request, Malformed> {
        let branch = format!("{}.r{cseq}", self.branch);
        let mut headers = self.headers(method, &branch, via, cseq);
        headers.push(Header::Contact(Contact::new(self.contact())));
        headers.push(Header::Allow(ALLOW.into()));
        if !sdp.is_empty() {
            headers.push(Header::ContentType(ContentType::new("application/sdp")));
        }
        self.within(headers, more, method, sdp)
    }

    /// The address of another number at the callee's trunk.
    pub(super) fn beside(&self, number: E164) -> String {
        let host = self.to.rsplit('@').next().unwrap_or_default().trim_end_matches('>');
        format!("{}:+{}@{host}", self.scheme(), number.digits())
    }

    /// A request to the callee along the route of the dialog (RFC 3261 §12.2.1.1).
    fn within(
        &self,
        mut headers: Vec<Header>,
        more: &[Header],
        method: Method,
        body: Vec<u8>,
    ) -> Result<Request, Malformed> {
        let dialog = self.dialog.as_ref().ok_or_else(|| sip::Error::ParseError("not answered".into()))?;
        headers.extend(dialog.routes.iter().map(|route| Header::Route(sip::Route::new(route.as_str()))));
        headers.extend(more.iter().cloned());
        request(method, &dialog.target, headers, body)
    }

    /// OPTIONS outside a dialog (RFC 3261 §11.1), with the names of the latest INVITE of this leg, which it is instead of.
    pub(super) fn options(&self, credentials: &[Header]) -> Result<Request, Malformed> {
        let mut headers = self.headers(Method::Options, &self.branch, self.local, self.cseq);
        headers.push(Header::Contact(Contact::new(self.contact())));
        headers.push(Header::Accept(Accept::new("application/sdp")));
        headers.extend(credentials.iter().cloned());
        request(Method::Options, &self.uri, headers, Vec::new())
    }

    /// REGISTER for `expires` seconds (RFC 3261 §10.2), 0 to end it, with the names of the latest INVITE of this leg.
    pub(super) fn register(&self, expires: u32, credentials: &[Header]) -> Result<Request, Malformed> {
        let mut headers = self.headers(Method::Register, &self.branch, self.local, self.cseq);
        headers.push(Header::Contact(Contact::new(format!("{};expires={expires}", self.contact()))));
        headers.push(Header::Expires(sip::Expires::new(expires.to_string())));
        headers.push(Header::Allow(ALLOW.into()));
        headers.extend(credentials.iter().cloned());
        request(Method::Register, &self.uri, headers, Vec::new())
    }

    /// Our Contact; `sips:` where the request URI is (RFC 3261 §8.1.1.8).
    pub(super) fn contact(&self) -> String {
        let uri = format!("{}:ringfleet@{}", self.scheme(), self.local);
        format!("<{}>", by_transport(uri, self.transport))
    }

    fn scheme(&self) -> &'static str {
        if self.uri.starts_with("sips:") { "sips" } else { "sip" }
    }

    fn headers(&self, method: Method, branch: &str, via: SocketAddr, cseq: u32) -> Vec<Header> {
        let (transport, more) = match self.transport {
            SipTransport::Udp => ("UDP", ""),
            SipTransport::Tcp => ("TCP", ""),
            // Nobody can open a connection to us: whoever has something to say takes the one we opened (RFC 5923).
            SipTransport::Tls => ("TLS", ";alias"),
        };
        let to = match self.dialog.as_ref().filter(|dialog| !dialog.to_tag.is_empty()) {
            Some(dialog) => format!("{};tag={}", self.to, dialog.to_tag),
            None => self.to.clone(),
        };
        vec![
            Header::Via(Via::new(format!("SIP/2.0/{transport} {via};branch={branch};rport{more}"))),
            Header::MaxForwards(MaxForwards::new("70")),
            Header::From(From::new(format!("{};tag={}", self.from, self.from_tag))),
            Header::To(To::new(to)),
            Header::CallId(sip::CallId::new(self.call_id.as_str())),
            Header::CSeq(CSeq::new(format!("{cseq} {method}"))),
            Header::UserAgent(UserAgent::new(USER_AGENT)),
        ]
    }
}

/// How we call ourselves.
pub(super) const USER_AGENT: &str = concat!("ringfleet/", env!("CARGO_PKG_VERSION"));

/// The tag in To, if there is one.
pub(super) fn to_tag(message: &impl HeadersExt) -> Option<String> {
    let tag = message.to_header().ok()?.tag().ok()??;
    Some(tag.value().to_owned())
}

/// The tag in From, if there is one.
pub(super) fn from_tag(message: &impl HeadersExt) -> Option<String> {
    let tag = message.from_header().ok()?.tag().ok()??;
    Some(tag.value().to_owned())
}

fn request(method: Method, uri: &str, mut headers: Vec<Header>, body: Vec<u8>) -> Result<Request, Malformed> {
    headers.push(Header::ContentLength(ContentLength::new(body.len().to_string())));
    Ok(Request { method, uri: Uri::try_from(uri)?, version: Version::V2, headers: Headers(headers), body })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leg() -> Leg {
        let call: CallId = "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap();
        let (call_id, from_tag) = names(call, 0xabc);
        Leg {
            branch: branch(&call_id, 1),
            call_id,
            from_tag,
            cseq: 1,
            uri: "sip:+919876500000@trunk.example".into(),
            from: "<sip:+15550001111@trunk.example>".into(),
            to: "<sip:+919876500000@trunk.example>".into(),
            local: ([192, 0, 2, 1], 5099).into(),
            peer: ([192, 0, 2, 2], 5060).into(),
            transport: SipTransport::Udp,
            dialog: None,
        }
    }

    fn answer(extra: &str) -> Response {
        let text = format!(
            "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1:5099;branch=z9hG4bKx\r\n\
             From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=far\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\n{extra}\
             Content-Length: 0\r\n\r\n"
        );
        Response::try_from(text.as_str()).unwrap()
    }

    #[test]
    fn names_follow_from_the_call_and_its_preparation() {
        let call: CallId = "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap();
        assert_ne!(names(call, 1), names(call, 2));
        assert_eq!(leg().call_id, "01890a5dac96774bbcceb302099a8057-00000abc@ringfleet");
        assert_eq!(leg().branch, "z9hG4bK01890a5dac96774bbcceb302099a8057-00000abc.1");
        assert_eq!(leg().with_invite(2).branch, "z9hG4bK01890a5dac96774bbcceb302099a8057-00000abc.2");
    }

    #[test]
    fn cancel_repeats_the_invite_it_ends() {
        let second = leg().with_invite(2);
        let invite = second.invite(b"v=0\r\n".to_vec(), &[]).unwrap();
        let cancel = second.cancel().unwrap();
        assert_eq!(invite.via_header().unwrap(), cancel.via_header().unwrap());
        assert_eq!(cancel.cseq_header().unwrap().value(), "2 CANCEL");
        assert_eq!(invite.uri, cancel.uri);
        assert_eq!(invite.from_header().unwrap(), cancel.from_header().unwrap());
        assert_eq!(cancel.body.len(), 0);
        assert!(cancel.contact_header().is_err());
    }

    #[test]
    fn bye_follows_the_dialog_of_the_answer() {
        let answered = leg()
            .answered(&answer(
                "Contact: \"x\" <sip:callee@192.0.2.9:5070;x=1>\r\nRecord-Route: <sip:p1;lr>, <sip:p2;lr>\r\n",
            ))
            .unwrap();
        let bye = answered.bye(1, answered.local, &[]).unwrap();
        assert_eq!(bye.uri.to_string(), "sip:callee@192.0.2.9:5070;x=1");
        assert_eq!(bye.cseq_header().unwrap().value(), "2 BYE");
        assert_eq!(to_tag(&bye).as_deref(), Some("far"));
        let routes: Vec<_> = bye.route_headers().iter().map(|route| route.value().to_owned()).collect();
        assert_eq!(routes, ["<sip:p2;lr>", "<sip:p1;lr>"]);
        assert_ne!(
            bye.via_header().unwrap(),
            answered.bye(2, answered.local, &[]).unwrap().via_header().unwrap()
        );
        assert!(leg().answered(&answer("")).is_none());
        assert!(leg().bye(1, leg().local, &[]).is_err());
    }

    #[test]
    fn a_leg_survives_its_json() {
        let answered = leg().answered(&answer("Contact: <sip:callee@192.0.2.9>\r\n")).unwrap();
        for leg in [leg(), answered] {
            let json = serde_json::to_value(&leg).unwrap();
            assert!(serde_json::from_value::<Leg>(json).unwrap() == leg);
        }
    }

    #[test]
    fn a_caller_id_that_was_chosen_late_stands_in_every_request() {
        let mut late = leg();
        late.from = address("sip", "+15550001111", "trunk.example:5070");
        late.show("+12025550100");
        assert_eq!(late.from, "<sip:+12025550100@trunk.example:5070>");
        let mut kept = leg();
        kept.show("+12025550100");
        let (invite, cancel) = (kept.invite(Vec::new(), &[]).unwrap(), kept.cancel().unwrap());
        assert!(invite.from_header().unwrap().value().starts_with("<sip:+12025550100@trunk.example>"));
        assert_eq!(invite.from_header().unwrap(), cancel.from_header().unwrap());
    }

    #[test]
    fn a_call_over_tls_says_so_and_a_secure_one_in_every_address() {
        let over_tls = Leg { transport: SipTransport::Tls, ..leg() };
        let invite = over_tls.invite(Vec::new(), &[]).unwrap();
        assert!(invite.via_header().unwrap().value().starts_with("SIP/2.0/TLS 192.0.2.1:5099;"));
        assert_eq!(over_tls.contact(), "<sip:ringfleet@192.0.2.1:5099;transport=tls>");
        let mut secure = Leg { uri: "sips:+919876500000@trunk.example".into(), ..over_tls };
        secure.show("+12025550100");
        assert_eq!(secure.contact(), "<sips:ringfleet@192.0.2.1:5099>");
        assert_eq!(secure.from, "<sips:+12025550100@trunk.example>");
    }

    #[test]
    fn a_caller_id_cannot_add_headers() {
        assert_eq!(escape_user("+15550001111"), "+15550001111");
        assert_eq!(escape_user("a\r\nX: 1@b;c"), "a%0D%0AX%3A%201%40b%3Bc");
    }
}
