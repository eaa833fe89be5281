//! Rows of CSV, safe to be opened in a spreadsheet.

use std::io;

use axum::body::Bytes;
use ringfleet_core::E164;

/// Spreadsheets take a cell for a formula by its first character; the values here come from strangers.
/// An apostrophe makes it text (OWASP, "CSV Injection").
pub(crate) fn harmless(cell: String) -> String {
    match cell.chars().next() {
        Some(first) if "=+-@".contains(first) || first.is_control() => format!("'{cell}"),
        _ => cell,
    }
}

/// The same, and a number in E.164 stays as it is: it is a number in whatever reads it.
pub(crate) fn harmless_or_number(cell: String) -> String {
    let is_number = cell.strip_prefix('+').is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_digit()))
        && cell.parse::<E164>().is_ok();
    if is_number { cell } else { harmless(cell) }
}

/// These rows as text.
pub(crate) fn csv_of<R: IntoIterator<Item = String>>(rows: impl IntoIterator<Item = R>) -> io::Result<Bytes> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        writer.write_record(row.into_iter().map(String::into_bytes)).map_err(io::Error::other)?;
    }
    writer.into_inner().map(Bytes::from).map_err(|error| io::Error::other(error.to_string()))
}
