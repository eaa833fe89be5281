use std::{net::SocketAddr, time::Duration};

use axum::{body::Body, http::Request};
use ringfleet_api::{ApiSettings, serve};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use crate::support::World;

const PATIENCE: Duration = Duration::from_secs(60);

async fn start(
    world: &World,
    settings: ApiSettings,
) -> (SocketAddr, CancellationToken, JoinHandle<std::io::Result<()>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let server = tokio::spawn(serve(listener, world.engine.clone(), settings, stop.clone()));
    (address, stop, server)
}

/// Sends bytes and reads until the server closes; what it said, as far as it came.
async fn exchange(address: SocketAddr, bytes: &[u8]) -> String {
    let (mut reader, mut writer) = TcpStream::connect(address).await.unwrap().into_split();
    let bytes = bytes.to_vec();
    let sender = tokio::spawn(async move { writer.write_all(&bytes).await.map(|()| writer) });
    let mut answer = Vec::new();
    let read =
        timeout(PATIENCE, reader.read_to_end(&mut answer)).await.expect("the server closes the connection");
    drop((read, sender.await)); // a server that refuses early may reset the connection
    String::from_utf8_lossy(&answer).into_owned()
}

fn get(key: &str) -> Vec<u8> {
    format!(
        "GET /api/v1/agents HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\nconnection: close\r\n\r\n"
    )
    .into_bytes()
}

#[tokio::test]
async fn a_client_that_sends_everything_first_still_hears_why_it_was_refused() {
    let world = World::new().await;
    let (address, _stop, _server) = start(&world, ApiSettings::default()).await;
    let body = "+14155550100\n".repeat(3_000_000);
    let (path, length) = ("/api/v1/campaigns/none/recipients/import", body.len());
    for (key, status) in [("wrong", " 401 "), (world.admin.as_str(), " 404 ")] {
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\ncontent-type: text/csv\r\n\
             connection: close\r\ncontent-length: {length}\r\n\r\n"
        );
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(head.as_bytes()).await.unwrap();
        client.write_all(body.as_bytes()).await.expect("the whole list is taken in");
        let mut answer = String::new();
        timeout(PATIENCE, client.read_to_string(&mut answer)).await.unwrap().unwrap();
        assert!(answer.contains(status), "{answer}");
    }
}

#[tokio::test]
async fn a_client_that_asks_first_sends_nothing_when_it_is_refused() {
    let world = World::new().await;
    let (address, _stop, _server) = start(&world, ApiSettings::default()).await;
    let request = "POST /api/v1/agents HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\nconnection: close\r\n\
                   content-type: application/json\r\ncontent-length: 9999\r\n\r\n";
    let answer = exchange(address, request.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
}

#[tokio::test]
async fn a_client_that_never_comes_to_the_point_is_hung_up_on() {
    let world = World::new().await;
    let settings = ApiSettings { head_patience: Duration::from_millis(100), ..ApiSettings::default() };
    let (address, _stop, _server) = start(&world, settings).await;
    for half in ["", "GET /api/v1/agents HTTP/1.1\r\nhost: x\r\n"] {
        let answer = exchange(address, half.as_bytes()).await;
        assert!(!answer.contains(" 200 "), "{answer}");
    }
}

#[tokio::test]
async fn odd_requests_never_hurt_the_server() {
    let world = World::new().await;
    let (address, _stop, _server) = start(&world, ApiSettings::default()).await;
    let long = "x".repeat(10 * 1024 * 1024);
    for request in [
        format!("GET /api/v1/agents HTTP/1.1\r\nhost: x\r\nx-long: {long}\r\n\r\n"),
        format!("GET /{long} HTTP/1.1\r\nhost: x\r\n\r\n"),
        format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(10_000)),
        "\0\0\0\0\r\n\r\n".to_owned(),
        "GET /api/v1/agents HTTP/9.9\r\n\r\n".to_owned(),
        "POST /api/v1/agents HTTP/1.1\r\nhost: x\r\ncontent-length: x\r\n\r\n".to_owned(),
    ] {
        let answer = exchange(address, request.as_bytes()).await;
        assert!(
            !answer.starts_with("HTTP/1.1 2") && !answer.starts_with("HTTP/1.1 5"),
            "{:.60} → {answer:.60}",
            request
        );
    }
    let answer = exchange(address, &get(&world.admin)).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn stopping_lets_open_requests_end() {
    let world = World::new().await;
    let (address, stop, server) = start(&world, ApiSettings::default()).await;
    let body = "{\"name\":\"late\"}";
    let head = format!(
        "POST /api/v1/agents HTTP/1.1\r\nhost: x\r\nx-api-key: {}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nexpect: 100-continue\r\n\r\n",
        world.admin,
        body.len()
    );
    let mut connection = TcpStream::connect(address).await.unwrap();
    connection.write_all(head.as_bytes()).await.unwrap();
    // "100 Continue" shows that the handler is at work on the body.
    let mut seen = [0; 25];
    timeout(PATIENCE, connection.read_exact(&mut seen)).await.unwrap().unwrap();
    assert!(seen.starts_with(b"HTTP/1.1 100"), "{}", String::from_utf8_lossy(&seen));
    stop.cancel();
    connection.write_all(body.as_bytes()).await.unwrap();
    let mut answer = String::new();
    timeout(PATIENCE, connection.read_to_string(&mut answer)).await.unwrap().unwrap();
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    timeout(PATIENCE, server).await.unwrap().unwrap().unwrap();
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn stopping_does_not_wait_for_ever() {
    let world = World::new().await;
    let settings = ApiSettings { drain: Duration::from_millis(50), ..ApiSettings::default() };
    let (address, stop, server) = start(&world, settings).await;
    let mut connection = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /api/v1/agents HTTP/1.1\r\nhost: x\r\nx-api-key: {}\r\ncontent-type: application/json\r\n\
         content-length: 100\r\nexpect: 100-continue\r\n\r\n",
        world.admin
    );
    connection.write_all(head.as_bytes()).await.unwrap();
    timeout(PATIENCE, connection.read_exact(&mut [0; 25])).await.unwrap().unwrap();
    stop.cancel();
    timeout(PATIENCE, server).await.expect("the drain time is over").unwrap().unwrap();
}

#[tokio::test]
async fn a_client_that_leaves_in_mid_upload_blocks_nothing_and_keeps_what_came() {
    let world = World::new().await;
    let campaign = world.campaign().await;
    let (address, _stop, _server) = start(&world, ApiSettings::default()).await;
    let head = format!(
        "POST /api/v1/campaigns/{campaign}/recipients/import HTTP/1.1\r\nhost: x\r\nx-api-key: {}\r\n\
         content-type: text/csv\r\ncontent-length: 1000000\r\n\r\nto\n+919876543210\n+919876543211\n",
        world.admin
    );
    let mut connection = TcpStream::connect(address).await.unwrap();
    connection.write_all(head.as_bytes()).await.unwrap();
    let id = campaign.parse().unwrap();
    let running = async || {
        let mut tx = world.engine.store().read().await.unwrap();
        tx.has_running_import(id).await.unwrap()
    };
    let until = async |wanted: bool| {
        while running().await != wanted {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, until(true)).await.expect("the import begins while the upload goes on");
    let refused = world.post(&format!("/campaigns/{campaign}/start"), serde_json::Value::Null).await;
    assert_eq!(refused.refusal(409), "IMPORT_RUNNING");
    drop(connection);
    timeout(PATIENCE, until(false)).await.expect("the import is closed");
    let kept = world.get(&format!("/campaigns/{campaign}/recipients")).await;
    assert_eq!(kept.data().as_array().unwrap().len(), 2);
    world.post(&format!("/campaigns/{campaign}/start"), serde_json::Value::Null).await.expect(200);
}

#[tokio::test]
async fn the_api_describes_itself_to_programs_and_to_people() {
    let world = World::new().await;
    let outside = async |path: &str| world.send(Request::get(path).body(Body::empty()).unwrap()).await;
    let answer = outside("/openapi.json").await;
    assert_eq!(
        (answer.status.as_u16(), answer.headers["content-type"].as_bytes()),
        (200, &b"application/json"[..])
    );
    assert_eq!(answer.body["openapi"], "3.1.0");
    let start = &answer.body["paths"]["/api/v1/campaigns/{campaignId}/start"]["post"];
    assert_eq!(start["description"], "Needs a role that may run campaigns.");
    assert_eq!(
        start["responses"]["409"]["content"]["application/json"]["schema"]["$ref"],
        "#/components/schemas/Problem"
    );
    let page = outside("/docs").await;
    assert_eq!(
        (page.status.as_u16(), page.headers["content-type"].as_bytes()),
        (200, &b"text/html; charset=utf-8"[..])
    );
    assert!(page.headers["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
    assert!(page.text.contains("Makes a campaign in DRAFT."), "{}", page.text);
}
