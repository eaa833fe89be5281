//! The database: reachable, of this schema, with connections left; and what is sealed in it opens.

use chrono::{DateTime, TimeDelta, Utc};
use ringfleet_core::{Clock, SystemClock};
use ringfleet_store::{Checkup, Store};

use crate::{config::Config, doctor::report::Report, process::Failure, secrets};

const WHAT: &str = "database";
/// Clocks that lie further apart than this break what is promised of times.
const SKEWED: TimeDelta = ringfleet_store::CLOCK_SKEW;
const ASKEW: TimeDelta = TimeDelta::seconds(1);

/// The database, if it can be looked at further.
pub async fn check(config: &Config, report: &mut Report) -> Option<Store> {
    if config.database_url.is_none() && !config.sqlite_file().exists() {
        report.ok(
            WHAT,
            format!("{} is not there yet; `ringfleet up` makes it", config.sqlite_file().display()),
        );
        return None;
    }
    let store = match open(config).await {
        Ok(store) => store,
        Err(error) => {
            let advice = "see that it runs, that address, user and password are right, and that this machine may connect";
            report.fail(WHAT, error, advice);
            return None;
        }
    };
    let asked = SystemClock.now();
    match facts(&store).await {
        Ok(facts) => {
            tell(config, &facts, report);
            clock("clock of the database", facts.now, asked, report);
        }
        Err(error) => {
            report.fail(WHAT, error, "the account needs to read its own database");
            return None;
        }
    }
    match store.check_schema().await {
        Ok(()) => report.ok("schema", "is one that this version knows"),
        Err(error) => {
            report.fail("schema", error, "run `ringfleet migrate` of the newest version that is to run");
            return None;
        }
    }
    sealed(&store, report).await;
    Some(store)
}

async fn open(config: &Config) -> Result<Store, Failure> {
    let store = match &config.database_url {
        Some(url) => Store::postgres(url, 2).await?,
        None => Store::sqlite_to_look_at(&config.sqlite_file()).await?,
    };
    // Alone, the key would be made where it is missing; that it is has been told.
    let has_keys = config.database_url.is_some()
        || !config.secrets.keys.is_empty()
        || config.secrets.file.is_some()
        || secrets::file(config).exists();
    Ok(match has_keys {
        true => store.with_keys(secrets::keyring(config)?),
        false => store,
    })
}

async fn facts(store: &Store) -> Result<Checkup, ringfleet_store::StoreError> {
    let mut tx = store.read().await?;
    tx.checkup().await
}

fn tell(config: &Config, facts: &Checkup, report: &mut Report) {
    let size = facts.bytes / (1 << 20);
    if config.database_url.is_none() {
        return report.ok(WHAT, format!("SQLite {}, {size} MiB", facts.version));
    }
    let name = format!("PostgreSQL {}, {size} MiB", facts.version);
    if facts.is_replica {
        return report.fail(WHAT, format!("{name}, a replica"), "name the primary: replicas take no writes");
    }
    report.ok(WHAT, name);
    let left = facts.most_connections - facts.connections;
    let found = format!(
        "{} of {} in use; each process takes up to {}",
        facts.connections, facts.most_connections, config.database.connections
    );
    match left {
        ..5 => report.fail("connections", found, "raise max_connections, or lower database.connections"),
        left if left < i64::from(config.database.connections) => {
            report.warn(
                "connections",
                found,
                "one more process may find none: raise max_connections, or lower database.connections",
            );
        }
        _ => report.ok("connections", found),
    }
    match facts.cleans_up {
        true => report.ok("autovacuum", "is on"),
        false => {
            report.fail("autovacuum", "is off", "switch it on: without it tables grow and plans go wrong")
        }
    }
}

/// `asked`: when the clock was asked for, by the machine's own.
pub fn clock(what: &str, shown: DateTime<Utc>, asked: DateTime<Utc>, report: &mut Report) {
    let answered = SystemClock.now();
    // Somewhere in between it was read.
    let off = if shown < asked { asked - shown } else { (shown - answered).max(TimeDelta::zero()) };
    let found = format!("{} ms off from this machine's", off.num_milliseconds());
    let advice = "let NTP keep the clocks: by them workers are declared dead, calls come due and hours begin";
    match off {
        off if off > SKEWED => report.fail(what, found, advice),
        off if off > ASKEW => report.warn(what, found, advice),
        _ => report.ok(what, found),
    }
}

async fn sealed(store: &Store, report: &mut Report) {
    let opened = async {
        let mut tx = store.read().await?;
        tx.open_all().await
    };
    match opened.await {
        Ok(count) => {
            report.ok("secrets", format!("all {count} trunks, webhooks and keys that are sealed open"))
        }
        Err(error) => report.fail("secrets", error, "add the key that they were sealed with to secrets.keys"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::report::Level;

    #[test]
    fn clocks_that_lie_apart_are_told() {
        let asked = SystemClock.now();
        let mut report = Report::default();
        for off in [-6_000, -2_000, 0, 2_000, 60_000] {
            clock("a clock", asked + TimeDelta::milliseconds(off), asked, &mut report);
        }
        let levels: Vec<Level> = report.findings().iter().map(|finding| finding.level).collect();
        assert_eq!(levels, [Level::Fail, Level::Warn, Level::Ok, Level::Warn, Level::Fail]);
    }
}
