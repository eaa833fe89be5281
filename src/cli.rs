//! The command line.

use std::{net::SocketAddr, path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand};
use ringfleet_core::{ApiKeyId, Role, WorkerId};

use crate::{
    backup, bench, campaign,
    config::{Config, Flags},
    demo, doctor, keys, logs, peer,
    process::{Failure, Wanted},
    roles, secrets, torture, traces, workers,
};

/// An outbound campaign dialer: CSV in, real calls out, signed webhooks back.
#[derive(Parser)]
#[command(name = "ringfleet", version, disable_help_subcommand = true)]
pub struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

#[derive(Args)]
pub struct Common {
    /// Configuration file [default: ringfleet.toml, if there is one]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Folder of the embedded database; takes precedence over URLs in the environment [default: ./ringfleet-data]
    #[arg(long, global = true, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// PostgreSQL, postgres://… [env: DATABASE_URL]
    #[arg(long, global = true, value_name = "URL")]
    database_url: Option<String>,
    /// Redis, redis://… [env: REDIS_URL]
    #[arg(long, global = true, value_name = "URL")]
    redis_url: Option<String>,
}

#[derive(Subcommand)]
enum Command {
    /// Run all roles in one process
    Up(Listen),
    /// Bring the database schema up to this version
    Migrate,
    /// Serve the HTTP API
    Api(Listen),
    /// Start, dispatch and finish campaigns; several may run
    Scheduler,
    /// Place calls and deliver webhooks; as many as wanted may run
    Worker {
        #[command(subcommand)]
        command: Option<WorkerCommand>,
    },
    /// Manage API keys
    #[command(subcommand)]
    Key(KeyCommand),
    /// Manage how webhook secrets and trunk passwords are kept
    #[command(subcommand)]
    Secrets(SecretsCommand),
    /// Manage users
    #[command(subcommand)]
    User(UserCommand),
    /// Look at everything an installation stands on, and say what is wrong and what to do; changes nothing
    Doctor(doctor::DoctorArgs),
    /// Write a consistent copy of the embedded database, also while it works, into one file
    Backup(backup::BackupArgs),
    /// Put a backup into an empty data folder, with every campaign that was calling paused
    Restore(backup::RestoreArgs),
    /// Call a list on this machine: built-in carrier, temporary folder, figures at the end
    Demo(demo::DemoArgs),
    /// A SIP peer for trying things out: answers by the last digit of the called number
    Carrier(peer::PeerArgs),
    /// Make, fill, start and watch campaigns over the API
    Campaign(campaign::CampaignArgs),
    /// Measure
    #[command(subcommand)]
    Bench(bench::BenchCommand),
    /// The other ends of a bench's calls
    #[command(hide = true)]
    FarEnd(bench::far_end::FarEndArgs),
    /// Kill, stop and confuse a fleet of its own while it calls, and judge whether every promise was kept
    Torture(torture::TortureArgs),
}

#[derive(Args)]
struct Listen {
    /// Where to listen [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
}

#[derive(Subcommand)]
enum WorkerCommand {
    /// List the workers of a fleet: id, version, calls on the line, what it does. Needs the URLs of its database and Redis
    List,
    /// Let a worker of a fleet take no more calls; those on the line go on. Webhooks are still delivered
    Drain {
        /// Its id, wrk_…
        id: WorkerId,
        /// Wait until its last call is over
        #[arg(long)]
        wait: bool,
    },
    /// Let a worker of a fleet that drains take calls again
    Resume {
        /// Its id, wrk_…
        id: WorkerId,
    },
}

#[derive(Subcommand)]
enum KeyCommand {
    /// Make an API key (and its workspace if need be); prints the key once, as the last line
    Create {
        /// Name of the workspace
        #[arg(long)]
        workspace: String,
        /// admin, developer or member
        #[arg(long, default_value = "admin")]
        role: Role,
    },
    /// List the API keys of a workspace: id, first characters, role, last use, name
    List {
        /// Name of the workspace
        #[arg(long)]
        workspace: String,
    },
    /// End an API key for good
    Revoke {
        /// Its id, key_…
        id: ApiKeyId,
    },
    /// Give an API key another secret; prints it once, as the last line. The old one opens nothing any more
    Rotate {
        /// Its id, key_…
        id: ApiKeyId,
    },
}

#[derive(Subcommand)]
enum UserCommand {
    /// Make a user; reads the password from standard input
    Create {
        /// E-mail address
        #[arg(long)]
        email: String,
        /// May do everything in every workspace
        #[arg(long)]
        superuser: bool,
        /// Name of a workspace whose admin they become (made if need be)
        #[arg(long)]
        workspace: Option<String>,
    },
    /// List users
    List,
}

#[derive(Subcommand)]
enum SecretsCommand {
    /// Seal everything anew with the first of secrets.keys
    Rotate,
}

/// The roles of a command that runs some.
fn wanted(command: &Command) -> Option<Wanted> {
    match command {
        Command::Up(_) => Some(Wanted::ALL),
        Command::Api(_) => Some(Wanted::API),
        Command::Scheduler => Some(Wanted::SCHEDULER),
        Command::Worker { command: None } => Some(Wanted::WORKER),
        _ => None,
    }
}

/// Carries out the command.
pub async fn run(cli: Cli) -> Result<ExitCode, Failure> {
    // Whoever speaks with a server elsewhere needs no configuration of one here.
    if let Command::Campaign(args) = cli.command {
        return campaign::run(args).await;
    }
    if let Command::FarEnd(args) = &cli.command {
        return bench::far_end::run(args).await.map(|()| ExitCode::SUCCESS);
    }
    let listen = match &cli.command {
        Command::Up(args) | Command::Api(args) => args.listen,
        _ => None,
    };
    let flags = Flags {
        listen,
        data: match cli.command {
            Command::Demo(_) | Command::Torture(_) => Some(std::env::temp_dir()), // nobody's database; it makes a folder of its own in there
            _ => cli.common.data.clone(),
        },
        database_url: cli.common.database_url.clone(),
        redis_url: cli.common.redis_url.clone(),
    };
    if let Command::Doctor(args) = &cli.command {
        return doctor::run(args, cli.common.config.as_deref(), &flags).await;
    }
    let mut config = Config::read(cli.common.config.as_deref(), &flags)?;
    if let Command::Demo(_) | Command::Torture(_) = cli.command {
        demo::quiet(&mut config.log);
    }
    if let Some(wanted) = wanted(&cli.command) {
        let traces = traces::open(&config.traces)?;
        let (levels, file) = (logs::init(&config.log, traces.as_ref())?, cli.common.config.clone());
        levels.follow(move || Config::read(file.as_deref(), &flags).map(|config| config.log))?;
        let ended = roles::run(config, wanted).await;
        if let Some(traces) = traces {
            traces.close().await;
        }
        return ended.map(|()| ExitCode::SUCCESS);
    }
    logs::init(&config.log, None)?;
    match cli.command {
        Command::Up(_) | Command::Api(_) | Command::Scheduler | Command::Worker { command: None } => {} // have run
        Command::Worker { command: Some(WorkerCommand::List) } => workers::list(&config).await?,
        Command::Worker { command: Some(WorkerCommand::Drain { id, wait }) } => {
            workers::drain(&config, id, wait).await?
        }
        Command::Worker { command: Some(WorkerCommand::Resume { id }) } => {
            workers::resume(&config, id).await?
        }
        Command::Migrate => roles::migrate(&config).await?,
        Command::Key(KeyCommand::Create { workspace, role }) => {
            keys::create(&config, &workspace, role).await?
        }
        Command::Secrets(SecretsCommand::Rotate) => secrets::rotate(&config).await?,
        Command::Key(KeyCommand::List { workspace }) => keys::list(&config, &workspace).await?,
        Command::Key(KeyCommand::Revoke { id }) => keys::revoke(&config, id).await?,
        Command::Key(KeyCommand::Rotate { id }) => keys::rotate(&config, id).await?,
        Command::User(UserCommand::Create { email, superuser, workspace }) => {
            keys::create_user(&config, &email, superuser, workspace.as_deref()).await?
        }
        Command::User(UserCommand::List) => keys::list_users(&config).await?,
        Command::Bench(command) => bench::run(config, &cli.common, command).await?,
        Command::Backup(args) => backup::write(&config, &args).await?,
        Command::Restore(args) => backup::restore(&config, &args).await?,
        Command::Campaign(_) | Command::FarEnd(_) | Command::Doctor(_) => {} // needed no configuration
        Command::Carrier(args) => peer::run(args).await?,
        Command::Demo(args) => return demo::run(args, config).await,
        Command::Torture(args) => return torture::run(args).await,
    }
    Ok(ExitCode::SUCCESS)
}
