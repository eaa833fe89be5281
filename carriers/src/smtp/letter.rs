//! A mail as it stands on the wire.

use lettre::{
    Address, Message,
    message::{
        Mailbox, MultiPart, SinglePart,
        header::{HeaderName, HeaderValue},
    },
};
use ringfleet_core::{CallId, Clock, SystemClock, message};

/// A mail that is ready to be sent.
pub(super) struct Letter {
    pub(super) from: Address,
    pub(super) to: Address,
    /// All of it, headers included, with lines that end in CR LF and are ASCII; the end of the last line belongs to the final dot.
    pub(super) bytes: Vec<u8>,
}

/// Writes a mail. Its Message-ID is that of the call, so that one that comes twice by some accident on the way is known as one.
///
/// # Errors
/// [`message::Unsayable`] where the address is none that mail goes to.
pub(super) fn write(
    from: &Mailbox,
    reply_to: Option<&Mailbox>,
    call: CallId,
    mail: message::Message,
) -> Result<Letter, Refused> {
    let message::Message::Mail { to, subject, text, html, unsubscribe } = mail else {
        return Err(Refused::NoMail);
    };
    let to = super::address(&to).ok_or(Refused::NoAddress)?;
    let mut letter = Message::builder()
        .from(from.clone())
        .to(Mailbox::new(None, to.clone()))
        .subject(subject)
        .date(SystemClock.now().into())
        .message_id(Some(format!("<{call}@{}>", from.email.domain())));
    if let Some(reply_to) = reply_to {
        letter = letter.reply_to(reply_to.clone());
    }
    // Not a standard (RFC 2076 §3.9 discourages it), but what keeps most absence notices from answering.
    letter = letter.raw_header(plain("Precedence", "bulk"));
    if let Some(url) = unsubscribe {
        letter = letter.raw_header(plain("List-Unsubscribe", &format!("<{url}>")));
        // One click (RFC 8058 §3.1): over HTTPS only.
        if url.starts_with("https://") {
            letter = letter.raw_header(plain("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"));
        }
    }
    let written = match html {
        Some(html) => letter.multipart(MultiPart::alternative_plain_html(text, html)),
        None => letter.singlepart(SinglePart::plain(text)),
    };
    let written = written.map_err(|_| Refused::NoAddress)?; // of what can go wrong, only the addresses are left
    let mut bytes = written.formatted();
    if bytes.ends_with(b"\r\n") {
        bytes.truncate(bytes.len() - 2);
    }
    Ok(Letter { from: from.email.clone(), to, bytes })
}

/// Why there is nothing to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// It is no mail.
    NoMail,
    /// The address is none.
    NoAddress,
}

/// A header that goes out as it is written here; our values are short, ASCII, and one line.
fn plain(name: &'static str, value: &str) -> HeaderValue {
    let value: String = value.chars().filter(|c| c.is_ascii() && !c.is_ascii_control()).collect();
    HeaderValue::dangerous_new_pre_encoded(HeaderName::new_from_ascii_str(name), value.clone(), value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(mail: message::Message) -> Result<String, Refused> {
        let from = crate::smtp::mailbox("Söhne, Inc. <hello@example.com>").unwrap();
        let reply_to = crate::smtp::mailbox("answers@example.com").unwrap();
        let call = "ses_01h455vb4pex5vsknk084sn02q".parse().unwrap();
        write(&from, Some(&reply_to), call, mail).map(|letter| String::from_utf8(letter.bytes).unwrap())
    }

    fn mail(to: &str, html: Option<&str>, unsubscribe: Option<&str>) -> message::Message {
        message::Message::Mail {
            to: to.into(),
            subject: "Grüße\r\nBcc: everybody@example.com".into(),
            text: "Hi\n.\nBcc: no header\nGrüße".into(),
            html: html.map(str::to_owned),
            unsubscribe: unsubscribe.map(str::to_owned),
        }
    }

    #[test]
    fn its_headers_are_those_of_bulk_mail_that_can_be_ended() {
        let url = "https://dialer.example.com/u/abc?d=e&f=g";
        let text = written(mail("asha@example.org", None, Some(url))).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        for line in [
            "To: asha@example.org",
            "Reply-To: answers@example.com",
            "Message-ID: <ses_01h455vb4pex5vsknk084sn02q@example.com>",
            "Precedence: bulk",
            &format!("List-Unsubscribe: <{url}>"),
            "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
        ] {
            assert!(head.lines().any(|known| known == line), "{line} in\n{head}");
        }
        assert!(head.contains("<hello@example.com>") && head.contains("\r\nDate: "), "{head}");
        assert!(!head.lines().any(|line| line.starts_with("Bcc")), "{head}");
        assert!(text.is_ascii() && body.contains("Gr=C3=BC"), "{text}");
    }

    #[test]
    fn one_click_needs_https_and_none_is_offered_where_nobody_could_be_reached() {
        let over_http = written(mail("a@example.org", None, Some("http://127.0.0.1/u"))).unwrap();
        assert!(over_http.contains("List-Unsubscribe: <http://127.0.0.1/u>"));
        assert!(!over_http.contains("One-Click"));
        assert!(!written(mail("a@example.org", None, None)).unwrap().contains("List-Unsubscribe"));
    }

    #[test]
    fn html_stands_beside_the_text() {
        let text = written(mail("a@example.org", Some("<p>Hi</p>"), None)).unwrap();
        let plain = text.find("Content-Type: text/plain").unwrap();
        let html = text.find("Content-Type: text/html").unwrap();
        assert!(text.contains("Content-Type: multipart/alternative") && plain < html, "{text}");
        assert!(text.contains("<p>Hi</p>"));
    }

    #[test]
    fn what_is_no_address_gets_nothing() {
        for to in ["", "a", "a@", "a b@example.org", "a@example.org\r\nRCPT TO:<b@example.org>"] {
            assert_eq!(written(mail(to, None, None)), Err(Refused::NoAddress), "{to:?}");
        }
        assert_eq!(written(message::Message::Text("Hi".into())), Err(Refused::NoMail));
    }
}
