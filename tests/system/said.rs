//! Greetings that are texts: rendered before the call, filled with what is known of the recipient. The provider of speech says a tone, and the
//! tone is what the callee hears.

use std::{path::Path, time::Duration};

use serde_json::{Value, json};

use crate::{
    on_both_pairs,
    operator::{Campaign, Operator, number, numbers, recording, text},
    support::{
        guard::{self, inside},
        pair::Pair,
        speaker::{HERTZ, KEY, MILLIS, Speaker},
    },
    witness::Carrier,
};

const TEXT: &str = "Hello {{name|friend}}, it is about {{city}}.";
/// Numbers where somebody picks up and stays.
const STAYS: [&str; 3] = ["+12025550105", "+12025550115", "+12025550125"];

/// What a system is told of its provider and its folders.
fn env<'a>(speaker: &'a Speaker, recordings: &'a str, cache: &'a str) -> [(&'a str, &'a str); 6] {
    [
        ("RINGFLEET_SPEECH__PROVIDER", "openai"),
        ("RINGFLEET_SPEECH__URL", &speaker.url),
        ("RINGFLEET_SPEECH__KEY", KEY),
        ("RINGFLEET_SPEECH__VOICE", "alloy"),
        ("RINGFLEET_SPEECH__CACHE", cache),
        ("RINGFLEET_MEDIA__RECORDINGS", recordings),
    ]
}

async fn campaign(operator: &Operator, carrier: &Carrier, agent: Value, people: Value) -> Campaign {
    let agent = operator.agent(agent).await;
    let trunk = operator.sip_trunk(carrier.addr, json!({})).await;
    let campaign = operator.campaign(&trunk, json!({"agentId": agent})).await;
    operator.post(&format!("/campaigns/{}/recipients", campaign.id), json!({"recipients": people})).await;
    campaign
}

on_both_pairs!(a_text_is_heard_once_its_provider_is_there, heard);

async fn heard(pair: Pair) {
    let (speaker, folder) = (Speaker::start().await, guard::folder());
    let (recordings, cache) = (inside(&folder, "recordings"), inside(&folder, "speech"));
    let system = pair.start(&env(&speaker, &recordings, &cache)).await;
    let operator = &Operator::new(&system.api);
    let carrier = Carrier::start(&["--ring-ms", "50"]).await;
    let ana = json!({"name": "Ana", "city": "Rome"});
    let people = json!([
        {"to": STAYS[0], "variables": ana}, {"to": STAYS[1], "variables": ana}, {"to": STAYS[2], "variables": {"city": "Rome"}},
    ]);
    let agent = json!({"greetingText": TEXT, "recording": true, "voice": {"voiceId": "nova"}});
    speaker.goes_down(true);
    let campaign = campaign(operator, &carrier, agent, people).await;
    campaign.act("start").await;
    campaign.until("all are held", |stats| stats["holds"]["PACE"] == 3).await;
    assert!(!speaker.asked().is_empty());
    for session in campaign.sessions().await {
        assert_eq!(came_to(&session), ["PENDING", "", "speech_unavailable"], "{session}");
    }
    speaker.goes_down(false);
    campaign.finished().await;
    for recipient in campaign.recipients().await {
        assert_eq!((text(&recipient["disposition"]), number(&recipient["attempts"])), ("REACHED", 1));
    }
    let mut said: Vec<(String, String)> = Vec::new();
    for (body, _) in speaker.asked().iter().filter(|(_, answered)| *answered) {
        said.push((text(&body["input"]).into(), text(&body["voice"]).into()));
    }
    said.sort();
    let expected = ["Hello Ana, it is about Rome.", "Hello friend, it is about Rome."];
    assert_eq!(said, expected.map(|text| (text.to_owned(), "nova".to_owned())), "each text once");
    for session in campaign.sessions().await {
        assert_eq!(came_to(&session), ["CALL_FINISHED", "ANSWERED", "completed"]);
        is_the_tone(Path::new(&recordings), &session).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_said_once_is_known_after_a_restart() {
    let (pair, speaker, folder) = (Pair::embedded(), Speaker::start().await, guard::folder());
    let (recordings, cache) = (inside(&folder, "recordings"), inside(&folder, "speech"));
    let carrier = Carrier::start(&["--ring-ms", "50"]).await;
    let call = async || {
        let system = pair.start(&env(&speaker, &recordings, &cache)).await;
        let operator = Operator::new(&system.api);
        let trunk = operator.sip_trunk(carrier.addr, json!({})).await;
        let agent = json!({"greetingText": "Hello {{name}}", "recording": true});
        let agent = operator.agent(agent).await;
        let call = json!({"agentId": agent, "trunkId": trunk, "variables": {"name": "Ana"}});
        let session = operator.call(STAYS[0], call).await;
        let session = operator.ended(&session).await;
        assert_eq!(came_to(&session), ["CALL_FINISHED", "ANSWERED", "completed"], "{session}");
        is_the_tone(Path::new(&recordings), &session).await;
        system.server.kill9();
    };
    call().await;
    speaker.goes_down(true);
    call().await;
    assert_eq!(speaker.asked().len(), 1);
    assert_eq!(speaker.asked()[0].0["voice"], "alloy", "the operator's, where the agent names none");
}

on_both_pairs!(who_lacks_a_variable_is_told_of_before_and_not_called, lacking);

async fn lacking(pair: Pair) {
    let (speaker, folder) = (Speaker::start().await, guard::folder());
    let (recordings, cache) = (inside(&folder, "recordings"), inside(&folder, "speech"));
    let system = pair.start(&env(&speaker, &recordings, &cache)).await;
    let operator = &Operator::new(&system.api);
    let carrier = Carrier::start(&["--ring-ms", "50"]).await;
    let long = json!({"city": "x".repeat(4_000)});
    let people = json!([
        {"to": STAYS[0], "variables": {"city": "Rome"}}, {"to": STAYS[1], "variables": {"city": ""}},
        {"to": STAYS[2], "variables": long},
    ]);
    let campaign = campaign(operator, &carrier, json!({"greetingText": TEXT}), people).await;
    let ahead = operator.get(&format!("/campaigns/{}/preflight", campaign.id)).await;
    assert_eq!(
        ahead["missingVariables"],
        json!([{"variable": "city", "count": 1, "examples": [STAYS[1]]}]),
        "{ahead}"
    );
    campaign.act("start").await;
    campaign.finished().await;
    let mut came = Vec::new();
    for recipient in campaign.recipients().await {
        came.push(["to", "disposition", "lastReason"].map(|field| text(&recipient[field]).to_owned()));
    }
    came.sort();
    let expected = [
        [STAYS[0], "REACHED", "completed"],
        [STAYS[1], "INVALID", "missing_variable"],
        [STAYS[2], "INVALID", "text_too_long"],
    ];
    assert_eq!(came, expected.map(|row| row.map(str::to_owned)));
    let called: Vec<Value> = carrier.records().await;
    assert_eq!(called.len(), 1, "nobody else's phone rang");
}

/// A slip in the text costs a few recipients, not the list.
#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_whose_text_suits_nobody_is_stopped() {
    let system = Pair::embedded().start(&[]).await;
    let operator = &Operator::new(&system.api);
    let agent = operator.agent(json!({"greetingText": "Hello {{nmae}}"})).await;
    let trunk = operator.simulated_trunk(1, 1, json!({"limits": {"callsPerSecond": 50}})).await;
    let campaign = operator.campaign(&trunk, json!({"agentId": agent})).await;
    campaign.add(&numbers(1_000, 1)).await;
    campaign.act("start").await;
    let stats = campaign.until("it is stopped", |stats| stats["status"] == "PAUSED").await;
    let lost = number(&stats["recipients"]["byDisposition"]["INVALID"]);
    assert!((26..300).contains(&lost), "{stats}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_provider_a_text_holds_its_calls() {
    let system = Pair::embedded().start(&[]).await;
    let operator = &Operator::new(&system.api);
    let carrier = Carrier::start(&["--ring-ms", "50"]).await;
    let people = json!([{"to": STAYS[0]}]);
    let campaign = campaign(operator, &carrier, json!({"greetingText": "Hello"}), people).await;
    campaign.act("start").await;
    campaign.until("it is held", |stats| stats["holds"]["PACE"] == 1).await;
    let session = campaign.sessions().await.remove(0);
    assert_eq!((text(&session["reason"]), &session["endedAt"]), ("speech_unavailable", &Value::Null));

    // Whoever tries things out has neither a provider nor somebody who would hear it.
    let trunk = operator.simulated_trunk(1, 1, json!({})).await;
    let agent = operator.agent(json!({"greetingText": "Hello"})).await;
    let trial = operator.campaign(&trunk, json!({"agentId": agent})).await;
    trial.add(&numbers(3, 1)).await;
    trial.act("start").await;
    trial.finished().await;
    assert_eq!(trial.stats().await["recipients"]["byDisposition"]["REACHED"], 3);
}

/// How a session stands.
fn came_to(session: &Value) -> [&str; 3] {
    ["status", "outcome", "reason"].map(|field| session[field].as_str().unwrap_or_default())
}

/// Our side of the recording is the tone and nothing else that is loud.
async fn is_the_tone(folder: &Path, session: &Value) {
    let [_, ours] = recording(folder, session).await;
    let is_loud = |sample: &i16| sample.unsigned_abs() > 1_000;
    let begin = ours.iter().position(is_loud).expect("something was said");
    let end = ours.iter().rposition(is_loud).expect("something was said");
    let said = &ours[begin..=end];
    let length = Duration::from_millis(said.len() as u64 / 8);
    assert!(length.abs_diff(Duration::from_millis(MILLIS.into())) < Duration::from_millis(10), "{length:?}");
    let crossings = said.windows(2).filter(|pair| (pair[0] < 0) != (pair[1] < 0)).count();
    let hertz = crossings as f64 / 2.0 / length.as_secs_f64();
    assert!((hertz - HERTZ).abs() < 3.0, "{hertz} Hz");
}
