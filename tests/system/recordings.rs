//! Recordings, from the call to whoever fetches them.

use std::{fs, time::Duration};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    on_both_pairs,
    operator::{Operator, PATIENCE, text},
    support::{
        api::Api, bucket::Bucket, eventually, guard, pair::Pair, ports::free_port, scenarios::Scenario,
        sipp::SippPeer,
    },
};

/// A call that is recorded, to its end.
async fn recorded(operator: &Operator) -> Value {
    let peer = SippPeer::start(&Scenario::called().answer().hang_up_after(300).xml(), &[]).await;
    let trunk = operator.sip_trunk(peer.addr, json!({})).await;
    let agent = operator.agent(json!({"recording": true})).await;
    let call = json!({"agentId": agent, "toNumber": "+12025550101", "trunkId": trunk});
    let session = operator.post("/sessions", call).await;
    let session = operator.ended(&session).await;
    assert_eq!(session["outcome"], "ANSWERED", "{session}");
    session
}

fn path(session: &Value) -> String {
    format!("/api/v1/sessions/{}/recording", text(&session["id"]))
}

async fn fetched(api: &Api, path: &str) -> Vec<u8> {
    eventually(PATIENCE, "the recording can be fetched", async || {
        let answer = api.request(axum::http::Method::GET, path).send().await.expect("an answer");
        match answer.status().as_u16() {
            200 => Some(answer.bytes().await.expect("all of it").to_vec()),
            409 => None,
            other => panic!("{path}: {other}"),
        }
    })
    .await
}

fn check(recording: &[u8]) {
    let reader = hound::WavReader::new(recording).expect("it is WAV");
    assert_eq!((reader.spec().channels, reader.spec().sample_rate), (2, 8000));
    let length = Duration::from_millis(u64::from(reader.duration()) / 8);
    let expected = Duration::from_millis(200)..Duration::from_secs(5);
    assert!(expected.contains(&length), "the peer stays for 300 ms: {length:?}");
}

fn files(folder: &TempDir, name: &str) -> Vec<String> {
    let Ok(files) = fs::read_dir(folder.path().join(name)) else { return Vec::new() };
    files.map(|file| file.expect("a file").file_name().into_string().expect("a plain name")).collect()
}

on_both_pairs!(a_recording_is_kept_in_a_folder, in_a_folder);

async fn in_a_folder(pair: Pair) {
    let folder = guard::folder();
    let (spool, kept) = (guard::inside(&folder, "spool"), guard::inside(&folder, "kept"));
    let env = [("RINGFLEET_MEDIA__SPOOL", &*spool), ("RINGFLEET_MEDIA__RECORDINGS", &*kept)];
    let system = pair.start(&env).await;
    let session = recorded(&Operator::new(&system.api)).await;
    check(&fetched(&system.api, &path(&session)).await);
    assert_eq!(files(&folder, "kept"), [format!("{}.wav", text(&session["id"]))]);
    eventually(PATIENCE, "nothing is left behind", async || files(&folder, "spool").is_empty().then_some(()))
        .await;
    let none = unrecorded(&Operator::new(&system.api)).await;
    let (status, refused) = system.api.get(&path(&none)).await;
    assert_eq!((status, &refused["meta"]["code"]), (404, &json!("NOT_FOUND")), "{refused}");
}

async fn unrecorded(operator: &Operator) -> Value {
    let trunk = operator.simulated_trunk(1, 1, json!({})).await;
    let session = operator.call("+12025550102", json!({"trunkId": trunk})).await;
    operator.ended(&session).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_keeps_its_recordings_once_the_bucket_is_there() {
    let pair = Pair::embedded();
    let port = free_port();
    let endpoint = format!("http://127.0.0.1:{port}");
    let env = [
        ("RINGFLEET_MEDIA__S3__BUCKET", "recordings"),
        ("RINGFLEET_MEDIA__S3__PREFIX", "of/ours"),
        ("RINGFLEET_MEDIA__S3__REGION", "eu-central-1"),
        ("RINGFLEET_MEDIA__S3__ENDPOINT", &endpoint),
        ("AWS_ACCESS_KEY_ID", "key"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
    ];
    let system = pair.start(&env).await;
    let session = recorded(&Operator::new(&system.api)).await;
    let (status, early) = system.api.get(&path(&session)).await;
    assert_eq!((status, &early["meta"]["code"]), (409, &json!("RECORDING_ON_ITS_WAY")), "{early}");
    system.server.kill9();

    let bucket = Bucket::start(port).await;
    let system = pair.start(&env).await;
    check(&fetched(&system.api, &path(&session)).await);
    assert_eq!(bucket.names(), [format!("recordings/of/ours/{}.wav", text(&session["id"]))]);
}
