//! A provider of speech with the interface of OpenAI's: it says one tone, whatever it is asked, and remembers what that was.

use std::{
    f64::consts::TAU,
    io::Cursor,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinHandle};

/// The tone.
pub const HERTZ: f64 = 440.0;
/// How long it lasts, in milliseconds.
pub const MILLIS: u32 = 800;
/// Who may ask.
pub const KEY: &str = "sk-of-the-tests";
const RATE: u32 = 24_000;

#[derive(Default)]
struct Desk {
    is_down: bool,
    /// Every request it got, and whether it was answered.
    asked: Vec<(Value, bool)>,
}

/// Serves until it is dropped.
pub struct Speaker {
    /// The whole address.
    pub url: String,
    desk: Arc<Mutex<Desk>>,
    serving: JoinHandle<()>,
}

impl Drop for Speaker {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Speaker {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/v1/audio/speech", listener.local_addr().expect("it is bound"));
        let desk = Arc::<Mutex<Desk>>::default();
        let app = Router::new().route("/v1/audio/speech", post(speak)).with_state(desk.clone());
        let serving = tokio::spawn(async move { axum::serve(listener, app).await.expect("it serves") });
        Self { url, desk, serving }
    }

    /// From now on it answers nobody, or everybody again.
    pub fn goes_down(&self, is_down: bool) {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner).is_down = is_down;
    }

    /// What it was asked to say, in order, and whether it did.
    pub fn asked(&self) -> Vec<(Value, bool)> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner).asked.clone()
    }
}

async fn speak(
    State(desk): State<Arc<Mutex<Desk>>>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> (StatusCode, Vec<u8>) {
    let mut desk = desk.lock().unwrap_or_else(PoisonError::into_inner);
    let is_known = headers.get("authorization").is_some_and(|key| key == &format!("Bearer {KEY}"));
    let is_answered = is_known && !desk.is_down;
    desk.asked.push((body, is_answered));
    match (is_known, desk.is_down) {
        (false, _) => (StatusCode::UNAUTHORIZED, Vec::new()),
        (true, true) => (StatusCode::SERVICE_UNAVAILABLE, Vec::new()),
        (true, false) => (StatusCode::OK, tone()),
    }
}

/// As a WAV file.
fn tone() -> Vec<u8> {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: RATE,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut file = Cursor::new(Vec::new());
    let mut writer = hound::WavWriter::new(&mut file, spec).expect("memory is writable");
    for n in 0..MILLIS * RATE / 1000 {
        let sample = 12_000.0 * (TAU * HERTZ * f64::from(n) / f64::from(RATE)).sin();
        writer.write_sample(sample as i16).expect("memory is writable");
    }
    writer.finalize().expect("memory is writable");
    file.into_inner()
}
