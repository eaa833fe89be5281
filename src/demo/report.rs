//! What the demo says at its end: tables for people, one JSON object for programs, and whether all went well.

use std::{collections::BTreeMap, io::Write, path::Path};

use comfy_table::{Cell, CellAlignment, Table, presets::UTF8_FULL_CONDENSED};
use serde::{Deserialize, Serialize};

use crate::process::Failure;

/// Rejected rows shown in the table; the JSON holds all of them.
const SHOWN: usize = 60;

/// The figures of a demo. Serialized it is the last line of `--json`, in this order.
#[derive(Debug, Serialize)]
pub struct Report {
    /// State of the campaign.
    pub campaign: String,
    /// Data rows in the file.
    pub rows: u64,
    pub rejected: Vec<Rejected>,
    #[serde(serialize_with = "without_zeros")]
    pub recipients: BTreeMap<String, u64>,
    #[serde(serialize_with = "without_zeros")]
    pub calls: BTreeMap<String, u64>,
    pub webhooks: Webhooks,
    /// From the first step to the last webhook.
    pub seconds: f64,
    #[serde(skip)]
    pub rest: Rest,
}

/// A row that was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejected {
    /// Where the row begins; the header is line 1.
    pub line: u64,
    pub column: String,
    pub value: String,
    pub reason: String,
}

#[derive(Debug, Clone, Copy, Serialize)]
pub struct Webhooks {
    pub delivered: u64,
    pub verified: u64,
}

/// What tables and verdict need beyond the JSON.
#[derive(Debug, Default)]
pub struct Rest {
    /// Rejected rows in all; `rejected` may hold only the first of them.
    pub rejected: u64,
    /// Recipients in all, and those that are done.
    pub recipients: u64,
    pub done: u64,
    /// Why the campaign did not finish.
    pub reason: Option<String>,
    /// Whether every call and the campaign's beginning and end were told.
    pub all_told: bool,
    /// Calls, and audio packets in both directions, as the built-in carrier saw them.
    pub carrier: Option<Heard>,
}

/// What the built-in carrier noticed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Heard {
    pub calls: u64,
    pub answered: u64,
    pub rtp_in: u64,
    pub rtp_out: u64,
}

fn without_zeros<S: serde::Serializer>(
    counts: &BTreeMap<String, u64>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(counts.iter().filter(|(_, n)| **n > 0))
}

/// Reads the rejected rows of `…/errors.csv`; with `all` every one, else as many as the table shows.
///
/// # Errors
/// When the file cannot be read or has not the four columns.
pub fn read_rejected(file: &Path, all: bool) -> Result<Vec<Rejected>, Failure> {
    let most = if all { usize::MAX } else { SHOWN };
    let mut reader = csv::Reader::from_path(file)?;
    let rows = reader.deserialize::<Rejected>().take(most);
    let rows: Result<Vec<_>, _> =
        rows.map(|row| row.map(|row| Rejected { value: undefused(row.value), ..row })).collect();
    Ok(rows?)
}

/// The API puts an apostrophe before cells a spreadsheet would take for a formula; here nothing computes them.
fn undefused(cell: String) -> String {
    match cell.strip_prefix('\'') {
        Some(rest) if rest.starts_with(|c: char| "=+-@".contains(c) || c.is_control()) => rest.to_owned(),
        _ => cell,
    }
}

impl Report {
    /// Whether the campaign is FINISHED, every recipient done and every webhook verified.
    ///
    /// # Errors
    /// The first thing that went wrong, in a sentence.
    pub fn verdict(&self) -> Result<(), Failure> {
        let Webhooks { delivered, verified } = self.webhooks;
        let Rest { recipients, done, .. } = self.rest;
        Err(Failure::new(match () {
            () if self.rows == 0 => "the list holds no rows below its header".into(),
            () if recipients == 0 => {
                format!("none of the {} rows can be called; the table says why", self.rows)
            }
            () if self.campaign != "FINISHED" => {
                let reason =
                    self.rest.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
                format!("the campaign ended {}{reason}", self.campaign)
            }
            () if done != recipients => format!("only {done} of {recipients} recipients are done"),
            () if verified != delivered => {
                format!("{} of {delivered} webhooks had a bad signature", delivered - verified)
            }
            () if !self.rest.all_told => {
                format!("the campaign is finished, but only {delivered} webhooks came; some are missing")
            }
            () => return Ok(()),
        }))
    }

    /// # Errors
    /// When standard output is closed.
    pub fn write_tables(&self, out: &mut impl Write) -> std::io::Result<()> {
        if self.rest.rejected > 0 {
            self.write_rejected(out)?;
        }
        for (what, numbers) in [("recipients", &self.recipients), ("calls", &self.calls)] {
            if !numbers.is_empty() {
                writeln!(out, "\n{}", counts(what, numbers))?;
            }
        }
        let Webhooks { delivered, verified } = self.webhooks;
        let mut summary = Table::new();
        summary.load_preset(UTF8_FULL_CONDENSED);
        let mut line = |what: &str, figure: String| {
            summary.add_row(vec![Cell::new(what), right(&figure)]);
        };
        line("campaign", self.campaign.clone());
        line("rows in the file", self.rows.to_string());
        line("rows rejected", self.rest.rejected.to_string());
        line("recipients done", format!("{} of {}", self.rest.done, self.rest.recipients));
        if let Some(heard) = self.rest.carrier {
            line("calls the SIP carrier saw", format!("{}, {} answered", heard.calls, heard.answered));
            line("audio packets it got / sent", format!("{} / {}", heard.rtp_in, heard.rtp_out));
        }
        line("webhooks delivered", delivered.to_string());
        line("signatures verified", verified.to_string());
        line("seconds", format!("{:.1}", self.seconds));
        writeln!(out, "\n{summary}")
    }

    fn write_rejected(&self, out: &mut impl Write) -> std::io::Result<()> {
        let mut rows = table(&["line", "column", "value", "rejected because"]);
        for row in self.rejected.iter().take(SHOWN) {
            let line = right(&row.line.to_string());
            rows.add_row(vec![line, text(&row.column, 24), text(&row.value, 32), text(&row.reason, 72)]);
        }
        writeln!(out, "\n{rows}")?;
        match self.rest.rejected.saturating_sub(SHOWN as u64) {
            0 => Ok(()),
            more => writeln!(out, "… and {more} more"),
        }
    }

    /// The line of `--json`.
    ///
    /// # Errors
    /// None that can happen: the report holds texts and numbers only.
    pub fn json(&self) -> serde_json::Result<String> {
        serde_json::to_string(self)
    }
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(UTF8_FULL_CONDENSED).set_header(header.iter().map(Cell::new));
    table
}

fn counts(what: &str, counts: &BTreeMap<String, u64>) -> Table {
    let mut rows = table(&[what, "number"]);
    for (name, n) in counts.iter().filter(|(_, n)| **n > 0) {
        rows.add_row(vec![Cell::new(name), right(&n.to_string())]);
    }
    rows.add_row(vec![Cell::new("in all"), right(&counts.values().sum::<u64>().to_string())]);
    rows
}

fn right(text: &str) -> Cell {
    Cell::new(text).set_alignment(CellAlignment::Right)
}

/// A cell of somebody else's text: on one line, not too long, and without anything a terminal would obey.
fn text(text: &str, most: usize) -> Cell {
    let mut shown: String = text.chars().take(most).map(|c| if c.is_control() { '·' } else { c }).collect();
    if text.chars().nth(most).is_some() {
        shown.pop();
        shown.push('…');
    }
    Cell::new(shown)
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
