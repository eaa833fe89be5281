//! `ringfleet doctor`: looks at everything an installation stands on, and says what is wrong and what to do. It changes nothing.

mod database;
mod machine;
mod redis;
mod report;
mod services;
mod settings;
mod trunks;

use std::{path::Path, process::ExitCode};

use clap::Args;

use crate::{
    config::{Config, Flags},
    process::Failure,
};
use report::Report;

#[derive(Args)]
pub struct DoctorArgs {
    /// One JSON object for programs
    #[arg(long)]
    json: bool,
}

/// Looks at everything; the exit status is 1 when something has failed.
pub async fn run(args: &DoctorArgs, file: Option<&Path>, flags: &Flags) -> Result<ExitCode, Failure> {
    let mut report = Report::default();
    match Config::read(file, flags) {
        Ok(config) => examine(&config, &mut report).await,
        Err(error) => {
            let advice = "correct it; docs/ringfleet.example.toml has every key with its default";
            report.fail("configuration", error, advice);
        }
    }
    match args.json {
        true => println!("{}", serde_json::to_string(&report)?),
        false => print!("{report}"),
    }
    Ok(match report.has_failures() {
        true => ExitCode::FAILURE,
        false => ExitCode::SUCCESS,
    })
}

async fn examine(config: &Config, report: &mut Report) {
    settings::check(config, report);
    machine::check(config, report);
    let store = database::check(config, report).await;
    redis::check(config, report).await;
    services::check(config, report).await;
    if let Some(store) = store {
        trunks::check(config, &store, report).await;
        store.close().await;
    }
}
