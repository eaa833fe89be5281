//! When a recipient may be called: the rules of a campaign and the floors of its workspace, put together.
//!
//! One question, asked in three places with what is known there: when a due time is set (hours only), when a recipient is
//! claimed, and at the last moment before its call begins.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    Caps, Disposition, E164, Hold, Schedule, TrunkGroupId, TrunkId, Zones,
    caps::History,
    trunk::Limits,
    window::{is_open, next_open},
};

/// What a workspace sets for all its campaigns; no campaign can loosen it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct WorkspaceRules {
    /// Nobody is called outside these hours, single calls included.
    pub schedule: Schedule,
    /// How often one number may be called.
    pub caps: Caps,
    /// Pace and live calls of all its calls together.
    pub limits: Limits,
    /// What places calls where nobody says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_trunk_id: Option<TrunkId>,
    /// The trunks that place calls where nobody says, if there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_trunk_group_id: Option<TrunkGroupId>,
}

impl WorkspaceRules {
    /// Whether a single call to `number` may begin at `now`: it is placed now or never, for whoever asked for it waits.
    pub fn judge_single(&self, number: E164, now: DateTime<Utc>) -> Verdict {
        let own = Schedule::default();
        let caps = Caps::default();
        let terms =
            Terms { schedule: &own, floor: self, caps, dupe_days: None, expire_days: None, end_at: None };
        match terms.fit(number, None, now) {
            Fit::Open(_) => Verdict::Call,
            Fit::Moved(_) => Verdict::Never(Disposition::Expired, OUTSIDE_HOURS),
            Fit::Never(reason) => Verdict::Never(Disposition::Invalid, reason),
        }
    }
}

/// The rules that bind the calls of a campaign.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    /// The campaign's hours.
    pub schedule: &'a Schedule,
    /// The workspace's.
    pub floor: &'a WorkspaceRules,
    /// The campaign's caps.
    pub caps: Caps,
    /// A number another campaign, or a single call, has called in the last so many days is not called.
    pub dupe_days: Option<u32>,
    /// A recipient is not called any more so many days after it was added.
    pub expire_days: Option<u32>,
    /// Nobody is called from this moment on.
    pub end_at: Option<DateTime<Utc>>,
}

/// A recipient, as far as the terms look at it.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// Whom to call.
    pub number: E164,
    /// Its zone, if the list names one.
    pub timezone: Option<&'a str>,
    /// When it was added.
    pub added_at: DateTime<Utc>,
    /// Whether it has been called before by this campaign.
    pub is_first: bool,
    /// On a suppression list of the workspace.
    pub is_suppressed: bool,
    /// The calls to its number.
    pub history: Option<&'a History>,
    /// The campaign it is in.
    pub campaign: Uuid,
    /// The call that is to begin, if it exists already.
    pub call: Option<Uuid>,
}

/// Whether a recipient may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Now.
    Call,
    /// Not before `at`.
    Later {
        /// Inside the hours.
        at: DateTime<Utc>,
        /// Why.
        hold: Hold,
    },
    /// Never by this campaign.
    Never(Disposition, &'static str),
}

/// No zone is known, and hours bind the call.
pub const UNKNOWN_ZONE: &str = "unknown_timezone";
/// The hours leave no moment within 400 days.
pub const NO_LEGAL_HOUR: &str = "no_legal_hour";
/// The campaign's end or the recipient's lifetime came first.
pub const EXPIRED: &str = "expired";
/// A single call outside the workspace's hours.
pub const OUTSIDE_HOURS: &str = "outside_hours";
/// On a suppression list.
pub const SUPPRESSED: &str = "suppressed";
/// Called lately by somebody else in the workspace.
pub const CALLED_LATELY: &str = "called_lately";

impl Terms<'_> {
    /// Whether `who` may be called at `now`.
    pub fn judge(&self, who: &Candidate<'_>, now: DateTime<Utc>) -> Verdict {
        if who.is_suppressed {
            return Verdict::Never(Disposition::Suppressed, SUPPRESSED);
        }
        if self.expires_at(who.added_at).is_some_and(|end| now >= end) {
            return Verdict::Never(Disposition::Expired, EXPIRED);
        }
        if who.is_first && self.was_called_lately(who, now) {
            return Verdict::Never(Disposition::Suppressed, CALLED_LATELY);
        }
        let caps = self.caps.under(&self.floor.caps);
        let free = who.history.and_then(|h| h.free_from(&caps, Some(who.campaign), who.call, now));
        if let Some(free) = free {
            return self.not_before(who, free, Hold::Gap);
        }
        match self.fit(who.number, who.timezone, now) {
            Fit::Open(_) => Verdict::Call,
            Fit::Moved(at) => self.in_time(who, at, Hold::Window),
            Fit::Never(reason) => Verdict::Never(Disposition::Invalid, reason),
        }
    }

    /// What becomes of `who`, who for `hold` cannot be called before `at`, a moment to come.
    pub fn not_before(&self, who: &Candidate<'_>, at: DateTime<Utc>, hold: Hold) -> Verdict {
        match self.fit(who.number, who.timezone, at) {
            Fit::Open(at) | Fit::Moved(at) => self.in_time(who, at, hold),
            Fit::Never(reason) => Verdict::Never(Disposition::Invalid, reason),
        }
    }

    /// The first moment from `ready` on at which the hours allow a call to `number`.
    pub fn fit(&self, number: E164, timezone: Option<&str>, ready: DateTime<Utc>) -> Fit {
        let schedules = [self.schedule, &self.floor.schedule];
        if !self.has_hours() {
            return Fit::Open(ready);
        }
        let Some(zones) = self.zones(number, timezone) else { return Fit::Never(UNKNOWN_ZONE) };
        if is_open(&schedules, &zones, ready) {
            return Fit::Open(ready);
        }
        next_open(&schedules, &zones, ready).map_or(Fit::Never(NO_LEGAL_HOUR), Fit::Moved)
    }

    /// Whether any hour of any day is closed, so that it matters where somebody is.
    pub fn has_hours(&self) -> bool {
        !(self.schedule.is_always() && self.floor.schedule.is_always())
    }

    /// Where somebody may be, as far as it matters; none where no hours bind, or nobody knows.
    pub fn zones(&self, number: E164, timezone: Option<&str>) -> Option<Zones> {
        let fallback = self.schedule.timezone.or(self.floor.schedule.timezone);
        self.has_hours().then(|| Zones::of(timezone, number, fallback)).flatten()
    }

    /// When nobody calls this recipient any more.
    pub fn expires_at(&self, added_at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let lifetime = self.expire_days.map(|days| added_at + TimeDelta::days(days.into()));
        lifetime.into_iter().chain(self.end_at).min()
    }

    /// A call that would only be allowed after the end is not waited for.
    fn in_time(&self, who: &Candidate<'_>, at: DateTime<Utc>, hold: Hold) -> Verdict {
        match self.expires_at(who.added_at).is_some_and(|end| at >= end) {
            true => Verdict::Never(Disposition::Expired, EXPIRED),
            false => Verdict::Later { at, hold },
        }
    }

    fn was_called_lately(&self, who: &Candidate<'_>, now: DateTime<Utc>) -> bool {
        let last = who.history.and_then(|history| history.last_elsewhere(who.campaign));
        self.dupe_days.zip(last).is_some_and(|(days, last)| now - last < TimeDelta::days(days.into()))
    }
}

/// A moment fitted into the hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// It lies in them.
    Open(DateTime<Utc>),
    /// Later than asked for.
    Moved(DateTime<Utc>),
    /// There is none; why.
    Never(&'static str),
}

/// When a waiting recipient is due, and why not before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// Not called before this moment.
    pub at: DateTime<Utc>,
    /// Why it is put off until then.
    pub hold: Option<Hold>,
    /// The moment that was asked for, where the hours made it later.
    pub ready_at: Option<DateTime<Utc>>,
}

impl Due {
    /// At this moment, for no other reason than its turn.
    pub const fn now(at: DateTime<Utc>) -> Self {
        Self { at, hold: None, ready_at: None }
    }
}

impl Fit {
    /// What to keep of it: `hold` is why somebody waits for the moment `asked` itself. Whoever can never be called is due then, too, and
    /// found out when it is claimed: the hours may change once more before.
    pub fn due(self, asked: DateTime<Utc>, hold: Option<Hold>) -> Due {
        match self {
            Self::Open(at) => Due { at, hold, ready_at: None },
            Self::Moved(at) => Due { at, hold: Some(Hold::Window), ready_at: Some(asked) },
            Self::Never(_) => Due { at: asked, hold, ready_at: None },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::caps::Stamp;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn rules(json: &str) -> WorkspaceRules {
        serde_json::from_str(json).unwrap()
    }

    fn schedule(json: &str) -> Schedule {
        serde_json::from_str(json).unwrap()
    }

    /// A candidate in Berlin on Monday 2026-11-23, added that morning, in campaign 1.
    fn who(number: &str) -> Candidate<'static> {
        Candidate {
            number: number.parse().unwrap(),
            timezone: None,
            added_at: at("2026-11-23T06:00:00Z"),
            is_first: true,
            is_suppressed: false,
            history: None,
            campaign: Uuid::from_u128(1),
            call: None,
        }
    }

    fn terms<'a>(schedule: &'a Schedule, floor: &'a WorkspaceRules) -> Terms<'a> {
        let caps = Caps::default();
        Terms { schedule, floor, caps, dupe_days: None, expire_days: None, end_at: None }
    }

    const OFFICE: &str = r#"{"hours":{"mon":["09:00-18:00"],"tue":["09:00-18:00"]}}"#;

    #[test]
    fn hours_of_campaign_and_workspace_hold_both() {
        let (office, floor) = (
            schedule(OFFICE),
            rules(r#"{"schedule":{"hours":{"mon":["10:00-12:00"],"tue":["06:00-20:00"]}}}"#),
        );
        let judge = |time| terms(&office, &floor).judge(&who("+493012345678"), at(time));
        let later = |time| Verdict::Later { at: at(time), hold: Hold::Window };
        assert_eq!(judge("2026-11-23T08:30:00Z"), later("2026-11-23T09:00:00Z")); // Berlin is an hour ahead
        assert_eq!(judge("2026-11-23T10:59:59Z"), Verdict::Call);
        assert_eq!(judge("2026-11-23T11:00:00Z"), later("2026-11-24T08:00:00Z"));
    }

    #[test]
    fn who_has_no_zone_or_no_hour_is_never_called_unless_nothing_binds() {
        let (office, any, none) = (schedule(OFFICE), Schedule::default(), WorkspaceRules::default());
        let toll_free = who("+80012345678");
        let now = at("2026-11-23T10:00:00Z");
        let invalid = |reason| Verdict::Never(Disposition::Invalid, reason);
        assert_eq!(terms(&office, &none).judge(&toll_free, now), invalid(UNKNOWN_ZONE));
        assert_eq!(terms(&any, &none).judge(&toll_free, now), Verdict::Call);
        let with_zone = schedule(&OFFICE.replace("}}", r#"},"timezone":"Europe/Berlin"}"#));
        assert_eq!(terms(&with_zone, &none).judge(&toll_free, now), Verdict::Call);
        let sundays = rules(r#"{"schedule":{"hours":{"sun":["09:00-18:00"]}}}"#);
        assert_eq!(terms(&office, &sundays).judge(&who("+493012345678"), now), invalid(NO_LEGAL_HOUR));
    }

    #[test]
    fn a_suppressed_or_expired_recipient_ends_and_so_does_one_called_lately_by_others() {
        let (any, none) = (Schedule::default(), WorkspaceRules::default());
        let now = at("2026-11-23T10:00:00Z");
        let fresh = who("+493012345678");
        let suppressed = Candidate { is_suppressed: true, ..fresh };
        assert_eq!(
            terms(&any, &none).judge(&suppressed, now),
            Verdict::Never(Disposition::Suppressed, SUPPRESSED)
        );
        let expired = Verdict::Never(Disposition::Expired, EXPIRED);
        assert_eq!(Terms { end_at: Some(now), ..terms(&any, &none) }.judge(&fresh, now), expired);
        let old = Candidate { added_at: at("2026-11-20T10:00:00Z"), ..fresh };
        assert_eq!(Terms { expire_days: Some(3), ..terms(&any, &none) }.judge(&old, now), expired);
        assert_eq!(Terms { expire_days: Some(4), ..terms(&any, &none) }.judge(&old, now), Verdict::Call);

        let mut history = History::default();
        let yesterday = at("2026-11-22T10:00:00Z").timestamp_millis();
        history.note(Stamp { call: Uuid::from_u128(9), campaign: Some(Uuid::from_u128(2)), at: yesterday });
        let called = Candidate { history: Some(&history), ..fresh };
        let dupes = |days| Terms { dupe_days: Some(days), ..terms(&any, &none) };
        assert_eq!(dupes(2).judge(&called, now), Verdict::Never(Disposition::Suppressed, CALLED_LATELY));
        assert_eq!(dupes(1).judge(&called, now), Verdict::Call);
        assert_eq!(dupes(2).judge(&Candidate { is_first: false, ..called }, now), Verdict::Call);
    }

    #[test]
    fn a_cap_is_waited_out_into_the_hours_but_not_beyond_the_end() {
        let (office, none) = (schedule(OFFICE), WorkspaceRules::default());
        let mut history = History::default();
        let called_at = at("2026-11-23T16:30:00Z").timestamp_millis();
        history.note(Stamp { call: Uuid::from_u128(9), campaign: None, at: called_at });
        let called = Candidate { history: Some(&history), ..who("+493012345678") };
        let now = at("2026-11-23T16:40:00Z");
        // An hour after the call it is 18:30 in Berlin.
        let morning = Verdict::Later { at: at("2026-11-24T08:00:00Z"), hold: Hold::Gap };
        assert_eq!(terms(&office, &none).judge(&called, now), morning);
        let ends = Terms { end_at: Some(at("2026-11-24T08:00:00Z")), ..terms(&office, &none) };
        assert_eq!(ends.judge(&called, now), Verdict::Never(Disposition::Expired, EXPIRED));
    }
}
