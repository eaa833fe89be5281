//! `[speech]`: who makes speech of the texts that agents say.

use std::{path::PathBuf, time::Duration};

use ringfleet_carriers::speech::{Format, Provider, SpeechSettings};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::{
    config::{Config, Span},
    config_api::wrong,
    config_error::ConfigError,
};

/// OpenAI's own.
pub const OPENAI: &str = "https://api.openai.com/v1/audio/speech";
const MODEL: &str = "gpt-4o-mini-tts";
const MIB: u64 = 1 << 20;

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpeechConfig {
    /// Who.
    pub provider: ProviderConfig,
    /// `openai`: the whole address of a server with the interface of OpenAI's `/v1/audio/speech`.
    pub url: Option<Url>,
    /// `openai`: the bearer token.
    pub key: Option<String>,
    /// `openai`: the model.
    pub model: Option<String>,
    /// `openai`: what the server answers with.
    #[serde(default)]
    pub format: Format,
    /// `espeak-ng`: where the program is.
    pub program: Option<PathBuf>,
    /// The voice where an agent names none.
    pub voice: Option<String>,
    /// How long a text may take.
    #[serde(default = "time_limit")]
    pub timeout: Span,
    /// Most texts under way at once in one worker.
    #[serde(default = "at_once")]
    pub at_once: usize,
    /// Folder in which speech is kept; workers may share it.
    pub cache: Option<PathBuf>,
    /// Most of it, in MiB.
    #[serde(default = "cache_mib")]
    pub cache_mib: u64,
    /// Most of it in the memory of a worker, in MiB.
    #[serde(default = "memory_mib")]
    pub memory_mib: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProviderConfig {
    /// A server.
    #[serde(rename = "openai")]
    OpenAi,
    /// A program of this machine.
    EspeakNg,
}

impl std::fmt::Debug for SpeechConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} {:?} {:?}", self.provider, self.url, self.model)
    }
}

fn time_limit() -> Span {
    Span(Duration::from_secs(10))
}

fn at_once() -> usize {
    16
}

fn cache_mib() -> u64 {
    256
}

fn memory_mib() -> u64 {
    64
}

impl Config {
    /// How texts become speech; none where nobody is named who can.
    ///
    /// # Errors
    /// The first setting that is wrong.
    pub fn speech(&self) -> Result<Option<SpeechSettings>, ConfigError> {
        let Some(speech) = &self.speech else { return Ok(None) };
        if !(Duration::from_millis(500)..=Duration::from_secs(60)).contains(&speech.timeout.0) {
            return Err(wrong("speech.timeout", format!("{:?}", speech.timeout.0), "must be 500ms to 60s"));
        }
        if !(1..=1_000).contains(&speech.at_once) {
            return Err(wrong("speech.at_once", speech.at_once, "must be 1 to 1000"));
        }
        for (key, mib) in [("speech.cache_mib", speech.cache_mib), ("speech.memory_mib", speech.memory_mib)] {
            if !(1..=1_000_000).contains(&mib) {
                return Err(wrong(key, mib, "must be 1 to 1000000"));
            }
        }
        Ok(Some(SpeechSettings {
            provider: speech.provider()?,
            voice: speech.voice.clone().filter(|voice| !voice.is_empty()),
            time_limit: speech.timeout.0,
            at_once: speech.at_once,
            folder: speech.cache.clone().unwrap_or_else(|| self.data.join("speech")),
            disk_bytes: speech.cache_mib * MIB,
            memory_bytes: usize::try_from(speech.memory_mib * MIB).unwrap_or(usize::MAX),
            guard: self.guard(),
        }))
    }
}

impl SpeechConfig {
    fn provider(&self) -> Result<Provider, ConfigError> {
        let of_server = [
            ("speech.url", self.url.is_some()),
            ("speech.key", self.key.is_some()),
            ("speech.model", self.model.is_some()),
        ];
        match (self.provider, of_server.iter().find(|(_, given)| *given)) {
            (ProviderConfig::OpenAi, _) if self.program.is_some() => {
                Err(wrong("speech.program", "…", "belongs to the provider espeak-ng; leave it out"))
            }
            (ProviderConfig::OpenAi, _) => {
                let url = match &self.url {
                    Some(url) => url.clone(),
                    None => Url::parse(OPENAI).map_err(|_| wrong("speech.url", OPENAI, "is no URL"))?,
                };
                if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
                    return Err(wrong(
                        "speech.url",
                        url.as_str(),
                        "must be like https://api.openai.com/v1/audio/speech",
                    ));
                }
                let key = self.key.clone().filter(|key| !key.is_empty());
                if key.as_ref().is_some_and(|key| !key.chars().all(|c| c.is_ascii_graphic())) {
                    return Err(wrong("speech.key", "…", "must be plain characters without blanks"));
                }
                let model = self.model.clone().unwrap_or_else(|| MODEL.to_owned());
                Ok(Provider::OpenAi { url, key, model, format: self.format })
            }
            (ProviderConfig::EspeakNg, Some((key, _))) => {
                Err(wrong(key, "…", "belongs to the provider openai; leave it out"))
            }
            (ProviderConfig::EspeakNg, None) => {
                let program = self.program.clone().unwrap_or_else(|| PathBuf::from("espeak-ng"));
                Ok(Provider::EspeakNg { program })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use figment::{
        Figment,
        providers::{Format as _, Toml},
    };

    use super::*;

    fn read(toml: &str) -> Result<Option<SpeechSettings>, String> {
        let speech = Figment::from(Toml::string(toml)).extract().map_err(|error| error.to_string())?;
        let config = Config { speech: Some(speech), ..Config::default() };
        config.speech().map_err(|error| error.to_string())
    }

    #[test]
    fn a_provider_is_enough() {
        let settings = read("provider = 'openai'\nkey = 'sk-secret'").unwrap().unwrap();
        let Provider::OpenAi { url, key, .. } = &settings.provider else { panic!("{settings:?}") };
        assert_eq!((url.as_str(), key.as_deref()), (OPENAI, Some("sk-secret")));
        assert!(!format!("{settings:?}").contains("secret"));
        let settings = read("provider = 'espeak-ng'\nvoice = 'de'").unwrap().unwrap();
        assert!(matches!(settings.provider, Provider::EspeakNg { .. }));
        assert_eq!(settings.voice.as_deref(), Some("de"));
        assert!(Config::default().speech().unwrap().is_none());
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (toml, names) in [
            ("provider = 'openai'\nurl = 'ftp://x/'", "speech.url"),
            ("provider = 'openai'\nprogram = '/bin/sh'", "speech.program"),
            ("provider = 'openai'\nkey = 'a b'", "speech.key"),
            ("provider = 'espeak-ng'\nmodel = 'x'", "speech.model"),
            ("provider = 'espeak-ng'\ntimeout = '10ms'", "speech.timeout"),
            ("provider = 'espeak-ng'\nat_once = 0", "speech.at_once"),
            ("provider = 'espeak-ng'\ncache_mib = 0", "speech.cache_mib"),
            ("provider = 'polly'", "polly"),
            ("provider = 'openai'\nvoices = 'x'", "voices"),
        ] {
            let error = read(toml).unwrap_err();
            assert!(error.contains(names), "{toml}: {error}");
        }
    }
}
