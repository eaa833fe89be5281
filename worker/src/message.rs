//! Messages: put together before they are sent, by the rules of calls.

use std::time::Duration;

use ringfleet_carriers::{Attempt, MessageOrder};
use ringfleet_core::{
    EndedBy, Ending, Outcome,
    message::{NO_MESSAGE, OF_THE_RECIPIENT},
};
use ringfleet_store::Dial;

use crate::dial::Dialer;

impl Dialer {
    /// Puts a message together, ready to be sent. The error is the ending of one that is not to be sent.
    pub(crate) async fn prepare_message(&self, dial: &Dial) -> Result<Box<dyn Attempt>, Ending> {
        let composed = self.engine.compose(dial).await.map_err(|error| {
            tracing::warn!(%error, call = %dial.id, "what a message is to say cannot be read yet");
            let (retry_after, reason) = (Duration::from_secs(1), "database".into());
            Ending::NoRoom { retry_after, reason, code: None }
        })?;
        let refused = |reason| Ending::over(Outcome::Failed, reason, None, EndedBy::Caller);
        let message = match composed {
            Some(Ok(message)) => message,
            Some(Err(unsayable)) => {
                tracing::info!(%unsayable, call = %dial.id, "a message cannot be put together for this person");
                return Err(refused(unsayable.reason()));
            }
            // Its plan was changed since it was claimed.
            None => return Err(refused(NO_MESSAGE)),
        };
        let order =
            MessageOrder { call: dial.id, to: dial.number, from: dial.shows().map(str::to_owned), message };
        self.carrier(dial)?.prepare_message(order).await
    }
}

/// Whether a message was not sent for a reason that lies with this one person: that is how its step ends.
pub(crate) fn is_of_the_recipient(ending: &Ending) -> bool {
    matches!(ending, Ending::Over { reason, .. } if OF_THE_RECIPIENT.contains(&reason.as_ref()))
}
