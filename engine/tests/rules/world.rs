//! Two campaigns with overlapping lists over one database, and a clock that is moved.

use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    sync::Arc,
};

use chrono::{DateTime, TimeDelta, Utc};
use ringfleet_core::{
    CallId, CampaignAction, CampaignId, Channel, Clock, CounterKind, E164, EndedBy, Ending, Keyring,
    ManualClock, Outcome, Plan, RecipientState, Retry, Schedule, Step, TrunkId, WorkerId, WorkspaceId, Zones,
    delivery::RetrySchedule,
    message::Receipt as Receipts,
    plan::Gate,
    seal::encode_key,
    trunk::{Limits, SimulatedTrunk, TrunkConfig},
    window::is_open,
};
use ringfleet_engine::{Engine, News, Receipt, Settlement};
use ringfleet_fleet::Fleet;
use ringfleet_store::{
    Call, CallFilter, Campaign, CampaignSettings, Dial, NewAgent, NewCampaign, NewRecipient, NewTrunk, Page,
    Recipient, RecipientFilter, Store,
};
use serde_json::json;

pub struct World {
    pub engine: Engine,
    pub clock: ManualClock,
    pub workspace: WorkspaceId,
    pub campaigns: Vec<CampaignId>,
    pub numbers: Vec<E164>,
    pub suppressed: HashSet<E164>,
    worker: WorkerId,
    live: VecDeque<(CallId, CampaignId)>,
    /// Messages that began.
    sent: Vec<CallId>,
    /// Begun calls that were made: number, campaign, when.
    made: HashMap<CallId, (E164, CampaignId, DateTime<Utc>)>,
    _folder: tempfile::TempDir,
}

/// Monday to Saturday, 9 to 18.
pub fn office() -> Schedule {
    Schedule::named("mon-sat-09-18-UTC").unwrap()
}

fn texts() -> serde_json::Value {
    json!({"kind": "twilioSms", "accountSid": "AC1", "authToken": "x"})
}

/// Two calls, a message, a call if that does not arrive within an hour, and a message whatever came of it.
fn written_to(retry: Retry, trunk: TrunkId) -> Plan {
    let message = |gate| {
        let step = json!({"channel": "sms", "gate": gate, "trunkId": trunk, "message": {"text": "Hi"}});
        serde_json::from_value::<Step>(step).unwrap()
    };
    let again = Step { gate: Some(Gate::SmsUndelivered), after_hours: 1.0, ..Step::voice(1) };
    Plan { steps: vec![Step { retry, ..Step::voice(2) }, message("any"), again, message("any")] }
}

fn numbers() -> Vec<E164> {
    let of = |prefix: &str, n: u32| format!("{prefix}{:07}", 1_000_000 + n).parse().unwrap();
    let india = (0..5).map(|n| of("+91980", n));
    let germany = (0..5).map(|n| of("+4930", n));
    let new_york = (0..5).map(|n| of("+1212", 2_000_000 + n));
    india.chain(germany).chain(new_york).collect()
}

impl World {
    pub async fn new() -> Self {
        Self::with(office()).await
    }

    pub async fn with(schedule: Schedule) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let keys = Keyring::parse(&[encode_key([7; 32])]).unwrap();
        let store = Store::sqlite(&folder.path().join("test.db")).await.unwrap().with_keys(Arc::new(keys));
        store.migrate().await.unwrap();
        let clock = ManualClock::new("2026-11-23T09:00:00Z".parse().unwrap()); // a Monday
        let schedule_of_deliveries = RetrySchedule::default();
        let engine = Engine::new(store, Fleet::in_process(), Arc::new(clock.clone()), schedule_of_deliveries);
        let mut tx = engine.store().write().await.unwrap();
        let workspace = tx.workspace_named("team", clock.now()).await.unwrap().id;
        tx.commit().await.unwrap();
        let mut world = Self {
            engine,
            workspace,
            campaigns: Vec::new(),
            numbers: numbers(),
            suppressed: HashSet::new(),
            worker: WorkerId::new(clock.now()),
            live: VecDeque::new(),
            sent: Vec::new(),
            made: HashMap::new(),
            clock,
            _folder: folder,
        };
        // Both lists hold the first ten numbers.
        for (range, writes) in [(0..15, false), (0..10, true)] {
            let id = world.add_campaign(schedule.clone(), range, writes).await;
            world.campaigns.push(id);
        }
        world
    }

    /// `writes`: whoever cannot be reached by calls is written to, and called once more if that does not arrive.
    async fn add_campaign(
        &self,
        schedule: Schedule,
        numbers: std::ops::Range<usize>,
        writes: bool,
    ) -> CampaignId {
        let now = self.now();
        let mut tx = self.engine.store().write().await.unwrap();
        let agent = NewAgent {
            name: "Asha".into(),
            prompt: "Say hello".into(),
            voice: json!({}),
            llm: json!({}),
            greeting: None,
            recording: false,
            opening_line: None,
            conversation: Default::default(),
            published: true,
        };
        let agent = tx.insert_agent(self.workspace, agent, now).await.unwrap().id;
        let trunk = NewTrunk {
            name: "none".into(),
            config: TrunkConfig::Simulated(SimulatedTrunk::default()),
            caller_id: None,
            caller_ids: None,
            limits: Limits::default(),
        };
        let texts = NewTrunk { config: serde_json::from_value(texts()).unwrap(), ..trunk.clone() };
        let trunk = tx.insert_trunk(self.workspace, trunk, now).await.unwrap().id;
        let texts = tx.insert_trunk(self.workspace, texts, now).await.unwrap().id;
        tx.commit().await.unwrap();
        let retry = Retry { after_minutes: 20.0, backoff: 2.0, ..Retry::default() };
        let plan = match writes {
            false => Plan { steps: vec![Step { retry, ..Step::voice(3) }] },
            true => written_to(retry, texts),
        };
        let new = NewCampaign {
            agent_id: agent,
            trunk_id: trunk,
            trunk_group_id: None,
            settings: CampaignSettings { schedule, ..CampaignSettings::new("list", plan) },
        };
        let id = self.engine.create_campaign(self.workspace, new, Receipt::none()).await.unwrap().id;
        let list: Vec<NewRecipient> = self.numbers[numbers]
            .iter()
            .map(|&number| NewRecipient { number, variables: json!({}).into(), timezone: None })
            .collect();
        self.engine.add_recipients(self.workspace, id, &list, Receipt::none()).await.unwrap();
        self.engine.act(self.workspace, id, CampaignAction::Start, None).await.unwrap();
        id
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    pub async fn campaign(&self, id: CampaignId) -> Campaign {
        let mut tx = self.engine.store().read().await.unwrap();
        tx.campaign(self.workspace, id).await.unwrap().unwrap()
    }

    pub async fn recipients(&self, id: CampaignId) -> Vec<Recipient> {
        let mut tx = self.engine.store().read().await.unwrap();
        let page = Page::first(100);
        tx.recipients(id, RecipientFilter::default(), page).await.unwrap()
    }

    /// What was talked in all calls of a campaign that are over, in milliseconds.
    pub async fn talked_ms(&self, id: CampaignId) -> i64 {
        let filter = CallFilter { campaign: Some(id), ..CallFilter::default() };
        let mut tx = self.engine.store().read().await.unwrap();
        let calls = tx.calls(self.workspace, filter, Page::first(10_000)).await.unwrap();
        calls.iter().filter(|call| call.outcome.is_some()).filter_map(Call::talked_ms).sum()
    }

    pub async fn counters(&self, id: CampaignId, kind: CounterKind) -> BTreeMap<String, i64> {
        let mut tx = self.engine.store().read().await.unwrap();
        let counters = tx.counters(id).await.unwrap();
        counters.into_iter().filter(|c| c.kind == kind && c.n != 0).map(|c| (c.name, c.n)).collect()
    }

    pub async fn dispatch(&self, campaign: usize, room: u32) {
        let running = self.engine.running().await.unwrap();
        if let Some(running) = running.iter().find(|r| r.id == self.campaigns[campaign]) {
            self.engine.dispatch(running, room).await.unwrap();
            if running.has_messages {
                self.engine.dispatch_messages(running, 1).await.unwrap();
            }
        }
    }

    /// Something is told of the `n`th of all messages that went out.
    pub async fn tell(&self, n: usize, receipt: Receipts) {
        let Some(&call) = self.sent.get(n % self.sent.len().max(1)) else { return };
        let news = News { call, receipt, reason: receipt.to_string(), code: None };
        self.engine.receipt(&news, Receipt::none()).await.unwrap();
    }

    /// A worker takes every call that waits, and holds what it begins against the rules, looked up anew.
    pub async fn begin_all(&mut self) {
        let mut tx = self.engine.store().read().await.unwrap();
        let state = Some(ringfleet_core::CallState::Pending);
        let filter = CallFilter { state, ..CallFilter::default() };
        let waiting = tx.calls(self.workspace, filter, Page::first(100)).await.unwrap();
        tx.commit().await.unwrap();
        for call in waiting {
            let Some(dial) = self.engine.load(call.id).await.unwrap() else { continue };
            if dial.due_at <= self.now() && self.begin(&dial).await {
                let campaign = call.campaign_id.unwrap();
                if call.channel != Channel::Voice {
                    self.judge_message(call.number);
                    self.live.push_back((call.id, campaign));
                    self.sent.push(call.id);
                    continue;
                }
                self.judge(call.number, campaign);
                self.live.push_back((call.id, campaign));
                self.made.insert(call.id, (call.number, campaign, self.now()));
            }
        }
    }

    async fn begin(&self, dial: &Dial) -> bool {
        self.engine.begin(dial, self.worker, json!({})).await.unwrap().is_some()
    }

    fn judge_message(&self, number: E164) {
        assert!(!self.suppressed.contains(&number), "{number} is suppressed");
        let zones = Zones::of_number(number).unwrap();
        assert!(is_open(&[&office()], &zones, self.now()), "{number} is written to at {}", self.now());
    }

    fn judge(&self, number: E164, campaign: CampaignId) {
        let now = self.now();
        assert!(!self.suppressed.contains(&number), "{number} is suppressed");
        let zones = Zones::of_number(number).unwrap();
        assert!(is_open(&[&office()], &zones, now), "{number} is called at {now}");
        let before: Vec<_> = self.made.values().filter(|(to, ..)| *to == number).collect();
        let day = before.iter().filter(|(.., at)| now - *at < TimeDelta::hours(24)).count();
        assert!(day < 3, "{number} is called {} times in a day: {before:?}", day + 1);
        let close = before.iter().find(|(_, of, at)| *of != campaign && now - *at < TimeDelta::hours(1));
        assert!(close.is_none(), "{number} is called at {now} and by another campaign: {close:?}");
    }

    pub async fn settle_oldest(&mut self, ending: Ending) {
        self.settle_oldest_if_any(ending).await;
    }

    pub async fn settle_oldest_if_any(&mut self, ending: Ending) -> bool {
        let Some((call, campaign)) = self.live.pop_front() else { return false };
        let ending = match (self.sent.contains(&call), ending) {
            (true, Ending::Over { outcome: Outcome::Answered | Outcome::Voicemail, .. }) => {
                Ending::over(Outcome::Sent, "accepted", None, EndedBy::Carrier)
            }
            (true, Ending::Over { .. }) => {
                Ending::over(Outcome::Failed, "bad_message", Some(400), EndedBy::Carrier)
            }
            (_, ending) => ending,
        };
        let consumed = matches!(&ending, Ending::Over { .. });
        if !consumed {
            self.made.remove(&call);
        }
        let answered = matches!(&ending, Ending::Over { outcome: ringfleet_core::Outcome::Answered, .. });
        let settlement = Settlement {
            recorded: None,
            call,
            campaign: Some(campaign),
            worker: self.worker,
            ending,
            sent: true,
            rung: false,
            begun: None,
            heard: None,
            answered_at: answered.then(|| self.now() - TimeDelta::milliseconds(1_234)),
            at: self.now(),
        };
        assert!(self.engine.settle(settlement).await.unwrap());
        true
    }

    pub async fn open(&self) -> Vec<Recipient> {
        let mut open = Vec::new();
        for &id in &self.campaigns {
            open.extend(self.recipients(id).await.into_iter().filter(|r| r.state != RecipientState::Done));
        }
        open
    }

    pub async fn all_done(&self) -> bool {
        self.open().await.is_empty()
    }
}
