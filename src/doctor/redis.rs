//! Redis: reachable, new enough, and not one that throws things away.

use ringfleet_core::{Clock, SystemClock};
use ringfleet_fleet::RedisCheckup;

use crate::{
    config::Config,
    doctor::{database::clock, report::Report},
};

const WHAT: &str = "redis";

pub async fn check(config: &Config, report: &mut Report) {
    let Some(url) = &config.redis_url else { return };
    let asked = SystemClock.now();
    let facts = match RedisCheckup::of(url).await {
        Ok(facts) => facts,
        Err(error) => {
            let advice =
                "see that it runs, that address and password are right, and that this machine may connect";
            return report.fail(WHAT, error, advice);
        }
    };
    clock("clock of redis", facts.now, asked, report);
    match facts.is_at_least(6, 2) {
        true => report.ok(WHAT, format!("version {}", facts.version)),
        false => {
            report.fail(WHAT, format!("version {}", facts.version), "it has to be 6.2 or later (XAUTOCLAIM)")
        }
    }
    match facts.when_full.as_deref() {
        Some("noeviction") | None => report.ok("maxmemory-policy", "nothing is thrown away"),
        Some(other) => {
            let advice = "set maxmemory-policy noeviction: jobs and limits that vanish cost calls their pace";
            report.fail("maxmemory-policy", other, advice);
        }
    }
    let used = format!("{} of {} MiB", facts.used >> 20, facts.most >> 20);
    match facts.most {
        0 => report.ok("redis memory", format!("{} MiB, without a limit", facts.used >> 20)),
        most if facts.used > most / 10 * 9 => {
            report.fail("redis memory", used, "raise maxmemory: a full Redis takes no jobs")
        }
        most if facts.used > most / 2 => {
            report.warn("redis memory", used, "raise maxmemory before it is full")
        }
        _ => report.ok("redis memory", used),
    }
}
