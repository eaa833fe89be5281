//! What would happen if a campaign called now: who can be called, who waits for what, who never will be, and when it would be done.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use ringfleet_core::{
    CampaignId, Disposition, E164, Hold, WorkspaceId, Zones,
    forecast::{self, Group},
    terms::{Candidate, Verdict},
    trunk::Limits,
    window::{closes, is_open, next_open},
};
use ringfleet_store::{Campaign, Special, Tx};

use crate::{
    Engine, EngineError, Result,
    caller_ids::{self, PoolToday},
    lacks::Lacks,
    stats::tightest_rate,
    trunk_groups,
};

/// Recipients judged at a time.
const PAGE: u32 = 10_000;
/// Stretches of hours that are told of each zone.
const STRETCHES: usize = 7;

/// What would happen if a campaign called now.
#[derive(Debug, Clone, Default)]
pub struct Preflight {
    /// Recipients that wait.
    pub waiting: u64,
    /// Those that may be called at this moment.
    pub callable_now: u64,
    /// Those that may be called later, by the reason.
    pub held: BTreeMap<Hold, Held>,
    /// Those that would end without a call, by disposition and reason.
    pub ended: BTreeMap<(Disposition, &'static str), u64>,
    /// Where they are. Empty where no hours bind the campaign.
    pub zones: Vec<ZoneHours>,
    /// When each of them will have been called once at the limits set; none without a limit of calls per second.
    pub expected_finish: Option<DateTime<Utc>>,
    /// How long a call may take on average, ringing included, for that to hold, where seats are the tightest limit of live calls.
    pub seconds_a_seat: Option<f64>,
    /// To whom what is to be said cannot be said: they are counted as callable or held, and end INVALID when it is their turn.
    pub lacks: Lacks,
    /// The agent has texts that a worker has to make speech of, for the trunks play what they are given.
    pub needs_speech: bool,
    /// Those who lack something that a message of the plan needs: its step will fail for them.
    pub message_lacks: Lacks,
}

/// Recipients under one hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// How many.
    pub count: u64,
    /// When the first of them may be called.
    pub first: DateTime<Utc>,
    /// When the last of them may be called.
    pub last: DateTime<Utc>,
}

/// Recipients of one place, and when they may be called there.
#[derive(Debug, Clone, PartialEq)]
pub struct ZoneHours {
    /// Where they may be: all of these zones have to be open.
    pub zones: Zones,
    /// How many.
    pub count: u64,
    /// Whether they may be called at this moment.
    pub is_open: bool,
    /// The next stretches in which they may be called, from and to; no end where it never closes.
    pub stretches: Vec<(DateTime<Utc>, Option<DateTime<Utc>>)>,
}

impl Engine {
    /// Looks at every waiting recipient of a campaign as the dispatcher would at this moment; changes nothing.
    pub async fn preflight(&self, workspace: WorkspaceId, id: CampaignId) -> Result<(Campaign, Preflight)> {
        let now = self.0.clock.now();
        let mut tx = self.0.store.read().await?;
        let campaign = tx.campaign(workspace, id).await?.ok_or(EngineError::NotFound("campaign"))?;
        let lines = trunk_groups::lines(&mut tx, &campaign).await?;
        let mut count = Count::new(&campaign, now);
        count.alike(&mut tx).await?;
        count.special(&mut tx).await?;
        let numbers = caller_ids::today(&mut tx, &campaign, now).await?;
        if let Some(agent) = tx.agent(workspace, campaign.agent_id).await? {
            count.found.lacks = Lacks::of(&mut tx, id, &agent.conversation).await?;
            count.found.needs_speech = agent.conversation.texts().next().is_some()
                && campaign.plan.calls().next().is_some()
                && trunk_groups::need_speech(&mut tx, workspace, &lines).await?;
        }
        count.found.message_lacks = Lacks::of_messages(&mut tx, id, &campaign.plan).await?;
        tx.commit().await?;
        numbers.iter().for_each(|numbers| count.hold_beyond(numbers));
        let preflight = count.finish(trunk_groups::limits(&lines));
        Ok((campaign, preflight))
    }
}

struct Count<'a> {
    campaign: &'a Campaign,
    now: DateTime<Utc>,
    found: Preflight,
    /// Those that will be called, by their zones; under an empty name where no hours bind.
    places: BTreeMap<String, Group>,
}

impl<'a> Count<'a> {
    fn new(campaign: &'a Campaign, now: DateTime<Utc>) -> Self {
        Self { campaign, now, found: Preflight::default(), places: BTreeMap::new() }
    }

    async fn alike(&mut self, tx: &mut Tx) -> Result<()> {
        let lifetime =
            self.campaign.expire_days.map_or(TimeDelta::days(36_500), |n| TimeDelta::days(n.into()));
        let old = self.now - lifetime;
        let groups = tx.alike_recipients(self.campaign.workspace_id, self.campaign.id, old, self.now).await?;
        for group in groups {
            let special = Special {
                number: group.number,
                timezone: group.timezone,
                created_at: if group.is_old { old } else { self.now },
                attempts: 0,
                is_suppressed: false,
                calls: None,
            };
            self.add(&special, group.n as u64);
        }
        Ok(())
    }

    async fn special(&mut self, tx: &mut Tx) -> Result<()> {
        let mut after = 0;
        loop {
            let (workspace, campaign) = (self.campaign.workspace_id, self.campaign.id);
            let page = tx.special_recipients(workspace, campaign, after, PAGE, self.now).await?;
            page.iter().for_each(|special| self.add(special, 1));
            match page.last() {
                Some(last) if page.len() == PAGE as usize => after = last.number.digits(),
                _ => return Ok(()),
            }
        }
    }

    /// `n` recipients like this one.
    fn add(&mut self, who: &Special, n: u64) {
        let candidate = Candidate {
            number: who.number,
            timezone: who.timezone.as_deref(),
            added_at: who.created_at,
            is_first: who.attempts == 0,
            is_suppressed: who.is_suppressed,
            history: who.calls.as_ref(),
            campaign: self.campaign.id.uuid(),
            call: None,
        };
        self.found.waiting += n;
        match self.campaign.terms().judge(&candidate, self.now) {
            Verdict::Call => {
                self.found.callable_now += n;
                self.place(who.number, who.timezone.as_deref(), n);
            }
            Verdict::Later { at, hold } => {
                let held = self.found.held.entry(hold).or_insert(Held { count: 0, first: at, last: at });
                held.count += n;
                (held.first, held.last) = (held.first.min(at), held.last.max(at));
                self.place(who.number, who.timezone.as_deref(), n);
            }
            Verdict::Never(disposition, reason) => {
                *self.found.ended.entry((disposition, reason)).or_default() += n
            }
        }
    }

    /// Those for whom no caller ID is left today wait for the next days.
    fn hold_beyond(&mut self, numbers: &PoolToday) {
        let (Some(left), Some(each_day)) = (numbers.left(), numbers.pool.each_day()) else { return };
        let beyond = self.found.callable_now.saturating_sub(left);
        if beyond == 0 {
            return;
        }
        self.found.callable_now -= beyond;
        let first = numbers.day.ends_at;
        let days = i64::try_from((beyond - 1) / each_day.max(1)).unwrap_or(i64::MAX);
        let last = TimeDelta::try_days(days).and_then(|days| first.checked_add_signed(days)).unwrap_or(first);
        self.found.held.insert(Hold::CallerId, Held { count: beyond, first, last });
    }

    fn place(&mut self, number: E164, timezone: Option<&str>, n: u64) {
        let zones = self.campaign.terms().zones(number, timezone);
        let name = zones.as_ref().map(Zones::to_string).unwrap_or_default();
        self.places.entry(name).or_insert(Group { zones, count: 0 }).count += n;
    }

    fn finish(mut self, lines: Limits) -> Preflight {
        let schedules = [&self.campaign.schedule, &self.campaign.floor.schedule];
        let groups: Vec<Group> = self.places.into_values().collect();
        let rate = tightest_rate(self.campaign, lines);
        let begin = self.campaign.start_at.map_or(self.now, |start| start.max(self.now));
        let finish = rate.and_then(|rate| forecast::finish(&groups, &schedules, rate, begin));
        let last_number = self.found.held.get(&Hold::CallerId).map(|held| held.last);
        self.found.expected_finish = finish.map(|finish| last_number.map_or(finish, |last| finish.max(last)));
        // As many calls at once as begin in the time that one takes.
        let seats = tightest_seats(self.campaign, lines);
        self.found.seconds_a_seat = seats.zip(rate).map(|(seats, rate)| f64::from(seats) / rate);
        for Group { zones, count } in groups {
            let Some(zones) = zones else { continue };
            let mut stretches = Vec::new();
            let mut from = next_open(&schedules, &zones, self.now);
            while let Some(open) = from.filter(|_| stretches.len() < STRETCHES) {
                let close = closes(&schedules, &zones, open);
                stretches.push((open, close));
                from = close.and_then(|close| next_open(&schedules, &zones, close));
            }
            let is_open = is_open(&schedules, &zones, self.now);
            self.found.zones.push(ZoneHours { zones, count, is_open, stretches });
        }
        self.found.zones.sort_by_key(|zone| std::cmp::Reverse(zone.count));
        self.found
    }
}

/// The seats of a campaign, where no limit of live calls lets fewer calls go.
fn tightest_seats(campaign: &Campaign, lines: Limits) -> Option<u32> {
    let live = [campaign.limits, campaign.floor.limits, lines];
    let least = live.iter().filter_map(|limits| limits.max_live_calls).min();
    campaign.seats.map(|seats| seats.count).filter(|count| least.is_none_or(|least| *count <= least))
}
