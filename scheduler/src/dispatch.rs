//! How many calls of each campaign may wait for workers, and who is done.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicUsize, Ordering},
};

use ringfleet_core::{
    CampaignAction, CampaignState,
    fair::{Asking, Fair},
};
use ringfleet_engine::{Engine, EngineError};
use ringfleet_store::Running;
use tokio::sync::Mutex;

use crate::room::room;

pub(crate) struct Dispatcher {
    engine: Engine,
    /// What campaigns are owed by this scheduler. Another one has its own: each is fair in what it deals out, so all are together.
    fair: Mutex<Fair>,
    /// Whose turn it is to write first.
    turn: AtomicUsize,
}

/// Most calls that wait for workers, of all campaigns together. The backlog lives in the database.
const MOST_WAITING: u32 = 4000;

impl Dispatcher {
    pub(crate) fn new(engine: Engine) -> Self {
        Self { engine, fair: Mutex::default(), turn: AtomicUsize::new(0) }
    }

    /// One look at everything that runs.
    pub(crate) async fn run(&self) -> Result<(), EngineError> {
        let running = self.engine.running().await?;
        let (calling, scheduled): (Vec<_>, Vec<_>) =
            running.into_iter().partition(|one| one.state == CampaignState::InProgress);
        for campaign in &scheduled {
            alone(campaign, self.act(campaign, CampaignAction::Start).await)?;
        }
        self.share_out(&calling).await?;
        self.write(&calling).await?;
        for campaign in calling.iter().filter(|one| !one.has_due) {
            alone(campaign, self.finish_if_done(campaign).await)?;
        }
        Ok(())
    }

    /// Deals what room there is to those with somebody due, and what one did not take to the others.
    async fn share_out(&self, calling: &[Running]) -> Result<(), EngineError> {
        let asking: HashMap<_, _> =
            calling.iter().filter(|one| one.has_due).map(|one| (one.id, one)).collect();
        if asking.is_empty() {
            return Ok(());
        }
        let capacity = self.capacity().await?;
        let mut fair = self.fair.lock().await;
        let in_order: Vec<_> = calling.iter().filter(|one| one.has_due).map(asks).collect();
        let mut round = fair.round(&in_order);
        loop {
            // Counted anew each time: workers have taken some, and another scheduler may have added some.
            let queues = self.engine.queues().await?;
            let mut all_taken = true;
            for (id, quota) in round.deal(&room(calling, &queues, capacity)) {
                let Some(campaign) = asking.get(&id) else { continue };
                let until = queues.get(&id).map_or(0, |queue| queue.waiting).saturating_add(quota);
                let dispatched = alone(campaign, self.engine.dispatch(campaign, until).await)?;
                let claimed = dispatched.map_or(0, |dispatched| dispatched.claimed);
                round.took(&asks(campaign), quota, claimed);
                all_taken &= claimed >= quota;
            }
            // Whoever takes less than its quota is out of the round, so this ends.
            if all_taken {
                return Ok(());
            }
        }
    }

    /// Lets campaigns write to those whose turn that is. Each gets an equal part of what room their trunks have, and each is the first one in its
    /// turn, so that the smallest part goes round, too.
    async fn write(&self, calling: &[Running]) -> Result<(), EngineError> {
        let mut writing: Vec<_> = calling.iter().filter(|one| one.has_due && one.has_messages).collect();
        let among = writing.len();
        if among == 0 {
            return Ok(());
        }
        writing.rotate_left(self.turn.fetch_add(1, Ordering::Relaxed) % among);
        for campaign in writing {
            alone(campaign, self.engine.dispatch_messages(campaign, among).await)?;
        }
        Ok(())
    }

    async fn finish_if_done(&self, campaign: &Running) -> Result<(), EngineError> {
        match self.engine.is_done(campaign).await? {
            true => self.act(campaign, CampaignAction::Finish).await,
            false => Ok(()),
        }
    }

    /// A transition that another scheduler, or an operator, may have made first: then there is nothing to do.
    async fn act(&self, campaign: &Running, action: CampaignAction) -> Result<(), EngineError> {
        match self.engine.act(campaign.workspace_id, campaign.id, action, None).await {
            Ok(_) | Err(EngineError::WrongState(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// How many calls may wait: twice what all workers can have live, so that no worker idles between two rounds. None when
    /// no worker is there.
    async fn capacity(&self) -> Result<u32, EngineError> {
        let members = self.engine.fleet().presence().members().await?;
        let workers = members.iter().filter(|m| m.role == "worker" && !m.draining);
        Ok(workers.map(|m| m.capacity).sum::<u32>().saturating_mul(2).min(MOST_WAITING))
    }
}

fn asks(campaign: &Running) -> Asking {
    Asking {
        campaign: campaign.id,
        lines: campaign.lines,
        workspace: campaign.workspace_id,
        weight: campaign.weight,
    }
}

/// One campaign's trouble is not the others'; trouble of the database is everybody's.
fn alone<T>(campaign: &Running, done: Result<T, EngineError>) -> Result<Option<T>, EngineError> {
    match done {
        Err(error) if !error.is_passing() => {
            tracing::error!(%error, campaign = %campaign.id, "a campaign cannot be advanced");
            Ok(None)
        }
        done => done.map(Some),
    }
}
