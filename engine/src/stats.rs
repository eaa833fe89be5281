//! Where a campaign stands, in figures. Kept, not counted: a list of millions costs no more than a short one.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use ringfleet_core::{
    CallState, CampaignId, CampaignState, Channel, CounterKind, Disposition, Hold, Outcome, RecipientState,
    Seats, WorkspaceId, forecast, hold, seats::Answers, trunk::Limits,
};
use ringfleet_store::{Campaign, CampaignStanding, Counter, RecipientCounts, Tx};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{Engine, EngineError, Result, trunk_groups};

/// The figures of a campaign at one moment.
#[derive(Debug, Clone, Default)]
pub struct CampaignStats {
    /// Recipients in all.
    pub recipients: u64,
    /// Recipients that wait until they are due, or for their turn.
    pub pending: u64,
    /// Recipients whose call waits for a worker or for room.
    pub queued: u64,
    /// Recipients that are being called.
    pub active: u64,
    /// Recipients that are done, by disposition.
    pub dispositions: BTreeMap<String, u64>,
    /// Calls that are over, by outcome.
    pub outcomes: BTreeMap<String, u64>,
    /// Calls that are over, by channel.
    pub channels: BTreeMap<String, u64>,
    /// Recipients that wait, by hold: each under exactly one.
    pub holds: BTreeMap<Hold, u64>,
    /// How its seats stand; none where it has none.
    pub seats: Option<SeatStats>,
    /// Calls that have begun and are not answered.
    pub ringing: u64,
    /// Calls that are answered and not over.
    pub talking: u64,
    /// The hours in which calls ended, oldest first.
    pub hours: Vec<HourStats>,
    /// Share of the calls that are over that somebody answered, 0 to 1; none before the first is over.
    pub answer_rate: Option<f64>,
    /// When everybody will be done at the pace of late, those that are put off no sooner than they are due; none when that cannot be told.
    pub expected_finish: Option<DateTime<Utc>>,
}

/// The seats of a campaign at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct SeatStats {
    /// How many there are.
    pub count: u32,
    /// How many are taken.
    pub busy: u32,
    /// Calls placed and not answered for each free one, as the brake has it now.
    pub ratio: f64,
    /// How often somebody picked up, and how often no seat was free then.
    pub answers: Answers,
    /// The share of abandoned calls among the last answers, 0 to 1; none before the first.
    pub share: Option<f64>,
}

impl SeatStats {
    fn new(seats: &Seats, answers: Answers, talking: u64) -> Self {
        Self {
            count: seats.count,
            // One that is just being hung up has none.
            busy: u32::try_from(talking).unwrap_or(u32::MAX).min(seats.count),
            ratio: seats.ratio(&answers).get(),
            share: answers.share(seats.window()),
            answers,
        }
    }
}

/// The calls that ended in one hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HourStats {
    /// The hour, like `2026-11-24T17`, in UTC.
    pub hour: String,
    /// Calls that ended.
    pub calls: u64,
    /// Those that somebody answered.
    pub answered: u64,
}

/// How far a campaign is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CampaignProgress {
    /// Which.
    pub id: CampaignId,
    /// Its state.
    pub state: CampaignState,
    /// Recipients in all.
    pub total: u64,
    /// Those that are done.
    pub done: u64,
    /// Those of them that were reached.
    pub reached: u64,
    /// Calls that have begun and are not answered.
    pub ringing: u64,
    /// Calls that are answered and not over.
    pub talking: u64,
}

impl Engine {
    /// How far those of these campaigns are that belong to the workspace.
    pub async fn progress_of(
        &self,
        workspace: WorkspaceId,
        ids: &[CampaignId],
    ) -> Result<Vec<CampaignProgress>> {
        let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
        let mut tx = self.0.store.read().await?;
        let standings = tx.campaign_standings(workspace, &ids).await?;
        let ids: Vec<Uuid> = standings.iter().map(|one| one.id.uuid()).collect();
        let counters = tx.counters_of(&ids, &[CounterKind::Recipients, CounterKind::Disposition]).await?;
        let live = tx.live_counts(&ids).await?;
        tx.commit().await?;
        let progress = |one: CampaignStanding| {
            let counted = |kind, name: Option<&str>| -> u64 {
                let of = counters.iter().filter(|c| c.campaign_id == one.id && c.kind == kind);
                of.filter(|c| name.is_none_or(|name| c.name == name)).map(|c| c.n.max(0).unsigned_abs()).sum()
            };
            let live = |state| -> u64 {
                let of = live.iter().filter(|c| c.campaign_id == one.id && c.state == state);
                of.map(|c| c.n.unsigned_abs()).sum()
            };
            CampaignProgress {
                id: one.id,
                state: one.state,
                total: counted(CounterKind::Recipients, None),
                done: counted(CounterKind::Disposition, None),
                reached: counted(CounterKind::Disposition, Some(Disposition::Reached.as_str())),
                ringing: live(CallState::Triggered),
                talking: live(CallState::Ongoing),
            }
        };
        Ok(standings.into_iter().map(progress).collect())
    }

    /// The figures of a campaign, with the campaign itself.
    pub async fn stats(&self, workspace: WorkspaceId, id: CampaignId) -> Result<(Campaign, CampaignStats)> {
        let now = self.0.clock.now();
        let mut tx = self.0.store.read().await?;
        let campaign = tx.campaign(workspace, id).await?.ok_or(EngineError::NotFound("campaign"))?;
        let lines = trunk_groups::lines(&mut tx, &campaign).await?;
        let counters = tx.counters(id).await?;
        let claimed = tx.claimed_recipients(id).await?;
        let (ringing, talking) = tx.live_calls(id).await?;
        let seats = match &campaign.seats {
            Some(seats) => Some(SeatStats::new(seats, tx.campaign_answers(id).await?, talking)),
            None => None,
        };
        tx.commit().await?;
        let mut stats = CampaignStats { ringing, talking, seats, ..figures(&counters, &claimed) };
        stats.holds = holds(campaign.state, &stats, &counters, (&claimed, trunk_groups::rest(&lines)), now);
        let put_off = put_off(&counters, now);
        stats.expected_finish =
            expected_finish(&campaign, trunk_groups::limits(&lines), &stats, &put_off, now);
        Ok((campaign, stats))
    }
}

/// What follows from the counters and from the few recipients that are claimed.
fn figures(counters: &[Counter], claimed: &[RecipientCounts]) -> CampaignStats {
    let count = |state| claimed.iter().filter(|row| row.state == state).map(|row| row.n as u64).sum();
    let outcomes = of(counters, CounterKind::Outcome);
    let (calls, answered) = (of(counters, CounterKind::Hour), of(counters, CounterKind::AnsweredHour));
    let channels = of(counters, CounterKind::Channel);
    let over = channels.get(Channel::Voice.as_str()).copied().unwrap_or(0);
    let were_answered = Outcome::ALL.iter().filter(|outcome| outcome.was_answered());
    let somebody_answered: u64 = were_answered.filter_map(|outcome| outcomes.get(outcome.as_str())).sum();
    let of_hour = |(hour, calls): (String, u64)| {
        let answered = answered.get(&hour).copied().unwrap_or(0);
        HourStats { hour, calls, answered }
    };
    let mut stats = CampaignStats {
        recipients: of(counters, CounterKind::Recipients).values().sum(),
        queued: count(RecipientState::Queued),
        active: count(RecipientState::Active),
        dispositions: of(counters, CounterKind::Disposition),
        channels,
        hours: calls.into_iter().map(of_hour).collect(),
        answer_rate: (over > 0).then(|| somebody_answered as f64 / over as f64),
        outcomes,
        ..CampaignStats::default()
    };
    let elsewhere = stats.queued + stats.active + stats.dispositions.values().sum::<u64>();
    stats.pending = stats.recipients.saturating_sub(elsewhere);
    stats
}

/// Why each recipient that waits is not being called.
fn holds(
    state: CampaignState,
    stats: &CampaignStats,
    counters: &[Counter],
    (claimed, rests): (&[RecipientCounts], bool),
    now: DateTime<Utc>,
) -> BTreeMap<Hold, u64> {
    if state != CampaignState::InProgress {
        return BTreeMap::from([(Hold::Paused, stats.pending + stats.queued)]);
    }
    let mut holds = BTreeMap::new();
    for counter in counters.iter().filter(|c| c.kind == CounterKind::Hold) {
        if let Some(hold) = hold::of_bucket(&counter.name, now).filter(|hold| *hold != Hold::Turn) {
            *holds.entry(hold).or_default() += counter.n.max(0) as u64;
        }
    }
    // All others that wait and are not claimed are due.
    let turn = stats.pending.saturating_sub(holds.values().sum());
    *holds.entry(hold::of_turn(rests)).or_default() += turn;
    for row in claimed.iter().filter(|row| row.state == RecipientState::Queued) {
        *holds.entry(row.hold.unwrap_or(Hold::Turn)).or_default() += row.n as u64;
    }
    holds
}

/// How many wait until when, of those that are put off until some moment that is still to come.
fn put_off(counters: &[Counter], now: DateTime<Utc>) -> Vec<(DateTime<Utc>, f64)> {
    let holds = counters.iter().filter(|c| c.kind == CounterKind::Hold && c.n > 0);
    let moments = holds.filter_map(|c| Some((hold::end_of_bucket(&c.name)?, c.n as f64)));
    moments.filter(|(until, _)| *until > now).collect()
}

/// As many calls as each recipient took so far, at the tightest rate set or, where none is, at that of the present and the last hour; those
/// that are put off no sooner than they are due.
fn expected_finish(
    campaign: &Campaign,
    trunk: Limits,
    stats: &CampaignStats,
    put_off: &[(DateTime<Utc>, f64)],
    now: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    let left = (stats.pending + stats.queued + stats.active) as f64;
    if campaign.state != CampaignState::InProgress || left == 0.0 {
        return None;
    }
    let calls = stats.outcomes.values().sum::<u64>() as f64;
    let done = stats.dispositions.values().sum::<u64>() as f64;
    let each = if done > 0.0 { (calls / done).max(1.0) } else { 1.0 };
    let set = tightest_rate(campaign, trunk);
    let since = campaign.started_at.unwrap_or(now).max(now - TimeDelta::hours(1));
    let from = hour(since);
    let seen = stats.hours.iter().filter(|h| h.hour >= from).map(|h| h.calls).sum::<u64>() as f64;
    let begin = campaign.started_at.unwrap_or(now).max(hour_start(since));
    let seconds = (now - begin).num_milliseconds() as f64 / 1_000.0;
    let observed = (seen > 0.0 && seconds > 1.0).then(|| seen / seconds);
    let rate = match (observed, set) {
        (Some(observed), Some(set)) => observed.min(set),
        (observed, set) => observed.or(set)?,
    };
    let later: f64 = put_off.iter().map(|(_, n)| n).sum();
    let due = (now, (left - later).max(0.0) * each);
    let work: Vec<_> = put_off.iter().map(|(until, n)| (*until, n * each)).chain([due]).collect();
    forecast::drained(&work, rate, now)
}

/// The tightest limit of calls per second that binds a campaign on this trunk; none where nobody has set one.
pub(crate) fn tightest_rate(campaign: &Campaign, trunk: Limits) -> Option<f64> {
    let set = [campaign.limits, campaign.floor.limits, trunk];
    set.iter().filter_map(|limits| limits.calls_per_second).reduce(f64::min)
}

/// The name under which the calls that ended in the hour of `at` are counted, like `2026-11-24T17`, in UTC.
pub(crate) fn hour(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H").to_string()
}

fn hour_start(at: DateTime<Utc>) -> DateTime<Utc> {
    at - TimeDelta::milliseconds(at.timestamp_millis().rem_euclid(3_600_000))
}

/// The kept counters of one kind, by name.
fn of(counters: &[Counter], kind: CounterKind) -> BTreeMap<String, u64> {
    counters.iter().filter(|c| c.kind == kind).map(|c| (c.name.clone(), c.n as u64)).collect()
}

/// What `campaign.completed` tells.
pub(crate) async fn kept_counts(tx: &mut Tx, id: CampaignId) -> Result<Value> {
    let counters = tx.counters(id).await?;
    Ok(json!({
        "recipients": of(&counters, CounterKind::Disposition),
        "calls": of(&counters, CounterKind::Outcome),
    }))
}
