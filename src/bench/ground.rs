//! A workspace of the bench's own, and lists in it to call.

use std::{collections::BTreeMap, net::SocketAddr};

use ringfleet_core::{
    AgentId, CampaignAction, CampaignState, Conversation, CounterKind, E164, Plan, Role, TrunkId,
    WorkspaceId,
    conversation::{Connect, ConnectKind, OnMachine},
    trunk,
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
        let agent = agent(engine, workspace.id, &name, Conversation::default()).await?;
        Ok(Self { workspace: workspace.id, agent, key, name })
    }

    /// An agent whose calls are handed over to `url` after its greeting, whoever or whatever has picked up.
    ///
    /// # Errors
    /// When the database does not take it.
    pub async fn talking_agent(&self, engine: &Engine, url: String) -> Result<AgentId, Failure> {
        let connect = Connect { kind: ConnectKind::Ws, url, parameters: BTreeMap::new() };
        let conversation = Conversation {
            connect: Some(connect),
            on_machine: OnMachine::CarryOn,
            ..Conversation::default()
        };
        agent(engine, self.workspace, &self.name, conversation).await
    }

    /// A trunk to a SIP peer, with this many calls per second at most.
    ///
    /// # Errors
    /// When the database does not take it.
    pub async fn sip_trunk(&self, engine: &Engine, peer: SocketAddr, rate: f64) -> Result<TrunkId, Failure> {
        let sip = json!({"kind": "sip", "host": peer.ip(), "port": peer.port()});
        let limits = trunk::Limits { calls_per_second: Some(rate), max_live_calls: None };
        self.trunk(engine, serde_json::from_value(sip)?, limits).await
    }

    /// A trunk without limits on the simulated carrier; its calls take `call_ms` each, a fifth of which they ring.
    ///
    /// # Errors
    /// When the database does not take it.
    pub async fn simulated_trunk(&self, engine: &Engine, call_ms: u64) -> Result<TrunkId, Failure> {
        let ring_ms = call_ms / 5;
        let simulated = trunk::SimulatedTrunk { ring_ms, talk_ms: call_ms - ring_ms };
        self.trunk(engine, trunk::TrunkConfig::Simulated(simulated), trunk::Limits::default()).await
    }

    /// A trunk on the simulated carrier with so many calls per second; its calls take two seconds.
    ///
    /// # Errors
    /// When the database does not take it.
    pub async fn paced_trunk(&self, engine: &Engine, rate: f64) -> Result<TrunkId, Failure> {
        let simulated = trunk::SimulatedTrunk { ring_ms: 500, talk_ms: 1_500 };
        let limits = trunk::Limits { calls_per_second: Some(rate), max_live_calls: None };
        self.trunk(engine, trunk::TrunkConfig::Simulated(simulated), limits).await
    }

    async fn trunk(
        &self,
        engine: &Engine,
        config: trunk::TrunkConfig,
        limits: trunk::Limits,
    ) -> Result<TrunkId, Failure> {
        let name = self.name.clone();
        let trunk = NewTrunk { name, config, caller_id: None, caller_ids: None, limits };
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
        self.campaign_of(engine, self.agent, trunk, list).await
    }

    /// The same with another agent.
    ///
    /// # Errors
    /// When the database does not take it.
    pub async fn campaign_of(
        &self,
        engine: &Engine,
        agent_id: AgentId,
        trunk: TrunkId,
        list: List,
    ) -> Result<Campaign, Failure> {
        let campaign = NewCampaign {
            agent_id,
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

async fn agent(
    engine: &Engine,
    workspace: WorkspaceId,
    name: &str,
    conversation: Conversation,
) -> Result<AgentId, Failure> {
    let agent = NewAgent {
        name: name.to_owned(),
        prompt: String::new(),
        voice: json!({}),
        llm: json!({}),
        greeting: None,
        recording: false,
        opening_line: None,
        conversation,
        published: true,
    };
    let mut tx = engine.store().write().await?;
    let agent = tx.insert_agent(workspace, agent, engine.clock().now()).await?;
    tx.commit().await?;
    Ok(agent.id)
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
