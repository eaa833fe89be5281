//! Callbacks: where they go, and how it is known that the provider sends them
//! (<https://www.twilio.com/docs/usage/security#validating-requests>).

use base64::{Engine, prelude::BASE64_STANDARD};
use ring::hmac;
use ringfleet_core::CallId;
use url::Url;

use crate::rest::{self, RestSettings};

/// The part of a callback's path that is this provider's.
const PATH: &str = "twilio";

/// Where the provider tells of this call. `base`: where it finds the API.
pub fn callback_url(base: &Url, call: CallId) -> String {
    rest::callback_url(base, PATH, call)
}

/// The same: none where this installation has no address that the provider could reach.
pub(crate) fn callback(settings: &RestSettings, call: CallId) -> Option<String> {
    settings.callback(PATH, call)
}

/// The signature of whoever knows the token: see [`is_signed`]. For those who speak like a provider.
pub fn sign(auth_token: &str, url: &str, form: &[(String, String)]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, auth_token.as_bytes());
    BASE64_STANDARD.encode(hmac::sign(&key, signed_text(url, &sorted(form)).as_bytes()))
}

/// Whether `signature` (the header X-Twilio-Signature) is that of whoever knows the token: an HMAC-SHA1 of the URL and of all names and
/// values of the form, sorted by name. Takes the same time whatever is wrong with it.
///
/// Some sign the port of the scheme along with the URL, others leave every port out: all of that is one URL.
pub fn is_signed(auth_token: &str, url: &str, form: &[(String, String)], signature: &str) -> bool {
    let Ok(tag) = BASE64_STANDARD.decode(signature) else { return false };
    let sorted = sorted(form);
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, auth_token.as_bytes());
    let signs = |url: &str| hmac::verify(&key, signed_text(url, &sorted).as_bytes(), &tag).is_ok();
    spellings(url).into_iter().filter(|url| signs(url)).count() > 0
}

fn sorted(form: &[(String, String)]) -> Vec<&(String, String)> {
    let mut sorted: Vec<_> = form.iter().collect();
    sorted.sort();
    sorted.dedup();
    sorted
}

fn signed_text(url: &str, sorted: &[&(String, String)]) -> String {
    let parts = sorted.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]);
    std::iter::once(url).chain(parts).collect()
}

/// A URL as it is, without a port, and with the one of its scheme.
fn spellings(text: &str) -> Vec<String> {
    let mut all = vec![text.to_owned()];
    if let Ok(url) = Url::parse(text)
        && let Some(host) = url.host_str()
        && let Some(port) = url.port_or_known_default()
    {
        let rest = &url[url::Position::BeforePath..];
        all.push(format!("{}://{host}{rest}", url.scheme()));
        all.push(format!("{}://{host}:{port}{rest}", url.scheme()));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(fields: &[(&str, &str)]) -> Vec<(String, String)> {
        fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    /// The example of Twilio's documentation.
    #[test]
    fn the_published_example_holds_and_nothing_near_it() {
        let url = "https://mycompany.com/myapp.php?foo=1&bar=2";
        let fields = form(&[
            ("CallSid", "CA1234567890ABCDE"),
            ("Caller", "+12349013030"),
            ("To", "+18005551212"),
            ("From", "+12349013030"),
            ("Digits", "1234"),
        ]);
        let signature = "0/KCTR6DLpKmkAf8muzZqo1nDgQ=";
        assert!(is_signed("12345", url, &fields, signature));
        assert!(!is_signed("12346", url, &fields, signature));
        assert!(!is_signed("12345", "https://mycompany.com/other.php", &fields, signature));
        assert!(!is_signed("12345", url, &fields[1..], signature));
        for wrong in ["", "0/KCTR6DLpKmkAf8muzZqo1nDgQ", "AAAA", "%"] {
            assert!(!is_signed("12345", url, &fields, wrong), "{wrong}");
        }
    }

    #[test]
    fn a_port_may_be_signed_or_not() {
        let call = "ses_01h455vb4pex5vsknk084sn02q".parse().unwrap();
        let url = callback_url(&"https://dialer.example.com/".parse().unwrap(), call);
        assert_eq!(url, format!("https://dialer.example.com/callbacks/twilio/{call}"));
        assert_eq!(spellings("https://h:8443/a?b")[1..], ["https://h/a?b", "https://h:8443/a?b"]);
        assert_eq!(spellings("https://h/a")[1..], ["https://h/a", "https://h:443/a"]);
    }
}
