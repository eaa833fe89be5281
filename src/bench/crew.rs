//! The roles that a bench measures: processes of their own, or this one.

use std::{net::SocketAddr, process::Stdio, time::Duration};

use futures::future::select_all;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    task::JoinSet,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::Bench;
use crate::{
    config::LOOPBACK,
    process::{Failure, Wanted},
    roles,
    torture::tether::signal,
};

/// How long a role may take to be ready, on a busy machine.
const READY: Duration = Duration::from_secs(60);

/// How long they may take to end; calls of a bench are short.
const GOODBYE: Duration = Duration::from_secs(10);

/// Running roles. They end with this value.
pub enum Crew {
    Processes(Vec<Member>),
    Here { running: JoinSet<Result<(), Failure>>, api: Option<SocketAddr>, stop: CancellationToken },
}

/// One role in a process of its own.
pub struct Member {
    name: &'static str,
    child: Child,
    said: Lines<BufReader<ChildStdout>>,
}

impl Crew {
    /// Starts these of the roles `api`, `scheduler` and `worker`; as processes where there are URLs.
    ///
    /// # Errors
    /// When one cannot be started.
    pub async fn start(bench: &Bench<'_>, names: &[&'static str]) -> Result<Self, Failure> {
        if bench.config.redis_url.is_some() {
            let members = names.iter().map(|name| Member::spawn(bench, name));
            return Ok(Self::Processes(members.collect::<Result<_, _>>()?));
        }
        let wanted = Wanted { api: names.contains(&"api"), ..Wanted::ALL };
        let listener = match wanted.api {
            true => Some(roles::bind(&bench.config).await?),
            false => None,
        };
        let api = listener.as_ref().map(|listener| listener.local_addr()).transpose()?;
        let stop = bench.interrupted.child_token();
        let roles = roles::start(&bench.config, bench.engine.clone(), wanted, listener, stop.clone())?;
        roles.ready().await;
        let mut running = JoinSet::new();
        running.spawn(roles.ended());
        Ok(Self::Here { running, api, stop })
    }

    /// Waits until every role takes work; gives the address of the API, where it is one of them.
    ///
    /// # Errors
    /// When a role ends instead, or is not ready after a minute.
    pub async fn ready(&mut self) -> Result<Option<SocketAddr>, Failure> {
        let members = match self {
            Self::Here { api, .. } => return Ok(*api),
            Self::Processes(members) => members,
        };
        let mut api = None;
        for member in members {
            api = api.or(member.ready().await?);
        }
        Ok(api)
    }

    /// Resolves when a role has ended, which none should.
    pub async fn broken(&mut self) -> Failure {
        match self {
            Self::Here { running, .. } => match running.join_next().await {
                Some(Ok(Err(failure))) => failure,
                Some(Err(error)) => Failure::during("a role broke down", error),
                Some(Ok(Ok(()))) | None => Failure::new("interrupted"),
            },
            Self::Processes(members) => {
                let ends = members.iter_mut().map(|member| Box::pin(member.ended()));
                select_all(ends).await.0
            }
        }
    }

    /// Lets the calls that are live end, and all roles with them. What takes longer is left to the next worker, as after a crash.
    pub async fn close(mut self) {
        match &self {
            Self::Here { stop, .. } => stop.cancel(),
            Self::Processes(_) => {
                let pids: Vec<u32> = self.processes().into_iter().map(|(_, pid)| pid).collect();
                signal("TERM", &pids).await;
            }
        }
        let ended = async {
            match &mut self {
                Self::Here { running, .. } => while running.join_next().await.is_some() {},
                Self::Processes(members) => {
                    for member in members {
                        member.ended().await;
                    }
                }
            }
        };
        if timeout(GOODBYE, ended).await.is_err() {
            eprintln!("some roles do not end; the calls they leave are resolved by the next worker");
        }
    }

    /// The names and ids of the processes it consists of; none where this process is all there is.
    pub fn processes(&self) -> Vec<(&'static str, u32)> {
        match self {
            Self::Here { .. } => Vec::new(),
            Self::Processes(members) => {
                members.iter().filter_map(|member| Some((member.name, member.child.id()?))).collect()
            }
        }
    }
}

impl Member {
    /// A role as a process of its own, with the configuration of this one.
    fn spawn(bench: &Bench<'_>, name: &'static str) -> Result<Self, Failure> {
        let Bench { config, common, .. } = bench;
        let url = |url: &Option<String>| url.clone().unwrap_or_default();
        let mut command = Command::new(std::env::current_exe()?);
        if let Some(file) = &common.config {
            command.arg("--config").arg(file);
        }
        command.arg(name);
        if name == "api" {
            command.arg("--listen").arg(config.listen.to_string());
        }
        let mut child = command
            .env("RINGFLEET_DATABASE_URL", url(&config.database_url))
            .env("RINGFLEET_REDIS_URL", url(&config.redis_url))
            .env("RINGFLEET_REDIS__PREFIX", &config.redis.prefix)
            .env("RINGFLEET_WORKER__MAX_LIVE", config.worker.max_live.to_string())
            .env("RINGFLEET_SIP__BIND", config.sip.bind.to_string())
            .env("RINGFLEET_WEBHOOKS__ALLOW", format!("[{LOOPBACK:?}]"))
            .env("RINGFLEET_SECRETS__KEYS", format!("{:?}", config.secrets.keys))
            .env("RINGFLEET_API__REQUESTS_PER_MINUTE", "1000000")
            .env("RINGFLEET_API__BURST", "100000")
            .env("RINGFLEET_LOG__FILTER", "warn")
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let out = child.stdout.take().ok_or_else(|| Failure::new(format!("the {name} cannot be heard")))?;
        Ok(Self { name, child, said: BufReader::new(out).lines() })
    }

    /// It writes one line when it is ready; the API's has its address.
    async fn ready(&mut self) -> Result<Option<SocketAddr>, Failure> {
        let line = timeout(READY, self.said.next_line())
            .await
            .map_err(|_| Failure::new(format!("the {} does not get ready", self.name)))??;
        let Some(line) = line else { return Err(self.ended().await) };
        let address = line.strip_prefix("listening on http://").map(str::parse);
        address.transpose().map_err(|e| Failure::during(&format!("the {} listens nowhere", self.name), e))
    }

    async fn ended(&mut self) -> Failure {
        let status = self.child.wait().await;
        let status = status.map_or_else(|e| e.to_string(), |status| status.to_string());
        Failure::new(format!("the {} has ended: {status}", self.name))
    }
}
