//! What an erasure does in each of its steps: looks first, without holding anything, and then forgets what it has seen, in one transaction.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use ringfleet_core::{
    CallId, CampaignId, DeliveryId, Disposition, ErasureStep, RecipientId, UploadId,
    clock::rfc3339,
    erasure::Spelled,
    terms::{SUPPRESSED, Verdict},
};
use ringfleet_store::{Address, Campaign, Erasure, ForgettableCall, Recording, RejectedCell, RejectsOf, Tx};
use uuid::Uuid;

use crate::{
    Engine, Result,
    publish::{completed_facts, publish},
    verdict::Verdicts,
};

/// Recipients of one person that are written in one transaction.
const RECIPIENTS: u32 = 500;
/// Rejected cells that are read at a time.
const CELLS: u32 = 5_000;
/// Kept answers that are read at a time.
const ANSWERS: u32 = 500;
/// So much of the time in which endpoints answered is looked through at a time.
const ANSWERED: TimeDelta = TimeDelta::minutes(30);

/// What a look has found.
pub(crate) enum Seen {
    /// What is found is forgotten where it stands.
    Nothing,
    /// Calls, the recordings of them whose files are gone, and where the portion ends.
    Calls(Vec<ForgettableCall>, Vec<Recording>, Option<Uuid>),
    Events(Vec<Uuid>, Option<Uuid>),
    Rejects(Vec<(RejectsOf, Vec<RejectedCell>)>),
    Uploads(Vec<UploadId>),
    Answers(Vec<String>),
}

/// Whom an erasure is about; none once it is over.
pub(crate) fn who(erasure: &Erasure) -> Option<Address> {
    let number = erasure.number?;
    Some(Address { workspace: erasure.workspace_id.uuid(), number: number.digits() })
}

/// Whether a text names the person: by the number, or by an id of something of theirs.
fn names(erasure: &Erasure, who: Address, text: &str) -> bool {
    text.contains(&who.number.to_string()) || erasure.needles.iter().any(|needle| text.contains(needle))
}

fn spelled(erasure: &Erasure) -> Spelled {
    erasure.number.map_or(Spelled::new(0, 0), |number| Spelled::new(number.digits(), number.country_code()))
}

impl Engine {
    pub(crate) async fn look_for(&self, erasure: &Erasure, who: Address) -> Result<Seen> {
        let after = erasure.after.unwrap_or(Uuid::nil());
        let mut tx = self.store().read().await?;
        let seen = match erasure.step {
            ErasureStep::Calls => {
                let (calls, end) = tx.calls_to_forget(who, after).await?;
                let recorded = tx.recordings_of(&ids_of(&calls)).await?;
                tx.commit().await?;
                // Before the rows: what stops in between is found again.
                for recording in &recorded {
                    self.forget_blob(recording.call_id).await?;
                }
                return Ok(Seen::Calls(calls, recorded, end));
            }
            ErasureStep::Events => {
                let (events, end) = tx.events_behind(erasure.workspace_id, after).await?;
                let named = events.into_iter().filter(|event| names(erasure, who, &event.body));
                Seen::Events(named.map(|event| event.id).collect(), end)
            }
            ErasureStep::Rejects => Seen::Rejects(rejects_with(&mut tx, erasure).await?),
            ErasureStep::Uploads => Seen::Uploads(uploads_with(&mut tx, erasure).await?),
            ErasureStep::Answers => Seen::Answers(self.answers_with(&mut tx, erasure, who).await?),
            _ => Seen::Nothing,
        };
        tx.commit().await?;
        Ok(seen)
    }

    /// The keys of the requests whose kept answers name the person.
    async fn answers_with(&self, tx: &mut Tx, erasure: &Erasure, who: Address) -> Result<Vec<String>> {
        let workspace = erasure.workspace_id;
        let (mut found, mut after) = (Vec::new(), String::new());
        loop {
            let page = tx.kept_bodies(workspace, &after, ANSWERS).await?;
            let Some(last) = page.last() else { return Ok(found) };
            after = last.key.clone();
            for kept in page {
                // One that does not open any more is not given to anybody either.
                let Ok(body) = self.store().open_answer(workspace, &kept.key, &kept.answer) else { continue };
                if names(erasure, who, &String::from_utf8_lossy(&body)) {
                    found.push(kept.key);
                }
            }
        }
    }
}

fn ids_of(calls: &[ForgettableCall]) -> Vec<Uuid> {
    calls.iter().map(|call| call.id).collect()
}

/// Those of these calls whose recordings are as they were seen: one that was put into its place since has a file that is still there, and is found
/// by the next pass.
async fn still_so(
    tx: &mut Tx,
    erasure: &mut Erasure,
    mut calls: Vec<ForgettableCall>,
    seen: &[Recording],
) -> Result<Vec<ForgettableCall>> {
    let ids = ids_of(&calls);
    tx.hold_calls(&ids).await?;
    let now = tx.recordings_of(&ids).await?;
    let of = |all: &[Recording], call: Uuid| all.iter().find(|one| one.call_id.uuid() == call).cloned();
    let count = calls.len();
    calls.retain(|call| of(seen, call.id) == of(&now, call.id));
    erasure.found |= calls.len() < count;
    Ok(calls)
}

/// The rejected cells of the workspace that are the number.
async fn rejects_with(tx: &mut Tx, erasure: &Erasure) -> Result<Vec<(RejectsOf, Vec<RejectedCell>)>> {
    let spelled = spelled(erasure);
    let mut found = Vec::new();
    for of in [RejectsOf::Imports, RejectsOf::Uploads] {
        let (mut named, mut after) = (Vec::new(), (Uuid::nil(), 0));
        loop {
            let page = tx.rejects_behind(of, erasure.workspace_id, after, CELLS).await?;
            let Some(last) = page.last() else { break };
            after = (last.owner, last.line);
            named.extend(page.into_iter().filter(|cell| spelled.is_cell(&cell.value)));
        }
        found.push((of, named));
    }
    Ok(found)
}

/// The uploads of the workspace with a cell that is the number.
async fn uploads_with(tx: &mut Tx, erasure: &Erasure) -> Result<Vec<UploadId>> {
    let spelled = spelled(erasure);
    let mut found = Vec::new();
    for upload in tx.upload_ids(erasure.workspace_id).await? {
        let (mut start, mut cell, mut is_named) = (0, String::new(), false);
        while let Some(part) = tx.upload_part(upload.into(), start).await? {
            start += part.len() as u64;
            is_named = is_named || holds(&part, &mut cell, &spelled);
        }
        if is_named || spelled.is(&cell) {
            found.push(UploadId::from(upload));
        }
    }
    Ok(found)
}

/// Whether a cell of the file is the number. `cell`: the digits of the cell that a part ends within, for the next one. In files of two bytes a
/// character the digits stand between zeros, which do not count.
fn holds(part: &[u8], cell: &mut String, spelled: &Spelled) -> bool {
    for &byte in part {
        match byte {
            b'0'..=b'9' => cell.push(byte.into()),
            b',' | b';' | b'\t' | b'\n' | b'\r' | b'|' => {
                if spelled.is(cell) {
                    return true;
                }
                cell.clear();
            }
            _ => {}
        }
    }
    false
}

/// Forgets what was seen. Gives where the step goes on, none when it has been gone through, and the deliveries to be hinted at.
pub(crate) async fn forget(
    tx: &mut Tx,
    erasure: &mut Erasure,
    who: Address,
    seen: Seen,
    now: DateTime<Utc>,
) -> Result<(Option<Uuid>, Vec<DeliveryId>)> {
    let mut deliveries = Vec::new();
    let after = match (erasure.step, seen) {
        (ErasureStep::Number, _) => {
            forget_number(tx, erasure, who).await?;
            None
        }
        (ErasureStep::Recipients, _) => {
            deliveries = forget_recipients(tx, erasure, who, now).await?;
            None
        }
        (ErasureStep::Calls, Seen::Calls(calls, recorded, end)) => {
            let calls = still_so(tx, erasure, calls, &recorded).await?;
            let (transcripts, recordings) = tx.forget_calls(&calls).await?;
            erasure.erased.sessions += calls.len() as u64;
            erasure.erased.transcripts += transcripts;
            erasure.erased.recordings += recordings;
            erasure.needles.extend(calls.iter().map(|call| CallId::from(call.id).to_string()));
            end
        }
        (ErasureStep::Events, Seen::Events(events, end)) => {
            for event in events {
                match tx.delete_event(event, now).await? {
                    Some(sent) => {
                        erasure.erased.events += 1;
                        erasure.erased.deliveries += sent;
                    }
                    None => erasure.found = true, // it is on its way: the next pass will find it
                }
            }
            end
        }
        (ErasureStep::Attempts, _) => forget_said(tx, erasure, who, now).await?,
        (ErasureStep::Audit, _) => {
            let targets = erasure.needles.clone();
            let of_targets = match erasure.after {
                None => tx.forget_details_of(erasure.workspace_id, &targets).await?,
                Some(_) => 0,
            };
            let (named, end) = tx.forget_details(who, erasure.after.unwrap_or(Uuid::nil())).await?;
            erasure.erased.audit_details += of_targets + named;
            end
        }
        (ErasureStep::Rejects, Seen::Rejects(found)) => {
            for (of, cells) in found {
                erasure.erased.rejected_rows += tx.empty_rejects(of, &cells).await?;
            }
            None
        }
        (ErasureStep::Uploads, Seen::Uploads(uploads)) => {
            for upload in uploads {
                forget_upload(tx, erasure, upload).await?;
            }
            None
        }
        (ErasureStep::Answers, Seen::Answers(keys)) => {
            for key in keys {
                erasure.erased.kept_answers += tx.forget_kept_body(erasure.workspace_id, &key).await?;
            }
            None
        }
        // A step that looks has what it has seen.
        (_, _) => None,
    };
    Ok((after, deliveries))
}

async fn forget_number(tx: &mut Tx, erasure: &mut Erasure, who: Address) -> Result<()> {
    let under = tx.erase_under_number(who).await?;
    let (erased, needles) = (&mut erasure.erased, &mut erasure.needles);
    erased.leads += under.leads.len() as u64;
    erased.suppressions += under.suppressions.len() as u64;
    erased.replies += under.replies.len() as u64;
    erased.messages += under.messages;
    erased.contacts += under.contacts;
    // It stood on no list when this was ordered, so they have said stop since: what is forgotten of that is not that they did.
    erasure.bars |= !under.suppressions.is_empty();
    needles.extend(under.leads.iter().map(ToString::to_string));
    needles.extend(under.suppressions.iter().map(ToString::to_string));
    // What an answer was told with names the lead it then belonged to, which may be gone; the moment is the same.
    needles.extend(under.replies.iter().map(|&at| format!("\"respondedAt\":\"{}\"", rfc3339(at))));
    Ok(())
}

/// Who still waits ends SUPPRESSED, as nobody: that is told like any other end.
async fn forget_recipients(
    tx: &mut Tx,
    erasure: &mut Erasure,
    who: Address,
    now: DateTime<Utc>,
) -> Result<Vec<DeliveryId>> {
    let found = tx.recipients_to_forget(who, RECIPIENTS).await?;
    let campaigns: Vec<Uuid> = found.iter().map(|one| one.campaign_id).collect();
    let campaigns: HashMap<CampaignId, Campaign> =
        tx.hold_campaigns(&campaigns).await?.into_iter().map(|campaign| (campaign.id, campaign)).collect();
    let held = tx.hold_to_forget(&found).await?;
    tx.forget_recipients(&held).await?;
    erasure.erased.recipients += held.len() as u64;
    erasure.needles.extend(held.iter().map(|one| RecipientId::from(one.id).to_string()));
    let waiting: HashMap<Uuid, CampaignId> =
        held.iter().filter(|one| one.waits).map(|one| (one.id, one.campaign_id.into())).collect();
    let mut verdicts = Verdicts::default();
    for standing in tx.standings(&waiting.keys().copied().collect::<Vec<_>>()).await? {
        let Some(campaign) = waiting.get(&standing.id.uuid()) else { continue };
        verdicts.of_recipient(*campaign, &standing, Verdict::Never(Disposition::Suppressed, SUPPRESSED), now);
    }
    verdicts.write(tx).await?;
    let facts = completed_facts(&verdicts.completed, |id| campaigns.get(&id)).collect();
    let deliveries = publish(tx, facts, now).await?;
    tx.bump(verdicts.bumps).await?;
    Ok(deliveries)
}

/// What endpoints said to deliveries that tell of others.
async fn forget_said(
    tx: &mut Tx,
    erasure: &mut Erasure,
    who: Address,
    now: DateTime<Utc>,
) -> Result<Option<Uuid>> {
    let from = match erasure.after {
        Some(after) => Some(began(after)),
        None => tx.oldest_attempt().await?,
    };
    let Some(from) = from else { return Ok(None) };
    let until = from + ANSWERED;
    erasure.erased.endpoint_answers += tx.forget_said(who, from, until).await?;
    Ok((until < now).then(|| DeliveryId::first_at(until).uuid()))
}

/// The moment an id begins with (UUIDv7, RFC 9562 §5.7).
fn began(id: Uuid) -> DateTime<Utc> {
    DateTime::from_timestamp_millis((id.as_u128() >> 80) as i64).unwrap_or_default()
}

/// The whole file goes: its rows have no bounds that could be trusted, and it can be sent again without the person.
async fn forget_upload(tx: &mut Tx, erasure: &mut Erasure, upload: UploadId) -> Result<()> {
    if tx.hold_upload(erasure.workspace_id, upload).await?.is_none() {
        return Ok(());
    }
    match tx.is_upload_in_use(upload).await? {
        true => erasure.found = true, // an import reads it: the next pass will find it
        false => {
            tx.delete_upload(upload).await?;
            erasure.erased.uploads += 1;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_found_in_a_file_however_that_is_cut() {
        let spelled = Spelled::new(491_701_234_567, 49);
        let file = "name;phone\r\nAnna;\"+49 (170) 123-45 67\"\nBert;+49 170 1234568\n";
        let wide: Vec<u8> = file.encode_utf16().flat_map(u16::to_le_bytes).collect();
        for bytes in [file.as_bytes(), wide.as_slice()] {
            for cut in 0..bytes.len() {
                let mut cell = String::new();
                let (first, second) = bytes.split_at(cut);
                assert!(
                    holds(first, &mut cell, &spelled) || holds(second, &mut cell, &spelled),
                    "cut at {cut}"
                );
            }
        }
        let mut cell = String::new();
        assert!(!holds(b"Bert;+49 170 1234568\nAnna;+49 170 12345", &mut cell, &spelled));
        assert!(holds(b"67\n", &mut cell, &spelled), "it goes on with the next part");
    }
}
