//! What is said in a call from text: filled with what is known of its recipient, and rendered before the call is placed.

use std::{sync::Arc, time::Duration};

use ringfleet_carriers::{
    Say,
    speech::{Pcm, SpeechError},
};
use ringfleet_core::{EndedBy, Ending, Outcome, call::SPEECH_UNAVAILABLE, opening};
use ringfleet_store::{Background, Dial};
use serde_json::{Map, Value};

use crate::dial::Dialer;

/// When a call is tried again whose worker has nobody who renders texts.
const NOBODY: Duration = Duration::from_secs(30);

impl Dialer {
    /// What is played after the answer, and what a carrier is to say that plays nothing of ours. The error is the ending of a call that is
    /// not to be placed.
    pub(crate) async fn greeting(
        &self,
        dial: &Dial,
        background: Option<&Background>,
    ) -> Result<(Pcm, Option<Say>), Ending> {
        let Some(template) = &dial.conversation.greeting_text else {
            return Ok((self.sound(dial, dial.greeting.as_deref()).await?, None));
        };
        let text = fill(dial, template, background)?;
        if dial.config.plays_greetings() {
            return Ok((self.spoken(dial, &text).await?, None));
        }
        let voice = dial.config.voices().and_then(|provider| voice(&dial.voice, provider, false));
        let say = Say { text, voice: voice.map(str::to_owned) };
        Ok((Arc::default(), Some(say).filter(|say| !is_silence(&say.text))))
    }

    /// What a machine is told that is not the greeting.
    pub(crate) async fn machine_message(
        &self,
        dial: &Dial,
        background: Option<&Background>,
    ) -> Result<Option<Pcm>, Ending> {
        let rules = &dial.conversation;
        match (&rules.machine_message, &rules.machine_message_text) {
            (Some(name), _) => Ok(Some(self.sound(dial, Some(name)).await?)),
            (None, Some(template)) if dial.config.plays_greetings() => {
                let text = fill(dial, template, background)?;
                Ok(Some(self.spoken(dial, &text).await?))
            }
            (None, _) => Ok(None),
        }
    }

    /// What a callee is told before we hang up because nobody is there to talk, over a trunk that plays what is ours.
    pub(crate) async fn fallback(
        &self,
        dial: &Dial,
        background: Option<&Background>,
    ) -> Result<Option<Pcm>, Ending> {
        let rules = &dial.conversation;
        match (&rules.fallback_message, &rules.fallback_message_text) {
            _ if !dial.config.plays_greetings() => Ok(None),
            (Some(name), _) => Ok(Some(self.sound(dial, Some(name)).await?)),
            (None, Some(template)) => Ok(Some(self.spoken(dial, &fill(dial, template, background)?).await?)),
            (None, None) => Ok(None),
        }
    }

    async fn spoken(&self, dial: &Dial, text: &str) -> Result<Pcm, Ending> {
        if is_silence(text) || !dial.config.needs_speech() {
            return Ok(Arc::default());
        }
        let Some(speech) = &self.speech else {
            tracing::error!(call = %dial.id, "a text cannot be said: this worker has no provider of speech ([speech])");
            return Err(unavailable(NOBODY));
        };
        let voice = voice(&dial.voice, speech.provider(), true);
        speech.render(text, voice).await.map_err(|error| match error {
            SpeechError::Unavailable { retry_after } => unavailable(retry_after),
            SpeechError::Refused(problem) => {
                tracing::error!(problem, call = %dial.id, "a text cannot be said: the provider of speech refuses it");
                Ending::over(Outcome::Failed, "speech_refused", None, EndedBy::Caller)
            }
        })
    }
}

fn fill(dial: &Dial, template: &str, background: Option<&Background>) -> Result<String, Ending> {
    let none = Map::new();
    let variables = background.and_then(|known| known.variables.as_ref()?.as_object()).unwrap_or(&none);
    opening::say(template, variables).map_err(|error| {
        tracing::warn!(%error, call = %dial.id, "a text cannot be said");
        Ending::over(Outcome::Failed, error.reason(), None, EndedBy::Caller)
    })
}

fn unavailable(retry_after: Duration) -> Ending {
    Ending::NoRoom { retry_after, reason: SPEECH_UNAVAILABLE.into(), code: None }
}

/// Its variables may leave nothing of a text.
fn is_silence(text: &str) -> bool {
    text.trim().is_empty()
}

/// The voice of an agent at this provider: `voiceId`, unless `provider` names another one. Where it names none it is this one's if `usual`.
fn voice<'a>(voice: &'a Value, provider: &str, usual: bool) -> Option<&'a str> {
    let is_ours = voice["provider"].as_str().map_or(usual, |named| named == provider);
    voice["voiceId"].as_str().filter(|id| is_ours && !id.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_voice_is_asked_for_where_it_is_at_home() {
        let rachel = json!({"provider": "elevenlabs", "voiceId": "rachel"});
        let alloy = json!({"voiceId": "alloy"});
        let polly = json!({"provider": "twilio", "voiceId": "Polly.Joanna"});
        assert_eq!([&rachel, &alloy, &polly].map(|v| voice(v, "openai", true)), [None, Some("alloy"), None]);
        assert_eq!(
            [&rachel, &alloy, &polly].map(|v| voice(v, "twilio", false)),
            [None, None, Some("Polly.Joanna")]
        );
        assert_eq!(
            [json!({}), json!({"voiceId": 3}), json!({"voiceId": ""})]
                .map(|v| voice(&v, "openai", true).is_some()),
            [false; 3]
        );
    }
}
