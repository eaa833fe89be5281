//! Who may have the next calls when there is less room than work: workspaces take turns, within a workspace its trunks and groups of
//! trunks, and on those their campaigns, by weight.
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

use crate::{CampaignId, WorkspaceId};

/// A campaign with somebody to call.
#[derive(Debug, Clone, Copy)]
pub struct Asking {
    /// Which.
    pub campaign: CampaignId,
    /// What places its calls: a trunk, or a group of them.
    pub lines: Uuid,
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
    /// Of each trunk, or group of them.
    pub lines: HashMap<Uuid, u32>,
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
            let workspace = self.0.place(one.workspace.uuid(), Weight::One);
            let trunk = workspace.place(one.lines, Weight::OfAll);
            trunk.place(one.campaign.uuid(), Weight::Own(one.weight));
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
                trunk.room = room.lines.get(&trunk.id).copied().unwrap_or(0);
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
        let path = [asking.workspace.uuid(), asking.lines, asking.campaign.uuid()];
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

    /// The one of this id, placed last in the ring when it is new.
    fn place(&mut self, id: Uuid, weight: Weight) -> &mut Self {
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
mod tests;
