//! `ringfleet campaign watch`: live figures until the campaign is over.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::{WatchArgs, server::Server};
use crate::process::Failure;

/// Shows how it goes until it is over. With JSON, the figures as the API gives them, one look a line.
pub async fn run(server: &Server, args: WatchArgs, json: bool) -> Result<(), Failure> {
    let path = format!("/campaigns/{}/stats", args.campaign);
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} done, {msg}") {
        bar.set_style(style);
    }
    let mut shown = String::new();
    loop {
        let stats = server.get(&path).await?.data;
        let words = in_words(&stats);
        if json {
            println!("{stats}");
        } else if bar.is_hidden() && words != shown {
            println!("{words}"); // no terminal: a line for each change
            shown.clone_from(&words);
        }
        bar.set_length(stats["recipients"]["total"].as_u64().unwrap_or_default());
        bar.set_position(stats["recipients"]["done"].as_u64().unwrap_or_default());
        bar.set_message(words);
        match stats["status"].as_str() {
            Some("FINISHED") => {
                bar.finish();
                return Ok(());
            }
            Some(status @ ("CANCELLED" | "FAILED")) => {
                bar.abandon();
                return Err(Failure::new(format!("the campaign is {status}")));
            }
            _ => tokio::time::sleep(Duration::from_secs(args.every)).await,
        }
    }
}

fn in_words(stats: &Value) -> String {
    let (recipients, calls) = (&stats["recipients"], &stats["calls"]);
    let status = stats["status"].as_str().unwrap_or_default();
    let mut words = format!(
        "{status}: {} of {} recipients done; {} calls ended, {} ringing, {} talking",
        recipients["done"], recipients["total"], calls["ended"], calls["ringing"], calls["talking"]
    );
    let counted = |counts: &Value| -> Vec<String> {
        let counts = counts.as_object().cloned().unwrap_or_default();
        let counted = counts.iter().filter(|(_, n)| **n != json!(0));
        counted.map(|(name, n)| format!("{name} {n}")).collect()
    };
    for list in [counted(&calls["byOutcome"]), counted(&stats["holds"])] {
        if !list.is_empty() {
            words += &format!("; {}", list.join(", "));
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_told_in_words() {
        let stats = json!({
            "status": "IN_PROGRESS", "recipients": {"total": 9, "done": 2}, "holds": {"WINDOW": 3, "PACE": 0},
            "calls": {"ended": 4, "ringing": 1, "talking": 0, "byOutcome": {"ANSWERED": 2, "REJECTED": 2, "FAILED": 0}},
        });
        let words = "IN_PROGRESS: 2 of 9 recipients done; 4 calls ended, 1 ringing, 0 talking; ANSWERED 2, REJECTED 2; WINDOW 3";
        assert_eq!(in_words(&stats), words);
    }
}
