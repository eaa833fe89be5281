//! Answered calls and digest authentication, against a real SIP peer.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod sip_support;

use std::time::Duration;

use ringfleet_carriers::{Order, Progress};
use sip_support::{Sipp, Told, carrier, order, place, place_until};
use tokio_util::sync::CancellationToken;

/// A call that waits for the far end to hang up.
fn patient() -> Order {
    Order { hang_up_after_greeting: false, ..order() }
}

fn answered(told: &Told) -> bool {
    told.progress.contains(&Progress::Answered)
}

#[tokio::test]
async fn we_hang_up_after_the_greeting() {
    for transport in ["udp", "tcp"] {
        let sipp = Sipp::with("answer", transport, &[]).await;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("call.wav");
        let told = place(&carrier(sipp.trunk()), Order { record: Some(file.clone()), ..order() }).await;
        assert_eq!(told.over(), ("ANSWERED", "completed", Some(200), "caller"), "{transport}");
        assert!(answered(&told) && told.progress.contains(&Progress::Ringing));
        let received = sipp.finish().await;
        assert_eq!((received.invites(), received.count("BYE")), (1, 1), "{transport}");
        assert!(std::fs::metadata(&file).unwrap().len() > 44, "a recording with sound in it");
    }
}

#[tokio::test]
async fn the_far_end_hangs_up() {
    for scenario in ["answer_hangup", "answer_hangup_at_once"] {
        for transport in ["udp", "tcp"] {
            let sipp = Sipp::with(scenario, transport, &[]).await;
            let told = place(&carrier(sipp.trunk()), patient()).await;
            assert_eq!(told.over(), ("ANSWERED", "hangup", Some(200), "callee"), "{scenario} {transport}");
            assert_eq!(sipp.finish().await.count("BYE"), 0);
        }
    }
}

#[tokio::test]
async fn the_longest_call_and_the_hangup_on_request() {
    let sipp = Sipp::start("answer").await;
    let told =
        place(&carrier(sipp.trunk()), Order { max_duration: Duration::from_millis(300), ..patient() }).await;
    assert_eq!(told.over(), ("ANSWERED", "max_duration", Some(200), "caller"));
    sipp.finish().await;

    let sipp = Sipp::start("answer").await;
    let hangup = CancellationToken::new();
    let told = place_until(&carrier(sipp.trunk()), patient(), hangup.clone(), |news| {
        if *news == Progress::Answered {
            hangup.cancel();
        }
    })
    .await;
    assert_eq!(told.over(), ("ANSWERED", "hung_up", Some(200), "caller"));
    sipp.finish().await;
}

#[tokio::test]
async fn peers_with_habits_of_their_own() {
    for scenario in ["no_contact", "accepted_202", "early_sdp", "bye_crosses"] {
        let sipp = Sipp::start(scenario).await;
        let told = place(&carrier(sipp.trunk()), order()).await;
        let (outcome, reason, ..) = told.over();
        assert_eq!((outcome, reason), ("ANSWERED", "completed"), "{scenario}");
        let received = sipp.finish().await;
        assert_eq!((received.invites(), received.count("BYE")), (1, 1), "{scenario}");
    }
}

#[tokio::test]
async fn an_answer_without_audio_is_hung_up() {
    let sipp = Sipp::start("no_sdp").await;
    let told = place(&carrier(sipp.trunk()), order()).await;
    assert_eq!(told.over(), ("FAILED", "media", Some(200), "caller"));
    sipp.finish().await;
}

#[tokio::test]
async fn the_far_end_may_ask_within_the_call() {
    let sipp = Sipp::start("reinvite").await;
    let told = place(&carrier(sipp.trunk()), patient()).await;
    assert_eq!(told.over(), ("ANSWERED", "hangup", Some(200), "callee"));
    sipp.finish().await; // the scenario checks our answers: hold, refresh, ping, info, a request to offer, a transfer
}

#[tokio::test]
async fn challenges_are_answered() {
    for (scenario, invites) in [("auth_401", 2), ("auth_401_plain", 2), ("auth_407", 2), ("auth_both", 3)] {
        let sipp = Sipp::start(scenario).await;
        let told = place(&carrier(sipp.trunk()), order()).await;
        assert_eq!(told.over(), ("ANSWERED", "completed", Some(200), "caller"), "{scenario}");
        let kept: Vec<_> = told
            .progress
            .iter()
            .filter_map(|news| if let Progress::Resume(kept) = news { Some(kept) } else { None })
            .collect();
        assert_eq!(kept.len(), invites, "one for every further INVITE, one for the dialog ({scenario})");
        assert_eq!(kept[0]["cseq"], 2);
        assert!(kept[invites - 1]["dialog"]["target"].is_string());
        assert!(!kept.iter().any(|kept| kept.to_string().contains("secret")));
        assert_eq!(sipp.finish().await.invites(), invites, "{scenario}");
    }
    let sipp = Sipp::start("auth_bye").await;
    let told = place(&carrier(sipp.trunk()), order()).await;
    assert_eq!(told.over(), ("ANSWERED", "completed", Some(200), "caller"));
    assert_eq!(sipp.finish().await.count("BYE"), 2);
}

#[tokio::test]
async fn wrong_and_missing_passwords_are_trouble_of_the_trunk() {
    let sipp = Sipp::start("auth_refused").await;
    let told = place(&carrier(sipp.trunk()), order()).await;
    assert_eq!(told.over(), ("FAILED", "auth", Some(401), "carrier"));
    assert_eq!(sipp.finish().await.invites(), 2);

    let sipp = Sipp::with(
        "refuse",
        "udp",
        &[("status", "407 Proxy"), ("header", "Proxy-Authenticate: Basic realm=\"x\"")],
    )
    .await;
    let told = place(&carrier(sipp.trunk()), order()).await;
    assert_eq!(told.over(), ("FAILED", "auth", Some(407), "carrier"));
    assert_eq!(sipp.finish().await.invites(), 1);
}
