//! The roles as processes, each kept running by us as a process manager would: killed, it comes back.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    sync::Mutex as StdMutex,
    sync::PoisonError,
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use ringfleet_core::{Clock, SystemClock, seal::encode_key};
use tokio::{
    process::{Child, Command},
    sync::Mutex,
    time::{Instant, sleep},
};

use super::{
    servers::append,
    terms::Shift,
    tether::{Account, tied},
};
use crate::{config::LOOPBACK, process::Failure};

/// How often we look whether a process has ended.
const LOOK: Duration = Duration::from_millis(100);
/// How long a role may take to be ready, on a busy machine.
const READY: Duration = Duration::from_secs(60);

/// What all roles have in common.
pub struct Setting {
    pub database_url: String,
    pub redis_url: String,
    /// Where they live: `logs`, and the greetings and recordings they do not use.
    pub folder: PathBuf,
}

impl Setting {
    /// The file in which the carriers of all workers write what they do.
    pub fn witness(&self) -> PathBuf {
        self.folder.join("witness.jsonl")
    }

    pub fn logs(&self) -> PathBuf {
        self.folder.join("logs")
    }

    /// `ringfleet` with these arguments. It sees nothing that would configure it but what is given here.
    ///
    /// # Errors
    /// When this program does not know its own file.
    pub fn ringfleet(&self, args: &[String]) -> Result<Command, Failure> {
        let mut command = tied(std::env::current_exe()?, Account::Own);
        let configures = |name: &str| {
            name.starts_with("RINGFLEET_") || ["DATABASE_URL", "REDIS_URL", "RUST_LOG"].contains(&name)
        };
        let foreign = std::env::vars_os().map(|(name, _)| name);
        for name in foreign.filter(|name| configures(&name.to_string_lossy())) {
            command.env_remove(name);
        }
        command
            .args(args)
            .current_dir(&self.folder) // where no ringfleet.toml lies
            .env("DATABASE_URL", &self.database_url)
            .env("REDIS_URL", &self.redis_url)
            .env("RINGFLEET_DATA", self.folder.join("data"))
            .env("RINGFLEET_WORKER__WITNESS", self.witness())
            .env("RINGFLEET_WEBHOOKS__ALLOW", format!("[{LOOPBACK:?}]"))
            .env("RINGFLEET_SECRETS__KEYS", format!("[{:?}]", encode_key([7; 32])))
            .env("RINGFLEET_API__REQUESTS_PER_MINUTE", "1000000")
            .env("RINGFLEET_API__BURST", "100000")
            .env("RINGFLEET_LOG__FORMAT", "text");
        Ok(command)
    }
}

/// The end of a process.
#[derive(Debug, Clone)]
pub struct Death {
    pub pid: u32,
    pub at: DateTime<Utc>,
    /// Which role it was, and how it ended, when nobody had asked for it.
    pub unasked: Option<String>,
}

/// One role in one process after the other.
pub struct Member {
    pub name: String,
    args: Vec<String>,
    // Held by whoever ends and starts it.
    child: Mutex<Option<Child>>,
    /// What it is to believe of the time.
    shift: PathBuf,
}

/// All roles.
pub struct Crew {
    setting: Setting,
    members: Vec<Member>,
    deaths: StdMutex<Vec<Death>>,
    shifts: StdMutex<Vec<Shift>>,
}

impl Crew {
    /// Starts a process for each of these names and arguments, and waits until all are ready.
    ///
    /// # Errors
    /// When one does not get ready.
    pub async fn start(setting: Setting, roles: Vec<(String, Vec<String>)>) -> Result<Self, Failure> {
        let member = |(name, args): (String, Vec<String>)| {
            let shift = setting.folder.join(format!("{name}.shift"));
            Member { name, args, child: Mutex::default(), shift }
        };
        let members = roles.into_iter().map(member).collect();
        let crew = Self { setting, members, deaths: StdMutex::default(), shifts: StdMutex::default() };
        for member in &crew.members {
            *member.child.lock().await = Some(crew.spawn(member)?);
        }
        let began = Instant::now();
        while let Some(late) = crew.members.iter().find(|member| !crew.is_ready(member)) {
            if began.elapsed() > READY {
                let log = crew.log(late);
                return Err(Failure::new(format!("{} does not get ready; see {}", late.name, log.display())));
            }
            sleep(LOOK).await;
        }
        Ok(crew)
    }

    pub fn setting(&self) -> &Setting {
        &self.setting
    }

    /// Those whose name begins so, the `nth` of them, counted in a circle.
    pub fn member(&self, role: &str, nth: usize) -> Option<&Member> {
        let count = self.members.iter().filter(|member| member.name.starts_with(role)).count();
        self.members.iter().filter(|member| member.name.starts_with(role)).nth(nth.checked_rem(count)?)
    }

    /// Kills a process and starts it again after a while.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub async fn kill(&self, member: &Member, away: Duration) -> Result<(), Failure> {
        let mut child = member.child.lock().await;
        if let Some(mut running) = child.take() {
            let pid = running.id();
            let _ = running.kill().await; // fails only where it has ended already
            self.note(pid, None);
        }
        sleep(away).await;
        *child = Some(self.spawn(member)?);
        Ok(())
    }

    /// Lets a process believe for a while that it is so many milliseconds later, or earlier, than it is.
    ///
    /// # Errors
    /// When the file it reads that from cannot be written.
    pub async fn shift(&self, member: &Member, millis: i64, stays: Duration) -> Result<(), Failure> {
        let from = SystemClock.now();
        fs::write(&member.shift, millis.to_string())?;
        sleep(stays).await;
        fs::write(&member.shift, "0")?;
        let shift = Shift { from, until: SystemClock.now(), by: TimeDelta::milliseconds(millis) };
        self.shifts.lock().unwrap_or_else(PoisonError::into_inner).push(shift);
        Ok(())
    }

    /// Starts again what ends by itself, for as long as it is polled.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub async fn keep_running(&self) -> Result<(), Failure> {
        loop {
            for member in &self.members {
                // Whoever holds it is about to start it.
                let Ok(mut child) = member.child.try_lock() else { continue };
                let Some(running) = child.as_mut() else { continue };
                let pid = running.id();
                if let Some(status) = running.try_wait()? {
                    // One that starts while the database is away may give up, and is started again.
                    let unasked =
                        self.is_ready(member).then(|| format!("{} has ended: {status}", member.name));
                    self.note(pid, unasked);
                    *child = Some(self.spawn(member)?);
                }
            }
            sleep(LOOK).await;
        }
    }

    /// Kills everything.
    pub async fn close(&self) {
        for member in &self.members {
            if let Some(mut running) = member.child.lock().await.take() {
                let _ = running.kill().await;
            }
        }
    }

    /// Who has died so far.
    pub fn deaths(&self) -> Vec<Death> {
        self.deaths.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// When the clock of one was wrong.
    pub fn shifts(&self) -> Vec<Shift> {
        self.shifts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, pid: Option<u32>, unasked: Option<String>) {
        let Some(pid) = pid else { return };
        if let Some(unasked) = &unasked {
            eprintln!("! {unasked}");
        }
        let death = Death { pid, at: SystemClock.now(), unasked };
        self.deaths.lock().unwrap_or_else(PoisonError::into_inner).push(death);
    }

    fn spawn(&self, member: &Member) -> Result<Child, Failure> {
        fs::write(&member.shift, "0")?;
        let mut command = self.setting.ringfleet(&member.args)?;
        command.env("RINGFLEET_CLOCK_SHIFT", &member.shift);
        command.stdout(File::create(self.said(member))?).stderr(append(&self.log(member))?);
        Ok(command.spawn()?)
    }

    /// It writes one line when it is ready, and nothing else.
    fn is_ready(&self, member: &Member) -> bool {
        fs::metadata(self.said(member)).is_ok_and(|file| file.len() > 0)
    }

    fn said(&self, member: &Member) -> PathBuf {
        self.setting.logs().join(format!("{}.out", member.name))
    }

    fn log(&self, member: &Member) -> PathBuf {
        self.setting.logs().join(format!("{}.log", member.name))
    }
}

/// Makes the folder that everything lives in: others may pass through it to what is theirs.
///
/// # Errors
/// When it cannot be made.
pub fn make_folder() -> Result<tempfile::TempDir, Failure> {
    use std::os::unix::fs::PermissionsExt;
    let unusable = |e: std::io::Error| Failure::during("no temporary folder can be made", e);
    let folder = tempfile::Builder::new().prefix("ringfleet-torture-").tempdir().map_err(unusable)?;
    let through = |path: &Path| fs::set_permissions(path, fs::Permissions::from_mode(0o711));
    through(folder.path()).map_err(unusable)?;
    fs::create_dir(folder.path().join("logs")).map_err(unusable)?;
    Ok(folder)
}
