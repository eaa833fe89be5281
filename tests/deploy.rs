//! What is handed to those who run it: alerts, the dashboard and docs/METRICS.md speak of metrics that exist, and each alert has its section
//! in docs/OPERATIONS.md and its test. What promtool checks is checked by scripts/test.

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fmt::Write as _, fs, path::PathBuf};

    use ringfleet_telemetry::{ALL, Kind};

    const RULES: &str = "deploy/prometheus/rules.yml";
    const RULES_TEST: &str = "deploy/prometheus/rules_test.yml";
    const DASHBOARD: &str = "deploy/grafana/dashboards/ringfleet.json";

    fn path(name: &str) -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name)
    }

    fn read(name: &str) -> String {
        fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// The metrics a text names, the parts of histograms by their whole.
    fn named(text: &str) -> BTreeSet<&str> {
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let ours = words.filter(|word| word.starts_with("ringfleet_") || word.starts_with("process_"));
        ours.map(|word| {
            let parts = ["_bucket", "_sum", "_count"];
            let whole = parts.iter().find_map(|part| word.strip_suffix(part));
            whole.filter(|whole| of_kind(whole, Kind::Histogram)).unwrap_or(word)
        })
        .collect()
    }

    fn of_kind(name: &str, kind: Kind) -> bool {
        ALL.iter().any(|metric| metric.name == name && metric.kind == kind)
    }

    #[test]
    fn alerts_and_dashboard_name_metrics_that_exist() {
        for file in [RULES, RULES_TEST, DASHBOARD] {
            let text = read(file);
            let named = named(&text);
            assert!(named.len() > 10, "the walk sees what is there: {named:?}");
            for name in named {
                assert!(ALL.iter().any(|metric| metric.name == name), "{file}: there is no {name}");
            }
        }
    }

    #[test]
    fn the_dashboard_shows_every_metric() {
        let text = read(DASHBOARD);
        let shown = named(&text);
        let missing: Vec<_> =
            ALL.iter().map(|metric| metric.name).filter(|name| !shown.contains(name)).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn each_alert_is_tested_and_says_what_to_do() {
        let (rules, tests, operations) = (read(RULES), read(RULES_TEST), read("docs/OPERATIONS.md"));
        let headings: BTreeSet<String> = operations
            .lines()
            .filter(|line| line.starts_with('#'))
            .map(|line| line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-"))
            .collect();
        let alerts: Vec<&str> =
            rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
        assert!(alerts.len() > 10, "{alerts:?}");
        for alert in &alerts {
            let anchor = alert.to_lowercase();
            assert!(headings.contains(&anchor), "docs/OPERATIONS.md has no section {alert}");
            assert!(rules.contains(&format!("runbook_url: docs/OPERATIONS.md#{anchor}\n")), "{alert}");
            assert!(tests.contains(&format!("alertname: {alert}\n")), "{RULES_TEST} has nothing of {alert}");
        }
        let told = headings.iter().filter(|heading| heading.starts_with("ringfleet"));
        for heading in told {
            assert!(
                alerts.iter().any(|alert| alert.to_lowercase() == *heading),
                "there is no alert {heading}"
            );
        }
    }

    /// `RENEW_METRICS=1 cargo test --test deploy` writes it anew.
    #[test]
    fn the_list_of_metrics_is_what_is_told() {
        let mut list = String::from(
            "# Metrics\n\nWritten by `RENEW_METRICS=1 cargo test --test deploy` from `telemetry/src/list.rs`; \
             [OPERATIONS.md](OPERATIONS.md#metrics) says how to have them.\n\n| metric | kind | labels | what it is |\n|---|---|---|---|\n",
        );
        for metric in ALL {
            let kind = format!("{:?}", metric.kind).to_lowercase();
            let labels: Vec<String> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
            let (name, labels, help) = (metric.name, labels.join(", "), metric.help);
            writeln!(list, "| `{name}` | {kind} | {labels} | {help} |").unwrap();
        }
        let file = "docs/METRICS.md";
        if std::env::var_os("RENEW_METRICS").is_some() {
            fs::write(path(file), &list).unwrap();
        }
        assert!(
            fs::read_to_string(path(file)).is_ok_and(|kept| kept == list),
            "RENEW_METRICS=1 writes {file} anew"
        );
    }
}
