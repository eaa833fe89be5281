//! Session descriptions: what we offer, and what the far end says (RFC 4566, RFC 3264).

use std::{
    fmt::Write,
    net::{IpAddr, SocketAddr},
};

use super::Codec;

/// Payload type we offer for `telephone-event` (dynamic, RFC 4733 §7.1.1); an answer may name another.
const EVENTS: u8 = 101;

/// Which way audio goes, as who describes it sees it (RFC 4566 §6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Direction {
    /// Both ways.
    #[default]
    SendRecv,
    /// It only speaks: who hears it is on hold.
    SendOnly,
    /// It only listens.
    RecvOnly,
    /// Neither.
    Inactive,
}

impl Direction {
    const ALL: [Self; 4] = [Self::SendRecv, Self::SendOnly, Self::RecvOnly, Self::Inactive];

    /// Whether it takes audio.
    pub const fn listens(self) -> bool {
        matches!(self, Self::SendRecv | Self::RecvOnly)
    }

    /// The direction that answers it (RFC 3264 §6.1): who only sends is only heard.
    const fn mirrored(self) -> Self {
        match self {
            Self::SendOnly => Self::RecvOnly,
            Self::RecvOnly => Self::SendOnly,
            both_or_none => both_or_none,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::SendRecv => "sendrecv",
            Self::SendOnly => "sendonly",
            Self::RecvOnly => "recvonly",
            Self::Inactive => "inactive",
        }
    }

    /// Reads an attribute; `None` for one about something else.
    fn parse(attribute: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|direction| direction.name() == attribute)
    }
}

/// Where the far end wants its audio, in what form, and whether it wants any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remote {
    /// Address and port of its RTP socket.
    pub addr: SocketAddr,
    /// The first of its codecs that we speak.
    pub codec: Codec,
    /// Its payload type for telephone events (RFC 4733), if it takes any.
    pub events: Option<u8>,
    /// Which way audio goes, seen from there.
    pub direction: Direction,
}

/// An offer of both G.711 codecs and telephone events, 20 ms a packet, received at `addr`.
///
/// `session` becomes id and version of the origin line; use one value per call.
pub fn offer(session: u64, addr: SocketAddr) -> Vec<u8> {
    describe(session, addr, &[Codec::Pcmu, Codec::Pcma], Some(EVENTS), Direction::SendRecv)
}

/// The answer to an offer that [`parse_answer`] read as `remote`: its codec, its payload type for events, the direction that
/// fits its own, our `addr`.
pub fn answer(session: u64, addr: SocketAddr, remote: &Remote) -> Vec<u8> {
    describe(session, addr, &[remote.codec], remote.events, remote.direction.mirrored())
}

fn describe(
    session: u64,
    addr: SocketAddr,
    codecs: &[Codec],
    events: Option<u8>,
    direction: Direction,
) -> Vec<u8> {
    let family = if addr.is_ipv4() { "IP4" } else { "IP6" };
    let ip = addr.ip();
    let mut formats = String::new();
    let mut attributes = String::new();
    // Writing to a String cannot fail.
    for codec in codecs {
        let _ = write!(formats, " {}", codec.payload_type());
        let _ = write!(attributes, "a=rtpmap:{} {}/8000\r\n", codec.payload_type(), codec.name());
    }
    if let Some(events) = events {
        let _ = write!(formats, " {events}");
        let _ = write!(attributes, "a=rtpmap:{events} telephone-event/8000\r\na=fmtp:{events} 0-15\r\n");
    }
    format!(
        "v=0\r\no=- {session} {session} IN {family} {ip}\r\ns=-\r\nc=IN {family} {ip}\r\nt=0 0\r\n\
         m=audio {} RTP/AVP{formats}\r\n{attributes}a=ptime:20\r\na={}\r\n",
        addr.port(),
        direction.name()
    )
    .into_bytes()
}

/// Reads an answer (or an offer): the first audio stream that is not refused and has a codec in common.
///
/// A stream's own `c=` and direction win over the session's. Line ends may be CRLF or LF. `None` when there is no such stream.
pub fn parse_answer(sdp: &[u8]) -> Option<Remote> {
    let text = String::from_utf8_lossy(sdp);
    let mut session = Session::default();
    let mut stream: Option<Stream> = None;
    for line in text.lines() {
        let Some((kind, value)) = line.trim_end().split_once('=') else { continue };
        match (kind, &mut stream) {
            ("m", _) => {
                if let Some(remote) = stream.take().and_then(|s| s.remote(&session)) {
                    return Some(remote);
                }
                stream = Some(Stream::parse(value).unwrap_or_default());
            }
            ("c", None) => session.ip = connection(value),
            ("a", None) => session.direction = Direction::parse(value).or(session.direction),
            ("c", Some(stream)) => stream.ip = connection(value),
            ("a", Some(stream)) => stream.attribute(value),
            _ => {}
        }
    }
    stream?.remote(&session)
}

/// What holds for all streams that do not say otherwise.
#[derive(Default)]
struct Session {
    ip: Option<IpAddr>,
    direction: Option<Direction>,
}

/// One `m=` section. The default is a section we cannot use; its lines must still not leak into the session's.
#[derive(Default)]
struct Stream {
    port: u16,
    formats: Vec<u8>,
    ip: Option<IpAddr>,
    events: Option<u8>,
    direction: Option<Direction>,
}

impl Stream {
    /// `audio 49170 RTP/AVP 0 8 101`
    fn parse(value: &str) -> Option<Self> {
        let mut words = value.split_ascii_whitespace();
        if words.next()? != "audio" {
            return None;
        }
        let port = words.next()?.split('/').next()?.parse().ok()?;
        if !matches!(words.next()?, "RTP/AVP" | "RTP/AVPF") {
            return None;
        }
        let formats = words.filter_map(|word| word.parse().ok()).collect();
        Some(Self { port, formats, ..Self::default() })
    }

    /// Only the direction and `rtpmap:101 telephone-event/8000` matter: the codecs have static payload types (RFC 3551 §6).
    fn attribute(&mut self, value: &str) {
        self.direction = Direction::parse(value).or(self.direction);
        let Some((number, encoding)) = value.strip_prefix("rtpmap:").and_then(|map| map.split_once(' '))
        else {
            return;
        };
        let encoding = encoding.trim().to_ascii_lowercase();
        if encoding != "telephone-event/8000" && encoding != "telephone-event/8000/1" {
            return;
        }
        if let Ok(number) = number.trim().parse::<u8>()
            && (96..128).contains(&number)
            && self.formats.contains(&number)
        {
            self.events.get_or_insert(number);
        }
    }

    fn remote(self, session: &Session) -> Option<Remote> {
        let codec = self.formats.iter().find_map(|format| Codec::from_payload_type(*format))?;
        let ip = self.ip.or(session.ip)?;
        (self.port != 0).then_some(Remote {
            addr: SocketAddr::new(ip, self.port),
            codec,
            events: self.events,
            direction: self.direction.or(session.direction).unwrap_or_default(),
        })
    }
}

/// `IN IP4 192.0.2.1`, also with a multicast `/ttl`, which nobody should send us but which names the address all the same.
fn connection(value: &str) -> Option<IpAddr> {
    let mut words = value.split_ascii_whitespace();
    if words.next()? != "IN" || !matches!(words.next()?, "IP4" | "IP6") {
        return None;
    }
    words.next()?.split('/').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn addr(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn what_we_offer_we_also_understand() {
        for at in ["192.0.2.7:4002", "[2001:db8::7]:4002"] {
            let remote = parse_answer(&offer(7, addr(at))).unwrap();
            let direction = Direction::SendRecv;
            assert_eq!(remote, Remote { addr: addr(at), codec: Codec::Pcmu, events: Some(101), direction });
            let text = String::from_utf8(offer(7, addr(at))).unwrap();
            assert!(text.contains("m=audio 4002 RTP/AVP 0 8 101\r\n"), "{text}");
            assert!(text.lines().all(|line| !line.is_empty()) && text.ends_with("\r\n"), "{text}");
        }
    }

    #[test]
    fn an_answer_names_one_codec_and_the_offered_event_type() {
        let direction = Direction::SendRecv;
        let remote = Remote { addr: addr("192.0.2.7:4002"), codec: Codec::Pcma, events: Some(97), direction };
        let text = String::from_utf8(answer(1, addr("192.0.2.9:9000"), &remote)).unwrap();
        assert!(text.contains("m=audio 9000 RTP/AVP 8 97\r\n"), "{text}");
        let back = parse_answer(text.as_bytes()).unwrap();
        assert_eq!(back, Remote { addr: addr("192.0.2.9:9000"), ..remote });
        let without = answer(1, addr("192.0.2.9:9000"), &Remote { events: None, ..remote });
        assert_eq!(parse_answer(&without).unwrap().events, None);
    }

    #[test]
    fn the_streams_own_address_wins() {
        let sdp = "v=0\no=x 1 1 IN IP4 h\ns=-\nc=IN IP4 192.0.2.1\nt=0 0\nm=video 5000 RTP/AVP 96\nc=IN IP4 192.0.2.3\n\
                   m=audio 6000/2 RTP/AVP 18 8\nc=IN IP4 192.0.2.2/127\na=rtpmap:97 telephone-event/8000\n";
        // Payload type 97 is mapped but not listed in the m= line, so it is not on offer.
        let direction = Direction::SendRecv;
        let expected = Remote { addr: addr("192.0.2.2:6000"), codec: Codec::Pcma, events: None, direction };
        assert_eq!(parse_answer(sdp.as_bytes()), Some(expected));
        let inherits = sdp.replace("c=IN IP4 192.0.2.2/127\n", "");
        assert_eq!(parse_answer(inherits.as_bytes()).unwrap().addr, addr("192.0.2.1:6000"));
    }

    #[test]
    fn directions_are_read_and_mirrored() {
        for (session, stream, expected, mirrored) in [
            ("", "", Direction::SendRecv, "sendrecv"),
            ("", "a=sendonly\r\n", Direction::SendOnly, "recvonly"),
            ("", "a=recvonly\r\n", Direction::RecvOnly, "sendonly"),
            ("a=inactive\r\n", "", Direction::Inactive, "inactive"),
            ("a=inactive\r\n", "a=ptime:20\r\na=sendrecv\r\n", Direction::SendRecv, "sendrecv"),
        ] {
            let sdp = format!(
                "v=0\r\nc=IN IP4 192.0.2.1\r\n{session}m=audio 6000 RTP/AVP 0\r\n{stream}m=video 0 X\r\na=sendonly\r\n"
            );
            let remote = parse_answer(sdp.as_bytes()).unwrap();
            assert_eq!(remote.direction, expected, "{sdp}");
            let text = String::from_utf8(answer(1, remote.addr, &remote)).unwrap();
            assert!(text.ends_with(&format!("a={mirrored}\r\n")), "{text}");
        }
    }

    #[test]
    fn nothing_usable_is_none() {
        let good = "v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 6000 RTP/AVP 0\r\n";
        assert!(parse_answer(good.as_bytes()).is_some());
        for (from, to) in [
            ("6000", "0"),
            ("AVP 0", "AVP 18 3"),
            ("audio", "image"),
            ("RTP/AVP", "RTP/SAVP"),
            ("c=IN IP4 192.0.2.1\r\n", ""),
            ("192.0.2.1", "host.example"),
            ("6000", "99999"),
        ] {
            assert_eq!(parse_answer(good.replace(from, to).as_bytes()), None, "{from} -> {to}");
        }
        assert_eq!(parse_answer(b""), None);
    }

    #[test]
    fn a_refused_first_stream_does_not_hide_the_second() {
        let sdp = "c=IN IP4 192.0.2.1\r\nm=audio 0 RTP/AVP 0\r\nm=audio 6002 RTP/AVP 0\r\n";
        assert_eq!(parse_answer(sdp.as_bytes()).unwrap().addr.port(), 6002);
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = parse_answer(&bytes);
        }

        #[test]
        fn any_text_that_looks_like_sdp_is_survived(lines in proptest::collection::vec("[mca]=[ -~]{0,30}", 0..12)) {
            if let Some(remote) = parse_answer(lines.join("\n").as_bytes()) {
                prop_assert_ne!(remote.addr.port(), 0);
            }
        }
    }
}
