//! Nothing that a test starts may outlive it, not even when the test program is killed and runs no destructor.
//!
//! One shell per test program reads from a pipe which processes and folders to mind. When the test program ends, in
//! whatever way, the kernel closes the pipe, and the shell ends and removes what is left. (A parent-death signal would
//! not do: it is tied to the thread that started the process, and every test is a thread of its own.)

use std::{
    io::Write,
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Mutex, OnceLock, PoisonError},
    thread,
    time::Duration,
};

/// Reads `watch SIGNAL:PID`, `forget SIGNAL:PID` and `folder PATH`; acts when the pipe closes.
const SHELL: &str = r#"
trap '' INT TERM HUP
# A dead process whose parent has not collected it counts as gone.
alive() { case $(cat "/proc/$1/stat") in '' | *') Z '*) return 1 ;; esac }
watched=
set --
while read -r verb what; do
    case $verb in
    watch) watched="$watched $what" ;;
    forget)
        kept=
        for one in $watched; do [ "$one" = "$what" ] || kept="$kept $one"; done
        watched=$kept
        ;;
    folder) set -- "$@" "$what" ;;
    esac
done
for one in $watched; do kill -s "${one%:*}" "${one#*:}"; done
tries=0
for one in $watched; do
    while alive "${one#*:}" && [ "$tries" -lt 50 ]; do
        tries=$((tries + 1))
        sleep 0.1
    done
    ! alive "${one#*:}" || kill -s KILL "${one#*:}"
done
rm -rf -- "$@"
"#;

static GUARD: OnceLock<Mutex<Child>> = OnceLock::new();

fn tell(order: &str) {
    let guard = GUARD.get_or_init(|| {
        let shell = Command::new("sh")
            .args(["-c", SHELL])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl-C in a terminal reaches the whole group of the test program; the guard has to survive it.
            .process_group(0)
            .spawn();
        Mutex::new(shell.expect("every system has a shell"))
    });
    let mut shell = guard.lock().unwrap_or_else(PoisonError::into_inner);
    let pipe = shell.stdin.as_mut().expect("its stdin is piped");
    writeln!(pipe, "{order}").expect("the guard reads until this program ends");
}

/// A new temporary folder, removed when the value is dropped and at the latest when the test program has ended.
pub fn folder() -> tempfile::TempDir {
    let folder = tempfile::Builder::new()
        .prefix("ringfleet-test-")
        .tempdir()
        .expect("the temporary folder is writable");
    remove_at_the_end(folder.path());
    folder
}

/// The path of `name` inside a folder, as programs are told it.
pub fn inside(folder: &tempfile::TempDir, name: &str) -> String {
    folder.path().join(name).to_str().expect("a plain path").to_owned()
}

fn remove_at_the_end(path: &Path) {
    tell(&format!("folder {}", path.display()));
}

/// How a process is asked to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    Term,
    Kill,
    /// PostgreSQL's immediate shutdown: no checkpoint, but no shared memory left behind either.
    Quit,
    /// Ends nothing that listens to it.
    Hup,
}

impl Signal {
    const fn name(self) -> &'static str {
        match self {
            Self::Term => "TERM",
            Self::Kill => "KILL",
            Self::Quit => "QUIT",
            Self::Hup => "HUP",
        }
    }
}

/// A running process that ends with this value, or with the test program.
pub struct Tethered {
    child: Mutex<Child>,
    pid: u32,
    /// The signal that `stop` and the guard send.
    end: Signal,
}

impl Tethered {
    /// Starts the command; what becomes of its input and output is the caller's choice.
    pub fn spawn(command: &mut Command, end: Signal) -> std::io::Result<Self> {
        let child = command.spawn()?;
        let pid = child.id();
        tell(&format!("watch {}:{pid}", end.name()));
        Ok(Self { child: Mutex::new(child), pid, end })
    }

    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Lets `act` use the child, for instance to take its pipes.
    pub fn with_child<T>(&self, act: impl FnOnce(&mut Child) -> T) -> T {
        act(&mut self.child.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// How it ended, if it has.
    pub fn exit_status(&self) -> Option<ExitStatus> {
        self.with_child(|child| child.try_wait().expect("a child of ours can be waited for"))
    }

    /// Sends the signal unless the process has ended. Its id cannot have passed to another process: only
    /// [`Tethered::exit_status`] collects it, and that is asked first, under the same lock.
    pub fn signal(&self, signal: Signal) {
        self.with_child(|child| {
            if child.try_wait().expect("a child of ours can be waited for").is_none() {
                let kill = format!("kill -s {} {}", signal.name(), self.pid);
                let sent = Command::new("sh").args(["-c", &kill]).status().expect("every system has a shell");
                assert!(sent.success(), "could not send {} to {}", signal.name(), self.pid);
            }
        });
    }

    /// Ends it the hard way and returns when it is gone.
    pub fn kill9(&self) {
        self.with_child(|child| {
            // Fails only where it has ended already.
            let _ = child.kill();
            child.wait().expect("a child of ours can be waited for");
        });
    }

    /// Asks it to end, waits up to ten seconds, and then insists.
    pub fn stop(&self) {
        self.signal(self.end);
        for _ in 0..1000 {
            if self.exit_status().is_some() {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        self.kill9();
    }
}

impl Drop for Tethered {
    fn drop(&mut self) {
        self.stop();
        tell(&format!("forget {}:{}", self.end.name(), self.pid));
    }
}
