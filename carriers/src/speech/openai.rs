//! A server with the interface of OpenAI's `POST /v1/audio/speech`
//! (<https://platform.openai.com/docs/api-reference/audio/createSpeech>).

use std::{sync::Arc, time::Duration};

use reqwest::{Client, Response, StatusCode, Url, header};
use ringfleet_core::{net::Guard, with_causes};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{ANSWER_LIMIT, SpeechSettings, Trouble};
use crate::{
    guarded,
    media::{read_samples, read_wav},
};

/// What `pcm` is: 24 kHz, 16 bit, little-endian, mono (the same reference, `response_format`).
const PCM_RATE: u32 = 24_000;
/// The voice where nobody names one; the request must have one.
const VOICE: &str = "alloy";
/// Characters of a refusal that are told.
const TOLD: usize = 300;

/// What it is asked to answer with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// A WAV file.
    #[default]
    Wav,
    /// Samples only.
    Pcm,
}

pub(super) struct OpenAi {
    client: Client,
    guard: Guard,
    url: Url,
    key: Option<String>,
    model: String,
    format: Format,
}

impl OpenAi {
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(
        settings: &SpeechSettings,
        url: Url,
        key: Option<String>,
        model: String,
        format: Format,
    ) -> reqwest::Result<Self> {
        let guard = settings.guard.clone();
        let client = guarded::client(Arc::new(guard.clone()), settings.time_limit, settings.at_once)?;
        Ok(Self { client, guard, url, key, model, format })
    }

    pub async fn render(&self, text: &str, voice: Option<&str>) -> Result<Vec<i16>, Trouble> {
        guarded::check(&self.guard, &self.url).map_err(|problem| Trouble::Down(problem, None))?;
        let body = json!({"model": self.model, "input": text, "voice": voice.unwrap_or(VOICE), "response_format": self.format});
        let mut request = self.client.post(self.url.clone()).json(&body);
        if let Some(key) = &self.key {
            request = request.bearer_auth(key);
        }
        let down = |error: reqwest::Error| Trouble::Down(with_causes(&error.without_url()), None);
        let mut answer = request.send().await.map_err(down)?;
        if !answer.status().is_success() {
            return Err(refused(answer).await);
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(down)? {
            if bytes.len() + chunk.len() > ANSWER_LIMIT {
                return Err(Trouble::Down(format!("it answers with more than {ANSWER_LIMIT} bytes"), None));
            }
            bytes.extend_from_slice(&chunk);
        }
        let format = self.format;
        super::aside(move || match format {
            Format::Wav => read_wav(&bytes[..]),
            // Some servers know files only.
            Format::Pcm if bytes.starts_with(b"RIFF") => read_wav(&bytes[..]),
            Format::Pcm => read_samples(&bytes, PCM_RATE),
        })
        .await
    }
}

/// What is said of a refusal. Only of what may be the text's fault it is believed to be.
async fn refused(mut answer: Response) -> Trouble {
    let status = answer.status();
    let asked = answer.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    let said = match answer.chunk().await {
        Ok(Some(chunk)) => String::from_utf8_lossy(&chunk).chars().take(TOLD).collect(),
        _ => String::new(),
    };
    let problem = format!("{status} {said}");
    match status {
        StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNPROCESSABLE_ENTITY => {
            Trouble::Refused(problem)
        }
        _ => Trouble::Down(problem, asked.map(Duration::from_secs)),
    }
}
