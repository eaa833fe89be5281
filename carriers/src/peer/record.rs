//! What is told of a call that is over.

use chrono::{DateTime, SecondsFormat, Utc};
use ringfleet_core::{EndedBy, clock::Stopwatch};
use serde::{Serialize, Serializer};

use super::rule::Rule;

/// One call as the peer saw it; one JSON line of `ringfleet carrier`.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CallRecord {
    /// Call-ID of the dialog.
    pub call_id: String,
    /// Who called: the user part of From.
    pub from: String,
    /// Who was called: the user part of the request URI.
    pub to: String,
    /// What the number made the peer do.
    pub rule: Rule,
    /// Whether the peer picked up.
    pub answered: bool,
    /// `caller` by BYE or CANCEL, `callee` when the peer hung up or refused, `carrier` when the caller fell silent.
    pub ended_by: EndedBy,
    /// The final status sent (RFC 3261 §21).
    pub status: u16,
    /// RTP packets received.
    pub rtp_in: u64,
    /// RTP packets sent.
    pub rtp_out: u64,
    /// Keys the caller pressed (RFC 4733).
    pub digits: String,
    /// Different INVITEs seen with this Call-ID outside of a dialog, ones that were challenged included, retransmissions not.
    pub invites: u32,
    /// When the INVITE came; RFC 3339 with milliseconds.
    #[serde(serialize_with = "rfc3339")]
    pub started_at: DateTime<Utc>,
    /// Started when the INVITE came, on the clock that never jumps and knows more than milliseconds: for whoever measures in the
    /// same process.
    #[serde(skip)]
    pub arrived: Stopwatch,
    /// When it was answered.
    #[serde(serialize_with = "rfc3339_or_null")]
    pub answered_at: Option<DateTime<Utc>>,
    /// When it was over.
    #[serde(serialize_with = "rfc3339")]
    pub ended_at: DateTime<Utc>,
}

fn text(time: &DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn rfc3339<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&text(time))
}

fn rfc3339_or_null<S: Serializer>(time: &Option<DateTime<Utc>>, serializer: S) -> Result<S::Ok, S::Error> {
    time.as_ref().map(text).serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_one_line_of_json() {
        let record = CallRecord {
            call_id: "c1".into(),
            from: "me".into(),
            to: "+4930123407".into(),
            rule: Rule::Busy,
            answered: false,
            ended_by: EndedBy::Callee,
            status: 486,
            rtp_in: 0,
            rtp_out: 0,
            digits: String::new(),
            invites: 1,
            started_at: DateTime::UNIX_EPOCH,
            arrived: Stopwatch::start(),
            answered_at: None,
            ended_at: DateTime::UNIX_EPOCH,
        };
        assert_eq!(
            serde_json::to_string(&record).unwrap(),
            r#"{"callId":"c1","from":"me","to":"+4930123407","rule":"busy","answered":false,"endedBy":"callee","status":486,"rtpIn":0,"rtpOut":0,"digits":"","invites":1,"startedAt":"1970-01-01T00:00:00.000Z","answeredAt":null,"endedAt":"1970-01-01T00:00:00.000Z"}"#
        );
    }
}
