//! What a client sees of seats: the setting, the figures, and a call for which none was free.

use ringfleet_core::{CallId, Clock, EndedBy, Ending, Outcome, WorkerId};
use ringfleet_store::SeatAnswer;
use serde_json::{Value, json};

use crate::{
    operate::{act, figures, listed, patch, recipients, ring, settle},
    support::World,
};

#[tokio::test]
async fn seats_are_set_changed_copied_and_taken_away() {
    let world = World::new().await;
    let path = listed(&world, 1, json!({"seats": {"count": 20, "callRatio": 1.5}})).await;
    let shown = async |path: &str| world.get(path).await.data()["seats"].clone();
    let usual = json!({"from": 0.03, "halvedAt": 0.05, "after": 30});
    assert_eq!(shown(&path).await, json!({"count": 20, "callRatio": 1.5, "abandonment": usual}));
    let clone = world.post(&format!("{path}/clone"), Value::Null).await.expect(201);
    assert_eq!(clone.data()["seats"], shown(&path).await);

    patch(&world, &path, json!({"name": "Winter"})).await.expect(200);
    assert_eq!(shown(&path).await["count"], 20, "what is not named stays");
    patch(&world, &path, json!({"seats": {"count": 3, "abandonment": {"after": 100}}})).await.expect(200);
    let abandonment = json!({"from": 0.03, "halvedAt": 0.05, "after": 100});
    assert_eq!(shown(&path).await, json!({"count": 3, "callRatio": 1.0, "abandonment": abandonment}));
    act(&world, &path, "start").await;
    patch(&world, &path, json!({"seats": {"count": 4}})).await.expect(200);
    assert_eq!(shown(&path).await["count"], 4, "people come and go while it calls");
    act(&world, &path, "pause").await;
    patch(&world, &path, json!({"seats": null})).await.expect(200);
    assert_eq!(shown(&path).await, Value::Null);
}

#[tokio::test]
async fn seats_have_bounds() {
    let world = World::new().await;
    let things = world.things().await;
    let with = |seats: Value| json!({"name": "Test", "agentId": things.agent, "trunkId": things.trunk, "seats": seats});
    for (seats, field) in [
        (json!({}), "seats.count"),
        (json!({"count": 0}), "seats.count"),
        (json!({"count": 10_001}), "seats.count"),
        (json!({"count": 1.5}), "seats.count"),
        (json!({"count": 1, "callRatio": 0.9}), "seats.callRatio"),
        (json!({"count": 1, "callRatio": 10.1}), "seats.callRatio"),
        (json!({"count": 1, "callRatio": "2"}), "seats.callRatio"),
        (json!({"count": 1, "abandonment": {"from": 1.1}}), "seats.abandonment.from"),
        (json!({"count": 1, "abandonment": {"halvedAt": 0.02}}), "seats.abandonment.halvedAt"),
        (json!({"count": 1, "abandonment": {"after": 0}}), "seats.abandonment.after"),
        (json!({"count": 1, "abandonment": {"until": 1}}), "seats.abandonment.until"),
        (json!({"count": 1, "ratio": 2}), "seats.ratio"),
        (json!(20), "seats"),
    ] {
        assert_eq!(world.post("/campaigns", with(seats.clone())).await.field(), field, "{seats}");
    }
}

async fn pick_up(world: &World, path: &str, call: CallId, worker: WorkerId, abandoned: bool) -> bool {
    let campaign = path.rsplit('/').next().unwrap().parse().unwrap();
    let seat = SeatAnswer { campaign, abandoned, window: 200 };
    world.engine.answered_at_seats(call, worker, Clock::now(world.engine.clock()), seat).await.unwrap()
}

#[tokio::test]
async fn who_finds_no_seat_is_abandoned_counted_and_not_called_again() {
    let world = World::new().await;
    let seats =
        json!({"count": 2, "callRatio": 3, "abandonment": {"from": 0.2, "halvedAt": 0.4, "after": 3}});
    let plan = json!([{"channel": "voice", "attempts": 3}]);
    let path = listed(&world, 4, json!({"seats": seats, "channels": plan})).await;
    let before = json!({"count": 2, "busy": 0, "free": 2, "callRatio": 3.0, "answers": 0, "abandoned": 0, "share": null});
    assert_eq!(figures(&world, &path).await["seats"], before);
    act(&world, &path, "start").await;
    let (worker, calls) = ring(&world, &path).await;
    for (call, abandoned) in [(0, false), (1, false), (2, true)] {
        assert!(pick_up(&world, &path, calls[call], worker, abandoned).await);
        assert!(!pick_up(&world, &path, calls[call], worker, abandoned).await, "once");
    }
    let over = Ending::over(Outcome::Answered, "completed", Some(200), EndedBy::Caller);
    settle(&world, &path, worker, calls[2], over.clone().abandoned()).await;
    let now = figures(&world, &path).await;
    let share = 1.0 / 3.0;
    // Two thirds of the way from 20 to 40 %: 3 × (1 − 1/3).
    let expected = json!({"count": 2, "busy": 2, "free": 0, "callRatio": 2.0, "answers": 3, "abandoned": 1, "share": share});
    assert_eq!(now["seats"], expected);
    assert_eq!(now["calls"]["byOutcome"]["ABANDONED"], 1);
    assert_eq!(now["calls"]["answerRate"], 1.0, "somebody picked up");
    let session = world.get(&format!("/sessions/{}", calls[2])).await.expect(200).data().clone();
    assert_eq!((&session["status"], &session["outcome"]), (&json!("CALL_FINISHED"), &json!("ABANDONED")));
    assert_eq!((&session["reason"], &session["endedBy"]), (&json!("no_free_seat"), &json!("caller")));
    let left =
        recipients(&world, &path).await.into_iter().find(|one| one["lastOutcome"] == "ABANDONED").unwrap();
    assert_eq!(
        (&left["disposition"], &left["attempts"]),
        (&json!("EXHAUSTED"), &json!(1)),
        "the plan does not say so"
    );

    settle(&world, &path, worker, calls[0], over).await;
    let now = figures(&world, &path).await["seats"].clone();
    assert_eq!((&now["busy"], &now["free"], &now["answers"]), (&json!(1), &json!(1), &json!(3)));
}

#[tokio::test]
async fn preflight_says_how_long_calls_may_take() {
    let world = World::new().await;
    let warned = async |more: Value| {
        let path = listed(&world, 4, more).await;
        let ahead = world.get(&format!("{path}/preflight")).await.expect(200);
        ahead.data()["warnings"].to_string()
    };
    let limits = |live: Option<u32>| json!({"callsPerSecond": 0.5, "maxLiveCalls": live});
    let seats = json!({"count": 20});
    let told = warned(json!({"seats": seats, "limits": limits(None)})).await;
    assert!(told.contains("no longer than 40.0 seconds on average"), "{told}");
    assert!(!warned(json!({"limits": limits(None)})).await.contains("on average"));
    let other = warned(json!({"seats": seats, "limits": limits(Some(19))})).await;
    assert!(!other.contains("on average"), "the limit of live calls is tighter: {other}");
}
