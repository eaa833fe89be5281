//! The main job: a messy list in, real calls out, signed webhooks back, and every figure right.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde_json::{Value, json};
use standardwebhooks::Webhook;

use crate::{
    greeting::{self, Greeting},
    on_both_pairs,
    operator::{Campaign, Operator, PATIENCE, number, text},
    support::{
        pair::Pair,
        receiver::{Received, Receiver, ids},
    },
    witness::{Carrier, count},
};

/// Rows that are taken and rows that are not, of the example list.
const ACCEPTED: usize = 209;
const REJECTED: usize = 42;
/// Rows not taken, by the beginning of their reason.
const REASONS: [(&str, usize); 10] = [
    ("duplicate_in_file", 9),
    ("empty", 3),
    ("no_country_code", 5),
    ("not_a_number", 9),
    ("scientific_notation", 4),
    ("too_long", 2),
    ("too_short", 2),
    ("unknown_country_code", 2),
    ("variables_too_large", 1),
    ("wrong_column_count", 5),
];

on_both_pairs!(a_messy_list_is_called, run);

async fn run(pair: Pair) {
    // Much longer than the carrier's voicemail greeting: its beep comes while ours plays, though each has a pace of its
    // own.
    let greeting = Greeting::lasting(Duration::from_secs(5));
    let system = pair.start(&[("RINGFLEET_MEDIA__GREETINGS", greeting.folder())]).await;
    let receiver = Receiver::start().await;
    let carrier = Carrier::start(&["--ring-ms", "20", "--talk-ms", "1500"]).await;
    let operator = Operator::new(&system.api);
    let secret = operator.webhook(&receiver.url("/hook"), &[]).await;
    let trunk = operator.sip_trunk(carrier.addr, json!({"limits": {"callsPerSecond": 30}})).await;
    let agent = operator.agent(json!({"greeting": greeting::NAME})).await;
    let campaign = operator.campaign(&trunk, json!({"agentId": agent, "ringTimeoutSeconds": 10})).await;

    let list = std::fs::read_to_string("examples/recipients.csv").expect("tests run where Cargo.toml is");
    let import = campaign.import(&list).await;
    assert_eq!(counts_of(&import), ("FINISHED", ACCEPTED + REJECTED, ACCEPTED, REJECTED), "{import}");
    check_rejected_rows(&operator, &list, text(&import["id"])).await;

    campaign.act("start").await;
    let stats = campaign.finished().await;
    let recipients = campaign.recipients().await;
    check_recipients(&recipients);
    check_figures(&stats, &recipients, &campaign.sessions().await);
    let heard = receiver.wait_for(|heard| ids(heard).len() >= 2 * ACCEPTED + 2, PATIENCE).await;
    check_webhooks(&heard, &secret, &campaign);
    check_calls(&carrier.records().await, &recipients);
}

fn counts_of(import: &Value) -> (&str, usize, usize, usize) {
    let count = |field: &str| number(&import[field]) as usize;
    (text(&import["status"]), count("rows"), count("accepted"), count("rejected"))
}

/// Each rejected row is listed with the line it begins on, and for the reason that a person would give.
async fn check_rejected_rows(operator: &Operator, list: &str, import: &str) {
    let (status, errors) = operator.api.get_text(&format!("/api/v1/imports/{import}/errors.csv")).await;
    assert_eq!(status, 200);
    let rows: Vec<[String; 4]> = csv::Reader::from_reader(errors.as_bytes())
        .deserialize()
        .collect::<Result<_, _>>()
        .expect("it is CSV");
    assert_eq!(rows.len(), REJECTED);
    let by_reason = |begin: &str| rows.iter().filter(|[.., reason]| reason.starts_with(begin)).count();
    let found = REASONS.map(|(begin, _)| (begin, by_reason(begin)));
    assert_eq!(found, REASONS, "{errors}");
    // Separators and quotes are the file's, not the value's; an apostrophe keeps a spreadsheet from seeing a formula.
    let bare = |text: &str| -> String { text.chars().filter(|c| !",\"' ".contains(*c)).collect() };
    let lines: Vec<&str> = list.lines().collect();
    for [line, _, value, _] in &rows {
        let line = lines[line.parse::<usize>().expect("lines are counted") - 1];
        assert!(bare(line).contains(&bare(value)), "{value:?} does not stand in {line:?}");
    }
}

/// How the carrier ends a call, by the last digit of the number.
fn expected(number: &str) -> (&'static str, &'static str) {
    match number.as_bytes().last() {
        Some(b'0'..=b'5') => ("REACHED", "ANSWERED"),
        Some(b'6') => ("EXHAUSTED", "UNANSWERED"),
        Some(b'7' | b'9') => ("EXHAUSTED", "REJECTED"),
        Some(b'8') => ("EXHAUSTED", "VOICEMAIL"),
        _ => panic!("{number} is no number"),
    }
}

fn check_recipients(recipients: &[Value]) {
    assert_eq!(recipients.len(), ACCEPTED);
    for recipient in recipients {
        assert_eq!((&recipient["state"], &recipient["attempts"]), (&json!("DONE"), &json!(1)), "{recipient}");
        let ending = (text(&recipient["disposition"]), text(&recipient["lastOutcome"]));
        assert_eq!(ending, expected(text(&recipient["to"])), "{recipient}");
    }
}

/// The kept figures equal a recount.
fn check_figures(stats: &Value, recipients: &[Value], sessions: &[Value]) {
    let figures = |counts: &Value| -> BTreeMap<String, usize> {
        let counts = counts.as_object().expect("figures by name").iter();
        counts.map(|(name, n)| (name.clone(), number(n) as usize)).filter(|(_, n)| *n > 0).collect()
    };
    let recount =
        |items: &[Value], field: &str| count(items.iter().map(|item| text(&item[field]).to_owned()));
    assert_eq!(figures(&stats["recipients"]["byDisposition"]), recount(recipients, "disposition"));
    assert_eq!(figures(&stats["calls"]["byOutcome"]), recount(sessions, "outcome"));
    assert_eq!(stats["recipients"]["total"], ACCEPTED);
    assert_eq!(stats["recipients"]["done"], ACCEPTED);
    assert_eq!(stats["calls"]["ended"], ACCEPTED);
    for nothing in [&stats["recipients"]["pending"], &stats["calls"]["ringing"], &stats["calls"]["talking"]] {
        assert_eq!(*nothing, 0, "{stats}");
    }
}

fn check_webhooks(heard: &[Received], secret: &str, campaign: &Campaign) {
    let verifier = Webhook::new(secret).expect("the secret is of the public form");
    for one in heard {
        verifier.verify(&one.body, &one.headers).unwrap_or_else(|error| panic!("{error}: {one:?}"));
        assert_eq!((&*one.method, one.header("content-type")), ("POST", "application/json"));
        assert_eq!(one.json()["id"], one.header("webhook-id"));
        // That the agent went live has to do with no campaign.
        if one.json()["type"] != "agent.published" {
            assert_eq!(one.json()["data"]["campaignId"], campaign.id);
        }
    }
    assert_eq!(heard.len(), ids(heard).len(), "the receiver took everything at once, so nothing came twice");
    let mut types = count(heard.iter().map(|one| text(&one.json()["type"]).to_owned()));
    assert!(types.remove("campaign.progress").is_some_and(|n| n > 0), "{types:?}"); // as often as time has passed
    let expected = [
        ("agent.published", 1),
        ("campaign.completed", 1),
        ("campaign.created", 1),
        ("campaign.started", 1),
        ("recipient.completed", ACCEPTED),
        ("session.ended", ACCEPTED),
        ("session.started", ACCEPTED),
    ];
    assert_eq!(types, expected.map(|(name, n)| (name.to_owned(), n)).into());
}

/// One call on the wire for each attempt; a number that ends in `00` was told once to come back later.
fn check_calls(records: &[Value], recipients: &[Value]) {
    let field = |name: &'static str| records.iter().map(move |record| text(&record[name]).to_owned());
    let twice = field("callId").collect::<BTreeSet<_>>().len() != records.len();
    assert!(!twice, "a Call-ID was used for two calls");
    let expected = recipients.iter().map(|recipient| {
        let to = text(&recipient["to"]);
        (to.to_owned(), if to.ends_with("00") { 2 } else { 1 })
    });
    assert_eq!(count(field("to")), expected.collect());
    for record in records {
        assert_eq!(record["invites"], 1, "{record}");
        let spoke = number(&record["rtpIn"]) > 0 && number(&record["rtpOut"]) > 0;
        assert_eq!(record["answered"], spoke, "audio flows both ways in answered calls only: {record}");
    }
}
