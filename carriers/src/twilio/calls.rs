//! The requests about calls (<https://www.twilio.com/docs/voice/api/call-resource>), one function for each.

use chrono::{DateTime, Utc};
use ringfleet_core::E164;
use serde::Deserialize;

use super::api::{Api, Form, moment};
use crate::{desk::Shows, rest::Trouble};

/// How many calls to a number are looked through, the newest first.
const LISTED: &str = "20";

/// A call as the provider shows it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Shown {
    pub(super) sid: String,
    pub(super) status: String,
    #[serde(default)]
    pub(super) to: Option<String>,
    #[serde(default)]
    pub(super) direction: Option<String>,
    /// Empty as long as nobody has been dialed.
    #[serde(default)]
    pub(super) start_time: Option<String>,
    #[serde(default, deserialize_with = "moment")]
    pub(super) date_created: Option<DateTime<Utc>>,
    #[serde(default)]
    pub(super) answered_by: Option<String>,
}

impl Shows for Shown {
    fn sid(&self) -> &str {
        &self.sid
    }
}

#[derive(Deserialize)]
struct Listed {
    calls: Vec<Shown>,
}

#[derive(Deserialize)]
struct Notifications {
    notifications: Vec<Notification>,
}

#[derive(Deserialize)]
struct Notification {
    error_code: String,
}

impl Api {
    /// Places a call.
    pub(super) async fn place(&self, form: &Form) -> Result<Shown, Trouble> {
        self.post("/Calls.json", form).await
    }

    /// How a call is.
    pub(super) async fn call(&self, sid: &str) -> Result<Shown, Trouble> {
        self.get(&format!("/Calls/{sid}.json"), &[]).await
    }

    /// Asks for the end of a call. `status`: `canceled` before the answer, `completed` after it.
    pub(super) async fn end(&self, sid: &str, status: &str) -> Result<Shown, Trouble> {
        self.post(&format!("/Calls/{sid}.json"), &vec![("Status", status.to_owned())]).await
    }

    /// The last calls between these numbers. Not narrowed by StartTime: a call that waits to be dialed has none yet.
    pub(super) async fn calls(&self, to: E164, from: Option<&str>) -> Result<Vec<Shown>, Trouble> {
        let to = to.to_string();
        let mut query = vec![("To", to.as_str()), ("PageSize", LISTED)];
        query.extend(from.map(|from| ("From", from)));
        let listed: Listed = self.get("/Calls.json", &query).await?;
        Ok(listed.calls)
    }

    /// The codes of what went wrong with a call.
    pub(super) async fn errors_of(&self, sid: &str) -> Result<Vec<u32>, Trouble> {
        let found: Notifications = self.get(&format!("/Calls/{sid}/Notifications.json"), &[]).await?;
        Ok(found
            .notifications
            .iter()
            .filter_map(|notification| notification.error_code.parse().ok())
            .collect())
    }
}
