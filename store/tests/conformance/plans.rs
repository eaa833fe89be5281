//! On PostgreSQL no hot statement reads a table from end to end, not even when its statistics are missing or out of date.
//!
//! Measured, not guessed from a plan: how many rows of each table the server has read for the statement.

use ringfleet_core::{
    CallState, CampaignId, CampaignState, Disposition, RecipientState, WorkerId, delivery::DeliveryState,
    replan::Place,
};
use ringfleet_store::{
    Answered, Begin, CallFilter, Copying, DeliveryFilter, GivenUp, Kept, Over, RecipientFilter, Replay,
    Result, Store, Tx,
};
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use crate::{
    lifecycle::copies,
    support::{Db, Place as At, SOON, World, at, begin, claim, eventually, page},
};

/// What a statement may read that touches a thousand rows: each of them once by an index and again to write it, with room.
const MOST: i64 = 12_000;

/// 100,000 recipients and as many calls and deliveries of one campaign; a thousand of each wait, the others are over.
/// Beside it a list of 100,000 that nobody has been called of yet.
const FILL: &str = "
    INSERT INTO recipients (id, campaign_id, number, variables, state, step, attempts, total_attempts, due_at, created_at)
    SELECT ('01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, c.id, 4930000000 + n, '{}',
           CASE WHEN n % 100 = 0 THEN 'PENDING' ELSE 'DONE' END, 0, 0, 0, c.created_at, c.created_at
    FROM campaigns c, generate_series(1, 100000) AS n WHERE c.state = 'IN_PROGRESS';
    INSERT INTO recipients (id, campaign_id, number, variables, state, step, attempts, total_attempts, due_at, created_at)
    SELECT ('01800000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, c.id, 4930000000 + n, '{}', 'PENDING', 0, 0, 0, c.created_at, c.created_at
    FROM campaigns c, generate_series(1, 100000) AS n WHERE c.state = 'PAUSED';
    INSERT INTO calls (id, workspace_id, campaign_id, recipient_id, agent_id, trunk_id, channel, number, variables, metadata,
                       ring_seconds, max_call_seconds, step, attempt, placements, state, due_at, created_at)
    SELECT r.id, c.workspace_id, c.id, r.id, c.agent_id, c.trunk_id, 'voice', r.number, '{}', '{}', 30, 300, 0, 1, 0,
           CASE WHEN r.state = 'PENDING' THEN 'PENDING' ELSE 'UNANSWERED' END, c.created_at, c.created_at
    FROM recipients r JOIN campaigns c ON c.id = r.campaign_id WHERE c.state = 'IN_PROGRESS';
    INSERT INTO webhooks (id, workspace_id, url, events, secret, created_at, updated_at)
    SELECT c.id, c.workspace_id, 'http://localhost/', '[]', 'x', c.created_at, c.created_at FROM campaigns c WHERE c.state = 'IN_PROGRESS';
    INSERT INTO events (id, workspace_id, type, body, created_at)
    SELECT c.id, c.workspace_id, 'session.ended', '{}', c.created_at FROM calls c;
    INSERT INTO deliveries (id, workspace_id, event_id, webhook_id, state, attempts, due_at, created_at)
    SELECT c.id, c.workspace_id, c.id, c.campaign_id, CASE WHEN c.state = 'PENDING' THEN 'PENDING' ELSE 'DELIVERED' END, 0,
           c.due_at, c.created_at FROM calls c;
";

/// Ends waiting recipients of a campaign; gives how many.
async fn end(tx: &mut Tx, campaign: CampaignId, limit: u32) -> Result<u64> {
    let waiting = tx.waiting_recipients(campaign, limit).await?;
    tx.end_recipients(waiting.iter().map(|one| one.id), Disposition::Cancelled, "over", at(1)).await
}

/// So that the server does not take statistics in the middle of a test.
const UNWATCHED: &str = "
    ALTER TABLE recipients SET (autovacuum_enabled = false);
    ALTER TABLE calls SET (autovacuum_enabled = false);
    ALTER TABLE deliveries SET (autovacuum_enabled = false);
    ALTER TABLE events SET (autovacuum_enabled = false);
";

/// The statistics the planner has while the statements run.
#[derive(Debug, Clone, Copy)]
enum Statistics {
    /// Right after a bulk import, before autovacuum has come round.
    None,
    /// Taken while the tables were as good as empty.
    OfEmptyTables,
    Current,
}

struct Bench {
    url: String,
    world: World,
    empty: CampaignId,
    fresh: CampaignId,
}

impl Bench {
    async fn new(statistics: Statistics) -> Self {
        let db = Db::postgres().await;
        let At::Postgres(url) = db.place.clone() else { unreachable!("it was asked for") };
        db.place.raw(UNWATCHED).await;
        let empty = World::new(&db).await.campaign;
        let fresh = World::new(&db).await;
        fresh.set(&db, CampaignState::Paused).await;
        let world = World::new(&db).await;
        world.set(&db, CampaignState::InProgress).await;
        if let Statistics::OfEmptyTables = statistics {
            db.place.raw("ANALYZE").await;
        }
        db.place.raw(FILL).await;
        if let Statistics::Current = statistics {
            db.place.raw("ANALYZE").await;
        }
        db.store.close().await;
        Self { url, world, empty, fresh: fresh.campaign }
    }

    /// Rows of the big tables read so far, by scans and by indexes.
    async fn rows_read(&self) -> i64 {
        let mut conn = PgConnection::connect(&self.url).await.unwrap();
        sqlx::query_scalar(
            "SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint FROM pg_stat_user_tables
             WHERE relname IN ('recipients', 'calls', 'deliveries', 'events')",
        )
        .fetch_one(&mut conn)
        .await
        .unwrap()
    }

    /// Rows read by `work`, on average of seven runs on one connection (from the sixth on PostgreSQL may settle on one plan for
    /// any values), each rolled back.
    async fn reads(&self, work: impl AsyncFn(&mut Tx) -> Result<()>) -> i64 {
        self.reads_in(async |store| store.write().await, work).await
    }

    /// The same in a transaction of statements that look up many rows by their ids.
    async fn reads_many(&self, work: impl AsyncFn(&mut Tx) -> Result<()>) -> i64 {
        self.reads_in(async |store| store.write_many().await, work).await
    }

    async fn reads_in(
        &self,
        begin: impl AsyncFn(&Store) -> Result<Tx>,
        work: impl AsyncFn(&mut Tx) -> Result<()>,
    ) -> i64 {
        let before = self.rows_read().await;
        let store = Store::postgres(&self.url, 1).await.unwrap();
        for _ in 0..7 {
            let mut tx = begin(&store).await.unwrap();
            work(&mut tx).await.unwrap();
        }
        self.end(store).await;
        (self.rows_read().await - before) / 7
    }

    /// Closes the store and waits for its connections to end: at the latest then they report what they have read.
    async fn end(&self, store: Store) {
        store.close().await;
        eventually(SOON, "the connection ends", async || {
            let mut conn = PgConnection::connect(&self.url).await.unwrap();
            let open: i64 = sqlx::query_scalar(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'ringfleet' AND datname = current_database()",
            )
            .fetch_one(&mut conn)
            .await
            .unwrap();
            (open == 0).then_some(())
        })
        .await;
    }
}

/// The two hundred calls that wait at the front; their recipients and deliveries have the same ids.
fn waiting() -> Vec<Uuid> {
    (1..=200_u128).map(|n| Uuid::from_u128(0x01900000_0000_7000_8000_000000000000 + n * 100)).collect()
}

async fn check(statistics: Statistics) {
    let bench = Bench::new(statistics).await;
    let World { workspace, campaign, .. } = bench.world;
    let (empty, fresh, worker) = (bench.empty, bench.fresh, WorkerId::new(at(0)));
    // The two hundred calls that wait at the front; their recipients and deliveries have the same ids.
    let ids: Vec<Uuid> =
        (1..=200_u128).map(|n| Uuid::from_u128(0x01900000_0000_7000_8000_000000000000 + n * 100)).collect();
    let ids = &ids;
    let wishes: Vec<Begin> = ids
        .iter()
        .map(|&id| Begin {
            id,
            campaign: Some(campaign),
            trunk: bench.world.trunk,
            caller_id: None,
            trunk_has_pool: false,
            agent_version: ringfleet_core::AgentVersion::FIRST,
            worker: worker.uuid(),
            resume: serde_json::json!({}),
            traceparent: None,
        })
        .collect();
    let mut slow = Vec::new();
    macro_rules! measure {
        ($how:ident; $($name:literal: |$tx:ident| $work:expr;)+) => {$(
            let read = bench.$how(async |$tx| { $work; Ok(()) }).await;
            println!("{statistics:?}: {} reads {read} rows", $name);
            if read > MOST {
                slow.push(format!("{} reads {read} rows", $name));
            }
        )+};
    }
    measure! {
        reads;
        "claim": |tx| assert_eq!(claim(tx, campaign, 200, at(1)).await?.len(), 200);
        "claim from a fresh list": |tx| assert_eq!(claim(tx, fresh, 200, at(1)).await?.len(), 200);
        "a fresh list is open": |tx| assert!(tx.has_open_recipients(fresh).await?);
        "claim nobody": |tx| assert_eq!(claim(tx, empty, 200, at(1)).await?.len(), 0);
        "push": |tx| assert_eq!(tx.calls_to_push(200, at(1)).await?.len(), 200);
        "push again": |tx| assert_eq!(tx.calls_to_push_again(at(1), 200, at(1)).await?.len(), 0);
        "dials": |tx| assert_eq!(tx.dials(ids).await?.len(), 200);
        "begin": |tx| assert_eq!(begin(tx, &wishes, at(1)).await?.len(), 200);
        "begin and open": |tx| {
            begin(tx, &wishes, at(1)).await?;
            let owned: Vec<_> = ids.iter().map(|&id| (id, worker)).collect();
            assert_eq!(tx.open_calls(&owned).await?.len(), 200);
        };
        "settle": |tx| {
            let updates: Vec<_> =
                ids.iter().map(|&id| crate::calls::ended(id, ringfleet_core::Outcome::Answered)).collect();
            tx.update_calls(&updates).await?;
            tx.activate_recipients(ids).await?;
            assert_eq!(tx.standings(ids).await?.len(), 200);
        };
        "a call and its kin": |tx| assert_eq!(tx.hold_call_and_kin(ids[0].into()).await?.len(), 1);
        "calls by id": |tx| assert_eq!(tx.calls_by_id(ids).await?.len(), 200);
        "open recipients": |tx| assert!(tx.has_open_recipients(campaign).await?);
        "no open recipients": |tx| assert!(!tx.has_open_recipients(empty).await?);
        "no recipients": |tx| assert!(!tx.has_recipients(empty).await?);
        "claimed recipients": |tx| assert_eq!(tx.claimed_recipients(campaign).await?.len(), 1);
        "waiting calls": |tx| assert_eq!(tx.count_waiting_calls(campaign).await?, 1000);
        "queues": |tx| assert_eq!(tx.queues().await?.iter().map(|queue| queue.waiting).max(), Some(1000));
        "running": |tx| assert!(tx.running_campaigns(at(1)).await?.iter().any(|running| running.has_due));
        "pushed calls": |tx| assert_eq!(tx.count_pushed_calls(at(0)).await?, 0);
        "live calls": |tx| assert_eq!(tx.live_calls(campaign).await?, (0, 0));
        "live on a trunk": |tx| assert_eq!(tx.live_calls_on_trunk(bench.world.trunk, at(0)).await?, 0);
        "hold for a trunk": |tx| assert_eq!(tx.hold_for_trunk(bench.world.trunk, ids, at(9)).await?.len(), 200);
        "let go": |tx| assert_eq!(tx.let_go(bench.world.trunk, 200, at(1)).await?, 0);
        "stranded": |tx| assert_eq!(tx.stranded_calls(campaign, &[bench.world.trunk.uuid()], 200).await?.len(), 0);
        "waiting by trunk": |tx| assert_eq!(tx.waiting_calls_by_trunk().await?.len(), 1);
        "due trunks": |tx| assert_eq!(tx.due_trunks(at(1)).await?.len(), 0);
        "pause": |tx| tx.withdraw_waiting_calls(campaign).await?;
        "release": |tx| tx.release_recipients(ids.iter().copied()).await?;
        "end": |tx| assert_eq!(end(tx, campaign, 1000).await?, 1000);
        "end a fresh list": |tx| assert_eq!(end(tx, fresh, 1000).await?, 1000);
        "due to run": |tx| assert_eq!(tx.campaigns_to_run(at(1)).await?.len(), 0);
        "past their end": |tx| assert_eq!(tx.campaigns_past_their_end(at(1)).await?.len(), 0);
        "unready": |tx| assert_eq!(tx.unready_campaigns().await?.len(), 0);
        "open runs": |tx| assert!(!tx.has_open_run(campaign).await?);
        "copy a list": |tx| {
            let copying = Copying { copies_from: campaign, copied_to: None, copies_only: None };
            let listed = tx.next_to_copy(&copying, 1000).await?;
            assert_eq!(listed.len(), 1000);
            assert_eq!(tx.copy_recipients(empty, 0, &copies(&listed), at(1)).await?.len(), 1000);
        };
        "place": |tx| {
            let found = tx.next_to_place(campaign, Uuid::nil(), 1000).await?;
            let places: Vec<_> = found.iter().map(|p| (p.id, Place { step: 1, attempts: 0 })).collect();
            assert_eq!(places.len(), 1000);
            tx.place_recipients(&places).await?;
        };
        "ask for hang-ups": |tx| assert_eq!(tx.order_hang_ups(campaign).await?, 0);
        "winding up": |tx| assert_eq!(tx.campaigns_winding_up().await?.len(), 0);
        "cancel held calls": |tx| assert_eq!(tx.cancel_held_calls(campaign, "x", at(1)).await?.len(), 0);
        "push deliveries": |tx| assert_eq!(tx.deliveries_to_push(None, 200, at(1)).await?.len(), 200);
        "lease deliveries": |tx| assert_eq!(tx.begin_deliveries(ids, at(9), at(1)).await?.len(), 200);
        "pushed deliveries": |tx| assert_eq!(tx.count_pushed_deliveries(at(0), at(1)).await?, 0);
        "page of deliveries": |tx| {
            let filter = DeliveryFilter { state: Some(DeliveryState::Pending), ..DeliveryFilter::default() };
            assert_eq!(tx.deliveries(campaign.uuid().into(), filter, page(None, 20)).await?.len(), 20);
        };
        "dead deliveries": |tx| {
            let dead = Replay { over: Over::Dead, event: None, from: None, until: None };
            assert_eq!(tx.replay_deliveries(campaign.uuid().into(), dead, Uuid::nil(), 200, at(1)).await?.len(), 0);
        };
        "deliveries of a day": |tx| {
            let that_day = Replay { over: Over::Delivered, event: None, from: Some(at(86_400_000)), until: None };
            assert_eq!(tx.replay_deliveries(campaign.uuid().into(), that_day, Uuid::nil(), 200, at(1)).await?.len(), 0);
        };
        "delete an endpoint": |tx| assert!(tx.delete_webhook(workspace, campaign.uuid().into(), None, at(1)).await?);
        "give up deliveries": |tx| {
            let gone = GivenUp { id: campaign.uuid().into(), given_up_at: at(9), is_deleted: true };
            assert_eq!(tx.give_up_deliveries(&gone, 500, at(9)).await?, 500);
        };
        "page of recipients": |tx| {
            let filter = RecipientFilter { state: Some(RecipientState::Pending), disposition: None, ..Default::default() };
            assert_eq!(tx.recipients(campaign, filter, page(None, 20)).await?.len(), 20);
        };
        "page of claimed recipients": |tx| {
            let filter = RecipientFilter { state: Some(RecipientState::Queued), disposition: None, ..Default::default() };
            assert_eq!(tx.recipients(campaign, filter, page(None, 20)).await?.len(), 20);
        };
        "calls of a recipient": |tx| {
            let filter = CallFilter { recipient: Some(ids[7].into()), ..CallFilter::default() };
            assert_eq!(tx.calls(workspace, filter, page(None, 50)).await?.len(), 1);
        };
    }
    measure! {
        reads_many;
        "calls of recipients": |tx| drop(tx.calls_of_recipients(ids).await?);
        "hang-ups": |tx| assert_eq!(tx.calls_to_hang_up(worker).await?.len(), 0);
        "forget hang-ups": |tx| assert_eq!(tx.forget_hang_ups().await?, 0);
        "adopt": |tx| assert_eq!(tx.adopt_orphans(worker, 500).await?.len(), 0);
        "orphans": |tx| assert_eq!(tx.mark_orphans(at(1)).await?.len(), 0);
        "begun by a worker": |tx| assert_eq!(tx.begun_by(worker).await?.len(), 0);
    }
    // Nobody waits for this one but a person, so it may take a detour until the server has counted its rows.
    if let Statistics::Current = statistics {
        measure! {
            reads;
            "page of calls": |tx| {
                let filter = CallFilter { state: Some(CallState::Unanswered), ..CallFilter::default() };
                assert_eq!(tx.calls(workspace, filter, page(Some(ids[199]), 50)).await?.len(), 50);
            };
        }
    }
    assert!(slow.is_empty(), "with {statistics:?} statistics: {slow:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_no_statistics() {
    check(Statistics::None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_statistics_of_empty_tables() {
    check(Statistics::OfEmptyTables).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_current_statistics() {
    check(Statistics::Current).await;
}

/// A connection that has run the hot statements on small tables does not read the grown ones from end to end.
#[tokio::test(flavor = "multi_thread")]
async fn plans_are_not_outgrown() {
    let db = Db::postgres().await;
    let At::Postgres(url) = db.place.clone() else { unreachable!("it was asked for") };
    db.place.raw(UNWATCHED).await;
    let world = World::calling(&db, 20).await;
    world.queue(&db, 10).await;
    db.store.close().await;
    let store = Store::postgres(&url, 1).await.unwrap();
    let ids = waiting();
    let work = async || {
        let mut tx = store.write().await.unwrap();
        claim(&mut tx, world.campaign, 100, at(1)).await.unwrap();
        drop(tx);
        // The plans of these are kept.
        let mut tx = store.write_many().await.unwrap();
        let begin = |&id: &Uuid| Begin {
            id,
            campaign: None,
            trunk: world.trunk,
            caller_id: None,
            trunk_has_pool: false,
            agent_version: ringfleet_core::AgentVersion::FIRST,
            worker: id,
            resume: serde_json::json!({}),
            traceparent: None,
        };
        let begun =
            crate::support::begin(&mut tx, &ids.iter().map(begin).collect::<Vec<_>>(), at(1)).await.unwrap();
        tx.activate_recipients(&ids).await.unwrap();
        let answered = |&id: &Uuid| Answered { id, worker: id, at: at(1), seat: None };
        tx.answer_calls(&ids.iter().map(answered).collect::<Vec<_>>()).await.unwrap();
        let kept = |&id: &Uuid| Kept { id, worker: id, resume: serde_json::json!({}) };
        tx.keep_resumes(&ids.iter().map(kept).collect::<Vec<_>>()).await.unwrap();
        tx.dials(&ids).await.unwrap();
        let owned: Vec<_> = ids.iter().map(|&id| (id, WorkerId::from(id))).collect();
        tx.open_calls(&owned).await.unwrap();
        let ended = |&id: &Uuid| crate::calls::ended(id, ringfleet_core::Outcome::Answered);
        tx.update_calls(&ids.iter().map(ended).collect::<Vec<_>>()).await.unwrap();
        tx.standings(&ids).await.unwrap();
        let settled = ids.iter().map(|&id| crate::claims::update(id.into(), 0)).collect::<Vec<_>>();
        tx.update_recipients(&settled).await.unwrap();
        begun.len()
    };
    for _ in 0..10 {
        assert_eq!(work().await, 0, "none of them is there yet");
    }
    db.place.raw(FILL).await;
    let bench = Bench { url, world, empty: world.campaign, fresh: world.campaign };
    let before = bench.rows_read().await;
    for _ in 0..5 {
        assert_eq!(work().await, 200);
    }
    bench.end(store).await;
    let read = (bench.rows_read().await - before) / 5;
    println!("after growth: {read} rows");
    assert!(read <= MOST, "all of them together read {read} rows");
}

/// The first campaign of an installation: its list has just been imported, and the server knows nothing of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_first_list_is_claimed_in_order() {
    let db = Db::postgres().await;
    let At::Postgres(url) = db.place.clone() else { unreachable!("it was asked for") };
    db.place.raw(UNWATCHED).await;
    let world = World::new(&db).await;
    world.set(&db, CampaignState::Paused).await;
    db.store.close().await;
    db.place.raw(FILL).await;
    let bench = Bench { url, world, empty: world.campaign, fresh: world.campaign };
    let claim = bench.reads(async |tx| {
        assert_eq!(claim(tx, world.campaign, 50, at(1)).await?.len(), 50);
        assert!(tx.has_open_recipients(world.campaign).await?);
        assert!(tx.has_recipients(world.campaign).await?);
        Ok(())
    });
    let read = claim.await;
    println!("the first list: {read} rows");
    assert!(read <= MOST, "they read {read} rows");
}
