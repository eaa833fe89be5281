//! A private PostgreSQL, one per test program, with as many databases as the tests want; and more for those who stop it.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

use tempfile::TempDir;
use tokio::sync::OnceCell;

use super::{
    SOON, eventually, free_port,
    guard::{self, Signal, Tethered},
};

static SHARED: OnceCell<Postgres> = OnceCell::const_new();

/// A PostgreSQL server on a free port that trusts whoever connects.
pub struct Postgres {
    // Dropped before the folder that it writes into.
    server: Mutex<Tethered>,
    folder: TempDir,
    programs: PathBuf,
    port: u16,
    databases: AtomicU32,
}

impl Postgres {
    /// The server of this test program, started by whoever asks first.
    pub async fn shared() -> &'static Self {
        SHARED.get_or_init(Self::start).await
    }

    /// Makes an empty database and returns its URL. It goes when the server goes.
    pub async fn fresh_database(&self) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let made = tokio::process::Command::new(self.programs.join("createdb"))
            .args(["-h", "127.0.0.1", "-U", "ringfleet", "-p", &self.port.to_string(), &name])
            .output()
            .await
            .expect("createdb is beside initdb");
        assert!(made.status.success(), "createdb {name}: {}", String::from_utf8_lossy(&made.stderr));
        format!("postgres://ringfleet@127.0.0.1:{}/{name}", self.port)
    }

    /// Ends it at once; its data stay.
    pub fn stop(&self) {
        self.server.lock().unwrap_or_else(PoisonError::into_inner).stop();
    }

    /// Starts it again, on the same port and with the same data; stops it first if it still runs.
    pub async fn restart(&self) {
        self.stop();
        let server = launch(&self.programs, self.folder.path(), self.port);
        let ready = ready(&self.programs, &server, self.folder.path(), self.port).await;
        assert!(ready, "PostgreSQL does not start again on port {}", self.port);
        *self.server.lock().unwrap_or_else(PoisonError::into_inner) = server;
    }

    /// A server for a test that stops it.
    pub async fn start() -> Self {
        let programs = programs();
        let folder = guard::folder();
        initialise(&programs, folder.path());
        for _ in 0..5 {
            let port = free_port();
            let server = launch(&programs, folder.path(), port);
            if ready(&programs, &server, folder.path(), port).await {
                return Self {
                    server: Mutex::new(server),
                    folder,
                    programs,
                    port,
                    databases: AtomicU32::new(0),
                };
            }
        }
        panic!(
            "PostgreSQL does not start:\n{}",
            fs::read_to_string(folder.path().join("log")).unwrap_or_default()
        );
    }
}

/// The newest installed version's folder of programs; Debian keeps it out of PATH.
pub fn programs() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    versions
        .map(|version| version.path().join("bin"))
        .filter(|bin| bin.join("initdb").exists())
        .max_by_key(|bin| {
            let version = bin.parent().and_then(Path::file_name).and_then(|name| name.to_str());
            version.and_then(|name| name.parse::<u32>().ok())
        })
        .expect("PostgreSQL is not installed: apt-get install postgresql")
}

/// PostgreSQL refuses to run as root, so root runs it as the account its package has made.
fn as_server(program: PathBuf) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--init-groups", "--"]).arg(program);
    command
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0)
}

fn initialise(programs: &Path, folder: &Path) {
    if is_root() {
        let given =
            Command::new("chown").arg("postgres:").arg(folder).status().expect("chown is a basic program");
        assert!(given.success(), "there is no account named postgres");
    }
    let made = as_server(programs.join("initdb"))
        .arg("--pgdata")
        .arg(folder.join("data"))
        .args(["--username=ringfleet", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"])
        .current_dir("/")
        .output()
        .expect("initdb can be run");
    assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
}

fn launch(programs: &Path, folder: &Path, port: u16) -> Tethered {
    let log = fs::File::create(folder.join("log")).expect("the folder is writable");
    let mut command = as_server(programs.join("postgres"));
    command.arg("-D").arg(folder.join("data")).args(["-p", &port.to_string()]);
    // These data need not survive a power failure, and tests should not wait for the disk.
    for setting in [
        "listen_addresses=127.0.0.1",
        "unix_socket_directories=",
        "max_connections=300",
        "fsync=off",
        "full_page_writes=off",
    ] {
        command.args(["-c", setting]);
    }
    command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    Tethered::spawn(&mut command, Signal::Quit).expect("postgres can be run")
}

/// Whether the server got as far as answering; false when it gave up, for instance because the port was taken. Whose data
/// it serves tells it from the one that took the port.
async fn ready(programs: &Path, server: &Tethered, folder: &Path, port: u16) -> bool {
    let data = folder.join("data");
    eventually(SOON, "PostgreSQL answers", async || {
        if server.exit_status().is_some() {
            return Some(false);
        }
        let asked = tokio::process::Command::new(programs.join("psql"))
            .args(["-h", "127.0.0.1", "-U", "ringfleet", "-d", "postgres", "-p", &port.to_string()])
            .args(["-wAtqXc", "SHOW data_directory"])
            .output()
            .await
            .expect("psql is beside initdb");
        let answer = String::from_utf8_lossy(&asked.stdout);
        (asked.status.success() && Path::new(answer.trim()) == data).then_some(true)
    })
    .await
}
