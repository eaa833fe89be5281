//! Answers digest challenges (RFC 3261 §22, RFC 2617, RFC 8760).

use rsipstack::{
    sip::{
        Authorization, DigestGenerator, Header, ProxyAuthorization, Request, Response,
        headers::auth::{Algorithm, AuthQop},
    },
    transaction::random_text,
};

/// How often one realm may call our nonce stale before we believe that it never ends.
const STALE_ROUNDS: u8 = 2;

/// User name and password of a trunk. No `Debug`, so that it cannot be logged.
#[derive(Clone)]
pub(super) struct Credentials {
    pub(super) username: String,
    pub(super) password: String,
}

/// Whose challenge it is: 401 asks for Authorization, 407 for Proxy-Authorization (RFC 3261 §22.2, §22.3).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asker {
    Callee,
    Proxy,
}

struct Answered {
    asker: Asker,
    realm: String,
    stale_rounds: u8,
    header: Header,
}

/// The answers given for one request so far. A proxy and the callee behind it may both ask (407, then 401); both
/// answers then travel together.
#[derive(Default)]
pub(super) struct Answers(Vec<Answered>);

struct Challenge {
    realm: String,
    nonce: String,
    opaque: Option<String>,
    algorithm: Algorithm,
    algorithm_text: Option<String>,
    qop_auth: bool,
    stale: bool,
}

impl Answers {
    /// Takes up the challenges of a 401 or 407 to `request`. False when there is nothing more to try: no challenge we
    /// understand, or one that already had our answer, so that the password is wrong.
    pub(super) fn take_up(
        &mut self,
        response: &Response,
        request: &Request,
        credentials: &Credentials,
    ) -> bool {
        let asker = if response.status_code.code() == 407 { Asker::Proxy } else { Asker::Callee };
        let mut realms_done: Vec<String> = Vec::new();
        for challenge in challenges(response, asker) {
            // Several challenges of one realm are alternatives, best first (RFC 8760 §2.4).
            if realms_done.contains(&challenge.realm) {
                continue;
            }
            realms_done.push(challenge.realm.clone());
            if !self.answer(asker, challenge, request, credentials) {
                return false;
            }
        }
        !realms_done.is_empty()
    }

    /// The headers to send with the next request.
    pub(super) fn headers(&self) -> Vec<Header> {
        self.0.iter().map(|answered| answered.header.clone()).collect()
    }

    fn answer(
        &mut self,
        asker: Asker,
        challenge: Challenge,
        request: &Request,
        credentials: &Credentials,
    ) -> bool {
        let before = self.0.iter().position(|known| known.asker == asker && known.realm == challenge.realm);
        let stale_rounds = before.map_or(0, |at| self.0[at].stale_rounds + 1);
        if before.is_some() && (!challenge.stale || stale_rounds > STALE_ROUNDS) {
            return false;
        }
        let text = authorization(&challenge, request, credentials);
        let header = match asker {
            Asker::Callee => Header::Authorization(Authorization::new(text)),
            Asker::Proxy => Header::ProxyAuthorization(ProxyAuthorization::new(text)),
        };
        let answered = Answered { asker, realm: challenge.realm, stale_rounds, header };
        match before {
            Some(at) => self.0[at] = answered,
            None => self.0.push(answered),
        }
        true
    }
}

/// The challenges of a response that we can answer, in its order.
fn challenges(response: &Response, asker: Asker) -> impl Iterator<Item = Challenge> {
    response.headers.iter().filter_map(move |header| match (header, asker) {
        (Header::WwwAuthenticate(value), Asker::Callee) => read(value.value()),
        (Header::ProxyAuthenticate(value), Asker::Proxy) => read(value.value()),
        _ => None,
    })
}

/// Reads one challenge. The stack's own reader refuses lists such as `qop="auth,auth-int"` and the registered name
/// `SHA-256`, and ends a quoted string at an escaped quote. `auth-int` alone, `-sess` and unknown algorithms cannot be answered: `None`.
fn read(value: &str) -> Option<Challenge> {
    let (scheme, list) = value.trim().split_once(char::is_whitespace)?;
    if !scheme.eq_ignore_ascii_case("digest") {
        return None;
    }
    let parameters = parameters(list)?;
    let get = |name: &str| {
        parameters.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    };
    let algorithm_text = get("algorithm");
    let algorithm = match algorithm_text.map(str::to_ascii_uppercase).as_deref() {
        None | Some("MD5") => Algorithm::Md5,
        Some("SHA-256" | "SHA256") => Algorithm::Sha256,
        Some(_) => return None,
    };
    let qop_auth = match get("qop") {
        None => false,
        Some(list) if list.split(',').any(|qop| qop.trim().eq_ignore_ascii_case("auth")) => true,
        Some(_) => return None,
    };
    Some(Challenge {
        realm: get("realm")?.to_owned(),
        nonce: get("nonce")?.to_owned(),
        opaque: get("opaque").map(str::to_owned),
        algorithm,
        algorithm_text: algorithm_text.map(str::to_owned),
        qop_auth,
        stale: get("stale").is_some_and(|stale| stale.eq_ignore_ascii_case("true")),
    })
}

/// The parameters of `name="value", name=value`. Escapes in a quoted value stay: what a peer wrote is given back to it, and
/// hashed, letter by letter (RFC 2617 §1.2: `unq` takes off the quotes, no more).
fn parameters(mut rest: &str) -> Option<Vec<(&str, &str)>> {
    let mut found = Vec::new();
    loop {
        rest = rest.trim_start_matches(|c: char| c == ',' || c.is_whitespace());
        if rest.is_empty() {
            return Some(found);
        }
        let (name, value) = rest.split_once('=')?;
        let value = value.trim_start();
        let (value, after) = match value.strip_prefix('"') {
            Some(quoted) => {
                let end = closing_quote(quoted)?;
                (&quoted[..end], &quoted[end + 1..])
            }
            None => value.split_once(',').unwrap_or((value, "")),
        };
        found.push((name.trim(), value.trim()));
        rest = after;
    }
}

/// Where a quoted string ends (RFC 3261 §25.1): at the first quote without a backslash of its own.
fn closing_quote(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.bytes().position(|byte| {
        let closes = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        closes
    })
}

/// Inside of a quoted string, a quote and a backslash need a backslash before them (RFC 3261 §25.1, quoted-pair).
fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

fn authorization(challenge: &Challenge, request: &Request, credentials: &Credentials) -> String {
    let cnonce = random_text(16);
    let qop = challenge.qop_auth.then(|| AuthQop::Auth { cnonce: cnonce.clone(), nc: 1 });
    let response = DigestGenerator {
        username: &credentials.username,
        password: &credentials.password,
        nonce: &challenge.nonce,
        uri: &request.uri,
        realm: &challenge.realm,
        method: &request.method,
        qop: qop.as_ref(),
        algorithm: challenge.algorithm,
    }
    .compute();
    let mut text = format!(
        "Digest username=\"{}\", realm=\"{}\", nonce=\"{}\", uri=\"{}\", response=\"{response}\"",
        escape(&credentials.username),
        challenge.realm,
        challenge.nonce,
        request.uri
    );
    if let Some(algorithm) = &challenge.algorithm_text {
        text.push_str(&format!(", algorithm={algorithm}"));
    }
    if let Some(opaque) = &challenge.opaque {
        text.push_str(&format!(", opaque=\"{opaque}\""));
    }
    if challenge.qop_auth {
        text.push_str(&format!(", qop=auth, nc=00000001, cnonce=\"{cnonce}\""));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invite() -> Request {
        let text = "INVITE sip:bob@example SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKx\r\n\
                    From: <sip:a@b>;tag=1\r\nTo: <sip:bob@example>\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\n\
                    Content-Length: 0\r\n\r\n";
        Request::try_from(text).unwrap()
    }

    fn challenge(code: u16, headers: &[&str]) -> Response {
        let text = format!(
            "SIP/2.0 {code} Go\r\nVia: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\n\
             To: <sip:bob@example>;tag=2\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\n{}\r\nContent-Length: 0\r\n\r\n",
            headers.join("\r\n")
        );
        Response::try_from(text.as_str()).unwrap()
    }

    fn joe() -> Credentials {
        Credentials { username: "joe".into(), password: "secret".into() }
    }

    #[test]
    fn the_response_is_the_hash_rfc_2617_describes() {
        // HA1 = MD5(joe:r:secret), HA2 = MD5(INVITE:sip:bob@example), response = MD5(HA1:n:HA2); computed with md5sum.
        let mut answers = Answers::default();
        assert!(answers.take_up(
            &challenge(401, &["WWW-Authenticate: Digest realm=\"r\",nonce=\"n\""]),
            &invite(),
            &joe()
        ));
        let headers = answers.headers();
        assert!(matches!(headers[0], Header::Authorization(_)));
        assert!(
            headers[0].value().contains("response=\"2c63653b5a64120cdba7bbc17a2aef1c\""),
            "{}",
            headers[0].value()
        );
    }

    #[test]
    fn qop_lists_and_registered_names_are_understood() {
        for (parameters, expected) in [
            ("qop=\"auth,auth-int\",algorithm=MD5", Some("qop=auth, nc=00000001")),
            ("qop=\"auth-int, auth\"", Some("qop=auth, nc=00000001")),
            ("algorithm=SHA-256,qop=\"auth\"", Some("algorithm=SHA-256")),
            ("opaque=\"o\"", Some("opaque=\"o\"")),
            ("qop=\"auth-int\"", None),
            ("algorithm=MD5-sess", None),
        ] {
            let mut answers = Answers::default();
            let response = challenge(
                407,
                &[&format!("Proxy-Authenticate: Digest realm=\"r\",nonce=\"n\",{parameters}")],
            );
            assert_eq!(answers.take_up(&response, &invite(), &joe()), expected.is_some(), "{parameters}");
            if let Some(expected) = expected {
                let headers = answers.headers();
                assert!(headers[0].value().contains(expected), "{}", headers[0].value());
            }
        }
    }

    #[test]
    fn a_repeated_challenge_is_final_unless_the_nonce_was_stale() {
        let first = challenge(407, &["Proxy-Authenticate: Digest realm=\"p\",nonce=\"1\""]);
        let stale = challenge(407, &["Proxy-Authenticate: Digest realm=\"p\",nonce=\"2\",stale=true"]);
        let mut answers = Answers::default();
        assert!(answers.take_up(&first, &invite(), &joe()));
        assert!(answers.take_up(&stale, &invite(), &joe()));
        assert!(answers.take_up(&stale, &invite(), &joe()));
        assert!(!answers.take_up(&stale, &invite(), &joe()), "a nonce that is always stale");
        let mut answers = Answers::default();
        assert!(answers.take_up(&first, &invite(), &joe()));
        assert!(!answers.take_up(&first, &invite(), &joe()), "a wrong password");
    }

    #[test]
    fn quotes_and_backslashes_travel_escaped() {
        // HA1 = MD5(j"o\e:r\"\\x:secret), HA2 = MD5(INVITE:sip:bob@example), response = MD5(HA1:n:HA2); by Python's hashlib.
        let joe = Credentials { username: r#"j"o\e"#.into(), ..joe() };
        let challenge =
            challenge(401, &[r#"WWW-Authenticate: Digest realm="r\"\\x", nonce="n", opaque="a\\b""#]);
        let mut answers = Answers::default();
        assert!(answers.take_up(&challenge, &invite(), &joe));
        let header = answers.headers()[0].value().to_owned();
        assert!(header.contains(r#"username="j\"o\\e", realm="r\"\\x", nonce="n""#), "{header}");
        assert!(header.contains(r#"opaque="a\\b""#), "{header}");
        assert!(header.contains("response=\"9990b7e0fec4495c198ecdee12bb8aa7\""), "{header}");
    }

    #[test]
    fn proxy_and_callee_are_answered_together() {
        let mut answers = Answers::default();
        let proxy = challenge(407, &["Proxy-Authenticate: Digest realm=\"p\",nonce=\"1\""]);
        let callee = challenge(401, &["WWW-Authenticate: Digest realm=\"c\",nonce=\"2\""]);
        assert!(answers.take_up(&proxy, &invite(), &joe()));
        assert!(answers.take_up(&callee, &invite(), &joe()));
        let headers = answers.headers();
        assert!(matches!(headers[..], [Header::ProxyAuthorization(_), Header::Authorization(_)]));
    }

    #[test]
    fn of_alternatives_the_first_we_understand_is_used() {
        let mut answers = Answers::default();
        let response = challenge(
            401,
            &[
                "WWW-Authenticate: Digest realm=\"r\",nonce=\"a\",algorithm=SHA-512-256",
                "WWW-Authenticate: Digest realm=\"r\",nonce=\"b\",algorithm=SHA-256",
                "WWW-Authenticate: Digest realm=\"r\",nonce=\"c\",algorithm=MD5",
            ],
        );
        assert!(answers.take_up(&response, &invite(), &joe()));
        assert_eq!(answers.headers().len(), 1);
        assert!(answers.headers()[0].value().contains("nonce=\"b\""));
        assert!(!Answers::default().take_up(&challenge(401, &["X: y"]), &invite(), &joe()));
    }
}
