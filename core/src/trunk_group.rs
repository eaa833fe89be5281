//! Trunks that stand in for each other: which one places the next call.

use serde::{Deserialize, Serialize};

use crate::TrunkId;

/// Most trunks of a group.
pub const MOST_MEMBERS: usize = 50;

/// A trunk in a group.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Member {
    /// Which trunk.
    pub trunk_id: TrunkId,
    /// The lowest number goes first; the others only when all of that number rest or are full. 0 to 1,000.
    #[serde(default)]
    pub priority: u32,
    /// Its part of the calls among those of the same priority, 1 to 1,000.
    #[serde(default = "one")]
    pub weight: u32,
}

fn one() -> u32 {
    1
}

/// The first broken rule of a group: the field and what would be right.
pub fn validate(members: &[Member]) -> Result<(), (String, &'static str)> {
    if !(1..=MOST_MEMBERS).contains(&members.len()) {
        return Err(("members".into(), "must be 1 to 50 trunks"));
    }
    for (i, member) in members.iter().enumerate() {
        let refuse = |field: &str, problem| Err((format!("members[{i}].{field}"), problem));
        if member.priority > 1_000 {
            return refuse("priority", "must be 0 to 1000");
        }
        if !(1..=1_000).contains(&member.weight) {
            return refuse("weight", "must be 1 to 1000");
        }
        if members[..i].iter().any(|other| other.trunk_id == member.trunk_id) {
            return refuse("trunkId", "is in the group already; name each trunk once");
        }
    }
    Ok(())
}

/// The trunks of the next `n` calls, of those that are `open`, each with the room it has: those of the lowest number by weight, and the
/// next ones when they are full. Fewer than `n` when all are. `start`, any number, is where the wheel stands; over many starts each trunk
/// gets its part, and within one row none is ahead of its part by more than a few calls.
pub fn deal(open: &[(Member, u32)], n: usize, start: u64) -> Vec<TrunkId> {
    let mut left = open.to_vec();
    left.sort_by_key(|(member, _)| member.priority);
    let mut dealt = Vec::with_capacity(n);
    let mut turn = start;
    while dealt.len() < n {
        left.retain(|(_, room)| *room > 0);
        let Some((first, _)) = left.first() else { break };
        let tier = left.partition_point(|(member, _)| member.priority <= first.priority);
        let Some((member, room)) = hit(&mut left[..tier], turn) else { break };
        dealt.push(member.trunk_id);
        *room -= 1;
        turn = turn.wrapping_add(GOLDEN);
    }
    dealt
}

// Steps of the golden ratio fall on a circle more evenly than any others (Weyl's criterion; Knuth, TAOCP 3, 6.4).
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// The one whose part of the wheel `turn` falls on.
fn hit(tier: &mut [(Member, u32)], turn: u64) -> Option<&mut (Member, u32)> {
    let whole: u64 = tier.iter().map(|(member, _)| u64::from(member.weight)).sum();
    let mut point = ((u128::from(turn) * u128::from(whole)) >> 64) as u64;
    tier.iter_mut().find(|(member, _)| {
        let weight = u64::from(member.weight);
        let hit = point < weight;
        point = point.saturating_sub(weight);
        hit
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use uuid::Uuid;

    fn trunk(n: usize) -> TrunkId {
        Uuid::from_u128(n as u128).into()
    }

    fn members(of: &[(u32, u32)]) -> Vec<Member> {
        let member =
            |(n, &(priority, weight)): (usize, &(u32, u32))| Member { trunk_id: trunk(n), priority, weight };
        of.iter().enumerate().map(member).collect()
    }

    fn roomy(members: Vec<Member>) -> Vec<(Member, u32)> {
        members.into_iter().map(|member| (member, u32::MAX)).collect()
    }

    #[test]
    fn the_lowest_number_goes_first_and_the_next_when_it_rests_or_is_full() {
        let group = members(&[(2, 1), (1, 1), (1, 1), (7, 1)]);
        let dealt = |rooms: [u32; 4]| {
            let open: Vec<(Member, u32)> = group.iter().copied().zip(rooms).collect();
            let dealt = deal(&open, 10, 5);
            [0, 1, 2, 3].map(|n| dealt.iter().filter(|&&id| id == trunk(n)).count())
        };
        assert_eq!(dealt([50, 50, 50, 50]), [0, 5, 5, 0]);
        assert_eq!(dealt([50, 50, 0, 50]), [0, 10, 0, 0]);
        assert_eq!(dealt([50, 1, 2, 50]), [7, 1, 2, 0]);
        assert_eq!(dealt([3, 1, 2, 1]), [3, 1, 2, 1]);
        assert_eq!(dealt([0; 4]), [0; 4]);
        assert!(deal(&[], 5, 7).is_empty());
    }

    #[test]
    fn a_group_has_bounds() {
        assert_eq!(validate(&members(&[(0, 1), (1_000, 1_000)])), Ok(()));
        let field = |of: &[(u32, u32)]| validate(&members(of)).unwrap_err().0;
        assert_eq!(field(&[]), "members");
        assert_eq!(field(&[(0, 1), (1_001, 1)]), "members[1].priority");
        assert_eq!([field(&[(0, 0)]), field(&[(0, 1_001)])], ["members[0].weight", "members[0].weight"]);
        let twice = [members(&[(0, 1)])[0]; 2];
        assert_eq!(validate(&twice).unwrap_err().0, "members[1].trunkId");
    }

    #[test]
    fn single_calls_come_out_by_weight_as_well() {
        let group = roomy(members(&[(0, 1), (0, 3)]));
        let starts = (0..40_000u64).map(|i| i.wrapping_mul(0xD134_2543_DE82_EF95));
        let n = starts.filter(|&start| deal(&group, 1, start) == [trunk(1)]).count();
        assert!((29_000..31_000).contains(&n), "{n} of 40000");
    }

    proptest! {
        /// In one row each trunk gets its part, give or take a few calls.
        #[test]
        fn shares_come_out_as_weights(weights in proptest::collection::vec(1u32..=1_000, 1..8), n in 1usize..2_000, start in any::<u64>()) {
            let group = roomy(members(&weights.iter().map(|&weight| (0, weight)).collect::<Vec<_>>()));
            let row = deal(&group, n, start);
            prop_assert_eq!(row.len(), n);
            let whole: u32 = weights.iter().sum();
            for (i, weight) in weights.into_iter().enumerate() {
                let got = row.iter().filter(|&&id| id == trunk(i)).count() as f64;
                let part = n as f64 * f64::from(weight) / f64::from(whole);
                prop_assert!((got - part).abs() < 6.0, "{} of {}, its part is {}", got, n, part);
            }
        }
    }
}
