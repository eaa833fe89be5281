//! PostgreSQL, Redis, the receiver, and processes in general.

use std::{fs, process::Command, time::Duration};

use axum::http::StatusCode;
use serde_json::json;

use crate::support::{
    SOON, api::Api, eventually, guard, postgres::Postgres, process::Process, receiver::Receiver, redis::Redis,
};

#[tokio::test]
async fn one_postgres_gives_each_test_a_database_of_its_own() {
    let (first, second) = tokio::join!(Postgres::shared(), Postgres::shared());
    assert!(std::ptr::eq(first, second));
    let (one, two) = tokio::join!(first.fresh_database(), second.fresh_database());
    assert_ne!(one, two);
    assert_eq!(sql(&one, "CREATE TABLE t (x int); INSERT INTO t VALUES (7); SELECT x FROM t"), "7");
    assert_eq!(sql(&two, "SELECT to_regclass('t') IS NULL"), "t");
}

fn sql(url: &str, query: &str) -> String {
    let output = Command::new("psql").args([url, "-AtqX", "-v", "ON_ERROR_STOP=1", "-c", query]).output();
    let output = output.expect("psql comes with PostgreSQL");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[tokio::test]
async fn redis_can_be_flushed_killed_and_started_again() {
    let redis = Redis::start().await;
    assert_eq!(redis.command("SET a 1").await, "+OK");
    redis.flushall().await;
    assert_eq!(redis.command("DBSIZE").await, ":0");
    // Then Redis writes to its file before it answers, whatever the disk does meanwhile; else up to two seconds after it.
    assert_eq!(redis.command("CONFIG SET appendfsync always").await, "+OK");
    assert_eq!(redis.command("SET b 2").await, "+OK");
    let url = redis.url();
    redis.kill9();
    redis.restart().await;
    assert_eq!(redis.url(), url);
    assert_eq!(redis.command("EXISTS b").await, ":1");
}

/// Its own second self is the program that gets killed; `VICTIM` tells which of the two this is.
#[tokio::test]
async fn nothing_outlives_a_killed_test_program() {
    if std::env::var_os("VICTIM").is_some() {
        return start_and_wait_to_be_killed().await;
    }
    let me = std::env::current_exe().expect("a running program has a file");
    let test = ["--exact", "--nocapture", "servers::nothing_outlives_a_killed_test_program"];
    let victim =
        Process::spawn_program(me.to_str().expect("a plain path"), &test, &[("VICTIM".into(), "1".into())]);
    let server = victim.wait_line("server ", SOON).await;
    let folder = victim.wait_line("folder ", SOON).await;
    let database = victim.wait_line("database ", SOON).await;
    assert!(is_alive(&server));
    assert!(fs::exists(&folder).unwrap());
    assert_eq!(sql(&database, "SELECT 1"), "1");
    victim.kill9();
    eventually(SOON, "the server is gone", async || (!is_alive(&server)).then_some(())).await;
    eventually(SOON, "the folder is gone", async || (!fs::exists(&folder).unwrap()).then_some(())).await;
    let gone = Command::new("psql").args([&database, "-c", "SELECT 1"]).output().unwrap();
    assert!(String::from_utf8_lossy(&gone.stderr).contains("Connection refused"), "{gone:?}");
}

async fn start_and_wait_to_be_killed() {
    let folder = guard::folder();
    let server = Process::spawn_program("sleep", &["1000"], &[]);
    let database = Postgres::shared().await.fresh_database().await;
    println!("server {}\nfolder {}\ndatabase {database}", server.pid(), folder.path().display());
    std::future::pending::<()>().await;
}

fn is_alive(pid: &str) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

#[tokio::test]
async fn a_process_ends_with_its_value() {
    let process = Process::spawn_program("sleep", &["1000"], &[]);
    let pid = process.pid().to_string();
    assert!(is_alive(&pid));
    drop(process);
    assert!(!is_alive(&pid));
}

#[tokio::test]
async fn a_process_is_heard_and_told_to_end() {
    let script = "trap 'echo leaving; exit 3' TERM; echo oops >&2; echo ready; while :; do sleep 0.01; done";
    let process = Process::spawn_program("sh", &["-c", script], &[]);
    process.wait_line("ready", SOON).await;
    process.terminate();
    assert_eq!(process.wait_line("leav", SOON).await, "ing");
    assert_eq!(process.wait_exit(SOON).await.code(), Some(3));
    assert_eq!(process.stdout(), "ready\nleaving\n");
    assert_eq!(process.stderr(), "oops\n");
    // The second time there is nobody left to hear it.
    process.terminate();
    process.kill9();
}

#[tokio::test]
#[should_panic(expected = "wrote no line that begins with \"never\"")]
async fn waiting_for_a_line_ends_with_the_process() {
    Process::spawn_program("sh", &["-c", "echo hello"], &[]).wait_line("never", Duration::MAX).await;
}

#[tokio::test]
#[should_panic(expected = "in vain: the moon turns blue")]
async fn waiting_in_vain_says_for_what() {
    eventually(Duration::from_millis(20), "the moon turns blue", async || None::<()>).await;
}

#[tokio::test]
async fn the_receiver_follows_its_script() {
    let receiver = Receiver::start().await;
    receiver.fail_first(2);
    receiver.answer("/gone", StatusCode::GONE);
    let api = Api::new(&receiver.url(""), "secret");
    let mut answers = Vec::new();
    for path in ["/gone", "/hook", "/hook", "/gone"] {
        answers.push(api.post(path, &json!({"n": 1})).await.0);
    }
    assert_eq!(answers, [500, 500, 200, 410]);
    assert_eq!(api.post_csv("/csv", "a,b\n1,2\n").await.0, 200);
    let received = receiver.wait_for(|received| received.len() == 5, SOON).await;
    assert_eq!(received[1].json(), json!({"n": 1}));
    assert_eq!(received[1].answered, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(received[1].header("authorization"), "Bearer secret");
    assert_eq!((received[4].method.as_str(), received[4].path.as_str()), ("POST", "/csv"));
    assert_eq!(received[4].header("content-type"), "text/csv");
    assert_eq!(received[4].body, "a,b\n1,2\n");
}

#[tokio::test]
#[should_panic(expected = "in vain; it has 0 requests")]
async fn the_receiver_does_not_wait_for_ever() {
    let receiver = Receiver::start().await;
    receiver.wait_for(|received| !received.is_empty(), Duration::from_millis(20)).await;
}
