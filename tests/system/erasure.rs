//! A person is erased: from every table and every file, with a receipt, whatever dies meanwhile.

use axum::http::Method;
use serde_json::{Value, json};

use crate::{
    on_both_pairs,
    operator::{Operator, PATIENCE, number, text},
    support::{
        api::Api,
        dump::{dump, lines_with},
        eventually, guard,
        pair::Pair,
        receiver::Receiver,
        scenarios::Scenario,
        sipp::SippPeer,
    },
};

/// Whom it is about, and what else she is known by.
const NUMBER: &str = "+491701234567";
const DIGITS: &str = "491701234567";
const NAME: &str = "Annabelle";
/// What spreadsheets make of a hyphen.
const DASH: char = '\u{2013}';
/// Somebody else on all the same lists.
const OTHER: &str = "+491701234568";

on_both_pairs!(nothing_of_a_person_is_left, nothing_left);

async fn nothing_left(pair: Pair) {
    let folder = guard::folder();
    let (spool, kept) = (guard::inside(&folder, "spool"), guard::inside(&folder, "kept"));
    let env = [("RINGFLEET_MEDIA__SPOOL", &*spool), ("RINGFLEET_MEDIA__RECORDINGS", &*kept)];
    let system = pair.start(&env).await;
    let operator = Operator::new(&system.api);
    let receiver = Receiver::start().await;
    operator.webhook(&receiver.url("/hook"), &["session.ended", "recipient.completed"]).await;

    let session = recorded(&operator).await;
    let campaign = called_in_a_campaign(&operator).await;
    let draft = operator.campaign(&operator.simulated_trunk(1, 1, json!({})).await, json!({})).await;
    draft.import(&list(&[NUMBER, OTHER])).await;
    known_as_a_lead(&operator, &session).await;
    uploaded(&system.api).await;
    let theirs = known_elsewhere(&pair, &system.api).await;
    let file = folder.path().join("kept").join(format!("{session}.wav"));
    eventually(PATIENCE, "the recording is in its place", async || file.exists().then_some(())).await;
    receiver.wait_for(|all| all.len() >= 5, PATIENCE).await;
    let before = dump(&pair);
    for needle in [DIGITS, NAME] {
        assert!(lines_with(&before, needle).len() > 8, "{:#?}", lines_with(&before, needle));
    }
    let figures = campaign.stats().await;

    // Two ask at once, and whoever carries it out is killed.
    let orders = json!({"number": NUMBER, "reason": "asked for by letter"});
    let first = operator.post("/erasures", orders.clone()).await;
    let second = operator.post("/erasures", orders).await;
    assert_eq!(first["person"], second["person"]);
    let (_scheduler, system) = match system.scheduler {
        Some(scheduler) => {
            scheduler.kill9();
            let system = crate::support::pair::System { scheduler: None, ..system };
            (Some(pair.spawn(&["scheduler"], &env)), system)
        }
        None => {
            system.server.kill9();
            (None, pair.start(&env).await)
        }
    };
    let operator = Operator::new(&system.api);
    let mut erased: Vec<Value> = Vec::new();
    for order in [&first, &second] {
        let path = format!("/erasures/{}", text(&order["id"]));
        let receipt = eventually(PATIENCE, "the erasure is finished", async || {
            Some(operator.get(&path).await).filter(|receipt| receipt["status"] == "FINISHED")
        })
        .await;
        assert!(
            receipt["finishedAt"].is_string()
                && receipt["keptBecause"].as_array().is_some_and(|k| k.len() == 3)
        );
        erased.push(receipt["erased"].clone());
    }
    for kind in [
        "leads",
        "suppressions",
        "recipients",
        "sessions",
        "transcripts",
        "recordings",
        "events",
        "uploads",
        "keptAnswers",
        "rejectedRows",
        "auditDetails",
        "contacts",
    ] {
        let both: u64 = erased.iter().map(|erased| number(&erased[kind])).sum();
        assert!(both > 0, "{kind}: {erased:?}");
    }

    let after = dump(&pair);
    let ours = |line: &&str| !line.contains(&theirs);
    assert_eq!(lines_with(&after, NAME).into_iter().filter(ours).collect::<Vec<_>>(), Vec::<&str>::new());
    let numbers: Vec<&str> = lines_with(&after, DIGITS).into_iter().filter(ours).collect();
    assert_eq!(numbers, Vec::<&str>::new());
    assert_eq!(
        lines_with(&after, &format!("170{DASH}1234567")),
        Vec::<&str>::new(),
        "as spreadsheets write it"
    );
    assert!(!file.exists());
    assert!(lines_with(&after, &OTHER[1..]).len() > 2, "the other one is still there");
    assert_eq!(lines_with(&after, &theirs).len(), lines_with(&before, &theirs).len());

    figures_agree(&operator, &system.api, &campaign.id, &figures).await;
    kept_out(&system.api, &draft.id).await;
}

/// A call to her that is answered, recorded and told of.
async fn recorded(operator: &Operator) -> String {
    let peer = SippPeer::start(&Scenario::called().answer().hang_up_after(300).xml(), &[]).await;
    let trunk = operator.sip_trunk(peer.addr, json!({})).await;
    let agent = operator.agent(json!({"recording": true})).await;
    let call = json!({
        "agentId": agent, "toNumber": NUMBER, "trunkId": trunk, "variables": {"name": NAME}, "metadata": {"customer": NAME}
    });
    let request = operator
        .api
        .request(Method::POST, "/api/v1/sessions")
        .header("idempotency-key", "a call")
        .json(&call);
    let answer: Value = request.send().await.expect("an answer").json().await.expect("JSON");
    let session = operator.ended(&answer["data"]).await;
    assert_eq!(session["outcome"], "ANSWERED", "{session}");
    text(&session["id"]).to_owned()
}

fn list(numbers: &[&str]) -> String {
    let name = |number: &str| if number == OTHER { "Bert" } else { NAME };
    let rows = numbers.iter().map(|number| format!("{number},{}\n", name(number)));
    std::iter::once("phone,name\n".to_owned()).chain(rows).collect()
}

/// A campaign that calls her and another, from a list with two rows too many.
async fn called_in_a_campaign(operator: &Operator) -> crate::operator::Campaign {
    let campaign = operator.campaign(&operator.simulated_trunk(1, 1, json!({})).await, json!({})).await;
    let list = format!(
        "phone,name\n{NUMBER},{NAME}\n+49 (170) 123-4567,again\n+49{DASH}170{DASH}1234567,and again\n{OTHER},Bert\n"
    );
    let import = campaign.import(&list).await;
    assert_eq!(import["rejected"], 2, "{import}");
    campaign.act("start").await;
    campaign.finished().await;
    campaign
}

async fn known_as_a_lead(operator: &Operator, session: &str) {
    let lead = json!({"number": NUMBER, "email": "annabelle@example.com", "attributes": {"name": NAME}});
    let lead = operator.post("/leads", lead).await;
    let changed = json!({"attributes": {"name": NAME, "city": "Ulm"}});
    let path = format!("/api/v1/leads/{}", text(&lead["id"]));
    let status =
        operator.api.request(Method::PATCH, &path).json(&changed).send().await.expect("an answer").status();
    assert_eq!(status, 200);
    operator.post("/suppressions", json!({"number": NUMBER, "channel": "email", "reason": NAME})).await;
    let turns = json!({"transcript": [{"role": "user", "text": format!("I am {NAME}"), "ts": "2026-11-22T10:00:00Z"}]});
    let path = format!("/api/v1/sessions/{session}/transcript");
    let told =
        operator.api.request(Method::PUT, &path).header("idempotency-key", "a transcript").json(&turns);
    assert_eq!(told.send().await.expect("an answer").status(), 200);
}

/// A file that nobody has imported.
async fn uploaded(api: &Api) {
    let (status, upload) = api.post_csv("/api/v1/uploads", list(&[OTHER, "0170 / 123 45 67"])).await;
    assert!((200..300).contains(&status), "{upload}");
}

/// Another workspace knows her as well; gives the id of the lead there.
async fn known_elsewhere(pair: &Pair, api: &Api) -> String {
    let theirs = Operator::new(&api.with_key(&pair.key("theirs", "admin").await));
    let lead = theirs.post("/leads", json!({"number": NUMBER, "attributes": {"name": NAME}})).await;
    // As both engines dump it.
    let id = text(&lead["id"]);
    let (_, shown) = theirs.api.get(&format!("/api/v1/leads/{id}")).await;
    assert_eq!(shown["data"]["number"], NUMBER);
    theirs_in(pair, &dump(pair))
}

/// The workspace of theirs, as it stands in a dump.
fn theirs_in(pair: &Pair, dump: &str) -> String {
    let line = dump.lines().find(|line| line.contains("\ttheirs\t")).expect("their workspace");
    let mut cells = line.split('\t');
    let id = match pair {
        Pair::Embedded(_) => cells.nth(1),
        Pair::Fleet { .. } => cells.next(),
    };
    id.expect("its id").to_owned()
}

/// What was kept of the campaign is what is there: nobody is missing.
async fn figures_agree(operator: &Operator, api: &Api, campaign: &str, before: &Value) {
    let after = operator.get(&format!("/campaigns/{campaign}/stats")).await;
    for part in ["recipients", "calls"] {
        assert_eq!(after[part], before[part], "{part}");
    }
    let recipients = operator.all(&format!("/campaigns/{campaign}/recipients")).await;
    let numbers: Vec<&str> = recipients.iter().map(|one| text(&one["to"])).collect();
    assert!(
        numbers.contains(&OTHER) && numbers.contains(&"+9990000000") && numbers.len() == 2,
        "{numbers:?}"
    );
    let sessions = operator.all(&format!("/sessions?campaignId={campaign}")).await;
    assert_eq!(sessions.len(), 2);
    let (status, results) = api.get_text(&format!("/api/v1/campaigns/{campaign}/results.csv")).await;
    assert_eq!((status, results.lines().count()), (200, 3), "{results}");
}

/// She is not called and not taken in again; the list is taken without her.
async fn kept_out(api: &Api, draft: &str) {
    let path = format!("/api/v1/campaigns/{draft}/recipients");
    let (_, recipients) = api.get(&path).await;
    let ended = recipients["data"].as_array().expect("a list").iter().find(|one| one["to"] == "+9990000000");
    assert_eq!(ended.expect("she is nobody now")["disposition"], "SUPPRESSED");
    let (status, added) =
        api.post(&path, &json!({"recipients": [{"to": NUMBER}, {"to": "+491701234569"}]})).await;
    assert_eq!((status, &added["data"]["accepted"]), (200, &json!(1)), "{added}");
    assert_eq!(added["data"]["rejected"][0]["code"], "erased");
    let (_, import) = api.post_csv(&format!("{path}/import"), list(&[NUMBER, "+491701234570"])).await;
    assert_eq!(
        (&import["data"]["accepted"], &import["data"]["rejected"]),
        (&json!(1), &json!(1)),
        "{import}"
    );
    let (_, agent) = api.post("/api/v1/agents", &json!({"name": "Asha"})).await;
    let (_, trunk) = api.post("/api/v1/trunks", &json!({"name": "s", "kind": "simulated"})).await;
    let call = json!({"agentId": agent["data"]["id"], "toNumber": NUMBER, "trunkId": trunk["data"]["id"]});
    let (status, refused) = api.post("/api/v1/sessions", &call).await;
    assert_eq!((status, &refused["meta"]["code"]), (409, &json!("SUPPRESSED")), "{refused}");
}
