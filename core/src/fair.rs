//! Who may have the next calls when there is less room than work: workspaces take turns, within a workspace its trunks, and on a
//! trunk its campaigns, by weight.
//!
//! Deficit round robin (Shreedhar and Varghese, 1995) over a tree. Everybody who asks sits in a ring and is owed a part of a call with
//! each lap, as large as its weight beside the largest; whoever is owed a whole call takes it when its turn comes. What is owed is
//! carried over to the next round. So is the place in the ring: a room of one call goes round.
//!
//! A trunk counts as much as those of its campaigns together that can take calls now: with room for everybody that is the same as
//! campaigns by weight, and where a slow trunk is what holds them up, its own calls are shared by weight, whatever other campaigns of the
//! workspace do meanwhile. Whoever has no room now keeps what it is owed, and is owed no more; whoever has nobody to call is forgotten.

use std::collections::{HashMap, VecDeque};

use uuid::Uuid;

use crate::{CampaignId, TrunkId, WorkspaceId};

/// A campaign with somebody to call.
#[derive(Debug, Clone, Copy)]
pub struct Asking {
    /// Which.
    pub campaign: CampaignId,
    /// What places its calls.
    pub trunk: TrunkId,
    /// Its workspace.
    pub workspace: WorkspaceId,
    /// How much it gets beside the others of its workspace, more than 0.
    pub weight: f64,
}

/// How many more calls there is room for. Whoever is not listed has none.
#[derive(Debug, Clone, Default)]
pub struct Room {
    /// Of all together.
    pub all: u32,
    /// Of each workspace.
    pub workspaces: HashMap<WorkspaceId, u32>,
    /// Of each trunk.
    pub trunks: HashMap<TrunkId, u32>,
    /// Of each campaign.
    pub campaigns: HashMap<CampaignId, u32>,
}

/// What everybody is owed, from round to round.
#[derive(Debug)]
pub struct Fair(Sharer);

/// One round: who asks in it is settled.
#[derive(Debug)]
pub struct Round<'a>(&'a mut Sharer);

impl Default for Fair {
    fn default() -> Self {
        Self(Sharer::new(Uuid::nil(), Weight::OfAll))
    }
}

impl Fair {
    /// Begins a round with those who ask. Nothing is owed to anybody else any more.
    pub fn round(&mut self, asking: &[Asking]) -> Round<'_> {
        self.0.ask_again();
        for one in asking {
            let workspace = self.0.seat(one.workspace.uuid(), Weight::One);
            let trunk = workspace.seat(one.trunk.uuid(), Weight::OfAll);
            trunk.seat(one.campaign.uuid(), Weight::Own(one.weight));
        }
        self.0.forget_silent();
        Round(&mut self.0)
    }
}

impl Round<'_> {
    /// Deals what there is room for now: how many calls each campaign may take, none of them 0. It counts as taken; say with
    /// [`Round::took`] where it was not.
    pub fn deal(&mut self, room: &Room) -> Vec<(CampaignId, u32)> {
        self.0.room = room.all;
        for workspace in &mut self.0.ring {
            workspace.room = room.workspaces.get(&workspace.id.into()).copied().unwrap_or(0);
            for trunk in &mut workspace.ring {
                trunk.room = room.trunks.get(&trunk.id.into()).copied().unwrap_or(0);
                for campaign in &mut trunk.ring {
                    campaign.room = room.campaigns.get(&campaign.id.into()).copied().unwrap_or(0);
                }
            }
        }
        self.0.look();
        let mut quotas: Vec<(CampaignId, u32)> = Vec::new();
        let mut places = HashMap::new();
        while let Some(campaign) = self.0.take() {
            let place = *places.entry(campaign).or_insert_with(|| {
                quotas.push((campaign.into(), 0));
                quotas.len() - 1
            });
            quotas[place].1 += 1;
        }
        quotas
    }

    /// Says that a campaign that was dealt `quota` calls took `taken`. One that took less has nobody left to call and is out of this
    /// round: the next deal is among the others. One that took more pays for it.
    pub fn took(&mut self, asking: &Asking, quota: u32, taken: u32) {
        let path = [asking.workspace.uuid(), asking.trunk.uuid(), asking.campaign.uuid()];
        self.0.give_back(&path, f64::from(quota) - f64::from(taken));
        if taken < quota {
            self.0.leave(&path);
        }
    }
}

/// How much somebody counts in its ring.
#[derive(Debug, Clone, Copy)]
enum Weight {
    /// As much as any other.
    One,
    /// As much as those in its own ring that can take calls.
    OfAll,
    /// So much.
    Own(f64),
}

/// Everybody, a workspace, a trunk or a campaign, with a ring of those it consists of.
#[derive(Debug)]
struct Sharer {
    id: Uuid,
    weight: Weight,
    /// The one whose turn it is comes first. A campaign has none.
    ring: VecDeque<Sharer>,
    /// Calls owed to it; less than 0 where it took more than its share.
    owed: f64,
    room: u32,
    /// How much it counts now: its weight, or 0 when it can take nothing.
    counts: f64,
    asks: bool,
}

/// What counts as a whole call, for thirds do not add up to one.
const WHOLE: f64 = 1.0 - 1e-9;
/// With turns taken in time nobody is owed more. What comes on top was offered and not taken, and is forgotten with the round.
const MOST_OWED: f64 = 2.0;

impl Sharer {
    fn new(id: Uuid, weight: Weight) -> Self {
        Self { id, weight, ring: VecDeque::new(), owed: 0.0, room: 0, counts: 0.0, asks: true }
    }

    fn ask_again(&mut self) {
        self.asks = false;
        self.owed = self.owed.min(MOST_OWED);
        self.ring.iter_mut().for_each(Self::ask_again);
    }

    /// The one of this id, seated last in the ring when it is new.
    fn seat(&mut self, id: Uuid, weight: Weight) -> &mut Self {
        let place = self.ring.iter().position(|sharer| sharer.id == id).unwrap_or_else(|| {
            self.ring.push_back(Self::new(id, weight));
            self.ring.len() - 1
        });
        let sharer = &mut self.ring[place];
        (sharer.asks, sharer.weight) = (true, weight);
        sharer
    }

    fn forget_silent(&mut self) {
        self.ring.retain(|sharer| sharer.asks);
        self.ring.iter_mut().for_each(Self::forget_silent);
    }

    /// Finds out who can take calls, after room was set.
    fn look(&mut self) {
        self.ring.iter_mut().for_each(Self::look);
        self.weigh();
    }

    fn weigh(&mut self) {
        let inside: f64 = self.ring.iter().map(|sharer| sharer.counts).sum();
        self.counts = match self.weight {
            _ if self.room == 0 => 0.0,
            Weight::Own(weight) => weight,
            Weight::OfAll => inside,
            Weight::One => f64::from(u8::from(inside > 0.0)),
        };
    }

    /// Takes one call for the campaign whose turn it is, and gives its id.
    fn take(&mut self) -> Option<Uuid> {
        if self.counts == 0.0 {
            return None;
        }
        let taken = match self.weight {
            Weight::Own(_) => self.id,
            _ => {
                let next = self.next()?;
                let counted = next.counts;
                next.owed -= 1.0;
                let taken = next.take()?;
                let (changed, satisfied) = (next.counts != counted, next.owed < WHOLE);
                if satisfied {
                    self.ring.rotate_left(1);
                }
                if changed {
                    self.weigh();
                }
                taken
            }
        };
        self.room -= 1;
        if self.room == 0 {
            self.counts = 0.0;
        }
        Some(taken)
    }

    /// The one in the ring whose turn it is.
    fn next(&mut self) -> Option<&mut Self> {
        if !self.turn() {
            self.owe();
            self.turn();
        }
        self.ring.front_mut()
    }

    /// Turns the ring until somebody who can take calls and is owed one comes first; false when nobody is.
    fn turn(&mut self) -> bool {
        let mut can = self.ring.iter().map(|sharer| sharer.counts > 0.0 && sharer.owed >= WHOLE);
        let Some(place) = can.position(|can| can) else { return false };
        self.ring.rotate_left(place);
        true
    }

    /// As many laps as it takes until somebody is owed a call.
    fn owe(&mut self) {
        let open = || self.ring.iter().filter(|sharer| sharer.counts > 0.0);
        let most = open().map(|sharer| sharer.counts).fold(0.0, f64::max);
        let laps = |sharer: &Self| ((WHOLE - sharer.owed) / (sharer.counts / most)).ceil();
        let laps = open().map(laps).fold(f64::INFINITY, f64::min);
        for sharer in self.ring.iter_mut().filter(|sharer| sharer.counts > 0.0) {
            sharer.owed += laps * sharer.counts / most;
        }
    }

    fn give_back(&mut self, path: &[Uuid], calls: f64) {
        let Some((id, rest)) = path.split_first() else { return };
        if let Some(sharer) = self.ring.iter_mut().find(|sharer| sharer.id == *id) {
            sharer.owed += calls;
            sharer.give_back(rest, calls);
        }
    }

    /// Takes the one at the end of the path out of its ring, and those whom that leaves empty.
    fn leave(&mut self, path: &[Uuid]) {
        let Some((id, rest)) = path.split_first() else { return };
        let Some(place) = self.ring.iter().position(|sharer| sharer.id == *id) else { return };
        self.ring[place].leave(rest);
        if self.ring[place].ring.is_empty() {
            self.ring.remove(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    const PLENTY: u32 = 1_000_000;

    /// A campaign by the numbers of its workspace, its trunk there, and its own on it.
    fn asking(workspace: u128, trunk: u128, campaign: u128, weight: f64) -> Asking {
        let trunk = workspace * 100 + trunk;
        let id = Uuid::from_u128;
        Asking {
            campaign: id(trunk * 100 + campaign).into(),
            trunk: id(trunk).into(),
            workspace: id(workspace).into(),
            weight,
        }
    }

    /// So much in all, and plenty under each limit.
    fn room(asking: &[Asking], all: u32) -> Room {
        Room {
            all,
            workspaces: asking.iter().map(|a| (a.workspace, PLENTY)).collect(),
            trunks: asking.iter().map(|a| (a.trunk, PLENTY)).collect(),
            campaigns: asking.iter().map(|a| (a.campaign, PLENTY)).collect(),
        }
    }

    /// How many calls those got whom `of` tells apart.
    fn sums<K: std::hash::Hash + Eq>(
        quotas: &[(CampaignId, u32)],
        asking: &[Asking],
        of: impl Fn(&Asking) -> K,
    ) -> HashMap<K, u32> {
        let mut sums: HashMap<K, u32> = asking.iter().map(|a| (of(a), 0)).collect();
        let by_id: HashMap<CampaignId, &Asking> = asking.iter().map(|a| (a.campaign, a)).collect();
        for (campaign, n) in quotas {
            *sums.entry(of(by_id[campaign])).or_default() += n;
        }
        sums
    }

    /// Workspaces with their trunks with the weights of their campaigns.
    fn everybody() -> impl Strategy<Value = Vec<Asking>> {
        let weight = prop_oneof![Just(1.0), 0.1..=100.0];
        vec(vec(vec(weight, 1..5), 1..4), 1..5).prop_map(|workspaces| {
            let mut all = Vec::new();
            for (w, trunks) in (1..).zip(workspaces) {
                for (t, weights) in (1..).zip(trunks) {
                    all.extend((1..).zip(weights).map(|(c, weight)| asking(w, t, c, weight)));
                }
            }
            all
        })
    }

    /// With everybody backlogged: the calls of each in so many rounds with these rooms.
    fn rounds(fair: &mut Fair, asking: &[Asking], rooms: &[u32]) -> Vec<(CampaignId, u32)> {
        let mut room = room(asking, 0);
        let mut round = |all: &u32| {
            room.all = *all;
            fair.round(asking).deal(&room)
        };
        rooms.iter().flat_map(&mut round).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn workspaces_get_the_same_and_campaigns_by_weight(asking in everybody(), rooms in vec(0u32..60, 1..100)) {
            let calls = rounds(&mut Fair::default(), &asking, &rooms);
            let workspaces = sums(&calls, &asking, |a| a.workspace);
            prop_assert_eq!(workspaces.values().sum::<u32>(), rooms.iter().sum::<u32>());
            let (least, most) = (workspaces.values().min().unwrap(), workspaces.values().max().unwrap());
            prop_assert!(most - least <= 1, "{:?}", workspaces);
            // Measured in laps, two on one trunk are less than two calls of the heavier one apart, and so are two trunks.
            let campaigns = sums(&calls, &asking, |a| a.campaign);
            let trunks = sums(&calls, &asking, |a| a.trunk);
            let heavy = |trunk| asking.iter().filter(|a| a.trunk == trunk).map(|a| a.weight).sum::<f64>();
            let near = |(a, weight): (u32, f64), (b, other): (u32, f64)| {
                (f64::from(a) * other - f64::from(b) * weight).abs() <= 2.0 * weight.max(other)
            };
            for (a, b) in asking.iter().flat_map(|a| asking.iter().map(move |b| (a, b))) {
                if a.trunk == b.trunk {
                    prop_assert!(near((campaigns[&a.campaign], a.weight), (campaigns[&b.campaign], b.weight)));
                }
                if a.workspace == b.workspace {
                    prop_assert!(near((trunks[&a.trunk], heavy(a.trunk)), (trunks[&b.trunk], heavy(b.trunk))));
                }
            }
        }

        #[test]
        fn nobody_starves_with_a_room_of_one(asking in everybody(), lightest in 0.1f64..=1.0) {
            // Weights near one another, so that a turn of everybody is short.
            let near = |weight: f64| weight.clamp(lightest, 1.0);
            let asking: Vec<_> = asking.into_iter().map(|a| Asking { weight: near(a.weight), ..a }).collect();
            let heavy: f64 = asking.iter().map(|a| a.weight).sum();
            // Every fourth call is its workspace's at least, and of those its part by weight; two laps to begin with.
            let enough = 8.0 * (heavy / lightest + asking.len() as f64);
            let calls = rounds(&mut Fair::default(), &asking, &vec![1; enough as usize]);
            let campaigns = sums(&calls, &asking, |a| a.campaign);
            prop_assert!(campaigns.values().all(|n| *n > 0), "{:?} of {}", campaigns, enough);
        }

        #[test]
        fn no_room_is_exceeded_and_none_is_left_that_somebody_could_use(
            asking in everybody(),
            rooms in vec((0u32..40, vec(0u32..20, 80)), 1..20),
        ) {
            let mut fair = Fair::default();
            for (all, limits) in rooms {
                let limit = |n: usize| limits[n % limits.len()];
                let given = Room {
                    all,
                    workspaces: asking.iter().map(|a| (a.workspace, limit(a.workspace.uuid().as_u128() as usize))).collect(),
                    trunks: asking.iter().map(|a| (a.trunk, limit(a.trunk.uuid().as_u128() as usize * 7))).collect(),
                    campaigns: asking.iter().enumerate().map(|(i, a)| (a.campaign, limit(i * 3))).collect(),
                };
                let quotas = fair.round(&asking).deal(&given);
                prop_assert!(quotas.iter().all(|(_, n)| *n > 0));
                let campaigns = sums(&quotas, &asking, |a| a.campaign);
                let trunks = sums(&quotas, &asking, |a| a.trunk);
                let workspaces = sums(&quotas, &asking, |a| a.workspace);
                let dealt: u32 = campaigns.values().sum();
                prop_assert!(dealt <= all);
                for a in &asking {
                    let left = [
                        all - dealt,
                        given.campaigns[&a.campaign].checked_sub(campaigns[&a.campaign]).unwrap(),
                        given.trunks[&a.trunk].checked_sub(trunks[&a.trunk]).unwrap(),
                        given.workspaces[&a.workspace].checked_sub(workspaces[&a.workspace]).unwrap(),
                    ];
                    prop_assert!(left.contains(&0), "{a:?} could have had more: {left:?}");
                }
            }
        }

        #[test]
        fn low_ids_are_not_favoured(asking in everybody(), rooms in vec(0u32..20, 1..60)) {
            let there = rounds(&mut Fair::default(), &asking, &rooms);
            let turned: Vec<Asking> = asking.iter().rev().copied().collect();
            let back = rounds(&mut Fair::default(), &turned, &rooms);
            let (there, back) = (sums(&there, &asking, |a| a.workspace), sums(&back, &asking, |a| a.workspace));
            prop_assert!(there.iter().all(|(workspace, n)| n.abs_diff(back[workspace]) <= 1));
        }
    }

    #[test]
    fn what_nobody_is_due_for_goes_to_the_others_in_the_same_round() {
        let all = [asking(1, 1, 1, 1.0), asking(1, 1, 2, 1.0), asking(2, 1, 1, 1.0)];
        let mut fair = Fair::default();
        let mut totals = [0; 3];
        for _ in 0..10 {
            let mut round = fair.round(&all);
            let first = sums(&round.deal(&room(&all, 12)), &all, |a| a.campaign);
            assert_eq!(all.map(|a| first[&a.campaign]), [3, 3, 6]);
            round.took(&all[0], 3, 0);
            let second = sums(&round.deal(&room(&all, 3)), &all, |a| a.campaign);
            assert_eq!(all.map(|a| second[&a.campaign]), [0, 3, 0], "it is still its workspace's");
            all.iter().zip(&mut totals).for_each(|(a, n)| *n += first[&a.campaign] + second[&a.campaign]);
        }
        assert_eq!(totals, [30, 60, 60]);
        // It saved up nothing meanwhile.
        let calls = sums(&fair.round(&all).deal(&room(&all, 12)), &all, |a| a.campaign);
        assert_eq!(all.map(|a| calls[&a.campaign]), [3, 3, 6]);
    }

    #[test]
    fn whoever_took_more_pays_for_it() {
        let all = [asking(1, 1, 1, 1.0), asking(2, 1, 1, 1.0)];
        let mut fair = Fair::default();
        let mut round = fair.round(&all);
        assert_eq!(round.deal(&room(&all, 10)).len(), 2);
        round.took(&all[0], 5, 9);
        let calls = sums(&fair.round(&all).deal(&room(&all, 10)), &all, |a| a.workspace);
        assert_eq!(all.map(|a| calls[&a.workspace]), [3, 7]);
    }

    #[test]
    fn a_slow_trunk_is_shared_by_weight_whatever_goes_on_beside_it() {
        let all = [asking(1, 1, 1, 1.0), asking(1, 1, 2, 3.0), asking(1, 2, 1, 1.0), asking(2, 1, 1, 1.0)];
        let mut fair = Fair::default();
        let mut calls = Vec::new();
        for n in 0..400 {
            // It has room for one call in every other round.
            let mut room = room(&all, 20);
            room.trunks.insert(all[0].trunk, n % 2);
            calls.extend(fair.round(&all).deal(&room));
        }
        let calls = sums(&calls, &all, |a| a.campaign);
        assert_eq!(all.map(|a| calls[&a.campaign]), [50, 150, 3800, 4000]);
    }
}
