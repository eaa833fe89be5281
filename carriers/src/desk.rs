//! What calls and messages over an account of a provider have in common: they are asked for once, looked for where that is unclear, and asked
//! after when a worker has died.

use std::{sync::Arc, time::Duration};

use ringfleet_core::{CallId, EndedBy, Ending, Outcome};
use tokio::time::{Instant, sleep};

use crate::{
    RestSettings,
    doubt::Doubt,
    find::{Sought, find},
    hints::{Ear, Hints},
    rest::{Trouble, is_sid},
};

/// Something that the provider shows under an id of its own.
pub(crate) trait Shows {
    fn sid(&self) -> &str;
}

/// An account at work, spoken for by `A`. Cheap to clone.
pub(crate) struct Desk<A> {
    pub(crate) settings: RestSettings,
    pub(crate) hints: Hints,
    pub(crate) api: Arc<A>,
    doubt: Arc<Doubt>,
}

impl<A> Clone for Desk<A> {
    fn clone(&self) -> Self {
        let Self { settings, hints, api, doubt } = self;
        Self { settings: settings.clone(), hints: hints.clone(), api: api.clone(), doubt: doubt.clone() }
    }
}

impl<A> Desk<A> {
    /// `hints`: where it is heard of calls and messages.
    pub(crate) fn new(api: A, settings: RestSettings, hints: Hints) -> Self {
        Self { settings, hints, api: Arc::new(api), doubt: Arc::default() }
    }

    /// Carries out the `request` that places a call or sends a message, once. Where it is not clear whether the provider has it, looks for it.
    /// `refused` says what a refusal means: status, code, and how long it asks us to wait.
    pub(crate) async fn once<S: Sought>(
        &self,
        call: CallId,
        request: impl Future<Output = Result<S::Shown, Trouble>>,
        refused: impl Fn(u16, Option<u32>, Option<Duration>) -> Ending,
        sought: &S,
        ear: &mut Ear,
    ) -> Result<S::Shown, Ending> {
        let network = || Ending::over(Outcome::Failed, "network", None, EndedBy::Carrier);
        if self.doubt.keeps_back() {
            return Err(network());
        }
        match request.await {
            Ok(shown) if is_sid(shown.sid()) => {
                self.doubt.clear();
                Ok(shown)
            }
            Err(Trouble::Refused { status, code, retry_after }) => {
                self.doubt.clear();
                Err(refused(status, code, retry_after))
            }
            Err(Trouble::Unsent(problem)) => {
                tracing::warn!(problem, "a provider cannot be reached");
                Err(network())
            }
            unclear => {
                self.doubt.unclear();
                let problem = unclear.err();
                tracing::warn!(?problem, %call, "it is not known whether a provider has taken a call or message; it is looked for");
                let found = find(sought, &self.settings, ear).await;
                found.ok_or_else(|| Ending::uncertain("placement_unknown"))
            }
        }
    }

    /// What a dead worker has left under an id that is known: `ask` asks for it, as long as something is looked for.
    pub(crate) async fn asked_for<T, F>(&self, ask: impl Fn() -> F) -> Option<T>
    where
        F: Future<Output = Result<T, Trouble>>,
    {
        let deadline = Instant::now() + self.settings.search;
        loop {
            match ask().await {
                Ok(shown) => return Some(shown),
                Err(trouble) => {
                    tracing::debug!(
                        ?trouble,
                        "what a dead worker has left is not shown; it is asked for again"
                    )
                }
            }
            if Instant::now() >= deadline {
                return None;
            }
            sleep(self.settings.pace.first).await;
        }
    }
}
