//! Starts programs that end with this one, however it ends, and sends them signals.

use std::{ffi::OsStr, fs, os::unix::fs::MetadataExt, path::Path, process::Stdio};

use tokio::{net::TcpListener, process::Command};

use crate::process::Failure;

/// Below the ephemeral range, so that no client is given a server's port while that server is down.
const PORTS: std::ops::Range<u16> = 10_000..20_000;

/// Who a program runs as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Account {
    /// Whoever runs this.
    Own,
    /// The account of PostgreSQL's package: PostgreSQL refuses to run as root.
    Postgres,
}

/// A command that is killed when the value it is started into is dropped, and when this program is killed.
///
/// The kernel ties the latter to the thread that starts it: that has to be the main one.
pub fn tied(program: impl AsRef<OsStr>, account: Account) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]);
    if account == Account::Postgres && is_root() {
        command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]);
    }
    // Ctrl-C in a terminal is for this program; it ends the others itself.
    command.arg("--").arg(program).stdin(Stdio::null()).process_group(0).kill_on_drop(true);
    command
}

/// Makes a folder that this account owns and nobody else may look into.
///
/// # Errors
/// When it cannot be made, or there is no such account.
pub async fn folder_of(account: Account, path: &Path) -> Result<(), Failure> {
    let unusable = |e| Failure::during(&format!("the folder {} cannot be made", path.display()), e);
    fs::DirBuilder::new().create(path).map_err(unusable)?;
    if account == Account::Postgres && is_root() {
        run(Command::new("chown").arg("postgres:").arg(path)).await?;
    }
    Ok(())
}

/// Runs a command to its end and gives what it writes to standard output.
///
/// # Errors
/// With the command's own words when it fails.
pub async fn run(command: &mut Command) -> Result<String, Failure> {
    let name = command.as_std().get_args().map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ");
    let done = command.output().await.map_err(|e| Failure::during(&name, e))?;
    match done.status.success() {
        true => Ok(String::from_utf8_lossy(&done.stdout).into_owned()),
        false => Err(Failure::during(&name, String::from_utf8_lossy(&done.stderr).trim())),
    }
}

/// Sends a signal to processes; one that has ended meanwhile does not matter.
pub async fn signal(name: &str, pids: &[u32]) {
    let pids: Vec<String> = pids.iter().map(u32::to_string).collect();
    let kill = format!("kill -s {name} {} 2>/dev/null", pids.join(" "));
    if let Err(error) = Command::new("sh").args(["-c", &kill]).status().await {
        eprintln!("signal {name} could not be sent: {error}");
    }
}

/// The processes that this one has started.
pub fn children(parent: u32) -> Vec<u32> {
    let pids = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| parent_of(*pid) == Some(parent)).collect()
}

/// From proc(5) stat; the second field may hold blanks, so fields are counted after its parenthesis.
fn parent_of(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0)
}

/// A port of 127.0.0.1 that nobody uses. Somebody may take it before its user does.
///
/// # Errors
/// When none is free.
pub async fn free_port() -> Result<u16, Failure> {
    // Which port it is decides nothing, so it need not follow from the seed.
    for _ in 0..100 {
        let port = PORTS.start + rand::random::<u16>() % (PORTS.end - PORTS.start);
        if TcpListener::bind(("127.0.0.1", port)).await.is_ok() {
            return Ok(port);
        }
    }
    Err(Failure::new(format!("no port of 127.0.0.1 in {PORTS:?} is free")))
}
