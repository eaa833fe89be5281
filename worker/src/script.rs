//! What happens in a call after the answer, put together before it is placed.

use std::collections::BTreeMap;

use ringfleet_carriers::{AgentAt, Handover, Script};
use ringfleet_core::{
    EndedBy, Ending, Outcome,
    call::AGENT_UNREACHABLE,
    conversation::{Connect, ConnectKind, OnMachine},
    transfer::{Destination, Transfer, TransferName},
};
use ringfleet_store::{Background, Dial};
use serde_json::Value;

use crate::dial::Dialer;

/// What is known of a call, and as JSON what was tried before with the same person.
pub(crate) type Known = (Background, Option<String>);

impl Dialer {
    /// The script of a call. The error is the ending of a call that is not to be placed.
    pub(crate) async fn script(&self, dial: &Dial, known: Option<Known>) -> Result<Script, Ending> {
        let rules = dial.conversation.clone();
        let machine_message = match rules.on_machine {
            OnMachine::Message => {
                self.machine_message(dial, known.as_ref().map(|(background, _)| background)).await?
            }
            OnMachine::HangUp | OnMachine::CarryOn => None,
        };
        let fallback = self.fallback(dial, known.as_ref().map(|(background, _)| background)).await?;
        let destinations = destinations(dial)?;
        let (mut handover, mut told) = (None, BTreeMap::new());
        match &rules.connect {
            Some(connect) => handover = Some(self.handover(dial, connect, known)?),
            None if dial.config.brings_agent() => {
                told = parameters(dial, &BTreeMap::new(), of_call(dial, known)?)
            }
            None => {}
        }
        let campaign = dial.campaign_id;
        Ok(Script { rules, handover, machine_message, fallback, destinations, campaign, told })
    }

    /// What is known of a call beside its number; nothing where neither an agent is told of it nor a text has places for it.
    pub(crate) async fn background(&self, dial: &Dial) -> Result<Option<Known>, Ending> {
        let rules = &dial.conversation;
        let is_told = rules.connect.is_some() || dial.config.brings_agent();
        if !is_told && !rules.texts().any(|text| text.contains("{{")) {
            return Ok(None);
        }
        self.engine.background(dial).await.map_err(|error| {
            tracing::warn!(%error, call = %dial.id, "what is known of a call cannot be read yet");
            Ending::NoRoom {
                retry_after: std::time::Duration::from_secs(1),
                reason: "database".into(),
                code: None,
            }
        })
    }

    fn handover(&self, dial: &Dial, connect: &Connect, known: Option<Known>) -> Result<Handover, Ending> {
        let at = match connect.kind {
            ConnectKind::Ws => connect.url.parse().map(AgentAt::WebSocket).map_err(|error| error.to_string()),
            ConnectKind::Sip => connect.url.parse().map(AgentAt::Telephone).map_err(str::to_owned),
        };
        let at = at.map_err(|error| unusable(dial, &format!("its URL: {error}")))?;
        Ok(Handover {
            at,
            parameters: parameters(dial, &connect.parameters, of_call(dial, known)?),
            call: dial.id.to_string(),
            account: dial.workspace_id.to_string(),
            connector: self.connector.clone(),
        })
    }
}

/// Where the call may be handed on to.
fn destinations(dial: &Dial) -> Result<BTreeMap<TransferName, Destination>, Ending> {
    let of = |(name, transfer): (&TransferName, &Transfer)| {
        transfer.destination().map(|destination| (name.clone(), destination))
    };
    let read: Result<_, _> = dial.conversation.transfers.iter().map(of).collect();
    read.map_err(|problem| unusable(dial, problem))
}

fn of_call(dial: &Dial, known: Option<Known>) -> Result<Known, Ending> {
    known.ok_or_else(|| unusable(dial, "the call is gone"))
}

fn unusable(dial: &Dial, problem: &str) -> Ending {
    tracing::error!(problem, call = %dial.id, "a call cannot be handed over");
    Ending::over(Outcome::Failed, AGENT_UNREACHABLE, None, EndedBy::Caller)
}

/// What the agent is told: the call's variables, the agent's `own` parameters, and which call it is; the later wins.
fn parameters(
    dial: &Dial,
    own: &BTreeMap<String, String>,
    (background, history): Known,
) -> BTreeMap<String, String> {
    let variables = match background.variables {
        Some(Value::Object(variables)) => variables,
        _ => serde_json::Map::new(),
    };
    let mut told: BTreeMap<String, String> =
        variables.into_iter().map(|(name, value)| (name, plain(value))).collect();
    told.extend(own.clone());
    told.extend([
        ("callId".to_owned(), dial.id.to_string()),
        ("to".to_owned(), dial.number.to_string()),
        ("attempt".to_owned(), background.attempt.to_string()),
    ]);
    told.extend(history.map(|history| ("history".to_owned(), history)));
    told.extend(dial.campaign_id.map(|campaign| ("campaignId".to_owned(), campaign.to_string())));
    told
}

/// Parameters are texts; a value that is none is told as its JSON.
fn plain(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}
