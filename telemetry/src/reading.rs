//! What a gauge shows, as a value: to be recorded, or written by itself.

use std::fmt::Write as _;

use metrics::{Gauge, Key, Label};

use crate::{
    ALL,
    metric::{METADATA, Metric, Series},
};

/// What one series of a gauge shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    name: &'static str,
    labels: Vec<(&'static str, &'static str)>,
    value: f64,
}

impl<const N: usize> Metric<Gauge, N> {
    /// That the series with these values of its labels shows `value`.
    pub fn reading(&self, values: [&'static str; N], value: f64) -> Reading {
        Reading { name: self.name, labels: self.labels.into_iter().zip(values).collect(), value }
    }
}

impl Reading {
    /// Has the installed recorder show it.
    pub fn record(&self) {
        let labels: Vec<Label> =
            self.labels.iter().map(|(name, value)| Label::from_static_parts(name, value)).collect();
        Gauge::of(&Key::from_parts(self.name, labels), &METADATA).set(self.value);
    }
}

/// The content type of Prometheus' text format (<https://prometheus.io/docs/instrumenting/exposition_formats/>).
pub const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The readings in that format. Those of one metric have to follow each other.
pub fn exposition(readings: &[Reading]) -> String {
    let mut text = String::new();
    let mut last = "";
    for Reading { name, labels, value } in readings {
        if *name != last {
            let help = ALL.iter().find(|metric| metric.name == *name).map_or("", |metric| metric.help);
            // Writing to a string cannot fail.
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge");
            last = name;
        }
        let labels: Vec<String> = labels.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
        let _ = match labels.is_empty() {
            true => writeln!(text, "{name} {value}"),
            false => writeln!(text, "{name}{{{}}} {value}", labels.join(",")),
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FLEET_LIVE, LANE_JOBS};

    #[test]
    fn readings_are_written_as_prometheus_reads_them() {
        let readings = [
            LANE_JOBS.reading(["deliver", "waiting"], 3.0),
            LANE_JOBS.reading(["deliver", "in_hand"], 0.0),
            FLEET_LIVE.reading([], 12.5),
        ];
        assert_eq!(
            exposition(&readings),
            "# HELP ringfleet_lane_jobs Jobs of a lane that wait for a worker, and that are in a worker's hands.\n\
             # TYPE ringfleet_lane_jobs gauge\n\
             ringfleet_lane_jobs{lane=\"deliver\",state=\"waiting\"} 3\n\
             ringfleet_lane_jobs{lane=\"deliver\",state=\"in_hand\"} 0\n\
             # HELP ringfleet_fleet_live_calls Places for calls that are taken in all workers.\n\
             # TYPE ringfleet_fleet_live_calls gauge\n\
             ringfleet_fleet_live_calls 12.5\n"
        );
    }
}
