//! WhatsApp against an imitation that keeps its messages, and misbehaves.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../../tests/support/whatsapp.rs"]
#[allow(dead_code, reason = "each test program uses its own part of it")]
mod fake;

use std::{sync::Arc, time::Duration};

use axum::{Router, body::Bytes, extract::State, http::HeaderMap, routing::post};
use fake::{FakeWhatsapp, NUMBER, SECRET, TOKEN, VERIFY};
use parking_lot::Mutex;
use ringfleet_carriers::{
    Carrier, MessageOrder, Progress, RestSettings, Told, WhatsappCarrier,
    whatsapp::{Notice, is_signed, parse},
};
use ringfleet_core::{
    CallId, Clock, Ending, Outcome, SystemClock,
    message::{Inbound, Message, Receipt},
    message_trunk::WhatsappTrunk,
    net::Guard,
};
use serde_json::{Value, json};
use tokio::sync::mpsc::unbounded_channel;
use tokio_util::sync::CancellationToken;

const SOON: Duration = Duration::from_secs(20);

fn carrier_with(url: &str, more: Value) -> WhatsappCarrier {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let settings = RestSettings {
        guard: Guard::allowing(vec!["127.0.0.0/8".parse().unwrap()]),
        patience: Duration::from_millis(500),
        ..RestSettings::default()
    };
    let mut trunk = json!({"phoneNumberId": NUMBER, "accessToken": TOKEN, "appSecret": SECRET, "verifyToken": VERIFY, "baseUrl": url});
    trunk.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let trunk: WhatsappTrunk = serde_json::from_value(trunk).unwrap();
    WhatsappCarrier::open(trunk, &settings).unwrap()
}

fn carrier(fake: &FakeWhatsapp) -> WhatsappCarrier {
    carrier_with(&fake.url(), json!({}))
}

fn order(end: &str, message: Message) -> MessageOrder {
    let to = format!("+120255501{end}").parse().unwrap();
    MessageOrder { call: CallId::new(SystemClock.now()), to, from: None, message }
}

fn template(name: &str, values: &[&str]) -> Message {
    let variables = values.iter().map(|value| (*value).to_owned()).collect();
    Message::Template { name: name.into(), language: "en_US".into(), variables }
}

fn text(end: &str) -> MessageOrder {
    order(end, Message::Text("Hi Asha".into()))
}

async fn send(carrier: &WhatsappCarrier, order: MessageOrder) -> (Ending, Vec<Progress>) {
    let (progress, mut seen) = unbounded_channel();
    let attempt = match carrier.prepare_message(order).await {
        Ok(attempt) => attempt,
        Err(ending) => return (ending, Vec::new()),
    };
    let placed = attempt.place(progress, CancellationToken::new());
    let ending = tokio::time::timeout(SOON, placed).await.expect("an ending");
    let mut steps = Vec::new();
    while let Some(step) = seen.recv().await {
        steps.push(step);
    }
    (ending, steps)
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
async fn what_is_taken_was_sent_and_a_refusal_says_why() {
    use Outcome::{Failed, Uncertain};
    let fake = FakeWhatsapp::start().await;
    let carrier = carrier(&fake);
    for (end, expected) in [
        ("01", SENT),
        ("10", (Some(Failed), "not_on_whatsapp", Some(400))),
        ("50", (Some(Failed), "outside_window", Some(400))),
        ("60", (Some(Failed), "forbidden", Some(368))),
        ("70", (Some(Failed), "opted_out", Some(400))),
        ("00", (None, "throttled", Some(400))),
        ("00", SENT),
        ("40", (Some(Uncertain), "placement_unknown", None)),
        ("20", (Some(Uncertain), "placement_unknown", None)),
        ("01", SENT),
        ("30", (Some(Uncertain), "placement_unknown", None)),
    ] {
        let (ending, steps) = send(&carrier, text(end)).await;
        assert_eq!(short(&ending), expected, "{end}");
        assert_eq!(steps.contains(&Progress::OptedOut), end == "70", "{end}: {steps:?}");
        let kept = steps.iter().find_map(|step| match step {
            Progress::Resume(kept) => Some(kept.clone()),
            _ => None,
        });
        assert_eq!(kept.is_some(), expected == SENT, "{end}");
        if let Some(kept) = kept {
            assert_eq!(
                short(&carrier.resolve(&kept, None).await),
                SENT,
                "who died then knew that it was taken"
            );
        }
    }
    assert_eq!((fake.posts(), fake.taken().len()), (11, 5), "nothing was repeated");
    let before = carrier.prepare_message(text("01")).await.unwrap().resume();
    let lost = (Some(Outcome::Uncertain), "worker_lost", None);
    assert_eq!(short(&carrier.resolve(&before, None).await), lost);
}

#[tokio::test]
async fn what_is_asked_for_is_what_was_ordered() {
    let fake = FakeWhatsapp::start().await;
    let carrier = carrier(&fake);
    let first = order("01", template("reminder_2", &["Asha", "two\n lines\tand  spaces"]));
    send(&carrier, first.clone()).await;
    send(&carrier, order("01", template("plain", &[]))).await;
    send(&carrier, text("01")).await;
    let taken = fake.taken();
    assert_eq!(
        taken[0].body,
        json!({
            "messaging_product": "whatsapp", "recipient_type": "individual", "to": "+12025550101", "type": "template",
            "biz_opaque_callback_data": first.call.to_string(),
            "template": {"name": "reminder_2", "language": {"code": "en_US"}, "components": [{"type": "body", "parameters": [
                {"type": "text", "text": "Asha"}, {"type": "text", "text": "two lines and spaces"},
            ]}]},
        })
    );
    assert_eq!(taken[1].body["template"], json!({"name": "plain", "language": {"code": "en_US"}}));
    assert_eq!(taken[2].body["text"], json!({"preview_url": false, "body": "Hi Asha"}));
    let (ending, _) = send(&carrier, order("01", template("reminder_2", &["Asha", " "]))).await;
    assert_eq!(short(&ending), (Some(Outcome::Failed), "missing_variable", None), "it would be refused");
    assert_eq!(taken.len(), fake.posts());
}

/// Else a list of millions would be used up, or thrown at the provider, for one wrong name.
#[tokio::test]
async fn a_template_that_is_refused_holds_its_messages_and_nobody_elses() {
    let fake = FakeWhatsapp::start().await;
    let carrier = carrier(&fake);
    let unknown = || order("01", template("unknown_one", &["Asha"]));
    assert_eq!(short(&send(&carrier, unknown()).await.0), (None, "template_refused", Some(404)));
    for _ in 0..3 {
        let (ending, _) = send(&carrier, unknown()).await;
        assert_eq!(short(&ending), (None, "template_refused", None));
        assert!(matches!(ending, Ending::NoRoom { retry_after, .. } if retry_after.as_secs() > 200));
    }
    assert_eq!(fake.posts(), 1, "it was asked once");
    assert_eq!(short(&send(&carrier, order("01", template("reminder_2", &["Asha"]))).await.0), SENT);
    fake.approve_all();
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(301)).await;
    tokio::time::resume();
    for _ in 0..2 {
        assert_eq!(short(&send(&carrier, unknown()).await.0), SENT);
    }
}

#[tokio::test]
async fn a_provider_that_answers_nothing_clear_is_left_alone_for_a_while() {
    let fake = FakeWhatsapp::start().await;
    let carrier = carrier(&fake);
    for _ in 0..3 {
        assert_eq!(short(&send(&carrier, text("40")).await.0).1, "placement_unknown");
    }
    for _ in 0..5 {
        let (ending, _) = send(&carrier, text("40")).await;
        assert_eq!(short(&ending), (Some(Outcome::Failed), "network", None), "nobody is charged for it");
    }
    assert_eq!(fake.posts(), 3);
    assert_eq!(short(&send(&carrier, text("01")).await.0), SENT, "it is tried again");
}

#[tokio::test]
async fn who_is_not_let_in_is_told_so() {
    let fake = FakeWhatsapp::start().await;
    assert_eq!(carrier(&fake).probe().await, Ok(()));
    let wrong = carrier_with(&fake.url(), json!({"accessToken": "expired"}));
    assert_eq!(wrong.probe().await, Err("auth"));
    assert_eq!(short(&send(&wrong, text("01")).await.0), (Some(Outcome::Failed), "auth", Some(190)));
    let other = carrier_with(&fake.url(), json!({"phoneNumberId": "7"}));
    assert_eq!(other.probe().await, Err("forbidden"));
    for url in ["http://127.0.0.1:1", "http://no-such-host.invalid", "http://10.0.0.1"] {
        let nowhere = carrier_with(url, json!({}));
        assert_eq!(nowhere.probe().await, Err("network"), "{url}");
        assert_eq!(short(&send(&nowhere, text("01")).await.0), (Some(Outcome::Failed), "network", None));
    }
}

type Heard = Arc<Mutex<Vec<Notice>>>;

async fn hear(State(heard): State<Heard>, headers: HeaderMap, body: Bytes) {
    let signature = headers["x-hub-signature-256"].to_str().unwrap();
    if is_signed(SECRET, &body, signature) {
        heard.lock().extend(parse(&body));
    }
}

/// What a webhook is worth: signed as we check it, and with the id of the call in it.
#[tokio::test]
async fn what_becomes_of_a_message_is_told_with_its_call() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let heard = Heard::default();
    let routes = Router::new().route("/hook", post(hear)).with_state(heard.clone());
    let server = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    let fake = FakeWhatsapp::start().await;
    let carrier = carrier(&fake);
    let order = text("09");
    send(&carrier, order.clone()).await;
    fake.tell_at(&url);
    let message = fake.taken().remove(0);
    for (status, error) in [("sent", None), ("read", None), ("failed", Some(131_047))] {
        assert_eq!(fake.tell(&message, status, error).await, Some(200));
    }
    fake.write("wamid.in", "+12025550109", "Stop").await;
    fake.forge("+12025550109", "Go on").await;
    let receipt =
        |receipt, reason, code| Notice::Receipt { call: order.call, told: Told { receipt, reason, code } };
    let inbound =
        Inbound { id: "wamid.in".into(), from: "+12025550109".into(), text: "Stop".into(), is_stop: false };
    assert_eq!(
        *heard.lock(),
        [
            receipt(Receipt::Read, "read", None),
            receipt(Receipt::Undelivered, "outside_window", Some(131_047)),
            Notice::Inbound(inbound),
        ]
    );
    server.abort();
}
