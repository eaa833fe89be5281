//! Messages when people answer, providers refuse, and workers die.

#![allow(clippy::expect_used, reason = "a test ends where something it relies on fails")]

use std::{net::SocketAddr, time::Duration};

use serde_json::{Value, json};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
};

use crate::{
    cascade::{Stage, WAIT, came_to},
    operator::{Operator, PATIENCE, text},
    support::{
        SOON, eventually, free_port,
        mail_server::MailServer,
        pair::Pair,
        receiver::Receiver,
        twilio::{ACCOUNT, Callbacks, FakeTwilio, Manners, TOKEN},
        twilio_messages::FakeMessages,
        whatsapp::{self, FakeWhatsapp},
    },
};

/// A call that nobody takes, a text, and an e-mail whatever came of it.
fn plan(stage: &Stage) -> Value {
    json!([
        {"channel": "voice"},
        {"channel": "sms", "trunkId": stage.trunks["sms"], "message": {"text": "Hi {{name|friend}}"}},
        {"channel": "email", "gate": "any", "afterHours": 2.0 * WAIT, "trunkId": stage.trunks["email"],
         "message": {"subject": "Hello", "text": "We wrote to you."}},
    ])
}

/// Somebody says stop in the middle: nothing more is sent. Somebody answers: they are reached, and the customer hears of it, once.
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_in_the_middle_ends_it_and_an_answer_reaches() {
    let (pair, listen) = (Pair::embedded(), format!("127.0.0.1:{}", free_port()));
    let base = format!("http://{listen}");
    let system = pair.start_at(&listen, &[("RINGFLEET_API__BASE_URL", &base)]).await;
    let operator = Operator::new(&system.api);
    let stage = Stage::new(&operator, &base).await;
    let hooks = Receiver::start().await;
    operator.webhook(&hooks.url("/hook"), &["lead.responded"]).await;
    let mail = |name: &str| json!({"email": format!("{name}@example.com")});
    let people = [("+12025550116", mail("a")), ("+12025550126", mail("b")), ("+12025550136", mail("c"))];
    let campaign = stage.campaign(plan(&stage), &people).await;
    campaign.act("start").await;
    eventually(PATIENCE, "all three have a text", async || (stage.sms.texts().len() == 3).then_some(()))
        .await;
    let url = format!("{base}/callbacks/twilio/trunks/{}", stage.trunks["sms"]);
    assert_eq!(stage.sms.write(&url, "SM1", "+12025550116", "please stop").await, Some(200));
    for _ in 0..2 {
        assert_eq!(stage.sms.write(&url, "SM2", "+12025550126", "Call me tomorrow").await, Some(200));
    }
    let forged = format!("{base}/callbacks/twilio/trunks/{}", stage.trunks["email"]);
    assert_eq!(stage.sms.write(&forged, "SM3", "+12025550136", "stop").await, Some(403));
    campaign.finished().await;

    let came_to = came_to(&campaign).await;
    let of = |number: &str| {
        let (disposition, steps) = &came_to[number];
        format!("{disposition}: {}", steps.join(", "))
    };
    assert_eq!(of("+12025550116"), "SUPPRESSED: TRIED, CONNECTED, SKIPPED suppressed");
    assert_eq!(of("+12025550126"), "REACHED: TRIED, CONNECTED, SKIPPED reached");
    assert_eq!(of("+12025550136"), "MESSAGED: TRIED, CONNECTED, TRIED");
    assert_eq!(stage.mail.mails().len(), 1);

    let told = hooks.wait_for(|told| told.len() == 2, SOON).await;
    let told: Vec<Value> = told.iter().map(|one| one.json()["data"].clone()).collect();
    let stops: Vec<bool> = told.iter().filter_map(|data| data["isStop"].as_bool()).collect();
    assert!(stops == [true, false] || stops == [false, true], "each is told, once: {stops:?}");
    let data = told.iter().find(|data| data["isStop"] == false).expect("the answer");
    assert_eq!((text(&data["channel"]), text(&data["text"])), ("sms", "Call me tomorrow"));
    assert_eq!(text(&data["campaignId"]), campaign.id);
    let lead = text(&data["leadId"]);
    let replies = operator.get(&format!("/leads/{lead}/replies")).await;
    assert_eq!(replies.as_array().expect("a list").len(), 1, "{replies}");
    let session = operator.get(&format!("/sessions/{}", text(&data["sessionId"]))).await;
    assert_eq!((text(&session["outcome"]), text(&session["reason"])), ("READ", "replied"));
    assert!(!session["message"]["readAt"].is_null(), "{session}");
    // Who said stop is called by nobody any more, on no channel.
    let again = json!({"agentId": operator.agent(json!({})).await, "toNumber": "+12025550116", "trunkId": stage.trunks["voice"]});
    let (status, refused) = operator.api.post("/api/v1/sessions", &again).await;
    assert_eq!((status, &refused["meta"]["code"]), (409, &json!("SUPPRESSED")), "{refused}");
}

/// A template that does not exist uses up nobody: its messages wait, and say what for, while calls go on.
#[tokio::test(flavor = "multi_thread")]
async fn a_template_that_is_refused_holds_its_messages() {
    let (pair, listen) = (Pair::embedded(), format!("127.0.0.1:{}", free_port()));
    let base = format!("http://{listen}");
    let system = pair.start_at(&listen, &[("RINGFLEET_API__BASE_URL", &base)]).await;
    let operator = Operator::new(&system.api);
    let stage = Stage::new(&operator, &base).await;
    let plan = json!([
        {"channel": "voice"},
        {"channel": "whatsapp", "trunkId": stage.trunks["whatsapp"], "message": {"template": "unknown_one", "language": "en"}},
    ]);
    let people: Vec<(String, Value)> = (10..30).map(|n| (format!("+120255501{n}6"), json!({}))).collect();
    let people: Vec<(&str, Value)> = people.iter().map(|(to, of)| (to.as_str(), of.clone())).collect();
    let campaign = stage.campaign(plan, &people).await;
    campaign.act("start").await;
    campaign.until_ended(20).await; // the calls
    eventually(PATIENCE, "the provider has refused", async || (stage.whatsapp.posts() > 0).then_some(()))
        .await;
    let held = async || {
        let sessions = campaign.sessions().await;
        let waits = |session: &&Value| session["hold"] == "PACE" && session["reason"] == "template_refused";
        sessions.iter().filter(waits).count()
    };
    eventually(PATIENCE, "all messages wait", async || (held().await == 20).then_some(())).await;
    assert!(campaign.recipients().await.iter().all(|one| one["disposition"].is_null()));
    // Those that left together may all have been refused; nobody asks a second time for a while.
    assert!(stage.whatsapp.posts() <= 20, "{}", stage.whatsapp.posts());
}

/// The worker dies while the provider has a message and has not answered yet: another one finds it there, and sends it to nobody again.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_worker_sends_no_message_twice() {
    let pair = Pair::fleet().await;
    let listen = format!("127.0.0.1:{}", free_port());
    let base = format!("http://{listen}");
    let system = pair.start_at(&listen, &[("RINGFLEET_API__BASE_URL", &base)]).await;
    let operator = Operator::new(&system.api);
    let stage = Stage::new(&operator, &base).await;
    let plan = json!([{"channel": "sms", "trunkId": stage.trunks["sms"], "message": {"text": "Hi"}}]);
    let people = [("+12025550130", json!({})), ("+12025550230", json!({})), ("+12025550231", json!({}))];
    let campaign = stage.campaign(plan, &people).await;
    campaign.act("start").await;
    eventually(PATIENCE, "all three are with the provider", async || {
        (stage.sms.texts().len() == 3).then_some(())
    })
    .await;
    system.worker.as_ref().expect("a worker of its own").kill9();
    let second = pair.spawn(&["worker"], &[]);
    second.wait_line("ready", SOON).await;
    campaign.finished().await;
    assert_eq!((stage.sms.posts(), stage.sms.texts().len()), (3, 3));
    let outcomes: Vec<String> =
        campaign.sessions().await.iter().map(|session| text(&session["outcome"]).to_owned()).collect();
    assert!(outcomes.iter().all(|outcome| outcome == "DELIVERED" || outcome == "SENT"), "{outcomes:?}");
}

/// A port where nobody is, until it leads somewhere.
struct Dead(u16);

impl Dead {
    fn new() -> Self {
        Self(free_port())
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.0)
    }

    /// From now on it leads to `to`.
    async fn revive(self, to: SocketAddr) {
        let listener =
            TcpListener::bind(("127.0.0.1", self.0)).await.expect("nobody else has taken the port");
        tokio::spawn(async move {
            while let Ok((mut here, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let Ok(mut there) = TcpStream::connect(to).await else { return };
                    drop(copy_bidirectional(&mut here, &mut there).await); // either side may break it off
                });
            }
        });
    }
}

/// Nobody can be reached over any channel: nobody's turn is used up, every trunk rests, and all goes on by itself when they are back.
#[tokio::test(flavor = "multi_thread")]
async fn every_provider_down_uses_up_nobody() {
    let (pair, listen) = (Pair::embedded(), format!("127.0.0.1:{}", free_port()));
    let base = format!("http://{listen}");
    let system = pair.start_at(&listen, &[("RINGFLEET_API__BASE_URL", &base)]).await;
    let operator = Operator::new(&system.api);
    let [calls, messages, texts, mails] = std::array::from_fn(|_| Dead::new());
    let trunks = [
        json!({"name": "Calls", "kind": "twilio", "accountSid": ACCOUNT, "authToken": TOKEN, "baseUrl": calls.url(), "callerId": "+12025550199"}),
        json!({"name": "WhatsApp", "kind": "whatsapp", "phoneNumberId": whatsapp::NUMBER, "accessToken": whatsapp::TOKEN,
            "appSecret": whatsapp::SECRET, "verifyToken": whatsapp::VERIFY, "baseUrl": messages.url()}),
        json!({"name": "Texts", "kind": "twilioSms", "accountSid": ACCOUNT, "authToken": TOKEN, "baseUrl": texts.url(), "callerId": "+12025550199"}),
        json!({"name": "Mail", "kind": "smtp", "host": "127.0.0.1", "port": mails.0, "security": "none", "from": "asha@example.com"}),
    ];
    let mut ids = Vec::new();
    for trunk in trunks {
        ids.push(text(&operator.post("/trunks", trunk).await["id"]).to_owned());
    }
    let steps = [
        json!({"channel": "voice"}),
        json!({"channel": "whatsapp", "trunkId": ids[1], "message": {"template": "reminder", "language": "en", "variables": ["you", "us"]}}),
        json!({"channel": "sms", "trunkId": ids[2], "message": {"text": "Hi"}}),
        json!({"channel": "email", "trunkId": ids[3], "message": {"subject": "Hello", "text": "Hi"}}),
    ];
    let mut campaigns = Vec::new();
    for step in steps {
        let campaign = operator.campaign(&ids[0], json!({"channels": [step]})).await;
        let people: Vec<Value> = ["01", "02", "11", "12", "21", "22"]
            .map(|end| json!({"to": format!("+120255501{end}"), "variables": {"email": "a@example.com"}}))
            .into();
        operator.post(&format!("/campaigns/{}/recipients", campaign.id), json!({"recipients": people})).await;
        campaign.act("start").await;
        campaigns.push(campaign);
    }
    for id in &ids {
        eventually(PATIENCE, "the trunk rests", async || {
            let rests = operator.get(&format!("/trunks/{id}")).await["health"]["restsInARow"].as_u64();
            rests.filter(|rests| *rests > 1).map(drop)
        })
        .await;
    }
    for campaign in &campaigns {
        for recipient in campaign.recipients().await {
            assert_eq!(
                (&recipient["disposition"], &recipient["attempts"]),
                (&Value::Null, &json!(0)),
                "{recipient}"
            );
        }
        assert!(campaign.sessions().await.iter().all(|session| session["outcome"].is_null()));
    }

    let [queue, ring, talk] = [20, 30, 50].map(Duration::from_millis);
    let twilio = FakeTwilio::start(Manners { queue, ring, talk, callbacks: Callbacks::Twice }).await;
    let (meta, sms, mail) =
        (FakeWhatsapp::start().await, FakeMessages::start().await, MailServer::start().await);
    meta.tell_at(&format!("{base}/callbacks/whatsapp/{}", ids[1]));
    let at = |url: String| -> SocketAddr { url.trim_start_matches("http://").parse().expect("an address") };
    calls.revive(at(twilio.url())).await;
    messages.revive(at(meta.url())).await;
    texts.revive(at(sms.url())).await;
    mails.revive(SocketAddr::from(([127, 0, 0, 1], mail.port()))).await;
    for (campaign, disposition) in campaigns.iter().zip(["REACHED", "MESSAGED", "MESSAGED", "MESSAGED"]) {
        campaign.finished().await;
        for recipient in campaign.recipients().await {
            let read = disposition == "MESSAGED" && recipient["disposition"] == "REACHED"; // WhatsApp tells that it was read
            assert!(read || recipient["disposition"] == disposition, "{recipient}");
            assert_eq!(recipient["attempts"], 1);
        }
    }
    assert_eq!(
        [twilio.calls().len(), meta.taken().len(), sms.texts().len(), mail.mails().len()],
        [6; 4],
        "each once"
    );
}
