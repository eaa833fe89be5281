//! What was seen, by everybody who can be asked: the carrier, the receiver, the operator, and the database.

use std::{collections::BTreeMap, fs, path::Path};

use chrono::{DateTime, Utc};
use ringfleet_core::{CallId, CampaignId, Caps, E164, RecipientId, TrunkId, trunk::Limits};
use ringfleet_store::{Call, Campaign, KeptCounter, Recipient, Result as Stored, Store, Told, Tx};
use serde::Deserialize;
use uuid::Uuid;

use super::{
    crew::Death,
    desk::Silence,
    terms::{Asked, Ban, Change, HangUp, Shift},
};
use crate::{demo::receiver::Notice, process::Failure};

/// Rows in one page.
const PAGE: u32 = 2_000;

/// An attempt as the carrier saw it.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempt {
    pub call: CallId,
    pub to: E164,
    /// The number it showed.
    pub from: Option<E164>,
    /// The process that made it.
    pub pid: u32,
    pub placed: DateTime<Utc>,
    /// When the line was free again; none while it is not.
    pub over: Option<DateTime<Utc>>,
}

/// An attempt that the carrier refused for lack of room; the phone did not ring.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    pub call: CallId,
    pub at: DateTime<Utc>,
}

/// All of it, after everything has come to rest.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    pub trunks: BTreeMap<TrunkId, Limits>,
    pub campaigns: BTreeMap<CampaignId, Campaign>,
    pub recipients: BTreeMap<RecipientId, Recipient>,
    pub calls: BTreeMap<CallId, Call>,
    pub counters: Vec<KeptCounter>,
    pub told: Vec<Told>,
    /// In the order in which they began.
    pub attempts: Vec<Attempt>,
    pub refusals: Vec<Refusal>,
    pub notices: Vec<Notice>,
    pub silences: Vec<Silence>,
    /// In the order in which they were asked for.
    pub changes: Vec<Change>,
    pub hang_ups: Vec<HangUp>,
    pub bans: Vec<Ban>,
    pub asked: BTreeMap<CampaignId, Asked>,
    /// The caps of the workspace.
    pub floor: Caps,
    pub shifts: Vec<Shift>,
    pub deaths: Vec<Death>,
}

/// Reads the whole database, page by page.
///
/// # Errors
/// When it cannot be read.
pub async fn read_database(store: &Store) -> Result<Evidence, Failure> {
    let mut tx = store.read().await?;
    let trunks = pages(&mut tx, Tx::audit_trunks, |row| row.id.uuid()).await?;
    let campaigns = pages(&mut tx, Tx::audit_campaigns, |row| row.id.uuid()).await?;
    let recipients = pages(&mut tx, Tx::audit_recipients, |row| row.id.uuid()).await?;
    let calls = pages(&mut tx, Tx::audit_calls, |row| row.id.uuid()).await?;
    let told = pages(&mut tx, Tx::audit_deliveries, |row| row.id.uuid()).await?;
    let counters = tx.audit_counters().await?;
    tx.commit().await?;
    Ok(Evidence {
        trunks: trunks.into_iter().map(|trunk| (trunk.id, trunk.limits)).collect(),
        campaigns: campaigns.into_iter().map(|campaign| (campaign.id, campaign)).collect(),
        recipients: recipients.into_iter().map(|recipient| (recipient.id, recipient)).collect(),
        calls: calls.into_iter().map(|call| (call.id, call)).collect(),
        counters,
        told,
        ..Evidence::default()
    })
}

async fn pages<T>(
    tx: &mut Tx,
    page: impl AsyncFn(&mut Tx, Uuid, u32) -> Stored<Vec<T>>,
    id: impl Fn(&T) -> Uuid,
) -> Stored<Vec<T>> {
    let mut rows: Vec<T> = Vec::new();
    loop {
        let after = rows.last().map_or(Uuid::nil(), &id);
        let more = page(tx, after, PAGE).await?;
        if more.is_empty() {
            return Ok(rows);
        }
        rows.extend(more);
    }
}

/// A line of the witness file; see `SimulatedCarrier`.
#[derive(Deserialize)]
struct Line {
    event: Event,
    call: CallId,
    to: E164,
    from: Option<E164>,
    at: DateTime<Utc>,
    pid: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Event {
    Placed,
    Over,
    Refused,
}

/// Reads what the carriers have written. An attempt of a process that died was over with it: a simulated call lives in it.
///
/// # Errors
/// When the file cannot be read or holds something else.
pub fn read_witness(path: &Path, deaths: &[Death]) -> Result<(Vec<Attempt>, Vec<Refusal>), Failure> {
    let unreadable =
        |e: &dyn std::fmt::Display| Failure::during(&format!("the witness {}", path.display()), e);
    let text = fs::read_to_string(path).map_err(|e| unreadable(&e))?;
    let (mut attempts, mut refusals, mut open) = (Vec::new(), Vec::new(), BTreeMap::new());
    for line in text.lines() {
        let Line { event, call, to, from, at, pid } =
            serde_json::from_str(line).map_err(|e| unreadable(&e))?;
        match event {
            Event::Placed => {
                open.insert((call, pid), attempts.len());
                attempts.push(Attempt { call, to, from, pid, placed: at, over: None });
            }
            Event::Over => {
                if let Some(nth) = open.remove(&(call, pid)) {
                    attempts[nth].over = Some(at);
                }
            }
            Event::Refused => refusals.push(Refusal { call, at }),
        }
    }
    for attempt in attempts.iter_mut().filter(|attempt| attempt.over.is_none()) {
        attempt.over = deaths.iter().find(|death| death.pid == attempt.pid).map(|death| death.at);
    }
    attempts.sort_by_key(|attempt| attempt.placed);
    Ok((attempts, refusals))
}

impl Evidence {
    /// The campaign and the trunk of an attempt, if the database knows its call.
    pub fn call_of(&self, attempt: &Attempt) -> Option<&Call> {
        self.calls.get(&attempt.call)
    }

    /// The attempts of each recipient, in the order in which they began.
    pub fn by_recipient(&self) -> BTreeMap<RecipientId, Vec<&Attempt>> {
        let mut by = BTreeMap::<_, Vec<_>>::new();
        for attempt in &self.attempts {
            if let Some(recipient) = self.call_of(attempt).and_then(|call| call.recipient_id) {
                by.entry(recipient).or_default().push(attempt);
            }
        }
        by
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_witness_tells_beginning_and_end_and_the_dead_end_with_their_process() {
        let call = |n: u128| CallId::from(Uuid::from_u128(n));
        let line = |event: &str, n, at: i64, pid: u32| {
            let at = DateTime::from_timestamp_millis(at).unwrap();
            let (call, to) = (call(n), "+12025550101");
            serde_json::json!({"event": event, "call": call, "to": to, "at": at, "pid": pid}).to_string()
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("witness.jsonl");
        let lines = [
            line("placed", 1, 10, 7),
            line("placed", 2, 12, 8),
            line("placed", 3, 13, 9),
            line("refused", 4, 14, 7),
            line("over", 1, 20, 7),
        ];
        fs::write(&path, lines.join("\n")).unwrap();
        let at = |millis| DateTime::from_timestamp_millis(millis).unwrap();
        let dead = Death { pid: 8, at: at(30), unasked: None };
        let (attempts, refusals) = read_witness(&path, &[dead]).unwrap();
        let ends: Vec<_> = attempts.iter().map(|attempt| (attempt.call, attempt.over)).collect();
        assert_eq!(ends, [(call(1), Some(at(20))), (call(2), Some(at(30))), (call(3), None)]);
        assert_eq!(refusals, [Refusal { call: call(4), at: at(14) }]);
    }
}
