//! Text messages against a provider that keeps them, and misbehaves.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod rest_support;
#[path = "../../tests/support"]
#[allow(dead_code, reason = "each test program uses its own part of it")]
mod support {
    pub mod twilio;
    pub mod twilio_messages;
}

use rest_support::{ended, settings, short};
use ringfleet_carriers::{Carrier, Hints, MessageOrder, Progress, RestSettings, TwilioSmsCarrier};
use ringfleet_core::{
    CallId, Clock, Ending, Outcome, SystemClock, message::Message, message_trunk::TwilioSmsTrunk,
};
use serde_json::{Value, json};
use support::{
    twilio::{ACCOUNT, TOKEN},
    twilio_messages::FakeMessages,
};
use tokio::sync::mpsc::unbounded_channel;
use tokio_util::sync::CancellationToken;

fn trunk(url: &str, more: Value) -> TwilioSmsTrunk {
    let mut trunk = json!({"accountSid": ACCOUNT, "authToken": TOKEN, "baseUrl": url});
    trunk.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    serde_json::from_value(trunk).unwrap()
}

fn carrier(fake: &FakeMessages) -> TwilioSmsCarrier {
    TwilioSmsCarrier::open(trunk(&fake.url(), json!({})), settings(), Hints::default()).unwrap()
}

fn order(end: &str) -> MessageOrder {
    MessageOrder {
        call: CallId::new(SystemClock.now()),
        to: format!("+120255501{end}").parse().unwrap(),
        from: Some("+12025550199".into()),
        message: Message::Text("Hi Asha, 1 & 2 = 3 ☎".into()),
    }
}

async fn send(carrier: &TwilioSmsCarrier, order: MessageOrder) -> (Ending, Vec<Progress>) {
    ended(carrier.prepare_message(order).await.unwrap()).await
}

const SENT: (Option<Outcome>, &str, Option<u16>) = (Some(Outcome::Sent), "accepted", None);

#[tokio::test]
async fn what_is_taken_was_sent_and_a_refusal_says_why() {
    use Outcome::Failed;
    let fake = FakeMessages::silent().await;
    let carrier = carrier(&fake);
    for (end, expected) in [
        ("01", SENT),
        ("10", (Some(Failed), "bad_number", Some(21211))),
        ("50", (Some(Failed), "forbidden", Some(21408))),
        ("70", (Some(Failed), "opted_out", Some(21610))),
        ("00", (None, "throttled", Some(20429))),
        ("00", SENT),
    ] {
        let (ending, steps) = send(&carrier, order(end)).await;
        assert_eq!(short(&ending), expected, "{end}");
        let sid = steps.iter().any(|step| matches!(step, Progress::Resume(kept) if kept["sid"].is_string()));
        assert_eq!(sid, expected == SENT, "{end}: {steps:?}");
        assert_eq!(steps.contains(&Progress::OptedOut), end == "70", "{end}: {steps:?}");
    }
    assert_eq!(fake.texts().len(), 2);
}

#[tokio::test]
async fn what_is_asked_for_is_what_was_ordered() {
    let fake = FakeMessages::silent().await;
    let settings = RestSettings { callbacks: Some("http://127.0.0.1:9/".parse().unwrap()), ..settings() };
    let plain =
        TwilioSmsCarrier::open(trunk(&fake.url(), json!({})), settings.clone(), Hints::default()).unwrap();
    let first = order("01");
    send(&plain, first.clone()).await;
    let service = json!({"messagingServiceSid": "MG1"});
    let service = TwilioSmsCarrier::open(trunk(&fake.url(), service), settings, Hints::default()).unwrap();
    send(&service, MessageOrder { from: None, ..order("02") }).await;
    let texts = fake.texts();
    for (name, value) in [
        ("To", "+12025550101"),
        ("From", "+12025550199"),
        ("MessagingServiceSid", ""),
        ("Body", "Hi Asha, 1 & 2 = 3 ☎"),
        ("StatusCallback", &format!("http://127.0.0.1:9/callbacks/twilio/{}", first.call)),
    ] {
        assert_eq!(texts[0].field(name), value, "{name}");
    }
    assert_eq!((texts[1].field("MessagingServiceSid"), texts[1].field("From")), ("MG1", ""));
}

#[tokio::test]
async fn a_number_to_come_from_may_be_chosen_last_and_has_to_be_chosen() {
    let fake = FakeMessages::silent().await;
    let carrier = carrier(&fake);
    let undecided = MessageOrder { from: None, ..order("01") };
    let (ending, _) = send(&carrier, undecided.clone()).await;
    assert_eq!(short(&ending), (Some(Outcome::Failed), "no_caller_id", None));
    let mut attempt = carrier.prepare_message(undecided).await.unwrap();
    attempt.show("+12025550123".into());
    attempt.place(unbounded_channel().0, CancellationToken::new()).await;
    assert_eq!(fake.texts()[0].field("From"), "+12025550123");
}

#[tokio::test]
async fn an_unclear_answer_is_looked_into_and_never_repeated() {
    let fake = FakeMessages::silent().await;
    let carrier = carrier(&fake);
    for end in ["20", "30", "60"] {
        send(&carrier, order("01")).await; // a clear answer between them
        let (ending, steps) = send(&carrier, order(end)).await;
        assert_eq!(short(&ending), SENT, "{end}");
        assert!(matches!(&steps[0], Progress::Resume(kept) if kept["sid"].is_string()), "{steps:?}");
    }
    let (ending, _) = send(&carrier, order("40")).await;
    assert_eq!(short(&ending), (Some(Outcome::Uncertain), "placement_unknown", None), "nothing proves it");
    assert_eq!((fake.posts(), fake.texts().len()), (7, 6));
}

#[tokio::test]
async fn only_what_cannot_have_been_sent_is_a_plain_failure() {
    let nobody = {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", socket.local_addr().unwrap())
    };
    for url in [nobody.as_str(), "http://no-such-host.invalid", "http://10.0.0.1"] {
        let carrier = TwilioSmsCarrier::open(trunk(url, json!({})), settings(), Hints::default()).unwrap();
        let (ending, _) = send(&carrier, order("01")).await;
        assert_eq!(short(&ending), (Some(Outcome::Failed), "network", None), "{url}");
        assert_eq!(carrier.probe().await, Err("network"), "{url}");
    }
}

#[tokio::test]
async fn credentials_are_probed() {
    let fake = FakeMessages::silent().await;
    assert_eq!(carrier(&fake).probe().await, Ok(()));
    let wrong = trunk(&fake.url(), json!({"authToken": "wrong"}));
    let wrong = TwilioSmsCarrier::open(wrong, settings(), Hints::default()).unwrap();
    assert_eq!(wrong.probe().await, Err("auth"));
    assert_eq!(short(&send(&wrong, order("01")).await.0), (Some(Outcome::Failed), "auth", Some(20003)));
}

#[tokio::test]
async fn a_dead_workers_message_is_found_and_not_sent_again() {
    let fake = FakeMessages::silent().await;
    let carrier = carrier(&fake);
    for (end, knows_sid) in [("01", true), ("02", false), ("30", false)] {
        let attempt = carrier.prepare_message(order(end)).await.unwrap();
        let mut kept = attempt.resume();
        let (progress, mut seen) = unbounded_channel();
        attempt.place(progress, CancellationToken::new()).await;
        if knows_sid && let Some(Progress::Resume(with_sid)) = seen.recv().await {
            kept = with_sid;
        }
        let resolver = self::carrier(&fake); // as another process has it
        assert_eq!(short(&resolver.resolve(&kept, None).await), SENT, "{end}");
        fake.tell(&fake.texts().pop().unwrap().sid, "undelivered", Some(30005)).await;
        let resolver = self::carrier(&fake);
        let failed = (Some(Outcome::Failed), "bad_number", Some(30005));
        assert_eq!(short(&resolver.resolve(&kept, None).await), failed, "{end}");
    }
    assert_eq!(fake.posts(), 3, "nothing was sent again");
}

#[tokio::test]
async fn what_cannot_be_found_is_uncertain() {
    let fake = FakeMessages::silent().await;
    let carrier = carrier(&fake);
    let kept = carrier.prepare_message(order("01")).await.unwrap().resume();
    let uncertain = (Some(Outcome::Uncertain), "worker_lost", None);
    assert_eq!(short(&carrier.resolve(&kept, None).await), uncertain, "never sent, for all we know");
    assert_eq!(short(&carrier.resolve(&json!({"sip": 1}), None).await), uncertain);
    send(&carrier, MessageOrder { message: Message::Text("Something else".into()), ..order("01") }).await;
    let stranger = self::carrier(&fake);
    assert_eq!(short(&stranger.resolve(&kept, None).await), uncertain, "another text to the same number");
    send(&carrier, order("01")).await;
    send(&carrier, order("01")).await;
    let stranger = self::carrier(&fake);
    assert_eq!(short(&stranger.resolve(&kept, None).await), uncertain, "either may be it");
}

/// Else all of a list would be used up while a provider answers every request with an error.
#[tokio::test]
async fn a_provider_that_answers_nothing_clear_is_left_alone_for_a_while() {
    let fake = FakeMessages::silent().await;
    let carrier = carrier(&fake);
    for _ in 0..3 {
        assert_eq!(short(&send(&carrier, order("40")).await.0).1, "placement_unknown");
    }
    for _ in 0..5 {
        let (ending, _) = send(&carrier, order("40")).await;
        assert_eq!(short(&ending), (Some(Outcome::Failed), "network", None), "nobody is charged for it");
    }
    assert_eq!(fake.posts(), 3);
    assert_eq!(short(&send(&carrier, order("01")).await.0), SENT, "it is tried again");
}

#[tokio::test]
async fn it_sends_texts_and_nothing_else() {
    let fake = FakeMessages::silent().await;
    let carrier = carrier(&fake);
    let message = Message::Template { name: "a".into(), language: "en".into(), variables: vec![] };
    let refused = carrier.prepare_message(MessageOrder { message, ..order("01") }).await;
    assert_eq!(short(&refused.err().unwrap()), (Some(Outcome::Failed), "wrong_channel", None));
    assert!(fake.texts().is_empty());
}
