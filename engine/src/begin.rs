//! The last moment before a call: who may begin, and what becomes of those that may not.
//!
//! One transaction: campaigns, calls, trunk health, contacts, caller IDs, the recipients it has claimed, counters. Holding the campaigns makes a
//! pause wait for this transaction, and this transaction wait for a pause: after a pause has been answered nothing begins.
//! Holding the contacts makes two campaigns that are about to call one number at the same time do so one after the other; holding the
//! caller IDs, two that are about to show one number.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use ringfleet_core::{
    CallState, CampaignId, Channel, Clock, Disposition, Hold, WorkspaceId, WorkspaceRules,
    terms::{Candidate, SUPPRESSED, Verdict},
};
use ringfleet_store::{Begin, Beginning, Call, Campaign, Store, Tx};
use ringfleet_telemetry::CALLS_BEGUN;
use uuid::Uuid;

use crate::{
    Result,
    batch::Batcher,
    brake,
    caller_ids::{Begun, Numbers},
    facts,
    known::{Known, address},
    publish::{Hints, completed_facts, publish},
    verdict::Verdicts,
};

pub(crate) fn beginner(store: Store, hints: Hints, clock: Arc<dyn Clock>) -> Batcher<Begin, Option<Begun>> {
    Batcher::new(move |wishes| {
        let (store, hints, clock) = (store.clone(), hints.clone(), clock.clone());
        async move { begin(&store, &hints, clock.now(), wishes).await }
    })
}

/// PENDING → TRIGGERED for those of `wishes` that win and may be called at this moment.
async fn begin(
    store: &Store,
    hints: &Hints,
    now: DateTime<Utc>,
    wishes: Vec<Begin>,
) -> Result<Vec<Option<Begun>>> {
    let ids: Vec<Uuid> = wishes.iter().filter_map(|w| w.campaign.map(|c| c.uuid())).collect();
    let mut tx = store.write_many().await?;
    let campaigns: HashMap<CampaignId, Campaign> =
        tx.hold_campaigns(&ids).await?.into_iter().map(|c| (c.id, c)).collect();
    let admitted = brake::admit(&mut tx, &wishes, now).await?;
    let waiting = tx.calls_to_begin(&admitted.wishes, now).await?;
    let floors = floors_of_single_calls(&mut tx, &waiting).await?;
    let mut known = Known::hold(&mut tx, &waiting, now).await?;
    let mut numbers = Numbers::hold(&mut tx, &wishes, &waiting, &campaigns, &floors, now).await?;
    let asked: HashMap<Uuid, &Begin> = wishes.iter().map(|wish| (wish.id, wish)).collect();
    let (mut begun, mut refused) = (Vec::new(), Vec::new());
    for beginning in waiting {
        let call = &beginning.call;
        let verdict = match call.campaign_id.and_then(|id| campaigns.get(&id)) {
            Some(campaign) => judge(campaign, &beginning, &known, &mut numbers, now),
            None => judge_single(floors.get(&call.workspace_id), call, &known, &mut numbers, now),
        };
        match verdict {
            Verdict::Call => {
                if call.channel == Channel::Voice {
                    known.note(call, now);
                }
                let wish = asked.get(&call.id.uuid()).copied();
                begun.push(as_begun(beginning.call, wish, &numbers, now));
            }
            verdict => {
                known.forget(call);
                refused.push((beginning.call, verdict));
            }
        }
    }
    let mut chosen: HashSet<Uuid> = begun.iter().map(|call| call.id.uuid()).collect();
    let mut seen = HashSet::new();
    let placed = wishes.iter().filter(|w| chosen.contains(&w.id) && seen.insert(w.id)).collect::<Vec<_>>();
    let placements: Vec<_> = placed.iter().map(|wish| numbers.placement(wish)).collect();
    tx.begin_calls(&placements, now).await?;
    admitted.keep(&mut tx, &placed.iter().map(|wish| wish.id).collect::<Vec<_>>(), now).await?;
    let recipients: Vec<Uuid> = begun.iter().filter_map(|c| c.recipient_id.map(|r| r.uuid())).collect();
    tx.activate_recipients(&recipients).await?;
    let verdicts = Verdicts::of_calls(&mut tx, &campaigns, refused, now).await?;
    verdicts.write(&mut tx).await?;
    known.write(&mut tx).await?;
    numbers.write(&mut tx).await?;
    let first = begun.iter().filter(|call| call.placements == 1); // coming back after a hold is not news
    let mut facts: Vec<_> = first.map(facts::started).collect();
    facts.extend(verdicts.ended.iter().flat_map(facts::ended));
    facts.extend(completed_facts(&verdicts.completed, |id| campaigns.get(&id)));
    let deliveries = publish(&mut tx, facts, now).await?;
    tx.bump(verdicts.bumps).await?;
    tx.commit().await?;
    begun.iter().for_each(|call| CALLS_BEGUN.of([call.channel.as_str()]).increment(1));
    hints.deliveries(&deliveries);
    Ok(wishes
        .iter()
        .map(|w| {
            chosen.remove(&w.id).then(|| Begun { caller_id: numbers.shown_by(w.id).0.map(str::to_owned) })
        })
        .collect())
}

fn judge(
    campaign: &Campaign,
    beginning: &Beginning,
    known: &Known,
    numbers: &mut Numbers<'_>,
    now: DateTime<Utc>,
) -> Verdict {
    let call = &beginning.call;
    let candidate = Candidate {
        number: call.number,
        timezone: beginning.timezone.as_deref(),
        added_at: beginning.added_at,
        is_first: beginning.attempts_made == 0,
        is_suppressed: known.is_suppressed(address(call)),
        // Caps are for calls, and so is what is shown.
        history: known.history(address(call)).filter(|_| call.channel == Channel::Voice),
        campaign: campaign.id.uuid(),
        call: Some(call.id.uuid()),
    };
    match campaign.terms().judge(&candidate, now) {
        Verdict::Call if call.channel != Channel::Voice => {
            numbers.show_uncounted(call);
            Verdict::Call
        }
        Verdict::Call => match numbers.choose(call) {
            Ok(()) => Verdict::Call,
            Err(until) => campaign.terms().not_before(&candidate, until, Hold::CallerId),
        },
        verdict => verdict,
    }
}

/// A single call is placed now or never: whoever asked for it waits. Lists and the hours of the workspace bind it, caps do not.
fn judge_single(
    floor: Option<&WorkspaceRules>,
    call: &Call,
    known: &Known,
    numbers: &mut Numbers<'_>,
    now: DateTime<Utc>,
) -> Verdict {
    if known.is_suppressed(address(call)) {
        return Verdict::Never(Disposition::Suppressed, SUPPRESSED);
    }
    let verdict = floor.map_or(Verdict::Call, |floor| floor.judge_single(call.number, now));
    if verdict == Verdict::Call {
        numbers.show_own(call);
    }
    verdict
}

async fn floors_of_single_calls(
    tx: &mut Tx,
    waiting: &[Beginning],
) -> Result<HashMap<WorkspaceId, WorkspaceRules>> {
    let single = waiting.iter().filter(|b| b.call.campaign_id.is_none()).map(|b| b.call.workspace_id);
    let mut floors = HashMap::new();
    for id in single.collect::<HashSet<_>>() {
        if let Some(workspace) = tx.workspace(id).await? {
            floors.insert(id, workspace.rules);
        }
    }
    Ok(floors)
}

/// The call as it stands in the database once it has begun.
fn as_begun(call: Call, wish: Option<&Begin>, numbers: &Numbers<'_>, now: DateTime<Utc>) -> Call {
    let (caller_id, caller_day) = numbers.shown_by(call.id.uuid());
    Call {
        caller_id: caller_id.map(str::to_owned),
        caller_day,
        agent_version: wish.map(|wish| wish.agent_version),
        traceparent: call.traceparent.or_else(|| wish?.traceparent.clone()),
        state: CallState::Triggered,
        hold: None,
        placements: call.placements + 1,
        triggered_at: call.triggered_at.or(Some(now)),
        ..call
    }
}
