//! Calls, WhatsApp, text messages and e-mails for the same people: every way through a plan, over fakes of the providers and a real mail server.

#![allow(clippy::expect_used, reason = "a test ends where something it relies on fails")]

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};

use crate::{
    on_both_pairs,
    operator::{Campaign, Operator, PATIENCE, text},
    support::{
        eventually, free_port,
        mail_server::MailServer,
        pair::Pair,
        receiver::Receiver,
        twilio::{ACCOUNT, TOKEN},
        twilio_messages::FakeMessages,
        whatsapp::{self, FakeWhatsapp},
    },
};

/// Hours that a step waits for receipts: two seconds and a half.
pub const WAIT: f64 = 2.5 / 3600.0;

/// Everybody who takes part.
pub struct Stage {
    operator: Operator,
    base: String,
    pub sms: FakeMessages,
    pub whatsapp: FakeWhatsapp,
    pub mail: MailServer,
    pub trunks: HashMap<&'static str, String>,
}

impl Stage {
    pub async fn new(operator: &Operator, base: &str) -> Self {
        let (sms, whatsapp, mail) =
            (FakeMessages::start().await, FakeWhatsapp::start().await, MailServer::start().await);
        let made = async |trunk: Value| text(&operator.post("/trunks", trunk).await["id"]).to_owned();
        let trunks = HashMap::from([
            ("voice", operator.simulated_trunk(20, 30, json!({})).await),
            (
                "sms",
                made(json!({"name": "Texts", "kind": "twilioSms", "accountSid": ACCOUNT, "authToken": TOKEN,
                    "baseUrl": sms.url(), "callerId": "+12025550199"}))
                .await,
            ),
            (
                "whatsapp",
                made(json!({"name": "WhatsApp", "kind": "whatsapp", "phoneNumberId": whatsapp::NUMBER,
                    "accessToken": whatsapp::TOKEN, "appSecret": whatsapp::SECRET, "verifyToken": whatsapp::VERIFY,
                    "baseUrl": whatsapp.url()}))
                .await,
            ),
            (
                "email",
                made(json!({"name": "Mail", "kind": "smtp", "host": "127.0.0.1", "port": mail.port(), "security": "none",
                    "from": "Asha <asha@example.com>"}))
                .await,
            ),
        ]);
        let webhook = format!("{base}/callbacks/whatsapp/{}", trunks["whatsapp"]);
        assert_eq!(whatsapp.set_up(&webhook, "wrong").await.0, 403);
        assert_eq!(whatsapp.set_up(&webhook, whatsapp::VERIFY).await.0, 200);
        whatsapp.tell_at(&webhook);
        Self { operator: operator.clone(), base: base.to_owned(), sms, whatsapp, mail, trunks }
    }

    /// Two calls, WhatsApp, a text message if that is not read, an e-mail if that does not arrive.
    fn plan(&self) -> Value {
        json!([
            {"channel": "voice", "attempts": 2, "retry": {"afterMinutes": 0, "backoff": 1, "on": ["UNANSWERED", "REJECTED"]}},
            {"channel": "whatsapp", "gate": "any", "trunkId": self.trunks["whatsapp"],
             "message": {"template": "reminder", "language": "en", "variables": ["{{name|friend}}", "{{tried.outcome}}"]}},
            {"channel": "sms", "gate": "whatsapp.unread", "afterHours": WAIT, "trunkId": self.trunks["sms"],
             "message": {"text": "Hi {{name|friend}}, we wrote to you over {{tried.channel}}."}},
            {"channel": "email", "gate": "sms.undelivered", "afterHours": WAIT, "trunkId": self.trunks["email"],
             "message": {"subject": "Dear {{name|friend}}", "text": "We could not reach you. {{unsubscribeUrl}}", "html": "<p>{{name|friend}}</p>"}},
        ])
    }

    pub async fn campaign(&self, plan: Value, people: &[(&str, Value)]) -> Campaign {
        let campaign = self.operator.campaign(&self.trunks["voice"], json!({"channels": plan})).await;
        let people: Vec<Value> =
            people.iter().map(|(to, variables)| json!({"to": to, "variables": variables})).collect();
        let path = format!("/campaigns/{}/recipients", campaign.id);
        let added = self.operator.post(&path, json!({"recipients": people})).await;
        assert_eq!(added["accepted"], people.len(), "{added}");
        campaign
    }
}

/// How each of a campaign's recipients ended, and how each of its steps stands.
pub async fn came_to(campaign: &Campaign) -> BTreeMap<String, (String, Vec<String>)> {
    let mut all = BTreeMap::new();
    for recipient in campaign.recipients().await {
        let path = format!("/campaigns/{}/recipients/{}", campaign.id, text(&recipient["id"]));
        let shown = campaign.operator.get(&path).await;
        let steps = shown["channels"].as_array().expect("the steps of the plan");
        let step = |chip: &Value| match chip["reason"].as_str() {
            Some(reason) => format!("{} {reason}", text(&chip["status"])),
            None => text(&chip["status"]).to_owned(),
        };
        let disposition = shown["disposition"].as_str().unwrap_or("-").to_owned();
        all.insert(text(&shown["to"]).to_owned(), (disposition, steps.iter().map(step).collect()));
    }
    all
}

fn way(disposition: &str, steps: [&str; 4]) -> (String, Vec<String>) {
    (disposition.to_owned(), steps.map(str::to_owned).to_vec())
}

on_both_pairs!(every_way_through_a_plan, ways);

async fn ways(pair: Pair) {
    let listen = format!("127.0.0.1:{}", free_port());
    let base = format!("http://{listen}");
    let system = pair.start_at(&listen, &[("RINGFLEET_API__BASE_URL", &base)]).await;
    let operator = Operator::new(&system.api);
    let stage = Stage::new(&operator, &base).await;
    let hooks = Receiver::start().await;
    operator.webhook(&hooks.url("/hook"), &["session.updated", "recipient.completed"]).await;
    let people = [
        ("+12025550101", json!({"name": "Ann"})),
        ("+12025550106", json!({"name": "Bo", "email": "bo@example.com"})),
        ("+12025550107", json!({"name": "Cy & Co", "email": "cy@example.com"})),
        ("+12025550117", json!({"name": "Di", "email": "di-bounce@example.com"})),
        ("+12025550127", json!({"name": "Ed"})),
        ("+12025550108", json!({"name": "Flo"})),
        ("+12025550109", json!({"email": "gus@example.com"})),
    ];
    let campaign = stage.campaign(stage.plan(), &people).await;
    campaign.act("start").await;
    let stats = campaign.finished().await;

    // Answered; unread, then a text; nothing arrives; nor does the e-mail; nor is there one; read; declined, and no receipt at all.
    let expected = BTreeMap::from([
        (
            "+12025550101".into(),
            way("REACHED", ["CONNECTED", "SKIPPED reached", "SKIPPED reached", "SKIPPED reached"]),
        ),
        ("+12025550106".into(), way("MESSAGED", ["TRIED", "CONNECTED", "CONNECTED", "SKIPPED gate_closed"])),
        ("+12025550107".into(), way("MESSAGED", ["TRIED", "TRIED", "TRIED", "TRIED"])),
        ("+12025550117".into(), way("EXHAUSTED", ["TRIED", "TRIED", "TRIED", "TRIED"])),
        ("+12025550127".into(), way("EXHAUSTED", ["TRIED", "TRIED", "TRIED", "TRIED"])),
        ("+12025550108".into(), way("REACHED", ["TRIED", "CONNECTED", "SKIPPED reached", "SKIPPED reached"])),
        ("+12025550109".into(), way("MESSAGED", ["TRIED", "TRIED", "TRIED", "TRIED"])),
    ]);
    assert_eq!(came_to(&campaign).await, expected);
    let dispositions = &stats["recipients"]["byDisposition"];
    assert_eq!(
        (&dispositions["REACHED"], &dispositions["MESSAGED"], &dispositions["EXHAUSTED"]),
        (&json!(2), &json!(3), &json!(2)),
        "{stats}"
    );
    assert_eq!(
        (stage.whatsapp.posts(), stage.sms.posts(), stage.mail.mails().len()),
        (6, 5, 2),
        "nobody is written to twice"
    );

    let whatsapp = stage.whatsapp.taken();
    let flo = whatsapp.iter().find(|message| message.to().ends_with("0108")).expect("a message to Flo");
    assert!(
        flo.body.to_string().contains(r#""text":"Flo""#) && flo.body.to_string().contains("VOICEMAIL"),
        "{}",
        flo.body
    );
    let texts = stage.sms.texts();
    let bo = texts.iter().find(|text| text.field("To").ends_with("0106")).expect("a text to Bo");
    assert_eq!(bo.field("Body"), "Hi Bo, we wrote to you over whatsapp.");
    let mails = stage.mail.mails();
    let gus = mails.iter().find(|mail| mail.to == "gus@example.com").expect("a mail to Gus");
    assert_eq!(gus.header("Subject"), Some("Dear friend"));

    // The link in it asks first, and holds for all channels then.
    let link = gus.header("List-Unsubscribe").expect("a way out").trim_matches(['<', '>']).to_owned();
    assert!(link.starts_with(&format!("{}/unsubscribe/", stage.base)), "{link}");
    let number = "%2B12025550109";
    let stopped = async || operator.all(&format!("/suppressions?number={number}")).await.len();
    assert_eq!(reqwest::get(&link).await.expect("a page").status(), 200);
    assert_eq!(stopped().await, 0, "who only looks is not put on a list");
    let http = reqwest::Client::new();
    let forged = link.replace("signature=", "signature=00");
    assert_eq!(http.post(forged).send().await.expect("an answer").status(), 403);
    let one_click = http.post(&link).body("List-Unsubscribe=One-Click").send().await.expect("an answer");
    assert_eq!((one_click.status().as_u16(), stopped().await), (200, 1));

    // Each receipt is told once, and each recipient ends once.
    let told = |kind: &str| hooks.received().iter().filter(|one| one.json()["type"] == kind).count();
    eventually(PATIENCE, "all is told", async || {
        (told("recipient.completed") == people.len() && told("session.updated") >= 10).then_some(())
    })
    .await;
    assert_eq!(told("session.updated"), 10, "two for each of Bo, Cy, Di, Ed and Flo");
}
