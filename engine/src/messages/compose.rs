//! What a message says to this person.

use chrono::TimeDelta;
use ringfleet_core::{
    CallId, Channel,
    clock::rfc3339,
    message::{Message, UNSUBSCRIBE, Unsayable},
};
use ringfleet_store::{Call, CallFilter, Dial, Page};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{Engine, Result};

/// How long WhatsApp takes free text after somebody has written.
const CHAT: TimeDelta = TimeDelta::hours(24);
/// How long the link in a message is good by which somebody is left alone. A mailbox keeps its mails for years.
const UNSUBSCRIBABLE: TimeDelta = TimeDelta::days(3 * 365);

/// Calls of the same person that are looked at, the latest first.
const LOOKED_AT: u32 = 20;

/// The path of the page by which whoever got this message is left alone.
pub(crate) fn unsubscribe_path(call: CallId) -> String {
    format!("/unsubscribe/{}", call.uuid())
}

impl Engine {
    /// Puts a message together. None when its call is gone or its plan has no message there any more.
    ///
    /// # Errors
    /// When the database cannot be reached. What lies with this one person is inside.
    pub async fn compose(&self, dial: &Dial) -> Result<Option<std::result::Result<Message, Unsayable>>> {
        let since = self.0.clock.now() - CHAT;
        let mut tx = self.0.store.read().await?;
        let Some(material) = tx.material(dial.id).await? else { return Ok(None) };
        let tried = match dial.recipient_id {
            Some(recipient) => {
                let of_recipient = CallFilter { recipient: Some(recipient), ..CallFilter::default() };
                tx.calls(dial.workspace_id, of_recipient, Page::first(LOOKED_AT)).await?
            }
            None => Vec::new(),
        };
        let is_whatsapp = dial.channel == Channel::Whatsapp;
        let may_chat =
            is_whatsapp && tx.has_written(dial.workspace_id, dial.number, dial.channel, since).await?;
        tx.commit().await?;
        let step = material.plan.as_ref().and_then(|plan| plan.steps.get(material.step as usize));
        let Some(template) = step.and_then(|step| step.message.as_ref()) else { return Ok(None) };
        let mut variables = tried_before(&tried, dial.id.uuid());
        if let Some(Value::Object(own)) = material.variables {
            variables.extend(own);
        }
        if let Some(link) = self.unsubscribe_link(dial.id).await? {
            variables.insert(UNSUBSCRIBE.to_owned(), link.into());
        }
        Ok(Some(template.say(dial.channel, &variables, may_chat)))
    }

    async fn unsubscribe_link(&self, call: CallId) -> Result<Option<String>> {
        let Some(media) = self.0.media.get() else { return Ok(None) };
        let expires = self.0.clock.now() + UNSUBSCRIBABLE;
        let key = self.server_secret().await?.link_key();
        Ok(Some(key.address(&media.base_url, &unsubscribe_path(call), expires)))
    }
}

/// What was tried before with the same person, of its calls, the latest first: `tried.channel`, `tried.outcome`, `tried.at` of the last time, and `tried.times`.
fn tried_before(calls: &[Call], this: Uuid) -> Map<String, Value> {
    let over: Vec<&Call> =
        calls.iter().filter(|call| call.id.uuid() != this && call.outcome.is_some()).collect();
    let mut told = Map::from_iter([("tried.times".to_owned(), over.len().into())]);
    if let Some((last, outcome)) = over.first().and_then(|last| Some((last, last.outcome?))) {
        told.insert("tried.channel".into(), last.channel.as_str().into());
        told.insert("tried.outcome".into(), outcome.as_str().into());
        told.extend(last.ended_at.map(|at| ("tried.at".to_owned(), rfc3339(at).into())));
    }
    told
}
