//! The brake of a trunk: trouble pauses it, a probe and then one call on trial open it again.
//!
//! OPEN → (trouble) PAUSED → (its rest is over) PROBING → (the probe passes) TRIAL → (one call goes well) OPEN; whatever fails on
//! the way leads back to PAUSED, for twice as long. Somebody may stop a trunk in any state (STOPPED), and let it go on (OPEN). Time is an argument,
//! and so is everything else.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::{
    Ending, Outcome,
    call::{TRUNK_TROUBLE, TRUNK_TROUBLE_PERHAPS},
    text_enum::text_enum,
};

text_enum! {
    /// Whether calls may begin on a trunk.
    pub enum BrakeState {
        /// They may.
        Open => "OPEN",
        /// They may not; it rests until its next probe.
        Paused => "PAUSED",
        /// They may not; somebody is asking the far end whether it is there.
        Probing => "PROBING",
        /// One may, and how it goes decides.
        Trial => "TRIAL",
        /// They may not, until whoever stopped it lets them.
        Stopped => "STOPPED",
    }
}

/// The first rest of a trunk; each further one in a row is twice as long.
pub const FIRST_REST: TimeDelta = TimeDelta::seconds(5);
/// The longest rest.
pub const LONGEST_REST: TimeDelta = TimeDelta::minutes(5);
/// Whoever asks the far end has this long to come back; then somebody else asks.
pub const PROBE_LEASE: TimeDelta = TimeDelta::seconds(30);
/// A trunk on trial that no call has taken up is offered another one so much later.
pub const OFFER_AGAIN: TimeDelta = TimeDelta::seconds(5);
/// A call that waits for a trunk is let go when the trunk opens; in any case it is looked at again so much later.
pub const HELD_FOR: TimeDelta = TimeDelta::minutes(1);
/// So many different calls in a row must meet trouble that may be their number's fault before it is the trunk's.
pub const PERHAPS_CALLS: usize = 5;
/// Trouble that may be a number's fault is forgotten after this long.
pub const PERHAPS_WINDOW: TimeDelta = TimeDelta::minutes(1);

/// The `n`-th rest in a row, from 1.
pub fn rest(n: u32) -> TimeDelta {
    let doubled = FIRST_REST.num_seconds() << n.saturating_sub(1).min(16);
    TimeDelta::seconds(doubled).min(LONGEST_REST)
}

/// What the ending of a call says about its trunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// The far end did its work.
    Fine,
    /// It did not, whatever the number was.
    Trouble,
    /// It did not, and that may be the number's fault.
    TroublePerhaps,
    /// Nothing either way: given up, unknown, or our own fault.
    None,
}

/// What `ending` says about the trunk.
pub fn evidence(ending: &Ending) -> Evidence {
    match ending {
        Ending::Over { outcome: Outcome::Uncertain, .. } | Ending::GivenUp { .. } => Evidence::None,
        Ending::Over { outcome: Outcome::Failed, reason, .. } if TRUNK_TROUBLE.contains(&reason.as_ref()) => {
            Evidence::Trouble
        }
        Ending::Over { outcome: Outcome::Failed, reason, .. }
            if TRUNK_TROUBLE_PERHAPS.contains(&reason.as_ref()) =>
        {
            Evidence::TroublePerhaps
        }
        // A refusal with a status is the far end's word; without one, the fault is ours.
        Ending::Over { outcome: Outcome::Failed, code, .. } | Ending::NoRoom { code, .. } => match code {
            Some(_) => Evidence::Fine,
            None => Evidence::None,
        },
        Ending::Over { .. } => Evidence::Fine,
    }
}

/// What is heard about a trunk from one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report<'a> {
    /// The call.
    pub call: Uuid,
    /// When it went to its carrier this time; unknown for a dead worker's call.
    pub begun: Option<DateTime<Utc>>,
    /// What it says.
    pub evidence: Evidence,
    /// The reason it ended for.
    pub reason: &'a str,
}

/// How a trunk is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// Whether calls may begin on it.
    pub state: BrakeState,
    /// The trouble it last had.
    pub reason: Option<String>,
    /// When it came into this state.
    pub since: DateTime<Utc>,
    /// PAUSED: when it is probed. PROBING: when the probe counts as lost. TRIAL: when it is offered another call.
    pub until: DateTime<Utc>,
    /// Rests in a row.
    pub pauses: u32,
    /// OPEN and in doubt: since the first of `troubles`.
    pub doubt_since: Option<DateTime<Utc>>,
    /// Calls in a row that met trouble that may be their numbers' fault.
    pub troubles: u32,
    /// The first few of them, each once.
    pub troubled: Vec<Uuid>,
    /// The call on trial.
    pub trial: Option<Uuid>,
}

impl Health {
    /// A trunk that never had any trouble.
    pub fn unknown() -> Self {
        Self::open(DateTime::UNIX_EPOCH)
    }

    fn open(since: DateTime<Utc>) -> Self {
        Self {
            state: BrakeState::Open,
            reason: None,
            since,
            until: since,
            pauses: 0,
            doubt_since: None,
            troubles: 0,
            troubled: Vec::new(),
            trial: None,
        }
    }

    /// Somebody wants no call to begin on it, for this reason. Nothing that is heard of it changes that.
    pub fn stop(&mut self, reason: &str, now: DateTime<Utc>) {
        *self = Self { state: BrakeState::Stopped, reason: Some(reason.to_owned()), ..Self::open(now) };
    }

    /// Whoever stopped it lets calls begin again; false when nobody had.
    pub fn go_on(&mut self, now: DateTime<Utc>) -> bool {
        let was_stopped = self.state == BrakeState::Stopped;
        if was_stopped {
            *self = Self::open(now);
        }
        was_stopped
    }

    /// Its settings have changed: what was heard of it under the old ones says nothing any more. One that rests is asked at once.
    pub fn renew(&mut self, now: DateTime<Utc>) {
        match self.state {
            BrakeState::Stopped => {}
            BrakeState::Open => *self = Self::open(now),
            BrakeState::Paused | BrakeState::Probing | BrakeState::Trial => {
                let reason = self.reason.take();
                *self = Self { state: BrakeState::Paused, reason, pauses: 1, ..Self::open(now) };
            }
        }
    }

    /// Whether any call may begin on it as far as it goes.
    pub fn is_open(&self) -> bool {
        self.state == BrakeState::Open
    }

    /// OPEN, and nothing counted: only trouble can change it.
    pub fn is_clean(&self) -> bool {
        self.is_open() && self.troubles == 0
    }

    /// Whether it waits for a call to go on trial.
    pub fn wants_trial(&self) -> bool {
        self.state == BrakeState::Trial && self.trial.is_none()
    }

    /// Of `room` calls that could wait for it, how many may: all, the one on trial, none.
    pub fn room(&self, room: u32) -> u32 {
        match self.state {
            BrakeState::Open => room,
            BrakeState::Trial if self.trial.is_none() => room.min(1),
            _ => 0,
        }
    }

    /// Whether `call` may begin at this moment. One that may while the trunk is on trial is the one on trial from then on.
    pub fn admit(&mut self, call: Uuid) -> bool {
        match self.state {
            BrakeState::Open => true,
            BrakeState::Trial if self.trial.is_none_or(|trial| trial == call) => {
                self.trial = Some(call);
                true
            }
            _ => false,
        }
    }

    /// When a call that was not admitted is looked at again, unless it is let go before.
    pub fn held_until(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        self.until.max(now) + HELD_FOR
    }

    /// Takes in what a call says. `others`: how many calls that began since [`Health::doubt_since`] are live on the trunk; it counts
    /// only when [`Health::is_near`].
    ///
    /// Only the call on trial speaks for a trunk that is not OPEN, and what began before it opened says nothing about it any more.
    pub fn hear(&mut self, report: Report<'_>, others: u32, now: DateTime<Utc>) {
        match (self.state, report.evidence) {
            (BrakeState::Trial, evidence) if self.trial == Some(report.call) => match evidence {
                Evidence::Fine => *self = Self::open(now),
                Evidence::Trouble | Evidence::TroublePerhaps => self.pause(report.reason, now),
                Evidence::None => (self.trial, self.until) = (None, now),
            },
            (BrakeState::Open, evidence) if report.begun.is_some_and(|begun| begun >= self.since) => {
                match evidence {
                    Evidence::Trouble => self.pause(report.reason, now),
                    Evidence::TroublePerhaps => self.doubt(report, others, now),
                    Evidence::Fine if report.begun >= self.doubt_since => *self = Self::open(self.since),
                    Evidence::Fine | Evidence::None => {}
                }
            }
            _ => {}
        }
    }

    /// Whether the next doubtful trouble may decide.
    pub fn is_near(&self) -> bool {
        self.is_open() && self.troubled.len() + 1 >= PERHAPS_CALLS
    }

    /// Takes the probe that is due; false when none is. The lease is the taker's.
    pub fn take_probe(&mut self, now: DateTime<Utc>) -> bool {
        let due = matches!(self.state, BrakeState::Paused | BrakeState::Probing) && self.until <= now;
        if due {
            (self.state, self.until) = (BrakeState::Probing, now + PROBE_LEASE);
        }
        due
    }

    /// The far end has answered a probe, or failed to for this reason. A probe that somebody else has taken over since changes
    /// nothing a second time.
    ///
    /// There are peers that take calls and answer no probe. So after the longest rest a call goes on trial in any case: it costs
    /// nobody anything.
    pub fn probed(&mut self, answer: Result<(), &str>, now: DateTime<Utc>) {
        if self.state != BrakeState::Probing {
            return;
        }
        match answer {
            Err(reason) if rest(self.pauses) < LONGEST_REST => self.pause(reason, now),
            _ => (self.state, self.since, self.until) = (BrakeState::Trial, now, now),
        }
    }

    /// Trouble that may be the number's fault is the trunk's once enough different calls in a row have met it and not more others
    /// are getting through.
    fn doubt(&mut self, report: Report<'_>, others: u32, now: DateTime<Utc>) {
        if self.doubt_since.is_none_or(|since| now - since > PERHAPS_WINDOW) {
            *self = Self { doubt_since: Some(now), ..Self::open(self.since) };
        }
        self.troubles = self.troubles.saturating_add(1);
        self.reason = Some(report.reason.to_owned());
        if self.troubled.len() < PERHAPS_CALLS && !self.troubled.contains(&report.call) {
            self.troubled.push(report.call);
        }
        if self.troubled.len() >= PERHAPS_CALLS && self.troubles >= others {
            self.pause(report.reason, now);
        }
    }

    fn pause(&mut self, reason: &str, now: DateTime<Utc>) {
        let pauses = self.pauses.saturating_add(1);
        *self = Self {
            state: BrakeState::Paused,
            reason: Some(reason.to_owned()),
            until: now + rest(pauses),
            pauses,
            ..Self::open(now)
        };
    }
}

#[cfg(test)]
#[path = "brake_tests.rs"]
mod tests;
