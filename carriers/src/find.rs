//! Finds a call, or a message, of which it is not known whether the provider has it. Asks, and never sends one.

use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout_at};

use crate::{desk::Shows, hints::Ear, rest::RestSettings};

/// What is looked for.
pub(crate) trait Sought: Sync {
    /// As the provider shows it.
    type Shown: Shows + Send;

    /// Those that may be it, as the provider lists them now.
    fn listed(&self) -> impl Future<Output = Vec<Self::Shown>> + Send;

    /// The one that a signed callback speaks of, if it can be it. `note`: what was kept of the callback.
    fn named(&self, note: &str) -> impl Future<Output = Option<Self::Shown>> + Send;
}

/// The one that is looked for. None when nobody can tell which it is, or whether there is one: that it is not listed proves nothing, for
/// lists lag.
///
/// A signed callback that names it decides. Otherwise it is the only one that may be it.
pub(crate) async fn find<S: Sought>(sought: &S, settings: &RestSettings, ear: &mut Ear) -> Option<S::Shown> {
    let deadline = Instant::now() + settings.search;
    let mut pause = settings.pace.first;
    loop {
        let mut listed = sought.listed().await;
        if listed.len() == 1 {
            return listed.pop();
        }
        let next = (Instant::now() + pause).min(deadline);
        if let Ok(note) = timeout_at(next, ear.next()).await
            && let Some(named) = sought.named(&note).await
        {
            return Some(named);
        }
        sleep_until(next).await;
        if next >= deadline {
            return None;
        }
        pause = (pause * 2).min(Duration::from_secs(5));
    }
}
