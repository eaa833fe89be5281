//! Forgotten passwords and invitations by mail, with a mail server on loopback.

use std::time::Duration;

use ringfleet_api::{ApiSettings, MailSettings};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};

use crate::support::{Answer, World};

/// Longer than a test takes on a busy machine.
const SOON: Duration = Duration::from_secs(60);

/// A mail server that keeps what it takes (RFC 5321); it refuses the first `refusals` with a passing error.
struct MailServer {
    url: String,
    mails: mpsc::UnboundedReceiver<String>,
}

impl MailServer {
    async fn start(refusals: u32) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("smtp://{}", listener.local_addr().unwrap());
        let (taken, mails) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            let mut refusals = refusals;
            while let Ok((connection, _)) = listener.accept().await {
                let refuses = refusals > 0;
                refusals = refusals.saturating_sub(1);
                tokio::spawn(converse(connection, refuses, taken.clone()));
            }
        });
        Self { url, mails }
    }

    async fn next(&mut self) -> String {
        tokio::time::timeout(SOON, self.mails.recv()).await.expect("a mail comes").unwrap()
    }
}

async fn converse(connection: TcpStream, refuses: bool, taken: mpsc::UnboundedSender<String>) {
    let mut connection = BufReader::new(connection);
    let mut answer = "220 test".to_owned();
    loop {
        connection.write_all(format!("{answer}\r\n").as_bytes()).await.unwrap();
        let mut line = String::new();
        if connection.read_line(&mut line).await.unwrap_or(0) == 0 {
            return;
        }
        answer = match line.split_whitespace().next().unwrap_or_default() {
            "MAIL" if refuses => "451 later",
            "DATA" => {
                connection.write_all(b"354 go on\r\n").await.unwrap();
                let mut mail = String::new();
                while !mail.ends_with("\r\n.\r\n") {
                    connection.read_line(&mut mail).await.unwrap();
                }
                taken.send(mail.replace("=\r\n", "").replace("=3D", "=")).unwrap();
                "250 taken"
            }
            "QUIT" => return,
            _ => "250 test",
        }
        .to_owned();
    }
}

async fn world(server: &MailServer) -> World {
    let mail = MailSettings::new(&server.url, "Ringfleet <noreply@x.de>").unwrap();
    World::with(|settings| ApiSettings { mail: Some(mail), ..settings }).await
}

async fn open(world: &World, path: &str, body: Value) -> Answer {
    world.call_with("", &[], "POST", path, body).await
}

fn token_in(mail: &str) -> String {
    let (_, rest) = mail.split_once("#token=").expect("a link");
    rest.split_whitespace().next().unwrap().to_owned()
}

#[tokio::test]
async fn a_forgotten_password_is_set_anew_by_a_link_that_is_good_once() {
    let mut server = MailServer::start(0).await;
    let world = world(&server).await;
    world.engine.create_user("ana@x.de", "Ana", "correct horse battery", false).await.unwrap();
    let log_in = async |password: &str| {
        open(&world, "/auth/login", json!({"email": "ana@x.de", "password": password})).await
    };
    let logged_in = log_in("correct horse battery").await.expect(200);
    let forgot =
        async |email: &str| open(&world, "/auth/password/forgot", json!({"email": email})).await.expect(202);
    let unknown = forgot("eva@x.de").await;
    let known = forgot("ana@x.de").await;
    assert_eq!(unknown.body, known.body);
    let first = token_in(&server.next().await);
    forgot("ana@x.de").await;
    let mail = server.next().await;
    assert!(mail.contains("To: ana@x.de") && mail.contains("http://127.0.0.1:8080/reset#token="), "{mail}");
    let second = token_in(&mail);
    let reset = async |token: &str, password: &str| {
        open(&world, "/auth/password/reset", json!({"token": token, "password": password})).await
    };
    assert_eq!(reset(&first, "another horse battery").await.field(), "token", "the last one counts");
    assert_eq!(reset(&second, "short").await.field(), "password", "and is not used up by this");
    reset(&second, "another horse battery").await.expect(200);
    assert_eq!(reset(&second, "a third horse battery").await.field(), "token");
    let token = logged_in.data()["accessToken"].as_str().unwrap();
    world.call(token, "GET", "/users/me", Value::Null).await.expect(401);
    log_in("correct horse battery").await.expect(401);
    log_in("another horse battery").await.expect(200);
    // Only Ana's mails came.
    assert!(server.mails.try_recv().is_err());
}

#[tokio::test]
async fn a_link_ends_after_an_hour_and_mails_are_counted() {
    let mut server = MailServer::start(0).await;
    let world = world(&server).await;
    world.engine.create_user("ana@x.de", "Ana", "correct horse battery", false).await.unwrap();
    open(&world, "/auth/password/forgot", json!({"email": "ana@x.de"})).await.expect(202);
    let token = token_in(&server.next().await);
    world.clock.advance(Duration::from_secs(3_600));
    let late = json!({"token": token, "password": "another horse battery"});
    assert_eq!(open(&world, "/auth/password/reset", late).await.field(), "token");
    for email in ["ana@x.de", "eva@x.de"] {
        let mut last = 202;
        for _ in 0..6 {
            last = open(&world, "/auth/password/forgot", json!({"email": email})).await.status.as_u16();
        }
        assert_eq!(last, 429, "{email}");
    }
}

#[tokio::test]
async fn an_invitation_goes_by_mail_and_is_sent_again_after_passing_trouble() {
    let mut server = MailServer::start(1).await;
    let world = world(&server).await;
    let made = world
        .post("/workspaces/me/invite", json!({"email": "ben@x.de", "role": "developer"}))
        .await
        .expect(201);
    assert_eq!(made.data()["link"], Value::Null, "the address gets it, nobody else");
    let mail = server.next().await;
    assert!(
        mail.contains("To: ben@x.de") && mail.contains("\"ours\"") && mail.contains("/invite#token="),
        "{mail}"
    );
    let sign_up =
        json!({"email": "ben@x.de", "password": "correct horse battery", "inviteToken": token_in(&mail)});
    open(&world, "/auth/signup", sign_up).await.expect(200);
    let mut tx = world.engine.store().read().await.unwrap();
    let ben = tx.user_by_email("ben@x.de").await.unwrap().unwrap();
    assert!(ben.verified, "who has the link has the mail");
}

#[tokio::test]
async fn without_mail_nobody_waits_for_one() {
    let world = World::new().await;
    assert_eq!(
        open(&world, "/auth/password/forgot", json!({"email": "ana@x.de"})).await.refusal(409),
        "NO_MAIL"
    );
}
