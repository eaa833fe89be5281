//! Progress on standard error: bars on a terminal, a plain line every few seconds elsewhere.

use std::{collections::BTreeMap, io::IsTerminal, sync::Mutex, time::Duration};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use tokio::time::Instant;

use super::{
    client::{Import, Stats},
    receiver::Received,
};

/// How often a plain line is written.
const LINE_EVERY: Duration = Duration::from_secs(3);

/// Shows how far the demo is.
pub enum View {
    Bars(Bars),
    Lines(Lines),
}

pub struct Bars {
    all: MultiProgress,
    upload: ProgressBar,
    dialled: ProgressBar,
    done: ProgressBar,
    outcomes: ProgressBar,
}

#[derive(Default)]
pub struct Lines {
    last: Mutex<Option<Instant>>,
}

impl View {
    /// For standard error as it is; `bytes` is the size of the list.
    pub fn new(bytes: u64) -> Self {
        match std::io::stderr().is_terminal() {
            true => Self::Bars(Bars::new(bytes)),
            false => Self::Lines(Lines::default()),
        }
    }

    /// A sentence that stays.
    pub fn note(&self, text: &str) {
        match self {
            // A terminal that is gone is no reason to stop calling.
            Self::Bars(bars) => drop(bars.all.println(text)),
            Self::Lines(_) => eprintln!("{text}"),
        }
    }

    /// So much of the list has been read, and so many recipients have been taken.
    pub fn uploading(&self, bytes: u64, rows: u64) {
        match self {
            Self::Bars(bars) => {
                bars.upload.set_position(bytes);
                bars.upload.set_message(format!("{rows} recipients"));
            }
            Self::Lines(lines) => {
                lines.now_and_then(|| format!("importing: {bytes} bytes, {rows} recipients"))
            }
        }
    }

    /// The list is in.
    pub fn imported(&self, import: &Import) {
        let text =
            format!("{} rows, {} accepted, {} rejected", import.rows, import.accepted, import.rejected);
        match self {
            Self::Bars(bars) => bars.upload.finish_with_message(text),
            Self::Lines(_) => eprintln!("imported: {text}"),
        }
    }

    /// Calls are being placed.
    pub fn calling(&self, stats: &Stats, received: Received) {
        let live = stats.calls.ringing + stats.calls.talking;
        let outcomes = by_number(&stats.calls.by_outcome);
        match self {
            Self::Bars(bars) => {
                bars.dialled.set_position(stats.calls.ended);
                bars.dialled.set_length(stats.calls.ended + live + waiting(stats));
                let (ringing, talking) = (stats.calls.ringing, stats.calls.talking);
                bars.dialled.set_message(format!("{ringing} ringing, {talking} talking"));
                bars.done.set_length(stats.recipients.total);
                bars.done.set_position(stats.recipients.done);
                bars.done.set_message(format!("{} webhooks verified", received.verified));
                bars.outcomes.set_message(outcomes);
            }
            Self::Lines(lines) => lines.now_and_then(|| {
                let (done, total) = (stats.recipients.done, stats.recipients.total);
                let (ended, hooks) = (stats.calls.ended, received.verified);
                format!("calling: {ended} calls ended, {live} live; {done} of {total} recipients done; {hooks} webhooks; {outcomes}")
            }),
        }
    }

    /// Leaves the bars as they are; what follows is written below them.
    pub fn close(&self) {
        if let Self::Bars(bars) = self {
            for bar in [&bars.upload, &bars.dialled, &bars.done, &bars.outcomes] {
                bar.abandon();
            }
        }
    }
}

impl Bars {
    fn new(bytes: u64) -> Self {
        let all = MultiProgress::new();
        let add = |name: &'static str, bar: ProgressBar, template: &str| {
            // The templates are fixed texts; a wrong one would show the default style.
            let style =
                ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
            all.add(bar).with_style(style.progress_chars("█▉▊▋▌▍▎▏ ")).with_prefix(name)
        };
        let counted = "{prefix:>9} {bar:32} {pos:>6}/{len:6} {msg}";
        Self {
            upload: add("imported", ProgressBar::new(bytes), "{prefix:>9} {bar:32} {bytes:>13} {msg}"),
            dialled: add("dialled", ProgressBar::new(0), counted),
            done: add("done", ProgressBar::new(0), counted),
            outcomes: add("outcomes", ProgressBar::new_spinner(), "{prefix:>9} {msg}"),
            all,
        }
    }
}

impl Lines {
    fn now_and_then(&self, line: impl FnOnce() -> String) {
        let mut last = self.last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if last.is_none_or(|at| at.elapsed() >= LINE_EVERY) {
            *last = Some(Instant::now());
            eprintln!("{}", line());
        }
    }
}

/// Calls known to be still needed: one for each recipient that is not done and not being called.
fn waiting(stats: &Stats) -> u64 {
    let live = stats.calls.ringing + stats.calls.talking;
    stats.recipients.total.saturating_sub(stats.recipients.done + live)
}

/// `ANSWERED 120 · REJECTED 12`, the most frequent first.
fn by_number(outcomes: &BTreeMap<String, u64>) -> String {
    let mut seen: Vec<_> = outcomes.iter().filter(|(_, n)| **n > 0).collect();
    seen.sort_by_key(|(_, n)| std::cmp::Reverse(**n));
    match seen.is_empty() {
        true => "no call has ended yet".into(),
        false => seen.iter().map(|(name, n)| format!("{name} {n}")).collect::<Vec<_>>().join(" · "),
    }
}

#[cfg(test)]
mod tests {
    use super::super::client::{CallStats, RecipientStats};
    use super::*;

    #[test]
    fn outcomes_are_shown_by_number_without_zeros() {
        let outcomes =
            [("ANSWERED", 3), ("FAILED", 0), ("REJECTED", 5)].map(|(name, n)| (name.to_owned(), n)).into();
        assert_eq!(by_number(&outcomes), "REJECTED 5 · ANSWERED 3");
        assert_eq!(by_number(&BTreeMap::new()), "no call has ended yet");
    }

    #[test]
    fn calls_still_needed_are_those_of_open_recipients() {
        let mut stats = Stats {
            status: "IN_PROGRESS".into(),
            recipients: RecipientStats { total: 10, done: 4, ..RecipientStats::default() },
            calls: CallStats { ringing: 1, talking: 2, ..CallStats::default() },
        };
        assert_eq!(waiting(&stats), 3);
        // The figures are not of one instant.
        stats.calls.talking = 9;
        assert_eq!(waiting(&stats), 0);
    }
}
