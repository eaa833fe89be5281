//! Session timers (RFC 4028): a call whose far end has gone without a word ends, and one that goes on is shown to go on.

use std::time::Duration;

use rsipstack::sip::{self, Header, Headers, Response};
use tokio::time::Instant;

/// Shortest interval anybody may insist on, in seconds (RFC 4028 §4).
const LEAST: u32 = 90;
/// Longest interval we follow, in seconds.
const LONGEST: u32 = 86_400;
/// How long before the end of the interval a call is hung up, at most (§10).
const MARGIN: Duration = Duration::from_secs(32);
/// Longest wait after a refresh that failed for now.
const AGAIN: Duration = Duration::from_secs(10);

/// What our INVITE asks for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    /// The interval in seconds; none: only that we can.
    pub(super) expires: Option<u32>,
    /// What somebody on the way has called the least, in seconds.
    least: Option<u32>,
    /// It is a refresh: we go on with them.
    refreshes: bool,
}

impl Wanted {
    pub(super) fn new(expires: Option<u32>) -> Self {
        Self { expires, ..Self::default() }
    }

    /// What a refresh says of the interval that was agreed on (§7.4).
    pub(super) fn again(interval: Duration) -> Self {
        Self { expires: u32::try_from(interval.as_secs()).ok(), refreshes: true, ..Self::default() }
    }

    /// The headers that say so.
    pub(super) fn headers(self) -> Vec<Header> {
        let mut headers = vec![supported()];
        let refresher = if self.refreshes { ";refresher=uac" } else { "" };
        headers.extend(self.expires.map(|seconds| session_expires(&format!("{seconds}{refresher}"))));
        headers.extend(self.least.map(|seconds| Header::MinSE(sip::MinSE::new(seconds.to_string()))));
        headers
    }

    /// Takes up a 422: asks for as long as is wanted there. False when that was done before, or nothing sensible is wanted (§7.3).
    pub(super) fn lengthen(&mut self, response: &Response) -> bool {
        let least = text(&response.headers, "Min-SE").and_then(|value| seconds(&value));
        let Some(least) = least.filter(|least| (LEAST..=LONGEST).contains(least) && self.least.is_none())
        else {
            return false;
        };
        self.least = Some(least);
        self.expires = Some(self.expires.unwrap_or(least).max(least));
        true
    }
}

/// Who shows that the call goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refresher {
    Us,
    Them,
}

/// What is to be done now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    Refresh,
    HangUp,
}

/// The timer of a live call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Timer {
    pub(super) interval: Duration,
    pub(super) refresher: Refresher,
    /// The last refresh.
    since: Instant,
    /// When to try again after one that failed for now.
    again: Option<Instant>,
    /// One is on its way.
    pub(super) asking: bool,
}

impl Timer {
    /// The one that a 2xx to a request of ours sets up, if it does (§7.2).
    pub(super) fn of_response(response: &Response) -> Option<Self> {
        let (interval, refresher) = read(&response.headers)?;
        // There, `uac` is us; and who does not say who leaves it to us.
        let them = refresher.as_deref() == Some("uas");
        Some(Self::new(interval, if them { Refresher::Them } else { Refresher::Us }))
    }

    /// The one that a refresh of the far end sets up, if it does, and what our 2xx says about it (§9).
    pub(super) fn of_request(headers: &Headers) -> Option<(Self, Vec<Header>)> {
        let (interval, refresher) = read(headers)?;
        let able =
            text(headers, "Supported").is_some_and(|list| list.split(',').any(|tag| tag.trim() == "timer"));
        // There, `uac` is the far end.
        let them = match refresher.as_deref() {
            Some("uas") => false,
            Some(_) => true,
            None => able,
        };
        let (who, name) = if them { (Refresher::Them, "uac") } else { (Refresher::Us, "uas") };
        let mut answer =
            vec![session_expires(&format!("{};refresher={name}", interval.as_secs())), supported()];
        if them {
            answer.push(Header::Require(sip::Require::new("timer")));
        }
        Some((Self::new(interval, who), answer))
    }

    fn new(interval: Duration, refresher: Refresher) -> Self {
        Self { interval, refresher, since: Instant::now(), again: None, asking: false }
    }

    /// When something is to be done, and what.
    pub(super) fn next(&self) -> (Instant, Due) {
        let end = self.since + self.interval - MARGIN.min(self.interval / 3);
        let refresh = self.again.unwrap_or(self.since + self.interval / 2);
        match self.refresher {
            Refresher::Us if !self.asking && refresh < end => (refresh, Due::Refresh),
            _ => (end, Due::HangUp),
        }
    }

    /// A refresh failed for now.
    pub(super) fn try_again(&mut self) {
        self.asking = false;
        self.again = Some(Instant::now() + AGAIN.min(self.interval / 8));
    }
}

/// The interval and who is named, in lower case.
fn read(headers: &Headers) -> Option<(Duration, Option<String>)> {
    let value = text(headers, "Session-Expires")?;
    let mut parts = value.split(';');
    let interval = seconds(parts.next()?)?.clamp(2, LONGEST);
    let refresher = parts.find_map(|part| {
        let (name, value) = part.split_once('=')?;
        name.trim().eq_ignore_ascii_case("refresher").then(|| value.trim().to_ascii_lowercase())
    });
    Some((Duration::from_secs(interval.into()), refresher))
}

fn seconds(text: &str) -> Option<u32> {
    text.split(';').next()?.trim().parse().ok()
}

/// All values of a header, as one list.
pub(super) fn text(headers: &Headers, name: &str) -> Option<String> {
    let values: Vec<&str> =
        headers.iter().filter(|header| header.name().eq_ignore_ascii_case(name)).map(Header::value).collect();
    (!values.is_empty()).then(|| values.join(","))
}

pub(super) fn supported() -> Header {
    Header::Supported(sip::Supported::new("timer"))
}

pub(super) fn session_expires(value: &str) -> Header {
    Header::SessionExpires(sip::SessionExpires::new(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(code: &str, extra: &str) -> Response {
        let text = format!(
            "SIP/2.0 {code}\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\n\
             Call-ID: x\r\nCSeq: 1 INVITE\r\n{extra}Content-Length: 0\r\n\r\n"
        );
        Response::try_from(text.as_str()).unwrap()
    }

    fn shown(headers: &[Header]) -> Vec<String> {
        headers.iter().map(ToString::to_string).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_sets_the_timer() {
        let of = |extra: &str| Timer::of_response(&response("200 OK", extra));
        assert_eq!(of(""), None);
        assert_eq!(of("Session-Expires: soon\r\n"), None);
        let now = Instant::now();
        let ours = of("Session-Expires: 1800;refresher=uac\r\n").unwrap();
        assert_eq!(ours.next(), (now + Duration::from_secs(900), Due::Refresh));
        assert_eq!(of("x: 90\r\n").unwrap().next(), (now + Duration::from_secs(45), Due::Refresh));
        let theirs = of("Session-Expires: 1800 ;Refresher=UAS\r\n").unwrap();
        assert_eq!(theirs.next(), (now + Duration::from_secs(1768), Due::HangUp));
        assert_eq!(
            of("Session-Expires: 90;refresher=uas\r\n").unwrap().next().0,
            now + Duration::from_secs(60)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_refresh_that_fails_is_tried_again_until_the_end() {
        let mut timer = Timer::of_response(&response("200 OK", "Session-Expires: 90\r\n")).unwrap();
        let end = Instant::now() + Duration::from_secs(60);
        tokio::time::advance(Duration::from_secs(45)).await;
        timer.asking = true;
        assert_eq!(timer.next(), (end, Due::HangUp));
        timer.try_again();
        assert_eq!(timer.next(), (Instant::now() + Duration::from_secs(10), Due::Refresh));
        tokio::time::advance(Duration::from_secs(10)).await;
        timer.try_again();
        assert_eq!(timer.next(), (end, Due::HangUp), "no more time for another");
    }

    #[tokio::test(start_paused = true)]
    async fn a_refresh_of_the_far_end_is_answered_with_who_goes_on() {
        let of = |extra: &str| {
            Timer::of_request(&response("200 OK", extra).headers)
                .map(|(timer, answer)| (timer.refresher, shown(&answer)))
        };
        assert_eq!(of(""), None);
        for (extra, who, expires) in [
            ("Session-Expires: 100;refresher=uac\r\n", Refresher::Them, "100;refresher=uac"),
            ("Session-Expires: 100;refresher=uas\r\n", Refresher::Us, "100;refresher=uas"),
            ("Session-Expires: 100\r\nk: 100rel, timer\r\n", Refresher::Them, "100;refresher=uac"),
            ("Session-Expires: 100\r\n", Refresher::Us, "100;refresher=uas"),
        ] {
            let (got, headers) = of(extra).unwrap();
            assert_eq!(got, who, "{extra}");
            assert!(headers[0].contains(expires), "{headers:?}");
            assert_eq!(
                headers.len(),
                if who == Refresher::Them { 3 } else { 2 },
                "Require: timer only binds the far end"
            );
        }
    }

    #[test]
    fn a_longer_session_is_agreed_to_once() {
        let mut wanted = Wanted::new(Some(120));
        assert!(!wanted.lengthen(&response("422 Session Interval Too Small", "")));
        assert!(!wanted.lengthen(&response("422 Session Interval Too Small", "Min-SE: 999999\r\n")));
        assert!(wanted.lengthen(&response("422 Session Interval Too Small", "Min-SE: 600\r\n")));
        assert_eq!(wanted.expires, Some(600));
        assert!(
            shown(&wanted.headers()).iter().any(|header| header == "Min-SE: 600"),
            "{:?}",
            shown(&wanted.headers())
        );
        assert!(!wanted.lengthen(&response("422 Session Interval Too Small", "Min-SE: 700\r\n")));
        assert_eq!(shown(&Wanted::new(None).headers()), ["Supported: timer"]);
    }
}
