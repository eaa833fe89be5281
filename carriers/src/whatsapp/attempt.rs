//! One message from its order to its ending.

use std::borrow::Cow;

use async_trait::async_trait;
use reqwest::Method;
use ringfleet_core::{
    CallId, EndedBy, Ending, Outcome,
    call::{MISSING_VARIABLE, OPTED_OUT},
    message::{Message, one_line},
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;

use super::{
    WhatsappCarrier, kept,
    refusals::{self, Meaning, TEMPLATE_REFUSED},
    templates::Used,
};
use crate::{Attempt, MessageOrder, Progress, placed_in_a_task, rest::Trouble};

pub(super) struct WhatsappAttempt {
    carrier: WhatsappCarrier,
    call: CallId,
    body: Value,
    /// The template it uses.
    used: Option<Used>,
}

/// What is answered when a message was taken.
#[derive(Deserialize)]
struct Taken {
    messages: Vec<TakenMessage>,
}

#[derive(Deserialize)]
struct TakenMessage {
    id: String,
}

impl WhatsappAttempt {
    pub(super) fn prepare(carrier: WhatsappCarrier, order: &MessageOrder) -> Result<Self, Ending> {
        let call = order.call;
        let (kind, content, used) = match &order.message {
            Message::Text(text) => ("text", json!({"preview_url": false, "body": text}), None),
            Message::Template { name, language, variables } => {
                let values: Vec<_> = variables.iter().map(|text| one_line(text)).collect();
                if values.iter().any(String::is_empty) {
                    return Err(Ending::over(Outcome::Failed, MISSING_VARIABLE, None, EndedBy::Caller));
                }
                let used = (name.clone(), language.clone(), values.len());
                ("template", template(name, language, &values), Some(used))
            }
            Message::Mail { .. } => return Err(crate::wrong_channel(call)),
        };
        if let Some(used) = &used
            && let Some(retry_after) = carrier.templates.rests(used)
        {
            return Err(Ending::NoRoom { retry_after, reason: Cow::Borrowed(TEMPLATE_REFUSED), code: None });
        }
        let mut body = json!({
            "messaging_product": "whatsapp", "recipient_type": "individual", "to": order.to.to_string(), "type": kind,
            "biz_opaque_callback_data": call,
        });
        body[kind] = content;
        Ok(Self { carrier, call, body, used })
    }

    async fn run(self, progress: UnboundedSender<Progress>) -> Ending {
        let ending = self.sent(&progress).await;
        if matches!(&ending, Ending::Over { reason, .. } if reason == OPTED_OUT) {
            drop(progress.send(Progress::OptedOut)); // nobody may listen any more
        }
        ending
    }

    /// Sends the message, once.
    async fn sent(&self, progress: &UnboundedSender<Progress>) -> Ending {
        let doubt = &self.carrier.doubt;
        if doubt.keeps_back() {
            return Ending::over(Outcome::Failed, "network", None, EndedBy::Carrier);
        }
        let unclear = match self.carrier.ask::<Taken>(Method::POST, "/messages", Some(&self.body)).await {
            Ok(Taken { messages }) if !messages.is_empty() => {
                doubt.clear();
                self.used.iter().for_each(|used| self.carrier.templates.taken(used));
                drop(progress.send(Progress::Resume(kept(&messages[0].id)))); // nobody may listen any more
                return refusals::sent();
            }
            Err(Trouble::Unsent(problem)) => {
                tracing::warn!(problem, "WhatsApp cannot be reached");
                return Ending::over(Outcome::Failed, "network", None, EndedBy::Carrier);
            }
            Err(Trouble::Refused { status, code, retry_after }) => match refusals::understood(status, code) {
                Meaning::Unclear => format!("status {status}, code {code:?}"),
                meaning => {
                    doubt.clear();
                    self.note(meaning, code);
                    return refusals::refused(meaning, status, code, retry_after);
                }
            },
            Ok(_) => "the answer names no message".to_owned(),
            Err(Trouble::Unknown(problem)) => problem,
        };
        doubt.unclear();
        tracing::warn!(problem = unclear, call = %self.call, "it is not known whether WhatsApp has taken a message, and nobody can be asked");
        Ending::uncertain("placement_unknown")
    }

    /// Lets a template rest that was refused, and says so once.
    fn note(&self, meaning: Meaning, code: Option<u32>) {
        if meaning == Meaning::Template
            && let Some(used) = &self.used
        {
            let (name, language, values) = used;
            tracing::warn!(
                name,
                language,
                values,
                ?code,
                "WhatsApp refuses a template; messages with it are held"
            );
            self.carrier.templates.refused(used.clone());
        }
    }
}

fn template(name: &str, language: &str, values: &[String]) -> Value {
    let mut template = json!({"name": name, "language": {"code": language}});
    if !values.is_empty() {
        let parameters: Vec<_> = values.iter().map(|text| json!({"type": "text", "text": text})).collect();
        template["components"] = json!([{"type": "body", "parameters": parameters}]);
    }
    template
}

#[async_trait]
impl Attempt for WhatsappAttempt {
    /// Before it was sent there is nothing by which it could be found.
    fn resume(&self) -> Value {
        json!({})
    }

    /// The trunk is the number.
    fn show(&mut self, _caller_id: String) {}

    async fn place(
        self: Box<Self>,
        progress: UnboundedSender<Progress>,
        hangup: CancellationToken,
    ) -> Ending {
        placed_in_a_task(hangup, |_| self.run(progress)).await
    }
}
