//! What was tried before with the same person: what an agent is told of it, and what messages can say.

use chrono::{DateTime, Utc};
use ringfleet_core::{CallId, Channel, Outcome, RecipientId, WorkspaceId, clock::rfc3339};
use ringfleet_store::{Call, CallFilter, Page, Tx};
use serde_json::{Map, Value, json};

use crate::Result;

/// Calls and messages of the same person that are looked at, the latest ones.
const LOOKED_AT: u32 = 20;
/// Longest history as JSON, in bytes: what a first message can carry beside everything else. What was said first is left out first.
const HISTORY_LIMIT: usize = 8 * 1024;

/// One attempt that is over.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tried {
    call: CallId,
    channel: Channel,
    outcome: Outcome,
    reason: Option<String>,
    at: Option<DateTime<Utc>>,
    /// `[{role, text, ts}]`, where somebody has told it.
    transcript: Option<Value>,
}

/// What came of earlier calls and messages to a recipient, the first one first; `this` is the one that is about to begin.
pub(crate) async fn tried_before(
    tx: &mut Tx,
    workspace: WorkspaceId,
    recipient: Option<RecipientId>,
    this: CallId,
) -> Result<Vec<Tried>> {
    let Some(recipient) = recipient else { return Ok(Vec::new()) };
    let of_recipient = CallFilter { recipient: Some(recipient), ..CallFilter::default() };
    let mut calls = tx.calls(workspace, of_recipient, Page::first(LOOKED_AT)).await?;
    calls.reverse();
    Ok(calls.into_iter().filter(|call| call.id != this).filter_map(over).collect())
}

fn over(call: Call) -> Option<Tried> {
    Some(Tried {
        call: call.id,
        channel: call.channel,
        outcome: call.outcome?,
        reason: call.reason,
        at: call.ended_at,
        transcript: None,
    })
}

/// The same with what was said in the calls.
pub(crate) async fn with_transcripts(tx: &mut Tx, mut tried: Vec<Tried>) -> Result<Vec<Tried>> {
    for one in tried.iter_mut().filter(|one| one.channel == Channel::Voice && one.outcome.was_answered()) {
        one.transcript = tx.transcript(one.call).await?.map(|told| told.turns);
    }
    Ok(tried)
}

/// As variables of a message: `tried.times`, and of the last one `tried.channel`, `tried.outcome` and `tried.at`.
pub(crate) fn variables(tried: &[Tried]) -> Map<String, Value> {
    let mut told = Map::from_iter([("tried.times".to_owned(), tried.len().into())]);
    if let Some(last) = tried.last() {
        told.insert("tried.channel".into(), last.channel.as_str().into());
        told.insert("tried.outcome".into(), last.outcome.as_str().into());
        told.extend(last.at.map(|at| ("tried.at".to_owned(), rfc3339(at).into())));
    }
    told
}

/// As JSON for an agent: `[{channel, outcome, reason, at, transcript}]`; none where nothing was tried. Too long, it loses what was said, and then
/// whole attempts, the oldest first.
pub(crate) fn history(mut tried: Vec<Tried>) -> Option<String> {
    loop {
        if tried.is_empty() {
            return None;
        }
        let told = Value::Array(tried.iter().map(shown).collect()).to_string();
        if told.len() <= HISTORY_LIMIT {
            return Some(told);
        }
        match tried
            .iter_mut()
            .find_map(|one| one.transcript.as_mut()?.as_array_mut().filter(|turns| !turns.is_empty()))
        {
            Some(turns) => drop(turns.remove(0)),
            None => drop(tried.remove(0)),
        }
    }
}

fn shown(tried: &Tried) -> Value {
    let mut shown = json!({
        "channel": tried.channel, "outcome": tried.outcome, "reason": tried.reason, "at": tried.at.map(rfc3339),
    });
    if let Some(turns) = &tried.transcript {
        shown["transcript"] = turns.clone();
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tried(n: u128, channel: Channel, outcome: Outcome, transcript: Option<Value>) -> Tried {
        let call = uuid::Uuid::from_u128(n).into();
        let at = DateTime::from_timestamp_millis(1_700_000_000_000 + n as i64);
        Tried { call, channel, outcome, reason: Some("x".into()), at, transcript }
    }

    #[test]
    fn the_last_attempt_can_be_spoken_of() {
        let two =
            [tried(1, Channel::Voice, Outcome::Voicemail, None), tried(2, Channel::Sms, Outcome::Sent, None)];
        let told = variables(&two);
        assert_eq!((told["tried.times"].clone(), told["tried.channel"].clone()), (json!(2), json!("sms")));
        assert_eq!(told["tried.outcome"], "SENT");
        assert_eq!(variables(&[]).len(), 1);
        assert_eq!(history(Vec::new()), None);
    }

    #[test]
    fn a_long_history_loses_its_beginning() {
        let turn = |n: usize| json!({"role": "user", "text": format!("{n} {}", "x".repeat(500)), "ts": null});
        let turns = Value::Array((0..40).map(turn).collect());
        let told = history(vec![
            tried(1, Channel::Voice, Outcome::Unanswered, None),
            tried(2, Channel::Voice, Outcome::Answered, Some(turns)),
        ]);
        let told: Vec<Value> = serde_json::from_str(&told.unwrap()).unwrap();
        assert_eq!(told.len(), 2);
        let kept = told[1]["transcript"].as_array().unwrap();
        assert!(kept.len() > 5 && kept.last().unwrap()["text"].as_str().unwrap().starts_with("39 "));
        assert!(told[0].get("transcript").is_none());
    }
}
