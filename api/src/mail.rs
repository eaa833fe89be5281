//! Mail by SMTP (RFC 5321).

use std::{fmt, time::Duration};

use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{Mailbox, header::ContentType},
};

/// Where mail goes, and whom it comes from.
#[derive(Clone)]
pub struct MailSettings {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl fmt::Debug for MailSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MailSettings {{ from: {} }}", self.from) // the URL holds a password
    }
}

impl MailSettings {
    /// `url`: `smtps://user:password@host`, `smtp://user:password@host?tls=required` (STARTTLS), or `smtp://127.0.0.1:port`, which goes
    /// unprotected and therefore to this machine only. `from`: an address, or `Name <address>`.
    ///
    /// # Errors
    /// What would be right.
    pub fn new(url: &str, from: &str) -> Result<Self, String> {
        let place = url::Url::parse(url).map_err(|e| format!("is no URL: {e}"))?;
        let is_protected = place.scheme() == "smtps"
            || place.query_pairs().any(|it| it == ("tls".into(), "required".into()));
        if !is_protected && !crate::is_loopback(&place) {
            return Err(
                "must begin with smtps://, or end with ?tls=required, unless the host is this machine"
                    .to_owned(),
            );
        }
        let transport =
            AsyncSmtpTransport::<Tokio1Executor>::from_url(url).map_err(|e| format!("is unusable: {e}"))?;
        let from = from.parse().map_err(|e| format!("cannot be sent from {from:?}: {e}"))?;
        Ok(Self { transport: transport.timeout(Some(PATIENCE)).build(), from })
    }
}

/// How long one exchange with the mail server may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// Waits between attempts.
const PAUSES: [Duration; 3] = [Duration::from_secs(2), Duration::from_secs(10), Duration::from_secs(30)];

/// Sends mail behind the request's back, so that nobody learns from the time it takes whether there was any.
#[derive(Clone)]
pub(crate) struct Mailer(MailSettings);

impl Mailer {
    pub(crate) fn new(settings: &MailSettings) -> Self {
        Self(settings.clone())
    }

    /// Sends a plain text; tries a few times.
    pub(crate) fn send(&self, to: &str, subject: &str, text: String) {
        let message = to.parse::<Mailbox>().map_err(|e| e.to_string()).and_then(|to| {
            let message = Message::builder().from(self.0.from.clone()).to(to).subject(subject);
            message.header(ContentType::TEXT_PLAIN).body(text).map_err(|e| e.to_string())
        });
        let message = match message {
            Ok(message) => message,
            Err(error) => return tracing::warn!(%error, "a mail could not be written"),
        };
        let transport = self.0.transport.clone();
        tokio::spawn(async move {
            let mut pauses = PAUSES.into_iter();
            while let Err(error) = transport.send(message.clone()).await {
                let pause = pauses.next().filter(|_| !error.is_permanent());
                let Some(pause) = pause else {
                    return tracing::warn!(%error, "a mail could not be sent; its receiver has to ask for another one");
                };
                tokio::time::sleep(pause).await;
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_go_unprotected_to_this_machine_only() {
        let from = "Ringfleet <noreply@example.com>";
        for good in [
            "smtp://127.0.0.1:2525",
            "smtp://localhost",
            "smtps://u:p@mail.example.com",
            "smtp://u:p@mail.example.com:587?tls=required",
        ] {
            assert!(MailSettings::new(good, from).is_ok(), "{good}");
        }
        for bad in [
            "smtp://mail.example.com",
            "smtp://u:p@mail.example.com?tls=opportunistic",
            "http://127.0.0.1",
            "mail",
        ] {
            assert!(MailSettings::new(bad, from).is_err(), "{bad}");
        }
        assert!(MailSettings::new("smtp://127.0.0.1", "nobody").is_err());
    }
}
