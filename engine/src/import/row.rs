//! Whether a row becomes a recipient, and if not, why.

use std::fmt;

use ringfleet_core::{E164, NumberError, Variables, zone::is_zone};
use ringfleet_store::{NewRecipient, Reject};
use roaring::RoaringTreemap;

use super::{
    header::{Columns, Part},
    parse::Repeats,
    split::{Fault, MAX_ROW, RawRow},
};

/// Most bytes the variables of a recipient may take as JSON.
const MAX_VARIABLES: usize = 4096;
/// Most characters that a rejected row shows of a value.
const SHOWN: usize = 100;

/// Why somebody is kept out who was erased.
const ERASED: &str = "erased: this person was erased and is not taken in again";

/// Why a row was refused. Written as a stable code, a colon and what to do about it.
#[derive(Debug)]
pub(super) enum Reason {
    Number(NumberError),
    DuplicateInFile,
    DuplicateInCampaign,
    VariablesTooLarge(usize),
    WrongColumnCount { expected: usize, found: usize },
    InvalidUtf8,
    NulCharacter,
    RowTooLong { line: u64, last_line: u64 },
    OpenQuote,
    StrayQuote { last_line: u64 },
    BadTimezone,
    Erased,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(error) => write!(f, "{}: {error}", error.code()),
            Self::DuplicateInFile => {
                f.write_str("duplicate_in_file: the number stands further up in this file")
            }
            Self::DuplicateInCampaign => {
                f.write_str("duplicate_in_campaign: the campaign has this number already")
            }
            Self::VariablesTooLarge(bytes) => {
                write!(
                    f,
                    "variables_too_large: the variables take {bytes} bytes as JSON, at most {MAX_VARIABLES} fit"
                )
            }
            Self::WrongColumnCount { expected, found } => {
                write!(f, "wrong_column_count: expected {expected}, found {found}")
            }
            Self::InvalidUtf8 => f.write_str("invalid_utf8: not UTF-8 text; save the list as CSV in UTF-8"),
            Self::NulCharacter => f.write_str("nul_character: holds a NUL character, which cannot be kept"),
            Self::RowTooLong { line, last_line } => write!(
                f,
                "row_too_long: the row fills lines {line} to {last_line} and more than {} KiB; is a quote left open?",
                MAX_ROW / 1024
            ),
            Self::OpenQuote => {
                f.write_str("open_quote: a quote is opened in this row and the file ends before it is closed")
            }
            Self::StrayQuote { last_line } => write!(
                f,
                "stray_quote: the row runs to line {last_line}, and a cell of it goes on behind its closing quote; is a quote left open?"
            ),
            Self::Erased => f.write_str(ERASED),
            Self::BadTimezone => f.write_str("bad_timezone: not an IANA time zone such as Europe/Berlin"),
        }
    }
}

/// A row that may become a recipient, unless the campaign has the number already.
pub(super) struct Candidate {
    /// The line it begins on.
    pub(super) line: u64,
    /// The number as it was written.
    pub(super) written: String,
    pub(super) recipient: NewRecipient,
}

/// A refused row as it is kept. NUL characters, which no database keeps, are replaced.
pub(super) fn reject(line: u64, column: &str, value: &str, reason: &Reason) -> Reject {
    Reject {
        line: line as i64,
        field: shortened(column).to_owned(),
        value: shortened(value).replace('\0', "\u{fffd}"),
        reason: reason.to_string(),
    }
}

/// The first characters of a text.
pub(super) fn shortened(text: &str) -> &str {
    text.char_indices().nth(SHOWN).map_or(text, |(end, _)| &text[..end])
}

/// Judges rows one after the other. Remembers the numbers it has let through.
pub(super) struct Judge {
    pub(super) columns: Columns,
    /// None where a number may come again.
    seen: Option<RoaringTreemap>,
}

impl Judge {
    pub(super) fn new(columns: Columns, repeats: Repeats) -> Self {
        Self { columns, seen: (repeats == Repeats::Rejected).then(RoaringTreemap::new) }
    }

    /// Whether the row may become a recipient.
    pub(super) fn judge(&mut self, row: &RawRow<'_>) -> Result<Candidate, Reject> {
        let cells = self.cells(row)?;
        let columns = &self.columns;
        let refuse =
            |column: usize, reason: Reason| reject(row.line, columns.name(column), cells[column], &reason);
        let written = cells[columns.phone];
        let number = E164::parse_loose(written).map_err(|e| refuse(columns.phone, Reason::Number(e)))?;
        let timezone = columns.timezone.filter(|&i| i < cells.len() && !cells[i].trim().is_empty());
        if let Some(column) = timezone.filter(|&i| !is_zone(cells[i].trim())) {
            return Err(refuse(column, Reason::BadTimezone));
        }
        let timezone = timezone.map(|i| cells[i].trim().to_owned());
        let variables = self.variables(&cells).map_err(|(column, reason)| refuse(column, reason))?;
        if self.seen.as_mut().is_some_and(|seen| !seen.insert(number.digits())) {
            return Err(refuse(columns.phone, Reason::DuplicateInFile));
        }
        let written = shortened(written).to_owned();
        Ok(Candidate { line: row.line, written, recipient: NewRecipient { number, variables, timezone } })
    }

    /// The cells as text.
    fn cells<'a>(&self, row: &RawRow<'a>) -> Result<Vec<&'a str>, Reject> {
        let refuse = |column: &str, bytes: &[u8], reason: Reason| {
            let most = bytes.len().min(SHOWN * 4);
            Err(reject(row.line, column, &String::from_utf8_lossy(&bytes[..most]), &reason))
        };
        match row.fault {
            Some(Fault::TooLong) => {
                let reason = Reason::RowTooLong { line: row.line, last_line: row.last_line };
                return refuse("", row.beginning(), reason);
            }
            Some(Fault::OpenQuote) => return refuse("", row.beginning(), Reason::OpenQuote),
            Some(Fault::StrayQuote) => {
                let reason = Reason::StrayQuote { last_line: row.last_line };
                return refuse("", row.beginning(), reason);
            }
            None => {}
        }
        if !self.columns.fits(row.cells) {
            let reason = Reason::WrongColumnCount { expected: self.columns.expected(), found: row.cells };
            let cells: Vec<_> = row.iter().take(SHOWN).map(String::from_utf8_lossy).collect();
            return refuse(self.columns.name(row.cells), cells.join(", ").as_bytes(), reason);
        }
        let mut cells = Vec::with_capacity(row.cells);
        for (column, bytes) in row.iter().enumerate() {
            match std::str::from_utf8(bytes) {
                Ok(text) if text.contains('\0') => {
                    return refuse(self.columns.name(column), bytes, Reason::NulCharacter);
                }
                Ok(text) => cells.push(text),
                Err(_) => return refuse(self.columns.name(column), bytes, Reason::InvalidUtf8),
            }
        }
        Ok(cells)
    }

    /// The other columns as an object; when it is too large, the column that takes the most.
    fn variables(&self, cells: &[&str]) -> Result<Variables, (usize, Reason)> {
        let named = || {
            cells.iter().enumerate().filter_map(|(column, &cell)| match self.columns.part(column) {
                // A delimiter at the end of each line makes an empty column without a name.
                Part::Variable(_) if cell.is_empty() && !self.columns.is_named(column) => None,
                Part::Variable(name) => Some((column, name.as_str(), cell)),
                _ => None,
            })
        };
        let variables = Variables::of_texts(named().map(|(_, name, cell)| (name, cell)));
        match variables.as_str().len() {
            ..=MAX_VARIABLES => Ok(variables),
            bytes => {
                let longest = named().max_by_key(|(_, _, cell)| cell.len());
                let column = longest.map_or(self.columns.phone, |(column, ..)| column);
                Err((column, Reason::VariablesTooLarge(bytes)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!(shortened(&"ä".repeat(101)), "ä".repeat(100));
        assert_eq!(shortened("ä"), "ä");
    }
}
