//! The life of a campaign, and single triggered calls.

use chrono::{DateTime, TimeDelta, Utc};
use ringfleet_core::{
    AgentId, AgentVersion, CallId, CampaignAction, CampaignId, CampaignState, Channel, DeliveryId, E164,
    Plan, TrunkId, UploadId, WorkspaceId,
    event::EventType,
    terms::{NO_LEGAL_HOUR, OUTSIDE_HOURS, Verdict},
};
use ringfleet_fleet::{Lane, SLOTS_LAST};
use ringfleet_store::{Address, Call, Campaign, NewCall, NewCampaign, Tx};
use ringfleet_telemetry::trace;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use crate::{
    Engine, EngineError, Receipt, Result,
    agents::{callable, usable_agent},
    edit::check_moments,
    facts,
    lacks::Lacks,
    publish::publish,
    stats::kept_counts,
    ways::Way,
    wind_up::withdraw,
};

/// A single call to be placed now.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// Who talks.
    pub agent_id: AgentId,
    /// In which version, a draft to be tried for instance; none is the live one.
    pub agent_version: Option<AgentVersion>,
    /// What places it.
    pub way: Way,
    /// Whom to call.
    pub to: E164,
    /// The caller ID to show instead of the trunk's.
    pub from: Option<String>,
    /// An object of variables for the agent.
    pub variables: Value,
    /// Comes back in events.
    pub metadata: Value,
    /// How long it may ring, in seconds.
    pub ring_seconds: u32,
    /// How long an answered call may last, in seconds.
    pub max_call_seconds: u32,
}

/// What becomes of calls that ring or talk when their campaign is paused or cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum InFlight {
    /// They end as they end.
    #[default]
    Finish,
    /// The workers that have them hang up, within two seconds.
    HangUp,
}

/// Some recipients are not done yet.
pub(crate) const NOT_DONE: &str = "NOT_DONE";

impl Engine {
    /// Makes a campaign in DRAFT. Its agent and trunk must be of the same workspace.
    pub async fn create_campaign(
        &self,
        workspace: WorkspaceId,
        new: NewCampaign,
        receipt: Receipt<Campaign>,
    ) -> Result<Campaign> {
        self.create_campaign_from(workspace, new, None, receipt).await
    }

    /// The same, filled from an upload in the background: see [`Engine::import_upload`].
    pub async fn create_campaign_from(
        &self,
        workspace: WorkspaceId,
        new: NewCampaign,
        upload: Option<UploadId>,
        receipt: Receipt<Campaign>,
    ) -> Result<Campaign> {
        check_moments(&new.settings)?;
        let mut tx = self.0.store.write().await?;
        usable_agent(&mut tx, workspace, new.agent_id).await?;
        check_plan(&mut tx, workspace, &new.settings.plan, new.trunk_id).await?;
        let now = self.0.clock.now();
        let campaign = tx.insert_campaign(workspace, new, now).await?;
        let deliveries = created(&mut tx, &campaign, now).await?;
        if let Some(upload) = upload {
            self.order_import(&mut tx, workspace, campaign.id, upload).await?;
        }
        receipt.write(&mut tx, &campaign, self.clock()).await?;
        tx.commit().await?;
        self.0.hints.deliveries(&deliveries);
        Ok(campaign)
    }

    /// Starts, pauses, cancels, finishes or fails a campaign, without being asked. After this, no call of it begins that had not.
    pub async fn act(
        &self,
        workspace: WorkspaceId,
        id: CampaignId,
        action: CampaignAction,
        reason: Option<&str>,
    ) -> Result<Campaign> {
        let receipt = self.own_receipt(workspace, id, noted_as(action), reason);
        let needs = action.needs();
        Ok(self.change_state(workspace, id, (action, needs), reason, InFlight::Finish, receipt).await?.0)
    }

    /// The same for somebody who waits for the answer, and says what becomes of calls that ring or talk when the campaign stops calling by
    /// it. After it has answered a pause or a cancel, no call leaves any more: not even one that had begun and waited for its slot under
    /// a rate.
    pub async fn act_on_calls(
        &self,
        workspace: WorkspaceId,
        id: CampaignId,
        action: CampaignAction,
        in_flight: InFlight,
        receipt: Receipt<Campaign>,
    ) -> Result<Campaign> {
        self.act_on_calls_in(workspace, id, action, action.needs(), in_flight, receipt).await
    }

    /// The same where only the states `needs` will do, which are some of those the action needs.
    pub async fn act_on_calls_in(
        &self,
        workspace: WorkspaceId,
        id: CampaignId,
        action: CampaignAction,
        needs: &'static [CampaignState],
        in_flight: InFlight,
        receipt: Receipt<Campaign>,
    ) -> Result<Campaign> {
        let (campaign, quiet) =
            self.change_state(workspace, id, (action, needs), None, in_flight, receipt).await?;
        if let Some(quiet) = quiet {
            sleep_until(quiet).await;
        }
        Ok(campaign)
    }

    /// Gives the campaign as it is now, and from when on nothing leaves that had begun, where something may.
    async fn change_state(
        &self,
        workspace: WorkspaceId,
        id: CampaignId,
        (action, needs): (CampaignAction, &'static [CampaignState]),
        reason: Option<&str>,
        in_flight: InFlight,
        receipt: Receipt<Campaign>,
    ) -> Result<(Campaign, Option<Instant>)> {
        let now = self.0.clock.now();
        let mut tx = self.0.store.write().await?;
        let before = tx.campaign_for_update(workspace, id).await?.ok_or(EngineError::NotFound("campaign"))?;
        let starts_later = before.recurrence.is_some() || before.start_at.is_some_and(|at| at > now);
        if before.state == CampaignState::Paused
            && (action, in_flight) == (CampaignAction::Pause, InFlight::HangUp)
        {
            // Paused already, and what is under way is to end now after all.
            tx.order_hang_ups(id).await?;
            receipt.write(&mut tx, &before, self.clock()).await?;
            tx.commit().await?;
            return Ok((before, None));
        }
        before.state.must_be(action, needs)?;
        let next = before.state.after(action, starts_later)?;
        if action == CampaignAction::Start {
            callable(&mut tx, workspace, before.agent_id, None).await?;
            check_start(&mut tx, &before, now).await?;
        }
        if matches!(action, CampaignAction::Finish | CampaignAction::Expire)
            && tx.has_open_recipients(id).await?
        {
            return Err(EngineError::Conflict {
                code: NOT_DONE,
                message: "some recipients are not done yet".into(),
            });
        }
        let may_leave = match action {
            CampaignAction::Pause | CampaignAction::Cancel if before.state == CampaignState::InProgress => {
                tx.live_calls(id).await?.0
            }
            _ => 0,
        };
        tx.set_campaign_state(id, next, reason, now).await?;
        tx.forget_plans(id, next.is_final()).await?;
        if before.recurrence.is_some() {
            tx.set_next_run(id, next_run(&before, next, now)?).await?;
        }
        let withdrawn = withdraw(&mut tx, id, next, now).await?;
        if in_flight == InFlight::HangUp {
            tx.order_hang_ups(id).await?;
        }
        let mut facts: Vec<_> = withdrawn.iter().flat_map(facts::ended).collect();
        let after = tx.campaign(workspace, id).await?.ok_or(EngineError::NotFound("campaign"))?;
        match next {
            CampaignState::InProgress => {
                tx.release_campaign_brake(id).await?;
                facts.push(facts::of_campaign(&mut tx, EventType::CampaignStarted, &after, json!({})).await?);
            }
            CampaignState::Paused | CampaignState::Failed => {
                let event = match next {
                    CampaignState::Failed => EventType::CampaignFailed,
                    _ => EventType::CampaignPaused,
                };
                facts.push(facts::of_campaign(&mut tx, event, &after, json!({"reason": reason})).await?);
            }
            CampaignState::Finished => {
                let counts = kept_counts(&mut tx, id).await?;
                facts.push(facts::of_campaign(&mut tx, EventType::CampaignCompleted, &after, counts).await?);
            }
            CampaignState::Cancelled => {
                facts.push(
                    facts::of_campaign(&mut tx, EventType::CampaignCancelled, &after, json!({})).await?,
                );
            }
            CampaignState::Draft | CampaignState::Scheduled => {}
        }
        let deliveries = publish(&mut tx, facts, now).await?;
        receipt.write(&mut tx, &after, self.clock()).await?;
        tx.commit().await?;
        let quiet = (may_leave > 0).then(|| Instant::now() + SLOTS_LAST);
        self.0.hints.deliveries(&deliveries);
        tracing::info!(campaign = %id, from = %before.state, to = %next, reason, "campaign {action}");
        if after.state.is_final() {
            self.wind_up_for_a_while(id).await;
        }
        Ok((after, quiet))
    }

    /// Places a single call now: it overtakes every campaign. Gives the PENDING call.
    pub async fn trigger(
        &self,
        workspace: WorkspaceId,
        new: NewSession,
        receipt: Receipt<Call>,
    ) -> Result<Call> {
        let trunk = self.trunk_now(workspace, new.way).await?;
        let now = self.0.clock.now();
        let id = CallId::new(now);
        let mut tx = self.0.store.write().await?;
        let agent_version = callable(&mut tx, workspace, new.agent_id, new.agent_version).await?;
        check_trunk(&mut tx, workspace, trunk, Channel::Voice, "trunkId").await?;
        check_allowed(&mut tx, workspace, new.to, now).await?;
        let call = NewCall {
            id: id.uuid(),
            workspace_id: workspace.uuid(),
            campaign_id: None,
            recipient_id: None,
            agent_id: new.agent_id.uuid(),
            agent_version: Some(agent_version),
            trunk_id: trunk.uuid(),
            channel: Channel::Voice,
            number: new.to.digits(),
            variables: new.variables,
            metadata: new.metadata,
            caller_id: new.from,
            ring_seconds: new.ring_seconds,
            max_call_seconds: new.max_call_seconds,
            step: 0,
            attempt: 1,
            due_at: now,
            pushed_at: now,
            traceparent: trace::current(),
        };
        tx.insert_calls(&[call], now).await?;
        let call = tx.call(workspace, id).await?.ok_or(EngineError::NotFound("session"))?;
        receipt.write(&mut tx, &call, self.clock()).await?;
        tx.commit().await?;
        self.0.hints.later(Lane::Trigger, vec![id.uuid()]);
        Ok(call)
    }
}

/// Tells of a campaign that has been made; gives the deliveries to hint at.
pub(crate) async fn created(tx: &mut Tx, campaign: &Campaign, now: DateTime<Utc>) -> Result<Vec<DeliveryId>> {
    let fact = facts::of_campaign(tx, EventType::CampaignCreated, campaign, json!({})).await?;
    publish(tx, vec![fact], now).await
}

/// The name of an action in the audit log.
fn noted_as(action: CampaignAction) -> &'static str {
    match action {
        CampaignAction::Start => "campaign.start",
        CampaignAction::Pause => "campaign.pause",
        CampaignAction::Cancel => "campaign.cancel",
        CampaignAction::Finish => "campaign.finish",
        CampaignAction::Expire => "campaign.expire",
        CampaignAction::Fail => "campaign.fail",
        CampaignAction::Edit | CampaignAction::Tune => "campaign.edit",
        CampaignAction::AddRecipients => "recipients.add",
        CampaignAction::Reschedule => "recipient.reschedule",
        CampaignAction::Retry => "campaign.retry",
    }
}

/// A trunk of the workspace that reaches people over this channel; `field` names it.
pub(crate) async fn check_trunk(
    tx: &mut Tx,
    workspace: WorkspaceId,
    trunk: TrunkId,
    channel: Channel,
    field: &str,
) -> Result<()> {
    let Some(found) = tx.trunk(workspace, trunk).await? else {
        return Err(EngineError::invalid(field, "no such trunk in this workspace"));
    };
    match (channel, found.config.channel()) {
        (wanted, is) if wanted == is => Ok(()),
        (Channel::Voice, is) => {
            let problem = format!("sends messages over {is}; calls need a trunk that places calls");
            Err(EngineError::invalid(field, &problem))
        }
        (wanted, is) => {
            let problem = format!("is a trunk for {is}; this step needs one for {wanted}");
            Err(EngineError::invalid(field, &problem))
        }
    }
}

/// The trunks of a plan: that of its calls, and those of its messages. Where nobody is called, the first is not looked at.
pub(crate) async fn check_plan(
    tx: &mut Tx,
    workspace: WorkspaceId,
    plan: &Plan,
    trunk: TrunkId,
) -> Result<()> {
    if plan.calls().next().is_some() {
        check_trunk(tx, workspace, trunk, Channel::Voice, "trunkId").await?;
    }
    for (i, step) in plan.messages() {
        let Some(trunk) = step.trunk_id else { continue };
        check_trunk(tx, workspace, trunk, step.channel, &format!("channels[{i}].trunkId")).await?;
    }
    Ok(())
}

/// A single call is refused at once where it could not begin: see `begin`, which asks again at the last moment.
async fn check_allowed(tx: &mut Tx, workspace: WorkspaceId, to: E164, now: DateTime<Utc>) -> Result<()> {
    let address = Address { workspace: workspace.uuid(), number: to.digits() };
    if !tx.suppressed(&[address], Channel::Voice, now).await?.is_empty() {
        let message = format!("{to} is on a suppression list of the workspace and must not be called");
        return Err(EngineError::Conflict { code: "SUPPRESSED", message });
    }
    let rules = tx.workspace(workspace).await?.map(|w| w.rules).unwrap_or_default();
    match rules.judge_single(to, now) {
        Verdict::Call | Verdict::Later { .. } => Ok(()),
        Verdict::Never(_, reason) => {
            let message = match reason {
                OUTSIDE_HOURS => format!("it is outside the workspace's calling hours where {to} is"),
                NO_LEGAL_HOUR => format!("the workspace's calling hours are never open where {to} may be"),
                _ => format!("the workspace has calling hours, and nobody knows where {to} is"),
            };
            Err(EngineError::Conflict { code: "OUTSIDE_HOURS", message })
        }
    }
}

/// A campaign never starts empty, never with half a list, and never after its end.
async fn check_start(tx: &mut Tx, campaign: &Campaign, now: DateTime<Utc>) -> Result<()> {
    let refuse = |code, message: &str| Err(EngineError::Conflict { code, message: message.into() });
    if campaign.end_at.is_some_and(|end| end <= now) {
        return refuse("END_PASSED", "the campaign's endAt has passed; set a later one before starting");
    }
    if campaign.copies_from.is_some() {
        return refuse("NOT_READY", "its list is still being copied; start when copying is false");
    }
    if campaign.replanned_to.is_some() {
        let message = "its recipients are still being fitted into the changed plan; try again in a moment";
        return refuse("NOT_READY", message);
    }
    if tx.has_running_import(campaign.id).await? {
        let message = "an import into this campaign is still running; start when it has finished";
        return refuse("IMPORT_RUNNING", message);
    }
    if !tx.has_recipients(campaign.id).await? {
        return refuse("NO_RECIPIENTS", "the campaign has no recipients; add some first");
    }
    if campaign.state != CampaignState::Draft {
        return Ok(()); // of a list that was begun, those may be left who lack something
    }
    match Lacks::nobody_has(tx, campaign.id, &campaign.plan).await?.as_slice() {
        [] => Ok(()),
        names => {
            let message = format!(
                "a message of the plan needs {}, which nobody among the first on the list has; correct its places, give them a default as in {{{{name|friend}}}}, or add the column",
                names.join(", ")
            );
            refuse("NOBODY_HAS", &message)
        }
    }
}

/// When a recurring campaign that is now in state `next` has its next run.
fn next_run(campaign: &Campaign, next: CampaignState, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>> {
    match next {
        CampaignState::Scheduled if campaign.next_run_at.is_some() => return Ok(campaign.next_run_at),
        CampaignState::Scheduled => {}
        _ => return Ok(None),
    }
    // A run at the very moment of startAt counts.
    let start = campaign.start_at.map(|at| at - TimeDelta::milliseconds(1));
    let from = start.into_iter().chain([now]).max().unwrap_or(now);
    let at = campaign.recurrence.as_ref().and_then(|recurrence| recurrence.next_after(from));
    match at.filter(|at| campaign.end_at.is_none_or(|end| *at < end)) {
        Some(at) => Ok(Some(at)),
        None => Err(EngineError::Conflict {
            code: "NO_RUN_LEFT",
            message: "no run of the campaign is due before its endAt; set a later one, or another recurrence"
                .into(),
        }),
    }
}
