//! What an answered call is told to do, as TwiML (<https://www.twilio.com/docs/voice/twiml>). Pure.

use std::borrow::Cow;

use ringfleet_core::trunk::{MediaStream, TwilioTrunk};
use url::Url;

use crate::{AgentAt, Handover, Order, Say};

/// Longest TwiML that may be sent along with a call
/// (<https://www.twilio.com/docs/voice/api/call-resource#create-a-call-resource>, `Twiml`), in characters.
const LIMIT: usize = 4_000;
/// Length of a call's id.
const CALL_ID: usize = "ses_01h455vb4pex5vsknk084sn02q".len();

/// What was tried before: it is long, and the first to be left out.
const HISTORY: &str = "history";
/// What an agent is told of a call where all of it does not fit: by this it finds the rest.
const AT_LEAST: [&str; 4] = ["callId", "campaignId", "to", "attempt"];

/// The document for a call over this trunk: it goes to its agent, else to the trunk's stream. Whatever else an order may ask for is decided here.
pub(super) fn of(order: &Order, trunk: &TwilioTrunk) -> String {
    let (call, said) = (order.call.to_string(), order.say.as_ref().map(said).unwrap_or_default());
    match (&order.script.handover, &trunk.stream) {
        (Some(agent @ Handover { at: AgentAt::WebSocket(url), .. }), _) => to_agent(url, agent, &call, &said),
        (Some(_), _) => hang_up(&said), // never placed: see [`can_reach`]
        (None, Some(stream)) => to_stream(stream, &call, &said),
        (None, None) => hang_up(&said),
    }
}

/// What is said first, by a voice of the provider's (<https://www.twilio.com/docs/voice/twiml/say>).
fn said(say: &Say) -> String {
    let voice = say.voice.as_ref().map(|voice| format!(r#" voice="{}""#, escaped(voice)));
    format!("<Say{}>{}</Say>", voice.unwrap_or_default(), escaped(&say.text))
}

/// Whether Twilio connects to an agent at this address: only over TLS, and never with a query
/// (<https://www.twilio.com/docs/voice/twiml/stream>).
pub(super) fn can_reach(agent: &AgentAt) -> bool {
    matches!(agent, AgentAt::WebSocket(url) if url.scheme() == "wss" && url.query().is_none())
}

fn to_agent(url: &Url, agent: &Handover, call: &str, said: &str) -> String {
    let mut stream = MediaStream { url: url.to_string(), parameters: agent.parameters.clone() };
    let whole = to_stream(&stream, call, said);
    if fits(&whole) {
        return whole;
    }
    stream.parameters.remove(HISTORY);
    let document = to_stream(&stream, call, said);
    if fits(&document) {
        return document;
    }
    tracing::warn!(call, "what an agent is to be told does not fit into TwiML; it gets the ids only");
    stream.parameters.retain(|name, _| AT_LEAST.contains(&name.as_str()));
    to_stream(&stream, call, said)
}

/// Whether this document may be sent along.
pub(super) fn fits(document: &str) -> bool {
    document.chars().count() <= LIMIT
}

/// Whether what connects a call to this stream may be sent along.
pub fn stream_fits(stream: &MediaStream) -> bool {
    fits(&to_stream(stream, &"_".repeat(CALL_ID), ""))
}

/// Connects the call to a WebSocket both ways after what is `said`; it lasts as long as that. `session`, the id of the call, is among the
/// parameters.
fn to_stream(stream: &MediaStream, call: &str, said: &str) -> String {
    let given = stream.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let parameters: String = given
        .filter(|(name, _)| *name != "session")
        .chain([("session", call)])
        .map(|(name, value)| format!(r#"<Parameter name="{}" value="{}"/>"#, escaped(name), escaped(value)))
        .collect();
    let url = escaped(&stream.url);
    format!(r#"<Response>{said}<Connect><Stream url="{url}">{parameters}</Stream></Connect></Response>"#)
}

/// What is `said`, else a moment of silence, so that the answer counts as one everywhere on its way; and the end.
fn hang_up(said: &str) -> String {
    let first = if said.is_empty() { r#"<Pause length="1"/>"# } else { said };
    format!("<Response>{first}<Hangup/></Response>")
}

/// Text for an attribute, or between tags (XML 1.0 §2.3, §2.4). White space is kept as it is (§3.3.3); what no XML document may hold (§2.2) is left out.
fn escaped(text: &str) -> Cow<'_, str> {
    let is_plain = |c: char| !matches!(c, '&' | '<' | '>' | '"' | '\'' | '\u{fffe}' | '\u{ffff}') && c >= ' ';
    if text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&apos;"),
            '\t' => safe.push_str("&#9;"),
            '\n' => safe.push_str("&#10;"),
            '\r' => safe.push_str("&#13;"),
            c if is_plain(c) => safe.push(c),
            _ => {}
        }
    }
    Cow::Owned(safe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_gets_out_of_its_attribute() {
        let call = "ses_01h455vb4pex5vsknk084sn02q";
        let stream = MediaStream {
            url: "wss://a.example.com/x".into(),
            parameters: [
                ("name".into(), "O'Neil & \"Söhne\" <x>\n\u{1}\u{ffff}".into()),
                ("session".into(), "forged".into()),
            ]
            .into(),
        };
        assert_eq!(
            to_stream(&stream, call, ""),
            format!(
                "<Response><Connect><Stream url=\"wss://a.example.com/x\"><Parameter name=\"name\" value=\"O&apos;Neil &amp; \
                 &quot;Söhne&quot; &lt;x&gt;&#10;\"/><Parameter name=\"session\" value=\"{call}\"/></Stream></Connect></Response>"
            )
        );
        assert_eq!(escaped("plain é 漢"), "plain é 漢");
        assert!(stream_fits(&stream));
        let long = [("quotes".into(), "\"".repeat(1_000))].into();
        let say = Say { text: "Hi <b>Ana</b> & co".into(), voice: Some("Polly.\"Vitoria\"".into()) };
        let xml = r#"<Say voice="Polly.&quot;Vitoria&quot;">Hi &lt;b&gt;Ana&lt;/b&gt; &amp; co</Say>"#;
        assert_eq!(said(&say), xml);
        assert!(to_stream(&stream, call, xml).starts_with(&format!("<Response>{xml}<Connect>")));
        assert_eq!(hang_up(xml), format!("<Response>{xml}<Hangup/></Response>"));
        assert_eq!(hang_up(""), r#"<Response><Pause length="1"/><Hangup/></Response>"#);
        assert!(
            !stream_fits(&MediaStream { parameters: long, ..stream }),
            "as long as it is when it is escaped"
        );
    }
}
