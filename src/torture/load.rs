//! What there is to do: campaigns of many kinds, one after the other, and single calls beside them. All of it follows from
//! the seed but the moment.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use chrono::{TimeDelta, Timelike};
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use ringfleet_core::{CampaignId, CampaignState, Caps, Clock, SystemClock, clock::rfc3339};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{
    desk::{Desk, Listed},
    people::{People, Place, spans},
    terms::Asked,
};
use crate::{
    demo::{
        client::{Made, Webhook},
        receiver::Receiver,
    },
    process::Failure,
};

/// Campaigns that call or rest at the same time. Few, so that all of it comes to an end soon after the last fault.
const AT_ONCE: usize = 6;
/// How often we look whether there is room for another campaign.
const LOOK: Duration = Duration::from_millis(700);
/// On one list: those whom nobody has called yet, and those whom many call.
const FRESH: std::ops::Range<usize> = 20..80;
const REGULARS: std::ops::Range<usize> = 0..9;
/// The caps of the workspace: a gap that is over within the run, and more calls than anybody gets.
pub const FLOOR: Caps = Caps { min_gap_minutes: Some(0.1), max_per_24h: Some(100), max_per_7d: None };
/// Long after everything is over. Who would have to wait longer for a cap is not called any more.
const END: TimeDelta = TimeDelta::hours(12);

/// The numbers that pools of caller IDs begin at, and the calls of a day that may show each.
const POOLED: u32 = 40;
const SHOWN: u32 = 12;

/// What all campaigns have in common.
pub struct Ground {
    agent: String,
    trunks: Vec<TrunkKind>,
    people: People,
    asked: Mutex<BTreeMap<CampaignId, Asked>>,
}

struct TrunkKind {
    id: String,
    /// Whether it keeps a pace; where it does not, its campaigns do.
    paced: bool,
}

impl Ground {
    /// Makes an agent, a webhook to `receiver` and trunks that keep a pace, have few lines, or both.
    ///
    /// # Errors
    /// When one cannot be made.
    pub async fn prepare(desk: &Desk, receiver: &Receiver) -> Result<Self, Failure> {
        let webhook: Webhook = desk.make("/webhooks", &json!({"url": receiver.url()})).await?;
        receiver.trust(&webhook.signing_secret)?;
        let agent: Made = desk.make("/agents", &json!({"name": "Torture"})).await?;
        let rules = json!({"caps": FLOOR, "schedule": {"timezone": early()}});
        desk.put("/workspace/rules", &rules).await?;
        let mut trunks = Vec::new();
        for (ring_ms, talk_ms, limits) in [
            (150, 700, json!({"callsPerSecond": 12, "maxLiveCalls": 14})),
            (300, 1_500, json!({"maxLiveCalls": 12})),
            (80, 400, json!({"callsPerSecond": 9})),
        ] {
            let paced = limits.get("callsPerSecond").is_some();
            let trunk = json!({
                "name": "Torture", "kind": "simulated", "ringMs": ring_ms, "talkMs": talk_ms, "limits": limits,
            });
            let Made { id } = desk.make("/trunks", &trunk).await?;
            trunks.push(TrunkKind { id, paced });
        }
        Ok(Self { agent: agent.id, trunks, people: People::default(), asked: Mutex::default() })
    }

    /// Keeps campaigns going, for as long as it is polled.
    ///
    /// # Errors
    /// When one is refused, or no api answers.
    pub async fn keep_calling(&self, desk: &Desk, seed: u64) -> Result<(), Failure> {
        let mut rng = StdRng::seed_from_u64(seed ^ 0xca11);
        loop {
            let open = desk.campaigns().await?.iter().filter(|campaign| !campaign.status.is_final()).count();
            match open < AT_ONCE {
                true => self.start_campaign(desk, &mut rng).await?,
                false => sleep(LOOK).await,
            }
        }
    }

    async fn start_campaign(&self, desk: &Desk, rng: &mut StdRng) -> Result<(), Failure> {
        let place = *Place::ALL.choose(rng).unwrap_or(&Place::America);
        let (body, asked) = self.campaign(rng, place)?;
        let campaign: Listed = desk.make("/campaigns", &body).await?;
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).insert(campaign.id, asked);
        let fresh = rng.random_range(FRESH);
        let regulars = if place == Place::America { rng.random_range(REGULARS) } else { 0 };
        let people = self.people.list(rng, place, fresh, regulars)?;
        let path = format!("/campaigns/{}/recipients", campaign.id);
        // Sent twice, the second time nobody is new.
        desk.make::<Value>(&path, &json!({"recipients": people})).await?;
        desk.act(campaign.id, "start").await.map(drop)
    }

    fn campaign(&self, rng: &mut StdRng, place: Place) -> Result<(Value, Asked), Failure> {
        let trunk = &self.trunks[rng.random_range(0..self.trunks.len())];
        let mut limits = json!({});
        if !trunk.paced || rng.random_bool(0.4) {
            limits["callsPerSecond"] = rng.random_range(3..10).into();
        }
        if rng.random_bool(0.5) {
            limits["maxLiveCalls"] = rng.random_range(2..8).into();
        }
        let now = SystemClock.now();
        let hours = rng.random_bool(0.4).then(|| spans(rng, now));
        let schedule = match &hours {
            Some(spans) => json!({"hours": place.hours(spans)?}),
            None => json!({"window": "always"}),
        };
        let caps = match rng.random_bool(0.4) {
            true => Caps {
                min_gap_minutes: Some(f64::from(rng.random_range(0..20)) / 100.0),
                max_per_24h: Some(rng.random_range(1..8)),
                max_per_7d: None,
            },
            false => Caps::default(),
        };
        let body = json!({
            "name": "Torture",
            "agentId": self.agent,
            "trunkId": trunk.id,
            "channels": steps(rng),
            "limits": limits,
            "schedule": schedule,
            "caps": caps,
            "endAt": rfc3339(now + END),
            "ringTimeoutSeconds": rng.random_range(1..3),
            "callerIds": rng.random_bool(0.4).then(|| pool(rng)),
        });
        Ok((body, Asked { hours, caps }))
    }

    /// Places single calls now and then, for as long as it is polled.
    ///
    /// # Errors
    /// When one is refused, or no api answers.
    pub async fn keep_triggering(&self, desk: &Desk, seed: u64) -> Result<(), Failure> {
        let mut rng = StdRng::seed_from_u64(seed ^ 0x51);
        loop {
            let trunk = &self.trunks[rng.random_range(0..self.trunks.len())];
            let to = match rng.random_bool(0.2) {
                true => People::regular(&mut rng),
                false => self.people.somebody(&mut rng, Place::America),
            };
            let call = json!({
                "agentId": self.agent, "trunkId": trunk.id, "to": to, "ringTimeoutSeconds": 2,
            });
            match desk.post::<Value>("/sessions", &call).await? {
                Err(words) if !words.contains("suppression list") => {
                    return Err(Failure::during("/sessions", words));
                }
                _ => sleep(Duration::from_millis(rng.random_range(300..1_500))).await,
            }
        }
    }

    /// Suppresses some of those who were put on lists last. False when nobody was.
    ///
    /// # Errors
    /// When it is refused, or no api answers.
    pub async fn suppress(&self, desk: &Desk, seed: u64, count: usize) -> Result<bool, Failure> {
        let numbers = self.people.some(&mut StdRng::seed_from_u64(seed), count);
        if numbers.is_empty() {
            return Ok(false);
        }
        desk.suppress(&numbers).await.map(|()| true)
    }

    /// The agent of all calls.
    pub fn agent(&self) -> &str {
        &self.agent
    }

    /// What each campaign was made with.
    pub fn asked(&self) -> BTreeMap<CampaignId, Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A few of the numbers that all pools share, fewer than the calls of some campaigns need.
fn pool(rng: &mut StdRng) -> Value {
    let first = rng.random_range(0..POOLED);
    let numbers: Vec<String> = (first..first + 4).map(|n| format!("+1646555{n:04}")).collect();
    let rotation = ["roundRobin", "leastUsed", "match"].choose(rng);
    json!({"numbers": numbers, "rotation": rotation, "dailyCap": SHOWN})
}

/// A zone in which it is two or three in the morning: what waits for the next day waits beyond [`END`].
fn early() -> String {
    let ahead = (2 - i64::from(SystemClock.now().hour()) + 11).rem_euclid(24) - 11;
    format!("Etc/GMT{:+}", -ahead) // in these names west of Greenwich is positive
}

/// One or two voice steps with one to four attempts, tried again within seconds.
fn steps(rng: &mut StdRng) -> Value {
    let on = ["UNANSWERED", "REJECTED", "VOICEMAIL", "FAILED", "UNCERTAIN"];
    let mut step = |gate: Option<&str>| {
        let mut step = json!({
            "channel": "voice",
            "attempts": rng.random_range(1..5),
            "retry": {
                "afterMinutes": f64::from(rng.random_range(0..60)) / 1_000.0,
                "backoff": f64::from(rng.random_range(10..20)) / 10.0,
                "on": on[..rng.random_range(1..=on.len())],
            },
        });
        if let Some(gate) = gate {
            step["gate"] = gate.into();
            step["afterHours"] = (0.0005).into();
        }
        step
    };
    let first = step(None);
    let second = step(Some("voice.voicemail"));
    match rng.random_bool(0.3) {
        true => json!([first, second]),
        false => json!([first]),
    }
}

/// Brings to an end what is not: starts what is paused, and cancels what nobody has ever started.
///
/// # Errors
/// When no api answers.
pub async fn let_all_end(desk: &Desk) -> Result<(), Failure> {
    for campaign in desk.campaigns().await? {
        match campaign.status {
            CampaignState::Paused => drop(desk.act(campaign.id, "start").await?),
            // Its making was answered to nobody, or we were stopped before it had a list.
            CampaignState::Draft => drop(desk.act(campaign.id, "cancel").await?),
            _ => {}
        }
    }
    Ok(())
}
