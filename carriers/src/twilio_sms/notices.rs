//! What the provider tells by itself: what became of a message, and what came in
//! (<https://www.twilio.com/docs/messaging/guides/webhook-request>). Whether it is the provider who tells it is for
//! [`crate::twilio::is_signed`] to say.

use ringfleet_core::{
    E164,
    message::{Inbound, Receipt},
};

use super::refusals;
use crate::Told;

fn field<'a>(form: &'a [(String, String)], names: &[&str]) -> Option<&'a str> {
    let of = |wanted: &&str| form.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
    names.iter().find_map(of).filter(|value| !value.is_empty())
}

/// What a status callback says of its message; none where that is nothing new (`queued`, `sending`, `sent`) or cannot be understood.
pub fn receipt(form: &[(String, String)]) -> Option<Told> {
    match field(form, &["MessageStatus", "SmsStatus"])? {
        "delivered" => Some(Told::good(Receipt::Delivered)),
        "read" => Some(Told::good(Receipt::Read)),
        "undelivered" | "failed" | "canceled" => {
            let code = field(form, &["ErrorCode"]).and_then(|code| code.parse().ok());
            Some(Told::bad(refusals::reason(code), code))
        }
        _ => None,
    }
}

/// A message that somebody has written; none where it has no id, or comes from no number (a short code, a name).
pub fn inbound(form: &[(String, String)]) -> Option<Inbound> {
    let from = field(form, &["From"])?;
    let from: E164 = from.strip_prefix("whatsapp:").unwrap_or(from).parse().ok()?;
    Some(Inbound {
        id: field(form, &["MessageSid", "SmsMessageSid", "SmsSid"])?.to_owned(),
        from: from.to_string(),
        text: field(form, &["Body"]).unwrap_or_default().to_owned(),
        is_stop: field(form, &["OptOutType"]).is_some_and(|kind| kind.eq_ignore_ascii_case("stop")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(fields: &[(&str, &str)]) -> Vec<(String, String)> {
        fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn only_what_is_news_is_a_receipt() {
        let told = |status, code| receipt(&form(&[("MessageStatus", status), ("ErrorCode", code)]));
        for status in ["accepted", "queued", "sending", "sent", "receiving", "", "?"] {
            assert_eq!(told(status, ""), None, "{status}");
        }
        assert_eq!(told("delivered", ""), Some(Told::good(Receipt::Delivered)));
        assert_eq!(told("read", ""), Some(Told::good(Receipt::Read)));
        for (code, reason) in [
            ("30003", "unreachable"),
            ("30005", "bad_number"),
            ("30006", "landline"),
            ("30007", "filtered"),
            ("21610", "opted_out"),
            ("12345", "undelivered"),
        ] {
            assert_eq!(told("undelivered", code), Some(Told::bad(reason, code.parse().ok())), "{code}");
        }
        assert_eq!(told("failed", "x"), Some(Told::bad("undelivered", None)));
        let older = form(&[("SmsSid", "SM1"), ("SmsStatus", "delivered")]);
        assert_eq!(receipt(&older), Some(Told::good(Receipt::Delivered)));
        assert_eq!(receipt(&form(&[("CallStatus", "completed")])), None, "that is a call's");
    }

    #[test]
    fn what_comes_in_has_an_id_and_a_number() {
        let read = |from: &str, more: &[(&str, &str)]| {
            let mut fields = form(&[("MessageSid", "SM1"), ("From", from), ("Body", "Stop it\n")]);
            fields.extend(form(more));
            inbound(&fields)
        };
        let message = read("+12025550101", &[]).unwrap();
        assert_eq!(
            (message.id.as_str(), message.from.as_str(), message.text.as_str(), message.is_stop),
            ("SM1", "+12025550101", "Stop it\n", false)
        );
        assert_eq!(read("whatsapp:+12025550101", &[]).unwrap().from, "+12025550101");
        assert!(read("+12025550101", &[("OptOutType", "STOP")]).unwrap().is_stop);
        assert!(!read("+12025550101", &[("OptOutType", "START")]).unwrap().is_stop);
        assert_eq!(read("22395", &[]), None);
        assert_eq!(inbound(&form(&[("From", "+12025550101"), ("Body", "Hi")])), None);
    }
}
