//! Recipients as one call each, transcripts, and counters of several campaigns.

use ringfleet_core::{
    CounterKind, Disposition, EndedBy, Outcome, RecipientState, ScheduledCallState, WorkerId,
};
use ringfleet_store::{
    Bump, CallUpdate, NewCall, RecipientUpdate, ScheduledCall, ScheduledCallFilter, ScheduledCallSort, Tx,
};
use serde_json::json;

use crate::support::{Db, World, at, number};

/// Ends a call at this time, and its recipient so.
async fn end(
    tx: &mut Tx,
    call: &NewCall,
    outcome: Outcome,
    disposition: Option<Disposition>,
    (answered, ended): (Option<i64>, i64),
) {
    let update = CallUpdate {
        id: call.id,
        state: outcome.state(),
        hold: None,
        outcome: Some(outcome),
        reason: "test".into(),
        code: None,
        ended_by: Some(EndedBy::Callee),
        heard: None,
        due_at: None,
        unsent: false,
        answered_at: answered.map(at),
        ended_at: Some(at(ended)),
    };
    tx.update_calls(&[update]).await.unwrap();
    let done = RecipientUpdate {
        id: call.recipient_id.unwrap(),
        state: if disposition.is_some() { RecipientState::Done } else { RecipientState::Pending },
        step: 0,
        attempts: 1,
        total_attempts: 1,
        due_at: at(0),
        hold: None,
        ready_at: None,
        disposition,
        last_outcome: Some(outcome),
        last_reason: None,
        done_at: disposition.map(|_| at(ended)),
    };
    tx.update_recipients(&[done]).await.unwrap();
}

pub async fn each_recipient_is_one_call(db: Db) {
    use ScheduledCallState::{CallFinished, Pending, Rejected, Triggered, Unanswered};
    let world = World::calling(&db, 7).await;
    let worker = WorkerId::new(at(0));
    let calls = world.ring(&db, 6, worker).await;
    db.write(async |tx| {
        end(tx, &calls[0], Outcome::Answered, Some(Disposition::Reached), (Some(1_000), 4_500)).await;
        end(tx, &calls[1], Outcome::Voicemail, Some(Disposition::Exhausted), (Some(1_000), 2_000)).await;
        end(tx, &calls[2], Outcome::Failed, Some(Disposition::Exhausted), (None, 3_000)).await;
        end(tx, &calls[3], Outcome::Unanswered, None, (None, 3_500)).await; // is tried again
        end(tx, &calls[4], Outcome::Abandoned, Some(Disposition::Exhausted), (Some(1_000), 1_100)).await;
        Ok(())
    })
    .await;
    let list = async |filter: ScheduledCallFilter| {
        let found = db.read(async |tx| tx.scheduled_calls(world.campaign, &filter, 0, 100).await).await;
        let n = db.read(async |tx| tx.count_scheduled_calls(world.campaign, &filter, 1_000).await).await;
        assert_eq!(n, found.len() as u64, "{filter:?}");
        found
    };
    let of = |n: usize, found: &[ScheduledCall]| {
        found.iter().find(|call| Some(call.id.uuid()) == calls[n].recipient_id).unwrap().clone()
    };
    let found = list(ScheduledCallFilter::default()).await;
    let states = [CallFinished, Unanswered, Rejected, Pending, CallFinished, Triggered];
    for (n, state) in states.into_iter().enumerate() {
        assert_eq!(of(n, &found).status, state, "{n}");
        let only = ScheduledCallFilter { status: Some(state), ..ScheduledCallFilter::default() };
        assert!(list(only).await.contains(&of(n, &found)), "{n}");
    }
    assert_eq!(found.iter().filter(|call| call.status == Pending).count(), 2);
    let first = of(0, &found);
    assert_eq!((first.call_id.map(|id| id.uuid()), first.talked_ms), (Some(calls[0].id), 3_500));
    assert_eq!(
        (first.started_at, first.ended_at, first.updated_at),
        (Some(at(10)), Some(at(4_500)), at(4_500))
    );
    let again = of(3, &found);
    assert_eq!((again.call_id, again.started_at, again.ended_at), (None, None, None), "not again yet");
    let ids: Vec<_> = found.iter().map(|call| call.id).collect();
    assert!(ids.is_sorted_by(|a, b| a > b), "newest first");

    let by = |sort, ascending| ScheduledCallFilter { sort, ascending, ..ScheduledCallFilter::default() };
    let talked =
        |found: Vec<ScheduledCall>| -> Vec<i64> { found.iter().map(|call| call.talked_ms).collect() };
    assert_eq!(talked(list(by(ScheduledCallSort::Duration, false)).await), [3_500, 1_000, 100, 0, 0, 0, 0]);
    assert_eq!(talked(list(by(ScheduledCallSort::Duration, true)).await), [0, 0, 0, 0, 100, 1_000, 3_500]);
    for ascending in [false, true] {
        for sort in [ScheduledCallSort::Created, ScheduledCallSort::Updated, ScheduledCallSort::Status] {
            assert_eq!(list(by(sort, ascending)).await.len(), 7);
        }
        // What has no such moment comes last either way.
        for sort in [ScheduledCallSort::Started, ScheduledCallSort::Ended] {
            assert_eq!(list(by(sort, ascending)).await.last().unwrap().ended_at, None);
        }
    }
    let between = ScheduledCallFilter {
        least_ms: Some(100),
        most_ms: Some(1_999),
        ..by(ScheduledCallSort::Ended, true)
    };
    assert_eq!(talked(list(between).await), [100, 1_000]);
    let digits = ScheduledCallFilter {
        digits: Some(number(5).digits().to_string()),
        ..ScheduledCallFilter::default()
    };
    assert_eq!(list(digits).await.len(), 1);
    let page = async |offset| {
        let all = ScheduledCallFilter::default();
        db.read(async |tx| tx.scheduled_calls(world.campaign, &all, offset, 3).await).await
    };
    assert_eq!([page(0).await, page(3).await, page(6).await].concat(), found);
    let capped = db.read(async |tx| {
        tx.count_scheduled_calls(world.campaign, &by(ScheduledCallSort::Created, true), 3).await
    });
    assert_eq!(capped.await, 3);

    let one = async |workspace| db.read(async |tx| tx.scheduled_call(workspace, first.id).await).await;
    assert_eq!(one(world.workspace).await, Some(first.clone()));
    assert_eq!(one(World::new(&db).await.workspace).await, None);
}

pub async fn transcripts_are_kept(db: Db) {
    let world = World::new(&db).await;
    let call = world.new_call(None, at(0));
    db.write(async |tx| tx.insert_calls(std::slice::from_ref(&call), at(0)).await).await;
    let has = async || db.read(async |tx| tx.has_transcript(call.id.into()).await).await;
    assert!(!has().await);
    for (n, turns) in
        [json!([]), json!([{"role": "agent", "text": "Grüß \"Gott\"", "ts": "x"}])].iter().enumerate()
    {
        let ms = n as i64 + 5;
        db.write(async |tx| tx.set_transcript(world.workspace, call.id.into(), turns, at(ms)).await).await;
        let found = db.read(async |tx| tx.transcript(call.id.into()).await).await.unwrap();
        assert_eq!((&found.turns, found.updated_at, found.call_id.uuid()), (turns, at(ms), call.id));
    }
    assert!(has().await);
}

pub async fn campaigns_of_an_agent_and_their_counters(db: Db) {
    let (one, other) = (World::new(&db).await, World::new(&db).await);
    let new = World::new_campaign(one.agent, one.trunk);
    let second = db.write(async |tx| tx.insert_campaign(one.workspace, new, at(9)).await).await.id;
    let list = async |offset, limit| {
        let found =
            db.read(async |tx| tx.campaigns_of_agent(one.workspace, one.agent, offset, limit).await).await;
        found.into_iter().map(|campaign| campaign.id).collect::<Vec<_>>()
    };
    assert_eq!(list(0, 10).await, [second, one.campaign]);
    assert_eq!(list(1, 10).await, [one.campaign]);
    assert_eq!(list(0, 1).await, [second]);
    let count = async |workspace, agent| {
        db.read(async |tx| tx.count_campaigns_of_agent(workspace, agent).await).await
    };
    assert_eq!(count(one.workspace, one.agent).await, 2);
    assert_eq!(count(other.workspace, one.agent).await, 0);

    db.write(async |tx| {
        tx.bump(vec![
            Bump::new(one.campaign, CounterKind::Talk, "ms", 5),
            Bump::new(one.campaign, CounterKind::Hour, "2026-11-26T14", 1),
            Bump::new(second, CounterKind::Exhausted, "FAILED", 2),
            Bump::new(other.campaign, CounterKind::Talk, "ms", 7),
        ])
        .await
    })
    .await;
    let ids = [one.campaign.uuid(), second.uuid()];
    let kinds = [CounterKind::Talk, CounterKind::Exhausted];
    let mut found = db.read(async |tx| tx.counters_of(&ids, &kinds).await).await;
    found.sort_by_key(|kept| kept.n);
    let found: Vec<_> =
        found.iter().map(|kept| (kept.campaign_id, kept.kind, kept.name.as_str(), kept.n)).collect();
    assert_eq!(
        found,
        [(second, CounterKind::Exhausted, "FAILED", 2), (one.campaign, CounterKind::Talk, "ms", 5)]
    );
}
