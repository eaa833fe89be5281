//! What one process hears of a call that another one follows: that something has happened.
//!
//! Hints that are lost cost seconds: whoever follows a call asks for itself as well.

use std::{sync::Arc, time::Duration};

use futures::StreamExt;
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    FleetError,
    link::{Backoff, Link, Outage},
};

/// Hints that a slow listener of this process may be behind before it misses some.
const BEHIND: usize = 1_024;
/// After so long without a word the connection is made anew: one that is cut in silence cannot be told from a quiet one.
const QUIET: Duration = Duration::from_secs(60);

/// Something was heard of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hint {
    /// Which call.
    pub call: Uuid,
    /// The provider's id of it, or what the provider has said of it, once that was found to be signed.
    pub note: String,
}

/// Passes hints on to all processes. Cheap to clone.
#[derive(Clone)]
pub struct Hints(Arc<Wire>);

enum Wire {
    Redis(Arc<Link>),
    Local(broadcast::Sender<Hint>),
}

impl Hints {
    pub(crate) fn over_redis(link: Arc<Link>) -> Self {
        Self(Arc::new(Wire::Redis(link)))
    }

    pub(crate) fn in_process() -> Self {
        Self(Arc::new(Wire::Local(broadcast::Sender::new(BEHIND))))
    }

    /// Tells everybody who listens now.
    ///
    /// # Errors
    /// When Redis fails; the hint is lost.
    pub async fn tell(&self, hint: Hint) -> Result<(), FleetError> {
        match &*self.0 {
            Wire::Redis(link) => redis::cmd("PUBLISH")
                .arg(channel(link))
                .arg(serde_json::json!(hint).to_string())
                .exec_async(&mut link.shared())
                .await
                .map_err(FleetError::redis("pass a hint on")),
            Wire::Local(tell) => {
                drop(tell.send(hint)); // nobody may listen
                Ok(())
            }
        }
    }

    /// Hands every hint to `heard`, until `stop`.
    pub async fn listen(&self, heard: impl Fn(Hint), stop: &CancellationToken) {
        let listening = async {
            match &*self.0 {
                Wire::Redis(link) => subscribe(link, &heard).await,
                Wire::Local(tell) => overhear(tell.subscribe(), &heard).await,
            }
        };
        stop.run_until_cancelled(listening).await;
    }
}

fn channel(link: &Link) -> String {
    link.key("hints", "calls")
}

async fn overhear(mut hints: broadcast::Receiver<Hint>, heard: &impl Fn(Hint)) {
    loop {
        match hints.recv().await {
            Ok(hint) => heard(hint),
            Err(broadcast::error::RecvError::Lagged(_)) => {}
            Err(broadcast::error::RecvError::Closed) => return,
        }
    }
}

async fn subscribe(link: &Link, heard: &impl Fn(Hint)) {
    static OUTAGE: Outage = Outage::of("listen for hints");
    let mut backoff = Backoff::new();
    loop {
        match hear_out(link, heard, || OUTAGE.over()).await {
            Ok(()) => backoff.reset(),
            Err(error) => {
                OUTAGE.met(&error);
                tokio::time::sleep(backoff.next()).await;
            }
        }
    }
}

/// Hears one subscription out: until it is broken off, or quiet for long.
async fn hear_out(link: &Link, heard: &impl Fn(Hint), subscribed: impl Fn()) -> redis::RedisResult<()> {
    let mut connection = link.subscription().await?;
    connection.subscribe(channel(link)).await?;
    subscribed();
    let mut messages = connection.on_message();
    let mut any = false;
    while let Ok(message) = tokio::time::timeout(QUIET, messages.next()).await {
        let Some(message) = message else {
            let broken = redis::RedisError::from((redis::ErrorKind::Io, "the subscription broke off"));
            return if any { Ok(()) } else { Err(broken) };
        };
        any = true;
        // What another version says and we cannot read is no hint for us.
        if let Ok(hint) = serde_json::from_slice(message.get_payload_bytes()) {
            heard(hint);
        }
    }
    Ok(())
}
