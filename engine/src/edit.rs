//! Changes to a campaign that is halted, and to one of its recipients.

use chrono::{DateTime, Utc};
use ringfleet_core::{
    CallerIds, CampaignAction, CampaignId, CampaignState, Clock, CounterKind, Disposition, E164, Hold,
    RecipientId, RecipientState, WorkspaceId, WorkspaceRules,
    call::NEVER_RETRY,
    campaign::WrongState,
    terms::{Due, Fit},
};
use ringfleet_store::{Bump, Campaign, CampaignSettings, Recipient};
use uuid::Uuid;

use crate::{
    Engine, EngineError, Receipt, Result, campaigns::check_plan, settle::exhausted, verdict::waits,
    ways::check_defaults,
};

/// Something that was there, before and after it was changed.
#[derive(Debug, Clone)]
pub struct Changed<T> {
    /// As it was.
    pub before: T,
    /// As it is now.
    pub after: T,
}

impl Engine {
    /// Changes the settings of a campaign in DRAFT or PAUSED: `change` is given it and them as they are, while nobody else can change them,
    /// and may refuse. What only tells how fast and how often it calls may be changed while it does.
    ///
    /// After a change of the hours its waiting recipients are due when the new ones allow it; after one of the caller IDs, those who
    /// waited for one at once. After a change of the plan its recipients find their place in it ([`ringfleet_core::Plan::go_on`]); those for whom it
    /// leaves nothing end EXHAUSTED.
    pub async fn edit_campaign(
        &self,
        workspace: WorkspaceId,
        id: CampaignId,
        change: impl FnOnce(&Campaign, &mut CampaignSettings) -> Result<()>,
        receipt: Receipt<Changed<Campaign>>,
    ) -> Result<Campaign> {
        let may = |before: &Campaign, to: &CampaignSettings| {
            let action = match is_tuned(before.settings(), to) {
                true => CampaignAction::Tune,
                false => CampaignAction::Edit,
            };
            before.state.must_be(action, action.needs())
        };
        self.edit_campaign_where(workspace, id, may, change, receipt).await
    }

    /// The same where only the states `needs` will do.
    pub async fn edit_campaign_in(
        &self,
        workspace: WorkspaceId,
        id: CampaignId,
        needs: &'static [CampaignState],
        change: impl FnOnce(&Campaign, &mut CampaignSettings) -> Result<()>,
        receipt: Receipt<Changed<Campaign>>,
    ) -> Result<Campaign> {
        let may = |before: &Campaign, _: &CampaignSettings| before.state.must_be(CampaignAction::Edit, needs);
        self.edit_campaign_where(workspace, id, may, change, receipt).await
    }

    async fn edit_campaign_where(
        &self,
        workspace: WorkspaceId,
        id: CampaignId,
        may: impl FnOnce(&Campaign, &CampaignSettings) -> std::result::Result<(), WrongState>,
        change: impl FnOnce(&Campaign, &mut CampaignSettings) -> Result<()>,
        receipt: Receipt<Changed<Campaign>>,
    ) -> Result<Campaign> {
        let mut tx = self.0.store.write().await?;
        let before = tx.campaign_for_update(workspace, id).await?.ok_or(EngineError::NotFound("campaign"))?;
        let mut settings = before.settings();
        change(&before, &mut settings)?;
        may(&before, &settings)?;
        check_settings(&before, &settings, Clock::now(self.clock()))?;
        if settings.plan != before.plan {
            check_plan(&mut tx, workspace, &settings.plan, before.trunk_id).await?;
        }
        tx.update_campaign(id, &settings).await?;
        if settings.plan != before.plan
            || settings.schedule != before.schedule
            || room_of(&settings.caller_ids) != room_of(&before.caller_ids)
        {
            tx.replanned_to(id, Some(Uuid::nil())).await?;
        }
        let after = tx.campaign(workspace, id).await?.ok_or(EngineError::NotFound("campaign"))?;
        let changed = Changed { before, after };
        receipt.write(&mut tx, &changed, self.clock()).await?;
        tx.commit().await?;
        tracing::info!(campaign = %id, "campaign edited");
        if let Err(error) = self.make_ready_for_a_while(workspace, id).await {
            tracing::warn!(%error, campaign = %id, "recipients could not be fitted into a changed plan yet; it will be tried again");
        }
        Ok(changed.after)
    }

    /// Replaces what holds for all campaigns of a workspace, from the next call on. Where the hours change, waiting recipients are due
    /// when the new ones allow it, as soon as a scheduler has been through the lists. `check` may refuse them for what they were.
    pub async fn set_workspace_rules(
        &self,
        workspace: WorkspaceId,
        rules: &WorkspaceRules,
        check: impl FnOnce(&WorkspaceRules) -> Result<()>,
        receipt: Receipt<Changed<WorkspaceRules>>,
    ) -> Result<()> {
        let mut tx = self.0.store.write().await?;
        let before =
            tx.workspace_for_update(workspace).await?.ok_or(EngineError::NotFound("workspace"))?.rules;
        check(&before)?;
        check_defaults(&mut tx, workspace, rules.default_trunk_id, rules.default_trunk_group_id).await?;
        tx.set_workspace_rules(workspace, rules).await?;
        if before.schedule != rules.schedule {
            tx.retime_campaigns(workspace).await?;
        }
        let changed = Changed { before, after: rules.clone() };
        receipt.write(&mut tx, &changed, self.clock()).await?;
        tx.commit().await?;
        tracing::info!(%workspace, "the rules of a workspace have changed");
        Ok(())
    }

    /// Lets one recipient be called next at `at`, or when its hours allow it after that. One that is done is opened again, as far as its
    /// plan leaves an attempt.
    pub async fn reschedule(
        &self,
        workspace: WorkspaceId,
        campaign: CampaignId,
        id: RecipientId,
        at: DateTime<Utc>,
        receipt: Receipt<Recipient>,
    ) -> Result<Recipient> {
        let now = Clock::now(self.clock());
        let mut tx = self.0.store.write().await?;
        let held = tx.hold_campaigns(&[campaign.uuid()]).await?.pop();
        let held = held.filter(|c| c.workspace_id == workspace).ok_or(EngineError::NotFound("campaign"))?;
        held.state.after(CampaignAction::Reschedule, false)?;
        let before =
            tx.recipient_for_update(campaign, id).await?.ok_or(EngineError::NotFound("recipient"))?;
        check_reschedule(&held, &before)?;
        let back = call_back(&held, &before, at.max(now))?;
        tx.call_back(id, back).await?;
        let mut bumps = Vec::new();
        match before.disposition {
            Some(was) => {
                bumps.push(Bump::new(campaign, CounterKind::Disposition, was.as_str(), -1));
                let last = before.last_outcome.filter(|_| was == Disposition::Exhausted);
                bumps.extend(last.map(|last| exhausted(campaign, last, -1)));
            }
            None => {
                bumps.extend(waits(campaign, before.hold, before.due_at, -1));
            }
        }
        bumps.extend(waits(campaign, back.hold, back.at, 1));
        tx.bump(bumps).await?;
        let after = tx.recipient(campaign, id).await?.ok_or(EngineError::NotFound("recipient"))?;
        receipt.write(&mut tx, &after, self.clock()).await?;
        tx.commit().await?;
        Ok(after)
    }
}

/// Whether settings differ from what they were only in how fast and how often is called, which each call looks up as it begins.
fn is_tuned(before: CampaignSettings, to: &CampaignSettings) -> bool {
    let CampaignSettings { name, limits, seats, caps, brake, weight, .. } = to.clone();
    CampaignSettings { name, limits, seats, caps, brake, weight, ..before } == *to
}

/// What decides whether anybody has to wait for a caller ID: in which order they come does not.
fn room_of(pool: &Option<CallerIds>) -> Option<(&[E164], Option<u32>)> {
    pool.as_ref().map(|pool| (&pool.numbers[..], pool.daily_cap))
}

/// A campaign begins before it ends.
pub(crate) fn check_moments(to: &CampaignSettings) -> Result<()> {
    match (to.start_at, to.end_at) {
        (Some(start), Some(end)) if end <= start => {
            Err(EngineError::invalid("endAt", "must lie after startAt"))
        }
        _ => Ok(()),
    }
}

/// What has to hold between settings, those that stay included.
fn check_settings(before: &Campaign, to: &CampaignSettings, now: DateTime<Utc>) -> Result<()> {
    check_moments(to)?;
    if to.end_at != before.end_at && to.end_at.is_some_and(|end| end <= now) {
        return Err(EngineError::invalid(
            "endAt",
            "must lie in the future; cancel the campaign to end it now",
        ));
    }
    if to.recurrence != before.recurrence && before.state != CampaignState::Draft {
        return Err(EngineError::invalid("recurrence", "can be changed in DRAFT only; clone the campaign"));
    }
    if to.recurrence.is_some() && before.parent_id.is_some() {
        return Err(EngineError::invalid("recurrence", "a run has none; change the campaign it is a run of"));
    }
    Ok(())
}

fn check_reschedule(campaign: &Campaign, recipient: &Recipient) -> Result<()> {
    let done = |problem: &str| {
        let message = format!("the recipient is done, and {problem}; add the number to another campaign");
        Err(EngineError::Conflict { code: "RECIPIENT_DONE", message })
    };
    match (recipient.state, recipient.disposition) {
        _ if recipient.number.is_erased() => done("has been erased"),
        (RecipientState::Pending, _) => Ok(()),
        (RecipientState::Queued | RecipientState::Active, _) => Err(EngineError::Conflict {
            code: "RECIPIENT_BUSY",
            message: format!(
                "the recipient is {}, it must be PENDING or DONE; wait for its call to end",
                recipient.state
            ),
        }),
        (_, Some(Disposition::Suppressed)) => done("must not be contacted"),
        (_, Some(Disposition::Invalid)) => done("cannot be called at all"),
        _ if recipient.last_reason.as_deref().is_some_and(|reason| NEVER_RETRY.contains(&reason)) => {
            done("said no, which is final")
        }
        _ if !has_attempt_left(campaign, recipient) => done("the plan leaves it no attempt"),
        _ => Ok(()),
    }
}

fn has_attempt_left(campaign: &Campaign, recipient: &Recipient) -> bool {
    let step = campaign.plan.steps.get(recipient.step as usize);
    step.is_some_and(|step| step.is_carried_out() && recipient.attempts < step.attempts)
}

fn call_back(campaign: &Campaign, recipient: &Recipient, at: DateTime<Utc>) -> Result<Due> {
    let terms = campaign.terms();
    let fit = terms.fit(recipient.number, recipient.timezone.as_deref(), at);
    if let Fit::Never(reason) = fit {
        let message = format!("the recipient can never be called: {reason}");
        return Err(EngineError::Conflict { code: "NEVER_CALLABLE", message });
    }
    let due = fit.due(at, Some(Hold::Retry));
    if terms.expires_at(recipient.created_at).is_some_and(|end| due.at >= end) {
        let problem =
            "nobody is called then any more: the campaign, or the time of this recipient, is over before";
        return Err(EngineError::invalid("at", problem));
    }
    Ok(due)
}
