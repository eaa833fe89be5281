//! The operator's desk: two doors of the API, one of which may be closed at any time, and what was done through them.

use std::{
    collections::HashSet,
    fmt::Display,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, Utc};
use ringfleet_core::{CampaignId, CampaignState, Clock, SystemClock, cursor::Cursor};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

use crate::{
    demo::client::{ApiError, Client},
    process::Failure,
};

/// How long one door has for an answer before the other is tried.
const PATIENCE: Duration = Duration::from_secs(12);
/// How soon it is tried again.
const AGAIN: Duration = Duration::from_millis(150);
/// With both doors closed for so long something is wrong that we did not do.
const SHUT: Duration = Duration::from_secs(90);

/// A campaign in a list.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Listed {
    pub id: CampaignId,
    pub status: CampaignState,
}

/// From the answer to a pause or a cancel until a start was asked for: nothing may begin.
#[derive(Debug, Clone, Copy)]
pub struct Silence {
    pub campaign: CampaignId,
    pub from: DateTime<Utc>,
    /// None: for good.
    pub until: Option<DateTime<Utc>>,
}

/// Where an operator sits.
pub struct Desk {
    doors: Vec<Client>,
    door: AtomicUsize,
    /// Campaigns that somebody has in hand.
    held: Mutex<HashSet<CampaignId>>,
    silences: Mutex<Vec<Silence>>,
}

impl Desk {
    pub fn new(doors: Vec<Client>) -> Self {
        Self { doors, door: AtomicUsize::new(0), held: Mutex::default(), silences: Mutex::default() }
    }

    /// What a path answers.
    ///
    /// # Errors
    /// When it is refused, or both doors stay shut.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        let answer = self.ask(path, async |door| door.get(path).await).await?;
        answer.map_err(|words| Failure::during(path, words))
    }

    /// Sends a request until it is answered: what was done by an answer that got lost, is done twice. The refusal is an
    /// answer, in the API's words.
    ///
    /// # Errors
    /// When both doors stay shut.
    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &Value,
    ) -> Result<Result<T, String>, Failure> {
        self.ask(path, async |door| door.post(path, body).await).await
    }

    /// The same where a refusal is a mistake of ours.
    ///
    /// # Errors
    /// When it is refused, or both doors stay shut.
    pub async fn make<T: DeserializeOwned>(&self, path: &str, body: &Value) -> Result<T, Failure> {
        self.post(path, body).await?.map_err(|words| Failure::during(path, words))
    }

    async fn ask<T>(
        &self,
        path: &str,
        request: impl AsyncFn(&Client) -> Result<T, ApiError>,
    ) -> Result<Result<T, String>, Failure> {
        let began = Instant::now();
        loop {
            let door = &self.doors[self.door.load(Ordering::Relaxed) % self.doors.len()];
            let why: Box<dyn Display> = match timeout(PATIENCE, request(door)).await {
                Ok(Ok(answer)) => return Ok(Ok(answer)),
                Ok(Err(ApiError::Refused(words))) => return Ok(Err(words)),
                Ok(Err(error)) => Box::new(error),
                Err(_) => Box::new("no answer in time"),
            };
            if began.elapsed() > SHUT {
                return Err(Failure::during(&format!("no api answers {path}"), why));
            }
            self.door.fetch_add(1, Ordering::Relaxed);
            sleep(AGAIN).await;
        }
    }

    /// All campaigns, newest first.
    ///
    /// # Errors
    /// When both doors stay shut.
    pub async fn campaigns(&self) -> Result<Vec<Listed>, Failure> {
        let mut all: Vec<Listed> = self.get("/campaigns?limit=100").await?;
        while let Some(last) = all.last().filter(|_| all.len().is_multiple_of(100)) {
            let cursor = Cursor(last.id.uuid());
            let page: Vec<Listed> = self.get(&format!("/campaigns?limit=100&cursor={cursor}")).await?;
            if page.is_empty() {
                break;
            }
            all.extend(page);
        }
        Ok(all)
    }

    /// Pauses the `nth` of the campaigns that are calling, for a while. False when there was none.
    ///
    /// # Errors
    /// When both doors stay shut.
    pub async fn pause(&self, nth: usize, stays: Duration) -> Result<bool, Failure> {
        let Some(id) = self.pick(nth).await? else { return Ok(false) };
        let paused = self.pause_it(id, stays).await;
        self.let_go(id);
        paused
    }

    async fn pause_it(&self, id: CampaignId, stays: Duration) -> Result<bool, Failure> {
        if self.act(id, "pause").await? != CampaignState::Paused {
            return Ok(false);
        }
        let from = SystemClock.now();
        sleep(stays).await;
        self.keep(Silence { campaign: id, from, until: Some(SystemClock.now()) });
        self.act(id, "start").await.map(|_| true)
    }

    /// Cancels the `nth` of the campaigns that are calling. False when there was none.
    ///
    /// # Errors
    /// When both doors stay shut.
    pub async fn cancel(&self, nth: usize) -> Result<bool, Failure> {
        let Some(id) = self.pick(nth).await? else { return Ok(false) };
        let cancelled = self.act(id, "cancel").await.map(|state| state == CampaignState::Cancelled);
        if let Ok(true) = cancelled {
            self.keep(Silence { campaign: id, from: SystemClock.now(), until: None });
        }
        self.let_go(id);
        cancelled
    }

    /// Asks for an action; gives the state the campaign is in after the answer, also when that refused because the action
    /// had been taken already.
    ///
    /// # Errors
    /// When both doors stay shut.
    pub async fn act(&self, id: CampaignId, action: &str) -> Result<CampaignState, Failure> {
        let path = format!("/campaigns/{id}");
        match self.post::<Listed>(&format!("{path}/{action}"), &json!({})).await? {
            Ok(campaign) => Ok(campaign.status),
            Err(_) => self.get::<Listed>(&path).await.map(|campaign| campaign.status),
        }
    }

    async fn pick(&self, nth: usize) -> Result<Option<CampaignId>, Failure> {
        let mut calling = self.campaigns().await?;
        calling.retain(|campaign| campaign.status == CampaignState::InProgress);
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        calling.retain(|campaign| !held.contains(&campaign.id));
        let picked = nth.checked_rem(calling.len()).map(|nth| calling[nth].id);
        held.extend(picked);
        Ok(picked)
    }

    fn let_go(&self, id: CampaignId) {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }

    fn keep(&self, silence: Silence) {
        self.silences.lock().unwrap_or_else(PoisonError::into_inner).push(silence);
    }

    /// When which campaign had to be silent.
    pub fn silences(&self) -> Vec<Silence> {
        self.silences.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
