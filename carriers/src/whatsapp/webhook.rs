//! What WhatsApp tells by itself (<https://developers.facebook.com/docs/whatsapp/cloud-api/webhooks/components>): what became of messages, and
//! what came in.

use ring::hmac;
use ringfleet_core::{
    CallId, E164,
    message::{Inbound, Receipt},
};
use serde_json::Value;

use super::refusals;
use crate::Told;

/// One thing that is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// What has become of the message that this call is.
    Receipt {
        /// As the message itself named it. Whether it belongs to whoever tells it has to be looked up.
        call: CallId,
        /// What.
        told: Told,
    },
    /// Somebody has written.
    Inbound(Inbound),
}

/// Whether `signature` (the header X-Hub-Signature-256) is that of whoever knows the app's secret: an HMAC-SHA256 of the body. Takes the same
/// time whatever is wrong with it.
pub fn is_signed(app_secret: &str, body: &[u8], signature: &str) -> bool {
    let hex = signature.strip_prefix("sha256=");
    let Some(tag) = hex.and_then(|hex| hex::decode(hex).ok()) else { return false };
    hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, app_secret.as_bytes()), body, &tag).is_ok()
}

/// The signature of whoever knows the app's secret: see [`is_signed`]. For those who speak like WhatsApp.
pub fn sign(app_secret: &str, body: &[u8]) -> String {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, app_secret.as_bytes()), body);
    format!("sha256={}", hex::encode(tag))
}

/// Whether `given` (`hub.verify_token` of the request that sets a webhook up) is the trunk's own. Takes the same time whatever is wrong with it.
pub fn is_known(verify_token: &str, given: &str) -> bool {
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"hub.verify_token");
    let tag = hmac::sign(&key, verify_token.as_bytes());
    hmac::verify(&key, given.as_bytes(), tag.as_ref()).is_ok()
}

/// All that the body of a webhook tells. What is of another kind, or cannot be understood, is passed over: the rest counts all the same.
pub fn parse(body: &[u8]) -> Vec<Notice> {
    let told: Value = serde_json::from_slice(body).unwrap_or_default();
    let changes = list(&told["entry"]).flat_map(|entry| list(&entry["changes"]));
    changes.flat_map(|change| of_change(&change["value"])).collect()
}

fn of_change(value: &Value) -> impl Iterator<Item = Notice> {
    let receipts = list(&value["statuses"]).filter_map(receipt);
    let messages = list(&value["messages"]).filter_map(inbound).map(Notice::Inbound);
    let wishes = list(&value["user_preferences"]).filter_map(wish).map(Notice::Inbound);
    receipts.chain(messages).chain(wishes)
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// `sent` says nothing that is not known.
fn receipt(status: &Value) -> Option<Notice> {
    let call = status["biz_opaque_callback_data"].as_str()?.parse().ok()?;
    let told = match status["status"].as_str()? {
        "delivered" => Told::good(Receipt::Delivered),
        "read" => Told::good(Receipt::Read),
        "failed" => {
            let code = list(&status["errors"]).find_map(|error| error["code"].as_u64()?.try_into().ok());
            Told::bad(refusals::reason(code), code)
        }
        _ => return None,
    };
    Some(Notice::Receipt { call, told })
}

fn number(digits: &Value) -> Option<E164> {
    format!("+{}", digits.as_str()?).parse().ok()
}

fn inbound(message: &Value) -> Option<Inbound> {
    let from = number(&message["from"])?;
    let id = message["id"].as_str()?.to_owned();
    Some(Inbound { id, from: from.to_string(), text: text(message)?, is_stop: false })
}

/// What a message says. A picture says its caption, a sticker nothing; all of them are messages that a person has sent.
fn text(message: &Value) -> Option<String> {
    let said = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Some(match message["type"].as_str()? {
        "text" => message["text"]["body"].as_str()?.to_owned(),
        "button" => message["button"]["text"].as_str()?.to_owned(),
        "interactive" => {
            let answer = &message["interactive"];
            let title = answer["button_reply"]["title"].as_str();
            title.or_else(|| answer["list_reply"]["title"].as_str())?.to_owned()
        }
        kind @ ("image" | "video" | "document") => said(&message[kind]["caption"]),
        "audio" | "sticker" | "location" | "contacts" => String::new(),
        _ => return None,
    })
}

/// Who has told WhatsApp to let nothing more through from this number.
fn wish(preference: &Value) -> Option<Inbound> {
    let from = number(&preference["wa_id"])?.to_string();
    let at = &preference["timestamp"];
    let is_stop = preference["value"].as_str()? == "stop";
    is_stop.then(|| Inbound {
        id: format!("preference {from} {at}"),
        from,
        text: "stop".into(),
        is_stop: true,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const CALL: &str = "ses_01h455vb4pex5vsknk084sn02q";

    fn told(value: Value) -> Vec<Notice> {
        let body = json!({"object": "whatsapp_business_account", "entry": [
            {"id": "1", "changes": [{"field": "messages", "value": value}]}
        ]});
        parse(body.to_string().as_bytes())
    }

    #[test]
    fn receipts_name_their_call() {
        let status = |status: &str, more: Value| {
            let mut all = json!({"id": "wamid.1", "status": status, "timestamp": "1700000000", "recipient_id": "12025550101",
                                 "biz_opaque_callback_data": CALL});
            all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            told(json!({"messaging_product": "whatsapp", "statuses": [all]}))
        };
        let receipt = |told| vec![Notice::Receipt { call: CALL.parse().unwrap(), told }];
        assert_eq!(status("sent", json!({})), []);
        assert_eq!(status("deleted", json!({})), []);
        assert_eq!(status("delivered", json!({})), receipt(Told::good(Receipt::Delivered)));
        assert_eq!(status("read", json!({})), receipt(Told::good(Receipt::Read)));
        let errors = json!({"errors": [{"code": 131_026, "title": "Message undeliverable"}]});
        assert_eq!(status("failed", errors), receipt(Told::bad("not_on_whatsapp", Some(131_026))));
        assert_eq!(status("failed", json!({})), receipt(Told::bad("undelivered", None)));
        for foreign in [json!(null), json!("somebody else's"), json!(7)] {
            assert_eq!(status("read", json!({"biz_opaque_callback_data": foreign})), []);
        }
    }

    #[test]
    fn what_a_person_sends_comes_in_and_what_is_unknown_spoils_nothing() {
        let messages = json!({"messages": [
            {"from": "12025550101", "id": "wamid.1", "type": "text", "text": {"body": "Yes\n"}},
            {"from": "12025550101", "id": "wamid.2", "type": "button", "button": {"text": "Stop", "payload": "p"}},
            {"from": "12025550101", "id": "wamid.3", "type": "interactive",
             "interactive": {"type": "button_reply", "button_reply": {"id": "1", "title": "Later"}}},
            {"from": "12025550101", "id": "wamid.4", "type": "interactive",
             "interactive": {"type": "list_reply", "list_reply": {"id": "1", "title": "Monday", "description": "d"}}},
            {"from": "12025550101", "id": "wamid.5", "type": "image", "image": {"id": "9", "caption": "Here"}},
            {"from": "12025550101", "id": "wamid.6", "type": "audio", "audio": {"id": "9"}},
            {"from": "12025550101", "id": "wamid.7", "type": "system", "system": {"body": "changed"}},
            {"from": "12025550101", "id": "wamid.8", "type": "unsupported", "errors": []},
            {"from": "no number", "id": "wamid.9", "type": "text", "text": {"body": "x"}},
            {"id": 5}, 7, null,
            {"from": "12025550101", "id": "wamid.10", "type": "text", "text": {"body": "last"}},
        ], "statuses": "none"});
        let texts: Vec<_> = told(messages)
            .into_iter()
            .map(|notice| match notice {
                Notice::Inbound(Inbound { id, from, text, is_stop: false }) if from == "+12025550101" => {
                    (id, text)
                }
                other => panic!("{other:?}"),
            })
            .collect();
        let of = |n: u8, text: &str| (format!("wamid.{n}"), text.to_owned());
        let expected = [
            of(1, "Yes\n"),
            of(2, "Stop"),
            of(3, "Later"),
            of(4, "Monday"),
            of(5, "Here"),
            of(6, ""),
            of(10, "last"),
        ];
        assert_eq!(texts, expected);
        for nonsense in [&b""[..], b"[]", b"{", b"{\"entry\": 1}", b"{\"entry\": [{\"changes\": {}}]}"] {
            assert_eq!(parse(nonsense), []);
        }
    }

    #[test]
    fn who_wants_nothing_more_has_said_stop() {
        let wish = |value: &str| {
            told(json!({"user_preferences": [
                {"wa_id": "12025550101", "category": "marketing_messages", "value": value, "timestamp": 1_700_000_000}
            ]}))
        };
        assert!(
            matches!(&wish("stop")[..], [Notice::Inbound(Inbound { from, is_stop: true, .. })] if from == "+12025550101")
        );
        assert_eq!(wish("resume"), []);
    }

    #[test]
    fn only_who_knows_the_secret_signs() {
        // RFC 4231, test case 2.
        let (key, body) = ("Jefe", b"what do ya want for nothing?");
        let tag = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert!(is_signed(key, body, &format!("sha256={tag}")));
        assert!(is_signed(key, body, &format!("sha256={}", tag.to_uppercase())));
        assert!(!is_signed("Jeff", body, &format!("sha256={tag}")));
        assert!(!is_signed(key, b"what do ya want for nothing!", &format!("sha256={tag}")));
        for wrong in
            ["", "sha256=", tag, &format!("sha1={tag}"), "sha256=zz", &format!("sha256={}", &tag[1..])]
        {
            assert!(!is_signed(key, body, wrong), "{wrong}");
        }
        assert!(
            is_known("a token", "a token") && !is_known("a token", "a tokeN") && !is_known("a token", "")
        );
    }
}
