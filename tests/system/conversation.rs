//! Calls with a voice on them: handed over to an agent, ended by a key, answered by a machine. The callee is `ringfleet carrier`, which
//! murmurs and presses keys.

use std::{net::SocketAddr, path::Path, time::Duration};

use serde_json::{Value, json};

use crate::{
    greeting::{self, Greeting},
    on_both_pairs,
    operator::{Campaign, Operator, number, recording, text},
    support::{free_port, guard, pair::Pair},
    voice_agent::{Manner, VoiceAgent},
    witness::Carrier,
};

on_both_pairs!(calls_with_a_voice, run);

/// A number where somebody picks up, talks and hangs up; one where they stay; and one where a machine does.
const TALKS: &str = "+12025550101";
const STAYS: &str = "+12025550105";
const MACHINE: &str = "+12025550108";
const GREETING: Duration = Duration::from_millis(300);

async fn run(pair: Pair) {
    let (greeting, recordings) = (Greeting::lasting(GREETING), guard::folder());
    let folder = recordings.path();
    let env = [
        ("RINGFLEET_MEDIA__GREETINGS", greeting.folder()),
        ("RINGFLEET_MEDIA__RECORDINGS", folder.to_str().expect("a plain path")),
    ];
    let system = pair.start(&env).await;
    let operator = &Operator::new(&system.api);
    tokio::join!(
        an_agent_has_the_call(operator, folder),
        an_agent_thinks_better_of_it(operator, folder),
        an_agent_cannot_be_reached(operator),
        a_person_at_a_telephone_has_the_call(operator, folder),
        a_key_hands_over(operator),
        a_key_says_never_again(operator),
        a_machine_is_told_a_message(operator),
    );
}

/// An agent with a short greeting and this beside it.
async fn agent(operator: &Operator, more: Value) -> String {
    let mut body = more;
    body["greeting"] = json!(greeting::NAME);
    operator.agent(body).await
}

fn connect(url: &str) -> Value {
    json!({"kind": "ws", "url": url, "parameters": {"lang": "de", "attempt": "99"}})
}

async fn call(operator: &Operator, peer: SocketAddr, agent: &str, number: &str) -> Value {
    let trunk = operator.sip_trunk(peer, json!({})).await;
    let session = operator.call(number, json!({"agentId": agent, "trunkId": trunk})).await;
    operator.ended(&session).await
}

/// How a session ended, and the keys pressed.
fn came_to(session: &Value) -> [&str; 5] {
    ["status", "outcome", "reason", "endedBy", "digits"].map(|field| text(&session[field]))
}

/// A campaign for one person, who has a name.
async fn campaign(operator: &Operator, peer: SocketAddr, agent: &str, number: &str) -> Campaign {
    let trunk = operator.sip_trunk(peer, json!({})).await;
    let campaign = operator.campaign(&trunk, json!({"agentId": agent})).await;
    let recipients = json!({"recipients": [{"to": number, "variables": {"name": "Ana", "age": 7}}]});
    operator.post(&format!("/campaigns/{}/recipients", campaign.id), recipients).await;
    campaign.act("start").await;
    campaign
}

/// The callee's voice comes back, the key arrives, and the agent is told whom it talks to and when it is over.
async fn an_agent_has_the_call(operator: &Operator, recordings: &Path) {
    let voice = VoiceAgent::start(Manner::Echoes).await;
    let carrier = Carrier::start(&["--ring-ms", "50", "--talk-ms", "3000", "--press", "5"]).await;
    let agent = agent(operator, json!({"connect": connect(&voice.url), "recording": true})).await;
    let campaign = campaign(operator, carrier.addr, &agent, TALKS).await;
    campaign.finished().await;
    let session = campaign.sessions().await.remove(0);
    assert_eq!(came_to(&session), ["CALL_FINISHED", "ANSWERED", "hangup", "callee", "5"]);
    assert_eq!(campaign.recipients().await[0]["disposition"], "REACHED");
    let speech = &session["speech"];
    assert_eq!(
        speech["guess"], "machine",
        "it murmurs on and on, and is believed to be a person all the same"
    );
    assert!(number(&speech["firstMs"]) > 2_500 && number(&speech["silenceMs"]) < 1_000, "{speech}");

    voice.wait_for("stop").await;
    let heard = voice.heard();
    assert_eq!([&heard[0]["event"], &heard[1]["event"]], ["connected", "start"]);
    let start = &heard[1]["start"];
    let told = json!({"name": "Ana", "age": "7", "lang": "de", "attempt": "1", "to": TALKS,
        "callId": session["id"], "campaignId": campaign.id});
    assert_eq!((&start["customParameters"], &start["callSid"]), (&told, &session["id"]));
    assert_eq!(voice.of("dtmf").len(), 1);
    assert_eq!(voice.of("dtmf")[0]["dtmf"]["digit"], "5");
    let media = voice.of("media");
    let numbers = |field: &str| -> Vec<u64> {
        media.iter().map(|m| text(&m["media"][field]).parse().expect("a number in a text")).collect()
    };
    assert!(media.len() > 60, "2.6 s are 130 frames: {}", media.len());
    assert_eq!(numbers("chunk"), (1..=media.len() as u64).collect::<Vec<_>>());
    assert!(numbers("timestamp").is_sorted(), "time goes on");

    let [callee, ours] = loud_millis(recordings, &session).await;
    assert!(callee > 1000, "the callee murmurs: {callee} ms");
    assert!(
        ours > 600 && ours <= callee + 200,
        "most of it comes back after the greeting: {ours} of {callee} ms"
    );
}

/// Twenty seconds are said, and one is heard; the agent's leaving ends the call well.
async fn an_agent_thinks_better_of_it(operator: &Operator, recordings: &Path) {
    let voice = VoiceAgent::start(Manner::ThinksBetterOfIt).await;
    let carrier = Carrier::start(&["--ring-ms", "50"]).await;
    let agent = agent(operator, json!({"connect": connect(&voice.url), "recording": true})).await;
    let session = call(operator, carrier.addr, &agent, STAYS).await;
    assert_eq!(came_to(&session), ["CALL_FINISHED", "ANSWERED", "completed", "caller", ""]);
    assert_eq!(voice.wait_for("mark").await["mark"]["name"], "all of it");
    let [_, ours] = loud_millis(recordings, &session).await;
    assert!((200..10_000).contains(&ours), "{ours} ms of 20 s were played");
}

/// Nobody was talked to: the call has failed, also where somebody leaves at once, and the person was not reached.
async fn an_agent_cannot_be_reached(operator: &Operator) {
    let carrier = Carrier::start(&["--ring-ms", "50"]).await;
    let nobody = format!("ws://127.0.0.1:{}/", free_port());
    let nowhere = agent(operator, json!({"connect": connect(&nobody)})).await;
    let campaign = campaign(operator, carrier.addr, &nowhere, STAYS).await;
    campaign.finished().await;
    let session = campaign.sessions().await.remove(0);
    assert_eq!(came_to(&session), ["FAILED", "FAILED", "agent_unreachable", "caller", ""]);
    assert!(!session["answeredAt"].is_null(), "somebody had picked up");
    assert_eq!(campaign.recipients().await[0]["disposition"], "EXHAUSTED");

    let voice = VoiceAgent::start(Manner::Leaves).await;
    let leaves = agent(operator, json!({"connect": connect(&voice.url)})).await;
    let session = call(operator, carrier.addr, &leaves, STAYS).await;
    assert_eq!(came_to(&session)[..3], ["FAILED", "FAILED", "agent_unreachable"]);
}

/// A second carrier is the desk: both voices are recorded, keys reach it, and where it is busy nobody was reached.
async fn a_person_at_a_telephone_has_the_call(operator: &Operator, recordings: &Path) {
    let callees = Carrier::start(&["--ring-ms", "50", "--talk-ms", "3000", "--press", "5"]).await;
    let desk = Carrier::start(&["--ring-ms", "50", "--talk-ms", "60000"]).await;
    let telephone = |user: &str| json!({"kind": "sip", "url": format!("sip:{user}@{}", desk.addr)});
    let there = agent(operator, json!({"connect": telephone("201"), "recording": true})).await;
    let busy = agent(operator, json!({"connect": telephone("207")})).await;

    let session = call(operator, callees.addr, &there, TALKS).await;
    assert_eq!(came_to(&session), ["CALL_FINISHED", "ANSWERED", "hangup", "callee", "5"]);
    let [callee, desks] = loud_millis(recordings, &session).await;
    assert!(callee > 1000 && desks > 1000, "both murmur: {callee} ms, {desks} ms");

    let session = call(operator, callees.addr, &busy, STAYS).await;
    assert_eq!(came_to(&session)[..3], ["FAILED", "FAILED", "agent_unreachable"]);

    let records = desk.records().await;
    let told = |field: &str| records.iter().map(|record| record[field].clone()).collect::<Vec<_>>();
    assert_eq!(told("from"), [TALKS, STAYS]);
    assert_eq!((told("digits"), told("status")), (vec![json!("5"), json!("")], vec![json!(200), json!(486)]));
}

/// Who presses the key is handed over; who does not is let go a little later.
async fn a_key_hands_over(operator: &Operator) {
    let voice = VoiceAgent::start(Manner::Echoes).await;
    let asked = json!({
        "connect": connect(&voice.url), "connectOn": "keypad", "keypadSeconds": 2,
        "keypad": {"1": {"action": "connect"}},
    });
    let agent = agent(operator, asked).await;
    let silent = Carrier::start(&["--ring-ms", "50"]).await;
    let session = call(operator, silent.addr, &agent, STAYS).await;
    assert_eq!(came_to(&session), ["CALL_FINISHED", "ANSWERED", "completed", "caller", ""]);
    assert!(number(&session["durationMs"]) >= 2_000, "{session}");
    assert!(voice.heard().is_empty());

    let pressing = Carrier::start(&["--ring-ms", "50", "--talk-ms", "2500", "--press", "31"]).await;
    let session = call(operator, pressing.addr, &agent, TALKS).await;
    assert_eq!(came_to(&session), ["CALL_FINISHED", "ANSWERED", "hangup", "callee", "31"]);
    assert_eq!(voice.wait_for("start").await["start"]["customParameters"]["to"], TALKS);
    voice.wait_for("stop").await;
}

/// The number is on the list of the workspace, for all channels, before the call is settled; other campaigns leave it alone.
async fn a_key_says_never_again(operator: &Operator) {
    const NUMBER: &str = "+12025550115";
    let carrier = Carrier::start(&["--ring-ms", "50", "--press", "9"]).await;
    let agent = agent(operator, json!({"keypad": {"9": {"action": "suppress"}}})).await;
    let session = call(operator, carrier.addr, &agent, NUMBER).await;
    assert_eq!(came_to(&session), ["CALL_FINISHED", "ANSWERED", "opted_out", "caller", "9"]);
    let listed = operator.get("/suppressions?number=%2B12025550115").await;
    assert_eq!(
        (text(&listed[0]["source"]), &listed[0]["channel"]),
        ("STOP", &Value::Null),
        "on all: {listed}"
    );
    assert!(text(&listed[0]["reason"]).contains(text(&session["id"])), "{listed}");
    let later = campaign(operator, carrier.addr, &agent, NUMBER).await;
    later.finished().await;
    assert_eq!(later.recipients().await[0]["disposition"], "SUPPRESSED");
    assert_eq!(carrier.records().await.len(), 1, "it was called once");
}

/// A machine is told its message after the beep, or hung up on, or talked to.
async fn a_machine_is_told_a_message(operator: &Operator) {
    let carrier = Carrier::start(&["--ring-ms", "50"]).await;
    // Without a greeting of its own: the built-in one is long enough to hear the beep.
    let told = operator
        .agent(json!({"onMachine": "message", "machineMessage": greeting::NAME, "recording": true}))
        .await;
    let hung_up = operator.agent(json!({})).await;
    let talked_to = operator.agent(json!({"onMachine": "carryOn"})).await;
    let (told, hung_up, talked_to) = tokio::join!(
        call(operator, carrier.addr, &told, MACHINE),
        call(operator, carrier.addr, &hung_up, MACHINE),
        call(operator, carrier.addr, &talked_to, MACHINE)
    );
    let machine = ["VOICEMAIL", "VOICEMAIL", "beep", "caller", ""];
    assert_eq!((came_to(&told), came_to(&hung_up)), (machine, machine));
    assert_eq!(came_to(&talked_to), ["CALL_FINISHED", "ANSWERED", "completed", "caller", ""]);
    let longer = number(&told["durationMs"]) as i64 - number(&hung_up["durationMs"]) as i64;
    assert!(longer > 900, "a second of silence and the message: {longer} ms");
}

/// How long each side of a recording is loud, in milliseconds: the callee's, and ours.
async fn loud_millis(folder: &Path, session: &Value) -> [u64; 2] {
    recording(folder, session).await.map(|side| {
        let is_loud = |frame: &&[i16]| frame.iter().any(|sample| sample.unsigned_abs() > 1000);
        side.chunks(160).filter(is_loud).count() as u64 * 20
    })
}
