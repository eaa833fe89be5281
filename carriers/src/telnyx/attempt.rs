//! One call from its order to its ending.

use async_trait::async_trait;
use ringfleet_core::{Clock, EndedBy, Ending, Outcome, SystemClock};
use serde_json::Value;
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;

use super::{
    Kept, TelnyxCarrier,
    api::Placed,
    commands::{self, Commands},
    find,
    follow::{Bounds, Follower},
    refusals,
};
use crate::{Attempt, Order, Progress, hints::Ear, placed_in_a_task};

/// The part of a callback's path that is this provider's.
const PATH: &str = "telnyx";

pub(super) struct TelnyxAttempt {
    carrier: TelnyxCarrier,
    order: Order,
    kept: Kept,
    commands: Commands,
}

impl TelnyxAttempt {
    pub(super) fn prepare(carrier: TelnyxCarrier, order: Order) -> Result<Self, Ending> {
        let commands = Commands::of(&order, &carrier.trunk)?;
        let kept = Kept { call: order.call, to: order.to, at: SystemClock.now(), leg: None };
        Ok(Self { carrier, order, kept, commands })
    }

    async fn run(self, progress: UnboundedSender<Progress>, hangup: CancellationToken) -> Ending {
        let (kept, desk) = (&self.kept, &self.carrier.desk);
        let mut ear = desk.hints.listen(kept.call);
        let placed = match self.placed(&mut ear).await {
            Ok(placed) => placed,
            Err(ending) => return ending,
        };
        let resume = Kept { leg: Some(placed.leg.clone()), ..kept.clone() }.to_value();
        drop(progress.send(Progress::Resume(resume))); // nobody may listen any more
        let bounds = Bounds::of_order(self.order.ring_timeout, self.order.max_duration, desk.settings.queue);
        let spots_machines = self.carrier.trunk.machine_detection;
        let follower = Follower::new(desk, kept, placed, bounds, spots_machines);
        follower.follow(self.commands, progress, &mut ear, &hangup).await
    }

    /// Places the call, once. Where it is not clear whether the provider has it, looks for it.
    async fn placed(&self, ear: &mut Ear) -> Result<Placed, Ending> {
        let Self { carrier, order, kept, .. } = self;
        let Some(from) = &order.from else {
            return Err(Ending::over(Outcome::Failed, "no_caller_id", None, EndedBy::Caller));
        };
        let webhook = carrier.desk.settings.callback(PATH, kept.call);
        let dial = commands::dial(order, &carrier.trunk, kept, from, webhook);
        let sought = find::Call { carrier, kept };
        carrier.desk.once(kept.call, carrier.desk.api.place(&dial), refusals::refused, &sought, ear).await
    }
}

#[async_trait]
impl Attempt for TelnyxAttempt {
    fn resume(&self) -> Value {
        self.kept.to_value()
    }

    fn show(&mut self, caller_id: String) {
        self.order.from = Some(caller_id);
    }

    async fn place(
        self: Box<Self>,
        progress: UnboundedSender<Progress>,
        hangup: CancellationToken,
    ) -> Ending {
        placed_in_a_task(hangup, |wanted| self.run(progress, wanted)).await
    }
}
