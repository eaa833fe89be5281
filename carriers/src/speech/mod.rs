//! Speech from text: rendered by a provider before a call begins, once for each text, and kept in memory and on the disk.

mod disk;
mod memory;
mod openai;
mod program;
mod rest;
#[cfg(test)]
mod tests;

use std::{collections::HashMap, path::PathBuf, sync::Arc, time::Duration};

use futures::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use parking_lot::Mutex;
use ring::digest::{SHA256, digest};
use ringfleet_core::{clock::Stopwatch, net::Guard};
use ringfleet_telemetry::{SPEECH, SPEECH_DURATION};
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout},
};
use url::Url;

pub use openai::Format;

use crate::media::WavError;
use disk::Disk;
use memory::Memory;
use openai::OpenAi;
use program::Program;
use rest::Rest;

/// 8 kHz mono PCM.
pub type Pcm = Arc<Vec<i16>>;

/// How long a call is held for which no place came free at the provider.
const BUSY: Duration = Duration::from_secs(2);
/// How many may wait or render, for each that renders at once.
const LINE: usize = 5;
/// Most bytes of one answer of a provider: ten minutes at 24 kHz, twice over.
const ANSWER_LIMIT: usize = 64 << 20;

/// How texts become speech.
#[derive(Debug, Clone)]
pub struct SpeechSettings {
    /// Who renders them.
    pub provider: Provider,
    /// The voice where an agent names none.
    pub voice: Option<String>,
    /// How long one rendering may take; as long it may wait for its turn.
    pub time_limit: Duration,
    /// Most renderings under way at once.
    pub at_once: usize,
    /// Where speech is kept on the disk; several processes may share it.
    pub folder: PathBuf,
    /// Most bytes kept there.
    pub disk_bytes: u64,
    /// Most bytes kept in memory.
    pub memory_bytes: usize,
    /// Where requests may go.
    pub guard: Guard,
}

/// Who renders.
#[derive(Clone)]
pub enum Provider {
    /// A server with the interface of OpenAI's `POST /v1/audio/speech`.
    OpenAi {
        /// The whole address.
        url: Url,
        /// The bearer token; a server inside may need none.
        key: Option<String>,
        /// The model.
        model: String,
        /// What it is asked to answer with.
        format: Format,
    },
    /// The program of that name, run for each text.
    EspeakNg {
        /// Where it is.
        program: PathBuf,
    },
}

impl Provider {
    /// Its name in the configuration, and in an agent's `voice.provider`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::OpenAi { .. } => "openai",
            Self::EspeakNg { .. } => "espeak-ng",
        }
    }
}

impl std::fmt::Debug for Provider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::OpenAi { url, model, .. } => write!(f, "OpenAi({url}, {model})"),
            Self::EspeakNg { program } => write!(f, "EspeakNg({})", program.display()),
        }
    }
}

/// Why there is no speech of a text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpeechError {
    /// The provider is down, too slow or busy; it is worth to try again then.
    #[error("the provider of speech is not available")]
    Unavailable {
        /// After so long.
        retry_after: Duration,
    },
    /// It is there, and does not want this text or this voice.
    #[error("the provider of speech refuses the text: {0}")]
    Refused(String),
}

/// What went wrong at a provider.
#[derive(Debug)]
enum Trouble {
    /// With any text it would: why, and how long it asks to be left alone.
    Down(String, Option<Duration>),
    /// With this one.
    Refused(String),
}

impl From<WavError> for Trouble {
    fn from(error: WavError) -> Self {
        Self::Down(format!("its audio cannot be used: {error}"), None)
    }
}

/// Names what a text, said by a voice of a provider, sounds like: SHA-256.
type Name = [u8; 32];
type Rendering = Shared<BoxFuture<'static, Result<Pcm, SpeechError>>>;

/// Renders texts. One for the process.
pub struct Speech {
    settings: SpeechSettings,
    engine: Engine,
    memory: Mutex<Memory>,
    disk: Disk,
    /// What is being rendered: whoever asks for it meanwhile waits for the same.
    under_way: Mutex<HashMap<Name, Rendering>>,
    places: Semaphore,
    /// Those who render and those who wait for that, several times as many: who comes then is told to come back, for each waits in a place of
    /// the worker's.
    line: Semaphore,
    rest: Mutex<Rest>,
}

enum Engine {
    OpenAi(OpenAi),
    Program(Program),
}

impl Speech {
    /// Speech as these settings want it. Nobody is asked yet.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn open(settings: SpeechSettings) -> reqwest::Result<Arc<Self>> {
        let engine = match &settings.provider {
            Provider::OpenAi { url, key, model, format } => {
                Engine::OpenAi(OpenAi::new(&settings, url.clone(), key.clone(), model.clone(), *format)?)
            }
            Provider::EspeakNg { program } => Engine::Program(Program::new(program.clone())),
        };
        Ok(Arc::new(Self {
            engine,
            memory: Mutex::new(Memory::new(settings.memory_bytes)),
            disk: Disk::new(settings.folder.clone(), settings.disk_bytes),
            under_way: Mutex::default(),
            places: Semaphore::new(settings.at_once),
            line: Semaphore::new(settings.at_once * LINE),
            rest: Mutex::default(),
            settings,
        }))
    }

    /// The name of the provider, as [`Provider::name`].
    pub fn provider(&self) -> &'static str {
        self.settings.provider.name()
    }

    /// What `text` sounds like in this voice, or in that of the settings. What has been rendered is not rendered again.
    ///
    /// # Errors
    /// When nobody can render it now, or it is refused.
    pub async fn render(self: &Arc<Self>, text: &str, voice: Option<&str>) -> Result<Pcm, SpeechError> {
        let voice = voice.or(self.settings.voice.as_deref());
        let name = self.name(text, voice);
        if let Some(pcm) = self.memory.lock().get(&name) {
            return Ok(pcm);
        }
        let rendering =
            self.under_way.lock().entry(name).or_insert_with(|| self.begin(name, text, voice)).clone();
        rendering.await
    }

    /// In a task of its own: who gives up waiting does not take it away from the others.
    fn begin(self: &Arc<Self>, name: Name, text: &str, voice: Option<&str>) -> Rendering {
        let (this, text, voice) = (self.clone(), text.to_owned(), voice.map(str::to_owned));
        let task = tokio::spawn(async move {
            let _leaves = Leaves { speech: &this, name };
            let done = this.find_or_make(name, &text, voice.as_deref()).await;
            if let Ok(pcm) = &done {
                this.memory.lock().keep(name, pcm.clone());
            }
            done
        });
        // A task that panicked has been reported.
        let broke = SpeechError::Unavailable { retry_after: BUSY };
        async move { task.await.unwrap_or(Err(broke)) }.boxed().shared()
    }

    async fn find_or_make(&self, name: Name, text: &str, voice: Option<&str>) -> Result<Pcm, SpeechError> {
        if let Some(pcm) = self.disk.get(name).await {
            return Ok(Arc::new(pcm));
        }
        let pcm = Arc::new(self.make(text, voice).await?);
        self.disk.keep(name, pcm.clone()).await;
        Ok(pcm)
    }

    async fn make(&self, text: &str, voice: Option<&str>) -> Result<Vec<i16>, SpeechError> {
        self.refuse_while_it_rests()?;
        let limit = self.settings.time_limit;
        let busy = SpeechError::Unavailable { retry_after: BUSY };
        let Ok(_in_line) = self.line.try_acquire() else { return Err(busy) };
        let Ok(Ok(_place)) = timeout(limit, self.places.acquire()).await else { return Err(busy) };
        self.refuse_while_it_rests()?; // it may have failed those before
        let watch = Stopwatch::start();
        let made = async {
            match &self.engine {
                Engine::OpenAi(openai) => openai.render(text, voice).await,
                Engine::Program(program) => program.render(text, voice).await,
            }
        };
        let made = timeout(limit, made).await;
        let made =
            made.unwrap_or_else(|_| Err(Trouble::Down(format!("it took longer than {limit:?}"), None)));
        self.count(&made, watch.elapsed());
        match made {
            Ok(pcm) => {
                self.rest.lock().over();
                tracing::debug!(chars = text.chars().count(), took = ?watch.elapsed(), "a text was rendered");
                Ok(pcm)
            }
            Err(Trouble::Refused(problem)) => {
                self.rest.lock().over();
                Err(SpeechError::Refused(problem))
            }
            Err(Trouble::Down(problem, asked)) => {
                let retry_after = self.rest.lock().begin(Instant::now(), asked);
                tracing::warn!(problem, rests = ?retry_after, provider = self.provider(), "the provider of speech is not available");
                Err(SpeechError::Unavailable { retry_after })
            }
        }
    }

    fn count(&self, made: &Result<Vec<i16>, Trouble>, took: Duration) {
        let result = match made {
            Ok(_) => "rendered",
            Err(Trouble::Refused(_)) => "refused",
            Err(Trouble::Down(..)) => "unavailable",
        };
        SPEECH.of([self.provider(), result]).increment(1);
        SPEECH_DURATION.of([self.provider()]).record(took);
    }

    fn refuse_while_it_rests(&self) -> Result<(), SpeechError> {
        match self.rest.lock().left(Instant::now()) {
            Some(retry_after) => Err(SpeechError::Unavailable { retry_after }),
            None => Ok(()),
        }
    }

    /// Of everything that decides how it sounds. The first word changes when the way audio is kept does.
    fn name(&self, text: &str, voice: Option<&str>) -> Name {
        let provider = match &self.settings.provider {
            Provider::OpenAi { url, model, .. } => ["openai", url.as_str(), model],
            Provider::EspeakNg { .. } => ["espeak-ng", "", ""],
        };
        let all = serde_json::json!(["1", provider, voice, text]).to_string();
        let mut name = [0; 32];
        name.copy_from_slice(digest(&SHA256, all.as_bytes()).as_ref());
        name
    }
}

/// Takes a rendering off the list of those under way, however it ends.
struct Leaves<'a> {
    speech: &'a Speech,
    name: Name,
}

impl Drop for Leaves<'_> {
    fn drop(&mut self) {
        self.speech.under_way.lock().remove(&self.name);
    }
}

/// Audio is read beside the calls: filtering a long one takes a while.
async fn aside(
    read: impl FnOnce() -> Result<Vec<i16>, WavError> + Send + 'static,
) -> Result<Vec<i16>, Trouble> {
    match tokio::task::spawn_blocking(read).await {
        Ok(read) => Ok(read?),
        Err(error) => Err(Trouble::Down(format!("its audio cannot be read: {error}"), None)),
    }
}
