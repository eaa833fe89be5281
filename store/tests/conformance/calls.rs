//! A call from the claim to its end, and who may do what to it on the way.

use ringfleet_core::{
    CallId, CallState, CampaignState, Conversation, EndedBy, Hold, Outcome, RecipientState, WorkerId,
    call::{Guess, Heard, Speech},
    trunk::{Limits, SimulatedTrunk, TrunkConfig},
};
use ringfleet_store::{Answered, Call, CallUpdate, Kept, NewAgent, NewCall, NewTrunk};
use serde_json::json;
use uuid::Uuid;

use crate::support::{Db, NONE, World, at, begin as begin_in, claim, new_agent, new_trunk, sorted, wishes};

pub fn ended(id: Uuid, outcome: Outcome) -> CallUpdate {
    CallUpdate {
        id,
        state: outcome.state(),
        hold: None,
        outcome: Some(outcome),
        reason: "because".into(),
        code: Some(486),
        ended_by: Some(EndedBy::Callee),
        heard: None,
        due_at: None,
        unsent: false,
        answered_at: None,
        ended_at: Some(at(99)),
    }
}

/// Somebody picked up at `ms`; whether that counted.
pub async fn answer(db: &Db, id: Uuid, worker: WorkerId, ms: i64) -> bool {
    let answered = Answered { id, worker: worker.uuid(), at: at(ms), seat: None };
    !db.write(async |tx| tx.answer_calls(std::slice::from_ref(&answered)).await).await.is_empty()
}

pub async fn get(db: &Db, id: Uuid) -> Call {
    db.read(async |tx| tx.calls_by_id(&[id]).await).await.remove(0)
}

async fn begin(db: &Db, calls: &[NewCall], worker: WorkerId, ms: i64) -> Vec<Uuid> {
    sorted(db.write(async |tx| begin_in(tx, &wishes(calls, worker), at(ms)).await).await)
}

pub async fn a_call_from_the_claim_to_the_end(db: Db) {
    let world = World::calling(&db, 2).await;
    let worker = WorkerId::new(at(0));
    let calls = world.ring(&db, 2, worker).await;
    let [id, other] = [calls[0].id, calls[1].id];
    let call = get(&db, id).await;
    assert_eq!((call.state, call.placements, call.triggered_at), (CallState::Triggered, 1, Some(at(10))));
    assert_eq!(db.read(async |tx| tx.live_calls(world.campaign).await).await, (2, 0));
    assert!(answer(&db, id, worker, 20).await);
    assert!(!answer(&db, id, worker, 21).await, "answered once");
    assert!(!answer(&db, other, WorkerId::new(at(1)), 21).await);
    assert_eq!(db.read(async |tx| tx.live_calls(world.campaign).await).await, (1, 1));

    // It is handed on once, by whose it is.
    let transfer = async |worker: WorkerId, to: &str| {
        let id = ringfleet_core::CallId::from(id);
        db.write(async |tx| tx.transfer_call(id, worker, to, at(25)).await).await.is_some()
    };
    assert!(!transfer(WorkerId::new(at(1)), "sip:a@h").await);
    assert!(transfer(worker, "sip:ü@h").await && !transfer(worker, "sip:b@h").await);
    let call = get(&db, id).await;
    assert_eq!((call.transferred_to.as_deref(), call.transferred_at), (Some("sip:ü@h"), Some(at(25))));

    // An ending brings along an answer that has not been written, and changes none that has.
    let heard = Some(Heard {
        digits: "19#".into(),
        speech: Some(Speech { silence_ms: 20, first_ms: 400, guess: Some(Guess::Human) }),
    });
    let updates = [(id, Outcome::Answered), (other, Outcome::Rejected)].map(|(id, outcome)| CallUpdate {
        answered_at: Some(at(30)),
        heard: heard.clone(),
        ..ended(id, outcome)
    });
    db.write(async |tx| tx.update_calls(&updates).await).await;
    let call = get(&db, id).await;
    assert_eq!((call.state, call.outcome), (CallState::CallFinished, Some(Outcome::Answered)));
    assert_eq!((call.reason.as_deref(), call.code), (Some("because"), Some(486)));
    assert_eq!((call.ended_by, call.hold, &call.heard), (Some(EndedBy::Callee), None, &heard));
    assert_eq!(
        (call.triggered_at, call.answered_at, call.ended_at),
        (Some(at(10)), Some(at(20)), Some(at(99)))
    );
    let other = get(&db, other).await;
    assert_eq!((other.state, other.answered_at), (CallState::Rejected, Some(at(30))));
    assert_eq!(db.read(async |tx| tx.live_calls(world.campaign).await).await, (0, 0));
    assert_eq!(db.read(async |tx| tx.count_waiting_calls(world.campaign).await).await, 0);
}

/// A conversation with everything in it.
fn talkative() -> Conversation {
    let conversation = json!({
        "connect": {"kind": "ws", "url": "wss://agent.example", "parameters": {"ü \"": "\n"}},
        "connectOn": "keypad", "keypad": {"1": {"action": "connect"}, "9": {"action": "suppress"}},
        "keypadSeconds": 7, "onMachine": "message", "machineMessage": "m.wav", "fallbackMessageText": "é {{name}}",
        "transfers": {"sales": {"kind": "refer", "to": "+14155550100"}}, "silenceSeconds": 30,
    });
    serde_json::from_value(conversation).expect("a conversation")
}

pub async fn a_dial_has_everything(db: Db) {
    let plain = World::calling(&db, 1).await;
    let limits = Limits { calls_per_second: Some(2.5), max_live_calls: Some(9) };
    let config = TrunkConfig::Simulated(SimulatedTrunk { ring_ms: 11, talk_ms: 22 });
    let rich = db
        .write(async |tx| {
            let agent = NewAgent {
                greeting: Some("g.wav".into()),
                recording: true,
                conversation: talkative(),
                ..new_agent("rich")
            };
            let agent = tx.insert_agent(plain.workspace, agent, at(0)).await?.id;
            let trunk = NewTrunk {
                config: config.clone(),
                caller_id: Some("+4930111".into()),
                limits,
                ..new_trunk("rich")
            };
            let trunk = tx.insert_trunk(plain.workspace, trunk, at(0)).await?.id;
            Ok(World { agent, trunk, ..plain })
        })
        .await;
    let queued = plain.queue(&db, 1).await.remove(0);
    let with_trunks_id = rich.new_call(None, at(5));
    let mut with_own_id = rich.new_call(None, at(5));
    with_own_id.caller_id = Some("+4930222".into());
    db.write(async |tx| tx.insert_calls(&[with_trunks_id.clone(), with_own_id.clone()], at(0)).await).await;
    let dial = async |id| db.read(async |tx| tx.dials(&[id, Uuid::max()]).await).await.remove(0);

    let found = dial(queued.id).await;
    assert_eq!(found.campaign_id, Some(plain.campaign));
    assert_eq!((found.campaign_limits, found.trunk_limits), (Some(Limits::default()), Limits::default()));
    assert_eq!((found.shows(), found.trunk_has_pool), (None, false));
    assert_eq!((found.greeting, found.recording, found.conversation), (None, false, Default::default()));
    assert_eq!((found.state, found.orphaned_at, found.resume), (CallState::Pending, None, None));
    assert_eq!((found.ring_seconds, found.max_call_seconds, found.due_at), (30, 300, at(0)));
    let found = dial(with_trunks_id.id).await;
    assert_eq!((found.campaign_id, found.campaign_limits), (None, None));
    assert_eq!((found.trunk_id, &found.config, found.trunk_limits), (rich.trunk, &config, limits));
    assert_eq!((found.greeting.as_deref(), found.recording), (Some("g.wav"), true));
    assert_eq!(found.conversation, talkative());
    let background = async |id: Uuid| db.read(async |tx| tx.background(id.into()).await).await;
    let told = background(with_trunks_id.id).await.expect("it is there");
    assert_eq!(
        (told.variables, told.attempt),
        (Some(with_trunks_id.variables.clone()), with_trunks_id.attempt)
    );
    let told = background(queued.id).await.expect("it is there").variables;
    assert!(told.is_some_and(|variables| variables.is_object()), "its recipient's");
    assert_eq!(background(Uuid::max()).await, None);
    assert_eq!((found.caller_id.as_deref(), found.shows()), (None, Some("+4930111")));
    assert_eq!(dial(with_own_id.id).await.shows(), Some("+4930222"));

    // What the carrier needs to find a call again is there from the beginning, and until the end.
    let worker = WorkerId::new(at(0));
    begin(&db, &[with_own_id.clone()], worker, 10).await;
    assert_eq!(dial(with_own_id.id).await.resume, Some(json!({"call": with_own_id.id})));
    let keep = async |worker: WorkerId, resume: &str| {
        let kept = Kept { id: with_own_id.id, worker: worker.uuid(), resume: json!(resume) };
        db.write(async |tx| tx.keep_resumes(std::slice::from_ref(&kept)).await).await
    };
    keep(WorkerId::new(at(1)), "a stranger's").await;
    assert_eq!(dial(with_own_id.id).await.resume, Some(json!({"call": with_own_id.id})));
    keep(worker, "dialog'1").await;
    assert_eq!(dial(with_own_id.id).await.resume, Some(json!("dialog'1")));
    db.write(async |tx| tx.update_calls(&[ended(with_own_id.id, Outcome::Failed)]).await).await;
    assert_eq!(dial(with_own_id.id).await.resume, None);
}

pub async fn only_what_may_begin_begins(db: Db) {
    let worker = WorkerId::new(at(0));
    let world = World::calling(&db, 3).await;
    let calls = world.queue(&db, 3).await;
    let single = world.new_call(None, at(10_050)); // clocks may lie 5 s apart
    db.write(async |tx| tx.insert_calls(std::slice::from_ref(&single), at(0)).await).await;
    assert_eq!(begin(&db, std::slice::from_ref(&single), worker, 5_049).await, NONE, "it is not due yet");
    for state in [CampaignState::Paused, CampaignState::Cancelled, CampaignState::Finished] {
        world.set(&db, state).await;
        assert_eq!(begin(&db, &calls, worker, 60).await, NONE, "the campaign is {state}");
    }
    assert_eq!(
        begin(&db, std::slice::from_ref(&single), worker, 5_050).await,
        [single.id],
        "it has no campaign"
    );
    world.set(&db, CampaignState::InProgress).await;
    let twice = [&calls[..1], &calls[..1]].concat();
    assert_eq!(begin(&db, &twice, worker, 60).await, [calls[0].id], "named twice, begun once");
    assert_eq!(get(&db, calls[0].id).await.placements, 1);
    assert_eq!(begin(&db, &calls, worker, 60).await, sorted([calls[1].id, calls[2].id]));
    assert_eq!(begin(&db, &calls, worker, 60).await, NONE, "every job may run twice");
}

pub async fn one_worker_wins(db: Db) {
    let world = World::calling(&db, 25).await;
    let calls = world.queue(&db, 25).await;
    let workers: Vec<WorkerId> = (0..4).map(|n| WorkerId::new(at(n))).collect();
    for call in &calls {
        let call = std::slice::from_ref(call);
        let (a, b, c, d) = tokio::join!(
            begin(&db, call, workers[0], 10),
            begin(&db, call, workers[1], 10),
            begin(&db, call, workers[2], 10),
            begin(&db, call, workers[3], 10)
        );
        assert_eq!([a, b, c, d].concat(), [call[0].id]);
    }
}

pub async fn only_the_owner_settles(db: Db) {
    let world = World::calling(&db, 2).await;
    let (owner, stranger) = (WorkerId::new(at(0)), WorkerId::new(at(0)));
    let calls = world.ring(&db, 2, owner).await;
    let open = async |worker| {
        let owned: Vec<_> = calls.iter().map(|c| (c.id, worker)).collect();
        db.write(async |tx| tx.open_calls(&owned).await).await
    };
    assert_eq!(open(stranger).await, []);
    let found = open(owner).await;
    assert_eq!(found.iter().map(|c| c.id.uuid()).collect::<Vec<_>>(), sorted(calls.iter().map(|c| c.id)));
    assert!(found.iter().all(|c| c.state == CallState::Triggered));
    db.write(async |tx| tx.update_calls(&[ended(calls[0].id, Outcome::Voicemail)]).await).await;
    let found = open(owner).await;
    assert_eq!(
        found.iter().map(|c| c.id.uuid()).collect::<Vec<_>>(),
        [calls[1].id],
        "what is over is not open"
    );
}

pub async fn no_room_sends_a_call_back(db: Db) {
    let world = World::calling(&db, 1).await;
    let (first, second) = (WorkerId::new(at(0)), WorkerId::new(at(0)));
    let calls = world.ring(&db, 1, first).await;
    let id = calls[0].id;
    let back = CallUpdate {
        state: CallState::Pending,
        hold: Some(Hold::Pace),
        outcome: None,
        reason: "throttled".into(),
        code: Some(503),
        ended_by: None,
        heard: None,
        due_at: Some(at(10_500)),
        ended_at: None,
        ..ended(id, Outcome::Failed)
    };
    db.write(async |tx| tx.update_calls(&[back]).await).await;
    let call = get(&db, id).await;
    assert_eq!((call.state, call.hold, call.outcome), (CallState::Pending, Some(Hold::Pace), None));
    assert_eq!((call.reason.as_deref(), call.code), (Some("throttled"), Some(503)));
    assert_eq!(db.read(async |tx| tx.count_waiting_calls(world.campaign).await).await, 1);
    let queues = db.read(async |tx| tx.queues().await).await;
    let of = queues
        .iter()
        .find(|queue| queue.campaign_id == world.campaign)
        .map(|queue| (queue.waiting, queue.held));
    assert_eq!(of, Some((1, 1)), "it was sent back");
    assert_eq!(db.read(async |tx| tx.count_pushed_calls(at(99_999)).await).await, 0, "its job is spent");
    assert_eq!(begin(&db, &calls, second, 5_499).await, NONE);
    assert_eq!(begin(&db, &calls, second, 5_500).await, [id]);
    let call = get(&db, id).await;
    assert_eq!((call.placements, call.hold), (2, None));
    assert_eq!(call.triggered_at, Some(at(10)), "the first time counts");
    let unsent = CallUpdate {
        state: CallState::Pending,
        outcome: None,
        ended_at: None,
        unsent: true,
        ..ended(id, Outcome::Failed)
    };
    db.write(async |tx| tx.update_calls(&[unsent]).await).await;
    assert_eq!(get(&db, id).await.triggered_at, None, "nothing was sent");
    assert_eq!(begin(&db, &calls, second, 5_600).await, [id]);
    assert_eq!(get(&db, id).await.triggered_at, Some(at(5_600)));
    let owned = async |worker| db.write(async |tx| tx.open_calls(&[(id, worker)]).await).await.len();
    assert_eq!((owned(first).await, owned(second).await), (0, 1));
}

pub async fn waiting_calls_are_postponed(db: Db) {
    let world = World::calling(&db, 1).await;
    let calls = world.queue(&db, 1).await;
    let id = CallId::from(calls[0].id);
    let postpone =
        async |id, ms| db.write(async |tx| tx.postpone_call(id, at(ms), Hold::Window, None).await).await;
    assert_eq!(postpone(id, 10_100).await, calls[0].recipient_id);
    assert_eq!(postpone(id, 9_000).await, None, "it waits for something later");
    let call = get(&db, id.uuid()).await;
    assert_eq!((call.hold, call.state, call.placements), (Some(Hold::Window), CallState::Pending, 0));
    let worker = WorkerId::new(at(0));
    assert_eq!(begin(&db, &calls, worker, 5_099).await, NONE);
    assert_eq!(begin(&db, &calls, worker, 5_100).await, [id.uuid()]);
    assert_eq!(postpone(id, 200).await, None, "it does not wait any more");
    let single = world.new_call(None, at(0));
    db.write(async |tx| tx.insert_calls(std::slice::from_ref(&single), at(0)).await).await;
    assert_eq!(postpone(single.id.into(), 100).await, None, "it has no recipient");
    assert_eq!(get(&db, single.id).await.hold, Some(Hold::Window));
}

pub async fn waiting_calls_are_pushed(db: Db) {
    let world = World::calling(&db, 4).await;
    let calls = world.queue(&db, 4).await;
    let ids: Vec<Uuid> = calls.iter().map(|c| c.id).collect();
    let push = async |lost: Option<i64>, limit, now| {
        let push = async |tx: &mut ringfleet_store::Tx| match lost {
            Some(before) => tx.calls_to_push_again(at(before), limit, at(now)).await,
            None => tx.calls_to_push(limit, at(now)).await,
        };
        let found = db.write(push).await;
        assert!(found.iter().all(|w| w.campaign_id == Some(world.campaign)));
        sorted(found.iter().map(|w| w.id.uuid()))
    };
    assert_eq!(db.read(async |tx| tx.count_pushed_calls(at(99_999)).await).await, 4);
    assert_eq!(push(None, 10, 5).await, NONE, "all have a job");
    db.write(async |tx| tx.postpone_call(ids[0].into(), at(100), Hold::Pace, None).await).await;
    db.write(async |tx| tx.postpone_call(ids[1].into(), at(50), Hold::Pace, Some("network")).await).await;
    assert_eq!(db.read(async |tx| tx.count_pushed_calls(at(99_999)).await).await, 2);
    assert_eq!(push(None, 10, 49).await, NONE, "not due");
    assert_eq!(push(None, 1, 100).await, [ids[1]], "the earliest first");
    assert_eq!(push(None, 10, 100).await, [ids[0]]);
    assert_eq!(push(Some(0), 10, 200).await, NONE, "pushed at 0 is not before 0");
    assert_eq!(push(Some(100), 10, 200).await, sorted([ids[2], ids[3]]), "those pushed at 0 are lost");
    assert_eq!(push(Some(201), 3, 300).await.len(), 3);
    db.write(async |tx| tx.forget_pushes(world.campaign).await).await;
    assert_eq!(db.read(async |tx| tx.count_pushed_calls(at(99_999)).await).await, 0);
    assert_eq!(push(None, 10, 300).await, sorted(ids));
}

pub async fn a_paused_campaign_pushes_nothing(db: Db) {
    let world = World::calling(&db, 1).await;
    let call = world.queue(&db, 1).await.remove(0);
    let single = world.new_call(None, at(0));
    db.write(async |tx| tx.insert_calls(std::slice::from_ref(&single), at(0)).await).await;
    let push = async || {
        let found = db.write(async |tx| tx.calls_to_push_again(at(1000), 10, at(2000)).await).await;
        sorted(found.iter().map(|w| (w.id.uuid(), w.campaign_id)))
    };
    world.set(&db, CampaignState::Paused).await;
    assert_eq!(push().await, [(single.id, None)]);
    world.set(&db, CampaignState::InProgress).await;
    assert_eq!(push().await, [(call.id, Some(world.campaign))]);
}

pub async fn empty_batches_are_fine(db: Db) {
    let world = World::calling(&db, 1).await;
    db.write(async |tx| {
        tx.insert_calls(&[], at(0)).await?;
        tx.update_calls(&[]).await?;
        tx.update_recipients(&[]).await?;
        tx.activate_recipients(&[]).await?;
        tx.hold_recipients(&[], Hold::Pace).await?;
        tx.insert_events(&[], &[], at(0)).await?;
        tx.update_deliveries(&[]).await?;
        tx.bump(vec![]).await?;
        assert!(begin_in(tx, &[], at(0)).await?.is_empty());
        assert!(tx.open_calls(&[]).await?.is_empty());
        assert!(tx.standings(&[]).await?.is_empty());
        assert!(tx.dials(&[]).await?.is_empty());
        assert!(tx.hold_campaigns(&[]).await?.is_empty());
        assert!(tx.begin_deliveries(&[], at(1), at(0)).await?.is_empty());
        assert!(claim(tx, world.campaign, 0, at(0)).await?.is_empty());
        assert!(tx.calls_to_push(0, at(0)).await?.is_empty());
        assert!(tx.calls_to_push_again(at(0), 0, at(0)).await?.is_empty());
        tx.release_recipients(std::iter::empty()).await?;
        assert!(tx.deliveries_to_push(None, 0, at(0)).await?.is_empty());
        Ok(())
    })
    .await;
    let list = db
        .read(async |tx| tx.recipients(world.campaign, Default::default(), crate::support::all()).await)
        .await;
    assert_eq!(list.iter().map(|r| r.state).collect::<Vec<_>>(), [RecipientState::Pending]);
}
