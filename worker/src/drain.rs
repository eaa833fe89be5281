//! Whether this worker takes calls: an operator may ask it not to, and to do so again.

use std::pin::pin;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// What it was asked. Until then it takes calls.
pub(crate) struct Drain(watch::Sender<bool>);

impl Default for Drain {
    fn default() -> Self {
        Self(watch::Sender::new(false))
    }
}

impl Drain {
    /// Takes note of what the last heartbeat has brought.
    pub(crate) fn heard(&self, drains: bool) {
        let changed = self.0.send_if_modified(|now| std::mem::replace(now, drains) != drains);
        match (changed, drains) {
            (true, true) => tracing::info!("asked to take no calls; those on the line go on"),
            (true, false) => tracing::info!("taking calls again"),
            (false, _) => {}
        }
    }

    /// Whether it takes none.
    pub(crate) fn is_on(&self) -> bool {
        *self.0.borrow()
    }

    /// Does `work`, which takes calls until its token is cancelled, whenever it is to, until `stop`.
    ///
    /// # Errors
    /// Those of `work`.
    pub(crate) async fn unless_on<F, Fut, E>(&self, stop: &CancellationToken, work: F) -> Result<(), E>
    where
        F: Fn(CancellationToken) -> Fut,
        Fut: Future<Output = Result<(), E>>,
    {
        let mut asked = self.0.subscribe();
        loop {
            if stop.run_until_cancelled(asked.wait_for(|on| !on)).await.is_none() {
                return Ok(());
            }
            let until = stop.child_token();
            let mut working = pin!(work(until.clone()));
            tokio::select! {
                ended = &mut working => return ended,
                _ = asked.wait_for(|on| *on) => until.cancel(),
            }
            working.await?;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, sync::Arc};

    use super::*;

    #[tokio::test]
    async fn it_works_whenever_it_is_not_asked_not_to() {
        let (drain, stop) = (Arc::new(Drain::default()), CancellationToken::new());
        let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
        let work = move |until: CancellationToken| {
            let tell = tell.clone();
            async move {
                tell.send("begins").unwrap();
                until.cancelled().await;
                tell.send("ends").unwrap();
                Ok::<(), Infallible>(())
            }
        };
        let (theirs, over) = (drain.clone(), stop.clone());
        let working = tokio::spawn(async move { theirs.unless_on(&over, work).await });
        assert_eq!(told.recv().await, Some("begins"));
        drain.heard(true);
        assert_eq!(told.recv().await, Some("ends"));
        drain.heard(true);
        assert!(drain.is_on());
        drain.heard(false);
        assert_eq!(told.recv().await, Some("begins"));
        stop.cancel();
        assert_eq!(told.recv().await, Some("ends"));
        working.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn one_that_is_drained_stops_all_the_same() {
        let (drain, stop) = (Drain::default(), CancellationToken::new());
        drain.heard(true);
        stop.cancel();
        let never = |_| std::future::ready(Err("it was to take no calls"));
        drain.unless_on(&stop, never).await.unwrap();
    }
}
