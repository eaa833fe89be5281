//! A workspace of the bench's own, and lists in it to call.

use ringfleet_core::{
    AgentId, CampaignAction, CampaignState, CounterKind, E164, Plan, Role, TrunkId, WorkspaceId, trunk,
};
use ringfleet_engine::{Engine, Receipt};
use ringfleet_store::{Campaign, CampaignSettings, NewAgent, NewCampaign, NewRecipient, NewTrunk};
use serde_json::json;

use crate::{keys, process::Failure};

/// The first number of all lists; it ends in 1: answered.
const FIRST: u64 = 12_000_000_001;
/// From one number to the next, so that all end alike.
pub const APART: u64 = 10;

/// Where a bench makes what it calls.
pub struct Ground {
    pub workspace: WorkspaceId,
    pub agent: AgentId,
    /// An administrator's API key.
    pub key: String,
    name: String,
}

/// Whom a campaign of a bench calls.
pub struct List {
    /// How many numbers of the ground come before its own.
    pub after: u64,
    pub recipients: u64,
}

/// How far a campaign has come.
pub struct Progress {
    pub state: CampaignState,
    /// Calls that are over.
    pub ended: u64,
}

impl Ground {
    /// Makes a workspace of this name, with a key and an agent.
    ///
    /// # Errors
    /// When the database does not take them.
    pub async fn prepare(engine: &Engine, name: String) -> Result<Self, Failure> {
        let now = engine.clock().now();
        let (workspace, key) = keys::make(engine.store(), &name, Role::Admin, now).await?;
        let agent = NewAgent {
            name: name.clone(),
            prompt: String::new(),
            voice: json!({}),
            llm: json!({}),
            greeting: None,
            recording: false,
            opening_line: None,
            conversation: Default::default(),
            published: true,
        };
        let mut tx = engine.store().write().await?;
        let agent = tx.insert_agent(workspace.id, agent, now).await?;
        tx.commit().await?;
        Ok(Self { workspace: workspace.id, agent: agent.id, key, name })
    }

    /// A trunk without limits on the simulated carrier; its calls take `call_ms` each, a fifth of which they ring.
    ///
    /// # Errors
    /// When the database does not take it.
    pub async fn simulated_trunk(&self, engine: &Engine, call_ms: u64) -> Result<TrunkId, Failure> {
        let ring_ms = call_ms / 5;
        let simulated = trunk::SimulatedTrunk { ring_ms, talk_ms: call_ms - ring_ms };
        let trunk = NewTrunk {
            name: self.name.clone(),
            config: trunk::TrunkConfig::Simulated(simulated),
            caller_id: None,
            caller_ids: None,
            limits: trunk::Limits::default(),
        };
        let mut tx = engine.store().write().await?;
        let trunk = tx.insert_trunk(self.workspace, trunk, engine.clock().now()).await?;
        tx.commit().await?;
        Ok(trunk.id)
    }

    /// A campaign without limits over this trunk, with everybody of the list in it, not started.
    ///
    /// # Errors
    /// When the database does not take it.
    pub async fn campaign(&self, engine: &Engine, trunk: TrunkId, list: List) -> Result<Campaign, Failure> {
        let campaign = NewCampaign {
            agent_id: self.agent,
            trunk_id: trunk,
            trunk_group_id: None,
            settings: CampaignSettings::new(&self.name, Plan::voice(1)),
        };
        let campaign = engine.create_campaign(self.workspace, campaign, Receipt::none()).await?;
        let numbers: Vec<u64> =
            (list.after..list.after + list.recipients).map(|i| FIRST + i * APART).collect();
        for chunk in numbers.chunks(5_000) {
            let new: Result<Vec<_>, Failure> = chunk.iter().copied().map(recipient).collect();
            engine.add_recipients(self.workspace, campaign.id, &new?, Receipt::none()).await?;
        }
        Ok(campaign)
    }
}

fn recipient(number: u64) -> Result<NewRecipient, Failure> {
    Ok(NewRecipient {
        number: E164::try_from(number)?,
        variables: json!({"name": "Ann"}).into(),
        timezone: None,
    })
}

/// Lets a campaign call.
///
/// # Errors
/// When it must not start.
pub async fn start(engine: &Engine, campaign: &Campaign) -> Result<(), Failure> {
    engine.act(campaign.workspace_id, campaign.id, CampaignAction::Start, None).await?;
    Ok(())
}

/// How far it has come.
///
/// # Errors
/// When the database does not answer, or the campaign is gone.
pub async fn progress(engine: &Engine, campaign: &Campaign) -> Result<Progress, Failure> {
    let mut tx = engine.store().read().await?;
    let found = tx.campaign(campaign.workspace_id, campaign.id).await?;
    let counters = tx.counters(campaign.id).await?;
    tx.commit().await?;
    let state = found.ok_or_else(|| Failure::new("the campaign of this bench is gone"))?.state;
    let ended: i64 = counters.iter().filter(|c| c.kind == CounterKind::Outcome).map(|c| c.n).sum();
    Ok(Progress { state, ended: ended as u64 })
}
