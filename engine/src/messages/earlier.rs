//! What the earlier calls and messages of a recipient tell about what comes now.

use std::collections::HashMap;

use ringfleet_core::{CallId, CampaignId, Channel, Outcome, call::NEVER_RETRY, settle::Earlier};
use ringfleet_store::{Call, Campaign, Tx};
use uuid::Uuid;

use crate::Result;

/// What these calls of one recipient tell.
pub(crate) fn earlier<'a>(calls: impl Iterator<Item = &'a Call>) -> Earlier {
    let mut told = Earlier::default();
    for call in calls {
        let reason = call.reason.as_deref().unwrap_or_default();
        told.no_more_calls |= call.channel == Channel::Voice && NEVER_RETRY.contains(&reason);
        told.is_read |= call.outcome == Some(Outcome::Read);
        told.is_messaged |= matches!(call.outcome, Some(Outcome::Sent | Outcome::Delivered));
    }
    told
}

/// For calls that are ending: what came before them, where their plan has written to anybody by then.
pub(crate) async fn earlier_of(
    tx: &mut Tx,
    ending: &HashMap<CallId, Call>,
    campaigns: &HashMap<CampaignId, Campaign>,
) -> Result<HashMap<CallId, Earlier>> {
    let was_written_to = |call: &&Call| {
        let campaign = call.campaign_id.and_then(|id| campaigns.get(&id));
        campaign.is_some_and(|campaign| campaign.plan.messages().any(|(step, _)| step <= call.step as usize))
    };
    let asked: Vec<&Call> = ending.values().filter(was_written_to).collect();
    let recipients: Vec<Uuid> =
        asked.iter().filter_map(|call| call.recipient_id.map(|id| id.uuid())).collect();
    if recipients.is_empty() {
        return Ok(HashMap::new());
    }
    let all = tx.calls_of_recipients(&recipients).await?;
    let mut by_recipient: HashMap<_, Vec<&Call>> = HashMap::new();
    for one in &all {
        by_recipient.entry(one.recipient_id).or_default().push(one);
    }
    let of = |call: &Call| {
        let theirs = by_recipient.get(&call.recipient_id).into_iter().flatten().copied();
        earlier(theirs.filter(|one| one.id != call.id))
    };
    Ok(asked.into_iter().map(|call| (call.id, of(call))).collect())
}
