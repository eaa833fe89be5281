//! What the provider tells of a call: by webhooks (<https://developers.telnyx.com/docs/voice/programmable-voice/receiving-webhooks>), or in its
//! list of events. Pure.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::api::Leg;

/// Something that has happened to a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum News {
    /// It is being dialed. Nobody tells when a phone rings.
    Dialed,
    /// Somebody or something picked up.
    Answered,
    /// A machine did, or a fax.
    Machine,
    /// No machine, as far as can be told.
    Person,
    /// What is to be said is being said.
    Saying,
    /// What was to be said has been.
    Said,
    /// The stream has begun.
    Streaming,
    /// The stream is over.
    Stopped,
    /// The stream has not come about.
    Unstreamed,
    /// The call is over.
    Over(Over),
}

/// How a call ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Over {
    /// `hangup_cause`.
    pub(super) cause: String,
    /// `sip_hangup_cause`, where that is a status.
    pub(super) sip: Option<u16>,
    /// `hangup_source`: `caller`, `callee` or `unknown`.
    pub(super) source: String,
}

/// What was told, and of which call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Told {
    #[serde(flatten)]
    pub(super) leg: Leg,
    /// What the call was given to carry.
    pub(super) client_state: Option<String>,
    pub(super) news: News,
}

/// What is kept of the body of a webhook, for whoever follows its call; none where it says nothing of a call that matters. Whether the provider
/// has sent it has been found out before ([`super::is_signed`]).
pub fn note(body: &[u8]) -> Option<String> {
    let webhook: Value = serde_json::from_slice(body).ok()?;
    let event = &webhook["data"];
    let told = told(event["event_type"].as_str()?, &event["payload"])?;
    serde_json::to_string(&told).ok()
}

impl Told {
    /// The other way round.
    pub(super) fn of_note(note: &str) -> Option<Self> {
        serde_json::from_str(note).ok()
    }

    /// What an entry in the list of events says. Where exactly the original event lies in it is not documented ("metadata, which includes raw
    /// event"): it is what lies innermost.
    pub(super) fn of_event(event: &Value) -> Option<Self> {
        let mut payload = event;
        while let Some(inner) = ["metadata", "payload", "data"]
            .into_iter()
            .find_map(|name| payload.get(name).filter(|it| it.is_object()))
        {
            payload = inner;
        }
        let mut told = told(event["name"].as_str()?, payload)?;
        if let Some(leg) = event["call_leg_id"].as_str() {
            told.leg.leg = leg.to_owned();
        }
        Some(told)
    }
}

fn told(name: &str, payload: &Value) -> Option<Told> {
    let text = |name: &str| payload[name].as_str().unwrap_or_default().to_owned();
    let news = match name.replace('_', ".").as_str() {
        "call.initiated" => News::Dialed,
        "call.answered" => News::Answered,
        "call.machine.detection.ended" | "call.machine.premium.detection.ended" => {
            match text("result").as_str() {
                "machine" | "fax_detected" => News::Machine,
                _ => News::Person,
            }
        }
        "call.speak.started" => News::Saying,
        "call.speak.ended" => News::Said,
        "streaming.started" => News::Streaming,
        "streaming.stopped" => News::Stopped,
        "streaming.failed" => News::Unstreamed,
        "call.hangup" => News::Over(Over {
            cause: text("hangup_cause"),
            sip: text("sip_hangup_cause").parse().ok(),
            source: text("hangup_source"),
        }),
        _ => return None,
    };
    let leg = Leg { id: text("call_control_id"), leg: text("call_leg_id") };
    Some(Told { leg, client_state: payload["client_state"].as_str().map(str::to_owned), news })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of_webhook(name: &str, more: Value) -> Option<News> {
        let mut payload = json!({"call_control_id": "v3:a", "call_leg_id": "l", "client_state": "c"});
        payload.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let body = json!({"data": {"event_type": name, "payload": payload}}).to_string();
        let told = Told::of_note(&note(body.as_bytes())?).unwrap();
        assert_eq!((told.leg.id.as_str(), told.client_state.as_deref()), ("v3:a", Some("c")));
        Some(told.news)
    }

    #[test]
    fn what_matters_is_kept_and_the_rest_passed_over() {
        assert_eq!(of_webhook("call.initiated", json!({})), Some(News::Dialed));
        assert_eq!(of_webhook("call.answered", json!({})), Some(News::Answered));
        assert_eq!(of_webhook("call.speak.ended", json!({"status": "completed"})), Some(News::Said));
        assert_eq!(of_webhook("call.speak.started", json!({})), Some(News::Saying));
        assert_eq!(of_webhook("streaming.started", json!({})), Some(News::Streaming));
        assert_eq!(of_webhook("streaming.failed", json!({})), Some(News::Unstreamed));
        let busy = json!({"hangup_cause": "user_busy", "sip_hangup_cause": "486", "hangup_source": "callee"});
        let over = Over { cause: "user_busy".into(), sip: Some(486), source: "callee".into() };
        assert_eq!(of_webhook("call.hangup", busy), Some(News::Over(over)));
        let unsaid = json!({"hangup_cause": "unspecified", "sip_hangup_cause": "unspecified"});
        assert!(matches!(of_webhook("call.hangup", unsaid), Some(News::Over(Over { sip: None, .. }))));
        for (name, result, expected) in [
            ("call.machine.detection.ended", "machine", Some(News::Machine)),
            ("call.machine.detection.ended", "human", Some(News::Person)),
            ("call.machine.detection.ended", "not_sure", Some(News::Person)),
            ("call.machine.premium.detection.ended", "fax_detected", Some(News::Machine)),
            ("call.machine.premium.detection.ended", "human_business", Some(News::Person)),
        ] {
            assert_eq!(of_webhook(name, json!({"result": result})), expected, "{name} {result}");
        }
        assert_eq!(of_webhook("call.dtmf.received", json!({})), None);
        assert_eq!(note(b"{}"), None);
        assert_eq!(note(b"no JSON"), None);
    }

    #[test]
    fn a_listed_event_is_read_wherever_it_keeps_the_original() {
        let original = json!({"call_control_id": "v3:a", "hangup_cause": "timeout"});
        for event in [
            json!({"name": "call.hangup", "call_leg_id": "l", "metadata": original}),
            json!({"name": "call.hangup", "call_leg_id": "l", "metadata": {"data": {"payload": original}}}),
            json!({"name": "call_hangup", "call_leg_id": "l", "payload": {"payload": original}}),
        ] {
            let told = Told::of_event(&event).unwrap();
            assert_eq!((told.leg.id.as_str(), told.leg.leg.as_str()), ("v3:a", "l"), "{event}");
            assert!(matches!(told.news, News::Over(Over { cause, .. }) if cause == "timeout"), "{event}");
        }
        let bare = json!({"name": "call.answered", "call_leg_id": "l", "metadata": {}});
        assert_eq!(Told::of_event(&bare).map(|told| told.news), Some(News::Answered));
    }
}
