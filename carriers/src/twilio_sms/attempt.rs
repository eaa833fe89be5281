//! One message from its order to its ending.

use async_trait::async_trait;
use ringfleet_core::{Clock, EndedBy, Ending, Outcome, SystemClock, call::OPTED_OUT, message::Message};
use serde_json::Value;
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;

use super::{Kept, TwilioSmsCarrier, find::Text, fingerprint, messages::Shown, refusals};
use crate::{
    Attempt, MessageOrder, Progress, placed_in_a_task,
    twilio::{api::Form, signature},
};

pub(super) struct SmsAttempt {
    carrier: TwilioSmsCarrier,
    order: MessageOrder,
    text: String,
}

impl SmsAttempt {
    pub(super) fn prepare(carrier: TwilioSmsCarrier, order: MessageOrder) -> Result<Self, Ending> {
        match order.message.clone() {
            Message::Text(text) => Ok(Self { carrier, order, text }),
            Message::Template { .. } | Message::Mail { .. } => Err(crate::wrong_channel(order.call)),
        }
    }

    fn kept(&self) -> Kept {
        let (call, to) = (self.order.call, self.order.to);
        // Which number a service has chosen is not known.
        let is_chosen_there = self.carrier.trunk.messaging_service_sid.is_some();
        let from = self.order.from.clone().filter(|_| !is_chosen_there);
        Kept { call, to, from, text: fingerprint(&self.text), at: SystemClock.now(), sid: None }
    }

    /// What is asked for (<https://www.twilio.com/docs/messaging/api/message-resource#create-a-message-resource>); none without a sender.
    fn form(&self) -> Option<Form> {
        let Self { carrier, order, text } = self;
        let sender = match (&carrier.trunk.messaging_service_sid, &order.from) {
            (Some(service), _) => ("MessagingServiceSid", service.clone()),
            (None, Some(from)) => ("From", from.clone()),
            (None, None) => return None,
        };
        let mut form = vec![("To", order.to.to_string()), sender, ("Body", text.clone())];
        let callback = signature::callback(&carrier.desk.settings, order.call);
        form.extend(callback.map(|url| ("StatusCallback", url)));
        Some(form)
    }

    async fn run(self, progress: UnboundedSender<Progress>) -> Ending {
        let kept = self.kept();
        let shown = match self.sent(&kept).await {
            Ok(shown) => shown,
            Err(ending) => {
                if matches!(&ending, Ending::Over { reason, .. } if reason == OPTED_OUT) {
                    drop(progress.send(Progress::OptedOut)); // nobody may listen any more
                }
                return ending;
            }
        };
        self.carrier.desk.api.known.lock().add(&shown.sid);
        let resume = Kept { sid: Some(shown.sid.clone()), ..kept }.to_value();
        drop(progress.send(Progress::Resume(resume))); // nobody may listen any more
        refusals::ending(&shown)
    }

    /// Sends the message, once. Where it is not clear whether the provider has it, looks for it.
    async fn sent(&self, kept: &Kept) -> Result<Shown, Ending> {
        let Some(form) = self.form() else {
            return Err(Ending::over(Outcome::Failed, "no_caller_id", None, EndedBy::Caller));
        };
        let desk = &self.carrier.desk;
        let sought = Text { carrier: &self.carrier, kept };
        let mut ear = desk.hints.listen(kept.call);
        desk.once(kept.call, desk.api.send(&form), refusals::refused, &sought, &mut ear).await
    }
}

#[async_trait]
impl Attempt for SmsAttempt {
    fn resume(&self) -> Value {
        self.kept().to_value()
    }

    fn show(&mut self, caller_id: String) {
        self.order.from = Some(caller_id);
    }

    async fn place(
        self: Box<Self>,
        progress: UnboundedSender<Progress>,
        hangup: CancellationToken,
    ) -> Ending {
        placed_in_a_task(hangup, |_| self.run(progress)).await
    }
}
