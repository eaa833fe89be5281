//! What a server does not show, or shows too late, ends no talk.

use tokio::{sync::mpsc::UnboundedReceiver, task::JoinHandle};

use super::*;

/// A call under way.
struct Live {
    placed: JoinHandle<Ending>,
    steps: UnboundedReceiver<Progress>,
    hangup: CancellationToken,
}

impl Live {
    async fn place(carrier: &LivekitCarrier, order: Order) -> Self {
        let (progress, steps) = unbounded_channel();
        let hangup = CancellationToken::new();
        let attempt = carrier.prepare(order).await.unwrap();
        Self { placed: tokio::spawn(attempt.place(progress, hangup.clone())), steps, hangup }
    }

    async fn is(&mut self, step: Progress) {
        while self.steps.recv().await.expect("it goes on") != step {}
    }

    /// Waits until this holds, while the call goes on.
    async fn until(&self, holds: impl Fn() -> bool) {
        let waits = async {
            while !holds() {
                assert!(!self.placed.is_finished(), "the call goes on");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(SOON, waits).await.expect("it comes so far");
    }

    async fn ending(self) -> Ending {
        tokio::time::timeout(SOON, self.placed).await.expect("an ending").unwrap()
    }
}

const HUNG_UP: (Option<Outcome>, &str, Option<u16>, Option<EndedBy>) =
    (Some(Outcome::Answered), "completed", None, Some(EndedBy::Caller));

/// For longer than an agent may take to come, nothing is shown at all.
async fn is_blind_after_the_answer(upset: Upset) {
    let fake = FakeLivekit::start(manners(60, 6_500)).await;
    fake.upset("ListParticipants", std::iter::repeat_n(upset, 10_000));
    let mut live = Live::place(&carrier(&fake), order("01")).await;
    live.is(Progress::Answered).await;
    tokio::time::sleep(Duration::from_millis(5_500)).await; // what an agent may take, and a little more
    assert!(!live.placed.is_finished(), "{upset:?}");
    fake.upset("ListParticipants", []);
    let by_callee = (Some(Outcome::Answered), "completed", None, Some(EndedBy::Callee));
    assert_eq!(short(&live.ending().await), by_callee, "{upset:?}");
    assert_eq!(fake.calls()[0].left, Some("CLIENT_INITIATED"), "{upset:?}");
}

#[tokio::test]
async fn a_server_that_does_not_tell_who_is_there_proves_nobody_absent() {
    tokio::join!(
        is_blind_after_the_answer(Upset::Refuses(429)),
        is_blind_after_the_answer(Upset::Refuses(503)),
        is_blind_after_the_answer(Upset::Silent),
    );
}

#[tokio::test]
async fn one_lagging_look_and_a_failed_one_are_not_two_looks() {
    let fake = FakeLivekit::start(manners(20, 60_000)).await;
    let mut live = Live::place(&carrier(&fake), order("01")).await;
    live.is(Progress::Answered).await;
    let looks = fake.asked("ListParticipants");
    live.until(|| fake.asked("ListParticipants") >= looks + 2).await; // the agent was seen
    fake.upset("ListParticipants", [Upset::Lags, Upset::Refuses(503)].repeat(20));
    live.until(|| fake.is_calm()).await;
    live.hangup.cancel();
    assert_eq!(short(&live.ending().await), HUNG_UP);
}

#[tokio::test]
async fn a_look_that_is_answered_late_shows_how_it_was() {
    let fake = FakeLivekit::start(manners(20, 60_000)).await;
    let settings = RestSettings { patience: Duration::from_secs(10), ..settings() };
    let carrier = LivekitCarrier::open(trunk(&fake.url(), json!({})), settings, Hints::default()).unwrap();
    let mut live = Live::place(&carrier, order("70")).await;
    live.is(Progress::Answered).await;
    // The answer comes when the agent, who was not there, should have been for a second.
    fake.upset("ListParticipants", [Upset::Late(Duration::from_secs(6))]);
    live.until(|| fake.is_calm()).await;
    let looks = fake.asked("ListParticipants");
    fake.agents_come();
    live.until(|| fake.asked("ListParticipants") > looks).await;
    live.hangup.cancel();
    assert_eq!(short(&live.ending().await), HUNG_UP);
}
