//! How many more calls may wait: of everybody together, and under each limit.

use std::collections::HashMap;

use ringfleet_core::{CampaignId, fair::Room, trunk::Limits};
use ringfleet_store::{Queue, Running};

/// The room there is, with so many calls that may wait for workers and these that wait already.
///
/// For workers waits what was never sent back. What was sent back waits for room under some limit, and counts there. Which limit it was
/// nobody noted; a campaign that has a tighter one of its own waits for that, and must not keep the others of its trunk from theirs.
pub(crate) fn room(calling: &[Running], queues: &HashMap<CampaignId, Queue>, capacity: u32) -> Room {
    let mut room = Room { all: capacity, ..Room::default() };
    for one in calling {
        let of_trunk = at_most(capacity, &one.trunk_limits);
        let of_workspace = at_most(u32::MAX, &one.floor.limits);
        let own =
            at_most(capacity, &one.limits).min(one.seats.map_or(u32::MAX, |seats| seats.most_dialing()));
        let (waiting, held) = queues.get(&one.id).map_or((0, 0), |queue| (queue.waiting, queue.held));
        let fresh = waiting.saturating_sub(held);
        let under = |limit: u32, tightest: u32| if tightest < limit { fresh } else { waiting };
        room.all = room.all.saturating_sub(fresh);
        let trunk = room.lines.entry(one.lines).or_insert(of_trunk);
        *trunk = trunk.saturating_sub(under(of_trunk, own));
        let workspace = room.workspaces.entry(one.workspace_id).or_insert(of_workspace);
        *workspace = workspace.saturating_sub(under(of_workspace, own.min(of_trunk)));
        room.campaigns.insert(one.id, own.min(of_trunk).min(of_workspace).saturating_sub(waiting));
    }
    room
}

/// How many calls under these limits may wait: enough to keep the pace, few enough that they do not wait long.
fn at_most(most: u32, limits: &Limits) -> u32 {
    most.min(limits.ahead())
}

#[cfg(test)]
mod tests {
    use ringfleet_core::{CampaignState, WorkspaceRules};

    use super::*;

    const NONE: Limits = Limits { calls_per_second: None, max_live_calls: None };

    fn limits(rate: Option<f64>, live: Option<u32>) -> Limits {
        Limits { calls_per_second: rate, max_live_calls: live }
    }

    fn id(n: u128) -> uuid::Uuid {
        uuid::Uuid::from_u128(n)
    }

    /// A campaign on the trunk of this number.
    fn calling(campaign: u128, trunk: u128, own: Limits, of_trunk: Limits, of_workspace: Limits) -> Running {
        Running {
            trunk_has_pool: false,
            id: id(campaign).into(),
            workspace_id: id(1).into(),
            state: CampaignState::InProgress,
            limits: own,
            seats: None,
            trunk_limits: of_trunk,
            floor: WorkspaceRules { limits: of_workspace, ..WorkspaceRules::default() },
            lines: id(trunk),
            has_group: false,
            weight: 1.0,
            has_messages: false,
            has_due: true,
        }
    }

    /// The queues of campaigns: waiting calls, and how many of them were sent back.
    fn queues(of: &[(u128, u32, u32)]) -> HashMap<CampaignId, Queue> {
        let queue =
            |&(n, waiting, held): &(u128, u32, u32)| Queue { campaign_id: id(n).into(), waiting, held };
        of.iter().map(queue).map(|queue| (queue.campaign_id, queue)).collect()
    }

    #[test]
    fn a_limit_allows_what_keeps_its_pace() {
        assert_eq!(at_most(1000, &NONE), 1000);
        assert_eq!(at_most(1000, &limits(Some(0.5), None)), 1);
        assert_eq!(at_most(1000, &limits(Some(30.0), Some(500))), 60);
        assert_eq!(at_most(1000, &limits(Some(300.0), Some(5))), 5);
        assert_eq!(at_most(0, &NONE), 0);
    }

    #[test]
    fn what_waits_already_takes_room_at_every_limit_above_it() {
        let (slow, lines) = (limits(Some(10.0), None), limits(None, Some(50)));
        let all = [calling(1, 1, NONE, slow, lines), calling(2, 1, NONE, slow, lines)];
        let room = room(&all, &queues(&[(1, 12, 0), (9, 5, 5)]), 100);
        assert_eq!(room.all, 88);
        assert_eq!(room.lines[&id(1)], 8, "for both together");
        assert_eq!(room.workspaces[&id(1).into()], 38);
        assert_eq!([1, 2].map(|n| room.campaigns[&id(n).into()]), [8, 20]);
    }

    #[test]
    fn what_waits_for_a_limit_of_its_own_is_not_in_the_way_of_others() {
        let (slow, narrow) = (limits(Some(10.0), None), limits(None, Some(1)));
        let all = [
            calling(1, 1, narrow, slow, NONE),
            calling(2, 1, NONE, slow, NONE),
            calling(3, 2, NONE, NONE, NONE),
        ];
        let room = room(&all, &queues(&[(1, 1, 1), (2, 6, 4), (3, 100, 100)]), 100);
        assert_eq!(room.lines[&id(1)], 14, "the second one waits for the trunk, the first for itself");
        assert_eq!([1, 2, 3].map(|n| room.campaigns[&id(n).into()]), [0, 14, 0]);
        assert_eq!(room.all, 98, "a hundred calls that a carrier sent back keep no worker busy");
    }
}
