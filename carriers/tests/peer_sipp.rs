//! The trial peer against sipp, a caller written by others (Debian package sip-tester).

#![allow(clippy::unwrap_used, clippy::expect_used)] // a test, helpers included

use std::{path::Path, process::Output, sync::Arc, time::Duration};

use ringfleet_carriers::peer::{CallRecord, Peer, PeerSettings, Rule};
use ringfleet_core::{EndedBy, SystemClock};
use tokio::{
    process::Command,
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
    time::timeout,
};

const DEADLINE: Duration = Duration::from_secs(90);
const CALLS: usize = 20;

async fn peer(auth: Option<(&str, &str)>) -> (Peer, UnboundedReceiver<CallRecord>) {
    let (sink, records) = unbounded_channel();
    let settings = PeerSettings {
        listen: "127.0.0.1:0".parse().unwrap(),
        ring: Duration::from_millis(50),
        talk: Duration::from_millis(200),
        auth: auth.map(|(user, password)| (user.to_owned(), password.to_owned())),
        press: String::new(),
        rtp_ports: 20_000..=32_000,
    };
    (Peer::start(settings, Arc::new(SystemClock), sink).await.unwrap(), records)
}

/// Plays a scenario `CALLS` times, 50 a second.
async fn sipp(peer: &Peer, scenario: &str, number: &str, more: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let scenario = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sipp").join(scenario);
    let calls = CALLS.to_string();
    let run = Command::new("sipp")
        .arg(peer.local_addr().to_string())
        .arg("-sf")
        .arg(scenario)
        .args(["-s", number, "-i", "127.0.0.1", "-m", &calls, "-r", "50", "-nostdin"])
        .args(["-timeout", "60s", "-timeout_error", "-recv_timeout", "30000"])
        .args(more)
        .env("TERM", "dumb")
        .current_dir(&folder)
        .kill_on_drop(true)
        .output();
    let ended = timeout(DEADLINE, run).await.expect("sipp must end by itself");
    ended.expect("cannot run sipp: install the package sip-tester")
}

/// Plays a scenario; every call must go as it says. Gives the peer's records.
async fn played(
    scenario: &str,
    number: &str,
    auth: Option<(&str, &str)>,
    more: &[&str],
    expected: usize,
) -> Vec<CallRecord> {
    let (peer, mut records) = peer(auth).await;
    let output = sipp(&peer, scenario, number, more).await;
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{scenario}: {text}");
    let mut all = Vec::new();
    for _ in 0..expected {
        all.push(timeout(DEADLINE, records.recv()).await.unwrap().unwrap());
    }
    timeout(DEADLINE, peer.stop()).await.unwrap();
    assert!(records.try_recv().is_err(), "more records than calls");
    all
}

#[tokio::test]
async fn it_answers_and_hangs_up() {
    let records = played("peer_answer.xml", "+4930123401", None, &[], CALLS).await;
    for record in records {
        assert!(record.answered && record.status == 200 && record.invites == 1, "{record:?}");
        assert_eq!((record.rule, record.ended_by), (Rule::Answer, EndedBy::Callee));
        assert!(record.rtp_out > 0, "{record:?}"); // how many is the affair of the media's own tests
    }
}

#[tokio::test]
async fn the_caller_hangs_up() {
    let records = played("peer_hang_up.xml", "+4930123405", None, &[], CALLS).await;
    for record in records {
        assert!(record.answered && record.ended_by == EndedBy::Caller, "{record:?}");
    }
}

#[tokio::test]
async fn it_is_busy() {
    let records = played("peer_busy.xml", "+4930123407", None, &[], CALLS).await;
    assert!(records.iter().all(|record| record.status == 486 && !record.answered && record.rtp_out == 0));
}

#[tokio::test]
async fn it_knows_its_callers() {
    let auth = Some(("trial", "secret"));
    let right = ["-au", "trial", "-ap", "secret"];
    let records = played("peer_auth.xml", "+4930123402", auth, &right, CALLS).await;
    assert!(records.iter().all(|record| record.answered && record.invites == 2), "{records:?}");
    let wrong = ["-au", "trial", "-ap", "guess"];
    played("peer_auth_wrong.xml", "+4930123402", auth, &wrong, 0).await;
}

#[tokio::test]
async fn it_rings_until_the_caller_cancels() {
    let records = played("peer_cancel.xml", "+4930123406", None, &[], CALLS).await;
    for record in records {
        assert_eq!((record.status, record.ended_by, record.rule), (487, EndedBy::Caller, Rule::Ring));
    }
}
