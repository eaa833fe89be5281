//! The messages of Twilio's Media Streams, as texts and as types: no I/O.
//!
//! Source: <https://www.twilio.com/docs/voice/media-streams/websocket-messages>. Numbers travel as texts there, audio as base64 of
//! G.711 µ-law, 8 kHz, without a header.

use std::{borrow::Cow, collections::BTreeMap, fmt::Display};

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD},
};
use ringfleet_core::transfer::TransferName;
use serde::{Deserialize, Serialize, Serializer};

/// Senders differ in whether they fill base64 up with `=`.
const ANY_PADDING: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Who a stream is about; said in `start`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stream {
    /// Names the stream: `MZ` and 32 hexadecimal digits, as at Twilio.
    pub stream: String,
    /// The session's id.
    pub call: String,
    /// The workspace's id.
    pub account: String,
}

/// What we say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outgoing<'a> {
    /// The first message.
    Connected,
    /// The second: what follows, and what the server is told of the call.
    Start(&'a BTreeMap<String, String>),
    /// 20 ms of the callee, and when they began: milliseconds since the start.
    Media { at: u64, ulaw: &'a [u8] },
    /// What was queued before this mark has been played, or thrown away.
    Mark(&'a str),
    /// The callee has pressed a key.
    Dtmf(char),
    /// The call could not be handed on. Not one of Twilio's.
    NotTransferred(&'a TransferName),
    /// The call is over.
    Stop,
}

/// What the server says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Incoming {
    /// Audio to be played, µ-law.
    Media(Vec<u8>),
    /// To be sent back when what was queued before it has been played.
    Mark(String),
    /// Throw away what is queued.
    Clear,
    /// Hand the call on. Not one of Twilio's.
    Transfer(TransferName),
    /// Something that is no use to us.
    Other,
}

/// Writes messages in order.
#[derive(Debug)]
pub(super) struct Writer {
    about: Stream,
    /// The number of the next message; `connected` has none.
    sequence: u64,
    /// The number of the next piece of audio.
    chunk: u64,
}

impl Writer {
    pub fn new(about: Stream) -> Self {
        Self { about, sequence: 1, chunk: 1 }
    }

    /// The text of the next message.
    pub fn write(&mut self, message: &Outgoing<'_>) -> String {
        if *message == Outgoing::Connected {
            return text(&Connected { event: "connected", protocol: "Call", version: "1.0.0" });
        }
        let sequence = self.sequence;
        self.sequence += 1;
        let about = &self.about;
        let mut body =
            Body { event: "stop", sequence_number: sequence, stream_sid: &about.stream, ..Body::default() };
        match message {
            Outgoing::Connected => {}
            Outgoing::Start(parameters) => {
                (body.event, body.start) = ("start", Some(Start::of(about, parameters)));
            }
            Outgoing::Media { at, ulaw } => {
                let payload = STANDARD.encode(ulaw);
                let media = Media { track: "inbound", chunk: self.chunk, timestamp: *at, payload };
                (body.event, body.media) = ("media", Some(media));
                self.chunk += 1;
            }
            Outgoing::Mark(name) => {
                (body.event, body.mark) = ("mark", Some(Mark { name: Cow::Borrowed(name) }))
            }
            Outgoing::Dtmf(digit) => {
                (body.event, body.dtmf) = ("dtmf", Some(Dtmf { track: "inbound_track", digit: *digit }));
            }
            Outgoing::NotTransferred(to) => {
                (body.event, body.transfer) = ("transfer", Some(Transfer { to, status: "failed" }));
            }
            Outgoing::Stop => body.stop = Some(Stop { account_sid: &about.account, call_sid: &about.call }),
        }
        text(&body)
    }
}

/// Reads a message of the server.
///
/// # Errors
/// What is wrong with it.
pub(super) fn read(text: &str) -> Result<Incoming, String> {
    let told: Told<'_> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let lacks = |field: &str| format!("a {} message without {field}", told.event);
    Ok(match &*told.event {
        "media" => {
            let payload = &told.media.as_ref().ok_or_else(|| lacks("media.payload"))?.payload;
            Incoming::Media(
                ANY_PADDING.decode(&**payload).map_err(|error| format!("media.payload: {error}"))?,
            )
        }
        "mark" => Incoming::Mark(told.mark.ok_or_else(|| lacks("mark.name"))?.name.into_owned()),
        "clear" => Incoming::Clear,
        "transfer" => {
            let to = told.transfer.ok_or_else(|| lacks("transfer.to"))?.to;
            Incoming::Transfer(to.parse().map_err(|error| format!("transfer.to: {error}"))?)
        }
        _ => Incoming::Other,
    })
}

/// Texts, numbers and maps of texts only: it cannot fail.
fn text(message: &impl Serialize) -> String {
    serde_json::to_string(message).unwrap_or_default()
}

fn as_text<S: Serializer>(value: &impl Display, s: S) -> Result<S::Ok, S::Error> {
    s.collect_str(value)
}

#[derive(Serialize)]
struct Connected {
    event: &'static str,
    protocol: &'static str,
    version: &'static str,
}

#[derive(Serialize, Default)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    event: &'static str,
    #[serde(serialize_with = "as_text")]
    sequence_number: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<Start<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    media: Option<Media>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mark: Option<Mark<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dtmf: Option<Dtmf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    transfer: Option<Transfer<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stop: Option<Stop<'a>>,
    stream_sid: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Start<'a> {
    account_sid: &'a str,
    stream_sid: &'a str,
    call_sid: &'a str,
    tracks: [&'static str; 1],
    media_format: MediaFormat,
    custom_parameters: &'a BTreeMap<String, String>,
}

impl<'a> Start<'a> {
    fn of(about: &'a Stream, custom_parameters: &'a BTreeMap<String, String>) -> Self {
        Self {
            account_sid: &about.account,
            stream_sid: &about.stream,
            call_sid: &about.call,
            tracks: ["inbound"],
            media_format: MediaFormat { encoding: "audio/x-mulaw", sample_rate: 8000, channels: 1 },
            custom_parameters,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MediaFormat {
    encoding: &'static str,
    sample_rate: u32,
    channels: u32,
}

#[derive(Serialize)]
struct Media {
    track: &'static str,
    #[serde(serialize_with = "as_text")]
    chunk: u64,
    #[serde(serialize_with = "as_text")]
    timestamp: u64,
    payload: String,
}

#[derive(Serialize, Deserialize)]
struct Mark<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
}

#[derive(Serialize)]
struct Dtmf {
    track: &'static str,
    digit: char,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Stop<'a> {
    account_sid: &'a str,
    call_sid: &'a str,
}

#[derive(Serialize)]
struct Transfer<'a> {
    to: &'a TransferName,
    status: &'static str,
}

/// A message of the server. What else stands in it is for others.
#[derive(Deserialize)]
struct Told<'a> {
    #[serde(borrow)]
    event: Cow<'a, str>,
    #[serde(borrow)]
    media: Option<Sound<'a>>,
    #[serde(borrow)]
    mark: Option<Mark<'a>>,
    #[serde(borrow)]
    transfer: Option<Whither<'a>>,
}

#[derive(Deserialize)]
struct Whither<'a> {
    #[serde(borrow)]
    to: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Sound<'a> {
    #[serde(borrow)]
    payload: Cow<'a, str>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn writer() -> Writer {
        Writer::new(Stream { stream: "MZ1".into(), call: "ses_1".into(), account: "ws_1".into() })
    }

    fn said(writer: &mut Writer, message: &Outgoing<'_>) -> Value {
        serde_json::from_str(&writer.write(message)).unwrap()
    }

    #[test]
    fn a_stream_is_told_as_twilio_tells_it() {
        let (mut writer, parameters) = (writer(), BTreeMap::from([("name".into(), "Ana \"A\"".into())]));
        assert_eq!(
            said(&mut writer, &Outgoing::Connected),
            json!({"event": "connected", "protocol": "Call", "version": "1.0.0"})
        );
        assert_eq!(
            said(&mut writer, &Outgoing::Start(&parameters)),
            json!({"event": "start", "sequenceNumber": "1", "streamSid": "MZ1", "start": {
                "accountSid": "ws_1", "streamSid": "MZ1", "callSid": "ses_1", "tracks": ["inbound"],
                "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
                "customParameters": {"name": "Ana \"A\""}}})
        );
        let media = |n: &str, chunk: &str, at: &str| {
            json!({"event": "media", "sequenceNumber": n, "streamSid": "MZ1",
                "media": {"track": "inbound", "chunk": chunk, "timestamp": at, "payload": "AP+A"}})
        };
        let ulaw = &[0, 255, 128];
        assert_eq!(said(&mut writer, &Outgoing::Media { at: 0, ulaw }), media("2", "1", "0"));
        assert_eq!(said(&mut writer, &Outgoing::Media { at: 20, ulaw }), media("3", "2", "20"));
        assert_eq!(
            said(&mut writer, &Outgoing::Dtmf('#')),
            json!({"event": "dtmf", "sequenceNumber": "4", "streamSid": "MZ1", "dtmf": {"track": "inbound_track", "digit": "#"}})
        );
        assert_eq!(
            said(&mut writer, &Outgoing::Mark("end")),
            json!({"event": "mark", "sequenceNumber": "5", "streamSid": "MZ1", "mark": {"name": "end"}})
        );
        assert_eq!(
            said(&mut writer, &Outgoing::NotTransferred(&"sales".parse().unwrap())),
            json!({"event": "transfer", "sequenceNumber": "6", "streamSid": "MZ1", "transfer": {"to": "sales", "status": "failed"}})
        );
        assert_eq!(
            said(&mut writer, &Outgoing::Stop),
            json!({"event": "stop", "sequenceNumber": "7", "streamSid": "MZ1", "stop": {"accountSid": "ws_1", "callSid": "ses_1"}})
        );
    }

    #[test]
    fn a_server_is_understood_with_and_without_padding_and_unknown_fields() {
        for payload in ["AP8=", "AP8"] {
            let told = json!({"event": "media", "streamSid": "MZ1", "media": {"payload": payload, "track": "outbound"}});
            assert_eq!(read(&told.to_string()), Ok(Incoming::Media(vec![0, 255])));
        }
        let told = |value: Value| read(&value.to_string());
        assert_eq!(told(json!({"event": "clear", "streamSid": "x"})), Ok(Incoming::Clear));
        assert_eq!(
            told(json!({"event": "mark", "mark": {"name": "a\"b"}})),
            Ok(Incoming::Mark("a\"b".into()))
        );
        let hand_on = json!({"event": "transfer", "streamSid": "MZ1", "transfer": {"to": "sales"}});
        assert_eq!(told(hand_on), Ok(Incoming::Transfer("sales".parse().unwrap())));
        assert_eq!(told(json!({"event": "transcript", "media": null})), Ok(Incoming::Other));
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        for (bad, says) in [
            ("", "EOF"),
            (r#"{"event": 1}"#, "string"),
            (r#"{"media": {"payload": ""}}"#, "event"),
            (r#"{"event": "media"}"#, "media.payload"),
            (r#"{"event": "media", "media": {"payload": "*"}}"#, "media.payload"),
            (r#"{"event": "mark"}"#, "mark.name"),
            (r#"{"event": "transfer"}"#, "transfer.to"),
            (r#"{"event": "transfer", "transfer": {"to": "sip:a@b"}}"#, "transfer.to"),
        ] {
            let error = read(bad).unwrap_err();
            assert!(error.contains(says), "{bad}: {error}");
        }
    }

    proptest! {
        #[test]
        fn audio_that_is_sent_reads_back_and_any_text_is_survived(ulaw in proptest::collection::vec(any::<u8>(), 0..400), text in ".{0,80}") {
            prop_assert_eq!(read(&writer().write(&Outgoing::Media { at: 7, ulaw: &ulaw })), Ok(Incoming::Media(ulaw)));
            let _ = read(&text);
        }
    }
}
