//! Ends, runs, copies of lists, changed plans, and calls to be hung up.

use ringfleet_core::{
    CallState, CampaignId, CampaignState, Disposition, Hold, Outcome, RecipientId, RecipientState, WorkerId,
    replan::Place, terms::Due,
};
use ringfleet_store::{
    CallUpdate, CampaignSettings, CopiedRecipient, Copying, Listed, NewCampaign, Recipient, StoreError,
    fresh_ids,
};
use uuid::Uuid;

use crate::support::{Db, NONE, World, all, at, begin, sorted, wishes};

/// Recipients after these, due at once.
pub fn copies(listed: &[Listed]) -> Vec<CopiedRecipient> {
    let ids = fresh_ids(listed.len(), at(5));
    let copy = |(one, id): (&Listed, RecipientId)| CopiedRecipient {
        id: id.uuid(),
        after: one.id.uuid(),
        due_at: at(5),
        hold: None,
        ready_at: None,
    };
    listed.iter().zip(ids).map(copy).collect()
}

async fn another(db: &Db, world: &World, change: impl Fn(&mut NewCampaign)) -> CampaignId {
    let mut new = World::new_campaign(world.agent, world.trunk);
    change(&mut new);
    db.write(async |tx| tx.insert_campaign(world.workspace, new, at(1)).await).await.id
}

async fn recipients(db: &Db, campaign: CampaignId) -> Vec<Recipient> {
    db.read(async |tx| tx.recipients(campaign, Default::default(), all()).await).await
}

pub async fn what_is_due_is_found_at_its_time(db: Db) {
    let world = World::new(&db).await;
    let (mut ending, mut repeating) = (Vec::new(), Vec::new());
    for state in CampaignState::ALL {
        let id = another(&db, &world, |new| new.settings.end_at = Some(at(1000))).await;
        db.write(async |tx| {
            tx.set_campaign_state(id, *state, None, at(1)).await?;
            tx.set_next_run(id, Some(at(900))).await
        })
        .await;
        match state {
            CampaignState::Scheduled => (ending.push(id), repeating.push(id)).0,
            CampaignState::InProgress | CampaignState::Paused => ending.push(id),
            _ => {}
        }
    }
    db.write(async |tx| tx.set_campaign_state(world.campaign, CampaignState::InProgress, None, at(1)).await)
        .await;
    let mut tx = db.store.read().await.unwrap();
    let own = |ids: &[CampaignId]| sorted(ids.iter().map(|id| (world.workspace, *id)));
    assert_eq!(tx.campaigns_past_their_end(at(999)).await.unwrap(), []);
    assert_eq!(sorted(tx.campaigns_past_their_end(at(1000)).await.unwrap()), own(&ending));
    assert_eq!(tx.campaigns_to_run(at(899)).await.unwrap(), []);
    assert_eq!(tx.campaigns_to_run(at(900)).await.unwrap(), own(&repeating));
    assert_eq!(tx.campaigns_to_run(at(1000)).await.unwrap(), [], "nothing is repeated after its end");
    for (ms, calling) in [(999, 2), (1000, 1)] {
        assert_eq!(tx.running_campaigns(at(ms)).await.unwrap().len(), calling, "at {ms}");
    }
}

pub async fn one_run_for_each_time(db: Db) {
    let world = World::new(&db).await;
    let recurrence = r#"{"cron":"0 9 * * 1","timezone":"Europe/Berlin"}"#;
    let parent =
        another(&db, &world, |new| new.settings.recurrence = serde_json::from_str(recurrence).unwrap()).await;
    let read = async |id| db.read(async |tx| tx.campaign(world.workspace, id).await).await.unwrap();
    assert_eq!(serde_json::to_string(&read(parent).await.recurrence).unwrap(), recurrence);
    db.write(async |tx| {
        tx.set_campaign_state(parent, CampaignState::Scheduled, None, at(1)).await?;
        tx.set_next_run(parent, Some(at(5))).await
    })
    .await;
    assert_eq!(read(parent).await.next_run_at, Some(at(5)));
    let run = another(&db, &world, |_| {}).await;
    db.write(async |tx| tx.make_run(run, parent, at(5)).await).await;
    assert_eq!(read(run).await.parent_id, Some(parent));
    let had = async |ms| db.read(async |tx| tx.has_run_for(parent, at(ms)).await).await;
    assert_eq!((had(5).await, had(6).await), (true, false));
    let twin = another(&db, &world, |_| {}).await;
    let mut tx = db.store.write().await.unwrap();
    let refused = tx.make_run(twin, parent, at(5)).await;
    assert!(matches!(refused, Err(StoreError::Duplicate(_))), "{refused:?}");
    drop(tx);
    db.write(async |tx| tx.make_run(twin, parent, at(6)).await).await;
    let runs = async |workspace| db.read(async |tx| tx.runs(workspace, parent, all()).await).await;
    assert_eq!(sorted(runs(world.workspace).await.iter().map(|run| run.id)), sorted([run, twin]));
    assert_eq!(runs(World::new(&db).await.workspace).await, []);
    let open = async || db.read(async |tx| tx.has_open_run(parent).await).await;
    for id in [run, twin] {
        assert!(open().await);
        db.write(async |tx| tx.set_campaign_state(id, CampaignState::Finished, None, at(9)).await).await;
    }
    assert!(!open().await);
}

pub async fn a_list_is_copied_from_where_it_stands(db: Db) {
    let world = World::calling(&db, 5).await;
    let to = another(&db, &world, |_| {}).await;
    let only = [Disposition::Exhausted, Disposition::Expired];
    db.write(async |tx| {
        let waiting = tx.waiting_recipients(world.campaign, 3).await?;
        tx.end_recipients(waiting[..2].iter().map(|one| one.id), Disposition::Exhausted, "over", at(2))
            .await?;
        tx.end_recipients(waiting[2..].iter().map(|one| one.id), Disposition::Reached, "over", at(2)).await?;
        tx.order_copy(to, world.campaign, Some(&only)).await
    })
    .await;
    let unready = async || db.read(async |tx| tx.unready_campaigns().await).await;
    assert_eq!(
        unready().await.iter().map(|one| (one.id, one.starts_itself)).collect::<Vec<_>>(),
        [(to, false)]
    );
    let source = recipients(&db, world.campaign).await;
    let mut seen = Vec::new();
    loop {
        let mut tx = db.store.write().await.unwrap();
        let copying: Copying = tx.copying(to).await.unwrap().unwrap();
        let listed = tx.next_to_copy(&copying, 2).await.unwrap();
        let Some(last) = listed.last() else { break };
        seen.extend(listed.iter().map(|one| one.id));
        let wanted: Vec<Listed> = listed.iter().filter(|one| copying.wants(one)).cloned().collect();
        let copies = copies(&wanted);
        let made = tx.copy_recipients(to, 1, &copies, at(5)).await.unwrap();
        assert_eq!(sorted(made), sorted(copies.iter().map(|copy| copy.id)));
        assert_eq!(
            tx.copy_recipients(to, 1, &self::copies(&wanted), at(5)).await.unwrap(),
            NONE,
            "never twice"
        );
        tx.copied_to(to, last.id).await.unwrap();
        tx.commit().await.unwrap();
    }
    let in_order: Vec<RecipientId> = source.iter().rev().map(|one| one.id).collect();
    assert_eq!(seen, in_order, "everybody was looked at, in the order of the list");
    let copied = recipients(&db, to).await;
    let ended: Vec<&Recipient> =
        source.iter().filter(|one| one.disposition == Some(Disposition::Exhausted)).collect();
    assert_eq!((copied.len(), ended.len()), (2, 2));
    for (copy, original) in copied.iter().zip(ended) {
        assert_eq!((copy.number, &copy.variables), (original.number, &original.variables));
        assert_eq!((copy.state, copy.step, copy.attempts), (RecipientState::Pending, 1, 0));
        assert_eq!((copy.disposition, copy.due_at), (None, at(5)));
    }
    db.write(async |tx| tx.end_copy(to).await).await;
    assert!(unready().await.is_empty());
}

pub async fn settings_are_kept(db: Db) {
    let world = World::new(&db).await;
    let before = db.read(async |tx| tx.campaign(world.workspace, world.campaign).await).await.unwrap();
    let mut settings: CampaignSettings = before.settings();
    settings.name = "Winter".into();
    settings.plan.steps.truncate(1);
    settings.limits.max_live_calls = Some(3);
    settings.seats = serde_json::from_str(r#"{"count":20,"callRatio":1.5}"#).unwrap();
    (settings.ring_seconds, settings.max_call_seconds) = (7, 70);
    settings.schedule = ringfleet_core::Schedule::daytime();
    settings.caps.max_per_24h = Some(2);
    (settings.dupe_days, settings.expire_days) = (Some(4), Some(5));
    (settings.start_at, settings.end_at) = (Some(at(1)), Some(at(2)));
    settings.recurrence = serde_json::from_str(r#"{"cron":"0 9 * * 1","timezone":"UTC"}"#).unwrap();
    db.write(async |tx| tx.update_campaign(world.campaign, &settings).await).await;
    let after = db.read(async |tx| tx.campaign(world.workspace, world.campaign).await).await.unwrap();
    assert_eq!(after.settings(), settings);
    assert_eq!(
        (after.state, after.created_at, after.agent_id),
        (before.state, before.created_at, before.agent_id)
    );
    db.write(async |tx| tx.update_campaign(world.campaign, &before.settings()).await).await;
    let back = db.read(async |tx| tx.campaign(world.workspace, world.campaign).await).await.unwrap();
    assert_eq!(back, before, "what is taken away is gone");
}

pub async fn recipients_find_their_places(db: Db) {
    let world = World::calling(&db, 4).await;
    let worker = WorkerId::new(at(0));
    world.ring(&db, 1, worker).await;
    db.write(async |tx| {
        let waiting = tx.waiting_recipients(world.campaign, 1).await?;
        tx.end_recipients(waiting.iter().map(|one| one.id), Disposition::Cancelled, "over", at(2)).await?;
        tx.replanned_to(world.campaign, Some(Uuid::nil())).await
    })
    .await;
    let mut tx = db.store.write().await.unwrap();
    let found = tx.next_to_place(world.campaign, Uuid::nil(), 2).await.unwrap();
    let rest = tx.next_to_place(world.campaign, found[1].id.uuid(), 2).await.unwrap();
    assert_eq!((found.len(), rest.len()), (2, 2));
    let of = |state| found.iter().chain(&rest).filter(|one| one.state == state).count();
    assert_eq!([RecipientState::Pending, RecipientState::Active, RecipientState::Done].map(of), [2, 1, 1]);
    tx.place_recipients(&[(found[0].id, Place { step: 2, attempts: 1 })]).await.unwrap();
    tx.replanned_to(world.campaign, None).await.unwrap();
    tx.commit().await.unwrap();
    let moved = recipients(&db, world.campaign).await.into_iter().find(|one| one.id == found[0].id).unwrap();
    assert_eq!((moved.step, moved.attempts, moved.state), (2, 1, found[0].state));
}

pub async fn recipients_end_as_told_and_are_called_back(db: Db) {
    let world = World::calling(&db, 3).await;
    let ended = db
        .write(async |tx| {
            let waiting = tx.waiting_recipients(world.campaign, 2).await?;
            assert!(waiting.iter().all(|one| (one.due_at, one.hold) == (at(0), None)));
            tx.end_recipients(waiting.iter().map(|one| one.id), Disposition::Expired, "over", at(7)).await
        })
        .await;
    assert_eq!(ended, 2);
    let done = recipients(&db, world.campaign).await;
    let done: Vec<&Recipient> =
        done.iter().filter(|one| one.disposition == Some(Disposition::Expired)).collect();
    assert_eq!((done.len(), done[0].state, done[0].done_at), (2, RecipientState::Done, Some(at(7))));
    let again = db.write(async |tx| {
        tx.end_recipients(done.iter().map(|one| one.id), Disposition::Cancelled, "over", at(8)).await
    });
    assert_eq!(again.await, 0, "once is enough");
    let one = done[0].id;
    let back = Due { at: at(100), hold: Some(Hold::Retry), ready_at: Some(at(90)) };
    db.write(async |tx| {
        assert!(tx.recipient_for_update(CampaignId::new(at(0)), one).await?.is_none(), "of another campaign");
        assert!(tx.recipient_for_update(world.campaign, one).await?.is_some());
        tx.call_back(one, back).await
    })
    .await;
    let open = db.read(async |tx| tx.recipient(world.campaign, one).await).await.unwrap();
    assert_eq!((open.state, open.due_at, open.hold), (RecipientState::Pending, at(100), Some(Hold::Retry)));
    assert_eq!((open.disposition, open.done_at), (None, None));
}

pub async fn live_calls_are_hung_up_once(db: Db) {
    let (world, other) = (World::calling(&db, 4).await, World::calling(&db, 1).await);
    let (one, two) = (WorkerId::new(at(0)), WorkerId::new(at(1)));
    let mine = world.ring(&db, 2, one).await;
    world.ring(&db, 1, two).await;
    let waits = world.queue(&db, 1).await;
    other.ring(&db, 1, one).await;
    let to_hang_up = async |worker| {
        let found = db.read(async |tx| tx.calls_to_hang_up(worker).await).await;
        sorted(found.iter().map(|id| id.uuid()))
    };
    assert_eq!(to_hang_up(one).await, NONE);
    assert_eq!(db.write(async |tx| tx.order_hang_ups(world.campaign).await).await, 3);
    assert_eq!(db.write(async |tx| tx.order_hang_ups(world.campaign).await).await, 3, "asked once more");
    assert_eq!(to_hang_up(one).await, sorted(mine.iter().map(|call| call.id)));
    assert_eq!(to_hang_up(two).await.len(), 1);
    // One is over, and one has come back and gone out again: that time was not meant.
    db.write(async |tx| {
        let back = crate::calls::ended(mine[1].id, Outcome::Unanswered);
        let back = CallUpdate { state: CallState::Pending, outcome: None, ended_at: None, ..back };
        tx.update_calls(&[crate::calls::ended(mine[0].id, Outcome::Answered), back]).await?;
        begin(tx, &wishes(&mine[1..], one), at(10)).await
    })
    .await;
    assert_eq!(to_hang_up(one).await, NONE);
    assert_eq!(db.write(async |tx| tx.forget_hang_ups().await).await, 2);
    assert_eq!(to_hang_up(two).await.len(), 1, "its call is still live");
    db.write(async |tx| begin(tx, &wishes(&waits, two), at(10)).await).await;
    assert_eq!(to_hang_up(two).await.len(), 1, "one that began later is not meant");
}
