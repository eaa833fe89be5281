//! What the system tests share: private servers, a SIP peer, a webhook receiver, and the binary under test.
//!
//! Everything listens on a free port of 127.0.0.1, lives in a temporary folder, and ends with the value that stands for
//! it: when a test passes, fails or panics, and also when the test program itself is killed (see [`guard`]).
//!
//! A test program says `#[cfg(test)] mod support;`, so that the lints know its helpers for test code.
#![allow(dead_code, reason = "each test program uses its own part of the harness")]

pub mod api;
pub mod bucket;
pub mod collector;
pub mod dump;
pub mod guard;
pub mod livekit;
pub mod mail_server;
pub mod pair;
pub mod ports;
pub mod postgres;
pub mod process;
pub mod receiver;
pub mod redis;
pub mod scenarios;
pub mod scrape;
pub mod sipp;
pub mod speaker;
pub mod telnyx;
pub mod twilio;
pub mod twilio_messages;
pub mod whatsapp;

pub use ports::free_port;
use std::{future::Future, time::Duration};

/// How long a test waits for something that normally takes milliseconds, on a machine that is busy with other tests.
pub const SOON: Duration = Duration::from_secs(60);

/// Asks `question` until it answers `Some`, and returns that.
///
/// # Panics
///
/// After `deadline`, naming what was waited for.
pub async fn eventually<T, F>(deadline: Duration, what: &str, mut question: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let give_up = tokio::time::Instant::now() + deadline;
    let mut pause = Duration::from_millis(2);
    loop {
        if let Some(answer) = question().await {
            return answer;
        }
        assert!(tokio::time::Instant::now() < give_up, "waited {deadline:?} in vain: {what}");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}

/// Makes one test of a body for each pair of backends: `on_both_pairs!(name, body)`, where `body` is an
/// `async fn(Pair)` beside it, defines the tests `name::embedded` and `name::fleet`.
#[macro_export]
macro_rules! on_both_pairs {
    ($name:ident, $body:ident) => {
        mod $name {
            #[tokio::test(flavor = "multi_thread")]
            async fn embedded() {
                super::$body($crate::support::pair::Pair::embedded()).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn fleet() {
                super::$body($crate::support::pair::Pair::fleet().await).await;
            }
        }
    };
}
