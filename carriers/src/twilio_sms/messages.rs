//! The requests about messages (<https://www.twilio.com/docs/messaging/api/message-resource>), one function for each.

use chrono::{DateTime, Utc};
use ringfleet_core::E164;
use serde::Deserialize;

use crate::{
    desk::Shows,
    rest::Trouble,
    twilio::api::{Api, Form, moment},
};

/// How many messages to a number are looked through, the newest first.
const LISTED: &str = "20";

/// A message as the provider shows it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Shown {
    pub(super) sid: String,
    #[serde(default)]
    pub(super) status: Option<String>,
    #[serde(default)]
    pub(super) to: Option<String>,
    #[serde(default)]
    pub(super) body: Option<String>,
    #[serde(default)]
    pub(super) direction: Option<String>,
    #[serde(default, deserialize_with = "moment")]
    pub(super) date_created: Option<DateTime<Utc>>,
    #[serde(default)]
    pub(super) error_code: Option<u32>,
}

impl Shows for Shown {
    fn sid(&self) -> &str {
        &self.sid
    }
}

#[derive(Deserialize)]
struct Listed {
    messages: Vec<Shown>,
}

impl Api {
    /// Sends a message.
    pub(super) async fn send(&self, form: &Form) -> Result<Shown, Trouble> {
        self.post("/Messages.json", form).await
    }

    /// How a message is.
    pub(super) async fn message(&self, sid: &str) -> Result<Shown, Trouble> {
        self.get(&format!("/Messages/{sid}.json"), &[]).await
    }

    /// The last messages between these numbers. Not narrowed by DateSent: a message that waits to be sent has none yet.
    pub(super) async fn messages(&self, to: E164, from: Option<&str>) -> Result<Vec<Shown>, Trouble> {
        let to = to.to_string();
        let mut query = vec![("To", to.as_str()), ("PageSize", LISTED)];
        query.extend(from.map(|from| ("From", from)));
        let listed: Listed = self.get("/Messages.json", &query).await?;
        Ok(listed.messages)
    }
}
