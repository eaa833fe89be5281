//! `ringfleet torture`: the fleet keeps every promise under fire, and the torturer leaves nothing behind.
//!
//! A test program of its own: beside others it would torture them as well.

#[cfg(test)]
#[path = "../support/mod.rs"]
mod support;

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt, path::Path, time::Duration};

    use serde_json::Value;
    use tempfile::TempDir;

    use crate::support::{SOON, eventually, guard, process::Process};

    /// Two minutes of faults, and as much again as it may take until everything has come to rest.
    const PATIENCE: Duration = Duration::from_secs(480);
    const PROMISES: [&str; 13] = [
        "ALIVE",
        "BUDGET",
        "CALLER_IDS",
        "CAPS",
        "COUNTERS",
        "DONE",
        "EVENTS",
        "LIVE",
        "NEVER_TWICE",
        "PAUSE",
        "RATE",
        "SUPPRESSED",
        "WINDOW",
    ];

    /// Where it lives, and everything it starts: PostgreSQL's own account has to pass through.
    fn folder() -> TempDir {
        let folder = guard::folder();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711)).expect("it is ours");
        folder
    }

    fn torture(folder: &TempDir, args: &[&str]) -> Process {
        let temporary = folder.path().to_str().expect("a plain path").to_owned();
        let args = [&["torture", "--json"], args].concat();
        Process::spawn(&args, &[("TMPDIR".to_owned(), temporary)])
    }

    fn is_empty(folder: &TempDir) -> bool {
        fs::read_dir(folder.path()).expect("the folder is there").next().is_none()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn two_minutes_of_faults_break_no_promise() {
        let folder = folder();
        let torturer = torture(&folder, &["--seed", "7", "--minutes", "2"]);
        let status = torturer.wait_exit(PATIENCE).await;
        let out = torturer.stdout();
        let verdict: Value = serde_json::from_str(out.lines().last().expect("it prints")).expect("JSON");
        assert!(status.success(), "it ended with {status}: {verdict}");
        assert_eq!((&verdict["seed"], &verdict["verdict"]), (&7.into(), &"pass".into()), "{verdict}");
        let number = |name: &str| verdict[name].as_u64().expect("a whole number");
        let [recipients, attempts, faults] = ["recipients", "attempts", "faults"].map(number);
        // It was a torture: the faults came, and people were called meanwhile, some of them again.
        assert!(faults >= 25 && recipients >= 300 && attempts > recipients / 2, "{verdict}");
        let invariants = verdict["invariants"].as_object().expect("violations by name");
        assert_eq!(invariants.keys().collect::<Vec<_>>(), PROMISES);
        assert!(invariants.values().all(|violations| *violations == 0), "{verdict}");
        assert!(is_empty(&folder), "it leaves nothing behind");
        assert_eq!(processes_of(folder.path()), [0; 0]);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn interrupted_or_killed_it_takes_everything_along() {
        for killed in [false, true] {
            let folder = folder();
            let torturer = torture(&folder, &["--seed", "1", "--minutes", "5"]);
            eventually(SOON, "the first fault", async || torturer.stderr().contains("s] ").then_some(()))
                .await;
            assert!(processes_of(folder.path()).len() >= 9, "a fleet and its servers run");
            match killed {
                true => torturer.kill9(),
                false => {
                    torturer.terminate();
                    assert_eq!(torturer.wait_exit(SOON).await.code(), Some(130));
                    assert!(is_empty(&folder), "it leaves nothing behind");
                }
            }
            let gone = async || processes_of(folder.path()).is_empty().then_some(());
            eventually(SOON, "every process is gone", gone).await;
        }
    }

    /// The processes that work in this folder: all roles and servers do, whatever they call themselves.
    fn processes_of(folder: &Path) -> Vec<u32> {
        let pids = fs::read_dir("/proc").expect("this is Linux").flatten();
        let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        let works_here =
            |pid: &u32| fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|at| at.starts_with(folder));
        pids.filter(works_here).collect()
    }
}
