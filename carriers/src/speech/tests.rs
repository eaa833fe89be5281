//! Against a server with the interface of OpenAI's, and against a program that behaves like espeak-ng.

use std::{
    f64::consts::TAU,
    os::unix::fs::PermissionsExt,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use hound::{SampleFormat, WavSpec, WavWriter};
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::*;

/// What the server says: 440 Hz for a quarter of a second at 24 kHz.
const RATE: u32 = 24_000;

fn tone(n: usize, rate: u32) -> i16 {
    (8000.0 * (TAU * 440.0 * n as f64 / f64::from(rate)).sin()) as i16
}

fn wav() -> Vec<u8> {
    let spec =
        WavSpec { channels: 1, sample_rate: RATE, bits_per_sample: 16, sample_format: SampleFormat::Int };
    let mut file = std::io::Cursor::new(Vec::new());
    let mut writer = WavWriter::new(&mut file, spec).unwrap();
    (0..6000).for_each(|n| writer.write_sample(tone(n, RATE)).unwrap());
    writer.finalize().unwrap();
    file.into_inner()
}

fn assert_is_the_tone(pcm: &[i16]) {
    assert!(pcm.len().abs_diff(2000) <= 1, "{} samples", pcm.len());
    for (n, sample) in pcm.iter().enumerate().take(1900).skip(100) {
        assert!(sample.abs_diff(tone(n, 8000)) < 100, "sample {n}");
    }
}

/// A provider that can be told to misbehave.
#[derive(Default)]
struct Fake {
    asked: AtomicUsize,
    last: Mutex<(Value, Option<String>)>,
    /// What it answers instead of the tone.
    refuses: Mutex<Option<StatusCode>>,
    /// It answers when this many have asked.
    gathers: AtomicUsize,
}

async fn speech(
    State(fake): State<Arc<Fake>>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> (StatusCode, Bytes) {
    fake.asked.fetch_add(1, Ordering::SeqCst);
    let key = headers.get("authorization").map(|key| key.to_str().unwrap().to_owned());
    let format = body["response_format"].clone();
    *fake.last.lock() = (body, key);
    while fake.asked.load(Ordering::SeqCst) < fake.gathers.load(Ordering::SeqCst) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    if let Some(status) = *fake.refuses.lock() {
        return (status, Bytes::from_static(b"no"));
    }
    let samples = (0..6000).flat_map(|n| tone(n, RATE).to_le_bytes());
    (StatusCode::OK, if format == "pcm" { samples.collect() } else { wav().into() })
}

async fn serve(fake: &Arc<Fake>) -> Url {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1/audio/speech", listener.local_addr().unwrap());
    let app = Router::new().route("/v1/audio/speech", post(speech)).with_state(fake.clone());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    url.parse().unwrap()
}

fn settings(provider: Provider, folder: &Path) -> SpeechSettings {
    let _ = rustls::crypto::ring::default_provider().install_default();
    SpeechSettings {
        provider,
        voice: Some("nova".into()),
        time_limit: Duration::from_secs(20),
        at_once: 4,
        folder: folder.join("speech"),
        disk_bytes: 1 << 20,
        memory_bytes: 1 << 20,
        guard: Guard::allowing(vec!["127.0.0.0/8".parse().unwrap()]),
    }
}

fn openai(url: Url, format: Format) -> Provider {
    Provider::OpenAi { url, key: Some("sk-1".into()), model: "tts-1".into(), format }
}

#[tokio::test]
async fn a_text_is_rendered_once_and_remembered_across_a_restart() {
    let (fake, folder) = (Arc::new(Fake::default()), tempfile::tempdir().unwrap());
    let settings = settings(openai(serve(&fake).await, Format::Wav), folder.path());
    let speech = Speech::open(settings.clone()).unwrap();
    let asked = || fake.asked.load(Ordering::SeqCst);
    assert_is_the_tone(&speech.render("Hello Ana", None).await.unwrap());
    let body = json!({"model": "tts-1", "input": "Hello Ana", "voice": "nova", "response_format": "wav"});
    assert_eq!(*fake.last.lock(), (body, Some("Bearer sk-1".into())));
    speech.render("Hello Ana", None).await.unwrap();
    assert_eq!(asked(), 1);
    speech.render("Hello Ana", Some("onyx")).await.unwrap();
    assert_eq!((asked(), fake.last.lock().0["voice"].clone()), (2, json!("onyx")));

    let after = Speech::open(settings.clone()).unwrap();
    assert_is_the_tone(&after.render("Hello Ana", None).await.unwrap());
    assert_eq!(asked(), 2, "it is on the disk");
    let Provider::OpenAi { url, key, format, .. } = settings.provider.clone() else { unreachable!() };
    let provider = Provider::OpenAi { url, key, format, model: "tts-2".into() };
    let other = Speech::open(SpeechSettings { provider, ..settings }).unwrap();
    other.render("Hello Ana", None).await.unwrap();
    assert_eq!(asked(), 3, "another model sounds otherwise");
}

#[tokio::test]
async fn samples_alone_are_understood() {
    let (fake, folder) = (Arc::new(Fake::default()), tempfile::tempdir().unwrap());
    let speech = Speech::open(settings(openai(serve(&fake).await, Format::Pcm), folder.path())).unwrap();
    assert_is_the_tone(&speech.render("Hello", None).await.unwrap());
}

/// The provider answers nobody before four different texts have been asked for: they are rendered at the same time, and each only once.
#[tokio::test]
async fn many_who_want_one_text_wait_for_one_rendering() {
    let (fake, folder) = (Arc::new(Fake::default()), tempfile::tempdir().unwrap());
    fake.gathers.store(4, Ordering::SeqCst);
    let speech = Speech::open(settings(openai(serve(&fake).await, Format::Wav), folder.path())).unwrap();
    let texts = (0..40).map(|n| format!("text {}", n % 4));
    let renderings = texts.map(|text| {
        let speech = speech.clone();
        tokio::spawn(async move { speech.render(&text, None).await })
    });
    for rendering in renderings.collect::<Vec<_>>() {
        assert_is_the_tone(&rendering.await.unwrap().unwrap());
    }
    assert_eq!(fake.asked.load(Ordering::SeqCst), 4);
}

/// Four render, sixteen wait, and the others are told to come back, though the provider answers nobody yet.
#[tokio::test]
async fn a_long_line_is_sent_away() {
    let (fake, folder) = (Arc::new(Fake::default()), tempfile::tempdir().unwrap());
    fake.gathers.store(5, Ordering::SeqCst);
    let speech = Speech::open(settings(openai(serve(&fake).await, Format::Wav), folder.path())).unwrap();
    let render = |n: usize| {
        let speech = speech.clone();
        async move { speech.render(&format!("text {n}"), None).await }
    };
    let mut all: tokio::task::JoinSet<_> = (0..23).map(render).collect();
    for _ in 0..3 {
        let sent_away = all.join_next().await.unwrap().unwrap();
        assert_eq!(sent_away, Err(SpeechError::Unavailable { retry_after: BUSY }));
    }
    fake.gathers.store(0, Ordering::SeqCst);
    assert!(all.join_all().await.into_iter().all(|rendered| rendered.is_ok()));
}

#[tokio::test]
async fn a_provider_that_is_down_is_left_alone_and_one_that_refuses_a_text_is_not() {
    let (fake, folder) = (Arc::new(Fake::default()), tempfile::tempdir().unwrap());
    let speech = Speech::open(settings(openai(serve(&fake).await, Format::Wav), folder.path())).unwrap();
    let asked = || fake.asked.load(Ordering::SeqCst);
    *fake.refuses.lock() = Some(StatusCode::BAD_REQUEST);
    let refused = speech.render("Hello", None).await.unwrap_err();
    assert!(matches!(&refused, SpeechError::Refused(problem) if problem.contains("400")), "{refused:?}");
    *fake.refuses.lock() = Some(StatusCode::UNAUTHORIZED);
    let down = speech.render("Hello", None).await.unwrap_err();
    assert_eq!(down, SpeechError::Unavailable { retry_after: Duration::from_secs(1) });
    assert_eq!(asked(), 2);
    let still = speech.render("Other", None).await.unwrap_err();
    assert!(matches!(still, SpeechError::Unavailable { .. }));
    assert_eq!(asked(), 2, "it rests");
    speech.rest.lock().over();
    *fake.refuses.lock() = None;
    speech.render("Hello", None).await.unwrap();
}

#[tokio::test]
async fn nobody_is_asked_where_nobody_may_be_asked() {
    let (fake, folder) = (Arc::new(Fake::default()), tempfile::tempdir().unwrap());
    let mut settings = settings(openai(serve(&fake).await, Format::Wav), folder.path());
    settings.guard = Guard::default();
    let speech = Speech::open(settings).unwrap();
    assert!(matches!(speech.render("Hello", None).await, Err(SpeechError::Unavailable { .. })));
    assert_eq!(fake.asked.load(Ordering::SeqCst), 0);
}

/// A program in that folder that runs these lines of sh.
fn program(folder: &Path, script: &str) -> Provider {
    let program = folder.join("espeak-ng");
    std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
    Provider::EspeakNg { program }
}

#[tokio::test]
async fn a_program_gets_the_text_and_gives_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().display();
    std::fs::write(folder.path().join("tone.wav"), wav()).unwrap();
    let script = format!("echo \"$@\" >{place}/args; cat >{place}/text; cat {place}/tone.wav");
    let speech = Speech::open(settings(program(folder.path(), &script), folder.path())).unwrap();
    let text = "Olá; `rm -rf` $(x) \"Ana\"\nbye";
    assert_is_the_tone(&speech.render(text, Some("pt-br")).await.unwrap());
    let read = |file: &str| std::fs::read_to_string(folder.path().join(file)).unwrap();
    assert_eq!((read("text").as_str(), read("args").as_str()), (text, "--stdin --stdout -v pt-br\n"));
    let refused = speech.render(text, Some("../x")).await;
    assert!(matches!(refused, Err(SpeechError::Refused(_))), "{refused:?}");
}

#[tokio::test]
async fn a_program_that_fails_or_hangs_is_not_available() {
    let folder = tempfile::tempdir().unwrap();
    for script in ["exit 3", "cat", "exec sleep 600"] {
        let mut settings = settings(program(folder.path(), script), folder.path());
        settings.time_limit = Duration::from_millis(500);
        let said = Speech::open(settings).unwrap().render("Hello", None).await;
        assert!(matches!(said, Err(SpeechError::Unavailable { .. })), "{script}: {said:?}");
    }
    let nowhere = Provider::EspeakNg { program: folder.path().join("none") };
    let said = Speech::open(settings(nowhere, folder.path())).unwrap().render("Hello", None).await;
    assert!(matches!(said, Err(SpeechError::Unavailable { .. })), "{said:?}");
}

#[tokio::test]
async fn the_real_program_says_something() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(Provider::EspeakNg { program: "espeak-ng".into() }, folder.path());
    let speech = Speech::open(SpeechSettings { voice: None, ..settings }).unwrap();
    let short = speech.render("Hello Ana", Some("en")).await;
    let short = short.expect("cannot run espeak-ng: install the package espeak-ng");
    let long =
        speech.render("Hello Ana, this is about your appointment of tomorrow morning", None).await.unwrap();
    let loudest = short.iter().map(|sample| sample.unsigned_abs()).max().unwrap();
    assert!((2_000..80_000).contains(&short.len()) && loudest > 1_000, "{} samples, {loudest}", short.len());
    assert!(long.len() > 2 * short.len(), "{} and {} samples", long.len(), short.len());
}
