//! The rules of when and how often, over a real database and a clock that is moved: an operator, schedulers and workers do what they do in
//! any order, and after each step everything that was kept is compared with everything that is there.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test ends where something it relies on fails")]

mod world;

use std::{collections::BTreeMap, time::Duration};

use chrono::TimeDelta;
use proptest::prelude::*;
use ringfleet_core::{
    CampaignAction, CampaignState, CounterKind, Disposition, EndedBy, Ending, Hold, Outcome, RecipientState,
    SuppressionSource, hold, message,
};
use ringfleet_engine::Receipt;
use ringfleet_store::NewSuppression;

use world::{World, office};

/// What may happen next.
#[derive(Debug, Clone)]
enum Step {
    Wait { minutes: u64 },
    Dispatch { campaign: usize },
    Begin,
    Settle { how: usize },
    Toggle { campaign: usize },
    Suppress { number: usize },
    Tell { message: usize, what: usize },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => prop_oneof![0u64..30, 30u64..600].prop_map(|minutes| Step::Wait { minutes }),
        6 => (0usize..2).prop_map(|campaign| Step::Dispatch { campaign }),
        6 => Just(Step::Begin),
        6 => (0usize..6).prop_map(|how| Step::Settle { how }),
        1 => (0usize..2).prop_map(|campaign| Step::Toggle { campaign }),
        1 => (0usize..30).prop_map(|number| Step::Suppress { number }),
        3 => (0usize..20, 0usize..3).prop_map(|(message, what)| Step::Tell { message, what }),
    ]
}

fn ending(how: usize) -> Ending {
    let over = |outcome, reason| Ending::over(outcome, reason, None, EndedBy::Callee);
    match how {
        0 => over(Outcome::Answered, "hangup"),
        1 => over(Outcome::Unanswered, "ring_timeout"),
        2 => over(Outcome::Rejected, "busy"),
        3 => over(Outcome::Voicemail, "machine"),
        4 => Ending::NoRoom {
            retry_after: Duration::from_secs(90),
            reason: "trunk_busy".into(),
            code: Some(503),
        },
        _ => Ending::GivenUp { reason: "drained".into() },
    }
}

impl World {
    async fn take(&mut self, step: Step) {
        match step {
            Step::Wait { minutes } => self.clock.advance(Duration::from_secs(minutes * 60)),
            Step::Dispatch { campaign } => self.dispatch(campaign, 3).await,
            Step::Begin => self.begin_all().await,
            Step::Settle { how } => self.settle_oldest(ending(how)).await,
            Step::Toggle { campaign } => self.toggle(campaign).await,
            Step::Tell { message, what } => self.tell(message, message::Receipt::ALL[what]).await,
            Step::Suppress { number } => {
                if let Some(number) = self.numbers.get(number).copied() {
                    let (reason, source) = ("asked".into(), SuppressionSource::Stop);
                    let entry = NewSuppression { number, channel: None, reason, source, expires_at: None };
                    self.engine.suppress(self.workspace, vec![entry], &Receipt::none()).await.unwrap();
                    self.suppressed.insert(number);
                }
            }
        }
    }

    async fn toggle(&self, campaign: usize) {
        let id = self.campaigns[campaign];
        let state = self.campaign(id).await.state;
        let action = match state {
            CampaignState::InProgress => CampaignAction::Pause,
            CampaignState::Paused => CampaignAction::Start,
            _ => return,
        };
        self.engine.act(self.workspace, id, action, None).await.unwrap();
    }

    /// What is kept against what is there.
    async fn check(&self) {
        for &id in &self.campaigns {
            let (campaign, stats) = self.engine.stats(self.workspace, id).await.unwrap();
            let recipients = self.recipients(id).await;
            let now = self.now();
            let mut buckets = BTreeMap::<String, i64>::new();
            let mut holds = BTreeMap::<Hold, u64>::new();
            for r in &recipients {
                if r.state == RecipientState::Pending
                    && let Some(name) = hold::bucket(r.hold, r.due_at)
                {
                    *buckets.entry(name).or_default() += 1;
                }
                if let Some(hold) = hold::current(campaign.state, r.state, r.hold, r.due_at, false, now) {
                    *holds.entry(hold).or_default() += 1;
                }
                assert_eq!(r.disposition.is_some(), r.state == RecipientState::Done);
                let most: u32 = campaign.plan.steps.iter().map(|step| step.attempts).sum();
                assert!(r.total_attempts <= most, "{r:?}");
                if let (RecipientState::Pending, Some(finish)) = (r.state, stats.expected_finish) {
                    assert!(finish >= r.due_at, "{finish} is before it is due: {r:?}");
                }
            }
            let kept = self.counters(id, CounterKind::Hold).await;
            assert_eq!(kept, buckets, "the kept holds of {id} at {now}");
            let shown: BTreeMap<Hold, u64> = stats.holds.into_iter().filter(|(_, n)| *n > 0).collect();
            assert_eq!(shown, holds, "the shown holds of {id} at {now}");
            let count = |state| recipients.iter().filter(|r| r.state == state).count() as u64;
            assert_eq!(stats.recipients, recipients.len() as u64);
            assert_eq!(stats.pending, count(RecipientState::Pending));
            assert_eq!(stats.queued, count(RecipientState::Queued));
            assert_eq!(stats.active, count(RecipientState::Active));
            for &disposition in Disposition::ALL {
                let n = recipients.iter().filter(|r| r.disposition == Some(disposition)).count() as u64;
                let kept = stats.dispositions.get(disposition.as_str()).copied().unwrap_or(0);
                assert_eq!(kept, n, "{disposition}");
            }
            let mut exhausted = BTreeMap::<String, i64>::new();
            for r in recipients.iter().filter(|r| r.disposition == Some(Disposition::Exhausted)) {
                *exhausted.entry(r.last_outcome.unwrap().to_string()).or_default() += 1;
            }
            assert_eq!(self.counters(id, CounterKind::Exhausted).await, exhausted);
            let talk = self.counters(id, CounterKind::Talk).await.get("ms").copied().unwrap_or(0);
            assert_eq!(talk, self.talked_ms(id).await);
            let over = stats.outcomes.values().sum::<u64>();
            assert_eq!(stats.channels.values().sum::<u64>(), over);
            let calls = stats.channels.get("voice").copied().unwrap_or(0);
            assert_eq!(stats.hours.iter().map(|h| h.calls).sum::<u64>(), calls);
            let ahead = self.engine.preflight(self.workspace, id).await.unwrap().1;
            let held: u64 = ahead.held.values().map(|held| held.count).sum();
            assert_eq!(ahead.waiting, stats.pending + stats.queued);
            assert_eq!(ahead.callable_now + held + ahead.ended.values().sum::<u64>(), ahead.waiting);
            assert_eq!(ahead.zones.iter().map(|zone| zone.count).sum::<u64>(), ahead.callable_now + held);
            assert!(ahead.held.values().all(|held| now < held.first && held.first <= held.last));
            let answered: u64 = stats.hours.iter().map(|h| h.answered).sum();
            assert_eq!(answered, stats.outcomes.get("ANSWERED").copied().unwrap_or(0));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, max_shrink_iters: 40, ..ProptestConfig::default() })]

    /// Whatever happens in whatever order: nobody is called outside their hours, after saying stop, too soon or too often, and every
    /// figure that is kept equals a recount.
    #[test]
    fn no_rule_is_broken_and_no_figure_is_wrong(steps in proptest::collection::vec(step(), 20..80)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut world = World::new().await;
            world.check().await;
            for step in steps {
                world.take(step).await;
                world.check().await;
            }
            // And nothing is stuck: given time, everybody ends.
            for _ in 0..400 {
                for campaign in 0..2 {
                    if world.campaign(world.campaigns[campaign]).await.state == CampaignState::Paused {
                        world.toggle(campaign).await;
                    }
                    world.dispatch(campaign, 50).await;
                }
                world.begin_all().await;
                while world.settle_oldest_if_any(ending(1)).await {}
                world.clock.advance(Duration::from_secs(3 * 3_600));
                if world.all_done().await { break; }
            }
            world.check().await;
            assert!(world.all_done().await, "somebody waits for ever: {:#?}", world.open().await);
        });
    }
}

#[tokio::test]
async fn when_the_hours_end_the_list_is_put_off_and_taken_up_again_when_they_begin() {
    let world = World::with(office()).await;
    let id = world.campaigns[0];
    world.clock.advance(Duration::from_secs(20 * 3_600)); // 05:00 UTC on Tuesday: India works, Germany sleeps
    world.dispatch(0, 6).await;
    let recipients = world.recipients(id).await;
    let queued: Vec<String> = recipients
        .iter()
        .filter(|r| r.state == RecipientState::Queued)
        .map(|r| r.number.to_string())
        .collect();
    assert_eq!(queued.len(), 5);
    assert!(queued.iter().all(|number| number.starts_with("+91")), "{queued:?}");
    let holds = world.engine.stats(world.workspace, id).await.unwrap().1.holds;
    assert_eq!((holds[&Hold::Window], holds[&Hold::Turn]), (10, 5));
    for r in recipients.iter().filter(|r| r.hold == Some(Hold::Window)) {
        assert!(r.due_at > world.now() && r.due_at - world.now() < TimeDelta::hours(24), "{r:?}");
        assert!(r.ready_at.is_some_and(|asked| asked <= world.now()), "{r:?}");
    }
    world.clock.advance(Duration::from_secs(3 * 3_600 + 60)); // 09:01 in Berlin, 13:31 in India
    world.dispatch(0, 50).await;
    let german = |r: &&ringfleet_store::Recipient| r.number.to_string().starts_with("+49");
    let recipients = world.recipients(id).await;
    assert!(recipients.iter().filter(german).all(|r| r.state == RecipientState::Queued), "{recipients:#?}");
}

#[tokio::test]
async fn changed_hours_move_the_list_and_the_delay_of_the_plan_stays() {
    let mut world = World::with(office()).await;
    let id = world.campaigns[0];
    world.clock.advance(Duration::from_secs(7 * 3_600 + 55 * 60)); // 16:55 UTC: 17:55 in Berlin, night in India
    world.dispatch(0, 50).await;
    world.begin_all().await;
    while world.settle_oldest_if_any(ending(1)).await {} // the next attempt in 20 minutes: 18:15 in Berlin
    let of = async |prefix: &str| {
        let found: Vec<_> = world.recipients(id).await;
        found.into_iter().filter(|r| r.number.to_string().starts_with(prefix)).collect::<Vec<_>>()
    };
    let morning: chrono::DateTime<chrono::Utc> = "2026-11-24T08:00:00Z".parse().unwrap();
    assert!(of("+49").await.iter().all(|r| (r.due_at, r.hold) == (morning, Some(Hold::Window))));
    world.toggle(0).await;
    let longer = ringfleet_core::Schedule::named("mon-sat-09-23-UTC").unwrap();
    world
        .engine
        .edit_campaign(
            world.workspace,
            id,
            |_, to| {
                to.schedule = longer;
                Ok(())
            },
            Receipt::none(),
        )
        .await
        .unwrap();
    world.toggle(0).await;
    let in_20_minutes = world.now() + TimeDelta::minutes(20);
    assert!(of("+49").await.iter().all(|r| (r.due_at, r.hold) == (in_20_minutes, Some(Hold::Retry))));
    world.check().await;
    // A floor of the workspace moves them back.
    let rules = serde_json::from_str(r#"{"schedule":{"hours":{"tue":["10:00-11:00"]}}}"#).unwrap();
    world.engine.set_workspace_rules(world.workspace, &rules, |_| Ok(()), Receipt::none()).await.unwrap();
    world.engine.make_ready().await.unwrap();
    assert!(of("+49").await.iter().all(|r| r.due_at == morning + TimeDelta::hours(1)));
    world.check().await;
}
