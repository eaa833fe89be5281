//! E-mail against a server that keeps every mail, and refuses by the address.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../../tests/support/mail_server.rs"]
#[allow(dead_code, reason = "each test program uses its own part of it")]
mod mail_server;

use std::{sync::Arc, time::Duration};

use mail_server::{House, MailServer};
use ringfleet_carriers::{Carrier, MessageOrder, Progress, RestSettings, SmtpCarrier};
use ringfleet_core::{
    CallId, Clock, Ending, Outcome, SystemClock,
    message::Message,
    message_trunk::{SmtpSecurity, SmtpTrunk},
    net::Guard,
};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::sync::mpsc::unbounded_channel;
use tokio_util::sync::CancellationToken;

const SOON: Duration = Duration::from_secs(20);
/// What the test that needs a trusted certificate tells the process it starts.
const TLS_PORTS: &str = "TLS_PORTS";

fn trunk(port: u16) -> SmtpTrunk {
    SmtpTrunk {
        host: "127.0.0.1".into(),
        port,
        security: SmtpSecurity::None,
        username: None,
        password: None,
        from: "Acme <hello@example.com>".into(),
        reply_to: None,
    }
}

fn open(trunk: SmtpTrunk) -> SmtpCarrier {
    let settings = RestSettings {
        guard: Guard::allowing(vec!["127.0.0.0/8".parse().unwrap(), "::1".parse().unwrap()]),
        patience: Duration::from_millis(500),
        ..RestSettings::default()
    };
    SmtpCarrier::open(trunk, &settings).unwrap()
}

fn order(to: &str) -> MessageOrder {
    let message = Message::Mail {
        to: to.into(),
        subject: "Grüße".into(),
        text: "Hi Asha,\n.\n..and a dot\n".into(),
        html: None,
        unsubscribe: Some("https://dialer.example.com/u/1".into()),
    };
    MessageOrder {
        call: CallId::new(SystemClock.now()),
        to: "+12025550101".parse().unwrap(),
        from: None,
        message,
    }
}

async fn send_it(carrier: &SmtpCarrier, order: MessageOrder) -> (Ending, Vec<Progress>) {
    let (progress, mut seen) = unbounded_channel();
    let attempt = carrier.prepare_message(order).await.unwrap();
    let placed = attempt.place(progress, CancellationToken::new());
    let ending = tokio::time::timeout(SOON, placed).await.expect("an ending");
    let mut steps = Vec::new();
    while let Some(step) = seen.recv().await {
        steps.push(step);
    }
    (ending, steps)
}

async fn send(carrier: &SmtpCarrier, to: &str) -> Ending {
    send_it(carrier, order(to)).await.0
}

/// Outcome, reason and code; a hold has none of the first.
fn short(ending: &Ending) -> (Option<Outcome>, &str, Option<u16>) {
    match ending {
        Ending::Over { outcome, reason, code, .. } => (Some(*outcome), reason, *code),
        Ending::NoRoom { reason, code, .. } => (None, reason, *code),
        Ending::GivenUp { reason } => (None, reason, None),
    }
}

const SENT: (Option<Outcome>, &str, Option<u16>) = (Some(Outcome::Sent), "accepted", None);

#[tokio::test]
async fn the_name_decides() {
    use Outcome::{Failed, Uncertain};
    let server = MailServer::start().await;
    let carrier = open(trunk(server.port()));
    for (name, expected) in [
        ("asha", SENT),
        ("bounce", (Some(Failed), "bad_address", Some(550))),
        ("grey", (None, "deferred", Some(451))),
        ("grey", SENT),
        ("full", (Some(Failed), "mailbox_full", Some(452))),
        ("relay", (Some(Failed), "forbidden", Some(554))),
        ("busy", (None, "throttled", Some(421))),
        ("spam", (Some(Failed), "refused", Some(554))),
        ("cut", (Some(Failed), "network", None)),
        ("lost", (Some(Uncertain), "placement_unknown", None)),
        ("asha", SENT),
    ] {
        let (ending, steps) = send_it(&carrier, order(&format!("{name}@example.org"))).await;
        assert_eq!(short(&ending), expected, "{name}");
        match &steps[..] {
            [Progress::Resume(kept)] => {
                assert_eq!(short(&carrier.resolve(kept, None).await), SENT, "who died then knew");
            }
            steps => assert!(steps.is_empty() && expected != SENT, "{name}: {steps:?}"),
        }
    }
    let names: Vec<_> = server.mails().iter().map(|mail| mail.to.clone()).collect();
    assert_eq!(names, ["asha", "grey", "lost", "asha"].map(|name| format!("{name}@example.org")));
    let put_off = send(&carrier, "another-grey@example.org").await;
    assert!(matches!(put_off, Ending::NoRoom { retry_after, .. } if retry_after.as_secs() == 300));
    let before = carrier.prepare_message(order("a@example.org")).await.unwrap().resume();
    let lost = (Some(Uncertain), "worker_lost", None);
    assert_eq!(short(&carrier.resolve(&before, None).await), lost, "nobody can be asked");
}

#[tokio::test]
async fn what_arrives_is_what_was_written() {
    let server = MailServer::start().await;
    let carrier = open(SmtpTrunk { reply_to: Some("answers@example.com".into()), ..trunk(server.port()) });
    let order = order("asha@example.org");
    let call = order.call;
    send_it(&carrier, order).await;
    let mail = server.mails().remove(0);
    assert_eq!((mail.from.as_str(), mail.to.as_str()), ("hello@example.com", "asha@example.org"));
    for (name, value) in [
        ("From", "Acme <hello@example.com>"),
        ("Reply-To", "answers@example.com"),
        ("Message-ID", &format!("<{call}@example.com>")),
        ("List-Unsubscribe", "<https://dialer.example.com/u/1>"),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
    ] {
        assert_eq!(mail.header(name), Some(value), "{name} in {}", mail.text);
    }
    assert!(mail.text.ends_with("\r\n\r\nHi Asha,\r\n.\r\n..and a dot\r\n\r\n"), "{:?}", mail.text);
}

#[tokio::test]
async fn a_connection_is_used_again_and_one_that_has_died_costs_nothing() {
    let server = MailServer::start().await;
    let carrier = open(trunk(server.port()));
    for name in ["a", "bounce", "b", "spam", "c"] {
        send(&carrier, &format!("{name}@example.org")).await;
    }
    assert_eq!((server.mails().len(), server.connections()), (3, 1));
    server.close_after_each();
    for n in 0..3 {
        assert_eq!(short(&send(&carrier, &format!("{n}@example.org")).await), SENT);
    }
    assert_eq!((server.mails().len(), server.connections()), (6, 3), "each mail came once");
    carrier.close().await;
}

#[tokio::test]
async fn credentials_are_probed() {
    let server = MailServer::with(House { login: Some(("user", "secret")), ..House::default() }).await;
    let with = |password: Option<&str>| {
        let username = password.map(|_| "user".to_owned());
        open(SmtpTrunk { username, password: password.map(str::to_owned), ..trunk(server.port()) })
    };
    assert_eq!(with(Some("secret")).probe().await, Ok(()));
    assert_eq!(short(&send(&with(Some("secret")), "a@example.org").await), SENT);
    assert_eq!(with(Some("wrong")).probe().await, Err("auth"));
    let refused = send(&with(Some("wrong")), "a@example.org").await;
    assert_eq!(short(&refused), (Some(Outcome::Failed), "auth", Some(535)));
    let refused = send(&with(None), "a@example.org").await;
    assert_eq!(short(&refused), (Some(Outcome::Failed), "auth", Some(530)), "only MAIL finds it out");
    let open_house = MailServer::start().await;
    let to_nobody =
        SmtpTrunk { username: Some("u".into()), password: Some("p".into()), ..trunk(open_house.port()) };
    assert_eq!(open(to_nobody).probe().await, Err("auth"), "it offers no way to log in");
}

#[tokio::test]
async fn it_goes_nowhere_it_must_not_and_nothing_public_in_the_clear() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap(); // takes connections and says nothing
    let silent = silent.local_addr().unwrap().port();
    let other = |host: &str, security| SmtpTrunk { host: host.into(), security, ..trunk(25) };
    for trunk in [
        trunk(1),
        trunk(silent),
        other("no-such-host.invalid", SmtpSecurity::None),
        other("10.0.0.1", SmtpSecurity::Tls),
        other("[::ffff:169.254.169.254]", SmtpSecurity::Starttls),
        other("8.8.8.8", SmtpSecurity::None),
    ] {
        let carrier = open(trunk.clone());
        let (ending, probed) = (send(&carrier, "a@example.org").await, carrier.probe().await);
        assert_eq!(
            (short(&ending), probed),
            ((Some(Outcome::Failed), "network", None), Err("network")),
            "{trunk:?}"
        );
    }
}

#[tokio::test]
async fn a_server_that_loses_every_answer_is_left_alone_for_a_while() {
    let server = MailServer::start().await;
    let carrier = open(trunk(server.port()));
    for _ in 0..3 {
        assert_eq!(short(&send(&carrier, "lost@example.org").await).1, "placement_unknown");
    }
    for _ in 0..5 {
        let ending = send(&carrier, "lost@example.org").await;
        assert_eq!(short(&ending), (Some(Outcome::Failed), "network", None), "nobody is charged for it");
    }
    assert_eq!(server.mails().len(), 3);
    assert_eq!(short(&send(&carrier, "a@example.org").await), SENT, "it is tried again");
}

/// A certificate for localhost, as the server and as whoever trusts it wants it.
fn certificate() -> (Arc<rustls::ServerConfig>, String) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(own.signing_key.serialize_der()));
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![own.cert.der().clone()], key)
        .unwrap();
    (Arc::new(config), own.cert.pem())
}

fn encrypted(port: u16, security: SmtpSecurity) -> SmtpCarrier {
    open(SmtpTrunk { host: "localhost".into(), security, ..trunk(port) })
}

/// Which certificates are trusted is a matter of the process: the sending half runs in one of its own.
#[tokio::test]
async fn what_is_encrypted_goes_to_whoever_is_trusted_only() {
    let (tls, pem) = certificate();
    let house = |tls_at_once| House { tls: Some(tls.clone()), tls_at_once, ..House::default() };
    let (later, at_once) = (MailServer::with(house(false)).await, MailServer::with(house(true)).await);
    let plain = MailServer::start().await;
    for (port, security) in [
        (later.port(), SmtpSecurity::Starttls),
        (at_once.port(), SmtpSecurity::Tls),
        (plain.port(), SmtpSecurity::Starttls),
        (plain.port(), SmtpSecurity::Tls),
    ] {
        let ending = send(&encrypted(port, security), "a@example.org").await;
        assert_eq!(
            short(&ending),
            (Some(Outcome::Failed), "network", None),
            "{security}: nobody vouches for it"
        );
    }
    assert!([&later, &at_once, &plain].iter().all(|server| server.mails().is_empty()));

    let folder = tempfile::tempdir().unwrap();
    let trusted = folder.path().join("trusted.pem");
    std::fs::write(&trusted, pem).unwrap();
    let sending = tokio::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "sends_encrypted", "--ignored"])
        .env("SSL_CERT_FILE", &trusted)
        .env(TLS_PORTS, format!("{} {}", later.port(), at_once.port()))
        .output()
        .await
        .unwrap();
    assert!(sending.status.success(), "{}", String::from_utf8_lossy(&sending.stdout));
    for server in [&later, &at_once] {
        assert_eq!(server.mails().iter().map(|mail| mail.encrypted).collect::<Vec<_>>(), [true]);
    }
}

#[tokio::test]
#[ignore = "the test above starts it with what it needs"]
async fn sends_encrypted() {
    let ports = std::env::var(TLS_PORTS).expect("started by the test above");
    let (later, at_once) = ports.split_once(' ').unwrap();
    let later = encrypted(later.parse().unwrap(), SmtpSecurity::Starttls);
    let at_once = encrypted(at_once.parse().unwrap(), SmtpSecurity::Tls);
    assert_eq!(short(&send(&later, "a@example.org").await), SENT);
    assert_eq!(short(&send(&at_once, "a@example.org").await), SENT);
}
