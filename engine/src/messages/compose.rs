//! What a message says to this person.

use chrono::TimeDelta;
use ringfleet_core::{
    CallId, Channel,
    message::{Message, UNSUBSCRIBE, Unsayable},
};
use ringfleet_store::Dial;
use serde_json::Value;

use crate::{
    Engine, Result,
    tried::{self, tried_before},
};

/// How long WhatsApp takes free text after somebody has written.
const CHAT: TimeDelta = TimeDelta::hours(24);
/// How long the link in a message is good by which somebody is left alone. A mailbox keeps its mails for years.
const UNSUBSCRIBABLE: TimeDelta = TimeDelta::days(3 * 365);

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
        let tried = tried_before(&mut tx, dial.workspace_id, dial.recipient_id, dial.id).await?;
        let is_whatsapp = dial.channel == Channel::Whatsapp;
        let may_chat =
            is_whatsapp && tx.has_written(dial.workspace_id, dial.number, dial.channel, since).await?;
        tx.commit().await?;
        let step = material.plan.as_ref().and_then(|plan| plan.steps.get(material.step as usize));
        let Some(template) = step.and_then(|step| step.message.as_ref()) else { return Ok(None) };
        let mut variables = tried::variables(&tried);
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
