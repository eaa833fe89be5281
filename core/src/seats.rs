//! Seats: the agents of a campaign who can talk at once, how many calls are placed for those of them that are free, and the brake that
//! slows this down when people pick up and nobody is there.
//!
//! A call is *abandoned* when somebody picks up and no seat is free at that moment: it is hung up. In the United States at most 3 % of
//! the calls that a person answers may be, for each campaign and each 30 days of it, and a call counts that is not connected to an agent within
//! two seconds of the person's greeting (FTC, Telemarketing Sales Rule, 16 CFR 310.4(b)(1)(iv) and (b)(4)(i)). Ofcom tolerated 3 % of live
//! calls over each 24 hours until its statement of policy of 1 March 2017, which tolerates none. Days are too long for a dialer, which has to
//! slow down at once, so the brake looks at the last answers.
//!
//! Whether a machine has picked up is known too late for a seat. So answers that turn out to be machines are counted among the answers, and the share
//! is lower than that of the people.

use serde::{Deserialize, Serialize};

/// The agents of a campaign, and how many calls are placed for each that is free.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Seats {
    /// How many can talk at once, 1 to 10,000.
    pub count: u32,
    /// Calls placed and not answered for each free seat, 1 to 10; with 1 no call is ever abandoned.
    #[serde(default = "one")]
    pub call_ratio: f64,
    /// When fewer calls are placed than that.
    #[serde(default)]
    pub abandonment: Abandonment,
}

/// When the ratio falls because too many calls were abandoned.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Abandonment {
    /// From this share of abandoned calls on it falls, 0 to 1.
    pub from: f64,
    /// At this share it has fallen to half, `from` to 1.
    pub halved_at: f64,
    /// Not before so many answers, 1 to 1,000.
    pub after: u32,
}

impl Default for Abandonment {
    fn default() -> Self {
        Self { from: 0.03, halved_at: 0.05, after: 30 }
    }
}

fn one() -> f64 {
    1.0
}

/// So many of the last answers are looked at, or `after` where that is more.
pub const WINDOW: u32 = 200;

/// Calls for each free seat, in hundredths: so that every process counts the same calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ratio(u32);

impl Ratio {
    /// One call for each free seat. There is never less: it abandons nobody.
    pub const ONE: Self = Self(100);

    /// Rounded down to a hundredth, and not below [`Ratio::ONE`].
    pub fn new(ratio: f64) -> Self {
        // The hair's breadth keeps 1.15 at 115 hundredths, whatever the processor makes of it.
        Self(((ratio * 100.0 + 1e-6) as u32).max(Self::ONE.0))
    }

    /// In hundredths.
    pub const fn hundredths(self) -> u32 {
        self.0
    }

    /// As a number.
    pub fn get(self) -> f64 {
        f64::from(self.0) / 100.0
    }

    /// How many calls may be placed and not answered while so many seats are free.
    pub fn dialing(self, free: u32) -> u32 {
        let calls = u64::from(free) * u64::from(self.0) / 100;
        u32::try_from(calls).unwrap_or(u32::MAX)
    }

    /// How many calls may be live, placed ones and answered ones together, while `busy` of `count` seats are taken. More seats taken than
    /// there are (fewer than before, or miscounted) make no room.
    pub fn live(self, count: u32, busy: u32) -> u32 {
        let busy = busy.min(count);
        busy.saturating_add(self.dialing(count - busy))
    }
}

impl Seats {
    /// The first broken rule: the field and what would be right.
    pub fn validate(&self) -> Result<(), (&'static str, &'static str)> {
        let Abandonment { from, halved_at, after } = self.abandonment;
        if !(1..=10_000).contains(&self.count) {
            return Err(("seats.count", "must be 1 to 10000"));
        }
        if !(1.0..=10.0).contains(&self.call_ratio) {
            return Err(("seats.callRatio", "must be 1 to 10; with 1 no call is ever abandoned"));
        }
        if !(0.0..=1.0).contains(&from) {
            return Err(("seats.abandonment.from", "must be 0 to 1, like 0.03 for 3 %"));
        }
        if !(from..=1.0).contains(&halved_at) {
            return Err(("seats.abandonment.halvedAt", "must be 0 to 1 and not less than from"));
        }
        if !(1..=1_000).contains(&after) {
            return Err(("seats.abandonment.after", "must be 1 to 1000"));
        }
        Ok(())
    }

    /// How many calls are placed for each free seat after these answers: `callRatio` as long as too few are known or the share of
    /// abandoned ones is below `from`, half of it from `halvedAt` on, and on the straight line between the two in between.
    pub fn ratio(&self, answers: &Answers) -> Ratio {
        let Abandonment { from, halved_at, after } = self.abandonment;
        let share = answers.share(self.window()).filter(|_| answers.answered >= u64::from(after));
        let fallen = match share {
            Some(share) if share >= halved_at => 1.0,
            Some(share) if share > from => (share - from) / (halved_at - from),
            _ => 0.0,
        };
        Ratio::new(self.call_ratio * (1.0 - fallen / 2.0))
    }

    /// Whether a seat is kept free for each call, however the brake stands: a ratio that has fallen to one does not undo the calls
    /// that were placed before.
    pub fn keeps_one_each(&self) -> bool {
        Ratio::new(self.call_ratio) == Ratio::ONE
    }

    /// How many calls are placed and not answered when all of them are free and the brake is off.
    pub fn most_dialing(&self) -> u32 {
        Ratio::new(self.call_ratio).dialing(self.count)
    }

    /// How many of the last answers are looked at.
    pub fn window(&self) -> u32 {
        WINDOW.max(self.abandonment.after)
    }
}

/// What became of the people who picked up: kept with a campaign that has seats.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Answers {
    /// How often somebody picked up.
    pub answered: u64,
    /// How often no seat was free then.
    pub abandoned: u64,
    /// Where the last of those stood among the answers, counted from 1.
    pub last: Vec<u64>,
}

impl Answers {
    /// Somebody picked up. So many of the last answers will be looked at.
    pub fn add(&mut self, abandoned: bool, window: u32) {
        self.answered += 1;
        if abandoned {
            self.abandoned += 1;
            self.last.push(self.answered);
        }
        let oldest = self.answered.saturating_sub(u64::from(window));
        self.last.retain(|&at| at > oldest);
    }

    /// The share of abandoned calls among the last answers, 0 to 1; none before the first.
    pub fn share(&self, window: u32) -> Option<f64> {
        let seen = self.answered.min(u64::from(window));
        let oldest = self.answered - seen;
        let abandoned = self.last.iter().filter(|&&at| at > oldest).count();
        (seen > 0).then(|| abandoned as f64 / seen as f64)
    }
}

#[cfg(test)]
#[path = "seats_tests.rs"]
mod tests;
