//! E-mail over a mail server of the customer's (RFC 5321).
//!
//! A mail is sent when the server has taken it with its answer to the final dot. Whatever fails before that dot was not sent, and whatever is lost
//! after it may have been: nobody can be asked, so it is UNCERTAIN, and never sent again by itself. What becomes of it afterwards comes back as
//! mail to whoever it is from, if at all. docs/CHANNELS.md says what is mapped to what.

mod attempt;
mod letter;
mod refusals;
mod session;

use std::sync::Arc;

use async_trait::async_trait;
use lettre::{Address, message::Mailbox};
use ringfleet_core::{
    Ending,
    call::{TRUNK_TROUBLE, TRUNK_TROUBLE_PERHAPS},
    message_trunk::SmtpTrunk,
};
use serde_json::Value;

use crate::{Attempt, Carrier, MessageOrder, Order, RestSettings, doubt::Doubt};
use session::Sessions;

/// A mail server. Cheap to clone.
#[derive(Clone)]
pub struct SmtpCarrier {
    from: Mailbox,
    reply_to: Option<Mailbox>,
    sessions: Arc<Sessions>,
    doubt: Arc<Doubt>,
}

impl SmtpCarrier {
    /// A carrier for this server. Touches no network.
    ///
    /// # Errors
    /// What is wrong with the settings, or with TLS here.
    pub fn open(trunk: SmtpTrunk, settings: &RestSettings) -> Result<Self, String> {
        let from = mailbox(&trunk.from)?;
        let reply_to = trunk.reply_to.as_deref().map(mailbox).transpose()?;
        let sessions = Sessions::new(trunk, from.email.domain(), settings).map_err(|e| e.to_string())?;
        Ok(Self { from, reply_to, sessions: Arc::new(sessions), doubt: Arc::default() })
    }
}

/// Reads `name@host`, or `Name <name@host>`; a name may hold commas and dots without being quoted.
///
/// # Errors
/// What is wrong with it.
pub fn mailbox(text: &str) -> Result<Mailbox, String> {
    let named = text.trim().strip_suffix('>').and_then(|rest| rest.rsplit_once('<'));
    let (name, address) = named.map_or((None, text.trim()), |(name, address)| (Some(name.trim()), address));
    let name = name.map(|name| name.strip_prefix('"').and_then(|it| it.strip_suffix('"')).unwrap_or(name));
    if name.is_some_and(|name| name.contains(char::is_control)) {
        return Err("the name holds control characters".into());
    }
    let address = self::address(address).ok_or_else(|| format!("{address:?} is no e-mail address"))?;
    Ok(Mailbox::new(name.filter(|name| !name.is_empty()).map(str::to_owned), address))
}

/// Reads an address alone.
fn address(text: &str) -> Option<Address> {
    text.parse().ok()
}

#[async_trait]
impl Carrier for SmtpCarrier {
    async fn prepare(&self, order: Order) -> Result<Box<dyn Attempt>, Ending> {
        Err(crate::wrong_channel(order.call))
    }

    async fn prepare_message(&self, order: MessageOrder) -> Result<Box<dyn Attempt>, Ending> {
        Ok(Box::new(attempt::SmtpAttempt::prepare(self.clone(), order)?))
    }

    /// Nobody can be asked.
    async fn resolve(&self, resume: &Value, _shown: Option<&str>) -> Ending {
        match resume["taken"] == true {
            true => attempt::sent(),
            false => Ending::uncertain("worker_lost"),
        }
    }

    async fn probe(&self) -> Result<(), &'static str> {
        let refused = match self.sessions.get().await {
            Ok(session) => {
                self.sessions.put_back(session);
                return Ok(());
            }
            Err(failure) => refusals::ending(&failure),
        };
        match refused {
            Ending::Over { reason, .. } => {
                let all = TRUNK_TROUBLE.iter().chain(TRUNK_TROUBLE_PERHAPS);
                Err(all.copied().find(|known| *known == reason).unwrap_or("network"))
            }
            // Too much asked of it, it is there all the same.
            Ending::NoRoom { .. } | Ending::GivenUp { .. } => Ok(()),
        }
    }

    async fn close(&self) {
        self.sessions.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_be_written_as_people_write_it() {
        let read = |text: &str| mailbox(text).map(|mailbox| (mailbox.name, mailbox.email.to_string()));
        let with = |name: &str| Ok((Some(name.to_owned()), "a@example.com".to_owned()));
        assert_eq!(read("a@example.com"), Ok((None, "a@example.com".to_owned())));
        assert_eq!(read("<a@example.com>"), Ok((None, "a@example.com".to_owned())));
        assert_eq!(read("Acme <a@example.com>"), with("Acme"));
        assert_eq!(read("Söhne & Co., Inc. <a@example.com>"), with("Söhne & Co., Inc."));
        assert_eq!(read("\"Acme\" <a@example.com>"), with("Acme"));
        for wrong in [
            "",
            "Acme",
            "Acme <>",
            "a@example.com, b@example.com",
            "A\r\nBcc: x <a@example.com>",
            "<a@example.com> x",
        ] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
    }
}
