//! How often one number may be called, across all campaigns of a workspace.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Caps of a workspace or a campaign; none leaves it to the other, and on the workspace to [`Caps::DEFAULT`].
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Caps {
    /// Least time between a call of this campaign and one of another to the same number, in minutes; 0 is none. Between
    /// its own attempts a campaign keeps the delays of its plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_gap_minutes: Option<f64>,
    /// Most calls to one number in any 24 hours, of all campaigns.
    #[serde(rename = "maxPer24h", skip_serializing_if = "Option::is_none")]
    pub max_per_24h: Option<u32>,
    /// Most calls to one number in any 7 days, of all campaigns.
    #[serde(rename = "maxPer7d", skip_serializing_if = "Option::is_none")]
    pub max_per_7d: Option<u32>,
}

impl Caps {
    /// What holds where a workspace says nothing: an hour between campaigns, three calls in 24 hours.
    pub const DEFAULT: Self = Self { min_gap_minutes: Some(60.0), max_per_24h: Some(3), max_per_7d: None };

    /// The first broken rule: the field and what would be right.
    pub fn validate(&self) -> Result<(), (&'static str, &'static str)> {
        if self.min_gap_minutes.is_some_and(|n| !(0.0..=10_080.0).contains(&n)) {
            return Err(("caps.minGapMinutes", "must be 0 to 10080"));
        }
        if self.max_per_24h.is_some_and(|n| !(1..=100).contains(&n)) {
            return Err(("caps.maxPer24h", "must be 1 to 100"));
        }
        if self.max_per_7d.is_some_and(|n| !(1..=100).contains(&n)) {
            return Err(("caps.maxPer7d", "must be 1 to 100"));
        }
        Ok(())
    }

    /// The workspace's caps, with the defaults where it says nothing, made tighter by those of a campaign.
    pub fn under(self, workspace: &Self) -> Self {
        let floor = |set: Option<u32>, default: Option<u32>| set.or(default);
        let least = |a: Option<u32>, b: Option<u32>| a.into_iter().chain(b).min();
        let gap = workspace.min_gap_minutes.or(Self::DEFAULT.min_gap_minutes);
        Self {
            min_gap_minutes: self.min_gap_minutes.into_iter().chain(gap).reduce(f64::max),
            max_per_24h: least(self.max_per_24h, floor(workspace.max_per_24h, Self::DEFAULT.max_per_24h)),
            max_per_7d: least(self.max_per_7d, floor(workspace.max_per_7d, Self::DEFAULT.max_per_7d)),
        }
    }
}

/// A call that was begun to a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// Which call.
    #[serde(rename = "c", with = "uuid::serde::simple")]
    pub call: Uuid,
    /// Its campaign; none for a single call.
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    pub campaign: Option<Uuid>,
    /// When it began, in milliseconds since 1970.
    #[serde(rename = "t")]
    pub at: i64,
}

/// The calls of the last days to one number, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct History(Vec<Stamp>);

const DAY: i64 = 86_400_000;

impl History {
    /// The calls, oldest first.
    pub fn calls(&self) -> &[Stamp] {
        &self.0
    }

    /// From when on the caps allow another call, which is `call` of `campaign`; none when they allow it at `now`.
    ///
    /// What this call itself left behind does not count: it comes back after its carrier had no room.
    pub fn free_from(
        &self,
        caps: &Caps,
        campaign: Option<Uuid>,
        call: Option<Uuid>,
        now: DateTime<Utc>,
    ) -> Option<DateTime<Utc>> {
        let others = || self.0.iter().filter(|stamp| Some(stamp.call) != call);
        let elsewhere = others().filter(|stamp| stamp.campaign.is_none() || stamp.campaign != campaign);
        let gap = (caps.min_gap_minutes.unwrap_or(0.0) * 60_000.0) as i64;
        let after_gap = elsewhere.map(|stamp| stamp.at + gap).max();
        // The n-th call counted from the newest has to be out of the period.
        let after_cap = |most: Option<u32>, period: i64| {
            let nth = others().rev().nth((most? as usize).checked_sub(1)?)?;
            Some(nth.at + period)
        };
        let free = after_gap
            .into_iter()
            .chain(after_cap(caps.max_per_24h, DAY))
            .chain(after_cap(caps.max_per_7d, 7 * DAY))
            .max()?;
        let free = DateTime::from_timestamp_millis(free)?;
        (free > now).then_some(free)
    }

    /// When another campaign, or a single call, last called this number.
    pub fn last_elsewhere(&self, campaign: Uuid) -> Option<DateTime<Utc>> {
        let last = self.0.iter().rev().find(|stamp| stamp.campaign != Some(campaign))?;
        DateTime::from_timestamp_millis(last.at)
    }

    /// Notes a call that begins. What no cap looks at any more is forgotten, but not the last call of each of two campaigns.
    pub fn note(&mut self, stamp: Stamp) {
        self.0.retain(|known| known.call != stamp.call);
        self.0.push(stamp);
        self.0.sort_by_key(|stamp| stamp.at);
        let week_ago = stamp.at - TimeDelta::days(7).num_milliseconds();
        let newest = self.0.last().and_then(|last| last.campaign);
        let elsewhere = self.0.iter().rposition(|stamp| stamp.campaign != newest);
        let last = self.0.len() - 1;
        let mut index = 0;
        self.0.retain(|stamp| {
            let keep = stamp.at > week_ago || index == last || Some(index) == elsewhere;
            index += 1;
            keep
        });
    }

    /// A call that reached nobody's phone after all. False when it was not known.
    pub fn forget(&mut self, call: Uuid) -> bool {
        let before = self.0.len();
        self.0.retain(|stamp| stamp.call != call);
        self.0.len() < before
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const START: i64 = 1_700_000_000_000;

    fn moment(minute: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(START + minute * 60_000).unwrap()
    }

    fn id(n: u128) -> Uuid {
        Uuid::from_u128(n)
    }

    fn stamp(call: u128, campaign: u128, minute: i64) -> Stamp {
        Stamp { call: id(call), campaign: Some(id(campaign)), at: moment(minute).timestamp_millis() }
    }

    fn history(stamps: &[Stamp]) -> History {
        let mut history = History::default();
        stamps.iter().for_each(|stamp| history.note(*stamp));
        history
    }

    #[test]
    fn a_campaign_can_only_make_the_workspaces_caps_tighter() {
        let caps = |gap, day, week| Caps { min_gap_minutes: gap, max_per_24h: day, max_per_7d: week };
        let none = Caps::default();
        assert_eq!(none.under(&none), Caps::DEFAULT);
        let workspace = caps(Some(0.0), Some(10), Some(20));
        assert_eq!(none.under(&workspace), workspace);
        assert_eq!(
            caps(Some(30.0), Some(50), Some(5)).under(&workspace),
            caps(Some(30.0), Some(10), Some(5))
        );
        assert_eq!(caps(Some(5.0), Some(9), None).under(&none), caps(Some(60.0), Some(3), None));
    }

    #[test]
    fn the_gap_is_kept_from_other_campaigns_and_single_calls_but_not_from_ones_own() {
        let free = |stamps: &[Stamp], minute| {
            history(stamps).free_from(&Caps::DEFAULT, Some(id(1)), None, moment(minute))
        };
        assert_eq!(free(&[stamp(10, 2, 0)], 59), Some(moment(60)));
        assert_eq!(free(&[stamp(10, 2, 0)], 60), None);
        assert_eq!(free(&[stamp(10, 1, 0)], 1), None);
        assert_eq!(free(&[Stamp { campaign: None, ..stamp(10, 1, 0) }], 1), Some(moment(60)));
        assert_eq!(free(&[stamp(10, 2, 0), stamp(11, 1, 30)], 31), Some(moment(60)));
    }

    #[test]
    fn the_fourth_call_waits_until_the_first_is_a_day_old_and_a_call_that_comes_back_is_no_second_one() {
        let three = history(&[stamp(10, 1, 0), stamp(11, 1, 10), stamp(12, 1, 20)]);
        let day = 24 * 60;
        assert_eq!(three.free_from(&Caps::DEFAULT, Some(id(1)), Some(id(13)), moment(30)), Some(moment(day)));
        assert_eq!(three.free_from(&Caps::DEFAULT, Some(id(1)), Some(id(13)), moment(day)), None);
        assert_eq!(three.free_from(&Caps::DEFAULT, Some(id(1)), Some(id(12)), moment(30)), None);
        let mut forgotten = three.clone();
        forgotten.forget(id(11));
        assert_eq!(forgotten.free_from(&Caps::DEFAULT, Some(id(1)), Some(id(13)), moment(30)), None);
    }

    #[test]
    fn the_last_call_elsewhere_is_remembered_for_as_long_as_it_takes() {
        let year = 365 * 24 * 60;
        let mut history = history(&[stamp(10, 2, 0), stamp(11, 1, 1), stamp(12, 1, 2)]);
        history.note(stamp(13, 1, year));
        assert_eq!(history.last_elsewhere(id(1)), Some(moment(0)));
        assert_eq!(history.last_elsewhere(id(2)), Some(moment(year)));
        assert_eq!(history.0.len(), 2, "what no rule looks at is forgotten: {history:?}");
        assert_eq!(
            serde_json::from_value::<History>(serde_json::to_value(&history).unwrap()).unwrap(),
            history
        );
    }

    proptest! {
        /// Whoever asks before each call, at whatever times, never breaks a cap.
        #[test]
        fn no_period_ever_holds_more_calls_than_its_cap(
            waits in proptest::collection::vec((0i64..900, 0u128..3), 1..60),
            day in 1u32..5,
            week in 1u32..12,
        ) {
            let caps = Caps { min_gap_minutes: Some(45.0), max_per_24h: Some(day), max_per_7d: Some(week) };
            let (mut known, mut made, mut minute) = (History::default(), Vec::<(i64, u128)>::new(), 0);
            for (n, (wait, campaign)) in waits.into_iter().enumerate() {
                minute += wait;
                let call = id(100 + n as u128);
                match known.free_from(&caps, Some(id(campaign)), Some(call), moment(minute)) {
                    Some(later) => prop_assert!(later > moment(minute)),
                    None => {
                        made.push((minute, campaign));
                        known.note(Stamp { call, campaign: Some(id(campaign)), at: moment(minute).timestamp_millis() });
                    }
                }
            }
            let within = |at: i64, minutes: i64| made.iter().filter(|m| m.0 <= at && m.0 > at - minutes).count();
            for &(at, campaign) in &made {
                prop_assert!(within(at, 1_440) <= day as usize && within(at, 10_080) <= week as usize);
                let close = |m: &&(i64, u128)| m.1 != campaign && (m.0 - at).abs() < 45;
                prop_assert!(made.iter().find(close).is_none());
            }
        }
    }
}
