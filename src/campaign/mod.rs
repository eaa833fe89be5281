//! `ringfleet campaign`: campaigns from the command line, over nothing but the HTTP API.

mod create;
mod import;
mod results;
mod server;
mod show;
mod watch;

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Subcommand, ValueEnum};
use ringfleet_core::{CampaignId, UploadId};

use crate::process::Failure;
use server::Server;

#[derive(Args)]
pub struct CampaignArgs {
    /// Where the API is
    #[arg(
        long,
        global = true,
        env = "RINGFLEET_URL",
        default_value = "http://127.0.0.1:8080",
        value_name = "URL"
    )]
    url: String,
    /// An API key; better in the environment than on the command line, where others see it
    #[arg(long, global = true, env = "RINGFLEET_API_KEY", hide_env_values = true, value_name = "KEY")]
    key: Option<String>,
    /// Print JSON: one object, or one a line
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: CampaignCommand,
}

#[derive(Subcommand)]
enum CampaignCommand {
    /// Make a campaign
    Create(create::CreateArgs),
    /// Send a list and add its rows to a campaign; goes on by itself after a lost connection
    Import(ImportArgs),
    /// Show what would happen, and start
    Start(StartArgs),
    /// Show how it goes until it is over
    Watch(WatchArgs),
    /// Print its recipients and how they ended
    Results(ResultsArgs),
}

#[derive(Args)]
struct ImportArgs {
    /// The campaign, cmp_…
    campaign: CampaignId,
    /// The list, as CSV
    file: PathBuf,
    /// The column with the phone numbers
    #[arg(long, value_name = "NAME")]
    column: Option<String>,
    /// The column with each recipient's own time zone
    #[arg(long, value_name = "NAME")]
    timezone: Option<String>,
    /// Give a variable another name than its column: COLUMN=VARIABLE; may be repeated
    #[arg(long, value_name = "COLUMN=VARIABLE", value_parser = pair)]
    rename: Vec<(String, String)>,
    /// A column that is to become nothing; may be repeated
    #[arg(long, value_name = "NAME")]
    ignore: Vec<String>,
    /// Go on with an upload that was begun before, upl_…
    #[arg(long, value_name = "UPLOAD")]
    resume: Option<UploadId>,
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((column, variable)) if !column.is_empty() && !variable.is_empty() => {
            Ok((column.to_owned(), variable.to_owned()))
        }
        _ => Err("give it as COLUMN=VARIABLE".to_owned()),
    }
}

#[derive(Args)]
struct StartArgs {
    /// The campaign, cmp_…
    campaign: CampaignId,
    /// Only show what would happen
    #[arg(long)]
    dry_run: bool,
}

#[derive(Args)]
struct WatchArgs {
    /// The campaign, cmp_…
    campaign: CampaignId,
    /// How often to look, in seconds
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=3600))]
    every: u64,
}

#[derive(Clone, Copy, ValueEnum)]
enum Form {
    Csv,
    Jsonl,
}

#[derive(Args)]
struct ResultsArgs {
    /// The campaign, cmp_…
    campaign: CampaignId,
    /// As what
    #[arg(long, value_enum, default_value_t = Form::Csv)]
    form: Form,
    /// Only those in this state, such as DONE
    #[arg(long, value_name = "STATE")]
    state: Option<String>,
    /// Only those who ended so, such as REACHED
    #[arg(long, value_name = "DISPOSITION")]
    disposition: Option<String>,
    /// Into this file instead of to the terminal
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Carries out the command. Beside JSON, why it failed is said as JSON as well.
pub async fn run(args: CampaignArgs) -> Result<ExitCode, Failure> {
    let json = args.json;
    match carry_out(args).await {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(failure) if json => {
            eprintln!("{}", serde_json::json!({"error": failure.to_string()}));
            Ok(ExitCode::FAILURE)
        }
        Err(failure) => Err(failure),
    }
}

async fn carry_out(args: CampaignArgs) -> Result<(), Failure> {
    let key = args.key.ok_or_else(|| {
        Failure::new("no API key: set RINGFLEET_API_KEY or give --key; `ringfleet key create` makes one")
    })?;
    let server = Server::at(&args.url, key)?;
    let json = args.json;
    match args.command {
        CampaignCommand::Create(args) => create::run(&server, args, json).await,
        CampaignCommand::Import(args) => import::run(&server, args, json).await,
        CampaignCommand::Start(args) => show::start(&server, args, json).await,
        CampaignCommand::Watch(args) => watch::run(&server, args, json).await,
        CampaignCommand::Results(args) => results::run(&server, args, json).await,
    }
}
