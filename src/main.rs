//! `ringfleet`: one binary, all roles.

mod backup;
mod bench;
mod campaign;
mod cli;
mod config;
mod config_api;
mod config_error;
mod config_keep;
mod config_media;
mod config_metrics;
mod config_speech;
mod config_traces;
mod demo;
mod doctor;
mod keys;
mod logs;
mod metrics;
mod peer;
mod proc;
mod process;
mod roles;
mod secrets;
mod torture;
mod traces;
mod workers;

use std::process::ExitCode;

use clap::Parser;

#[tokio::main]
async fn main() -> ExitCode {
    // One TLS stack; this fails only if somebody was faster, and nobody is.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match cli::run(cli::Cli::parse()).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("ringfleet: {error}");
            ExitCode::FAILURE
        }
    }
}
