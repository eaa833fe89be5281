use std::sync::Arc;

use ringfleet_core::{CallId, Clock, SystemClock, livekit_trunk::LivekitTrunk};
use tokio::sync::mpsc::unbounded_channel;

use super::*;
use crate::{RestSettings, hints::Hints};

const PACE: Pace = Pace { first: Duration::from_secs(1), longest: Duration::from_secs(10) };
const BOUNDS: Bounds = Bounds {
    ring: Duration::from_secs(30),
    answered_within: Duration::from_secs(60),
    talk: Duration::from_secs(300),
    held: Duration::from_secs(420),
    search: Duration::from_secs(20),
};

/// A server where no request goes: every look fails at once.
fn nowhere() -> Api {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let trunk = LivekitTrunk {
        url: "http://10.0.0.1".into(),
        api_key: "API1".into(),
        api_secret: "s".into(),
        sip_trunk_id: "ST_1".into(),
        agent_name: "asha".into(),
        krisp: false,
    };
    Api::new(Arc::new(trunk), &RestSettings::default()).unwrap()
}

/// A call that is answered at once, and unwanted from the beginning.
async fn unwanted(progress: Option<UnboundedSender<Progress>>) -> Ending {
    let (api, doubt) = (nowhere(), Doubt::default());
    let mut ear = Hints::default().listen(CallId::new(SystemClock.now()));
    let hangup = CancellationToken::new();
    hangup.cancel();
    let answer = async { Ok(Placed { participant_id: "PA_1".into() }) };
    Follower::new(&api, &doubt, "ses_1", PACE, BOUNDS, progress).follow(answer, &mut ear, &hangup).await
}

#[tokio::test(start_paused = true)]
async fn a_call_is_given_up_only_when_its_server_must_have_ended_it() {
    let begun = Instant::now();
    let silent = Ending::over(Outcome::Answered, "provider_silent", None, EndedBy::Carrier);
    assert_eq!(unwanted(None).await, silent);
    let last = BOUNDS.held + LAST_QUESTIONS;
    assert!((last..last + PACE.longest * 2).contains(&begun.elapsed()), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_dead_workers_call_is_not_given_up_while_it_is_shown() {
    let (api, doubt) = (nowhere(), Doubt::default());
    let request = Request::Unclear { until: Instant::now() };
    let mut follower = Follower::orphan(&api, &doubt, "ses_1", PACE, request);
    follower.seen.looked = Some(Instant::now());
    follower.note_callee(Some(("PA_1".into(), Status::Ringing)));
    follower.see_whether_to_end(&CancellationToken::new());
    assert_eq!(follower.why(), Some(Why::WorkerLost));
    tokio::time::advance(LAST_QUESTIONS * 2).await;
    assert_eq!(follower.over(), None, "it rings");
    follower.look().await; // fails
    assert_eq!(follower.over(), Some(Ending::uncertain("worker_lost")));
}

/// Else its end would be asked for first, and then the call.
#[tokio::test(start_paused = true)]
async fn a_call_is_asked_for_before_its_end() {
    for _ in 0..20 {
        let (progress, mut told) = unbounded_channel();
        unwanted(Some(progress)).await;
        let mut steps = Vec::new();
        while let Some(step) = told.recv().await {
            steps.push(step);
        }
        assert_eq!(
            steps,
            [Progress::Ringing, Progress::Answered],
            "the answer comes first, and not by chance"
        );
    }
}
