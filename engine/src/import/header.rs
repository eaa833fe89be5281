//! What the first row says: the delimiter, which column is the phone number, which the time zone, and how the rest is named.

use std::collections::HashSet;

use ringfleet_core::{ColumnMapping, E164};

use super::{
    row::shortened,
    split::{MAX_COLUMNS, MAX_ROW},
};
use crate::{EngineError, Result};

/// Names of the phone column, the one in front first.
const PHONE: [&str; 8] =
    ["to", "phone", "phone_number", "phoneNumber", "number", "to_number", "contact_number", "mobile"];
/// Names of the column with the recipient's own time zone.
const TIMEZONE: [&str; 3] = ["timezone", "time_zone", "tz"];
/// How archives begin, and with them workbooks (`.xlsx`, `.ods`): APPNOTE.TXT 4.3.7.
const ZIP: &[u8] = b"PK\x03\x04";
/// Most columns an error names.
const SHOWN: usize = 20;

/// Collects the first row until its line end, to find the delimiter in it.
#[derive(Default)]
pub(super) struct Head {
    pub(super) bytes: Vec<u8>,
    looked_at: usize,
    quote: Quote,
    /// Something other than white space has been seen.
    begun: bool,
    /// How often comma, semicolon and tab stand outside quotes.
    counts: [usize; DELIMITERS.len()],
}

const DELIMITERS: [u8; 3] = [b',', b';', b'\t'];

#[derive(Default, Clone, Copy, PartialEq)]
enum Quote {
    /// At the start of a cell, where a quote opens.
    #[default]
    Start,
    Outside,
    Inside,
    /// Just closed; a second quote means that it was a doubled one.
    Closed,
}

impl Head {
    /// Takes a chunk; the delimiter when the first row is complete.
    ///
    /// # Errors
    /// When the first row is too long.
    pub(super) fn push(&mut self, chunk: &[u8]) -> Result<Option<u8>> {
        self.bytes.extend_from_slice(chunk);
        while let Some(&byte) = self.bytes.get(self.looked_at) {
            if self.looked_at > MAX_ROW {
                return Err(too_long());
            }
            if self.ends_at(byte) {
                return Ok(Some(self.delimiter()));
            }
            self.looked_at += 1;
        }
        Ok(None)
    }

    /// The delimiter that is most frequent outside quotes, comma before semicolon before tab; a lone column needs none.
    pub(super) fn delimiter(&self) -> u8 {
        let best = (0..DELIMITERS.len()).rev().max_by_key(|&i| self.counts[i]);
        DELIMITERS[best.unwrap_or_default()]
    }

    fn ends_at(&mut self, byte: u8) -> bool {
        self.begun |= !byte.is_ascii_whitespace();
        self.quote = match (self.quote, byte) {
            (Quote::Start | Quote::Closed, b'"') => Quote::Inside,
            (Quote::Inside, b'"') => Quote::Closed,
            (Quote::Inside, _) => Quote::Inside,
            // Lines in front of the first row that hold nothing but white space are skipped.
            (_, b'\r' | b'\n') if !self.begun => {
                self.counts = Default::default();
                Quote::Start
            }
            (_, b'\r' | b'\n') => return true,
            _ => match DELIMITERS.iter().position(|&d| d == byte) {
                Some(i) => {
                    self.counts[i] += 1;
                    Quote::Start
                }
                None => Quote::Outside,
            },
        };
        false
    }
}

/// What becomes of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    Number,
    Timezone,
    /// A variable of this name.
    Variable(String),
    Nothing,
}

/// The columns of a file.
pub(super) struct Columns {
    /// Their names; `column_3` where the header has none.
    names: Vec<String>,
    /// What becomes of each.
    parts: Vec<Part>,
    /// Whether the header has a name for each.
    named: Vec<bool>,
    /// Columns up to the last one with a name.
    needed: usize,
    pub(super) phone: usize,
    pub(super) timezone: Option<usize>,
}

/// The names in a header, as they are written.
///
/// # Errors
/// When it is not text, or has too many columns.
pub(super) fn names_of<'a>(cells: impl Iterator<Item = &'a [u8]>) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for cell in cells {
        if names.is_empty() && cell.starts_with(ZIP) {
            return Err(EngineError::invalid(
                "file",
                "it is a workbook, like those of Excel; save the list as CSV in UTF-8",
            ));
        }
        let name = std::str::from_utf8(cell).map_err(|_| not_text())?;
        if name.contains('\0') {
            return Err(not_text());
        }
        names.push(name.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}').to_owned());
    }
    if names.len() >= MAX_COLUMNS {
        return Err(EngineError::invalid("file", format!("more than {} columns", MAX_COLUMNS - 1)));
    }
    Ok(names)
}

/// Whether a mapping can be used with these columns.
///
/// # Errors
/// As [`Columns::read`].
pub(crate) fn check_mapping(columns: &[String], mapping: &ColumnMapping) -> Result<()> {
    Columns::read(columns.to_vec(), mapping).map(drop)
}

impl Columns {
    /// Reads the names of a header.
    ///
    /// # Errors
    /// When there is no phone column or more than one that fits equally, a header that no variable can be named after, or a mapping of
    /// columns that are not there.
    pub(super) fn read(mut names: Vec<String>, mapping: &ColumnMapping) -> Result<Self> {
        let ignored: Vec<usize> = wanted_columns(&names, &mapping.ignore)?;
        let phone = match &mapping.number {
            Some(wanted) => wanted_column(&names, "column", wanted)?,
            None => phone_column(&names, &ignored)?,
        };
        let timezone = match &mapping.timezone {
            Some(wanted) => Some(wanted_column(&names, "mapping.timezone", wanted)?),
            None => {
                let usual = TIMEZONE.iter().flat_map(|name| called(&names, name));
                usual.into_iter().find(|i| *i != phone && !ignored.contains(i))
            }
        };
        let needed =
            names.iter().rposition(|name| !name.is_empty()).map_or(0, |last| last + 1).max(phone + 1);
        let named: Vec<bool> = names.iter().map(|name| !name.is_empty()).collect();
        for (i, name) in names.iter_mut().enumerate().filter(|(_, name)| name.is_empty()) {
            *name = format!("column_{}", i + 1);
        }
        refuse_doubles(&names)?;
        let mut parts: Vec<Part> = names.iter().cloned().map(Part::Variable).collect();
        for (column, variable) in &mapping.rename {
            let column = wanted_column(&names, "mapping.rename", column)?;
            let variable = variable.trim().to_owned();
            if variable.is_empty() {
                return Err(EngineError::invalid("mapping.rename", "the name of a variable is empty"));
            }
            parts[column] = Part::Variable(variable);
        }
        ignored.iter().for_each(|&i| parts[i] = Part::Nothing);
        timezone.into_iter().for_each(|i| parts[i] = Part::Timezone);
        parts[phone] = Part::Number;
        refuse_double_variables(&parts)?;
        Ok(Self { names, parts, named, needed, phone, timezone })
    }

    /// What was made of the header, as a mapping.
    pub(super) fn mapping(&self) -> ColumnMapping {
        let columns = || self.names.iter().zip(&self.parts);
        ColumnMapping {
            number: Some(self.names[self.phone].clone()),
            timezone: self.timezone.map(|i| self.names[i].clone()),
            rename: columns()
                .filter_map(|(name, part)| match part {
                    Part::Variable(variable) if variable != name => Some((name.clone(), variable.clone())),
                    _ => None,
                })
                .collect(),
            ignore: columns()
                .filter(|(_, part)| **part == Part::Nothing)
                .map(|(name, _)| name.clone())
                .collect(),
        }
    }

    /// What becomes of a column.
    pub(super) fn part(&self, column: usize) -> &Part {
        self.parts.get(column).unwrap_or(&Part::Nothing)
    }

    /// How many cells a row has: as many as the header, where cells of nameless columns at its end may be left out.
    pub(super) fn fits(&self, cells: usize) -> bool {
        (self.needed..=self.names.len()).contains(&cells)
    }

    /// How many cells are expected.
    pub(super) fn expected(&self) -> usize {
        self.needed
    }

    /// The name of a column; none beyond the last.
    pub(super) fn name(&self, column: usize) -> &str {
        self.names.get(column).map_or("", String::as_str)
    }

    /// Whether the header names the column.
    pub(super) fn is_named(&self, column: usize) -> bool {
        self.named.get(column).copied().unwrap_or(false)
    }
}

/// The first row holds more than a row may.
pub(super) fn too_long() -> EngineError {
    EngineError::invalid(
        "file",
        format!("the first row is longer than {} KiB; is it a CSV file?", MAX_ROW / 1024),
    )
}

fn not_text() -> EngineError {
    EngineError::invalid("file", "the first row is not UTF-8 text; save the list as CSV in UTF-8")
}

/// Lower case without spaces, underscores and dashes: `Phone Number` is `phone_number` is `phoneNumber`.
fn bare(name: &str) -> String {
    name.chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '_' | '-'))
        .flat_map(char::to_lowercase)
        .collect()
}

/// The columns of that name: those spelt exactly so, else those that differ in case only, else those that differ in
/// spaces, underscores and dashes.
fn called(names: &[String], name: &str) -> Vec<usize> {
    let those = |fits: &dyn Fn(&str) -> bool| -> Vec<usize> {
        (0..names.len()).filter(|&i| fits(&names[i])).collect()
    };
    let lower = name.to_lowercase();
    [those(&|n| n == name), those(&|n| n.to_lowercase() == lower), those(&|n| bare(n) == bare(name))]
        .into_iter()
        .find(|found| !found.is_empty())
        .unwrap_or_default()
}

fn phone_column(names: &[String], ignored: &[usize]) -> Result<usize> {
    let usual = |name: &&str| -> Vec<usize> {
        called(names, name).into_iter().filter(|i| !ignored.contains(i)).collect()
    };
    let found = PHONE.iter().map(usual).find(|found| !found.is_empty());
    match found.as_deref() {
        Some([one]) => Ok(*one),
        Some(several) => Err(ambiguous(names, several)),
        None => {
            let accepted = PHONE.join(", ");
            let first = if names.iter().any(|name| E164::parse_loose(name).is_ok()) {
                "; the first row must name the columns, here it holds a number"
            } else {
                ""
            };
            let problem = format!(
                "no phone column among {}; call it one of {accepted} (in any case), or say which column it is{first}",
                listed(names)
            );
            Err(EngineError::invalid("column", problem))
        }
    }
}

fn wanted_columns(names: &[String], wanted: &[String]) -> Result<Vec<usize>> {
    wanted.iter().map(|name| wanted_column(names, "mapping.ignore", name)).collect()
}

fn wanted_column(names: &[String], field: &str, wanted: &str) -> Result<usize> {
    let wanted = wanted.trim();
    if wanted.is_empty() {
        let what = if field == "column" { "the name of the phone column" } else { "the name of a column" };
        return Err(EngineError::invalid(field, format!("{what} is empty")));
    }
    match called(names, wanted).as_slice() {
        [one] => Ok(*one),
        [] => {
            let problem = format!("no column {:?} among {}", shortened(wanted), listed(names));
            Err(EngineError::invalid(field, problem))
        }
        several if field == "column" => Err(ambiguous(names, several)),
        _ => {
            let problem = format!("several columns could be {:?}; spell it exactly", shortened(wanted));
            Err(EngineError::invalid(field, problem))
        }
    }
}

fn ambiguous(names: &[String], several: &[usize]) -> EngineError {
    let several: Vec<String> = several.iter().map(|&i| names[i].clone()).collect();
    let problem =
        format!("several columns could be the phone column: {}; say which one is", listed(&several));
    EngineError::invalid("column", problem)
}

/// The names for an error; a number among them, which a file without a header has, is masked.
fn listed(names: &[String]) -> String {
    let shown = |name: &String| match E164::parse_loose(name) {
        Ok(number) => format!("\"{number:?}\""),
        Err(_) => format!("{:?}", shortened(name)),
    };
    let list: Vec<String> = names.iter().take(SHOWN).map(shown).collect();
    let more = if names.len() > SHOWN { format!(" and {} more", names.len() - SHOWN) } else { String::new() };
    format!("{}{more}", list.join(", "))
}

fn refuse_doubles(names: &[String]) -> Result<()> {
    let mut sorted: Vec<&String> = names.iter().collect();
    sorted.sort();
    match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => {
            let problem = format!("two columns are called {:?}; give each its own name", shortened(pair[0]));
            Err(EngineError::invalid("file", problem))
        }
        None => Ok(()),
    }
}

fn refuse_double_variables(parts: &[Part]) -> Result<()> {
    let mut seen = HashSet::new();
    let mut variables = parts.iter().filter_map(|part| match part {
        Part::Variable(name) => Some(name),
        _ => None,
    });
    match variables.find(|name| !seen.insert(*name)) {
        Some(name) => {
            let problem = format!("two columns would become the variable {:?}", shortened(name));
            Err(EngineError::invalid("mapping.rename", problem))
        }
        None => Ok(()),
    }
}
