//! `ringfleet campaign create`.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Map, Value, json};

use super::server::Server;
use crate::process::Failure;

#[derive(Args)]
pub struct CreateArgs {
    /// The body of POST /api/v1/campaigns as a JSON file, `-` for standard input; flags take precedence
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// How people call it
    #[arg(long)]
    name: Option<String>,
    /// Who talks, agt_…
    #[arg(long, value_name = "AGENT")]
    agent: Option<String>,
    /// What places the calls, trk_…; left out: the only trunk there is
    #[arg(long, value_name = "TRUNK")]
    trunk: Option<String>,
    /// Most calls a second
    #[arg(long, value_name = "N")]
    calls_per_second: Option<f64>,
    /// Most calls live at once
    #[arg(long, value_name = "N")]
    max_live: Option<u64>,
    /// When people may be called, such as `always` or `weekdays-09-18-IST`
    #[arg(long, value_name = "WINDOW")]
    window: Option<String>,
    /// An upload to fill it from, upl_…
    #[arg(long, value_name = "UPLOAD")]
    upload: Option<String>,
}

/// Makes a campaign and prints its id, or all of it as JSON.
pub async fn run(server: &Server, args: CreateArgs, json: bool) -> Result<(), Failure> {
    let body = body(&args)?;
    let made = server.post("/campaigns", &body).await?.data;
    match json {
        true => println!("{made}"),
        false => println!("{}", made["id"].as_str().unwrap_or_default()),
    }
    Ok(())
}

fn body(args: &CreateArgs) -> Result<Value, Failure> {
    let mut body = match &args.from {
        None => Map::new(),
        Some(path) => {
            let named = |e: &dyn std::fmt::Display| Failure::during(&path.display().to_string(), e);
            let text = match path.as_os_str() == "-" {
                true => std::io::read_to_string(std::io::stdin()),
                false => std::fs::read_to_string(path),
            };
            let text = text.map_err(|e| named(&e))?;
            serde_json::from_str(&text).map_err(|e| named(&format!("not a JSON object: {e}")))?
        }
    };
    let mut set = |field: &str, value: Option<Value>| {
        if let Some(value) = value {
            body.insert(field.to_owned(), value);
        }
    };
    set("name", args.name.as_ref().map(|name| json!(name)));
    set("agentId", args.agent.as_ref().map(|agent| json!(agent)));
    set("trunkId", args.trunk.as_ref().map(|trunk| json!(trunk)));
    set("source", args.upload.as_ref().map(|upload| json!({"type": "csv", "uploadId": upload})));
    put_below(&mut body, "limits", "callsPerSecond", args.calls_per_second.map(|n| json!(n)));
    put_below(&mut body, "limits", "maxLiveCalls", args.max_live.map(|n| json!(n)));
    put_below(&mut body, "schedule", "window", args.window.as_ref().map(|window| json!(window)));
    for (field, flag) in [("name", "--name"), ("agentId", "--agent")] {
        if !body.contains_key(field) {
            return Err(Failure::new(format!(
                "the campaign has no {field}: give {flag}, or --from a file that has it"
            )));
        }
    }
    Ok(Value::Object(body))
}

fn put_below(body: &mut Map<String, Value>, object: &str, field: &str, value: Option<Value>) {
    let Some(value) = value else { return };
    let below = body.entry(object).or_insert_with(|| json!({}));
    if let Some(below) = below.as_object_mut() {
        below.insert(field.to_owned(), value);
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: CreateArgs,
    }

    fn made(words: &[&str]) -> Result<Value, Failure> {
        body(&Line::parse_from([&["create"], words].concat()).args)
    }

    #[test]
    fn flags_go_before_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("campaign.json");
        std::fs::write(&file, r#"{"name":"A","agentId":"agt_1","weight":2,"limits":{"maxLiveCalls":5}}"#)
            .unwrap();
        let from = file.to_str().unwrap();
        let body = made(&["--from", from, "--name", "B", "--calls-per-second", "1.5", "--window", "always"]);
        let expected = json!({"name": "B", "agentId": "agt_1", "weight": 2, "limits": {"maxLiveCalls": 5, "callsPerSecond": 1.5},
                              "schedule": {"window": "always"}});
        assert_eq!(body.unwrap_or_default(), expected);
        assert!(made(&["--name", "B"]).unwrap_err().to_string().contains("--agent"));
        std::fs::write(&file, "[1]").unwrap();
        assert!(made(&["--from", from]).unwrap_err().to_string().contains("not a JSON object"));
    }
}
