//! The verdict, and for each violation the whole story of whom it is about.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    io::{self, Write},
};

use chrono::{DateTime, Utc};
use ringfleet_core::{CallId, CampaignId, RecipientId, clock::rfc3339};
use serde::Serialize;

use super::{
    check::{INVARIANTS, Violation, Who},
    evidence::Evidence,
};

/// So many violations of an invariant are printed with their traces; the rest is in the kept folder's database and logs.
const SHOWN: usize = 5;

/// What came of it. As JSON the last line of `--json`.
#[derive(Debug, Serialize)]
pub struct Verdict {
    pub seed: u64,
    pub verdict: &'static str,
    pub recipients: usize,
    pub attempts: usize,
    pub faults: usize,
    /// How often each was violated.
    pub invariants: BTreeMap<&'static str, usize>,
    #[serde(skip)]
    found: Vec<(&'static str, Vec<Violation>)>,
}

impl Verdict {
    /// Judges.
    pub fn new(seed: u64, faults: usize, evidence: &Evidence) -> Self {
        let found: Vec<_> = INVARIANTS.iter().map(|(name, check)| (*name, check(evidence))).collect();
        let verdict = if found.iter().all(|(_, violations)| violations.is_empty()) { "pass" } else { "fail" };
        Self {
            seed,
            verdict,
            recipients: evidence.recipients.len(),
            attempts: evidence.attempts.len(),
            faults,
            invariants: found.iter().map(|(name, violations)| (*name, violations.len())).collect(),
            found,
        }
    }

    pub fn passes(&self) -> bool {
        self.verdict == "pass"
    }

    /// Says what is wrong.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn explain(&self, evidence: &Evidence, out: &mut impl Write) -> io::Result<()> {
        for (name, violations) in self.found.iter().filter(|(_, violations)| !violations.is_empty()) {
            writeln!(out, "\n{name}: {} violations with seed {}", violations.len(), self.seed)?;
            let mut traced = BTreeSet::new();
            for violation in violations.iter().take(SHOWN) {
                writeln!(out, "- {}", violation.what)?;
                if let Some(who) = violation.who.filter(|who| traced.insert(*who)) {
                    out.write_all(trace(evidence, who).as_bytes())?;
                }
            }
            if violations.len() > SHOWN {
                writeln!(out, "- and {} more", violations.len() - SHOWN)?;
            }
        }
        Ok(())
    }

    /// A line for each invariant, for people.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn summarise(&self, out: &mut impl Write) -> io::Result<()> {
        let Self { seed, recipients, attempts, faults, .. } = self;
        writeln!(out, "seed {seed}: {recipients} recipients, {attempts} attempts, {faults} faults")?;
        for (name, violations) in &self.invariants {
            let holds = if *violations == 0 { "holds".into() } else { format!("{violations} violations") };
            writeln!(out, "{name:12} {holds}")?;
        }
        Ok(())
    }
}

/// All that is known about somebody, in the order of time by the clock of whoever saw it.
fn trace(evidence: &Evidence, who: Who) -> String {
    let mut text = String::new();
    let calls: Vec<CallId> = match who {
        Who::Call(call) => vec![call],
        Who::Recipient(id) => {
            describe_recipient(evidence, id, &mut text);
            let calls = evidence.calls.values().filter(|call| call.recipient_id == Some(id));
            calls.map(|call| call.id).collect()
        }
    };
    let mut lines: Vec<(DateTime<Utc>, String)> = Vec::new();
    for call in calls {
        lines_of(evidence, call, &mut lines);
    }
    lines.sort();
    for (at, line) in lines {
        let _ = writeln!(text, "    {} {line}", rfc3339(at)); // a String takes everything
    }
    text
}

fn describe_recipient(evidence: &Evidence, id: RecipientId, text: &mut String) {
    let Some(recipient) = evidence.recipients.get(&id) else { return };
    let done = recipient.disposition.map_or("no disposition", |disposition| disposition.as_str());
    let (state, step, attempts) = (recipient.state, recipient.step, recipient.total_attempts);
    let _ = writeln!(text, "  {id}: {state}, {done}, step {step}, {attempts} attempts");
    if let Some(campaign) = evidence.campaigns.get(&recipient.campaign_id) {
        let limits = serde_json::to_string(&campaign.limits).unwrap_or_default();
        let plan = serde_json::to_string(&campaign.plan).unwrap_or_default();
        let _ = writeln!(text, "  {} is {}, limits {limits}, plan {plan}", campaign.id, campaign.state);
        for silence in evidence.silences.iter().filter(|silence| silence.campaign == campaign.id) {
            let until = silence.until.map_or_else(|| "the end".into(), rfc3339);
            let _ = writeln!(text, "  silent from {} to {until}", rfc3339(silence.from));
        }
        describe_terms(evidence, campaign.id, text);
    }
    for ban in evidence.bans.iter().filter(|ban| ban.number == recipient.number) {
        let _ = writeln!(text, "  suppressed since {}", rfc3339(ban.from));
    }
    for attempt in evidence.attempts.iter().filter(|attempt| attempt.to == recipient.number) {
        let call = evidence.call_of(attempt).filter(|call| call.recipient_id != Some(id));
        if let Some(call) = call {
            let campaign = call.campaign_id.map_or_else(|| "nobody's list".into(), |id| id.to_string());
            let placed = rfc3339(attempt.placed);
            let _ = writeln!(text, "  called by {} of {campaign} at {placed}", call.id);
        }
    }
}

/// What was asked of a campaign beyond what the database still knows, and when clocks were wrong.
fn describe_terms(evidence: &Evidence, id: CampaignId, text: &mut String) {
    if let Some(asked) = evidence.asked.get(&id) {
        let _ = writeln!(text, "  asked for {:?}, workspace {:?}", asked.caps, evidence.floor);
        for (opens, closes) in asked.hours.iter().flatten() {
            let _ = writeln!(text, "  open from {} to {}", rfc3339(*opens), rfc3339(*closes));
        }
    }
    for change in evidence.changes.iter().filter(|change| change.campaign == id) {
        let (asked, answered) = (rfc3339(change.asked), rfc3339(change.answered));
        let (before, after) = (&change.before, &change.after);
        let _ = writeln!(text, "  changed from {asked} to {answered}: from {before:?} to {after:?}");
    }
    for hang_up in evidence.hang_ups.iter().filter(|hang_up| hang_up.campaign == id) {
        let _ = writeln!(text, "  hung up from {} on", rfc3339(hang_up.asked));
    }
    for shift in evidence.shifts.iter().filter(|shift| !shift.by.is_zero()) {
        let (from, until, by) = (rfc3339(shift.from), rfc3339(shift.until), shift.by.num_milliseconds());
        let _ = writeln!(text, "  the clock of somebody was off by {by} ms from {from} to {until}");
    }
}

fn lines_of(evidence: &Evidence, id: CallId, lines: &mut Vec<(DateTime<Utc>, String)>) {
    if let Some(call) = evidence.calls.get(&id) {
        let (trunk, placements) = (call.trunk_id, call.placements);
        lines.push((call.created_at, format!("{id} attempt {}: made, for {trunk}", call.attempt)));
        if let Some(at) = call.triggered_at {
            lines.push((at, format!("{id} begun, {placements} placements in all")));
        }
        if let Some(at) = call.answered_at {
            lines.push((at, format!("{id} answered")));
        }
        let reason = call.reason.as_deref().unwrap_or("no reason");
        let at = call.ended_at.unwrap_or(call.created_at);
        lines.push((at, format!("{id} is {} ({reason})", call.state)));
    }
    for attempt in evidence.attempts.iter().filter(|attempt| attempt.call == id) {
        let pid = attempt.pid;
        lines.push((attempt.placed, format!("{id} witness: placed by process {pid}")));
        if let Some(over) = attempt.over {
            lines.push((over, format!("{id} witness: over")));
        }
        let dead = evidence.deaths.iter().filter(|death| death.pid == pid);
        lines.extend(dead.map(|death| (death.at, format!("process {pid} died"))));
    }
    for refusal in evidence.refusals.iter().filter(|refusal| refusal.call == id) {
        lines.push((refusal.at, format!("{id} witness: refused, no room")));
    }
    let (name, unknown) = (id.to_string(), DateTime::<Utc>::MAX_UTC);
    for told in evidence.told.iter().filter(|told| told.body.contains(&name)) {
        let event = told.event_id.to_string();
        let heard = evidence.notices.iter().filter(|notice| notice.id == event).count();
        let what = format!("{id} {} {event}: {}, heard {heard} times", told.event, told.state);
        lines.push((created(&told.body).unwrap_or(unknown), what));
    }
}

/// When an event happened, by its body.
fn created(body: &str) -> Option<DateTime<Utc>> {
    let body: serde_json::Value = serde_json::from_str(body).ok()?;
    body["createdAt"].as_str()?.parse().ok()
}
