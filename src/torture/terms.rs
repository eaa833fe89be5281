//! What the load and the operator asked for, and when each of it held.

use chrono::{DateTime, TimeDelta, Utc};
use ringfleet_core::{CampaignId, Caps, E164, Plan, trunk::Limits};
use ringfleet_store::Campaign;

use super::evidence::Evidence;

/// A process looks every 50 ms how wrong its clock is to be; on a busy machine later.
const NOTICED: TimeDelta = TimeDelta::seconds(2);

/// What a campaign was made with, beyond what the database says of it.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// From when (included) until when (excluded) its numbers may be called; none: always.
    pub hours: Option<Vec<(DateTime<Utc>, DateTime<Utc>)>>,
    /// Its own caps.
    pub caps: Caps,
}

/// A change of a campaign in mid-flight.
#[derive(Debug, Clone)]
pub struct Change {
    pub campaign: CampaignId,
    /// From then on the new terms may hold.
    pub asked: DateTime<Utc>,
    /// From then on the old ones do not.
    pub answered: DateTime<Utc>,
    pub before: Edited,
    pub after: Edited,
}

/// What of a campaign is changed in mid-flight.
#[derive(Debug, Clone, PartialEq)]
pub struct Edited {
    pub limits: Limits,
    pub plan: Plan,
}

/// A number that must not be called.
#[derive(Debug, Clone, Copy)]
pub struct Ban {
    pub number: E164,
    /// When that was answered.
    pub from: DateTime<Utc>,
}

/// From then on the calls of a campaign, which is not started again, are hung up.
#[derive(Debug, Clone, Copy)]
pub struct HangUp {
    pub campaign: CampaignId,
    pub asked: DateTime<Utc>,
}

/// The clock of some process was wrong.
#[derive(Debug, Clone, Copy)]
pub struct Shift {
    pub from: DateTime<Utc>,
    pub until: DateTime<Utc>,
    pub by: TimeDelta,
}

impl Evidence {
    /// Everything that held for a campaign at some moment from `from` to `to`: more than one during a change.
    fn held(&self, campaign: &Campaign, from: DateTime<Utc>, to: DateTime<Utc>) -> Vec<Edited> {
        let changes: Vec<&Change> = self.changes.iter().filter(|c| c.campaign == campaign.id).collect();
        let Some(first) = changes.first() else {
            return vec![Edited { limits: campaign.limits, plan: campaign.plan.clone() }];
        };
        let mut held = Vec::new();
        if from <= first.answered {
            held.push(first.before.clone());
        }
        for (nth, change) in changes.iter().enumerate() {
            let over = changes.get(nth + 1).map_or(DateTime::<Utc>::MAX_UTC, |next| next.answered);
            if change.asked <= to && from <= over {
                held.push(change.after.clone());
            }
        }
        held
    }

    /// The loosest limits that held for a campaign from `from` to `to`.
    pub fn limits_between(&self, campaign: &Campaign, from: DateTime<Utc>, to: DateTime<Utc>) -> Limits {
        let held = self.held(campaign, from, to).into_iter().map(|edited| edited.limits);
        held.reduce(looser).unwrap_or(campaign.limits)
    }

    /// The plans that held for a campaign from `from` to `to`.
    pub fn plans_between(&self, campaign: &Campaign, from: DateTime<Utc>, to: DateTime<Utc>) -> Vec<Plan> {
        self.held(campaign, from, to).into_iter().map(|edited| edited.plan).collect()
    }

    /// The earliest and the latest that a process may have taken for its time between `from` and `to`.
    pub fn believed(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> (DateTime<Utc>, DateTime<Utc>) {
        let shifts = self.shifts.iter().filter(|s| s.from <= to && from <= s.until + NOTICED);
        let (mut least, mut most) = (TimeDelta::zero(), TimeDelta::zero());
        for shift in shifts {
            (least, most) = (least.min(shift.by), most.max(shift.by));
        }
        (from + least, to + most)
    }
}

fn looser(one: Limits, other: Limits) -> Limits {
    Limits {
        calls_per_second: one.calls_per_second.zip(other.calls_per_second).map(|(a, b)| a.max(b)),
        max_live_calls: one.max_live_calls.zip(other.max_live_calls).map(|(a, b)| a.max(b)),
    }
}
