//! One call from its order to its ending.

use std::sync::Arc;

use async_trait::async_trait;
use ringfleet_core::{Clock, EndedBy, Ending, Outcome, SystemClock, call::AGENT_UNREACHABLE};
use serde_json::Value;
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;

use super::{
    Kept, TwilioCarrier,
    api::Form,
    calls::Shown,
    find,
    follow::{Bounds, Follower, Seen},
    refusals, signature, twiml,
};
use crate::{Attempt, Order, Progress, hints::Ear, placed_in_a_task};

/// Longest ringing that can be asked for, in seconds (`Timeout`).
const RING_LIMIT: u64 = 600;
/// Longest call that can be asked for, in seconds (`TimeLimit`): 4 h without further agreement.
const TALK_LIMIT: u64 = 14_400;

pub(super) struct TwilioAttempt {
    carrier: Arc<TwilioCarrier>,
    order: Order,
}

impl TwilioAttempt {
    pub(super) fn prepare(carrier: Arc<TwilioCarrier>, order: Order) -> Result<Self, Ending> {
        if order.script.handover.as_ref().is_some_and(|agent| !twiml::can_reach(&agent.at)) {
            return Err(Ending::over(Outcome::Failed, AGENT_UNREACHABLE, None, EndedBy::Caller));
        }
        match twiml::fits(&twiml::of(&order, &carrier.trunk)) {
            true => Ok(Self { carrier, order }),
            false => Err(Ending::over(Outcome::Failed, "twiml_too_long", None, EndedBy::Caller)),
        }
    }

    fn kept(&self) -> Kept {
        let (call, to, from) = (self.order.call, self.order.to, self.order.from.clone());
        Kept { call, to, from, at: SystemClock.now(), sid: None }
    }

    /// What is asked for (<https://www.twilio.com/docs/voice/api/call-resource#create-a-call-resource>).
    fn form(&self, from: &str) -> Form {
        let Self { carrier, order } = self;
        let mut form = vec![
            ("To", order.to.to_string()),
            ("From", from.to_owned()),
            ("Twiml", twiml::of(order, &carrier.trunk)),
            ("Timeout", order.ring_timeout.as_secs().clamp(1, RING_LIMIT).to_string()),
            ("TimeLimit", order.max_duration.as_secs().clamp(1, TALK_LIMIT).to_string()),
        ];
        let callback = signature::callback(&carrier.desk.settings, order.call);
        if let Some(url) = &callback {
            form.push(("StatusCallback", url.clone()));
            form.push(("StatusCallbackMethod", "POST".into()));
            let events = ["initiated", "ringing", "answered", "completed"];
            form.extend(events.map(|event| ("StatusCallbackEvent", event.to_owned())));
        }
        if carrier.trunk.machine_detection {
            form.push(("MachineDetection", "Enable".into()));
            // A person does not wait for the verdict.
            form.push(("AsyncAmd", "true".into()));
            form.extend(callback.map(|url| ("AsyncAmdStatusCallback", url)));
        }
        if order.record.is_some() {
            form.push(("Record", "true".into()));
            form.push(("RecordingChannels", "dual".into()));
        }
        form
    }

    async fn run(self, progress: UnboundedSender<Progress>, hangup: CancellationToken) -> Ending {
        let (kept, carrier) = (self.kept(), self.carrier.clone());
        let mut ear = carrier.desk.hints.listen(self.order.call);
        let shown = match self.placed(&kept, &mut ear).await {
            Ok(shown) => shown,
            Err(ending) => return ending,
        };
        carrier.desk.api.known.lock().add(&shown.sid);
        let resume = Kept { sid: Some(shown.sid.clone()), ..kept }.to_value();
        drop(progress.send(Progress::Resume(resume)));
        let follower = Follower {
            api: &carrier.desk.api,
            pace: carrier.desk.settings.pace,
            bounds: Bounds::of_order(
                self.order.ring_timeout,
                self.order.max_duration,
                carrier.desk.settings.queue,
            ),
            spots_machines: carrier.trunk.machine_detection,
            progress: Some(progress),
            asked: None,
            seen: Seen::default(),
        };
        follower.follow(shown, &mut ear, &hangup).await
    }

    /// Places the call, once. Where it is not clear whether the provider has it, looks for it.
    async fn placed(&self, kept: &Kept, ear: &mut Ear) -> Result<Shown, Ending> {
        let Some(from) = &kept.from else {
            return Err(Ending::over(Outcome::Failed, "no_caller_id", None, EndedBy::Caller));
        };
        let (desk, form) = (&self.carrier.desk, self.form(from));
        let sought = find::Call { carrier: &self.carrier, kept };
        let refused = |status, code, wait| refusals::refused(refusals::CALLS, status, code, wait);
        desk.once(kept.call, desk.api.place(&form), refused, &sought, ear).await
    }
}

#[async_trait]
impl Attempt for TwilioAttempt {
    fn resume(&self) -> Value {
        self.kept().to_value()
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
