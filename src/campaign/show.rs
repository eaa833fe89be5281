//! `ringfleet campaign start`: what would happen, and then that it does.

use serde_json::{Value, json};

use super::{StartArgs, server::Server};
use crate::process::Failure;

/// Shows the look ahead, and starts the campaign.
pub async fn start(server: &Server, args: StartArgs, json: bool) -> Result<(), Failure> {
    let campaign = &args.campaign;
    let preflight = server.get(&format!("/campaigns/{campaign}/preflight")).await?.data;
    if !json {
        eprint!("{}", in_words(&preflight));
    }
    let started = match args.dry_run {
        true => Value::Null,
        false => server.post(&format!("/campaigns/{campaign}/start"), &json!({})).await?.data,
    };
    match (json, args.dry_run) {
        (true, _) => println!("{}", json!({"preflight": preflight, "campaign": started})),
        (false, true) => {}
        (false, false) => println!("{campaign} is {}", started["status"].as_str().unwrap_or("started")),
    }
    Ok(())
}

fn in_words(preflight: &Value) -> String {
    let mut words =
        format!("{} waiting, {} can be called now\n", preflight["waiting"], preflight["callableNow"]);
    let list = |name: &str| preflight[name].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    for held in list("held") {
        let (hold, first, last) = (text(&held["hold"]), text(&held["first"]), text(&held["last"]));
        words += &format!("{} held by {hold}, from {first} to {last}\n", held["count"]);
    }
    for ended in list("ended") {
        let (disposition, reason) = (text(&ended["disposition"]), text(&ended["reason"]));
        words += &format!("{} would end {disposition} ({reason})\n", ended["count"]);
    }
    if let Some(at) = preflight["expectedFinish"].as_str() {
        words += &format!("expected to finish at {at}\n");
    }
    for warning in list("warnings") {
        words += &format!("warning: {}\n", text(&warning));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_ahead_is_told_in_words() {
        let preflight = json!({
            "waiting": 5, "callableNow": 2, "expectedFinish": "2026-11-27T10:00:00.000Z", "warnings": ["no caller ID"],
            "held": [{"hold": "WINDOW", "count": 2, "first": "a", "last": "b"}],
            "ended": [{"disposition": "SUPPRESSED", "reason": "listed", "count": 1}],
        });
        let words = "5 waiting, 2 can be called now\n2 held by WINDOW, from a to b\n1 would end SUPPRESSED (listed)\n\
                     expected to finish at 2026-11-27T10:00:00.000Z\nwarning: no caller ID\n";
        assert_eq!(in_words(&preflight), words);
    }
}
