//! The binary under test, with its output in memory.

use std::{
    ffi::OsStr,
    io::{BufRead, BufReader, Read},
    process::{Command, ExitStatus, Stdio},
    sync::Arc,
    thread,
    time::Duration,
};

use tokio::sync::watch;

use super::{
    eventually,
    guard::{Signal, Tethered},
};

/// The binary under test.
pub const RINGFLEET: &str = env!("CARGO_BIN_EXE_ringfleet");

/// How many lines of its output a process shows when its test fails.
const SHOWN: usize = 60;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stream {
    Out,
    Err,
}

/// What a process has written so far.
#[derive(Default)]
struct Written {
    lines: Vec<(Stream, String)>,
    /// How many of its two streams are closed.
    closed: u8,
}

/// A running process; it ends with this value, and shows the end of its output when that happens in a panic.
pub struct Process {
    name: String,
    tethered: Tethered,
    written: Arc<watch::Sender<Written>>,
}

impl Process {
    /// Starts `ringfleet` with these arguments and this environment.
    pub fn spawn<A: AsRef<OsStr>>(args: &[A], env: &[(String, String)]) -> Self {
        Self::spawn_program(RINGFLEET, args, env)
    }

    /// Starts any program. It sees none of the variables that would configure a `ringfleet` but those given here.
    pub fn spawn_program<A: AsRef<OsStr>>(program: &str, args: &[A], env: &[(String, String)]) -> Self {
        let mut command = Command::new(program);
        let foreign = std::env::vars_os().map(|(name, _)| name).filter(|name| configures(name));
        for name in foreign {
            command.env_remove(name);
        }
        // What tests ask for is more than any caller may without this.
        command.env("RINGFLEET_API__REQUESTS_PER_MINUTE", "1000000").env("RINGFLEET_API__BURST", "100000");
        command
            .args(args)
            .envs(env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let tethered =
            Tethered::spawn(&mut command, Signal::Kill).unwrap_or_else(|error| panic!("{program}: {error}"));
        let written = Arc::new(watch::Sender::new(Written::default()));
        let (out, err) = tethered.with_child(|child| (child.stdout.take(), child.stderr.take()));
        keep(Stream::Out, out.expect("its stdout is piped"), &written);
        keep(Stream::Err, err.expect("its stderr is piped"), &written);
        let name = args.first().map_or(program.into(), |first| first.as_ref().to_string_lossy().into_owned());
        Self { name, tethered, written }
    }

    pub fn pid(&self) -> u32 {
        self.tethered.pid()
    }

    /// What it has written to standard output so far.
    pub fn stdout(&self) -> String {
        self.text(|stream| stream == Stream::Out)
    }

    /// What it has written to standard error so far.
    pub fn stderr(&self) -> String {
        self.text(|stream| stream == Stream::Err)
    }

    /// Waits for a line of standard output that begins with `prefix` and returns the rest of it.
    ///
    /// # Panics
    ///
    /// After `deadline`, or as soon as the process has closed its output without such a line.
    pub async fn wait_line(&self, prefix: &str, deadline: Duration) -> String {
        let rest = |written: &Written| {
            let out = written.lines.iter().filter(|(stream, _)| *stream == Stream::Out);
            out.filter_map(|(_, line)| line.strip_prefix(prefix)).next().map(str::to_owned)
        };
        let mut written = self.written.subscribe();
        let over = written.wait_for(|written| written.closed == 2 || rest(written).is_some());
        let found = match tokio::time::timeout(deadline, over).await {
            Ok(Ok(written)) => rest(&written),
            Ok(Err(_)) | Err(_) => None,
        };
        found.unwrap_or_else(|| {
            panic!(
                "{} wrote no line that begins with {prefix:?} within {deadline:?}; it ended: {:?}",
                self.name,
                self.tethered.exit_status()
            )
        })
    }

    /// Asks it to end, as an operator or a container does; it may take its time.
    pub fn terminate(&self) {
        self.tethered.signal(Signal::Term);
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        self.tethered.signal(signal);
    }

    /// Ends it as a crash would and returns when it is gone.
    pub fn kill9(&self) {
        self.tethered.kill9();
    }

    /// Waits until it has ended and all its output is here.
    ///
    /// # Panics
    ///
    /// After `deadline`.
    pub async fn wait_exit(&self, deadline: Duration) -> ExitStatus {
        eventually(deadline, &format!("{} ends", self.name), async || {
            let closed = self.written.borrow().closed == 2;
            self.tethered.exit_status().filter(|_| closed)
        })
        .await
    }

    fn text(&self, wanted: impl Fn(Stream) -> bool) -> String {
        let written = self.written.borrow();
        written
            .lines
            .iter()
            .filter(|(stream, _)| wanted(*stream))
            .map(|(_, line)| format!("{line}\n"))
            .collect()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if thread::panicking() {
            let written = self.written.borrow();
            let from = written.lines.len().saturating_sub(SHOWN);
            eprintln!("--- the last lines of {} (process {})", self.name, self.pid());
            for (_, line) in &written.lines[from..] {
                eprintln!("{line}");
            }
        }
    }
}

fn configures(variable: &OsStr) -> bool {
    let name = variable.to_string_lossy();
    name == "DATABASE_URL" || name == "REDIS_URL" || name == "RUST_LOG" || name.starts_with("RINGFLEET_")
}

/// Reads the stream to its end on a thread of its own, so that the process never waits for its reader.
fn keep(stream: Stream, pipe: impl Read + Send + 'static, written: &Arc<watch::Sender<Written>>) {
    let written = Arc::clone(written);
    thread::spawn(move || {
        for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).trim_end_matches('\r').to_owned();
            written.send_modify(|written| written.lines.push((stream, line)));
        }
        written.send_modify(|written| written.closed += 1);
    });
}
