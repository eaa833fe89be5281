//! A real PostgreSQL and a real Redis of our own, and what happens to them.

use std::{
    fs::{self, File, OpenOptions},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    process::{Child, Command},
    time::{Instant, sleep},
};

use super::tether::{Account, children, folder_of, free_port, run, signal, tied};
use crate::process::Failure;

/// How long a server may take to start or to stop.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often a port that somebody was faster with is replaced by another.
const TRIES: u32 = 5;

/// PostgreSQL on a free port, with one database, trusting whoever connects.
pub struct Postgres {
    programs: PathBuf,
    data: PathBuf,
    log: PathBuf,
    port: u16,
    server: Option<Child>,
}

impl Postgres {
    /// # Errors
    /// When it is not installed or does not start.
    pub async fn start(folder: &Path, logs: &Path) -> Result<Self, Failure> {
        let programs = programs().ok_or_else(|| {
            Failure::new("PostgreSQL is not installed (initdb is not found): apt-get install postgresql")
        })?;
        let home = folder.join("postgres");
        folder_of(Account::Postgres, &home).await?;
        let data = home.join("data");
        let mut initdb = tied(programs.join("initdb"), Account::Postgres);
        initdb.arg("--pgdata").arg(&data).current_dir("/");
        initdb.args([
            "--username=ringfleet",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        ]);
        run(&mut initdb).await?;
        let mut postgres = Self { programs, data, log: logs.join("postgres.log"), port: 0, server: None };
        for _ in 0..TRIES {
            postgres.port = free_port().await?;
            if postgres.launch().await? {
                let mut createdb = postgres.client("createdb");
                run(createdb.arg("ringfleet")).await?;
                return Ok(postgres);
            }
        }
        Err(Failure::new(format!("PostgreSQL does not start; see {}", postgres.log.display())))
    }

    pub fn url(&self) -> String {
        format!("postgres://ringfleet@127.0.0.1:{}/ringfleet", self.port)
    }

    /// Starts it; false when it ends at once.
    async fn launch(&mut self) -> Result<bool, Failure> {
        let mut command = tied(self.programs.join("postgres"), Account::Postgres);
        command.arg("-D").arg(&self.data).args(["-p", &self.port.to_string()]).current_dir("/");
        // The machine does not crash, so nothing is lost without fsync, and the disk is not what is to be shown.
        for setting in [
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "max_connections=300",
            "fsync=off",
            "full_page_writes=off",
        ] {
            command.args(["-c", setting]);
        }
        let mut server = command.stdout(Stdio::null()).stderr(append(&self.log)?).spawn()?;
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            if server.try_wait()?.is_some() {
                return Ok(false);
            }
            let asked = self.client("pg_isready").args(["-q", "-d", "postgres"]).status().await?;
            if asked.success() {
                self.server = Some(server);
                return Ok(true);
            }
            sleep(Duration::from_millis(50)).await;
        }
        Ok(false)
    }

    fn client(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.args(["-h", "127.0.0.1", "-U", "ringfleet", "-p", &self.port.to_string()]);
        command.current_dir("/").kill_on_drop(true);
        command
    }

    /// Stops it, in mid-transaction (`crash`) or in order, leaves it away for a while and starts it again.
    ///
    /// # Errors
    /// When it does not start again.
    pub async fn restart(&mut self, crash: bool, away: Duration) -> Result<(), Failure> {
        // Immediate and fast shutdown; both end all connections.
        self.stop(if crash { "QUIT" } else { "INT" }).await;
        sleep(away).await;
        match self.launch().await? {
            true => Ok(()),
            false => {
                Err(Failure::new(format!("PostgreSQL does not start again; see {}", self.log.display())))
            }
        }
    }

    /// Stops all its processes where they are, and lets them go on after a while.
    pub async fn freeze(&self, stays: Duration) {
        let Some(pid) = self.server.as_ref().and_then(Child::id) else { return };
        signal("STOP", &[pid]).await; // first, so that it starts no more
        let family = children(pid);
        signal("STOP", &family).await;
        sleep(stays).await;
        signal("CONT", &family).await;
        signal("CONT", &[pid]).await;
    }

    /// Ends it at once, also when it is frozen.
    pub async fn close(&mut self) {
        if let Some(pid) = self.server.as_ref().and_then(Child::id) {
            signal("CONT", &[&children(pid)[..], &[pid]].concat()).await;
        }
        self.stop("QUIT").await;
    }

    async fn stop(&mut self, how: &str) {
        let Some(mut server) = self.server.take() else { return };
        if let Some(pid) = server.id() {
            signal(how, &[pid]).await;
        }
        if tokio::time::timeout(PATIENCE, server.wait()).await.is_err() {
            eprintln!("PostgreSQL does not stop; killing it");
            let _ = server.kill().await;
        }
    }
}

/// The newest installed version's folder of programs; Debian keeps it out of PATH.
fn programs() -> Option<PathBuf> {
    let version = |bin: &PathBuf| bin.parent()?.file_name()?.to_str()?.parse::<u32>().ok();
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let debian = versions.map(|version| version.path().join("bin")).filter(|bin| bin.join("initdb").exists());
    let path = std::env::var_os("PATH").unwrap_or_default();
    let elsewhere = || std::env::split_paths(&path).find(|bin| bin.join("initdb").exists());
    debian.max_by_key(version).or_else(elsewhere)
}

/// Redis on a free port with its append-only file, as a fleet runs it.
pub struct Redis {
    folder: PathBuf,
    log: PathBuf,
    port: u16,
    server: Option<Child>,
}

impl Redis {
    /// # Errors
    /// When it is not installed or does not start.
    pub async fn start(folder: &Path, logs: &Path) -> Result<Self, Failure> {
        let home = folder.join("redis");
        folder_of(Account::Own, &home).await?;
        let mut redis = Self { folder: home, log: logs.join("redis.log"), port: 0, server: None };
        for _ in 0..TRIES {
            redis.port = free_port().await?;
            if redis.launch().await? {
                return Ok(redis);
            }
        }
        let log = redis.log.display();
        Err(Failure::new(format!("redis-server does not start (apt-get install redis-server); see {log}")))
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    async fn launch(&mut self) -> Result<bool, Failure> {
        let mut command = tied("redis-server", Account::Own);
        command.args(["--port", &self.port.to_string(), "--bind", "127.0.0.1", "--save", ""]);
        command.args(["--appendonly", "yes", "--appendfsync", "everysec", "--dir"]).arg(&self.folder);
        let log = append(&self.log)?;
        let mut server = command.stdout(log.try_clone()?).stderr(log).spawn()?;
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            if server.try_wait()?.is_some() {
                return Ok(false);
            }
            // While it reads its file it answers -LOADING.
            if self.say("PING").await.is_ok_and(|reply| reply == "+PONG") {
                self.server = Some(server);
                return Ok(true);
            }
            sleep(Duration::from_millis(20)).await;
        }
        Ok(false)
    }

    /// Sends one command; the first line of the reply.
    async fn say(&self, command: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await?;
        stream.write_all(format!("{command}\r\n").as_bytes()).await?;
        let mut reply = String::new();
        BufReader::new(stream).read_line(&mut reply).await?;
        Ok(reply.trim_end().to_owned())
    }

    /// Makes it forget everything.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn flush(&self) -> Result<(), Failure> {
        match self.say("FLUSHALL").await?.as_str() {
            "+OK" => Ok(()),
            other => Err(Failure::new(format!("Redis answers FLUSHALL with {other}"))),
        }
    }

    /// Kills it, leaves it away for a while and starts it again with what it had written.
    ///
    /// # Errors
    /// When it does not start again.
    pub async fn restart(&mut self, away: Duration) -> Result<(), Failure> {
        self.close().await;
        sleep(away).await;
        match self.launch().await? {
            true => Ok(()),
            false => Err(Failure::new(format!("Redis does not start again; see {}", self.log.display()))),
        }
    }

    /// Kills it.
    pub async fn close(&mut self) {
        if let Some(mut server) = self.server.take() {
            let _ = server.kill().await; // fails only where it has ended already
        }
    }
}

/// What a program writes is kept, over all its lives.
pub fn append(path: &Path) -> Result<File, Failure> {
    let file = OpenOptions::new().append(true).create(true).open(path);
    file.map_err(|e| Failure::during(&format!("the log {} cannot be written", path.display()), e))
}
