//! `ringfleet demo --cascade`: whoever does not pick up is written to, over WhatsApp, by text, by e-mail, with providers of its own.

mod mail;
pub mod people;
mod providers;

use std::io::Write;

use comfy_table::{Table, presets::UTF8_FULL_CONDENSED};
use serde::Deserialize;
use serde_json::{Value, json};

use super::client::{ApiError, Client, Made};
use crate::process::Failure;
use mail::Mail;
use providers::{ACCOUNT, APP_SECRET, PHONE_NUMBER_ID, Providers, SENDER, TOKEN};

/// Hours that a step waits for receipts: three seconds.
const WAIT: f64 = 3.0 / 3600.0;
/// People whose way is shown.
const SHOWN: usize = 100;

/// Who sends the messages.
pub struct Senders {
    providers: Providers,
    mail: Mail,
}

impl Senders {
    /// # Errors
    /// When no loopback port can be opened.
    pub async fn start() -> Result<Self, Failure> {
        Ok(Self { providers: Providers::start().await?, mail: Mail::start().await? })
    }

    /// Makes their trunks, and gives the steps of a plan after the calls. `base`: where the API is.
    pub async fn steps(&self, client: &Client, base: &str) -> Result<Vec<Value>, Failure> {
        let failed = |e: ApiError| Failure::new(format!("a trunk for messages cannot be made: {e}"));
        let trunk = async |trunk: Value| client.post::<Made>("/trunks", &trunk).await.map_err(failed);
        let url = self.providers.url();
        let texts = trunk(json!({
            "name": "Demo texts", "kind": "twilioSms", "accountSid": ACCOUNT, "authToken": TOKEN, "baseUrl": url, "callerId": SENDER,
        }))
        .await?
        .id;
        let whatsapp = trunk(json!({
            "name": "Demo WhatsApp", "kind": "whatsapp", "phoneNumberId": PHONE_NUMBER_ID, "accessToken": "demo", "appSecret": APP_SECRET,
            "verifyToken": "demo", "baseUrl": url,
        }))
        .await?
        .id;
        let mail = trunk(json!({
            "name": "Demo mail", "kind": "smtp", "host": "127.0.0.1", "port": self.mail.port(), "security": "none",
            "from": "Demo <demo@example.com>",
        }))
        .await?
        .id;
        self.providers.tell_at(
            format!("{base}/callbacks/twilio/trunks/{texts}"),
            format!("{base}/callbacks/whatsapp/{whatsapp}"),
        );
        Ok(vec![
            json!({"channel": "whatsapp", "gate": "any", "trunkId": whatsapp,
                "message": {"template": "we_called", "language": "en", "variables": ["{{Name|friend}}"]}}),
            json!({"channel": "sms", "gate": "whatsapp.unread", "afterHours": WAIT, "trunkId": texts,
                "message": {"text": "Hello {{Name|friend}}, we could not reach you by phone. Answer STOP to be left alone."}}),
            json!({"channel": "email", "gate": "sms.undelivered", "afterHours": WAIT, "trunkId": mail,
                "message": {"subject": "We could not reach you", "text": "Hello {{Name|friend}}, please call us.\n\n{{unsubscribeUrl}}"}}),
        ])
    }

    /// Messages and mails they took.
    pub fn taken(&self) -> (u64, u64) {
        (self.providers.taken(), self.mail.taken())
    }
}

/// A recipient, as far as it is shown.
#[derive(Deserialize)]
struct Listed {
    id: String,
}

/// A recipient and its steps.
#[derive(Deserialize)]
pub struct Walk {
    to: String,
    disposition: Option<String>,
    channels: Vec<Chip>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Chip {
    channel: String,
    status: String,
    reason: Option<String>,
    last_outcome: Option<String>,
}

/// How each of a campaign's first recipients went through its plan.
pub async fn walks(client: &Client, campaign: &str) -> Result<Vec<Walk>, ApiError> {
    let path = format!("/campaigns/{campaign}/recipients");
    let listed: Vec<Listed> = client.get(&format!("{path}?limit={SHOWN}")).await?;
    let mut walks = Vec::with_capacity(listed.len());
    for one in listed {
        walks.push(client.get::<Walk>(&format!("{path}/{}", one.id)).await?);
    }
    walks.sort_by(|a, b| a.to.cmp(&b.to));
    Ok(walks)
}

/// One line for each: what came of every step.
///
/// # Errors
/// When standard output is closed.
pub fn write(out: &mut impl Write, walks: &[Walk]) -> std::io::Result<()> {
    let Some(first) = walks.first() else { return Ok(()) };
    let mut table = Table::new();
    let names = first.channels.iter().map(|chip| chip.channel.as_str());
    table.load_preset(UTF8_FULL_CONDENSED).set_header(["to"].into_iter().chain(names).chain(["ended"]));
    for walk in walks {
        let cells = walk.channels.iter().map(Chip::shown);
        let ended = walk.disposition.clone().unwrap_or_default();
        table.add_row(std::iter::once(walk.to.clone()).chain(cells).chain([ended]));
    }
    writeln!(out, "\n{table}")
}

impl Chip {
    /// `✓ READ`, `→ SENT`, `✗ UNANSWERED`, `– reached`.
    fn shown(&self) -> String {
        let what = self.last_outcome.as_deref().unwrap_or_default();
        match self.status.as_str() {
            "CONNECTED" => format!("✓ {what}"),
            "TRIED" if what == "SENT" => "→ SENT".into(),
            "SKIPPED" => format!("– {}", self.reason.as_deref().unwrap_or_default()),
            "TRIED" => format!("✗ {what}"),
            other => other.to_lowercase(),
        }
    }
}
