//! How much time of the processors somebody has had.

use crate::process::Failure;

/// What proc(5) counts in on Linux: USER_HZ, a hundredth of a second whatever the kernel's own clock.
const TICKS_PER_SECOND: f64 = 100.0;

/// User and system time of a process so far, in seconds.
///
/// # Errors
/// When there is no such process.
pub fn seconds(pid: u32) -> Result<f64, Failure> {
    let path = format!("/proc/{pid}/stat");
    let stat = std::fs::read_to_string(&path).map_err(|e| Failure::during(&path, e))?;
    seconds_in(&stat).ok_or_else(|| Failure::new(format!("{path} does not tell the time of the processors")))
}

/// From proc(5) stat; the second field may hold blanks, so fields are counted after its parenthesis: 14 and 15 of all.
fn seconds_in(stat: &str) -> Option<f64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let (user, system): (f64, f64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some((user + system) / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_where_the_kernel_writes_it() {
        let stat = "7 (a (b) c) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 9 9 20 0 4 0 100 1 1";
        assert_eq!(seconds_in(stat), Some(3.0));
        assert_eq!(seconds_in("7 (a) S 1"), None);
        assert!(seconds(std::process::id()).unwrap() >= 0.0);
    }
}
