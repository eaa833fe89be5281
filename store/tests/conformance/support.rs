//! A fresh database for each test, and a world to put into it.

use std::{
    path::PathBuf,
    sync::Arc,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use chrono::{DateTime, Utc};
use ringfleet_core::{
    AgentId, AgentVersion, CallId, CampaignId, CampaignState, Channel, E164, Keyring, Outcome, Plan, Retry,
    Role, Scopes, Step, TrunkId, WorkerId, WorkspaceId,
    cursor::Cursor,
    trunk::{Limits, SimulatedTrunk, TrunkConfig},
};
use ringfleet_store::{
    Begin, CampaignSettings, NewAgent, NewApiKey, NewCall, NewCampaign, NewRecipient, NewTrunk, Page,
    Placement, Result, Standing, Store, Tx,
};
use serde_json::json;
use uuid::Uuid;

#[path = "../../../tests/support/guard.rs"]
#[allow(dead_code, reason = "the system tests use more of it")]
mod guard;
#[path = "../../../tests/support/ports.rs"]
mod ports;
#[path = "../../../tests/support/postgres.rs"]
#[allow(dead_code, reason = "the system tests use more of it")]
mod postgres;
use ports::free_port;

/// How long a test waits for something that normally takes milliseconds.
pub const SOON: Duration = Duration::from_secs(60);

/// Asks `question` until it answers `Some`.
///
/// # Panics
///
/// After `deadline`, naming what was waited for.
pub async fn eventually<T>(
    deadline: Duration,
    what: &str,
    mut question: impl AsyncFnMut() -> Option<T>,
) -> T {
    let give_up = tokio::time::Instant::now() + deadline;
    loop {
        if let Some(answer) = question().await {
            return answer;
        }
        assert!(tokio::time::Instant::now() < give_up, "waited {deadline:?} in vain: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Where a database is, so that it can be opened again as another process would.
#[derive(Clone)]
pub enum Place {
    Postgres(String),
    Sqlite(PathBuf),
}

impl Place {
    pub async fn open(&self) -> Store {
        match self {
            Self::Postgres(url) => Store::postgres(url, 8).await.unwrap(),
            Self::Sqlite(file) => Store::sqlite(file).await.unwrap(),
        }
    }

    /// Runs a statement past the store.
    pub async fn raw(&self, sql: &'static str) {
        use sqlx::Connection;
        match self {
            Self::Postgres(url) => {
                let mut conn = sqlx::PgConnection::connect(url).await.unwrap();
                sqlx::raw_sql(sql).execute(&mut conn).await.unwrap();
            }
            Self::Sqlite(file) => {
                let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file);
                let mut conn = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
                sqlx::raw_sql(sql).execute(&mut conn).await.unwrap();
            }
        }
    }

    /// What a statement past the store counts.
    pub async fn count(&self, sql: &'static str) -> i64 {
        use sqlx::Connection;
        match self {
            Self::Postgres(url) => {
                let mut conn = sqlx::PgConnection::connect(url).await.unwrap();
                sqlx::query_scalar(sql).fetch_one(&mut conn).await.unwrap()
            }
            Self::Sqlite(file) => {
                let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file);
                let mut conn = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
                sqlx::query_scalar(sql).fetch_one(&mut conn).await.unwrap()
            }
        }
    }
}

/// Keys to keep secrets with, each of one byte repeated.
pub fn keys(bytes: &[u8]) -> Arc<Keyring> {
    let keys: Vec<String> = bytes.iter().map(|byte| ringfleet_core::seal::encode_key([*byte; 32])).collect();
    Arc::new(Keyring::parse(&keys).unwrap())
}

/// A database of one test.
pub struct Db {
    pub store: Store,
    pub place: Place,
    /// The folder of an SQLite file, removed with this value.
    folder: Option<tempfile::TempDir>,
}

impl Db {
    pub async fn sqlite() -> Self {
        let folder = guard::folder();
        Self::open(Place::Sqlite(folder.path().join("test.db")), Some(folder)).await
    }

    pub async fn postgres() -> Self {
        let url = postgres::Postgres::shared().await.fresh_database().await;
        Self::open(Place::Postgres(url), None).await
    }

    async fn open(place: Place, folder: Option<tempfile::TempDir>) -> Self {
        let store = place.open().await.with_keys(keys(&[7]));
        store.migrate().await.unwrap();
        Self { store, place, folder }
    }

    /// An empty database of the same engine.
    pub async fn empty_place(&self) -> Place {
        match &self.folder {
            Some(folder) => Place::Sqlite(folder.path().join(format!("{}.db", Uuid::now_v7()))),
            None => Place::Postgres(postgres::Postgres::shared().await.fresh_database().await),
        }
    }

    /// One transaction, committed.
    pub async fn write<T>(&self, work: impl AsyncFnOnce(&mut Tx) -> Result<T>) -> T {
        let mut tx = self.store.write().await.unwrap();
        let out = work(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
        out
    }

    /// One transaction that only reads.
    pub async fn read<T>(&self, work: impl AsyncFnOnce(&mut Tx) -> Result<T>) -> T {
        let mut tx = self.store.read().await.unwrap();
        work(&mut tx).await.unwrap()
    }
}

/// `ms` milliseconds after the moment all tests begin at.
pub fn at(ms: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(1_790_000_000_123 + ms).unwrap()
}

pub fn number(n: u64) -> E164 {
    E164::try_from(919_800_000_000 + n).unwrap()
}

/// No ids.
pub const NONE: [Uuid; 0] = [];

/// The first page, larger than any list here.
pub fn all() -> Page {
    Page::first(1000)
}

pub fn page(after: Option<Uuid>, limit: u32) -> Page {
    Page { after: after.map(Cursor), ..Page::first(limit) }
}

pub fn new_agent(name: &str) -> NewAgent {
    NewAgent {
        name: name.into(),
        prompt: "Be kind.".into(),
        voice: json!({}),
        llm: json!({}),
        greeting: None,
        recording: false,
        opening_line: None,
        conversation: Default::default(),
        published: true,
    }
}

pub fn new_trunk(name: &str) -> NewTrunk {
    NewTrunk {
        name: name.into(),
        config: TrunkConfig::Simulated(SimulatedTrunk { ring_ms: 5, talk_ms: 7 }),
        caller_id: None,
        caller_ids: None,
        limits: Limits::default(),
    }
}

pub fn new_key<'a>(workspace: WorkspaceId, role: Role, prefix: &'a str, hash: &'a [u8]) -> NewApiKey<'a> {
    let (scopes, rate_limit, expires_at) = (Scopes::ALL, None, None);
    NewApiKey { workspace, name: "test", role, scopes, rate_limit, expires_at, prefix, hash }
}

/// A plan of one voice step with three attempts.
pub fn plan() -> Plan {
    let retry = Retry { after_minutes: 1.5, backoff: 2.0, on: vec![Outcome::Unanswered] };
    Plan { steps: vec![Step { retry, ..Step::voice(3) }] }
}

/// A workspace with an agent, a trunk and a campaign.
#[derive(Clone, Copy)]
pub struct World {
    pub workspace: WorkspaceId,
    pub agent: AgentId,
    pub trunk: TrunkId,
    pub campaign: CampaignId,
}

impl World {
    /// The campaign stays in DRAFT.
    pub async fn new(db: &Db) -> Self {
        static WORLDS: AtomicU64 = AtomicU64::new(0);
        let name = format!("world {}", WORLDS.fetch_add(1, Ordering::Relaxed));
        db.write(async |tx| {
            let workspace = tx.workspace_named(&name, at(0)).await?.id;
            let agent = tx.insert_agent(workspace, new_agent("Asha"), at(0)).await?.id;
            let trunk = tx.insert_trunk(workspace, new_trunk("line"), at(0)).await?.id;
            let campaign = tx.insert_campaign(workspace, Self::new_campaign(agent, trunk), at(0)).await?.id;
            Ok(Self { workspace, agent, trunk, campaign })
        })
        .await
    }

    /// With `n` recipients, due at once, and the campaign calling.
    pub async fn calling(db: &Db, n: u64) -> Self {
        let world = Self::new(db).await;
        world.fill(db, 0..n).await;
        world.set(db, CampaignState::InProgress).await;
        world
    }

    pub fn new_campaign(agent: AgentId, trunk: TrunkId) -> NewCampaign {
        let settings =
            CampaignSettings { max_call_seconds: 300, ..CampaignSettings::new("Reminders", plan()) };
        NewCampaign { agent_id: agent, trunk_id: trunk, trunk_group_id: None, settings }
    }

    pub async fn fill(&self, db: &Db, numbers: std::ops::Range<u64>) {
        let new: Vec<NewRecipient> = numbers
            .map(|n| NewRecipient { number: number(n), variables: json!({"n": n}).into(), timezone: None })
            .collect();
        db.write(async |tx| tx.insert_recipients(self.campaign, 0, &new, at(0)).await).await;
    }

    pub async fn set(&self, db: &Db, state: CampaignState) {
        db.write(async |tx| tx.set_campaign_state(self.campaign, state, None, at(0)).await).await;
    }

    pub fn new_call(&self, standing: Option<&Standing>, due: DateTime<Utc>) -> NewCall {
        NewCall {
            id: CallId::new(due).uuid(),
            workspace_id: self.workspace.uuid(),
            campaign_id: standing.map(|_| self.campaign.uuid()),
            recipient_id: standing.map(|s| s.id.uuid()),
            agent_id: self.agent.uuid(),
            agent_version: None,
            trunk_id: self.trunk.uuid(),
            channel: Channel::Voice,
            number: standing.map_or(number(7), |s| s.number).digits(),
            variables: json!({}),
            metadata: json!({}),
            caller_id: None,
            ring_seconds: 30,
            max_call_seconds: 300,
            step: 0,
            attempt: standing.map_or(1, |s| s.total_attempts + 1),
            due_at: due,
            pushed_at: due,
            traceparent: None,
        }
    }

    /// Claims `n` recipients and makes a call for each, PENDING, due and pushed at the beginning.
    pub async fn queue(&self, db: &Db, n: u32) -> Vec<NewCall> {
        db.write(async |tx| {
            let claimed = claim(tx, self.campaign, n, at(0)).await?;
            let calls: Vec<NewCall> = claimed.iter().map(|s| self.new_call(Some(s), at(0))).collect();
            tx.insert_calls(&calls, at(0)).await?;
            Ok(calls)
        })
        .await
    }

    /// As [`World::queue`], and `worker` begins them.
    pub async fn ring(&self, db: &Db, n: u32, worker: WorkerId) -> Vec<NewCall> {
        let calls = self.queue(db, n).await;
        let begun = db
            .write(async |tx| {
                let ids: Vec<Uuid> = calls.iter().filter_map(|c| c.recipient_id).collect();
                tx.activate_recipients(&ids).await?;
                begin(tx, &wishes(&calls, worker), at(10)).await
            })
            .await;
        assert_eq!(begun.len(), calls.len());
        calls
    }
}

/// `worker` would begin these calls.
pub fn wishes(calls: &[NewCall], worker: WorkerId) -> Vec<Begin> {
    let wish = |call: &NewCall| Begin {
        id: call.id,
        campaign: call.campaign_id.map(CampaignId::from),
        trunk: TrunkId::from(call.trunk_id),
        caller_id: None,
        trunk_has_pool: false,
        agent_version: AgentVersion::FIRST,
        worker: worker.uuid(),
        resume: json!({"call": call.id}),
        traceparent: None,
    };
    calls.iter().map(wish).collect()
}

pub fn sorted<T: Ord>(items: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut items: Vec<T> = items.into_iter().collect();
    items.sort();
    items
}

/// Claims up to `n` due recipients: PENDING → QUEUED, the longest due first.
pub async fn claim(tx: &mut Tx, campaign: CampaignId, n: u32, now: DateTime<Utc>) -> Result<Vec<Standing>> {
    let due = tx.due_recipients(campaign, 0, n, now).await?;
    let ids: Vec<Uuid> = due.iter().map(|r| r.id.uuid()).collect();
    tx.queue_recipients(&ids).await?;
    Ok(due)
}

/// Begins those of `wishes` that may; gives their ids.
pub async fn begin(tx: &mut Tx, wishes: &[Begin], now: DateTime<Utc>) -> Result<Vec<Uuid>> {
    let found = tx.calls_to_begin(wishes, now).await?;
    let ids: Vec<Uuid> = found.iter().map(|b| b.call.id.uuid()).collect();
    let chosen = wishes.iter().filter(|wish| ids.contains(&wish.id));
    let chosen: Vec<Placement> =
        chosen.map(|wish| Placement { wish, caller_id: None, caller_day: None }).collect();
    tx.begin_calls(&chosen, now).await?;
    Ok(ids)
}
