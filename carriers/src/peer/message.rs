//! SIP messages as they lie in a datagram (RFC 3261 §7, §25), read leniently and independently of the stack that calls.

use std::net::{IpAddr, SocketAddr};

/// More header lines than any honest message has.
const MOST_HEADERS: usize = 200;

/// First line of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Start {
    /// `INVITE sip:… SIP/2.0`
    Request { method: String, uri: String },
    /// `SIP/2.0 200 OK`
    Response { code: u16 },
}

/// A parsed message; headers in their order, with long names in lower case.
#[derive(Debug, Clone)]
pub(super) struct Message {
    pub start: Start,
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Message {
    /// Reads a datagram; `None` for what is no SIP message, including keep-alives (RFC 5626 §3.5.1).
    pub fn parse(datagram: &[u8]) -> Option<Self> {
        let (head, body) = split_head(datagram)?;
        let text = std::str::from_utf8(head).ok()?;
        let mut lines = text.lines().skip_while(|line| line.is_empty());
        let start = parse_start(lines.next()?)?;
        let mut headers: Vec<(String, String)> = Vec::with_capacity(16);
        for line in lines {
            if line.starts_with([' ', '\t']) {
                // A folded line goes on with the header above (§7.3.1).
                let value = &mut headers.last_mut()?.1;
                value.push(' ');
                value.push_str(line.trim());
                continue;
            }
            let (name, value) = line.split_once(':')?;
            if headers.len() == MOST_HEADERS {
                return None;
            }
            let name = name.trim_end();
            if name.is_empty() || !name.chars().all(is_token) {
                return None;
            }
            headers.push((long_name(name), value.trim().to_owned()));
        }
        let mut message = Self { start, headers, body: Vec::new() };
        let length = match message.header("content-length") {
            Some(length) => length.parse().ok()?,
            None => body.len(),
        };
        message.body = body.get(..length)?.to_vec();
        Some(message)
    }

    /// The first header of this (long, lower-case) name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|header| header.0 == name).map(|header| header.1.as_str())
    }

    /// All headers of this name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |header| header.0 == name).map(|header| header.1.as_str())
    }
}

/// Head and body, parted by an empty line, with either kind of line end.
fn split_head(datagram: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut at = 0;
    let mut begun = false;
    while let Some(length) = datagram[at..].iter().position(|byte| *byte == b'\n') {
        let line = &datagram[at..at + length];
        let empty = matches!(line, [] | [b'\r']);
        at += length + 1;
        if empty && begun {
            let (head, body) = datagram.split_at(at);
            return Some((head.trim_ascii_end(), body));
        }
        begun |= !empty;
    }
    None
}

fn parse_start(line: &str) -> Option<Start> {
    let mut words = line.split(' ').filter(|word| !word.is_empty());
    let (first, second, third) = (words.next()?, words.next()?, words.next());
    if first == "SIP/2.0" {
        let code = second.parse().ok()?;
        return (100..700).contains(&code).then_some(Start::Response { code });
    }
    (third == Some("SIP/2.0") && words.next().is_none() && first.chars().all(is_token))
        .then(|| Start::Request { method: first.to_owned(), uri: second.to_owned() })
}

/// RFC 3261 §25.1, `token`.
fn is_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-.!%*_+`'~".contains(c)
}

/// Compact forms (RFC 3261 §7.3.3) of the headers we read.
fn long_name(name: &str) -> String {
    match name {
        "v" | "V" => "via",
        "f" | "F" => "from",
        "t" | "T" => "to",
        "i" | "I" => "call-id",
        "m" | "M" => "contact",
        "l" | "L" => "content-length",
        "c" | "C" => "content-type",
        "k" | "K" => "supported",
        _ => return name.to_ascii_lowercase(),
    }
    .to_owned()
}

/// Splits a header value at commas that stand outside quotes and angle brackets.
pub(super) fn split_list(value: &str) -> Vec<&str> {
    let (mut parts, mut start) = (Vec::new(), 0);
    let (mut quoted, mut escaped, mut angle) = (false, false, false);
    for (at, c) in value.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '<' if !quoted => angle = true,
            '>' if !quoted => angle = false,
            ',' if !quoted && !angle => {
                parts.push(value[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(value[start..].trim());
    parts
}

/// The URI of a From, To, Contact or Record-Route value, and the header's parameters after it.
pub(super) fn address(value: &str) -> (&str, &str) {
    let (mut quoted, mut escaped) = (false, false);
    for (at, c) in value.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '<' if !quoted => {
                let rest = &value[at + 1..];
                return rest.split_once('>').unwrap_or((rest, ""));
            }
            _ => {}
        }
    }
    // Without angle brackets, parameters belong to the header (RFC 3261 §20.10).
    match value.find(';') {
        Some(at) => (value[..at].trim(), &value[at..]),
        None => (value.trim(), ""),
    }
}

/// A parameter of `;name=value;flag`; a flag has the value "".
pub(super) fn param<'a>(params: &'a str, name: &str) -> Option<&'a str> {
    params.split(';').find_map(|param| {
        let (key, value) = param.split_once('=').unwrap_or((param, ""));
        key.trim().eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// User part of a `sip:` or `tel:` URI, without its parameters and password.
pub(super) fn user(uri: &str) -> &str {
    let (scheme, rest) = uri.split_once(':').unwrap_or(("", uri));
    let user = match rest.split_once('@') {
        Some((user, _)) => user,
        None if scheme.eq_ignore_ascii_case("tel") => rest,
        None => "",
    };
    user.split([';', ':']).next().unwrap_or_default()
}

/// Where a `sip:` URI points, if its host is written as an address; port 5060 unless it says otherwise.
pub(super) fn literal_host(uri: &str) -> Option<SocketAddr> {
    let (_, rest) = uri.split_once(':')?;
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    host_port(host.split([';', '?']).next()?)
}

/// `192.0.2.1`, `192.0.2.1:5062`, `[2001:db8::1]:5062`.
pub(super) fn host_port(text: &str) -> Option<SocketAddr> {
    const PORT: u16 = 5060;
    let text = text.trim();
    if let Ok(addr) = text.parse() {
        return Some(addr);
    }
    let ip: IpAddr = text.trim_start_matches('[').trim_end_matches(']').parse().ok()?;
    Some(SocketAddr::new(ip, PORT))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const INVITE: &str = "INVITE sip:+4930123401@192.0.2.1 SIP/2.0\r\nv: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKx\r\n\
        From: \"a, <b>\" <sip:a@h>;tag=1\r\nSubject: one\r\n two\r\nVia: SIP/2.0/UDP h2\r\nl: 4\r\n\r\nbodyjunk";

    #[test]
    fn compact_folded_and_repeated_headers_are_read() {
        let message = Message::parse(INVITE.as_bytes()).unwrap();
        let Start::Request { method, uri } = &message.start else { panic!() };
        assert_eq!((method.as_str(), uri.as_str()), ("INVITE", "sip:+4930123401@192.0.2.1"));
        assert_eq!(message.header("subject"), Some("one two"));
        assert_eq!(message.all("via").count(), 2);
        assert_eq!(message.body, b"body");
        let bare = Message::parse(INVITE.replace("\r\n", "\n").as_bytes()).unwrap();
        assert_eq!(bare.headers, message.headers);
    }

    #[test]
    fn what_is_no_message_is_refused() {
        for (from, to) in
            [("l: 4", "l: 400"), ("l: 4", "l: x"), ("SIP/2.0\r\nv", "SIP/3.0\r\nv"), ("From:", "From")]
        {
            assert!(Message::parse(INVITE.replacen(from, to, 1).as_bytes()).is_none(), "{to}");
        }
        for text in
            ["", "\r\n\r\n", "\0\0\0\0", "INVITE\r\n\r\n", "SIP/2.0 99 X\r\n\r\n", "SIP/2.0 200 OK\r\n"]
        {
            assert!(Message::parse(text.as_bytes()).is_none(), "{text:?}");
        }
        assert_eq!(Message::parse(b"SIP/2.0 200\r\n\r\n").unwrap().start, Start::Response { code: 200 });
    }

    #[test]
    fn addresses_lists_and_parameters() {
        assert_eq!(address("\"a <b> \\\" ;\" <sip:u@h;x=1>;tag=7"), ("sip:u@h;x=1", ";tag=7"));
        assert_eq!(address("sip:u@h;tag=7"), ("sip:u@h", ";tag=7"));
        assert_eq!(address("<sip:u@h"), ("sip:u@h", ""));
        assert_eq!(split_list("<sip:a,b@h>, \"x,y\" <sip:c@h>,d"), ["<sip:a,b@h>", "\"x,y\" <sip:c@h>", "d"]);
        assert_eq!(param(";lr;Tag= 7 ;q=1", "tag"), Some("7"));
        assert_eq!(param(";lr", "lr"), Some(""));
        assert_eq!(param(";lr", "l"), None);
    }

    #[test]
    fn users_and_hosts() {
        assert_eq!(user("sip:+49301;phone-context=x:secret@h:5060;user=phone"), "+49301");
        assert_eq!((user("tel:+49301;ext=1"), user("sip:host"), user("")), ("+49301", "", ""));
        let literal = |uri| literal_host(uri).map(|addr| addr.to_string());
        assert_eq!(literal("sip:u@192.0.2.1:5070;transport=udp").as_deref(), Some("192.0.2.1:5070"));
        assert_eq!(literal("sip:192.0.2.1").as_deref(), Some("192.0.2.1:5060"));
        assert_eq!(literal("sip:u@[2001:db8::1]").as_deref(), Some("[2001:db8::1]:5060"));
        assert_eq!(literal("sip:u@host.example"), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Message::parse(&bytes);
        }

        #[test]
        fn any_damage_to_a_message_is_survived(changes in proptest::collection::vec((0usize..230, any::<u8>()), 0..8), cut in 0usize..300) {
            let mut bytes = INVITE.as_bytes().to_vec();
            for (at, byte) in changes {
                let at = at % bytes.len();
                bytes[at] = byte;
            }
            bytes.truncate(cut);
            if let Some(message) = Message::parse(&bytes) {
                for (_, value) in &message.headers {
                    let _ = (split_list(value), address(value), literal_host(address(value).0), user(value), host_port(value));
                }
            }
        }
    }
}
