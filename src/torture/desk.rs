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
use ringfleet_core::{
    CampaignId, CampaignState, Clock, E164, Plan, Step, SystemClock, cursor::Cursor, trunk::Limits,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

use super::terms::{Ban, Change, Edited, HangUp};
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

/// What of a campaign is changed in mid-flight, as the API shows and takes it.
#[derive(Clone, Deserialize, Serialize)]
struct Settings {
    limits: Limits,
    channels: Vec<Step>,
}

impl From<Settings> for Edited {
    fn from(Settings { limits, channels }: Settings) -> Self {
        Self { limits, plan: Plan { steps: channels } }
    }
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
    done: Mutex<Journal>,
}

/// What was done at the desk, each in the order in which it was.
#[derive(Default)]
pub struct Journal {
    pub silences: Vec<Silence>,
    pub changes: Vec<Change>,
    pub hang_ups: Vec<HangUp>,
    pub bans: Vec<Ban>,
}

impl Desk {
    pub fn new(doors: Vec<Client>) -> Self {
        Self { doors, door: AtomicUsize::new(0), held: Mutex::default(), done: Mutex::default() }
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

    /// Replaces what a path holds.
    ///
    /// # Errors
    /// When it is refused, or both doors stay shut.
    pub async fn put(&self, path: &str, body: &Value) -> Result<(), Failure> {
        let answer = self.ask(path, async |door| door.put::<Value>(path, body).await).await?;
        answer.map(drop).map_err(|words| Failure::during(path, words))
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
        let paused = self.pause_it(id, stays, async || Ok(())).await;
        self.let_go(id);
        paused
    }

    async fn pause_it(
        &self,
        id: CampaignId,
        stays: Duration,
        meanwhile: impl AsyncFnOnce() -> Result<(), Failure>,
    ) -> Result<bool, Failure> {
        if self.act(id, "pause").await? != CampaignState::Paused {
            return Ok(false);
        }
        let from = SystemClock.now();
        meanwhile().await?;
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

    /// Pauses the `nth` of the campaigns that are calling, gives it other limits and its first step so many attempts, and
    /// lets it go on. False when there was none.
    ///
    /// # Errors
    /// When it is refused, or both doors stay shut.
    pub async fn change(
        &self,
        nth: usize,
        limits: Limits,
        attempts: u32,
        stays: Duration,
    ) -> Result<bool, Failure> {
        let Some(id) = self.pick(nth).await? else { return Ok(false) };
        let changed = self.pause_it(id, stays, async || self.change_it(id, limits, attempts).await).await;
        self.let_go(id);
        changed
    }

    async fn change_it(&self, id: CampaignId, limits: Limits, attempts: u32) -> Result<(), Failure> {
        let path = format!("/campaigns/{id}");
        let before: Settings = self.get(&path).await?;
        let mut after = before.clone();
        after.limits = limits;
        after.channels.iter_mut().take(1).for_each(|step| step.attempts = attempts);
        let asked = SystemClock.now();
        let body = serde_json::to_value(&after)?;
        let answer = self.ask(&path, async |door| door.patch::<Listed>(&path, &body).await).await?;
        answer.map_err(|words| Failure::during(&path, words))?;
        let (before, after) = (before.into(), after.into());
        let change = Change { campaign: id, asked, answered: SystemClock.now(), before, after };
        self.journal(|done| done.changes.push(change));
        Ok(())
    }

    /// Pauses the `nth` of the campaigns that are calling, hanging up its calls, and cancels it after a while: what had rung
    /// would not ring again for minutes. False when there was none.
    ///
    /// # Errors
    /// When both doors stay shut.
    pub async fn hang_up(&self, nth: usize, stays: Duration) -> Result<bool, Failure> {
        let Some(id) = self.pick(nth).await? else { return Ok(false) };
        let hang_up = HangUp { campaign: id, asked: SystemClock.now() };
        self.journal(|done| done.hang_ups.push(hang_up));
        let stopped = self.hang_up_it(id, stays).await;
        self.let_go(id);
        stopped
    }

    async fn hang_up_it(&self, id: CampaignId, stays: Duration) -> Result<bool, Failure> {
        if self.act_with(id, "pause", &json!({"inFlight": "hangup"})).await? != CampaignState::Paused {
            return Ok(false);
        }
        self.keep(Silence { campaign: id, from: SystemClock.now(), until: None });
        sleep(stays).await;
        self.act(id, "cancel").await.map(|state| state == CampaignState::Cancelled)
    }

    /// Puts numbers on the list of those that must not be called.
    ///
    /// # Errors
    /// When it is refused, or both doors stay shut.
    pub async fn suppress(&self, numbers: &[E164]) -> Result<(), Failure> {
        let entries: Vec<Value> = numbers.iter().map(|number| json!({"number": number})).collect();
        self.make::<Value>("/suppressions", &json!({"suppressions": entries})).await?;
        let from = SystemClock.now();
        self.journal(|done| done.bans.extend(numbers.iter().map(|number| Ban { number: *number, from })));
        Ok(())
    }

    /// Asks for an action; gives the state the campaign is in after the answer, also when that refused because the action
    /// had been taken already.
    ///
    /// # Errors
    /// When both doors stay shut.
    pub async fn act(&self, id: CampaignId, action: &str) -> Result<CampaignState, Failure> {
        self.act_with(id, action, &json!({})).await
    }

    async fn act_with(&self, id: CampaignId, action: &str, body: &Value) -> Result<CampaignState, Failure> {
        let path = format!("/campaigns/{id}");
        match self.post::<Listed>(&format!("{path}/{action}"), body).await? {
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
        self.journal(|done| done.silences.push(silence));
    }

    /// Looks into what was done, or adds to it.
    pub fn journal<T>(&self, look: impl FnOnce(&mut Journal) -> T) -> T {
        look(&mut self.done.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
