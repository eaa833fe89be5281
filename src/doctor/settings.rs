//! Settings that are allowed and may not be meant.

use crate::{config::Config, doctor::report::Report};

pub fn check(config: &Config, report: &mut Report) {
    let kind = match (&config.database_url, &config.redis_url) {
        (Some(_), Some(_)) => "a fleet over PostgreSQL and Redis",
        (None, None) => "one process with the embedded database",
        _ => {
            let advice = "set both of DATABASE_URL and REDIS_URL, or neither";
            return report.fail("configuration", "only one of database_url and redis_url is set", advice);
        }
    };
    report.ok("configuration", format!("{kind}; every key is known"));
    base_url(config, report);
    secrets(config, report);
}

fn base_url(config: &Config, report: &mut Report) {
    const WHAT: &str = "api.base_url";
    match &config.api.base_url {
        Some(url) if url.scheme() == "https" && config.api.trusted_proxies.is_empty() => {
            let advice = "name the address of the TLS proxy in api.trusted_proxies, or all attempts to log in count as one address'";
            report.warn(WHAT, format!("{url}, and no proxy is trusted"), advice);
        }
        Some(url) => report.ok(WHAT, url),
        None if config.database_url.is_some() => {
            let advice = "set it for apis and workers to where browsers and providers find this installation";
            report.warn(
                WHAT,
                "is not set: links lead to this machine, and providers cannot tell of calls",
                advice,
            );
        }
        None => report.ok(WHAT, "is not set: links lead to this machine"),
    }
}

fn secrets(config: &Config, report: &mut Report) {
    const WHAT: &str = "secrets.keys";
    let file = crate::secrets::file(config);
    let (configured, is_alone) =
        (!config.secrets.keys.is_empty() || config.secrets.file.is_some(), config.database_url.is_none());
    match (configured, is_alone) {
        (true, _) => report.ok(WHAT, "are configured"),
        (false, false) => {
            let advice = "make a key with openssl rand -base64 32 and give it to every process";
            report.warn(WHAT, "is not set: webhooks, and trunks with a password, cannot be made", advice);
        }
        (false, true) if file.exists() => report.ok(WHAT, format!("are in {}", file.display())),
        (false, true) if config.sqlite_file().exists() => {
            let advice = "put the file back from where you keep it apart from the database; without it what is sealed is lost";
            report.fail(WHAT, format!("there is a database, and no key file {}", file.display()), advice);
        }
        (false, true) => report.ok(WHAT, "a key is made with the first start"),
    }
}
