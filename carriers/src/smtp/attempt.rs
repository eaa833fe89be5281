//! One mail from its order to its ending.

use async_trait::async_trait;
use ringfleet_core::{CallId, EndedBy, Ending, Outcome};
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;

use super::{
    SmtpCarrier,
    letter::{self, Letter, Refused},
    refusals::{self, Failure},
};
use crate::{Attempt, MessageOrder, Progress, placed_in_a_task};

/// The ending of a mail that was taken.
pub(super) fn sent() -> Ending {
    Ending::over(Outcome::Sent, "accepted", None, EndedBy::Carrier)
}

pub(super) struct SmtpAttempt {
    carrier: SmtpCarrier,
    call: CallId,
    letter: Letter,
}

impl SmtpAttempt {
    pub(super) fn prepare(carrier: SmtpCarrier, order: MessageOrder) -> Result<Self, Ending> {
        let call = order.call;
        match letter::write(&carrier.from, carrier.reply_to.as_ref(), call, order.message) {
            Ok(letter) => Ok(Self { carrier, call, letter }),
            Err(Refused::NoMail) => Err(crate::wrong_channel(call)),
            Err(Refused::NoAddress) => {
                Err(Ending::over(Outcome::Failed, "no_address", None, EndedBy::Caller))
            }
        }
    }

    async fn run(self, progress: UnboundedSender<Progress>) -> Ending {
        let doubt = &self.carrier.doubt;
        if doubt.keeps_back() {
            return Ending::over(Outcome::Failed, "network", None, EndedBy::Carrier);
        }
        match self.sent().await {
            Ok(()) => {
                doubt.clear();
                drop(progress.send(Progress::Resume(json!({ "taken": true })))); // nobody may listen any more
                sent()
            }
            Err(failure) => {
                let ending = refusals::ending(&failure);
                match ending {
                    Ending::Over { outcome: Outcome::Uncertain, .. } => doubt.unclear(),
                    _ => doubt.clear(),
                }
                tracing::debug!(?failure, call = %self.call, "a mail was not taken");
                if let Failure::Broken { stage, problem } = failure {
                    tracing::warn!(problem, ?stage, call = %self.call, "the conversation with a mail server broke off");
                }
                ending
            }
        }
    }

    /// Sends it, once. The conversation is used again if the server still listens.
    async fn sent(&self) -> Result<(), Failure> {
        let sessions = &self.carrier.sessions;
        let mut session = sessions.get().await?;
        let result = session.send(&self.letter, sessions.patience()).await;
        if !matches!(result, Err(Failure::Broken { .. } | Failure::Refused { code: 421, .. })) {
            sessions.put_back(session);
        }
        result
    }
}

#[async_trait]
impl Attempt for SmtpAttempt {
    /// Nobody can be asked for it; its Message-ID is that of the call.
    fn resume(&self) -> Value {
        json!({})
    }

    /// A mail shows no number.
    fn show(&mut self, _caller_id: String) {}

    async fn place(
        self: Box<Self>,
        progress: UnboundedSender<Progress>,
        hangup: CancellationToken,
    ) -> Ending {
        placed_in_a_task(hangup, |_| self.run(progress)).await
    }
}
