//! One stream: looks every second, and tells what has changed.

use std::{
    collections::HashMap,
    convert::Infallible,
    sync::{Arc, Weak},
    time::Duration,
};

use axum::response::sse::Event;
use futures::{Stream, StreamExt, stream};
use parking_lot::Mutex;
use ringfleet_core::{Action, WorkspaceId, clock::Stopwatch};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Interval, MissedTickBehavior},
};

use super::{Shown, topics::Topic};
use crate::{
    auth::Gate,
    error::{ApiError, Result},
};

/// How often it looks.
const LOOK: Duration = Duration::from_secs(1);
/// What somebody else has looked up so lately serves everybody.
const FRESH: Duration = Duration::from_millis(900);
/// Whoever hears nothing else hears so often that the connection holds.
pub(super) const PULSE: Duration = Duration::from_secs(10);
/// After so many looks it is asked again whether whoever watches still may: so one that is revoked sees no more than a quarter of a minute.
const LOOKS: u32 = 15;
/// Most streams of one server.
const MOST: usize = 2_000;
/// Most of one workspace, so that none takes the others' places.
const MOST_EACH: usize = 500;

/// What all streams of a server share: places, and what was just looked up.
pub(crate) struct Desk {
    places: Arc<Semaphore>,
    of_workspaces: Mutex<HashMap<WorkspaceId, Weak<Semaphore>>>,
    known: Mutex<HashMap<(WorkspaceId, Topic), Weak<Seen>>>,
}

/// A topic as it was when somebody last looked.
#[derive(Default)]
struct Seen(tokio::sync::Mutex<Option<(Stopwatch, Arc<str>)>>);

impl Default for Desk {
    fn default() -> Self {
        Self {
            places: Arc::new(Semaphore::new(MOST)),
            of_workspaces: Mutex::default(),
            known: Mutex::default(),
        }
    }
}

/// The place of a stream: one of its workspace's, whose places are there as long as somebody has one of them, and one of the server's.
struct Place {
    _of_workspace: OwnedSemaphorePermit,
    _of_server: OwnedSemaphorePermit,
}

impl Desk {
    fn place(&self, workspace: WorkspaceId) -> Option<Place> {
        let places = {
            let mut all = self.of_workspaces.lock();
            match all.get(&workspace).and_then(Weak::upgrade) {
                Some(places) => places,
                None => {
                    all.retain(|_, places| places.strong_count() > 0);
                    let places = Arc::new(Semaphore::new(MOST_EACH));
                    all.insert(workspace, Arc::downgrade(&places));
                    places
                }
            }
        };
        Some(Place {
            _of_workspace: places.try_acquire_owned().ok()?,
            _of_server: self.places.clone().try_acquire_owned().ok()?,
        })
    }

    fn seen(&self, workspace: WorkspaceId, topic: &Topic) -> Arc<Seen> {
        let mut known = self.known.lock();
        let key = (workspace, topic.clone());
        if let Some(seen) = known.get(&key).and_then(Weak::upgrade) {
            return seen;
        }
        known.retain(|_, seen| seen.strong_count() > 0); // those that nobody watches any more
        let seen = Arc::new(Seen::default());
        known.insert(key, Arc::downgrade(&seen));
        seen
    }
}

/// One thing that a stream watches.
struct Watched {
    topic: Topic,
    seen: Arc<Seen>,
    told: Option<Arc<str>>,
}

/// A stream at work.
pub(super) struct Watch {
    gate: Gate,
    workspace: WorkspaceId,
    shown: Shown,
    watched: Vec<Watched>,
    looks: u32,
    ticks: Interval,
    _place: Place,
}

impl Watch {
    /// Begins to watch; what cannot be watched is refused before the stream begins.
    pub(super) async fn begin(
        (gate, workspace): (Gate, WorkspaceId),
        shown: Shown,
        topics: Vec<Topic>,
    ) -> Result<Self> {
        let desk = gate.desk();
        let place = desk.place(workspace).ok_or_else(|| {
            ApiError::unavailable("too many pages are watching this server; try again in a minute")
        })?;
        let watched: Vec<Watched> = topics
            .into_iter()
            .map(|topic| Watched { seen: desk.seen(workspace, &topic), topic, told: None })
            .collect();
        for one in &watched {
            one.look(&gate, workspace).await?;
        }
        let mut ticks = tokio::time::interval(LOOK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Self { gate, workspace, shown, watched, looks: 0, ticks, _place: place })
    }

    /// What is told, until whoever watches may not any more, nothing can be looked up, or the server stops.
    pub(super) fn events(self) -> impl Stream<Item = Result<Event, Infallible>> + Send {
        let told = stream::unfold(self, |mut watch| async move {
            let events = watch.next().await?;
            Some((stream::iter(events.into_iter().map(Ok)), watch))
        });
        told.flatten()
    }

    async fn next(&mut self) -> Option<Vec<Event>> {
        let closing = self.gate.closing();
        loop {
            closing.run_until_cancelled(self.ticks.tick()).await?;
            self.looks = (self.looks + 1) % LOOKS;
            if self.looks == 0 && !self.still_may().await {
                return None;
            }
            let mut events = Vec::new();
            for one in &mut self.watched {
                let now = match one.look(&self.gate, self.workspace).await {
                    Ok(now) => now,
                    Err(_) => return None, // the client comes again, and hears why
                };
                if one.told.as_ref() != Some(&now) {
                    events.push(Event::default().event(one.topic.event()).data(&*now));
                    one.told = Some(now);
                }
            }
            if !events.is_empty() {
                return Some(events);
            }
        }
    }

    async fn still_may(&mut self) -> bool {
        let Ok(identity) = self.shown.who(&self.gate).await else { return false };
        let needs_fleet = self.watched.iter().any(|one| one.topic == Topic::Fleet);
        identity.workspace == self.workspace
            && identity.may(Action::Read)
            && (!needs_fleet || identity.may(Action::SeeFleet))
    }
}

impl Watched {
    async fn look(&self, gate: &Gate, workspace: WorkspaceId) -> Result<Arc<str>> {
        let mut seen = self.seen.0.lock().await;
        if let Some((since, text)) = &*seen
            && since.elapsed() < FRESH
        {
            return Ok(text.clone());
        }
        let text: Arc<str> = self.topic.read(gate.engine(), workspace).await?.into();
        *seen = Some((Stopwatch::start(), text.clone()));
        Ok(text)
    }
}
