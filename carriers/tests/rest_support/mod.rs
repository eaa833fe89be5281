//! What tests of carriers over REST APIs have in common.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used)] // each test program uses its part

use std::{sync::Arc, time::Duration};

use ringfleet_carriers::{Attempt, Carrier, Order, Pace, Progress, RestSettings};
use ringfleet_core::{CallId, Clock, Ending, Outcome, SystemClock, net::Guard};
use tokio::sync::mpsc::unbounded_channel;
use tokio_util::sync::CancellationToken;

/// Longer than anything takes here, and shorter than what is slow on purpose.
pub const SOON: Duration = Duration::from_secs(20);

/// An installation that asks often, and is not patient.
pub fn settings() -> RestSettings {
    let _ = rustls::crypto::ring::default_provider().install_default();
    RestSettings {
        guard: Guard::allowing(vec!["127.0.0.0/8".parse().unwrap()]),
        pace: Pace { first: Duration::from_millis(10), longest: Duration::from_millis(40) },
        patience: Duration::from_millis(500),
        search: Duration::from_millis(400),
        ..RestSettings::default()
    }
}

/// A call to a number with this end.
pub fn order(end: &str) -> Order {
    Order {
        call: CallId::new(SystemClock.now()),
        to: format!("+120255501{end}").parse().unwrap(),
        from: Some("+12025550199".into()),
        ring_timeout: Duration::from_secs(1),
        max_duration: Duration::from_secs(60),
        greeting: Arc::default(),
        say: None,
        hang_up_after_greeting: true,
        record: None,
        script: Arc::default(),
    }
}

/// Places a call, and gives its ending and what was told of it.
pub async fn place(carrier: &dyn Carrier, order: Order) -> (Ending, Vec<Progress>) {
    ended(carrier.prepare(order).await.unwrap()).await
}

/// Carries an attempt out.
pub async fn ended(attempt: Box<dyn Attempt>) -> (Ending, Vec<Progress>) {
    let (progress, mut seen) = unbounded_channel();
    let placed = attempt.place(progress, CancellationToken::new());
    let ending = tokio::time::timeout(SOON, placed).await.expect("an ending");
    let mut steps = Vec::new();
    while let Some(step) = seen.recv().await {
        steps.push(step);
    }
    (ending, steps)
}

/// Outcome, reason and code; a hold has none of the first.
pub fn short(ending: &Ending) -> (Option<Outcome>, &str, Option<u16>) {
    match ending {
        Ending::Over { outcome, reason, code, .. } => (Some(*outcome), reason, *code),
        Ending::NoRoom { reason, code, .. } => (None, reason, *code),
        Ending::GivenUp { reason } => (None, reason, None),
    }
}
