//! How much memory somebody takes, and whether it grows.

use serde::Serialize;

use super::round;
use crate::{proc, process::Failure};

const MIB: f64 = 1_048_576.0;

/// The resident memory of a process, in MiB.
///
/// # Errors
/// When there is no such process.
pub fn resident(pid: u32) -> Result<f64, Failure> {
    proc::resident_bytes(pid).map(mib)
}

/// Bytes in MiB.
pub fn mib(bytes: u64) -> f64 {
    bytes as f64 / MIB
}

/// What was seen of one process, or of Redis: minute and MiB.
#[derive(Debug, Default)]
pub struct Series(Vec<(f64, f64)>);

/// A series in four figures.
#[derive(Debug, PartialEq, Serialize)]
pub struct Trend {
    #[serde(rename = "firstMiB")]
    first: f64,
    #[serde(rename = "lastMiB")]
    last: f64,
    #[serde(rename = "peakMiB")]
    peak: f64,
    #[serde(rename = "slopeMiBPerMinute")]
    slope: f64,
}

impl Series {
    pub fn add(&mut self, minute: f64, mib: f64) {
        self.0.push((minute, mib));
    }

    /// Of what was seen from that minute on; none when nothing was.
    pub fn trend(&self, from: f64) -> Option<Trend> {
        let seen: Vec<_> = self.0.iter().copied().filter(|(minute, _)| *minute >= from).collect();
        let ((_, first), (_, last)) = (seen.first()?, seen.last()?);
        let peak = seen.iter().map(|(_, mib)| *mib).fold(*first, f64::max);
        Some(Trend { first: round(*first), last: round(*last), peak: round(peak), slope: slope(&seen) })
    }
}

/// By least squares, to three places: over an hour a hundredth is more than half a MiB.
fn slope(seen: &[(f64, f64)]) -> f64 {
    let mean = |of: fn(&(f64, f64)) -> f64| seen.iter().map(of).sum::<f64>() / seen.len() as f64;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let sum = |of: &dyn Fn(&(f64, f64)) -> f64| seen.iter().map(of).sum::<f64>();
    let spread = sum(&|point| (point.0 - x).powi(2));
    let slope = match spread > 0.0 {
        true => sum(&|point| (point.0 - x) * (point.1 - y)) / spread,
        false => 0.0, // one moment has no slope
    };
    (slope * 1000.0).round() / 1000.0
}

impl std::fmt::Display for Trend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { first, last, peak, slope } = self;
        write!(f, "{first} → {last} MiB, at most {peak}, {slope:+} MiB a minute")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trend_is_of_what_came_after_the_warm_up() {
        let mut series = Series::default();
        for (minute, mib) in [(0.0, 99.0), (1.0, 10.0), (2.0, 14.0), (3.0, 12.0), (4.0, 16.0)] {
            series.add(minute, mib);
        }
        let trend = Trend { first: 10.0, last: 16.0, peak: 16.0, slope: 1.6 };
        assert_eq!(series.trend(1.0), Some(trend));
        assert_eq!(series.trend(4.0).unwrap().slope, 0.0);
        assert_eq!(series.trend(5.0), None);
    }
}
