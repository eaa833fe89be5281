//! What proc(5) says of a process.

use std::fs;

use crate::process::Failure;

/// What it counts in on Linux: USER_HZ, a hundredth of a second whatever the kernel's own clock.
const TICKS_PER_SECOND: f64 = 100.0;

/// User and system time of a process so far, in seconds.
///
/// # Errors
/// When there is no such process.
pub fn cpu_seconds(pid: u32) -> Result<f64, Failure> {
    read(pid, "stat", "the time of the processors", cpu_seconds_in)
}

/// The resident memory of a process, in bytes.
///
/// # Errors
/// When there is no such process.
pub fn resident_bytes(pid: u32) -> Result<u64, Failure> {
    read(pid, "status", "the resident memory", resident_bytes_in)
}

/// How many files and sockets a process may have open.
///
/// # Errors
/// When there is no such process, or it has no limit.
pub fn most_files(pid: u32) -> Result<u64, Failure> {
    read(pid, "limits", "the limit of open files", most_files_in)
}

/// How many files and sockets a process of one's own has open.
///
/// # Errors
/// When there is no such process, or it is somebody else's.
pub fn open_files(pid: u32) -> Result<usize, Failure> {
    let path = format!("/proc/{pid}/fd");
    fs::read_dir(&path).map(Iterator::count).map_err(|e| Failure::during(&path, e))
}

fn read<T>(pid: u32, file: &str, what: &str, find: impl Fn(&str) -> Option<T>) -> Result<T, Failure> {
    let path = format!("/proc/{pid}/{file}");
    let text = fs::read_to_string(&path).map_err(|e| Failure::during(&path, e))?;
    find(&text).ok_or_else(|| Failure::new(format!("{path} does not tell {what}")))
}

/// The second field may hold blanks, so fields are counted after its parenthesis: 14 and 15 of all.
fn cpu_seconds_in(stat: &str) -> Option<f64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let (user, system): (f64, f64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some((user + system) / TICKS_PER_SECOND)
}

/// What it calls kB are KiB.
fn resident_bytes_in(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// The soft limit, which comes first.
fn most_files_in(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_where_the_kernel_writes_them() {
        let stat = "7 (a (b) c) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 9 9 20 0 4 0 100 1 1";
        assert_eq!(cpu_seconds_in(stat), Some(3.0));
        assert_eq!(cpu_seconds_in("7 (a) S 1"), None);
        let status = "Name:\tringfleet\nVmHWM:\t  200 kB\nVmRSS:\t   51712 kB\nRssAnon:\t  1 kB\n";
        assert_eq!(resident_bytes_in(status), Some(51_712 * 1024));
        assert_eq!(resident_bytes_in("Name:\tkthreadd\n"), None, "a kernel thread has none");
        let limits = "Limit        Soft Limit   Hard Limit   Units\nMax open files  1024   524288   files\n";
        assert_eq!(most_files_in(limits), Some(1024));
        assert_eq!(most_files_in("Max open files unlimited unlimited files\n"), None);
    }

    #[test]
    fn this_process_has_some_of_each() {
        let pid = std::process::id();
        assert!(cpu_seconds(pid).unwrap() >= 0.0);
        assert!(resident_bytes(pid).unwrap() > 1 << 20);
        assert!(open_files(pid).unwrap() > 2);
    }
}
