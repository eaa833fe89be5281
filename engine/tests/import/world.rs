//! An engine over a fresh database, with a workspace that has a campaign.

use std::sync::Arc;

use ringfleet_core::{
    CampaignId, Clock, Keyring, Plan, SystemClock, WorkspaceId,
    delivery::RetrySchedule,
    seal::encode_key,
    trunk::{Limits, SimulatedTrunk, TrunkConfig},
};
use ringfleet_engine::{Engine, Receipt, Result, import::ImportOptions};
use ringfleet_fleet::Fleet;
use ringfleet_store::{
    CampaignSettings, Import, NewAgent, NewCampaign, NewTrunk, Page, Recipient, RecipientFilter, Reject,
    Store,
};
use serde_json::json;
use sqlx::Connection;
use tokio::io::AsyncRead;

const FILE: &str = "test.db";

pub struct World {
    pub engine: Engine,
    pub workspace: WorkspaceId,
    pub campaign: CampaignId,
    /// The folder of the database, removed with this value.
    folder: tempfile::TempDir,
}

impl World {
    /// Over an SQLite file of its own.
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let keys = Keyring::parse(&[encode_key([7; 32])]).unwrap();
        let store = Store::sqlite(&folder.path().join(FILE)).await.unwrap().with_keys(Arc::new(keys));
        Self::over(store, folder).await
    }

    pub async fn over(store: Store, folder: tempfile::TempDir) -> Self {
        store.migrate().await.unwrap();
        let engine = Engine::new(store, Fleet::in_process(), Arc::new(SystemClock), RetrySchedule::default());
        let mut tx = engine.store().write().await.unwrap();
        let workspace = tx.workspace_named("team", SystemClock.now()).await.unwrap().id;
        tx.commit().await.unwrap();
        let campaign = campaign(&engine, workspace).await;
        Self { engine, workspace, campaign, folder }
    }

    /// Another campaign of the same workspace.
    pub async fn another_campaign(&self) -> CampaignId {
        campaign(&self.engine, self.workspace).await
    }

    pub async fn import(&self, file: impl AsyncRead + Send + Unpin + 'static) -> Result<Import> {
        self.engine
            .import(self.workspace, self.campaign, file, ImportOptions::default(), Receipt::none())
            .await
    }

    pub async fn import_bytes(&self, file: impl Into<Vec<u8>>) -> Result<Import> {
        self.import(std::io::Cursor::new(file.into())).await
    }

    /// All rejected rows of an import, in the order of the file.
    pub async fn rejects(&self, import: &Import) -> Vec<Reject> {
        let mut tx = self.engine.store().read().await.unwrap();
        tx.rejects(import.id, 0, 10_000).await.unwrap()
    }

    /// Up to a hundred recipients of a campaign, in the order in which they were added.
    pub async fn recipients(&self, campaign: CampaignId) -> Vec<Recipient> {
        let mut tx = self.engine.store().read().await.unwrap();
        let page = Page::first(100);
        let mut found = tx.recipients(campaign, RecipientFilter::default(), page).await.unwrap();
        found.reverse();
        found
    }

    /// How many recipients the campaign says it has.
    pub async fn total(&self) -> u64 {
        self.engine.stats(self.workspace, self.campaign).await.unwrap().1.recipients
    }
}

impl World {
    /// The bodies of all events, in their order, past the engine.
    pub async fn events(&self) -> Vec<serde_json::Value> {
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(self.folder.path().join(FILE));
        let mut connection = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
        let bodies: Vec<String> = sqlx::query_scalar("SELECT body FROM events ORDER BY id")
            .fetch_all(&mut connection)
            .await
            .unwrap();
        bodies.iter().map(|body| serde_json::from_str(body).unwrap()).collect()
    }

    /// State, error, rows read and rows accepted of the only import there is, past the engine: who makes an import that fails
    /// is not told its id.
    pub async fn only_import(&self) -> (String, Option<String>, i64, i64) {
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(self.folder.path().join(FILE));
        let mut connection = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
        let query = sqlx::query_as("SELECT state, error, rows_read, accepted FROM imports");
        query.fetch_one(&mut connection).await.unwrap()
    }
}

async fn campaign(engine: &Engine, workspace: WorkspaceId) -> CampaignId {
    let now = SystemClock.now();
    let mut tx = engine.store().write().await.unwrap();
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
    let agent_id = tx.insert_agent(workspace, agent, now).await.unwrap().id;
    let trunk = NewTrunk {
        name: "none".into(),
        config: TrunkConfig::Simulated(SimulatedTrunk::default()),
        caller_id: None,
        caller_ids: None,
        limits: Limits::default(),
    };
    let trunk_id = tx.insert_trunk(workspace, trunk, now).await.unwrap().id;
    tx.commit().await.unwrap();
    let new = NewCampaign {
        agent_id,
        trunk_id,
        trunk_group_id: None,
        settings: CampaignSettings::new("list", Plan::voice(1)),
    };
    engine.create_campaign(workspace, new, Receipt::none()).await.unwrap().id
}
