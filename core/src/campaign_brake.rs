//! The brake of a campaign: too many of its last calls FAILED, so it stops before it burns its list.
//!
//! Each call of a campaign that is over has a position, counted from 1. What is kept is where the last failures stood: so many of
//! the last calls FAILED as stand less than that many positions back. Calls that went well cost nothing but their count.

use serde::{Deserialize, Serialize};

use crate::text_enum::text_enum;

text_enum! {
    /// What a campaign becomes that is braked.
    pub enum Then {
        /// It can be resumed.
        Paused => "PAUSED",
        /// It is over.
        Failed => "FAILED",
    }
}

/// When a campaign stops by itself.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct BrakeRule {
    /// It stops when more than this share of the last `calls` FAILED, 0.01 to 1; with 1 it never does.
    pub share: f64,
    /// So many calls are looked at, 5 to 500.
    pub calls: u32,
    /// What it becomes.
    pub then: Then,
}

impl Default for BrakeRule {
    fn default() -> Self {
        Self { share: 0.5, calls: 50, then: Then::Paused }
    }
}

impl BrakeRule {
    /// The first broken rule: the field and what would be right.
    pub fn validate(&self) -> Result<(), (&'static str, &'static str)> {
        if !(0.01..=1.0).contains(&self.share) {
            return Err(("brake.share", "must be 0.01 to 1; with 1 the campaign is never stopped"));
        }
        if !(5..=500).contains(&self.calls) {
            return Err(("brake.calls", "must be 5 to 500"));
        }
        Ok(())
    }

    /// The failure at `position` joins the last ones in `failures`. Gives how many of the last calls FAILED, if that is too many.
    pub fn add(&self, failures: &mut Vec<i64>, position: i64) -> Option<usize> {
        failures.push(position);
        failures.retain(|&failure| failure > position - i64::from(self.calls));
        (failures.len() > self.allowed()).then_some(failures.len())
    }

    /// Most failures among the last calls.
    fn allowed(&self) -> usize {
        // The hair's breadth keeps 0.3 of 10 at 3, whatever the processor makes of it.
        (self.share * f64::from(self.calls) + 1e-9) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rule(share: f64, calls: u32) -> BrakeRule {
        BrakeRule { share, calls, then: Then::Paused }
    }

    #[test]
    fn more_than_the_share_and_not_just_as_many() {
        let (mut failures, rule) = (Vec::new(), rule(0.3, 10));
        assert_eq!([1, 2, 3].map(|at| rule.add(&mut failures, at)), [None; 3]);
        assert_eq!(rule.add(&mut failures, 10), Some(4));
        let mut failures = vec![1, 2, 3];
        assert_eq!(rule.add(&mut failures, 11), None, "the first one is eleven calls back");
        let mut all = Vec::new();
        assert!((1..1_000).all(|at| BrakeRule { share: 1.0, ..rule }.add(&mut all, at).is_none()));
    }

    #[test]
    fn the_default_looks_at_fifty_calls_and_fits_its_bounds() {
        assert_eq!(BrakeRule::default().validate(), Ok(()));
        assert_eq!(serde_json::from_str::<BrakeRule>("{}").unwrap(), BrakeRule::default());
        for (share, calls, field) in
            [(0.0, 50, "brake.share"), (1.1, 50, "brake.share"), (0.5, 4, "brake.calls")]
        {
            assert_eq!(rule(share, calls).validate().unwrap_err().0, field);
        }
        assert!(rule(f64::NAN, 50).validate().is_err());
    }

    proptest! {
        /// The same as looking back over all calls, after each of them.
        #[test]
        fn equal_to_looking_back(calls in proptest::collection::vec(any::<bool>(), 1..300), share in 0.01f64..=1.0, of in 5u32..60) {
            let (rule, mut failures) = (rule(share, of), Vec::new());
            for (at, &failed) in calls.iter().enumerate().filter(|(_, failed)| **failed) {
                let last = &calls[(at + 1).saturating_sub(of as usize)..=at];
                let n = last.iter().filter(|failed| **failed).count();
                let braked = rule.add(&mut failures, at as i64 + 1);
                prop_assert!(failed && failures.len() <= of as usize);
                prop_assert_eq!(braked, (n as f64 > share * f64::from(of) + 1e-9).then_some(n));
            }
        }
    }
}
