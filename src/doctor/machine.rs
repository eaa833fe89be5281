//! The machine: file descriptors, folders and their disks, ports.

use std::{
    net::{IpAddr, UdpSocket},
    path::{Path, PathBuf},
};

use rustix::fs::{Access, access, statvfs};

use crate::{config::Config, doctor::report::Report, proc};

const MIB: u64 = 1 << 20;
/// Less free space than this stops an installation soon.
const TOO_FULL: u64 = 100 * MIB;
const NEARLY_FULL: u64 = 1024 * MIB;
/// Ports of the range for audio that are tried.
const TRIED: u32 = 50;

pub fn check(config: &Config, report: &mut Report) {
    descriptors(config, report);
    if config.database_url.is_none() {
        folder("data folder", &config.data, true, report);
    }
    folder("media.greetings", &config.greetings(), false, report);
    folder("media.spool", &config.spool(), true, report);
    if config.media.s3.is_none() {
        folder("media.recordings", &config.recordings(), true, report);
    }
    sockets(config, report);
}

fn descriptors(config: &Config, report: &mut Report) {
    const WHAT: &str = "file descriptors";
    let Ok(limit) = proc::most_files(std::process::id()) else {
        return report.ok(WHAT, "no limit is known here");
    };
    // A call has a socket for its audio and may have one for its agent; both may be two for a moment.
    let needed = u64::from(config.worker.max_live) * 4 + u64::from(config.worker.deliveries) + 500;
    match limit >= needed {
        true => report.ok(WHAT, format!("{limit}")),
        false => report.warn(
            WHAT,
            format!("{limit}, and {} live calls may need {needed}", config.worker.max_live),
            format!("raise the limit (LimitNOFILE={needed} with systemd), or lower worker.max_live"),
        ),
    }
}

/// `is_written`: whether processes write there, or only read.
fn folder(what: &str, folder: &Path, is_written: bool, report: &mut Report) {
    if !folder.exists() {
        return match existing_parent(folder) {
            Some(parent) if !is_written || access(&parent, Access::WRITE_OK).is_ok() => {
                report.ok(what, format!("{} is not there yet", folder.display()));
            }
            _ => {
                let advice = "make the folder, or let the account of the processes write beside it";
                report.fail(what, format!("{} is not there and cannot be made", folder.display()), advice);
            }
        };
    }
    if !folder.is_dir() {
        let advice = "name a folder in the configuration";
        return report.fail(what, format!("{} is no folder", folder.display()), advice);
    }
    if is_written && access(folder, Access::WRITE_OK).is_err() {
        let advice = "give it to the account that the processes run as";
        return report.fail(what, format!("{} cannot be written to", folder.display()), advice);
    }
    match statvfs(folder) {
        Ok(disk) if is_written => free(what, folder, disk.f_bavail * disk.f_frsize, report),
        Ok(_) => report.ok(what, folder.display()),
        Err(error) => report.warn(what, format!("{}: {error}", folder.display()), "look at its disk"),
    }
}

fn existing_parent(folder: &Path) -> Option<PathBuf> {
    let absolute = std::path::absolute(folder).ok()?;
    absolute.ancestors().find(|parent| parent.exists()).filter(|parent| parent.is_dir()).map(Path::to_owned)
}

fn free(what: &str, folder: &Path, bytes: u64, report: &mut Report) {
    let found = format!("{}, {} MiB free", folder.display(), bytes / MIB);
    match bytes {
        ..TOO_FULL => {
            report.fail(what, found, "free space: calls cannot be recorded, nor rows written, on a full disk")
        }
        TOO_FULL..NEARLY_FULL => {
            report.warn(what, found, "free space, or forget earlier: [keep] and media.keep_recordings_days")
        }
        _ => report.ok(what, found),
    }
}

fn sockets(config: &Config, report: &mut Report) {
    let bind = config.sip.bind;
    if let Err(error) = UdpSocket::bind((bind, 0)) {
        let advice = "set sip.bind to an address of this machine, or 0.0.0.0";
        return report.fail("sip.bind", format!("{bind} cannot be bound: {error}"), advice);
    }
    match bind.is_loopback() {
        true => report.ok("sip.bind", format!("{bind}: trunks on this machine only")),
        false => report.ok("sip.bind", bind),
    }
    ports(bind, config, report);
}

fn ports(bind: IpAddr, config: &Config, report: &mut Report) {
    const WHAT: &str = "sip.rtp_ports";
    let (first, last) = config.sip.rtp_ports;
    let pairs = u32::from(last - first).div_ceil(2);
    let step = (pairs / TRIED).max(1) as usize;
    let tried: Vec<u16> = (first..last).step_by(2 * step).collect();
    let free = tried.iter().filter(|port| UdpSocket::bind((bind, **port)).is_ok()).count();
    let found = format!("{first} to {last}: {free} of {} tried are free", tried.len());
    match (free, pairs < config.worker.max_live) {
        (0, _) => report.fail(WHAT, found, "choose a range that nothing else uses"),
        (_, true) => report.warn(
            WHAT,
            format!("{found}; room for {pairs} calls, and worker.max_live is {}", config.worker.max_live),
            "widen the range, or lower worker.max_live",
        ),
        _ => report.ok(WHAT, found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::report::Level;

    fn levels(report: &Report) -> Vec<Level> {
        report.findings().iter().map(|finding| finding.level).collect()
    }

    #[test]
    fn a_full_disk_and_what_is_no_folder_are_told() {
        let mut report = Report::default();
        for bytes in [0, TOO_FULL, NEARLY_FULL] {
            free("disk", Path::new("/x"), bytes, &mut report);
        }
        assert_eq!(levels(&report), [Level::Fail, Level::Warn, Level::Ok]);
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut report = Report::default();
        folder("a file", file.path(), true, &mut report);
        folder("below a file", &file.path().join("x"), true, &mut report);
        let there = tempfile::tempdir().unwrap();
        folder("to be made", &there.path().join("a/b"), true, &mut report);
        assert_eq!(levels(&report), [Level::Fail, Level::Fail, Level::Ok]);
        assert!(!there.path().join("a").exists(), "nothing is made");
    }

    #[test]
    fn an_address_of_another_machine_cannot_be_bound() {
        let mut config = Config::default();
        config.sip.bind = "192.0.2.1".parse().unwrap();
        let mut report = Report::default();
        sockets(&config, &mut report);
        assert_eq!(levels(&report), [Level::Fail]);
    }
}
